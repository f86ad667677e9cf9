//! Our own messages, from *accepted* to *received* (`specs/13-node.md`).
//!
//! The outbox knows every message without a receipt, which try of it is under way, and when the
//! next one is due. It seals nothing and knows no routes: [`super::send`] does that.

mod departed;
mod dest;
mod finished;
mod message;
mod row;
mod timers;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

pub(super) use self::message::{Flight, Kind, OutMessage, PastTry};
use self::{dest::Dest, finished::Finished};
use super::inner::MessageHead;
use crate::{
    address::Address,
    command::SendOptions,
    crypto::{hash, rng::NodeRng},
    envelope::{EnvelopeId, MessageId},
    error::{Error, Malformed},
    limits,
    link::LinkId,
    lite::LiteMark,
    record::{Record, Table},
    session::SessionId,
    time::Instant,
    view::{MessageState, MessageView, TryResult, WaitingFor},
};

/// Unreceipted messages under way to one recipient that no relay keeps.
pub(super) const IN_FLIGHT_MAX: usize = 4_096;
/// Bytes of those. At 2.5 Gbit/s and a receipt delay of 10 ms about 3 MB are under way.
pub(super) const IN_FLIGHT_BYTES_MAX: usize = 8 << 20;
const IN_FLIGHT_BYTES_MIN: usize = 128 << 10;
/// Destinations whose counters are remembered: 200 bytes each, 3 MB. A forgotten one gets a new
/// lineage.
const DESTS_MAX: usize = 16_384;
/// Locks of earlier tries a late receipt may open.
const LOCKS_KEPT: usize = 4;

/// First receipt time-out before any round trip was measured, and the least afterwards: two group
/// commits on a slow disk and a delayed receipt.
pub(super) const RTO_MIN: Duration = Duration::from_secs(1);
/// Longest pause between tries of a message nobody keeps for us.
const RTO_MAX: Duration = Duration::from_secs(300);
/// First pause once a relay keeps the message; doubles up to a day. What is repeated then is mostly a
/// receipt that was lost, but for somebody who is away it is one more copy in a relay's store: 17 in
/// a week.
const CUSTODY_PAUSE_MIN: Duration = Duration::from_secs(60);
const CUSTODY_PAUSE_MAX: Duration = Duration::from_secs(86_400);

/// The outbox.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    messages: BTreeMap<MessageId, OutMessage>,
    dests: BTreeMap<Address, Dest>,
    by_lock: BTreeMap<[u8; 16], MessageId>,
    by_envelope: BTreeMap<EnvelopeId, MessageId>,
    timers: BTreeSet<(Instant, MessageId)>,
    expiries: BTreeSet<(Instant, MessageId)>,
    finished: Finished,
    /// Messages a relay has taken over, to be written down once they have been there for a while.
    departed: VecDeque<(Instant, MessageId)>,
    bytes: usize,
    in_custody: usize,
    records: Vec<Record>,
}

/// The id both ends give a message (`NODE-04`).
pub(super) fn message_id(
    sender_key: &[u8; 32],
    to: &Address,
    lineage: u64,
    counter: u64,
) -> MessageId {
    let parts: [&[u8]; 4] =
        [sender_key, to.as_bytes(), &lineage.to_le_bytes(), &counter.to_le_bytes()];
    MessageId(hash::digest16(hash::Domain::Message, &parts))
}

