//! What lies below a disk's commits: a cache that power takes away, sector by sector.

use mesh::{Record, Table};

use super::Rows;
use crate::rng::Rng;

/// The rows on the medium, and the batches in the cache above it, oldest first.
#[derive(Debug, Default)]
pub(super) struct Device {
    rows: Rows,
    cache: Vec<Batch>,
}

/// A batch in the cache.
#[derive(Debug)]
struct Batch {
    records: Vec<Record>,
    /// Sectors it takes.
    sectors: u32,
    /// A write of it failed half-way, or a sync did: its checksum will not hold.
    broken: bool,
}

/// What a crash left of the cache.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Survivors {
    /// The newest batch is among them.
    pub(super) newest_survived: bool,
    /// Rows of the inbox that are new on the medium.
    pub(super) inbox_rows: u64,
}

impl Device {
    /// Writes a batch into the cache.
    pub(super) fn write(&mut self, records: Vec<Record>) {
        self.cache.push(Batch { sectors: sectors(&records), records, broken: false });
    }

    /// Writes a part of a batch: what it leaves never makes a whole one.
    pub(super) fn write_part(&mut self, records: Vec<Record>, rng: &mut Rng) {
        if rng.chance(0.5) {
            self.cache.push(Batch { sectors: sectors(&records), records, broken: true });
        }
    }

    /// Moves the cache to the medium. Returns how many rows of the inbox are new there.
    pub(super) fn sync(&mut self) -> u64 {
        let whole = std::mem::take(&mut self.cache).into_iter().filter(|batch| !batch.broken);
        whole.map(|batch| self.apply(batch.records)).sum()
    }

    /// A sync failed: of what was in the cache nothing will be whole, whatever later syncs say.
    pub(super) fn distrust(&mut self, rng: &mut Rng) {
        for batch in &mut self.cache {
            batch.broken = true;
        }
        if rng.chance(0.5) {
            self.cache.clear();
        }
    }

    /// Power is lost: each sector in the cache made it or not, whatever its place in the order, and
    /// one that was being written is torn. The first batch that lacks any ends what is read back.
    pub(super) fn crash(&mut self, rng: &mut Rng) -> Survivors {
        let mut survivors = Survivors::default();
        // Often everything, often nothing, mostly something in between.
        let kept = [0.0, 0.5, 0.9, 1.0][rng.index(4)];
        let mut intact = true;
        for batch in std::mem::take(&mut self.cache) {
            // Drawn for every sector, so that one more in a batch changes no other's fate.
            let lost = (0..batch.sectors).filter(|_| !rng.chance(kept)).count();
            if batch.broken {
                // Written before: the driver went on in a new place, past this one.
                continue;
            }
            intact &= lost == 0;
            survivors.newest_survived = intact;
            if intact {
                survivors.inbox_rows += self.apply(batch.records);
            }
        }
        survivors
    }

    pub(super) fn rows(&self, table: Table) -> impl Iterator<Item = Record> {
        let range = (table, Vec::new())..;
        self.rows.range(range).take_while(move |((of, _), _)| *of == table).map(
            |((table, key), value)| Record {
                table: *table,
                key: key.clone(),
                value: Some(value.clone()),
            },
        )
    }

    fn apply(&mut self, records: Vec<Record>) -> u64 {
        let mut new_in_inbox = 0;
        for Record { table, key, value } in records {
            match value {
                Some(value) => {
                    let replaced = self.rows.insert((table, key), value);
                    new_in_inbox += u64::from(table == Table::Inbox && replaced.is_none());
                }
                None => {
                    self.rows.remove(&(table, key));
                }
            }
        }
        new_in_inbox
    }
}

/// Sectors that a batch takes in a log, a header of 24 bytes and 12 bytes a row included.
fn sectors(records: &[Record]) -> u32 {
    let len = |record: &Record| 12 + record.key.len() + record.value.as_ref().map_or(0, Vec::len);
    let bytes = 24 + records.iter().map(len).sum::<usize>();
    u32::try_from(bytes.div_ceil(SECTOR_LEN)).unwrap_or(u32::MAX)
}

/// What a medium writes whole or not at all.
const SECTOR_LEN: usize = 512;
