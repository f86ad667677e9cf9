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
        let said = count(&air, station, &[0x38, 0x08]);
        assert!((1..=2).contains(&said), "{said} announces to five neighbours");
    }
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
    air.run(Duration::from_secs(300));
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
    // Five hops there, five back, and what got lost.
    assert!(air.trace.len() - before <= 16, "{} payloads", air.trace.len() - before);
}

fn flood_frame(rng: &mut NodeRng, dest: Address) -> Vec<u8> {
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
    bytes.extend_from_slice(&rng.array::<100>());
    bytes
}

#[test]
fn rad_13_a_flood_takes_its_share() {
    let mut air = Air::line(3);
    air.run(Duration::from_secs(300));
    air.send(0, 2, b"first");
    air.run(Duration::from_secs(300));
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
        for n in 0..10 {
            let frame = flood_frame(&mut rng, dests[n % 2]);
            let now = air.now;
            air.stations[1].node.handle_frame(now, link, &frame);
        }
        if second.is_multiple_of(15) {
            ids.push(air.send(0, 2, &[second as u8; 50]));
        }
        air.run(Duration::from_secs(1));
    }
    air.run(Duration::from_secs(30));
    let received = ids.iter().filter(|id| air.received(0, **id)).count();
    assert!(received * 100 >= ids.len() * 95, "{received} of {}", ids.len());
}
