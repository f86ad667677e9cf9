//! Lite sessions: which there are, with whom, and by which tags they are found (`MLL-05` to
//! `MLL-15`).

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::fmt;

use super::{
    chain::{self, Direction, Judged, LiteReceiving, LiteSending, Refusal},
    short::{SHORT_TAG_LEN, ShortPreimage, ShortTag},
    text::References,
};
use crate::{
    address::Address,
    crypto::kdf::{self, Secret},
    envelope::{Header, LiteBody, SessionTag},
    error::{Error, Unsupported},
    identity::{PublicIdentity, Suite},
    limits::{
        LITE_LIFETIMES_S, LITE_SESSIONS_MAX, LITE_SESSIONS_PER_PEER_MAX, SESSION_AGE_MAX,
        SESSION_SEND_AGE_MAX,
    },
    record::Record,
};

/// Names a lite session at one of its ends. One that follows from a full session has its name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LiteId(pub [u8; 8]);

impl fmt::Debug for LiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiteId({:016x})", u64::from_be_bytes(self.0))
    }
}

/// Where the keys of a lite session come from: 32 uniform bytes that both ends know, and which end
/// we are. Used once and then forgotten.
#[derive(Clone)]
pub struct LiteSeed {
    secret: Secret,
    initiator: bool,
}

impl LiteSeed {
    /// From a secret that both ends derived: of a full session, of an MLS group of two, or of a
    /// handshake. `context` tells one use of a secret from others, and is the same at both ends.
    pub fn from_exporter(exported: &[u8; 32], context: &[u8], initiator: bool) -> Self {
        Self { secret: kdf::extract(context, exported), initiator }
    }

    /// From a secret that two people agreed on beforehand. It must have 128 bits that nobody can
    /// guess: whoever can tries guesses against a message heard. `ours` and `theirs` are node keys.
    pub fn from_psk(psk: &[u8], ours: &[u8; 32], theirs: &[u8; 32]) -> Self {
        let initiator = ours < theirs;
        let (first, second) = if initiator { (ours, theirs) } else { (theirs, ours) };
        let inner = kdf::extract(b"qpc lite psk", psk);
        let both = [&first[..], second].concat();
        Self { secret: kdf::extract(&both, &*inner), initiator }
    }

    fn halves(&self) -> (LiteSending, LiteReceiving) {
        let there = Direction::derive(&self.secret, b"qpc lite there");
        let back = Direction::derive(&self.secret, b"qpc lite back");
        let (ours, theirs) = if self.initiator { (there, back) } else { (back, there) };
        (LiteSending::new(&ours), LiteReceiving::new(&theirs))
    }
}

impl fmt::Debug for LiteSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LiteSeed")
    }
}

/// Who a lite session is with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LitePeer {
    /// Its node key.
    pub identity: PublicIdentity,
    /// The root key that certifies it, if one does.
    pub root_key: Option<[u8; 32]>,
    /// The suite under which the keys were agreed.
    pub suite: Suite,
}

/// What a lite envelope of ours is remembered by until its receipt comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiteMark {
    /// Its session.
    pub id: LiteId,
    /// Counters below have arrived with it.
    arrived: u32,
    generation: Option<u8>,
    /// It went in a full session and told where we are.
    is_note: bool,
}

impl LiteMark {
    /// Whether it went in a full session, and told where we are.
    pub const fn is_note(&self) -> bool {
        self.is_note
    }
}

/// One session.
pub(super) struct LiteSession {
    pub(super) peer: LitePeer,
    /// Uptime in seconds.
    pub(super) created_s: u64,
    used_s: u64,
    /// The peer has it.
    pub(super) confirmed: bool,
    pub(super) sending: LiteSending,
    pub(super) receiving: LiteReceiving,
    pub(super) meta_dirty: bool,
    queued: bool,
}

