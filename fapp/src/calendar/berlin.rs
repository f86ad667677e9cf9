//! Time in Germany: UTC and Europe/Berlin, both ways, and as text (`CAL-01` to `CAL-03`).
//!
//! The rule is that of Directive 2000/84/EC: summer time from the last Sunday of March to the last
//! Sunday of October, both at 01:00 UTC. Slots are future, so no table of the past is needed.

use alloc::string::String;
use core::fmt::{self, Write};

use super::civil;
use crate::UnixSeconds;

const DAY_S: u64 = civil::DAY_S as u64;

/// A moment as people in Germany write it, with the offset that holds then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BerlinTime {
    /// Year, from 1970.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Minutes ahead of UTC: 60, in summer 120.
    pub offset_min: i16,
}

/// Why a text is no moment. The sentence is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeError {
    /// Not of the form `2027-01-12T09:00+01:00`.
    Form,
    /// There is no such day or time of day.
    NoSuchTime,
    /// A wall-clock time without offset that the clocks skip in March.
    Skipped,
    /// A wall-clock time without offset that the clocks show twice in October.
    Twice,
}

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a time looks like 2027-01-12T09:00+01:00, or 2027-01-12T09:00 for German time",
            Self::NoSuchTime => "there is no such day or time of day",
            Self::Skipped => "clocks in Germany skip this hour on that day; give the offset, or another time",
            Self::Twice => {
                "clocks in Germany show this hour twice on that day; give the offset, +02:00 or +01:00"
            }
        })
    }
}

impl core::error::Error for TimeError {}

/// 01:00 UTC on the last Sunday of a month of 31 days.
const fn last_sunday(year: u16, month: u8) -> u64 {
    let last = civil::days_from_civil(year as i32, month, 31);
    let since_sunday = (civil::weekday_of(last) as i64 + 1) % 7;
    (last - since_sunday) as u64 * DAY_S + 3_600
}

/// Minutes that clocks in Germany are ahead of UTC.
pub const fn offset_min(at: UnixSeconds) -> i16 {
    let (year, _, _) = civil::civil_from_days((at.0 / DAY_S) as i64);
    let year = year as u16;
    if at.0 >= last_sunday(year, 3) && at.0 < last_sunday(year, 10) { 120 } else { 60 }
}

/// Day of the week in Germany, 0 for Monday.
pub const fn weekday(at: UnixSeconds) -> u8 {
    let local = at.0 + offset_min(at) as u64 * 60;
    civil::weekday_of((local / DAY_S) as i64)
}

impl BerlinTime {
    /// The moment on German clocks. Years after 65535 are the last of that.
    pub const fn from_unix(at: UnixSeconds) -> Self {
        let offset_min = offset_min(at);
        let local = at.0 + offset_min as u64 * 60;
        let (year, month, day) = civil::civil_from_days((local / DAY_S) as i64);
        let second = local % DAY_S;
        Self {
            year: year as u16,
            month,
            day,
            hour: (second / 3_600) as u8,
            minute: (second / 60 % 60) as u8,
            second: (second % 60) as u8,
            offset_min,
        }
    }

    /// The moment in seconds since 1970.
    pub const fn unix(&self) -> UnixSeconds {
        let days = civil::days_from_civil(self.year as i32, self.month, self.day) as u64;
        let second = self.hour as u64 * 3_600 + self.minute as u64 * 60 + self.second as u64;
        // From 1970-01-02 on an offset of a day is no underflow; before, it is the epoch.
        let shifted = (days * DAY_S + second) as i64 - self.offset_min as i64 * 60;
        UnixSeconds(if shifted < 0 { 0 } else { shifted as u64 })
    }

    /// Day and time as `2027-01-12T09:00:00+01:00` (RFC 3339).
    pub fn rfc3339(&self) -> String {
        let mut text = String::with_capacity(25);
        let Self { year, month, day, hour, minute, second, offset_min } = self;
        let (sign, offset) = if *offset_min < 0 { ('-', -offset_min) } else { ('+', *offset_min) };
        // Writing to a string does not fail.
        let _ = write!(
            text,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{sign}{:02}:{:02}",
            offset / 60,
            offset % 60
        );
        text
    }

    /// Reads `2027-01-12T09:00`, with seconds or not, with `Z`, an offset such as `+01:00`, or
    /// nothing, which is German time.
    ///
    /// # Errors
    /// [`TimeError`].
    pub fn parse(text: &str) -> Result<UnixSeconds, TimeError> {
        let mut r = Digits(text.as_bytes());
        let year = r.number(4)?;
        r.expect(b"-")?;
        let month = r.number(2)? as u8;
        r.expect(b"-")?;
        let day = r.number(2)? as u8;
        r.expect(b"T ")?;
        let hour = r.number(2)? as u8;
        r.expect(b":")?;
        let minute = r.number(2)? as u8;
        let second = if r.0.first() == Some(&b':') {
            r.expect(b":")?;
            r.number(2)? as u8
        } else {
            0
        };
        let offset = r.offset()?;
        let exists = (1971..=9_999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=civil::days_in(i32::from(year), month)).contains(&day)
            && hour < 24
            && minute < 60
            && second < 60;
        if !exists {
            return Err(TimeError::NoSuchTime);
        }
        let time = |offset_min| Self { year, month, day, hour, minute, second, offset_min };
        match offset {
            Some(offset_min) => Ok(time(offset_min).unix()),
            None => Self::german(time(120).unix(), time(60).unix()),
        }
    }

