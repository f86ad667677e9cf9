//! `specs/27-compact.md`, `CMP-30` to `CMP-42`.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{repair::Repair, *};
use crate::{
    crypto::rng::NodeRng,
    error::Error,
    limits::{
        COMPACT_ASKS_MAX, COMPACT_DONE_MAX, COMPACT_PARTIAL_BYTES_MAX,
        COMPACT_PARTIAL_TOTAL_BYTES_MAX, COMPACT_PROBES_MAX,
    },
    time::Instant,
};

mod air;
mod sums;

const NOW: Instant = Instant::from_secs(100);
const PAUSE: Duration = Duration::from_secs(2);
/// What a payload of 254 bytes leaves: type 1, hints 2, tag 4.
const ROOM: usize = 247;
const A: u32 = 1;
const B: u32 = 2;

fn message(len: usize) -> Vec<u8> {
    (0..len).map(|i| ((i * 31) >> 3) as u8).collect()
}

fn outgoing(id: u8, message: &[u8], parity: u8) -> Outgoing {
    Outgoing::new(NOW, id, message.to_vec(), ROOM, parity, PAUSE).expect("long enough")
}

/// All pieces that are due.
fn pieces(outgoing: &mut Outgoing) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| {
        let mut body = Vec::new();
        outgoing.poll(NOW, &mut body).then_some(body)
    })
    .collect()
}

fn feed(incoming: &mut Incoming, neighbour: u32, body: &[u8]) -> Progress {
    incoming.on_piece(NOW, neighbour, body, PAUSE).expect("well-formed")
}

/// What the receiver has to say.
fn asked(incoming: &mut Incoming, now: Instant) -> Option<(u32, Vec<u8>)> {
    let mut body = Vec::new();
    incoming.poll(now, &mut body).map(|neighbour| (neighbour, body))
}

#[test]
fn cmp_30_as_few_pieces_as_fit_and_equal_ones() {
    assert!(Outgoing::new(NOW, 0, message(ROOM + 1), ROOM, 0, PAUSE).is_none(), "fits one frame");
    assert!(Outgoing::new(NOW, 0, message(MESSAGE_LEN_MAX + 1), ROOM, 0, PAUSE).is_none());
    assert!(Outgoing::new(NOW, 0, message(500), 3, 0, PAUSE).is_none(), "no room");
    for (len, count) in [(ROOM + 2, 2), (2 * 244, 2), (2 * 244 + 1, 3), (4_096, 17), (31 * 244, 31)]
    {
        let all = pieces(&mut outgoing(1, &message(len), 0));
        assert_eq!(all.len(), count, "{len}");
        assert!(all.iter().all(|body| body.len() <= ROOM));
        assert!(all.windows(2).rev().skip(1).all(|pair| pair[0].len() == pair[1].len()));
    }
    for len in [ROOM + 2, 4_096, 31 * 244 + 1, 128 * 243 + 1, MESSAGE_LEN_MAX] {
        for room in [80, 100, ROOM, 255, 400] {
            for parity in 0..3 {
                let message = message(len);
                let cut = Outgoing::new(NOW, 1, message.clone(), room, parity, PAUSE);
                let Some(mut outgoing) = cut else { continue };
                let mut incoming = Incoming::new();
                let all = pieces(&mut outgoing);
                assert!(all.iter().all(|body| body.len() <= room), "{len} {room} {parity}");
                let whole = all.iter().map(|body| feed(&mut incoming, A, body));
                let whole = whole.filter(|it| *it == Progress::Whole(message.clone())).count();
                assert_eq!(whole, 1, "{len} {room} {parity}");
            }
        }
    }
}

#[test]
fn cmp_31_layouts() {
    let all = pieces(&mut outgoing(9, &message(488), 0));
    assert_eq!((all[0].len(), all[1].len()), (247, 247));
    assert_eq!((&all[0][..3], &all[1][..3]), (&[9, 0, 8][..], &[9, 1, 8][..]));
    let all = pieces(&mut outgoing(9, &message(480), 2));
    assert_eq!((&all[3][..4], all[3].len()), (&[9, 3, 10, 240][..], 4 + 240));
    let all = pieces(&mut outgoing(9, &message(10_000), 0));
    assert_eq!((all.len(), &all[41][..4]), (42, &[9, 41, 0xa8, 0x01][..]));
}

