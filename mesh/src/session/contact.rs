//! First contact: writing to somebody with whom there is no session (`SES-01` to `SES-04`).

use alloc::vec::Vec;

use super::{
    Receiving, Sending, Session, SessionId, Sessions, schedule,
    seal::{CONTENT_SEALED, SealError, SealParams, Sealed, begin, capacity, finish},
};
use crate::{
    address::Address,
    bundle::{Bundle, MailboxHint, PreKeyPublic},
    crypto::{
        kdf::Secret,
        kem::{self, X25519_LEN, XWING_CIPHERTEXT_LEN},
        rng::NodeRng,
    },
    envelope::{self, Admission, Class},
    error::{Error, Malformed},
    identity::{Certificate, MeshIdentity, Suite},
    lite::LiteId,
    rules::Rule,
    time::Instant,
    wire::{Reader, Writer},
};

/// Where a first contact belongs. Leads the text inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nowhere: the message stands alone, and brings what opens its lock.
    Alone { preimage: [u8; 16] },
    /// In the session that it opens, as the message of this counter: its lock is opened as that of
    /// a session envelope.
    InSession { counter: u32, salt: [u8; 8] },
}

/// Our first contact of a session that is not answered: every message until then carries it.
pub(super) struct Pending(KeyExchange);

/// A peer's first contact that further envelopes may carry: what was computed and verified for it.
pub(super) struct Answered {
    pub(super) contact: [u8; 32],
    pub(super) transcript: [u8; 32],
    pub(super) secret: Secret,
}

/// One encapsulation to a pre-key, signed.
struct KeyExchange {
    suite: Suite,
    prekey_id: u32,
    kem_ciphertext: Vec<u8>,
    /// [`schedule::contact_secret`].
    secret: Secret,
    /// The strongest suite we ever reached the peer with, 0 for none.
    floor: u8,
    signature: [u8; 64],
    /// What the recipient is shown so that it opens this.
    admission: Admission,
}

/// The way of a first contact that stands alone: through the recipient's mailbox node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Through<'a> {
    /// The mailbox node, from the recipient's bundle.
    pub mailbox: &'a MailboxHint,
    /// What it is shown.
    pub admission: AdmissionAsked,
}

/// What a mailbox node is to be shown so that it keeps a stranger's envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdmissionAsked {
    /// A token that the recipient gave us.
    Token([u8; 16]),
    /// Proof of work, as hard as the recipient's bundle asks; up to 0.2 s of one core.
    Work,
}

