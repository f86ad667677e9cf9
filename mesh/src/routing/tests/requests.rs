//! Path requests (`RT-02`, `RT-50` to `RT-54`).

use alloc::vec::Vec;
use core::time::Duration;

use super::bench::{Bench, Said, address, announce, link, slow};
use crate::{
    announce::{KIND_PATH_REQUEST, PathRequest},
    link::{LinkCaps, Medium},
    routing::RoutingEvent,
};

const D: u16 = 50;

fn request(n: u16, min_seq: u32, nonce: u8, ttl: u8) -> PathRequest {
    PathRequest { destination: address(n), min_seq, nonce: [nonce; 8], ttl }
}

/// The path requests said to a neighbour: (min_seq, ttl).
fn asked(bench: &mut Bench, to: u16) -> Vec<(u32, u8)> {
    let said = bench.said(to).into_iter();
    said.filter_map(|said| match said {
        Said::Request(request) => Some((request.min_seq, request.ttl)),
        _ => None,
    })
    .collect()
}

fn find(bench: &mut Bench, n: u16, min_seq: Option<u32>) {
    bench.routing.find(bench.now, &address(n), min_seq, &mut bench.rng);
}

#[test]
fn rt50_rings_grow_until_somebody_answers() {
    let mut bench = Bench::with_neighbours(2);
    find(&mut bench, D, None);
    find(&mut bench, D, None);
    assert_eq!((asked(&mut bench, 1), asked(&mut bench, 2)), ([(0, 2)].into(), [(0, 2)].into()));
    bench.pass(Duration::from_millis(401));
    assert_eq!(asked(&mut bench, 1), [(0, 4)]);
    bench.pass(Duration::from_millis(801));
    assert_eq!(asked(&mut bench, 1), [(0, 16)]);
    bench.hear(1, D, 1, 5, 5_000);
    bench.pass(Duration::from_secs(10));
    assert_eq!(asked(&mut bench, 1), []);
    assert_eq!(bench.next_hop(D), Some(link(1)));
    find(&mut bench, D, None);
    find(&mut bench, D, Some(1));
    assert_eq!(asked(&mut bench, 1), [], "there is a route");
}

#[test]
fn cmp_24_nonces_end_in_four_zero_bytes() {
    let mut bench = Bench::with_neighbours(1);
    find(&mut bench, D, None);
    let said = bench.said(1).into_iter().find_map(|said| match said {
        Said::Request(request) => Some(request.nonce),
        _ => None,
    });
    let nonce = said.expect("asked");
    assert_eq!(nonce[4..], [0; 4]);
    assert_ne!(nonce[..4], [0; 4]);
}

#[test]
fn rt50_a_search_that_finds_nothing_ends() {
    let mut bench = Bench::with_neighbours(1);
    find(&mut bench, D, None);
    bench.pass(Duration::from_secs(20));
    assert_eq!(asked(&mut bench, 1).len(), 4);
    find(&mut bench, D, None);
    assert_eq!(asked(&mut bench, 1), [], "not again so soon");
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.routing.poll_timeout(), None);
    find(&mut bench, D, None);
    assert_eq!(asked(&mut bench, 1), [(0, 2)]);
}

#[test]
fn rt50_whoever_knows_answers() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear(1, D, 4, 1, 500);
    bench.said(2);
    bench.hear_request(2, request(D, 4, 1, 2)).expect("in budget");
    assert_eq!(bench.advertised(2), [(address(D), 4, 2, 1_500)]);
    assert_eq!(asked(&mut bench, 1), [], "not passed on");
    bench.hear_request(2, request(D, 4, 1, 2)).expect("in budget");
    assert_eq!(bench.said(2), [], "the nonce was here before");
}

#[test]
fn rt50_others_pass_it_on_to_the_next_hop_or_to_all() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear_request(1, request(D, 0, 1, 2)).expect("in budget");
    assert_eq!(asked(&mut bench, 2), [(0, 1)]);
    assert_eq!(asked(&mut bench, 3), [(0, 1)]);
    assert_eq!(asked(&mut bench, 1), [], "not back");
    bench.hear_request(1, request(D + 1, 0, 2, 1)).expect("in budget");
    assert_eq!(asked(&mut bench, 2), [], "the ring ends here");
    bench.hear(3, D + 2, 1, 1, 500);
    bench.said(1);
    bench.hear_request(1, request(D + 2, 2, 3, 4)).expect("in budget");
    assert_eq!(asked(&mut bench, 3), [(2, 3)]);
    assert_eq!(asked(&mut bench, 2), [], "the next hop is asked alone");
}

