//! Lite first contacts and handshakes in the places of full ones (`MLL-16` to `MLL-18`).

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    Opened, SealError, SealParams, Sealed, Sessions,
    replay::{Alone, Remembered},
};
use crate::{
    address::Address,
    bundle::{Bundle, PreKeys},
    crypto::rng::NodeRng,
    envelope::{Admitted, Body, Class, EnvelopeIn, Header, SessionTag},
    error::{Error, PeerMisbehaved, Unsupported},
    identity::{MeshIdentity, PublicIdentity, Suite},
    limits::HOPS_MAX,
    lite::{
        self, LiteId, LitePeer, LiteSeed, MessageName,
        handshake::{self, Answering, Claimed, FIRST, OwnKeys, PeerKeys, SECOND, Waiting},
        lite_lock,
    },
    time::Instant,
};

/// First frames of ours that wait for an answer, 300 B each. Whatever says that it is an answer is
/// tried with all of them: 16 × 2 exchanges are 2 ms.
const WAITING_MAX: usize = 16;

/// Peers that could not open a first frame of ours: 20 kB.
const REFUSED_MAX: usize = 1_024;

/// How long they do.
const WAITING_LIFE: Duration = Duration::from_secs(3_600);

/// First frames of ours without an answer.
#[derive(Default)]
pub(super) struct Handshakes {
    waiting: VecDeque<Begun>,
    /// Peers that could not open one of ours.
    refused: BTreeSet<Address>,
}

struct Begun {
    waiting: Waiting,
    /// The message that it brings.
    name: Option<MessageName>,
    peer: LitePeer,
    at: Instant,
}

/// The other end's part of a handshake that was opened, to be answered with a second frame.
pub struct Answer {
    answering: Answering,
    ephemeral: [u8; 32],
    peer: LitePeer,
    /// The message that the first frame brought.
    name: Option<MessageName>,
}

impl core::fmt::Debug for Answer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Answer(to {})", self.peer.identity.address())
    }
}

