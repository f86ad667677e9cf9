//! Sealing in lite sessions, and what comes back (`MLL-09`, `MLL-11`).

use alloc::vec::Vec;

use super::{
    chain::{self, Refusal},
    form::{associated, lite_lock},
    session::{LiteId, LiteSession, LiteSessions},
    text::MessageName,
};
use crate::{
    address::Address, envelope::Header, identity::Suite, limits::SESSION_SEND_AGE_MAX, rules::Rules,
};

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

impl LiteSessions {
    /// The session to seal in: the youngest that the peer has, of the floor's suite at least.
    fn choose(&self, now_s: u64, to: &Address, floor: Option<Suite>) -> Option<LiteId> {
        let usable = |session: &LiteSession| {
            session.confirmed
                && !session.sending.is_exhausted()
                && !session.sending.needs_note()
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
        rules: Rules,
        floor: Option<Suite>,
        mut header: Header,
        parts: &[&[u8]],
    ) -> Result<LiteSealed, LiteError> {
        let id = self.choose(now_s, &header.dest, floor).ok_or(LiteError::NoSession)?;
        let session = self.sessions.get_mut(&id).ok_or(LiteError::NoSession)?;
        session.used_s = now_s;
        let taken = session.sending.take(rules);
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
        let session = self.sessions.get(&id).filter(|session| session.confirmed)?;
        if !session.sending.needs_note() {
            return None;
        }
        self.note_first(id, head)
    }

    /// The note that goes with a message in the first contact of the session of `id`: the first
    /// message in the lite session needs no name then (`MLL-20`).
    pub(crate) fn note_first(&mut self, id: LiteId, head: &[u8]) -> Option<(Vec<u8>, LiteMark)> {
        let sending = &mut self.sessions.get_mut(&id)?.sending;
        let anchor = sending.anchor();
        let form = sending.sent.note_beside(anchor, head)?;
        let mark = LiteMark { id, arrived: anchor, generation: form.generation, is_note: true };
        Some((form.head, mark))
    }

    /// The peer has opened a first frame of ours with a message of this name, and the session came
    /// of it (`MLL-20`).
    pub(crate) fn agree_sent(&mut self, id: LiteId, name: MessageName) {
        if let Some(session) = self.sessions.get_mut(&id) {
            session.sending.sent.agree(name);
        }
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
        if session.by_secret && !session.sending.has_arrived() {
            // The other one has not given the secret yet. We listen, and go on when they write.
            session.confirmed = false;
            session.meta_dirty = true;
            self.queue(mark.id);
            return;
        }
        if session.sending.on_refused(mark.arrived) {
            self.queue(mark.id);
        } else {
            self.remove(mark.id);
        }
    }
}
