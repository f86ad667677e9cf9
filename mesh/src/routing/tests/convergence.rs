//! Tables together: they converge, they recover, and at no step is there a loop (`RT-13`, `RT-15`).

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    bench::{LINK_COST, address, fast},
    net::{Net, Wire},
};
use crate::link::LinkCaps;

/// Meshes per scenario. The simulator runs thousands; these find what is broken at once.
const SEEDS: u8 = 3;

fn line(members: usize) -> Net {
    let mut net = Net::new(members, 1);
    (1..members).for_each(|n| net.connect(n - 1, n, Wire::good(1_000)));
    net
}

/// A random connected graph: a tree and `extra` more wires, of various speeds.
fn graph(members: usize, extra: usize, seed: u8, wire: impl Fn(&mut Net) -> Wire) -> Net {
    let mut net = Net::new(members, seed);
    for n in 1..members {
        let wire = wire(&mut net);
        let peer = net.rng.below(n as u64) as usize;
        net.connect(peer, n, wire);
    }
    for _ in 0..extra {
        let wire = wire(&mut net);
        let (a, b) = (net.rng.below(members as u64), net.rng.below(members as u64));
        if a != b && !net.neighbours(a as usize).contains(&(b as usize)) {
            net.connect(a as usize, b as usize, wire);
        }
    }
    net
}

fn various(net: &mut Net) -> Wire {
    let bitrate_bps = 8_000_000 << net.rng.below(6);
    let wire = Wire::good(100 + net.rng.below(5_000));
    Wire { caps: LinkCaps { bitrate_bps, ..fast() }, ..wire }
}

#[test]
fn an_announce_crosses_five_relays_at_the_speed_of_the_wires() {
    let mut net = line(6);
    net.run(Duration::from_secs(5));
    let mut late = Net::new(7, 2);
    (1..6).for_each(|n| late.connect(n - 1, n, Wire::good(1_000)));
    late.run(Duration::from_secs(5));
    late.connect(5, 6, Wire::good(1_000));
    late.run(Duration::from_millis(7));
    assert_eq!(late.path(0, 6).map(|path| path.len()), Some(7), "six wires of 1 ms");
}

#[test]
fn the_cheapest_path_is_found() {
    let mut net = Net::new(4, 3);
    let speed = |bitrate_bps| Wire { caps: LinkCaps { bitrate_bps, ..fast() }, ..Wire::good(500) };
    net.connect(0, 3, speed(1_000_000));
    net.connect(0, 1, speed(8_000_000));
    net.connect(1, 2, speed(8_000_000));
    net.connect(2, 3, speed(8_000_000));
    net.run(Duration::from_secs(1));
    assert_eq!(net.path(1, 3), Some([1, 2, 3].into()));
    let now = net.now;
    let route = net.routing(1).route(now, &address(3)).expect("a route");
    assert_eq!((route.hops, route.cost), (2, 2 * LINK_COST));
}

#[test]
fn random_meshes_converge_without_a_loop() {
    for seed in 0..SEEDS {
        let mut net = graph(16, 12, seed, various);
        net.run(Duration::from_secs(2));
        assert_eq!(net.unreachable(), [], "seed {seed}");
    }
}

#[test]
fn cuts_and_heals_leave_no_loop_and_no_hole() {
    for seed in 0..SEEDS {
        let mut net = graph(14, 10, seed + 40, various);
        net.run(Duration::from_secs(2));
        for _ in 0..25 {
            let a = net.rng.below(14) as usize;
            let Some(b) = net.neighbours(a).first().copied() else { continue };
            let wire = various(&mut net);
            net.cut(a, b);
            let pause = net.rng.below(20_000);
            net.run(Duration::from_micros(pause));
            net.connect(a, b, wire);
            let pause = net.rng.below(20_000);
            net.run(Duration::from_micros(pause));
        }
        net.run(Duration::from_secs(10));
        assert_eq!(net.unreachable(), [], "seed {seed}");
    }
}

