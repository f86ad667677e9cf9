use std::vec::Vec;

use super::{
    Admission, Admitted, Body, Class, Content, DIRECT_WORK_BITS_MAX, EnvelopeIn, HEADER_LEN,
    Header, MessageId, Priority, Search, WORK_BITS_MAX, digest_of_unsigned, pass, pass_tag, puzzle,
};
use crate::{
    address::Address,
    crypto::{Mode, hash, sign::SigningKey},
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    identity::Suite,
    limits::{ENVELOPE_LEN_MAX, HOPS_MAX, LIFETIME_MAX},
    wire::Writer,
};

fn header(class: Class) -> Header {
    Header {
        class,
        hops_left: 5,
        age_ms: 0x0403_0201,
        hops_max: 9,
        priority: Priority::High,
        durable: true,
        lifetime_s: 1_000_000,
        dest: Address::from_bytes([0xdd; 16]),
        lock: [0x11; 16],
    }
}

fn with_body(class: Class, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    header(class).write(&mut out);
    out.extend_from_slice(body);
    out
}

fn session_body() -> Vec<u8> {
    let mut body = Vec::new();
    Writer::new(&mut body)
        .array(&[0x51; 8])
        .u32(7)
        .array(&[0x5a; 8])
        .array(b"text")
        .array(&[0x7a; 16]);
    body
}

fn sealed_body(admission: &Admission) -> Vec<u8> {
    let mut body = std::vec![0x1a; 16];
    admission.write(&mut body);
    Writer::new(&mut body).u8(1).u32(3).array(&[0xec; 32]).array(b"text").array(&[0x7a; 16]);
    body
}

fn signed(kind: u8, content: &[u8]) -> Vec<u8> {
    let key = SigningKey::from_seed(&[1; 32]);
    let mut bytes = with_body(Class::Signed, &key.public());
    Writer::new(&mut bytes).u64(77).u8(kind).bytes(content);
    let digest = digest_of_unsigned(&header(Class::Signed), &bytes[HEADER_LEN..]);
    bytes.extend_from_slice(&key.sign(Mode::Real, &digest));
    bytes
}

/// One envelope of each class and content.
fn all() -> [Vec<u8>; 6] {
    [
        with_body(Class::Session, &session_body()),
        with_body(Class::Sealed, &sealed_body(&Admission::None)),
        with_body(Class::Sealed, &sealed_body(&Admission::Work { nonce: 99 })),
        signed(0, &session_body()),
        signed(1, b"for everyone"),
        signed(2, &sealed_body(&Admission::Token([4; 16]))),
    ]
}

fn error(bytes: &[u8]) -> Error {
    EnvelopeIn::parse(bytes).expect_err("it must be refused")
}

/// ENV-01: the layout, byte by byte.
#[test]
fn env_01_header_layout() {
    let bytes = with_body(Class::Session, &session_body());
    let expected: Vec<u8> = [
        &[1, 1, 5, 1, 2, 3, 4, 9, 0b110][..],
        &1_000_000_u32.to_le_bytes(),
        &[0xdd; 16],
        &[0x11; 16],
        &[0x51; 8],
        &[7, 0, 0, 0],
        &[0x5a; 8],
        b"text",
        &[0x7a; 16],
    ]
    .concat();
    assert_eq!(bytes, expected);
    let envelope = EnvelopeIn::parse(&bytes).unwrap();
    assert_eq!(*envelope.header(), header(Class::Session));
    let Body::Session(body) = envelope.body() else { panic!("class session") };
    assert_eq!((body.session_id, body.counter), ([0x51; 8], 7));
    assert_eq!((body.boot_salt, body.ciphertext, body.tag), ([0x5a; 8], &b"text"[..], [0x7a; 16]));
}

/// ENV-01: bodies of the other classes.
#[test]
fn env_01_bodies() {
    let [_, direct, worked, in_session, public, contact] = all();
    let Body::Sealed(body) = EnvelopeIn::parse(&direct).unwrap().body() else { panic!() };
    assert_eq!((body.admission, body.prekey_id), (Admission::None, 3));
    assert_eq!((body.label, body.kem.as_bytes()), ([0x1a; 16], &[0xec; 32][..]));
    let Body::Sealed(body) = EnvelopeIn::parse(&worked).unwrap().body() else { panic!() };
    assert_eq!(body.admission, Admission::Work { nonce: 99 });
    assert_eq!(body.sealed[..5], [1, 3, 0, 0, 0]);
    for (bytes, kind) in [(in_session, 0), (public, 1), (contact, 2)] {
        let Body::Signed { seq, content, .. } = EnvelopeIn::parse(&bytes).unwrap().body() else {
            panic!()
        };
        assert_eq!(seq, 77);
        match (kind, content) {
            (0, Content::Session(body)) => assert_eq!(body.counter, 7),
            (1, Content::Public(payload)) => assert_eq!(payload, b"for everyone"),
            (2, Content::Sealed(body)) => assert_eq!(body.admission, Admission::Token([4; 16])),
            (_, content) => panic!("{content:?}"),
        }
    }
}

