//! The announce: a node's signed description of itself (`ID-13`).

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    address::Address,
    crypto::{
        Mode,
        hash::{self, Domain},
        sign,
    },
    error::{Malformed, PeerMisbehaved},
    identity::{Capabilities, MeshIdentity},
    wire::{Reader, Writer},
};

/// A node's signed description of itself. Only its origin makes a newer one.
///
/// On the wire, fixed-width little endian, 107 bytes:
///
/// ```text
/// 0 key 32 | 32 seq u32 | 36 capabilities u16 | 38 validity u8 | 39 bundle_version u32 | 43 signature 64
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeshAnnounce {
    /// The origin's Ed25519 node key.
    pub key: [u8; 32],
    /// Counts the origin's announces; persisted there, never reused.
    pub seq: u32,
    /// What the origin can do.
    pub capabilities: Capabilities,
    /// How long a route built on this announce is good without a newer one.
    pub validity: Validity,
    /// The version of the origin's current bundle; 0 when it has none.
    pub bundle_version: u32,
    /// The origin's signature over [`MeshAnnounce::digest`].
    pub signature: [u8; 64],
}

impl MeshAnnounce {
    /// Length on the wire.
    pub const LEN: usize = 107;

    /// Signs our own description.
    pub fn signed(
        mode: Mode,
        identity: &MeshIdentity,
        seq: u32,
        capabilities: Capabilities,
        validity: Validity,
        bundle_version: u32,
    ) -> Self {
        let key = *identity.public().node_key();
        let signature = [0; 64];
        let unsigned = Self { key, seq, capabilities, validity, bundle_version, signature };
        Self { signature: identity.sign(mode, &unsigned.digest()), ..unsigned }
    }

    /// Reads exactly one announce. The signature is not checked.
    ///
    /// # Errors
    /// [`Malformed`] unless there are 107 bytes with a validity in range.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let announce = Self {
            key: reader.array("announce key")?,
            seq: reader.u32("announce seq")?,
            capabilities: Capabilities::from_bits(reader.u16("announce capabilities")?),
            validity: Validity::from_code(reader.u8("announce validity")?)
                .ok_or(Malformed::OutOfRange("announce validity"))?,
            bundle_version: reader.u32("announce bundle version")?,
            signature: reader.array("announce signature")?,
        };
        reader.finish("announce")?;
        Ok(announce)
    }

    /// Appends the announce to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out).array(&self.key).array(&self.fields()).array(&self.signature);
    }

    /// What the origin signs: domain ‖ key ‖ the other fields at fixed width.
    pub fn digest(&self) -> [u8; 32] {
        hash::digest32(Domain::Announce, &[&self.key, &self.fields()])
    }

    /// The origin's address.
    pub fn address(&self) -> Address {
        Address::derive(&self.key)
    }

    /// Checks the signature. Many at once go through [`sign::Batch`].
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadSignature`] or [`PeerMisbehaved::WeakKey`].
    pub fn verify(&self, mode: Mode) -> Result<(), PeerMisbehaved> {
        sign::verify(mode, &self.key, &self.digest(), &self.signature)
    }

    fn fields(&self) -> [u8; 11] {
        let [a, b, c, d] = self.seq.to_le_bytes();
        let [e, f] = self.capabilities.bits().to_le_bytes();
        let [g, h, i, j] = self.bundle_version.to_le_bytes();
        [a, b, c, d, e, f, self.validity.code(), g, h, i, j]
    }
}

/// A duration in one byte: 2^code seconds, at most 2^20 (12 days).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Validity(u8);

impl Validity {
    /// The largest code: 2^20 s are 12.1 days.
    pub const CODE_MAX: u8 = 20;

    /// The validity of a code, if it is in range.
    pub const fn from_code(code: u8) -> Option<Self> {
        if code <= Self::CODE_MAX { Some(Self(code)) } else { None }
    }

    /// The shortest validity that is not shorter than `duration`, or the longest.
    pub fn at_least(duration: Duration) -> Self {
        let code = (0..Self::CODE_MAX).find(|code| duration <= Duration::from_secs(1 << code));
        Self(code.unwrap_or(Self::CODE_MAX))
    }

    /// The code on the wire.
    pub const fn code(self) -> u8 {
        self.0
    }

    /// The duration.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(1 << self.0)
    }
}

#[cfg(test)]
#[path = "object_tests.rs"]
mod tests;
