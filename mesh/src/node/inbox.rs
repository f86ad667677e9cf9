//! Messages for us: shown exactly once, kept until the application takes them.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{
    inner::MessageHead,
    ranges::{Inserted, RangeSet},
};
use crate::{
    address::Address,
    command::CommandError,
    envelope::MessageId,
    error::{Error, Malformed},
    event::InboxMessage,
    limits,
    record::{Record, Table},
    time::WallClock,
    wire::{Reader, Writer},
};

/// Senders' lineages whose counters are remembered. The one not heard of for longest goes first.
const WINDOWS_MAX: usize = 16_384;
/// Ranges in all windows together: 24 bytes each in memory, 5 MB.
const WINDOW_RANGES_MAX: usize = 200_000;
/// Row in [`Table::Windows`] that keeps the next inbox position.
const NEXT_SEQ_KEY: &[u8] = b"next";

type WindowKey = ([u8; 32], u64);

#[derive(Debug, Default)]
struct Window {
    ranges: RangeSet,
    used: u64,
    dirty: bool,
}

/// The inbox and the memory of what was shown.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    messages: BTreeMap<u64, Entry>,
    by_id: BTreeMap<MessageId, u64>,
    bytes: usize,
    next_seq: u64,
    seq_dirty: bool,
    windows: BTreeMap<WindowKey, Window>,
    by_use: BTreeMap<u64, WindowKey>,
    next_use: u64,
    ranges: usize,
    dirty: VecDeque<WindowKey>,
    records: Vec<Record>,
}

#[derive(Debug)]
struct Entry {
    message: InboxMessage,
    /// Whether it was announced: a message is listed once its record is durable.
    shown: bool,
}

impl Inbox {
    /// Whether a payload of this length fits.
    pub(super) fn has_room(&self, len: usize) -> bool {
        self.messages.len() < limits::INBOX_MESSAGES_MAX
            && self.bytes + len <= limits::INBOX_BYTES_MAX
    }

    /// Marks a message as shown. `Known` and `Full` ones must not be shown.
    pub(super) fn mark(&mut self, sender: [u8; 32], head: &MessageHead) -> Inserted {
        let key = (sender, head.lineage);
        let fresh_use = self.next_use;
        self.next_use += 1;
        let window = self.windows.entry(key).or_default();
        let before = window.ranges.len();
        window.ranges.raise_floor(head.floor);
        let inserted = window.ranges.insert(head.counter);
        self.ranges = self.ranges + window.ranges.len() - before;
        self.by_use.remove(&window.used);
        window.used = fresh_use;
        self.by_use.insert(fresh_use, key);
        if !window.dirty {
            window.dirty = true;
            self.dirty.push_back(key);
        }
        self.forget_oldest();
        inserted
    }

    fn forget_oldest(&mut self) {
        while self.windows.len() > WINDOWS_MAX
            || (self.ranges > WINDOW_RANGES_MAX && self.windows.len() > 1)
        {
            let Some((_, key)) = self.by_use.pop_first() else { return };
            if let Some(window) = self.windows.remove(&key) {
                self.ranges -= window.ranges.len();
                let key = window_key(&key);
                self.records.push(Record { table: Table::Windows, key, value: None });
            }
        }
    }

    /// Adds a message; a durable one with its record. It is listed after [`Self::show`].
    pub(super) fn insert(&mut self, mut message: InboxMessage, durable: bool) -> InboxMessage {
        message.seq = self.next_seq;
        self.next_seq += 1;
        self.seq_dirty = true;
        if durable {
            let (key, value) = (message.seq.to_be_bytes().to_vec(), Some(encode(&message)));
            self.records.push(Record { table: Table::Inbox, key, value });
        }
        self.bytes += message.payload.len();
        self.by_id.insert(message.id, message.seq);
        self.messages.insert(message.seq, Entry { message: message.clone(), shown: false });
        message
    }

    pub(super) fn show(&mut self, seq: u64) {
        if let Some(entry) = self.messages.get_mut(&seq) {
            entry.shown = true;
        }
    }

    /// Forgets messages up to and including `id`.
    pub(super) fn take(&mut self, id: &MessageId) -> Result<(), CommandError> {
        let last = *self.by_id.get(id).ok_or(CommandError::UnknownMessage)?;
        while let Some(first) = self.messages.first_entry() {
            if *first.key() > last {
                break;
            }
            let (seq, entry) = first.remove_entry();
            self.bytes -= entry.message.payload.len();
            self.by_id.remove(&entry.message.id);
            let key = seq.to_be_bytes().to_vec();
            self.records.push(Record { table: Table::Inbox, key, value: None });
        }
        Ok(())
    }

    pub(super) fn restore(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match (table, key) {
            (Table::Windows, NEXT_SEQ_KEY) => {
                let mut r = Reader::new(value);
                self.next_seq = self.next_seq.max(r.u64("next inbox position")?);
                r.finish("next inbox position")?;
            }
            (Table::Windows, key) => self.restore_window(key, value)?,
            (_, key) => self.restore_message(key, value)?,
        }
        Ok(())
    }

    fn restore_window(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(key);
        let key = (r.array("sender")?, r.u64("lineage")?);
        r.finish("window key")?;
        let mut r = Reader::new(value);
        let ranges = RangeSet::read(&mut r)?;
        r.finish("window")?;
        self.ranges += ranges.len();
        let used = self.next_use;
        self.next_use += 1;
        self.by_use.insert(used, key);
        self.windows.insert(key, Window { ranges, used, dirty: false });
        self.forget_oldest();
        Ok(())
    }

