//! The handshake between two state machines, honest and tampered with.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use clatter::rand_core::{CryptoRng, Error, RngCore};
use sha2::{Digest, Sha256};

use super::*;
use crate::{
    link::Flow,
    noise::{DH_LEN, KEM_CIPHERTEXT_LEN, KEM_PUBLIC_LEN},
    secure::Opened,
};

thread_local! {
    /// The seed of the next [`Scripted`].
    static SEED: Cell<u64> = const { Cell::new(0) };
}

/// Random numbers that a seed decides: SHA-256 over seed and counter.
#[derive(Clone)]
pub(super) struct Scripted {
    seed: u64,
    counter: u64,
}

impl Scripted {
    fn next_is(seed: u64) -> Self {
        SEED.set(seed);
        Self::default()
    }
}

impl Default for Scripted {
    fn default() -> Self {
        Self { seed: SEED.get(), counter: 0 }
    }
}

impl RngCore for Scripted {
    fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        for chunk in dest.chunks_mut(32) {
            let mut hash = Sha256::new();
            hash.update(self.seed.to_le_bytes());
            hash.update(self.counter.to_le_bytes());
            self.counter += 1;
            chunk.copy_from_slice(&hash.finalize()[..chunk.len()]);
        }
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        self.fill_bytes(dest);
        Ok(())
    }
}

impl CryptoRng for Scripted {}

type Scenario = (Handshake<Scripted>, Handshake<Scripted>);

fn local(seed: u8, network_key: Option<[u8; 32]>, now: Instant) -> Arc<Local> {
    let mut random = Scripted::next_is(u64::from(seed));
    Arc::new(Local {
        identity: MeshIdentity::from_seeds([seed; 32], None),
        keys: LinkKeys::generate(&mut random, now).expect("scripted randomness"),
        epoch: u64::from(seed),
        network_key: network_key.map(NetworkKey::from_bytes),
        mtu: 68 << 10,
    })
}

fn pair(initiators: Option<[u8; 32]>, responders: Option<[u8; 32]>) -> Scenario {
    let now = Instant::now();
    let (a, b) = (local(1, initiators, now), local(2, responders, now));
    SEED.set(11);
    let a = Handshake::new(a, Role::Initiator, now).expect("fresh keys");
    SEED.set(12);
    let b = Handshake::new(b, Role::Responder, now).expect("fresh keys");
    (a, b)
}

fn next_message((a, b): &mut Scenario) -> Result<Vec<u8>, HandshakeError> {
    let mut message = Vec::new();
    let writer = if a.is_write_turn() { a } else { b };
    writer.write(&mut message)?;
    Ok(message)
}

/// Who reads next: the reader does not have the write turn.
fn read((a, b): &mut Scenario, message: &[u8]) -> Result<(), HandshakeError> {
    let reader = if a.done < b.done { a } else { b };
    reader.read(message)
}

fn run(scenario: &mut Scenario) -> Result<Vec<Vec<u8>>, HandshakeError> {
    let mut messages = Vec::new();
    while !(scenario.0.is_done() && scenario.1.is_done()) {
        let message = next_message(scenario)?;
        read(scenario, &message)?;
        messages.push(message);
    }
    Ok(messages)
}

/// The scenario with the first `done` messages exchanged, and the next one written.
fn before_read(key: Option<[u8; 32]>, done: u8) -> (Scenario, Vec<u8>) {
    let mut scenario = pair(key, key);
    for _ in 0..done {
        let message = next_message(&mut scenario).expect("honest");
        read(&mut scenario, &message).expect("honest");
    }
    let message = next_message(&mut scenario).expect("honest");
    (scenario, message)
}

const KEYS: [Option<[u8; 32]>; 2] = [None, Some([7; 32])];