impl LiteSession {
    pub(super) const fn restored(
        peer: LitePeer,
        created_s: u64,
        confirmed: bool,
        sending: LiteSending,
        receiving: LiteReceiving,
    ) -> Self {
        let used_s = created_s;
        Self {
            peer,
            created_s,
            used_s,
            confirmed,
            sending,
            receiving,
            meta_dirty: false,
            queued: false,
        }
    }
}

/// A lite envelope, opened.
pub(crate) struct LiteOpened {
    pub(crate) id: LiteId,
    pub(crate) peer: LitePeer,
    pub(crate) preimage: ShortPreimage,
    /// NODE-03's text, unless it was opened before.
    pub(crate) text: Option<Vec<u8>>,
}

/// A lite envelope of ours.
pub(crate) struct LiteSealed {
    pub(crate) header: Header,
    pub(crate) body: Vec<u8>,
    pub(crate) mark: LiteMark,
}

/// Why nothing was sealed; nothing was used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LiteError {
    /// There is no session that can be used now.
    NoSession,
    /// Counters are being reserved on disk.
    AwaitingCommit,
}

/// All lite sessions of this node.
#[derive(Default)]
pub(crate) struct LiteSessions {
    sessions: BTreeMap<LiteId, LiteSession>,
    by_peer: BTreeMap<Address, Vec<LiteId>>,
    /// Every tag that is listened to: 16 bytes each and half as much again for the tree.
    index: BTreeSet<(SessionTag, LiteId, u32)>,
    /// Sessions whose rows changed, each once.
    dirty: Vec<LiteId>,
    in_flight: VecDeque<(u64, LiteId)>,
    /// Rows to delete.
    pub(super) records: Vec<Record>,
    pub(super) partial: BTreeMap<LiteId, super::rows::Partial>,
}

impl LiteSessions {
    /// Takes in a session. Unconfirmed, it is listened to, and sealed in only after
    /// [`Self::confirm`].
    pub(crate) fn open_session(
        &mut self,
        now_s: u64,
        id: LiteId,
        peer: LitePeer,
        seed: &LiteSeed,
        confirmed: bool,
        protected: &BTreeSet<Address>,
    ) {
        if self.sessions.contains_key(&id) {
            return;
        }
        let (sending, receiving) = seed.halves();
        let mut session = LiteSession::restored(peer, now_s, confirmed, sending, receiving);
        session.meta_dirty = true;
        self.make_room(&peer.identity.address(), protected);
        self.insert(id, session);
        self.queue(id);
    }

    pub(super) fn insert(&mut self, id: LiteId, session: LiteSession) {
        for counter in session.receiving.window() {
            let tag = chain::tag(&session.receiving.tags, counter);
            self.index.insert((tag, id, counter));
        }
        self.by_peer.entry(session.peer.identity.address()).or_default().push(id);
        self.sessions.insert(id, session);
    }

    fn make_room(&mut self, peer: &Address, protected: &BTreeSet<Address>) {
        let own = self.by_peer.get(peer).map_or(0, Vec::len);
        if own < LITE_SESSIONS_PER_PEER_MAX && self.sessions.len() < LITE_SESSIONS_MAX {
            return;
        }
        let of_peer = own >= LITE_SESSIONS_PER_PEER_MAX;
        let least = self
            .sessions
            .iter()
            .map(|(id, session)| (session.peer.identity.address(), session, *id))
            .filter(|(address, ..)| !of_peer || address == peer)
            .min_by_key(|(address, session, _)| {
                (protected.contains(address), session.confirmed, session.used_s)
            })
            .map(|(.., id)| id);
        if let Some(id) = least {
            self.remove(id);
        }
    }

