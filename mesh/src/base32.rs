//! Base32 (RFC 4648, section 6) without padding: text that people copy, read out and scan.

use alloc::{string::String, vec::Vec};

/// RFC 4648 in lower case: no digit that looks like a letter.
pub(crate) const LOWER: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The same in upper case: what a QR code stores in its alphanumeric mode, at 5.5 bits a character.
pub(crate) const UPPER: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Decoded digits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// The whole bytes among them.
    pub(crate) bytes: Vec<u8>,
    /// No superfluous digit follows, and the padding bits are zero: the one text of these bytes.
    pub(crate) is_canonical: bool,
}

/// Appends the text of `bytes` in `alphabet`.
pub(crate) fn encode(alphabet: &[u8; 32], bytes: &[u8], out: &mut String) {
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(alphabet[(buffer >> bits) as usize & 31] as char);
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(alphabet[(buffer << (5 - bits)) as usize & 31] as char);
    }
}

/// Reads digits of either case; `None` for other characters.
pub(crate) fn decode(digits: &[u8]) -> Option<Decoded> {
    let mut bytes = Vec::with_capacity(digits.len() * 5 / 8);
    let (mut buffer, mut bits) = (0u32, 0);
    for digit in digits {
        let value = LOWER.iter().position(|known| *known == digit.to_ascii_lowercase())?;
        buffer = buffer << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    Some(Decoded { bytes, is_canonical: bits < 5 && buffer == 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10, without its padding.
    #[test]
    fn meet_01_published_vectors() {
        for (bytes, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            let mut out = String::new();
            encode(UPPER, bytes.as_bytes(), &mut out);
            assert_eq!(out, text);
            let decoded = decode(out.to_lowercase().as_bytes()).expect("digits");
            assert_eq!(decoded, Decoded { bytes: bytes.into(), is_canonical: true });
        }
        assert!(!decode(b"MZ").expect("digits").is_canonical, "padding bits");
        assert!(!decode(b"MYA").expect("digits").is_canonical, "a superfluous digit");
        assert_eq!(decode(b"M1"), None);
    }
}
