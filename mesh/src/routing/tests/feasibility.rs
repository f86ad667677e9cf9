//! Which neighbour may be used, and what that makes of a row (`RT-03` to `RT-23`, `RT-35`, `RT-42`).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::bench::{Bench, LINK_COST, Said, address, announce, announces, fast, link, slow};
use crate::{
    announce::{Advertisement, KIND_ANNOUNCES},
    link::LinkCaps,
    routing::RoutingEvent,
};

const D: u16 = 50;

#[test]
fn rt35_a_neighbour_is_a_route_from_the_start() {
    let mut bench = Bench::new();
    bench.up(1, fast());
    assert_eq!(bench.routing.choose(bench.now, &address(1), &[]), Some(link(1)));
    let route = bench.routing.route(bench.now, &address(1)).expect("a route");
    assert_eq!((route.hops, route.cost, route.next_hop), (1, LINK_COST, address(1)));
    assert_eq!(bench.routing.bundle_version(&address(1)), None);
    let changed = RoutingEvent::RouteChanged { address: address(1), next_hop: Some(link(1)) };
    assert_eq!(bench.events(), [changed]);
    // Without an announce there is nothing to tell others.
    bench.up(2, fast());
    assert_eq!(bench.advertised(2), []);
    bench.down(1);
    assert!(
        bench
            .events()
            .contains(&RoutingEvent::RouteChanged { address: address(1), next_hop: None })
    );
    assert!(bench.routing.route(bench.now, &address(1)).is_none());
}

#[test]
fn rt03_cost_is_air_time_and_half_the_round_trip() {
    let mut bench = Bench::new();
    for (n, bitrate_bps, rtt_us, cost) in
        [(1, 8_000_000, 0, 1_000), (2, 1_000_000_000, 101, 8 + 51), (3, u64::MAX, 0, 1)]
    {
        bench.up(n, LinkCaps { bitrate_bps, ..fast() });
        if rtt_us > 0 {
            bench.routing.on_link_rtt(link(n), Duration::from_micros(rtt_us));
            bench.flush();
        }
        assert_eq!(bench.routing.link_cost(link(n)), Some(cost), "link {n}");
    }
}

#[test]
fn rt03_lost_frames_multiply_the_cost() {
    let mut bench = Bench::new();
    bench.up(1, slow());
    bench.up(2, fast());
    for _ in 0..64 {
        bench.routing.on_link_delivery(link(1), false);
        bench.routing.on_link_delivery(link(2), false);
        bench.routing.on_link_delivery(link(1), true);
    }
    bench.flush();
    let cost = bench.routing.link_cost(link(1)).expect("up");
    assert!((1_800_000..2_300_000).contains(&cost), "two transmissions expected: {cost}");
    assert_eq!(bench.routing.link_cost(link(2)), Some(1_000), "reliable links do not lose");
}

#[test]
fn rt04_cost_in_use_follows_large_changes_only_and_rarely() {
    let mut bench = Bench::new();
    bench.up(1, LinkCaps { bitrate_bps: 1_000_000_000, ..fast() });
    let measure = |bench: &mut Bench, micros| {
        (0..100).for_each(|_| bench.routing.on_link_rtt(link(1), Duration::from_micros(micros)));
        bench.flush();
        bench.routing.link_cost(link(1)).expect("up")
    };
    assert_eq!(measure(&mut bench, 1_000), 508);
    assert_eq!(measure(&mut bench, 900), 508, "within a third");
    assert_eq!(measure(&mut bench, 9_000), 508, "too soon");
    bench.pass(Duration::from_secs(11));
    assert!(bench.routing.link_cost(link(1)).expect("up") > 4_000);
}

#[test]
fn rt05_costs_add_up_and_saturate() {
    let mut bench = Bench::with_neighbours(1);
    bench.hear(1, D, 1, 3, 7_000);
    let route = bench.routing.route(bench.now, &address(D)).expect("a route");
    assert_eq!((route.hops, route.cost), (4, 7_000 + LINK_COST));
    bench.hear(1, D + 1, 1, 3, u32::MAX - 1);
    assert!(bench.routing.route(bench.now, &address(D + 1)).is_none());
    bench.up(2, fast());
    bench.said(2);
    bench.hear(1, D + 2, 1, 63, 63);
    assert_eq!(bench.routing.route(bench.now, &address(D + 2)).map(|it| it.hops), Some(64));
    assert_eq!(bench.said(2), [], "nobody is offered a 65th hop");
}

#[test]
fn rt01_older_sequences_are_ignored_and_never_wrap() {
    let mut bench = Bench::with_neighbours(2);
    bench.hear(1, D, u32::MAX, 1, 500);
    bench.hear(2, D, 0, 1, 1);
    bench.hear(2, D, 5, 1, 1);
    assert_eq!(bench.routing.seq(&address(D)), Some(u32::MAX));
    assert_eq!(bench.feasible(D), [link(1)]);
}

