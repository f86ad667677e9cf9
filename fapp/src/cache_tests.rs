use std::{vec, vec::Vec};

use mesh::MeshIdentity;

use super::*;
use crate::{
    announce::{Draft, Profile},
    query::SlotQuery,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet, Sprachen},
};

const NOW: UnixSeconds = UnixSeconds(1_799_740_800);

fn identity(seed: u16) -> MeshIdentity {
    let [low, high] = seed.to_le_bytes();
    let mut root = [7; 32];
    (root[0], root[1]) = (low, high);
    MeshIdentity::from_seeds([1; 32], Some(root))
}

fn profile() -> Profile {
    Profile {
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: Modalitaet::Praxis.into(),
        kostentraeger: Kostentraeger::Gkv.into(),
        ..Profile::default()
    }
}

fn announce_of(seed: u16, sequence: u32, plz: &str, slots: u64) -> SlotAnnounce {
    let mut draft = Draft::new(Plz::parse(plz).expect("a code"), profile(), NOW, sequence);
    draft.slots = (1..=slots).map(|n| Slot::new(UnixSeconds(NOW.0 + n * 86_400), 50)).collect();
    draft.sign(&identity(seed)).expect("well-formed")
}

fn announce(seed: u16, sequence: u32) -> SlotAnnounce {
    announce_of(seed, sequence, "80331", 1)
}

fn tombstone(seed: u16, sequence: u32) -> Tombstone {
    let until = announce(seed, 1).expires();
    Tombstone::sign(&identity(seed), sequence, NOW, until).expect("a root key")
}

#[test]
fn fap_40_tombstone_round_trips_truncation_and_flips() {
    let bytes = tombstone(1, 4).bytes();
    assert_eq!(bytes.len(), Tombstone::LEN);
    let read = Tombstone::parse(&bytes).expect("well-formed");
    assert_eq!((&read, read.verify()), (&tombstone(1, 4), Ok(())));
    for len in 0..bytes.len() {
        assert!(Tombstone::parse(&bytes[..len]).is_err());
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Tombstone::parse(&flipped).and_then(|t| t.verify()).is_err(), "bit {bit}");
    }
}

#[test]
fn fap_60_the_newest_announce_counts() {
    let mut cache = Cache::new(10);
    let mut insert = |sequence| cache.insert(NOW, announce(1, sequence), Tier::SelfSigned, None);
    assert_eq!(insert(3), Ok(()));
    assert_eq!(insert(3), Err(Unwelcome::Known));
    assert_eq!(insert(2), Err(Unwelcome::Known));
    assert_eq!(insert(4), Ok(()));
    assert_eq!(cache.len(), 1);
}

#[test]
fn fap_41_a_tombstone_holds_before_and_after_and_over_a_restart() {
    let mut cache = Cache::new(10);
    assert_eq!(cache.bury(NOW, tombstone(1, 5)), Ok(()));
    for sequence in [1, 5] {
        let late = cache.insert(NOW, announce(1, sequence), Tier::SelfSigned, None);
        assert_eq!(late, Err(Unwelcome::Withdrawn));
    }
    assert_eq!(cache.insert(NOW, announce(1, 6), Tier::SelfSigned, None), Ok(()));
    assert_eq!(cache.bury(NOW, tombstone(1, 5)), Err(Unwelcome::Known));
    assert_eq!(cache.bury(NOW, tombstone(1, 6)), Ok(()));
    assert!(cache.is_empty());
    let mut disk: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    for CacheRow { key, value } in cache.drain_rows() {
        match value {
            Some(value) => disk.insert(key, value),
            None => disk.remove(&key),
        };
    }
    let mut restarted = Cache::new(10);
    // Tombstones first, whatever the order of their letters.
    for (key, value) in disk.iter().rev() {
        restarted.restore(NOW, key, value).expect("own rows");
    }
    let back = restarted.insert(NOW, announce(1, 6), Tier::SelfSigned, None);
    assert_eq!(back, Err(Unwelcome::Withdrawn));
}

