//! Rows on disk (`RT-60`, `RT-61`): what is known about destinations survives a restart, as hints.

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Routing,
    row::{ANNOUNCED, DIRTY, PINNED, REFRESH, Row, STORED, Tick},
    table::RowId,
};
use crate::{
    address::{ADDRESS_LEN, Address},
    announce::{MeshAnnounce, UNREACHABLE},
    error::{Error, Malformed, Unsupported},
    record::{Record, Table},
    rules::Rule,
    time::Instant,
    wire::{Reader, Writer},
};

/// Changes that are not on disk yet.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    rows: Vec<RowId>,
    deleted: Vec<Address>,
    due: Option<Instant>,
    /// Set when the time came: that time.
    is_due: Option<Instant>,
}

impl Unwritten {
    fn write_by(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
    }

    pub(super) fn delete(&mut self, now: Instant, address: Address) {
        self.deleted.push(address);
        self.write_by(now + WRITE_INTERVAL);
    }

    /// When changes want to be written; nothing while they wait to be drained.
    pub(super) const fn due(&self) -> Option<Instant> {
        if self.is_due.is_some() { None } else { self.due }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.is_due.get_or_insert(now);
        }
    }
}

impl Routing {
    /// Plays a stored row back. It has no next hop until a neighbour advertises it, but its
    /// feasibility distance holds (`RT-15`).
    ///
    /// # Errors
    /// [`Unsupported::Version`] or [`Malformed`] for a row we did not write; it is not used.
    pub fn restore(&mut self, now: Instant, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(key);
        let address = Address::from_bytes(reader.array::<ADDRESS_LEN>("route key")?);
        reader.finish("route key")?;
        let (announce, fd) = parse(value)?;
        if announce.address() != address {
            return Err(Malformed::OutOfRange("route address").into());
        }
        let is_full = self.table.len() >= self.config.routes_max as usize;
        if address == self.own || is_full || self.table.find(&address).is_some() {
            return Ok(());
        }
        let mut row = Row::new(address, announce.key, Tick::at(now));
        row.adopt(&announce, Tick::at(now));
        row.fd = if self.config.rules.holds(Rule::FeasibilityStored) { fd } else { UNREACHABLE };
        row.flags.set(STORED, true);
        row.flags.set(PINNED, self.admission.is_pinned(&address));
        let expires = row.expires();
        self.expiry = Some(self.expiry.map_or(expires, |expiry| expiry.min(expires)));
        self.insert(row);
        Ok(())
    }

    /// Appends the rows that changed, if it is time: at most every 5 s, every 10 minutes when
    /// only sequences are new, each row once.
    pub fn drain_records(&mut self, out: &mut Vec<Record>) {
        let Some(now) = self.unwritten.is_due.take() else { return };
        self.unwritten.due = None;
        for address in core::mem::take(&mut self.unwritten.deleted) {
            out.push(record(&address, None));
        }
        let mut rows = core::mem::take(&mut self.unwritten.rows);
        // A table of 100,000 rows at once would be 25 MB of records on their way to the disk.
        let rest = rows.split_off(rows.len().min(ROWS_PER_DRAIN));
        if !rest.is_empty() {
            self.unwritten.write_by(now + DRAIN_PAUSE);
        }
        self.unwritten.rows = rest;
        for id in rows {
            let Some(row) = self.table.get_mut(id).filter(|row| row.is(DIRTY)) else {
                continue;
            };
            row.flags.set(DIRTY, false);
            if let Some(announce) = row.announce() {
                row.flags.set(STORED, true);
                out.push(record(&row.address, Some(value(&announce, row.fd))));
            }
        }
    }

    /// Notes that a row has to be written: soon, or, when only its sequence is new, some time.
    pub(super) fn mark_unwritten(&mut self, now: Instant, id: RowId) {
        let Some(row) = self.table.get_mut(id).filter(|row| row.is(ANNOUNCED)) else { return };
        let is_refresh = row.is(REFRESH) && row.is(STORED);
        self.unwritten.write_by(now + if is_refresh { REFRESH_INTERVAL } else { WRITE_INTERVAL });
        if !row.is(DIRTY) {
            row.flags.set(DIRTY, true);
            self.unwritten.rows.push(id);
        }
    }
}

fn record(address: &Address, value: Option<Vec<u8>>) -> Record {
    Record { table: Table::Routes, key: address.as_bytes().to_vec(), value }
}

fn value(announce: &MeshAnnounce, fd: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(VALUE_LEN);
    Writer::new(&mut out).u8(ROW_VERSION);
    announce.write(&mut out);
    Writer::new(&mut out).u32(fd);
    out
}

fn parse(value: &[u8]) -> Result<(MeshAnnounce, u32), Error> {
    let mut reader = Reader::new(value);
    let version = reader.u8("route version")?;
    if version != ROW_VERSION {
        return Err(Unsupported::Version(version).into());
    }
    let announce = MeshAnnounce::parse(reader.bytes(MeshAnnounce::LEN, "route announce")?)?;
    let fd = reader.u32("route feasibility distance")?;
    reader.finish("route")?;
    if fd == 0 {
        return Err(Malformed::OutOfRange("route feasibility distance").into());
    }
    Ok((announce, fd))
}

/// The layout of stored rows.
const ROW_VERSION: u8 = 1;

const VALUE_LEN: usize = 1 + MeshAnnounce::LEN + 4;

/// Rows written at once: with key and value about 250 bytes each, 256 kB.
const ROWS_PER_DRAIN: usize = 1_024;

/// Pause before the next so many rows.
const DRAIN_PAUSE: Duration = Duration::from_millis(20);

/// Changed rows are collected for this long.
const WRITE_INTERVAL: Duration = Duration::from_secs(5);

/// Refreshed rows are collected for this long: a quiet mesh, in which every node repeats its
/// announce now and then, must not keep disks busy.
const REFRESH_INTERVAL: Duration = Duration::from_secs(600);
