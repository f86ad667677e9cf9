//! The log against a model, on a disk that is cut, filled and damaged.

use std::collections::BTreeMap;

use super::*;
use crate::store::memory_disk::MemoryDisk;

const OWNER: [u8; 16] = [0x0a; 16];

type Model = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// Knuth's MMIX generator; its upper bits are good enough to choose faults.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn open(disk: &MemoryDisk) -> (Log<MemoryDisk>, OpenReport) {
    Log::open(disk.clone(), OWNER).expect("the memory disk reads")
}

fn contents(log: &Log<MemoryDisk>) -> Model {
    let mut model = Model::new();
    for table in Table::ALL {
        log.rows(*table, |key, value| {
            model.insert((*table, key.to_vec()), value.to_vec());
        })
        .expect("the memory disk reads");
    }
    model
}

type Change = (Table, Vec<u8>, Option<Vec<u8>>);

fn commit(log: &mut Log<MemoryDisk>, changes: &[Change]) -> Result<(), StoreError> {
    log.commit(changes.iter().map(|(table, key, value)| Row {
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

fn random_changes(random: &mut Random, value_len: u64) -> Vec<Change> {
    (0..1 + random.below(12))
        .map(|_| {
            let table = Table::ALL[random.below(Table::ALL.len() as u64) as usize];
            let key = vec![random.below(30) as u8; 1 + random.below(3) as usize];
            let put = random.below(3) > 0;
            let len = random.below(value_len) as usize;
            (table, key, put.then(|| vec![random.below(256) as u8; len]))
        })
        .collect()
}

/// `DSK-01`, `DSK-04`: after a power cut at any moment the log holds every committed batch, and of
/// the one in flight all or nothing.
#[test]
fn power_cuts_keep_what_was_committed() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let disk = MemoryDisk::default();
        let mut model = Model::new();
        for _ in 0..6 {
            let (mut log, report) = open(&disk);
            assert_eq!(contents(&log), model, "seed {seed}");
            assert_eq!(report.damage, [], "seed {seed}");
            for _ in 0..random.below(20) {
                let changes = random_changes(&mut random, 300);
                commit(&mut log, &changes).expect("no fault yet");
                apply(&mut model, &changes);
            }
            let changes = random_changes(&mut random, 300);
            disk.fail_after(random.below(3) as u32);
            let promised = commit(&mut log, &changes).is_ok();
            drop(log);
            disk.fail_after(u32::MAX);
            disk.cut_power(|unsynced| random.below(unsynced as u64 + 1) as usize);
            let found = contents(&open(&disk).0);
            let mut after = model.clone();
            apply(&mut after, &changes);
            assert!(found == after || !promised && found == model, "seed {seed}");
            model = found;
        }
    }
}

/// `DSK-07`: what failed is committed again later, and nothing before it is lost.
#[test]
fn failed_commits_can_be_repeated() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let disk = MemoryDisk::default();
        let (mut log, _) = open(&disk);
        let mut model = Model::new();
        for _ in 0..30 {
            let changes = random_changes(&mut random, 200);
            if random.below(3) == 0 {
                disk.fail_after(random.below(4) as u32);
            }
            while commit(&mut log, &changes).is_err() {}
            apply(&mut model, &changes);
            assert_eq!(contents(&log), model, "seed {seed}");
        }
        disk.cut_power(|_| 0);
        assert_eq!(contents(&open(&disk).0), model, "seed {seed}");
    }
}

/// `DSK-08`: cleaning keeps every live row and bounds the space that dead ones take.
#[test]
fn cleaning_bounds_the_log() {
    let disk = MemoryDisk::default();
    let (mut log, _) = open(&disk);
    let mut model = Model::new();
    let mut random = Random(1);
    for round in 0..600u32 {
        let key = (round % 40).to_le_bytes().to_vec();
        let value = vec![random.below(256) as u8; 64 << 10];
        let changes = [(Table::Custody, key, (round % 3 > 0).then_some(value))];
        commit(&mut log, &changes).expect("endless room");
        apply(&mut model, &changes);
        while log.wants_compaction() {
            log.compact().expect("endless room");
        }
    }
    assert_eq!(contents(&log), model);
    assert!(log.total_bytes() <= COMPACT_MIN.max(2 * log.live_bytes) + SEGMENT_LEN_MAX);
    assert_eq!(contents(&open(&disk).0), model);
}

