//! What a book keeps over a restart (`TRU-50`): `d | practice`, `c | holder`, `e | subject | signer`, each
//! with the signed bytes, which are verified again.

use alloc::vec::Vec;

use mesh::error::{Error, Malformed};

use super::{Credential, Endorsement, Observation, Statement, TrustBook};
use crate::{UnixSeconds, cache::CacheRow};

/// Something that has a row.
pub(super) trait Kept {
    /// The row's key.
    fn key(&self) -> Vec<u8>;
}

impl Kept for Observation {
    fn key(&self) -> Vec<u8> {
        [&b"d"[..], &self.practice].concat()
    }
}

impl Kept for Credential {
    fn key(&self) -> Vec<u8> {
        [&b"c"[..], &self.holder].concat()
    }
}

impl Kept for Endorsement {
    fn key(&self) -> Vec<u8> {
        [&b"e"[..], &self.subject, &self.signer].concat()
    }
}

pub(super) fn put(kept: &impl Kept, bytes: Vec<u8>) -> CacheRow {
    CacheRow { key: kept.key(), value: Some(bytes) }
}

pub(super) fn delete(kept: &impl Kept) -> CacheRow {
    CacheRow { key: kept.key(), value: None }
}

impl TrustBook {
    /// Rows since the last call.
    pub fn drain_rows(&mut self) -> Vec<CacheRow> {
        core::mem::take(&mut self.rows)
    }

    /// Plays back one row, after [`Self::configure`]. What counts no longer is left out and deleted.
    ///
    /// # Errors
    /// Bytes that do not verify, or are not of this row.
    pub fn restore(&mut self, now: UnixSeconds, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let wrong = Malformed::OutOfRange("trust row");
        let statement = match key.first() {
            Some(b'd') => Statement::Observation(Observation::parse_verified(value)?),
            Some(b'c') => Statement::Credential(Credential::parse_verified(value)?),
            Some(b'e') => Statement::Endorsement(Endorsement::parse_verified(value)?),
            _ => return Err(wrong.into()),
        };
        if statement.key() != key {
            return Err(wrong.into());
        }
        let known = self.rows.len();
        match self.hold(now, statement) {
            // It is on the disk.
            Ok(_) => self.rows.truncate(known),
            Err(_) => self.rows.push(CacheRow { key: key.to_vec(), value: None }),
        }
        Ok(())
    }
}

impl Kept for Statement {
    fn key(&self) -> Vec<u8> {
        match self {
            Self::Observation(seen) => seen.key(),
            Self::Credential(credential) => credential.key(),
            Self::Endorsement(said) => said.key(),
        }
    }
}
