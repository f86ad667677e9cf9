//! The first contacts that were opened, so that none is opened twice (`SES-15`).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    envelope::EnvelopeId,
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
    pub(super) preimage: [u8; 16],
    pub(super) peer: PublicIdentity,
    pub(super) suite: Suite,
    pub(super) root_key: Option<[u8; 32]>,
}

/// Opened first contacts, kept as long as their pre-key: while it exists, a copy could be opened
/// again.
///
/// Beyond its bound the oldest is forgotten. A copy of that one still finds its session, if that
/// lives, and its message's counter.
pub(super) struct ReplayCache {
    by_id: BTreeMap<EnvelopeId, (u64, Remembered)>,
    /// Pre-key and order of arrival: those to forget come first.
    order: BTreeMap<(u32, u64), EnvelopeId>,
    arrivals: u64,
}

impl ReplayCache {
    pub(super) const fn new() -> Self {
        Self { by_id: BTreeMap::new(), order: BTreeMap::new(), arrivals: 0 }
    }

    pub(super) fn get(&self, id: &EnvelopeId) -> Option<&Remembered> {
        self.by_id.get(id).map(|(_, remembered)| remembered)
    }

    /// Remembers an opened first contact; forgets those to pre-keys before `oldest_prekey`.
    pub(super) fn insert(
        &mut self,
        id: EnvelopeId,
        remembered: Remembered,
        oldest_prekey: u32,
        records: &mut Vec<Record>,
    ) {
        self.forget_before(oldest_prekey, records);
        if self.by_id.len() >= REPLAY_MAX {
            self.forget_first(records);
        }
        records.push(row(&id, Some(&remembered)));
        self.put(id, remembered);
    }

    fn forget_before(&mut self, prekey: u32, records: &mut Vec<Record>) {
        while self.order.first_key_value().is_some_and(|((id, _), _)| *id < prekey) {
            self.forget_first(records);
        }
    }

    fn forget_first(&mut self, records: &mut Vec<Record>) {
        if let Some((_, id)) = self.order.pop_first() {
            self.by_id.remove(&id);
            records.push(row(&id, None));
        }
    }

    fn put(&mut self, id: EnvelopeId, remembered: Remembered) {
        self.arrivals += 1;
        self.order.insert((remembered.prekey_id, self.arrivals), id);
        if let Some((arrival, old)) = self.by_id.insert(id, (self.arrivals, remembered)) {
            self.order.remove(&(old.prekey_id, arrival));
        }
    }

    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let id = key.try_into().map_err(|_| Malformed::OutOfRange("replay row key"))?;
        if self.by_id.len() >= REPLAY_MAX {
            return Err(Malformed::TooLong("replay cache").into());
        }
        self.put(EnvelopeId(id), Remembered::read(value)?);
        Ok(())
    }
}

impl Remembered {
    /// The row: format u8, pre-key id u32, preimage 16, node key 32, suite u8, then the root key
    /// if there is one.
    fn write(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(86);
        Writer::new(&mut out)
            .u8(FORMAT)
            .u32(self.prekey_id)
            .array(&self.preimage)
            .array(self.peer.node_key())
            .u8(self.suite.code())
            .bytes(self.root_key.as_ref().map_or(&[][..], |key| key));
        out
    }

    fn read(row: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let format = reader.u8("replay format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let prekey_id = reader.u32("replay pre-key")?;
        let preimage = reader.array("replay preimage")?;
        let peer = PublicIdentity::new(reader.array("replay node key")?);
        let suite = reader.u8("replay suite")?;
        let suite = Suite::from_code(suite).ok_or(Unsupported::Suite(suite))?;
        let root_key =
            (reader.remaining() > 0).then(|| reader.array("replay root key")).transpose()?;
        reader.finish("replay row")?;
        Ok(Self { prekey_id, preimage, peer, suite, root_key })
    }
}

fn row(id: &EnvelopeId, remembered: Option<&Remembered>) -> Record {
    let value = remembered.map(Remembered::write);
    Record { table: Table::Replay, key: id.0.to_vec(), value }
}