impl Outbox {
    /// Whether another payload of this length may wait here.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.messages.len() < limits::OUTBOX_MESSAGES_MAX
            && self.bytes + len <= limits::OUTBOX_BYTES_MAX
    }

    /// Takes a message in. A durable one is *accepting* until [`Self::on_committed`].
    #[expect(clippy::too_many_arguments, reason = "from whom, to whom, what and how")]
    pub(super) fn insert(
        &mut self,
        now: Instant,
        sender_key: &[u8; 32],
        to: Address,
        kind: Kind,
        payload: Vec<u8>,
        options: SendOptions,
        rng: &mut NodeRng,
    ) -> MessageId {
        self.forget_idle_dests();
        let dest = self.dests.entry(to).or_insert_with(|| Dest::new(rng));
        let counter = dest.next_counter;
        dest.next_counter += 1;
        let head = MessageHead { lineage: dest.lineage, counter, floor: 0 };
        let id = message_id(sender_key, &to, head.lineage, counter);
        let expires_at = now + options.lifetime;
        if options.durable {
            let value = row::encode(&to, &head, kind, &options, &payload);
            self.records.push(Record {
                table: Table::Outbox,
                key: id.0.to_vec(),
                value: Some(value),
            });
        }
        let state = if options.durable { MessageState::Accepting } else { MessageState::Accepted };
        self.index(id, now, expires_at, to, head, kind, options, payload, state);
        id
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of one message, from two callers")]
    fn index(
        &mut self,
        id: MessageId,
        now: Instant,
        expires_at: Instant,
        to: Address,
        head: MessageHead,
        kind: Kind,
        options: SendOptions,
        payload: Vec<u8>,
        state: MessageState,
    ) {
        let dest = self.dests.get_mut(&to).expect("the caller made the entry");
        dest.unsettled.insert((head.lineage, head.counter));
        dest.bytes += payload.len();
        self.bytes += payload.len();
        self.expiries.insert((expires_at, id));
        let waiting_for = match state {
            MessageState::Accepting => WaitingFor::Disk,
            _ => WaitingFor::Link,
        };
        let message = OutMessage {
            to,
            head,
            kind,
            options,
            payload,
            accepted_at: now,
            expires_at,
            state,
            flight: None,
            waiting_for,
            next_try: None,
            tries: VecDeque::new(),
            locks: VecDeque::new(),
            attempts: 0,
            repeats: 0,
            is_noted: false,
        };
        self.messages.insert(id, message);
        if state != MessageState::Accepting {
            self.make_ready(id);
        }
    }

    /// Plays back one row of [`Table::Outbox`]; the message is tried again from the start.
    pub(super) fn restore(
        &mut self,
        now: Instant,
        sender_key: &[u8; 32],
        key: &[u8],
        value: &[u8],
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        let (to, head, kind, options, payload) = row::decode(value)?;
        let id = message_id(sender_key, &to, head.lineage, head.counter);
        if key != id.0 {
            return Err(Malformed::OutOfRange("outbox row key").into());
        }
        self.dests.entry(to).or_insert_with(|| Dest::new(rng));
        let expires_at = now + options.lifetime;
        self.index(id, now, expires_at, to, head, kind, options, payload, MessageState::Accepted);
        Ok(())
    }

    /// The message's record is durable: it is *accepted* and may be sent.
    pub(super) fn on_committed(&mut self, id: MessageId) -> Option<(Address, Kind)> {
        let message = self.messages.get_mut(&id)?;
        if message.state != MessageState::Accepting {
            return None;
        }
        message.state = MessageState::Accepted;
        message.waiting_for = WaitingFor::Link;
        let (to, kind) = (message.to, message.kind);
        self.make_ready(id);
        Some((to, kind))
    }

    fn make_ready(&mut self, id: MessageId) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        if let Some(at) = message.next_try.take() {
            self.timers.remove(&(at, id));
        }
        let dest = self.dests.get_mut(&message.to).expect("a message keeps its destination");
        dest.ready[message.options.priority as usize].push_back(id);
    }

    /// The next message to seal for `to`, if its window has room. Stays where it is until
    /// [`Self::on_queued`] or [`Self::postpone`].
    pub(super) fn next_ready(&mut self, now: Instant, to: &Address) -> Option<MessageId> {
        let dest = self.dests.get_mut(to)?;
        if dest.paused_until.is_some_and(|until| now < until) {
            return None;
        }
        if dest.in_flight >= IN_FLIGHT_MAX || dest.in_flight_bytes >= dest.window_bytes {
            return None;
        }
        for queue in dest.ready.iter_mut().rev() {
            while let Some(id) = queue.front() {
                // One that is on its way was found, by a row of the disk, to have left before.
                if self.messages.get(id).is_some_and(|message| message.flight.is_none()) {
                    return Some(*id);
                }
                queue.pop_front();
            }
        }
        None
    }

    /// What is ready for `to` cannot go because of this; `first` is what was tried.
    pub(super) fn set_blocked(
        &mut self,
        now: Instant,
        to: &Address,
        first: MessageId,
        reason: WaitingFor,
    ) {
        let Some(dest) = self.dests.get_mut(to) else { return };
        let before = dest.blocked.replace(reason);
        if reason == WaitingFor::Route
            && before != Some(reason)
            && let Some(message) = self.messages.get_mut(&first)
        {
            message.note(now, None, TryResult::NoRoute);
        }
    }

    /// The head of a message, with the floor as it stands now.
    pub(super) fn head(&self, id: &MessageId) -> Option<MessageHead> {
        let message = self.messages.get(id)?;
        let dest = self.dests.get(&message.to)?;
        let lineage = message.head.lineage;
        let first = dest.unsettled.range((lineage, 0)..).next();
        let floor = first.filter(|(l, _)| *l == lineage).map_or(message.head.counter, |&(_, c)| c);
        Some(MessageHead { floor: floor.min(message.head.counter), ..message.head })
    }

    /// The message was sealed and waits for `link`.
    pub(super) fn on_queued(&mut self, now: Instant, id: MessageId, flight: Flight, hop: Address) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        let dest = self.dests.get_mut(&message.to).expect("a message keeps its destination");
        let queue = &mut dest.ready[message.options.priority as usize];
        if queue.front() == Some(&id) {
            queue.pop_front();
        }
        dest.blocked = None;
        dest.in_flight += 1;
        dest.in_flight_bytes += message.payload.len();
        self.by_lock.insert(flight.lock, id);
        if let Some(envelope) = flight.envelope {
            self.by_envelope.insert(envelope, id);
        }
        message.locks.push_back(flight.lock);
        if message.locks.len() > LOCKS_KEPT
            && let Some(old) = message.locks.pop_front()
        {
            self.by_lock.remove(&old);
        }
        message.flight = Some(flight);
        message.waiting_for = WaitingFor::Link;
        message.note(now, Some(hop), TryResult::Sent);
    }

    /// The envelope left: the time-out runs from now, and is at least `least`.
    pub(super) fn on_transmitted(&mut self, now: Instant, lock: &[u8; 16], least: Duration) {
        let Some(&id) = self.by_lock.get(lock) else { return };
        let Some(message) = self.messages.get_mut(&id) else { return };
        let Some(flight) = message.flight.as_mut().filter(|f| f.lock == *lock) else { return };
        flight.sent_at = Some(now);
        message.waiting_for = WaitingFor::Receipt;
        let rto = self.dests.get(&message.to).map_or(RTO_MIN, Dest::rto);
        let rto = rto.max(least);
        let pause = (rto * (1 << message.attempts.min(8))).min(RTO_MAX.max(least));
        self.set_timer(id, now + pause);
    }

    /// The neighbour has the envelope: the receipt is waited for at least so much longer.
    pub(super) fn on_passed(&mut self, now: Instant, lock: &[u8; 16], least: Duration) {
        let Some(&id) = self.by_lock.get(lock) else { return };
        let Some(message) = self.messages.get(&id) else { return };
        let is_current = message.flight.is_some_and(|f| f.lock == *lock && !f.custody);
        if is_current && message.next_try.is_some_and(|at| at < now + least) {
            self.set_timer(id, now + least);
        }
    }

    /// A neighbour keeps the envelope durably. Returns the message and its new state's news.
    pub(super) fn on_custody(
        &mut self,
        now: Instant,
        envelope: &EnvelopeId,
        hop: Address,
    ) -> Option<(MessageId, Address, bool)> {
        let id = *self.by_envelope.get(envelope)?;
        let message = self.messages.get_mut(&id)?;
        // The recipient's own acknowledgement is followed by its receipt, the better news. If that
        // is lost the usual time-out brings it again.
        if hop == message.to {
            return None;
        }
        let flight =
            message.flight.as_mut().filter(|f| f.envelope == Some(*envelope) && !f.custody)?;
        flight.custody = true;
        let (to, len, repeats) = (message.to, message.payload.len(), message.repeats);
        message.note(now, Some(hop), TryResult::Custody);
        let news = message.state != MessageState::InCustody;
        if news {
            message.state = MessageState::InCustody;
            self.in_custody += 1;
        }
        message.waiting_for = WaitingFor::Receipt;
        self.departed.push_back((now + departed::NOTED_AFTER, id));
        self.land(&to, len);
        if let Some(dest) = self.dests.get_mut(&to) {
            dest.resume();
        }
        let pause = (CUSTODY_PAUSE_MIN * (1 << repeats.min(11))).min(CUSTODY_PAUSE_MAX);
        self.set_timer(id, now + pause);
        Some((id, to, news))
    }

    /// A neighbour had no room for a message to `to`. Returns when to try again: what is under way
    /// besides would only be refused as well.
    pub(super) fn on_full(&mut self, now: Instant, to: &Address) -> Instant {
        self.dests.get_mut(to).map_or(now, |dest| dest.pause(now))
    }

    fn land(&mut self, to: &Address, len: usize) {
        if let Some(dest) = self.dests.get_mut(to) {
            dest.in_flight = dest.in_flight.saturating_sub(1);
            dest.in_flight_bytes = dest.in_flight_bytes.saturating_sub(len);
        }
    }

    /// A receipt's lock: the message is received. Returns it with its recipient, the link it had
    /// gone by last, and how long it took.
    pub(super) fn on_receipt(&mut self, now: Instant, lock: &[u8; 16]) -> Option<Receipted> {
        let id = *self.by_lock.get(lock)?;
        let message = self.messages.get(&id)?;
        let flight = message.flight.filter(|f| f.lock == *lock);
        let after = now.saturating_since(message.accepted_at);
        let (to, len, attempts) = (message.to, message.payload.len(), message.attempts);
        if let Some(dest) = self.dests.get_mut(&to) {
            if let Some(sent_at) = flight.and_then(|f| f.sent_at)
                && attempts == 0
            {
                dest.on_rtt(now.saturating_since(sent_at));
            }
            dest.resume();
            let grown = dest.window_bytes + (len / 8).max(1);
            dest.window_bytes = grown.min(IN_FLIGHT_BYTES_MAX);
        }
        let (link, session) = (flight.and_then(|f| f.link), flight.and_then(|f| f.session));
        let (kind, lite) = (message.kind, flight.and_then(|f| f.lite));
        self.finish(now, id, MessageState::Received);
        Some(Receipted { id, kind, to, link, session, lite, after })
    }

    /// Gives up on a message.
    pub(super) fn fail(&mut self, now: Instant, id: MessageId) -> Option<Address> {
        let to = self.messages.get(&id)?.to;
        self.finish(now, id, MessageState::Failed);
        Some(to)
    }

    fn finish(&mut self, now: Instant, id: MessageId, state: MessageState) {
        let Some(mut message) = self.messages.remove(&id) else { return };
        if message.state == MessageState::InCustody {
            self.in_custody -= 1;
        }
        if let Some(flight) = message.flight.take() {
            if let Some(envelope) = flight.envelope {
                self.by_envelope.remove(&envelope);
            }
            if !flight.custody {
                self.land(&message.to, message.payload.len());
            }
        }
        for lock in &message.locks {
            self.by_lock.remove(lock);
        }
        if let Some(at) = message.next_try.take() {
            self.timers.remove(&(at, id));
        }
        self.expiries.remove(&(message.expires_at, id));
        self.bytes -= message.payload.len();
        if let Some(dest) = self.dests.get_mut(&message.to) {
            dest.unsettled.remove(&(message.head.lineage, message.head.counter));
            dest.bytes = dest.bytes.saturating_sub(message.payload.len());
        }
        if message.options.durable {
            self.records.push(Record { table: Table::Outbox, key: id.0.to_vec(), value: None });
        }
        if message.is_noted {
            self.records.push(Record { table: Table::Departed, key: id.0.to_vec(), value: None });
        }
        message.state = state;
        message.waiting_for = WaitingFor::Nothing;
        let view = message.view(now, id, None);
        self.finished.insert(now, view);
    }

    /// A try came to nothing: the message is ready again at `again`, at once when `None`.
    pub(super) fn abort_flight(
        &mut self,
        now: Instant,
        id: MessageId,
        result: TryResult,
        again: Option<Instant>,
    ) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        let Some(flight) = message.flight.take() else { return };
        if let Some(envelope) = flight.envelope {
            self.by_envelope.remove(&envelope);
        }
        message.note_result(now, result);
        message.attempts += u32::from(result != TryResult::LinkDown);
        let (to, len) = (message.to, message.payload.len());
        if !flight.custody {
            self.land(&to, len);
        }
        match again {
            None => self.make_ready(id),
            Some(at) => self.set_timer(id, at),
        }
    }

    /// A link is gone: what was on it and nobody keeps is ready again. Returns its recipients.
    pub(super) fn on_link_down(&mut self, now: Instant, link: LinkId) -> BTreeSet<Address> {
        let lost: Vec<_> = self
            .messages
            .iter()
            .filter(|(_, m)| m.flight.is_some_and(|f| f.link == Some(link) && !f.custody))
            .map(|(id, m)| (*id, m.to))
            .collect();
        for (id, _) in &lost {
            self.abort_flight(now, *id, TryResult::LinkDown, None);
        }
        lost.into_iter().map(|(_, to)| to).collect()
    }

    pub(super) fn by_lock(&self, lock: &[u8; 16]) -> Option<(MessageId, Flight)> {
        let id = *self.by_lock.get(lock)?;
        let flight = self.messages.get(&id)?.flight.filter(|f| f.lock == *lock)?;
        Some((id, flight))
    }

    /// The message any of whose recent tries had this lock.
    pub(super) fn by_any_lock(&self, lock: &[u8; 16]) -> Option<MessageId> {
        self.by_lock.get(lock).copied()
    }

    /// Takes the payload of a waiting message out for sealing. [`Self::return_payload`] follows.
    pub(super) fn lend_payload(&mut self, id: &MessageId) -> Vec<u8> {
        self.messages.get_mut(id).map(|m| core::mem::take(&mut m.payload)).unwrap_or_default()
    }

    pub(super) fn return_payload(&mut self, id: &MessageId, payload: Vec<u8>) {
        if let Some(message) = self.messages.get_mut(id) {
            message.payload = payload;
        }
    }

    pub(super) fn get(&self, id: &MessageId) -> Option<&OutMessage> {
        self.messages.get(id)
    }

    /// Recipients with something ready.
    pub(super) fn ready_dests(&self) -> Vec<Address> {
        let ready = |dest: &Dest| dest.ready.iter().any(|queue| !queue.is_empty());
        self.dests.iter().filter(|(_, d)| ready(d)).map(|(to, _)| *to).collect()
    }

    /// Bytes for `to` that have no receipt and are not under way.
    pub(super) fn waiting_bytes(&self, to: &Address) -> usize {
        self.dests.get(to).map_or(0, |dest| dest.bytes.saturating_sub(dest.in_flight_bytes))
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn in_custody(&self) -> usize {
        self.in_custody
    }

    pub(super) fn view(&self, now: Instant, id: &MessageId) -> Option<MessageView> {
        if let Some(message) = self.messages.get(id) {
            return Some(message.view(now, *id, self.blocked(message)));
        }
        self.finished.view(now, id)
    }

    pub(super) fn views(&self, now: Instant) -> impl Iterator<Item = MessageView> + '_ {
        self.messages
            .iter()
            .filter(|(_, message)| message.kind == Kind::User)
            .map(move |(id, message)| message.view(now, *id, self.blocked(message)))
    }

    fn blocked(&self, message: &OutMessage) -> Option<WaitingFor> {
        self.dests.get(&message.to).and_then(|dest| dest.blocked)
    }

    fn forget_idle_dests(&mut self) {
        if self.dests.len() >= DESTS_MAX {
            self.dests.retain(|_, dest| !dest.is_idle());
        }
    }
}

/// What [`Outbox::on_receipt`] settled.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipted {
    pub(super) id: MessageId,
    pub(super) kind: Kind,
    pub(super) to: Address,
    pub(super) link: Option<LinkId>,
    pub(super) session: Option<SessionId>,
    pub(super) lite: Option<LiteMark>,
    pub(super) after: Duration,
}