#[test]
fn lost_and_reordered_frames_leave_no_loop() {
    let lossy = |net: &mut Net| {
        let wire = various(net);
        let caps = LinkCaps { reliable: false, ..wire.caps };
        Wire { caps, jitter_us: 20_000, loss_percent: 25, ..wire }
    };
    for seed in 0..SEEDS {
        let mut net = graph(12, 10, seed + 80, lossy);
        for round in 0..40_usize {
            net.run(Duration::from_millis(300));
            let n = round % net.len();
            net.announce(n);
            if round % 3 == 0 {
                let a = net.rng.below(12) as usize;
                if let Some(b) = net.neighbours(a).first().copied() {
                    net.cut(a, b);
                    let wire = lossy(&mut net);
                    net.connect(a, b, wire);
                }
            }
        }
        // Each sequence may be lost on each wire, so it takes a few.
        for _ in 0..12 {
            (0..net.len()).for_each(|n| net.announce(n));
            net.run(Duration::from_secs(2));
        }
        assert_eq!(net.unreachable(), [], "seed {seed}");
    }
}

#[test]
fn an_unreachable_member_is_given_up_without_counting_to_infinity() {
    let mut net = Net::new(6, 9);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0), (1, 3), (3, 4), (4, 5)] {
        net.connect(a, b, Wire::good(1_000));
    }
    net.run(Duration::from_secs(1));
    let before = net.changes;
    net.cut(4, 5);
    net.run(Duration::from_millis(50));
    for n in 0..5 {
        assert_eq!(net.routing(n).next_hop_of(&address(5)), None, "{n}");
    }
    net.run(Duration::from_secs(20));
    // Each of the six loses what lies beyond the cut, once.
    assert_eq!(net.changes - before, 5 + 5);
}

/// The long way round is infeasible and was not even told; it is found without a new announce.
#[test]
fn rt51_a_longer_way_replaces_a_cut_one() {
    let mut net = Net::new(6, 11);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)] {
        net.connect(a, b, Wire::good(1_000));
    }
    net.run(Duration::from_secs(1));
    assert_eq!(net.path(1, 0), Some([1, 0].into()));
    net.cut(0, 1);
    net.run(Duration::from_millis(200));
    assert_eq!(net.path(1, 0), Some([1, 2, 3, 4, 5, 0].into()));
    assert_eq!(net.unreachable(), []);
}

#[test]
fn partitions_heal() {
    let mut net = graph(10, 6, 7, various);
    let wires: Vec<(usize, usize)> = (0..5)
        .flat_map(|a| net.neighbours(a).into_iter().map(move |b| (a, b)))
        .filter(|(_, b)| *b >= 5)
        .collect();
    net.run(Duration::from_secs(2));
    wires.iter().for_each(|(a, b)| net.cut(*a, *b));
    net.run(Duration::from_secs(2));
    for (a, b) in [(0, 5), (4, 9)] {
        assert_eq!(net.island(a).contains(&b), net.path(a, b).is_some());
    }
    // Sequences go on on both sides.
    (0..10).for_each(|n| net.announce(n));
    net.run(Duration::from_secs(2));
    wires.iter().for_each(|(a, b)| net.connect(*a, *b, Wire::good(700)));
    net.run(Duration::from_secs(5));
    assert_eq!(net.unreachable(), []);
}

#[test]
fn rt15_restarts_leave_no_loop_whatever_was_on_disk() {
    for seed in 0..SEEDS {
        let mut net = graph(12, 10, seed + 120, various);
        net.run(Duration::from_secs(1));
        for _ in 0..20 {
            let n = net.rng.below(12) as usize;
            let wires = net.restart(n);
            for (peer, wire) in wires {
                net.connect(n, peer, wire);
                let pause = net.rng.below(5_000);
                net.run(Duration::from_micros(pause));
            }
            let other = net.rng.below(12) as usize;
            net.announce(other);
            let pause = net.rng.below(9_000_000);
            net.run(Duration::from_micros(pause));
        }
        net.run(Duration::from_secs(10));
        assert_eq!(net.unreachable(), [], "seed {seed}");
    }
}

#[test]
fn rt12_a_link_that_became_slow_is_avoided_once_used() {
    let mut net = Net::new(4, 5);
    for (a, b) in [(0, 1), (1, 3), (0, 2), (2, 3)] {
        net.connect(a, b, Wire::good(1_000));
    }
    net.run(Duration::from_secs(11));
    let Some(path) = net.path(0, 3) else { panic!("no path") };
    let relay = path[1];
    let now = net.now;
    for n in [relay, 0] {
        let link = net.routing(n).next_hop_of(&address(3)).expect("a route");
        net.routing(n).on_sent(now, &address(3), link);
    }
    net.measure(relay, 3, Duration::from_millis(50));
    net.run(Duration::from_secs(20));
    assert_eq!(net.path(0, 3), Some([0, 3 - relay, 3].into()));
}
