//! What an issuer certifies (`TRU-30`, `TRU-31`).

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

/// An issuer lets another issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerLink {
    /// Who lets.
    pub issuer: [u8; 32],
    /// Whom.
    pub subject: [u8; 32],
    /// For which chamber; 0 for any.
    pub chamber: u8,
    /// How many links may follow.
    pub depth: u8,
    /// From when.
    pub not_before: UnixSeconds,
    /// Until when.
    pub not_after: UnixSeconds,
    signature: [u8; 64],
}

/// An issuer certifies the profession and chamber of who holds a key. All its signatures were
/// verified; whether its root is trusted is the book's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    links: Vec<IssuerLink>,
    /// The practice's root key.
    pub holder: [u8; 32],
    /// The profession's number.
    pub profession: u8,
    /// The chamber's number.
    pub chamber: u8,
    /// Names it at its issuer.
    pub serial: [u8; 16],
    /// From when.
    pub not_before: UnixSeconds,
    /// Until when: 800 days at most.
    pub not_after: UnixSeconds,
    /// Who certifies.
    pub issuer: [u8; 32],
    signature: [u8; 64],
}

impl IssuerLink {
    /// Lets a key issue.
    pub fn signed(
        issuer: &SigningKey,
        subject: [u8; 32],
        chamber: u8,
        depth: u8,
        not_before: UnixSeconds,
        not_after: UnixSeconds,
    ) -> Self {
        let issuer_key = issuer.public();
        let mut link = Self {
            issuer: issuer_key,
            subject,
            chamber,
            depth,
            not_before,
            not_after,
            signature: [0; 64],
        };
        link.signature = issuer.sign(Mode::Real, &link.digest());
        link
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.array(&self.issuer).array(&self.subject).u8(self.chamber).u8(self.depth);
        w.u64(self.not_before.0).u64(self.not_after.0).array(&self.signature);
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self {
            issuer: r.array("link issuer")?,
            subject: r.array("link subject")?,
            chamber: r.u8("link chamber")?,
            depth: r.u8("link depth")?,
            not_before: UnixSeconds(r.u64("link from")?),
            not_after: UnixSeconds(r.u64("link until")?),
            signature: r.array("link signature")?,
        })
    }

    fn digest(&self) -> [u8; 32] {
        let (from, until) = (self.not_before.0.to_le_bytes(), self.not_after.0.to_le_bytes());
        let fields = [self.chamber, self.depth];
        let parts: &[&[u8]] = &[b"issuer", &self.issuer, &self.subject, &fields, &from, &until];
        digest32(Domain::FappTrust, parts)
    }
}

impl Credential {
    /// Certifies a key. `links` lead from a root to `issuer`; none when it is a root.
    ///
    /// # Errors
    /// [`Malformed::OutOfRange`] for what would not be read again.
    pub fn signed(
        links: Vec<IssuerLink>,
        issuer: &SigningKey,
        holder: [u8; 32],
        (profession, chamber): (u8, u8),
        serial: [u8; 16],
        (not_before, not_after): (UnixSeconds, UnixSeconds),
    ) -> Result<Self, Malformed> {
        let mut credential = Self {
            links,
            holder,
            profession,
            chamber,
            serial,
            not_before,
            not_after,
            issuer: issuer.public(),
            signature: [0; 64],
        };
        credential.check()?;
        credential.signature = issuer.sign(Mode::Real, &credential.digest());
        Ok(credential)
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(164 + self.links.len() * 146);
        let mut w = Writer::new(&mut out);
        // At most LINKS_MAX.
        w.u8(FORMAT).u8(self.links.len() as u8);
        self.links.iter().for_each(|link| link.write(&mut w));
        w.array(&self.holder).u8(self.profession).u8(self.chamber).array(&self.serial);
        w.u64(self.not_before.0).u64(self.not_after.0).array(&self.issuer).array(&self.signature);
        out
    }

    /// What an announce carries of it (`TRU-31`).
    pub fn reference(&self) -> [u8; 32] {
        digest32(Domain::FappTrust, &[b"reference", &self.bytes()])
    }

    /// Reads a credential and verifies all its signatures.
    ///
    /// # Errors
    /// [`Malformed`], [`Unsupported::Version`], or a signature that does not hold.
    pub fn parse_verified(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let format = r.u8("credential format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let count = usize::from(r.u8("links")?);
        if count > LINKS_MAX {
            return Err(Malformed::OutOfRange("links").into());
        }
        let mut links = Vec::with_capacity(count);
        for _ in 0..count {
            links.push(IssuerLink::read(&mut r)?);
        }
        let credential = Self {
            links,
            holder: r.array("holder")?,
            profession: r.u8("profession")?,
            chamber: r.u8("chamber")?,
            serial: r.array("serial")?,
            not_before: UnixSeconds(r.u64("credential from")?),
            not_after: UnixSeconds(r.u64("credential until")?),
            issuer: r.array("issuer")?,
            signature: r.array("credential signature")?,
        };
        r.finish("credential")?;
        credential.check()?;
        for link in &credential.links {
            sign::verify(Mode::Real, &link.issuer, &link.digest(), &link.signature)?;
        }
        let digest = credential.digest();
        sign::verify(Mode::Real, &credential.issuer, &digest, &credential.signature)?;
        Ok(credential)
    }

    /// The key the chain begins with.
    pub fn root(&self) -> &[u8; 32] {
        self.links.first().map_or(&self.issuer, |link| &link.issuer)
    }

    /// Until when it holds; `None` when it is not the time of all of it.
    pub fn holds_until(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        let spans = self.links.iter().map(|link| (link.not_before, link.not_after));
        let mut until = self.not_after;
        for (from, end) in spans.chain([(self.not_before, self.not_after)]) {
            if from.0 > now.0.saturating_add(SKEW_S) || now >= end {
                return None;
            }
            until = until.min(end);
        }
        Some(until)
    }

    /// The chain's structure: what no signature and no clock is needed for.
    fn check(&self) -> Result<(), Malformed> {
        let lasts = self.not_after.0.checked_sub(self.not_before.0);
        if lasts.is_none_or(|lasts| lasts == 0 || lasts > LIFE_MAX_S) {
            return Err(Malformed::OutOfRange("credential life"));
        }
        if self.profession == 0 || self.chamber == 0 {
            return Err(Malformed::OutOfRange("profession or chamber"));
        }
        if self.links.len() > LINKS_MAX {
            return Err(Malformed::OutOfRange("links"));
        }
        for (index, link) in self.links.iter().enumerate() {
            let following = &self.links[index + 1..];
            let next = following.first().map_or(&self.issuer, |next| &next.issuer);
            if link.subject != *next || usize::from(link.depth) < following.len() {
                return Err(Malformed::OutOfRange("chain"));
            }
            if link.chamber != 0 && link.chamber != self.chamber {
                return Err(Malformed::OutOfRange("chain chamber"));
            }
        }
        Ok(())
    }

    fn digest(&self) -> [u8; 32] {
        let (from, until) = (self.not_before.0.to_le_bytes(), self.not_after.0.to_le_bytes());
        let fields = [self.profession, self.chamber];
        let parts: &[&[u8]] =
            &[b"credential", &self.holder, &fields, &self.serial, &from, &until, &self.issuer];
        digest32(Domain::FappTrust, parts)
    }
}

const FORMAT: u8 = 1;
/// Links between a root and an issuer.
const LINKS_MAX: usize = 2;
/// 800 days.
const LIFE_MAX_S: u64 = 800 * DAY_S;
