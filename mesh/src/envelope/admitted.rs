use alloc::vec::Vec;
use core::{cell::OnceCell, fmt, time::Duration};

use super::{
    header::{AGE_AT, HOPS_LEFT_AT},
    parse,
};
use crate::{
    crypto::hash,
    envelope::{Class, EnvelopeId, EnvelopeIn, Header},
    error::Error,
    session::Sealed,
};

/// An envelope that may be forwarded and stored.
#[derive(Clone)]
pub struct Admitted {
    /// Computed when it is first asked for.
    id: OnceCell<EnvelopeId>,
    header: Header,
    bytes: Vec<u8>,
}

impl Admitted {
    /// Of complete, well-formed bytes whose header is `header`; `id` if it is known already.
    pub(crate) fn new(id: Option<EnvelopeId>, header: Header, bytes: Vec<u8>) -> Self {
        Self { id: id.map_or_else(OnceCell::new, OnceCell::from), header, bytes }
    }

    /// An envelope of our own making.
    pub(crate) fn from_sealed(sealed: Sealed) -> Self {
        sealed.envelope
    }

    /// An envelope from bytes that were admitted before: a stored row. It may have expired.
    ///
    /// # Errors
    /// As [`EnvelopeIn::parse`], expiry aside.
    pub fn from_stored(bytes: &[u8]) -> Result<Self, Error> {
        EnvelopeIn::parse_stored(bytes).map(EnvelopeIn::admit)
    }

    /// The envelope's name at hop level. The first call hashes the envelope.
    pub fn id(&self) -> EnvelopeId {
        *self
            .id
            .get_or_init(|| EnvelopeId(hash::truncate(&parse::digest(&self.header, &self.bytes))))
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

impl PartialEq for Admitted {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Admitted {}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admitted({}, {} B)", self.id(), self.bytes.len())
    }
}
