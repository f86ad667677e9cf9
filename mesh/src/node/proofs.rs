//! Transferable receipts: signing for what we received, keeping what others signed for us
//! (`NODE-12`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{
    Audience, Node,
    inner::{Inner, MessageHead},
    outbox::Kind,
    ranges::Inserted,
    records::{After, Receipt},
};
use crate::{
    address::Address,
    command::SendOptions,
    crypto::Mode,
    envelope::MessageId,
    error::{Error, Malformed, PeerMisbehaved},
    event::{Event, InboxMessage},
    limits,
    receipt::TransferableReceipt,
    record::{Record, Table},
    session::Opened,
    time::Instant,
    wire::{Reader, Writer},
};

/// Receipts that recipients signed for us, the newest [`limits::PROOFS_MAX`], and what we still ask
/// them for.
#[derive(Debug, Default)]
pub(super) struct Proofs {
    kept: BTreeMap<MessageId, TransferableReceipt>,
    order: VecDeque<MessageId>,
    asked: BTreeMap<MessageId, Asked>,
    asked_order: VecDeque<MessageId>,
    records: Vec<Record>,
}

/// A message whose recipient was asked to sign for it: what a short receipt leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    to: Address,
    payload_sha256: [u8; 32],
}

impl Asked {
    /// Bytes of its row, which is where the receipt will be.
    const LEN: usize = 48;

    fn to_bytes(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(Self::LEN);
        Writer::new(&mut out).array(self.to.as_bytes()).array(&self.payload_sha256);
        out
    }

    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(bytes);
        let to = Address::from_bytes(r.array("recipient")?);
        let payload_sha256 = r.array("payload digest")?;
        r.finish("asked receipt")?;
        Ok(Self { to, payload_sha256 })
    }
}

impl Proofs {
    pub(super) fn get(&self, id: &MessageId) -> Option<&TransferableReceipt> {
        self.kept.get(id)
    }

    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let misnamed = Malformed::OutOfRange("receipt row key");
        if value.len() == Asked::LEN {
            let id = MessageId(key.try_into().map_err(|_| misnamed)?);
            self.expect(id, Asked::parse(value)?);
            return Ok(());
        }
        let receipt = TransferableReceipt::parse(value)?;
        if key != receipt.message.0 {
            return Err(misnamed.into());
        }
        self.keep(receipt);
        Ok(())
    }

    /// A message goes to `to` and asks for a receipt; the question is as durable as the message.
    pub(super) fn ask(
        &mut self,
        id: MessageId,
        to: Address,
        payload_sha256: [u8; 32],
        durable: bool,
    ) {
        let asked = Asked { to, payload_sha256 };
        if durable {
            self.write(&id, Some(asked.to_bytes()));
        }
        self.expect(id, asked);
    }

    fn expect(&mut self, id: MessageId, asked: Asked) {
        if self.asked.insert(id, asked).is_none() {
            self.asked_order.push_back(id);
        }
        if self.asked_order.len() > limits::PROOFS_ASKED_MAX
            && let Some(oldest) = self.asked_order.pop_front()
            && self.asked.remove(&oldest).is_some()
        {
            self.write(&oldest, None);
        }
    }

    /// Whether a receipt with this signature is here.
    fn has(&self, hint: u8, signature: &[u8; 64]) -> bool {
        self.kept.values().any(|kept| kept.short() == Some((hint, *signature)))
    }

    /// The receipt that a short form of `recipient` stands for, among what it was asked for.
    fn resolve(
        &self,
        mode: Mode,
        (sender, recipient): (&[u8; 32], &[u8; 32]),
        hint: u8,
        signature: &[u8; 64],
    ) -> Option<TransferableReceipt> {
        let from = Address::derive(recipient);
        self.asked_order
            .iter()
            .rev()
            .filter(|id| TransferableReceipt::hint(id) == hint)
            .filter_map(|id| self.asked.get(id).map(|asked| (id, asked)))
            .filter(|(_, asked)| asked.to == from)
            .take(limits::PROOF_TRIES_MAX)
            .find_map(|(id, asked)| {
                let (ends, digest) = ((sender, recipient), asked.payload_sha256);
                TransferableReceipt::from_signature(mode, *id, ends, digest, signature).ok()
            })
    }

    fn keep(&mut self, receipt: TransferableReceipt) {
        self.asked.remove(&receipt.message);
        self.asked_order.retain(|id| *id != receipt.message);
        if self.kept.insert(receipt.message, receipt).is_none() {
            self.order.push_back(receipt.message);
        }
        if self.order.len() > limits::PROOFS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.kept.remove(&oldest);
            self.write(&oldest, None);
        }
    }

    fn write(&mut self, id: &MessageId, value: Option<Vec<u8>>) {
        self.records.push(Record { table: Table::Proofs, key: id.0.to_vec(), value });
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

impl Node {
    /// Signs for a message whose sender asked for it, if we do that for its sender. Over a slow way
    /// it claims no time, so that its short form will do (`NODE-16`).
    pub(super) fn sign_for(&mut self, now: Instant, message: &InboxMessage, sender: [u8; 32]) {
        let willing = match self.config.proofs {
            Audience::Everyone => true,
            Audience::Contacts => self.contacts.contains(&message.from),
        };
        if !willing || !self.outbox.has_room(TransferableReceipt::LEN) {
            return;
        }
        let way = self.routing.route(now, &message.from);
        let is_slow = way.is_some_and(|route| route.cost >= limits::SLOW_COST_US);
        let received_at = message.received_at.filter(|_| !is_slow);
        let receipt = TransferableReceipt::sign(
            self.config.crypto,
            &self.identity,
            message.id,
            sender,
            &message.payload,
            received_at.map_or(0, |wall| wall.unix_secs),
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
        self.keep_proof(proof);
        Ok(())
    }

    /// A recipient signed for a message of ours, in the form that leaves out what we know.
    pub(super) fn on_short_proof(
        &mut self,
        opened: &Opened,
        hint: u8,
        signature: &[u8; 64],
        receipt: Receipt,
    ) -> Result<(), Error> {
        self.sessions.keep(&opened.peer.address());
        self.commit.after(After::Receipt(receipt));
        if self.proofs.has(hint, signature) {
            return Ok(());
        }
        let ends = (self.public.node_key(), opened.peer.node_key());
        let proof = self.proofs.resolve(self.config.crypto, ends, hint, signature);
        self.keep_proof(proof.ok_or(PeerMisbehaved::Unsolicited)?);
        Ok(())
    }

    fn keep_proof(&mut self, proof: TransferableReceipt) {
        self.proofs.write(&proof.message, Some(proof.to_bytes()));
        self.proofs.keep(proof);
        self.events.push_back(Event::Proven { id: proof.message });
    }
}

/// What goes into an envelope for a receipt that was signed here: the short form if it has one.
pub(super) fn inner_of(head: MessageHead, content: &[u8]) -> Inner<'_> {
    // The signature ends the full form.
    let short = TransferableReceipt::parse(content).ok().and_then(|receipt| receipt.short());
    match (short, content.last_chunk()) {
        (Some((hint, _)), Some(signature)) => Inner::ShortProof { hint, signature },
        _ => Inner::Proof(head, content),
    }
}
