//! Who is dialled when, on a clock of its own.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::{Duration, Instant},
};

use super::{
    datagram::Instance,
    limits::*,
    place::Place,
    table::{Neighbour, Refused, Table},
};

const OURS: Instance = Instance([0x80; 8]);
const VALID: Duration = Duration::from_secs(105);

fn instance(n: u32) -> Instance {
    let [a, b, c, d] = n.to_be_bytes();
    Instance([0xff, 0, 0, 0, a, b, c, d])
}

fn place(n: u32) -> Place {
    let ip = IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + n));
    Place { uri: format!("tcp://{ip}:7743"), ip: Some(ip) }
}

fn neighbour(n: u32) -> Neighbour {
    Neighbour::Announced(instance(n))
}

fn uris(table: &mut Table, now: Instant) -> Vec<String> {
    table.wanted(now, LINKS_MAX).into_iter().map(|wanted| wanted.place.uri).collect()
}

fn table() -> (Table, Instant) {
    (Table::new(OURS), Instant::now())
}

#[test]
fn dsc_20_the_lower_instance_dials_at_once() {
    let (mut table, now) = table();
    let lower = Instance([0; 8]);
    table.see(now, lower, vec![place(1)], VALID).expect("room");
    table.see(now, instance(2), vec![place(2)], VALID).expect("room");
    assert_eq!(uris(&mut table, now), ["tcp://10.0.0.2:7743"]);
    assert_eq!(table.poll_timeout(now), Some(now + DIAL_GRACE));
    let later = now + DIAL_GRACE;
    assert_eq!(uris(&mut table, later), ["tcp://10.0.0.1:7743", "tcp://10.0.0.2:7743"]);
}

#[test]
fn dsc_20_no_more_than_the_bound_are_linked() {
    let (mut table, now) = table();
    for n in 0..100 {
        table.see(now, instance(n), vec![place(n)], VALID).expect("room");
    }
    let wanted = table.wanted(now, LINKS_MAX);
    assert_eq!(wanted.len(), LINKS_MAX);
    assert_eq!(wanted[0].neighbour, neighbour(0), "in the order they were heard");
    for n in 0..3 {
        table.failed(now, neighbour(n));
    }
    let wanted = table.wanted(now, LINKS_MAX);
    assert_eq!((wanted.len(), wanted[0].neighbour), (LINKS_MAX, neighbour(3)));
}

#[test]
fn dsc_21_what_is_remembered_is_bounded() {
    let (mut table, now) = table();
    for n in 0..10_000 {
        let seen = table.see(now, instance(n), vec![place(n)], VALID);
        assert_eq!(seen.is_ok(), n < FOUND_MAX as u32);
    }
    assert_eq!(table.len(), FOUND_MAX);
    for n in 0..100 {
        table.see(now, instance(0), vec![place(1_000 + n)], VALID).expect("known");
    }
    assert_eq!(table.rows(now)[0].uris.len(), PLACES_MAX);
}

#[test]
fn dsc_21_one_address_has_a_share() {
    let (mut table, now) = table();
    let taken = (0..100).filter(|n| table.see(now, instance(*n), vec![place(7)], VALID).is_ok());
    assert_eq!(taken.count(), FOUND_PER_SOURCE_MAX);
    assert_eq!(table.see(now, instance(200), vec![place(7)], VALID), Err(Refused::Source));
    table.see(now, instance(200), vec![place(8)], VALID).expect("another address");
}

#[test]
fn dsc_21_the_unreachable_give_way() {
    let (mut table, now) = table();
    for n in 0..FOUND_MAX as u32 {
        table.see(now, instance(n), vec![place(n)], VALID).expect("room");
    }
    assert_eq!(table.see(now, instance(999), vec![place(999)], VALID), Err(Refused::Full));
    table.failed(now, neighbour(5));
    table.see(now, instance(999), vec![place(999)], VALID).expect("room was made");
    assert!(!table.rows(now).iter().any(|row| row.neighbour == neighbour(5)));
}

