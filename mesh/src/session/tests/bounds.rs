use core::time::Duration;

use super::ends::{End, PARAMS, acquainted};
use crate::{
    crypto::Mode,
    identity::{MeshIdentity, Suite},
    limits::{FLOORS_MAX, REPLAY_MAX, SESSIONS_MAX, SKIPPED_KEYS_MAX},
    session::Sessions,
};

/// A stranger's first contact.
fn stranger(bob: &End, seed: u32) -> crate::session::Sealed {
    let mut node = [0xcc; 32];
    node[..4].copy_from_slice(&seed.to_le_bytes());
    let identity = MeshIdentity::from_seeds(node, None);
    let mut sessions = Sessions::new(Mode::Real, [0; 8]);
    let mut rng = crate::crypto::rng::NodeRng::from_seed(node);
    let bundle = bob.bundle();
    sessions
        .initiate(bob.now, &identity, &bundle, Suite::X25519, &PARAMS, &[b"hi"], &mut rng)
        .unwrap()
}

/// SES-18: strangers push out strangers: sessions that were used stay.
#[test]
fn ses_18_strangers_push_out_strangers() {
    let (mut alice, mut bob) = acquainted();
    let first = stranger(&bob, 0);
    bob.open(first.bytes()).unwrap();
    // Filling up is quicker without cryptography: the same session under other names.
    fill(&mut bob);
    assert_eq!(bob.sessions.len(), SESSIONS_MAX);
    for seed in 1..20 {
        bob.now += Duration::from_secs(1);
        bob.open(stranger(&bob, seed).bytes()).unwrap();
        assert_eq!(bob.sessions.len(), SESSIONS_MAX);
    }
    let message = alice.seal(&bob, b"still there");
    assert_eq!(bob.open(message.bytes()).unwrap().inner, b"still there");
    let answer = bob.seal(&alice, b"so am I");
    assert!(alice.open(answer.bytes()).is_ok());
}

/// Restores sessions of made-up peers until the table is full.
fn fill(end: &mut End) {
    use crate::record::Table;
    end.commit();
    let rows: std::vec::Vec<_> = end
        .disk
        .iter()
        .filter(|((table, key), _)| *table == Table::Sessions && b"mrs".contains(&key[0]))
        .map(|((_, key), value)| (key[0], value.clone()))
        .collect();
    let row = |kind| rows.iter().find(|(known, _)| *known == kind).expect("a session").1.clone();
    let mut n = 0_u64;
    while end.sessions.len() < SESSIONS_MAX {
        n += 1;
        for kind in *b"mrs" {
            let mut value = row(kind);
            if kind == b'm' {
                // Flags: confirmed, never spoken in, no root key; then the node key.
                value.truncate(43);
                value[1] = 1;
                value[2..10].copy_from_slice(&n.to_le_bytes());
            }
            let key = [&[kind][..], &n.to_le_bytes()].concat();
            end.sessions.restore(Table::Sessions, &key, &value).unwrap();
        }
    }
}

/// SES-18: over all sessions the keys kept for lost messages are bounded; the session that would
/// exceed it is narrowed and goes on.
#[test]
fn ses_18_skipped_keys_are_bounded() {
    let (mut alice, mut bob) = acquainted();
    bob.sessions.skipped += SKIPPED_KEYS_MAX - 100;
    let mut late = std::vec::Vec::new();
    for n in 0..600_u32 {
        let sealed = alice.seal(&bob, &n.to_le_bytes());
        alice.commit();
        if n % 2 == 0 {
            bob.open(sealed.bytes()).unwrap();
        } else {
            late.push(sealed);
        }
        assert!(bob.sessions.skipped <= SKIPPED_KEYS_MAX);
    }
    assert!(bob.open(late[0].bytes()).is_err(), "its key had to go");
    assert!(bob.open(late.last().unwrap().bytes()).is_ok());
}

/// SES-15: beyond its bound, the memory of first contacts forgets the oldest.
#[test]
fn ses_15_memory_of_first_contacts_is_bounded() {
    use crate::session::replay::{Remembered, ReplayCache};
    let remembered = |prekey_id| Remembered { prekey_id, message: None };
    let id = |n: u32| {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&n.to_le_bytes());
        id
    };
    let mut cache = ReplayCache::new();
    let mut records = std::vec::Vec::new();
    for n in 0..REPLAY_MAX as u32 + 5 {
        cache.insert(id(n), remembered(1), 1, &mut records);
    }
    assert!(cache.get(&id(4)).is_none() && cache.get(&id(5)).is_some());
    assert_eq!(records.iter().filter(|record| record.value.is_none()).count(), 5);
    records.clear();
    cache.insert(id(0), remembered(2), 2, &mut records);
    assert!(cache.get(&id(5)).is_none(), "its pre-key is gone");
    assert_eq!(records.len(), REPLAY_MAX + 1);
}

/// SES-14: floors are bounded; those of protected peers and of peers with a session stay longest.
#[test]
fn ses_14_floors_are_bounded() {
    let (alice, mut bob) = acquainted();
    let contact = crate::Address::from_bytes([0; 16]);
    bob.sessions.raise_floor(&contact, Suite::XWing);
    bob.sessions.protect(&contact, true);
    for n in 0..FLOORS_MAX as u64 + 10 {
        let mut address = [0xff; 16];
        address[..8].copy_from_slice(&n.to_be_bytes());
        bob.sessions.raise_floor(&crate::Address::from_bytes(address), Suite::XWing);
    }
    assert_eq!(bob.sessions.floors.len(), FLOORS_MAX);
    assert_eq!(bob.sessions.floor(&alice.identity.address()), Some(Suite::XWing));
    assert_eq!(bob.sessions.floor(&contact), Some(Suite::XWing));
}