#[test]
fn lnk_20_both_learn_the_other_and_can_talk() {
    for key in KEYS {
        let mut scenario = pair(key, key);
        run(&mut scenario).expect("honest");
        let (mut a, mut b) =
            (scenario.0.finish().expect("done"), scenario.1.finish().expect("done"));
        assert_eq!(a.peer(), MeshIdentity::from_seeds([2; 32], None).public());
        assert_eq!(b.peer(), MeshIdentity::from_seeds([1; 32], None).public());
        assert_eq!((a.certificate.epoch, b.certificate.epoch), (2, 1));
        for (from, to) in [(&mut a.sealer, &mut b.opener), (&mut b.sealer, &mut a.opener)] {
            let mut wire = Vec::new();
            let start = Sealer::begin(&mut wire);
            wire.extend_from_slice(b"frame");
            from.finish(&mut wire, start);
            let mut got = Vec::new();
            to.open_all(&mut wire, |opened| {
                if let Opened::Frame(frame) = opened {
                    got = frame.to_vec();
                }
                Flow::Continue
            })
            .expect("authentic");
            assert_eq!(got, b"frame");
        }
    }
}

#[test]
fn lnk_20_is_the_pattern_it_says() {
    let (a, _) = pair(None, None);
    assert_eq!(&*a.noise.get_name(), "Noise_hybridXX_25519+MLKEM768_ChaChaPoly_SHA256");
    let (a, _) = pair(Some([7; 32]), Some([7; 32]));
    assert_eq!(&*a.noise.get_name(), "Noise_hybridXXpsk0_25519+MLKEM768_ChaChaPoly_SHA256");
}

#[test]
fn lnk_21_another_network_key_is_refused_at_the_first_message() {
    for (ours, theirs) in
        [(Some([7; 32]), Some([8; 32])), (Some([7; 32]), None), (None, Some([8; 32]))]
    {
        let mut scenario = pair(ours, theirs);
        let message = next_message(&mut scenario).expect("honest");
        assert_eq!(read(&mut scenario, &message), Err(HandshakeError::Refused));
    }
}

#[test]
fn lnk_23_another_version_is_refused_at_the_first_byte() {
    let ((_, b), mut message) = before_read(None, 0);
    message[0] = VERSION + 1;
    assert_eq!(b.check_version(&message[..1]), Err(HandshakeError::Version(VERSION + 1)));
    assert_eq!(b.check_version(b"GET / HTTP/1.1"), Err(HandshakeError::Version(b'G')));
}

