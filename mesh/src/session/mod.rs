//! End-to-end sessions (`specs/03-session.md`).
//!
//! *First contact*: the sender encapsulates a secret to the recipient's current pre-key (X-Wing, or
//! X25519 alone where asked for) and puts its node key, its certificate and a signature over the
//! transcript inside the ciphertext. Both ends derive a *session* from the secret: a tree of message
//! keys in each direction, used once each and forgotten. Nothing in a session is signed, so neither
//! end can prove to others what the other said.
//!
//! # Using it
//!
//! - [`Sessions::should_initiate`] says which of [`Sessions::seal`] and [`Sessions::initiate`] fits.
//!   Until the peer has answered, every message goes as a first contact: they carry the same
//!   encapsulation, cost no public-key operation after the first, and may arrive in any order.
//! - A receipt for an envelope proves that the session exists at the other end: hand its
//!   [`Sealed::session`] to [`Sessions::confirm`].
//! - [`Sessions::open`] changes memory only. [`Sessions::keep`] marks what a *durable* message
//!   changed; volatile ones are never written for.
//! - [`Sessions::drain_records`] takes the rows that changed and returns the number of the drain.
//!   When those rows are durable, hand the number to [`Sessions::on_committed`].
//!
//! # Why a crash or a rolled-back disk reuses nothing
//!
//! Counters are reserved in durable blocks before use: a restart begins with the first block no
//! earlier life has touched. And every message key is mixed with a salt drawn at each start: even
//! the same counter of the same session gives another key in another life.

mod accept;
mod chain;
mod contact;
mod lite;
mod open;
mod peers;
mod replay;
mod rows;
mod schedule;
mod seal;
pub(crate) mod tree;

#[cfg(test)]
pub(crate) mod tests;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::fmt;

pub use contact::{AdmissionAsked, Through};
pub use open::Opened;
pub use schedule::lock;
pub use seal::{SealError, SealParams, Sealed};

use self::{
    chain::{Receiving, Sending},
    contact::{Answered, Pending},
    replay::ReplayCache,
    rows::Partial,
};
use crate::{
    address::Address,
    crypto::{Mode, uptime::Uptime},
    identity::{Certificate, PublicIdentity, Suite},
    limits::{
        FLOORS_MAX, SESSION_AGE_MAX, SESSION_MESSAGES_MAX, SESSION_REKEY_AGE, SESSION_SEND_AGE_MAX,
        SESSIONS_MAX, SKIPPED_KEYS_MAX,
    },
    lite::{LiteId, LiteSessions},
    record::{Record, Table},
    rules::{Rule, Rules},
    time::Instant,
};

/// Names a session at one of its ends; the peer has another name for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub [u8; 8]);

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({:016x})", u64::from_be_bytes(self.0))
    }
}

/// All end-to-end sessions of this node, the suite floors of its peers, and the first contacts it
/// has opened.
pub struct Sessions {
    mode: Mode,
    rules: Rules,
    boot_salt: [u8; 8],
    clock: Uptime,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions of each peer.
    by_peer: BTreeMap<Address, Vec<SessionId>>,
    /// Keys kept for missing messages, over all sessions.
    skipped: usize,
    /// Peers that strangers cannot push out.
    protected: BTreeSet<Address>,
    /// The strongest suite each peer was reached with.
    floors: BTreeMap<Address, Suite>,
    replay: ReplayCache,
    /// Rows read back that do not make a session yet.
    partial: BTreeMap<SessionId, Partial>,
    /// Rows to delete or put besides those of live sessions.
    records: Vec<Record>,
    /// Sessions whose rows changed, each once.
    dirty: Vec<SessionId>,
    /// Sessions with a reservation under way to the disk, and the drain it left with.
    in_flight: VecDeque<(u64, SessionId)>,
    generation: u64,
    /// Sending halves made since the start; see [`Sessions::fresh_salt`].
    halves: u64,
    /// Our sessions by the first contact that opened them, until the initiator speaks in them.
    contacts: BTreeMap<[u8; 32], SessionId>,
    /// Our own certificate, signed once.
    certificate: Option<Certificate>,
    lite: LiteSessions,
}

/// One session.
struct Session {
    peer: PublicIdentity,
    root_key: Option<[u8; 32]>,
    suite: Suite,
    /// Uptime in seconds at which its first contact was sealed.
    created_s: u64,
    used_s: u64,
    /// The peer proved that it has the session.
    confirmed: bool,
    /// We sealed something in it.
    spoken: bool,
    /// Our first contact, as long as it is unanswered.
    pending: Option<Pending>,
    /// The peer's first contact, as long as more envelopes may carry it.
    answered: Option<Answered>,
    sending: Sending,
    receiving: Receiving,
    meta_dirty: bool,
    /// Listed in [`Sessions::dirty`].
    queued: bool,
}

impl Sessions {
    /// No sessions. `boot_salt` must be drawn anew at every start of the node.
    pub fn new(mode: Mode, boot_salt: [u8; 8]) -> Self {
        Self {
            mode,
            rules: Rules::ALL,
            boot_salt,
            clock: Uptime::new(Table::Sessions),
            sessions: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            skipped: 0,
            protected: BTreeSet::new(),
            floors: BTreeMap::new(),
            replay: ReplayCache::new(),
            partial: BTreeMap::new(),
            records: Vec::new(),
            dirty: Vec::new(),
            in_flight: VecDeque::new(),
            generation: 0,
            halves: 0,
            contacts: BTreeMap::new(),
            certificate: None,
            lite: LiteSessions::default(),
        }
    }

