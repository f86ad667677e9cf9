//! Rows of a schedule: what they are about is the second byte of their key (`CAL-60`).

use std::collections::BTreeSet;

use fapp::{
    SlotId, UnixSeconds,
    announce::SlotAnnounce,
    calendar::{Span, pattern::Pause},
    vocabulary::{Leistung, Term},
};

use super::{CALENDARS_MAX, PATTERNS_MAX, PAUSES_MAX, Schedule, TIMES_MAX, Weekly, is_name};
use crate::appointments::kind;

/// A key, and its value unless it is deleted.
pub(super) type Change = (Vec<u8>, Option<Vec<u8>>);

const PATTERN: u8 = b'p';
const PAUSE: u8 = b'u';
const BUSY: u8 = b'b';
const MADE: u8 = b'm';
const BASE: u8 = b'a';
const FORMAT: u8 = 1;
/// A beginning in seconds since 1970 and a length in seconds.
const TIME_LEN: usize = 12;
const ID_LEN: usize = 16;

fn key(about: u8, name: &[u8]) -> Vec<u8> {
    [&[kind::SCHEDULE, about][..], name].concat()
}

/// `1 u8 | leistung u8 | text`
pub(super) fn pattern(id: u32, weekly: Option<&Weekly>) -> Change {
    let value = weekly.map(|weekly| {
        [&[FORMAT, weekly.leistung.number()][..], weekly.pattern.to_string().as_bytes()].concat()
    });
    (key(PATTERN, &id.to_be_bytes()), value)
}

/// `1 u8 | text`
pub(super) fn pause(id: u32, pause: Option<&Pause>) -> Change {
    let value = pause.map(|pause| [&[FORMAT][..], pause.to_string().as_bytes()].concat());
    (key(PAUSE, &id.to_be_bytes()), value)
}

/// `1 u8 | (start u64 | length u32) ×`, in order of time.
pub(super) fn busy(name: &str, times: &[Span]) -> Change {
    let mut value = Vec::with_capacity(1 + times.len() * TIME_LEN);
    value.push(FORMAT);
    for time in times {
        // Times are cut to a window of 400 days: 34.6 million seconds.
        let length = u32::try_from(time.end.0.saturating_sub(time.start.0)).unwrap_or(u32::MAX);
        value.extend(time.start.0.to_le_bytes());
        value.extend(length.to_le_bytes());
    }
    (key(BUSY, name.as_bytes()), (!times.is_empty()).then_some(value))
}

/// `1 u8 | slot 16 ×`
pub(super) fn made(made: &BTreeSet<SlotId>) -> Change {
    let ids = made.iter().flat_map(|id| id.0);
    (key(MADE, &[]), Some(std::iter::once(FORMAT).chain(ids).collect()))
}

/// `1 u8 | announce`
pub(super) fn base(announce: &SlotAnnounce) -> Change {
    (key(BASE, &[]), Some([&[FORMAT][..], &announce.bytes()].concat()))
}

impl Schedule {
    /// Rows that changed.
    pub(in crate::appointments) fn drain_rows(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.rows)
    }

    /// Plays a row back; whether it holds.
    pub(in crate::appointments) fn restore(&mut self, key: &[u8], value: &[u8]) -> bool {
        let (Some((about, name)), Some((&FORMAT, value))) =
            (key.split_first(), value.split_first())
        else {
            return false;
        };
        match *about {
            PATTERN => self.restore_pattern(name, value),
            PAUSE => self.restore_pause(name, value),
            BUSY => self.restore_busy(name, value),
            MADE => self.restore_made(value),
            BASE => {
                self.base = SlotAnnounce::parse(value).ok();
                self.base.is_some()
            }
            _ => false,
        }
    }

    fn restore_pattern(&mut self, name: &[u8], value: &[u8]) -> bool {
        let (Some(id), Some((number, text))) = (number(name), value.split_first()) else {
            return false;
        };
        let leistung = Leistung::ALL.iter().find(|leistung| leistung.number() == *number).copied();
        let pattern = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        let weekly = leistung.zip(pattern).map(|(leistung, pattern)| Weekly { pattern, leistung });
        let weekly = weekly.filter(|_| self.patterns.len() < PATTERNS_MAX);
        weekly.map(|weekly| self.patterns.insert(id, weekly)).is_some()
    }

    fn restore_pause(&mut self, name: &[u8], value: &[u8]) -> bool {
        let pause = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
        let pause = number(name).zip(pause).filter(|_| self.pauses.len() < PAUSES_MAX);
        pause.map(|(id, pause)| self.pauses.insert(id, pause)).is_some()
    }

    fn restore_busy(&mut self, name: &[u8], value: &[u8]) -> bool {
        let name = std::str::from_utf8(name).ok().filter(|name| is_name(name));
        let (times, rest) = value.as_chunks::<TIME_LEN>();
        let Some(name) = name.filter(|_| {
            rest.is_empty() && times.len() <= TIMES_MAX && self.busy.len() < CALENDARS_MAX
        }) else {
            return false;
        };
        let read = |time: &[u8; TIME_LEN]| {
            let [s0, s1, s2, s3, s4, s5, s6, s7, l0, l1, l2, l3] = *time;
            let start = u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]);
            let length = u32::from_le_bytes([l0, l1, l2, l3]);
            Span::new(UnixSeconds(start), UnixSeconds(start.saturating_add(length.into())))
        };
        let times: Option<Vec<Span>> = times.iter().map(read).collect();
        times.map(|times| self.busy.insert(name.to_owned(), times)).is_some()
    }

    fn restore_made(&mut self, value: &[u8]) -> bool {
        let (ids, rest) = value.as_chunks::<ID_LEN>();
        let fits = rest.is_empty() && ids.len() <= fapp::announce::SLOTS_MAX;
        if fits {
            self.made = ids.iter().map(|id| SlotId(*id)).collect();
        }
        fits
    }
}

fn number(name: &[u8]) -> Option<u32> {
    name.try_into().ok().map(u32::from_be_bytes)
}
