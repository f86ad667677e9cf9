//! A practice takes its offers back (`FAP-40` to `FAP-42`).

use alloc::vec::Vec;

use mesh::{
    MeshIdentity,
    crypto::{
        Mode,
        hash::{Domain, digest32},
        sign::{self, SigningKey},
    },
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

use crate::{
    UnixSeconds,
    announce::{AnnounceError, LIFETIME_MAX_S, Unwelcome},
};

/// Says that no announce up to a sequence counts any more. It outlives all of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tombstone {
    therapist: [u8; 32],
    sequence: u32,
    issued: UnixSeconds,
    until: UnixSeconds,
    signature: [u8; 64],
    digest: [u8; 32],
}

/// Version 1 of type 2.
const FORMAT: [u8; 2] = [1, 2];

impl Tombstone {
    /// Length on the wire: format 2, key 32, sequence 4, issued 4, life 2, signature 64.
    pub const LEN: usize = 2 + 32 + 4 + 4 + 2 + 64;

    /// Takes back every announce of the identity up to `sequence`; the last of them expires at `until`.
    ///
    /// # Errors
    /// [`AnnounceError`]: without a root key, or when it would live longer than an announce.
    pub fn sign(
        identity: &MeshIdentity,
        sequence: u32,
        now: UnixSeconds,
        until: UnixSeconds,
    ) -> Result<Self, AnnounceError> {
        let root = identity.root_seed().ok_or(AnnounceError::NoRootKey)?;
        let root = SigningKey::from_seed(&root);
        let issued = UnixSeconds(now.0 - now.0 % 60);
        // An hour at least: it has to overtake what it withdraws.
        let hours = until.0.saturating_sub(issued.0).div_ceil(3_600).max(1);
        if hours * 3_600 > LIFETIME_MAX_S || issued.0 / 60 > u64::from(u32::MAX) {
            return Err(AnnounceError::Lifetime);
        }
        if sequence == 0 {
            return Err(AnnounceError::Sequence);
        }
        let mut this = Self {
            therapist: root.public(),
            sequence,
            issued,
            until: UnixSeconds(issued.0 + hours * 3_600),
            signature: [0; 64],
            digest: [0; 32],
        };
        this.digest = digest32(Domain::FappTombstone, &[&this.signed_bytes()]);
        this.signature = root.sign(Mode::Real, &this.digest);
        Ok(this)
    }

    /// Reads a tombstone; its signature is not verified.
    ///
    /// # Errors
    /// [`Malformed`] bytes, or [`Unsupported::Version`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let format: [u8; 2] = r.array("tombstone format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format[0]).into());
        }
        let (therapist, sequence) = (r.array("therapist")?, r.u32("sequence")?);
        let issued = UnixSeconds(u64::from(r.u32("issued")?) * 60);
        let life_s = u64::from(r.u16("lifetime")?) * 3_600;
        let signature = r.array("signature")?;
        r.finish("tombstone")?;
        if life_s == 0 || life_s > LIFETIME_MAX_S || sequence == 0 {
            return Err(Malformed::OutOfRange("tombstone").into());
        }
        let until = UnixSeconds(issued.0 + life_s);
        let signed = &bytes[..bytes.len() - signature_len(&signature)];
        let digest = digest32(Domain::FappTombstone, &[signed]);
        Ok(Self { therapist, sequence, issued, until, signature, digest })
    }

    /// Verifies the signature.
    ///
    /// # Errors
    /// [`mesh::error::PeerMisbehaved`].
    pub fn verify(&self) -> Result<(), Error> {
        Ok(sign::verify(Mode::Real, &self.therapist, &self.digest, &self.signature)?)
    }

    /// Adds the signature to a batch.
    pub fn verify_in(&self, batch: &mut sign::Batch) {
        batch.push(&self.therapist, &self.digest, &self.signature);
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = self.signed_bytes();
        out.extend_from_slice(&self.signature);
        out
    }

    fn signed_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        let hours = (self.until.0 - self.issued.0) / 3_600;
        Writer::new(&mut out)
            .array(&FORMAT)
            .array(&self.therapist)
            .u32(self.sequence)
            .u32((self.issued.0 / 60) as u32)
            .u16(hours as u16);
        out
    }

    /// The practice's root key.
    pub const fn therapist(&self) -> &[u8; 32] {
        &self.therapist
    }

    /// Announces up to this sequence are withdrawn.
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// Until when it is kept and passed on.
    pub const fn until(&self) -> UnixSeconds {
        self.until
    }

    /// Names it: the hash of what is signed.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether it is of its time.
    ///
    /// # Errors
    /// [`Unwelcome::Future`] or [`Unwelcome::Expired`].
    pub fn is_timely(&self, now: UnixSeconds) -> Result<(), Unwelcome> {
        if self.issued.0 > now.0.saturating_add(crate::announce::SKEW_S) {
            return Err(Unwelcome::Future);
        }
        if self.until <= now { Err(Unwelcome::Expired) } else { Ok(()) }
    }
}

const fn signature_len(signature: &[u8; 64]) -> usize {
    signature.len()
}
