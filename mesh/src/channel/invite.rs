//! The text with which a channel is joined (`CH-02`).

use alloc::{string::String, vec::Vec};

use zeroize::Zeroizing;

use crate::{
    base32,
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
        base32::encode(base32::LOWER, &bytes, &mut text);
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
        let decoded = base32::decode(digits.as_bytes()).filter(|decoded| decoded.is_canonical)?;
        let bytes = Zeroizing::new(decoded.bytes);
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
