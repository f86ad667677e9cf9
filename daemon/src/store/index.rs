//! Where the newest version of each row is. Keys are kept as 128-bit fingerprints, keyed afresh
//! in each process, so that a row costs some 30 to 60 bytes of memory whatever its key
//! (`DSK-06`): among a million rows two share a fingerprint with a probability of 1e-27.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::{BuildHasher, Hasher},
};

use mesh::Table;

/// A row's place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) segment: u32,
    pub(crate) offset: u32,
    /// Encoded length in the lower 24 bits, table in the upper eight.
    len_and_table: u32,
}

impl Place {
    pub(crate) fn new(segment: u32, offset: u32, len: u32, table: Table) -> Self {
        debug_assert!(len < 1 << 24);
        Self { segment, offset, len_and_table: len | u32::from(table as u8) << 24 }
    }

    /// The same row, once it is known where its batch went.
    pub(crate) fn moved(self, segment: u32, base: u32) -> Self {
        Self { segment, offset: self.offset + base, ..self }
    }

    /// Encoded length of the row.
    pub(crate) fn len(self) -> u64 {
        u64::from(self.len_and_table & 0x00ff_ffff)
    }

    pub(crate) fn is_of(self, table: Table) -> bool {
        self.len_and_table >> 24 == u32::from(table as u8)
    }
}

/// 128 bits that stand for a table and a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Fingerprint(u64, u64);

/// The newest place of every live row.
#[derive(Debug, Default)]
pub(crate) struct Index {
    hashers: (RandomState, RandomState),
    places: HashMap<Fingerprint, Place>,
}

impl Index {
    pub(crate) fn fingerprint(&self, table: Table, key: &[u8]) -> Fingerprint {
        let half = |state: &RandomState| {
            let mut hasher = state.build_hasher();
            hasher.write_u8(table as u8);
            hasher.write(key);
            hasher.finish()
        };
        Fingerprint(half(&self.hashers.0), half(&self.hashers.1))
    }

    pub(crate) fn get(&self, row: Fingerprint) -> Option<Place> {
        self.places.get(&row).copied()
    }

    /// Sets (`Some`) or forgets (`None`) a row's place; returns the place it had.
    pub(crate) fn set(&mut self, row: Fingerprint, place: Option<Place>) -> Option<Place> {
        match place {
            Some(place) => self.places.insert(row, place),
            None => self.places.remove(&row),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Places of a table's rows in the order of the log.
    pub(crate) fn places_of(&self, table: Table) -> Vec<Place> {
        let mut places: Vec<Place> =
            self.places.values().copied().filter(|place| place.is_of(table)).collect();
        places.sort_unstable_by_key(|place| (place.segment, place.offset));
        places
    }
}
