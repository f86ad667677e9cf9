use alloc::vec::Vec;

use crate::{
    crypto::hash::{self, Domain},
    error::{Error, Malformed, PeerMisbehaved},
    wire::{Reader, Writer},
};

/// Hardest proof of work a bundle may ask for: 2^20 hashes are about 0.2 s of one core.
pub const WORK_BITS_MAX: u8 = 20;

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
        let digest = hash::sha256(sealed);
        let bits = bits.min(WORK_BITS_MAX);
        let nonce =
            (0..u64::MAX).find(|nonce| zero_bits(label, &digest, *nonce) >= u32::from(bits));
        Self::Work { nonce: nonce.expect("a hash with 20 zero bits exists among 2^64") }
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
        match self {
            Self::Work { nonce }
                if zero_bits(label, &hash::sha256(sealed), *nonce) >= u32::from(bits) =>
            {
                Ok(())
            }
            _ => Err(PeerMisbehaved::OverBudget),
        }
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
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

fn zero_bits(label: &[u8; 16], sealed_digest: &[u8; 32], nonce: u64) -> u32 {
    let digest = hash::digest16(Domain::Work, &[label, sealed_digest, &nonce.to_le_bytes()]);
    u128::from_be_bytes(digest).leading_zeros()
}
