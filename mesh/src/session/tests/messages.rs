use std::{collections::BTreeSet, vec::Vec};

use super::ends::{End, PARAMS, acquainted};
use crate::{
    crypto::{Mode, rng::NodeRng},
    envelope::EnvelopeIn,
    error::{Error, PeerMisbehaved, Unsupported},
    limits::{SESSION_AGE_MAX, SESSION_REKEY_AGE, SESSION_SEND_AGE_MAX, SESSION_WINDOW},
    record::Table,
    session::{SealError, SealParams, lock},
};

const REPLAYED: Error = Error::PeerMisbehaved(PeerMisbehaved::Replayed);

/// SES-10: whatever the order, and however often each arrives, every message opens exactly once,
/// and every copy gives its receipt.
#[test]
fn ses_10_any_order_each_once() {
    for seed in 0..8 {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let (mut alice, mut bob) = acquainted();
        let mut wire = Vec::new();
        let mut expected = BTreeSet::new();
        for n in 0..600_u32 {
            let sealed = alice.seal(&bob, &n.to_le_bytes());
            alice.commit();
            // One in eight is lost, one in four comes twice.
            if rng.below(8) > 0 {
                expected.insert(n);
                wire.push(sealed.clone());
                if rng.below(4) == 0 {
                    wire.push(sealed);
                }
            }
        }
        for last in (1..wire.len()).rev() {
            wire.swap(last, rng.below(last as u64 + 1) as usize);
        }
        let mut opened = BTreeSet::new();
        for sealed in &wire {
            let message = bob.open(sealed.bytes()).unwrap();
            assert_eq!(lock(&message.preimage), sealed.lock);
            assert_eq!(message.peer, alice.identity.public());
            if message.fresh {
                let n = u32::from_le_bytes(message.inner[..].try_into().unwrap());
                assert!(opened.insert(n), "opened twice");
            } else {
                assert!(message.inner.is_empty());
            }
        }
        assert_eq!(opened, expected);
    }
}

/// SES-10: a message behind the window is refused, one at its edge is not.
#[test]
fn ses_10_the_window() {
    let (mut alice, mut bob) = acquainted();
    let early: Vec<_> = (0..3_u8).map(|n| alice.seal(&bob, &[n])).collect();
    for _ in 0..SESSION_WINDOW - 3 {
        alice.seal(&bob, b"lost");
        alice.commit();
    }
    // Counter `SESSION_WINDOW`: with it the window begins at the second of the early ones.
    let newest = alice.seal(&bob, b"newest");
    bob.open(newest.bytes()).unwrap();
    assert_eq!(bob.open(early[0].bytes()), Err(REPLAYED));
    assert!(bob.open(early[1].bytes()).unwrap().fresh);
    assert!(!bob.open(early[1].bytes()).unwrap().fresh);
    assert!(!bob.open(newest.bytes()).unwrap().fresh);
}

/// SES-10: however far ahead a counter is, opening it costs a bounded number of steps, and what
/// follows in order opens too.
#[test]
fn ses_10_long_losses() {
    let (mut alice, mut bob) = acquainted();
    for _ in 0..20_000 {
        alice.seal(&bob, b"lost");
        alice.commit();
    }
    for n in 0..3_u8 {
        let sealed = alice.seal(&bob, &[n]);
        assert_eq!(bob.open(sealed.bytes()).unwrap().inner, [n]);
    }
}

/// SES-07: every byte of a session envelope is authenticated but the two mutable fields; damage
/// changes nothing.
#[test]
fn ses_07_bit_flips_do_not_open() {
    let (mut alice, mut bob) = acquainted();
    for signed in [None, Some(5)] {
        let params = SealParams { signed, ..PARAMS };
        let to = bob.identity.address();
        let sealed =
            alice.sessions.seal(alice.now, &alice.identity, &to, &params, &[b"payload"]).unwrap();
        for byte in (0..sealed.bytes().len()).filter(|byte| !(2..7).contains(byte)) {
            for bit in 0..8 {
                let mut damaged = sealed.bytes().to_vec();
                damaged[byte] ^= 1 << bit;
                assert!(bob.open(&damaged).is_err(), "byte {byte} bit {bit}");
            }
        }
        let mut travelled = sealed.bytes().to_vec();
        (travelled[2], travelled[3]) = (1, 200);
        let opened = bob.open(&travelled).unwrap();
        assert!(opened.fresh);
        assert_eq!(opened.session_signed, signed.is_some());
    }
}

/// SES-07: lengths are exact: no prefix of an envelope opens.
#[test]
fn ses_07_truncations_do_not_open() {
    let (mut alice, mut bob) = acquainted();
    let sealed = alice.seal(&bob, b"payload");
    for len in 0..sealed.bytes().len() {
        assert!(bob.open(&sealed.bytes()[..len]).is_err(), "{len} bytes");
    }
}

