//! Neighbours that lie, and many that do not exist (`RT-14`, `RT-16`, `RT-32`, `RT-40`).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{
    MODE,
    bench::{Bench, address, announce, announces, fast, identity, link},
};
use crate::{
    announce::{Advertisement, KIND_ANNOUNCES, MeshAnnounce, Validity},
    crypto::sign::SigningKey,
    identity::{Capabilities, MeshIdentity},
    routing::RoutingConfig,
};

const D: u16 = 50;

/// The announce of the `n`-th of many invented nodes.
fn invented(n: u32) -> MeshAnnounce {
    let mut seed = [9; 32];
    seed[..4].copy_from_slice(&n.to_le_bytes());
    let validity = Validity::from_code(10).expect("10 is in range");
    let identity = MeshIdentity::from_seeds(*SigningKey::from_seed(&seed).to_seed(), None);
    MeshAnnounce::signed(MODE, &identity, 1, Capabilities::NONE, validity, 0)
}

fn bench(routes_max: u32, neighbours: u16) -> Bench {
    let mut bench =
        Bench::with(RoutingConfig { routes_max, mode: MODE, ..RoutingConfig::default() });
    (1..=neighbours).for_each(|n| bench.up(n, fast()));
    bench
}

fn flood(bench: &mut Bench, from: u16, range: core::ops::Range<u32>) {
    let range: Vec<u32> = range.collect();
    for part in range.chunks(128) {
        let list: Vec<Advertisement> = part
            .iter()
            .map(|n| Advertisement { hops: 1, cost: 10, announce: invented(*n) })
            .collect();
        bench.frame(from, KIND_ANNOUNCES, &announces(&list)).expect("well-formed");
        bench.flush();
    }
}

#[test]
fn rt40_invented_nodes_fill_a_quarter_of_the_table() {
    let mut bench = bench(4_000, 2);
    // 100,000 in a release build; signing them is what takes the time.
    let count = if cfg!(debug_assertions) { 3_000 } else { 100_000 };
    flood(&mut bench, 1, 0..count);
    assert_eq!(bench.routing.len(), 2 + 1_000);
    assert_eq!(bench.routing.refused(), u64::from(count) - 1_000);
    for n in 100..400 {
        bench.hear(2, n, 1, 1, 500);
    }
    assert!((100..400).all(|n| bench.next_hop(n) == Some(link(2))), "others are not affected");
}

#[test]
fn rt40_what_somebody_asked_for_takes_a_place() {
    let mut bench = bench(400, 1);
    bench.routing.pin(address(D + 1), true);
    flood(&mut bench, 1, 0..300);
    assert_eq!(bench.routing.len(), 1 + 100);
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.next_hop(D), None);
    bench.routing.find(bench.now, &address(D), None, &mut bench.rng);
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.next_hop(D), Some(link(1)));
    bench.hear(1, D + 1, 1, 1, 500);
    assert_eq!(bench.next_hop(D + 1), Some(link(1)), "contacts are always let in");
    assert!(bench.routing.len() <= 1 + 101);
}

#[test]
fn rt40_a_full_table_takes_from_the_richest() {
    let mut bench = bench(400, 5);
    for from in 1..=4 {
        flood(&mut bench, from, u32::from(from) * 1_000..u32::from(from) * 1_000 + 150);
    }
    assert_eq!(bench.routing.len(), 5 + 400 - 5, "neighbours count into the full table");
    for n in 100..130 {
        bench.hear(5, n, 1, 1, 500);
    }
    assert!((100..130).all(|n| bench.next_hop(n) == Some(link(5))));
    assert_eq!(bench.routing.len(), 400);
}

#[test]
fn rt40_proven_and_pinned_rows_stay() {
    let mut bench = bench(400, 2);
    bench.hear(1, D, 1, 1, 500);
    bench.receipt(D, 1);
    bench.routing.pin(address(D + 1), true);
    bench.hear(1, D + 1, 1, 1, 500);
    flood(&mut bench, 1, 0..500);
    bench.down(1);
    bench.up(1, fast());
    flood(&mut bench, 2, 1_000..1_500);
    flood(&mut bench, 1, 2_000..2_500);
    assert_eq!(bench.routing.seq(&address(D)), Some(1));
    assert_eq!(bench.routing.seq(&address(D + 1)), Some(1));
}

