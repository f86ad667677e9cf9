//! Sessions on disk: rows of `Table::Sessions`.
//!
//! | key | value |
//! |---|---|
//! | `m` ‖ id | what does not change with messages: peer, suite, age, pending first contact |
//! | `s` ‖ id | the sending half, from the first counter that is not reserved |
//! | `r` ‖ id | the receiving half |
//! | `f` ‖ address | a peer's suite floor |
//! | `l`, `k` ‖ id | the halves of a lite session ([`crate::lite`]) |
//! | `t` | the clock |

use alloc::{boxed::Box, vec::Vec};

use super::{Receiving, Sending, Session, SessionId, Sessions, contact::Pending};
use crate::{
    address::Address,
    crypto::uptime::Uptime,
    error::{Error, Malformed, Unsupported},
    identity::{PublicIdentity, Suite},
    limits::{FLOORS_MAX, SESSIONS_MAX},
    lite::LiteSessions,
    record::{Record, Table},
    wire::{Reader, Writer},
};

/// The format number that starts an `m` row; the others are read only with one.
const FORMAT: u8 = 1;

const FLAG_CONFIRMED: u8 = 0b0001;
const FLAG_SPOKEN: u8 = 0b0010;
const FLAG_ROOT: u8 = 0b0100;
const FLAG_PENDING: u8 = 0b1000;
const FLAG_ADMITTED: u8 = 0b1_0000;
const FLAGS: u8 = FLAG_CONFIRMED | FLAG_SPOKEN | FLAG_ROOT | FLAG_PENDING | FLAG_ADMITTED;

/// Rows read back, until all three of a session are there.
#[derive(Default)]
pub(super) struct Partial {
    meta: Option<Meta>,
    sending: Option<Box<Sending>>,
    receiving: Option<Box<Receiving>>,
}

struct Meta {
    peer: PublicIdentity,
    root_key: Option<[u8; 32]>,
    suite: Suite,
    created_s: u64,
    flags: u8,
    pending: Option<Pending>,
}

impl Sessions {
    /// Takes back a stored row of `Table::Sessions` or `Table::Replay`.
    ///
    /// # Errors
    /// [`Malformed`] or [`Unsupported`] for a damaged or foreign row; nothing changed.
    pub fn restore(&mut self, table: Table, key: &[u8], value: &[u8]) -> Result<(), Error> {
        if table == Table::Replay {
            return self.replay.restore(key, value);
        }
        if key == Uptime::ROW_KEY {
            return self.clock.restore(value);
        }
        let (kind, name) = key.split_first().ok_or(Malformed::MissingData("session row key"))?;
        if *kind == b'f' {
            return self.restore_floor(name, value);
        }
        if LiteSessions::owns(*kind) {
            return self.lite.restore(*kind, name, value);
        }
        let id = name.try_into().map_err(|_| Malformed::OutOfRange("session row key"))?;
        self.restore_half(*kind, SessionId(id), value)
    }

    fn restore_floor(&mut self, name: &[u8], value: &[u8]) -> Result<(), Error> {
        let address = name.try_into().map_err(|_| Malformed::OutOfRange("floor row key"))?;
        let [code] = value else { return Err(Malformed::OutOfRange("floor row").into()) };
        let suite = Suite::from_code(*code).ok_or(Unsupported::Suite(*code))?;
        if self.floors.len() >= FLOORS_MAX {
            return Err(Malformed::TooLong("floors").into());
        }
        self.floors.insert(Address::from_bytes(address), suite);
        Ok(())
    }

    fn restore_half(&mut self, kind: u8, id: SessionId, value: &[u8]) -> Result<(), Error> {
        if self.sessions.len() + self.partial.len() >= SESSIONS_MAX
            && !self.partial.contains_key(&id)
        {
            return Err(Malformed::TooLong("sessions").into());
        }
        match kind {
            b'm' => {
                let meta = Meta::read(value)?;
                self.partial.entry(id).or_default().meta = Some(meta);
            }
            b's' => {
                let salt = self.fresh_salt();
                let sending = Box::new(Sending::read(value, salt)?);
                self.partial.entry(id).or_default().sending = Some(sending);
            }
            b'r' => {
                let receiving = Box::new(Receiving::read(value)?);
                self.partial.entry(id).or_default().receiving = Some(receiving);
            }
            _ => return Err(Malformed::OutOfRange("session row key").into()),
        }
        self.complete(id);
        Ok(())
    }

