//! `specs/06-fragment.md`, rule by rule.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::*;
use crate::{
    crypto::rng::NodeRng,
    error::{Error, Malformed},
    limits::{
        FRAGMENT_FRAMES_PER_LINK_MAX, FRAGMENT_LINK_BYTES_MAX, FRAGMENT_TIMEOUT,
        FRAGMENT_TOTAL_BYTES_MAX, LINK_MTU_MAX,
    },
    link::LinkId,
    time::Instant,
    wire::Writer,
};

const A: LinkId = LinkId(1);
const B: LinkId = LinkId(2);
const NOW: Instant = Instant::from_secs(100);

fn sample_frame(len: usize) -> Vec<u8> {
    let mut frame: Vec<u8> = (0..len).map(|i| ((i * 31) >> 3) as u8).collect();
    if len >= 2 {
        frame[0] = 1;
        frame[1] = 0x20;
    }
    frame
}

/// The bodies of all fragment frames of `frame`.
fn cut(id: u32, frame: &[u8], mtu: u32) -> Vec<Vec<u8>> {
    let mut fragmenter = Fragmenter::new(id, frame.to_vec(), mtu);
    let mut bodies = Vec::new();
    loop {
        let mut buf = Vec::new();
        if !fragmenter.poll(&mut buf) {
            assert!(fragmenter.is_done() && buf.is_empty());
            return bodies;
        }
        assert!(buf.len() <= mtu as usize, "{} > {mtu}", buf.len());
        assert_eq!(buf[..2], [1, 0x21]);
        bodies.push(buf.split_off(2));
    }
}

fn body(id: u64, index: u64, count: u64, piece: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    let mut w = Writer::new(&mut body);
    w.varint(id);
    w.varint(index);
    w.varint(count);
    w.bytes(piece);
    body
}

fn feed(reassembler: &mut Reassembler, link: LinkId, body: &[u8]) -> Option<Vec<u8>> {
    reassembler.on_fragment(NOW, link, body).expect("well-formed")
}

#[test]
fn frag_01_cuts_into_as_few_pieces_as_fit() {
    for mtu in [LINK_MTU_MIN, 255, 1_500, LINK_MTU_MAX] {
        let room = mtu as usize - FRAGMENT_HEADER_LEN_MAX;
        for len in [mtu as usize + 1, 3 * room - 1, 3 * room, 3 * room + 1, FRAME_LEN_MAX] {
            let frame = sample_frame(len);
            assert!(Fragmenter::is_needed(len, mtu) || len <= mtu as usize);
            assert_eq!(cut(u32::MAX, &frame, mtu).len(), len.div_ceil(room), "{mtu} {len}");
        }
        assert!(!Fragmenter::is_needed(mtu as usize, mtu));
    }
}

#[test]
fn frag_02_pieces_are_equal_but_the_last() {
    let bodies = cut(7, &sample_frame(1_000), 192);
    let lens: Vec<usize> = bodies.iter().map(|body| body.len() - 3).collect();
    assert!(lens.windows(2).rev().skip(1).all(|pair| pair[0] == pair[1]));
    assert!(lens.last() <= lens.first());
    assert_eq!(lens.iter().sum::<usize>(), 1_000);
}

