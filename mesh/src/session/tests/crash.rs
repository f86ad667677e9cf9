use super::ends::{End, Rows, acquainted};
use crate::{
    crypto::{aead::used, rng::NodeRng},
    error::{Error, Unsupported},
    identity::Suite,
    limits::SESSION_BLOCK,
    session::SealError,
};

/// SES-09: a restart goes on behind the last durable reservation, after one commit; what was under
/// way still opens.
#[test]
fn ses_09_restarts_reuse_no_counter() {
    let (mut alice, mut bob) = acquainted();
    let mut last = None;
    for life in 0..6_u8 {
        let sealed = match alice.try_seal(&bob, &[life]) {
            Err(SealError::AwaitingCommit) => {
                alice.commit();
                alice.seal(&bob, &[life])
            }
            sealed => sealed.unwrap(),
        };
        let counter = counter(sealed.bytes());
        assert!(last.is_none_or(|last| counter > last));
        last = Some(counter);
        assert_eq!(bob.open(sealed.bytes()).unwrap().inner, [life]);
        let disk = alice.disk.clone();
        alice.restart(disk, 100 + u64::from(life));
    }
}

/// SES-09: in the common case sealing never waits for the disk: a commit within half a block is
/// soon enough.
#[test]
fn ses_09_reservation_runs_ahead() {
    let (mut alice, bob) = acquainted();
    for n in 0..10 * SESSION_BLOCK {
        assert!(alice.try_seal(&bob, b"").is_ok(), "message {n}");
        // The disk is 500 messages late.
        if n % 500 == 499 {
            alice.commit();
        }
    }
}

/// SES-09: without commits a block ends; with the commit it goes on at once.
#[test]
fn ses_09_without_commit_the_block_ends() {
    let (mut alice, bob) = acquainted();
    let mut sealed = 0;
    while alice.try_seal(&bob, b"").is_ok() {
        sealed += 1;
    }
    assert!((SESSION_BLOCK / 2..=2 * SESSION_BLOCK).contains(&sealed));
    assert_eq!(alice.try_seal(&bob, b""), Err(SealError::AwaitingCommit));
    alice.commit();
    assert!(alice.try_seal(&bob, b"").is_ok());
}

/// SES-09: only what was committed counts: a later drain's number does not free an earlier row that
/// is still waiting, nor the other way round.
#[test]
fn ses_09_commits_are_told_apart() {
    let (mut alice, bob) = acquainted();
    while alice.try_seal(&bob, b"").is_ok() {}
    let mut records = std::vec::Vec::new();
    let generation = alice.sessions.drain_records(&mut records);
    alice.sessions.on_committed(generation - 1);
    assert_eq!(alice.try_seal(&bob, b""), Err(SealError::AwaitingCommit));
    alice.sessions.on_committed(generation);
    assert!(alice.try_seal(&bob, b"").is_ok());
}

/// SES-10: a receiver that crashes before its state is durable opens the copy that comes again.
#[test]
fn ses_10_receiver_crash_before_commit() {
    let (mut alice, mut bob) = acquainted();
    let sealed = alice.seal(&bob, b"once more");
    let disk = bob.disk.clone();
    assert!(bob.open(sealed.bytes()).unwrap().fresh);
    bob.restart(disk, 50);
    assert!(bob.open(sealed.bytes()).unwrap().fresh);
    bob.sessions.keep(&alice.identity.address());
    bob.commit();
    let disk = bob.disk.clone();
    bob.restart(disk, 51);
    let again = bob.open(sealed.bytes()).unwrap();
    assert!(!again.fresh);
    assert_eq!(crate::session::lock(&again.preimage), sealed.lock);
}

/// SES-08: a pending first contact survives a crash and is still the same session.
#[test]
fn ses_08_pending_contact_survives() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let first = alice.initiate(&bob, b"first");
    alice.commit();
    let disk = alice.disk.clone();
    alice.restart(disk, 60);
    let waits = alice.initiate_with(&bob, Suite::XWing, b"second").err();
    assert_eq!(waits, Some(SealError::AwaitingCommit), "its counters are reserved like any");
    alice.commit();
    let second = alice.initiate(&bob, b"second");
    assert_eq!(first.session, second.session);
    assert_eq!(bob.open(second.bytes()).unwrap().inner, b"second");
    assert_eq!(bob.open(first.bytes()).unwrap().inner, b"first");
    assert_eq!(bob.sessions.len(), 1);
}

