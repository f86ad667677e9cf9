//! One message of ours, and the tries to get it on its way.

use alloc::{collections::VecDeque, vec::Vec};

use crate::{
    address::Address,
    command::SendOptions,
    envelope::{EnvelopeId, MessageId},
    limits,
    link::LinkId,
    lite::LiteMark,
    node::inner::MessageHead,
    session::SessionId,
    time::Instant,
    view::{MessageState, MessageView, Try, TryResult, WaitingFor},
};

/// A try that is under way.
#[derive(Clone, Copy, Debug)]
pub(in crate::node) struct Flight {
    pub(in crate::node) lock: [u8; 16],
    /// The envelope, when it may be taken into custody.
    pub(in crate::node) envelope: Option<EnvelopeId>,
    pub(in crate::node) session: Option<SessionId>,
    pub(in crate::node) lite: Option<LiteMark>,
    /// The link it left by; `None` once that is of an earlier run.
    pub(in crate::node) link: Option<LinkId>,
    /// When it left; `None` while it waits for the link.
    pub(in crate::node) sent_at: Option<Instant>,
    pub(in crate::node) custody: bool,
}

#[derive(Clone, Copy, Debug)]
pub(in crate::node) struct PastTry {
    pub(in crate::node) at: Instant,
    pub(in crate::node) next_hop: Option<Address>,
    pub(in crate::node) result: TryResult,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) enum Kind {
    /// A user's: the application hears of its fate.
    User,
    /// An envelope kept for the recipient, whose mailbox we are.
    Forwarded,
    /// A transferable receipt that the recipient asked for.
    Proof,
    /// What we say to a node whose invite we accepted.
    Introduction,
    /// What we say to a guest who accepted ours.
    Answer,
}

/// One of our messages.
#[derive(Debug)]
pub(in crate::node) struct OutMessage {
    pub(in crate::node) to: Address,
    pub(in crate::node) head: MessageHead,
    pub(in crate::node) kind: Kind,
    pub(in crate::node) options: SendOptions,
    pub(in crate::node) payload: Vec<u8>,
    pub(in crate::node) accepted_at: Instant,
    pub(in crate::node) expires_at: Instant,
    pub(in crate::node) state: MessageState,
    pub(in crate::node) flight: Option<Flight>,
    pub(in crate::node) waiting_for: WaitingFor,
    pub(in crate::node) next_try: Option<Instant>,
    pub(in crate::node) tries: VecDeque<PastTry>,
    pub(in crate::node) locks: VecDeque<[u8; 16]>,
    pub(in crate::node) attempts: u32,
    /// How often it was repeated although a relay kept it.
    pub(in crate::node) repeats: u32,
    /// Whether there is a row in [`crate::Table::Departed`] for it.
    pub(in crate::node) is_noted: bool,
}

impl OutMessage {
    pub(in crate::node) fn note(
        &mut self,
        at: Instant,
        next_hop: Option<Address>,
        result: TryResult,
    ) {
        self.tries.push_back(PastTry { at, next_hop, result });
        if self.tries.len() > limits::TRIES_KEPT {
            self.tries.pop_front();
        }
    }

    pub(in crate::node) fn note_result(&mut self, at: Instant, result: TryResult) {
        let next_hop = self.tries.back().and_then(|past| past.next_hop);
        self.note(at, next_hop, result);
    }

    pub(in crate::node) fn view(
        &self,
        now: Instant,
        id: MessageId,
        blocked: Option<WaitingFor>,
    ) -> MessageView {
        let is_ready = self.waiting_for == WaitingFor::Link && self.flight.is_none();
        let tried = self.tries.iter().map(|past| Try {
            ago: now.saturating_since(past.at),
            next_hop: past.next_hop,
            result: past.result,
        });
        MessageView {
            id,
            to: self.to,
            state: self.state,
            payload_len: self.payload.len() as u32,
            priority: self.options.priority,
            age: now.saturating_since(self.accepted_at),
            expires_in: self.expires_at.saturating_since(now),
            tried: tried.collect(),
            waiting_for: blocked.filter(|_| is_ready).unwrap_or(self.waiting_for),
            next_try: self.next_try.map(|at| at.saturating_since(now)),
        }
    }
}
