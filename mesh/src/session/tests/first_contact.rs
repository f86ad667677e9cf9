use core::time::Duration;

use super::ends::{End, PARAMS, acquainted};
use crate::{
    bundle::{Bundle, MailboxHint},
    crypto::Mode,
    envelope::{Body, EnvelopeIn, HEADER_LEN},
    error::{Error, PeerMisbehaved, Unsupported},
    identity::Suite,
    limits::{PREKEY_RETENTION, PREKEY_ROTATION, SESSIONS_PER_PEER_MAX},
    session::{AdmissionAsked, SealError, SealParams, Through, lock},
};

/// SES-01, SES-13: one envelope opens a session that both ends use.
#[test]
fn ses_01_first_contact_opens_a_session() {
    for suite in [Suite::X25519, Suite::XWing] {
        let (mut alice, mut bob) = (End::new(1), End::new(2));
        let hello = alice.initiate_with(&bob, suite, b"hello").unwrap();
        let opened = bob.open(hello.bytes()).unwrap();
        assert_eq!(opened.inner, b"hello");
        assert_eq!(opened.peer, alice.identity.public());
        assert_eq!(opened.root_key, alice.identity.root_key());
        assert_eq!(opened.suite, suite);
        assert!(opened.first_contact && opened.fresh && !opened.session_signed);
        assert_eq!(lock(&opened.preimage), hello.lock);

        let answer = bob.seal(&alice, b"answer");
        let opened = alice.open(answer.bytes()).unwrap();
        assert_eq!(opened.inner, b"answer");
        assert_eq!(opened.peer, bob.identity.public());
        assert_eq!(opened.root_key, bob.identity.root_key());
        assert_eq!(opened.suite, suite);
        assert!(!opened.first_contact);
        assert_eq!(lock(&opened.preimage), answer.lock);
    }
}

/// ID-07: a router has no root key, and its contacts see none.
#[test]
fn id_07_routers_have_no_certificate() {
    let (mut router, mut bob) = (End::with_root(1, false), End::new(2));
    let hello = router.initiate(&bob, b"");
    assert_eq!(bob.open(hello.bytes()).unwrap().root_key, None);
}

/// SES-08: until the peer answers, every message repeats the same key exchange, and the messages
/// may arrive in any order. They are one session.
#[test]
fn ses_08_unanswered_contacts_share_a_session() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let sealed: std::vec::Vec<_> = (0..20_u8).map(|n| alice.initiate(&bob, &[n])).collect();
    assert!(alice.sessions.should_initiate(alice.now, &bob.identity.address()));
    for (n, envelope) in sealed.iter().enumerate().rev() {
        let opened = bob.open(envelope.bytes()).unwrap();
        assert_eq!(opened.inner, [n as u8]);
        assert!(opened.fresh && opened.first_contact);
        assert_eq!(lock(&opened.preimage), envelope.lock);
    }
    assert_eq!(alice.sessions.len(), 1);
    assert_eq!(bob.sessions.len(), 1);
    let answer = bob.seal(&alice, b"all twenty");
    assert_eq!(alice.open(answer.bytes()).unwrap().inner, b"all twenty");
    assert!(!alice.sessions.should_initiate(alice.now, &bob.identity.address()));
    // The initiator speaks in the session: the recipient needs the key exchange no longer.
    let message = alice.seal(&bob, b"on");
    bob.open(message.bytes()).unwrap();
    assert_eq!(bob.open(sealed[0].bytes()).unwrap().inner, b"", "a duplicate");
}

