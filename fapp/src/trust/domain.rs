//! Domains, and signed observations that one names a key (`TRU-11`, `TRU-12`).

use alloc::{string::String, vec::Vec};
use core::fmt;

use mesh::{
    MeshIdentity,
    crypto::{
        Mode,
        hash::{self, digest32},
        sign,
    },
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

use super::{DAY_S, PracticeFile, SKEW_S};
use crate::UnixSeconds;

/// A domain as it is written in ASCII.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// Takes a name that is written as it must be.
    ///
    /// # Errors
    /// [`Malformed`] for any other, upper case and a final dot included.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let bad = Malformed::OutOfRange("domain");
        if text.len() > 253 {
            return Err(Malformed::TooLong("domain"));
        }
        let Some((_, last)) = text.rsplit_once('.') else { return Err(bad) };
        // What ends in digits is an address.
        let lettered = last.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        if lettered && text.split('.').all(is_label) { Ok(Self(text.into())) } else { Err(bad) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| plain(byte) || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Domain({})", self.0)
    }
}

/// A node saw that a domain names a key; its signature was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observation {
    /// The practice's root key.
    pub practice: [u8; 32],
    /// The domain.
    pub domain: Domain,
    /// Until when the file names the key.
    pub expires: UnixSeconds,
    /// When it was seen.
    pub seen_at: UnixSeconds,
    /// The node key of who saw it.
    pub observer: [u8; 32],
    signature: [u8; 64],
}

impl Observation {
    /// Says that a file, fetched from a domain just now, names a practice; `None` when it does not.
    pub fn signed(
        now: UnixSeconds,
        observer: &MeshIdentity,
        domain: &Domain,
        file: &PracticeFile,
        practice: &[u8; 32],
    ) -> Option<Self> {
        let expires = file.names(now, practice)?;
        let mut observation = Self {
            practice: *practice,
            domain: domain.clone(),
            expires,
            seen_at: now,
            observer: *observer.public().node_key(),
            signature: [0; 64],
        };
        observation.signature = observer.sign(Mode::Real, &observation.digest());
        Some(observation)
    }

    /// The bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(1 + 32 + 1 + self.domain.0.len() + 16 + 32 + 64);
        let mut w = Writer::new(&mut out);
        // At most 253.
        w.u8(FORMAT).array(&self.practice).u8(self.domain.0.len() as u8);
        w.bytes(self.domain.0.as_bytes()).u64(self.expires.0).u64(self.seen_at.0);
        w.array(&self.observer).array(&self.signature);
        out
    }

    /// Reads an observation and verifies its signature.
    ///
    /// # Errors
    /// [`Malformed`], [`Unsupported::Version`], or a signature that does not hold.
    pub fn parse_verified(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let format = r.u8("observation format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let practice = r.array("practice key")?;
        let len = usize::from(r.u8("domain length")?);
        let domain = core::str::from_utf8(r.bytes(len, "domain")?)
            .map_err(|_| Malformed::OutOfRange("domain"))?;
        let observation = Self {
            practice,
            domain: Domain::parse(domain)?,
            expires: UnixSeconds(r.u64("expiry")?),
            seen_at: UnixSeconds(r.u64("seen at")?),
            observer: r.array("observer")?,
            signature: r.array("observation signature")?,
        };
        r.finish("observation")?;
        let digest = observation.digest();
        sign::verify(Mode::Real, &observation.observer, &digest, &observation.signature)?;
        Ok(observation)
    }

    /// Until when it counts; `None` when it is not its time.
    pub fn counts_until(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        let until = self.expires.0.min(self.seen_at.0.saturating_add(SEEN_S));
        let sound = self.seen_at.0 <= now.0.saturating_add(SKEW_S) && now.0 < until;
        sound.then_some(UnixSeconds(until))
    }

    fn digest(&self) -> [u8; 32] {
        let (expires, seen_at) = (self.expires.0.to_le_bytes(), self.seen_at.0.to_le_bytes());
        let domain = self.domain.0.as_bytes();
        let parts: &[&[u8]] =
            &[b"domain", &self.practice, domain, &expires, &seen_at, &self.observer];
        digest32(hash::Domain::FappTrust, parts)
    }
}

const FORMAT: u8 = 1;
/// How long an observation counts: 7 days.
const SEEN_S: u64 = 7 * DAY_S;