#[test]
fn rt10_an_equal_sequence_must_be_below_what_was_published() {
    let mut bench = Bench::with_neighbours(4);
    bench.hear(1, D, 1, 1, 500);
    // Published at 1,500. Equal is not below.
    bench.hear(2, D, 1, 1, 1_500);
    bench.hear(3, D, 1, 1, 1_499);
    bench.hear(4, D, 1, 2, 9_000);
    assert_eq!(bench.feasible(D), [link(1), link(3)]);
    assert_eq!(bench.next_hop(D), Some(link(1)));
    // The distance stays when the route is gone and comes back.
    bench.hear_retract(1, D, 1);
    bench.hear_retract(3, D, 1);
    assert_eq!(bench.next_hop(D), None);
    bench.hear(1, D, 1, 1, 1_500);
    assert_eq!(bench.next_hop(D), None);
    bench.hear(1, D, 1, 1, 1_400);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn rt11_a_newer_sequence_starts_over() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear(1, D, 1, 1, 500);
    bench.hear(3, D, 1, 1, 600);
    bench.hear(2, D, 2, 5, 90_000);
    assert_eq!(bench.feasible(D), [link(2)], "what was said about the old one is void");
    bench.hear(1, D, 2, 1, 500);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn rt20_new_sequences_and_losses_are_published_at_once() {
    let mut bench = Bench::with_neighbours(3);
    assert_eq!(bench.said(3), []);
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.advertised(3), [(address(D), 1, 2, 1_500)]);
    bench.hear(1, D, 2, 1, 500);
    assert_eq!(bench.advertised(3), [(address(D), 2, 2, 1_500)]);
    bench.hear_retract(1, D, 2);
    assert_eq!(bench.said(3), [Said::Retract(vec![(address(D), 2)])]);
    bench.hear(1, D, 2, 1, 500);
    assert_eq!(bench.advertised(3), [(address(D), 2, 2, 1_500)]);
    bench.down(1);
    assert_eq!(bench.said(3), [Said::Retract(vec![(address(D), 2)])]);
}

#[test]
fn rt21_improvements_wait_and_small_ones_for_the_next_sequence() {
    let mut bench = Bench::with_neighbours(4);
    bench.hear(1, D, 1, 1, 9_000);
    bench.said(4);
    bench.hear(2, D, 1, 1, 8_000);
    bench.pass(Duration::from_millis(100));
    assert_eq!(bench.said(4), [], "10 % are not worth a frame");
    bench.hear(3, D, 1, 1, 2_000);
    assert_eq!(bench.said(4), [], "not yet");
    bench.pass(Duration::from_millis(50));
    assert_eq!(bench.advertised(4), [(address(D), 1, 2, 3_000)]);
    assert_eq!(bench.feasible(D), [link(3)], "the others are not below 3,000");
}

#[test]
fn rt12_a_higher_cost_waits_for_the_next_sequence_and_asks_for_it() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear(1, D, 1, 1, 500);
    bench.hear(2, D, 1, 4, 1_400);
    bench.said(3);
    let now = bench.now;
    bench.routing.on_sent(now, &address(D), link(1));
    bench.hear_retract(1, D, 1);
    bench.flush();
    // 2,400 instead of 1,500: not worth asking.
    assert_eq!(bench.said(3), []);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    bench.routing.on_link_rtt(link(2), Duration::from_millis(10));
    bench.flush();
    bench.flush();
    assert_eq!(bench.advertised(3), [], "the published cost does not rise");
    assert!(
        bench.said(2).iter().any(|said| matches!(
            said,
            Said::Request(request) if request.destination == address(D) && request.min_seq == 2
        )),
        "a route in use that costs twice as much asks for a new sequence"
    );
}

