//! Transferable receipts: signing for what we received, keeping what others signed for us
//! (`NODE-12`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{
    Audience, Node,
    inner::MessageHead,
    outbox::Kind,
    ranges::Inserted,
    records::{After, Receipt},
};
use crate::{
    command::SendOptions,
    envelope::MessageId,
    error::{Error, Malformed, PeerMisbehaved},
    event::{Event, InboxMessage},
    limits,
    receipt::TransferableReceipt,
    record::{Record, Table},
    session::Opened,
    time::Instant,
};

/// Receipts that recipients signed for us, the newest [`limits::PROOFS_MAX`].
#[derive(Debug, Default)]
pub(super) struct Proofs {
    kept: BTreeMap<MessageId, TransferableReceipt>,
    order: VecDeque<MessageId>,
    records: Vec<Record>,
}

impl Proofs {
    pub(super) fn get(&self, id: &MessageId) -> Option<&TransferableReceipt> {
        self.kept.get(id)
    }

    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let receipt = TransferableReceipt::parse(value)?;
        if key != receipt.message.0 {
            return Err(Malformed::OutOfRange("receipt row key").into());
        }
        self.keep(receipt);
        Ok(())
    }

    fn keep(&mut self, receipt: TransferableReceipt) {
        if self.kept.insert(receipt.message, receipt).is_none() {
            self.order.push_back(receipt.message);
        }
        if self.order.len() > limits::PROOFS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
            let key = oldest.0.to_vec();
            self.records.push(Record { table: Table::Proofs, key, value: None });
        }
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

impl Node {
    /// Signs for a message whose sender asked for it, if we do that for its sender.
    pub(super) fn sign_for(&mut self, now: Instant, message: &InboxMessage, sender: [u8; 32]) {
        let willing = match self.config.proofs {
            Audience::Everyone => true,
            Audience::Contacts => self.contacts.contains(&message.from),
        };
        if !willing || !self.outbox.has_room(TransferableReceipt::LEN) {
            return;
        }
        let unix_secs = message.received_at.map_or(0, |wall| wall.unix_secs);
        let receipt = TransferableReceipt::sign(
            self.config.crypto,
            &self.identity,
            message.id,
            sender,
            &message.payload,
            unix_secs,
        );
        let content = receipt.to_bytes();
        self.send_system(now, message.from, Kind::Proof, content, SendOptions::default());
    }

    /// A recipient signed for a message of ours.
    pub(super) fn on_proof(
        &mut self,
        opened: &Opened,
        head: MessageHead,
        bytes: &[u8],
        receipt: Receipt,
    ) -> Result<(), Error> {
        self.sessions.keep(&opened.peer.address());
        let new = self.inbox.mark(*opened.peer.node_key(), &head) == Inserted::New;
        self.commit.after(After::Receipt(receipt));
        if !new {
            return Ok(());
        }
        let proof = TransferableReceipt::parse(bytes)?;
        let ours = proof.sender == *self.public.node_key();
        let theirs = proof.recipient == *opened.peer.node_key();
        if !ours || !theirs {
            return Err(PeerMisbehaved::Unsolicited.into());
        }
        proof.verify_signature(self.config.crypto)?;
        let (key, value) = (proof.message.0.to_vec(), Some(bytes.to_vec()));
        self.proofs.records.push(Record { table: Table::Proofs, key, value });
        self.proofs.keep(proof);
        self.events.push_back(Event::Proven { id: proof.message });
        Ok(())
    }
}
