//! Our own vectors, for other implementations and against drift: `specs/vectors/mls-lite.json`.

use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt::Write;

use super::formats::hex;
use crate::{
    crypto::{
        Mode,
        kdf::{self, Secret},
    },
    identity::MeshIdentity,
    lite::{
        ShortKey,
        chain::{self, Direction, LiteSending},
        group::{ForwardGroup, GroupKeys, LiteObject, Text, air},
    },
    time::WallClock,
};

/// An object of names and strings or numbers, on one line.
fn line(fields: &[(&str, String)]) -> String {
    let fields = fields.iter().map(|(name, value)| {
        let is_number = !value.is_empty() && name.starts_with('#');
        let name = name.trim_start_matches('#');
        if is_number { format!("\"{name}\": {value}") } else { format!("\"{name}\": \"{value}\"") }
    });
    format!("  {{{}}}", fields.collect::<Vec<_>>().join(", "))
}

fn short() -> Vec<String> {
    let secret = [7; 32];
    let texts: [&[u8]; 4] = [b"", b"hello, radio", &[0x5a; 64], &[0xa5; 200]];
    let vectors = texts.iter().map(|text| {
        let mut bytes = text.to_vec();
        let (tag, preimage) = ShortKey::derive(&secret, b"qpc test").seal(b"header", &mut bytes);
        line(&[
            ("secret", hex(&secret)),
            ("label", hex(b"qpc test")),
            ("associated", hex(b"header")),
            ("text", hex(text)),
            ("ciphertext", hex(&bytes)),
            ("tag", hex(&tag)),
            ("preimage", hex(&preimage.0)),
        ])
    });
    vectors.collect()
}

/// One direction of a session: tags, and the keys of the messages behind them.
fn session() -> Vec<String> {
    let (exported, context) = ([0x11; 32], b"vectors");
    let seed = kdf::extract(context, &exported);
    let direction = Direction::derive(&seed, b"qpc lite there");
    let mut sending = LiteSending::new(&direction);
    let associated: Vec<u8> = (0..27).collect();
    let vectors = (0..18).map(|_| {
        let (counter, leaf) =
            sending.take(crate::rules::Rules::ALL).expect("the first block is ours");
        let text = format!("message {counter}").into_bytes();
        let mut bytes = text.clone();
        let (tag, preimage) = chain::message_key(&leaf).seal(&associated, &mut bytes);
        line(&[
            ("exported", hex(&exported)),
            ("context", hex(context)),
            ("#counter", counter.to_string()),
            ("session_tag", hex(&chain::tag(&sending.tags, counter))),
            ("leaf", hex(&*leaf)),
            ("associated", hex(&associated)),
            ("text", hex(&text)),
            ("ciphertext", hex(&bytes)),
            ("tag", hex(&tag)),
            ("preimage", hex(&preimage.0)),
        ])
    });
    vectors.collect()
}

fn object_fields(object: &LiteObject) -> Vec<(&'static str, String)> {
    let (mut body, mut small) = (Vec::new(), Vec::new());
    object.write_body(17, 86_400_000, &mut body);
    air::encode(&body, &mut small).expect("forwarded once");
    alloc::vec![("body", hex(&body)), ("digest", hex(object.digest())), ("air", hex(&small)),]
}

fn group() -> Vec<String> {
    let (label, secret, lineage) = ([0xab, 0xcd], [9; 32], 5 << 32 | 0xbeef_u64);
    let anna = MeshIdentity::from_seeds([1; 32], None);
    let keys = GroupKeys::new(label, &secret);
    let voice = keys.voice(anna.public().node_key(), lineage);
    let mut out = Vec::new();
    let mut transcripts = Vec::new();
    let date = Some(WallClock { unix_secs: 1_700_000_000 });
    let cases = [(1, None, false), (2, date, false), (300, None, true), (65_535, None, false)];
    for (counter, sent_at, is_signed) in cases {
        let payload = format!("bread {counter}").into_bytes();
        let text = Text { counter, lifetime: 13, sent_at, payload: payload.clone() };
        let object = if is_signed {
            keys.seal_signed(Mode::Real, &anna, &voice, &text, 64)
        } else {
            keys.seal(&voice, &text, 64)
        };
        let transcript = keys.transcript(&voice, &text);
        transcripts.push(transcript);
        let mut fields = alloc::vec![
            ("label", hex(&label)),
            ("secret", hex(&secret)),
            ("sender", hex(&voice.sender)),
            ("#lineage", lineage.to_string()),
            ("#counter", counter.to_string()),
            ("#lifetime", text.lifetime.to_string()),
            ("#sent_at", sent_at.map_or_else(|| "null".into(), |at| at.unix_secs.to_string())),
            ("payload", hex(&payload)),
            ("transcript", hex(&transcript)),
        ];
        fields.extend(object_fields(&object));
        out.push(line(&fields));
    }
    for count in [0, 1, 4] {
        let claims = (7, &transcripts[..count]);
        let object = keys.seal_checkpoint(Mode::Real, &anna, &voice, claims, (13, 64), [5; 8]);
        let covered: Vec<_> = transcripts[..count].iter().map(|one| hex(one)).collect();
        let mut fields = alloc::vec![
            ("label", hex(&label)),
            ("secret", hex(&secret)),
            ("sender", hex(&voice.sender)),
            ("#lineage", lineage.to_string()),
            ("#first", "7".into()),
            ("salt", hex(&[5; 8])),
            ("transcripts", covered.concat()),
        ];
        fields.extend(object_fields(&object));
        out.push(line(&fields));
    }
    out
}

/// A group that forgets keys speaks the same bytes.
fn forward() {
    let (secret, own, peer) = (Secret::new([9; 32]), [1; 32], [2; 32]);
    let mut group = ForwardGroup::new([1, 2], &secret, 4, own, &[own, peer]).expect("a member");
    group.reserve();
    let text = Text { counter: 1, lifetime: 13, sent_at: None, payload: b"same".to_vec() };
    let keys = GroupKeys::new([1, 2], &secret);
    let object = group.seal(text.clone(), 64).expect("reserved");
    assert_eq!(object, keys.seal(&keys.voice(&own, 4), &text, 64));
}

/// Every byte of keys, messages and checkpoints, pinned.
#[test]
fn mlg_01_vectors() {
    forward();
    let mut text = String::from("{\n");
    let parts = [("short_tag", short()), ("session", session()), ("group", group())];
    let last = parts.len() - 1;
    for (index, (name, lines)) in parts.iter().enumerate() {
        let comma = if index < last { "," } else { "" };
        write!(text, " \"{name}\": [\n{}\n ]{comma}\n", lines.join(",\n")).expect("a string grows");
    }
    text += "}\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors/mls-lite.json");
    if std::env::var_os("QPC_WRITE_VECTORS").is_some() {
        std::fs::write(path, &text).expect("the checkout can be written");
    }
    let pinned = std::fs::read_to_string(path).expect("specs/vectors is part of the checkout");
    for (ours, pinned) in text.lines().zip(pinned.lines()) {
        assert_eq!(ours, pinned);
    }
    assert_eq!(text, pinned);
}
