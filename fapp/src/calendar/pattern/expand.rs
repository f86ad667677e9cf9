use alloc::vec::Vec;

use super::{
    Day, LEFT_OUT_MAX, OPENINGS_MAX, PATTERNS_MAX, PAUSES_MAX, Pattern, Pause, WINDOW_DAYS_MAX,
};
use crate::{
    UnixSeconds,
    calendar::{
        Span,
        civil::DAY_S,
        meets, merged,
        wall::{self, Reading},
    },
};

/// A slot that can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Opening {
    /// When it begins.
    pub start: UnixSeconds,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
}

impl Opening {
    /// The time it takes.
    pub const fn span(self) -> Span {
        let end = self.start.0.saturating_add(self.duration_min as u64 * 60);
        Span { start: self.start, end: UnixSeconds(end) }
    }
}

/// Why a slot of a pattern is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Clocks skip the time it would begin.
    Skipped,
    /// The calendar has something else then.
    Busy,
    /// Somebody has the time, or it is too close to somebody's.
    Taken,
    /// Another pattern has a slot then.
    Overlaps,
}

/// A slot of a pattern that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// When it would begin.
    pub opening: Opening,
    /// Why it is none.
    pub why: Why,
}

/// What patterns give.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Free {
    /// Slots in order; none overlaps another.
    pub openings: Vec<Opening>,
    /// What fell away, the first 256.
    pub left_out: Vec<LeftOut>,
    /// How many fell away.
    pub left_out_count: u32,
    /// Whether there is more in the window than is given.
    pub more: bool,
}

impl Free {
    fn leave_out(&mut self, opening: Opening, why: Why) {
        self.left_out_count = self.left_out_count.saturating_add(1);
        if self.left_out.len() < LEFT_OUT_MAX {
            self.left_out.push(LeftOut { opening, why });
        }
    }
}

/// The slots that begin and end in a window and that nothing stands against. `busy` is what the calendar has,
/// `taken` are slots that are held or booked. Of more than [`PATTERNS_MAX`] patterns, [`PAUSES_MAX`] pauses and
/// [`WINDOW_DAYS_MAX`] days the first count, and [`Free::more`] says so.
pub fn expand(
    patterns: &[Pattern],
    pauses: &[Pause],
    window: Span,
    busy: &[Span],
    taken: &[Span],
) -> Free {
    let first = wall::day_of(window.start);
    let wanted = wall::day_of(window.end) - first + 1;
    let days = wanted.min(i64::from(WINDOW_DAYS_MAX));
    let against = Against { busy: merged(busy.to_vec()), taken: merged(taken.to_vec()) };
    let mut free = Free {
        more: wanted > days || patterns.len() > PATTERNS_MAX || pauses.len() > PAUSES_MAX,
        ..Free::default()
    };
    for day in (first..first + days).filter_map(Day::from_days) {
        if pauses.iter().take(PAUSES_MAX).any(|pause| pause.covers(day)) {
            continue;
        }
        for candidate in of_day(patterns, day, window) {
            match against.judge(candidate, free.openings.last()) {
                Some(why) => free.leave_out(candidate.opening, why),
                None if free.openings.len() == OPENINGS_MAX => {
                    free.more = true;
                    return free;
                }
                None => free.openings.push(candidate.opening),
            }
        }
    }
    free
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Candidate {
    opening: Opening,
    buffer_min: u16,
    skipped: bool,
}

/// Everything that patterns have on a day, in order. Of two at the same time the shorter is first.
fn of_day(patterns: &[Pattern], day: Day, window: Span) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for pattern in patterns.iter().take(PATTERNS_MAX).filter(|pattern| pattern.holds_on(day)) {
        // A pattern is made of public fields: one without a length would not end.
        let step = usize::from(pattern.duration_min.max(10) + pattern.buffer_min.min(240));
        let last = pattern.until_min.min(1_440).saturating_sub(pattern.duration_min);
        for minute in (pattern.from_min..=last).step_by(step) {
            let reading = wall::read(day.days() * DAY_S + i64::from(minute) * 60);
            let (start, skipped) = match reading {
                Reading::Once(at) | Reading::Twice(at) => (at, false),
                Reading::Skipped(at) => (at, true),
                Reading::Never => continue,
            };
            let opening = Opening { start, duration_min: pattern.duration_min.max(10) };
            if opening.span().within(window) == Some(opening.span()) {
                candidates.push(Candidate { opening, buffer_min: pattern.buffer_min, skipped });
            }
        }
    }
    candidates.sort_unstable();
    candidates
}

struct Against {
    busy: Vec<Span>,
    taken: Vec<Span>,
}

impl Against {
    fn judge(&self, candidate: Candidate, before: Option<&Opening>) -> Option<Why> {
        let span = candidate.opening.span();
        if candidate.skipped {
            Some(Why::Skipped)
        } else if meets(&self.busy, span) {
            Some(Why::Busy)
        } else if meets(&self.taken, span.widened(candidate.buffer_min)) {
            Some(Why::Taken)
        } else if before.is_some_and(|before| before.span().end > span.start) {
            Some(Why::Overlaps)
        } else {
            None
        }
    }
}
