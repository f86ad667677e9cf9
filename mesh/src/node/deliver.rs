//! Envelopes for us: open, show once, acknowledge.

use alloc::vec::Vec;

use super::{
    Node,
    inner::{Inner, MessageHead, RECEIPTS_PER_INNER_MAX},
    meeting::Shown,
    outbox::message_id,
    ranges::Inserted,
    receipts::{RECEIPT_DELAY, locks_of},
    records::{After, Receipt},
};
use crate::{
    address::Address,
    envelope::{Class, EnvelopeIn},
    error::{DropReason, Error, PeerMisbehaved, Unsupported},
    event::InboxMessage,
    link::LinkId,
    rules::Rule,
    session::Opened,
    time::Instant,
    wire::frame::{RefuseReason, Refused},
};

/// An envelope that was under way this long has outlived the memory of its relays: its receipt
/// also goes inside a session.
const REVERSE_PATH_MS: u32 = 300_000;

/// Recipients with routed receipts waiting; each list is bounded by [`RECEIPTS_PER_INNER_MAX`].
const ROUTED_DESTS_MAX: usize = 256;

impl Node {
    pub(super) fn deliver(
        &mut self,
        now: Instant,
        link: LinkId,
        envelope: &EnvelopeIn<'_>,
    ) -> Result<(), Error> {
        let header = *envelope.header();
        let lock = header.lock;
        // Before the session consumes its counter: what is refused here must open later.
        if !self.inbox.has_room(envelope.bytes().len()) || (header.durable && self.storage_full) {
            self.drop_frame(DropReason::Full);
            self.refuse(link, Refused { id: envelope.id(), lock, reason: RefuseReason::Full });
            return Ok(());
        }
        if let Some(kept) = self.keep_sealed(now, link, envelope) {
            return kept;
        }
        let Some(shown) = self.judge_admission(now, link, envelope) else { return Ok(()) };
        let opened = match self.open_envelope(now, envelope) {
            Ok(opened) => opened,
            Err(Error::PeerMisbehaved(PeerMisbehaved::Replayed)) => {
                // Older than what the session remembers: a copy that relays kept while they were
                // killed again and again. No neighbour can know that, and none should go on
                // keeping it: the origin repeats in a new envelope what it has no receipt for.
                self.drop_frame(DropReason::Replayed);
                if header.durable {
                    self.commit.after(After::CustodyAck { link, id: envelope.id() });
                }
                return Ok(());
            }
            Err(error) => {
                if let Error::Unsupported(Unsupported::UnknownSession | Unsupported::PreKeyGone) =
                    error
                {
                    let (id, reason) = (envelope.id(), RefuseReason::UnknownKey);
                    self.refuse(link, Refused { id, lock, reason });
                }
                return Err(error);
            }
        };
        let from = opened.peer.address();
        if self.meetings.is_blocked(&from) && self.holds(Rule::BlockList) {
            self.drop_blocked(link, envelope);
            return Ok(());
        }
        if matches!(shown, Shown::PassOf(owner) if owner != from) {
            // Its owner gave it away: then it is nobody's.
            self.sessions.forget(&from);
            return Err(PeerMisbehaved::OverBudget.into());
        }
        // The age of a lite envelope is rounded up by slow links, and says nothing about its way.
        let old = header.class != Class::Lite && header.age_ms >= REVERSE_PATH_MS;
        let stale = old || !opened.fresh;
        let routed_to = stale.then(|| opened.peer.address());
        let preimage = opened.preimage;
        let custody = header.durable.then(|| envelope.id());
        let receipt = Receipt { link, custody, preimage, len: envelope.bytes().len(), routed_to };
        if !opened.fresh {
            self.counters.duplicates += 1;
            // While nothing is decided about its sender nothing is told either (MEET-11).
            let undecided = self.is_undecided(&from);
            let known = custody.map(|id| (link, id));
            let told = if undecided { After::CustodyOf(known) } else { After::Receipt(receipt) };
            self.commit.after(told);
            return Ok(());
        }
        self.note_session(now, &opened);
        if Self::is_bare(&opened) {
            self.pump(now, from);
            return Ok(());
        }
        self.on_inner(now, &opened, receipt)?;
        self.renew_pass(now, &opened);
        Ok(())
    }