#[test]
fn rt22_an_infeasible_word_replaces_the_feasible_one() {
    let mut bench = Bench::with_neighbours(1);
    bench.hear(1, D, 1, 1, 500);
    bench.hear(1, D, 1, 1, 4_000);
    assert_eq!(bench.next_hop(D), None);
    bench.hear(1, D, 1, 1, 400);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn rt22_a_retraction_of_an_older_sequence_changes_nothing() {
    let mut bench = Bench::with_neighbours(2);
    bench.hear(1, D, 2, 1, 500);
    bench.hear_retract(1, D, 1);
    bench.hear_retract(2, D, 2);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn rt23_events_tell_changes_not_refreshes() {
    let mut bench = Bench::with_neighbours(2);
    let changed =
        |n: Option<u16>| RoutingEvent::RouteChanged { address: address(D), next_hop: n.map(link) };
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.events(), [changed(Some(1))]);
    for seq in 2..10 {
        bench.hear(2, D, seq, 3, 3_000);
        bench.hear(1, D, seq, 1, 500);
        bench.pass(Duration::from_millis(200));
    }
    assert_eq!(bench.events(), [], "refreshes, once by the worse neighbour first");
    bench.hear(2, D, 10, 1, 100);
    bench.pass(Duration::from_millis(200));
    assert_eq!(bench.events(), [changed(Some(2))]);
    bench.hear_retract(2, D, 10);
    assert_eq!(bench.events(), [changed(None)]);
    bench.hear_retract(2, D, 10);
    bench.hear(2, D, 10, 1, 100);
    bench.hear_retract(2, D, 10);
    assert_eq!(bench.events(), [], "undone before anybody looked");
}

#[test]
fn rt14_a_stranger_cannot_outrun_a_proven_neighbour() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear(1, D, 1, 2, 9_000);
    bench.receipt(D, 1);
    bench.said(3);
    bench.hear(2, D, 2, 1, 1);
    assert_eq!((bench.routing.seq(&address(D)), bench.next_hop(D)), (Some(1), Some(link(1))));
    bench.hear(1, D, 2, 2, 9_000);
    assert_eq!(bench.routing.seq(&address(D)), Some(2));
    assert_eq!(bench.next_hop(D), Some(link(1)));
    assert_eq!(bench.feasible(D), [link(1), link(2)], "the stranger is kept for probes");
    assert_eq!(bench.advertised(3), [(address(D), 2, 3, 10_000)]);
}

#[test]
fn rt14_waiting_ends_when_the_proven_neighbour_fails_or_after_ten_seconds() {
    let proven = || {
        let mut bench = Bench::with_neighbours(2);
        bench.hear(1, D, 1, 2, 9_000);
        bench.receipt(D, 1);
        bench.hear(2, D, 2, 1, 1);
        assert_eq!(bench.routing.seq(&address(D)), Some(1));
        bench
    };
    let mut bench = proven();
    bench.no_receipt(D, 1);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    let mut bench = proven();
    bench.down(1);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    let mut bench = proven();
    bench.hear_retract(1, D, 1);
    assert_eq!(bench.next_hop(D), Some(link(2)));
    let mut bench = proven();
    bench.pass(Duration::from_secs(9));
    assert_eq!(bench.next_hop(D), Some(link(1)));
    bench.pass(Duration::from_secs(2));
    assert_eq!(bench.next_hop(D), Some(link(2)));
    let mut bench = proven();
    bench.hear_retract(2, D, 2);
    bench.pass(Duration::from_secs(11));
    assert_eq!((bench.routing.seq(&address(D)), bench.next_hop(D)), (Some(1), Some(link(1))));
}

#[test]
fn rt42_rows_expire_after_three_and_a_half_validities() {
    let mut bench = Bench::with_neighbours(2);
    bench.hear(1, D, 1, 1, 500);
    bench.said(2);
    bench.pass(Duration::from_secs(3_580));
    // A known sequence heard again does not count.
    bench.hear(1, D, 1, 1, 500);
    assert_eq!(bench.next_hop(D), Some(link(1)));
    bench.pass(Duration::from_secs(6));
    assert_eq!(bench.next_hop(D), None);
    assert_eq!(bench.said(2), [Said::Retract(vec![(address(D), 1)])]);
    bench.hear(1, D, 1, 1, 400);
    assert_eq!(bench.next_hop(D), None, "expired is expired");
    assert_eq!(bench.routing.len(), 3);
    bench.pass(Duration::from_secs(62));
    assert_eq!(bench.routing.len(), 2);
}

#[test]
fn rt42_a_neighbour_outlives_its_announce() {
    let mut bench = Bench::with_neighbours(2);
    let own = Advertisement { hops: 0, cost: 0, announce: announce(1, 1) };
    bench.frame(1, KIND_ANNOUNCES, &announces(&[own])).expect("well-formed");
    bench.flush();
    assert_eq!(bench.advertised(2), [(address(1), 1, 1, LINK_COST)]);
    bench.pass(Duration::from_secs(4_000));
    assert_eq!(bench.next_hop(1), Some(link(1)));
    assert_eq!(bench.said(2), [Said::Retract(vec![(address(1), 1)])]);
}

#[test]
fn rt05_several_links_to_one_neighbour_count_once_by_the_cheapest() {
    let mut bench = Bench::with_neighbours(2);
    let third = crate::link::LinkId(77);
    let now = bench.now;
    let caps = LinkCaps { bitrate_bps: 80_000_000, ..fast() };
    bench.routing.on_link_up(now, third, &caps, super::bench::identity(1).public());
    bench.hear(1, D, 1, 1, 500);
    let route = bench.routing.route(bench.now, &address(D)).expect("a route");
    assert_eq!((route.cost, route.link, route.alternatives), (600, third, 0));
    let chosen: Vec<_> = [vec![], vec![third], vec![third, link(1)]]
        .iter()
        .map(|exclude| bench.routing.choose(bench.now, &address(D), exclude))
        .collect();
    assert_eq!(chosen, [Some(third), Some(link(1)), None]);
    bench.routing.on_link_down(now, third);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}
