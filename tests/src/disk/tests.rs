use super::*;

fn put(key: u8) -> Record {
    Record { table: Table::Inbox, key: vec![key], value: Some(vec![key]) }
}

fn keys(disk: &Disk) -> Vec<u8> {
    disk.rows(Table::Inbox).map(|record| record.key[0]).collect()
}

fn disk() -> Disk {
    Disk::new(false, Faults::default())
}

/// `SIM-07`
#[test]
fn a_crash_loses_what_was_not_committed() {
    let (mut disk, mut rng) = (disk(), Rng::new(0));
    disk.push(RecordSeq(1), put(1));
    assert!(disk.begin_commit());
    disk.push(RecordSeq(2), put(2));
    assert_eq!(disk.finish_commit(&mut rng), Committed::Through(RecordSeq(1)));
    let lost = disk.crash(&mut rng);
    assert_eq!(lost, Lost { records: 1, survived_untold: false });
    assert_eq!(keys(&disk), [1]);
}

/// `SIM-07`
#[test]
fn a_commit_under_way_is_there_whole_or_not_at_all() {
    let mut outcomes = std::collections::BTreeSet::new();
    for seed in 0..40 {
        let mut disk = disk();
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
    let mut disk = disk();
    assert!(!disk.begin_commit());
    disk.push(RecordSeq(1), put(1));
    assert!(disk.begin_commit() && !disk.begin_commit());
}

/// Batch → how many of its rows there are.
type Batches = BTreeMap<u32, usize>;

fn found(disk: &Disk) -> Batches {
    let mut batches = Batches::new();
    for row in disk.rows(Table::Outbox) {
        let batch = u32::from_be_bytes([row.key[0], row.key[1], row.key[2], row.key[3]]);
        *batches.entry(batch).or_default() += 1;
    }
    batches
}

/// Hands the disk a batch of some rows; returns how many.
fn push_batch(disk: &mut Disk, batch: u32, next_seq: &mut u64, rng: &mut Rng) -> usize {
    let rows = 1 + rng.index(3);
    for row in 0..rows {
        *next_seq += 1;
        let mut key = batch.to_be_bytes().to_vec();
        key.push(row as u8);
        let value = Some(vec![0; rng.index(2_000)]);
        disk.push(RecordSeq(*next_seq), Record { table: Table::Outbox, key, value });
    }
    rows
}

/// Commits until the seed says otherwise, then cuts the power, three times over: what comes back is
/// what was reported durable, and of the batch under way all or nothing.
fn is_right(seed: u64, faults: Faults) -> Result<(), String> {
    let mut rng = Rng::new(seed);
    let mut disk = Disk::new(false, faults);
    let (mut next_seq, mut batch, mut durable) = (0, 0_u32, Batches::new());
    for life in 0..3 {
        for _ in 0..rng.index(20) {
            batch += 1;
            disk.set_full(rng.chance(0.1));
            let rows = push_batch(&mut disk, batch, &mut next_seq, &mut rng);
            while disk.begin_commit() {
                match disk.finish_commit(&mut rng) {
                    Committed::Through(through) if through == RecordSeq(next_seq) => {
                        durable.insert(batch, rows);
                    }
                    _ => disk.set_full(rng.chance(0.5)),
                }
            }
        }
        batch += 1;
        disk.set_full(false);
        let rows = push_batch(&mut disk, batch, &mut next_seq, &mut rng);
        disk.begin_commit();
        if disk.crash(&mut rng).survived_untold {
            durable.insert(batch, rows);
        }
        if found(&disk) != durable {
            return Err(format!("seed {seed}, life {life}: {durable:?} became {:?}", found(&disk)));
        }
    }
    Ok(())
}

const ERRORS: Faults = Faults { write_error: 0.1, sync_error: 0.1, sync: true };

/// `SIM-20`: whatever the disk does, nothing that was reported durable is lost.
#[test]
fn what_was_reported_durable_is_never_lost() {
    let wrong: Vec<String> = (0..2_000).filter_map(|seed| is_right(seed, ERRORS).err()).collect();
    assert!(wrong.is_empty(), "{} of 2000, first {}", wrong.len(), wrong[0]);
}

/// `SIM-20`: a disk that does not sync loses: the check above can fail.
#[test]
fn without_sync_the_check_fails() {
    let lazy = Faults { sync: false, ..ERRORS };
    let wrong = (0..200).filter(|seed| is_right(*seed, lazy).is_err()).count();
    assert!(wrong > 100, "{wrong} of 200");
}
