use core::cell::OnceCell;

use crate::{
    crypto::{
        Mode,
        hash::{self, Domain},
        sign,
    },
    envelope::{
        Admitted, Body, Class, Content, EnvelopeId, HEADER_LEN, Header, LiteBody, SealedBody,
        SessionBody,
    },
    error::{Error, Malformed, PeerMisbehaved},
    limits::ENVELOPE_LEN_MAX,
    wire::Reader,
};

const SIGNATURE_LEN: usize = 64;

/// An envelope as it arrived: well-formed, within its maxima, not expired. Nothing is proven about
/// who made it.
#[derive(Clone, Debug)]
pub struct EnvelopeIn<'a> {
    bytes: &'a [u8],
    header: Header,
    body: Body<'a>,
    /// Computed when it is first asked for: who only forwards a volatile envelope never needs it.
    digest: OnceCell<[u8; 32]>,
}

impl<'a> EnvelopeIn<'a> {
    /// Judges the structure of received bytes (`ENV-01`, `ENV-02`, `ENV-08`). Allocates nothing.
    ///
    /// # Errors
    /// [`Malformed`] for structure, [`crate::error::Unsupported`] for an unknown version or suite,
    /// [`PeerMisbehaved`] beyond the authenticated maxima or expired.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let envelope = Self::parse_stored(bytes)?;
        if envelope.header.remaining_life().is_zero() {
            return Err(PeerMisbehaved::Expired.into());
        }
        Ok(envelope)
    }

    /// As [`EnvelopeIn::parse`], for bytes that were judged before and may have expired since.
    pub(crate) fn parse_stored(bytes: &'a [u8]) -> Result<Self, Error> {
        if bytes.len() > ENVELOPE_LEN_MAX {
            return Err(Malformed::TooLong("envelope").into());
        }
        let mut reader = Reader::new(bytes);
        let header = Header::read(&mut reader)?;
        let body = read_body(header.class, reader)?;
        Ok(Self { bytes, header, body, digest: OnceCell::new() })
    }

    /// What every hop reads.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// The envelope's name at hop level (`ENV-04`).
    pub fn id(&self) -> EnvelopeId {
        EnvelopeId(hash::truncate(&self.digest()))
    }

    /// What the id is cut from and a signature is over.
    pub fn digest(&self) -> [u8; 32] {
        *self.digest.get_or_init(|| digest(&self.header, self.bytes))
    }

    /// The bytes as they arrived.
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What follows the header.
    pub const fn body(&self) -> Body<'a> {
        self.body
    }

    /// Whether it carries a signature.
    pub const fn is_signed(&self) -> bool {
        matches!(self.header.class, Class::Signed)
    }

    /// Checks the signature of a signed envelope (`ENV-06`).
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadSignature`] or [`PeerMisbehaved::WeakKey`]; the former also for an
    /// envelope that carries none.
    pub fn verify_signature(&self, mode: Mode) -> Result<(), PeerMisbehaved> {
        match &self.body {
            Body::Signed { source_key, signature, .. } => {
                sign::verify(mode, source_key, &self.digest(), signature)
            }
            Body::Session(_) | Body::Sealed(_) | Body::Lite(_) => Err(PeerMisbehaved::BadSignature),
        }
    }

    /// Takes the envelope for forwarding or custody; copies its bytes.
    pub fn admit(self) -> Admitted {
        let id = self.digest.get().map(|digest| EnvelopeId(hash::truncate(digest)));
        Admitted::new(id, self.header, self.bytes.to_vec())
    }
}

fn read_body<'a>(class: Class, mut reader: Reader<'a>) -> Result<Body<'a>, Error> {
    match class {
        Class::Session => Ok(Body::Session(SessionBody::read(&mut reader)?)),
        Class::Sealed => Ok(Body::Sealed(SealedBody::read(&mut reader)?)),
        Class::Lite => Ok(Body::Lite(LiteBody::read(&mut reader)?)),
        Class::Signed => {
            let (content, signature) = reader
                .rest()
                .split_last_chunk::<SIGNATURE_LEN>()
                .ok_or(Malformed::MissingData("envelope signature"))?;
            let mut reader = Reader::new(content);
            let source_key = reader.array("envelope source key")?;
            let seq = reader.u64("envelope seq")?;
            let content = match reader.u8("envelope content kind")? {
                0 => Content::Session(SessionBody::read(&mut reader)?),
                1 => Content::Public(reader.rest()),
                2 => Content::Sealed(SealedBody::read(&mut reader)?),
                _ => return Err(Malformed::OutOfRange("envelope content kind").into()),
            };
            Ok(Body::Signed { source_key, seq, content, signature: *signature })
        }
    }
}

/// The digest of complete envelope bytes: domain ‖ immutable header fields ‖ hash of the body, the
/// signature of a signed one left out (`ENV-04`).
pub(super) fn digest(header: &Header, bytes: &[u8]) -> [u8; 32] {
    let end = match header.class {
        Class::Signed => bytes.len() - SIGNATURE_LEN,
        Class::Session | Class::Sealed | Class::Lite => bytes.len(),
    };
    digest_of_unsigned(header, &bytes[HEADER_LEN..end])
}

/// As [`digest`], for a body whose signature is not there yet.
pub(crate) fn digest_of_unsigned(header: &Header, body: &[u8]) -> [u8; 32] {
    hash::digest32(Domain::Envelope, &[&header.immutable(), &hash::sha256(body)])
}
