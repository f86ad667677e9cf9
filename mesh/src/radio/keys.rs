//! The keys of a hop: who may speak to whom on a medium where everybody hears everything.
//!
//! Each start of a port draws an X25519 key and a boot number and signs both in its hello. Any two
//! ports that heard each other's hello share a secret, and from it one key for each direction
//! (`RAD-05`). A port's *broadcast key* is handed to each neighbour under these (`RAD-06`).

use zeroize::Zeroizing;

use crate::{
    crypto::{
        hash::{Domain, digest32},
        kdf::{self, Secret},
        kem::X25519Key,
    },
    error::PeerMisbehaved,
};

/// Length of a hop tag.
pub(super) const TAG_LEN: usize = 4;

/// Length of a broadcast key: what it guards is 32 bits a frame, for as long as a port runs.
pub(super) const BROADCAST_KEY_LEN: usize = 12;

pub(super) type Tag = [u8; TAG_LEN];
pub(super) type BroadcastKey = Zeroizing<[u8; BROADCAST_KEY_LEN]>;

/// Names one start of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Incarnation(pub(super) [u8; 32]);

impl Incarnation {
    pub(super) fn new(node_key: &[u8; 32], x25519: &[u8; 32], boot: u32) -> Self {
        Self(digest32(Domain::RadioHello, &[node_key, x25519, &boot.to_le_bytes()]))
    }

    /// One byte that says who is probably meant; never 0, which is everyone.
    pub(super) const fn hint(&self) -> u8 {
        let [first, ..] = self.0;
        if first == 0 { 1 } else { first }
    }
}

/// The two keys between us and a neighbour.
pub(super) struct HopKeys {
    out: Secret,
    back: Secret,
}

impl HopKeys {
    /// # Errors
    /// [`PeerMisbehaved::WeakKey`] for a key of small order.
    pub(super) fn agree(
        ours: &X25519Key,
        us: &Incarnation,
        theirs: &[u8; 32],
        them: &Incarnation,
    ) -> Result<Self, PeerMisbehaved> {
        let shared = ours.agree(theirs)?;
        let (low, high) = if us < them { (us, them) } else { (them, us) };
        let salt = digest32(Domain::RadioHello, &[&low.0, &high.0]);
        let root = kdf::extract(&salt, shared.as_slice());
        Ok(Self { out: kdf::expand(&root, &us.0), back: kdf::expand(&root, &them.0) })
    }

    /// The tag of what we say to the neighbour.
    pub(super) fn tag_out(&self, counter: u32, payload: &[u8]) -> Tag {
        tag(self.out.as_slice(), counter, payload)
    }

    /// The tag of what the neighbour says to us.
    pub(super) fn tag_back(&self, counter: u32, payload: &[u8]) -> Tag {
        tag(self.back.as_slice(), counter, payload)
    }

    /// Hides our broadcast key from all but the neighbour. The same bytes every time.
    pub(super) fn wrap(&self, key: &BroadcastKey) -> [u8; BROADCAST_KEY_LEN] {
        masked(&self.out, key)
    }

    /// The neighbour's broadcast key.
    pub(super) fn unwrap(&self, wrapped: &[u8; BROADCAST_KEY_LEN]) -> BroadcastKey {
        Zeroizing::new(masked(&self.back, wrapped))
    }
}

impl core::fmt::Debug for HopKeys {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("HopKeys")
    }
}

/// The first bytes of a digest over key, counter and payload. The lengths are part of what is
/// hashed and most of the digest stays secret, so nothing can be appended.
pub(super) fn tag(key: &[u8], counter: u32, payload: &[u8]) -> Tag {
    let digest = digest32(Domain::HopTag, &[key, &counter.to_le_bytes(), payload]);
    let [a, b, c, d, ..] = digest;
    [a, b, c, d]
}

fn masked(key: &Secret, text: &[u8; BROADCAST_KEY_LEN]) -> [u8; BROADCAST_KEY_LEN] {
    let mask: Zeroizing<[u8; BROADCAST_KEY_LEN]> = kdf::expand(key, b"broadcast key");
    let mut out = *text;
    for (byte, mask) in out.iter_mut().zip(mask.iter()) {
        *byte ^= mask;
    }
    out
}
