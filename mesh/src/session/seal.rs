use alloc::vec::Vec;
use core::fmt;

use super::{
    Sessions,
    chain::{Refusal, Sending},
    schedule,
};
use crate::{
    address::Address,
    crypto::{Mode, aead::TAG_LEN, hash, kdf::Secret},
    envelope::{
        Admitted, Class, EnvelopeId, HEADER_LEN, Header, Priority, SessionBody, digest_of_unsigned,
    },
    identity::{MeshIdentity, Suite},
    limits::ENVELOPE_LEN_MAX,
    lite::LiteMark,
    rules::Rule,
    session::SessionId,
    time::Instant,
    wire::Writer,
};

/// How an envelope is to be sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealParams {
    /// Hops it may take, at most [`crate::limits::HOPS_MAX`].
    pub hops_max: u8,
    /// Which of several waiting envelopes goes first.
    pub priority: Priority,
    /// Whether relays should take it into custody.
    pub durable: bool,
    /// Its life in seconds, 1 to [`crate::limits::LIFETIME_MAX`].
    pub lifetime_s: u32,
    /// Signs the envelope for everyone to verify, with this persisted counter.
    pub signed: Option<u64>,
}

/// A complete envelope of ours: remaining hops at their maximum, age zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The lock that its receipt opens: [`super::lock`] of the receipt's preimage.
    pub lock: [u8; 16],
    /// The session it was sealed in or opens; `None` for one that stands alone.
    pub session: Option<SessionId>,
    /// What a lite session is told when the receipt comes, or a refusal.
    pub lite: Option<LiteMark>,
    /// The envelope.
    pub envelope: Admitted,
}

impl Sealed {
    /// The envelope's name at hop level.
    pub fn id(&self) -> EnvelopeId {
        self.envelope.id()
    }

    /// The envelope's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.envelope.bytes()
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({:?})", self.envelope)
    }
}

/// Why a message was not sealed. Nothing was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// No session with this peer: initiate one.
    NoSession,
    /// The next block of counters is on its way to the disk: try again after
    /// [`Sessions::on_committed`].
    AwaitingCommit,
    /// The suite is weaker than one this peer was reached with before.
    SuiteFloor {
        /// The weakest suite allowed.
        floor: Suite,
    },
    /// The envelope would be longer than [`ENVELOPE_LEN_MAX`].
    TooLong,
    /// The peer's bundle holds a key that cannot be used.
    BadPreKey,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSession => f.write_str("no session with this peer"),
            Self::AwaitingCommit => f.write_str("counters are being reserved on disk"),
            Self::SuiteFloor { floor } => write!(f, "this peer must not get less than {floor}"),
            Self::TooLong => f.write_str("the message is too long for an envelope"),
            Self::BadPreKey => f.write_str("the peer's bundle holds an unusable key"),
        }
    }
}

impl core::error::Error for SealError {}

impl Sessions {
    /// Seals the parts of `inner`, one after the other, to a peer in an existing session.
    ///
    /// # Errors
    /// [`SealError::NoSession`], [`SealError::AwaitingCommit`] or [`SealError::TooLong`].
    pub fn seal(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        to: &Address,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Result<Sealed, SealError> {
        self.clock.start(now);
        let capacity = capacity(params, SessionBody::PREFIX_LEN, inner)?;
        let id = self.choose(now, to).ok_or(SealError::NoSession)?;
        let (counter, leaf) = self.take_counter(now, id)?;
        let session = self.sessions.get(&id).ok_or(SealError::NoSession)?;
        let Sending { id: peer_id, receipts, salt, .. } = &session.sending;

        let lock = schedule::lock(&schedule::preimage(receipts, counter, salt));
        let header = params.header(Class::Session, *to, lock);
        let mut bytes = begin(identity, &header, params, CONTENT_SESSION, capacity);
        Writer::new(&mut bytes).array(peer_id).u32(counter).array(salt);
        let text = bytes.len();
        inner.iter().for_each(|part| bytes.extend_from_slice(part));
        let key = schedule::message_key(&leaf, salt);
        let tag = key.seal(self.mode, &header.immutable(), &mut bytes[text..]);
        bytes.extend_from_slice(&tag);
        let envelope = finish(self.mode, identity, header, bytes);
        Ok(Sealed { lock, session: Some(id), lite: None, envelope })
    }

    /// Takes a session's next counter and its key.
    pub(super) fn take_counter(
        &mut self,
        now: Instant,
        id: SessionId,
    ) -> Result<(u32, Secret), SealError> {
        let session = self.sessions.get_mut(&id).ok_or(SealError::NoSession)?;
        if !self.rules.holds(Rule::ReservationDurable) {
            session.sending.assume_durable();
        }
        let taken = session.sending.take();
        session.used_s = self.clock.seconds(now);
        session.meta_dirty |= !core::mem::replace(&mut session.spoken, true);
        if session.meta_dirty || session.sending.is_dirty() {
            self.queue(id);
        }
        taken.map_err(|refusal| match refusal {
            Refusal::Awaiting => SealError::AwaitingCommit,
            Refusal::Exhausted => SealError::NoSession,
        })
    }
}

impl SealParams {
    pub(super) fn header(&self, class: Class, dest: Address, lock: [u8; 16]) -> Header {
        Header {
            class: if self.signed.is_some() { Class::Signed } else { class },
            hops_left: self.hops_max,
            age_ms: 0,
            hops_max: self.hops_max,
            priority: self.priority,
            durable: self.durable,
            lifetime_s: self.lifetime_s,
            dest,
            lock,
        }
    }
}

/// The length of an envelope with `prefix` bytes between header and ciphertext, if it is allowed.
pub(super) fn capacity(
    params: &SealParams,
    prefix: usize,
    inner: &[&[u8]],
) -> Result<usize, SealError> {
    let signed = if params.signed.is_some() { SIGNED_OVERHEAD } else { 0 };
    let inner_len: usize = inner.iter().map(|part| part.len()).sum();
    let len = HEADER_LEN + signed + prefix + inner_len + TAG_LEN;
    if len > ENVELOPE_LEN_MAX { Err(SealError::TooLong) } else { Ok(len) }
}

/// Starts an envelope: header, and what a signed one has before its content.
pub(super) fn begin(
    identity: &MeshIdentity,
    header: &Header,
    params: &SealParams,
    content_kind: u8,
    capacity: usize,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(capacity);
    header.write(&mut bytes);
    if let Some(seq) = params.signed {
        let source = identity.public();
        Writer::new(&mut bytes).array(source.node_key()).u64(seq).u8(content_kind);
    }
    bytes
}

/// Ends an envelope: the signature of a signed one.
pub(super) fn finish(
    mode: Mode,
    identity: &MeshIdentity,
    header: Header,
    mut bytes: Vec<u8>,
) -> Admitted {
    let id = (header.class == Class::Signed).then(|| {
        let digest = digest_of_unsigned(&header, &bytes[HEADER_LEN..]);
        bytes.extend_from_slice(&identity.sign(mode, &digest));
        EnvelopeId(hash::truncate(&digest))
    });
    Admitted::new(id, header, bytes)
}

/// The content kinds of a signed envelope that sessions make.
pub(super) const CONTENT_SESSION: u8 = 0;
pub(super) const CONTENT_SEALED: u8 = 2;

/// Source key, counter, content kind and signature of a signed envelope.
const SIGNED_OVERHEAD: usize = 32 + 8 + 1 + 64;