    /// What a fresh envelope of somebody says.
    fn on_inner(&mut self, now: Instant, opened: &Opened, receipt: Receipt) -> Result<(), Error> {
        let from = opened.peer.address();
        match Inner::read(&opened.inner)? {
            Inner::Message { head, payload, .. } if self.is_undecided(&from) => {
                self.on_request(opened, head, payload, receipt);
                Ok(())
            }
            Inner::Message { head, proof, payload } => {
                self.on_message(now, opened, head, payload, receipt, proof);
                Ok(())
            }
            Inner::Introduction(head, content) => {
                self.on_introduction(now, opened, head, content, receipt)
            }
            Inner::Answer(head, content) => self.on_answer(opened, head, content, receipt),
            Inner::Pass(key) => {
                self.on_pass(from, *key);
                Ok(())
            }
            Inner::Proof(head, bytes) => self.on_proof(opened, head, bytes, receipt),
            Inner::ShortProof { hint, signature } => {
                self.on_short_proof(opened, hint, signature, receipt)
            }
            Inner::Forwarded(head, envelope) => {
                self.on_forwarded(now, opened, head, envelope, receipt)
            }
            Inner::Mailbox(body) => self.on_mailbox_op(now, from, body),
            Inner::Ping { nonce, padding } => {
                self.on_ping(now, &opened.peer, nonce, padding);
                Ok(())
            }
            Inner::Pong { nonce, .. } => self.on_pong(now, &opened.peer, nonce),
            Inner::Receipts(preimages) => {
                for preimage in preimages.chunks_exact(16) {
                    let preimage: [u8; 16] = preimage.try_into().expect("chunks of 16");
                    self.on_routed_receipt(now, &from, &preimage);
                }
                Ok(())
            }
        }
    }

    /// Drops what a blocked node sent (`MEET-15`). Relays need not keep it; the sender, who gets
    /// neither receipt nor refusal, cannot tell this from a node that is away.
    fn drop_blocked(&mut self, link: LinkId, envelope: &EnvelopeIn<'_>) {
        self.drop_frame(DropReason::Blocked);
        let is_relayed =
            self.neighbour(link).is_some_and(|neighbour| !self.meetings.is_blocked(&neighbour));
        if envelope.header().durable && is_relayed {
            self.commit.after(After::CustodyAck { link, id: envelope.id() });
        }
    }

    fn on_message(
        &mut self,
        now: Instant,
        opened: &Opened,
        head: MessageHead,
        payload: &[u8],
        receipt: Receipt,
        proof: bool,
    ) {
        let sender = *opened.peer.node_key();
        match self.inbox.mark(sender, &head) {
            Inserted::New => {}
            Inserted::Known if !self.holds(Rule::ShownOnce) => {}
            Inserted::Known => {
                self.counters.duplicates += 1;
                let routed_to = Some(opened.peer.address());
                self.sessions.keep(&opened.peer.address());
                self.commit.after(After::Receipt(Receipt { routed_to, ..receipt }));
                return;
            }
            Inserted::Full => {
                self.drop_frame(DropReason::OverBudget);
                return;
            }
        }
        // The ratchet moves on disk together with the message it opened.
        if receipt.custody.is_some() {
            self.sessions.keep(&opened.peer.address());
        }
        let from = opened.peer.address();
        let message = InboxMessage {
            seq: 0,
            id: message_id(&sender, &self.public.address(), head.lineage, head.counter),
            from,
            received_at: self.wall_now(),
            payload: payload.into(),
            verified: self.contacts.is_verified(&from, opened.root_key.as_ref()),
            sealed: false,
        };
        if proof {
            self.sign_for(now, &message, sender);
        }
        let message = self.inbox.insert(message, receipt.custody.is_some());
        // A volatile message has no row and waits all the same: positions are shown in their order,
        // and one that an application has seen must not be given again after a crash (NODE-06).
        let delivered = After::Delivered { message, receipt };
        if self.holds(Rule::ShownDurable) {
            self.commit.after(delivered);
        } else {
            self.run(now, delivered);
        }
    }

