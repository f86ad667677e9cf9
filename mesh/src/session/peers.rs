//! Which sessions there are with whom, which one is sealed in, and which goes when room is needed.

use super::{
    Instant, SESSION_SEND_AGE_MAX, SESSIONS_MAX, SKIPPED_KEYS_MAX, Session, SessionId, Sessions,
    rows, schedule,
};
use crate::{address::Address, limits::SESSIONS_PER_PEER_MAX, lite::LiteId};

impl Sessions {
    /// The session to seal in: one the peer has answered in before one it has not, then the one
    /// opened last (`SES-13`).
    pub(super) fn choose(&self, now: Instant, peer: &Address) -> Option<SessionId> {
        let now_s = self.clock.seconds(now);
        let usable = |session: &Session| {
            !session.sending.is_exhausted()
                && now_s < session.created_s + SESSION_SEND_AGE_MAX.as_secs()
        };
        self.by_peer
            .get(peer)?
            .iter()
            .filter_map(|id| self.sessions.get(id).map(|session| (*id, session)))
            .filter(|(_, session)| usable(session))
            .max_by_key(|(id, session)| (session.confirmed, session.created_s, *id))
            .map(|(id, _)| id)
    }

    /// Takes in a session; makes room first.
    pub(super) fn insert(&mut self, id: SessionId, session: Session) {
        let peer = session.peer.address();
        let own = self.by_peer.get(&peer).map_or(0, alloc::vec::Vec::len);
        if own >= SESSIONS_PER_PEER_MAX {
            self.remove_least(|session| session.peer.address() == peer);
        } else if self.sessions.len() >= SESSIONS_MAX {
            self.remove_least(|_| true);
        }
        self.skipped += session.receiving.kept();
        self.by_peer.entry(peer).or_default().push(id);
        self.sessions.insert(id, session);
        self.queue(id);
    }

    /// Notes that rows of a session changed.
    pub(super) fn queue(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        if !core::mem::replace(&mut session.queued, true) {
            self.dirty.push(id);
        }
    }

    /// The salt of a new sending half. A session that was forgotten and is opened again by the same
    /// first contact begins anew at counter 0, so the boot's salt alone would not do.
    pub(super) fn fresh_salt(&mut self) -> [u8; 8] {
        self.halves += 1;
        schedule::half_salt(&self.boot_salt, self.halves)
    }

    /// Removes a session and its rows.
    pub(super) fn remove(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.skipped -= session.receiving.kept();
        self.lite.remove(LiteId(id.0));
        if let Some(answered) = &session.answered {
            self.contacts.remove(&answered.contact);
        }
        let peer = session.peer.address();
        if let Some(ids) = self.by_peer.get_mut(&peer) {
            ids.retain(|known| *known != id);
            if ids.is_empty() {
                self.by_peer.remove(&peer);
            }
        }
        self.records.extend(rows::deletions(id));
    }

    /// Removes, among those that `matches`, the session that is missed least: a stranger's before
    /// a protected peer's, then one in which we never spoke before one the peer never answered in,
    /// then the one longest unused. A flood of strangers' first contacts pushes out strangers.
    fn remove_least(&mut self, matches: impl Fn(&Session) -> bool) {
        let least = self
            .sessions
            .iter()
            .filter(|(_, session)| matches(session))
            .min_by_key(|(_, session)| {
                let protected = self.protected.contains(&session.peer.address());
                (protected, session.spoken, session.confirmed, session.used_s)
            })
            .map(|(id, _)| *id);
        if let Some(id) = least {
            self.remove(id);
        }
    }

    /// Counts the keys a session keeps, `before` and now, and narrows it beyond the bound.
    pub(super) fn recount(&mut self, id: SessionId, before: usize) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let others = self.skipped - before;
        if others + session.receiving.kept() > SKIPPED_KEYS_MAX {
            session.receiving.narrow();
        }
        self.skipped = others + session.receiving.kept();
    }

    /// Makes room for a floor: from a peer without a session, never from a protected one unless
    /// all are.
    pub(super) fn drop_some_floor(&mut self) {
        let missed =
            |peer: &Address| (self.protected.contains(peer), self.by_peer.contains_key(peer));
        // Mostly strangers: the first of them does, without a look at all the others.
        let stranger = self.floors.keys().find(|peer| missed(peer) == (false, false));
        let least = || self.floors.keys().min_by_key(|peer| missed(peer));
        let victim = stranger.or_else(least).copied();
        if let Some(peer) = victim {
            self.floors.remove(&peer);
            self.records.push(rows::floor(&peer, None));
        }
    }
}
