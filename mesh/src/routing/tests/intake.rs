//! What is verified when, and what happens to what does not hold (`ANN-04` to `ANN-10`, `RT-02`).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{
    MODE,
    bench::{Bench, address, announce, announces, link},
};
use crate::{
    announce::{Advertisement, KIND_ANNOUNCES, KIND_RETRACT, MeshAnnounce, Retraction},
    error::{Error, PeerMisbehaved},
    routing::RoutingEvent,
    time::Instant,
};

const D: u16 = 50;

fn entry(n: u16, seq: u32, cost: u32) -> Advertisement {
    Advertisement { hops: 1, cost, announce: announce(n, seq) }
}

fn forged(n: u16, seq: u32) -> Advertisement {
    let mut entry = entry(n, seq, 500);
    entry.announce.signature[3] ^= 1;
    entry
}

#[test]
fn ann04_a_retract_never_overtakes_an_announce() {
    let mut bench = Bench::with_neighbours(1);
    let mut retract = vec![1];
    Retraction { address: address(D), seq: 1 }.write(&mut retract);
    bench.frame(1, KIND_ANNOUNCES, &announces(&[entry(D, 1, 500)])).expect("well-formed");
    bench.frame(1, KIND_RETRACT, &retract).expect("well-formed");
    bench.flush();
    assert_eq!(bench.next_hop(D), None);
    assert_eq!(bench.routing.seq(&address(D)), Some(1));
}

#[test]
fn ann06_the_first_announce_is_verified_at_once_a_stream_in_batches() {
    let mut bench = Bench::with_neighbours(1);
    bench.now += Duration::from_secs(1);
    let at = |bench: &mut Bench, n: u16, micros: u64| {
        bench.now = Instant::from_secs(200) + Duration::from_micros(micros);
        bench.frame(1, KIND_ANNOUNCES, &announces(&[entry(n, 1, 500)])).expect("well-formed");
        bench.routing.flush(bench.now, &mut bench.rng);
        bench.next_hop(n).is_some()
    };
    assert!(at(&mut bench, 60, 0), "quiet before");
    assert!(!at(&mut bench, 61, 100), "collected");
    assert!(!at(&mut bench, 62, 200), "collected");
    let due = bench.routing.poll_timeout().expect("pending");
    assert_eq!(due, Instant::from_secs(200) + Duration::from_millis(2));
    bench.routing.handle_timeout(due, &mut bench.rng);
    assert!(bench.next_hop(61).is_some() && bench.next_hop(62).is_some());
    let many: Vec<Advertisement> = (100..170).map(|n| entry(n, 1, 500)).collect();
    bench.now = due + Duration::from_micros(1);
    bench.frame(1, KIND_ANNOUNCES, &announces(&many)).expect("well-formed");
    bench.routing.flush(bench.now, &mut bench.rng);
    assert!(bench.next_hop(169).is_some(), "enough for a batch");
}

#[test]
fn ann08_a_forgery_is_reported_with_its_link_and_hurts_nobody_else() {
    let mut bench = Bench::with_neighbours(2);
    let list = [entry(60, 1, 500), forged(61, 1), entry(62, 1, 500), forged(63, 1)];
    bench.frame(2, KIND_ANNOUNCES, &announces(&list)).expect("well-formed");
    bench.flush();
    let known: Vec<bool> = (60..64).map(|n| bench.next_hop(n).is_some()).collect();
    assert_eq!(known, [true, false, true, false]);
    let error = Error::PeerMisbehaved(PeerMisbehaved::BadSignature);
    let reported = bench
        .events()
        .into_iter()
        .filter(|event| *event == RoutingEvent::Misbehaved { link: link(2), error });
    assert_eq!(reported.count(), 2);
}

#[test]
fn ann05_what_is_known_or_old_is_not_verified_again() {
    let mut bench = Bench::with_neighbours(2);
    bench.hear(1, D, 5, 1, 500);
    bench.events();
    // Were they verified, these would be reported.
    for seq in 1..=5 {
        bench.frame(2, KIND_ANNOUNCES, &announces(&[forged(D, seq)])).expect("well-formed");
        bench.flush();
    }
    assert_eq!(bench.events(), []);
    assert_eq!(bench.feasible(D), [link(1)]);
}

