//! Ed25519 by the ZIP-215 criteria, one by one and in batches with the same verdict (`ID-04`).
//!
//! What is signed is always a 32-byte digest of [`super::hash`].

use alloc::{vec, vec::Vec};
use core::fmt;

use ed25519_zebra::{Signature, VerificationKey, VerificationKeyBytes, batch};
use zeroize::{Zeroize, Zeroizing};

#[cfg(feature = "simulation")]
use super::hash::{Domain, digest32};
use super::{Mode, rng::NodeRng};
use crate::error::PeerMisbehaved;

/// A private Ed25519 key. Wiped when dropped.
#[derive(Clone)]
pub struct SigningKey(ed25519_zebra::SigningKey);

impl SigningKey {
    /// The key of this seed.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_zebra::SigningKey::from_bytes(seed))
    }

    /// The seed, for storage.
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        VerificationKeyBytes::from(&self.0).into()
    }

    /// Signs a digest.
    pub fn sign(&self, mode: Mode, digest: &[u8; 32]) -> [u8; 64] {
        match mode {
            Mode::Real => self.0.sign(digest).to_bytes(),
            #[cfg(feature = "simulation")]
            Mode::Transparent => transparent(&self.public(), digest),
        }
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

/// Verifies one signature.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] for a key of small order, [`PeerMisbehaved::BadSignature`] when the
/// signature does not hold or the key is no point.
pub fn verify(
    mode: Mode,
    key: &[u8; 32],
    digest: &[u8; 32],
    signature: &[u8; 64],
) -> Result<(), PeerMisbehaved> {
    if is_small_order(key) {
        return Err(PeerMisbehaved::WeakKey);
    }
    let holds = match mode {
        Mode::Real => holds(key, digest, signature),
        #[cfg(feature = "simulation")]
        Mode::Transparent => transparent(key, digest) == *signature,
    };
    if holds { Ok(()) } else { Err(PeerMisbehaved::BadSignature) }
}

/// The ZIP-215 equation alone, over a message of any length as published vectors have it.
pub(super) fn holds(key: &[u8; 32], message: &[u8], signature: &[u8; 64]) -> bool {
    VerificationKey::try_from(*key)
        .and_then(|key| key.verify(&Signature::from_bytes(signature), message))
        .is_ok()
}

/// Many signatures, verified together in about a third of the time.
pub struct Batch {
    mode: Mode,
    items: Vec<Entry>,
}

/// A signature whose challenge hash is computed, or whose verdict is known already.
enum Entry {
    Open(batch::Item),
    #[cfg_attr(
        not(feature = "simulation"),
        expect(dead_code, reason = "only simulated ones hold at once")
    )]
    Holds,
    Fails,
}

impl Batch {
    /// An empty batch.
    pub const fn new(mode: Mode) -> Self {
        Self { mode, items: Vec::new() }
    }

    /// Adds a signature. Its verdict has the index of this call.
    pub fn push(&mut self, key: &[u8; 32], digest: &[u8; 32], signature: &[u8; 64]) {
        let entry = if is_small_order(key) {
            Entry::Fails
        } else {
            match self.mode {
                Mode::Real => Entry::Open(batch::Item::from((
                    VerificationKeyBytes::from(*key),
                    Signature::from_bytes(signature),
                    digest,
                ))),
                #[cfg(feature = "simulation")]
                Mode::Transparent if transparent(key, digest) == *signature => Entry::Holds,
                #[cfg(feature = "simulation")]
                Mode::Transparent => Entry::Fails,
            }
        };
        self.items.push(entry);
    }

    /// How many signatures were added.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Judges all, in the order they were added: the same verdicts as [`verify`].
    ///
    /// One forged signature in `n` costs about `2 log₂ n` more batches of shrinking size.
    pub fn verify(self, rng: &mut NodeRng) -> Vec<bool> {
        let mut verdicts = vec![false; self.items.len()];
        let mut open = Vec::with_capacity(self.items.len());
        for (index, entry) in self.items.into_iter().enumerate() {
            match entry {
                Entry::Open(item) => open.push((index, item)),
                Entry::Holds => verdicts[index] = true,
                Entry::Fails => {}
            }
        }
        // The verifier iterates over a hash map and stops at the first undecodable point, so how
        // much it draws is not deterministic. A fork keeps that from showing.
        bisect(&open, &mut rng.fork(), &mut verdicts);
        verdicts
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Batch({} signatures)", self.items.len())
    }
}

fn bisect(items: &[(usize, batch::Item)], rng: &mut NodeRng, verdicts: &mut [bool]) {
    if items.len() < BATCH_WORTHWHILE {
        for (index, item) in items {
            verdicts[*index] = item.clone().verify_single().is_ok();
        }
        return;
    }
    let mut verifier = batch::Verifier::new();
    for (_, item) in items {
        verifier.queue(item.clone());
    }
    if verifier.verify(&mut *rng).is_ok() {
        for (index, _) in items {
            verdicts[*index] = true;
        }
        return;
    }
    let (left, right) = items.split_at(items.len() / 2);
    bisect(left, rng, verdicts);
    bisect(right, rng, verdicts);
}

/// Whether the encoding, canonical or not, is one of the eight points of small order. Under such a
/// key a signature holds for many messages.
pub fn is_small_order(key: &[u8; 32]) -> bool {
    let mut y = *key;
    // The top bit is the sign of x; both signs of each y here are points of small order (or, for
    // x = 0, another encoding of the same point).
    y[31] &= 0x7f;
    SMALL_ORDER_Y.contains(&y)
}

#[cfg(feature = "simulation")]
fn transparent(key: &[u8; 32], digest: &[u8; 32]) -> [u8; 64] {
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&digest32(Domain::TransparentSign, &[key, digest]));
    signature
}

/// Below this, single verification is as fast as a batch.
const BATCH_WORTHWHILE: usize = 4;

/// The y coordinates of the eight-torsion of edwards25519, sign bit cleared, with every non-canonical
/// encoding: 0, 1, −1 and the two of order eight; p and p + 1 stand for 0 and 1 again.
const SMALL_ORDER_Y: [[u8; 32]; 7] = {
    let p = {
        let mut p = [0xff; 32];
        p[0] = 0xed;
        p[31] = 0x7f;
        p
    };
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = p;
    minus_one[0] -= 1;
    let mut p_plus_one = p;
    p_plus_one[0] += 1;
    [
        [0; 32],
        one,
        minus_one,
        p,
        p_plus_one,
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ]
};
