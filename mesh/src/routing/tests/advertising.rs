//! What a neighbour is told, in which order, within which share (`ANN-11` to `ANN-18`).

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    MODE,
    bench::{Bench, LINK_COST, Said, address, announce, fast, link, slow, understand},
};
use crate::{
    link::LinkCaps,
    routing::{RoutingConfig, tests::bench::identity},
};

const D: u16 = 50;

#[test]
fn ann12_a_new_neighbour_is_told_the_table_and_no_old_retractions() {
    let mut bench = Bench::with_neighbours(1);
    bench.routing.set_own(bench.now, announce(0, 1));
    for n in 60..70 {
        bench.hear(1, n, 1, 1, 500);
    }
    bench.hear_retract(1, 65, 1);
    bench.up(2, fast());
    let told = bench.said(2);
    assert_eq!(told.len(), 1, "one frame: {told:?}");
    let Said::Announces(list) = &told[0] else { panic!("{told:?}") };
    assert_eq!(list[0], (address(0), 1, 0, 0), "ANN-13: our own first");
    let mut rest: Vec<_> = list[1..].iter().map(|it| it.0).collect();
    rest.sort();
    let mut expected: Vec<_> = (60..70).filter(|n| *n != 65).map(address).collect();
    expected.sort();
    assert_eq!(rest, expected);
    assert!(!bench.routing.has_output(link(2)));
}

#[test]
fn ann11_what_changed_thrice_is_sent_once() {
    let mut bench = Bench::with_neighbours(2);
    for seq in 1..=3 {
        bench.hear(1, D, seq, 1, 500);
    }
    assert_eq!(bench.advertised(2), [(address(D), 3, 2, 500 + LINK_COST)]);
    bench.hear_retract(1, D, 3);
    bench.hear(1, D, 3, 1, 500);
    assert_eq!(bench.advertised(2).len(), 1);
    assert_eq!(bench.said(2), []);
}

#[test]
fn ann14_who_told_us_as_good_is_not_told() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear(1, D, 1, 1, 500);
    bench.hear(2, D, 1, 1, 1_500);
    assert_eq!(bench.said(1), [], "split horizon");
    assert_eq!(bench.said(2), [], "we cost no less");
    bench.hear(1, D, 2, 1, 500);
    assert_eq!(bench.advertised(2).len(), 1, "it does not know the new sequence");
}

#[test]
fn ann14_who_lost_its_route_is_told_ours() {
    let mut bench = Bench::with_neighbours(2);
    for n in 60..300 {
        bench.hear(1, n, 1, 1, 500);
        bench.hear(2, n, 1, 1, 1_500);
    }
    assert_eq!(bench.said(2), []);
    for n in 60..300 {
        bench.hear_retract(2, n, 1);
    }
    let mut told: Vec<_> = bench.advertised(2).into_iter().map(|it| it.0).collect();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), 240, "more than the queue of answers holds");
}

#[test]
fn ann15_frames_are_filled_to_the_mtu() {
    let mut bench = Bench::with_neighbours(1);
    for n in 60..160 {
        bench.hear(1, n, 1, 1, 500);
    }
    bench.up(2, LinkCaps { mtu: 1_500, ..fast() });
    let mut sizes = Vec::new();
    let mut buf = Vec::new();
    while bench.routing.poll_frame(bench.now, link(2), 9_000, &mut buf) {
        assert!(matches!(understand(&buf), Said::Announces(_)));
        sizes.push(buf.len());
        buf.clear();
    }
    // 13 × 112 and version, kind, count.
    assert_eq!(sizes, [1_459, 1_459, 1_459, 1_459, 1_459, 1_459, 1_459, 9 * 112 + 3]);
}