impl Sessions {
    /// Seals the parts of `inner` as a first contact that goes directly to its recipient and opens
    /// a session. Called again before the peer has answered, it repeats the same key exchange with
    /// the session's next counter.
    ///
    /// # Errors
    /// [`SealError::SuiteFloor`], [`SealError::BadPreKey`], [`SealError::TooLong`], or after a
    /// restart [`SealError::AwaitingCommit`].
    #[expect(
        clippy::too_many_arguments,
        reason = "who, to whom, how and what; each of its own type"
    )]
    pub fn initiate(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        bundle: &Bundle,
        suite: Suite,
        params: &SealParams,
        inner: &[&[u8]],
        rng: &mut NodeRng,
    ) -> Result<Sealed, SealError> {
        self.clock.start(now);
        self.check_floor(bundle, suite)?;
        let prekey = current(bundle)?;
        let known = self.pending_session(bundle, suite, prekey.id);
        let id = match known {
            Some(id) => id,
            None => self.open_session(now, identity, bundle, suite, prekey, rng)?,
        };
        let certificate = self.certificate(identity);
        // The leaf itself is not needed: the encapsulation's secret encrypts.
        let (counter, _) = self.take_counter(now, id)?;
        let session = self.sessions.get(&id).ok_or(SealError::NoSession)?;
        let Pending(exchange) = session.pending.as_ref().ok_or(SealError::NoSession)?;
        let Sending { receipts, salt, .. } = &session.sending;
        let envelope = ContactEnvelope {
            identity,
            certificate,
            exchange,
            through: None,
            place: Place::InSession { counter, salt: *salt },
            preimage: schedule::preimage(receipts, counter, salt),
            dest: bundle.identity.address(),
        };
        let head = inner.first().copied().unwrap_or_default();
        let (note, lite) = self.lite.note_first(LiteId(id.0), head).unzip();
        let note = note.unwrap_or_default();
        let parts: Vec<&[u8]> = [&note[..]].into_iter().chain(inner.iter().copied()).collect();
        let sealed = envelope.seal(self.mode, params, &parts)?;
        Ok(Sealed { session: Some(id), lite, ..sealed })
    }

    /// What is to be worked for, or passed, before [`Sessions::initiate`] for a recipient that asks
    /// for it (`MEET-20`); `None` when that is done. Opens the session whose encapsulation it is
    /// about.
    ///
    /// # Errors
    /// [`SealError::SuiteFloor`] or [`SealError::BadPreKey`].
    pub fn puzzle(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        bundle: &Bundle,
        suite: Suite,
        rng: &mut NodeRng,
    ) -> Result<Option<[u8; 32]>, SealError> {
        self.clock.start(now);
        self.check_floor(bundle, suite)?;
        let prekey = current(bundle)?;
        let id = match self.pending_session(bundle, suite, prekey.id) {
            Some(id) => id,
            None => self.open_session(now, identity, bundle, suite, prekey, rng)?,
        };
        let session = self.sessions.get(&id).ok_or(SealError::NoSession)?;
        let Pending(exchange) = session.pending.as_ref().ok_or(SealError::NoSession)?;
        let puzzle = || exchange.puzzle(&bundle.identity.address());
        Ok((exchange.admission == Admission::None).then(puzzle))
    }

    /// Shows `admission` with every envelope of the unanswered session that [`Sessions::puzzle`]
    /// told `puzzle` of. `false` when that session is gone.
    pub fn admit(&mut self, to: &Address, puzzle: &[u8; 32], admission: Admission) -> bool {
        let ids = self.by_peer.get(to).cloned().unwrap_or_default();
        for id in ids {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            let pending = session.pending.as_mut();
            let Some(Pending(exchange)) = pending.filter(|p| p.0.puzzle(to) == *puzzle) else {
                continue;
            };
            exchange.admission = admission;
            session.meta_dirty = true;
            self.queue(id);
            return true;
        }
        false
    }

    /// Seals the parts of `inner` to a mailbox node's label: relays see neither who sends nor who
    /// receives. The message stands alone: a key exchange of its own, no session, nothing that
    /// links it to the next one. `params.signed` is ignored, a signature would tell the sender.
    ///
    /// # Errors
    /// [`SealError::SuiteFloor`], [`SealError::BadPreKey`] or [`SealError::TooLong`].
    #[expect(
        clippy::too_many_arguments,
        reason = "who, to whom, how and what; each of its own type"
    )]
    pub fn initiate_sealed(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        bundle: &Bundle,
        suite: Suite,
        through: Through<'_>,
        params: &SealParams,
        inner: &[&[u8]],
        rng: &mut NodeRng,
    ) -> Result<Sealed, SealError> {
        self.clock.start(now);
        self.check_floor(bundle, suite)?;
        let prekey = current(bundle)?;
        let floor = self.floor_code(bundle);
        let (exchange, ..) = self.exchange(identity, bundle, suite, prekey, floor, rng)?;
        let preimage = rng.array();
        let envelope = ContactEnvelope {
            identity,
            certificate: self.certificate(identity),
            exchange: &exchange,
            through: Some(through),
            place: Place::Alone { preimage },
            preimage,
            dest: through.mailbox.node,
        };
        envelope.seal(self.mode, &SealParams { signed: None, ..*params }, inner)
    }

    pub(super) fn check_floor(&self, bundle: &Bundle, suite: Suite) -> Result<(), SealError> {
        match self.floor(&bundle.identity.address()) {
            Some(floor) if suite < floor && self.rules.holds(Rule::SuiteFloor) => {
                Err(SealError::SuiteFloor { floor })
            }
            _ => Ok(()),
        }
    }

    fn floor_code(&self, bundle: &Bundle) -> u8 {
        self.floor(&bundle.identity.address()).map_or(0, Suite::code)
    }

    /// An unanswered session of ours with the same pre-key.
    fn pending_session(&self, bundle: &Bundle, suite: Suite, prekey_id: u32) -> Option<SessionId> {
        let ids = self.by_peer.get(&bundle.identity.address())?;
        ids.iter().copied().find(|id| {
            let session = self.sessions.get(id).filter(|session| !session.sending.is_exhausted());
            session.and_then(|session| session.pending.as_ref()).is_some_and(|Pending(exchange)| {
                exchange.prekey_id == prekey_id && exchange.suite == suite
            })
        })
    }

    fn open_session(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        bundle: &Bundle,
        suite: Suite,
        prekey: &PreKeyPublic,
        rng: &mut NodeRng,
    ) -> Result<SessionId, SealError> {
        let floor = self.floor_code(bundle);
        let (exchange, transcript, shared) =
            self.exchange(identity, bundle, suite, prekey, floor, rng)?;
        let (there, back) = schedule::directions(&transcript, &shared);
        let id = SessionId(back.id);
        let now_s = self.clock.seconds(now);
        let salt = self.fresh_salt();
        self.insert(
            id,
            Session {
                peer: bundle.identity,
                root_key: bundle.root_key,
                suite,
                created_s: now_s,
                used_s: now_s,
                confirmed: false,
                spoken: true,
                pending: Some(Pending(exchange)),
                answered: None,
                sending: Sending::new(&there, salt),
                receiving: Receiving::new(&back),
                meta_dirty: true,
                queued: false,
            },
        );
        self.export_lite(id, (&transcript, &shared), true);
        Ok(id)
    }

    /// Encapsulates to a pre-key and signs the transcript; returns transcript and shared secret
    /// beside.
    fn exchange(
        &self,
        identity: &MeshIdentity,
        bundle: &Bundle,
        suite: Suite,
        prekey: &PreKeyPublic,
        floor: u8,
        rng: &mut NodeRng,
    ) -> Result<(KeyExchange, [u8; 32], Secret), SealError> {
        let (kem_ciphertext, shared) = match suite {
            Suite::X25519 => kem::encapsulate_x25519(&prekey.x25519, rng)
                .map(|(ciphertext, shared)| (ciphertext.to_vec(), shared)),
            Suite::XWing => kem::encapsulate_xwing(self.mode, &prekey.xwing, rng)
                .map(|(ciphertext, shared)| (ciphertext.to_vec(), shared)),
        }
        .map_err(|_| SealError::BadPreKey)?;
        let recipient = bundle.identity.node_key();
        let contact = schedule::contact_digest(
            suite,
            prekey.id,
            prekey.for_suite(suite),
            &kem_ciphertext,
            recipient,
        );
        let transcript = schedule::transcript(&contact, identity.public().node_key(), floor);
        let exchange = KeyExchange {
            suite,
            prekey_id: prekey.id,
            kem_ciphertext,
            secret: schedule::contact_secret(&contact, &shared),
            floor,
            signature: identity.sign(self.mode, &transcript),
            admission: Admission::None,
        };
        Ok((exchange, transcript, shared))
    }

    fn certificate(&mut self, identity: &MeshIdentity) -> Option<Certificate> {
        if self.certificate.is_none() {
            self.certificate = identity.certify(self.mode, CERTIFICATE_EPOCH, u64::MAX);
        }
        self.certificate
    }
}