#[test]
fn frag_03_counts_and_indexes_out_of_range() {
    let mut reassembler = Reassembler::new();
    for (id, index, count, piece) in [
        (0, 0, 0, &[1][..]),
        (0, 0, 1, &[1]),
        (0, 2, 2, &[1]),
        (0, 0, u64::from(FRAGMENT_COUNT_MAX) + 1, &[1]),
        (0, 0, 1 << 16, &[1]),
        (0, 1 << 16, 3, &[1]),
        (1 << 32, 0, 2, &[1]),
        (0, 0, 2, &[]),
    ] {
        let result = reassembler.on_fragment(NOW, A, &body(id, index, count, piece));
        assert!(matches!(result, Err(Error::Malformed(_))), "{id} {index} {count}");
    }
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn frag_03_truncated_at_every_length() {
    let whole = body(300, 200, 300, &[9]);
    for len in 0..whole.len() {
        let result = Reassembler::new().on_fragment(NOW, A, &whole[..len]);
        assert!(matches!(result, Err(Error::Malformed(_))), "{len}");
    }
}

#[test]
fn frag_04_layout_snapshot() {
    let bodies = cut(300, &sample_frame(200), 192);
    assert_eq!(bodies.len(), 2);
    assert_eq!(bodies[0][..6], [0xac, 0x02, 0x00, 0x02, 0x01, 0x20]);
    assert_eq!(bodies[1][..4], [0xac, 0x02, 0x01, 0x02]);
    assert_eq!((bodies[0].len(), bodies[1].len()), (104, 104));
}

#[test]
fn frag_04_any_order_gives_the_same_bytes() {
    let mut rng = NodeRng::from_seed([4; 32]);
    for len in [193, 1_000, 50_000, FRAME_LEN_MAX] {
        let frame = sample_frame(len);
        let mut bodies = cut(9, &frame, 192);
        for i in (1..bodies.len()).rev() {
            bodies.swap(i, rng.below(i as u64 + 1) as usize);
        }
        let mut reassembler = Reassembler::new();
        let last = bodies.pop().expect("several pieces");
        for body in &bodies {
            assert_eq!(feed(&mut reassembler, A, body), None);
        }
        assert_eq!(feed(&mut reassembler, A, &last), Some(frame));
        assert_eq!(reassembler.held_bytes(), 0);
    }
}

#[test]
fn frag_05_duplicates_are_ignored() {
    let frame = sample_frame(500);
    let bodies = cut(1, &frame, 192);
    let mut reassembler = Reassembler::new();
    assert_eq!(feed(&mut reassembler, A, &bodies[0]), None);
    let held = reassembler.held_bytes();
    assert_eq!(feed(&mut reassembler, A, &bodies[0]), None);
    assert_eq!(reassembler.held_bytes(), held);
    assert_eq!(feed(&mut reassembler, A, &bodies[2]), None);
    assert_eq!(feed(&mut reassembler, A, &bodies[1]), Some(frame));
}

#[test]
fn frag_05_contradictions_discard_the_frame() {
    for second in [
        body(1, 1, 4, &[0; 10]), // another count
        body(1, 0, 3, &[1; 10]), // other bytes
        body(1, 1, 3, &[0; 9]),  // another length
        body(1, 2, 3, &[0; 11]), // a last piece that is longer
    ] {
        let mut reassembler = Reassembler::new();
        feed(&mut reassembler, A, &body(1, 0, 3, &[0; 10]));
        let result = reassembler.on_fragment(NOW, A, &second);
        assert!(matches!(result, Err(Error::Malformed(_))), "{second:?}");
        assert_eq!(reassembler.held_bytes(), 0);
    }
    // The last piece first, then a shorter one.
    let mut reassembler = Reassembler::new();
    feed(&mut reassembler, A, &body(1, 2, 3, &[0; 11]));
    assert!(reassembler.on_fragment(NOW, A, &body(1, 0, 3, &[0; 10])).is_err());
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn frag_06_links_do_not_mix() {
    let (one, two) = (sample_frame(300), vec![0x77; 300]);
    let (from_a, from_b) = (cut(5, &one, 192), cut(5, &two, 192));
    let mut reassembler = Reassembler::new();
    assert_eq!(feed(&mut reassembler, A, &from_a[0]), None);
    assert_eq!(feed(&mut reassembler, B, &from_b[1]), None);
    reassembler.on_link_down(LinkId(3));
    assert_eq!(feed(&mut reassembler, B, &from_b[0]), Some(two));
    assert_eq!(feed(&mut reassembler, A, &from_a[1]), Some(one));
}

#[test]
fn frag_07_too_long_is_refused_early() {
    let mut reassembler = Reassembler::new();
    let piece = vec![0; FRAME_LEN_MAX / 2];
    let result = reassembler.on_fragment(NOW, A, &body(1, 0, 4, &piece));
    assert_eq!(result, Err(Malformed::TooLong("fragmented frame").into()));
    let piece = vec![0; FRAME_LEN_MAX];
    let result = reassembler.on_fragment(NOW, A, &body(1, 1, 2, &piece));
    assert_eq!(result, Err(Malformed::TooLong("fragment piece").into()));
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn frag_07_no_fragments_of_fragments() {
    let mut nested = sample_frame(200);
    nested[1] = 0x21;
    let bodies = cut(1, &nested, 192);
    let mut reassembler = Reassembler::new();
    feed(&mut reassembler, A, &bodies[0]);
    let result = reassembler.on_fragment(NOW, A, &bodies[1]);
    assert!(matches!(result, Err(Error::Malformed(_))));
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn frag_08_memory_is_bounded_per_link() {
    let mut reassembler = Reassembler::new();
    for id in 0..10_000 {
        feed(&mut reassembler, A, &body(id, 0, 2, &[0; 100]));
    }
    assert!(reassembler.held_bytes() < FRAGMENT_FRAMES_PER_LINK_MAX * 1_000);
    let piece = vec![0; 200_000];
    for id in 0..100 {
        feed(&mut reassembler, A, &body(id, 0, 2, &piece));
        assert!(reassembler.held_bytes() <= FRAGMENT_LINK_BYTES_MAX);
    }
    // The longest frame in the smallest pieces still fits the link's share.
    let frame = sample_frame(FRAME_LEN_MAX);
    let bodies = cut(77_777, &frame, LINK_MTU_MIN);
    let whole = bodies.iter().filter_map(|body| feed(&mut reassembler, A, body)).next();
    assert_eq!(whole, Some(frame));
}

#[test]
fn frag_08_memory_is_bounded_in_total() {
    let mut reassembler = Reassembler::new();
    feed(&mut reassembler, B, &body(1, 0, 2, &[0; 10]));
    let piece = vec![0; 400_000];
    for link in 10..40 {
        for id in 0..6 {
            feed(&mut reassembler, LinkId(link), &body(id, 0, 2, &piece));
            assert!(reassembler.held_bytes() <= FRAGMENT_TOTAL_BYTES_MAX);
        }
    }
    // Those who hold little are not the ones who lose.
    assert!(feed(&mut reassembler, B, &body(1, 1, 2, &[0; 10])).is_some());
}

#[test]
fn frag_09_stalled_frames_expire() {
    let mut reassembler = Reassembler::new();
    feed(&mut reassembler, A, &body(1, 0, 3, &[0; 10]));
    let later = NOW + Duration::from_secs(30);
    assert_eq!(reassembler.on_fragment(later, A, &body(1, 1, 3, &[0; 10])), Ok(None));
    reassembler.handle_timeout(NOW + FRAGMENT_TIMEOUT);
    assert!(reassembler.held_bytes() > 0, "progress was made since");
    assert_eq!(reassembler.poll_timeout(), Some(later + FRAGMENT_TIMEOUT));
    reassembler.handle_timeout(later + FRAGMENT_TIMEOUT);
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn frag_09_link_down_discards() {
    let mut reassembler = Reassembler::new();
    feed(&mut reassembler, A, &body(1, 0, 3, &[0; 10]));
    feed(&mut reassembler, B, &body(1, 0, 3, &[0; 10]));
    reassembler.on_link_down(A);
    reassembler.on_link_down(B);
    assert_eq!(reassembler.held_bytes(), 0);
}

#[test]
fn frag_10_idle_has_no_deadline() {
    let mut reassembler = Reassembler::new();
    assert_eq!(reassembler.poll_timeout(), None);
    let frame = sample_frame(300);
    let bodies = cut(5, &frame, 192);
    feed(&mut reassembler, A, &bodies[0]);
    assert!(reassembler.poll_timeout().is_some());
    feed(&mut reassembler, A, &bodies[1]);
    assert_eq!(reassembler.poll_timeout(), None);
}
