//! Routers that speak with each other, and what one of them shows.

use alloc::collections::BTreeMap;
use std::{format, string::ToString, vec, vec::Vec};

use mesh::{MeshIdentity, crypto::sign::SigningKey};

use super::*;
use crate::{
    UnixSeconds,
    announce::{Draft, Profile, SlotAnnounce, Unwelcome},
    plz::Plz,
    query::SlotQuery,
    router::{FRAME_LEN_MAX, FappRouter, RouterConfig},
    slot::Slot,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet},
};

const NOW: UnixSeconds = UnixSeconds(1_799_740_800);

fn person(seed: u8) -> MeshIdentity {
    MeshIdentity::from_seeds([1; 32], Some([seed; 32]))
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

fn announce(seed: u8, sequence: u32, reference: [u8; 32]) -> SlotAnnounce {
    let profile = Profile {
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: Modalitaet::Praxis.into(),
        kostentraeger: Kostentraeger::Gkv.into(),
        ..Profile::default()
    };
    let mut draft = Draft::new(Plz::parse("80331").expect("a code"), profile, NOW, sequence);
    draft.slots = vec![Slot::new(UnixSeconds(NOW.0 + 86_400), 50)];
    draft.credential_ref = reference;
    draft.sign(&person(seed)).expect("well-formed")
}

fn credential(holder: u8, days: u64) -> Credential {
    let span = (NOW, UnixSeconds(NOW.0 + days * 86_400));
    Credential::signed(Vec::new(), &key(70), key(holder).public(), (1, 9), [5; 16], span)
        .expect("sound")
}

fn rooted() -> TrustBook {
    let mut book = TrustBook::default();
    book.configure(&[Root { key: key(70).public(), chamber: 0 }], &[], &[]);
    book
}

/// What a patient's router shows: practice and tier of each slot.
fn shown(router: &FappRouter) -> BTreeMap<[u8; 32], u8> {
    let search = router.search(NOW, &SlotQuery::default()).expect("sound");
    router.hits(&search).iter().map(|h| (*h.announce.therapist(), h.tier.number())).collect()
}

fn exchange(a: &mut FappRouter, b: &mut FappRouter) {
    for _ in 0..50 {
        for (from, to) in [(1, 2), (2, 1)] {
            let mut frame = Vec::new();
            let sent = if from == 1 { &mut *a } else { &mut *b };
            if sent.poll_transmit(to, &mut frame, FRAME_LEN_MAX) {
                let heard = if from == 1 { &mut *b } else { &mut *a };
                heard.handle_frame(NOW, from, &frame).expect("well-formed");
            }
        }
    }
}

/// A copied Approbation hash, from the wire to what a search shows.
#[test]
fn tru_31_a_copied_reference_is_shown_as_unverified() {
    let reference = credential(1, 300).reference();
    let mut town = FappRouter::new(RouterConfig::default(), [1; 32]);
    let mut patient = FappRouter::new(RouterConfig::default(), [2; 32]);
    for (seed, reference) in [(1, reference), (2, reference), (3, [0; 32])] {
        town.broadcast_announce(NOW, announce(seed, 1, reference), Tier::SelfSigned)
            .expect("welcome");
    }
    town.handle_neighbour_up(NOW, 2, false);
    patient.handle_neighbour_up(NOW, 1, false);
    exchange(&mut town, &mut patient);
    let keys = [1, 2, 3].map(|seed| key(seed).public());
    let tiers = |patient: &FappRouter| keys.map(|key| shown(patient)[&key]);
    assert_eq!(tiers(&patient), [0, 0, 0]);

    let (mut book, mut follow) = (rooted(), Tiers::default());
    let text = Statement::Credential(credential(1, 300)).to_string();
    book.hold(NOW, text.parse().expect("a statement")).expect("rooted");
    assert_eq!(follow.follow(NOW, &mut book, &mut patient), [keys[0]]);
    assert_eq!(tiers(&patient), [3, 0, 0]);
    // The copier announces again, and hands the credential around as well.
    town.broadcast_announce(NOW, announce(2, 2, reference), Tier::SelfSigned).expect("welcome");
    exchange(&mut town, &mut patient);
    book.hold(NOW, text.parse().expect("a statement")).expect("known");
    assert!(!follow.settle(NOW, &mut book, &mut patient, &keys[1]));
    follow.follow(NOW, &mut book, &mut patient);
    assert_eq!(tiers(&patient), [3, 0, 0]);
    // The holder leaves the reference out.
    town.broadcast_announce(NOW, announce(1, 2, [0; 32]), Tier::SelfSigned).expect("welcome");
    exchange(&mut town, &mut patient);
    assert!(follow.settle(NOW, &mut book, &mut patient, &keys[0]));
    assert_eq!(tiers(&patient), [0, 0, 0]);
}

#[test]
fn tru_03_tiers_follow_the_book() {
    let mut router = FappRouter::new(RouterConfig::default(), [1; 32]);
    let practice = key(1).public();
    let (mut book, mut follow) = (rooted(), Tiers::default());
    let held = credential(1, 10);
    let reference = held.reference();
    book.certify(NOW, held).expect("rooted");
    // Held before anything was announced.
    assert!(follow.follow(NOW, &mut book, &mut router).is_empty());
    let first = announce(1, 1, reference);
    router.broadcast_announce(NOW, first, Tier::SelfSigned).expect("welcome");
    assert!(follow.settle(NOW, &mut book, &mut router, &practice));
    assert_eq!(shown(&router)[&practice], 3);
    // It ends with what it rests on.
    let end = UnixSeconds(NOW.0 + 10 * 86_400);
    assert_eq!(follow.due(), Some(end));
    book.expire(end);
    assert_eq!(follow.follow(end, &mut book, &mut router), [practice]);
    assert_eq!((shown(&router)[&practice], follow.due()), (0, None));
}

/// A full cache makes room for a practice that something is known about, and for no copier.
#[test]
fn tru_03_what_is_known_displaces_what_is_not() {
    let full = RouterConfig { capacity: 3, ..RouterConfig::default() };
    let mut router = FappRouter::new(full, [1; 32]);
    for seed in 10..13 {
        let unknown = announce(seed, 1, [0; 32]);
        router.broadcast_announce(NOW, unknown, Tier::SelfSigned).expect("room");
    }
    let (mut book, mut follow) = (rooted(), Tiers::default());
    let reference = credential(1, 300).reference();
    book.certify(NOW, credential(1, 300)).expect("rooted");
    follow.follow(NOW, &mut book, &mut router);
    let copied = announce(2, 1, reference);
    let refused = router.broadcast_announce(NOW, copied, Tier::SelfSigned);
    assert_eq!(refused, Err(Unwelcome::Full));
    let real = announce(1, 1, reference);
    router.broadcast_announce(NOW, real, Tier::SelfSigned).expect("room is made");
    // Until the driver looks it is shown as nothing more than it said.
    let practice = key(1).public();
    assert_eq!(shown(&router)[&practice], 0);
    follow.settle(NOW, &mut book, &mut router, &practice);
    assert_eq!((shown(&router)[&practice], shown(&router).len()), (3, 3));
    for seed in 20..30 {
        let flood = announce(seed, 1, [0; 32]);
        let _ = router.broadcast_announce(NOW, flood, Tier::SelfSigned);
    }
    assert_eq!(shown(&router)[&practice], 3, "a flood does not displace it");
}

fn endorsed(signer: u8, subject: u8) -> Endorsement {
    let until = UnixSeconds(NOW.0 + 300 * 86_400);
    Endorsement::signed(NOW, &key(signer), key(subject).public(), 1, 9, until).expect("sound")
}

fn observed() -> Observation {
    let practice = key(1).public();
    let hex: std::string::String = practice.iter().map(|byte| format!("{byte:02x}")).collect();
    let file =
        format!("{{\"fapp\":1,\"keys\":[{{\"key\":\"{hex}\",\"expires\":\"2027-06-30\"}}]}}");
    let file = PracticeFile::parse(file.as_bytes()).expect("sound");
    let domain = Domain::parse("praxis.de").expect("sound");
    Observation::signed(NOW, &person(50), &domain, &file, &practice).expect("named")
}

#[test]
fn tru_50_a_restart_changes_nothing() {
    let observer = *person(50).public().node_key();
    let roots = [Root { key: key(70).public(), chamber: 0 }];
    let configure = |book: &mut TrustBook, rooted: bool| {
        book.configure(if rooted { &roots } else { &[] }, &[observer], &[]);
    };
    let mut book = TrustBook::default();
    configure(&mut book, true);
    book.certify(NOW, credential(1, 300)).expect("rooted");
    book.endorse(NOW, endorsed(1, 2)).expect("room");
    book.observe(NOW, observed()).expect("observer");
    let mut rows: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let write = |book: &mut TrustBook, rows: &mut BTreeMap<Vec<u8>, Vec<u8>>| {
        for row in book.drain_rows() {
            match row.value {
                Some(value) => rows.insert(row.key, value),
                None => rows.remove(&row.key),
            };
        }
    };
    write(&mut book, &mut rows);
    assert_eq!(rows.len(), 3);
    let mut again = TrustBook::default();
    configure(&mut again, true);
    for (key, value) in &rows {
        again.restore(NOW, key, value).expect("it was written");
        for len in 0..value.len() {
            assert!(TrustBook::default().restore(NOW, key, &value[..len]).is_err());
        }
        let mut other = key.clone();
        other[5] ^= 1;
        assert!(TrustBook::default().restore(NOW, &other, value).is_err());
    }
    assert!(again.drain_rows().is_empty(), "nothing is written again");
    let all = |book: &TrustBook| {
        (book.credentials().count(), book.endorsements().count(), book.observations().count())
    };
    assert_eq!(all(&again), (1, 1, 1));
    // A root that was taken out takes its rows along; what expired goes too.
    let mut without = TrustBook::default();
    configure(&mut without, false);
    rows.iter().for_each(|(key, value)| without.restore(NOW, key, value).expect("sound"));
    assert_eq!(all(&without), (0, 1, 1));
    write(&mut without, &mut rows);
    assert_eq!(rows.len(), 2);
    without.expire(UnixSeconds(NOW.0 + 400 * 86_400));
    write(&mut without, &mut rows);
    assert!(rows.is_empty());
}

#[test]
fn tru_51_statements_travel_as_text() {
    let all = [
        Statement::Credential(credential(1, 300)),
        Statement::Endorsement(endorsed(1, 2)),
        Statement::Observation(observed()),
    ];
    for statement in all {
        let text = statement.to_string();
        assert_eq!(text.parse(), Ok(statement.clone()));
        let wrapped: Vec<&str> = text
            .as_bytes()
            .chunks(60)
            .map(|line| core::str::from_utf8(line).expect("ascii"))
            .collect();
        assert_eq!(format!(" {}\r\n", wrapped.join("\r\n ")).parse(), Ok(statement.clone()));
        let mut forged = text.clone().into_bytes();
        let last = forged.len() - 1;
        forged[last] ^= 1;
        let forged = core::str::from_utf8(&forged).expect("ascii");
        assert!(forged.parse::<Statement>().is_err());
        let (_, digits) = text.split_once(':').expect("a prefix");
        for prefix in ["fapp-website:", "fapp-colleague:", "fapp-credential:", "fapp:"] {
            if !text.starts_with(prefix) {
                assert!(format!("{prefix}{digits}").parse::<Statement>().is_err());
            }
        }
    }
    let long = format!("fapp-credential:{}", "0".repeat(5_000));
    for text in ["", "fapp-credential:", "fapp-credential:0", "fapp-credential:zz", &long] {
        assert!(text.parse::<Statement>().is_err());
    }
}
