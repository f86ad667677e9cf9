use alloc::vec::Vec;
use core::{fmt, time::Duration};

use super::header::{AGE_AT, HOPS_LEFT_AT};
use crate::{
    envelope::{Class, EnvelopeId, EnvelopeIn, Header},
    error::Error,
};

/// An envelope that may be forwarded and stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Admitted {
    id: EnvelopeId,
    header: Header,
    bytes: Vec<u8>,
}

impl Admitted {
    pub(super) const fn new(id: EnvelopeId, header: Header, bytes: Vec<u8>) -> Self {
        Self { id, header, bytes }
    }

    /// An envelope from bytes that were admitted before: a stored row. It may have expired.
    ///
    /// # Errors
    /// As [`EnvelopeIn::parse`], expiry aside.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, Error> {
        EnvelopeIn::parse_stored(bytes).map(EnvelopeIn::admit)
    }

    /// An envelope that was just sealed here.
    pub(crate) fn from_sealed(sealed: crate::session::Sealed) -> Self {
        let header = Header::read(&mut crate::wire::Reader::new(&sealed.bytes))
            .expect("what was just written reads back");
        Self { id: sealed.id, header, bytes: sealed.bytes }
    }

    /// The envelope's name at hop level.
    pub const fn id(&self) -> EnvelopeId {
        self.id
    }

    /// What every hop reads, as it arrived.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The bytes as they arrived.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes as they arrived, by value.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends the envelope with the two fields that a hop rewrites: hops left after the next hop
    /// and age until now. The caller keeps both within the header's maxima (`ENV-07`).
    pub fn write_forward(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        out[start + HOPS_LEFT_AT] = hops_left;
        out[start + AGE_AT.start..start + AGE_AT.end].copy_from_slice(&age_ms.to_le_bytes());
    }

    /// Life that was left when it arrived.
    pub const fn remaining_life(&self) -> Duration {
        self.header.remaining_life()
    }

    /// Whether it carries a signature.
    pub const fn is_signed(&self) -> bool {
        matches!(self.header.class, Class::Signed)
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admitted({}, {} B)", self.id, self.bytes.len())
    }
}
