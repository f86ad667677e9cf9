//! What a therapist says about another (`TRU-20`).

use alloc::vec::Vec;

use mesh::{
    crypto::{
        Mode,
        hash::{Domain, digest32},
        sign::{self, SigningKey},
    },
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

use super::{DAY_S, SKEW_S};
use crate::UnixSeconds;

/// A therapist vouches for a colleague's profession and chamber; the signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endorsement {
    /// The colleague's root key.
    pub subject: [u8; 32],
    /// The profession's number.
    pub profession: u8,
    /// The chamber's number.
    pub chamber: u8,
    /// When it was signed.
    pub issued_at: UnixSeconds,
    /// Until when it counts: a year at most.
    pub expires: UnixSeconds,
    /// Whose word it is.
    pub signer: [u8; 32],
    signature: [u8; 64],
}

impl Endorsement {
    /// Length on the wire.
    pub const LEN: usize = 1 + 32 + 1 + 1 + 8 + 8 + 32 + 64;

    /// Vouches for somebody.
    ///
    /// # Errors
    /// [`Malformed::OutOfRange`] for a time beyond a year, a missing profession or chamber, and for
    /// oneself.
    pub fn signed(
        now: UnixSeconds,
        signer: &SigningKey,
        subject: [u8; 32],
        profession: u8,
        chamber: u8,
        expires: UnixSeconds,
    ) -> Result<Self, Malformed> {
        let mut endorsement = Self {
            subject,
            profession,
            chamber,
            issued_at: now,
            expires,
            signer: signer.public(),
            signature: [0; 64],
        };
        endorsement.check()?;
        endorsement.signature = signer.sign(Mode::Real, &endorsement.digest());
        Ok(endorsement)
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        let mut w = Writer::new(&mut out);
        w.u8(FORMAT).array(&self.subject).u8(self.profession).u8(self.chamber);
        w.u64(self.issued_at.0).u64(self.expires.0).array(&self.signer).array(&self.signature);
        out
    }

    /// Reads an endorsement and verifies its signature.
    ///
    /// # Errors
    /// [`Malformed`], [`Unsupported::Version`], or a signature that does not hold.
    pub fn parse_verified(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let format = r.u8("endorsement format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let endorsement = Self {
            subject: r.array("subject")?,
            profession: r.u8("profession")?,
            chamber: r.u8("chamber")?,
            issued_at: UnixSeconds(r.u64("issued at")?),
            expires: UnixSeconds(r.u64("expiry")?),
            signer: r.array("signer")?,
            signature: r.array("endorsement signature")?,
        };
        r.finish("endorsement")?;
        endorsement.check()?;
        let digest = endorsement.digest();
        sign::verify(Mode::Real, &endorsement.signer, &digest, &endorsement.signature)?;
        Ok(endorsement)
    }

    /// Whether it is its time.
    pub fn is_live(&self, now: UnixSeconds) -> bool {
        self.issued_at.0 <= now.0.saturating_add(SKEW_S) && now < self.expires
    }

    fn check(&self) -> Result<(), Malformed> {
        let lasts = self.expires.0.checked_sub(self.issued_at.0);
        if lasts.is_none_or(|lasts| lasts == 0 || lasts > YEAR_S) {
            return Err(Malformed::OutOfRange("endorsement life"));
        }
        if self.profession == 0 || self.chamber == 0 {
            return Err(Malformed::OutOfRange("profession or chamber"));
        }
        if self.subject == self.signer {
            return Err(Malformed::OutOfRange("endorsement of oneself"));
        }
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        let (issued, expires) = (self.issued_at.0.to_le_bytes(), self.expires.0.to_le_bytes());
        let fields = [self.profession, self.chamber];
        let parts: &[&[u8]] =
            &[b"colleague", &self.subject, &fields, &issued, &expires, &self.signer];
        digest32(Domain::FappTrust, parts)
    }
}

const FORMAT: u8 = 1;
/// A leap year.
const YEAR_S: u64 = 366 * DAY_S;