/// ENV-06: the signature's key must be the session peer's: nobody adopts another's message.
#[test]
fn env_06_a_foreign_signature_is_refused() {
    let (mut alice, mut bob) = acquainted();
    let mallory = crate::identity::MeshIdentity::from_seeds([66; 32], None);
    let to = bob.identity.address();
    let params = SealParams { signed: Some(1), ..PARAMS };
    // Sealed by Alice's session, signed by Mallory.
    let sealed = alice.sessions.seal(alice.now, &mallory, &to, &params, &[b"mine"]).unwrap();
    assert!(EnvelopeIn::parse(sealed.bytes()).unwrap().verify_signature(Mode::Real).is_ok());
    let refused = bob.open(sealed.bytes()).err();
    assert_eq!(refused, Some(Error::PeerMisbehaved(PeerMisbehaved::BadSignature)));
}

/// SES-12: a day later a new session is due; the old one still works.
#[test]
fn ses_12_rekeying() {
    let (mut alice, mut bob) = acquainted();
    let address = bob.identity.address();
    let under_way = alice.seal(&bob, b"under way");
    assert!(!alice.sessions.should_initiate(alice.now, &address));
    alice.now += SESSION_REKEY_AGE;
    alice.tick();
    assert!(alice.sessions.should_initiate(alice.now, &address));
    let old = alice.seal(&bob, b"old session");
    let new = alice.initiate(&bob, b"new session");
    assert!(alice.sessions.should_initiate(alice.now, &address), "not answered yet");
    assert_eq!(bob.open(new.bytes()).unwrap().inner, b"new session");
    assert_eq!(bob.open(old.bytes()).unwrap().inner, b"old session");
    assert_eq!(bob.open(under_way.bytes()).unwrap().inner, b"under way");
    alice.sessions.confirm(&new.session.unwrap());
    assert!(!alice.sessions.should_initiate(alice.now, &address));
    assert_eq!(alice.seal(&bob, b"").session, new.session);
}

/// SES-12: a session is not sent in beyond its age, and forgotten when nothing can come any more.
#[test]
fn ses_12_sessions_end() {
    let (mut alice, mut bob) = acquainted();
    let last = alice.seal(&bob, b"last");
    alice.now += SESSION_SEND_AGE_MAX;
    assert_eq!(alice.try_seal(&bob, b""), Err(SealError::NoSession));
    bob.now += SESSION_AGE_MAX;
    bob.tick();
    assert!(bob.sessions.is_empty());
    let unknown = Error::Unsupported(Unsupported::UnknownSession);
    assert_eq!(bob.open(last.bytes()), Err(unknown));
    let ours = bob.disk.keys().filter(|(table, _)| *table == Table::Sessions);
    assert!(ours.into_iter().all(|(_, key)| matches!(key[0], b'f' | b't')));
}

/// SES-17: a volatile message writes nothing; a durable one what it changed.
#[test]
fn ses_17_volatile_messages_write_nothing() {
    let (mut alice, mut bob) = acquainted();
    for _ in 0..100 {
        let sealed = alice.seal(&bob, b"ping");
        bob.open(sealed.bytes()).unwrap();
    }
    assert!(!bob.sessions.has_records());
    assert!(!alice.sessions.has_records());
    let sealed = alice.seal(&bob, b"message");
    bob.open(sealed.bytes()).unwrap();
    bob.sessions.keep(&alice.identity.address());
    let mut records = Vec::new();
    bob.sessions.drain_records(&mut records);
    assert_eq!(records.len(), 1);
    bob.sessions.keep(&alice.identity.address());
    assert!(!bob.sessions.has_records());
}

/// SES-18: a session with nothing lost takes little memory and disk; a session that loses much
/// stays bounded.
#[test]
fn ses_18_rows_are_bounded() {
    let (mut alice, mut bob) = acquainted();
    let peer = alice.identity.address();
    let row_len = |bob: &mut End| {
        bob.sessions.keep(&peer);
        let mut records = Vec::new();
        bob.sessions.drain_records(&mut records);
        records.iter().filter_map(|record| record.value.as_ref()).map(Vec::len).max().unwrap_or(0)
    };
    let mut longest = 0;
    for _ in 0..3_000 {
        let sealed = alice.seal(&bob, b"");
        alice.commit();
        bob.open(sealed.bytes()).unwrap();
        longest = longest.max(row_len(&mut bob));
    }
    assert!(longest < 900, "{longest} B");
    for n in 0..6_000 {
        let sealed = alice.seal(&bob, b"");
        alice.commit();
        if n % 2 == 0 {
            bob.open(sealed.bytes()).unwrap();
        }
    }
    let worst = row_len(&mut bob);
    assert!(worst < 1_024 * 37 + 900, "{worst} B");
}
