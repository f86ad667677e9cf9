//! What we send: sealing, windows, time-outs, retries.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Node,
    inner::Inner,
    link_queue::{Ingress, Queued},
    meeting::earn,
    outbox::{Flight, Kind, PastTry},
    proofs,
    records::After,
};
use crate::{
    address::Address,
    command::{CommandError, Outcome, SendOptions},
    crypto::hash,
    envelope::{Admitted, EnvelopeId, MessageId, Priority},
    event::{Event, FailReason},
    identity::Suite,
    limits,
    link::LinkId,
    lite,
    rules::Rule,
    session::{SealError, SealParams, Sealed},
    time::Instant,
    view::{TryResult, WaitingFor},
    wire::frame::{RefuseReason, Refused},
};

/// Payload bytes that may wait, unsealed, for one destination when they are not durable: beyond,
/// the application is asked to slow down.
const VOLATILE_WAITING_MAX: usize = 16 << 20;

/// Below this bit rate a first contact of 1,300 bytes would occupy the link for half a minute:
/// X25519 alone is used, unless the contact's suite floor forbids it.
const KEM_BITRATE_MIN_BPS: u64 = 500;

/// What could not be sent is looked at again after this time, should no event have come before.
const LOOK_AGAIN: Duration = Duration::from_secs(15);

/// Lifetime of pings, answers and routed receipts.
const CONTROL_LIFETIME_S: u32 = 60;

/// Why something could not be sealed and queued now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocked {
    Route,
    Bundle,
    Trust,
    Disk,
    /// The recipient asks for work, which is being done.
    Work,
    Floor(Suite),
}

impl Blocked {
    const fn waiting_for(self) -> WaitingFor {
        match self {
            Self::Route => WaitingFor::Route,
            Self::Bundle => WaitingFor::Bundle,
            Self::Trust | Self::Floor(_) => WaitingFor::Trust,
            Self::Disk => WaitingFor::Disk,
            Self::Work => WaitingFor::Work,
        }
    }
}

impl Node {
    pub(super) fn send(
        &mut self,
        now: Instant,
        to: Address,
        payload: Vec<u8>,
        options: SendOptions,
    ) -> Result<Outcome, CommandError> {
        if to == self.public.address() {
            return Err(CommandError::AddressIsOwn);
        }
        if payload.len() > limits::PAYLOAD_LEN_MAX {
            let limit_bytes = limits::PAYLOAD_LEN_MAX as u32;
            return Err(CommandError::PayloadTooLarge { limit_bytes });
        }
        if options.lifetime.as_secs() == 0 || options.lifetime > limits::LIFETIME_MAX {
            return Err(CommandError::LifetimeOutOfRange);
        }
        if !self.outbox.has_room(payload.len()) || (options.durable && self.storage_full) {
            return Err(CommandError::OutboxFull);
        }
        if options.sealed {
            self.check_sealed(now, &to)?;
        }
        if !options.durable && self.outbox.waiting_bytes(&to) > VOLATILE_WAITING_MAX {
            return Err(CommandError::Busy);
        }
        self.note_written_to(to);
        let sender = *self.public.node_key();
        let asked = options.proof.then(|| hash::sha256(&payload));
        let rng = &mut self.rng;
        let id = self.outbox.insert(now, &sender, to, Kind::User, payload, options, rng);
        if let Some(payload_sha256) = asked {
            self.proofs.ask(id, to, payload_sha256, options.durable);
        }
        if !self.holds(Rule::AcceptedDurable) {
            self.run(now, After::Accepted(id));
        } else if options.durable {
            self.commit.after(After::Accepted(id));
        } else {
            self.counters.messages_accepted += 1;
            self.events.push_back(Event::Accepted { id });
            self.pump(now, to);
        }
        Ok(Outcome::Message(id))
    }

    pub(super) fn cancel(&mut self, now: Instant, id: MessageId) -> Result<Outcome, CommandError> {
        self.outbox.get(&id).ok_or(CommandError::UnknownMessage)?;
        self.give_up(now, id, FailReason::Cancelled);
        Ok(Outcome::Done)
    }

    fn give_up(&mut self, now: Instant, id: MessageId, reason: FailReason) {
        if let Some(to) = self.outbox.fail(now, id) {
            self.counters.messages_failed += 1;
            self.events.push_back(Event::Failed { id, reason });
            self.pump(now, to);
        }
    }

