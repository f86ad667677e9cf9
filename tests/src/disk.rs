//! A node's disk: rows that survive, and everything that can go wrong on the way to them.
//!
//! A commit goes through the stages of a real one. It is written, batch after batch, into the
//! device's cache, sector by sector; a sync then makes it durable. A crash loses of what was not
//! synced any set of sectors, in any order, and tears one in two. What is read back afterwards are
//! the batches that are whole, up to the first that is not: a batch counts completely or not at all.

mod device;

use std::collections::{BTreeMap, VecDeque};

use mesh::{Record, RecordSeq, Table};

use self::device::Device;
use crate::rng::Rng;

/// How a disk misbehaves besides losing power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Faults {
    /// Probability that a write fails with an I/O error.
    pub write_error: f64,
    /// Probability that a sync fails. What was not synced is lost or not: nobody knows (fsync
    /// errors are reported once, and the next sync may succeed without having written anything).
    pub sync_error: f64,
    /// Whether commits are synced. Only a test that wants to see messages lost says no.
    pub sync: bool,
}

impl Default for Faults {
    fn default() -> Self {
        Self { write_error: 0.0, sync_error: 0.0, sync: true }
    }
}

/// What became of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Committed {
    /// Nothing was under way.
    Nothing,
    /// Everything up to this record is durable.
    Through(RecordSeq),
    /// It failed; its records wait for the next try. The node is to promise nothing new.
    Failed,
}

/// The durable rows of one node and the commit on its way to them.
///
/// One commit is under way at a time; records polled meanwhile wait for the next one, as in the
/// daemon's group commit.
#[derive(Debug, Default)]
pub struct Disk {
    device: Device,
    pending: VecDeque<(RecordSeq, Record)>,
    in_flight: usize,
    forgetful: bool,
    faults: Faults,
    full: bool,
    inbox_rows_written: u64,
    commits: u64,
    failures: u64,
}

impl Disk {
    /// An empty disk; a `forgetful` one keeps no rows.
    pub fn new(forgetful: bool, faults: Faults) -> Self {
        Self { forgetful, faults, ..Self::default() }
    }

    /// Takes a record from the core.
    pub fn push(&mut self, seq: RecordSeq, record: Record) {
        self.pending.push_back((seq, record));
    }

    /// The last record taken that is not durable yet.
    pub fn awaited(&self) -> Option<RecordSeq> {
        self.pending.back().map(|(seq, _)| *seq)
    }

    /// There is no room (`true`), or there is again. Deletions still fit: a driver sets space aside.
    pub fn set_full(&mut self, full: bool) {
        self.full = full;
    }

    /// Starts a commit of everything pending; `false` when one is under way or nothing waits.
    pub fn begin_commit(&mut self) -> bool {
        if self.in_flight > 0 || self.pending.is_empty() {
            return false;
        }
        self.in_flight = self.pending.len();
        true
    }

    /// The time of the commit under way is over: it is durable, or it failed.
    pub fn finish_commit(&mut self, rng: &mut Rng) -> Committed {
        let count = std::mem::take(&mut self.in_flight);
        if count == 0 {
            return Committed::Nothing;
        }
        let batch: Vec<Record> =
            self.pending.iter().take(count).map(|(_, record)| record.clone()).collect();
        if !self.write_and_sync(batch, rng) {
            self.failures += 1;
            return Committed::Failed;
        }
        let through = self.pending.drain(..count).next_back().map(|(seq, _)| seq);
        self.commits += 1;
        through.map_or(Committed::Nothing, Committed::Through)
    }

    fn write_and_sync(&mut self, batch: Vec<Record>, rng: &mut Rng) -> bool {
        if self.forgetful {
            return true;
        }
        let puts = batch.iter().any(|record| record.value.is_some());
        if (self.full && puts) || rng.chance(self.faults.write_error) {
            // Part of it may be there. The batch is not whole and will never count; a new place is
            // taken for the next try.
            self.device.write_part(batch, rng);
            return false;
        }
        self.device.write(batch);
        if !self.faults.sync {
            return true;
        }
        if rng.chance(self.faults.sync_error) {
            self.device.distrust(rng);
            return false;
        }
        self.inbox_rows_written += self.device.sync();
        true
    }

    /// Power is lost. The commit under way may have made it without anyone being told.
    pub fn crash(&mut self, rng: &mut Rng) -> Lost {
        let mut survived = false;
        if self.in_flight > 0 && !self.full {
            let batch = self.pending.iter().take(self.in_flight);
            self.device.write(batch.map(|(_, record)| record.clone()).collect());
        }
        if !self.forgetful {
            let whole = self.device.crash(rng);
            survived = self.in_flight > 0 && whole.newest_survived;
            self.inbox_rows_written += whole.inbox_rows;
        }
        self.in_flight = 0;
        let records = if survived { 0 } else { self.pending.len() };
        self.pending.clear();
        Lost { records, survived_untold: survived }
    }

    /// The rows of a table, in key order, as a node gets them back at start.
    pub fn rows(&self, table: Table) -> impl Iterator<Item = Record> {
        self.device.rows(table)
    }

    /// How often a row of the inbox was made durable for the first time.
    pub fn inbox_rows_written(&self) -> u64 {
        self.inbox_rows_written
    }

    /// Commits so far: what an idle node must not make.
    pub fn commits(&self) -> u64 {
        self.commits
    }

    /// Commits that failed and were repeated.
    pub fn failures(&self) -> u64 {
        self.failures
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

type Rows = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

#[cfg(test)]
mod tests;