/// `DSK-06`: the rows of one table come back alone, in the order of their last write.
#[test]
fn rows_come_in_the_order_of_their_last_write() {
    let disk = MemoryDisk::default();
    let (mut log, _) = open(&disk);
    let put = |table, key: u8| (table, vec![key], Some(vec![key]));
    commit(&mut log, &[put(Table::Inbox, 1), put(Table::Meta, 9), put(Table::Inbox, 2)])
        .expect("endless room");
    commit(&mut log, &[put(Table::Inbox, 1)]).expect("endless room");
    let mut keys = Vec::new();
    open(&disk).0.rows(Table::Inbox, |key, _| keys.push(key[0])).expect("readable");
    assert_eq!(keys, [2, 1]);
}

/// `DSK-05`: whatever is damaged, what holds is found, nothing else is invented, and a copy of the
/// damaged file is kept.
#[test]
fn damage_costs_the_rows_it_hits() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let disk = MemoryDisk::default();
        let (mut log, _) = open(&disk);
        let mut model = Model::new();
        for key in 0..200u32 {
            let changes = [(Table::Custody, key.to_le_bytes().to_vec(), Some(vec![7; 100]))];
            commit(&mut log, &changes).expect("endless room");
            apply(&mut model, &changes);
        }
        drop(log);
        disk.tamper(1, |bytes| {
            let at = SEGMENT_HEADER_LEN + random.below(bytes.len() as u64 / 2) as usize;
            bytes[at] ^= 1 << random.below(8);
        });
        let (log, report) = open(&disk);
        let found = contents(&log);
        assert!(found.len() >= 199, "seed {seed}: {} rows", found.len());
        assert!(found.iter().all(|(key, value)| model.get(key) == Some(value)), "seed {seed}");
        assert_eq!(report.damage.len(), 1, "seed {seed}");
        assert_eq!(disk.copies().len(), 1, "seed {seed}");
        drop(log);
        let (log, report) = open(&disk);
        assert_eq!(report.damage, [], "the good rows were moved, seed {seed}");
        assert_eq!(contents(&log), found, "seed {seed}");
    }
}

/// `DSK-05`: random bytes in place of a segment are refused without a panic.
#[test]
fn garbage_is_no_log() {
    for seed in 0..100 {
        let mut random = Random(seed);
        let disk = MemoryDisk::default();
        let (mut log, _) = open(&disk);
        commit(&mut log, &[(Table::Meta, vec![1], Some(vec![2; 50]))]).expect("endless room");
        drop(log);
        disk.tamper(1, |bytes| {
            *bytes = (0..random.below(5_000)).map(|_| random.below(256) as u8).collect();
        });
        let (mut log, _) = open(&disk);
        assert_eq!(contents(&log).len(), 0);
        commit(&mut log, &[(Table::Meta, vec![1], Some(vec![3]))]).expect("endless room");
        assert_eq!(contents(&open(&disk).0).len(), 1);
    }
}

/// `DSK-09`: a full disk refuses, keeps what it has, and takes deletions from the reserve.
#[test]
fn full_disk_keeps_what_it_has_and_still_deletes() {
    let disk = MemoryDisk::default();
    let (mut log, _) = open(&disk);
    let mut model = Model::new();
    disk.set_room(Some(64 << 10));
    let failed = (0..100u8).find_map(|key| {
        let changes = [(Table::Custody, vec![key], Some(vec![key; 1_000]))];
        let done = commit(&mut log, &changes);
        done.as_ref().map(|()| apply(&mut model, &changes)).ok();
        done.err()
    });
    assert!(matches!(failed, Some(StoreError::Full(_))), "{failed:?}");
    assert_eq!(contents(&log), model);
    log.release_reserve();
    let changes = [(Table::Custody, vec![0], None)];
    commit(&mut log, &changes).expect("the reserve has room for a deletion");
    apply(&mut model, &changes);
    assert_eq!(contents(&open(&disk).0), model);
}

/// `DSK-02`: a store of another node is refused.
#[test]
fn other_owner_is_refused() {
    let disk = MemoryDisk::default();
    let (mut log, _) = open(&disk);
    commit(&mut log, &[(Table::Meta, vec![1], Some(vec![2]))]).expect("endless room");
    let error = Log::open(disk, [0x0b; 16]).map(|_| ()).expect_err("another node's");
    assert!(error.to_string().contains("0a0a0a0a"), "{error}");
}