/// SES-08: a receipt confirms as well as an answer.
#[test]
fn ses_08_a_receipt_confirms() {
    let (mut alice, bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    let address = bob.identity.address();
    assert!(!alice.sessions.is_confirmed(alice.now, &address));
    assert_eq!(alice.sessions.floor(&address), None);
    alice.sessions.confirm(&hello.session.unwrap());
    assert!(alice.sessions.is_confirmed(alice.now, &address));
    assert_eq!(alice.sessions.floor(&address), Some(Suite::XWing));
}

/// SES-15: a first contact is opened once; a copy gives the same receipt and nothing else.
#[test]
fn ses_15_first_contacts_are_opened_once() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    let first = bob.open(hello.bytes()).unwrap();
    let disk = bob.disk.clone();
    for restarted in [false, true] {
        if restarted {
            bob.commit();
            let disk = bob.disk.clone();
            bob.restart(disk, 77);
        }
        let again = bob.open(hello.bytes()).unwrap();
        assert!(!again.fresh);
        assert!(again.inner.is_empty());
        assert_eq!((again.preimage, again.peer), (first.preimage, first.peer));
        assert_eq!(bob.sessions.len(), 1);
    }
    assert_ne!(disk, bob.disk, "the cache is durable");
}

/// SES-15: an encapsulation opens one session: what it opened and we gave up stays closed.
#[test]
fn ses_15_an_encapsulation_opens_one_session() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let (first, second) = (alice.initiate(&bob, b"first"), alice.initiate(&bob, b"second"));
    bob.open(first.bytes()).unwrap();
    bob.sessions.forget(&alice.identity.address());
    for envelope in [&first, &second] {
        let unknown = Error::Unsupported(Unsupported::UnknownSession);
        assert_eq!(bob.open(envelope.bytes()), Err(unknown));
    }
    alice.sessions.forget(&bob.identity.address());
    assert_eq!(bob.open(alice.initiate(&bob, b"anew").bytes()).unwrap().inner, b"anew");
}

/// SES-15: however many first contacts repeat one encapsulation, one thing is remembered.
#[test]
fn ses_15_repeats_are_remembered_once() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    for n in 0..50_u8 {
        bob.open(alice.initiate(&bob, &[n]).bytes()).unwrap();
        bob.sessions.keep(&alice.identity.address());
        bob.commit();
    }
    let remembered = bob.disk.keys().filter(|(table, _)| *table == crate::record::Table::Replay);
    assert_eq!(remembered.count(), 1);
}

/// SES-15: the memory of first contacts ends with their pre-key, and so does their use.
#[test]
fn ses_15_forgotten_with_the_pre_key() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    bob.open(hello.bytes()).unwrap();
    for _ in 0..=(PREKEY_ROTATION + PREKEY_RETENTION).as_secs() / PREKEY_ROTATION.as_secs() {
        bob.now += PREKEY_ROTATION;
        bob.tick();
    }
    let late = bob.initiate(&alice, b"late");
    assert!(alice.open(late.bytes()).is_ok());
    let again = alice.initiate(&bob, b"again");
    bob.open(again.bytes()).unwrap();
    bob.commit();
    let gone = bob.open(hello.bytes());
    assert_eq!(gone, Err(Error::Unsupported(Unsupported::PreKeyGone)));
}

/// ID-11: an envelope sealed to a pre-key on its last day still opens at the end of its life.
#[test]
fn id_11_pre_keys_outlive_envelopes() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    bob.now += PREKEY_ROTATION - Duration::from_secs(1);
    bob.tick();
    let hello = alice.initiate(&bob, b"hello");
    for _ in 0..PREKEY_RETENTION.as_secs() / PREKEY_ROTATION.as_secs() {
        bob.now += PREKEY_ROTATION;
        bob.tick();
    }
    assert_eq!(bob.open(hello.bytes()).unwrap().inner, b"hello");
}

/// SES-13: both sides may open at once; both sessions work.
#[test]
fn ses_13_simultaneous_open() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let there = alice.initiate(&bob, b"from alice");
    let back = bob.initiate(&alice, b"from bob");
    assert_eq!(bob.open(there.bytes()).unwrap().inner, b"from alice");
    assert_eq!(alice.open(back.bytes()).unwrap().inner, b"from bob");
    for round in 0..5_u8 {
        let there = alice.seal(&bob, &[round]);
        let back = bob.seal(&alice, &[round, round]);
        assert_eq!(alice.open(back.bytes()).unwrap().inner, [round, round]);
        assert_eq!(bob.open(there.bytes()).unwrap().inner, [round]);
    }
    assert_eq!((alice.sessions.len(), bob.sessions.len()), (2, 2));
}

