//! First contact at its recipient (`SES-03`, `SES-04`, `SES-08`, `SES-15`).

use alloc::vec::Vec;

use super::{
    Answered, Opened, Receiving, Sending, Session, SessionId, Sessions,
    contact::{self, ContactText, Place},
    open::{check_source, decrypt},
    replay::{self, Alone, Remembered},
    schedule,
};
use crate::{
    bundle::PreKeys,
    crypto::{kdf::Secret, sign},
    envelope::{EnvelopeIn, Header, KemCiphertext, SealedBody},
    error::{Error, PeerMisbehaved, Unsupported},
    identity::{MeshIdentity, PublicIdentity, Suite},
    lite::LiteId,
    rules::Rule,
    time::Instant,
};

/// A first contact's secrets at the recipient.
struct Exchange {
    contact: [u8; 32],
    secret: Secret,
    origin: Origin,
}

/// Where the secrets come from.
enum Origin {
    /// They were just decapsulated.
    Decapsulated(Secret),
    /// An earlier envelope carried the same encapsulation and opened this session; its transcript
    /// and root key were verified then.
    Session { id: SessionId, transcript: [u8; 32], root_key: Option<[u8; 32]> },
}

/// Who sent a first contact; verified.
struct Sender {
    peer: PublicIdentity,
    root_key: Option<[u8; 32]>,
    suite: Suite,
    transcript: [u8; 32],
}

impl Sessions {
    pub(super) fn open_contact(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        envelope: &EnvelopeIn<'_>,
        body: &SealedBody<'_>,
        source: Option<[u8; 32]>,
    ) -> Result<Opened, Error> {
        // Through a mailbox messages stand alone and are remembered by their id; directly they
        // count in a session, and nobody needs the hash of a long envelope.
        let alone = body.label != [0; 16];
        if alone
            && self.rules.holds(Rule::ContactOnce)
            && let Some(known) = self.replay.get(&envelope.id().0)
        {
            let message = known.message.as_ref().ok_or(PeerMisbehaved::Replayed)?;
            return Ok(message.opened());
        }
        let header = envelope.header();
        let exchange = self.contact_exchange(identity, prekeys, body)?;
        let (head, mut text) = self.contact_text(&exchange, header, body)?;
        check_source(source, &head.sender)?;
        let sender = self.contact_sender(&exchange, &head, body.kem.suite())?;
        let prekey = (body.prekey_id, prekeys.oldest().unwrap_or(body.prekey_id));
        let mut session = None;
        let mut opened = match head.place {
            Place::Alone { preimage } if alone && schedule::lock(&preimage) == header.lock => {
                self.remember_alone(envelope, prekey, &sender, preimage)
            }
            Place::InSession { counter, salt } if !alone => {
                let place = (counter, salt);
                let id = self.contact_session(now, header, prekey, place, &exchange, &sender)?;
                session = Some(id);
                self.count_contact(now, &header.lock, id, place, source.is_some())?
            }
            // A lock that its preimage does not open, or a way that is not its kind's.
            _ => return Err(PeerMisbehaved::BadTag.into()),
        };
        self.raise_floor(&sender.peer.address(), sender.suite);
        if opened.fresh {
            text.drain(..head.inner_at);
            opened.inner = text;
            if let Some(id) = session {
                self.lite.take_note(LiteId(id.0), &mut opened.inner);
            }
        }
        Ok(opened)
    }

    /// A message that stood alone was opened and is not kept: forgets it, so that no copy is taken
    /// for one that was (`MEET-13`).
    pub(crate) fn forget_alone(&mut self, envelope: &EnvelopeIn<'_>) {
        self.replay.remove(&envelope.id().0, &mut self.records);
    }

    fn remember_alone(
        &mut self,
        envelope: &EnvelopeIn<'_>,
        (prekey_id, oldest): (u32, u32),
        sender: &Sender,
        preimage: [u8; 16],
    ) -> Opened {
        let &Sender { peer, root_key, suite, .. } = sender;
        let message = Alone { preimage, peer, suite, root_key };
        let opened = Opened { fresh: true, ..message.opened() };
        let remembered = Remembered { prekey_id, message: Some(message) };
        self.replay.insert(envelope.id().0, remembered, oldest, &mut self.records);
        opened
    }
}

