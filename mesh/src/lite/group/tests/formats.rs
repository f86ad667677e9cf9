//! `MLG-01` to `MLG-12`: layouts, radio form, sealing, checkpoints.

use alloc::{format, string::String, vec, vec::Vec};

use crate::{
    crypto::Mode,
    error::{Error, PeerMisbehaved},
    identity::MeshIdentity,
    limits::{GROUP_CHECKPOINT_MAX, GROUP_PAYLOAD_LEN_MAX, LITE_LIFETIMES_S},
    lite::group::{Form, GroupKeys, LiteObject, Text, Voice, air, lifetime_code},
    time::WallClock,
};

const LINEAGE: u64 = 7 << 32 | 0x1234;

pub(super) fn anna() -> MeshIdentity {
    MeshIdentity::from_seeds([1; 32], None)
}

pub(super) fn keys() -> GroupKeys {
    GroupKeys::new([0xab, 0xcd], &[9; 32])
}

pub(super) fn voice_of(identity: &MeshIdentity) -> Voice {
    keys().voice(identity.public().node_key(), LINEAGE)
}

pub(super) fn text(counter: u16, payload: &[u8]) -> Text {
    Text { counter, lifetime: 15, sent_at: None, payload: payload.into() }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn body(object: &LiteObject, hops_left: u8, age_ms: u32) -> Vec<u8> {
    let mut out = Vec::new();
    object.write_body(hops_left, age_ms, &mut out);
    out
}

/// One object of each form.
fn samples() -> [LiteObject; 4] {
    let (keys, anna) = (keys(), anna());
    let voice = voice_of(&anna);
    let dated =
        Text { sent_at: Some(WallClock { unix_secs: 1_700_000_000 }), ..text(2, b"bread is out") };
    let transcripts: Vec<_> = (1..4).map(|n| keys.transcript(&voice, &text(n, b"x"))).collect();
    [
        keys.seal(&voice, &text(1, b"bread is out"), 64),
        keys.seal(&voice, &dated, 64),
        keys.seal_signed(Mode::Real, &anna, &voice, &text(3, b"bread is out"), 64),
        keys.seal_checkpoint(Mode::Real, &anna, &voice, (1, &transcripts), (15, 64), [5; 8]),
    ]
}

/// Bytes on air: RNode's header, type, hint and hop tag around the radio form.
fn on_air(object: &LiteObject) -> usize {
    let mut air = Vec::new();
    air::encode(&body(object, 63, 0), &mut air).expect("forwarded once");
    1 + 1 + 1 + air.len() + 4
}

#[test]
fn mlg_01_layout_snapshot() {
    let all: Vec<_> = samples().iter().map(|object| hex(&body(object, 5, 0x0102_0304))).collect();
    let head = |form: &str| format!("0504030201{form}0fabcd");
    for (object, form) in all.iter().zip(["00", "01", "02", "03"]) {
        assert!(object.starts_with(&head(form)), "{object}");
    }
    let label = format!("{:02x}", voice_of(&anna()).label);
    for (object, counter) in all.iter().zip(["0100", "0200", "0300"]) {
        assert_eq!(object[18..24], format!("{label}{counter}"));
    }
    // Head 9, voice 3, text 12, date 4, tag 8, signature 64, checkpoint 50, claim 8.
    let lens: Vec<_> = all.iter().map(|object| object.len() / 2).collect();
    assert_eq!(lens, [32, 36, 88, 9 + 50 + 3 * 8 + 64]);
    assert_eq!(all[0][24..], *PINNED_MESSAGE);
}

#[test]
fn mlg_02_the_digest_names_what_stays() {
    for object in samples() {
        let again = LiteObject::parse(&body(&object, 1, 99)).expect("well-formed");
        assert_eq!(again.digest(), object.digest());
        let whole = body(&object, 1, 99);
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(other) = LiteObject::parse(&flipped) else { continue };
            assert_eq!(other.digest() == object.digest(), bit < 40, "bit {bit}");
        }
    }
}