    /// The same, with a rule broken if a test says so.
    #[must_use]
    pub(crate) fn with_rules(mut self, rules: Rules) -> Self {
        self.rules = rules;
        if !rules.holds(Rule::BootSalt) {
            self.boot_salt = [0; 8];
        }
        self
    }

    /// Whether [`Sessions::seal`] has a session to this peer.
    pub fn has_session(&self, now: Instant, peer: &Address) -> bool {
        self.choose(now, peer).is_some()
    }

    /// Whether the next message to this peer should open a new session if its bundle is at hand:
    /// there is none it has answered in, or the newest such is a day old or half used up
    /// (`SES-12`).
    pub fn should_initiate(&self, now: Instant, peer: &Address) -> bool {
        let now_s = self.clock.seconds(now);
        self.choose(now, peer).and_then(|id| self.sessions.get(&id)).is_none_or(|session| {
            !session.confirmed
                || now_s >= session.created_s + SESSION_REKEY_AGE.as_secs()
                || session.sending.used() >= SESSION_MESSAGES_MAX / 2
        })
    }

    /// Whether the peer has proved that it has the session that [`Sessions::seal`] would use.
    pub fn is_confirmed(&self, now: Instant, peer: &Address) -> bool {
        self.choose(now, peer)
            .and_then(|id| self.sessions.get(&id))
            .is_some_and(|session| session.confirmed)
    }

    /// The strongest suite this peer was ever reached with: nothing weaker will do (`SES-14`).
    pub fn floor(&self, peer: &Address) -> Option<Suite> {
        self.floors.get(peer).copied()
    }

    /// Raises a peer's floor, for example to what is stored with a contact.
    pub fn raise_floor(&mut self, peer: &Address, suite: Suite) {
        if self.floors.get(peer).is_some_and(|floor| *floor >= suite) {
            return;
        }
        if self.floors.len() >= FLOORS_MAX && !self.floors.contains_key(peer) {
            self.drop_some_floor();
        }
        self.floors.insert(*peer, suite);
        self.records.push(rows::floor(peer, Some(suite)));
    }

    /// Says whether a peer's sessions and floor are to stay when room is needed: contacts are
    /// protected. Not stored, and bounded by the caller ([`crate::limits::CONTACTS_MAX`]).
    pub fn protect(&mut self, peer: &Address, protect: bool) {
        if protect {
            self.protected.insert(*peer);
        } else {
            self.protected.remove(peer);
        }
    }

    /// Forgets all sessions with a peer, so that the next message opens a new one.
    pub fn forget(&mut self, peer: &Address) {
        for id in self.by_peer.get(peer).cloned().unwrap_or_default() {
            self.remove(id);
        }
    }

    /// A receipt came back for an envelope sealed in this session: the peer has it.
    pub fn confirm(&mut self, id: &SessionId) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        if session.confirmed {
            return;
        }
        session.confirmed = true;
        session.pending = None;
        session.meta_dirty = true;
        let (peer, suite) = (session.peer.address(), session.suite);
        self.lite.confirm(LiteId(id.0));
        self.queue(*id);
        self.raise_floor(&peer, suite);
    }

    /// Wants on disk what [`Sessions::open`] last changed in the sessions with this peer: call it
    /// for each durable message.
    pub fn keep(&mut self, peer: &Address) {
        self.lite.keep(peer);
        for id in self.by_peer.get(peer).into_iter().flatten() {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if session.receiving.keep() && !core::mem::replace(&mut session.queued, true) {
                self.dirty.push(*id);
            }
        }
    }

    /// Appends the rows that changed, one per session and kind, and returns the number of this
    /// drain for [`Sessions::on_committed`].
    pub fn drain_records(&mut self, out: &mut Vec<Record>) -> u64 {
        self.generation += 1;
        out.append(&mut self.records);
        self.lite.drain_records(self.generation, out);
        for id in core::mem::take(&mut self.dirty) {
            let Some(session) = self.sessions.get_mut(&id) else { continue };
            session.queued = false;
            if session.take_rows(id, self.generation, out) {
                self.in_flight.push_back((self.generation, id));
            }
        }
        self.generation
    }

    /// Whether [`Sessions::drain_records`] would append anything.
    pub fn has_records(&self) -> bool {
        !self.records.is_empty() || !self.dirty.is_empty() || self.lite.has_records()
    }

    /// Everything that left with the drains up to `generation` is durable: the counters it
    /// reserved may be used.
    pub fn on_committed(&mut self, generation: u64) {
        self.lite.on_committed(generation);
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

    /// Forgets sessions that nothing under way can belong to any more, and saves the clock.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.clock.start(now);
        self.drop_partial();
        self.lite.drop_partial();
        let now_s = self.clock.seconds(now);
        self.lite.expire(now_s);
        let max_s = SESSION_AGE_MAX.as_secs();
        let over = self.sessions.iter().filter(|(_, session)| now_s >= session.created_s + max_s);
        for id in over.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.remove(id);
        }
        if !self.sessions.is_empty() {
            self.clock.save(now, &mut self.records);
        }
    }

    /// When [`Sessions::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        // Sessions expire after weeks: the hour of the clock's row is soon enough.
        (!self.sessions.is_empty()).then(|| self.clock.save_at())
    }

    /// How many sessions there are.
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is no session.
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions({} with {} peers)", self.sessions.len(), self.by_peer.len())
    }
}
