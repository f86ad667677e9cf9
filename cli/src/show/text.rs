//! Making text from others safe to show, and numbers readable (`CLI-07`).

use std::fmt::{self, Display, Write};

/// One line of text from someone else: everything that could move the cursor, change colours,
/// reorder or hide text is shown as its escape.
pub fn one_line(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push_safe(&mut shown, character);
    }
    shown
}

/// A message body: like [`one_line`], but line feeds and tabs stay, and every line after the
/// first starts with `indent`, so that no line of it can pass for one of ours.
pub fn body(text: &str, indent: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.trim_end_matches('\n').chars() {
        match character {
            '\n' => {
                shown.push('\n');
                shown.push_str(indent);
            }
            '\t' => shown.push('\t'),
            _ => push_safe(&mut shown, character),
        }
    }
    shown
}

/// The payload as text, when it is text in the sense of `CLI-56`: UTF-8 without control
/// characters other than line feed and tab.
pub fn as_text(payload: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(payload).ok()?;
    let is_text = |character: char| !character.is_control() || matches!(character, '\n' | '\t');
    text.chars().all(is_text).then_some(text)
}

/// Base64 of RFC 4648, section 4, with padding.
pub fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for position in 0..4 {
            if position <= chunk.len() {
                let digit = bits >> (18 - 6 * position) & 0x3f;
                text.push(char::from(BASE64[digit as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A span as people say it: `45 s`, `3 min`, `5 h`, `2 d`.
pub fn span(seconds: f64) -> String {
    match seconds {
        s if s > 0.0 && s < 0.1 => format!("{:.0} ms", s * 1_000.0),
        s if s < 10.0 && s.fract() != 0.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s if s < 172_800.0 => format!("{:.0} h", s / 3_600.0),
        s => format!("{:.0} d", s / 86_400.0),
    }
}

/// Milliseconds with as many digits as are worth reading.
pub fn milliseconds(ms: f64) -> String {
    match ms {
        ms if ms < 10.0 => format!("{ms:.2} ms"),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms => format!("{ms:.0} ms"),
    }
}

/// A number of bytes with a unit.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    let mut unit = "B";
    for larger in ["kB", "MB", "GB", "TB"] {
        if value < 1_000.0 {
            break;
        }
        value /= 1_000.0;
        unit = larger;
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

/// A count with its noun: `1 peer`, `7 peers`, `no peers`.
pub fn counted(count: u64, noun: &str) -> String {
    match count {
        0 => format!("no {noun}s"),
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// A moment in UTC, from Unix seconds, as in RFC 3339 with a space.
pub struct Utc(pub u64);

impl Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.0 / 86_400, self.0 % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute) = (second / 3_600, second / 60 % 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}Z", second % 60)
    }
}

/// Year, month and day of a number of days since 1970-01-01. Years are counted from March, so
/// that the leap day is the last of its year and month lengths follow one line.
fn civil(days: u64) -> (u64, u64, u64) {
    let from_year_0 = days + 719_468;
    let (era, day_of_era) = (from_year_0 / 146_097, from_year_0 % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = 400 * era + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

fn push_safe(shown: &mut String, character: char) {
    if !is_dangerous(character) {
        shown.push(character);
    } else if u32::from(character) < 0x100 {
        let _ = write!(shown, "\\x{:02x}", u32::from(character));
    } else {
        let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
    }
}

/// Control characters, line and paragraph separators, bidirectional marks, embeddings, overrides
/// and isolates, invisible operators, and tags (which hide ASCII text).
fn is_dangerous(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{061c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}')
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-07
    #[test]
    fn escape_sequences_and_overrides_are_shown_not_obeyed() {
        assert_eq!(one_line("a\x1b[31mb\u{9b}1m"), "a\\x1b[31mb\\x9b1m");
        assert_eq!(one_line("x\u{202e}y\u{2066}z\n"), "x\\u{202e}y\\u{2066}z\\x0a");
        assert_eq!(one_line("Grüße 👋"), "Grüße 👋");
        assert_eq!(one_line("\u{e0041}"), "\\u{e0041}");
    }

    // CLI-07
    #[test]
    fn bodies_keep_their_lines_and_cannot_imitate_ours() {
        assert_eq!(body("one\n2026-11-20 forged\n", "    "), "one\n    2026-11-20 forged");
        assert_eq!(body("a\tb\r", ""), "a\tb\\x0d");
    }

    // CLI-56
    #[test]
    fn only_plain_text_counts_as_text() {
        assert_eq!(as_text("a\n\tü".as_bytes()), Some("a\n\tü"));
        assert_eq!(as_text(b""), Some(""));
        assert_eq!(as_text(b"\x1b[0m"), None);
        assert_eq!(as_text(b"\x00"), None);
        assert_eq!(as_text(b"\xff\xfe"), None);
        assert_eq!(as_text("\u{85}".as_bytes()), None);
    }

    // CLI-56: the vectors of RFC 4648, section 10
    #[test]
    fn base64_matches_the_published_vectors() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "+/8=");
    }

    #[test]
    fn moments_match_the_calendar() {
        assert_eq!(Utc(0).to_string(), "1970-01-01 00:00:00Z");
        assert_eq!(Utc(951_782_399).to_string(), "2000-02-28 23:59:59Z");
        assert_eq!(Utc(951_782_400).to_string(), "2000-02-29 00:00:00Z");
        assert_eq!(Utc(1_795_181_400).to_string(), "2026-11-20 13:30:00Z");
        assert_eq!(Utc(4_107_542_400).to_string(), "2100-03-01 00:00:00Z");
    }

    #[test]
    fn spans_and_sizes_are_readable() {
        assert_eq!(
            [0.0, 0.02, 0.25, 45.0, 200.0, 20_000.0, 700_000.0].map(span),
            ["0 s", "20 ms", "0.2 s", "45 s", "3 min", "6 h", "8 d"]
        );
        assert_eq!([0, 999, 1_500, 2_000_000].map(bytes), ["0 B", "999 B", "1.5 kB", "2.0 MB"]);
        assert_eq!([0.123, 12.34, 123.4].map(milliseconds), ["0.12 ms", "12.3 ms", "123 ms"]);
        assert_eq!([0, 1, 2].map(|n| counted(n, "peer")), ["no peers", "1 peer", "2 peers"]);
    }
}