#[test]
fn ann09_the_first_of_two_announces_with_one_sequence_is_kept() {
    let mut bench = Bench::with_neighbours(2);
    let mut other = announce(D, 1);
    other = MeshAnnounce::signed(
        MODE,
        &super::bench::identity(D),
        1,
        other.capabilities,
        other.validity,
        99,
    );
    let entry = Advertisement { hops: 1, cost: 100, announce: other };
    bench.hear(1, D, 1, 1, 500);
    bench.frame(2, KIND_ANNOUNCES, &announces(&[entry])).expect("well-formed");
    bench.flush();
    assert_eq!(bench.routing.bundle_version(&address(D)), Some(1));
    assert_eq!(bench.feasible(D), [link(1)]);
}

#[test]
fn ann10_one_announce_from_many_neighbours_in_one_batch() {
    let mut bench = Bench::with_neighbours(4);
    for n in 1..=4 {
        let list = announces(&[entry(D, 1, 500 + u32::from(n))]);
        bench.frame(n, KIND_ANNOUNCES, &list).expect("well-formed");
    }
    bench.flush();
    assert_eq!(bench.feasible(D).len(), 3);
    assert_eq!(bench.next_hop(D), Some(link(1)));
}

#[test]
fn ann07_a_burst_beyond_the_queue_loses_nothing() {
    let mut bench = Bench::with_neighbours(1);
    let distinct: Vec<Advertisement> = (100..1_100).map(|n| entry(n, 1, 500)).collect();
    let repeated = announces(&[distinct[0]; 100]);
    bench.frame(1, KIND_ANNOUNCES, &announces(&distinct[..999])).expect("well-formed");
    for _ in 0..200 {
        bench.frame(1, KIND_ANNOUNCES, &repeated).expect("well-formed");
    }
    bench.frame(1, KIND_ANNOUNCES, &announces(&distinct[999..])).expect("well-formed");
    bench.flush();
    assert!((100..1_100).all(|n| bench.next_hop(n) == Some(link(1))));
    assert_eq!((bench.routing.refused(), bench.routing.verified()), (0, 1_000));
}

#[test]
fn rt02_a_newer_copy_of_our_own_announce_asks_for_the_next_sequence() {
    let mut bench = Bench::with_neighbours(1);
    bench.routing.set_own(bench.now, announce(0, 7));
    let hear = |bench: &mut Bench, announce: MeshAnnounce| {
        let entry = Advertisement { hops: 1, cost: 1_000, announce };
        bench.frame(1, KIND_ANNOUNCES, &announces(&[entry])).expect("well-formed");
        bench.flush();
        bench.events()
    };
    assert_eq!(hear(&mut bench, announce(0, 7)), []);
    assert_eq!(hear(&mut bench, announce(0, 6)), []);
    let wanted = RoutingEvent::OwnSeqWanted { min_seq: 41 };
    assert_eq!(hear(&mut bench, announce(0, 40)), [wanted]);
    let forged = forged(0, 41).announce;
    assert!(matches!(hear(&mut bench, forged)[..], [RoutingEvent::Misbehaved { .. }]));
    assert_eq!(hear(&mut bench, announce(0, u32::MAX)), [], "there is no next one");
    assert!(bench.routing.route(bench.now, &address(0)).is_none());
}

#[test]
fn ann02_what_a_malformed_frame_says_is_not_applied() {
    let mut bench = Bench::with_neighbours(1);
    let good = entry(60, 1, 500);
    for bad in [
        Advertisement { hops: 64, cost: 64, ..good },
        Advertisement { hops: 3, cost: 2, ..good },
        Advertisement { hops: 1, cost: u32::MAX, ..good },
        Advertisement { hops: 0, cost: 0, ..good },
        Advertisement { hops: 0, cost: 1, announce: announce(1, 1) },
        Advertisement { hops: 1, cost: 1, announce: announce(1, 1) },
    ] {
        let result = bench.frame(1, KIND_ANNOUNCES, &announces(&[good, bad]));
        assert!(matches!(result, Err(Error::Malformed(_))), "{bad:?}");
    }
    bench.flush();
    assert_eq!(bench.routing.len(), 1);
}
