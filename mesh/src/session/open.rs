use alloc::vec::Vec;
use core::fmt;

use super::{
    Answered, Receiving, Sending, Session, SessionId, Sessions,
    chain::{self, Judged},
    contact::{self, ContactText},
    replay::Remembered,
    schedule,
};
use crate::{
    bundle::PreKeys,
    crypto::{aead::OneTimeKey, kdf::Secret, sign},
    envelope::{Body, Content, EnvelopeIn, Header, KemCiphertext, SealedBody, SessionBody},
    error::{Error, PeerMisbehaved, Unsupported},
    identity::{MeshIdentity, PublicIdentity, Suite},
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
        let id = SessionId(body.session_id);
        let session = self.sessions.get_mut(&id).ok_or(Unsupported::UnknownSession)?;
        check_source(source, session.peer.node_key())?;
        let receipts = &session.receiving.receipts;
        let (lock, preimage) = chain::receipt(receipts, body.counter, &body.boot_salt);
        if lock != envelope.header().lock {
            return Err(PeerMisbehaved::BadTag.into());
        }
        let mut opened = session.opened(preimage, source.is_some());
        let derived = match session.receiving.judge(body.counter, &body.boot_salt)? {
            Judged::Duplicate => return Ok(opened),
            Judged::Fresh(derived) => derived,
        };
        let key = schedule::message_key(&derived.key, &body.boot_salt);
        opened.inner =
            decrypt(self.mode, &key, &envelope.header().immutable(), body.ciphertext, &body.tag)?;
        opened.fresh = true;
        let before = session.receiving.kept();
        session.receiving.opened(body.counter, body.boot_salt, derived);
        session.used_s = self.clock.seconds(now);
        if let Some(answered) = session.answered.take() {
            self.contacts.remove(&answered.contact);
        }
        self.recount(id, before);
        self.confirm(&id);
        Ok(opened)
    }

    fn open_contact(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        envelope: &EnvelopeIn<'_>,
        body: &SealedBody<'_>,
        source: Option<[u8; 32]>,
    ) -> Result<Opened, Error> {
        if let Some(remembered) = self.replay.get(&envelope.id()) {
            return Ok(remembered.opened(source.is_some()));
        }
        let exchange = self.contact_exchange(identity, prekeys, body)?;
        let header = envelope.header();
        let (head, mut text) = self.contact_text(&exchange, header, body)?;
        check_source(source, &head.sender)?;
        let suite = body.kem.suite();
        let peer = PublicIdentity::new(head.sender);
        self.check_suite(&peer, suite, head.floor)?;
        let transcript = schedule::transcript(&exchange.contact, &head.sender, head.floor);
        self.check_signatures(&exchange, &transcript, &head)?;

        let root_key = head.certificate.map(|certificate| certificate.root_key);
        let remembered = Remembered {
            prekey_id: body.prekey_id,
            preimage: head.preimage,
            peer,
            suite,
            root_key,
        };
        if let Some(shared) = exchange.shared.as_ref().filter(|_| head.opens_session) {
            let age_s = u64::from(header.age_ms / 1_000);
            let created_s = self.clock.seconds(now).saturating_sub(age_s);
            self.accept(&remembered, &exchange, transcript, shared, created_s);
        }
        let mut opened = remembered.opened(source.is_some());
        let oldest = prekeys.oldest().unwrap_or(body.prekey_id);
        self.replay.insert(envelope.id(), remembered, oldest, &mut self.records);
        self.raise_floor(&peer.address(), suite);
        text.drain(..head.inner_at);
        opened.inner = text;
        opened.fresh = true;
        Ok(opened)
    }

    /// The secret of a first contact: remembered when an earlier envelope carried the same
    /// encapsulation, otherwise by decapsulation.
    fn contact_exchange(
        &self,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        body: &SealedBody<'_>,
    ) -> Result<Exchange, Error> {
        let (private, public) = prekeys.private(body.prekey_id).ok_or(Unsupported::PreKeyGone)?;
        let suite = body.kem.suite();
        let contact = schedule::contact_digest(
            suite,
            body.prekey_id,
            public.for_suite(suite),
            body.kem.as_bytes(),
            identity.public().node_key(),
        );
        let known = self.contacts.get(&contact).and_then(|id| self.sessions.get(id));
        let known = known.and_then(|session| Some((session.answered.as_ref()?, session.root_key)));
        if let Some((answered, root_key)) = known {
            let secret = answered.secret.clone();
            let verified = Some((answered.transcript, root_key));
            return Ok(Exchange { contact, secret, shared: None, verified });
        }
        let shared = match body.kem {
            KemCiphertext::X25519(ephemeral) => private.x25519.agree(ephemeral)?,
            KemCiphertext::XWing(ciphertext) => private.xwing.decapsulate(ciphertext)?,
        };
        let secret = schedule::contact_secret(&contact, &shared);
        Ok(Exchange { contact, secret, shared: Some(shared), verified: None })
    }

    /// Decrypts a first contact and holds the preimage inside against the lock outside.
    fn contact_text(
        &self,
        exchange: &Exchange,
        header: &Header,
        body: &SealedBody<'_>,
    ) -> Result<(ContactText, Vec<u8>), Error> {
        let key = schedule::contact_key(&exchange.secret, &header.lock);
        let associated = contact::associated(&header.immutable(), &body.label);
        let text = decrypt(self.mode, &key, &associated, body.ciphertext, &body.tag)?;
        let head = ContactText::read(&text)?;
        if schedule::lock(&head.preimage) != header.lock {
            return Err(PeerMisbehaved::BadTag.into());
        }
        Ok((head, text))
    }

    /// Neither we nor the sender may have reached the other with something stronger (`SES-14`).
    fn check_suite(&self, peer: &PublicIdentity, suite: Suite, claimed: u8) -> Result<(), Error> {
        let known = self.floor(&peer.address()).map_or(0, Suite::code);
        if suite.code() < known || suite.code() < claimed {
            return Err(Unsupported::Suite(suite.code()).into());
        }
        Ok(())
    }

    fn check_signatures(
        &self,
        exchange: &Exchange,
        transcript: &[u8; 32],
        head: &ContactText,
    ) -> Result<(), Error> {
        let known = exchange.verified.filter(|(known, _)| known == transcript);
        if known.is_none() {
            sign::verify(self.mode, &head.sender, transcript, &head.signature)?;
        }
        match (&head.certificate, known) {
            (None, _) => Ok(()),
            (Some(certificate), Some((_, Some(root)))) if root == certificate.root_key => Ok(()),
            (Some(certificate), _) => Ok(certificate.verify(self.mode, &head.sender)?),
        }
    }

    /// Opens our side of a session, unless we have it.
    fn accept(
        &mut self,
        remembered: &Remembered,
        exchange: &Exchange,
        transcript: [u8; 32],
        shared: &Secret,
        created_s: u64,
    ) {
        let (there, back) = schedule::directions(&transcript, shared);
        let id = SessionId(there.id);
        if self.sessions.contains_key(&id) {
            return;
        }
        let salt = self.fresh_salt();
        let contact = exchange.contact;
        self.insert(
            id,
            Session {
                peer: remembered.peer,
                root_key: remembered.root_key,
                suite: remembered.suite,
                created_s,
                used_s: created_s,
                confirmed: true,
                spoken: false,
                pending: None,
                answered: Some(Answered { contact, transcript, secret: exchange.secret.clone() }),
                sending: Sending::new(&back, salt),
                receiving: Receiving::new(&there),
                meta_dirty: true,
                queued: false,
            },
        );
        self.contacts.insert(contact, id);
    }
}

