//! Sealing: published vectors, binding, lengths, what letters have in common.

use std::{collections::BTreeSet, string::String, vec::Vec};

use mesh::{
    crypto::{kem::X25519Key, rng::NodeRng},
    error::{Error, PeerMisbehaved},
    identity::Suite,
};

use super::{
    super::{
        Answer, FollowTo, FollowUp, LETTER_LEN, LETTER_LEN_XWING, Reason, Recognised, Request,
        SubKeyPair, Thread, Unsealed, Verdict,
        hpke::{self, Context, Psk},
    },
    *,
};

#[test]
fn rsv_01_rfc_9180() {
    let file = include_str!("../../../../specs/vectors/hpke-rfc9180.json");
    let json: serde_json::Value = serde_json::from_str(file).expect("JSON");
    let tests = json["tests"].as_array().expect("tests");
    assert_eq!(tests.len(), 2);
    for test in tests {
        let get = |name: &str| unhex(test[name].as_str().expect("a string"));
        let key = |name: &str| <[u8; 32]>::try_from(get(name)).expect("32 bytes");
        let (psk_key, psk_id) = (get("psk"), get("psk_id"));
        let psk = <&[u8; 32]>::try_from(&psk_key[..]).ok().map(|key| Psk { key, id: &psk_id });
        assert_eq!(psk.is_some(), test["mode"] == 1);

        let ephemeral = X25519Key::from_seed(key("skEm"));
        let (enc, shared) = hpke::encapsulate_x25519(&key("pkRm"), &ephemeral).expect("sound");
        assert_eq!(hex(&enc), test["enc"]);
        assert_eq!(hex(&*shared), test["shared_secret"]);
        let own = X25519Key::from_seed(key("skRm"));
        assert_eq!(hpke::decapsulate_x25519(&own, &enc).expect("sound"), shared);

        let context = || Context::new(Suite::X25519, &shared, &get("info"), psk);
        assert_eq!(hex(&context().seal(&get("aad"), &get("pt"))), test["ct"]);
        assert_eq!(*context().open(&get("aad"), &get("ct")).expect("opens"), get("pt"));
        assert!(context().open(b"other", &get("ct")).is_err());
        for export in test["exports"].as_array().expect("exports") {
            let purpose = unhex(export["context"].as_str().expect("hex"));
            assert_eq!(hex(&*context().export::<32>(&purpose)), export["value"]);
        }
    }
}

/// RFC 9420's `EncryptWithLabel` of suite 3 is HPKE's single message: another implementation's.
#[test]
fn rsv_01_as_mls_uses_it() {
    let key = |text| <[u8; 32]>::try_from(unhex(text)).expect("32 bytes");
    let own = X25519Key::from_seed(key(
        "9d122ad4638fcb301b6eb5f4073414afb44bb34d37b4ddee9975b2941d700edb",
    ));
    let enc = key("f26e9e5a94396a90f85a5f72eedf3dacfb1b7f4164e0573edeb9c6c912e1cb49");
    let context = unhex("0d6a5cf9ee88b1f8c79d8512477d9bfc5496c207c8173f8dcac0368b4dba7407");
    let label = b"MLS 1.0 EncryptWithLabel";
    let info = [&[label.len() as u8][..], label, &[context.len() as u8], &context].concat();
    let shared = hpke::decapsulate_x25519(&own, &enc).expect("sound");
    let sealed = unhex(
        "40dd09ad4c5dc29d373f814bf054c9359cb75a468bc4d2c8bbcffb072a73105c4d9416ebd4fafeb62e59a9dea55da3cd",
    );
    let text = Context::new(Suite::X25519, &shared, &info, None).open(b"", &sealed).expect("opens");
    assert_eq!(hex(&text), "1dd4c1904996ce7d42cee7de68881459fa7a345da59a02040ade37103505baf6");
}

#[test]
fn rsv_01_weak_keys_are_refused() {
    let ephemeral = X25519Key::from_seed([1; 32]);
    assert_eq!(hpke::encapsulate_x25519(&[0; 32], &ephemeral), Err(PeerMisbehaved::WeakKey));
    assert_eq!(hpke::decapsulate_x25519(&ephemeral, &[0; 32]), Err(PeerMisbehaved::WeakKey));
    let mut xwing = [9; 1_216];
    xwing[1_184..].fill(0);
    let mut rng = NodeRng::from_seed([1; 32]);
    assert!(hpke::encapsulate_xwing(&xwing, &mut rng).is_err());
}

