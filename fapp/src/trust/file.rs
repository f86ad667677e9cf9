//! `fapp.json`: which keys a domain names (`TRU-10`). A parser for this one shape of JSON.

use alloc::{format, string::String, vec::Vec};

use mesh::error::Malformed;

use super::DAY_S;
use crate::{UnixSeconds, calendar::BerlinTime};

/// A file that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeFile {
    keys: Vec<([u8; 32], u64)>,
}

impl PracticeFile {
    /// Longest file.
    pub const LEN_MAX: usize = 4_096;

    /// Most keys in a file.
    pub const KEYS_MAX: usize = 8;

    /// Reads a file, and nothing that only looks like one.
    ///
    /// # Errors
    /// [`Malformed`] names what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        if bytes.len() > Self::LEN_MAX {
            return Err(Malformed::TooLong("fapp.json"));
        }
        let mut text = Text(bytes);
        let (mut version, mut keys) = (None, None);
        text.object(|text, name| match name {
            b"fapp" => once(&mut version, text.number()?),
            b"keys" => once(&mut keys, text.keys()?),
            _ => Err(Malformed::OutOfRange("fapp.json member")),
        })?;
        text.space();
        if !text.0.is_empty() {
            return Err(Malformed::TrailingData("fapp.json"));
        }
        if version.ok_or(Malformed::MissingData("fapp"))? != 1 {
            return Err(Malformed::OutOfRange("fapp"));
        }
        Ok(Self { keys: keys.ok_or(Malformed::MissingData("keys"))? })
    }

    /// The text of a file that names one key for a year.
    pub fn text_for(now: UnixSeconds, key: &[u8; 32]) -> String {
        let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let until = BerlinTime::from_unix(UnixSeconds(now.0.saturating_add(365 * DAY_S))).rfc3339();
        let day = until.get(..10).unwrap_or_default();
        format!(
            "{{ \"fapp\": 1, \"keys\": [ {{ \"key\": \"{digits}\", \"expires\": \"{day}\" }} ] }}\n"
        )
    }

    /// Until when the file names a key; `None` if it does not, not any more, or for too long.
    pub fn names(&self, now: UnixSeconds, key: &[u8; 32]) -> Option<UnixSeconds> {
        let (_, expires) = self.keys.iter().find(|(named, _)| named == key)?;
        let sound = *expires > now.0 && *expires <= now.0.saturating_add(AHEAD_MAX_S);
        sound.then_some(UnixSeconds(*expires))
    }
}

/// What is left of the text.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    fn space(&mut self) {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let len = self.0.iter().take_while(|byte| blank(byte)).count();
        self.0 = &self.0[len..];
    }

    /// Skips space and this byte, if it is there.
    fn has(&mut self, byte: u8) -> bool {
        self.space();
        let has = self.0.first() == Some(&byte);
        if has {
            self.0 = &self.0[1..];
        }
        has
    }

    fn expect(&mut self, byte: u8) -> Result<(), Malformed> {
        if self.has(byte) { Ok(()) } else { Err(Malformed::OutOfRange("fapp.json")) }
    }

    fn string(&mut self) -> Result<&'a [u8], Malformed> {
        self.expect(b'"')?;
        let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        let len = self.0.iter().take_while(|byte| plain(byte)).count();
        let (string, rest) = self.0.split_at(len);
        self.0 = rest.strip_prefix(b"\"").ok_or(Malformed::OutOfRange("fapp.json string"))?;
        Ok(string)
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        self.space();
        let len = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(len);
        self.0 = rest;
        decimal(digits)
            .filter(|_| digits == b"0" || digits.first() != Some(&b'0'))
            .ok_or(Malformed::OutOfRange("fapp.json number"))
    }

    /// An object, each of whose members is handed over at its value.
    fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, &[u8]) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        self.expect(b'{')?;
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            member(self, name)?;
            if !self.has(b',') {
                return self.expect(b'}');
            }
        }
    }

    fn keys(&mut self) -> Result<Vec<([u8; 32], u64)>, Malformed> {
        self.expect(b'[')?;
        let mut keys: Vec<([u8; 32], u64)> = Vec::new();
        loop {
            let (mut key, mut expires) = (None, None);
            self.object(|text, name| match name {
                b"key" => once(&mut key, hex_key(text.string()?)?),
                b"expires" => once(&mut expires, end_of_day(text.string()?)?),
                _ => Err(Malformed::OutOfRange("fapp.json member")),
            })?;
            let key = key.ok_or(Malformed::MissingData("key"))?;
            let expires = expires.ok_or(Malformed::MissingData("expires"))?;
            if keys.len() >= PracticeFile::KEYS_MAX || keys.iter().any(|(known, _)| *known == key) {
                return Err(Malformed::OutOfRange("keys"));
            }
            keys.push((key, expires));
            if !self.has(b',') {
                self.expect(b']')?;
                return Ok(keys);
            }
        }
    }
}

fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Malformed> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Malformed::NonCanonical("fapp.json member")),
    }
}

fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(digits.iter().fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
}

fn hex_key(text: &[u8]) -> Result<[u8; 32], Malformed> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut key = [0; 32];
    if text.len() != 64 {
        return Err(Malformed::OutOfRange("key"));
    }
    for (byte, pair) in key.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = digit(pair[0]).zip(digit(pair[1])).ok_or(Malformed::OutOfRange("key"))?;
        *byte = high << 4 | low;
    }
    Ok(key)
}

/// The end of a day `YYYY-MM-DD`, UTC.
fn end_of_day(text: &[u8]) -> Result<u64, Malformed> {
    let bad = Malformed::OutOfRange("expires");
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = text else { return Err(bad) };
    let year = decimal(y).filter(|year| y.len() == 4 && *year >= 1970).ok_or(bad)?;
    let month = decimal(&[*m1, *m2]).filter(|month| (1..=12).contains(month)).ok_or(bad)?;
    let day =
        decimal(&[*d1, *d2]).filter(|day| *day >= 1 && *day <= days_of(year, month)).ok_or(bad)?;
    let years: u64 = (1970..year).map(|y| if is_leap(y) { 366 } else { 365 }).sum();
    let months: u64 = (1..month).map(|m| u64::from(days_of(year, m))).sum();
    Ok((years + months + u64::from(day)) * DAY_S)
}

const fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_of(year: u32, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// How far ahead an expiry may be: 400 days.
const AHEAD_MAX_S: u64 = 400 * DAY_S;
