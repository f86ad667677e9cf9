//! Weekly patterns, pauses and busy times of this node's practice, and their rows (`CAL-60` to `CAL-65`).
//!
//! Of a calendar nothing is kept but times, and those where deleted rows become unreadable.

mod compose;
mod offer;
#[cfg(test)]
mod offer_tests;
mod records;
mod rows;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use fapp::{
    SlotId, UnixSeconds,
    announce::SlotAnnounce,
    calendar::{
        Span,
        import::ImportError,
        pattern::{PATTERNS_MAX, PAUSES_MAX, Pattern, PatternError, Pause},
    },
    vocabulary::Leistung,
};

pub(super) use compose::Composed;
pub use offer::{FromFile, NotOffered};

/// Weeks ahead for which patterns make slots.
pub const WEEKS: u64 = 4;
/// Between two times that patterns make slots.
const DAY_S: u64 = 86_400;
/// Calendars whose times are kept.
pub(super) const CALENDARS_MAX: usize = 8;
/// Times of one calendar: 12 a day for 400 days, and 12 bytes each: 57.6 kB, of the 64 that a row may have.
pub const TIMES_MAX: usize = 4_800;
/// Longest name of a calendar.
const NAME_LEN_MAX: usize = 64;

/// A pattern, and what its slots are for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// When.
    pub pattern: Pattern,
    /// What for.
    pub leistung: Leistung,
}

/// Why the schedule is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleError {
    /// The text is no pattern or pause.
    Text(PatternError),
    /// The file is not read.
    File(ImportError),
    /// There are as many as are kept.
    Full(&'static str),
    /// The calendar has more times than are kept.
    TooManyTimes,
    /// It may not be called so.
    Name,
    /// There is none of that number or name.
    Unknown,
}

impl fmt::Display for ScheduleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(error) => error.fmt(f),
            Self::File(error) => error.fmt(f),
            Self::Full(what) => write!(f, "there are as many {what} as are kept; remove one first"),
            Self::TooManyTimes => write!(
                f,
                "the calendar is busy at more than {TIMES_MAX} different times in 400 days"
            ),
            Self::Name => {
                f.write_str("a calendar's name is 1 to 64 letters, digits, '.', '_' and '-'")
            }
            Self::Unknown => f.write_str("there is none of that number or name"),
        }
    }
}

/// What this practice keeps of its calendar.
#[derive(Default)]
pub(super) struct Schedule {
    patterns: BTreeMap<u32, Weekly>,
    pauses: BTreeMap<u32, Pause>,
    busy: BTreeMap<String, Vec<Span>>,
    /// Slots of the announce that patterns made; the others were named one by one.
    made: BTreeSet<SlotId>,
    /// What the practice said of itself last, also when it offers nothing.
    base: Option<SlotAnnounce>,
    rows: Vec<rows::Change>,
    /// When slots are made again.
    due: u64,
}

impl Schedule {
    /// Adds a pattern; its number.
    fn add_pattern(&mut self, weekly: Weekly) -> Result<u32, ScheduleError> {
        if self.patterns.len() >= PATTERNS_MAX {
            return Err(ScheduleError::Full("patterns"));
        }
        let id = free(&self.patterns);
        self.rows.push(rows::pattern(id, Some(&weekly)));
        self.patterns.insert(id, weekly);
        Ok(id)
    }

    fn remove_pattern(&mut self, id: u32) -> Result<(), ScheduleError> {
        self.patterns.remove(&id).ok_or(ScheduleError::Unknown)?;
        self.rows.push(rows::pattern(id, None));
        Ok(())
    }

    fn pause(&mut self, pause: Pause) -> Result<u32, ScheduleError> {
        if self.pauses.len() >= PAUSES_MAX {
            return Err(ScheduleError::Full("pauses"));
        }
        let id = free(&self.pauses);
        self.rows.push(rows::pause(id, Some(&pause)));
        self.pauses.insert(id, pause);
        Ok(id)
    }

    fn remove_pause(&mut self, id: u32) -> Result<(), ScheduleError> {
        self.pauses.remove(&id).ok_or(ScheduleError::Unknown)?;
        self.rows.push(rows::pause(id, None));
        Ok(())
    }

    /// Takes the times of a calendar, in place of those it had before; without times it is forgotten.
    fn busy_times(&self) -> usize {
        self.busy.values().map(Vec::len).sum()
    }

    fn take_busy(&mut self, name: &str, times: Vec<Span>) -> Result<(), ScheduleError> {
        if !is_name(name) {
            return Err(ScheduleError::Name);
        }
        if times.len() > TIMES_MAX {
            return Err(ScheduleError::TooManyTimes);
        }
        if !self.busy.contains_key(name) && self.busy.len() >= CALENDARS_MAX {
            return Err(ScheduleError::Full("calendars"));
        }
        self.rows.push(rows::busy(name, &times));
        if times.is_empty() {
            self.busy.remove(name);
        } else {
            self.busy.insert(name.to_owned(), times);
        }
        Ok(())
    }

    /// Keeps what was published.
    pub(super) fn keep(&mut self, announce: &SlotAnnounce, made: BTreeSet<SlotId>) {
        self.rows.push(rows::base(announce));
        self.base = Some(announce.clone());
        if self.made != made {
            self.rows.push(rows::made(&made));
            self.made = made;
        }
    }

    /// Forgets what is over: pauses of the past, and times.
    fn forget(&mut self, now: UnixSeconds) {
        let over = |pause: &Pause| pause.span().end <= now;
        let gone: Vec<u32> =
            self.pauses.iter().filter(|(_, pause)| over(pause)).map(|(id, _)| *id).collect();
        for id in gone {
            self.pauses.remove(&id);
            self.rows.push(rows::pause(id, None));
        }
        let mut changed = Vec::new();
        for (name, times) in &mut self.busy {
            let before = times.len();
            times.retain(|time| time.end > now);
            if times.len() < before {
                changed.push(rows::busy(name, times));
            }
        }
        self.rows.extend(changed);
        self.busy.retain(|_, times| !times.is_empty());
    }
}

fn is_name(name: &str) -> bool {
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '.' | '_' | '-');
    (1..=NAME_LEN_MAX).contains(&name.len()) && name.chars().all(plain)
}

/// The lowest number from 1 that is not in use.
fn free<T>(held: &BTreeMap<u32, T>) -> u32 {
    (1..).zip(held.keys()).find(|(free, id)| free != *id).map_or_else(
        // At most 64 are kept.
        || held.len() as u32 + 1,
        |(free, _)| free,
    )
}