    /// Which of the two readings of a wall-clock time is one.
    fn german(summer: UnixSeconds, winter: UnixSeconds) -> Result<UnixSeconds, TimeError> {
        match (offset_min(summer) == 120, offset_min(winter) == 60) {
            (true, false) => Ok(summer),
            (false, true) => Ok(winter),
            (true, true) => Err(TimeError::Twice),
            (false, false) => Err(TimeError::Skipped),
        }
    }
}

/// What is left of a text.
struct Digits<'a>(&'a [u8]);

impl Digits<'_> {
    fn number(&mut self, digits: usize) -> Result<u16, TimeError> {
        let (number, rest) = self.0.split_at_checked(digits).ok_or(TimeError::Form)?;
        self.0 = rest;
        number.iter().try_fold(0_u16, |sum, digit| match digit {
            b'0'..=b'9' => Ok(sum * 10 + u16::from(digit - b'0')),
            _ => Err(TimeError::Form),
        })
    }

    fn expect(&mut self, any: &[u8]) -> Result<(), TimeError> {
        let (first, rest) = self.0.split_first().ok_or(TimeError::Form)?;
        self.0 = rest;
        if any.contains(first) { Ok(()) } else { Err(TimeError::Form) }
    }

    fn offset(&mut self) -> Result<Option<i16>, TimeError> {
        let sign = match self.0 {
            [] => return Ok(None),
            [b'Z'] => return Ok(Some(0)),
            [b'+', ..] => 1,
            [b'-', ..] => -1,
            _ => return Err(TimeError::Form),
        };
        self.expect(b"+-")?;
        let hours = self.number(2)?;
        self.expect(b":")?;
        let minutes = self.number(2)?;
        if !self.0.is_empty() {
            return Err(TimeError::Form);
        }
        if hours > 23 || minutes > 59 {
            return Err(TimeError::NoSuchTime);
        }
        Ok(Some(sign * (hours * 60 + minutes) as i16))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(text: &str) -> u64 {
        BerlinTime::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).0
    }

    #[test]
    fn cal_01_both_ways_through_two_hundred_years() {
        // Each hour of a day that is never the same day of the year twice in a row.
        let mut at = 31_536_000;
        while at < 6_300_000_000 {
            let time = BerlinTime::from_unix(UnixSeconds(at));
            assert_eq!(time.unix().0, at);
            assert_eq!(BerlinTime::parse(&time.rfc3339()), Ok(UnixSeconds(at)));
            // 1970-01-01 was a Thursday.
            let days = (at + time.offset_min as u64 * 60) / DAY_S;
            assert_eq!(u64::from(weekday(UnixSeconds(at))), (days + 3) % 7);
            at += 999_983;
        }
    }

    #[test]
    fn cal_02_summer_time_begins_and_ends_as_published() {
        // 2026: 29 March and 25 October; 2027: 28 March and 31 October.
        for (before, after) in [
            ("2026-03-29T01:59:59+01:00", "2026-03-29T03:00:00+02:00"),
            ("2026-10-25T02:59:59+02:00", "2026-10-25T02:00:00+01:00"),
            ("2027-03-28T01:59:59+01:00", "2027-03-28T03:00:00+02:00"),
            ("2027-10-31T02:59:59+02:00", "2027-10-31T02:00:00+01:00"),
        ] {
            assert_eq!(unix(before) + 1, unix(after));
            for text in [before, after] {
                assert_eq!(BerlinTime::from_unix(UnixSeconds(unix(text))).rfc3339(), text);
            }
        }
    }

    #[test]
    fn cal_03_texts() {
        let at = 1_799_740_800;
        for text in [
            "2027-01-12T09:00+01:00",
            "2027-01-12T09:00:00+01:00",
            "2027-01-12T08:00Z",
            "2027-01-12 09:00",
            "2027-01-12T09:00",
            "2027-01-12T03:00-05:00",
        ] {
            assert_eq!(unix(text), at, "{text}");
        }
        assert_eq!(BerlinTime::parse("2027-03-28T02:30"), Err(TimeError::Skipped));
        assert_eq!(BerlinTime::parse("2027-10-31T02:30"), Err(TimeError::Twice));
        for text in [
            "",
            "2027",
            "2027-01-12",
            "2027-1-12T09:00",
            "2027-01-12T09:00+0100",
            "２027-01-12T09:00",
            "2027-01-12T09:00ZZ",
        ] {
            assert_eq!(BerlinTime::parse(text), Err(TimeError::Form), "{text}");
        }
        for text in [
            "2027-02-29T09:00",
            "2027-13-01T09:00",
            "2027-01-32T09:00",
            "2027-01-12T24:00",
            "2027-01-12T09:60",
            "1970-01-01T00:00Z",
            "2027-01-12T09:00+24:00",
        ] {
            assert_eq!(BerlinTime::parse(text), Err(TimeError::NoSuchTime), "{text}");
        }
        assert_eq!(weekday(UnixSeconds(at)), 1, "a Tuesday");
    }
}