    /// Seals and queues what is ready for `to`, as far as route, keys and window allow.
    pub(super) fn pump(&mut self, now: Instant, to: Address) {
        while let Some(id) = self.outbox.next_ready(now, &to) {
            if let Err(blocked) = self.send_message(now, id) {
                self.outbox.set_blocked(now, &to, id, blocked.waiting_for());
                self.blocked.insert(to, now + LOOK_AGAIN);
                return;
            }
        }
    }

    fn send_message(&mut self, now: Instant, id: MessageId) -> Result<(), Blocked> {
        // Lent out while it is sealed, so that a long payload is not copied for it.
        let payload = self.outbox.lend_payload(&id);
        let queued = self.seal_message(now, id, &payload);
        self.outbox.return_payload(&id, payload);
        let (flight, sealed) = queued?;
        let to = self.outbox.get(&id).expect("it was just found ready").to;
        let hop = flight.link.and_then(|link| self.neighbour(link)).unwrap_or(to);
        self.outbox.on_queued(now, id, flight, hop);
        if let Some(link) = flight.link {
            self.queue_sealed(now, link, sealed);
        }
        Ok(())
    }

    fn seal_message(
        &mut self,
        now: Instant,
        id: MessageId,
        payload: &[u8],
    ) -> Result<(Flight, Sealed), Blocked> {
        let head = self.outbox.head(&id).expect("it was just found ready");
        let message = self.outbox.get(&id).expect("it was just found ready");
        let (to, options) = (message.to, message.options);
        let inner = match message.kind {
            Kind::User => Inner::Message { head, proof: options.proof, payload },
            Kind::Forwarded => Inner::Forwarded(head, payload),
            Kind::Proof => proofs::inner_of(head, payload),
            Kind::Introduction => Inner::Introduction(head, payload),
            Kind::Answer => Inner::Answer(head, payload),
        };
        let (head, rest) = inner.parts();
        let inner: [&[u8]; 2] = [&head, rest];
        let life = message.expires_at.saturating_since(now).as_secs();
        let lifetime_s = u32::try_from(life).unwrap_or(u32::MAX).max(1);
        let params = SealParams {
            hops_max: limits::HOPS_DEFAULT,
            priority: options.priority,
            durable: options.durable,
            lifetime_s,
            signed: options.signed.then(|| self.own.next_envelope_seq()),
        };
        let (link, sealed) = if options.sealed {
            self.seal_to_mailbox(now, to, &params, &inner)?
        } else {
            let keepers = self.keepers(id);
            let link = match self.route_beside(now, &to, &keepers) {
                Err(Blocked::Route) if options.durable => {
                    self.custodian(&keepers).ok_or(Blocked::Route)?
                }
                found => found?,
            };
            (link, self.seal(now, to, link, &params, &inner)?)
        };
        let envelope = options.durable.then(|| sealed.id());
        let flight = Flight {
            lock: sealed.lock,
            envelope,
            session: sealed.session,
            lite: sealed.lite,
            link: Some(link),
            sent_at: None,
            custody: false,
        };
        Ok((flight, sealed))
    }

    /// Seals something small and volatile that no one retries.
    pub(super) fn send_inner(
        &mut self,
        now: Instant,
        to: Address,
        inner: &Inner<'_>,
    ) -> Result<(), Blocked> {
        let params = SealParams {
            hops_max: limits::HOPS_DEFAULT,
            priority: Priority::High,
            durable: false,
            lifetime_s: CONTROL_LIFETIME_S,
            signed: None,
        };
        let link = self.route_to(now, &to)?;
        let (head, rest) = inner.parts();
        let sealed = self.seal(now, to, link, &params, &[&head, rest])?;
        self.queue_sealed(now, link, sealed);
        Ok(())
    }

    /// Sends something that is not a user's message as durably as one.
    pub(super) fn send_system(
        &mut self,
        now: Instant,
        to: Address,
        kind: Kind,
        content: Vec<u8>,
        options: SendOptions,
    ) {
        let (sender, rng) = (*self.public.node_key(), &mut self.rng);
        let id = self.outbox.insert(now, &sender, to, kind, content, options, rng);
        self.commit.after(After::Accepted(id));
    }

