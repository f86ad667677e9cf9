//! One check per session rule that a mutant breaks (`ATK-20`): whether the rule is kept.

use super::ends::{End, PARAMS};
use crate::{
    bundle::MailboxHint,
    crypto::{aead::used, rng::NodeRng},
    identity::Suite,
    rules::Rules,
    session::{AdmissionAsked, SealError, Sessions, Through},
};

/// Two ends that know each other, both under `rules`.
fn acquainted(rules: Rules) -> (End, End) {
    used::watch();
    let mut ends = [1, 2].map(End::new);
    for end in &mut ends {
        let none = Sessions::new(end.mode(), [0; 8]);
        let sessions = core::mem::replace(&mut end.sessions, none);
        end.sessions = sessions.with_rules(rules);
        end.rules = rules;
    }
    let [mut alice, mut bob] = ends;
    let hello = alice.initiate(&bob, b"hello");
    bob.open(hello.bytes()).expect("hello");
    let answer = bob.seal(&alice, b"answer");
    alice.open(answer.bytes()).expect("answer");
    alice.sessions.keep(&bob.identity.address());
    bob.sessions.keep(&alice.identity.address());
    alice.commit();
    bob.commit();
    (alice, bob)
}

/// `SES-10`
pub(crate) fn a_copy_opens_once(rules: Rules) -> bool {
    let (mut alice, mut bob) = acquainted(rules);
    let sealed = alice.seal(&bob, b"once");
    let first = bob.open(sealed.bytes()).expect("it is for bob");
    let second = bob.open(sealed.bytes()).expect("a duplicate gives its receipt");
    first.fresh && !second.fresh
}

/// `SES-11`: a second use of a (key, nonce) panics in [`used`].
pub(crate) fn a_rolled_back_disk_reuses_no_key(rules: Rules) -> bool {
    let (mut alice, bob) = acquainted(rules);
    let old = alice.disk.clone();
    for life in 0..3 {
        alice.restart(old.clone(), 40 + life);
        for n in 0..20_u8 {
            if alice.try_seal(&bob, &[n]) == Err(SealError::AwaitingCommit) {
                alice.commit();
                alice.seal(&bob, &[n]);
            }
        }
    }
    used::count() > 60
}

/// `SES-09`
pub(crate) fn counters_wait_for_the_disk(rules: Rules) -> bool {
    let (mut alice, bob) = acquainted(rules);
    let sealed = (0..10_000).take_while(|_| alice.try_seal(&bob, b"").is_ok()).count();
    sealed < 10_000
}

/// `MLL-08`
pub(crate) fn a_lite_copy_opens_once(rules: Rules) -> bool {
    let (mut alice, mut bob) = acquainted(rules);
    let (now, to) = (alice.now, bob.identity.address());
    let sealed = alice.sessions.seal_lite(now, &to, &PARAMS, &[b"\x01once"]).expect("they met");
    let first = bob.open(sealed.bytes()).expect("it is for bob");
    let second = bob.open(sealed.bytes()).expect("a duplicate gives its receipt");
    first.fresh && !second.fresh
}

/// `MLL-06`
pub(crate) fn lite_counters_wait_for_the_disk(rules: Rules) -> bool {
    let (mut alice, bob) = acquainted(rules);
    let (now, to) = (alice.now, bob.identity.address());
    let mut seal = || alice.sessions.seal_lite(now, &to, &PARAMS, &[b"\x01"]);
    let refused = (0..10_000).find_map(|_| seal().err());
    refused == Some(SealError::AwaitingCommit)
}

/// `SES-14`
pub(crate) fn nothing_below_the_floor(rules: Rules) -> bool {
    let (mut alice, bob) = acquainted(rules);
    alice.sessions.forget(&bob.identity.address());
    let weak = alice.initiate_with(&bob, Suite::X25519, b"weak").err();
    weak == Some(SealError::SuiteFloor { floor: Suite::XWing })
}

/// `SES-15`
pub(crate) fn a_lone_first_contact_opens_once(rules: Rules) -> bool {
    let (mut alice, mut bob) = acquainted(rules);
    let mailbox = MailboxHint { node: End::new(3).identity.address(), label: [7; 16], pow_bits: 0 };
    let through = Through { mailbox: &mailbox, admission: AdmissionAsked::Token([1; 16]) };
    let bundle = bob.bundle();
    let mut rng = NodeRng::from_seed([6; 32]);
    let (now, suite) = (alice.now, Suite::XWing);
    let sealed = alice
        .sessions
        .initiate_sealed(
            now,
            &alice.identity,
            &bundle,
            suite,
            through,
            &PARAMS,
            &[b"alone"],
            &mut rng,
        )
        .expect("a bundle is there");
    let first = bob.open(sealed.bytes()).expect("it is for bob");
    let second = bob.open(sealed.bytes()).expect("a duplicate gives its receipt");
    first.fresh && !second.fresh
}
