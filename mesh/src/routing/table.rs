//! The rows, their index by address, and the order in which they were published.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ops::Bound;

use super::row::{FREE, Row};
use crate::address::Address;

/// Index of a row. Valid until the row is removed; then it may name another one.
pub(super) type RowId = u32;

/// Rows in fixed places.
///
/// Rows live in chunks that never move, so a table of 100,000 rows carries no slack of a doubling
/// vector; the tree holds 20 bytes a row.
#[derive(Debug, Default)]
pub(super) struct Table {
    chunks: Vec<Vec<Row>>,
    free: Vec<RowId>,
    index: BTreeMap<Address, RowId>,
    /// Version → row, of every row ever published (`ANN-11`).
    log: BTreeMap<u64, RowId>,
    last_version: u64,
}

impl Table {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    pub(super) fn find(&self, address: &Address) -> Option<RowId> {
        self.index.get(address).copied()
    }

    /// The row, if the id still names one.
    pub(super) fn get(&self, id: RowId) -> Option<&Row> {
        let row = self.chunks.get(id as usize / CHUNK)?.get(id as usize % CHUNK)?;
        (!row.is(FREE)).then_some(row)
    }

    pub(super) fn get_mut(&mut self, id: RowId) -> Option<&mut Row> {
        let row = self.chunks.get_mut(id as usize / CHUNK)?.get_mut(id as usize % CHUNK)?;
        (!row.is(FREE)).then_some(row)
    }

    pub(super) fn lookup(&self, address: &Address) -> Option<&Row> {
        self.get(self.find(address)?)
    }

    /// Adds a row for an address that has none.
    pub(super) fn insert(&mut self, row: Row) -> RowId {
        let address = row.address;
        let id = self.free.pop().unwrap_or_else(|| self.grow(row));
        if let Some(place) = self.chunks[id as usize / CHUNK].get_mut(id as usize % CHUNK) {
            *place = row;
        }
        self.index.insert(address, id);
        id
    }

    fn grow(&mut self, row: Row) -> RowId {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let last = self.chunks.len() - 1;
        self.chunks[last].push(row);
        // Tables are bounded by a `u32`, so the index fits one.
        (last * CHUNK + self.chunks[last].len() - 1) as RowId
    }

    pub(super) fn remove(&mut self, id: RowId) -> Option<Row> {
        let row = *self.get(id)?;
        self.index.remove(&row.address);
        self.log.remove(&row.version);
        if let Some(place) = self.get_mut(id) {
            place.flags.set(FREE, true);
        }
        self.free.push(id);
        Some(row)
    }

    /// Moves a row to the end of the order of publications.
    pub(super) fn bump(&mut self, id: RowId) {
        let version = self.last_version + 1;
        let Some(row) = self.get_mut(id) else { return };
        let former = core::mem::replace(&mut row.version, version);
        self.log.remove(&former);
        self.log.insert(version, id);
        self.last_version = version;
    }

    pub(super) const fn last_version(&self) -> u64 {
        self.last_version
    }

    /// The rows published after `version`, in that order.
    pub(super) fn published_after(&self, version: u64) -> impl Iterator<Item = (u64, &Row)> {
        self.log
            .range((Bound::Excluded(version), Bound::Unbounded))
            .filter_map(|(version, id)| Some((*version, self.get(*id)?)))
    }

    pub(super) fn row_at(&self, version: u64) -> Option<&Row> {
        self.get(*self.log.get(&version)?)
    }

    /// Every row with its id, in the order of addresses.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Row> {
        self.index.values().filter_map(|id| self.get(*id))
    }

    /// One more than the largest id in use.
    pub(super) fn id_end(&self) -> RowId {
        match self.chunks.last() {
            Some(last) => ((self.chunks.len() - 1) * CHUNK + last.len()) as RowId,
            None => 0,
        }
    }
}

/// Rows per chunk: 64 × 208 bytes are 13 kB, what a table of one destination costs.
const CHUNK: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::row::Tick;

    fn row(n: u8) -> Row {
        Row::new(Address::from_bytes([n; 16]), [n; 32], Tick::ZERO)
    }

    #[test]
    fn rt41_a_destination_takes_three_hundred_bytes() {
        // Random insertion leaves B-tree leaves of 11 about two thirds full, insertion at the end
        // leaves them half full; a leaf has 12 bytes of its own, a twelfth of leaves is inner.
        let leaf = |entry: usize, fill: usize| (12 + 11 * entry) * 13 / 12 * 10 / (11 * fill);
        let index = leaf(size_of::<(Address, RowId)>(), 6);
        let log = leaf(size_of::<u64>() + size_of::<RowId>(), 5);
        let total = size_of::<Row>() + index + log;
        assert!(total <= 300, "{} + {index} + {log}", size_of::<Row>());
    }

    #[test]
    fn places_are_reused_and_ids_die_with_their_row() {
        let mut table = Table::default();
        let ids: Vec<RowId> = (0..200).map(|n| table.insert(row(n))).collect();
        assert_eq!((table.len(), table.id_end()), (200, 200));
        assert_eq!(table.remove(ids[7]).map(|row| row.address), Some(row(7).address));
        assert!(table.get(ids[7]).is_none() && table.remove(ids[7]).is_none());
        assert_eq!(table.insert(row(250)), ids[7]);
        assert_eq!(table.len(), 200);
    }

    #[test]
    fn ann11_a_row_appears_once_in_the_order_at_its_last_publication() {
        let mut table = Table::default();
        let (a, b) = (table.insert(row(1)), table.insert(row(2)));
        table.bump(a);
        table.bump(b);
        table.bump(a);
        let order: Vec<(u64, Address)> =
            table.published_after(0).map(|(version, row)| (version, row.address)).collect();
        assert_eq!(order, [(2, row(2).address), (3, row(1).address)]);
        assert_eq!(table.published_after(2).count(), 1);
        table.remove(a);
        assert_eq!(table.published_after(2).count(), 0);
    }
}
