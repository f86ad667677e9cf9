//! Hellos, keys, ups and downs.

use alloc::vec::Vec;
use core::time::Duration;

use super::{Air, MeshIdentity, NodeRng, RadioConfig, RadioPort, Signal, Station, sf8};
use crate::{
    limits::RADIO_STRANGERS_MAX,
    radio::wire::{Hello, KeyEntry, PAYLOAD_LEN_MAX, read_keys, write_keys},
};

#[test]
fn rad_04_two_ports_meet() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(60));
    for station in &air.stations {
        assert_eq!((station.ups, station.downs, station.links.len()), (1, 0, 1));
    }
    let peer = air.stations[0].port.neighbours().next().map(|view| view.peer);
    assert_eq!(peer, Some(air.stations[1].identity.public()));
}

#[test]
fn rad_04_a_crowd_meets_and_then_says_nothing() {
    let mut air = Air::crowd(8);
    air.run(Duration::from_secs(600));
    for station in &air.stations {
        assert_eq!(station.links.len(), 7, "{:?}", station.port.counters());
    }
    // What is told to newcomers, and then each once in twenty minutes what its ways cost.
    air.run(Duration::from_secs(1_800));
    let met = air.trace.len();
    air.run(Duration::from_secs(1_800));
    assert!(air.trace.len() - met <= 40, "{} payloads in half an hour", air.trace.len() - met);
}

#[test]
fn rad_05_a_restart_is_a_new_neighbour_and_old_payloads_are_refused() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(120));
    air.send(0, 1, b"before");
    air.run(Duration::from_secs(120));
    let old: Vec<Vec<u8>> =
        air.trace.iter().filter(|(_, who, _)| *who == 0).map(|(.., b)| b.clone()).collect();
    air.restart(1);
    air.run(Duration::from_secs(300));
    let fresh = &air.stations[1];
    assert_eq!((fresh.ups, fresh.links.len()), (1, 1));
    assert_eq!((air.stations[0].ups, air.stations[0].downs), (2, 1));
    let (now, signal) = (air.now, Signal::default());
    for payload in &old {
        air.stations[1].port.handle_heard(now, payload, signal);
    }
    air.stations[1].settle(now);
    // The recorded hello is our neighbour's, the rest is under keys that are gone.
    assert_eq!((air.stations[1].ups, air.stations[1].links.len()), (1, 1));
    assert!(air.shown(1).is_empty());
}

#[test]
fn rad_08_recordings_are_not_delivered_again() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(120));
    air.send(0, 1, b"once");
    air.run(Duration::from_secs(120));
    let said: Vec<Vec<u8>> =
        air.trace.iter().filter(|(_, who, _)| *who == 0).map(|(.., b)| b.clone()).collect();
    air.run(Duration::from_secs(3_000));
    let (now, frames) = (air.now, air.stations[1].frames);
    for payload in &said {
        air.stations[1].port.handle_heard(now, payload, Signal::default());
        air.stations[1].settle(now);
    }
    // Only what is as good the second time, an envelope and a receipt, passes.
    assert!(air.stations[1].frames - frames <= 2, "{}", air.stations[1].frames - frames);
    assert_eq!(air.shown(1).len(), 1);
}

#[test]
fn rad_18_flipped_and_cut_payloads_are_counted_and_change_nothing() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(120));
    air.send(0, 1, b"once");
    air.run(Duration::from_secs(120));
    let said: Vec<Vec<u8>> =
        air.trace.iter().filter(|(_, who, _)| *who == 0).map(|(.., b)| b.clone()).collect();
    let now = air.now;
    let (frames, before) = (air.stations[1].frames, air.stations[1].port.neighbours.len());
    for payload in &said {
        for at in 0..payload.len() {
            let mut flipped = payload.clone();
            flipped[at] ^= 1 << (at % 8);
            air.stations[1].port.handle_heard(now, &flipped, Signal::default());
            air.stations[1].port.handle_heard(now, &payload[..at], Signal::default());
        }
    }
    air.stations[1].settle(now);
    assert_eq!(air.stations[1].frames, frames);
    assert_eq!(air.stations[1].port.neighbours.len(), before);
    assert_eq!((air.stations[1].ups, air.stations[1].downs), (1, 0));
}