#[test]
fn fap_62_what_is_over_goes_and_stays_away() {
    let mut cache = Cache::new(10);
    cache.insert(NOW, announce(1, 1), Tier::SelfSigned, None).expect("room");
    cache.bury(NOW, tombstone(2, 1)).expect("room");
    let over = announce(1, 1).expires();
    assert_eq!(cache.next_expiry(), Some(over));
    assert_eq!(cache.expire(UnixSeconds(over.0 - 1)), Vec::<[u8; 32]>::new());
    assert_eq!(cache.expire(over).len(), 1);
    assert!(cache.is_empty() && cache.tombstones().next().is_none());
    assert_eq!(cache.buckets().count(), 0);
    assert_eq!(cache.insert(over, announce(1, 1), Tier::SelfSigned, None), Err(Unwelcome::Expired));
    assert_eq!(cache.drain_rows().iter().filter(|row| row.value.is_none()).count(), 2);
}

#[test]
fn fap_63_a_flood_of_unknown_practices_displaces_none_that_is_known() {
    let mut cache = Cache::new(20);
    for seed in 0..5 {
        cache.insert(NOW, announce(seed, 1), Tier::Colleagues, Some(1)).expect("room");
    }
    for seed in 5..10 {
        cache.insert(NOW, announce(seed, 1), Tier::SelfSigned, Some(2)).expect("room");
    }
    let flooded = (100..400)
        .filter(|seed| cache.insert(NOW, announce(*seed, 1), Tier::SelfSigned, Some(3)).is_ok());
    assert_eq!(flooded.count(), 10, "what room there was");
    assert_eq!(cache.len(), 20);
    for seed in 0..10 {
        let key = *announce(seed, 1).therapist();
        assert!(cache.get(&key).is_some(), "{seed}");
    }
    // An honest neighbour's is taken still, at the cost of whoever brought most.
    assert_eq!(cache.insert(NOW, announce(11, 1), Tier::SelfSigned, Some(2)), Ok(()));
    // And one that is known displaces one that is not.
    assert_eq!(cache.insert(NOW, announce(12, 1), Tier::Domain, Some(3)), Ok(()));
    assert_eq!(cache.len(), 20);
    // Nobody checked makes no room for nobody checked from the greedy one.
    let more = cache.insert(NOW, announce(500, 1), Tier::SelfSigned, Some(3));
    assert_eq!(more, Err(Unwelcome::Full));
}

#[test]
fn fap_64_rows_that_do_not_hold_are_refused() {
    let mut cache = Cache::new(10);
    cache.insert(NOW, announce(1, 1), Tier::SelfSigned, None).expect("room");
    let row = cache.drain_rows().remove(0);
    let value = row.value.expect("a put");
    let mut other = Cache::new(10);
    assert!(other.restore(NOW, &row.key[..32], &value).is_err());
    let mut wrong = row.key.clone();
    wrong[5] ^= 1;
    assert!(other.restore(NOW, &wrong, &value).is_err());
    assert!(other.restore(NOW, b"", &value).is_err());
    assert!(other.restore(NOW, &row.key, &value[1..]).is_err());
    assert_eq!(other.restore(NOW, &row.key, &value), Ok(()));
}

fn ids(cache: &Cache, query: &SlotQuery) -> Vec<[u8; 32]> {
    let search = query.at(NOW).expect("a sound query");
    cache.search(&search).iter().map(|hit| *hit.announce.therapist()).collect()
}

