//! Lite sessions: which there are, with whom, and by which tags they are found (`MLL-05` to
//! `MLL-15`).

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::fmt;

use super::{
    chain::{self, LiteReceiving, LiteSending},
    seed::LiteSeed,
};
use crate::{
    address::Address,
    crypto::kdf::Secret,
    envelope::SessionTag,
    identity::{PublicIdentity, Suite},
    limits::{LITE_SESSIONS_MAX, LITE_SESSIONS_PER_PEER_MAX, SESSION_AGE_MAX},
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

/// One session.
pub(super) struct LiteSession {
    pub(super) peer: LitePeer,
    /// Uptime in seconds.
    pub(super) created_s: u64,
    pub(super) used_s: u64,
    /// The peer has it.
    pub(super) confirmed: bool,
    /// Two people gave the secret it follows from, and the other one perhaps has not yet.
    pub(super) by_secret: bool,
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
            by_secret: false,
            sending,
            receiving,
            meta_dirty: false,
            queued: false,
        }
    }
}

/// All lite sessions of this node.
#[derive(Default)]
pub(crate) struct LiteSessions {
    pub(super) sessions: BTreeMap<LiteId, LiteSession>,
    pub(super) by_peer: BTreeMap<Address, Vec<LiteId>>,
    /// Every tag that is listened to: 16 bytes each and half as much again for the tree.
    pub(super) index: BTreeSet<(SessionTag, LiteId, u32)>,
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

    /// Takes in the session of a secret that two people agreed on; the same one again changes
    /// nothing.
    pub(crate) fn open_by_secret(
        &mut self,
        now_s: u64,
        peer: LitePeer,
        seed: &LiteSeed,
        protected: &BTreeSet<Address>,
    ) {
        let id = seed.id();
        if self.sessions.contains_key(&id) {
            return;
        }
        self.open_session(now_s, id, peer, seed, true, protected);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.by_secret = true;
        }
    }

    pub(super) fn insert(&mut self, id: LiteId, session: LiteSession) {
        let receiving = &session.receiving;
        for (counter, tag) in chain::tags_of(&receiving.tags, receiving.window()) {
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

    pub(super) fn index_remove(
        &mut self,
        id: LiteId,
        tags: &Secret,
        counters: core::ops::Range<u32>,
    ) {
        for (counter, tag) in chain::tags_of(tags, counters) {
            self.index.remove(&(tag, id, counter));
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
    pub(super) fn queue(&mut self, id: LiteId) {
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

impl fmt::Debug for LiteSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiteSessions({}, {} tags)", self.sessions.len(), self.index.len())
    }
}
