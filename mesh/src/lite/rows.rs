//! Lite sessions on disk: rows of `Table::Sessions` beside those of full ones.
//!
//! | key | value |
//! |---|---|
//! | `l` ‖ id | who with, and the sending half, from the first counter that is not reserved |
//! | `k` ‖ id | the receiving half |

use alloc::{boxed::Box, vec::Vec};

use super::{
    chain::{LiteReceiving, LiteSending},
    session::{LiteId, LitePeer, LiteSession, LiteSessions},
};
use crate::{
    crypto::uptime::Uptime,
    error::{Error, Malformed, Unsupported},
    identity::{PublicIdentity, Suite},
    limits::LITE_SESSIONS_MAX,
    record::{Record, Table},
    wire::{Reader, Writer},
};

/// The format number that starts an `l` row.
const FORMAT: u8 = 1;

const FLAG_CONFIRMED: u8 = 0b01;
const FLAG_ROOT: u8 = 0b10;
const FLAG_SECRET: u8 = 0b100;

/// Rows read back, until both are there.
#[derive(Default)]
pub(super) struct Partial {
    sending: Option<Box<(LitePeer, u64, u8, LiteSending)>>,
    receiving: Option<Box<LiteReceiving>>,
}

impl LiteSessions {
    /// Whether a row's key is one of ours.
    pub(crate) const fn owns(kind: u8) -> bool {
        matches!(kind, b'l' | b'k')
    }

    /// Takes back a stored row.
    ///
    /// # Errors
    /// [`Malformed`] or [`Unsupported`] for a damaged or foreign row; nothing changed.
    pub(crate) fn restore(&mut self, kind: u8, name: &[u8], row: &[u8]) -> Result<(), Error> {
        let id = LiteId(name.try_into().map_err(|_| Malformed::OutOfRange("lite row key"))?);
        let known = self.len() + self.partial.len();
        if known >= LITE_SESSIONS_MAX && !self.partial.contains_key(&id) {
            return Err(Malformed::TooLong("lite sessions").into());
        }
        if self.get(&id).is_some() {
            return Err(Malformed::OutOfRange("lite row twice").into());
        }
        match kind {
            b'l' => {
                let sending = Box::new(read_sending(row)?);
                self.partial.entry(id).or_default().sending = Some(sending);
            }
            _ => {
                let receiving = Box::new(LiteReceiving::read(row)?);
                self.partial.entry(id).or_default().receiving = Some(receiving);
            }
        }
        match self.partial.remove(&id) {
            Some(Partial { sending: Some(sending), receiving: Some(receiving) }) => {
                let (peer, created_s, flags, sending) = *sending;
                let confirmed = flags & FLAG_CONFIRMED != 0;
                let mut session =
                    LiteSession::restored(peer, created_s, confirmed, sending, *receiving);
                session.by_secret = flags & FLAG_SECRET != 0;
                self.insert(id, session);
            }
            Some(incomplete) => {
                self.partial.insert(id, incomplete);
            }
            None => {}
        }
        Ok(())
    }

    /// Rows that never made a session are of no use: the others were damaged.
    pub(crate) fn drop_partial(&mut self) {
        for id in core::mem::take(&mut self.partial).into_keys() {
            self.records.extend(deletions(id));
        }
    }
}

impl LiteSession {
    /// Appends the rows that changed. Returns whether a reservation is among them.
    pub(super) fn take_rows(&mut self, id: LiteId, generation: u64, out: &mut Vec<Record>) -> bool {
        let reserves = self.sending.take_dirty(generation);
        if core::mem::take(&mut self.meta_dirty) || reserves {
            self.sending.on_row();
            out.push(record(b'l', id, Some(self.sending_row())));
        }
        if let Some(row) = self.receiving.take_row() {
            out.push(record(b'k', id, Some(row)));
        }
        reserves
    }

    /// The row: format u8, flags u8, node key 32, suite u8, created_s u64, root key 32 by flag,
    /// sending half.
    fn sending_row(&self) -> Vec<u8> {
        let flag = |set, flag| if set { flag } else { 0 };
        let LitePeer { identity, root_key, suite } = &self.peer;
        let flags = flag(self.confirmed, FLAG_CONFIRMED)
            | flag(root_key.is_some(), FLAG_ROOT)
            | flag(self.by_secret, FLAG_SECRET);
        let mut out = Vec::with_capacity(256);
        Writer::new(&mut out)
            .u8(FORMAT)
            .u8(flags)
            .array(identity.node_key())
            .u8(suite.code())
            .u64(self.created_s)
            .bytes(root_key.as_ref().map_or(&[][..], |key| key));
        self.sending.write(&mut out);
        out
    }
}

fn read_sending(row: &[u8]) -> Result<(LitePeer, u64, u8, LiteSending), Error> {
    let mut reader = Reader::new(row);
    let format = reader.u8("lite format")?;
    if format != FORMAT {
        return Err(Unsupported::Version(format).into());
    }
    let flags = reader.u8("lite flags")?;
    if flags & !(FLAG_CONFIRMED | FLAG_ROOT | FLAG_SECRET) != 0 {
        return Err(Malformed::OutOfRange("lite flags").into());
    }
    let identity = PublicIdentity::new(reader.array("lite node key")?);
    let suite = reader.u8("lite suite")?;
    let suite = Suite::from_code(suite).ok_or(Unsupported::Suite(suite))?;
    let created_s = Uptime::read(&mut reader)?;
    let root_key = (flags & FLAG_ROOT != 0).then(|| reader.array("lite root key")).transpose()?;
    let sending = LiteSending::read(&mut reader)?;
    reader.finish("lite sending row")?;
    let peer = LitePeer { identity, root_key, suite };
    Ok((peer, created_s, flags, sending))
}

/// What removes a session from disk.
pub(super) fn deletions(id: LiteId) -> [Record; 2] {
    [b'l', b'k'].map(|kind| record(kind, id, None))
}

fn record(kind: u8, id: LiteId, value: Option<Vec<u8>>) -> Record {
    let mut key = Vec::with_capacity(9);
    Writer::new(&mut key).u8(kind).array(&id.0);
    Record { table: Table::Sessions, key, value }
}
