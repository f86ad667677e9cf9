//! Keys of the link layer: the static keys of a node's handshakes and the key of a network.

use std::{
    fmt,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, Version};
use clatter::{
    KeyPair,
    traits::{Dh, Kem, Rng},
};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::HandshakeError;
use crate::{
    limits::LINK_KEY_LIFE,
    noise::{MlKem768, X25519},
};

/// The static keys of a node's handshakes: X25519 and ML-KEM-768, made at start, replaced every
/// [`LINK_KEY_LIFE`], never written to disk and never derived from the node key (`LNK-30`).
#[derive(Clone)]
pub struct LinkKeys {
    pub(super) dh: KeyPair<<X25519 as Dh>::PubKey, <X25519 as Dh>::PrivateKey>,
    pub(super) kem: KeyPair<<MlKem768 as Kem>::PubKey, <MlKem768 as Kem>::SecretKey>,
    made_at: Instant,
}

impl LinkKeys {
    /// Makes a pair of each kind.
    ///
    /// # Errors
    ///
    /// [`HandshakeError::NoRandomness`] when the source fails.
    pub fn generate<R: Rng>(rng: &mut R, now: Instant) -> Result<Self, HandshakeError> {
        Ok(Self {
            dh: X25519::genkey_rng(rng).map_err(|_| HandshakeError::NoRandomness)?,
            kem: MlKem768::genkey_rng(rng).map_err(|_| HandshakeError::NoRandomness)?,
            made_at: now,
        })
    }

    /// How long these keys may still be used; zero when they are to be replaced (`LNK-31`).
    pub fn expires_in(&self, now: Instant) -> Duration {
        LINK_KEY_LIFE.saturating_sub(now.saturating_duration_since(self.made_at))
    }
}

impl fmt::Debug for LinkKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinkKeys").field("made_at", &self.made_at).finish_non_exhaustive()
    }
}

/// The key of a closed network. Nodes without it cannot join, and cannot tell a member from a
/// closed port (`LNK-21`).
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct NetworkKey([u8; 32]);

impl NetworkKey {
    /// A key from 32 random bytes: the form to prefer.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads 64 hexadecimal digits.
    ///
    /// # Errors
    ///
    /// [`NetworkKeyError::NotHex`] for anything else.
    pub fn parse(text: &str) -> Result<Self, NetworkKeyError> {
        let digits = text.trim().as_bytes();
        let (pairs, []) = digits.as_chunks::<2>() else {
            return Err(NetworkKeyError::NotHex);
        };
        if pairs.len() != 32 {
            return Err(NetworkKeyError::NotHex);
        }
        let mut key = Self([0; 32]);
        for (byte, [high, low]) in key.0.iter_mut().zip(pairs) {
            *byte = hex_digit(*high)? << 4 | hex_digit(*low)?;
        }
        Ok(key)
    }

    /// Stretches a passphrase with Argon2id, salted with the network's name (`LNK-22`).
    ///
    /// A recorded first message lets anyone try passphrases offline, 19 MiB and some ten
    /// milliseconds each. Six random words withstand that; a sentence from a book does not.
    ///
    /// # Errors
    ///
    /// [`NetworkKeyError::TooShort`] below [`PASSPHRASE_LEN_MIN`] bytes.
    pub fn from_passphrase(network: &str, passphrase: &str) -> Result<Self, NetworkKeyError> {
        if passphrase.len() < PASSPHRASE_LEN_MIN {
            return Err(NetworkKeyError::TooShort);
        }
        let mut salt = Sha256::new();
        salt.update(b"quicprochat network key v1\0");
        salt.update(network.as_bytes());
        let params = Params::new(ARGON2_MEMORY_KIB, ARGON2_PASSES, 1, Some(32))
            .expect("memory and passes are above Argon2's minima");
        let mut out = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &salt.finalize(), &mut *out)
            .map_err(|_| NetworkKeyError::TooShort)?;
        Ok(Self(*out))
    }

    pub(super) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for NetworkKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for NetworkKey {}

impl fmt::Debug for NetworkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NetworkKey(…)")
    }
}

/// Why a network key was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKeyError {
    /// Not 64 hexadecimal digits.
    NotHex,
    /// A passphrase that anyone guesses.
    TooShort,
}

impl fmt::Display for NetworkKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotHex => f.write_str("a network key has 64 hexadecimal digits"),
            Self::TooShort => {
                write!(f, "a network passphrase has at least {PASSPHRASE_LEN_MIN} characters")
            }
        }
    }
}

impl std::error::Error for NetworkKeyError {}

fn hex_digit(digit: u8) -> Result<u8, NetworkKeyError> {
    let value = char::from(digit).to_digit(16).ok_or(NetworkKeyError::NotHex)?;
    Ok(value as u8)
}

/// Shortest passphrase, in bytes. Length is no measure of strength, but shorter is never strong.
pub const PASSPHRASE_LEN_MIN: usize = 16;

/// Memory of one Argon2id run in KiB: 19 MiB, OWASP's recommendation for two passes, and what a
/// router with 64 MB can spare once at start.
const ARGON2_MEMORY_KIB: u32 = 19 << 10;

/// Passes of one Argon2id run.
const ARGON2_PASSES: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lnk_22_parses_64_hex_digits_and_nothing_else() {
        let text = "00".repeat(31) + "fF";
        let mut bytes = [0; 32];
        bytes[31] = 0xff;
        assert_eq!(NetworkKey::parse(&text), Ok(NetworkKey::from_bytes(bytes)));
        for bad in ["", "0", &text[1..], &(text.clone() + "00"), &text.replace('f', "g")] {
            assert_eq!(NetworkKey::parse(bad), Err(NetworkKeyError::NotHex), "{bad}");
        }
    }

    #[test]
    fn lnk_22_a_passphrase_is_stretched_per_network() {
        let words = "correct horse battery staple";
        let a = NetworkKey::from_passphrase("freifunk-jena", words);
        assert!(a.is_ok());
        assert_eq!(a, NetworkKey::from_passphrase("freifunk-jena", words));
        assert_ne!(a, NetworkKey::from_passphrase("freifunk-erfurt", words));
        assert_eq!(NetworkKey::from_passphrase("", "short"), Err(NetworkKeyError::TooShort));
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = NetworkKey::from_bytes([0xab; 32]);
        assert_eq!(format!("{key:?}"), "NetworkKey(…)");
    }
}
