//! The 16-byte name under which a node can be reached.

use core::{fmt, str::FromStr};

use crate::crypto::hash;

/// Length of an address in bytes.
pub const ADDRESS_LEN: usize = 16;

/// The address of a node: the first 16 bytes of a domain-separated SHA-256 of its node key
/// (`ID-02`).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address([u8; ADDRESS_LEN]);

impl Address {
    /// The address of the node with this Ed25519 node key.
    pub fn derive(node_key: &[u8; 32]) -> Self {
        Self(hash::digest16(hash::Domain::Address, &[node_key]))
    }

    /// An address from its bytes.
    pub const fn from_bytes(bytes: [u8; ADDRESS_LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes of the address.
    pub const fn as_bytes(&self) -> &[u8; ADDRESS_LEN] {
        &self.0
    }

    /// The first four bytes in hexadecimal: enough for a log line, never for identity.
    pub fn fmt_short(&self) -> impl fmt::Display + use<> {
        let [a, b, c, d, ..] = self.0;
        Short([a, b, c, d])
    }
}

struct Short([u8; 4]);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// The text is not an address: 32 hexadecimal digits are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseAddressError;

impl fmt::Display for ParseAddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an address is 32 hexadecimal digits")
    }
}

impl core::error::Error for ParseAddressError {}

impl FromStr for Address {
    type Err = ParseAddressError;

    fn from_str(text: &str) -> Result<Self, ParseAddressError> {
        let text = text.as_bytes();
        if text.len() != 2 * ADDRESS_LEN {
            return Err(ParseAddressError);
        }
        let mut bytes = [0; ADDRESS_LEN];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Result<u8, ParseAddressError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ParseAddressError),
    }
}