fn pair() -> SubKeyPair {
    SubKeyPair::from_seed(&[3; 32])
}

fn request(id: u8) -> Request {
    Request {
        id: RequestId([id; 16]),
        made_at: NOW,
        hold: Hold::Kept,
        reply_key: X25519Key::from_seed([id; 32]).public(),
        mailbox: REPLIES,
        tag: [id; 16],
        work: 7,
    }
}

fn sealed(suite: Suite, id: u8, seed: u8) -> Letter {
    let public = pair().public();
    let key = match suite {
        Suite::X25519 => SubKey::new(*public.x25519()),
        Suite::XWing => public,
    };
    let mut rng = NodeRng::from_seed([seed; 32]);
    Unsealed::new(about(slot(30)), &key, &mut rng).expect("sound").seal(&request(id)).0
}

const SUITES: [Suite; 2] = [Suite::X25519, Suite::XWing];

#[test]
fn rsv_02_both_suites_open() {
    for suite in SUITES {
        let letter = sealed(suite, 1, 1);
        assert_eq!(letter.suite(), suite);
        let pair = pair();
        let found = Recognised::by(&letter, &pair).expect("ours");
        assert!(found.is_about(&about(slot(30))));
        let opened = found.open(&about(slot(30))).expect("opens");
        assert_eq!(opened.request, request(1));
        assert!(Recognised::by(&letter, &SubKeyPair::from_seed(&[4; 32])).is_none());
    }
}

#[test]
fn rsv_03_a_request_opens_for_its_slot_and_announce_alone() {
    for suite in SUITES {
        let letter = sealed(suite, 1, 1);
        let pair = pair();
        let found = Recognised::by(&letter, &pair).expect("ours");
        let other = About { announce: AnnounceId([2; 32]), slot: slot(30) };
        for wrong in [about(slot(31)), other] {
            assert!(!found.is_about(&wrong));
            let refused = found.open(&wrong).expect_err("bound");
            assert_eq!(refused, Error::PeerMisbehaved(PeerMisbehaved::BadTag));
        }
    }
}

fn answer(verdict: Verdict, alternatives: usize) -> Answer {
    let confirmed = verdict == Verdict::Confirmed;
    let offered = super::super::Alternative { slot: slot(31), start: hours(31), minutes: 50 };
    Answer {
        verdict,
        reason: if confirmed { Reason::None } else { Reason::Taken },
        work_bits: 0,
        decided_at: NOW,
        follow_key: if confirmed { [5; 32] } else { [0; 32] },
        alternatives: vec![offered; alternatives],
    }
}

#[test]
fn rsv_03_answers_are_of_who_opened_the_request() {
    let own = X25519Key::from_seed([1; 32]);
    let thread = Thread {
        about: about(slot(30)),
        id: RequestId([1; 16]),
        suite: Suite::X25519,
        psk: &[8; 32],
    };
    let said = answer(Verdict::Confirmed, 0);
    let letter = thread.seal_answer(&own.public(), &[1; 16], &said).expect("sound");
    assert_eq!(thread.open_answer(&own, &letter), Ok(said.clone()));
    // Who knows the one-time key, the tag and the request's name has not opened the request.
    let forger = Thread { psk: &[9; 32], ..thread };
    let forged = forger.seal_answer(&own.public(), &[1; 16], &said).expect("sound");
    let thread = Thread { psk: &[8; 32], ..forger };
    assert_eq!(forged.label(), letter.label());
    assert!(thread.open_answer(&own, &forged).is_err());
    // An answer is none to another request, another slot, or to the practice as a follow-up.
    for other in
        [Thread { id: RequestId([2; 16]), ..thread }, Thread { about: about(slot(31)), ..thread }]
    {
        assert!(other.open_answer(&own, &letter).is_err());
    }
    assert!(thread.open_follow_up(&own, &letter).is_err());
}

