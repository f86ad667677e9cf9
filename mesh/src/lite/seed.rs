//! Where the keys of a lite session come from (`MLL-05`).

use core::fmt;

use super::chain::{Direction, LiteReceiving, LiteSending};
use crate::crypto::kdf::{self, Secret};

/// Where the keys of a lite session come from: 32 uniform bytes that both ends know, and which end
/// we are. Used once and then forgotten.
#[derive(Clone)]
pub struct LiteSeed {
    secret: Secret,
    initiator: bool,
}

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
