//! Lite sessions between two ends, and what crashes and rolled-back disks do to them.

use std::{collections::BTreeSet, vec::Vec};

use super::ends::{End, PARAMS, acquainted};
use crate::{
    crypto::{aead::TAG_LEN, rng::NodeRng},
    envelope::{Body, EnvelopeIn, HEADER_LEN},
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    limits::{LITE_AHEAD, LITE_BEHIND, LITE_BLOCK, LITE_LIFETIMES_S, LITE_SESSIONS_MAX},
    lite::{LiteId, LitePeer, LiteSeed, lite_lifetime, lite_lock_of, used},
    session::{SealError, SealParams, Sealed, lock},
    wire::Writer,
};

const UNKNOWN: Error = Error::Unsupported(Unsupported::UnknownSession);

/// What NODE-03 puts before a message's payload.
fn head(lineage: u64, counter: u64) -> Vec<u8> {
    let mut head = Vec::new();
    Writer::new(&mut head).u8(1).u64(lineage).varint(counter).varint(0);
    head
}

fn seal_lite(from: &mut End, to: &End, parts: &[&[u8]]) -> Result<Sealed, SealError> {
    let to = to.identity.address();
    from.sessions.seal_lite(from.now, &to, &PARAMS, parts)
}

fn lite(from: &mut End, to: &End, text: &[u8]) -> Sealed {
    let sealed = seal_lite(from, to, &[text]);
    if sealed != Err(SealError::AwaitingCommit) {
        return sealed.expect("a lite session");
    }
    from.commit();
    seal_lite(from, to, &[text]).expect("its counters are reserved")
}

/// Alice writes, Bob opens, Alice gets the receipt.
fn pass(alice: &mut End, bob: &mut End, parts: &[&[u8]]) -> Vec<u8> {
    let to = bob.identity.address();
    let params = &PARAMS;
    let sealed = alice.sessions.seal_short(alice.now, &alice.identity, &to, params, parts);
    let sealed = sealed.expect("a session");
    let opened = bob.open(sealed.bytes()).expect("it opens");
    alice.sessions.on_lite_arrived(&sealed.lite.expect("its mark"));
    alice.commit();
    assert!(opened.fresh);
    opened.inner
}

fn is_lite(sealed: &Sealed) -> bool {
    let envelope = EnvelopeIn::parse(sealed.bytes()).unwrap();
    matches!(envelope.body(), Body::Lite(_))
}

/// MLL-05: both ends of a full session have a lite one without a word, in both directions.
#[test]
fn mll_05_a_full_session_gives_a_lite_one() {
    let (mut alice, mut bob) = acquainted();
    for n in 0..10_u8 {
        let sealed = lite(&mut alice, &bob, &[1, n]);
        let opened = bob.open(sealed.bytes()).unwrap();
        assert_eq!((opened.peer, &opened.inner[..]), (alice.identity.public(), &[1, n][..]));
        assert_eq!(opened.suite, crate::identity::Suite::XWing);
        let answer = lite(&mut bob, &alice, &[1, n]);
        assert_eq!(alice.open(answer.bytes()).unwrap().peer, bob.identity.public());
    }
}

/// MLL-05: the initiator seals lite only after the peer has shown that it has the session.
#[test]
fn mll_05_not_before_it_is_confirmed() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    assert_eq!(seal_lite(&mut alice, &bob, &[b"1"]), Err(SealError::NoSession));
    bob.open(hello.bytes()).unwrap();
    // The answer may itself be lite, and confirms.
    let answer = lite(&mut bob, &alice, &[1]);
    alice.open(answer.bytes()).unwrap();
    assert!(alice.sessions.is_confirmed(alice.now, &bob.identity.address()));
    assert!(is_lite(&lite(&mut alice, &bob, &[1])));
}