#[test]
fn dsc_22_strangers_are_left_alone() {
    let (mut table, mut now) = table();
    let long = Duration::from_secs(1_000_000);
    table.see(now, instance(1), vec![place(1), place(2)], long).expect("room");
    table.failed(now, neighbour(1));
    assert_eq!(uris(&mut table, now), ["tcp://10.0.0.2:7743"], "the other place is tried");
    table.failed(now, neighbour(1));
    let mut hold = HOLD_MIN;
    for _ in 0..8 {
        assert!(uris(&mut table, now).is_empty());
        assert!(uris(&mut table, now + hold - Duration::from_millis(1)).is_empty());
        now += hold;
        assert_eq!(uris(&mut table, now).len(), 1);
        table.failed(now, neighbour(1));
        table.failed(now, neighbour(1));
        hold = (hold * 2).min(HOLD_MAX);
    }
    // Announcing itself again and again helps a stranger nothing.
    table.see(now, instance(1), vec![place(1)], long).expect("known");
    assert!(uris(&mut table, now).is_empty());
}

#[test]
fn dsc_22_a_known_neighbour_is_tried_again_soon() {
    let (mut table, now) = table();
    table.see(now, instance(1), vec![place(1)], VALID).expect("room");
    table.reached(neighbour(1));
    table.failed(now, neighbour(1));
    assert!(uris(&mut table, now).is_empty());
    assert_eq!(uris(&mut table, now + HOLD_KNOWN).len(), 1);
    table.failed(now, neighbour(1));
    table.network_changed(now, OURS);
    assert_eq!(uris(&mut table, now + DIAL_GRACE).len(), 1, "another network, another chance");
}

#[test]
fn dsc_23_what_is_not_heard_is_forgotten() {
    let (mut table, now) = table();
    table.see(now, instance(1), vec![place(1)], VALID).expect("room");
    table.see(now, instance(2), vec![place(2)], VALID).expect("room");
    table.see(now + VALID / 2, instance(1), vec![place(1)], VALID).expect("known");
    assert_eq!(table.poll_timeout(now), Some(now + VALID));
    assert_eq!(uris(&mut table, now + VALID), ["tcp://10.0.0.1:7743"]);
    assert_eq!(table.len(), 1);
    table.forget(instance(1));
    assert!(table.is_empty());
    assert_eq!(table.poll_timeout(now), None);
}

#[test]
fn dsc_24_nobody_dials_itself() {
    let (mut table, now) = table();
    assert_eq!(table.see(now, OURS, vec![place(1)], VALID), Err(Refused::Own));
    assert_eq!(table.see(now, instance(1), vec![], VALID), Err(Refused::NoPlace));
    assert!(table.is_empty());
}

#[test]
fn dsc_18_the_next_node_is_tried_with_patience() {
    let (mut table, now) = table();
    let uri = "tcp://[fd00::1]:7743";
    table.set_next_node(now, Some(uri));
    assert_eq!(uris(&mut table, now), [uri]);
    let mut later = now;
    let mut hold = NEXT_NODE_HOLD_MIN;
    for _ in 0..6 {
        table.failed(later, Neighbour::NextNode);
        assert!(uris(&mut table, later + hold - Duration::from_millis(1)).is_empty());
        later += hold;
        assert_eq!(uris(&mut table, later), [uri], "it is never forgotten");
        hold = (hold * 2).min(NEXT_NODE_HOLD_MAX);
    }
    table.failed(later, Neighbour::NextNode);
    table.set_next_node(later, Some(uri));
    assert!(uris(&mut table, later).is_empty(), "configured as before: nothing changes");
    table.network_changed(later, OURS);
    assert_eq!(uris(&mut table, later + DIAL_GRACE), [uri]);
    table.set_next_node(later, None);
    assert!(table.is_empty());
}
