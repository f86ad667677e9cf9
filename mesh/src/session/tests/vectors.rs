//! Our own vectors, for other implementations and against drift: `specs/vectors/objects.json`.
//! `QPC_WRITE_VECTORS=1` rewrites the file; a change of it is a change of the protocol.

use std::{format, string::String, vec::Vec};

use super::ends::{End, PARAMS, Rows};
use crate::{
    announce::{MeshAnnounce, Validity},
    bundle::{Bundle, MailboxHint},
    crypto::Mode,
    identity::{Capabilities, Suite},
    record::Table,
    session::SealParams,
};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Rows of a kind, the clock's and the seeds' rows aside.
fn row(disk: &Rows, table: Table, kind: Option<u8>) -> String {
    let found = disk.iter().find(|((known, key), _)| {
        *known == table && key.len() > 1 && kind.is_none_or(|kind| key[0] == kind)
    });
    let ((_, key), value) = found.expect("such a row");
    format!("{} {}", hex(key), hex(value))
}

/// Named objects made by two ends with known seeds.
fn objects() -> Vec<(&'static str, String)> {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let seeds = [alice.identity.node_seed(), alice.identity.root_seed().expect("a root key")];
    let announce = MeshAnnounce::signed(
        Mode::Real,
        &alice.identity,
        5,
        Capabilities::RELAY.with(Capabilities::STORE),
        Validity::from_code(11).expect("in range"),
        3,
    );
    let mut announced = Vec::new();
    announce.write(&mut announced);
    let hint = MailboxHint { node: bob.identity.address(), label: [0x1a; 16], pow_bits: 4 };
    let bundle = alice.prekeys.bundle(&alice.identity, 3, Some(hint));
    Bundle::parse_verified(Mode::Real, &bundle).expect("our own");

    let contact = alice.initiate(&bob, b"hello");
    let weak = End::new(3).initiate_with(&bob, Suite::X25519, b"hello").expect("a contact");
    let opened = bob.open(contact.bytes()).expect("ours");
    bob.open(weak.bytes()).expect("ours");
    let message = bob.seal(&alice, b"answer");
    alice.open(message.bytes()).expect("ours");
    let params = SealParams { signed: Some(7), ..PARAMS };
    let to = bob.identity.address();
    let signed = alice
        .sessions
        .seal(alice.now, &alice.identity, &to, &params, &[b"signed"])
        .expect("sealed");
    bob.open(signed.bytes()).expect("ours");
    bob.sessions.keep(&alice.identity.address());
    bob.commit();
    std::vec![
        ("node_seed", hex(&*seeds[0])),
        ("root_seed", hex(&*seeds[1])),
        ("address", format!("{}", alice.identity.address())),
        ("announce", hex(&announced)),
        ("bundle", hex(&bundle)),
        ("recipient_prekey_row", row(&bob.disk, Table::PreKeys, None)),
        ("recipient_node_seed", hex(&*bob.identity.node_seed())),
        ("first_contact_xwing", hex(contact.bytes())),
        ("first_contact_xwing_id", format!("{}", contact.id())),
        ("first_contact_xwing_preimage", hex(&opened.preimage)),
        ("first_contact_x25519", hex(weak.bytes())),
        ("session_envelope", hex(message.bytes())),
        ("session_envelope_id", format!("{}", message.id())),
        ("signed_envelope", hex(signed.bytes())),
        ("session_row_meta", row(&bob.disk, Table::Sessions, Some(b'm'))),
        ("session_row_receiving", row(&bob.disk, Table::Sessions, Some(b'r'))),
        ("session_row_sending", row(&bob.disk, Table::Sessions, Some(b's'))),
        ("session_row_floor", row(&bob.disk, Table::Sessions, Some(b'f'))),
        ("replay_row", row(&bob.disk, Table::Replay, None)),
    ]
}

/// ENV-01, ID-09, ID-13, ID-14, SES-18: the bytes of every object and row, pinned.
#[test]
fn env_01_objects_are_pinned() {
    let mut text = String::from("{\n");
    let objects = objects();
    for (index, (name, value)) in objects.iter().enumerate() {
        let comma = if index + 1 < objects.len() { "," } else { "" };
        text += &format!(" \"{name}\": \"{value}\"{comma}\n");
    }
    text += "}\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors/objects.json");
    if std::env::var_os("QPC_WRITE_VECTORS").is_some() {
        std::fs::write(path, &text).expect("the checkout can be written");
    }
    let pinned = std::fs::read_to_string(path).expect("specs/vectors is part of the checkout");
    for (ours, pinned) in text.lines().zip(pinned.lines()) {
        assert_eq!(ours, pinned);
    }
    assert_eq!(text, pinned);
}

/// The same with simulated cryptography: every size stays the same.
#[cfg(feature = "simulation")]
#[test]
fn transparent_objects_have_the_same_sizes() {
    let (real, fake) = (sizes(Mode::Real), sizes(Mode::Transparent));
    assert_eq!(real, fake);
}

/// Lengths of a bundle, a first contact, a session and a signed envelope; damage is refused in
/// both modes.
#[cfg(feature = "simulation")]
fn sizes(mode: Mode) -> Vec<usize> {
    let (mut alice, mut bob) = (End::in_mode(1, true, mode), End::in_mode(2, true, mode));
    let bundle = alice.prekeys.bundle(&alice.identity, 1, None);
    let contact = alice.initiate(&bob, b"hello");
    let mut lengths = std::vec![bundle.len(), contact.bytes().len()];
    let flipped = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 4;
        bytes
    };
    assert!(bob.open(&flipped(contact.bytes(), 300)).is_err());
    assert!(bob.open(contact.bytes()).expect("ours").fresh);
    for signed in [None, Some(1)] {
        let params = SealParams { signed, ..PARAMS };
        let to = alice.identity.address();
        let sealed =
            bob.sessions.seal(bob.now, &bob.identity, &to, &params, &[b"text"]).expect("sealed");
        let last = sealed.bytes().len() - 1;
        assert!(alice.open(&flipped(sealed.bytes(), last)).is_err());
        assert_eq!(alice.open(sealed.bytes()).expect("ours").inner, b"text");
        lengths.push(sealed.bytes().len());
    }
    lengths
}
