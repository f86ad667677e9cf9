//! What of a calendar file is read at all (`CAL-20`, `CAL-21`).
//!
//! A file is taken apart here, before any parser of values sees it: of the components that have times, the
//! properties that times are made of. Titles, places, people and notes are passed over.

use alloc::{string::String, vec::Vec};

use super::{COMPONENT_MAX, EVENTS_MAX, FILE_MAX, ImportError, LINE_MAX};

/// Components within components; a calendar has four levels at most.
const DEPTH_MAX: usize = 8;

/// Properties that times are made of, and by which events belong together.
const KEPT: [&[u8]; 18] = [
    b"BUSYTYPE",
    b"DTEND",
    b"DTSTART",
    b"DURATION",
    b"EXDATE",
    b"FREEBUSY",
    b"RDATE",
    b"RECURRENCE-ID",
    b"RRULE",
    b"STATUS",
    b"TRANSP",
    b"TZID",
    b"TZOFFSETFROM",
    b"TZOFFSETTO",
    b"UID",
    b"X-LIC-LOCATION",
    b"X-MICROSOFT-CDO-BUSYSTATUS",
    b"X-MICROSOFT-CDO-TZID",
];

/// Components that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Event,
    FreeBusy,
    Availability,
    Zone,
}

impl Kind {
    fn of(name: &[u8]) -> Option<Self> {
        match name {
            b"VEVENT" => Some(Self::Event),
            b"VFREEBUSY" => Some(Self::FreeBusy),
            b"VAVAILABILITY" => Some(Self::Availability),
            b"VTIMEZONE" => Some(Self::Zone),
            _ => None,
        }
    }
}

/// One component, with its kept properties only.
pub(super) struct Component<'a> {
    pub(super) kind: Kind,
    /// Where it begins, from 1.
    pub(super) line: u32,
    pub(super) text: &'a str,
    /// Some of what it has is more than is read.
    pub(super) too_large: bool,
}

/// Hands over each component of a file that is wanted, in order.
pub(super) fn each(
    file: &[u8],
    wanted: impl Fn(Kind) -> bool,
    take: impl FnMut(Component<'_>) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    if file.len() > FILE_MAX {
        return Err(ImportError::TooLarge);
    }
    let mut reader = Reader {
        wanted,
        take,
        open: Vec::new(),
        current: None,
        text: String::new(),
        too_large: false,
        seen: false,
        components: 0,
    };
    let mut logical = Logical { bytes: Vec::new(), line: 0, overlong: false };
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    for (number, physical) in (1_u32..).zip(file.split(|byte| *byte == b'\n')) {
        let physical = physical.strip_suffix(b"\r").unwrap_or(physical);
        if let [b' ' | b'\t', rest @ ..] = physical {
            logical.push(rest);
        } else {
            reader.line(&logical)?;
            logical = Logical { bytes: logical.bytes, line: number, overlong: false };
            logical.bytes.clear();
            logical.push(physical);
        }
    }
    reader.line(&logical)?;
    match (reader.seen, reader.open.is_empty()) {
        (false, _) => Err(ImportError::NotACalendar),
        (true, false) => Err(ImportError::Truncated),
        (true, true) => Ok(()),
    }
}

/// A line as it was before it was folded.
struct Logical {
    bytes: Vec<u8>,
    line: u32,
    overlong: bool,
}

impl Logical {
    fn push(&mut self, bytes: &[u8]) {
        let room = LINE_MAX - self.bytes.len();
        self.overlong |= bytes.len() > room;
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn name(&self) -> Vec<u8> {
        let name = self.bytes.split(|byte| matches!(byte, b':' | b';')).next().unwrap_or_default();
        // Longer than any name that matters.
        name.iter().take(32).map(u8::to_ascii_uppercase).collect()
    }

    /// What is after `BEGIN:` or `END:`.
    fn component(&self) -> Vec<u8> {
        let value = self.bytes.split(|byte| *byte == b':').nth(1).unwrap_or_default();
        value.trim_ascii().iter().take(64).map(u8::to_ascii_uppercase).collect()
    }
}

struct Reader<W, T> {
    wanted: W,
    take: T,
    open: Vec<Vec<u8>>,
    /// The component that is being read, where it begins, and how deep what it holds may be passed over.
    current: Option<(Kind, u32)>,
    text: String,
    too_large: bool,
    seen: bool,
    components: usize,
}

impl<W: Fn(Kind) -> bool, T: FnMut(Component<'_>) -> Result<(), ImportError>> Reader<W, T> {
    fn line(&mut self, line: &Logical) -> Result<(), ImportError> {
        match line.name().as_slice() {
            b"BEGIN" => self.begin(line),
            b"END" => self.end(line),
            name if self.reads() && KEPT.contains(&name) => {
                self.keep(line);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Whether properties here belong to a component that is read.
    fn reads(&self) -> bool {
        let within = self.open.get(2).is_none_or(|name| is_part(name));
        self.current.is_some() && within && self.open.len() <= 3
    }

    fn begin(&mut self, line: &Logical) -> Result<(), ImportError> {
        let name = line.component();
        if self.open.is_empty() && name != b"VCALENDAR" {
            return Err(ImportError::NotACalendar);
        }
        if self.open.len() == DEPTH_MAX {
            return Err(ImportError::Broken { line: line.line });
        }
        self.seen = true;
        if self.open.len() == 1
            && let Some(kind) = Kind::of(&name)
        {
            self.components += 1;
            if self.components > EVENTS_MAX {
                return Err(ImportError::TooManyEvents);
            }
            if (self.wanted)(kind) {
                self.current = Some((kind, line.line));
                self.too_large = false;
                self.text.clear();
            }
        }
        self.open.push(name);
        if self.reads() {
            self.mark("BEGIN:");
        }
        Ok(())
    }

    fn end(&mut self, line: &Logical) -> Result<(), ImportError> {
        if self.open.last() != Some(&line.component()) {
            return Err(ImportError::Broken { line: line.line });
        }
        if self.reads() {
            self.mark("END:");
        }
        self.open.pop();
        if self.open.len() == 1
            && let Some((kind, line)) = self.current.take()
        {
            let (text, too_large) = (self.text.as_str(), self.too_large);
            (self.take)(Component { kind, line, text, too_large })?;
        }
        Ok(())
    }

    /// Writes where the innermost component begins or ends.
    fn mark(&mut self, word: &str) {
        if let Some(name) = self.open.last() {
            self.text.push_str(word);
            self.text.push_str(&String::from_utf8_lossy(name));
            self.text.push_str("\r\n");
        }
    }

    fn keep(&mut self, line: &Logical) {
        if line.overlong || self.text.len() + line.bytes.len() > COMPONENT_MAX {
            self.too_large = true;
            return;
        }
        let text = String::from_utf8_lossy(&line.bytes);
        self.text.extend(text.chars().filter(|letter| !letter.is_control()));
        self.text.push_str("\r\n");
    }
}

/// Parts of a time zone, and of somebody's hours.
fn is_part(name: &[u8]) -> bool {
    matches!(name, b"STANDARD" | b"DAYLIGHT" | b"AVAILABLE")
}
