//! What must survive a crash, and what may leave only then.

use alloc::{collections::VecDeque, vec::Vec};
use core::fmt;

use zeroize::Zeroizing;

/// A row to put, or to delete. Values hold secrets: the driver keeps them where deleted rows become
/// unreadable.
#[derive(Clone, PartialEq, Eq)]
pub struct Row {
    /// Its key: a letter for the kind, and a name.
    pub key: Vec<u8>,
    /// The value, or `None` to delete.
    pub value: Option<Zeroizing<Vec<u8>>>,
}

impl Row {
    pub(crate) fn put(key: Vec<u8>, value: Vec<u8>) -> Self {
        Self { key, value: Some(Zeroizing::new(value)) }
    }

    pub(crate) const fn delete(key: Vec<u8>) -> Self {
        Self { key, value: None }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.value.as_ref().map(|value| value.len());
        write!(f, "Row({} B key, {len:?} B value)", self.key.len())
    }
}

/// Rows on their way to the disk, and things that wait until those before them are there.
#[derive(Clone)]
pub(crate) struct Gate<T> {
    rows: VecDeque<Row>,
    held: VecDeque<(u64, T)>,
    written: u64,
    durable: u64,
}

impl<T> Gate<T> {
    pub(crate) fn write(&mut self, row: Row) {
        self.written += 1;
        self.rows.push_back(row);
    }

    /// Holds a thing until all that was written before it is durable. It takes the place of an equal
    /// one that has not left.
    pub(crate) fn hold(&mut self, thing: T)
    where
        T: PartialEq,
    {
        self.held.retain(|(_, other)| *other != thing);
        self.held.push_back((self.written, thing));
    }

    pub(crate) fn poll_row(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }

    /// All rows that were polled are durable.
    pub(crate) fn committed(&mut self) {
        self.durable = self.written - self.rows.len() as u64;
    }

    pub(crate) fn poll(&mut self) -> Option<T> {
        let (after, _) = self.held.front()?;
        if *after > self.durable {
            return None;
        }
        self.held.pop_front().map(|(_, thing)| thing)
    }
}

impl<T> Default for Gate<T> {
    fn default() -> Self {
        Self { rows: VecDeque::new(), held: VecDeque::new(), written: 0, durable: 0 }
    }
}
