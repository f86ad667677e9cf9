use core::{fmt, str::FromStr};

use super::PatternError;
use crate::calendar::civil;

/// A day in Germany, from 1970 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// A day of the calendar, if there is such a one.
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=civil::days_in(i32::from(year), month)).contains(&day);
        let days = || civil::days_from_civil(i32::from(year), month, day);
        exists.then(days).and_then(Self::from_days)
    }

    /// A number of days since 1970-01-01.
    pub(in crate::calendar) fn from_days(days: i64) -> Option<Self> {
        // 9999-12-31.
        u32::try_from(days).ok().filter(|days| *days <= 2_932_896).map(Self)
    }

    pub(in crate::calendar) fn days(self) -> i64 {
        i64::from(self.0)
    }

    /// Day of the week, 0 for Monday.
    pub fn weekday(self) -> u8 {
        civil::weekday_of(self.days())
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil::civil_from_days(self.days());
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl FromStr for Day {
    type Err = PatternError;

    /// Reads `2027-01-12`.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let bytes = text.as_bytes();
        let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1] = bytes else {
            return Err(PatternError::Day);
        };
        let digits = [y0, y1, y2, y3, m0, m1, d0, d1];
        if !digits.iter().all(|digit| digit.is_ascii_digit()) {
            return Err(PatternError::Day);
        }
        let number = |digits: &[&u8]| {
            digits.iter().fold(0_u16, |sum, digit| sum * 10 + u16::from(**digit - b'0'))
        };
        let (month, day) = (number(&digits[4..6]) as u8, number(&digits[6..8]) as u8);
        Self::new(number(&digits[..4]), month, day).ok_or(PatternError::Day)
    }
}
