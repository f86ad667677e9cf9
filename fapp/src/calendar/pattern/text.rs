//! Patterns as people write them: `Di 09:00-12:00/50m`, `Mo-Do,Fr 08:00-12:00/50m+10m ab 2027-01-04
//! bis 2027-07-30 außer 2027-05-06,2027-05-27`. English words are understood as well.

use alloc::{string::String, vec::Vec};
use core::{
    fmt::{self, Write},
    str::FromStr,
};

use super::{Day, EXCEPTIONS_MAX, Pattern, Pause};
use crate::slot::{SLOT_MAX, SLOT_MIN};

/// Longest text of a pattern: 64 exceptions of 11 bytes and the rest.
const TEXT_MAX: usize = 1_024;
/// Longest time between two slots.
pub(super) const BUFFER_MAX: u16 = 240;

/// In which language a pattern is written out. Both are understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// `Mo`, `Di`, …
    #[default]
    German,
    /// `Mon`, `Tue`, …
    English,
}

/// Why a text is no pattern, or no pause. The sentence is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternError {
    /// Not of the form at all.
    Form,
    /// A word that is no day of the week.
    Weekday,
    /// A time of day that does not exist.
    Time,
    /// A slot that is too short, too long, or longer than the time given.
    Duration,
    /// A buffer that is too long.
    Buffer,
    /// A day that does not exist.
    Day,
    /// An end before its beginning.
    Order,
    /// More exceptions than are kept.
    TooMany,
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Form => "a pattern looks like `Di 09:00-12:00/50m`, a pause like `2027-08-02..2027-08-20`",
            Self::Weekday => "days of the week are Mo, Di, Mi, Do, Fr, Sa, So, or Mon, Tue, Wed, Thu, Fri, Sat, Sun",
            Self::Time => "a time of day looks like 09:00 and is at most 24:00",
            Self::Duration => "a slot lasts 10 to 255 minutes, and one at least has to fit",
            Self::Buffer => "the time between two slots is at most 240 minutes",
            Self::Day => "there is no such day; a day looks like 2027-01-12",
            Self::Order => "the end is before the beginning",
            Self::TooMany => "a pattern has at most 64 exceptions",
        })
    }
}

impl core::error::Error for PatternError {}

/// Two letters in German, three in English, by day of the week.
const SHORT: [(&str, &str); 7] = [
    ("Mo", "Mon"),
    ("Di", "Tue"),
    ("Mi", "Wed"),
    ("Do", "Thu"),
    ("Fr", "Fri"),
    ("Sa", "Sat"),
    ("So", "Sun"),
];

const LONG: [(&str, &str); 7] = [
    ("Montag", "Monday"),
    ("Dienstag", "Tuesday"),
    ("Mittwoch", "Wednesday"),
    ("Donnerstag", "Thursday"),
    ("Freitag", "Friday"),
    ("Samstag", "Saturday"),
    ("Sonntag", "Sunday"),
];

fn weekday(text: &str) -> Result<u8, PatternError> {
    let text = text.trim_end_matches('.');
    let is = |name: &str| name.eq_ignore_ascii_case(text);
    let names = SHORT.iter().zip(&LONG);
    (0_u8..)
        .zip(names)
        .find(|(_, ((de, en), (german, english)))| is(de) || is(en) || is(german) || is(english))
        .map(|(day, _)| day)
        .or_else(|| is("Sonnabend").then_some(5))
        .ok_or(PatternError::Weekday)
}

/// `Mo`, `Mo,Mi`, `Mo-Fr`; a range may run over the end of the week.
fn weekdays(text: &str) -> Result<u8, PatternError> {
    let mut bits = 0;
    for part in text.split(',') {
        let (from, until) = match part.split_once('-') {
            Some((from, until)) => (weekday(from)?, weekday(until)?),
            None => (weekday(part)?, weekday(part)?),
        };
        let length = (until + 7 - from) % 7;
        bits = (0..=length).fold(bits, |bits, step| bits | 1 << ((from + step) % 7));
    }
    Ok(bits)
}

fn number(text: &str, digits: usize, error: PatternError) -> Result<u16, PatternError> {
    let fits = (1..=digits).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if fits { text.parse().map_err(|_| error) } else { Err(error) }
}

/// Minutes of the day, up to 1440.
fn time(text: &str) -> Result<u16, PatternError> {
    let (hour, minute) = text.split_once(':').ok_or(PatternError::Form)?;
    if minute.len() != 2 {
        return Err(PatternError::Time);
    }
    let (hour, minute) =
        (number(hour, 2, PatternError::Time)?, number(minute, 2, PatternError::Time)?);
    let minutes = hour * 60 + minute;
    if minute < 60 && minutes <= 1_440 { Ok(minutes) } else { Err(PatternError::Time) }
}