#[test]
fn lnk_24_messages_have_one_length_each() {
    let certificate = CERTIFICATE_LEN + TAG_LEN;
    let keys = DH_LEN + TAG_LEN + KEM_PUBLIC_LEN + TAG_LEN;
    let wanted = [
        1 + DH_LEN + KEM_PUBLIC_LEN + TAG_LEN,
        KEM_CIPHERTEXT_LEN + DH_LEN + KEM_PUBLIC_LEN + keys + certificate,
        KEM_CIPHERTEXT_LEN + TAG_LEN + keys + certificate,
        KEM_CIPHERTEXT_LEN + TAG_LEN + TAG_LEN,
    ];
    for key in KEYS {
        let messages = run(&mut pair(key, key)).expect("honest");
        assert_eq!(messages.iter().map(Vec::len).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn lnk_24_every_truncation_is_refused() {
    for done in 0..MESSAGES {
        let (scenario, mut message) = before_read(None, done);
        for len in 0..message.len() {
            let result = read(&mut scenario.clone(), &message[..len]);
            assert_eq!(result, Err(HandshakeError::BadLength), "message {done} cut to {len}");
        }
        message.push(0);
        assert_eq!(read(&mut scenario.clone(), &message), Err(HandshakeError::BadLength));
    }
}

#[test]
fn lnk_26_no_handshake_survives_a_flipped_bit() {
    for key in KEYS {
        for done in 0..MESSAGES {
            let (scenario, message) = before_read(key, done);
            // Every 31st byte: coprime to eight, so that every bit position occurs, and shorter than
            // any field.
            for at in (0..message.len()).step_by(31).chain([message.len() - 1]) {
                let mut bent = message.clone();
                bent[at] ^= 1 << (at % 8);
                let mut scenario = scenario.clone();
                let result = read(&mut scenario, &bent).and_then(|()| run(&mut scenario).map(drop));
                assert!(result.is_err(), "message {done}, byte {at}");
            }
        }
    }
}

#[test]
fn lnk_26_a_message_of_another_handshake_is_refused() {
    for done in 1..MESSAGES {
        let (scenario, _) = before_read(None, done);
        let now = Instant::now();
        let (a, b) = (local(1, None, now), local(2, None, now));
        SEED.set(21);
        let a = Handshake::new(a, Role::Initiator, now).expect("fresh keys");
        SEED.set(22);
        let b = Handshake::new(b, Role::Responder, now).expect("fresh keys");
        let mut other: Scenario = (a, b);
        let messages = run(&mut other).expect("honest");
        let replayed = &messages[usize::from(done)];
        assert_eq!(read(&mut scenario.clone(), replayed), Err(HandshakeError::Refused));
    }
}

#[test]
fn lnk_25_a_key_that_decides_the_result_alone_is_refused() {
    let ((_, b), honest) = before_read(None, 0);
    // Points of small order: the result is zero whatever our key is.
    for low in [0, 1] {
        let (mut b, mut message) = (b.clone(), honest.clone());
        message[1..=DH_LEN].fill(0);
        message[1] = low;
        b.read(&message).expect("the first message of an open network proves nothing");
        assert_eq!(b.write(&mut Vec::new()), Err(HandshakeError::Refused));
    }
    // An ML-KEM key with a coefficient of 4,095 is not reduced (FIPS 203, section 7.2).
    let (mut b, mut message) = (b, honest);
    message[1 + DH_LEN..][..3].fill(0xff);
    b.read(&message).expect("the first message of an open network proves nothing");
    assert_eq!(b.write(&mut Vec::new()), Err(HandshakeError::Refused));
}

#[test]
fn lnk_31_old_link_keys_are_not_used() {
    let made = Instant::now();
    let ours = local(1, None, made);
    let last = made + LINK_KEY_LIFE - Duration::from_secs(1);
    assert!(Handshake::<Scripted>::new(ours.clone(), Role::Initiator, last).is_ok());
    let late = made + LINK_KEY_LIFE;
    let refused = Handshake::<Scripted>::new(ours, Role::Initiator, late).err();
    assert_eq!(refused, Some(HandshakeError::Expired));
}

#[test]
fn lnk_32_an_expired_certificate_is_refused() {
    let too_long = LINK_KEY_LIFE.as_secs() as u32 + 1;
    for expires_in_s in [0, too_long] {
        let mut as_responder = pair(None, None);
        as_responder.1.expires_in_s = expires_in_s;
        assert_eq!(run(&mut as_responder).err(), Some(HandshakeError::Expired));
        let mut as_initiator = pair(None, None);
        as_initiator.0.expires_in_s = expires_in_s;
        assert_eq!(run(&mut as_initiator).err(), Some(HandshakeError::Expired));
    }
}

#[test]
fn lnk_32_a_certificate_for_other_link_keys_is_refused() {
    // The responder uses its own link keys and shows a certificate for those of station 3.
    let mut scenario = pair(None, None);
    let others = Arc::new(Local {
        keys: local(3, None, Instant::now()).keys.clone(),
        ..(*scenario.1.local).clone()
    });
    scenario.1.local = others;
    assert_eq!(run(&mut scenario).err(), Some(HandshakeError::BadCertificate));
}

#[test]
fn lnk_33_dialling_oneself_is_noticed() {
    let now = Instant::now();
    let ours = local(1, None, now);
    SEED.set(11);
    let a = Handshake::new(ours.clone(), Role::Initiator, now).expect("fresh keys");
    SEED.set(12);
    let b = Handshake::new(ours, Role::Responder, now).expect("fresh keys");
    assert_eq!(run(&mut (a, b)).err(), Some(HandshakeError::OurOwnKey));
}

#[test]
fn lnk_28_a_narrower_peer_decides_the_mtu() {
    let mut scenario = pair(None, None);
    scenario.1.local = Arc::new(Local { mtu: 1_000, ..(*scenario.1.local).clone() });
    run(&mut scenario).expect("honest");
    let mtus = (scenario.0.finish().expect("done").mtu, scenario.1.finish().expect("done").mtu);
    assert_eq!(mtus, (1_000, 1_000));
}

/// The vectors of `specs/vectors/link-noise.json`: our handshake with scripted randomness, every
/// message and the first record of each direction. `QPC_WRITE_VECTORS=1` writes them anew.
#[test]
fn lnk_20_hybrid_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors/link-noise.json");
    let ours = vectors();
    if std::env::var_os("QPC_WRITE_VECTORS").is_some() {
        std::fs::write(path, &ours).expect("the vectors can be written");
    }
    let theirs = std::fs::read_to_string(path).expect("the vectors are in the repository");
    assert!(ours == theirs, "the handshake on the wire is not the one that was fixed");
}

fn vectors() -> String {
    let cases: Vec<_> = KEYS.iter().map(|key| case(*key)).collect();
    format!(
        "{{\n\"schema\": \"quicprochat/link-noise/1\",\n\"cases\": [\n{}]\n}}\n",
        cases.join(",\n")
    )
}

fn case(key: Option<[u8; 32]>) -> String {
    let mut scenario = pair(key, key);
    let name = scenario.0.noise.get_name().to_string();
    let messages = run(&mut scenario).expect("honest");
    let (mut a, mut b) = (scenario.0.finish().expect("done"), scenario.1.finish().expect("done"));
    let record = |sealer: &mut Sealer, frame: &[u8]| {
        let mut wire = Vec::new();
        let start = Sealer::begin(&mut wire);
        wire.extend_from_slice(frame);
        sealer.finish(&mut wire, start);
        wire
    };
    let mut lines = vec![
        format!("\"protocol\": \"{name}\""),
        format!("\"prologue\": \"{}\"", hex(PROLOGUE)),
        format!("\"network_key\": \"{}\"", key.map(|key| hex(&key)).unwrap_or_default()),
    ];
    // Static: X25519 secret, ML-KEM d ‖ z. Drawn by the initiator: e, d ‖ z of its ephemeral
    // ML-KEM key, m of skem; by the responder: m of ekem, e, d ‖ z, m of skem.
    for (side, number, script, drawn) in [("initiator", 1_u8, 11, 128), ("responder", 2, 12, 160)] {
        lines.push(format!(
            "\"{side}\": {{\n  \"node_seed\": \"{}\",\n  \"epoch\": {number},\n  \"expires_in_s\": 86400,\n  \"mtu\": 69632,\n  \"static\": \"{}\",\n  \"drawn\": \"{}\"\n}}",
            hex(&[number; 32]),
            stream(u64::from(number), 96),
            stream(script, drawn),
        ));
    }
    for (number, message) in messages.iter().enumerate() {
        lines.push(format!("\"message_{}\": \"{}\"", number + 1, hex(message)));
    }
    lines.push(format!("\"record_to_responder\": \"{}\"", hex(&record(&mut a.sealer, b"ping"))));
    lines.push(format!("\"record_to_initiator\": \"{}\"", hex(&record(&mut b.sealer, b"pong"))));
    format!("{{\n{}\n}}", lines.join(",\n"))
}

fn stream(seed: u64, len: usize) -> String {
    let mut bytes = vec![0; len];
    Scripted { seed, counter: 0 }.fill_bytes(&mut bytes);
    hex(&bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
