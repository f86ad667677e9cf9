//! The log on a disk on which everything goes wrong that can: `DSK-17`.

use std::collections::BTreeMap;

use super::*;
use crate::store::memory_disk::{MemoryDisk, Numbers};

const OWNER: [u8; 16] = [0x0a; 16];

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;
type Change = (Table, Vec<u8>, Option<Vec<u8>>);

fn contents(log: &Log<MemoryDisk>) -> Model {
    let mut model = Model::new();
    for table in Table::ALL {
        log.rows(*table, |key, value| {
            model.insert((*table, key.to_vec()), value.to_vec());
        })
        .expect("reading does not fail");
    }
    model
}

fn commit(log: &mut Log<MemoryDisk>, changes: &[Change]) -> Result<(), StoreError> {
    let row = |(table, key, value): &'_ Change| (*table, key.clone(), value.clone());
    let rows: Vec<Change> = changes.iter().map(row).collect();
    log.commit(rows.iter().map(|(table, key, value)| Row {
        table: *table,
        key,
        value: value.as_deref(),
    }))
}

fn apply(model: &mut Model, changes: &[Change]) {
    for (table, key, value) in changes {
        match value {
            Some(value) => model.insert((*table, key.clone()), value.clone()),
            None => model.remove(&(*table, key.clone())),
        };
    }
}

fn draw(numbers: &mut Numbers) -> Vec<Change> {
    (0..1 + numbers.below(10))
        .map(|_| {
            let table = Table::ALL[numbers.below(Table::ALL.len() as u64) as usize];
            let key = vec![numbers.below(30) as u8; 1 + numbers.below(3) as usize];
            let len = numbers.below(900) as usize;
            let put = numbers.below(4) > 0;
            (table, key, put.then(|| vec![numbers.below(256) as u8; len]))
        })
        .collect()
}

/// Several lives of a log on one disk. In each, commits go on while operations fail, and are tried
/// again as the writer does; then the power goes amid one. What is found must be what was promised,
/// with all or nothing of the batch that was under way.
fn lives(seed: u64, every: Option<u64>, sync: bool) -> Result<(), String> {
    let mut numbers = Numbers(seed);
    let disk = MemoryDisk::default();
    if !sync {
        disk.leave_sync_out();
    }
    let mut model = Model::new();
    for life in 0..5 {
        let wrong = |what: &str| Err(format!("seed {seed}, life {life}: {what}"));
        disk.set_unreliable(None, 0);
        let (mut log, _) = Log::open(disk.clone(), OWNER).map_err(|error| error.to_string())?;
        if contents(&log) != model {
            return wrong("what was promised is not what is there");
        }
        disk.set_unreliable(every, seed ^ life);
        for _ in 0..numbers.below(12) {
            let changes = draw(&mut numbers);
            // A device that fails for good is no promise broken.
            if (0..50).all(|_| commit(&mut log, &changes).is_err()) {
                continue;
            }
            apply(&mut model, &changes);
            if contents(&log) != model {
                return wrong("a commit changed something else");
            }
        }
        let changes = draw(&mut numbers);
        disk.die_after(numbers.below(6) as u32);
        let promised = commit(&mut log, &changes).is_ok();
        drop(log);
        disk.set_unreliable(None, 0);
        disk.tear(&mut numbers);
        let (log, _) = Log::open(disk.clone(), OWNER).map_err(|error| error.to_string())?;
        let found = contents(&log);
        let mut after = model.clone();
        apply(&mut after, &changes);
        if found != after && (promised || found != model) {
            return wrong("after the power was cut");
        }
        model = found;
    }
    Ok(())
}

fn failing(seeds: u64, every: Option<u64>, sync: bool) -> Vec<String> {
    (0..seeds).filter_map(|seed| lives(seed, every, sync).err()).collect()
}

/// `DSK-17`: sectors that are lost, reordered and torn cost nothing that was promised.
#[test]
fn torn_and_reordered_sectors_lose_no_promise() {
    let wrong = failing(600, None, true);
    assert!(wrong.is_empty(), "{} of 600, first {}", wrong.len(), wrong[0]);
}

/// `DSK-17`, `DSK-07`: nor do writes, syncs and truncations that fail in between.
#[test]
fn failing_writes_and_syncs_lose_no_promise() {
    for every in [3, 8, 30] {
        let wrong = failing(300, Some(every), true);
        assert!(wrong.is_empty(), "1 in {every}: {} of 300, first {}", wrong.len(), wrong[0]);
    }
}

/// `DSK-17`: the same checks notice a log that leaves the sync out.
#[test]
fn without_sync_the_checks_fail() {
    let wrong = failing(100, None, false);
    assert!(wrong.len() > 50, "{} of 100", wrong.len());
}

/// `DSK-07`: what a failed write left is cut off before anything else is written, or a start could
/// take half of a batch for rows that were promised.
#[test]
fn remains_of_a_failed_write_never_count() {
    let disk = MemoryDisk::default();
    let (mut log, _) = Log::open(disk.clone(), OWNER).expect("empty");
    let row = |key: u8| (Table::Inbox, vec![key], Some(vec![key; 600]));
    commit(&mut log, &[row(1)]).expect("nothing fails yet");
    // Every operation fails, the truncation included.
    disk.set_unreliable(Some(1), 7);
    assert!(commit(&mut log, &[row(2), row(3), row(4)]).is_err());
    assert!(commit(&mut log, &[row(2), row(3), row(4)]).is_err());
    disk.set_unreliable(None, 0);
    let crashed = disk.snapshot();
    let keys = |log: &Log<MemoryDisk>| contents(log).into_keys().collect::<Vec<_>>();
    let first = vec![(Table::Inbox, vec![1])];
    assert_eq!(keys(&Log::open(crashed, OWNER).expect("readable").0), first);
    commit(&mut log, &[row(5)]).expect("it heals");
    let both = vec![(Table::Inbox, vec![1]), (Table::Inbox, vec![5])];
    assert_eq!(keys(&log), both);
    assert_eq!(keys(&Log::open(disk, OWNER).expect("readable").0), both);
}
