//! Messages over one hop and over two.

use alloc::vec::Vec;
use core::time::Duration;

use super::Air;

#[test]
fn two_nodes_exchange_messages() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(60));
    let there = air.send(0, 1, b"hello");
    air.run(Duration::from_secs(120));
    assert_eq!(air.shown(1), [b"hello"]);
    assert!(air.received(0, there));
    let back = air.send(1, 0, b"and you?");
    air.run(Duration::from_secs(60));
    assert_eq!(air.shown(0), [b"and you?"]);
    assert!(air.received(1, back));
}

#[test]
fn three_in_a_line() {
    let mut air = Air::line(3);
    air.run(Duration::from_secs(120));
    let there = air.send(0, 2, b"hello");
    air.run(Duration::from_secs(300));
    assert_eq!(air.shown(2), [b"hello"]);
    assert!(air.received(0, there));
}

#[test]
fn rad_10_messages_survive_loss() {
    for loss in [10, 30, 50] {
        let mut air = Air::crowd(2);
        air.loss_percent = loss;
        air.run(Duration::from_secs(600));
        let ids: Vec<_> = (0..5).map(|n| air.send(0, 1, &[n; 20])).collect();
        air.run(Duration::from_secs(1_800));
        assert_eq!(air.shown(1).len(), 5, "{loss} %: {:?}", air.stations[0].port.counters());
        let received = ids.iter().filter(|id| air.received(0, **id)).count();
        assert_eq!(received, 5, "{loss} %");
    }
}

#[test]
fn rad_10_the_lossy_line() {
    let mut air = Air::line(3);
    air.loss_percent = 10;
    air.run(Duration::from_secs(600));
    let id = air.send(0, 2, b"hello");
    air.run(Duration::from_secs(900));
    assert_eq!(air.shown(2), [b"hello"]);
    assert!(air.received(0, id));
}

/// An established message and its receipt are two payloads; nothing else is said.
#[test]
fn rad_10_a_receipt_is_the_acknowledgement() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(120));
    for _ in 0..2 {
        air.send(0, 1, b"first");
        air.run(Duration::from_secs(120));
    }
    let before = air.trace.len();
    let id = air.send(0, 1, &[7; 50]);
    air.run(Duration::from_secs(60));
    assert!(air.received(0, id));
    assert_eq!(air.trace.len() - before, 2);
    // With the modem's byte 74 and 18, as specs/28-mls-lite.md budgets.
    let sizes: Vec<_> = air.trace[before..].iter().map(|(_, _, bytes)| bytes.len()).collect();
    assert_eq!(sizes, [73, 17]);
    let air_us: u64 = sizes.iter().map(|len| super::sf8().time_on_air_us(len + 1)).sum();
    assert!(air_us <= 375_000, "{air_us} us");
}

/// In a line the forwarding of the relay is the sender's acknowledgement.
#[test]
fn rad_10_forwarding_is_an_acknowledgement() {
    let mut air = Air::line(3);
    air.run(Duration::from_secs(200));
    air.send(0, 2, b"first");
    air.run(Duration::from_secs(300));
    let (before, overheard) = (air.trace.len(), air.stations[0].port.counters().overheard);
    let id = air.send(0, 2, &[7; 50]);
    air.run(Duration::from_secs(120));
    assert!(air.received(0, id));
    assert_eq!(air.stations[0].port.counters().overheard, overheard + 1);
    // Message twice, receipt twice, and the acknowledgement of the last receipt.
    assert!(air.trace.len() - before <= 5, "{} payloads", air.trace.len() - before);
}

#[test]
fn a_long_message_goes_in_pieces() {
    let mut air = Air::crowd(2);
    air.loss_percent = 10;
    air.run(Duration::from_secs(200));
    let text: Vec<u8> = (0..4_000_u32).map(|n| n as u8).collect();
    let id = air.send(0, 1, &text);
    air.run(Duration::from_secs(600));
    assert_eq!(air.shown(1), [text]);
    assert!(air.received(0, id));
}

/// Time on the air of 4,096 bytes over three hops, with everything that is said meanwhile, and the
/// least it can be: as few full payloads as will do, and as many receipts as hops.
fn long_way(loss_percent: u64, seed: u8) -> (u64, u64) {
    let mut air = Air::line(4);
    air.rng = crate::crypto::rng::NodeRng::from_seed([seed; 32]);
    air.run(Duration::from_secs(600));
    for n in 0..2 {
        air.send(0, 3, &[n; 10]);
        air.run(Duration::from_secs(300));
    }
    air.loss_percent = loss_percent;
    let before = air.trace.len();
    let text: Vec<u8> = (0..4_096_u32).map(|n| n as u8).collect();
    let id = air.send(0, 3, &text);
    air.run(Duration::from_secs(600));
    assert!(air.shown(3).contains(&text) && air.received(0, id), "{loss_percent} % lost");
    let time = |len: usize| super::sf8().time_on_air_us(len + 1);
    let spent = air.trace[before..].iter().map(|(_, _, bytes)| time(bytes.len())).sum();
    let pieces = (4_096_u64 + 22).div_ceil(243);
    (spent, 3 * (pieces * time(253) + time(17)))
}

#[test]
fn rad_12_a_long_way_without_loss() {
    let (spent, least) = long_way(0, 1);
    assert!(spent * 100 <= least * 110, "{spent} us instead of {least}");
}

/// Every tenth frame is lost at each receiver: at best 1.11 times as many pieces. Which ones are lost
/// is chance, so that the mean of several runs counts.
#[test]
fn rad_12_a_long_way_with_loss() {
    let runs: Vec<u64> = (1..=8)
        .map(|seed| {
            let (spent, least) = long_way(10, seed);
            spent * 100 / least
        })
        .collect();
    let mean = runs.iter().sum::<u64>() / runs.len() as u64;
    assert!(mean <= 125 && runs.iter().all(|run| *run <= 150), "{runs:?} % of the least");
}