impl Sessions {
    /// Seals `inner` as a first contact of one short frame. It has the recipient's pre-key's forward
    /// secrecy, none against quantum computers, and is opened only by who has our bundle.
    ///
    /// # Errors
    /// [`SealError::SuiteFloor`], [`SealError::BadPreKey`], or [`SealError::NoSession`] when it
    /// cannot be had.
    #[expect(
        clippy::too_many_arguments,
        reason = "who, to whom, how and what; each of its own type"
    )]
    pub fn seal_first(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        bundle: &Bundle,
        params: &SealParams,
        inner: &[&[u8]],
        rng: &mut NodeRng,
    ) -> Result<Sealed, SealError> {
        self.clock.start(now);
        self.check_floor(bundle, Suite::X25519)?;
        let theirs = bundle.prekeys.first().ok_or(SealError::BadPreKey)?;
        let (id, ours) = prekeys.newest().ok_or(SealError::NoSession)?;
        if params.signed.is_some() || inner.iter().all(|part| part.is_empty()) {
            return Err(SealError::NoSession);
        }
        let public = identity.public();
        let ours = OwnKeys { node_key: public.node_key(), id, prekey: &ours.x25519 };
        let node_key = bundle.identity.node_key();
        let theirs = PeerKeys { node_key, id: theirs.id, prekey: &theirs.x25519 };
        let header = lite_header(params, bundle.identity.address());
        let fields = header.immutable_without_lock();
        let (frame, waiting) = handshake::first(ours, theirs, &fields, inner, rng)
            .map_err(|_| SealError::BadPreKey)?;
        let (root_key, suite) = (bundle.root_key, Suite::X25519);
        let peer = LitePeer { identity: bundle.identity, root_key, suite };
        let name = inner.first().and_then(|head| lite::name_of(head));
        self.handshakes.begin(Begun { waiting, name, peer, at: now });
        Ok(envelope(header, FIRST, &frame))
    }

    /// Who a lite first contact claims to be from, and the low byte of the id of its pre-key.
    /// `None` for anything else.
    pub fn first_claim(
        &self,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        envelope: &EnvelopeIn<'_>,
    ) -> Option<(PublicIdentity, u8)> {
        let public = identity.public();
        let (_, claimed) = claim(prekeys, public.node_key(), envelope).ok()?;
        Some((PublicIdentity::new(claimed.sender), claimed.prekey_low))
    }

    /// Opens a lite first contact; `bundle` is that of whom it claims to be from.
    ///
    /// # Errors
    /// As [`Sessions::open`].
    pub fn open_first(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        prekeys: &PreKeys,
        bundle: &Bundle,
        envelope: &EnvelopeIn<'_>,
    ) -> Result<(Opened, Option<Answer>), Error> {
        self.clock.start(now);
        if let Some(known) = self.replay.get(&envelope.id().0) {
            let message = known.message.as_ref().ok_or(PeerMisbehaved::Replayed)?;
            return Ok((message.opened(), None));
        }
        let peer = bundle.identity;
        if self.floor(&peer.address()).is_some_and(|floor| floor > Suite::X25519) {
            return Err(Unsupported::Suite(Suite::X25519.code()).into());
        }
        let public = identity.public();
        let (ours, claimed) = claim(prekeys, public.node_key(), envelope)?;
        let theirs =
            bundle.prekeys.iter().find(|key| key.id.to_le_bytes()[0] == claimed.prekey_low);
        let theirs = theirs.filter(|_| claimed.sender == *peer.node_key());
        let theirs = theirs.ok_or(Unsupported::PreKeyGone)?;
        let header = envelope.header();
        let tag = lite::lite_tag(&header.lock);
        let fields = header.immutable_without_lock();
        let (text, answering) = claimed.open(ours, &theirs.x25519, &fields, &tag)?;
        let (suite, root_key) = (Suite::X25519, bundle.root_key);
        let message = Alone { preimage: text.preimage.to_receipt(), peer, suite, root_key };
        let name = lite::name_of(&text.text);
        let opened = Opened { fresh: true, inner: text.text, ..message.opened() };
        let oldest = prekeys.oldest().unwrap_or(ours.id);
        let remembered = Remembered { prekey_id: ours.id, message: Some(message) };
        self.replay.insert(envelope.id().0, remembered, oldest, &mut self.records);
        self.raise_floor(&peer.address(), suite);
        let ephemeral = handshake::ephemeral_of(body(envelope, FIRST).unwrap_or_default())?;
        let peer = LitePeer { identity: peer, root_key, suite };
        Ok((opened, Some(Answer { answering, ephemeral, peer, name })))
    }

    /// Seals the second frame of a handshake; a lite session comes of it, which is sealed in when
    /// the peer has spoken in it.
    ///
    /// # Errors
    /// [`SealError::BadPreKey`].
    pub fn seal_second(
        &mut self,
        now: Instant,
        answer: Answer,
        params: &SealParams,
        inner: &[&[u8]],
        rng: &mut NodeRng,
    ) -> Result<Sealed, SealError> {
        let Answer { answering, ephemeral, peer, name } = answer;
        let header = lite_header(params, peer.identity.address());
        let fields = header.immutable_without_lock();
        let (frame, seed) =
            answering.second(&ephemeral, &fields, inner, rng).map_err(|_| SealError::BadPreKey)?;
        let id = LiteId(rng.array());
        self.open_lite_session(now, id, peer, &seed, false);
        if let Some(name) = name {
            self.lite.agree_opened(id, name);
        }
        Ok(envelope(header, SECOND, &frame))
    }

    /// Opens a second frame: the lite session is there, and the peer has it.
    pub(super) fn open_second(
        &mut self,
        now: Instant,
        prekeys: &PreKeys,
        envelope: &EnvelopeIn<'_>,
    ) -> Result<Opened, Error> {
        let header = envelope.header();
        let body = body(envelope, SECOND).ok_or(Unsupported::UnknownSession)?;
        let (fields, tag) = (header.immutable_without_lock(), lite::lite_tag(&header.lock));
        self.handshakes.expire(now);
        let found = self.handshakes.waiting.iter().enumerate().find_map(|(index, begun)| {
            let (private, _) = prekeys.private(begun.waiting.prekey_id)?;
            let finished = begun.waiting.finish(&private.x25519, &fields, &tag, body).ok()?;
            Some((index, finished))
        });
        let (index, (text, seed)) = found.ok_or(Unsupported::UnknownSession)?;
        let begun = self.handshakes.waiting.remove(index).ok_or(Unsupported::UnknownSession)?;
        let LitePeer { identity: peer, root_key, suite } = begun.peer;
        self.open_agreed(now, &text.preimage.0, &begun, &seed);
        self.raise_floor(&peer.address(), suite);
        Ok(Opened {
            peer,
            root_key,
            suite,
            inner: text.text,
            preimage: text.preimage.to_receipt(),
            first_contact: false,
            fresh: true,
            session_signed: false,
        })
    }

    fn open_agreed(&mut self, now: Instant, s: &[u8; 10], begun: &Begun, seed: &LiteSeed) {
        let (id, _) = s.split_first_chunk().expect("8 is less than 10");
        self.open_lite_session(now, LiteId(*id), begun.peer, seed, true);
        if let Some(name) = begun.name {
            self.lite.agree_sent(LiteId(*id), name);
        }
    }

    /// A first frame of ours was refused: the peer lacks our bundle, or wants to be shown more.
    pub fn on_first_refused(&mut self, peer: &Address) {
        if self.handshakes.refused.len() >= REFUSED_MAX {
            self.handshakes.refused.pop_first();
        }
        self.handshakes.refused.insert(*peer);
    }

    /// Whether a first contact of one frame is worth a try.
    pub fn may_try_first(&self, peer: &Address) -> bool {
        !self.handshakes.refused.contains(peer)
    }
}