/// SES-13: a peer that lost its sessions opens a new one, and is answered in that.
#[test]
fn ses_13_the_newest_session_is_used() {
    let (mut alice, mut bob) = acquainted();
    let disk = alice
        .disk
        .clone()
        .into_iter()
        .filter(|((table, _), _)| *table == crate::record::Table::PreKeys);
    alice.restart(disk.collect(), 9);
    bob.now += Duration::from_secs(60);
    let again = alice.initiate(&bob, b"me again");
    bob.open(again.bytes()).unwrap();
    let answer = bob.seal(&alice, b"welcome back");
    assert_eq!(alice.open(answer.bytes()).unwrap().inner, b"welcome back");
}

/// SES-13: first contacts in any number leave a bounded number of sessions with a peer.
#[test]
fn ses_13_sessions_with_one_peer_are_bounded() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    for _ in 0..3 * SESSIONS_PER_PEER_MAX {
        let hello = alice.initiate(&bob, b"");
        bob.open(hello.bytes()).unwrap();
        alice.sessions.forget(&bob.identity.address());
    }
    assert_eq!(alice.sessions.len(), 0);
    assert_eq!(bob.sessions.len(), SESSIONS_PER_PEER_MAX);
}

/// SES-14: once reached with X-Wing, X25519 alone is refused at both ends.
#[test]
fn ses_14_no_way_below_the_floor() {
    let (mut alice, mut bob) = acquainted();
    let refused = alice.initiate_with(&bob, Suite::X25519, b"weak");
    assert_eq!(refused.err(), Some(SealError::SuiteFloor { floor: Suite::XWing }));
    // A sender that forgot: its floor went with its disk.
    let mut forgetful = End::new(1);
    let weak = forgetful.initiate_with(&bob, Suite::X25519, b"weak").unwrap();
    let code = Suite::X25519.code();
    assert_eq!(bob.open(weak.bytes()).err(), Some(Error::Unsupported(Unsupported::Suite(code))));
    // The floor survives a restart.
    let disk = bob.disk.clone();
    bob.restart(disk, 3);
    assert_eq!(bob.sessions.floor(&alice.identity.address()), Some(Suite::XWing));
    assert!(bob.open(weak.bytes()).is_err());
}

/// SES-14: from weak to strong is always possible, and raises the floor.
#[test]
fn ses_14_the_floor_rises() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let weak = alice.initiate_with(&bob, Suite::X25519, b"weak").unwrap();
    bob.open(weak.bytes()).unwrap();
    assert_eq!(bob.sessions.floor(&alice.identity.address()), Some(Suite::X25519));
    let strong = alice.initiate(&bob, b"strong");
    assert_eq!(bob.open(strong.bytes()).unwrap().suite, Suite::XWing);
    assert_eq!(bob.sessions.floor(&alice.identity.address()), Some(Suite::XWing));
    alice.sessions.confirm(&strong.session.unwrap());
    assert!(alice.initiate_with(&bob, Suite::X25519, b"").is_err());
}

/// SES-03: every byte of a first contact is authenticated; damage never opens and changes nothing.
#[test]
fn ses_03_bit_flips_do_not_open() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    bob.commit();
    for byte in 0..hello.bytes().len() {
        // The two mutable fields are every hop's to change; the KEM's 1,120 bytes are sampled.
        if (2..7).contains(&byte) || (byte > HEADER_LEN + 30 && byte % 37 != 0 && byte < 1_180) {
            continue;
        }
        let mut damaged = hello.bytes().to_vec();
        damaged[byte] ^= 1 << (byte % 8);
        assert!(bob.open(&damaged).is_err(), "byte {byte}");
    }
    assert!(!bob.sessions.has_records());
    assert!(bob.sessions.is_empty());
    assert!(bob.open(hello.bytes()).unwrap().fresh);
}

