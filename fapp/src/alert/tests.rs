use std::{format, string::String, vec::Vec};

use mesh::MeshIdentity;

use super::*;
use crate::{
    announce::{Draft, Profile},
    plz::Plz,
    router::{FappRouter, RouterConfig},
    slot::Slot,
    vocabulary::{Fachrichtung, Kostentraeger, Leistung, Modalitaet},
};

const NOW: UnixSeconds = UnixSeconds(1_799_740_800);
const HOUR: u64 = 3_600;

fn announce(practice: u8, sequence: u32, plz: &str, hours: &[u64]) -> SlotAnnounce {
    let identity = MeshIdentity::from_seeds([1; 32], Some([practice; 32]));
    let profile = Profile {
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: Modalitaet::Praxis.into(),
        kostentraeger: Kostentraeger::Gkv.into(),
        ..Profile::default()
    };
    let mut draft = Draft::new(Plz::parse(plz).expect("a code"), profile, NOW, sequence);
    draft.slots =
        hours.iter().map(|hour| Slot::new(UnixSeconds(NOW.0 + hour * HOUR), 50)).collect();
    draft.sign(&identity).expect("well-formed")
}

fn munich() -> SlotQuery {
    SlotQuery { plz: Some("80331".into()), radius_km: Some(10), ..SlotQuery::default() }
}

fn hits(book: &mut AlertBook) -> Vec<Reported> {
    core::iter::from_fn(|| book.poll_hit()).collect()
}

fn arrives(book: &mut AlertBook, now: UnixSeconds, announce: &SlotAnnounce) -> usize {
    book.on_announce(now, announce, Tier::SelfSigned);
    hits(book).len()
}

#[test]
fn fap_90_a_slot_that_fits_is_reported_once() {
    let mut book = AlertBook::default();
    let id = book.add(NOW, &munich(), "near work").expect("sound");
    let first = announce(1, 1, "80331", &[24, 48]);
    book.on_announce(NOW, &first, Tier::SelfSigned);
    let reported = hits(&mut book);
    assert_eq!(reported.len(), 2);
    let slot = &first.slots()[0];
    assert_eq!(
        reported[0],
        Reported {
            alert: id,
            slot: slot.id(first.therapist()),
            therapist: *first.therapist(),
            start: slot.start
        }
    );
    assert_eq!(book.reported(id), reported);
    // The same again, and a later announce with one slot more: only that one is new.
    assert_eq!(arrives(&mut book, NOW, &first), 0);
    assert_eq!(arrives(&mut book, NOW, &announce(1, 2, "80331", &[24, 48, 72])), 1);
    // Withdrawn and offered again it is no news.
    assert_eq!(arrives(&mut book, NOW, &announce(1, 3, "80331", &[72])), 0);
    assert_eq!(arrives(&mut book, NOW, &announce(1, 4, "80331", &[24, 72])), 0);
    assert_eq!(arrives(&mut book, NOW, &announce(2, 1, "10115", &[24])), 0, "far away");
}

#[test]
fn fap_90_what_is_here_is_found_by_a_look() {
    let (mut book, mut cache) = (AlertBook::default(), Cache::new(100));
    for practice in 1..=3 {
        let announce = announce(practice, 1, "80331", &[24]);
        cache.insert(NOW, announce, Tier::SelfSigned, None).expect("welcome");
    }
    let all = book.add(NOW, &munich(), "").expect("sound");
    let known = SlotQuery { trust: Some(Tier::Colleagues), ..munich() };
    let known = book.add(NOW, &known, "").expect("sound");
    book.look(NOW, &cache);
    assert!(hits(&mut book).iter().all(|hit| hit.alert == all));
    assert_eq!((book.reported(all).len(), book.reported(known).len()), (3, 0));
    // More is known about one of them.
    let therapist = *announce(2, 1, "80331", &[24]).therapist();
    cache.set_tier(&therapist, Tier::Colleagues);
    book.look(NOW, &cache);
    let found = hits(&mut book);
    assert_eq!(
        found.iter().map(|hit| (hit.alert, hit.therapist)).collect::<Vec<_>>(),
        [(known, therapist)]
    );
}

#[test]
fn fap_91_alerts_are_few_and_sound() {
    let mut book = AlertBook::default();
    let unsound = SlotQuery { plz: Some("8033".into()), ..SlotQuery::default() };
    assert!(matches!(book.add(NOW, &unsound, ""), Err(AlertError::Query(_))));
    for label in ["a\nb", "\u{202e}x", "\u{2066}", &"x".repeat(65)] {
        assert_eq!(book.add(NOW, &munich(), label), Err(AlertError::Label));
    }
    let ids: Vec<AlertId> =
        (0..32).map(|n| book.add(NOW, &munich(), &format!("{n}")).expect("room")).collect();
    assert_eq!(book.add(NOW, &munich(), ""), Err(AlertError::Full));
    assert!(book.remove(ids[31]));
    assert!(!book.remove(ids[31]));
    let next = book.add(NOW, &munich(), "").expect("room");
    assert!(!ids.contains(&next), "a name is never given twice");
    assert_eq!(book.alerts().count(), 32);
    assert!(!format!("{book:?}").contains("80331"));
}