fn minutes(text: &str, error: PatternError) -> Result<u16, PatternError> {
    number(text.strip_suffix('m').ok_or(PatternError::Form)?, 3, error)
}

/// `09:00-12:00/50m+10m`; without an end one slot.
fn hours(text: &str) -> Result<Pattern, PatternError> {
    let (range, length) = text.split_once('/').ok_or(PatternError::Form)?;
    let (duration, buffer) = match length.split_once('+') {
        Some((duration, buffer)) => (duration, minutes(buffer, PatternError::Buffer)?),
        None => (length, 0),
    };
    let duration_min = minutes(duration, PatternError::Duration)?;
    let (from, until) = match range.split_once(['-', '–']) {
        Some((from, until)) => (time(from)?, time(until)?),
        None => (time(range)?, time(range)? + duration_min),
    };
    if until <= from {
        return Err(PatternError::Order);
    }
    let fits = (SLOT_MIN..=SLOT_MAX).contains(&duration_min) && duration_min <= until - from;
    if !fits || until > 1_440 {
        return Err(PatternError::Duration);
    }
    if buffer > BUFFER_MAX {
        return Err(PatternError::Buffer);
    }
    Ok(Pattern {
        weekdays: 0,
        from_min: from,
        until_min: until,
        duration_min,
        buffer_min: buffer,
        valid_from: None,
        valid_until: None,
        except: Vec::new(),
    })
}

impl Pattern {
    fn clause(&mut self, word: &str, value: &str) -> Result<(), PatternError> {
        let once = |held: &mut Option<Day>| match held {
            Some(_) => Err(PatternError::Form),
            None => value.parse().map(|day| *held = Some(day)),
        };
        match word {
            "ab" | "from" => once(&mut self.valid_from),
            "bis" | "until" => once(&mut self.valid_until),
            "außer" | "ausser" | "except" => {
                for day in value.split(',') {
                    let day = day.parse()?;
                    if self.except.len() == EXCEPTIONS_MAX {
                        return Err(PatternError::TooMany);
                    }
                    self.except.push(day);
                }
                self.except.sort_unstable();
                self.except.dedup();
                Ok(())
            }
            _ => Err(PatternError::Form),
        }
    }

    /// The pattern in words of a language, as it is read.
    pub fn text(&self, language: Language) -> String {
        let german = language == Language::German;
        let mut text = String::new();
        for (day, (de, en)) in (0_u8..).zip(&SHORT) {
            if self.weekdays & (1 << day) != 0 {
                text.push_str(if text.is_empty() { "" } else { "," });
                text.push_str(if german { de } else { en });
            }
        }
        let Self { from_min, until_min, duration_min, buffer_min, .. } = self;
        // Writing to a string does not fail.
        let _ = write!(text, " {:02}:{:02}", from_min / 60, from_min % 60);
        let _ = write!(text, "-{:02}:{:02}/{duration_min}m", until_min / 60, until_min % 60);
        if *buffer_min > 0 {
            let _ = write!(text, "+{buffer_min}m");
        }
        if let Some(day) = self.valid_from {
            let _ = write!(text, " {} {day}", if german { "ab" } else { "from" });
        }
        if let Some(day) = self.valid_until {
            let _ = write!(text, " {} {day}", if german { "bis" } else { "until" });
        }
        for (place, day) in self.except.iter().enumerate() {
            let word = if german { " außer " } else { " except " };
            let _ = write!(text, "{}{day}", if place == 0 { word } else { "," });
        }
        text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Language::German))
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > TEXT_MAX {
            return Err(PatternError::Form);
        }
        let mut words = text.split_ascii_whitespace();
        let days = weekdays(words.next().ok_or(PatternError::Form)?)?;
        let mut pattern = hours(words.next().ok_or(PatternError::Form)?)?;
        pattern.weekdays = days;
        while let Some(word) = words.next() {
            pattern.clause(word, words.next().ok_or(PatternError::Form)?)?;
        }
        match (pattern.valid_from, pattern.valid_until) {
            (Some(from), Some(until)) if until < from => Err(PatternError::Order),
            _ => Ok(pattern),
        }
    }
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}..{}", self.from, self.until)
    }
}

impl FromStr for Pause {
    type Err = PatternError;

    /// Reads `2027-08-02..2027-08-20`, or one day.
    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (from, until) = text.split_once("..").unwrap_or((text, text));
        let (from, until) = (from.parse()?, until.parse()?);
        if until < from { Err(PatternError::Order) } else { Ok(Self { from, until }) }
    }
}