/// SES-03: an envelope to one node does not open at another.
#[test]
fn ses_03_only_the_recipient_opens() {
    let (mut alice, bob, mut carol) = (End::new(1), End::new(2), End::new(3));
    let hello = alice.initiate(&bob, b"hello");
    let error = carol.open(hello.bytes()).err();
    assert_eq!(error, Some(Error::PeerMisbehaved(PeerMisbehaved::BadTag)));
}

/// SES-16: through a mailbox node a message stands alone: no session, no common bytes with the
/// next one, no sender on the outside.
#[test]
fn ses_16_sealed_messages_stand_alone() {
    let (mut alice, mut bob, relay) = (End::new(1), End::new(2), End::new(5));
    let mailbox = MailboxHint { node: relay.identity.address(), label: [7; 16], pow_bits: 8 };
    let bytes = bob.prekeys.bundle(&bob.identity, 2, Some(mailbox));
    let bundle = Bundle::parse_verified(Mode::Real, &bytes).unwrap();
    assert_eq!(bundle.mailbox, Some(mailbox));
    let mut seal = |admission| {
        let through = Through { mailbox: &mailbox, admission };
        let params = SealParams { signed: Some(3), ..PARAMS };
        let End { now, identity, rng, sessions, .. } = &mut alice;
        let sealed = sessions.initiate_sealed(
            *now,
            identity,
            &bundle,
            Suite::XWing,
            through,
            &params,
            &[b"psst"],
            rng,
        );
        sealed.unwrap()
    };
    let (worked, token) = (seal(AdmissionAsked::Work), seal(AdmissionAsked::Token([9; 16])));
    assert_eq!(worked.session, None);
    for sealed in [&worked, &token] {
        let envelope = EnvelopeIn::parse(sealed.bytes()).unwrap();
        assert_eq!(envelope.header().dest, relay.identity.address());
        assert!(!envelope.is_signed());
        let opened = bob.open(sealed.bytes()).unwrap();
        assert_eq!(opened.inner, b"psst");
        assert_eq!(lock(&opened.preimage), sealed.lock);
    }
    for sealed in [&worked, &token] {
        let again = bob.open(sealed.bytes()).unwrap();
        assert!(!again.fresh && again.inner.is_empty());
        assert_eq!(lock(&again.preimage), sealed.lock);
    }
    assert!(bob.sessions.is_empty());
    let Body::Sealed(first) = EnvelopeIn::parse(worked.bytes()).unwrap().body() else { panic!() };
    let Body::Sealed(second) = EnvelopeIn::parse(token.bytes()).unwrap().body() else { panic!() };
    assert!(first.admission.check_work(&first.label, first.sealed, 8).is_ok());
    assert!(second.admission.check_work(&second.label, second.sealed, 8).is_err());
    assert_ne!(first.kem.as_bytes()[..32], second.kem.as_bytes()[..32]);
    assert!(alice.sessions.is_empty());
}

/// ENV-06: a signed first contact tells everyone its sender, who must be the one inside.
#[test]
fn env_06_signed_first_contact() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let params = SealParams { signed: Some(41), ..PARAMS };
    let End { now, identity, rng, sessions, .. } = &mut alice;
    let hello = sessions
        .initiate(*now, identity, &bob.bundle(), Suite::XWing, &params, &[b"hello"], rng)
        .unwrap();
    let envelope = EnvelopeIn::parse(hello.bytes()).unwrap();
    assert_eq!(envelope.id(), hello.id());
    assert!(envelope.verify_signature(Mode::Real).is_ok());
    let opened = bob.open(hello.bytes()).unwrap();
    assert!(opened.session_signed && opened.first_contact);
    assert_eq!(opened.inner, b"hello");
}