#[test]
fn fap_92_memory_is_bounded_and_forgets_what_has_begun() {
    let (mut book, mut cache) = (AlertBook::default(), Cache::new(100));
    let id = book.add(NOW, &munich(), "").expect("sound");
    let hours: Vec<u64> = (1..=64).collect();
    for practice in 1..=9 {
        let announce = announce(practice, 1, "80331", &hours);
        book.on_announce(NOW, &announce, Tier::SelfSigned);
        cache.insert(NOW, announce, Tier::SelfSigned, None).expect("welcome");
    }
    assert_eq!(hits(&mut book).len(), AlertBook::REPORTED_MAX);
    assert!(book.alerts().all(|alert| alert.is_full) && book.has_missed());
    book.look(NOW, &cache);
    assert_eq!(hits(&mut book).len(), 0, "no slot twice, however full");
    // Eight have begun an hour later, one of each practice but the last, which was not reported.
    let later = UnixSeconds(NOW.0 + HOUR + 60);
    book.look(later, &cache);
    let new = hits(&mut book);
    assert_eq!(new.len(), 8);
    assert!(new.iter().all(|hit| hit.start > later));
    assert_eq!(book.reported(id).len(), AlertBook::REPORTED_MAX);
    // When all have begun nothing is left.
    book.look(UnixSeconds(NOW.0 + 65 * HOUR), &cache);
    assert_eq!((book.reported(id).len(), book.has_missed()), (0, false));
}

#[test]
fn fap_93_nothing_is_sent_for_an_alert() {
    let mut router = FappRouter::new(RouterConfig::default(), [1; 32]);
    router.handle_neighbour_up(NOW, 7, false);
    let mut frame = Vec::new();
    while router.poll_transmit(7, &mut frame, 16_384) {}
    let announce = announce(1, 1, "80331", &[24]);
    router.broadcast_announce(NOW, announce.clone(), Tier::SelfSigned).expect("welcome");
    while router.poll_transmit(7, &mut frame, 16_384) {}
    let due = router.poll_timeout();
    let mut book = AlertBook::default();
    book.add(NOW, &munich(), "").expect("sound");
    book.look(NOW, router.cache());
    book.on_announce(NOW, &announce, Tier::SelfSigned);
    assert_eq!(hits(&mut book).len(), 1);
    assert!(!router.has_output(7) && router.poll_timeout() == due);
}

fn everything() -> SlotQuery {
    SlotQuery {
        plz_prefix: Some("803".into()),
        fachrichtung: Some(Fachrichtung::Verhaltenstherapie),
        modalitaet: Some(Modalitaet::Praxis),
        kostentraeger: Some(Kostentraeger::Gkv),
        leistung: Some(Leistung::Sprechstunde),
        from: Some(NOW),
        to: Some(UnixSeconds(NOW.0 + 1_000 * HOUR)),
        trust: Some(Tier::SelfSigned),
        ..SlotQuery::default()
    }
}

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

fn write(book: &mut AlertBook, rows: &mut Rows) {
    while let Some(row) = book.poll_row() {
        match row.value {
            Some(value) => rows.insert(row.key, value.to_vec()),
            None => rows.remove(&row.key),
        };
    }
}

fn restored(now: UnixSeconds, rows: &Rows) -> AlertBook {
    let mut book = AlertBook::default();
    for (key, value) in rows.iter().rev() {
        book.restore(now, key, value).expect("it was written");
    }
    book
}

#[test]
fn fap_94_a_restart_changes_nothing() {
    let (mut book, mut rows) = (AlertBook::default(), Rows::new());
    let first = book.add(NOW, &munich(), "nahe Arbeit").expect("sound");
    let second = book.add(NOW, &everything(), "").expect("sound");
    assert_eq!(arrives(&mut book, NOW, &announce(1, 1, "80331", &[24, 48])), 4);
    write(&mut book, &mut rows);
    let mut again = restored(NOW, &rows);
    let shown = |book: &AlertBook| -> Vec<(AlertId, String, SlotQuery)> {
        book.alerts().map(|a| (a.id, a.label.into(), a.query.clone())).collect()
    };
    assert_eq!(shown(&again), shown(&book));
    assert_eq!(again.reported(first), book.reported(first));
    assert_eq!(arrives(&mut again, NOW, &announce(1, 2, "80331", &[24, 48])), 0);
    // A removed alert leaves nothing, and its name is not given again.
    assert!(book.remove(first) && book.remove(second));
    write(&mut book, &mut rows);
    assert_eq!(rows.keys().collect::<Vec<_>>(), [&[b'n'][..]]);
    let next = restored(NOW, &rows).add(NOW, &munich(), "").expect("sound");
    assert_eq!(next, AlertId(2));
}

#[test]
fn fap_94_damaged_rows_are_refused() {
    let (mut book, mut rows) = (AlertBook::default(), Rows::new());
    book.add(NOW, &everything(), "x").expect("sound");
    arrives(&mut book, NOW, &announce(1, 1, "80331", &[24]));
    write(&mut book, &mut rows);
    assert_eq!(rows.len(), 3);
    for (key, value) in &rows {
        for len in 0..value.len() {
            assert!(restored(NOW, &Rows::new()).restore(NOW, key, &value[..len]).is_err());
        }
        let long = [&value[..], &[0]].concat();
        assert!(restored(NOW, &Rows::new()).restore(NOW, key, &long).is_err());
        assert!(restored(NOW, &Rows::new()).restore(NOW, &key[..key.len() - 1], value).is_err());
        // Whatever else is in it, it is refused or read, and bounded.
        for bit in 0..value.len() * 8 {
            let mut flipped = value.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let mut book = AlertBook::default();
            if book.restore(NOW, key, &flipped).is_ok() {
                assert!(book.alerts().count() <= 1);
            }
        }
    }
    // What was reported belongs to an alert.
    let (key, value) = rows.iter().find(|(key, _)| key[0] == b'r').expect("reported");
    assert!(AlertBook::default().restore(NOW, key, value).is_err());
    let mut twice = restored(NOW, &rows);
    let (key, value) = rows.iter().find(|(key, _)| key[0] == b's').expect("an alert");
    assert!(twice.restore(NOW, key, value).is_err());
}
