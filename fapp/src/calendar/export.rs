//! Appointments as calendar files, for people's own calendars (`CAL-40` to `CAL-44`; RFC 5545).
//!
//! A calendar is synchronised to strangers' servers and shown on locked screens. So what is written says
//! "Termin" unless the caller wants more, and is named by nothing that anybody else has seen.

use alloc::string::String;
use core::fmt::{self, Write};

use super::civil::{self, DAY_S};
use crate::UnixSeconds;

/// Entries of one file.
pub const ENTRIES_MAX: usize = 1_000;
/// Bytes of one text.
pub const TEXT_MAX: usize = 1_000;
/// What an entry is called unless somebody says otherwise.
pub const SUMMARY: &str = "Termin";
/// Octets of a line, without its end.
const LINE_MAX: usize = 75;

/// How far an appointment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Asked for.
    Tentative,
    /// Booked.
    Confirmed,
    /// Given up by either side.
    Cancelled,
}

/// One appointment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Names the appointment for as long as it exists, whatever happens to it. It is the reservation's own
    /// secret name: the slot's is public, and would tell a calendar's operator where somebody goes.
    pub id: [u8; 16],
    /// How often it was changed.
    pub sequence: u32,
    /// When it was written, or changed last.
    pub stamp: UnixSeconds,
    /// When it begins.
    pub start: UnixSeconds,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
    /// How far it is.
    pub status: Status,
    /// What it is called; [`SUMMARY`] if nothing is said.
    pub summary: Option<&'a str>,
    /// Where it is.
    pub location: Option<&'a str>,
    /// Anything else.
    pub description: Option<&'a str>,
}

/// Why there is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportError {
    /// More entries than a file has.
    TooMany,
    /// A text longer than 1,000 bytes.
    TooLong,
    /// A time after the year 9999, or an appointment without a length.
    Time,
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "a calendar file has at most 1,000 appointments",
            Self::TooLong => "a text in a calendar file has at most 1,000 bytes",
            Self::Time => "an appointment has a length, and is before the year 10000",
        })
    }
}

impl core::error::Error for ExportError {}