#[test]
fn ann15_the_largest_frames_are_understood() {
    let mut bench = Bench::with_neighbours(1);
    for n in 60..860 {
        bench.hear(1, n, 1, 1, 500);
    }
    bench.up(2, LinkCaps { mtu: 68 << 10, bitrate_bps: 1_000_000_000, ..fast() });
    let mut told = 0;
    let mut buf = Vec::new();
    while bench.routing.poll_frame(bench.now, link(2), 68 << 10, &mut buf) {
        let Said::Announces(list) = understand(&buf) else { panic!("announces") };
        assert!(buf.len() <= 68 << 10 && list.len() >= 179);
        told += list.len();
        buf.clear();
    }
    assert_eq!(told, 800);
}

#[test]
fn ann15_urgent_things_go_first() {
    let mut bench = Bench::with_neighbours(2);
    for n in 60..63 {
        bench.hear(1, n, 1, 1, 500);
    }
    bench.said(2);
    bench.hear_retract(1, 61, 1);
    assert!(matches!(bench.said(2)[..], [Said::Retract(_)]));
    bench.routing.find(bench.now, &address(99), None, &mut bench.rng);
    bench.routing.set_own(bench.now, announce(0, 5));
    let said = bench.said(2);
    assert!(matches!(said[..], [Said::Announces(_), Said::Request(_)]), "{said:?}");
}

#[test]
fn ann16_a_slow_link_is_told_at_its_pace() {
    let mut bench = Bench::with_neighbours(1);
    bench.up(2, slow());
    bench.said(2);
    for n in 60..100 {
        bench.hear(1, n, 1, 1, 500);
    }
    let start = bench.now;
    let mut told = bench.advertised(2).len();
    assert!(told <= 2, "a burst of one frame: {told}");
    assert!(!bench.routing.has_output(link(2)));
    let due = bench.routing.poll_timeout().expect("the next slot");
    assert!(due > start);
    while bench.now < start + Duration::from_secs(100) {
        bench.pass(Duration::from_millis(500));
        told += bench.advertised(2).len();
    }
    // 5 % of 8,000 bit/s are 50 B/s: 5,000 bytes in 100 s, 227 bytes a frame of two.
    assert!((40..=46).contains(&told) || told == 40, "{told}");
}

#[test]
fn ann17_on_a_slow_link_pinned_first_then_changes_by_hops_then_refreshes() {
    let mut bench = Bench::with_neighbours(1);
    bench.routing.pin(address(60), true);
    bench.hear(1, 70, 1, 1, 500);
    bench.up(2, slow());
    bench.pass(Duration::from_secs(60));
    bench.said(2);
    bench.hear(1, 70, 2, 1, 500);
    bench.hear(1, 62, 1, 9, 9_000);
    bench.hear(1, 61, 1, 3, 3_000);
    bench.hear(1, 60, 1, 20, 30_000);
    let mut order = Vec::new();
    for _ in 0..200 {
        bench.pass(Duration::from_secs(1));
        order.extend(bench.advertised(2).into_iter().map(|it| it.0));
    }
    assert_eq!(order, [60, 61, 62, 70].map(address));
}

#[test]
fn ann18_control_frames_take_the_cheapest_link() {
    let mut bench = Bench::with_neighbours(2);
    let now = bench.now;
    let better = crate::link::LinkId(77);
    let caps = LinkCaps { bitrate_bps: 80_000_000, ..fast() };
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.advertised(2).len(), 1);
    bench.routing.on_link_up(now, better, &caps, identity(2).public());
    assert!(!bench.routing.has_output(link(2)) && bench.routing.has_output(better));
    let mut buf = Vec::new();
    assert!(bench.routing.poll_frame(now, better, 1_500, &mut buf), "from the beginning");
    bench.routing.on_link_down(now, better);
    assert_eq!(bench.advertised(2).len(), 1, "and again on the one that is left");
}

#[test]
fn ann12_a_node_that_does_not_relay_tells_about_itself_alone() {
    let config = RoutingConfig { mode: MODE, relay: false, ..RoutingConfig::default() };
    let mut bench = Bench::with(config);
    bench.routing.set_own(bench.now, announce(0, 1));
    bench.up(1, fast());
    bench.up(2, fast());
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.advertised(2), [(address(0), 1, 0, 0)]);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}
