//! The classic subset of our Noise primitives: against published vectors, and live against snow.

use std::{path::PathBuf, process::Command};

use clatter::{
    KeyPair, NqHandshakeCore,
    bytearray::SensitiveByteArray,
    handshakepattern as patterns,
    handshakepattern::HandshakePattern,
    traits::{Dh, Handshaker},
};
use serde_json::Value;
use transports::noise::{ChaChaPoly, Sha256, SystemRandom, X25519};

type Classic = NqHandshakeCore<X25519, ChaChaPoly, Sha256, SystemRandom>;
type Keys = KeyPair<[u8; 32], SensitiveByteArray<[u8; 32]>>;

/// The vectors that snow ships, found through cargo: they are published with the crate.
fn published() -> Vec<Value> {
    // Without a platform, cargo wants the packages of all platforms, which nobody has downloaded.
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--filter-platform", &platform])
        .arg("--manifest-path")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let snow = packages.iter().find(|package| package["name"] == "snow").expect("a dev-dependency");
    let manifest = PathBuf::from(snow["manifest_path"].as_str().expect("a path"));
    let directory = manifest.parent().expect("a directory").join("tests/vectors");
    ["cacophony.txt", "snow.txt"]
        .iter()
        .flat_map(|file| {
            let text = std::fs::read(directory.join(file)).expect("published with the crate");
            let file: Value = serde_json::from_slice(&text).expect("JSON");
            file["vectors"].as_array().expect("a list of vectors").clone()
        })
        .collect()
}

fn hex(value: &Value) -> Option<Vec<u8>> {
    let digits = value.as_str()?.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.chunks(2).map(byte).collect()
}

fn keys(value: &Value) -> Option<Keys> {
    let secret = SensitiveByteArray::new(<[u8; 32]>::try_from(hex(value)?).ok()?);
    Some(Keys::new(X25519::pubkey(&secret), secret))
}

fn public(value: &Value) -> Option<[u8; 32]> {
    hex(value)?.try_into().ok()
}

fn pattern(name: &str) -> Option<HandshakePattern> {
    Some(match name {
        "NN" => patterns::noise_nn(),
        "NK" => patterns::noise_nk(),
        "NX" => patterns::noise_nx(),
        "XN" => patterns::noise_xn(),
        "XK" => patterns::noise_xk(),
        "XX" => patterns::noise_xx(),
        "KN" => patterns::noise_kn(),
        "KK" => patterns::noise_kk(),
        "KX" => patterns::noise_kx(),
        "IN" => patterns::noise_in(),
        "IK" => patterns::noise_ik(),
        "IX" => patterns::noise_ix(),
        "NNpsk0" => patterns::noise_nn_psk0(),
        "XXpsk3" => patterns::noise_xx_psk3(),
        _ => return None,
    })
}

fn side(vector: &Value, pattern: HandshakePattern, side: &str) -> Classic {
    let field = |name: &str| &vector[format!("{side}_{name}")];
    let prologue = hex(field("prologue")).unwrap_or_default();
    let mut this = Classic::new(
        pattern,
        &prologue,
        side == "init",
        keys(field("static")),
        keys(field("ephemeral")),
        public(field("remote_static")),
        None,
    )
    .expect("the vector has what its pattern needs");
    for psk in field("psks").as_array().into_iter().flatten() {
        this.push_psk(&hex(psk).expect("a key"));
    }
    this
}

