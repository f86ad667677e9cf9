//! Several at once: once for all, shares, contention, ways across.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Address, Air, LinkId, LinkUp, MeshIdentity, NodeRng};
use crate::{
    envelope::{Class, Header, Priority},
    link::{LinkCaps, Medium},
    wire::frame::{self, FrameKind},
};

fn count(air: &Air, from: usize, kinds: &[u8]) -> usize {
    air.trace.iter().filter(|(_, who, bytes)| *who == from && kinds.contains(&bytes[0])).count()
}

#[test]
fn rad_14_an_announce_is_on_the_air_once_for_all() {
    let mut air = Air::crowd(6);
    air.run(Duration::from_secs(600));
    for station in 0..6 {
        assert_eq!(air.stations[station].links.len(), 5);
        // Updates of eight bytes have the same kind.
        let full = |bytes: &[u8]| matches!(bytes[0], 0x38 | 0x08) && bytes.len() > 100;
        let said = air.trace.iter().filter(|(_, who, bytes)| *who == station && full(bytes));
        let said = said.count();
        assert!((1..=3).contains(&said), "{said} announces to five neighbours");
    }
}

#[test]
fn rad_19_ways_are_told_before_anybody_asks() {
    let mut air = Air::new(3);
    air.join(0, 1);
    air.join(1, 2);
    air.run(Duration::from_secs(1_800));
    let asked = |air: &Air| (0..3).map(|at| count(air, at, &[0x3b, 0x0b])).sum::<usize>();
    let before = asked(&air);
    air.send(0, 2, b"over the hill");
    air.run(Duration::from_secs(300));
    assert_eq!(air.shown(2).len(), 1);
    assert_eq!(asked(&air), before, "the way was known");
}

#[test]
fn rad_16_neighbours_do_not_speak_at_once() {
    let mut air = Air::crowd(6);
    air.run(Duration::from_secs(600));
    let (sent, spoilt) = (air.trace.len(), air.collisions);
    for round in 0..4 {
        for from in 0..6 {
            air.send(from, (from + 1 + round) % 6, &[7; 20]);
        }
        air.run(Duration::from_secs(120));
    }
    air.run(Duration::from_secs(900));
    let shown: usize = (0..6).map(|at| air.shown(at).len()).sum();
    assert_eq!(shown, 24);
    let (sent, spoilt) = (air.trace.len() - sent, air.collisions - spoilt);
    assert!(spoilt * 4 <= sent * 5, "{spoilt} of {sent} payloads to five listeners each");
}

/// Four by three, each hears its neighbours up, down, left and right.
fn grid() -> Air {
    let mut air = Air::new(12);
    for at in 0..12 {
        if at % 4 != 3 {
            air.join(at, at + 1);
        }
        if at < 8 {
            air.join(at, at + 4);
        }
    }
    air
}

#[test]
fn rt_53_a_message_crosses_a_grid() {
    let mut air = grid();
    air.run(Duration::from_secs(600));
    let id = air.send(0, 11, b"across");
    air.run(Duration::from_secs(600));
    assert_eq!(air.shown(11), [b"across"]);
    assert!(air.received(0, id));
    let before = air.trace.len();
    let again = air.send(0, 11, &[9; 50]);
    air.run(Duration::from_secs(120));
    assert!(air.received(0, again));
    // Five hops there, five back, and what got lost; who meets, and what ways there are, is told beside
    // it.
    let of_message = |kind: u8| kind < 0x08 || kind == 0x22;
    let spent = air.trace[before..].iter().filter(|(.., bytes)| of_message(bytes[0])).count();
    assert!(spent <= 16, "{spent} payloads");
}

fn flood_frame(rng: &mut NodeRng, dest: Address, len: usize) -> Vec<u8> {
    let header = Header {
        class: Class::Session,
        hops_left: 60,
        age_ms: 0,
        hops_max: 64,
        priority: Priority::Urgent,
        durable: false,
        lifetime_s: 3_600,
        dest,
        lock: rng.array(),
    };
    let mut bytes = Vec::new();
    frame::begin(&mut bytes, FrameKind::ENVELOPE);
    header.write(&mut bytes);
    let noise = rng.array::<64>();
    bytes.extend(noise.iter().cycle().take(len));
    bytes
}

/// Three in a row; a fast neighbour of the middle one sends `rate` urgent frames a second, of the
/// lengths given in turn, to both ends. How many of the messages that the ends and the middle wrote
/// meanwhile have their receipts.
fn flooded(rate: usize, lens: &[usize]) -> (usize, usize) {
    let mut air = Air::line(3);
    air.run(Duration::from_secs(300));
    for (from, to) in [(0, 2), (1, 2)] {
        air.send(from, to, b"first");
        air.run(Duration::from_secs(200));
    }
    let mut rng = NodeRng::from_seed([0x77; 32]);
    let peer = MeshIdentity::generate(&mut rng, false).public();
    let caps = LinkCaps {
        medium: Medium::Memory,
        mtu: 16_384,
        bitrate_bps: 100_000_000,
        reliable: true,
        shared: false,
    };
    let link = LinkId(1_000);
    let now = air.now;
    air.stations[1].node.handle_link_up(now, LinkUp { link, caps, peer });
    let dests = [air.stations[0].address(), air.stations[2].address()];
    let mut ids = Vec::new();
    for second in 0..300_u32 {
        for n in 0..rate {
            let frame = flood_frame(&mut rng, dests[n % 2], lens[n % lens.len()]);
            let now = air.now;
            air.stations[1].node.handle_frame(now, link, &frame);
        }
        if second.is_multiple_of(15) {
            let from = second as usize / 15 % 2;
            ids.push((from, air.send(from, 2, &[second as u8; 50])));
        }
        air.run(Duration::from_secs(1));
    }
    air.run(Duration::from_secs(60));
    let received = ids.iter().filter(|(from, id)| air.received(*from, *id)).count();
    (received, ids.len())
}

#[test]
fn rad_13_a_flood_takes_its_share() {
    for (rate, lens) in [(10, [100; 3]), (100, [100; 3]), (100, [100, 1_000, 8_000])] {
        let (received, sent) = flooded(rate, &lens);
        assert!(received * 100 >= sent * 95, "{rate} a second: {received} of {sent}");
    }
}
