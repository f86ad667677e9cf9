//! Targets of appointments: what comes from neighbours, mailbox nodes, websites, people and the disk.
//! `fapp/tests/all/fuzz.rs` runs them on the stable compiler.

use fapp::{
    UnixSeconds,
    alert::AlertBook,
    announce::SlotAnnounce,
    cache::Cache,
    calendar::BerlinTime,
    plz::{Plz, PlzPrefix},
    query::SlotQuery,
    reservation::{
        Ask, LETTER_LEN, LETTER_LEN_XWING, Letter, MailboxKey, Opened, Patient, Practice, SubKeys,
    },
    router::{FRAME_LEN_MAX, FappRouter, RouterConfig},
    tombstone::Tombstone,
    trust::{Credential, Domain, Endorsement, Observation, PracticeFile, Statement, TrustBook},
    vocabulary::{Beruf, Fachrichtung, Kostentraeger, Leistung, Modalitaet, Sprachen, Term},
};
use mesh::{
    Address,
    crypto::{
        Mode,
        kem::{X25519Key, XWingKey},
        rng::NodeRng,
    },
    identity::Suite,
};

/// A target: its name and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this file.
pub const ALL: &[Target] = &[
    ("fapp_announce", fapp_announce),
    ("fapp_tombstone", fapp_tombstone),
    ("fapp_router", fapp_router),
    ("fapp_letter", fapp_letter),
    ("fapp_trust", fapp_trust),
    ("fapp_text", fapp_text),
    ("fapp_rows", fapp_rows),
];

const NOW: UnixSeconds = UnixSeconds(1_799_496_000);
const NODE: Address = Address::from_bytes([0x33; 16]);

/// Announces: what is read has one form, and is searched without harm.
pub fn fapp_announce(data: &[u8]) {
    let Ok(announce) = SlotAnnounce::parse(data) else { return };
    assert_eq!(announce.bytes(), data);
    let _ = announce.verify();
    let _ = announce.is_timely(NOW);
    let names: Vec<_> = announce.slots().iter().map(|s| s.id(announce.therapist())).collect();
    assert!(names.len() <= 64);
}

/// Tombstones: what is read has one form.
pub fn fapp_tombstone(data: &[u8]) {
    let Ok(stone) = Tombstone::parse(data) else { return };
    assert_eq!(stone.bytes(), data);
    let _ = stone.verify();
}

/// The next piece: a length of two bytes, and so many.
fn piece<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, rest) = data.split_first_chunk::<2>()?;
    let len = usize::from(u16::from_le_bytes(*len)).min(rest.len());
    let (piece, rest) = rest.split_at(len);
    *data = rest;
    Some(piece)
}

/// Frames of two neighbours: nothing is taken that does not verify, and links come to rest.
pub fn fapp_router(mut data: &[u8]) {
    let mut router = FappRouter::new(RouterConfig::default(), [1; 32]);
    let mut now = NOW;
    for id in [1, 2] {
        router.handle_neighbour_up(now, id, id == 2);
    }
    let mut from = 0;
    while let Some(frame) = piece(&mut data) {
        from += 1;
        let _ = router.handle_frame(now, 1 + from % 2, frame);
        for id in [1, 2] {
            let mut sent = 0;
            let mut out = Vec::new();
            while router.poll_transmit(id, &mut out, FRAME_LEN_MAX) {
                assert!(out.len() <= FRAME_LEN_MAX);
                out.clear();
                sent += 1;
                assert!(sent < 10_000, "the link never comes to rest");
            }
        }
        now = UnixSeconds(now.0 + 7);
        router.handle_timeout(now);
        while router.poll_event().is_some() {}
    }
    for announce in router.cache().announces() {
        assert!(announce.verify().is_ok());
    }
}