/// ENV-01: every truncation is refused or, where the open end of a text was cut, another envelope.
#[test]
fn env_01_truncations() {
    for bytes in all() {
        let whole = EnvelopeIn::parse(&bytes).unwrap().id();
        for len in 0..bytes.len() {
            match EnvelopeIn::parse(&bytes[..len]) {
                Err(error) => assert!(matches!(error, Error::Malformed(Malformed::MissingData(_)))),
                Ok(cut) => {
                    assert_ne!(cut.id(), whole);
                    assert!(cut.verify_signature(Mode::Real).is_err());
                }
            }
        }
    }
}

/// ENV-01: values without a meaning are refused; unknown versions and suites are told apart.
#[test]
fn env_01_unknown_values() {
    let [session, sealed, ..] = all();
    let patched = |bytes: &[u8], at: usize, value: u8| {
        let mut bytes = bytes.to_vec();
        bytes[at] = value;
        error(&bytes)
    };
    assert_eq!(patched(&session, 0, 2), Error::Unsupported(Unsupported::Version(2)));
    assert_eq!(patched(&session, 1, 4), Malformed::OutOfRange("envelope class").into());
    assert_eq!(patched(&session, 8, 0b1000), Malformed::OutOfRange("envelope flags").into());
    let admission_at = HEADER_LEN + 16;
    let unknown = patched(&sealed, admission_at, 3);
    assert_eq!(unknown, Malformed::OutOfRange("admission kind").into());
    let unknown = patched(&sealed, admission_at + 1, 9);
    assert_eq!(unknown, Error::Unsupported(Unsupported::Suite(9)));
    let unknown = error(&signed(3, b""));
    assert_eq!(unknown, Malformed::OutOfRange("envelope content kind").into());
}

/// ENV-01: nothing longer than the longest envelope is looked at.
#[test]
fn env_01_length_is_bounded() {
    let mut bytes = with_body(Class::Session, &session_body());
    bytes.resize(ENVELOPE_LEN_MAX, 0);
    assert!(EnvelopeIn::parse(&bytes).is_ok());
    bytes.push(0);
    assert_eq!(error(&bytes), Malformed::TooLong("envelope").into());
}

/// ENV-02: the maxima are themselves bounded, and hold the mutable fields.
#[test]
fn env_02_maxima() {
    let judged = |change: &dyn Fn(&mut Header)| {
        let mut changed = header(Class::Session);
        change(&mut changed);
        let mut bytes = Vec::new();
        changed.write(&mut bytes);
        bytes.extend_from_slice(&session_body());
        EnvelopeIn::parse(&bytes).map(|_| ())
    };
    let max_s = LIFETIME_MAX.as_secs() as u32;
    assert!(judged(&|h| h.lifetime_s = max_s).is_ok());
    let lifetime = Err(Malformed::OutOfRange("envelope lifetime").into());
    assert_eq!(judged(&|h| h.lifetime_s = max_s + 1), lifetime);
    assert_eq!(judged(&|h| h.lifetime_s = 0), lifetime);
    assert!(judged(&|h| (h.hops_left, h.hops_max) = (HOPS_MAX, HOPS_MAX)).is_ok());
    let hops = Err(Malformed::OutOfRange("envelope hops max").into());
    assert_eq!(judged(&|h| h.hops_max = HOPS_MAX + 1), hops);
    assert_eq!(judged(&|h| (h.hops_left, h.hops_max) = (0, 0)), hops);
    let beyond = Err(PeerMisbehaved::BeyondMaxima.into());
    assert_eq!(judged(&|h| h.hops_left = 10), beyond);
}

/// ENV-08: an envelope is expired from the millisecond on in which its age reaches its lifetime.
#[test]
fn env_08_expiry() {
    let aged = |age_ms| {
        let mut header = header(Class::Session);
        (header.age_ms, header.lifetime_s) = (age_ms, 3);
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        bytes.extend_from_slice(&session_body());
        bytes
    };
    assert!(EnvelopeIn::parse(&aged(2_999)).is_ok());
    assert_eq!(error(&aged(3_000)), PeerMisbehaved::Expired.into());
    assert_eq!(error(&aged(u32::MAX)), PeerMisbehaved::Expired.into());
    let stored = Admitted::from_stored(&aged(3_000)).expect("well-formed all the same");
    assert!(stored.remaining_life().is_zero());
}