    fn complete(&mut self, id: SessionId) {
        let Some(partial) = self.partial.remove(&id) else { return };
        match partial {
            Partial { meta: Some(meta), sending: Some(sending), receiving: Some(receiving) } => {
                self.insert(id, meta.session(*sending, *receiving));
            }
            incomplete => {
                self.partial.insert(id, incomplete);
            }
        }
    }

    /// Rows that never made a session are of no use: their siblings were damaged.
    pub(super) fn drop_partial(&mut self) {
        while let Some((id, _)) = self.partial.pop_first() {
            self.records.extend(deletions(id));
        }
    }
}

impl Session {
    /// Appends the rows that changed. Returns whether a reservation is among them.
    pub(super) fn take_rows(
        &mut self,
        id: SessionId,
        generation: u64,
        out: &mut Vec<Record>,
    ) -> bool {
        if core::mem::take(&mut self.meta_dirty) {
            out.push(record(b'm', id, Some(self.meta_row())));
        }
        let reservation = self.sending.take_row(generation);
        let reserves = reservation.is_some();
        if let Some(row) = reservation {
            out.push(record(b's', id, Some(row)));
        }
        if let Some(row) = self.receiving.take_row() {
            out.push(record(b'r', id, Some(row)));
        }
        reserves
    }

    /// The row: format u8, flags u8, node key 32, suite u8, created_s u64, root key 32 by flag,
    /// pending first contact by flag, its admission by flag.
    fn meta_row(&self) -> Vec<u8> {
        let flag = |set, flag| if set { flag } else { 0 };
        let flags = flag(self.confirmed, FLAG_CONFIRMED)
            | flag(self.spoken, FLAG_SPOKEN)
            | flag(self.root_key.is_some(), FLAG_ROOT)
            | flag(self.pending.is_some(), FLAG_PENDING)
            | flag(self.pending.as_ref().is_some_and(Pending::is_admitted), FLAG_ADMITTED);
        let mut out = Vec::with_capacity(128);
        Writer::new(&mut out)
            .u8(FORMAT)
            .u8(flags)
            .array(self.peer.node_key())
            .u8(self.suite.code())
            .u64(self.created_s)
            .bytes(self.root_key.as_ref().map_or(&[][..], |key| key));
        if let Some(pending) = &self.pending {
            pending.write(&mut out);
        }
        out
    }
}

impl Meta {
    fn read(row: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let format = reader.u8("session format")?;
        if format != FORMAT {
            return Err(Unsupported::Version(format).into());
        }
        let flags = reader.u8("session flags")?;
        if flags & !FLAGS != 0 || flags & (FLAG_ADMITTED | FLAG_PENDING) == FLAG_ADMITTED {
            return Err(Malformed::OutOfRange("session flags").into());
        }
        let peer = PublicIdentity::new(reader.array("session node key")?);
        let suite = reader.u8("session suite")?;
        let suite = Suite::from_code(suite).ok_or(Unsupported::Suite(suite))?;
        let created_s = Uptime::read(&mut reader)?;
        let root_key =
            (flags & FLAG_ROOT != 0).then(|| reader.array("session root key")).transpose()?;
        let is_admitted = flags & FLAG_ADMITTED != 0;
        let pending = (flags & FLAG_PENDING != 0)
            .then(|| Pending::read(&mut reader, suite, is_admitted))
            .transpose()?;
        reader.finish("session row")?;
        Ok(Self { peer, root_key, suite, created_s, flags, pending })
    }

    fn session(self, sending: Sending, receiving: Receiving) -> Session {
        Session {
            peer: self.peer,
            root_key: self.root_key,
            suite: self.suite,
            created_s: self.created_s,
            used_s: self.created_s,
            confirmed: self.flags & FLAG_CONFIRMED != 0,
            spoken: self.flags & FLAG_SPOKEN != 0,
            pending: self.pending,
            answered: None,
            sending,
            receiving,
            meta_dirty: false,
            queued: false,
        }
    }
}

/// A peer's floor.
pub(super) fn floor(peer: &Address, suite: Option<Suite>) -> Record {
    let mut key = Vec::with_capacity(17);
    Writer::new(&mut key).u8(b'f').array(peer.as_bytes());
    let value = suite.map(|suite| alloc::vec![suite.code()]);
    Record { table: Table::Sessions, key, value }
}

/// What removes a session from disk.
pub(super) fn deletions(id: SessionId) -> [Record; 3] {
    [b'm', b's', b'r'].map(|kind| record(kind, id, None))
}

fn record(kind: u8, id: SessionId, value: Option<Vec<u8>>) -> Record {
    let mut key = Vec::with_capacity(9);
    Writer::new(&mut key).u8(kind).array(&id.0);
    Record { table: Table::Sessions, key, value }
}
