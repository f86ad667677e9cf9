//! Rows on disk (`RT-15`, `RT-60`, `RT-61`).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::bench::{Bench, address, announce, fast, link};
use crate::{
    error::{Error, Unsupported},
    record::{Record, Table},
    time::Instant,
};

const D: u16 = 50;

fn stored() -> Vec<Record> {
    let mut bench = Bench::with_neighbours(1);
    bench.hear(1, D, 3, 1, 500);
    bench.pass(Duration::from_secs(6));
    bench.records()
}

#[test]
fn rt60_a_row_is_version_announce_and_distance() {
    let records = stored();
    let mut expected = vec![1];
    announce(D, 3).write(&mut expected);
    expected.extend_from_slice(&1_500_u32.to_le_bytes());
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].table, Table::Routes);
    assert_eq!(records[0].key, address(D).as_bytes());
    assert_eq!(records[0].value.as_deref(), Some(&expected[..]));
}

#[test]
fn rt15_a_restored_row_is_a_hint_with_its_distance() {
    let mut bench = Bench::new();
    for record in stored() {
        let value = record.value.expect("a row");
        bench.routing.restore(Instant::ZERO, &record.key, &value).expect("our own");
    }
    assert_eq!(bench.routing.seq(&address(D)), Some(3));
    assert_eq!(bench.routing.bundle_version(&address(D)), Some(1));
    assert_eq!(bench.next_hop(D), None);
    bench.up(1, fast());
    bench.up(2, fast());
    assert_eq!(bench.advertised(2), [], "a hint is not passed on");
    bench.hear(2, D, 3, 1, 1_500);
    assert_eq!(bench.next_hop(D), None, "not below what was published before the restart");
    bench.hear(1, D, 3, 1, 500);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn rt15_a_newer_sequence_frees_a_restored_row() {
    let mut bench = Bench::new();
    for record in stored() {
        let value = record.value.expect("a row");
        bench.routing.restore(Instant::ZERO, &record.key, &value).expect("our own");
    }
    bench.up(2, fast());
    bench.hear(2, D, 4, 7, 70_000);
    assert_eq!(bench.next_hop(D), Some(link(2)));
}

#[test]
fn rt60_damaged_rows_are_refused() {
    let record = stored().remove(0);
    let value = record.value.expect("a row");
    let mut bench = Bench::new();
    for len in 0..value.len() {
        assert!(bench.routing.restore(bench.now, &record.key, &value[..len]).is_err());
    }
    for len in 0..record.key.len() {
        assert!(bench.routing.restore(bench.now, &record.key[..len], &value).is_err());
    }
    let mut longer = value.clone();
    longer.push(0);
    assert!(bench.routing.restore(bench.now, &record.key, &longer).is_err());
    let mut newer = value.clone();
    newer[0] = 2;
    let unsupported = Err(Error::Unsupported(Unsupported::Version(2)));
    assert_eq!(bench.routing.restore(bench.now, &record.key, &newer), unsupported);
    let mut other = record.key.clone();
    other[0] ^= 1;
    assert!(bench.routing.restore(bench.now, &other, &value).is_err());
    assert_eq!(bench.routing.len(), 0);
}

#[test]
fn rt61_changes_are_collected_and_nothing_is_written_without() {
    let mut bench = Bench::with_neighbours(1);
    for seq in 1..20 {
        bench.hear(1, D, seq, 1, 500);
        assert_eq!(bench.records(), []);
    }
    bench.pass(Duration::from_secs(5));
    let records = bench.records();
    assert_eq!(records.len(), 1, "each row once");
    for seq in 20..30 {
        bench.hear(1, D, seq, 1, 500);
        bench.pass(Duration::from_secs(55));
        assert_eq!(bench.records(), [], "a refresh can wait");
    }
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.records().len(), 1);
    bench.pass(Duration::from_secs(600));
    assert_eq!(bench.records(), []);
    // Forgotten rows are deleted.
    bench.pass(Duration::from_secs(4_000));
    let records = bench.records();
    assert_eq!(records.len(), 1);
    assert_eq!((&records[0].key[..], &records[0].value), (&address(D).as_bytes()[..], &None));
}