/// A first contact's secrets at the recipient.
struct Exchange {
    contact: [u8; 32],
    secret: Secret,
    /// Known only when it was decapsulated now.
    shared: Option<Secret>,
    /// The transcript whose signature was verified before, and the root key whose certificate.
    verified: Option<([u8; 32], Option<[u8; 32]>)>,
}

impl Session {
    fn opened(&self, preimage: [u8; 16], session_signed: bool) -> Opened {
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

impl Remembered {
    fn opened(&self, session_signed: bool) -> Opened {
        Opened {
            peer: self.peer,
            root_key: self.root_key,
            suite: self.suite,
            inner: Vec::new(),
            preimage: self.preimage,
            first_contact: true,
            fresh: false,
            session_signed,
        }
    }
}

/// Who signs an envelope must be who sealed it.
fn check_source(source: Option<[u8; 32]>, sender: &[u8; 32]) -> Result<(), PeerMisbehaved> {
    match source {
        Some(source) if source != *sender => Err(PeerMisbehaved::BadSignature),
        _ => Ok(()),
    }
}

fn decrypt(
    mode: crate::crypto::Mode,
    key: &OneTimeKey,
    associated: &[u8],
    ciphertext: &[u8],
    tag: &[u8; 16],
) -> Result<Vec<u8>, PeerMisbehaved> {
    let mut text = ciphertext.to_vec();
    key.open(mode, associated, &mut text, tag)?;
    Ok(text)
}