    /// The peer has the session.
    pub(crate) fn confirm(&mut self, id: LiteId) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| !session.confirmed) else {
            return;
        };
        session.confirmed = true;
        session.meta_dirty = true;
        self.queue(id);
    }

    /// Forgets a session and its rows.
    pub(crate) fn remove(&mut self, id: LiteId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.index_remove(id, &session.receiving.tags, session.receiving.window());
        let peer = session.peer.identity.address();
        if let Some(ids) = self.by_peer.get_mut(&peer) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_peer.remove(&peer);
            }
        }
        self.records.extend(super::rows::deletions(id));
    }

    fn index_remove(&mut self, id: LiteId, tags: &Secret, counters: core::ops::Range<u32>) {
        for counter in counters {
            self.index.remove(&(chain::tag(tags, counter), id, counter));
        }
    }

    /// Forgets sessions that nothing under way can belong to any more.
    pub(crate) fn expire(&mut self, now_s: u64) {
        let max_s = SESSION_AGE_MAX.as_secs();
        let over = self.sessions.iter().filter(|(_, session)| now_s >= session.created_s + max_s);
        for id in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
    }

    /// Notes that rows of a session changed.
    fn queue(&mut self, id: LiteId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !core::mem::replace(&mut session.queued, true) {
            self.dirty.push(id);
        }
    }

    /// Wants on disk what was last opened from this peer.
    pub(crate) fn keep(&mut self, peer: &Address) {
        for id in self.by_peer.get(peer).into_iter().flatten() {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if session.receiving.keep() && !core::mem::replace(&mut session.queued, true) {
                self.dirty.push(*id);
            }
        }
    }

    /// Appends the rows that changed.
    pub(crate) fn drain_records(&mut self, generation: u64, out: &mut Vec<Record>) {
        out.append(&mut self.records);
        for id in core::mem::take(&mut self.dirty) {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            session.queued = false;
            if session.take_rows(id, generation, out) {
                self.in_flight.push_back((generation, id));
            }
        }
    }

    pub(crate) fn has_records(&self) -> bool {
        !self.records.is_empty() || !self.dirty.is_empty()
    }

    /// Everything that left with the drains up to `generation` is durable.
    pub(crate) fn on_committed(&mut self, generation: u64) {
        while let Some((drained, id)) = self.in_flight.front().copied() {
            if drained > generation {
                return;
            }
            self.in_flight.pop_front();
            if let Some(session) = self.sessions.get_mut(&id) {
                session.sending.on_committed(generation);
            }
        }
    }

    pub(super) fn get(&self, id: &LiteId) -> Option<&LiteSession> {
        self.sessions.get(id)
    }

    pub(crate) fn len(&self) -> usize {
        self.sessions.len()
    }
}

/// Sealing.
impl LiteSessions {
    /// The session to seal in: the youngest that the peer has, of the floor's suite at least.
    fn choose(&self, now_s: u64, to: &Address, floor: Option<Suite>) -> Option<LiteId> {
        let usable = |session: &LiteSession| {
            session.confirmed
                && !session.sending.is_exhausted()
                && floor.is_none_or(|floor| session.peer.suite >= floor)
                && now_s < session.created_s + SESSION_SEND_AGE_MAX.as_secs()
        };
        self.by_peer
            .get(to)?
            .iter()
            .filter_map(|id| self.sessions.get(id).map(|session| (*id, session)))
            .filter(|(_, session)| usable(session))
            .max_by_key(|(id, session)| (session.created_s, *id))
            .map(|(id, _)| id)
    }

