use std::vec::Vec;

use super::ends::{End, PARAMS, acquainted};
use crate::{
    crypto::{Mode, rng::NodeRng},
    identity::{PublicIdentity, Suite},
    record::Table,
    session::{
        Sessions,
        replay::{Alone, Remembered, ReplayCache},
    },
};

/// Everything an end stores: an answered session, a pending one, floors, first contacts, the
/// clock.
fn busy() -> End {
    let (mut alice, mut bob) = acquainted();
    let carol = End::new(3);
    alice.initiate(&carol, b"nobody answers");
    let hello = bob.initiate(&alice, b"again");
    alice.open(hello.bytes()).unwrap();
    for _ in 0..3 {
        bob.seal(&alice, b"lost");
        let message = bob.seal(&alice, b"not lost");
        alice.open(message.bytes()).unwrap();
    }
    alice.sessions.keep(&bob.identity.address());
    alice.now += crate::crypto::uptime::SAVE_INTERVAL;
    alice.tick();
    alice
}

fn rows(end: &End) -> impl Iterator<Item = (Table, &Vec<u8>, &Vec<u8>)> {
    let ours = end.disk.iter().filter(|((table, _), _)| *table != Table::PreKeys);
    ours.map(|((table, key), value)| (*table, key, value))
}

/// SES-18: every kind of row is written, and comes back in any order.
#[test]
fn ses_18_rows_come_back_in_any_order() {
    let end = busy();
    let mut kinds: Vec<_> = rows(&end)
        .map(|(table, key, _)| if table == Table::Replay { b'-' } else { key[0] })
        .collect();
    let mut rows: Vec<_> = rows(&end).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds, b"-fklmrst");
    let mut rng = NodeRng::from_seed([3; 32]);
    for _ in 0..20 {
        for last in (1..rows.len()).rev() {
            rows.swap(last, rng.below(last as u64 + 1) as usize);
        }
        let mut sessions = Sessions::new(Mode::Real, rng.array());
        for (table, key, value) in &rows {
            sessions.restore(*table, key, value).unwrap();
        }
        assert_eq!(sessions.len(), end.sessions.len());
        assert_eq!(sessions.floors, end.sessions.floors);
        sessions.handle_timeout(end.now);
        assert_eq!(sessions.len(), end.sessions.len());
        let mut records = Vec::new();
        sessions.drain_records(&mut records);
        assert!(records.is_empty(), "reading back writes nothing");
    }
}

/// SES-18: a row cut anywhere is refused and takes nothing else down.
#[test]
fn ses_18_cut_rows_are_refused() {
    let end = busy();
    for (table, key, value) in rows(&end) {
        for len in 0..value.len() {
            let mut sessions = Sessions::new(Mode::Real, [0; 8]);
            let cut = sessions.restore(table, key, &value[..len]);
            assert!(cut.is_err(), "{table:?} {} at {len}", key[0]);
        }
        let longer = [&value[..], &[0]].concat();
        assert!(Sessions::new(Mode::Real, [0; 8]).restore(table, key, &longer).is_err());
    }
}

/// SES-15, SES-18: rows of messages that stood alone, at every length.
#[test]
fn ses_15_rows_of_messages_that_stood_alone() {
    let root_key = Some([4; 32]);
    let peer = PublicIdentity::new([1; 32]);
    let message = Some(Alone { preimage: [2; 16], peer, suite: Suite::XWing, root_key });
    let mut records = Vec::new();
    ReplayCache::new().insert([3; 16], Remembered { prekey_id: 7, message }, 7, &mut records);
    let (key, row) = (&records[0].key, records[0].value.as_ref().unwrap());
    assert_eq!(row.len(), 86);
    for len in 0..row.len() {
        let cut = ReplayCache::new().restore(key, &row[..len]);
        // Short forms of their own: an encapsulation, and a sender without a root key.
        assert_eq!(cut.is_ok(), len == 5 || len == 54, "{len} bytes");
    }
    let mut again = ReplayCache::new();
    again.restore(key, row).unwrap();
    let known = again.get(&[3; 16]).and_then(|known| known.message.as_ref()).unwrap();
    assert_eq!((known.peer, known.preimage, known.root_key), (peer, [2; 16], root_key));
}

/// SES-18: flipped bits never panic, and a node with such rows still opens new sessions.
#[test]
fn ses_18_flipped_bits_do_no_harm() {
    let end = busy();
    let all: Vec<_> = rows(&end).collect();
    for (damaged, (_, _, value)) in all.iter().enumerate() {
        for bit in (0..8 * value.len()).step_by(61) {
            let life = (bit << 8 | damaged) as u64;
            let mut sessions = Sessions::new(Mode::Real, life.to_le_bytes());
            for (index, (table, key, value)) in all.iter().enumerate() {
                let mut value = (*value).clone();
                if index == damaged {
                    value[bit / 8] ^= 1 << (bit % 8);
                }
                let _ = sessions.restore(*table, key, &value);
            }
            sessions.handle_timeout(end.now);
            assert!(sessions.len() <= end.sessions.len());
            let peers: Vec<_> = sessions.by_peer.keys().copied().collect();
            for peer in peers {
                for _ in 0..3 {
                    let _ = sessions.seal(end.now, &end.identity, &peer, &PARAMS, &[b"text"]);
                    let generation = sessions.drain_records(&mut Vec::new());
                    sessions.on_committed(generation);
                }
            }
        }
    }
}

/// SES-18: keys that name no row of ours are refused.
#[test]
fn ses_18_foreign_keys_are_refused() {
    let mut sessions = Sessions::new(Mode::Real, [0; 8]);
    for key in [&b""[..], b"x", b"m", b"m1234567", b"m123456789", b"f123", b"tt", b"x12345678"] {
        assert!(sessions.restore(Table::Sessions, key, &[1]).is_err(), "{key:?}");
    }
    assert!(sessions.restore(Table::Replay, b"short", &[1]).is_err());
}

/// SES-18: of a session whose rows are not all there nothing is used, and the rest is deleted.
#[test]
fn ses_18_incomplete_sessions_are_deleted() {
    let end = busy();
    let mut sessions = Sessions::new(Mode::Real, [0; 8]);
    for (table, key, value) in rows(&end).filter(|(_, key, _)| key[0] != b's') {
        sessions.restore(table, key, value).unwrap();
    }
    assert!(sessions.is_empty());
    sessions.handle_timeout(end.now);
    let mut records = Vec::new();
    sessions.drain_records(&mut records);
    assert_eq!(records.len(), 3 * end.sessions.len());
    assert!(records.iter().all(|record| record.value.is_none()));
}
