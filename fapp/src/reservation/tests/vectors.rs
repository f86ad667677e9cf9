//! Our own vectors: `specs/vectors/fapp-reservation.json`. `QPC_WRITE_VECTORS=1` rewrites the file; a
//! change of it is a change of the protocol.

use std::{format, string::String, vec::Vec};

use mesh::{
    crypto::{
        Mode,
        kem::{X25519Key, XWingKey},
    },
    identity::Suite,
};

use super::{
    super::{Ask, FollowTo, FollowUp, MailboxKey, Reason, Request, SubKeyPair, Thread, Unsealed},
    *,
};

/// Inputs by name, then what follows from them.
fn objects() -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut put = |name: &str, value: &[u8]| out.push((name.into(), hex(value)));
    let pair = SubKeyPair::from_seed(&[3; 32]);
    let reply = X25519Key::from_seed([4; 32]);
    let follow = X25519Key::from_seed([5; 32]);
    put("sub-key seed", &[3; 32]);
    put("sub-key x25519 private", pair.x25519().seed());
    put("sub-key x25519 public", &pair.x25519().public());
    put("sub-key x-wing seed", pair.xwing().seed());
    put("announce id", &ANNOUNCE.0);
    put("slot id", &slot(30).0);
    put("reply key private", reply.seed());
    put("follow key private", follow.seed());
    put("mailbox node", MAILBOX.as_bytes());
    for (name, suite) in [("x25519", Suite::X25519), ("x-wing", Suite::XWing)] {
        let public = pair.public();
        let key = match suite {
            Suite::X25519 => SubKey::new(*public.x25519()),
            Suite::XWing => public,
        };
        let mut rng = NodeRng::from_seed([6; 32]);
        let unsealed = Unsealed::new(about(slot(30)), &key, &mut rng).expect("sound");
        put(&format!("{name} puzzle of hour 499064"), &unsealed.puzzle(499_064));
        let request = Request {
            id: RequestId([1; 16]),
            made_at: NOW,
            hold: Hold::Kept,
            reply_key: reply.public(),
            mailbox: REPLIES,
            tag: [2; 16],
            work: 7,
        };
        let (letter, psk) = unsealed.seal(&request);
        put(&format!("{name} request"), letter.bytes());
        put(&format!("{name} psk"), &*psk);
        let thread = Thread { about: about(slot(30)), id: RequestId([1; 16]), suite, psk: &psk };
        let answer = super::super::Answer {
            verdict: super::super::Verdict::Confirmed,
            reason: Reason::None,
            work_bits: 0,
            decided_at: NOW,
            follow_key: follow.public(),
            alternatives: Vec::new(),
        };
        let said = thread.seal_answer(&reply.public(), &[2; 16], &answer).expect("sound");
        put(&format!("{name} answer confirmed"), said.bytes());
        let text = FollowUp::contact("Anna, 0151").expect("sound");
        let to = follow.public();
        let contact = thread.seal_follow_up(FollowTo::FollowKey(&to), &text).expect("sound");
        put(&format!("{name} contact"), contact.bytes());
        let cancel = thread
            .seal_follow_up(FollowTo::SubKey(&pair.x25519().public()), &FollowUp::Cancel)
            .expect("sound");
        put(&format!("{name} cancel before an answer"), cancel.bytes());
        let (x25519, xwing) =
            (X25519Key::from_seed([8; 32]), XWingKey::from_seed(Mode::Real, [9; 32]));
        let (x25519_public, xwing_public) = (x25519.public(), xwing.public());
        let mailbox =
            MailboxKey { node: MAILBOX, id: 5, x25519: &x25519_public, xwing: &xwing_public };
        let mut rng = NodeRng::from_seed([10; 32]);
        let take = Ask::Take([[1; 16], [2; 16]]);
        let (outer, _) = take.seal(suite, &mailbox, &mut rng).expect("sound");
        put(&format!("{name} outer take, pre-keys of seeds 08.. and 09.."), &outer);
    }
    out
}

#[test]
fn rsv_04_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors/fapp-reservation.json");
    let lines: Vec<String> =
        objects().iter().map(|(name, value)| format!("  \"{name}\": \"{value}\"")).collect();
    let made = format!("{{\n{}\n}}\n", lines.join(",\n"));
    if std::env::var_os("QPC_WRITE_VECTORS").is_some() {
        std::fs::write(path, &made).expect("the file can be written");
    }
    let stored = std::fs::read_to_string(path).expect("the file is there");
    assert!(made == stored, "the protocol changed: see the top of this file");
}
