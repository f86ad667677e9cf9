//! The text with which a channel is joined (`CH-02`).

use alloc::{string::String, vec::Vec};

use zeroize::Zeroizing;

use crate::{
    command::CommandError,
    crypto::{
        hash::{Domain, digest32},
        kdf::Secret,
    },
    limits::CHANNEL_NAME_LEN_MAX,
};

const PREFIX: &str = "qpc-channel:";
const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 6;
const HEAD_LEN: usize = 1 + 32;

/// RFC 4648 base32 in lower case: no digit that looks like a letter.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Longest invite: 12 + ⌈(33 + 64 + 6) × 8 / 5⌉ = 177 characters.
const INVITE_LEN_MAX: usize =
    PREFIX.len() + ((HEAD_LEN + CHANNEL_NAME_LEN_MAX + CHECKSUM_LEN) * 8).div_ceil(5);

/// What an invite says.
pub(super) struct Invite {
    pub(super) secret: Secret,
    pub(super) name: String,
}

impl Invite {
    /// Writes the text.
    pub(super) fn encode(secret: &Secret, name: &str) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(HEAD_LEN + name.len() + CHECKSUM_LEN));
        bytes.push(VERSION);
        bytes.extend_from_slice(secret.as_slice());
        bytes.extend_from_slice(name.as_bytes());
        let checksum = checksum(&bytes);
        bytes.extend_from_slice(&checksum);
        let mut text = String::from(PREFIX);
        base32_encode(&bytes, &mut text);
        text
    }

    /// Reads the text. Case and surrounding white space do not matter.
    ///
    /// # Errors
    /// [`CommandError::InviteInvalid`] for anything that [`Self::encode`] does not write.
    pub(super) fn decode(text: &str) -> Result<Self, CommandError> {
        Self::try_decode(text.trim()).ok_or(CommandError::InviteInvalid)
    }

    fn try_decode(text: &str) -> Option<Self> {
        if text.len() > INVITE_LEN_MAX || !text.is_ascii() {
            return None;
        }
        let (prefix, digits) = text.split_at_checked(PREFIX.len())?;
        if !prefix.eq_ignore_ascii_case(PREFIX) {
            return None;
        }
        let bytes = Zeroizing::new(base32_decode(digits.as_bytes())?);
        let (body, found) = bytes.split_last_chunk::<CHECKSUM_LEN>()?;
        if checksum(body) != *found {
            return None;
        }
        let (version, rest) = body.split_first()?;
        let (secret, name) = rest.split_first_chunk::<32>()?;
        let name = core::str::from_utf8(name).ok()?;
        if *version != VERSION || !is_name(name) {
            return None;
        }
        Some(Self { secret: Zeroizing::new(*secret), name: name.into() })
    }
}

/// Whether a channel may have this name.
pub(super) fn is_name(name: &str) -> bool {
    (1..=CHANNEL_NAME_LEN_MAX).contains(&name.len())
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_LEN] {
    let digest = digest32(Domain::ChannelInvite, &[bytes]);
    let (head, _) = digest.split_first_chunk().expect("6 is less than 32");
    *head
}

fn base32_encode(bytes: &[u8], out: &mut String) {
    let (mut buffer, mut bits) = (0u32, 0);
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            out.push(ALPHABET[(buffer >> bits) as usize & 31] as char);
        }
        buffer &= (1 << bits) - 1;
    }
    if bits > 0 {
        out.push(ALPHABET[(buffer << (5 - bits)) as usize & 31] as char);
    }
}

/// `None` for other characters, superfluous digits and padding bits that are not zero: every byte
/// string has one text.
fn base32_decode(digits: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(digits.len() * 5 / 8);
    let (mut buffer, mut bits) = (0u32, 0);
    for digit in digits {
        let value = ALPHABET.iter().position(|known| *known == digit.to_ascii_lowercase())?;
        buffer = buffer << 5 | u32::try_from(value).ok()?;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push((buffer >> bits) as u8);
            buffer &= (1 << bits) - 1;
        }
    }
    (bits < 5 && buffer == 0).then_some(bytes)
}