    /// Links to the neighbours that say they keep a message of ours.
    fn keepers(&self, id: MessageId) -> Vec<LinkId> {
        let message = self.outbox.get(&id).filter(|_| self.holds(Rule::KeeperJudged));
        let Some(message) = message else { return Vec::new() };
        let keeps = |hop: Option<Address>| {
            let custody = |past: &PastTry| past.result == TryResult::Custody;
            message.tries.iter().any(|past| custody(past) && past.next_hop == hop)
        };
        self.links.keys().copied().filter(|link| keeps(self.neighbour(*link))).collect()
    }

    /// Where a message goes: by another neighbour than those that keep it, if there is one
    /// (`NODE-14`).
    fn route_beside(
        &mut self,
        now: Instant,
        to: &Address,
        keepers: &[LinkId],
    ) -> Result<LinkId, Blocked> {
        let beside = match keepers {
            [] => None,
            _ => self.routing.choose(now, to, keepers),
        };
        beside.map_or_else(|| self.route_to(now, to), Ok)
    }

    pub(super) fn route_to(&mut self, now: Instant, to: &Address) -> Result<LinkId, Blocked> {
        let link = self.routing.choose(now, to, &[]);
        if link.is_none() {
            self.routing.find(now, to, None, &mut self.rng);
        }
        link.ok_or(Blocked::Route)
    }

    fn seal(
        &mut self,
        now: Instant,
        to: Address,
        link: LinkId,
        params: &SealParams,
        inner: &[&[u8]],
    ) -> Result<Sealed, Blocked> {
        if self.contacts.is_blocked(&to) && self.holds(Rule::KeyPinned) {
            return Err(Blocked::Trust);
        }
        let slow = self.is_slow(now, &to, link);
        if slow {
            match self.sessions.seal_lite(now, &to, params, inner) {
                Ok(sealed) => return Ok(sealed),
                Err(SealError::AwaitingCommit) => return Err(Blocked::Disk),
                Err(_) => {}
            }
        }
        let announced = self.routing.bundle_version(&to);
        let fresh_bundle = self.bundles.get(&to, announced).is_some();
        // On a slow way a session is used as long as it lasts.
        let lasts = slow && self.sessions.is_confirmed(now, &to);
        let initiate = !lasts && self.sessions.should_initiate(now, &to);
        if initiate && !fresh_bundle {
            self.want_bundle(now, to);
        }
        if !initiate || !fresh_bundle {
            let (identity, sessions) = (&self.identity, &mut self.sessions);
            let sealed = if slow {
                sessions.seal_short(now, identity, &to, params, inner)
            } else {
                sessions.seal(now, identity, &to, params, inner)
            };
            match sealed {
                Ok(sealed) => return Ok(sealed),
                Err(SealError::AwaitingCommit) => return Err(Blocked::Disk),
                Err(_) => {}
            }
        }
        if slow && let Some(sealed) = self.seal_first(now, to, params, inner) {
            return Ok(sealed);
        }
        let Some(bundle) = self.bundles.get(&to, announced) else {
            self.want_bundle(now, to);
            return Err(Blocked::Bundle);
        };
        let (identity, rng) = (&self.identity, &mut self.rng);
        let slow =
            self.links.get(&link).is_some_and(|l| l.up.caps.bitrate_bps < KEM_BITRATE_MIN_BPS);
        let suite = if slow { Suite::X25519 } else { Suite::XWing };
        let (meetings, sessions) = (&mut self.meetings, &mut self.sessions);
        earn(now, meetings, sessions, identity, bundle, suite, rng)?;
        match self.sessions.initiate(now, identity, bundle, suite, params, inner, rng) {
            Ok(sealed) => Ok(sealed),
            Err(SealError::SuiteFloor { floor }) => Err(Blocked::Floor(floor)),
            Err(SealError::AwaitingCommit) => Err(Blocked::Disk),
            Err(_) => {
                self.want_bundle(now, to);
                Err(Blocked::Bundle)
            }
        }
    }

    /// Whether a slow hop is on the way: what is sent over it should be short (`MLL-14`).
    fn is_slow(&self, now: Instant, to: &Address, link: LinkId) -> bool {
        let way = self.routing.route(now, to).map_or(0, |route| route.cost);
        let hop = self.routing.link_cost(link).unwrap_or(0);
        way.max(hop) >= limits::SLOW_COST_US
    }