/// SES-11: a disk rolled back to an older state never seals twice under one (key, nonce): every
/// sealing of this thread is recorded and a second use panics. The peer sees that counters repeat
/// and asks for a new session.
#[test]
fn ses_11_rollback_reuses_no_key() {
    let (mut alice, mut bob) = acquainted();
    let old = alice.disk.clone();
    let mut refused = 0;
    for life in 0..5_u8 {
        alice.restart(old.clone(), 200 + u64::from(life));
        for n in 0..50_u8 {
            let sealed = seal_committing(&mut alice, &bob, &[life, n]);
            match bob.open(&sealed) {
                Ok(opened) => assert!(opened.fresh),
                Err(error) => {
                    assert_eq!(error, Error::Unsupported(Unsupported::UnknownSession));
                    refused += 1;
                }
            }
        }
    }
    assert_eq!(refused, 4 * 50, "the first life's block is good, the others repeat it");
    assert!(used::count() > 250);
    // The way out: a new first contact.
    alice.sessions.forget(&bob.identity.address());
    let again = alice.initiate(&bob, b"new session");
    assert_eq!(bob.open(again.bytes()).unwrap().inner, b"new session");
}

/// SES-11: an answering side that lost its session and even the memory of it, and opens it again
/// from a copy of the first contact, starts at counter 0 a second time, with other keys.
#[test]
fn ses_11_reopened_session_reuses_no_key() {
    used::watch();
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    for text in [b"1", b"2"] {
        let hello = alice.initiate(&bob, text);
        assert!(bob.open(hello.bytes()).unwrap().fresh);
        for _ in 0..10 {
            bob.seal(&alice, b"same counters");
        }
        bob.sessions.forget(&alice.identity.address());
        bob.sessions.replay = crate::session::replay::ReplayCache::new();
    }
    assert!(used::count() >= 22);
}

/// SES-09, SES-10, SES-11: random lives: messages both ways with loss, reordering and copies,
/// crashes with what was durable, rollbacks to any older disk. No (key, nonce) twice, no message
/// opened twice within a life of its recipient, and after all of it a new session works.
#[test]
fn ses_11_random_lives() {
    for seed in 0..6 {
        let mut rng = NodeRng::from_seed([seed; 32]);
        let (alice, bob) = acquainted();
        let mut ends = [alice, bob];
        let mut disks: [std::vec::Vec<Rows>; 2] =
            [std::vec![ends[0].disk.clone()], std::vec![ends[1].disk.clone()]];
        let mut wire: std::vec::Vec<(usize, std::vec::Vec<u8>)> = std::vec::Vec::new();
        for step in 0..1_500_u32 {
            let from = rng.below(2) as usize;
            let [first, second] = &mut ends;
            let (end, other) = if from == 0 { (first, second) } else { (second, first) };
            match rng.below(40) {
                0 => {
                    let disk = end.disk.clone();
                    end.restart(disk, rng.next_u64());
                }
                1 => {
                    let any = rng.below(disks[from].len() as u64) as usize;
                    end.restart(disks[from][any].clone(), rng.next_u64());
                }
                2..8 => {
                    end.sessions.keep(&other.identity.address());
                    end.commit();
                    disks[from].push(end.disk.clone());
                }
                8..28 => {
                    let sealed = match end.try_seal(other, &step.to_le_bytes()) {
                        Ok(sealed) => sealed,
                        Err(SealError::AwaitingCommit) => continue,
                        Err(_) => end.initiate(other, &step.to_le_bytes()),
                    };
                    wire.push((1 - from, sealed.bytes().to_vec()));
                }
                _ if wire.is_empty() => {}
                _ => {
                    let at = rng.below(wire.len() as u64) as usize;
                    let (to, bytes) = wire[at].clone();
                    if rng.below(4) > 0 {
                        wire.swap_remove(at);
                    }
                    let first = ends[to].open(&bytes);
                    if first.is_ok() {
                        assert!(ends[to].open(&bytes).is_ok_and(|again| !again.fresh));
                    }
                }
            }
        }
        let [alice, bob] = &mut ends;
        alice.sessions.forget(&bob.identity.address());
        let again = alice.initiate(bob, b"well");
        assert_eq!(bob.open(again.bytes()).unwrap().inner, b"well");
    }
}

fn seal_committing(end: &mut End, to: &End, inner: &[u8]) -> std::vec::Vec<u8> {
    if let Ok(sealed) = end.try_seal(to, inner) {
        return sealed.bytes().to_vec();
    }
    end.commit();
    end.seal(to, inner).bytes().to_vec()
}

/// The counter of a session envelope: behind header and session id.
fn counter(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[53..57].try_into().unwrap())
}