#[test]
fn mlg_03_ranges_are_checked() {
    for object in samples() {
        let whole = body(&object, 3, 0);
        for len in 0..whole.len() {
            let Ok(shorter) = LiteObject::parse(&whole[..len]) else { continue };
            assert!(keys().open(Mode::Real, &shorter, &voice_of(&anna())).is_err(), "{len}");
            assert!(keys().open_checkpoint(Mode::Real, &shorter).is_err(), "{len}");
        }
        let with = |at: usize, byte: u8| {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            LiteObject::parse(&bytes)
        };
        assert!(with(0, 65).is_err(), "hops");
        assert!(with(5, 4).is_err(), "form");
        assert!(with(6, 16).is_err(), "lifetime");
        let old = body(&object, 3, 2_592_000_000);
        assert_eq!(LiteObject::parse(&old), Err(PeerMisbehaved::Expired.into()));
        assert!(LiteObject::parse(&body(&object, 3, 2_591_999_999)).is_ok());
    }
    let long = keys().seal(&voice_of(&anna()), &text(1, &[0; GROUP_PAYLOAD_LEN_MAX + 1]), 64);
    assert!(LiteObject::parse(&body(&long, 3, 0)).is_err());
}

#[test]
fn mlg_04_radio_form_round_trips() {
    for object in samples() {
        for age_ms in [0, 1, 10_125_000, 10_125_001, 151_875_000, 2_000_000_000, 2_581_875_000] {
            let (full, mut small, mut back) = (body(&object, 63, age_ms), vec![], vec![]);
            air::encode(&full, &mut small).expect("it has one");
            air::decode(&small, &mut back).expect("what was written");
            assert_eq!(back[5..], full[5..]);
            let again = LiteObject::parse(&back).expect("the same");
            assert_eq!((again.hops_left(), again.digest()), (63, object.digest()));
            assert!((age_ms..=age_ms + 10_125_000).contains(&again.age_ms()), "never younger");
            let mut twice = Vec::new();
            air::encode(&back, &mut twice).expect("it has one");
            assert_eq!(twice, small, "coded alike again");
        }
        assert_eq!(air::encode(&body(&object, 64, 0), &mut vec![]), None);
        assert_eq!(air::encode(&body(&object, 1, 2_591_999_999), &mut vec![]), None);
    }
    assert!(air::decode(&[1], &mut vec![]).is_err());
    assert!(air::decode(&[1, 0xff], &mut vec![]).is_err());
    assert!(air::decode(&[1, 0xff, 3], &mut vec![]).is_err(), "a short age in a long form");
}

#[test]
fn mlg_04_bytes_on_air() {
    let (keys, anna) = (keys(), anna());
    let voice = voice_of(&anna);
    let fifty = text(1, &[0x61; 50]);
    let dated = Text { sent_at: Some(WallClock { unix_secs: 1 }), ..fifty.clone() };
    assert_eq!(on_air(&keys.seal(&voice, &fifty, 64)), 72);
    assert_eq!(on_air(&keys.seal(&voice, &dated, 64)), 76);
    assert_eq!(on_air(&keys.seal_signed(Mode::Real, &anna, &voice, &fifty, 64)), 128);
    let checkpoint = |count: usize| {
        let transcripts = vec![[0; 32]; count];
        keys.seal_checkpoint(Mode::Real, &anna, &voice, (1, &transcripts), (15, 64), [0; 8])
    };
    assert_eq!(on_air(&checkpoint(1)), 133);
    assert_eq!(on_air(&checkpoint(GROUP_CHECKPOINT_MAX)), 253);
    assert_eq!(on_air(&checkpoint(GROUP_CHECKPOINT_MAX + 1)), 253, "what is beyond is left out");
}