    pub(super) fn queue_sealed(&mut self, now: Instant, link: LinkId, sealed: Sealed) {
        let envelope = Admitted::from_sealed(sealed);
        let (header, len) = (*envelope.header(), envelope.bytes().len());
        let item = Queued::Owned { envelope, since: now };
        self.enqueue(now, link, Ingress::Own, item, (&header, len));
    }

    pub(super) fn on_own_receipt(&mut self, now: Instant, lock: &[u8; 16]) -> bool {
        let Some(done) = self.outbox.on_receipt(now, lock) else { return false };
        if let Some(link) = done.link {
            self.routing.on_receipt(now, &done.to, link);
        }
        if let Some(session) = done.session {
            self.sessions.confirm(&session);
        }
        if let Some(mark) = done.lite {
            self.sessions.on_lite_arrived(&mark);
        }
        if done.kind == Kind::User {
            self.counters.messages_received += 1;
            self.events.push_back(Event::Received { id: done.id, after: done.after });
        }
        self.pump(now, done.to);
        true
    }

    pub(super) fn on_own_custody(&mut self, now: Instant, id: EnvelopeId, hop: Address) {
        let Some((id, to, news)) = self.outbox.on_custody(now, &id, hop) else { return };
        if !self.holds(Rule::OriginKeeps) {
            self.outbox.fail(now, id);
            return;
        }
        let user = self.outbox.get(&id).is_some_and(|message| message.kind == Kind::User);
        if news && user {
            self.events.push_back(Event::InCustody { id, custodian: hop });
        }
        self.pump(now, to);
    }

    pub(super) fn on_own_refused(&mut self, now: Instant, link: LinkId, refused: &Refused) -> bool {
        let Some((id, flight)) = self.outbox.by_lock(&refused.lock) else { return false };
        if flight.link != Some(link) {
            return true;
        }
        let to = self.outbox.get(&id).expect("the lock belongs to a message").to;
        match refused.reason {
            RefuseReason::Full => {
                let again = self.outbox.on_full(now, &to);
                self.outbox.abort_flight(now, id, TryResult::Refused, None);
                self.blocked.insert(to, again);
            }
            RefuseReason::UnknownKey => {
                // Believed at most now and then: anyone on the way could say so.
                if let Some(mark) = flight.lite.filter(|mark| !mark.is_note()) {
                    // A full session tells the peer where we are.
                    self.sessions.on_lite_refused(&mark);
                    self.outbox.abort_flight(now, id, TryResult::Refused, None);
                } else if flight.session.is_none() && lite::is_lite_lock(&flight.lock) {
                    self.sessions.on_first_refused(&to);
                    self.outbox.abort_flight(now, id, TryResult::Refused, None);
                } else if self.own.may_forget_session(now, &to) {
                    self.sessions.forget(&to);
                    self.bundles.refresh(&to);
                    self.on_admission_refused(&to);
                    self.outbox.abort_flight(now, id, TryResult::Refused, None);
                } else {
                    let again = now + crate::store::RETRY_MIN;
                    self.outbox.abort_flight(now, id, TryResult::Refused, Some(again));
                }
            }
        }
        self.pump(now, to);
        true
    }

    pub(super) fn on_send_timers(&mut self, now: Instant) {
        while let Some((id, kind, reason)) = self.outbox.pop_expired(now) {
            if kind != Kind::User {
                continue;
            }
            self.counters.messages_failed += 1;
            self.events.push_back(Event::Failed { id, reason });
        }
        let due: Vec<_> =
            self.blocked.iter().filter(|(_, at)| **at <= now).map(|(to, _)| *to).collect();
        for to in due {
            self.blocked.remove(&to);
            self.pump(now, to);
        }
        self.outbox.note_departed(now);
        while let Some(timed_out) = self.outbox.pop_timer(now) {
            if let Some(link) = timed_out.lost_on {
                self.routing.on_no_receipt(now, &timed_out.to, link);
            }
            if let Some(link) = timed_out.kept_on.filter(|_| self.holds(Rule::KeeperJudged)) {
                self.routing.on_no_receipt(now, &timed_out.to, link);
            }
            self.pump(now, timed_out.to);
        }
    }
}