    /// Seals the parts of a NODE-03 text, the first of them what comes before a payload, under
    /// `header`, whose lock it fills in.
    pub(crate) fn seal(
        &mut self,
        now_s: u64,
        floor: Option<Suite>,
        mut header: Header,
        parts: &[&[u8]],
    ) -> Result<LiteSealed, LiteError> {
        let id = self.choose(now_s, &header.dest, floor).ok_or(LiteError::NoSession)?;
        let session = self.sessions.get_mut(&id).ok_or(LiteError::NoSession)?;
        session.used_s = now_s;
        let taken = session.sending.take();
        let is_dirty = session.sending.is_dirty();
        if is_dirty {
            self.queue(id);
        }
        let (counter, leaf) = taken.map_err(|refusal| match refusal {
            Refusal::Awaiting => LiteError::AwaitingCommit,
            Refusal::OutOfReach => LiteError::NoSession,
        })?;
        let session = self.sessions.get_mut(&id).ok_or(LiteError::NoSession)?;
        let tag = chain::tag(&session.sending.tags, counter);
        let form = session.sending.sent.form(counter, parts.first().copied().unwrap_or_default());
        let mut body = Vec::with_capacity(16 + parts.iter().map(|part| part.len()).sum::<usize>());
        body.extend_from_slice(&tag);
        body.extend_from_slice(&form.head);
        let kept = if form.skip > 0 { &parts[1..] } else { parts };
        kept.iter().for_each(|part| body.extend_from_slice(part));
        let associated = associated(&header, &tag);
        let (lock, _) = chain::message_key(&leaf).seal(&associated, &mut body[tag.len()..]);
        header.lock = lite_lock(&lock);
        let mark =
            LiteMark { id, arrived: counter + 1, generation: form.generation, is_note: false };
        Ok(LiteSealed { header, body, mark })
    }

    /// The note that goes with a message in the full session of `id`, if the peer has to be told
    /// where we are.
    pub(crate) fn note(&mut self, id: LiteId, head: &[u8]) -> Option<(Vec<u8>, LiteMark)> {
        let session = self.sessions.get_mut(&id).filter(|session| session.confirmed)?;
        if !session.sending.needs_note() {
            return None;
        }
        let anchor = session.sending.anchor();
        let form = session.sending.sent.note_beside(anchor, head)?;
        let mark = LiteMark { id, arrived: anchor, generation: form.generation, is_note: true };
        Some((form.head, mark))
    }

    /// A receipt came for an envelope.
    pub(crate) fn on_arrived(&mut self, mark: &LiteMark) {
        let Some(session) = self.sessions.get_mut(&mark.id) else { return };
        if mark.is_note {
            session.sending.on_noted(mark.arrived);
        } else {
            session.sending.on_arrived(mark.arrived);
        }
        if let Some(generation) = mark.generation {
            session.sending.sent.on_arrived(generation);
        }
        if session.sending.is_row_old() {
            session.meta_dirty = true;
            self.queue(mark.id);
        }
    }

    /// The peer knew no session for an envelope of ours.
    pub(crate) fn on_refused(&mut self, mark: &LiteMark) {
        let Some(session) = self.sessions.get_mut(&mark.id) else { return };
        if session.sending.on_refused(mark.arrived) {
            self.queue(mark.id);
        } else {
            self.remove(mark.id);
        }
    }
}

/// Opening.
impl LiteSessions {
    /// Opens an envelope. Memory changes; rows after [`Self::keep`].
    pub(crate) fn open(
        &mut self,
        now_s: u64,
        header: &Header,
        body: &LiteBody<'_>,
    ) -> Result<LiteOpened, Error> {
        let tag = body.session_tag;
        let (first, last) = ((tag, LiteId([0; 8]), 0), (tag, LiteId([255; 8]), u32::MAX));
        let candidates: Vec<_> =
            self.index.range(first..=last).map(|(_, id, counter)| (*id, *counter)).collect();
        for (id, counter) in candidates {
            if let Some(opened) = self.try_open(now_s, (id, counter), header, body)? {
                return Ok(opened);
            }
        }
        Err(Unsupported::UnknownSession.into())
    }

