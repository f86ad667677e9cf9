//! `MLG-30` to `MLG-33`: groups whose used keys are gone.

use alloc::vec::Vec;

use super::formats::text;
use crate::{
    crypto::{Mode, kdf::Secret},
    error::PeerMisbehaved,
    lite::group::{ForwardGroup, LiteObject},
};

const ANNA: [u8; 32] = [1; 32];
const BERT: [u8; 32] = [2; 32];

fn group(own: [u8; 32]) -> ForwardGroup {
    let secret = Secret::new([7; 32]);
    ForwardGroup::new([1, 2], &secret, 3, own, &[ANNA, BERT]).expect("a member")
}

fn say(group: &mut ForwardGroup, payload: &[u8]) -> LiteObject {
    if group.needs_reserve() {
        group.reserve();
    }
    group.seal(text(0, payload), 64).expect("reserved")
}

#[test]
fn mlg_30_messages_open_once_in_any_order() {
    let (mut anna, mut bert) = (group(ANNA), group(BERT));
    assert!(anna.seal(text(0, b"x"), 64).is_none(), "nothing reserved");
    let said: Vec<_> = (0..100u8).map(|n| say(&mut anna, &[n])).collect();
    for number in (0..100).rev() {
        let (sender, text) = bert.open(Mode::Real, &said[number]).expect("honest");
        assert_eq!((sender, usize::from(text.payload[0])), (ANNA, number));
        let again = bert.open(Mode::Real, &said[number]);
        assert_eq!(again, Err(PeerMisbehaved::Replayed.into()));
    }
    assert!(anna.open(Mode::Real, &say(&mut bert, b"back")).is_ok());
}

#[test]
fn mlg_31_used_keys_are_gone() {
    let (mut anna, mut bert) = (group(ANNA), group(BERT));
    let first = say(&mut anna, b"first");
    bert.open(Mode::Real, &first).expect("honest");
    // Whoever takes a node later reads nothing of before: neither sender nor recipient can.
    for row in [anna.write(), bert.write()] {
        let mut taken = ForwardGroup::read(&row).expect("our own row");
        taken.own_is(BERT);
        assert!(taken.open(Mode::Real, &first).is_err());
    }
    let late = say(&mut anna, b"late");
    for _ in 0..129 {
        let next = say(&mut anna, b"more");
        bert.open(Mode::Real, &next).expect("honest");
    }
    let beyond = bert.open(Mode::Real, &late);
    assert_eq!(beyond, Err(PeerMisbehaved::Replayed.into()), "behind the window");
}

#[test]
fn mlg_32_counters_are_reserved_before_use() {
    let mut anna = group(ANNA);
    let row = anna.reserve();
    let counters: Vec<_> = (0..64)
        .map(|_| anna.seal(text(0, b"x"), 64).expect("reserved").voice().expect("a message").1)
        .collect();
    assert_eq!(counters, (1..65).collect::<Vec<_>>());
    assert!(anna.seal(text(0, b"x"), 64).is_none());
    let mut again = ForwardGroup::read(&row).expect("our own row");
    assert!(again.needs_reserve());
    assert_eq!(say(&mut again, b"x").voice().expect("a message").1, 65);
}

#[test]
fn mlg_33_rows_are_strict() {
    let mut bert = group(BERT);
    bert.open(Mode::Real, &say(&mut group(ANNA), b"x")).expect("honest");
    let row = bert.write();
    assert_eq!(ForwardGroup::read(&row).expect("our own row").write(), row);
    for len in 0..row.len() {
        assert!(ForwardGroup::read(&row[..len]).is_err(), "{len}");
    }
    let secret = Secret::new([7; 32]);
    assert!(ForwardGroup::new([1, 2], &secret, 3, [9; 32], &[ANNA]).is_none(), "no member");
}
