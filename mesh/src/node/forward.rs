//! Other people's envelopes: admit, keep, pass on, and learn what became of them.

use core::time::Duration;

use super::{
    Node,
    link_queue::{Ingress, Queued},
    links::{CUSTODY_HOPS, Link},
    receipts::{RECEIPT_DELAY, locks_of},
    records::After,
};
use crate::{
    address::Address,
    envelope::{Admitted, EnvelopeId, EnvelopeIn, Header},
    error::{DropReason, Error, PeerMisbehaved},
    identity::Capabilities,
    link::LinkId,
    rules::Rule,
    store::{Stage, Stored},
    time::Instant,
    view::TryResult,
    wire::frame::{self, NoRoute, RefuseReason, Refused},
};

/// Tries after which a stored envelope may go back to the neighbour it came from.
const DEAD_END_TRIES: u32 = 2;

/// Times of a hop in which what a neighbour has is settled by a receipt, or not at all.
const PASSED_HOPS: u32 = 720;

/// Times of a hop before what a medium gave up is sealed anew; then eight times as many.
const FAILED_HOPS: u32 = 32;

impl Node {
    pub(super) fn on_envelope(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let envelope = if self.holds(Rule::Expiry) {
            EnvelopeIn::parse(body)?
        } else {
            EnvelopeIn::parse_stored(body)?
        };
        if envelope.header().dest == self.public.address() {
            let delivered = self.deliver(now, link, &envelope);
            return if envelope.is_signed() {
                delivered
            } else {
                self.excuse_neighbour(link, &envelope, delivered);
                Ok(())
            };
        }
        let header = *envelope.header();
        if !self.has(Capabilities::RELAY) {
            self.drop_frame(DropReason::NoRoute);
            self.say_no_route(link, &header.lock, header.dest);
            return Ok(());
        }
        if header.hops_left == 0 {
            return Err(PeerMisbehaved::Expired.into());
        }
        if envelope.is_signed() && self.holds(Rule::EnvelopeSigned) {
            envelope.verify_signature(self.config.crypto)?;
        }
        if header.durable && self.has(Capabilities::STORE) {
            self.take_custody(now, link, envelope.admit());
        } else {
            self.pass_on(now, link, envelope.admit());
        }
        Ok(())
    }

    /// What is wrong inside an envelope no relay could see: the neighbour it came by is not blamed,
    /// and told to keep it no longer (`HOP-11`). Otherwise whoever floods a node cuts it off from the
    /// honest relay that brings the flood.
    fn excuse_neighbour(
        &mut self,
        link: LinkId,
        envelope: &EnvelopeIn<'_>,
        delivered: Result<(), Error>,
    ) {
        let Err(error) = delivered else { return };
        self.drop_frame(error.into());
        if envelope.header().durable && !matches!(error, Error::Unsupported(_)) {
            self.commit.after(After::CustodyAck { link, id: envelope.id() });
        }
    }

    fn take_custody(&mut self, now: Instant, link: LinkId, envelope: Admitted) {
        let (id, lock) = (envelope.id(), envelope.header().lock);
        if let Some(stored) = self.store.get(&id) {
            self.counters.duplicates += 1;
            let (committed, queued) = (stored.committed, matches!(stored.stage, Stage::Queued(_)));
            let improved = self.holds(Rule::CopyHops) && self.store.improve(now, &envelope);
            if committed && !improved {
                self.queue_custody_ack(link, id);
            } else {
                self.commit.after(After::CustodyAck { link, id });
            }
            if improved && !queued {
                // What was sent may end at its last hop: the better copy goes after it.
                self.forward_stored(now, id);
            }
            return;
        }
        match self.store.insert(now, envelope, Some(link), self.neighbour(link)) {
            Ok(()) => {
                self.counters.custody_taken += 1;
                if !self.holds(Rule::CustodyDurable) {
                    self.queue_custody_ack(link, id);
                }
                self.commit.after(After::CustodyAck { link, id });
                self.forward_stored(now, id);
            }
            Err(_) => {
                self.drop_frame(DropReason::Full);
                self.refuse(link, Refused { id, lock, reason: RefuseReason::Full });
            }
        }
    }

    /// Says that an envelope is kept: at once, or on a shared medium a while later unless its receipt
    /// says more (`HOP-13`).
    pub(super) fn queue_custody_ack(&mut self, link: LinkId, id: EnvelopeId) {
        let now = self.now;
        let Some(state) = self.links.get_mut(&link) else { return };
        let wait = state.hop_time() * CUSTODY_HOPS;
        match state.queue_mut() {
            queue if wait.is_zero() => queue.push_custody_ack(id),
            queue => queue.push_custody_ack_later(id, now + wait),
        }
    }

