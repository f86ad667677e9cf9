//! The folder of strangers' first messages (`MEET-10` to `MEET-13`).
//!
//! Nothing in it has a receipt: its senders keep their copies and repeat them. So when there is no
//! room, what is dropped is not lost, and what is kept may be chosen freely: those who came first,
//! one sender's flood last.

use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};

use crate::{
    address::Address,
    envelope::MessageId,
    error::{Error, Malformed},
    identity::PublicIdentity,
    limits::{
        REQUEST_BYTES_MAX, REQUEST_BYTES_PER_SENDER_MAX, REQUESTS_MAX, REQUESTS_PER_SENDER_MAX,
    },
    node::{inner::MessageHead, outbox::message_id},
    record::{Record, Table},
    time::WallClock,
    view::RequestView,
    wire::{Reader, Writer},
};

/// A message that waits for a decision about its sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::node) struct Request {
    /// The sender's node key.
    pub(in crate::node) sender: [u8; 32],
    pub(in crate::node) head: MessageHead,
    /// What tells the sender that it is here, once it may be told.
    pub(in crate::node) preimage: [u8; 16],
    /// To whom: the sender, or the mailbox node that kept the message.
    pub(in crate::node) receipt_to: Address,
    pub(in crate::node) received_at: Option<WallClock>,
    pub(in crate::node) sealed: bool,
    pub(in crate::node) payload: Arc<[u8]>,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// It is in the folder; a message of this sender went for it.
    New { evicted: Option<Address> },
    /// It was there already.
    Again,
    /// There is no room for it.
    NoRoom,
}

#[derive(Debug)]
struct Entry {
    id: MessageId,
    from: Address,
    request: Request,
    /// Whether its record is durable.
    shown: bool,
}

/// How much of the folder a sender fills.
#[derive(Clone, Copy, Debug, Default)]
struct Share {
    count: usize,
    bytes: usize,
}

/// The folder.
#[derive(Debug, Default)]
pub(super) struct Requests {
    /// In the order of arrival.
    entries: BTreeMap<u64, Entry>,
    by_id: BTreeMap<MessageId, u64>,
    shares: BTreeMap<Address, Share>,
    bytes: usize,
    next_seq: u64,
    records: Vec<Record>,
}

impl Request {
    pub(super) fn from(&self) -> Address {
        PublicIdentity::new(self.sender).address()
    }

    pub(super) fn id(&self, own: &Address) -> MessageId {
        message_id(&self.sender, own, self.head.lineage, self.head.counter)
    }

    fn write(&self, id: &MessageId) -> Vec<u8> {
        let mut out = Vec::with_capacity(128 + self.payload.len());
        let mut w = Writer::new(&mut out);
        w.array(&id.0).array(&self.sender);
        w.u64(self.head.lineage).varint(self.head.counter).varint(self.head.floor);
        w.array(&self.preimage).array(self.receipt_to.as_bytes());
        w.varint(self.received_at.map_or(0, |wall| wall.unix_secs));
        w.u8(u8::from(self.sealed)).bytes(&self.payload);
        out
    }

    fn read(value: &[u8]) -> Result<(MessageId, Self), Malformed> {
        let mut r = Reader::new(value);
        let id = MessageId(r.array("message id")?);
        let sender = r.array("request sender")?;
        let head = MessageHead {
            lineage: r.u64("lineage")?,
            counter: r.varint("message counter")?,
            floor: r.varint("message floor")?,
        };
        let preimage = r.array("request preimage")?;
        let receipt_to = Address::from_bytes(r.array("request receipt")?);
        let unix_secs = r.varint("received at")?;
        let received_at = (unix_secs != 0).then_some(WallClock { unix_secs });
        let sealed = match r.u8("request flags")? {
            0 => false,
            1 => true,
            _ => return Err(Malformed::OutOfRange("request flags")),
        };
        let payload: Arc<[u8]> = r.rest().into();
        if head.floor > head.counter || payload.len() > REQUEST_BYTES_PER_SENDER_MAX {
            return Err(Malformed::OutOfRange("request row"));
        }
        Ok((id, Self { sender, head, preimage, receipt_to, received_at, sealed, payload }))
    }
}

