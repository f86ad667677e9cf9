use alloc::vec::Vec;
use core::fmt;

use super::{
    Session, SessionId, Sessions,
    chain::{self, Judged},
    schedule,
    tree::Derived,
};
use crate::{
    bundle::PreKeys,
    crypto::{Mode, aead::OneTimeKey},
    envelope::{Body, Content, EnvelopeIn, SessionBody},
    error::{Error, PeerMisbehaved, Unsupported},
    identity::{MeshIdentity, PublicIdentity, Suite},
    lite::LiteId,
    rules::Rule,
    time::Instant,
};

/// An envelope of ours, decrypted; its sender is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// Who sent it.
    pub peer: PublicIdentity,
    /// The root key that certifies the sender, if one does.
    pub root_key: Option<[u8; 32]>,
    /// The suite under which it was sealed.
    pub suite: Suite,
    /// What was sealed; empty unless `fresh`.
    pub inner: Vec<u8>,
    /// What opens the envelope's lock: the receipt.
    pub preimage: [u8; 16],
    /// It came as a first contact.
    pub first_contact: bool,
    /// It was not opened before. Of a duplicate only sender and receipt are told.
    pub fresh: bool,
    /// It carries the sender's signature.
    pub session_signed: bool,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Opened(from {}, {} B)", self.peer.address(), self.inner.len())
    }
}

impl Sessions {
    /// Opens an envelope sealed to this node. Memory changes, rows only after [`Sessions::keep`],
    /// or when a new session was opened.
    ///
    /// # Errors
    /// [`Unsupported::UnknownSession`] when its first contact has not arrived, or its sender lost
    /// counters: only a new first contact helps. [`Unsupported::PreKeyGone`] when the sender used
    /// a bundle too old. [`Unsupported::Suite`] below the peer's floor. [`PeerMisbehaved`] for a
    /// forged, damaged or replayed envelope.
    pub fn open(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        envelope: &EnvelopeIn<'_>,
    ) -> Result<Opened, Error> {
        self.clock.start(now);
        match envelope.body() {
            Body::Session(body) => self.open_message(now, envelope, &body, None),
            Body::Sealed(body) => self.open_contact(now, identity, prekeys, envelope, &body, None),
            Body::Lite(body) => self.open_lite(now, envelope, &body),
            Body::Signed { source_key, content, .. } => {
                envelope.verify_signature(self.mode)?;
                let source = Some(source_key);
                match content {
                    Content::Session(body) => self.open_message(now, envelope, &body, source),
                    Content::Sealed(body) => {
                        self.open_contact(now, identity, prekeys, envelope, &body, source)
                    }
                    // Not sealed to anybody.
                    Content::Public(_) => Err(PeerMisbehaved::Unsolicited.into()),
                }
            }
        }
    }

    fn open_message(
        &mut self,
        now: Instant,
        envelope: &EnvelopeIn<'_>,
        body: &SessionBody<'_>,
        source: Option<[u8; 32]>,
    ) -> Result<Opened, Error> {
        let header = envelope.header();
        let id = SessionId(body.session_id);
        let session = self.sessions.get(&id).ok_or(Unsupported::UnknownSession)?;
        check_source(source, session.peer.node_key())?;
        let judged = session.judge(&header.lock, body.counter, &body.boot_salt)?;
        let mut opened = session.opened(judged.preimage, source.is_some());
        let Some(derived) = judged.fresh else { return Ok(opened) };
        let key = schedule::message_key(&derived.key, &body.boot_salt);
        opened.inner = decrypt(self.mode, &key, &header.immutable(), body.ciphertext, &body.tag)?;
        opened.fresh = true;
        self.mark_opened(now, id, (body.counter, body.boot_salt), derived);
        let answered = self.sessions.get_mut(&id).and_then(|session| session.answered.take());
        if let Some(answered) = answered {
            // The initiator speaks in the session: its first contacts are over.
            self.contacts.remove(&answered.contact);
        }
        self.confirm(&id);
        self.lite.take_note(LiteId(id.0), &mut opened.inner);
        Ok(opened)
    }

    /// Uses up the key of a message that was opened.
    pub(super) fn mark_opened(
        &mut self,
        now: Instant,
        id: SessionId,
        (counter, salt): (u32, [u8; 8]),
        derived: Derived,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let before = session.receiving.kept();
        if self.rules.holds(Rule::KeyUsedOnce) {
            session.receiving.opened(counter, salt, derived);
        }
        session.used_s = self.clock.seconds(now);
        self.recount(id, before);
    }
}

/// An envelope that belongs into a session.
pub(super) struct JudgedEnvelope {
    /// What opens its lock.
    pub(super) preimage: [u8; 16],
    /// Its key, unless it was opened before.
    pub(super) fresh: Option<Derived>,
}

impl Session {
    /// Holds lock, counter and salt of an envelope against this session; changes nothing.
    pub(super) fn judge(
        &self,
        lock: &[u8; 16],
        counter: u32,
        salt: &[u8; 8],
    ) -> Result<JudgedEnvelope, Error> {
        let (expected, preimage) = chain::receipt(&self.receiving.receipts, counter, salt);
        if expected != *lock {
            return Err(PeerMisbehaved::BadTag.into());
        }
        let fresh = match self.receiving.judge(counter, salt)? {
            Judged::Fresh(derived) => Some(derived),
            Judged::Duplicate => None,
        };
        Ok(JudgedEnvelope { preimage, fresh })
    }

    pub(super) fn opened(&self, preimage: [u8; 16], session_signed: bool) -> Opened {
        Opened {
            peer: self.peer,
            root_key: self.root_key,
            suite: self.suite,
            inner: Vec::new(),
            preimage,
            first_contact: false,
            fresh: false,
            session_signed,
        }
    }
}

/// Who signs an envelope must be who sealed it.
pub(super) fn check_source(
    source: Option<[u8; 32]>,
    sender: &[u8; 32],
) -> Result<(), PeerMisbehaved> {
    match source {
        Some(source) if source != *sender => Err(PeerMisbehaved::BadSignature),
        _ => Ok(()),
    }
}

pub(super) fn decrypt(
    mode: Mode,
    key: &OneTimeKey,
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8; 16],
) -> Result<Vec<u8>, PeerMisbehaved> {
    let mut text = ciphertext.to_vec();
    key.open(mode, associated, &mut text, tag)?;
    Ok(text)
}
