//! Where the keys of a lite session come from (`MLL-05`).

use alloc::vec::Vec;
use core::fmt;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    chain::{Direction, LiteReceiving, LiteSending},
    session::LiteId,
};
use crate::crypto::kdf::{self, Secret};

/// Where the keys of a lite session come from: 32 uniform bytes that both ends know, and which end
/// we are. Used once and then forgotten.
#[derive(Clone)]
pub struct LiteSeed {
    secret: Secret,
    initiator: bool,
}

/// A secret that two people agreed on beforehand (`MLL-21`). Wiped when dropped, never shown.
#[derive(Clone)]
pub struct SharedSecret(Zeroizing<Vec<u8>>);

impl SharedSecret {
    /// Takes a secret of [`SHARED_SECRET_LEN_MIN`] to [`SHARED_SECRET_LEN_MAX`] bytes; `None` for
    /// others. Nothing can tell whether it can be guessed.
    pub fn new(secret: Vec<u8>) -> Option<Self> {
        let secret = Zeroizing::new(secret);
        let fits = (SHARED_SECRET_LEN_MIN..=SHARED_SECRET_LEN_MAX).contains(&secret.len());
        fits.then_some(Self(secret))
    }

    /// What follows from it between these two node keys.
    pub(crate) fn seed(&self, ours: &[u8; 32], theirs: &[u8; 32]) -> LiteSeed {
        LiteSeed::from_psk(&self.0, ours, theirs)
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret")
    }
}

impl PartialEq for SharedSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for SharedSecret {}

/// Least bytes of a shared secret: the 128 bits that nobody can guess.
pub const SHARED_SECRET_LEN_MIN: usize = 16;

/// Most bytes of a shared secret.
pub const SHARED_SECRET_LEN_MAX: usize = 1_024;

impl LiteSeed {
    /// From a secret that both ends derived: of a full session, of an MLS group of two, or of a
    /// handshake. `context` tells one use of a secret from others, and is the same at both ends.
    pub fn from_exporter(exported: &[u8; 32], context: &[u8], initiator: bool) -> Self {
        Self { secret: kdf::extract(context, exported), initiator }
    }

    /// From a secret that two people agreed on beforehand. It must have 128 bits that nobody can
    /// guess: whoever can tries guesses against a message heard. `ours` and `theirs` are node keys.
    pub fn from_psk(psk: &[u8], ours: &[u8; 32], theirs: &[u8; 32]) -> Self {
        let initiator = ours < theirs;
        let (first, second) = if initiator { (ours, theirs) } else { (theirs, ours) };
        let inner = kdf::extract(b"qpc lite psk", psk);
        let both = [&first[..], second].concat();
        Self { secret: kdf::extract(&both, &*inner), initiator }
    }

    /// A name for the session that follows, the same whenever the same secret is given.
    pub(crate) fn id(&self) -> LiteId {
        LiteId(*kdf::expand(&self.secret, b"qpc lite id"))
    }

    #[cfg(test)]
    pub(super) fn for_test(&self) -> ([u8; 32], bool) {
        (*self.secret, self.initiator)
    }

    pub(super) fn halves(&self) -> (LiteSending, LiteReceiving) {
        let there = Direction::derive(&self.secret, b"qpc lite there");
        let back = Direction::derive(&self.secret, b"qpc lite back");
        let (ours, theirs) = if self.initiator { (there, back) } else { (back, there) };
        (LiteSending::new(&ours), LiteReceiving::new(&theirs))
    }
}

impl fmt::Debug for LiteSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiteSeed")
    }
}
