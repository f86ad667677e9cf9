//! A node's disk: rows that survive, and records that are not there yet.

use std::collections::{BTreeMap, VecDeque};

use mesh::{Record, RecordSeq, Table};

use crate::rng::Rng;

/// The durable rows of one node and the commit on its way to them.
///
/// One commit is under way at a time; records polled meanwhile wait for the next one, as in the
/// daemon's group commit. A commit is atomic: after a crash all of it is there or nothing.
#[derive(Debug, Default)]
pub struct Disk {
    rows: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    pending: VecDeque<(RecordSeq, Record)>,
    in_flight: usize,
    forgetful: bool,
    inbox_rows_written: u64,
    commits: u64,
}

impl Disk {
    /// An empty disk; a `forgetful` one keeps no rows.
    pub fn new(forgetful: bool) -> Self {
        Self { forgetful, ..Self::default() }
    }

    /// Takes a record from the core.
    pub fn push(&mut self, seq: RecordSeq, record: Record) {
        self.pending.push_back((seq, record));
    }

    /// The last record taken that is not durable yet.
    pub fn awaited(&self) -> Option<RecordSeq> {
        self.pending.back().map(|(seq, _)| *seq)
    }

    /// Starts a commit of everything pending; `false` when one is under way or nothing waits.
    pub fn begin_commit(&mut self) -> bool {
        if self.in_flight > 0 || self.pending.is_empty() {
            return false;
        }
        self.in_flight = self.pending.len();
        true
    }

    /// The commit under way is durable: the last record it holds.
    pub fn finish_commit(&mut self) -> Option<RecordSeq> {
        let mut through = None;
        for _ in 0..std::mem::take(&mut self.in_flight) {
            let (seq, record) = self.pending.pop_front().expect("a commit holds pending records");
            self.apply(record);
            through = Some(seq);
        }
        self.commits += u64::from(through.is_some());
        through
    }

    /// Power is lost. The commit under way may have made it without anyone being told.
    pub fn crash(&mut self, rng: &mut Rng) -> Lost {
        let survived = self.in_flight > 0 && rng.chance(0.5);
        if survived {
            self.finish_commit();
        }
        self.in_flight = 0;
        let records = self.pending.len();
        self.pending.clear();
        Lost { records, survived_untold: survived }
    }

    /// The rows of a table, in key order, as a node gets them back at start.
    pub fn rows(&self, table: Table) -> impl Iterator<Item = Record> {
        let range = (table, Vec::new())..;
        self.rows.range(range).take_while(move |((of, _), _)| *of == table).map(
            |((table, key), value)| Record {
                table: *table,
                key: key.clone(),
                value: Some(value.clone()),
            },
        )
    }

    /// How often a row of the inbox was made durable for the first time.
    pub fn inbox_rows_written(&self) -> u64 {
        self.inbox_rows_written
    }

    /// Commits so far: what an idle node must not make.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    fn apply(&mut self, record: Record) {
        let Record { table, key, value } = record;
        if self.forgetful {
            return;
        }
        match value {
            Some(value) => {
                let replaced = self.rows.insert((table, key), value);
                if table == Table::Inbox && replaced.is_none() {
                    self.inbox_rows_written += 1;
                }
            }
            None => {
                self.rows.remove(&(table, key));
            }
        }
    }
}

/// What a crash cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Records that were polled and never became durable.
    pub records: usize,
    /// Whether a commit became durable without the node being told.
    pub survived_untold: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: u8) -> Record {
        Record { table: Table::Inbox, key: vec![key], value: Some(vec![key]) }
    }

    fn keys(disk: &Disk) -> Vec<u8> {
        disk.rows(Table::Inbox).map(|record| record.key[0]).collect()
    }

    /// `SIM-07`
    #[test]
    fn a_crash_loses_what_was_not_committed() {
        let mut disk = Disk::new(false);
        disk.push(RecordSeq(1), put(1));
        assert!(disk.begin_commit());
        disk.push(RecordSeq(2), put(2));
        assert_eq!(disk.finish_commit(), Some(RecordSeq(1)));
        let lost = disk.crash(&mut Rng::new(0));
        assert_eq!(lost, Lost { records: 1, survived_untold: false });
        assert_eq!(keys(&disk), [1]);
    }

    /// `SIM-07`
    #[test]
    fn a_commit_under_way_is_there_whole_or_not_at_all() {
        let mut outcomes = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let mut disk = Disk::new(false);
            disk.push(RecordSeq(1), put(1));
            disk.push(RecordSeq(2), put(2));
            assert!(disk.begin_commit());
            disk.push(RecordSeq(3), put(3));
            disk.crash(&mut Rng::new(seed));
            outcomes.insert(keys(&disk));
        }
        assert_eq!(outcomes.into_iter().collect::<Vec<_>>(), [vec![], vec![1, 2]]);
    }

    #[test]
    fn one_commit_at_a_time() {
        let mut disk = Disk::new(false);
        assert!(!disk.begin_commit());
        disk.push(RecordSeq(1), put(1));
        assert!(disk.begin_commit() && !disk.begin_commit());
    }
}