#[test]
fn cmp_31_what_the_layout_forbids() {
    for body in [
        &[][..],
        &[1],
        &[1, 0],
        &[1, 0, 4, 1],          // one piece
        &[1, 2, 8, 1],          // an index beyond
        &[1, 0, 11, 1],         // three of parity
        &[1, 0, 0x84, 0x20, 1], // 1,025 pieces
        &[1, 0, 0x81, 0x08, 1], // parity over 256
        &[1, 0x80, 0x00, 8, 1], // a longer number than needed
    ] {
        let mut incoming = Incoming::new();
        let result = incoming.on_piece(NOW, A, body, PAUSE);
        assert!(matches!(result, Err(Error::Malformed(_))), "{body:?}");
        assert_eq!(incoming.held_bytes(), 0);
    }
    let long = [&[1, 0, 8][..], &[0; 257]].concat();
    assert!(Incoming::new().on_piece(NOW, A, &long, PAUSE).is_err());
}

#[test]
fn cmp_32_any_order_gives_the_same_bytes() {
    let mut rng = NodeRng::from_seed([32; 32]);
    for len in [300, 4_096, MESSAGE_LEN_MAX] {
        let message = message(len);
        let mut all = pieces(&mut outgoing(3, &message, 0));
        for i in (1..all.len()).rev() {
            all.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let mut incoming = Incoming::new();
        let last = all.pop().expect("several");
        for body in &all {
            assert_eq!(feed(&mut incoming, A, body), Progress::Kept);
            assert_eq!(feed(&mut incoming, A, body), Progress::Repeated);
        }
        assert_eq!(feed(&mut incoming, A, &last), Progress::Whole(message));
        assert_eq!(incoming.held_bytes(), 0);
    }
}

#[test]
fn cmp_33_contradictions_end_the_older_message() {
    for second in [
        &[1, 1, 16, 0, 0, 0][..], // another count
        &[1, 0, 12, 9, 0, 0],     // other bytes
        &[1, 1, 12, 0, 0],        // another length
        &[1, 2, 12, 0, 0, 0, 0],  // a last piece that is longer
    ] {
        let mut incoming = Incoming::new();
        feed(&mut incoming, A, &[1, 0, 12, 0, 0, 0]);
        assert!(incoming.on_piece(NOW, A, second, PAUSE).is_err(), "{second:?}");
        assert_eq!((incoming.held_bytes(), incoming.discarded()), (0, 1));
    }
    let mut incoming = Incoming::new();
    feed(&mut incoming, A, &[1, 2, 12, 0, 0, 0]);
    assert!(incoming.on_piece(NOW, A, &[1, 0, 12, 0, 0], PAUSE).is_err());
    // Of different neighbours they do not meet.
    let (one, two) = (message(300), message(301));
    let (from_a, from_b) = (pieces(&mut outgoing(1, &one, 0)), pieces(&mut outgoing(1, &two, 0)));
    feed(&mut incoming, A, &from_a[0]);
    feed(&mut incoming, B, &from_b[0]);
    assert_eq!(feed(&mut incoming, A, &from_a[1]), Progress::Whole(one));
    assert_eq!(feed(&mut incoming, B, &from_b[1]), Progress::Whole(two));
}

#[test]
fn cmp_34_the_receiver_asks_after_the_last_piece_for_what_is_missing() {
    let message = message(4_096);
    let mut outgoing = outgoing(7, &message, 0);
    let all = pieces(&mut outgoing);
    let mut incoming = Incoming::new();
    for (index, body) in all.iter().enumerate() {
        assert!(asked(&mut incoming, NOW).is_none(), "not while pieces come");
        if ![3, 5, 12].contains(&index) {
            feed(&mut incoming, A, body);
        }
    }
    let (neighbour, repair) = asked(&mut incoming, NOW).expect("the last one is here");
    assert_eq!((neighbour, &repair[..]), (A, &[7, 3, 0b10, 0b1][..]));
    assert!(asked(&mut incoming, NOW).is_none());
    outgoing.on_repair(NOW, &repair).expect("well-formed");
    let again = pieces(&mut outgoing);
    assert_eq!(again, [all[3].clone(), all[5].clone(), all[12].clone()], "only those");
    feed(&mut incoming, A, &again[1]);
    assert!(asked(&mut incoming, NOW).is_none(), "more is to come");
    feed(&mut incoming, A, &again[2]);
    let (_, repair) = asked(&mut incoming, NOW).expect("the last of those is here");
    assert_eq!(repair, [7, 3]);
    outgoing.on_repair(NOW, &repair).expect("well-formed");
    let again = pieces(&mut outgoing);
    assert_eq!(feed(&mut incoming, A, &again[0]), Progress::Whole(message));
    assert_eq!(outgoing.counts(), (17 + 4, 4));
    assert_eq!(outgoing.verdict(), Verdict::UnderWay);
    let (_, repair) = asked(&mut incoming, NOW).expect("all is here");
    assert_eq!(repair, [7]);
    outgoing.on_repair(NOW, &repair).expect("well-formed");
    assert_eq!(outgoing.verdict(), Verdict::Delivered);
    assert_eq!((outgoing.poll_timeout(), incoming.poll_timeout()), (None, None));
}

#[test]
fn cmp_34_the_receiver_asks_after_a_pause() {
    let all = pieces(&mut outgoing(7, &message(1_000), 0));
    let mut incoming = Incoming::new();
    feed(&mut incoming, A, &all[0]);
    let due = NOW + PAUSE;
    assert_eq!(incoming.poll_timeout(), Some(due));
    assert!(asked(&mut incoming, due - Duration::from_millis(1)).is_none());
    assert_eq!(asked(&mut incoming, due), Some((A, vec![7, 1, 0b111])));
    assert_eq!(incoming.poll_timeout(), Some(due + PAUSE * 4), "longer each time");
}

#[test]
fn cmp_35_a_lost_answer_is_asked_for_with_an_empty_piece() {
    let message = message(600);
    let mut outgoing = outgoing(4, &message, 0);
    let all = pieces(&mut outgoing);
    let mut incoming = Incoming::new();
    all.iter().for_each(|body| drop(feed(&mut incoming, A, body)));
    assert!(asked(&mut incoming, NOW).is_some(), "this one gets lost");
    let due = outgoing.poll_timeout().expect("waits");
    outgoing.handle_timeout(due - Duration::from_millis(1));
    assert!(!outgoing.is_ready());
    outgoing.handle_timeout(due);
    let probe = pieces(&mut outgoing);
    assert_eq!(probe, [vec![4, 2, 12]]);
    assert_eq!(feed(&mut incoming, A, &probe[0]), Progress::Repeated);
    assert_eq!(asked(&mut incoming, due), Some((A, vec![4])));
    // When everything was lost the empty piece brings the question for everything.
    let mut incoming = Incoming::new();
    assert_eq!(feed(&mut incoming, B, &probe[0]), Progress::Kept);
    assert_eq!(asked(&mut incoming, NOW), Some((B, vec![4, 0, 0b11])));
}

#[test]
fn cmp_36_both_sides_give_up() {
    let mut outgoing = outgoing(4, &message(600), 0);
    let all = pieces(&mut outgoing);
    let mut now = NOW;
    let mut probes = 0;
    while let Some(due) = outgoing.poll_timeout() {
        now = due;
        outgoing.handle_timeout(now);
        let mut body = Vec::new();
        probes += u32::from(outgoing.poll(now, &mut body));
    }
    assert_eq!((probes, outgoing.verdict()), (COMPACT_PROBES_MAX, Verdict::GivenUp));
    assert!(now < NOW + PAUSE * 256);
    let mut incoming = Incoming::new();
    feed(&mut incoming, A, &all[0]);
    let mut asks = 0;
    while let Some(due) = incoming.poll_timeout() {
        incoming.handle_timeout(due);
        asks += u32::from(asked(&mut incoming, due).is_some());
        assert!(asks < 100);
    }
    assert_eq!((asks, incoming.held_bytes(), incoming.discarded()), (COMPACT_ASKS_MAX, 0, 1));
}

#[test]
fn cmp_36_who_asks_for_ever_is_left() {
    let mut endless = outgoing(4, &message(2_000), 0);
    let all = pieces(&mut endless).len();
    let mut sent = 0;
    for _ in 0..1_000 {
        endless.on_repair(NOW, &[4, 0, 0xff]).expect("well-formed");
        sent += pieces(&mut endless).len();
    }
    assert_eq!(endless.verdict(), Verdict::GivenUp);
    assert!(sent <= 4 * all + all, "{sent}");
    // A neighbour that repeats its last piece is not answered each time.
    let all = pieces(&mut outgoing(4, &message(2_000), 0));
    let mut incoming = Incoming::new();
    let mut asks = 0;
    for _ in 0..1_000 {
        feed(&mut incoming, A, &all[8]);
        asks += u32::from(asked(&mut incoming, NOW).is_some());
    }
    assert_eq!(asks, 1);
}

#[test]
fn cmp_37_repairs_on_the_air() {
    let repairs: [(&[u16], &[u8]); 5] = [
        (&[], &[9]),
        (&[0], &[9, 0]),
        (&[1, 2, 9], &[9, 1, 0b1000_0001]),
        (&[5, 14], &[9, 5, 0, 1]),
        (&[300, 301], &[9, 0xac, 0x02, 1]),
    ];
    for (missing, bytes) in repairs {
        let repair = Repair { id: 9, missing: missing.iter().copied().collect() };
        let mut out = Vec::new();
        repair.write(&mut out);
        assert_eq!(out, bytes);
        assert_eq!(Repair::read(bytes), Ok(repair));
    }
    let too_long = [&[9, 0][..], &[1; 129]].concat();
    for bytes in [&[][..], &[9, 0x80], &[9, 0, 0], &[9, 1, 1, 0], &[9, 0x80, 0x08], &too_long] {
        assert!(Repair::read(bytes).is_err(), "{bytes:?}");
    }
    let mut outgoing = outgoing(9, &message(600), 0);
    pieces(&mut outgoing);
    assert!(outgoing.on_repair(NOW, &[9, 3]).is_err(), "an index beyond");
    outgoing.on_repair(NOW, &[8, 1]).expect("another message's");
    assert!(!outgoing.is_ready());
}

#[test]
fn cmp_40_memory_is_bounded() {
    let mut incoming = Incoming::new();
    for round in 0..3 {
        for id in 0..=255 {
            feed(&mut incoming, A, &[&[id, round, 0x80, 0x20][..], &[0; 66]].concat());
        }
    }
    assert!(incoming.held_bytes() < 4 * 1_000, "{}", incoming.held_bytes());
    for neighbour in 10..60 {
        for id in 0..4 {
            for index in 0..100 {
                feed(&mut incoming, neighbour, &[&[id, index, 0x80, 0x08][..], &[0; 240]].concat());
                assert!(incoming.held_bytes() <= COMPACT_PARTIAL_TOTAL_BYTES_MAX);
            }
        }
    }
    // The longest message still fits its neighbour's share, beside three others.
    let longest = message(MESSAGE_LEN_MAX);
    let mut incoming = Incoming::new();
    for id in 0..3 {
        feed(&mut incoming, A, &[&[id, 0, 8][..], &[0; 200]].concat());
    }
    let all = pieces(&mut outgoing(200, &longest, 0));
    let whole =
        all.iter().any(|body| feed(&mut incoming, A, body) == Progress::Whole(longest.clone()));
    assert!(whole);
    assert!(incoming.held_bytes() <= COMPACT_PARTIAL_BYTES_MAX);
    incoming.forget(A);
    assert_eq!(incoming.held_bytes(), 0);
}

#[test]
fn cmp_40_too_long_is_refused_early() {
    let mut incoming = Incoming::new();
    let result = incoming.on_piece(NOW, A, &[&[1, 0, 0x80, 0x20][..], &[0; 255]].concat(), PAUSE);
    assert_eq!(result, Err(Malformed::TooLong("message in pieces").into()));
    assert_eq!(incoming.held_bytes(), 0);
}

#[test]
fn cmp_41_complete_messages_are_remembered_for_a_while() {
    let mut incoming = Incoming::new();
    let short = message(300);
    for id in 0..=255_u8 {
        let all = pieces(&mut outgoing(id, &short, 0));
        all.iter().for_each(|body| drop(feed(&mut incoming, A, body)));
        assert_eq!(feed(&mut incoming, A, &all[1]), Progress::Repeated);
        assert_eq!(asked(&mut incoming, NOW), Some((A, vec![id])), "said once");
        assert!(asked(&mut incoming, NOW).is_none());
    }
    // After the round an id is free again.
    let all = pieces(&mut outgoing(255 - COMPACT_DONE_MAX as u8, &short, 0));
    assert_eq!(feed(&mut incoming, A, &all[0]), Progress::Kept);
    assert_eq!(feed(&mut incoming, A, &all[1]), Progress::Whole(short));
}

#[test]
fn cmp_42_noise_is_bounded_and_an_honest_message_passes() {
    let mut rng = NodeRng::from_seed([42; 32]);
    let mut incoming = Incoming::new();
    for _ in 0..20_000 {
        let mut body = vec![0; rng.below(40) as usize];
        rng.fill(&mut body);
        body.iter_mut().take(3).for_each(|byte| *byte &= 0x0f);
        let _ = incoming.on_piece(NOW, A, &body, PAUSE);
        assert!(incoming.held_bytes() <= COMPACT_PARTIAL_BYTES_MAX);
        if let Some((_, repair)) = asked(&mut incoming, NOW) {
            Repair::read(&repair).expect("ours are well-formed");
        }
    }
    let message = message(900);
    let mut sender = outgoing(77, &message, 1);
    let whole = pieces(&mut sender)
        .iter()
        .map(|body| feed(&mut incoming, A, body))
        .any(|it| it == Progress::Whole(message.clone()));
    assert!(whole);
}