/// MLL-05: by hand.
#[test]
fn mll_05_other_sources_of_keys() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let (a, b) = (alice.identity.public(), bob.identity.public());
    let seeds = [
        (
            LiteSeed::from_psk(b"sixteen secrets!", a.node_key(), b.node_key()),
            LiteSeed::from_psk(b"sixteen secrets!", b.node_key(), a.node_key()),
        ),
        (
            LiteSeed::from_exporter(&[7; 32], b"mls", true),
            LiteSeed::from_exporter(&[7; 32], b"mls", false),
        ),
    ];
    for (n, (ours, theirs)) in seeds.into_iter().enumerate() {
        let suite = crate::identity::Suite::X25519;
        let peer = |identity| LitePeer { identity, root_key: None, suite };
        let id = LiteId([n as u8; 8]);
        alice.sessions.open_lite_session(alice.now, id, peer(b), &ours, true);
        bob.sessions.open_lite_session(bob.now, id, peer(a), &theirs, true);
        let there = lite(&mut alice, &bob, b"\x01there");
        assert_eq!(bob.open(there.bytes()).unwrap().inner, b"\x01there");
        let back = lite(&mut bob, &alice, b"\x01back");
        assert_eq!(alice.open(back.bytes()).unwrap().inner, b"\x01back");
    }
}

/// MLL-04: a message of 50 bytes that is named by reference is 12 bytes longer than its payload, and
/// what follows from the header or is elided in compact form.
#[test]
fn mll_12_fifty_bytes() {
    let (mut alice, mut bob) = acquainted();
    let payload = [0x50; 50];
    pass(&mut alice, &mut bob, &[&head(9, 0), &payload]);
    let sealed = seal_lite(&mut alice, &bob, &[&head(9, 1), &payload]).unwrap();
    // Session tag 3, kind 1, payload 50; tag 8 in the lock.
    assert_eq!(sealed.bytes().len(), HEADER_LEN + 3 + 1 + 50);
    assert_eq!(sealed.bytes()[HEADER_LEN - 8..HEADER_LEN], [0; 8]);
    // RNode 1, type 1, hints 2, hops and priority 1, life 1, label 2, session tag 3, text 51, tag 8,
    // hop tag 4.
    assert_eq!(1 + 1 + 2 + 1 + 1 + 2 + 3 + 51 + 8 + 4, 74);
    let opened = bob.open(sealed.bytes()).unwrap();
    assert_eq!(opened.inner, [&head(9, 1)[..], &payload].concat());
    assert_eq!(opened.preimage[10..], [0; 6]);
    assert_eq!(lite_lock_of(&opened.preimage), Some(sealed.lock));
    assert_ne!(lock(&opened.preimage), sealed.lock);
    // A full session needs an id, a counter, a salt, a tag, and the name of the message.
    let full = alice.seal(&bob, &[&head(9, 2)[..], &payload].concat());
    assert_eq!(full.bytes().len(), HEADER_LEN + 20 + 11 + 50 + TAG_LEN);
}

/// MLL-08: whatever the order, and however often each arrives, every message opens exactly once, and
/// every copy gives its receipt.
#[test]
fn mll_08_any_order_each_once() {
    for seed in 0..8 {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let (mut alice, mut bob) = acquainted();
        let mut opened = BTreeSet::new();
        for round in 0..20_u32 {
            let mut wire = Vec::new();
            for n in 0..60 {
                let text = [&[1][..], &(100 * round + n).to_le_bytes()].concat();
                let sealed = lite(&mut alice, &bob, &text);
                alice.commit();
                // One in eight is lost, one in four comes twice; never the last one.
                if n == 59 || rng.below(8) > 0 {
                    wire.push(sealed.clone());
                    if rng.below(4) == 0 {
                        wire.push(sealed);
                    }
                }
            }
            for last in (1..wire.len()).rev() {
                wire.swap(last, rng.below(last as u64 + 1) as usize);
            }
            for sealed in &wire {
                let message = bob.open(sealed.bytes()).unwrap();
                assert_eq!(lite_lock_of(&message.preimage), Some(sealed.lock));
                if message.fresh {
                    assert!(opened.insert(message.inner), "opened twice");
                } else {
                    assert!(opened.len() > 0 && message.inner.is_empty());
                }
                alice.sessions.on_lite_arrived(&sealed.lite.unwrap());
            }
        }
    }
}