impl Requests {
    /// Takes a request in; makes room first, if another sender holds more.
    pub(super) fn insert(&mut self, id: MessageId, request: Request) -> Kept {
        if let Some(seq) = self.by_id.get(&id).copied() {
            // The newest copy's receipt is the one most likely waited for.
            let entry = self.entries.get_mut(&seq).expect("indexed");
            entry.request.preimage = request.preimage;
            let value = Some(entry.request.write(&id));
            self.records.push(Record { table: Table::Requests, key: row_key(seq), value });
            return Kept::Again;
        }
        let (from, len) = (request.from(), request.payload.len());
        let share = self.shares.get(&from).copied().unwrap_or_default();
        if share.count >= REQUESTS_PER_SENDER_MAX
            || share.bytes + len > REQUEST_BYTES_PER_SENDER_MAX
        {
            return Kept::NoRoom;
        }
        let mut evicted = None;
        // One message of the greatest holder makes room for one, or is too small: then no second
        // goes, since a newcomer must not cost others more than it brings.
        if !self.has_room(len) {
            match self.greatest_holder(share.count + 1) {
                Some((holder, seq)) if self.has_room_without(seq, len) => {
                    self.remove(seq);
                    evicted = Some(holder);
                }
                _ => return Kept::NoRoom,
            }
        }
        let seq = self.next_seq;
        let value = Some(request.write(&id));
        self.records.push(Record { table: Table::Requests, key: row_key(seq), value });
        self.put(seq, Entry { id, from, request, shown: false });
        Kept::New { evicted }
    }

    fn has_room(&self, len: usize) -> bool {
        self.entries.len() < REQUESTS_MAX && self.bytes + len <= REQUEST_BYTES_MAX
    }

    fn has_room_without(&self, seq: u64, len: usize) -> bool {
        let freed = self.entries.get(&seq).map_or(0, |entry| entry.request.payload.len());
        self.bytes - freed + len <= REQUEST_BYTES_MAX
    }

    /// The sender with the most messages, if those are more than `than`, and its newest.
    fn greatest_holder(&self, than: usize) -> Option<(Address, u64)> {
        let (holder, share) =
            self.shares.iter().max_by_key(|(_, share)| (share.count, share.bytes))?;
        if share.count <= than {
            return None;
        }
        let newest = self.entries.iter().rev().find(|(_, entry)| entry.from == *holder)?;
        Some((*holder, *newest.0))
    }

    fn put(&mut self, seq: u64, entry: Entry) {
        self.next_seq = self.next_seq.max(seq + 1);
        let share = self.shares.entry(entry.from).or_default();
        share.count += 1;
        share.bytes += entry.request.payload.len();
        self.bytes += entry.request.payload.len();
        self.by_id.insert(entry.id, seq);
        self.entries.insert(seq, entry);
    }

    fn remove(&mut self, seq: u64) -> Option<Request> {
        let entry = self.entries.remove(&seq)?;
        let (from, len) = (entry.from, entry.request.payload.len());
        self.by_id.remove(&entry.id);
        self.bytes -= len;
        if let Some(share) = self.shares.get_mut(&from) {
            share.count -= 1;
            share.bytes -= len;
            if share.count == 0 {
                self.shares.remove(&from);
            }
        }
        self.records.push(Record { table: Table::Requests, key: row_key(seq), value: None });
        Some(entry.request)
    }

    /// Takes out everything of one sender, oldest first.
    pub(super) fn take(&mut self, from: &Address) -> Vec<Request> {
        if !self.shares.contains_key(from) {
            return Vec::new();
        }
        let of_sender = self.entries.iter().filter(|(_, entry)| entry.from == *from);
        let seqs: Vec<u64> = of_sender.map(|(seq, _)| *seq).collect();
        seqs.into_iter().filter_map(|seq| self.remove(seq)).collect()
    }

    /// How many messages of a sender there are, and their bytes.
    pub(super) fn of(&self, from: &Address) -> (usize, usize) {
        let share = self.shares.get(from).copied().unwrap_or_default();
        (share.count, share.bytes)
    }

    /// A request's record is durable. `false` when it has gone meanwhile.
    pub(super) fn show(&mut self, id: &MessageId) -> bool {
        let seq = self.by_id.get(id).copied();
        let entry = seq.and_then(|seq| self.entries.get_mut(&seq));
        entry.is_some_and(|entry| {
            entry.shown = true;
            true
        })
    }

    pub(super) fn views(&self) -> Vec<RequestView> {
        let shown = self.entries.values().filter(|entry| entry.shown);
        shown
            .map(|entry| RequestView {
                id: entry.id,
                from: entry.from,
                received_at: entry.request.received_at,
                payload: Arc::clone(&entry.request.payload),
                sealed: entry.request.sealed,
            })
            .collect()
    }

    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let key = key.try_into().map_err(|_| Malformed::OutOfRange("request row key"))?;
        let seq = u64::from_be_bytes(key);
        let (id, request) = Request::read(value)?;
        if seq == u64::MAX || !self.has_room(request.payload.len()) || self.by_id.contains_key(&id)
        {
            return Err(Malformed::OutOfRange("request row").into());
        }
        let from = request.from();
        self.put(seq, Entry { id, from, request, shown: true });
        Ok(())
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }
}

fn row_key(seq: u64) -> Vec<u8> {
    seq.to_be_bytes().to_vec()
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
