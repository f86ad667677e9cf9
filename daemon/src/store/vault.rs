//! The store: the log, with the values of secret tables wrapped under key slots.

use std::{
    collections::{HashMap, HashSet},
    fmt, io,
    path::Path,
};

use mesh::{Record, Table};
use zeroize::Zeroizing;

use super::{
    disk::{Disk, FileDisk},
    error::StoreError,
    format::{Row, VALUE_LEN_MAX},
    index::Fingerprint,
    log::{Log, OpenReport},
    slots::{SlotKeys, Slots},
    wrap,
};

/// All durable state of a node but its identity.
pub struct Store<D = FileDisk> {
    log: Log<D>,
    slots: Slots,
    /// The slot of each stored secret row.
    slot_of: HashMap<Fingerprint, u32>,
}

impl<D> fmt::Debug for Store<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("secret_rows", &self.slot_of.len()).finish_non_exhaustive()
    }
}

/// What [`Store::open`] found.
#[derive(Debug, Default)]
pub struct Opened {
    /// What the log saw.
    pub log: OpenReport,
    /// Every row, secret ones opened, tables in the order of [`Table::ALL`].
    pub rows: Vec<Record>,
    /// Secret rows whose key is gone or whose bytes do not hold, as stored; they were deleted.
    pub unreadable: Vec<Record>,
}

impl Store<FileDisk> {
    /// Opens the store of the node `owner` in the directory `dir`.
    ///
    /// # Errors
    ///
    /// When files cannot be read or written, or belong to another node.
    pub fn open(dir: &Path, owner: [u8; 16]) -> Result<(Self, Opened), StoreError> {
        Self::open_on(FileDisk::open(dir)?, &dir.join("keys"), owner)
    }
}

impl<D: Disk> Store<D> {
    /// Opens a store on any disk, with its key slots in the file `keys`.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub fn open_on(disk: D, keys: &Path, owner: [u8; 16]) -> Result<(Self, Opened), StoreError> {
        let (log, report) = Log::open(disk, owner)?;
        let (slots, keys) = Slots::open(keys)?;
        let mut store = Self { log, slots, slot_of: HashMap::new() };
        let mut opened = Opened { log: report, ..Opened::default() };
        for table in Table::ALL {
            store.load(*table, &keys, &mut opened)?;
        }
        store.slots.doom_unclaimed(&keys);
        if !opened.unreadable.is_empty() {
            let rows = opened.unreadable.iter();
            store.log.commit(rows.map(|row| Row {
                table: row.table,
                key: &row.key,
                value: None,
            }))?;
        }
        store.slots.flush()?;
        Ok((store, opened))
    }

    fn load(
        &mut self,
        table: Table,
        keys: &SlotKeys,
        opened: &mut Opened,
    ) -> Result<(), StoreError> {
        let mut claimed = Vec::new();
        self.log.rows(table, |key, stored| {
            let record = |value: Vec<u8>| Record { table, key: key.to_vec(), value: Some(value) };
            if !table.is_secret() {
                opened.rows.push(record(stored.to_vec()));
                return;
            }
            let value = wrap::slot_of(stored).and_then(|at| {
                let value = wrap::unwrap(&*keys.key(at)?, table, key, stored)?;
                Some((at, value))
            });
            if let Some((at, value)) = value {
                claimed.push((key.to_vec(), at.slot));
                opened.rows.push(record(value.to_vec()));
            } else {
                opened.unreadable.push(record(stored.to_vec()));
            }
        })?;
        for (key, slot) in claimed {
            self.slots.claim(slot);
            self.slot_of.insert(self.log.fingerprint(table, &key), slot);
        }
        Ok(())
    }

    /// Makes records durable, all or none of them. Only the last record of a row is written, and
    /// nothing for a row that comes and goes within the batch.
    ///
    /// # Errors
    ///
    /// On an error nothing was promised; call again with the same records, and later ones.
    pub fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
        let newest = newest_of(&self.log, records);
        let mut change = SlotChange::default();
        let result = self.write(&newest, &mut change);
        // After an error the batch may be on disk all the same and come back after a crash: the
        // keys it needs stay until the next start finds that nothing claims them.
        if result.is_ok() {
            for (print, slot) in change.old {
                self.slot_of.remove(&print);
                self.slots.doom(slot);
            }
            self.slot_of.extend(change.new);
        }
        result
    }

    fn write(&mut self, newest: &[&Record], change: &mut SlotChange) -> Result<(), StoreError> {
        let mut wrapped: Vec<Option<Zeroizing<Vec<u8>>>> = Vec::with_capacity(newest.len());
        for record in newest {
            wrapped.push(self.wrap(record, change)?);
        }
        self.slots.flush()?;
        self.log.commit(newest.iter().zip(&wrapped).map(|(record, wrapped)| Row {
            table: record.table,
            key: &record.key,
            value: wrapped.as_ref().map(|value| &value[..]).or(record.value.as_deref()),
        }))
    }

    fn wrap(
        &mut self,
        record: &Record,
        change: &mut SlotChange,
    ) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        if !record.table.is_secret() {
            return Ok(None);
        }
        let print = self.log.fingerprint(record.table, &record.key);
        change.old.extend(self.slot_of.get(&print).map(|slot| (print, *slot)));
        let Some(value) = &record.value else {
            return Ok(None);
        };
        let (at, key) = self.slots.allocate()?;
        change.new.push((print, at.slot));
        Ok(Some(Zeroizing::new(wrap::wrap(&key, at, record.table, &record.key, value))))
    }

    /// Overwrites the keys of rows that are gone. Called when nothing else is to do, and with
    /// every commit that writes secrets.
    ///
    /// # Errors
    ///
    /// When the slot file cannot be written; tried again with the next call.
    pub fn forget(&mut self) -> Result<(), StoreError> {
        if self.slots.has_doomed() { Ok(self.slots.flush()?) } else { Ok(()) }
    }

    /// Cleans one segment when that is worth its writes; false when there is nothing to do.
    ///
    /// # Errors
    ///
    /// As [`Store::commit`]; nothing is lost.
    pub fn clean(&mut self) -> Result<bool, StoreError> {
        let wanted = self.log.wants_compaction();
        if wanted {
            self.log.compact()?;
        }
        Ok(wanted)
    }

    /// Gives back the space that was set aside for deletions.
    pub fn release_reserve(&mut self) {
        self.log.release_reserve();
    }

    /// Sets space aside again; false while there is none.
    pub fn reserve(&mut self) -> bool {
        self.log.reserve()
    }

    /// Bytes the log takes.
    pub fn bytes(&self) -> u64 {
        self.log.total_bytes()
    }
}