/// A calendar file with these appointments. One that is empty is valid for a feed to subscribe to.
///
/// # Errors
/// [`ExportError`].
pub fn file(entries: &[Entry<'_>]) -> Result<String, ExportError> {
    if entries.len() > ENTRIES_MAX {
        return Err(ExportError::TooMany);
    }
    let mut lines = Lines(String::new());
    lines.line("BEGIN", "VCALENDAR");
    lines.line("VERSION", "2.0");
    lines.line("PRODID", "-//quicprochat//appointments//EN");
    lines.line("CALSCALE", "GREGORIAN");
    lines.line("METHOD", "PUBLISH");
    for entry in entries {
        lines.entry(entry)?;
    }
    lines.line("END", "VCALENDAR");
    Ok(lines.0)
}

struct Lines(String);

impl Lines {
    fn entry(&mut self, entry: &Entry<'_>) -> Result<(), ExportError> {
        let end = entry.start.0.checked_add(u64::from(entry.duration_min) * 60);
        let end = end.filter(|end| *end > entry.start.0).ok_or(ExportError::Time)?;
        let status = match entry.status {
            Status::Tentative => "TENTATIVE",
            Status::Confirmed => "CONFIRMED",
            Status::Cancelled => "CANCELLED",
        };
        let busy = if entry.status == Status::Cancelled { "TRANSPARENT" } else { "OPAQUE" };
        self.line("BEGIN", "VEVENT");
        self.line("UID", &uid(&entry.id));
        self.line("DTSTAMP", &utc(entry.stamp)?);
        self.line("DTSTART", &utc(entry.start)?);
        self.line("DTEND", &utc(UnixSeconds(end))?);
        self.text("SUMMARY", Some(entry.summary.unwrap_or(SUMMARY)))?;
        self.text("LOCATION", entry.location)?;
        self.text("DESCRIPTION", entry.description)?;
        self.line("STATUS", status);
        self.number("SEQUENCE", entry.sequence);
        self.line("TRANSP", busy);
        self.line("CLASS", "PRIVATE");
        self.line("END", "VEVENT");
        Ok(())
    }

    fn text(&mut self, name: &str, text: Option<&str>) -> Result<(), ExportError> {
        let Some(text) = text else { return Ok(()) };
        if text.len() > TEXT_MAX {
            return Err(ExportError::TooLong);
        }
        self.line(name, &escaped(text));
        Ok(())
    }

    fn number(&mut self, name: &str, number: u32) {
        let mut text = String::new();
        // Writing to a string does not fail.
        let _ = write!(text, "{number}");
        self.line(name, &text);
    }

    /// A line, folded between characters where it is longer than 75 octets.
    fn line(&mut self, name: &str, value: &str) {
        let mut length = 0;
        for letter in name.chars().chain([':']).chain(value.chars()) {
            if length + letter.len_utf8() > LINE_MAX {
                self.0.push_str("\r\n ");
                length = 1;
            }
            self.0.push(letter);
            length += letter.len_utf8();
        }
        self.0.push_str("\r\n");
    }
}

/// RFC 5545, 3.3.11. Controls have no place in a file, and no meaning in a text.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            ';' => out.push_str("\\;"),
            ',' => out.push_str("\\,"),
            '\n' => out.push_str("\\n"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

fn uid(id: &[u8; 16]) -> String {
    id.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// `20270112T080000Z`.
pub(super) fn utc(at: UnixSeconds) -> Result<String, ExportError> {
    // Up to 9999-12-31T23:59:59Z: a year has four digits.
    let seconds = i64::try_from(at.0).ok().filter(|seconds| *seconds <= 253_402_300_799);
    let seconds = seconds.ok_or(ExportError::Time)?;
    let (year, month, day) = civil::civil_from_days(seconds / DAY_S);
    let second = seconds % DAY_S;
    let mut text = String::with_capacity(16);
    let (hour, minute) = (second / 3_600, second / 60 % 60);
    let _ = write!(text, "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{:02}Z", second % 60);
    Ok(text)
}

/// The lines of a file as they were before they were folded.
#[cfg(test)]
pub(super) fn unfolded(file: &str) -> alloc::vec::Vec<String> {
    file.replace("\r\n ", "").split_terminator("\r\n").map(String::from).collect()
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    fn entry<'a>() -> Entry<'a> {
        Entry {
            id: [0xab; 16],
            sequence: 2,
            stamp: UnixSeconds(1_799_000_000),
            start: UnixSeconds(1_799_740_800),
            duration_min: 50,
            status: Status::Confirmed,
            summary: None,
            location: None,
            description: None,
        }
    }

    #[test]
    fn cal_40_a_whole_file() {
        let expected = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//quicprochat//appointments//EN\r\n\
            CALSCALE:GREGORIAN\r\nMETHOD:PUBLISH\r\nBEGIN:VEVENT\r\n\
            UID:abababababababababababababababab\r\nDTSTAMP:20270103T181320Z\r\n\
            DTSTART:20270112T080000Z\r\nDTEND:20270112T085000Z\r\nSUMMARY:Termin\r\n\
            STATUS:CONFIRMED\r\nSEQUENCE:2\r\nTRANSP:OPAQUE\r\nCLASS:PRIVATE\r\nEND:VEVENT\r\n\
            END:VCALENDAR\r\n";
        assert_eq!(file(&[entry()]).as_deref(), Ok(expected));
    }

    #[test]
    fn cal_41_the_same_appointment_through_its_life() {
        let states = [Status::Tentative, Status::Confirmed, Status::Cancelled];
        for (sequence, status) in (0..).zip(states) {
            let file = file(&[Entry { sequence, status, ..entry() }]).expect("a file");
            assert!(file.contains("UID:abababababababababababababababab\r\n"));
            assert!(file.contains(&alloc::format!("\r\nSEQUENCE:{sequence}\r\n")));
            let word = ["STATUS:TENTATIVE", "STATUS:CONFIRMED", "STATUS:CANCELLED"];
            assert!(file.contains(word[sequence as usize]));
            assert_eq!(file.contains("TRANSP:TRANSPARENT"), status == Status::Cancelled);
        }
    }

    #[test]
    fn cal_42_nothing_tells_unless_it_is_told_to() {
        let file = file(&[entry()]).expect("a file").to_lowercase();
        for word in ["therap", "praxis", "fapp", "psych", "sprech", "slot"] {
            assert!(!file.contains(word), "{word}");
        }
    }

    #[test]
    fn cal_43_folded_and_escaped() {
        let text = "Käthe-Kruse-Straße 7; Hinterhof, 2. Stock\\links\r\nbitte läuten\u{7}\u{85} 🛎️ und warten, bis geöffnet wird";
        let file =
            file(&[Entry { location: Some(text), summary: Some("END:VEVENT\nX"), ..entry() }])
                .expect("a file");
        for line in file.split("\r\n") {
            assert!(line.len() <= LINE_MAX && !line.contains(['\r', '\n']), "{line}");
        }
        let lines = unfolded(&file);
        let expected = "LOCATION:Käthe-Kruse-Straße 7\\; Hinterhof\\, 2. Stock\\\\links\\nbitte läuten 🛎️ und warten\\, bis geöffnet wird";
        assert!(lines.iter().any(|line| line == expected), "{lines:?}");
        assert!(lines.iter().any(|line| line == "SUMMARY:END:VEVENT\\nX"));
        assert_eq!(lines.iter().filter(|line| *line == "END:VEVENT").count(), 1);
    }

    #[test]
    fn cal_44_bounds_and_feeds() {
        let long = "x".repeat(TEXT_MAX + 1);
        for (bad, error) in [
            (Entry { summary: Some(&long), ..entry() }, ExportError::TooLong),
            (Entry { duration_min: 0, ..entry() }, ExportError::Time),
            (Entry { start: UnixSeconds(u64::MAX), ..entry() }, ExportError::Time),
            (Entry { start: UnixSeconds(253_402_300_799), ..entry() }, ExportError::Time),
            (Entry { stamp: UnixSeconds(u64::MAX / 2), ..entry() }, ExportError::Time),
        ] {
            assert_eq!(file(&[bad]), Err(error));
        }
        assert_eq!(file(&vec![entry(); ENTRIES_MAX + 1]), Err(ExportError::TooMany));
        let feed = file(&vec![entry(); ENTRIES_MAX]).expect("a feed");
        assert_eq!(feed.matches("BEGIN:VEVENT\r\n").count(), ENTRIES_MAX);
        assert_eq!(unfolded(&file(&[]).expect("an empty feed")).len(), 6);
    }
}