#[test]
fn rt16_an_evicted_row_comes_back_below_its_distance_only() {
    let mut bench = bench(8, 3);
    bench.hear(1, D, 3, 1, 500);
    bench.hear(1, D + 1, 3, 1, 500);
    bench.said(2);
    // The neighbour's share is two rows; each of these was asked for.
    for n in [60, 61] {
        bench.routing.find(bench.now, &address(n), None, &mut bench.rng);
        bench.hear(1, n, 1, 1, 500);
    }
    assert_eq!((bench.routing.seq(&address(D)), bench.routing.seq(&address(D + 1))), (None, None));
    let retracted = bench.said(2).into_iter().any(|said| {
        let super::bench::Said::Retract(list) = said else { return false };
        list.contains(&(address(D), 3)) && list.contains(&(address(D + 1), 3))
    });
    assert!(retracted);
    bench.hear(2, D, 3, 1, 1_500);
    assert_eq!(bench.next_hop(D), None, "somebody may still route through us");
    bench.hear(2, D, 3, 1, 1_400);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    bench.pass(Duration::from_secs(61));
    bench.hear(2, D + 1, 3, 1, 9_000);
    assert_eq!(bench.next_hop(D + 1), Some(link(2)), "by now everybody has heard");
}

#[test]
fn rt32_a_sinkhole_gets_an_eighth_at_most() {
    let mut bench = Bench::with_neighbours(4);
    let (liar, honest) = (1, 2);
    let mut seq = 1;
    let mut sent = [0_u32; 2];
    bench.hear(liar, D, seq, 1, 1);
    bench.hear(honest, D, seq, 4, 8_000);
    // The liar is first with every sequence, at no cost, and delivers nothing. The origin answers
    // requests for a newer sequence, and announces now and then.
    for packet in 0..2_000 {
        let Some(out) = bench.routing.choose(bench.now, &address(D), &[]) else {
            bench.pass(Duration::from_millis(100));
            continue;
        };
        bench.routing.on_sent(bench.now, &address(D), out);
        if out == link(honest) {
            bench.receipt(D, honest);
        } else {
            bench.no_receipt(D, liar);
        }
        sent[usize::from(out == link(honest))] += 1;
        bench.pass(Duration::from_millis(20));
        let asked = [1, 2, 3].iter().any(|n| !bench.said(*n).is_empty());
        if packet % 100 == 99 || asked {
            seq += 1;
            bench.hear(liar, D, seq, 1, 1);
            bench.hear(honest, D, seq, 4, 8_000);
        }
    }
    let [lost, delivered] = sent;
    assert!(lost * 8 <= lost + delivered + 8 * 8, "{lost} lost, {delivered} delivered");
    assert!(delivered > 1_500, "{lost} lost, {delivered} delivered");
}

#[test]
fn a_liar_that_turns_honest_is_used() {
    let mut bench = Bench::with_neighbours(2);
    bench.hear(1, D, 1, 1, 500);
    bench.hear(2, D, 1, 1, 1_200);
    bench.receipt(D, 2);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    bench.receipt(D, 1);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn random_frames_never_panic_and_never_pass() {
    let mut bench = Bench::with_neighbours(2);
    for round in 0..20_000 {
        let len = bench.rng.below(300) as usize;
        let mut body = vec![0; len];
        bench.rng.fill(&mut body);
        let kind = 0x10 + (round % 4) as u8;
        let _ = bench.frame(1, kind, &body);
    }
    bench.flush();
    assert_eq!(bench.routing.len(), 2);
}

#[test]
fn flipped_bits_never_make_a_route() {
    let mut bench = Bench::with_neighbours(1);
    let entry = Advertisement { hops: 1, cost: 500, announce: announce(D, 1) };
    let body = announces(&[entry]);
    for bit in 0..8 * body.len() {
        let mut flipped = body.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let _ = bench.frame(1, KIND_ANNOUNCES, &flipped);
        bench.flush();
        // The neighbour's own hops and cost are not signed; everything else is.
        let is_signed = bit / 8 > 5;
        assert!(!is_signed || bench.next_hop(D).is_none(), "bit {bit}");
        if bench.next_hop(D).is_some() {
            bench.hear_retract(1, D, 1);
        }
    }
    assert_eq!(bench.routing.node_key(&address(1)), Some(*identity(1).public().node_key()));
}