/// Everything a first-contact envelope is made of but its message.
struct ContactEnvelope<'a> {
    identity: &'a MeshIdentity,
    certificate: Option<Certificate>,
    exchange: &'a KeyExchange,
    through: Option<Through<'a>>,
    place: Place,
    /// What opens the lock.
    preimage: [u8; 16],
    dest: Address,
}

impl ContactEnvelope<'_> {
    fn seal(
        &self,
        mode: crate::crypto::Mode,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Result<Sealed, SealError> {
        let lock = schedule::lock(&self.preimage);
        let label = self.through.map_or([0; 16], |through| through.mailbox.label);
        let header = params.header(Class::Sealed, self.dest, lock);
        let prefix = self.exchange.kem_ciphertext.len() + PREFIX_LEN_MAX;
        let capacity = capacity(params, prefix, inner)?;
        let mut bytes = begin(self.identity, &header, params, CONTENT_SEALED, capacity);
        bytes.extend_from_slice(&label);
        self.placeholder().write(&mut bytes);
        let sealed_at = bytes.len();
        Writer::new(&mut bytes)
            .u8(self.exchange.suite.code())
            .u32(self.exchange.prekey_id)
            .bytes(&self.exchange.kem_ciphertext);
        let text_at = bytes.len();
        self.write_text(inner, &mut bytes);
        let key = schedule::contact_key(&self.exchange.secret, &lock);
        let tag = key.seal(mode, &associated(&header.immutable(), &label), &mut bytes[text_at..]);
        bytes.extend_from_slice(&tag);
        self.work(&label, sealed_at, &mut bytes);
        let envelope = finish(mode, self.identity, header, bytes);
        Ok(Sealed { lock, session: None, lite: None, envelope })
    }

    /// The admission; of a proof of work only its place.
    fn placeholder(&self) -> Admission {
        match self.through.map(|through| through.admission) {
            None => self.exchange.admission,
            Some(AdmissionAsked::Token(token)) => Admission::Token(token),
            Some(AdmissionAsked::Work) => Admission::Work { nonce: 0 },
        }
    }

    /// Puts the proof of work into its place: it is over what follows.
    fn work(&self, label: &[u8; 16], sealed_at: usize, bytes: &mut [u8]) {
        let Some(Through { mailbox, admission: AdmissionAsked::Work }) = self.through else {
            return;
        };
        let found = Admission::work(label, &bytes[sealed_at..], mailbox.pow_bits);
        let mut place = Vec::with_capacity(9);
        found.write(&mut place);
        bytes[sealed_at - place.len()..sealed_at].copy_from_slice(&place);
    }

    fn write_text(&self, inner: &[&[u8]], out: &mut Vec<u8>) {
        self.place.write(out);
        Writer::new(out)
            .array(self.identity.public().node_key())
            .u8(self.exchange.floor)
            .array(&self.exchange.signature)
            .u8(u8::from(self.certificate.is_some()));
        if let Some(certificate) = &self.certificate {
            certificate.write(out);
        }
        inner.iter().for_each(|part| out.extend_from_slice(part));
    }
}

