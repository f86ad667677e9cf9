use crate::{
    error::{Error, PeerMisbehaved, Unsupported},
    identity::Suite,
    limits::PREKEY_ROTATION,
    session::{SealError, lock},
    time::Instant,
};

use super::ends::{End, acquainted};

/// SES-01, SES-13: one envelope opens a session that both ends use.
#[test]
fn first_contact_opens_a_session() {
    let (mut alice, mut bob) = (End::new(1), End::new(2));
    let hello = alice.initiate(&bob, b"hello");
    let opened = bob.open(&hello.bytes).unwrap();
    assert_eq!(opened.inner, b"hello");
    assert_eq!(opened.peer, alice.identity.public());
    assert_eq!(opened.root_key, alice.identity.root_key());
    assert_eq!(opened.suite, Suite::XWing);
    assert!(opened.first_contact && opened.fresh && !opened.session_signed);
    assert_eq!(lock(&opened.preimage), hello.lock);

    let answer = bob.seal(&alice, b"answer");
    let opened = alice.open(&answer.bytes).unwrap();
    assert_eq!(opened.inner, b"answer");
    assert_eq!(opened.peer, bob.identity.public());
    assert_eq!(opened.root_key, bob.identity.root_key());
    assert!(!opened.first_contact);
    assert_eq!(lock(&opened.preimage), answer.lock);
}
