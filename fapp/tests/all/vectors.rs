//! `specs/vectors/fapp.json`: what an implementation must make of fixed inputs. `QPC_WRITE_VECTORS=1`
//! rewrites the file; a change of it is a change of the protocol. Letters between patient and practice
//! are in `fapp-reservation.json`.

use fapp::{
    UnixSeconds,
    announce::{Draft, Profile, SlotAnnounce},
    calendar::BerlinTime,
    plz::Plz,
    reservation::{Ask, Letter, MailboxKey, Opened, Pool, Said, put_work},
    slot::Slot,
    tombstone::Tombstone,
    trust::{Credential, Endorsement, IssuerLink, Statement},
    vocabulary::{
        Beruf, Fachrichtung, Gruppe, Kostentraeger, Leistung, Modalitaet, Setting, Sprachen, Zugang,
    },
};
use mesh::{
    Address, MeshIdentity,
    crypto::{
        Mode,
        kem::{X25519Key, XWingKey},
        rng::NodeRng,
        sign::SigningKey,
    },
    identity::Suite,
};

/// Saturday, 9 January 2027, 12:00 UTC.
const NOW: UnixSeconds = UnixSeconds(1_799_496_000);
const ROOT: [u8; 32] = [0x11; 32];
const MAILBOX: Address = Address::from_bytes([0x33; 16]);

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn practice() -> MeshIdentity {
    MeshIdentity::from_seeds([0x22; 32], Some(ROOT))
}

fn slots() -> Vec<Slot> {
    let at = |text: &str| BerlinTime::parse(text).expect("a time");
    vec![
        Slot::new(at("2027-01-12T09:00+01:00"), 50),
        Slot::new(at("2027-01-12T10:00+01:00"), 25).for_leistung(Leistung::Akutbehandlung),
        Slot {
            modalitaeten: Modalitaet::Video.into(),
            ..Slot::new(at("2027-03-28T03:00+02:00"), 100)
        },
    ]
}

fn announce() -> SlotAnnounce {
    let profile = Profile {
        beruf: Beruf::PsychologischePsychotherapie.into(),
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: [Modalitaet::Praxis, Modalitaet::Video].into_iter().collect(),
        kostentraeger: Kostentraeger::Gkv.into(),
        gruppen: Gruppe::Erwachsene.into(),
        settings: Setting::Einzel.into(),
        zugang: Zugang::Barrierefrei.into(),
        sprachen: Sprachen::default().with("de").and_then(|s| s.with("tr")).expect("languages"),
    };
    let mut draft = Draft::new(Plz::parse("80331").expect("a code"), profile, NOW, 7);
    draft.slots = slots();
    draft.mailboxes = vec![MAILBOX];
    draft.sub_key = [5; 32];
    draft.credential_ref = [6; 32];
    draft.expires = UnixSeconds(NOW.0 + 100 * 86_400);
    draft.sign(&practice()).expect("well-formed")
}

type Lines = Vec<(String, String)>;

fn objects(out: &mut Lines) {
    let mut put = |name: &str, value: &[u8]| out.push((name.into(), hex(value)));
    let announce = announce();
    put("practice root seed", &ROOT);
    put("practice key", announce.therapist());
    put("announce", &announce.bytes());
    put("announce id", &announce.id().0);
    for (number, slot) in announce.slots().iter().enumerate() {
        put(&format!("slot {number} id"), &slot.id(announce.therapist()).0);
    }
    let stone = Tombstone::sign(&practice(), 7, NOW, announce.expires()).expect("a root key");
    put("tombstone", &stone.bytes());
    put("tombstone id", stone.digest());
}

fn trust(out: &mut Lines) {
    let (root, issuer) = (SigningKey::from_seed(&[0x44; 32]), SigningKey::from_seed(&[0x45; 32]));
    let until = UnixSeconds(NOW.0 + 300 * 86_400);
    let link = IssuerLink::signed(&root, issuer.public(), 9, 0, NOW, until);
    let holder = *announce().therapist();
    let held = Credential::signed(vec![link], &issuer, holder, (1, 9), [7; 16], (NOW, until));
    let held = held.expect("sound");
    out.push(("credential root".into(), hex(&root.public())));
    out.push(("credential reference".into(), hex(&held.reference())));
    out.push(("credential".into(), Statement::Credential(held).to_string()));
    let said = Endorsement::signed(NOW, &root, holder, 1, 9, until).expect("sound");
    out.push(("endorsement".into(), Statement::Endorsement(said).to_string()));
}