#[test]
fn rad_18_strangers_are_bounded_and_cost_little_air() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(120));
    let before = air.trace.len();
    for seed in 0..200 {
        let mut stranger = Station::new(air.now, 100, seed);
        stranger.port = RadioPort::new(
            air.now,
            RadioConfig::new(sf8()),
            &MeshIdentity::generate(&mut NodeRng::from_seed([seed; 32]), false),
            [seed; 32],
        );
        let later = air.now + Duration::from_secs(60);
        let hello = stranger.port.take_hello(later).expect("due by then");
        let now = air.now;
        air.stations[0].port.handle_heard(now, &hello, Signal::default());
        air.run(Duration::from_secs(1));
    }
    assert!(air.stations[0].port.neighbours.len() <= 1 + RADIO_STRANGERS_MAX);
    assert!(air.stations[0].links.len() == 1);
    let air_time: u64 = air.trace[before..]
        .iter()
        .map(|(.., b)| air.stations[0].port.config().air(b.len()).as_millis() as u64)
        .sum();
    assert!(air_time < 40_000, "{air_time} ms of 200 s");
    assert!(air.stations[0].links.len() == 1, "the neighbour is kept");
}

#[test]
fn rad_09_who_is_gone_goes_down_and_comes_back_without_a_hello() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(120));
    air.send(0, 1, b"first");
    air.run(Duration::from_secs(120));
    air.hears.clear();
    air.send(0, 1, b"into the dark");
    air.run(Duration::from_secs(7_200));
    assert_eq!(air.stations[0].downs, 1, "{:?}", air.stations[0].port.counters());
    air.join(0, 1);
    air.send(1, 0, b"here again");
    air.run(Duration::from_secs(900));
    assert_eq!(air.stations[0].links.len(), 1);
    assert_eq!(air.shown(1).len(), 2);
}

#[test]
fn rad_02_layouts() {
    let hello = Hello {
        node_key: [1; 32],
        x25519: [2; 32],
        boot: 0x0403_0201,
        heard: Vec::from([0xaa, 0xbb]),
        signature: [3; 64],
    };
    let bytes = hello.write();
    assert_eq!(bytes.len(), 136);
    assert_eq!(bytes[..2], [0x20, 1]);
    assert_eq!(bytes[65..72], [1, 2, 3, 4, 2, 0xaa, 0xbb]);
    assert_eq!(Hello::read(&bytes), Ok(hello));
    let entry =
        KeyEntry { to: 7, has_yours: true, asks: true, wrapped: [5; 12], tag: [6, 7, 8, 9] };
    let keys = write_keys(4, &[entry, entry]);
    assert_eq!(keys[..5], [0x21, 4, 7, 3, 5]);
    assert_eq!((keys.len(), keys[16..20].to_vec()), (38, Vec::from([6, 7, 8, 9])));
    assert_eq!(read_keys(&keys), Ok((4, Vec::from([entry, entry]))));
    const { assert!(2 + KeyEntry::MAX * KeyEntry::LEN <= PAYLOAD_LEN_MAX) };
    for len in 0..bytes.len() {
        assert!(Hello::read(&bytes[..len]).is_err());
    }
    for len in (0..keys.len()).filter(|len| *len != 20) {
        assert!(read_keys(&keys[..len]).is_err(), "{len}");
    }
}

/// Sixteen nodes and a few hints that are the same: nobody is mistaken for another.
#[test]
fn rad_03_equal_hints_are_told_apart_by_their_tags() {
    let mut air = Air::crowd(2);
    air.run(Duration::from_secs(60));
    // A stranger of the same hint as station 1, found by trying.
    let hint = air.stations[1].port.me.hint();
    let twin = (0..=u8::MAX)
        .flat_map(|boots| (50..60).map(move |seed| (seed, boots)))
        .map(|(seed, boots)| Station::new(air.now, seed, boots))
        .find(|station| station.port.me.hint() == hint)
        .expect("one in 256");
    air.stations.push(twin);
    air.join(0, 2);
    air.run(Duration::from_secs(300));
    let there = [air.send(0, 1, b"one"), air.send(0, 2, b"two")];
    air.run(Duration::from_secs(600));
    assert!(there.iter().all(|id| air.received(0, *id)));
    assert_eq!((air.shown(1).len(), air.shown(2).len()), (1, 1));
}