/// MLL-08: a message behind the window is not opened, one at its edge is.
#[test]
fn mll_08_the_window() {
    let (mut alice, mut bob) = acquainted();
    let mut early = Vec::new();
    for n in 0..LITE_BEHIND {
        let sealed = lite(&mut alice, &bob, &[1]);
        alice.commit();
        if n < 3 {
            early.push(sealed);
        } else if n == 100 {
            // So that the sender's own bound is not met.
            bob.open(sealed.bytes()).unwrap();
            alice.sessions.on_lite_arrived(&sealed.lite.unwrap());
        }
    }
    let newest = lite(&mut alice, &bob, &[1]);
    bob.open(newest.bytes()).unwrap();
    assert_eq!(bob.open(early[0].bytes()), Err(UNKNOWN));
    assert!(bob.open(early[1].bytes()).unwrap().fresh);
    assert!(!bob.open(early[1].bytes()).unwrap().fresh);
    assert!(!bob.open(newest.bytes()).unwrap().fresh);
}

/// MLL-09: a sender never goes where the recipient does not listen; what it says in a full session
/// makes it listen again.
#[test]
fn mll_09_a_note_brings_the_recipient_along() {
    let (mut alice, mut bob) = acquainted();
    for _ in 0..LITE_AHEAD {
        lite(&mut alice, &bob, &[1]);
        alice.commit();
    }
    assert_eq!(seal_lite(&mut alice, &bob, &[b"1"]), Err(SealError::NoSession));
    let to = bob.identity.address();
    // What is no message goes in the full session and tells nothing.
    let parts: [&[u8]; 1] = [&[2, 0]];
    let ping = alice.sessions.seal_short(alice.now, &alice.identity, &to, &PARAMS, &parts).unwrap();
    assert!(!is_lite(&ping) && ping.lite.is_none());
    let inner = pass(&mut alice, &mut bob, &[&head(9, 0), b"hello"]);
    assert_eq!(inner, [&head(9, 0)[..], b"hello"].concat());
    let next = seal_lite(&mut alice, &bob, &[&head(9, 1), b"again"]).unwrap();
    assert_eq!(next.bytes().len(), HEADER_LEN + 3 + 1 + 5, "the note also named the message");
    assert_eq!(bob.open(next.bytes()).unwrap().inner, [&head(9, 1)[..], b"again"].concat());
}

/// MLL-09: a recipient that lost the session, or its place in it, says so and is brought along.
#[test]
fn mll_09_refused_and_resumed() {
    let (mut alice, mut bob) = acquainted();
    let before = bob.disk.clone();
    for n in 0..300 {
        pass(&mut alice, &mut bob, &[&head(9, n), b"volatile"]);
    }
    bob.restart(before, 1);
    let sealed = seal_lite(&mut alice, &bob, &[&head(9, 300), b"lost"]).unwrap();
    assert_eq!(bob.open(sealed.bytes()), Err(UNKNOWN));
    alice.sessions.on_lite_refused(&sealed.lite.unwrap());
    alice.commit();
    assert_eq!(seal_lite(&mut alice, &bob, &[b"1"]), Err(SealError::NoSession));
    pass(&mut alice, &mut bob, &[&head(9, 301), b"note"]);
    let sealed = seal_lite(&mut alice, &bob, &[&head(9, 302), b"short"]).unwrap();
    assert!(bob.open(sealed.bytes()).unwrap().fresh);
    // A refusal of what was sent before is late.
    alice.sessions.on_lite_refused(&sealed.lite.unwrap());
}

/// MLL-07: bit flips do not open, and change nothing.
#[test]
fn mll_02_bit_flips_do_not_open() {
    let (mut alice, mut bob) = acquainted();
    let sealed = lite(&mut alice, &bob, b"\x01text");
    for bit in 0..8 * sealed.bytes().len() {
        let mut bytes = sealed.bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let mutable = (2..7).contains(&(bit / 8));
        match bob.open(&bytes) {
            Ok(_) => panic!("bit {bit}"),
            Err(Error::PeerMisbehaved(PeerMisbehaved::Expired | PeerMisbehaved::BeyondMaxima))
                if mutable => {}
            Err(Error::Malformed(_) | Error::Unsupported(_)) if !mutable => {}
            Err(error) => panic!("bit {bit}: {error:?}"),
        }
        if mutable {
            break;
        }
    }
    assert!(bob.open(sealed.bytes()).unwrap().fresh);
}

/// MLL-04: every truncation is refused.
#[test]
fn mll_02_truncations_do_not_open() {
    let (mut alice, mut bob) = acquainted();
    let sealed = lite(&mut alice, &bob, b"\x01text");
    for len in 0..sealed.bytes().len() {
        assert!(matches!(
            bob.open(&sealed.bytes()[..len]),
            Err(Error::Malformed(Malformed::MissingData(_)) | UNKNOWN)
        ));
    }
    assert!(bob.open(sealed.bytes()).unwrap().fresh);
}