/// Runs one vector on both sides and compares every byte on the wire and every payload.
fn check(vector: &Value, pattern: HandshakePattern) {
    let name = vector["protocol_name"].as_str().expect("a name");
    let (mut a, mut b) = (side(vector, pattern.clone(), "init"), side(vector, pattern, "resp"));
    let mut messages = vector["messages"].as_array().expect("messages").iter();
    let (mut out, mut back) = ([0; 4_096], [0; 4_096]);
    while !a.is_finished() {
        let message = messages.next().expect("as many messages as the pattern");
        let payload = hex(&message["payload"]).expect("hex");
        let wanted = hex(&message["ciphertext"]).expect("hex");
        let (from, to) = if a.is_write_turn() { (&mut a, &mut b) } else { (&mut b, &mut a) };
        let len = from.write_message(&payload, &mut out).expect(name);
        assert_eq!(&out[..len], wanted, "{name}");
        let len = to.read_message(&out[..len], &mut back).expect(name);
        assert_eq!(&back[..len], payload, "{name}");
    }
    if let Some(hash) = hex(&vector["handshake_hash"]) {
        assert_eq!(a.get_state().get_hash().as_slice(), hash, "{name}");
    }
    // After the handshake the sides take turns, starting with who is next.
    let handshake_messages = vector["messages"].as_array().map_or(0, Vec::len) - messages.len();
    let (mut a, mut b) = (a.finalize().expect(name), b.finalize().expect(name));
    for (number, message) in (handshake_messages..).zip(messages) {
        let payload = hex(&message["payload"]).expect("hex");
        let from = if number % 2 == 0 { &mut a } else { &mut b };
        let len = from.send(&payload, &mut out).expect(name);
        assert_eq!(&out[..len], hex(&message["ciphertext"]).expect("hex"), "{name}");
        let to = if number % 2 == 0 { &mut b } else { &mut a };
        let len = to.receive(&out[..len], &mut back).expect(name);
        assert_eq!(&back[..len], payload, "{name}");
    }
}

use clatter::bytearray::ByteArray as _;

#[test]
fn lnk_29_published_vectors() {
    let mut checked = 0;
    for vector in published() {
        let name = vector["protocol_name"].as_str().expect("a name");
        let Some(pattern) = name
            .strip_prefix("Noise_")
            .and_then(|name| name.strip_suffix("_25519_ChaChaPoly_SHA256"))
            .and_then(pattern)
        else {
            continue;
        };
        check(&vector, pattern);
        checked += 1;
    }
    // Twelve fundamental patterns in two files, and two with pre-shared keys.
    assert!(checked >= 25, "only {checked} vectors were found");
}

/// Either role against snow, with fresh keys: XX, and XXpsk0 with a network key's position.
#[test]
fn lnk_29_talks_to_snow_in_both_roles() {
    let psk0 = patterns::noise_xx().add_psks(&[0], "XXpsk0");
    for (name, pattern, psk) in [
        ("Noise_XX_25519_ChaChaPoly_SHA256", patterns::noise_xx(), None),
        ("Noise_XXpsk0_25519_ChaChaPoly_SHA256", psk0, Some([7; 32])),
    ] {
        for we_dial in [true, false] {
            converse(name, pattern.clone(), psk, we_dial);
        }
    }
}

fn converse(name: &str, pattern: HandshakePattern, psk: Option<[u8; 32]>, we_dial: bool) {
    let ours_static = X25519::genkey_rng(&mut SystemRandom).expect("randomness");
    let mut ours = Classic::new(pattern, b"both", we_dial, Some(ours_static), None, None, None)
        .expect("a pattern");
    let mut builder = snow::Builder::new(name.parse().expect("a pattern"));
    let theirs_static = builder.generate_keypair().expect("randomness").private;
    builder = builder.local_private_key(&theirs_static).expect("a key");
    builder = builder.prologue(b"both").expect("a prologue");
    if let Some(psk) = &psk {
        ours.push_psk(psk);
        builder = builder.psk(0, psk).expect("a key");
    }
    let theirs = if we_dial { builder.build_responder() } else { builder.build_initiator() };
    let mut theirs = theirs.expect("a pattern");
    let (mut wire, mut text) = ([0; 1_024], [0; 1_024]);
    while !ours.is_finished() {
        if ours.is_write_turn() {
            let len = ours.write_message(b"from us", &mut wire).expect(name);
            let len = theirs.read_message(&wire[..len], &mut text).expect(name);
            assert_eq!(&text[..len], b"from us");
        } else {
            let len = theirs.write_message(b"from them", &mut wire).expect(name);
            let len = ours.read_message(&wire[..len], &mut text).expect(name);
            assert_eq!(&text[..len], b"from them");
        }
    }
    assert_eq!(ours.get_state().get_hash().as_slice(), theirs.get_handshake_hash());
    let mut ours = ours.finalize().expect(name);
    let mut theirs = theirs.into_transport_mode().expect(name);
    let len = ours.send(b"frame", &mut wire).expect(name);
    let len = theirs.read_message(&wire[..len], &mut text).expect(name);
    assert_eq!(&text[..len], b"frame");
    let len = theirs.write_message(b"frame", &mut wire).expect(name);
    let len = ours.receive(&wire[..len], &mut text).expect(name);
    assert_eq!(&text[..len], b"frame");
}