/// Letters and the questions around them: read or refused; what a practice takes, it asked for.
pub fn fapp_letter(data: &[u8]) {
    let (x25519, xwing) = (X25519Key::from_seed([8; 32]), XWingKey::from_seed(Mode::Real, [9; 32]));
    let _ = Opened::prekey_id(data);
    if let Ok(opened) = Opened::open(&NODE, &x25519, &xwing, data) {
        assert!(
            !matches!(opened.ask, Ask::Put { ref letter, .. } if letter.suite() != opened.suite())
        );
    }
    let (x25519_public, xwing_public) = (x25519.public(), xwing.public());
    let to = MailboxKey { node: NODE, id: 5, x25519: &x25519_public, xwing: &xwing_public };
    let mut rng = NodeRng::from_seed([10; 32]);
    if let Ok((_, pending)) = Ask::Page(0).seal(Suite::X25519, &to, &mut rng) {
        assert!(pending.open(data).is_err(), "nobody else can answer");
    }
    for len in [LETTER_LEN, LETTER_LEN_XWING] {
        let mut bytes = data.to_vec();
        bytes.resize(len, 0);
        let letter = Letter::parse(&bytes).expect("its length");
        assert_eq!(letter.bytes(), bytes);
        let mut keys = SubKeys::default();
        keys.rotate(NOW, [3; 32]);
        assert!(Practice::default().receive(NOW, &letter, &keys, [4; 32]).is_err());
        assert_eq!(Patient::default().receive(NOW, &letter).ok(), Some(None));
    }
}

/// What is said about practices: one form, and nothing counts that nobody here trusts.
pub fn fapp_trust(data: &[u8]) {
    if let Ok(file) = PracticeFile::parse(data) {
        assert!(data.len() <= PracticeFile::LEN_MAX);
        let _ = file.names(NOW, &[0; 32]);
    }
    if let Ok(held) = Credential::parse_verified(data) {
        assert_eq!(held.bytes(), data);
    }
    if let Ok(said) = Endorsement::parse_verified(data) {
        assert_eq!(said.bytes(), data);
    }
    if let Ok(seen) = Observation::parse_verified(data) {
        assert_eq!(seen.bytes(), data);
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(domain) = Domain::parse(text) {
        assert_eq!(domain.as_str(), text);
    }
    if let Ok(statement) = text.parse::<Statement>() {
        assert_eq!(statement.to_string().parse(), Ok(statement.clone()));
        let mut book = TrustBook::default();
        let subject = *statement.subject();
        let _ = book.hold(NOW, statement);
        let standing = book.standing(NOW, &subject, &[0; 32]);
        assert_eq!(standing.tier.number(), 0);
    }
}

/// What people type.
pub fn fapp_text(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(plz) = Plz::parse(text) {
        assert_eq!(plz.to_string(), text);
        assert!(plz.region() < 100);
    }
    let _ = PlzPrefix::parse(text);
    if let Ok(at) = BerlinTime::parse(text) {
        assert_eq!(BerlinTime::parse(&BerlinTime::from_unix(at).rfc3339()), Ok(at));
    }
    let _ = text.parse::<fapp::SlotId>();
    let _ = Beruf::parse(text);
    let _ = Fachrichtung::parse(text);
    let _ = Kostentraeger::parse(text);
    let _ = Leistung::parse(text);
    let _ = Modalitaet::parse(text);
    let _ = Sprachen::default().with(text);
    let query = SlotQuery {
        plz_prefix: Some(text.into()),
        sprache: Some(text.into()),
        ..Default::default()
    };
    let _ = query.check();
}

/// Rows from a disk that somebody wrote to: refused or harmless, and bounded.
pub fn fapp_rows(mut data: &[u8]) {
    let mut alerts = AlertBook::default();
    let (mut cache, mut book) = (Cache::new(100), TrustBook::default());
    let (mut practice, mut patient) = (Practice::default(), Patient::default());
    let mut keys = SubKeys::default();
    while let (Some(key), Some(value)) = (piece(&mut data), piece(&mut data)) {
        let _ = alerts.restore(NOW, key, value);
        let _ = cache.restore(NOW, key, value);
        let _ = book.restore(NOW, key, value);
        let _ = practice.restore(key, value);
        let _ = patient.restore(key, value);
        let _ = keys.restore(key, value);
    }
    alerts.look(NOW, &cache);
    while alerts.poll_hit().is_some() {}
    practice.resume(NOW);
    practice.handle_timeout(NOW);
    patient.handle_timeout(NOW);
    assert!(alerts.alerts().count() <= AlertBook::ALERTS_MAX && cache.len() <= 100);
}
