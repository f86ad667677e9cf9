mod damage;
mod files;
mod recurrence;
mod slots;

use alloc::{format, string::String, vec::Vec};

use super::*;
use crate::calendar::BerlinTime;

fn at(text: &str) -> UnixSeconds {
    BerlinTime::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn span(from: &str, until: &str) -> Span {
    Span { start: at(from), end: at(until) }
}

/// January to December of 2027.
fn year() -> Span {
    span("2027-01-01T00:00", "2028-01-01T00:00")
}

/// A calendar with these lines in it.
fn calendar(lines: &[&str]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}\r\nEND:VCALENDAR\r\n", lines.join("\r\n"))
}

/// A calendar with an event of these lines.
fn event(lines: &[&str]) -> String {
    calendar(&["BEGIN:VEVENT", &lines.join("\r\n"), "END:VEVENT"])
}

/// The busy times of 2027, in German time.
fn times(file: &str) -> Vec<String> {
    let busy = busy(file.as_bytes(), year()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(busy.left_out.first, [], "{file}");
    let text = |at| BerlinTime::from_unix(at).rfc3339()[..16].replace('T', " ");
    busy.times.iter().map(|span| format!("{} – {}", text(span.start), text(span.end))).collect()
}

/// Why the only event of a file is left out.
fn why(file: &str) -> Why {
    let busy = busy(file.as_bytes(), year()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((busy.times.len(), busy.left_out.count), (0, 1), "{file}");
    busy.left_out.first[0].why
}
