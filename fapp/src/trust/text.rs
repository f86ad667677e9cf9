//! Signed statements as a line of text, for whoever passes them on (`TRU-51`).

use alloc::{string::String, vec::Vec};
use core::{fmt, str::FromStr};

use mesh::error::Error;

use super::{Credential, Endorsement, Held, Observation, Refused, TrustBook};
use crate::UnixSeconds;

/// Something signed about a practice's key; its signatures were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    /// A domain named it.
    Observation(Observation),
    /// A colleague vouches for it.
    Endorsement(Endorsement),
    /// An issuer certified it.
    Credential(Credential),
}

/// Why a text is no statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextError {
    /// It does not begin like one, or has characters that are none of it.
    NoStatement,
    /// What it says does not hold.
    Unsound(Error),
}

impl fmt::Display for TextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoStatement => f.write_str(
                "a statement begins with fapp-website:, fapp-colleague: or fapp-credential:, and goes \
                 on in hexadecimal digits",
            ),
            Self::Unsound(error) => write!(f, "the statement does not hold: {error}"),
        }
    }
}

impl core::error::Error for TextError {}

impl Statement {
    /// Longest text that is read; a credential with both links is 929 bytes, more when it was wrapped.
    pub const TEXT_LEN_MAX: usize = 4_096;

    /// Whom it is about.
    pub const fn subject(&self) -> &[u8; 32] {
        match self {
            Self::Observation(seen) => &seen.practice,
            Self::Endorsement(said) => &said.subject,
            Self::Credential(credential) => &credential.holder,
        }
    }

    const fn prefix(&self) -> &'static str {
        match self {
            Self::Observation(_) => WEBSITE,
            Self::Endorsement(_) => COLLEAGUE,
            Self::Credential(_) => CREDENTIAL,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Observation(seen) => seen.bytes(),
            Self::Endorsement(said) => said.bytes(),
            Self::Credential(credential) => credential.bytes(),
        }
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.prefix())?;
        self.bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Statement {
    type Err = TextError;

    /// Reads a text; white space does not count, because mail wraps lines.
    fn from_str(text: &str) -> Result<Self, TextError> {
        if text.len() > Self::TEXT_LEN_MAX {
            return Err(TextError::NoStatement);
        }
        let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let unsound = TextError::Unsound;
        let parsed = [WEBSITE, COLLEAGUE, CREDENTIAL]
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix).map(|digits| (*prefix, digits)));
        let (prefix, digits) = parsed.ok_or(TextError::NoStatement)?;
        let bytes = bytes(digits).ok_or(TextError::NoStatement)?;
        match prefix {
            WEBSITE => Observation::parse_verified(&bytes).map(Self::Observation),
            COLLEAGUE => Endorsement::parse_verified(&bytes).map(Self::Endorsement),
            _ => Credential::parse_verified(&bytes).map(Self::Credential),
        }
        .map_err(unsound)
    }
}

impl TrustBook {
    /// Holds a statement.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn hold(&mut self, now: UnixSeconds, statement: Statement) -> Result<Held, Refused> {
        match statement {
            Statement::Observation(seen) => self.observe(now, seen),
            Statement::Endorsement(said) => self.endorse(now, said),
            Statement::Credential(credential) => self.certify(now, credential),
        }
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let pair = |pair: &[u8]| Some((value(pair[0])? << 4 | value(pair[1])?) as u8);
    digits.as_bytes().chunks_exact(2).map(pair).collect()
}

const WEBSITE: &str = "fapp-website:";
const COLLEAGUE: &str = "fapp-colleague:";
const CREDENTIAL: &str = "fapp-credential:";
