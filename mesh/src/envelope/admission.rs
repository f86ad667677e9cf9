use alloc::vec::Vec;

use crate::{
    address::Address,
    crypto::hash::{self, Domain},
    error::{Error, Malformed, PeerMisbehaved},
    identity::Suite,
    wire::{Reader, Writer},
};

/// Hardest proof of work a bundle may ask for: 2^20 hashes are about 0.2 s of one core.
pub const WORK_BITS_MAX: u8 = 20;

/// Hardest proof of work a node may ask of strangers who write to it directly: 2^24 hashes are some
/// seconds of one core, done in steps ([`Search`]).
pub const DIRECT_WORK_BITS_MAX: u8 = 24;

/// What a stranger shows to a mailbox node so that it keeps the envelope (`ENV-12`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nothing: direct first contact.
    None,
    /// A token that the recipient handed out and registered.
    Token([u8; 16]),
    /// A nonce that makes a hash over the envelope's label and sealed part start with zero bits.
    Work {
        /// The nonce.
        nonce: u64,
    },
}

impl Admission {
    /// Looks for the nonce of a proof of work over `label` and `sealed`, the part of the body after
    /// the admission.
    ///
    /// Takes 2^`bits` hashes on average; `bits` above [`WORK_BITS_MAX`] count as that.
    pub fn work(label: &[u8; 16], sealed: &[u8], bits: u8) -> Self {
        let mut search = Search::new(*label, hash::sha256(sealed), bits.min(WORK_BITS_MAX));
        loop {
            if let Some(found) = search.step(u32::MAX) {
                return found;
            }
        }
    }

    /// Checks a proof of work.
    ///
    /// # Errors
    /// [`PeerMisbehaved::OverBudget`] when there is none or it is too easy.
    pub fn check_work(
        &self,
        label: &[u8; 16],
        sealed: &[u8],
        bits: u8,
    ) -> Result<(), PeerMisbehaved> {
        self.check_digest(label, &hash::sha256(sealed), bits)
    }

    /// Checks a proof of work over [`puzzle`], shown to the recipient itself.
    ///
    /// # Errors
    /// [`PeerMisbehaved::OverBudget`] when there is none or it is too easy.
    pub fn check_puzzle(&self, puzzle: &[u8; 32], bits: u8) -> Result<(), PeerMisbehaved> {
        self.check_digest(&NO_LABEL, puzzle, bits)
    }

    fn check_digest(
        &self,
        label: &[u8; 16],
        digest: &[u8; 32],
        bits: u8,
    ) -> Result<(), PeerMisbehaved> {
        match self {
            Self::Work { nonce } if zero_bits(label, digest, *nonce) >= u32::from(bits) => Ok(()),
            _ => Err(PeerMisbehaved::OverBudget),
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.u8("admission kind")? {
            0 => Ok(Self::None),
            1 => Ok(Self::Token(reader.array("admission token")?)),
            2 => Ok(Self::Work { nonce: reader.u64("admission nonce")? }),
            _ => Err(Malformed::OutOfRange("admission kind").into()),
        }
    }

    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        match self {
            Self::None => writer.u8(0),
            Self::Token(token) => writer.u8(1).array(token),
            Self::Work { nonce } => writer.u8(2).u64(*nonce),
        };
    }
}

/// A search for a proof of work, in steps of a length that the caller chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    label: [u8; 16],
    digest: [u8; 32],
    bits: u8,
    next: u64,
}

impl Search {
    const fn new(label: [u8; 16], digest: [u8; 32], bits: u8) -> Self {
        Self { label, digest, bits, next: 0 }
    }

    /// A search for what [`Admission::check_puzzle`] accepts; `bits` above
    /// [`DIRECT_WORK_BITS_MAX`] count as that.
    pub const fn for_puzzle(puzzle: [u8; 32], bits: u8) -> Self {
        let bits = if bits < DIRECT_WORK_BITS_MAX { bits } else { DIRECT_WORK_BITS_MAX };
        Self::new(NO_LABEL, puzzle, bits)
    }

    /// The puzzle it is for.
    pub const fn puzzle(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Tries the next `tries` nonces.
    pub fn step(&mut self, tries: u32) -> Option<Admission> {
        let end = self.next.saturating_add(u64::from(tries));
        let solves =
            |nonce: &u64| zero_bits(&self.label, &self.digest, *nonce) >= u32::from(self.bits);
        let found = (self.next..end).find(solves);
        self.next = end;
        found.map(|nonce| Admission::Work { nonce })
    }
}

/// What the work for a first contact that goes to its recipient directly is about (`MEET-20`): the
/// recipient and the encapsulation. Only who made that can use it, so the sender is bound without
/// being named; and one proof does for all envelopes that carry it.
pub fn puzzle(recipient: &Address, suite: Suite, prekey_id: u32, kem: &[u8]) -> [u8; 32] {
    let fields = [&[suite.code()][..], &prekey_id.to_le_bytes()].concat();
    hash::digest32(Domain::Work, &[b"direct", recipient.as_bytes(), &fields, kem])
}

/// What is shown in place of work by who was given `key` (`MEET-21`): 4 bytes that name the key to
/// its owner, and 12 that bind it to one encapsulation.
pub fn pass(key: &[u8; 16], puzzle: &[u8; 32]) -> [u8; 16] {
    let mut pass = hash::digest16(Domain::Pass, &[b"mac", key, puzzle]);
    pass[..4].copy_from_slice(&pass_tag(key));
    pass
}

/// The first bytes of every [`pass`] of a key.
pub fn pass_tag(key: &[u8; 16]) -> [u8; 4] {
    let [a, b, c, d, ..] = hash::digest16(Domain::Pass, &[b"tag", key]);
    [a, b, c, d]
}

/// The nonce comes first, so that no state of the hash can be shared between tries: the label and
/// the digest behind it are hashed anew each time.
fn zero_bits(label: &[u8; 16], digest: &[u8; 32], nonce: u64) -> u32 {
    let digest = hash::digest16(Domain::Work, &[&nonce.to_le_bytes(), label, digest]);
    u128::from_be_bytes(digest).leading_zeros()
}

/// The label of what goes to its recipient directly.
const NO_LABEL: [u8; 16] = [0; 16];