#[test]
fn mlg_05_voices_differ() {
    let keys = keys();
    let anna = *anna().public().node_key();
    let object = keys.seal(&keys.voice(&anna, LINEAGE), &text(1, b"x"), 64);
    assert!(keys.open(Mode::Real, &object, &keys.voice(&anna, LINEAGE)).is_ok());
    assert!(keys.open(Mode::Real, &object, &keys.voice(&anna, LINEAGE + 1)).is_err());
    assert!(keys.open(Mode::Real, &object, &keys.voice(&[2; 32], LINEAGE)).is_err());
    let other = GroupKeys::new(keys.label(), &[8; 32]);
    assert!(other.open(Mode::Real, &object, &other.voice(&anna, LINEAGE)).is_err());
    // Labels may collide: then the tag decides.
    let twin = (0..).map(|n| keys.voice(&anna, n));
    let twin = twin.filter(|voice| voice.lineage != LINEAGE);
    let label = keys.voice(&anna, LINEAGE).label;
    let twin = twin.into_iter().find(|voice| voice.label == label).expect("one in 256");
    assert_eq!(keys.open(Mode::Real, &object, &twin), Err(PeerMisbehaved::BadTag.into()));
}

#[test]
fn mlg_06_every_flipped_bit_is_noticed() {
    let keys = keys();
    for object in samples() {
        let whole = body(&object, 5, 0);
        for bit in 40..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = LiteObject::parse(&flipped) else { continue };
            assert!(keys.open(Mode::Real, &flipped, &voice_of(&anna())).is_err(), "bit {bit}");
            assert!(keys.open_checkpoint(Mode::Real, &flipped).is_err(), "bit {bit}");
        }
    }
}

#[test]
fn mlg_07_signed_messages_are_the_senders() {
    let (keys, anna, mallory) = (keys(), anna(), MeshIdentity::from_seeds([66; 32], None));
    let honest = keys.seal_signed(Mode::Real, &anna, &voice_of(&anna), &text(1, b"hi"), 64);
    assert_eq!(honest.form(), Form::Signed);
    assert_eq!(keys.open(Mode::Real, &honest, &voice_of(&anna)), Ok(text(1, b"hi")));
    // A member has every key but Anna's own.
    let forged = keys.seal_signed(Mode::Real, &mallory, &voice_of(&anna), &text(1, b"hi"), 64);
    let error = keys.open(Mode::Real, &forged, &voice_of(&anna));
    assert_eq!(error, Err(Error::PeerMisbehaved(PeerMisbehaved::BadSignature)));
}

#[test]
fn mlg_08_two_texts_meet_two_key_streams() {
    crate::lite::used::watch();
    let (keys, anna) = (keys(), anna());
    let voice = voice_of(&anna);
    let [one, two] = [b"first text", b"other text"].map(|payload| text(1, payload));
    let stream = |object: &LiteObject, payload: &[u8]| -> Vec<u8> {
        body(object, 0, 0)[12..22].iter().zip(payload).map(|(a, b)| a ^ b).collect()
    };
    let unsigned = [&one, &two].map(|text| stream(&keys.seal(&voice, text, 1), &text.payload));
    assert_ne!(unsigned[0], unsigned[1]);
    let signed = [&one, &two]
        .map(|text| stream(&keys.seal_signed(Mode::Real, &anna, &voice, text, 1), &text.payload));
    assert_ne!(signed[0], signed[1]);
    assert_ne!(signed[0], unsigned[0]);
}