#[test]
fn rt50_the_answer_goes_back_first_on_slow_links_too() {
    let mut bench = Bench::with_neighbours(1);
    bench.up(2, slow());
    bench.said(2);
    bench.hear_request(2, request(D, 0, 1, 4)).expect("in budget");
    bench.pass(Duration::from_millis(5));
    for n in 60..80 {
        bench.hear(1, n, 1, 1, 500);
    }
    bench.hear(1, D, 1, 9, 9_000);
    bench.pass(Duration::from_secs(60));
    assert_eq!(bench.advertised(2).first().map(|it| it.0), Some(address(D)));
}

#[test]
fn rt02_a_request_raises_our_sequence_by_one_at_most() {
    let mut bench = Bench::with_neighbours(1);
    bench.routing.set_own(bench.now, announce(0, 7));
    bench.said(1);
    bench.hear_request(1, request(0, 7, 1, 2)).expect("in budget");
    assert_eq!(bench.events(), []);
    assert_eq!(bench.advertised(1), [(address(0), 7, 0, 0)], "the destination answers itself");
    bench.hear_request(1, request(0, u32::MAX, 2, 2)).expect("in budget");
    assert_eq!(bench.events(), [RoutingEvent::OwnSeqWanted { min_seq: 8 }]);
}

#[test]
fn rt51_starvation_asks_for_a_newer_sequence_as_far_as_needed() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear(1, D, 3, 1, 500);
    bench.hear(2, D, 3, 6, 9_000);
    assert_eq!(asked(&mut bench, 2), []);
    bench.down(1);
    assert_eq!(asked(&mut bench, 2), [(4, 16)]);
    assert_eq!(asked(&mut bench, 3), [], "whoever says it leads there is asked");
    bench.hear(2, D, 4, 6, 9_000);
    assert_eq!(bench.next_hop(D), Some(link(2)));
}

#[test]
fn rt52_requests_have_a_budget_per_neighbour() {
    let mut bench = Bench::with_neighbours(2);
    bench.up(3, slow());
    let mut nonce = 0_u64;
    let mut dropped = |bench: &mut Bench, from: u16, count: u32| {
        let before = bench.routing.requests_dropped();
        for _ in 0..count {
            nonce += 1;
            let request = PathRequest { nonce: nonce.to_le_bytes(), ..request(D, 0, 0, 2) };
            let mut body = Vec::new();
            request.write(&mut body);
            bench.frame(from, KIND_PATH_REQUEST, &body).expect("no fault of the neighbour");
        }
        bench.routing.requests_dropped() - before
    };
    assert_eq!(dropped(&mut bench, 1, 1_000), 1_000 - 256);
    assert_eq!(dropped(&mut bench, 2, 1), 0, "each neighbour has its own");
    bench.now += Duration::from_secs(1);
    assert_eq!(dropped(&mut bench, 1, 1_000), 1_000 - 64);
    assert_eq!(dropped(&mut bench, 3, 100), 100 - 8);
}

#[test]
fn rt52_the_same_question_is_passed_on_once_a_second() {
    let mut bench = Bench::with_neighbours(3);
    bench.hear_request(1, request(D, 0, 1, 3)).expect("in budget");
    bench.hear_request(3, request(D, 0, 2, 3)).expect("in budget");
    assert_eq!(asked(&mut bench, 2), [(0, 2)]);
    bench.hear_request(1, request(D, 0, 3, 5)).expect("in budget");
    assert_eq!(asked(&mut bench, 2), [(0, 4)], "a larger ring is another question");
    bench.hear(2, D, 1, 1, 500);
    let answered = [1, 3].map(|n| bench.advertised(n).len());
    assert_eq!(answered, [1, 1], "everybody who asked is answered");
}

/// A neighbour on a wire that asks for invented nodes does not flood the radio beside it.
#[test]
fn rt55_questions_reach_a_shared_medium_rarely() {
    let mut bench = Bench::with_neighbours(2);
    let radio = LinkCaps {
        medium: Medium::Lora,
        bitrate_bps: 3_125,
        reliable: false,
        shared: true,
        ..slow()
    };
    bench.up(3, radio);
    let passed = |bench: &mut Bench, from: u16| {
        (0..100_u64)
            .filter(|n| {
                let nonce = (u64::from(from) << 32) + bench.now.as_micros() + n;
                let invented = 1_000 + from * 200 + *n as u16;
                let question =
                    PathRequest { nonce: nonce.to_le_bytes(), ..request(invented, 0, 0, 9) };
                bench.hear_request(from, question).expect("no fault of the neighbour");
                bench.now += Duration::from_secs(1);
                bench.routing.handle_timeout(bench.now, &mut bench.rng);
                !asked(bench, 3).is_empty()
            })
            .count()
    };
    // A hop is 1.024 s, and a question costs 32 of them whoever asks; four may leave at once.
    assert_eq!(passed(&mut bench, 1), 7);
    assert_eq!(passed(&mut bench, 2), 3, "what one neighbour used up, another does not get");
}
