//! The stream of records, and what may happen only once they are durable.

use alloc::{collections::VecDeque, vec::Vec};

use super::{Node, outbox::Kind};
use crate::{
    address::Address,
    channel::ChannelEvent,
    envelope::{EnvelopeId, MessageId},
    event::{Event, InboxMessage},
    link::LinkId,
    record::{Record, RecordSeq},
    time::Instant,
};

/// Something that waits for the records polled before it.
#[derive(Debug)]
pub(super) enum After {
    /// Tell the application that its message is accepted, and start sending it.
    Accepted(MessageId),
    /// Tell a neighbour that we keep its envelope.
    CustodyAck { link: LinkId, id: EnvelopeId },
    /// Show a message, and tell the sender.
    Delivered { message: InboxMessage, receipt: Receipt },
    /// Tell the sender that the message is here; it was shown before.
    Receipt(Receipt),
    /// Show a message whose sender is told by other means.
    Shown(InboxMessage),
    /// Tell the mailbox node that kept it that a sealed message is here.
    RoutedReceipt { to: Address, preimage: [u8; 16] },
    /// Show a stranger's message, and take over from the neighbour that kept it.
    Requested { from: Address, id: MessageId, custody: Option<(LinkId, EnvelopeId)> },
    /// Take over from a neighbour what was kept before; its sender is told by other means.
    CustodyOf(Option<(LinkId, EnvelopeId)>),
    /// A block of session counters may be used.
    Reserved(u64),
    /// Show a channel message, or that ours is published.
    Channel(ChannelEvent),
}

/// How the sender of an envelope learns that it arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receipt {
    pub(super) link: LinkId,
    /// The durable envelope that it settles for the neighbour.
    pub(super) custody: Option<EnvelopeId>,
    pub(super) preimage: [u8; 16],
    /// Bytes of the envelope: the sender waits for room in its window by bytes.
    pub(super) len: usize,
    /// Also send it inside a session: the reverse path failed or is long forgotten.
    pub(super) routed_to: Option<Address>,
}

/// Records on their way to the disk.
#[derive(Debug, Default)]
pub(super) struct Commit {
    records: VecDeque<(RecordSeq, Record)>,
    last: RecordSeq,
    committed: RecordSeq,
    unsequenced: Vec<After>,
    waiting: VecDeque<(RecordSeq, After)>,
}

impl Commit {
    pub(super) fn poll(&mut self) -> Option<(RecordSeq, Record)> {
        self.records.pop_front()
    }

    /// Runs `after` once everything recorded up to the end of this input is durable.
    pub(super) fn after(&mut self, after: After) {
        self.unsequenced.push(after);
    }

    fn append(&mut self, records: Vec<Record>) {
        for record in records {
            self.last.0 += 1;
            self.records.push_back((self.last, record));
        }
        let last = self.last;
        self.waiting.extend(self.unsequenced.drain(..).map(|after| (last, after)));
    }

    fn next_due(&mut self) -> Option<After> {
        let due = self.waiting.front().is_some_and(|(seq, _)| *seq <= self.committed);
        if due { self.waiting.pop_front().map(|(_, after)| after) } else { None }
    }
}

impl Node {
    pub(super) fn collect_records(&mut self) {
        // What is due may seal and store more: go on until nothing new came of it.
        loop {
            let mut records = Vec::new();
            let generation = super::drain_all(self, &mut records);
            if records.is_empty() && self.commit.unsequenced.is_empty() {
                return;
            }
            if !records.is_empty() {
                self.commit.after(After::Reserved(generation));
            }
            while let Some(event) = self.channels.poll_event() {
                self.commit.after(After::Channel(event));
            }
            self.commit.append(records);
            self.run_due(self.now);
        }
    }

    pub(super) fn on_committed(&mut self, now: Instant, through: RecordSeq) {
        let through = through.min(self.commit.last);
        self.commit.committed = self.commit.committed.max(through);
        self.run_due(now);
    }

    fn run_due(&mut self, now: Instant) {
        while let Some(after) = self.commit.next_due() {
            self.run(now, after);
        }
    }

    pub(super) fn run(&mut self, now: Instant, after: After) {
        match after {
            After::Accepted(id) => {
                let Some((to, kind)) = self.outbox.on_committed(id) else { return };
                if kind == Kind::User {
                    self.counters.messages_accepted += 1;
                    self.events.push_back(Event::Accepted { id });
                }
                self.pump(now, to);
            }
            After::CustodyAck { link, id } => {
                if let Some(stored) = self.store.get_mut(&id) {
                    stored.committed = true;
                }
                self.queue_custody_ack(link, id);
            }
            After::Requested { from, id, custody } => {
                self.show_request(from, id);
                self.run(now, After::CustodyOf(custody));
            }
            After::CustodyOf(custody) => {
                if let Some((link, envelope)) = custody {
                    self.queue_custody_ack(link, envelope);
                }
            }
            After::Delivered { message, receipt } => {
                self.counters.messages_delivered += 1;
                self.inbox.show(message.seq);
                self.events.push_back(Event::Message(message));
                self.queue_receipt(now, receipt);
            }
            After::Channel(ChannelEvent::Message(message)) => {
                self.events.push_back(Event::ChannelMessage(message));
            }
            After::Channel(ChannelEvent::Proven { channel, id }) => {
                self.events.push_back(Event::ChannelProven { channel, id });
            }
            After::Channel(ChannelEvent::Withdrawn { channel, id }) => {
                self.events.push_back(Event::ChannelWithdrawn { channel, id });
            }
            After::Channel(ChannelEvent::Published(id)) => {
                self.events.push_back(Event::Accepted { id });
            }
            After::Shown(message) => {
                self.counters.messages_delivered += 1;
                self.inbox.show(message.seq);
                self.events.push_back(Event::Message(message));
            }
            After::RoutedReceipt { to, preimage } => self.route_receipt(now, to, preimage),
            After::Receipt(receipt) => self.queue_receipt(now, receipt),
            After::Reserved(generation) => {
                self.sessions.on_committed(generation);
                for to in self.outbox.ready_dests() {
                    self.pump(now, to);
                }
            }
        }
    }
}