#[test]
fn mlg_09_both_forms_sign_the_same() {
    let (keys, anna) = (keys(), anna());
    let voice = voice_of(&anna);
    let signed = keys.seal_signed(Mode::Real, &anna, &voice, &text(4, b"hi"), 64);
    let plain = keys.seal(&voice, &text(4, b"hi"), 64);
    let transcript = |object| {
        let text = keys.open(Mode::Real, object, &voice).expect("honest");
        keys.transcript(&voice, &text)
    };
    assert_eq!(transcript(&signed), transcript(&plain));
    let base = keys.transcript(&voice, &text(4, b"hi"));
    assert_ne!(base, keys.transcript(&voice, &text(5, b"hi")));
    assert_ne!(base, keys.transcript(&voice, &text(4, b"ho")));
    assert_ne!(base, keys.transcript(&voice, &Text { lifetime: 3, ..text(4, b"hi") }));
    let dated = Text { sent_at: Some(WallClock { unix_secs: 0 }), ..text(4, b"hi") };
    assert_ne!(base, keys.transcript(&voice, &dated));
    assert_ne!(base, keys.transcript(&keys.voice(&voice.sender, 1), &text(4, b"hi")));
    let other = GroupKeys::new(keys.label(), &[8; 32]);
    assert_ne!(base, other.transcript(&voice, &text(4, b"hi")), "outsiders cannot compute it");
}

#[test]
fn mlg_10_checkpoints_name_messages() {
    let (keys, anna) = (keys(), anna());
    let voice = voice_of(&anna);
    let texts: Vec<_> = (5..21).map(|n| text(n, &n.to_le_bytes())).collect();
    let transcripts: Vec<_> = texts.iter().map(|text| keys.transcript(&voice, text)).collect();
    let object =
        keys.seal_checkpoint(Mode::Real, &anna, &voice, (5, &transcripts), (15, 64), [3; 8]);
    let object = LiteObject::parse(&body(&object, 3, 0)).expect("well-formed");
    let checkpoint = keys.open_checkpoint(Mode::Real, &object).expect("honest");
    assert_eq!((checkpoint.sender, checkpoint.lineage), (voice.sender, LINEAGE));
    assert_eq!((checkpoint.first, checkpoint.claims.len()), (5, 16));
    for (at, claim) in checkpoint.claims.iter().enumerate() {
        for (other, transcript) in transcripts.iter().enumerate() {
            assert_eq!(claim.fits(transcript), at == other);
        }
    }
    let salted =
        keys.seal_checkpoint(Mode::Real, &anna, &voice, (5, &transcripts), (15, 64), [4; 8]);
    let salted = keys.open_checkpoint(Mode::Real, &salted).expect("honest");
    assert!(checkpoint.claims.iter().zip(&salted.claims).all(|(one, other)| one != other));
}

#[test]
fn mlg_11_false_checkpoints_are_refused() {
    let (keys, anna, mallory) = (keys(), anna(), MeshIdentity::from_seeds([66; 32], None));
    let voice = voice_of(&anna);
    let forged = keys.seal_checkpoint(Mode::Real, &mallory, &voice, (1, &[]), (15, 64), [3; 8]);
    assert!(keys.open_checkpoint(Mode::Real, &forged).is_err());
    for (first, count) in [(0, 1), (65_535, 2), (65_530, 7)] {
        let transcripts = vec![[0; 32]; count];
        let claims = (first, &transcripts[..]);
        let object = keys.seal_checkpoint(Mode::Real, &anna, &voice, claims, (15, 64), [3; 8]);
        assert!(keys.open_checkpoint(Mode::Real, &object).is_err(), "{first} {count}");
    }
    let message = keys.seal(&voice, &text(1, b"x"), 64);
    assert!(keys.open_checkpoint(Mode::Real, &message).is_err());
}

#[test]
fn mlg_12_lifetimes_round_down() {
    assert!(LITE_LIFETIMES_S.windows(2).all(|pair| pair[0] < pair[1]));
    for (lifetime_s, code) in
        [(0, 0), (60, 0), (119, 0), (120, 1), (2_592_000, 15), (9_999_999, 15)]
    {
        assert_eq!(lifetime_code(lifetime_s), code, "{lifetime_s}");
    }
}

const PINNED_MESSAGE: &str = "dbb037981e902cd7e74981fda8e4dfc104433459";