impl Handshakes {
    fn begin(&mut self, begun: Begun) {
        self.expire(begun.at);
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.pop_front();
        }
        self.waiting.push_back(begun);
    }

    fn expire(&mut self, now: Instant) {
        while self.waiting.front().is_some_and(|begun| begun.at + WAITING_LIFE <= now) {
            self.waiting.pop_front();
        }
    }
}

fn claim<'a, 'k>(
    prekeys: &'k PreKeys,
    node_key: &'k [u8; 32],
    envelope: &EnvelopeIn<'a>,
) -> Result<(OwnKeys<'k>, Claimed<'a>), Error> {
    let body = body(envelope, FIRST).ok_or(Unsupported::UnknownSession)?;
    let wanted = handshake::wanted_prekey(body)?;
    let (id, private, _) = prekeys.private_by_low_byte(wanted).ok_or(Unsupported::PreKeyGone)?;
    let ours = OwnKeys { node_key, id, prekey: &private.x25519 };
    Ok((ours, handshake::claimed(ours, body)?))
}

fn body<'a>(envelope: &EnvelopeIn<'a>, tag: SessionTag) -> Option<&'a [u8]> {
    match envelope.body() {
        Body::Lite(body) if body.session_tag == tag => Some(body.ciphertext),
        _ => None,
    }
}

/// The header of a lite envelope, without its lock.
pub(super) fn lite_header(params: &SealParams, to: Address) -> Header {
    let (lifetime_s, age_ms) = lite::lite_lifetime(params.lifetime_s);
    let params = SealParams { hops_max: HOPS_MAX, lifetime_s, ..*params };
    Header { age_ms, ..params.header(Class::Lite, to, [0; 16]) }
}

fn envelope(header: Header, tag: SessionTag, frame: &handshake::Frame) -> Sealed {
    let lock = lite_lock(&frame.tag);
    let header = Header { lock, ..header };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.extend_from_slice(&tag);
    bytes.extend_from_slice(&frame.body);
    Sealed { lock, session: None, lite: None, envelope: Admitted::new(None, header, bytes) }
}