#[test]
fn fap_50_only_what_fits_is_found() {
    let mut cache = Cache::new(10);
    let munich = announce_of(1, 1, "80331", 2);
    let near = announce_of(2, 1, "80333", 1);
    let berlin = announce_of(3, 1, "10115", 1);
    for one in [&munich, &near, &berlin] {
        cache.insert(NOW, one.clone(), Tier::SelfSigned, None).expect("room");
    }
    let all = SlotQuery::default();
    assert_eq!(ids(&cache, &all).len(), 4);
    let prefix = |text: &str| SlotQuery { plz_prefix: Some(text.into()), ..all.clone() };
    assert_eq!(ids(&cache, &prefix("80")).len(), 3);
    assert_eq!(ids(&cache, &prefix("10115")), [*berlin.therapist()]);
    let around = SlotQuery { plz: Some("80331".into()), radius_km: Some(5), ..all.clone() };
    assert_eq!(ids(&cache, &around).len(), 3);
    for (query, expected) in [
        (SlotQuery { fachrichtung: Some(Fachrichtung::Systemisch), ..all.clone() }, 0),
        (SlotQuery { kostentraeger: Some(Kostentraeger::Gkv), ..all.clone() }, 4),
        (SlotQuery { kostentraeger: Some(Kostentraeger::Pkv), ..all.clone() }, 0),
        (SlotQuery { modalitaet: Some(Modalitaet::Video), ..all.clone() }, 0),
        (SlotQuery { sprache: Some("de".into()), ..all.clone() }, 4),
        (SlotQuery { sprache: Some("tr".into()), ..all.clone() }, 0),
        (SlotQuery { trust: Some(Tier::Domain), ..all.clone() }, 0),
        (SlotQuery { from: Some(UnixSeconds(NOW.0 + 86_401)), ..all.clone() }, 1),
        (SlotQuery { to: Some(UnixSeconds(NOW.0 + 86_400)), ..all.clone() }, 0),
        (SlotQuery { limit: 2, ..all.clone() }, 2),
    ] {
        assert_eq!(ids(&cache, &query).len(), expected, "{query:?}");
    }
    let slot = near.slots()[0];
    let id = slot.id(near.therapist());
    assert_eq!(cache.slot(&id).map(|(announce, _)| announce), Some(&near));
    assert_eq!(cache.of_region(80).count(), 2);
    assert_eq!(Sprachen::default().subtags(), Vec::<std::string::String>::new());
}

#[test]
fn fap_51_near_and_soon_come_first() {
    let mut cache = Cache::new(10);
    // Berlin tomorrow is 500 km away; Munich the day after is next door.
    cache.insert(NOW, announce_of(1, 1, "10115", 1), Tier::SelfSigned, None).expect("room");
    cache.insert(NOW, announce_of(2, 1, "80333", 2), Tier::SelfSigned, None).expect("room");
    let query =
        SlotQuery { plz: Some("80331".into()), radius_km: Some(900), ..SlotQuery::default() };
    let (munich, berlin) = (*announce(2, 1).therapist(), *announce(1, 1).therapist());
    assert_eq!(ids(&cache, &query), [munich, munich, berlin]);
}

#[test]
fn fap_52_slots_that_have_begun_are_not_shown() {
    let mut cache = Cache::new(10);
    cache.insert(NOW, announce(1, 1), Tier::SelfSigned, None).expect("room");
    let begun = UnixSeconds(NOW.0 + 86_401);
    let search = SlotQuery::default().at(begun).expect("a sound query");
    assert_eq!(cache.search(&search), vec![]);
}

#[test]
fn fap_53_unsound_queries_are_told() {
    let all = SlotQuery::default();
    for (query, sentence) in [
        (
            SlotQuery { plz: Some("8033".into()), ..all.clone() },
            "a German postal code has five digits, such as 80331",
        ),
        (
            SlotQuery { plz: Some("00123".into()), ..all.clone() },
            "there is no such postal code in Germany",
        ),
        (
            SlotQuery { radius_km: Some(5), ..all.clone() },
            "a radius needs a postal code to be around",
        ),
        (
            SlotQuery { sprache: Some("deutsch".into()), ..all.clone() },
            "a language is two letters, such as de, en, tr or ar",
        ),
        (
            SlotQuery { from: Some(NOW), to: Some(NOW), ..all.clone() },
            "the end of the time window is not behind its start",
        ),
    ] {
        assert_eq!(std::format!("{}", query.check().expect_err("unsound")), sentence);
    }
}