/// Questions to a mailbox node with pre-keys of fixed seeds, and what it answers.
fn outer(out: &mut Lines) {
    let (x25519, xwing) = (X25519Key::from_seed([8; 32]), XWingKey::from_seed(Mode::Real, [9; 32]));
    let (x25519_public, xwing_public) = (x25519.public(), xwing.public());
    let to = MailboxKey { node: MAILBOX, id: 5, x25519: &x25519_public, xwing: &xwing_public };
    let letter = Letter::parse(&[0xab; fapp::reservation::LETTER_LEN]).expect("its length");
    let (hour, mut search) = put_work(&MAILBOX, NOW, &letter, 4);
    let nonce = loop {
        if let Some(mesh::envelope::Admission::Work { nonce }) = search.step(1_024) {
            break nonce;
        }
    };
    out.push(("put hour".into(), hour.to_string()));
    out.push(("put nonce of 4 bits".into(), nonce.to_string()));
    let asks = [
        ("put", Ask::Put { hour, nonce, letter: letter.clone() }),
        ("take", Ask::Take([[1; 16], [2; 16]])),
        ("page", Ask::Page(41)),
    ];
    for (name, ask) in asks {
        let mut rng = NodeRng::from_seed([10; 32]);
        let (sealed, pending) = ask.seal(Suite::X25519, &to, &mut rng).expect("sound");
        let opened = Opened::open(&MAILBOX, &x25519, &xwing, &sealed).expect("its own");
        assert_eq!(opened.ask, ask);
        let said = Said { kept: true, put_bits: 12, cursor: 42, letters: vec![letter.clone()] };
        let answer = opened.respond(&said, &mut rng);
        assert!(pending.open(&answer).is_ok());
        out.push((format!("outer {name}"), hex(&sealed)));
        out.push((format!("outer {name}, its answer's digest"), {
            hex(&mesh::crypto::hash::sha256(&answer))
        }));
    }
    let mut pool = Pool::new(MAILBOX, 1);
    assert!(pool.put(NOW, letter, hour, 0).is_err(), "work is asked for");
}

fn places(out: &mut Lines) {
    let pairs = [
        ("80331", "80333"),
        ("80331", "10115"),
        ("20095", "01067"),
        ("25980", "87561"),
        ("52062", "02826"),
    ];
    for (from, to) in pairs {
        let plz = |text| Plz::parse(text).expect("a code");
        let metres = plz(from).place().zip(plz(to).place()).map(|(a, b)| a.distance_m(b));
        out.push((format!("metres {from} to {to}"), metres.expect("in the table").to_string()));
    }
}

fn times(out: &mut Lines) {
    let texts = [
        "2027-01-12T09:00",
        "2027-03-28T01:59:59",
        "2027-03-28T03:00",
        "2027-10-31T02:30+02:00",
        "2027-10-31T02:30+01:00",
        "2028-02-29T00:00Z",
        "2099-12-31T23:59:59",
    ];
    for text in texts {
        let at = BerlinTime::parse(text).expect("a time");
        out.push((format!("time {text}"), at.0.to_string()));
        out.push((format!("german {}", at.0), BerlinTime::from_unix(at).rfc3339()));
    }
}

/// `FAP-31`, `FAP-21`, `FAP-40`, `FAP-12`, `CAL-01`, `RSV-20`, `TRU-20`, `TRU-30`
#[test]
fn fap_31_vectors() {
    let mut lines = Lines::new();
    objects(&mut lines);
    trust(&mut lines);
    outer(&mut lines);
    places(&mut lines);
    times(&mut lines);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../specs/vectors/fapp.json");
    let lines: Vec<String> =
        lines.iter().map(|(name, value)| format!("  \"{name}\": \"{value}\"")).collect();
    let made = format!("{{\n{}\n}}\n", lines.join(",\n"));
    if std::env::var_os("QPC_WRITE_VECTORS").is_some() {
        std::fs::write(path, &made).expect("the file can be written");
    }
    let stored = std::fs::read_to_string(path).expect("the file is there");
    assert!(made == stored, "the protocol changed: see the top of this file");
}