/// Slots that a batch takes and gives up.
#[derive(Default)]
struct SlotChange {
    new: Vec<(Fingerprint, u32)>,
    old: Vec<(Fingerprint, u32)>,
}

/// The last record of each row, without those that nobody would see.
fn newest_of<'a, D: Disk>(log: &Log<D>, records: &'a [Record]) -> Vec<&'a Record> {
    let mut seen = HashSet::with_capacity(records.len());
    let mut newest = Vec::with_capacity(records.len());
    for record in records.iter().rev() {
        debug_assert!(record.value.as_ref().is_none_or(|value| value.len() <= VALUE_LEN_MAX));
        if !seen.insert(log.fingerprint(record.table, &record.key)) {
            continue;
        }
        if record.value.is_some() || log.contains(record.table, &record.key) {
            newest.push(record);
        }
    }
    newest.reverse();
    newest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::memory_disk::MemoryDisk;

    const OWNER: [u8; 16] = [1; 16];

    fn record(table: Table, key: &[u8], value: Option<&[u8]>) -> Record {
        Record { table, key: key.to_vec(), value: value.map(<[u8]>::to_vec) }
    }

    fn open(disk: &MemoryDisk, dir: &Path) -> (Store<MemoryDisk>, Opened) {
        Store::open_on(disk.clone(), &dir.join("keys"), OWNER).expect("readable")
    }

    /// `DSK-12`: once a secret row is replaced and the keys are forgotten, a copy of the log made
    /// at any time before does not give its old value back.
    #[test]
    fn old_secrets_are_unreadable_in_old_pages() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = MemoryDisk::default();
        let (mut store, _) = open(&disk, dir.path());
        let old = record(Table::Sessions, b"peer", Some(b"old chain key"));
        store.commit(std::slice::from_ref(&old)).expect("room");
        let pages = disk.snapshot();
        store.commit(&[record(Table::Sessions, b"peer", Some(b"new chain key"))]).expect("room");
        store.forget().expect("writable");
        let keys = dir.path().join("copied keys");
        std::fs::copy(dir.path().join("keys"), &keys).expect("room");
        let (_, opened) = Store::open_on(pages, &keys, OWNER).expect("opens");
        assert!(opened.rows.is_empty());
        assert_eq!(opened.unreadable.len(), 1);
        let (_, opened) = open(&disk, dir.path());
        assert!(opened.unreadable.is_empty(), "a slot was overwritten that is in use");
    }

    /// `DSK-11`: power may be cut at any step; the row has its old or its new value.
    #[test]
    fn secrets_survive_power_cuts() {
        for step in 0..3 {
            let dir = tempfile::tempdir().expect("a temporary directory");
            let disk = MemoryDisk::default();
            let (mut store, _) = open(&disk, dir.path());
            store.commit(&[record(Table::PreKeys, b"k", Some(b"one"))]).expect("room");
            disk.fail_after(step);
            let done = store.commit(&[record(Table::PreKeys, b"k", Some(b"two"))]).is_ok();
            drop(store);
            disk.fail_after(u32::MAX);
            disk.cut_power(|_| 0);
            let (_, opened) = open(&disk, dir.path());
            assert_eq!(opened.rows.len(), 1);
            let value = opened.rows[0].value.as_deref();
            assert_eq!(value, Some(if done { &b"two"[..] } else { b"one" }), "step {step}");
        }
    }

    /// `DSK-13`: a row that comes and goes within a batch writes nothing, and neither does an
    /// empty batch.
    #[test]
    fn rows_that_come_and_go_write_nothing() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = MemoryDisk::default();
        let (mut store, _) = open(&disk, dir.path());
        let (used, syncs) = (disk.used(), disk.syncs());
        store
            .commit(&[
                record(Table::Outbox, b"a", Some(b"message")),
                record(Table::Outbox, b"a", None),
                record(Table::Sessions, b"b", Some(b"secret")),
                record(Table::Sessions, b"b", None),
            ])
            .expect("room");
        assert_eq!((disk.used(), disk.syncs()), (used, syncs));
    }

    #[test]
    fn secret_values_are_not_in_the_log() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let disk = MemoryDisk::default();
        let (mut store, _) = open(&disk, dir.path());
        store.commit(&[record(Table::Channels, b"c", Some(b"channel secret"))]).expect("room");
        disk.tamper(1, |bytes| {
            assert!(!bytes.windows(14).any(|window| window == b"channel secret"));
        });
        assert_eq!(open(&disk, dir.path()).1.rows.len(), 1);
    }
}