    fn restore_message(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(key);
        let seq = u64::from_be_bytes(r.array("inbox position")?);
        r.finish("inbox key")?;
        let message = decode(seq, value)?;
        if seq == u64::MAX || message.payload.len() > limits::PAYLOAD_LEN_MAX {
            return Err(Malformed::OutOfRange("inbox row").into());
        }
        self.next_seq = self.next_seq.max(seq + 1);
        self.bytes += message.payload.len();
        self.by_id.insert(message.id, seq);
        self.messages.insert(seq, Entry { message, shown: true });
        Ok(())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &InboxMessage> {
        self.messages.values().filter(|entry| entry.shown).map(|entry| &entry.message)
    }

    /// Messages shown and not taken. What is not durable yet is at the end.
    pub(super) fn len(&self) -> usize {
        let waiting = self.messages.values().rev().take_while(|entry| !entry.shown).count();
        self.messages.len() - waiting
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        while let Some(key) = self.dirty.pop_front() {
            let Some(window) = self.windows.get_mut(&key) else { continue };
            window.dirty = false;
            let mut value = Vec::new();
            window.ranges.write(&mut value);
            let key = window_key(&key);
            out.push(Record { table: Table::Windows, key, value: Some(value) });
        }
        if core::mem::take(&mut self.seq_dirty) {
            let (key, value) = (NEXT_SEQ_KEY.to_vec(), self.next_seq.to_le_bytes().to_vec());
            out.push(Record { table: Table::Windows, key, value: Some(value) });
        }
        out.append(&mut self.records);
    }
}

fn window_key((sender, lineage): &WindowKey) -> Vec<u8> {
    let mut key = sender.to_vec();
    key.extend_from_slice(&lineage.to_le_bytes());
    key
}

const FLAG_VERIFIED: u8 = 1;
const FLAG_SEALED: u8 = 2;

fn encode(message: &InboxMessage) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + message.payload.len());
    let mut w = Writer::new(&mut out);
    w.array(&message.id.0);
    w.array(message.from.as_bytes());
    w.varint(message.received_at.map_or(0, |wall| wall.unix_secs));
    let verified = if message.verified { FLAG_VERIFIED } else { 0 };
    w.u8(verified | if message.sealed { FLAG_SEALED } else { 0 });
    w.bytes(&message.payload);
    out
}

fn decode(seq: u64, value: &[u8]) -> Result<InboxMessage, Malformed> {
    let mut r = Reader::new(value);
    let id = MessageId(r.array("message id")?);
    let from = Address::from_bytes(r.array("sender")?);
    let unix_secs = r.varint("received at")?;
    let received_at = (unix_secs != 0).then_some(WallClock { unix_secs });
    let flags = r.u8("flags")?;
    if flags & !(FLAG_VERIFIED | FLAG_SEALED) != 0 {
        return Err(Malformed::OutOfRange("inbox flags"));
    }
    let (verified, sealed) = (flags & FLAG_VERIFIED != 0, flags & FLAG_SEALED != 0);
    Ok(InboxMessage { seq, id, from, received_at, payload: r.rest().into(), verified, sealed })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(n: u8) -> InboxMessage {
        InboxMessage {
            seq: 0,
            id: MessageId([n; 16]),
            from: Address::from_bytes([9; 16]),
            received_at: Some(WallClock { unix_secs: 1_700_000_000 }),
            payload: [n; 4].into(),
            verified: true,
            sealed: false,
        }
    }

    fn replay(records: &[Record]) -> Inbox {
        let mut inbox = Inbox::default();
        let mut rows = BTreeMap::new();
        for record in records {
            rows.insert((record.table, record.key.clone()), record.value.clone());
        }
        for ((table, key), value) in rows {
            if let Some(value) = value {
                inbox.restore(table, &key, &value).expect("own row");
            }
        }
        inbox
    }

    #[test]
    fn node_06_positions_survive_and_are_never_reused() {
        let (mut inbox, mut records) = (Inbox::default(), Vec::new());
        for n in 0..3 {
            let seq = inbox.insert(message(n), true).seq;
            inbox.show(seq);
        }
        inbox.take(&MessageId([2; 16])).expect("known");
        inbox.drain_records(&mut records);
        let mut inbox = replay(&records);
        assert_eq!(inbox.iter().count(), 0);
        assert_eq!(inbox.insert(message(4), true).seq, 3);
    }

    #[test]
    fn node_05_shown_once_across_a_restart() {
        let (mut inbox, mut records) = (Inbox::default(), Vec::new());
        let head = MessageHead { lineage: 5, counter: 7, floor: 3 };
        assert_eq!(inbox.mark([1; 32], &head), Inserted::New);
        inbox.drain_records(&mut records);
        let mut inbox = replay(&records);
        assert_eq!(inbox.mark([1; 32], &head), Inserted::Known);
        let below = MessageHead { lineage: 5, counter: 2, floor: 0 };
        assert_eq!(inbox.mark([1; 32], &below), Inserted::Known, "settled by the floor");
        assert_eq!(inbox.mark([2; 32], &below), Inserted::New, "another sender");
    }

    #[test]
    fn node_06_a_message_is_listed_only_after_its_record_is_durable() {
        let mut inbox = Inbox::default();
        let seq = inbox.insert(message(1), true).seq;
        assert_eq!(inbox.iter().count(), 0);
        inbox.show(seq);
        assert_eq!(inbox.iter().count(), 1);
    }
}
