//! Times from calendar files: when somebody is busy, and which slots they offer (`CAL-20` to `CAL-31`).
//!
//! Calendars of practices are full of patients' names. What comes out of here are moments and lengths, and
//! where something was not understood the number of its line.

mod event;
mod hours;
mod lines;
mod rule;
mod series;
mod slots;
#[cfg(test)]
mod tests;
mod zone;

use alloc::vec::Vec;
use core::fmt;

use calcard::{
    Entry, Parser,
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarFreeBusyType, ICalendarParameterName,
        ICalendarParameterValue, ICalendarProperty, ICalendarValue,
    },
};

use self::{
    event::{Event, read_period},
    hours::Hours,
    lines::{Component, Kind},
    series::Events,
    zone::Zones,
};
use super::{Span, merged};
use crate::UnixSeconds;

pub use slots::{Offered, slots_of};

/// Largest file.
pub const FILE_MAX: usize = 8 << 20;
/// Components of one file: events, free-busy lists, zones.
pub const EVENTS_MAX: usize = 100_000;
/// Days from the window's beginning that are looked at.
pub const WINDOW_DAYS_MAX: u64 = 400;
/// What is told as left out by line; others are counted.
pub const LEFT_OUT_MAX: usize = 100;
/// Longest line, unfolded.
const LINE_MAX: usize = 64 << 10;
/// What is kept of one component. As values in memory it is 64 times that at most, 16 MB, for as long as one
/// component is read.
const COMPONENT_MAX: usize = 256 << 10;
/// Zones that one file describes.
const ZONES_MAX: usize = 256;
/// Steps of all rules of a file together.
const STEPS_MAX: u32 = 20_000_000;
/// Times of a file that do not adjoin; twice as many are held on the way (9.6 MB).
const TIMES_MAX: usize = 300_000;

const ALWAYS: Span = Span { start: UnixSeconds(0), end: UnixSeconds(u64::MAX) };

/// Why a file is not read at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImportError {
    /// More than 8 MB.
    TooLarge,
    /// Not the beginning of a calendar.
    NotACalendar,
    /// It ends in the middle.
    Truncated,
    /// Something ends that has not begun, or begins where it cannot.
    Broken {
        /// Where, from 1.
        line: u32,
    },
    /// More than 100,000 events.
    TooManyEvents,
    /// Repetitions without end.
    TooManyTimes,
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => f.write_str("the calendar file is larger than 8 MB"),
            Self::NotACalendar => {
                f.write_str("this is no calendar file; one begins with BEGIN:VCALENDAR")
            }
            Self::Truncated => {
                f.write_str("the calendar file ends in the middle; export or download it again")
            }
            Self::Broken { line } => write!(f, "the calendar file is broken in line {line}"),
            Self::TooManyEvents => f.write_str("the calendar file has more than 100,000 events"),
            Self::TooManyTimes => f.write_str(
                "the repetitions in the calendar file come to more times than can be read",
            ),
        }
    }
}

impl core::error::Error for ImportError {}

/// Why an event is left out. The sentence is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It does not say when.
    NoStart,
    /// A time or length in it cannot be read.
    Time,
    /// It is in a time zone that nothing is known of.
    UnknownZone,
    /// It ends before it begins.
    EndBeforeStart,
    /// It repeats in a way that cannot be read.
    Rule,
    /// It repeats more often than is followed.
    TooMany,
    /// It is too long to be read.
    TooLong,
    /// A slot has a time of day, and this is whole days.
    AllDay,
    /// A slot lasts 10 to 255 whole minutes.
    Length,
    /// A slot begins with a minute.
    Seconds,
    /// It is over, or has begun.
    Past,
    /// It is more than a year ahead.
    TooFar,
    /// Another slot is at the same time.
    Overlaps,
    /// There are more slots than are taken.
    TooManySlots,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoStart => "it does not say when it begins",
            Self::Time => "a time or a length in it cannot be read",
            Self::UnknownZone => "its time zone is not known",
            Self::EndBeforeStart => "it ends before it begins",
            Self::Rule => "it repeats in a way that is not understood",
            Self::TooMany => "it repeats too often",
            Self::TooLong => "it is too long",
            Self::AllDay => "it has no time of day",
            Self::Length => "it does not last 10 to 255 whole minutes",
            Self::Seconds => "it does not begin with a minute",
            Self::Past => "it is in the past",
            Self::TooFar => "it is more than a year ahead",
            Self::Overlaps => "another one is at the same time",
            Self::TooManySlots => "there are too many",
        })
    }
}

/// What is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The line on which the event begins, from 1.
    pub line: u32,
    /// When it is, if that is known.
    pub start: Option<UnixSeconds>,
    /// Why it is left out.
    pub why: Why,
}

/// Everything that is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remainder {
    /// The first hundred.
    pub first: Vec<LeftOut>,
    /// How many there are.
    pub count: u32,
}