    pub(super) fn refuse(&mut self, link: LinkId, refused: Refused) {
        let mut frame = alloc::vec::Vec::new();
        refused.write(&mut frame);
        self.push_control(link, frame);
    }

    fn say_no_route(&mut self, link: LinkId, lock: &[u8; 16], dest: Address) {
        let mut frame = alloc::vec::Vec::new();
        NoRoute { lock: *lock, dest }.write(&mut frame);
        self.push_control(link, frame);
    }

    /// Forwards an envelope that is not kept: now, or not at all.
    fn pass_on(&mut self, now: Instant, link: LinkId, envelope: Admitted) {
        let header = *envelope.header();
        let Some(egress) = self.routing.choose(now, &header.dest, &[link]) else {
            self.drop_frame(DropReason::NoRoute);
            self.say_no_route(link, &header.lock, header.dest);
            self.routing.find_for(now, &header.dest, link, &mut self.rng);
            return;
        };
        if !self.has_ingress_room(link) {
            self.drop_frame(DropReason::Full);
            return;
        }
        if !self.may_take(egress, &header) {
            self.drop_frame(DropReason::Expired);
            return;
        }
        let len = envelope.bytes().len();
        let item = Queued::Owned { envelope, since: now };
        self.enqueue(now, egress, Ingress::Link(link), item, (&header, len));
    }

    /// Whether the neighbour could do anything with an envelope that we pass on: with its last hop
    /// only its recipient can (`ENV-07`).
    fn may_take(&self, egress: LinkId, header: &Header) -> bool {
        header.hops_left > 1 || self.neighbour(egress) == Some(header.dest)
    }

    /// Gives a stored envelope to the link its route leads over; without a route it waits.
    pub(super) fn forward_stored(&mut self, now: Instant, id: EnvelopeId) {
        let Some(stored) = self.store.get(&id) else { return };
        let (header, len) = (*stored.envelope.header(), stored.envelope.bytes().len());
        let ingress = stored.ingress.filter(|link| self.links.contains_key(link));
        // Back where it came from only when nothing else worked: at a dead end that is the way on.
        let exclude = if stored.tries < DEAD_END_TRIES { ingress.as_slice() } else { &[] };
        match self.routing.choose(now, &header.dest, exclude) {
            Some(egress) if !self.may_take(egress, &header) => {
                // No way leads on from here within its hops; the origin still has its copy.
                self.store.remove(&id);
                self.drop_frame(DropReason::Expired);
            }
            Some(egress) => {
                self.store.set_stage(&id, Stage::Queued(egress), None);
                // Counted for its neighbour's fair share, but not for back-pressure: it is on disk.
                let from = ingress.map_or(Ingress::Own, Ingress::Link);
                let item = Queued::Stored(id);
                self.enqueue(now, egress, from, item, (&header, len));
            }
            None => {
                let retry_at = now + self.store.back_off(&id);
                self.store.set_stage(&id, Stage::Waiting, Some(retry_at));
                match ingress {
                    Some(link) => {
                        self.routing.find_for(now, &header.dest, link, &mut self.rng);
                    }
                    None => self.routing.find(now, &header.dest, None, &mut self.rng),
                }
            }
        }
    }

    /// The medium says that the neighbour has the envelope: its word may take its time (`HOP-15`).
    pub(super) fn on_hop_passed(&mut self, now: Instant, link: LinkId, lock: &[u8; 16]) {
        let Some(hop) = self.links.get(&link).map(Link::hop_time) else { return };
        if let Some(id) = self.store.by_lock(lock)
            && self.store.get(&id).is_some_and(|stored| stored.stage == Stage::Sent(link))
        {
            let until = now + hop * PASSED_HOPS;
            self.store.set_stage(&id, Stage::Sent(link), Some(until));
        } else {
            self.outbox.on_passed(now, lock, hop * PASSED_HOPS);
        }
    }

    /// The medium gave the envelope up: it is taken back, to be tried
    /// again later (`HOP-15`).
    pub(super) fn on_hop_failed(&mut self, now: Instant, link: LinkId, lock: &[u8; 16]) {
        if let Some(id) = self.store.by_lock(lock) {
            let sent = |stored: &&Stored| stored.stage == Stage::Sent(link);
            if self.store.get(&id).filter(sent).is_none() {
                return;
            }
            let retry_at = now + self.store.back_off(&id);
            self.store.set_stage(&id, Stage::Waiting, Some(retry_at));
        } else if let Some((id, flight)) = self.outbox.by_lock(lock)
            && flight.link == Some(link)
            && !flight.custody
            && let Some(message) = self.outbox.get(&id)
        {
            let attempts = message.attempts;
            let hop = self.links.get(&link).map_or(Duration::ZERO, Link::hop_time);
            let again = now + hop * (FAILED_HOPS << (3 * attempts.min(1)));
            self.outbox.abort_flight(now, id, TryResult::TimedOut, Some(again));
        }
    }