/// MLL-06: counters are reserved on disk before they are used; without that sealing waits.
#[test]
fn mll_06_without_commit_the_block_ends() {
    let (mut alice, bob) = acquainted();
    for _ in 0..LITE_BLOCK {
        lite(&mut alice, &bob, &[1]);
    }
    assert_eq!(seal_lite(&mut alice, &bob, &[b"1"]), Err(SealError::AwaitingCommit));
    alice.commit();
    assert!(is_lite(&lite(&mut alice, &bob, &[1])));
}

/// MLL-06: a restart begins with counters that no earlier life has used, and opens what comes.
#[test]
fn mll_06_restarts_reuse_no_counter() {
    let (mut alice, mut bob) = acquainted();
    let mut tags = BTreeSet::new();
    for life in 0..20 {
        for n in 0..5_u8 {
            // One in a life arrives, the others are lost.
            let sealed = lite(&mut alice, &bob, &[1, n]);
            alice.commit();
            assert!(tags.insert(sealed.bytes()[HEADER_LEN..HEADER_LEN + 3].to_vec()));
            if n == 4 {
                bob.open(sealed.bytes()).unwrap();
                bob.sessions.keep(&alice.identity.address());
                bob.commit();
                alice.sessions.on_lite_arrived(&sealed.lite.unwrap());
                alice.commit();
            }
        }
        let disk = alice.disk.clone();
        alice.restart(disk, life);
        let disk = bob.disk.clone();
        bob.restart(disk, life);
    }
}

/// MLL-02: a rolled-back disk makes a node seal two texts under one message key, but never under one
/// key stream; and the recipient takes neither for the other.
#[test]
fn mll_02_rollback_reuses_no_key_stream() {
    let (mut alice, mut bob) = acquainted();
    used::watch();
    let disk = alice.disk.clone();
    let mut lives = Vec::new();
    for life in 0..8_u8 {
        alice.restart(disk.clone(), u64::from(life));
        let sealed: Vec<_> = (0..20).map(|n| lite(&mut alice, &bob, &[1, life, n])).collect();
        lives.push(sealed);
    }
    assert_eq!(used::count(), 8 * 20);
    let (first, second) = (&lives[0][3], &lives[1][3]);
    let tag = HEADER_LEN..HEADER_LEN + 3;
    assert_eq!(first.bytes()[tag.clone()], second.bytes()[tag], "the same counter");
    let opened = bob.open(first.bytes()).unwrap();
    assert_eq!(opened.inner, [1, 0, 3]);
    assert_eq!(bob.open(second.bytes()), Err(UNKNOWN));
    assert!(!bob.open(first.bytes()).unwrap().fresh);
}

