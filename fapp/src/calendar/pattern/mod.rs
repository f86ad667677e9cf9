//! Weekly patterns, and the slots they make (`CAL-10` to `CAL-15`).
//!
//! A pattern speaks of German wall-clock time, so that a nine-o'clock stays one through the year. It is
//! expanded within a window and taken apart by what stands against it; what falls away is told with its reason.

mod day;
mod expand;
#[cfg(test)]
mod tests;
mod text;

use alloc::vec::Vec;

use super::{
    Span,
    civil::DAY_S,
    wall::{self, Reading},
};
use crate::UnixSeconds;

pub use day::Day;
pub use expand::{Free, LeftOut, Opening, Why, expand};
pub use text::{Language, PatternError};

/// Patterns of one practice that are expanded together.
pub const PATTERNS_MAX: usize = 64;
/// Pauses of one practice.
pub const PAUSES_MAX: usize = 64;
/// Days that one pattern leaves out by name.
pub const EXCEPTIONS_MAX: usize = 64;
/// Days that are looked ahead at most: a year and a month. 64 patterns with a slot every ten minutes are
/// 64 × 400 × 144 = 3.7 million starts, each with two searches in sorted lists.
pub const WINDOW_DAYS_MAX: u16 = 400;
/// Slots that one expansion gives (64 kB).
pub const OPENINGS_MAX: usize = 4_096;
/// Slots that one expansion tells as left out; it counts the others.
pub const LEFT_OUT_MAX: usize = 256;

/// Slots that come back each week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// Days of the week as bits, Monday the lowest.
    pub weekdays: u8,
    /// When the first slot begins, in minutes of the German day.
    pub from_min: u16,
    /// When the last slot is over at the latest, in minutes of the German day, up to 1440.
    pub until_min: u16,
    /// How long a slot is, in minutes: 10 to 255.
    pub duration_min: u16,
    /// Minutes between one slot and the next, and around what is taken; up to 240.
    pub buffer_min: u16,
    /// The first day on which it holds, if it has one.
    pub valid_from: Option<Day>,
    /// The last day on which it holds, if it has one.
    pub valid_until: Option<Day>,
    /// Days on which it does not hold.
    pub except: Vec<Day>,
}

/// Days from one to another, both included, on which a practice offers nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The first day without a slot.
    pub from: Day,
    /// The last.
    pub until: Day,
}

impl Pattern {
    /// Whether it holds on a day, of which the weekday is given too.
    fn holds_on(&self, day: Day) -> bool {
        self.weekdays & (1 << day.weekday()) != 0
            && self.valid_from.is_none_or(|from| from <= day)
            && self.valid_until.is_none_or(|until| day <= until)
            && !self.except.contains(&day)
    }
}

impl Pause {
    /// From the first midnight to that after the last day.
    pub fn span(&self) -> Span {
        // Clocks in Germany are never changed at midnight; before 1970 there is no day.
        let midnight = |days: i64| match wall::read(days * DAY_S) {
            Reading::Once(at) | Reading::Skipped(at) | Reading::Twice(at) => at,
            Reading::Never => UnixSeconds(0),
        };
        Span { start: midnight(self.from.days()), end: midnight(self.until.days() + 1) }
    }

    fn covers(&self, day: Day) -> bool {
        self.from <= day && day <= self.until
    }
}
