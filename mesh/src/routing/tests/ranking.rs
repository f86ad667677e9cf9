//! Which next hop, and what receipts teach (`RT-30` to `RT-34`).

use core::time::Duration;

use super::bench::{Bench, address, link, slow};
use crate::{
    link::{LinkCaps, Medium},
    routing::RoutingEvent,
};

const D: u16 = 50;

/// Three neighbours lead to D at 2,000, 2,500 and 2,900; a fourth is there.
fn three() -> Bench {
    let mut bench = Bench::with_neighbours(4);
    bench.hear(3, D, 1, 1, 1_900);
    bench.hear(2, D, 1, 1, 1_500);
    bench.hear(1, D, 1, 1, 1_000);
    bench.events();
    bench
}

#[test]
fn rt32_unproven_the_cheapest_gets_all() {
    let mut bench = three();
    assert_eq!(bench.spread(D, 80), [80, 0, 0, 0]);
}

#[test]
fn rt32_beside_a_proven_one_a_cheaper_one_gets_an_eighth() {
    let mut bench = three();
    bench.receipt(D, 2);
    assert_eq!(bench.spread(D, 80), [10, 70, 0, 0]);
    bench.receipt(D, 1);
    assert_eq!(bench.spread(D, 80), [80, 0, 0, 0], "proven and cheaper");
}

#[test]
fn rt31_success_divides_the_cost() {
    let mut bench = three();
    for _ in 0..20 {
        bench.receipt(D, 2);
        bench.receipt(D, 1);
    }
    assert_eq!(bench.next_hop(D), Some(link(1)));
    // Half the packets through 1 are lost, never three in a row: 2,000 ÷ ½ is worse than 2,500.
    for _ in 0..20 {
        bench.no_receipt(D, 1);
        bench.no_receipt(D, 1);
        bench.receipt(D, 1);
    }
    assert_eq!(bench.next_hop(D), Some(link(2)));
}

#[test]
fn rt33_three_missing_receipts_are_a_rest() {
    let mut bench = three();
    bench.no_receipt(D, 1);
    bench.no_receipt(D, 1);
    bench.receipt(D, 1);
    bench.no_receipt(D, 1);
    bench.no_receipt(D, 1);
    assert_eq!(bench.next_hop(D), Some(link(1)), "not in a row");
    bench.no_receipt(D, 1);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    assert_eq!(bench.spread(D, 16), [0, 16, 0, 0]);
    bench.pass(Duration::from_secs(11));
    bench.receipt(D, 2);
    assert_eq!(bench.spread(D, 16), [0, 16, 0, 0], "its success is remembered: 2,500 is better");
}

#[test]
fn rt33_when_all_rest_the_destination_waits_for_the_first_to_wake() {
    let mut bench = Bench::with_neighbours(1);
    bench.hear(1, D, 1, 1, 1_000);
    bench.events();
    let changed =
        |n: Option<u16>| RoutingEvent::RouteChanged { address: address(D), next_hop: n.map(link) };
    for pause in [10, 20, 40, 80, 160, 320, 640, 640] {
        (0..3).for_each(|_| bench.no_receipt(D, 1));
        assert_eq!(bench.routing.choose(bench.now, &address(D), &[]), None);
        assert_eq!(bench.events(), [changed(None)]);
        bench.pass(Duration::from_secs(pause - 1));
        assert_eq!(bench.events(), []);
        bench.pass(Duration::from_millis(1_200));
        assert_eq!(bench.events(), [changed(Some(1))], "after {pause} s");
    }
    bench.receipt(D, 1);
    (0..3).for_each(|_| bench.no_receipt(D, 1));
    bench.pass(Duration::from_secs(11));
    assert_eq!(bench.next_hop(D), Some(link(1)), "a receipt resets the rests");
}

#[test]
fn rt33_nobody_is_told_of_a_rest() {
    let mut bench = Bench::with_neighbours(2);
    bench.hear(1, D, 1, 1, 1_000);
    bench.said(2);
    (0..3).for_each(|_| bench.no_receipt(D, 1));
    assert_eq!(bench.said(2), []);
}

#[test]
fn rt34_no_route_is_advice() {
    let mut bench = three();
    let now = bench.now;
    bench.routing.on_no_route(now, &address(D), link(1));
    assert_eq!(bench.next_hop(D), Some(link(2)));
    assert_eq!(bench.feasible(D).len(), 3, "nothing is deleted");
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.spread(D, 8), [0, 8, 0, 0], "2,000 ÷ ⅜ is worse than 2,500 ÷ ½");
    let chosen = bench.routing.choose(bench.now, &address(D), &[link(2), link(3)]);
    assert_eq!(chosen, Some(link(1)), "but it may be used again");
}

#[test]
fn rt30_the_worst_of_four_goes() {
    let mut bench = three();
    // Infeasible: it does not push anybody out.
    bench.hear(4, D, 1, 1, 3_900);
    assert_eq!(bench.feasible(D).len(), 3);
    bench.hear(4, D, 1, 1, 500);
    let feasible = bench.feasible(D);
    assert!(feasible.contains(&link(4)) && !feasible.contains(&link(3)));
}

#[test]
fn rt30_a_proven_next_hop_is_not_pushed_out() {
    let mut bench = three();
    bench.receipt(D, 3);
    bench.hear(4, D, 1, 1, 500);
    let feasible = bench.feasible(D);
    assert!(feasible.contains(&link(3)) && feasible.contains(&link(4)));
    assert_eq!(feasible.len(), 3);
}

#[test]
fn rt32_excluded_links_are_not_chosen() {
    let mut bench = three();
    bench.receipt(D, 2);
    let choose = |bench: &mut Bench, exclude: &[u16]| {
        let exclude: alloc::vec::Vec<_> = exclude.iter().map(|n| link(*n)).collect();
        bench.routing.choose(bench.now, &address(D), &exclude)
    };
    assert_eq!(choose(&mut bench, &[2]), Some(link(1)));
    assert_eq!(choose(&mut bench, &[1, 2]), Some(link(3)));
    assert_eq!(choose(&mut bench, &[1, 2, 3]), None);
}

/// The destination itself is hardly heard; a neighbour that leads there is heard well.
#[test]
fn rt56_a_poor_link_proves_nothing() {
    let mut bench = Bench::with_neighbours(0);
    let radio = LinkCaps {
        medium: Medium::Lora,
        bitrate_bps: 3_125,
        reliable: false,
        shared: true,
        ..slow()
    };
    bench.up(1, radio);
    bench.up(2, radio);
    bench.hear(1, 1, 1, 0, 0);
    bench.hear(2, 1, 1, 1, 2_500_000);
    assert_eq!(bench.spread(1, 80), [80, 0, 0, 0], "directly, while that works");
    for _ in 0..16 {
        bench.routing.on_link_delivery(link(1), false);
    }
    bench.pass(Duration::from_secs(11));
    assert_eq!(bench.spread(1, 80), [0, 80, 0, 0], "over the other, unproven as it is");
}