impl Place {
    fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        match self {
            Self::Alone { preimage } => writer.u8(0).array(preimage),
            Self::InSession { counter, salt } => writer.u8(1).u32(*counter).array(salt),
        };
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        match reader.u8("contact kind")? {
            0 => Ok(Self::Alone { preimage: reader.array("contact preimage")? }),
            1 => {
                let counter = reader.u32("contact counter")?;
                Ok(Self::InSession { counter, salt: reader.array("contact salt")? })
            }
            _ => Err(Malformed::OutOfRange("contact kind").into()),
        }
    }
}

/// The decrypted head of a first contact.
pub(super) struct ContactText {
    pub(super) place: Place,
    pub(super) sender: [u8; 32],
    pub(super) floor: u8,
    pub(super) signature: [u8; 64],
    pub(super) certificate: Option<Certificate>,
    /// Where the message begins.
    pub(super) inner_at: usize,
}

impl ContactText {
    pub(super) fn read(text: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(text);
        let place = Place::read(&mut reader)?;
        let sender = reader.array("contact sender")?;
        let floor = reader.u8("contact floor")?;
        let signature = reader.array("contact signature")?;
        let certificate = match reader.u8("contact certificate")? {
            0 => None,
            1 => Some(Certificate::read(&mut reader)?),
            _ => return Err(Malformed::OutOfRange("contact certificate").into()),
        };
        let inner_at = text.len() - reader.remaining();
        Ok(Self { place, sender, floor, signature, certificate, inner_at })
    }
}

impl KeyExchange {
    fn puzzle(&self, recipient: &Address) -> [u8; 32] {
        envelope::puzzle(recipient, self.suite, self.prekey_id, &self.kem_ciphertext)
    }
}

impl Pending {
    /// Whether [`Pending::write`] ends with an admission.
    pub(super) fn is_admitted(&self) -> bool {
        self.0.admission != Admission::None
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self(exchange) = self;
        Writer::new(out)
            .u32(exchange.prekey_id)
            .bytes(&exchange.kem_ciphertext)
            .array(&exchange.secret)
            .u8(exchange.floor)
            .array(&exchange.signature);
        if self.is_admitted() {
            exchange.admission.write(out);
        }
    }

    pub(super) fn read(
        reader: &mut Reader<'_>,
        suite: Suite,
        is_admitted: bool,
    ) -> Result<Self, Error> {
        let prekey_id = reader.u32("pending pre-key")?;
        let len = match suite {
            Suite::X25519 => X25519_LEN,
            Suite::XWing => XWING_CIPHERTEXT_LEN,
        };
        let kem_ciphertext = reader.bytes(len, "pending KEM ciphertext")?.to_vec();
        let secret = Secret::new(reader.array("pending secret")?);
        let floor = reader.u8("pending floor")?;
        let signature = reader.array("pending signature")?;
        let admission = if is_admitted { Admission::read(reader)? } else { Admission::None };
        if is_admitted && admission == Admission::None {
            return Err(Malformed::NonCanonical("pending admission").into());
        }
        Ok(Self(KeyExchange {
            suite,
            prekey_id,
            kem_ciphertext,
            secret,
            floor,
            signature,
            admission,
        }))
    }
}

/// What is authenticated beside the text of a first contact.
pub(super) fn associated(header: &[u8; 40], label: &[u8; 16]) -> [u8; 56] {
    let mut out = [0; 56];
    out[..40].copy_from_slice(header);
    out[40..].copy_from_slice(label);
    out
}

fn current(bundle: &Bundle) -> Result<&PreKeyPublic, SealError> {
    bundle.prekeys.first().ok_or(SealError::BadPreKey)
}

/// Label 16, admission up to 17, suite 1, pre-key id 4; kind 1, preimage 16 (or counter and salt),
/// sender 32, floor 1, signature 64, certificate 1 and 108.
const PREFIX_LEN_MAX: usize = 16 + 17 + 1 + 4 + 1 + 32 + 1 + 64 + 16 + 1 + Certificate::LEN;

/// As in bundles: a node that holds its root key certifies itself.
const CERTIFICATE_EPOCH: u32 = 1;