impl Sessions {
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
        if let Some(known) = self.known_exchange(&contact) {
            return Ok(known);
        }
        let shared = match body.kem {
            KemCiphertext::X25519(ephemeral) => private.x25519.agree(ephemeral)?,
            KemCiphertext::XWing(ciphertext) => private.xwing.decapsulate(ciphertext)?,
        };
        let secret = schedule::contact_secret(&contact, &shared);
        Ok(Exchange { contact, secret, origin: Origin::Decapsulated(shared) })
    }

    fn known_exchange(&self, contact: &[u8; 32]) -> Option<Exchange> {
        let id = *self.contacts.get(contact)?;
        let session = self.sessions.get(&id)?;
        let answered = session.answered.as_ref()?;
        let (transcript, root_key) = (answered.transcript, session.root_key);
        let origin = Origin::Session { id, transcript, root_key };
        Some(Exchange { contact: *contact, secret: answered.secret.clone(), origin })
    }

    fn contact_text(
        &self,
        exchange: &Exchange,
        header: &Header,
        body: &SealedBody<'_>,
    ) -> Result<(ContactText, Vec<u8>), Error> {
        let key = schedule::contact_key(&exchange.secret, &header.lock);
        let associated = contact::associated(&header.immutable(), &body.label);
        let text = decrypt(self.mode, &key, &associated, body.ciphertext, &body.tag)?;
        Ok((ContactText::read(&text)?, text))
    }

    /// Verifies who sent a first contact, as far as an earlier one has not shown it already, and
    /// that the suite will do (`SES-14`).
    fn contact_sender(
        &self,
        exchange: &Exchange,
        head: &ContactText,
        suite: Suite,
    ) -> Result<Sender, Error> {
        let peer = PublicIdentity::new(head.sender);
        let floor = self.floor(&peer.address()).map_or(0, Suite::code);
        let is_weak = suite.code() < floor || suite.code() < head.floor;
        if is_weak && self.rules.holds(Rule::SuiteFloor) {
            return Err(Unsupported::Suite(suite.code()).into());
        }
        let transcript = schedule::transcript(&exchange.contact, &head.sender, head.floor);
        let verified_root = match &exchange.origin {
            Origin::Session { transcript: known, root_key, .. } if *known == transcript => {
                *root_key
            }
            _ => {
                sign::verify(self.mode, &head.sender, &transcript, &head.signature)?;
                None
            }
        };
        let root_key = head.certificate.map(|certificate| certificate.root_key);
        if let Some(certificate) = head.certificate.filter(|_| root_key != verified_root) {
            certificate.verify(self.mode, &head.sender)?;
        }
        Ok(Sender { peer, root_key, suite, transcript })
    }

    /// The session of a first contact, opened if it is not there yet. An envelope that would not
    /// count in it opens none.
    fn contact_session(
        &mut self,
        now: Instant,
        header: &Header,
        prekey: (u32, u32),
        (counter, salt): (u32, [u8; 8]),
        exchange: &Exchange,
        sender: &Sender,
    ) -> Result<SessionId, Error> {
        let shared = match &exchange.origin {
            Origin::Session { id, transcript, .. } if *transcript == sender.transcript => {
                return Ok(*id);
            }
            // One encapsulation, two transcripts: no honest sender does that.
            Origin::Session { .. } => return Err(PeerMisbehaved::BadTag.into()),
            Origin::Decapsulated(shared) => shared.clone(),
        };
        let (there, back) = schedule::directions(&sender.transcript, &shared);
        let (id, contact) = (SessionId(there.id), exchange.contact);
        let answered =
            Answered { contact, transcript: sender.transcript, secret: exchange.secret.clone() };
        if let Some(session) = self.sessions.get_mut(&id) {
            session.answered = Some(answered);
            self.contacts.insert(contact, id);
            return Ok(id);
        }
        let name = replay::encapsulation(&contact);
        if self.replay.get(&name).is_some() {
            // It opened a session that we gave up since.
            return Err(Unsupported::UnknownSession.into());
        }
        let age_s = u64::from(header.age_ms / 1_000);
        let created_s = self.clock.seconds(now).saturating_sub(age_s);
        let sending = Sending::new(&back, self.fresh_salt());
        let session = sender.session(created_s, answered, sending, Receiving::new(&there));
        session.judge(&header.lock, counter, &salt)?;
        self.insert(id, session);
        self.export_lite(id, (&sender.transcript, &shared), false);
        self.contacts.insert(contact, id);
        let (prekey_id, oldest) = prekey;
        let remembered = Remembered { prekey_id, message: None };
        self.replay.insert(name, remembered, oldest, &mut self.records);
        Ok(id)
    }

    /// Counts a first contact as the message of its counter.
    fn count_contact(
        &mut self,
        now: Instant,
        lock: &[u8; 16],
        id: SessionId,
        place: (u32, [u8; 8]),
        session_signed: bool,
    ) -> Result<Opened, Error> {
        let session = self.sessions.get(&id).ok_or(Unsupported::UnknownSession)?;
        let judged = session.judge(lock, place.0, &place.1)?;
        let mut opened = session.opened(judged.preimage, session_signed);
        opened.first_contact = true;
        if let Some(derived) = judged.fresh {
            opened.fresh = true;
            self.mark_opened(now, id, place, derived);
        }
        Ok(opened)
    }
}

impl Sender {
    /// Our side of the session that a first contact opens.
    const fn session(
        &self,
        created_s: u64,
        answered: Answered,
        sending: Sending,
        receiving: Receiving,
    ) -> Session {
        Session {
            peer: self.peer,
            root_key: self.root_key,
            suite: self.suite,
            created_s,
            used_s: created_s,
            confirmed: true,
            spoken: false,
            pending: None,
            answered: Some(answered),
            sending,
            receiving,
            meta_dirty: true,
            queued: false,
        }
    }
}

impl Alone {
    pub(super) fn opened(&self) -> Opened {
        Opened {
            peer: self.peer,
            root_key: self.root_key,
            suite: self.suite,
            inner: Vec::new(),
            preimage: self.preimage,
            first_contact: true,
            fresh: false,
            session_signed: false,
        }
    }
}