/// ENV-03, ENV-04, ENV-07: hops and age change nothing about an envelope's id, every other bit
/// does.
#[test]
fn env_04_the_id_covers_what_no_hop_may_change() {
    for bytes in all() {
        let envelope = EnvelopeIn::parse(&bytes).unwrap();
        let id = envelope.id();
        let signed_at = bytes.len() - 64;
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let Ok(other) = EnvelopeIn::parse(&changed) else { continue };
            let mutable = (2..7).contains(&(bit / 8));
            let signature = envelope.is_signed() && bit / 8 >= signed_at;
            assert_eq!(other.id() == id, mutable || signature, "bit {bit}");
            if envelope.is_signed() {
                assert_eq!(other.verify_signature(Mode::Real).is_ok(), mutable, "bit {bit}");
            }
        }
    }
}

/// ENV-04: the id is the start of what is signed: domain ‖ immutable fields ‖ hash of the body.
#[test]
fn env_04_the_digest_by_hand() {
    let bytes = with_body(Class::Session, &session_body());
    let immutable: Vec<u8> =
        [&[1, 1, 9, 0b110][..], &1_000_000_u32.to_le_bytes(), &[0xdd; 16], &[0x11; 16]].concat();
    let body = hash::sha256(&bytes[45..]);
    let expected = hash::digest32(hash::Domain::Envelope, &[&immutable, &body]);
    let envelope = EnvelopeIn::parse(&bytes).unwrap();
    assert_eq!(envelope.digest(), expected);
    assert_eq!(envelope.id().0, expected[..16]);
}

/// ENV-06: only class signed has a signature to hold.
#[test]
fn env_06_signatures() {
    for bytes in all() {
        let envelope = EnvelopeIn::parse(&bytes).unwrap();
        assert_eq!(envelope.verify_signature(Mode::Real).is_ok(), envelope.is_signed());
    }
}

/// ENV-07: forwarding rewrites hops and age and nothing else, behind whatever the buffer holds.
#[test]
fn env_07_forwarding() {
    for bytes in all() {
        let admitted = EnvelopeIn::parse(&bytes).unwrap().admit();
        let mut out = std::vec![0xa5; 3];
        admitted.write_forward(4, 0x0807_0605, &mut out);
        let mut expected = bytes.clone();
        expected[2..7].copy_from_slice(&[4, 5, 6, 7, 8]);
        assert_eq!(out[..3], [0xa5; 3]);
        assert_eq!(out[3..], expected);
        let stored = Admitted::from_stored(admitted.bytes()).unwrap();
        assert_eq!((stored.id(), stored.header()), (admitted.id(), admitted.header()));
        assert_eq!(stored, admitted);
    }
}

/// ENV-05: ids are 32 hexadecimal digits as text.
#[test]
fn env_05_ids_as_text() {
    let text = "00112233445566778899aabbccddeeff";
    let id: MessageId = text.parse().unwrap();
    assert_eq!(std::format!("{id}"), text);
    assert_eq!(text.to_uppercase().parse(), Ok(id));
    let signed = std::format!("+{}", &text[1..]);
    for bad in
        ["", &text[1..], &std::format!("{text}0"), "zz112233445566778899aabbccddeeff", &signed]
    {
        assert!(bad.parse::<MessageId>().is_err(), "{bad}");
    }
}

/// ENV-12: proof of work is over label and sealed part, as hard as asked, never harder than the
/// bound.
#[test]
fn env_12_proof_of_work() {
    let (label, sealed) = ([3; 16], b"suite, pre-key, ciphertexts");
    let proof = Admission::work(&label, sealed, 10);
    assert!(proof.check_work(&label, sealed, 10).is_ok());
    assert_eq!(proof.check_work(&label, sealed, WORK_BITS_MAX), Err(PeerMisbehaved::OverBudget));
    assert!(proof.check_work(&[4; 16], sealed, 10).is_err());
    assert!(proof.check_work(&label, b"another", 10).is_err());
    assert!(Admission::None.check_work(&label, sealed, 0).is_err());
    assert!(Admission::Token([0; 16]).check_work(&label, sealed, 0).is_err());
}

/// The nonce is hashed first; by hand, with another arrangement of the same fields refused.
#[test]
fn env_12_the_nonce_comes_first() {
    use crate::crypto::hash::{Domain, digest16, sha256};
    let (label, sealed) = ([3; 16], b"sealed");
    let Admission::Work { nonce } = Admission::work(&label, sealed, 12) else { panic!("work") };
    let zeros =
        |parts: &[&[u8]]| u128::from_be_bytes(digest16(Domain::Work, parts)).leading_zeros();
    let (nonce, digest) = (nonce.to_le_bytes(), sha256(sealed));
    assert!(zeros(&[&nonce, &label, &digest]) >= 12);
    assert!(zeros(&[&label, &digest, &nonce]) < 12);
}