/// MLL-06, MLL-08, MLL-09: random lives of two ends, with losses, copies, crashes and disks rolled
/// back: no key stream for two texts, no message opened twice in one life, and talk goes on.
#[test]
fn mll_09_random_lives() {
    for seed in 0..12_u8 {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let (mut alice, mut bob) = acquainted();
        used::watch();
        let mut sealed_before = Vec::<Sealed>::new();
        let (mut counter, mut shown) = (0_u64, BTreeSet::new());
        let mut saved = alice.disk.clone();
        let mut lineage = 1;
        for step in 0..400 {
            let name = head(lineage, counter);
            counter += 1;
            let (to, now) = (bob.identity.address(), alice.now);
            let text = std::format!("{seed} {step}");
            let parts: [&[u8]; 2] = [&name, text.as_bytes()];
            let params = &PARAMS;
            let sealed = alice.sessions.seal_short(now, &alice.identity, &to, params, &parts);
            let Ok(sealed) = sealed else {
                assert_eq!(sealed, Err(SealError::AwaitingCommit));
                alice.commit();
                continue;
            };
            sealed_before.push(sealed.clone());
            if rng.below(4) > 0 {
                match bob.open(sealed.bytes()) {
                    Ok(opened) => {
                        let key = (opened.inner[1..].to_vec(), text.clone());
                        assert!(!opened.fresh || shown.insert(key), "opened twice");
                        if opened.fresh {
                            assert_eq!(opened.inner, parts.concat());
                        }
                        if let Some(mark) = sealed.lite.filter(|_| rng.below(8) > 0) {
                            alice.sessions.on_lite_arrived(&mark);
                        }
                    }
                    Err(UNKNOWN) => match sealed.lite.filter(|mark| !mark.is_note()) {
                        Some(mark) => alice.sessions.on_lite_refused(&mark),
                        None => break,
                    },
                    Err(error) => panic!("{error:?}"),
                }
            }
            if rng.below(8) == 0 {
                let old = &sealed_before[rng.below(sealed_before.len() as u64) as usize];
                if let Ok(opened) = bob.open(old.bytes()) {
                    let name = opened.inner.get(1..).map(<[u8]>::to_vec).unwrap_or_default();
                    assert!(!opened.fresh || shown.insert((name, std::string::String::new())));
                }
            }
            match rng.below(40) {
                0 => {
                    let disk = alice.disk.clone();
                    alice.restart(disk, step);
                    (lineage, counter) = (step + 2, 0);
                }
                1 => saved = alice.disk.clone(),
                2 if seed % 4 == 0 => {
                    alice.restart(saved.clone(), step);
                    (lineage, counter) = (step + 2, 0);
                }
                3..8 => alice.commit(),
                _ => {}
            }
        }
        assert!(shown.len() > 5, "seed {seed}: {}", shown.len());
    }
}

/// MLL-15: there are never more than the bound, and strangers' go first.
#[test]
fn mll_15_bounds() {
    let mut end = End::new(1);
    let peer = |n: u32| {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&n.to_le_bytes());
        LitePeer {
            identity: crate::identity::PublicIdentity::new(key),
            root_key: None,
            suite: crate::identity::Suite::XWing,
        }
    };
    let friend = peer(0);
    end.sessions.protect(&friend.identity.address(), true);
    for n in 0..LITE_SESSIONS_MAX as u32 + 10 {
        let seed = LiteSeed::from_exporter(&[n as u8; 32], &n.to_le_bytes(), true);
        let id = LiteId(u64::from(n).to_le_bytes());
        end.sessions.open_lite_session(end.now, id, peer(n), &seed, true);
    }
    assert_eq!(end.sessions.lite_len(), LITE_SESSIONS_MAX);
    let to = friend.identity.address();
    assert!(end.sessions.seal_lite(end.now, &to, &PARAMS, &[&[1]]).is_ok());
    for n in 0..10 {
        let seed = LiteSeed::from_exporter(&[9; 32], &[n], true);
        end.sessions.open_lite_session(end.now, LiteId([n + 1; 8]), peer(0), &seed, true);
    }
    assert_eq!(end.sessions.lite_len(), LITE_SESSIONS_MAX);
    end.commit();
    let disk = end.disk.clone();
    end.restart(disk, 1);
    assert_eq!(end.sessions.lite_len(), LITE_SESSIONS_MAX);
}

/// MLL-04: an envelope expires when its message does, to the second, or earlier.
#[test]
fn mll_04_lifetimes() {
    for lifetime in LITE_LIFETIMES_S {
        assert_eq!(lite_lifetime(lifetime), (lifetime, 0));
    }
    assert_eq!(lite_lifetime(604_799), (604_800, 1_000));
    assert_eq!(lite_lifetime(1), (60, 59_000));
    assert_eq!(lite_lifetime(100), (60, 0));
    assert_eq!(lite_lifetime(110), (120, 10_000));
    for life in (1..2_592_000).step_by(997) {
        let (lifetime, age_ms) = lite_lifetime(life);
        assert!(LITE_LIFETIMES_S.contains(&lifetime));
        let left = lifetime - age_ms / 1_000;
        assert!(left <= life && (left == life || left > life * 2 / 5), "{life}: {left}");
    }
    let (mut alice, bob) = acquainted();
    let params = SealParams { lifetime_s: 604_799, ..PARAMS };
    let to = bob.identity.address();
    let sealed = alice.sessions.seal_lite(alice.now, &to, &params, &[&[1]]).unwrap();
    let envelope = EnvelopeIn::parse(sealed.bytes()).unwrap();
    assert_eq!(envelope.header().remaining_life().as_secs(), 604_799);
}