    /// A sealed envelope that our mailbox node kept for us.
    fn on_forwarded(
        &mut self,
        now: Instant,
        carrier: &Opened,
        head: MessageHead,
        bytes: &[u8],
        receipt: Receipt,
    ) -> Result<(), Error> {
        let mailbox = carrier.peer.address();
        self.sessions.keep(&mailbox);
        let new = self.inbox.mark(*carrier.peer.node_key(), &head) == Inserted::New;
        // The carrier's own envelope is settled whatever is inside.
        self.commit.after(After::Receipt(receipt));
        if !new || self.mailboxes.hint().is_none_or(|hint| hint.node != mailbox) {
            return Ok(());
        }
        let envelope = EnvelopeIn::parse(bytes)?;
        let opened = self.sessions.open(now, &self.identity, &self.prekeys, &envelope)?;
        let from = opened.peer.address();
        if self.meetings.is_blocked(&from) {
            self.drop_frame(DropReason::Blocked);
            return Ok(());
        }
        let undecided = self.is_undecided(&from);
        if !undecided {
            self.commit.after(After::RoutedReceipt { to: mailbox, preimage: opened.preimage });
        }
        if !opened.fresh {
            return Ok(());
        }
        let Inner::Message { head, proof, payload } = Inner::read(&opened.inner)? else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        if undecided {
            if !self.on_sealed_request(&opened, head, payload, mailbox) {
                self.sessions.forget_alone(&envelope);
            }
            return Ok(());
        }
        let sender = opened.peer.node_key();
        if self.inbox.mark(*sender, &head) != Inserted::New {
            self.counters.duplicates += 1;
            return Ok(());
        }
        let message = InboxMessage {
            seq: 0,
            id: message_id(sender, &self.public.address(), head.lineage, head.counter),
            from,
            received_at: self.wall_now(),
            payload: payload.into(),
            verified: self.contacts.is_verified(&from, opened.root_key.as_ref()),
            sealed: true,
        };
        if proof {
            self.sign_for(now, &message, *sender);
        }
        let message = self.inbox.insert(message, true);
        self.commit.after(After::Shown(message));
        Ok(())
    }

    /// Sends what tells an envelope's sender, and the neighbour that kept it, that it is here.
    pub(super) fn queue_receipt(&mut self, now: Instant, receipt: Receipt) {
        let due = now + RECEIPT_DELAY;
        let shared = self.links.get(&receipt.link).is_some_and(|state| state.up.caps.shared);
        if let Some(queue) = self.link_queue(receipt.link) {
            // Where air time is scarce the receipt alone says both.
            if let Some(id) = receipt.custody.filter(|_| !shared) {
                queue.push_custody_ack(id);
            }
            queue.push_receipt(receipt.preimage, due, receipt.len);
        }
        let gone = !self.links.contains_key(&receipt.link);
        let origin = receipt.routed_to.or_else(|| gone.then(|| self.public.address()));
        if let Some(to) = origin.filter(|to| *to != self.public.address()) {
            self.route_receipt(now, to, receipt.preimage);
        }
    }

    pub(super) fn route_receipt(&mut self, now: Instant, to: Address, preimage: [u8; 16]) {
        if self.routed_receipts.len() >= ROUTED_DESTS_MAX && !self.routed_receipts.contains_key(&to)
        {
            return;
        }
        let list = self.routed_receipts.entry(to).or_default();
        if list.len() < RECEIPTS_PER_INNER_MAX {
            list.push(preimage);
        }
        self.routed_receipts_due.get_or_insert(now + 10 * RECEIPT_DELAY);
    }

    pub(super) fn send_routed_receipts(&mut self, now: Instant) {
        if self.routed_receipts_due.is_none_or(|due| now < due) {
            return;
        }
        self.routed_receipts_due = None;
        for (to, preimages) in core::mem::take(&mut self.routed_receipts) {
            let bytes: Vec<u8> = preimages.concat();
            // If it cannot be sent now, the origin repeats its message and is told then.
            let _ = self.send_inner(now, to, &Inner::Receipts(&bytes));
        }
    }

    fn on_routed_receipt(&mut self, now: Instant, from: &Address, preimage: &[u8; 16]) {
        for lock in locks_of(preimage) {
            self.on_routed_lock(now, from, &lock, preimage);
        }
    }

    fn on_routed_lock(
        &mut self,
        now: Instant,
        from: &Address,
        lock: &[u8; 16],
        preimage: &[u8; 16],
    ) {
        let ours = self.outbox.by_any_lock(lock).and_then(|id| self.outbox.get(&id));
        if ours.is_some_and(|message| message.to == *from) {
            self.on_own_receipt(now, lock);
        } else if ours.is_none()
            && self.locks.get(lock).is_some_and(|passed| passed.dest == self.public.address())
            && let Some(passed) = self.locks.take(lock)
            && let Some(back) = self.way_back(&passed)
            && let Some(queue) = self.link_queue(back)
        {
            // Sealed mail that we kept: its sender learns it the way it came.
            queue.push_receipt(*preimage, now + RECEIPT_DELAY, 0);
        }
    }

    fn note_session(&mut self, now: Instant, opened: &Opened) {
        let address = opened.peer.address();
        if let Some(root_key) = opened.root_key {
            self.note_root_key(now, address, Some(root_key));
        }
        if opened.first_contact {
            // Its session may now carry what waited for keys.
            self.pump(now, address);
        }
    }
}