    fn try_open(
        &mut self,
        now_s: u64,
        (id, counter): (LiteId, u32),
        header: &Header,
        body: &LiteBody<'_>,
    ) -> Result<Option<LiteOpened>, Error> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(None) };
        let tag = lite_tag(&header.lock);
        let derived = match session.receiving.judge(counter) {
            Judged::Opened(preimage) if preimage.tag() == tag => {
                return Ok(Some(LiteOpened { id, peer: session.peer, preimage, text: None }));
            }
            Judged::Opened(_) | Judged::Gone => return Ok(None),
            Judged::Fresh(derived) => derived,
        };
        let mut text = body.ciphertext.to_vec();
        let key = chain::message_key(&derived.key);
        let associated = associated(header, &body.session_tag);
        let Ok(preimage) = key.open(&associated, &mut text, &tag) else { return Ok(None) };
        let before = session.receiving.window();
        session.receiving.opened(counter, preimage, derived);
        session.used_s = now_s;
        let peer = session.peer;
        let text = session.receiving.references.read_text(counter, text);
        self.follow(id, before);
        Ok(Some(LiteOpened { id, peer, preimage, text: Some(text?) }))
    }

    /// Takes the note, if there is one, off a text that came in the full session of `id`.
    pub(crate) fn take_note(&mut self, id: LiteId, text: &mut Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            // Given up here: the peer will be told when it goes on in it.
            let _ = References::default().take_note(text);
            return;
        };
        let before = session.receiving.window();
        if let Ok(anchor) = session.receiving.references.take_note(text) {
            session.receiving.raise(anchor);
            self.follow(id, before);
        }
    }

    /// Listens to the tags of the window as it is now instead of those before.
    fn follow(&mut self, id: LiteId, before: core::ops::Range<u32>) {
        let Some(session) = self.sessions.get(&id) else { return };
        let (now, tags) = (session.receiving.window(), session.receiving.tags.clone());
        self.index_remove(id, &tags, before.start..now.start.min(before.end));
        for counter in before.end.max(now.start)..now.end {
            self.index.insert((chain::tag(&tags, counter), id, counter));
        }
    }
}

impl fmt::Debug for LiteSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiteSessions({}, {} tags)", self.sessions.len(), self.index.len())
    }
}

/// The lock of a lite envelope.
pub fn lite_lock(tag: &ShortTag) -> [u8; 16] {
    let mut lock = [0; 16];
    lock[..SHORT_TAG_LEN].copy_from_slice(tag);
    lock
}

/// The tag in a lite envelope's lock.
pub(super) fn lite_tag(lock: &[u8; 16]) -> ShortTag {
    let (tag, _) = lock.split_first_chunk().expect("8 is less than 16");
    *tag
}

/// The lock of a lite envelope that a receipt opens, if it may be one's receipt (`MLL-03`).
pub fn lite_lock_of(receipt: &[u8; 16]) -> Option<[u8; 16]> {
    ShortPreimage::from_receipt(receipt).map(|preimage| lite_lock(&preimage.tag()))
}

/// What is authenticated beside the text.
pub(super) fn associated(header: &Header, tag: &SessionTag) -> [u8; 27] {
    let mut out = [0; 27];
    out[..24].copy_from_slice(&header.immutable_without_lock());
    out[24..].copy_from_slice(tag);
    out
}

/// Lifetime and first age of a lite envelope that is to live for `life_s`, so that it expires then:
/// the next longer lifetime of the table, aged by the difference, if that is at most an eighth of it
/// or there is no shorter one; else the next shorter.
pub fn lite_lifetime(life_s: u32) -> (u32, u32) {
    let shorter = LITE_LIFETIMES_S.iter().rev().copied().find(|lifetime| *lifetime <= life_s);
    let longer = LITE_LIFETIMES_S.iter().copied().find(|lifetime| *lifetime >= life_s);
    match (longer, shorter) {
        (Some(longer), Some(_)) if longer - life_s <= longer / 8 => {
            (longer, (longer - life_s) * 1_000)
        }
        (_, Some(shorter)) => (shorter, 0),
        (Some(longer), None) => (longer, (longer - life_s) * 1_000),
        (None, None) => (LITE_LIFETIMES_S[0], 0),
    }
}
