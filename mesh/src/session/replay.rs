//! The first contacts that were opened, so that none is opened twice (`SES-15`).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    crypto::hash,
    error::{Error, Malformed, Unsupported},
    identity::{PublicIdentity, Suite},
    limits::REPLAY_MAX,
    record::{Record, Table},
    wire::{Reader, Writer},
};

/// The format number that starts a row.
const FORMAT: u8 = 1;

/// What is remembered of an opened first contact.
#[derive(Clone)]
pub(super) struct Remembered {
    pub(super) prekey_id: u32,
    /// Of one that stood alone; one that opened a session has its counter there.
    pub(super) message: Option<Alone>,
}

/// A message that stood alone.
#[derive(Clone)]
pub(super) struct Alone {
    pub(super) preimage: [u8; 16],
    pub(super) peer: PublicIdentity,
    pub(super) suite: Suite,
    pub(super) root_key: Option<[u8; 32]>,
}

/// Opened first contacts, kept as long as their pre-key: while it exists, a copy could be opened
/// again. A message that stood alone is known by its envelope's id, an encapsulation that opened a
/// session by [`encapsulation`].
///
/// Beyond its bound the oldest is forgotten. A copy of that one still finds its session, if that
/// lives, and its message's counter.
pub(super) struct ReplayCache {
    by_name: BTreeMap<[u8; 16], (u64, Remembered)>,
    /// Pre-key and order of arrival: those to forget come first.
    order: BTreeMap<(u32, u64), [u8; 16]>,
    arrivals: u64,
}

/// The name of an encapsulation.
pub(super) const fn encapsulation(contact: &[u8; 32]) -> [u8; 16] {
    hash::truncate(contact)
}

impl ReplayCache {
    pub(super) const fn new() -> Self {
        Self { by_name: BTreeMap::new(), order: BTreeMap::new(), arrivals: 0 }
    }

    pub(super) fn get(&self, name: &[u8; 16]) -> Option<&Remembered> {
        self.by_name.get(name).map(|(_, remembered)| remembered)
    }

    /// Remembers a first contact; forgets those to pre-keys before `oldest_prekey`.
    pub(super) fn insert(
        &mut self,
        name: [u8; 16],
        remembered: Remembered,
        oldest_prekey: u32,
        records: &mut Vec<Record>,
    ) {
        self.forget_before(oldest_prekey, records);
        if self.by_name.len() >= REPLAY_MAX {
            self.forget_first(records);
        }
        records.push(row(&name, Some(&remembered)));
        self.put(name, remembered);
    }

    /// Forgets one.
    pub(super) fn remove(&mut self, name: &[u8; 16], records: &mut Vec<Record>) {
        if let Some((arrival, remembered)) = self.by_name.remove(name) {
            self.order.remove(&(remembered.prekey_id, arrival));
            records.push(row(name, None));
        }
    }

    fn forget_before(&mut self, prekey: u32, records: &mut Vec<Record>) {
        while self.order.first_key_value().is_some_and(|((id, _), _)| *id < prekey) {
            self.forget_first(records);
        }
    }

    fn forget_first(&mut self, records: &mut Vec<Record>) {
        if let Some((_, name)) = self.order.pop_first() {
            self.by_name.remove(&name);
            records.push(row(&name, None));
        }
    }

    fn put(&mut self, name: [u8; 16], remembered: Remembered) {
        self.arrivals += 1;
        self.order.insert((remembered.prekey_id, self.arrivals), name);
        if let Some((arrival, old)) = self.by_name.insert(name, (self.arrivals, remembered)) {
            self.order.remove(&(old.prekey_id, arrival));
        }
    }

    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let name = key.try_into().map_err(|_| Malformed::OutOfRange("replay row key"))?;
        if self.by_name.len() >= REPLAY_MAX {
            return Err(Malformed::TooLong("replay cache").into());
        }
        self.put(name, Remembered::read(value)?);
        Ok(())
    }
}

impl Remembered {
    /// The row: format u8, pre-key id u32; of a message that stood alone then preimage 16, node
    /// key 32, suite u8, and the root key if there is one.
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(86);
        let mut writer = Writer::new(&mut out);
        writer.u8(FORMAT).u32(self.prekey_id);
        if let Some(message) = &self.message {
            writer
                .array(&message.preimage)
                .array(message.peer.node_key())
                .u8(message.suite.code())
                .bytes(message.root_key.as_ref().map_or(&[][..], |key| key));
        }
        out
    }

    fn read(row: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let format = reader.u8("replay format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let prekey_id = reader.u32("replay pre-key")?;
        let message = (reader.remaining() > 0).then(|| Alone::read(&mut reader)).transpose()?;
        reader.finish("replay row")?;
        Ok(Self { prekey_id, message })
    }
}

impl Alone {
    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let preimage = reader.array("replay preimage")?;
        let peer = PublicIdentity::new(reader.array("replay node key")?);
        let suite = reader.u8("replay suite")?;
        let suite = Suite::from_code(suite).ok_or(Unsupported::Suite(suite))?;
        let root_key =
            (reader.remaining() > 0).then(|| reader.array("replay root key")).transpose()?;
        Ok(Self { preimage, peer, suite, root_key })
    }
}

fn row(name: &[u8; 16], remembered: Option<&Remembered>) -> Record {
    let value = remembered.map(Remembered::write);
    Record { table: Table::Replay, key: name.to_vec(), value }
}