    pub(super) fn release_stored(&mut self, now: Instant, dest: &Address) {
        for id in self.store.waiting_for(dest) {
            self.forward_stored(now, id);
        }
    }

    pub(super) fn on_store_timers(&mut self, now: Instant) {
        while self.store.pop_expired(now).is_some() {
            self.drop_frame(DropReason::Expired);
        }
        while let Some(id) = self.store.pop_retry(now) {
            let Some(stored) = self.store.get(&id) else { continue };
            if let Stage::Sent(link) = stored.stage {
                let dest = stored.envelope.header().dest;
                self.routing.on_no_receipt(now, &dest, link);
            }
            self.forward_stored(now, id);
        }
    }

    /// A neighbour keeps envelopes durably: ours are *in custody*, others' are its business now.
    pub(super) fn on_custody_ack(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let Some(hop) = self.neighbour(link) else { return Ok(()) };
        for id in frame::read_ids(body)? {
            let id = EnvelopeId(id);
            let asked_by_us = !self.holds(Rule::AckFromHolder);
            if self.store.get(&id).is_some_and(|s| s.stage == Stage::Sent(link) || asked_by_us) {
                self.store.remove(&id);
            } else {
                self.on_own_custody(now, id, hop);
            }
        }
        Ok(())
    }

    /// Preimages of locks: what we forwarded, or sent, arrived.
    pub(super) fn on_receipts(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        for preimage in frame::read_ids(body)? {
            if !self.holds(Rule::ReceiptOpensLock) {
                self.on_opened_lock(now, link, &preimage, preimage);
                continue;
            }
            for lock in locks_of(&preimage) {
                self.on_opened_lock(now, link, &lock, preimage);
            }
        }
        Ok(())
    }

    fn on_opened_lock(&mut self, now: Instant, link: LinkId, lock: &[u8; 16], preimage: [u8; 16]) {
        if self.on_own_receipt(now, lock) {
            return;
        }
        if let Some(id) = self.store.by_lock(lock) {
            self.store.remove(&id);
        }
        let Some(passed) = self.locks.take(lock) else { return };
        self.routing.on_receipt(now, &passed.dest, link);
        if let Some(back) = self.way_back(&passed) {
            if let Some((queue, id)) = self.link_queue(back).zip(passed.id) {
                queue.cancel_custody_ack(&id);
            }
            let due = now + RECEIPT_DELAY / 4;
            if let Some(queue) = self.link_queue(back) {
                queue.push_receipt(preimage, due, 0);
            }
        }
    }

    pub(super) fn on_refused(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let refused = Refused::read(body)?;
        if self.on_own_refused(now, link, &refused) {
            return Ok(());
        }
        if self.store.get(&refused.id).is_some_and(|s| s.stage == Stage::Sent(link)) {
            let retry_at = now + self.store.back_off(&refused.id);
            self.store.set_stage(&refused.id, Stage::Waiting, Some(retry_at));
        }
        // The origin may have to agree on keys again: tell it the way the envelope came.
        if refused.reason == RefuseReason::UnknownKey
            && let Some(passed) = self.locks.get(&refused.lock).copied()
            && passed.egress == link
            && let Some(back) = self.way_back(&passed)
        {
            self.refuse(back, refused);
        }
        Ok(())
    }

    pub(super) fn on_no_route(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let no_route = NoRoute::read(body)?;
        if let Some((id, flight)) = self.outbox.by_lock(&no_route.lock) {
            if flight.link == Some(link) {
                self.routing.on_no_route(now, &no_route.dest, link);
                self.outbox.abort_flight(now, id, TryResult::NoRoute, None);
                self.pump(now, no_route.dest);
            }
            return Ok(());
        }
        let Some(passed) = self.locks.get(&no_route.lock).copied() else { return Ok(()) };
        if passed.egress != link || passed.dest != no_route.dest {
            return Err(PeerMisbehaved::Unsolicited.into());
        }
        self.routing.on_no_route(now, &no_route.dest, link);
        match (passed.id, self.way_back(&passed)) {
            (Some(id), _) if self.store.get(&id).is_some() => self.forward_stored(now, id),
            (_, Some(back)) => self.say_no_route(back, &no_route.lock, no_route.dest),
            _ => {}
        }
        Ok(())
    }
}
