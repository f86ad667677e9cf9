//! The frame around an invite's content, and its text (`MEET-01`). It is the same for all versions, so
//! that a damaged text is told from a newer one.

use alloc::{string::String, vec::Vec};

use zeroize::Zeroizing;

use super::InviteError;
use crate::{
    base32,
    crypto::hash::{Domain, digest16},
    limits::INVITE_BODY_LEN_MAX,
    wire::Writer,
};

/// How every invite begins. All of it is in the QR code's alphanumeric set.
pub(super) const PREFIX: &str = "QPC-INVITE:";

const VERSION: u8 = 1;

/// Version and length.
const HEAD_LEN: usize = 1 + 2;

/// An altered text passes for whole once in 2^48.
const CHECKSUM_LEN: usize = 6;

/// Longest text.
const TEXT_LEN_MAX: usize =
    PREFIX.len() + ((HEAD_LEN + INVITE_BODY_LEN_MAX + CHECKSUM_LEN) * 8).div_ceil(5);

/// Longest text with white space in it: what mail programs and people add.
const INPUT_LEN_MAX: usize = 4 * TEXT_LEN_MAX;

/// The text of `body`: `version u8 | length u16 | body | checksum 6` in base32.
pub(super) fn encode(body: &[u8]) -> String {
    let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD_LEN + body.len() + CHECKSUM_LEN));
    // The caller keeps to INVITE_BODY_LEN_MAX.
    Writer::new(&mut bytes).u8(VERSION).u16(body.len() as u16).bytes(body);
    let checksum = checksum(&bytes);
    bytes.extend_from_slice(&checksum);
    let mut text = String::with_capacity(TEXT_LEN_MAX);
    text.push_str(PREFIX);
    base32::encode(base32::UPPER, &bytes, &mut text);
    text
}

/// The body in a text.
pub(super) fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, InviteError> {
    let digits = digits(text)?;
    let decoded = base32::decode(digits.as_bytes()).ok_or(InviteError::Altered)?;
    let is_canonical = decoded.is_canonical;
    let bytes = Zeroizing::new(decoded.bytes);
    let [version, low, high, ..] = **bytes else { return Err(InviteError::Cut) };
    let body_len = usize::from(u16::from_le_bytes([low, high]));
    let whole = HEAD_LEN + body_len + CHECKSUM_LEN;
    if body_len > INVITE_BODY_LEN_MAX {
        return Err(InviteError::Altered);
    }
    if bytes.len() < whole {
        return Err(InviteError::Cut);
    }
    let (framed, found) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(InviteError::Cut)?;
    if bytes.len() > whole || !is_canonical || checksum(framed) != *found {
        return Err(InviteError::Altered);
    }
    if version != VERSION {
        return Err(InviteError::Version(version));
    }
    Ok(Zeroizing::new(framed[HEAD_LEN..].to_vec()))
}

/// The text without white space and prefix.
fn digits(text: &str) -> Result<Zeroizing<String>, InviteError> {
    if text.len() > INPUT_LEN_MAX {
        return Err(InviteError::NotAnInvite);
    }
    let mut text: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_whitespace()).collect());
    let begins = text.get(..PREFIX.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(PREFIX));
    if !begins {
        // What was cut within the first word is a cut invite still.
        let is_begin = PREFIX.get(..text.len()).is_some_and(|p| p.eq_ignore_ascii_case(&text));
        let cut = is_begin && text.len() >= PREFIX_SEEN_MIN;
        return Err(if cut { InviteError::Cut } else { InviteError::NotAnInvite });
    }
    Ok(Zeroizing::new(text.split_off(PREFIX.len())))
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let digest = digest16(Domain::Invite, &[b"checksum", bytes]);
    *digest.first_chunk().expect("6 is less than 16")
}

/// `QPC-`: less is not taken for the beginning of an invite.
const PREFIX_SEEN_MIN: usize = 4;
