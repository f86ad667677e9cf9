//! Files whose events are the slots to offer (`CAL-30`, `CAL-31`).

use alloc::vec::Vec;

use super::{ImportError, Remainder, STEPS_MAX, Why, read};
use crate::{
    UnixSeconds,
    calendar::{
        Span,
        pattern::{OPENINGS_MAX, Opening},
    },
    slot::{SLOT_MAX, SLOT_MIN},
};

/// How far ahead a slot can be, in days.
const AHEAD_DAYS: u64 = 366;

/// Slots of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// Slots in order; none overlaps another.
    pub slots: Vec<Opening>,
    /// Events that are none, with the reason. What came back in the past is not told.
    pub left_out: Remainder,
}

/// The slots that the events of a calendar file are, whether they are marked as busy or as free.
///
/// # Errors
/// [`ImportError`]. An event that is no slot is no error, but told in [`Offered::left_out`].
pub fn slots_of(file: &[u8], now: UnixSeconds) -> Result<Offered, ImportError> {
    let read = read(file)?;
    let end = UnixSeconds(now.0.saturating_add(AHEAD_DAYS * 86_400));
    let mut left_out = read.left_out;
    let mut found: Vec<(Opening, u32)> = Vec::new();
    let mut budget = STEPS_MAX;
    let window = Span { start: now, end };
    read.events.each(window, true, &mut budget, |event, times| {
        match times {
            Ok(times) if times.is_empty() && !event.recurs() => {
                left_out.add(event.line, None, Why::Length);
            }
            Ok(times) => {
                for span in times {
                    match slot(span, event.start.all_day, window) {
                        Ok(slot) => found.push((slot, event.line)),
                        Err(why) => left_out.add(event.line, Some(span.start), why),
                    }
                }
            }
            Err(why) => left_out.add(event.line, None, why),
        }
        Ok(())
    })?;
    found.sort_unstable();
    let mut slots: Vec<Opening> = Vec::new();
    for (slot, line) in found {
        let overlaps = slots.last().is_some_and(|last| last.span().end > slot.start);
        if overlaps || slots.len() == OPENINGS_MAX {
            let why = if overlaps { Why::Overlaps } else { Why::TooManySlots };
            left_out.add(line, Some(slot.start), why);
        } else {
            slots.push(slot);
        }
    }
    Ok(Offered { slots, left_out })
}

fn slot(span: Span, all_day: bool, window: Span) -> Result<Opening, Why> {
    let seconds = span.end.0 - span.start.0;
    let minutes = u16::try_from(seconds / 60).map_err(|_| Why::Length);
    if all_day {
        Err(Why::AllDay)
    } else if span.start <= window.start {
        Err(Why::Past)
    } else if span.start >= window.end {
        Err(Why::TooFar)
    } else if !span.start.0.is_multiple_of(60) {
        Err(Why::Seconds)
    } else {
        let whole = minutes.ok().filter(|_| seconds.is_multiple_of(60));
        let duration_min = whole.filter(|minutes| (SLOT_MIN..=SLOT_MAX).contains(minutes));
        let opening = |duration_min| Opening { start: span.start, duration_min };
        duration_min.map(opening).ok_or(Why::Length)
    }
}