/// `MEET-20`: the same in steps, for a recipient, a suite, a pre-key and an encapsulation.
#[test]
fn meet_20_work_in_steps() {
    let (to, other) = (Address::from_bytes([1; 16]), Address::from_bytes([2; 16]));
    let asked = puzzle(&to, Suite::X25519, 7, b"encapsulation");
    let others = [
        puzzle(&other, Suite::X25519, 7, b"encapsulation"),
        puzzle(&to, Suite::XWing, 7, b"encapsulation"),
        puzzle(&to, Suite::X25519, 8, b"encapsulation"),
        puzzle(&to, Suite::X25519, 7, b"another"),
    ];
    let mut search = Search::for_puzzle(asked, 10);
    let mut steps = 0;
    let found = loop {
        steps += 1;
        if let Some(found) = search.step(16) {
            break found;
        }
    };
    assert!(steps > 1, "16 tries of 1,024");
    assert_eq!(found.check_puzzle(&asked, 10), Ok(()));
    assert!(others.iter().all(|puzzle| found.check_puzzle(puzzle, 10).is_err()));
    assert!(Admission::Token([0; 16]).check_puzzle(&asked, 0).is_err());
    assert_eq!(Search::for_puzzle(asked, 255), Search::for_puzzle(asked, DIRECT_WORK_BITS_MAX));
}

/// `MEET-21`
#[test]
fn meet_21_passes_of_one_key_share_their_tag_alone() {
    let (key, other) = ([1; 16], [2; 16]);
    let (one, two) = (pass(&key, &[3; 32]), pass(&key, &[4; 32]));
    assert_eq!(
        (one[..4].to_vec(), two[..4].to_vec()),
        (pass_tag(&key).to_vec(), pass_tag(&key).to_vec())
    );
    assert_ne!(one[4..], two[4..]);
    assert_ne!(pass(&other, &[3; 32])[4..], one[4..]);
}

/// Priorities keep their order and names.
#[test]
fn priorities() {
    for (code, priority) in Priority::ALL.into_iter().enumerate() {
        assert_eq!(Priority::from_u8(code as u8), Some(priority));
    }
    assert_eq!(Priority::from_u8(4), None);
    assert!(Priority::ALL.is_sorted());
    assert_eq!(Priority::ALL.map(Priority::as_str), ["low", "normal", "high", "urgent"]);
}

fn lite() -> Vec<u8> {
    let mut lock = [0; 16];
    lock[..8].copy_from_slice(&[0x1c; 8]);
    let header = Header { hops_max: HOPS_MAX, lifetime_s: 604_800, lock, ..header(Class::Lite) };
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    bytes.extend_from_slice(b"tagtext");
    bytes
}

/// MLL-04: the layout of a lite envelope, byte by byte.
#[test]
fn mll_04_layout() {
    let bytes = lite();
    let expected: Vec<u8> = [
        &[1, 3, 5, 1, 2, 3, 4, 64, 0b110][..],
        &604_800_u32.to_le_bytes(),
        &[0xdd; 16],
        &[0x1c; 8],
        &[0; 8],
        b"tag",
        b"text",
    ]
    .concat();
    assert_eq!(bytes, expected);
    let envelope = EnvelopeIn::parse(&bytes).unwrap();
    let Body::Lite(body) = envelope.body() else { panic!() };
    assert_eq!((body.session_tag, body.ciphertext), (*b"tag", &b"text"[..]));
    assert!(!envelope.is_signed() && envelope.verify_signature(Mode::Real).is_err());
    assert_eq!(envelope.clone().admit().bytes(), bytes);
}

/// MLL-04: what slow links leave out has one form.
#[test]
fn mll_04_one_form() {
    let patched = |at: usize, value: u8| {
        let mut bytes = lite();
        bytes[at] = value;
        error(&bytes)
    };
    for hops in [9, 63] {
        assert_eq!(patched(7, hops), Malformed::OutOfRange("lite hops max").into());
    }
    assert_eq!(patched(9, 0x81), Malformed::OutOfRange("lite lifetime").into());
    for at in HEADER_LEN - 8..HEADER_LEN {
        assert_eq!(patched(at, 1), Malformed::OutOfRange("lite lock").into());
    }
}

/// MLL-04: every truncation is refused or, where the text was cut, another envelope.
#[test]
fn mll_04_truncations() {
    let bytes = lite();
    let whole = EnvelopeIn::parse(&bytes).unwrap().id();
    for len in 0..bytes.len() {
        match EnvelopeIn::parse(&bytes[..len]) {
            Err(error) => {
                assert!(len <= HEADER_LEN + 3);
                assert!(matches!(error, Error::Malformed(Malformed::MissingData(_))));
            }
            Ok(cut) => assert_ne!(cut.id(), whole),
        }
    }
}