#[test]
fn rsv_04_every_letter_of_a_suite_has_one_length() {
    let own = X25519Key::from_seed([1; 32]);
    for (suite, len) in [(Suite::X25519, LETTER_LEN), (Suite::XWing, LETTER_LEN_XWING)] {
        assert_eq!(sealed(suite, 1, 1).bytes().len(), len);
        let thread =
            Thread { about: about(slot(30)), id: RequestId([1; 16]), suite, psk: &[8; 32] };
        for said in [
            answer(Verdict::Confirmed, 0),
            answer(Verdict::Declined, 0),
            answer(Verdict::Declined, 8),
            answer(Verdict::Cancelled, 0),
        ] {
            let letter = thread.seal_answer(&own.public(), &[1; 16], &said).expect("sound");
            assert_eq!(letter.bytes().len(), len);
        }
        let longest: String = core::iter::repeat_n('a', 400).collect();
        for follow in [
            FollowUp::Cancel,
            FollowUp::contact("a").expect("short"),
            FollowUp::contact(&longest).expect("fits"),
        ] {
            let to = own.public();
            let letter = thread.seal_follow_up(FollowTo::SubKey(&to), &follow).expect("sound");
            assert_eq!(letter.bytes().len(), len);
        }
    }
    assert_eq!((LETTER_LEN, LETTER_LEN_XWING), (576, 1_664));
}

/// No four bytes of one letter are anywhere in another, of one patient to one slot.
#[test]
fn rsv_04_letters_of_one_patient_share_nothing() {
    for suite in SUITES {
        let mut person = Person::new(1);
        let office = Office::new();
        let mut ask = || match suite {
            Suite::X25519 => person.ask(NOW, office.wanted(30)).1,
            Suite::XWing => person.ask(NOW, office.wanted_xwing(30)).1,
        };
        let (one, two) = (ask(), ask());
        let seen: BTreeSet<&[u8]> = one.bytes().windows(WINDOW).collect();
        assert_eq!(seen.len(), one.bytes().len() - WINDOW + 1, "nothing repeats inside of one");
        assert!(two.bytes().windows(WINDOW).all(|window| !seen.contains(window)));
    }
}

/// 1,660² pairs of four random bytes are equal with 6·10⁻⁴, of six with 10⁻⁸.
const WINDOW: usize = 6;

#[test]
fn rsv_04_every_flipped_bit_is_noticed() {
    for suite in SUITES {
        let letter = sealed(suite, 1, 1);
        let pair = pair();
        // Every bit of label, key and tag, and one of every byte between.
        for at in 0..letter.bytes().len() {
            let whole = at < 48 || at >= letter.bytes().len() - 16;
            for bit in if whole && suite == Suite::X25519 { 0..8 } else { 0..1 } {
                let mut bytes = letter.bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let altered = Letter::parse(&bytes).expect("the length is right");
                // The top bit of an X25519 key has no meaning in the curve, but in the schedule.
                let opened =
                    Recognised::by(&altered, &pair).map(|found| found.open(&about(slot(30))));
                assert!(!matches!(opened, Some(Ok(_))), "byte {at} bit {bit}");
            }
        }
    }
}

#[test]
fn rsv_05_labels_tell_nothing_to_others() {
    let letters: Vec<Letter> = (0..32).map(|seed| sealed(Suite::X25519, 1, seed)).collect();
    let labels: BTreeSet<[u8; 16]> = letters.iter().map(Letter::label).collect();
    assert_eq!(labels.len(), letters.len(), "of one request content, to one slot");
    // The masked hint differs as well: it is no name of the slot.
    let hints: BTreeSet<&[u8]> = letters.iter().map(|letter| &letter.bytes()[12..16]).collect();
    assert_eq!(hints.len(), letters.len());
}

#[test]
fn rsv_06_one_content_is_one_letter_and_two_contents_share_no_key() {
    let own = X25519Key::from_seed([1; 32]).public();
    let thread = Thread {
        about: about(slot(30)),
        id: RequestId([1; 16]),
        suite: Suite::X25519,
        psk: &[8; 32],
    };
    let seal = |said: &Answer| thread.seal_answer(&own, &[1; 16], said).expect("sound");
    let declined = answer(Verdict::Declined, 1);
    assert_eq!(seal(&declined), seal(&declined));
    let other = seal(&answer(Verdict::Declined, 2));
    assert_eq!(other.label(), seal(&declined).label());
    assert_ne!(other.bytes()[16..48], seal(&declined).bytes()[16..48]);
}