impl Remainder {
    fn add(&mut self, line: u32, start: Option<UnixSeconds>, why: Why) {
        self.count = self.count.saturating_add(1);
        if self.first.len() < LEFT_OUT_MAX {
            self.first.push(LeftOut { line, start, why });
        }
    }
}

/// When a calendar is busy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Busy {
    /// The times in order; none adjoins another.
    pub times: Vec<Span>,
    /// Events that were not understood. Their time may be taken, and has to be told to whom the calendar is.
    pub left_out: Remainder,
}

/// When a calendar is busy within a window, of which the first [`WINDOW_DAYS_MAX`] days count.
///
/// # Errors
/// [`ImportError`]. An event that cannot be read is no error, but told in [`Busy::left_out`].
pub fn busy(file: &[u8], window: Span) -> Result<Busy, ImportError> {
    let window = bounded(window);
    let read = read(file)?;
    let mut times = Times(read.lists.iter().filter_map(|span| span.within(window)).collect());
    let mut left_out = read.left_out;
    let mut budget = STEPS_MAX;
    for (line, hours) in &read.hours {
        match hours.busy(window, &mut budget) {
            Ok(spans) => times.extend(spans)?,
            Err(why) => left_out.add(*line, None, why),
        }
    }
    read.events.each(window, false, &mut budget, |event, found| match found {
        Ok(spans) if event.busy => {
            times.extend(spans.iter().filter_map(|span| span.within(window)))
        }
        Ok(_) => Ok(()),
        Err(why) => {
            left_out.add(event.line, event.start.zone.moment(event.start.local), why);
            Ok(())
        }
    })?;
    Ok(Busy { times: merged(times.0), left_out })
}

fn bounded(window: Span) -> Span {
    let last = window.start.0.saturating_add(WINDOW_DAYS_MAX * 86_400);
    Span { start: window.start, end: window.end.min(UnixSeconds(last)) }
}

struct Times(Vec<Span>);

impl Times {
    fn extend(&mut self, spans: impl IntoIterator<Item = Span>) -> Result<(), ImportError> {
        self.0.extend(spans);
        // Merging at twice the bound, so that it is not done for each event.
        if self.0.len() > 2 * TIMES_MAX {
            self.0 = merged(core::mem::take(&mut self.0));
            if self.0.len() > TIMES_MAX {
                return Err(ImportError::TooManyTimes);
            }
        }
        Ok(())
    }
}

/// What a file has.
#[derive(Default)]
struct Read {
    events: Events,
    /// Times that are said to be busy.
    lists: Vec<Span>,
    /// Hours that somebody keeps, by line.
    hours: Vec<(u32, Hours)>,
    left_out: Remainder,
}

fn read(file: &[u8]) -> Result<Read, ImportError> {
    let mut zones = Zones::default();
    lines::each(
        file,
        |kind| kind == Kind::Zone,
        |component| {
            if let Some(parsed) = parsed(&component) {
                zones.learn(&parsed);
            }
            Ok(())
        },
    )?;
    let mut read = Read::default();
    lines::each(
        file,
        |kind| kind != Kind::Zone,
        |component| {
            if component.too_large {
                read.left_out.add(component.line, None, Why::TooLong);
                return Ok(());
            }
            match parsed(&component)
                .ok_or(Why::Time)
                .and_then(|file| read.take(&component, &file, &zones))
            {
                Ok(()) => {}
                Err(why) => read.left_out.add(component.line, None, why),
            }
            if read.lists.len() > TIMES_MAX { Err(ImportError::TooManyTimes) } else { Ok(()) }
        },
    )?;
    Ok(read)
}

fn parsed(component: &Component<'_>) -> Option<ICalendar> {
    match Parser::new(component.text).entry() {
        Entry::ICalendar(file) if !file.components.is_empty() => Some(file),
        _ => None,
    }
}

impl Read {
    fn take(&mut self, from: &Component<'_>, file: &ICalendar, zones: &Zones) -> Result<(), Why> {
        let whole = &file.components[0];
        if !rule::numbers_fit(from.text) {
            return Err(Why::Rule);
        }
        match from.kind {
            Kind::Event => {
                let event = Event::read(whole, from.line, zones)?;
                self.events.add(whole.uid(), event);
            }
            Kind::FreeBusy => self.free_busy(whole, zones)?,
            Kind::Availability => {
                let hours = Hours::read(file, from.line, zones)?;
                self.hours.push((from.line, hours));
            }
            Kind::Zone => {}
        }
        Ok(())
    }

    fn free_busy(&mut self, list: &ICalendarComponent, zones: &Zones) -> Result<(), Why> {
        for entry in list.properties(&ICalendarProperty::Freebusy) {
            let mut kinds = entry.parameters(&ICalendarParameterName::Fbtype);
            let free = ICalendarParameterValue::Fbtype(ICalendarFreeBusyType::Free);
            if kinds.any(|kind| *kind == free) {
                continue;
            }
            for value in &entry.values {
                let ICalendarValue::Period(period) = value else { return Err(Why::Time) };
                self.lists.extend(read_period(period, entry, zones)?.1);
            }
        }
        Ok(())
    }
}
