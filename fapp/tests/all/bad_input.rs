//! The bad inputs that `specs/fapp.md` lists, from outside: each with a clear answer, and nothing changed.

use fapp::{
    UnixSeconds,
    announce::{Draft, Profile, SlotAnnounce, Unwelcome},
    cache::Cache,
    plz::{Plz, PlzPrefix},
    query::SlotQuery,
    router::{FRAME_LEN_MAX, FappRouter, RouterConfig},
    slot::Slot,
    tombstone::Tombstone,
    trust::Tier,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet, Term, Zugang},
};
use mesh::{Address, MeshIdentity};

const NOW: UnixSeconds = UnixSeconds(1_799_496_000);
const DAY: u64 = 86_400;

fn practice(seed: u8) -> MeshIdentity {
    MeshIdentity::from_seeds([1; 32], Some([seed; 32]))
}

fn draft(made: UnixSeconds, sequence: u32) -> Draft {
    let profile = Profile {
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: Modalitaet::Praxis.into(),
        kostentraeger: Kostentraeger::Gkv.into(),
        ..Profile::default()
    };
    let mut draft = Draft::new(Plz::parse("80331").expect("a code"), profile, made, sequence);
    draft.slots = vec![Slot::new(UnixSeconds(made.0 + 3 * DAY), 50)];
    draft
}

fn announce(made: UnixSeconds, sequence: u32) -> SlotAnnounce {
    draft(made, sequence).sign(&practice(1)).expect("well-formed")
}

fn tombstone(made: UnixSeconds, sequence: u32) -> Tombstone {
    let until = UnixSeconds(made.0 + 30 * DAY);
    Tombstone::sign(&practice(1), sequence, made, until).expect("a root key")
}

fn sequence(cache: &Cache) -> Option<u32> {
    cache.announces().next().map(SlotAnnounce::sequence)
}

#[test]
fn bad_older_and_equal_sequences() {
    let mut cache = Cache::new(10);
    let insert = |cache: &mut Cache, sequence| {
        cache.insert(NOW, announce(NOW, sequence), Tier::SelfSigned, Some(1))
    };
    assert_eq!(insert(&mut cache, 7), Ok(()));
    for old in [7, 6, 1] {
        assert_eq!(insert(&mut cache, old), Err(Unwelcome::Known));
    }
    // The same sequence with something else in it changes nothing either.
    let mut other = draft(NOW, 7);
    other.slots.clear();
    let other = other.sign(&practice(1)).expect("well-formed");
    let refused = cache.insert(NOW, other, Tier::SelfSigned, None);
    assert_eq!((refused, sequence(&cache)), (Err(Unwelcome::Known), Some(7)));
    assert_eq!(cache.bury(NOW, tombstone(NOW, 6)), Err(Unwelcome::Known), "an older tombstone");
    assert_eq!(cache.bury(NOW, tombstone(NOW, 7)), Ok(()));
    assert_eq!(cache.bury(NOW, tombstone(NOW, 7)), Err(Unwelcome::Known));
    assert_eq!(insert(&mut cache, 7), Err(Unwelcome::Withdrawn));
    assert_eq!(insert(&mut cache, 8), Ok(()));
}

#[test]
fn bad_wrong_key() {
    let other = practice(2).root_key().expect("a root key");
    let mut bytes = announce(NOW, 1).bytes();
    bytes[2..34].copy_from_slice(&other);
    assert!(SlotAnnounce::parse_verified(&bytes).is_err());
    let mut bytes = tombstone(NOW, 1).bytes();
    bytes[2..34].copy_from_slice(&other);
    assert!(Tombstone::parse(&bytes).and_then(|stone| stone.verify()).is_err());
    // A key of small order signs for nobody.
    for weak in [[0; 32], std::array::from_fn(|place| u8::from(place == 0))] {
        let mut bytes = announce(NOW, 1).bytes();
        bytes[2..34].copy_from_slice(&weak);
        assert!(SlotAnnounce::parse_verified(&bytes).is_err());
    }
}

#[test]
fn bad_encodings_that_are_not_canonical() {
    let mut two = draft(NOW, 1);
    two.mailboxes = vec![Address::from_bytes([1; 16]), Address::from_bytes([2; 16])];
    let bytes = two.sign(&practice(1)).expect("well-formed").bytes();
    assert_eq!(bytes[123], 2);
    let mut swapped = bytes.clone();
    swapped[124..140].copy_from_slice(&[2; 16]);
    swapped[140..156].copy_from_slice(&[1; 16]);
    let mut twice = bytes.clone();
    twice[140..156].copy_from_slice(&[1; 16]);
    let mut languages = bytes.clone();
    // A gap: the second language without a first.
    languages[87..91].copy_from_slice(&(1_u32 << 10).to_le_bytes());
    let trailing = [&bytes[..], &[0]].concat();
    for bad in [swapped, twice, languages, trailing] {
        assert!(SlotAnnounce::parse(&bad).is_err(), "{:02x?}", &bad[80..]);
    }
}

#[test]
fn bad_ten_thousand_slots() {
    let mut many = draft(NOW, 1);
    many.slots = (1..=10_000).map(|n| Slot::new(UnixSeconds(NOW.0 + n * 3_600), 50)).collect();
    let refused = many.sign(&practice(1)).expect_err("too many");
    assert!(refused.to_string().contains("64"), "{refused}");
    let mut giant = announce(NOW, 1).bytes();
    giant[124] = 255;
    assert!(SlotAnnounce::parse(&giant).is_err());
}

#[test]
fn bad_postal_codes() {
    let codes = [
        "8033",
        "803311",
        "00123",
        "00000",
        "８０３３１",
        "8033a",
        " 80331",
        "80331 ",
        "-8033",
        "+8033",
        "A-1010",
        "1010",
        "CH-8001",
        "٨٠٣٣١",
        "80331\0",
        "\u{202e}80331",
        "",
    ];
    for text in codes {
        assert!(Plz::parse(text).is_err(), "{text:?}");
        let query = SlotQuery { plz: Some(text.into()), ..SlotQuery::default() };
        assert!(query.check().is_err());
    }
    for text in ["８０", "8 ", "803311", "a", "\u{202e}8"] {
        assert!(PlzPrefix::parse(text).is_err(), "{text:?}");
    }
}

#[test]
fn bad_words() {
    // Composed or not, it is the same word.
    assert_eq!(Zugang::parse("\u{d6}PNV"), Zugang::parse("O\u{308}PNV"));
    assert!(Zugang::parse("\u{d6}PNV").is_ok());
    for text in
        ["\u{202e}VT", "V\u{0}T", "VT\u{2066}", "VT\u{436}", "Heiler", "", "\u{ff36}\u{ff34}"]
    {
        assert!(Fachrichtung::parse(text).is_err(), "{text:?}");
    }
}

/// Hands a router what a neighbour says about a practice.
fn says(router: &mut FappRouter, now: UnixSeconds, objects: &[Vec<u8>]) {
    let mut frame = vec![5];
    for object in objects {
        frame.extend_from_slice(&(object.len() as u16).to_le_bytes());
        frame.extend_from_slice(object);
    }
    assert!(frame.len() <= FRAME_LEN_MAX);
    let _ = router.handle_frame(now, 1, &frame);
}

fn router() -> FappRouter {
    let mut router = FappRouter::new(RouterConfig::default(), [1; 32]);
    router.handle_neighbour_up(NOW, 1, false);
    router
}

#[test]
fn bad_expired_announces_flooded_again() {
    let mut router = router();
    let made = announce(NOW, 1);
    says(&mut router, NOW, &[made.bytes()]);
    assert_eq!(router.cache().len(), 1);
    let over = made.expires();
    router.handle_timeout(over);
    says(&mut router, over, &[made.bytes()]);
    assert_eq!((router.cache().len(), router.counters().unwelcome), (0, 1));
    assert_eq!(router.counters().broken, 0, "that is nobody's fault");
}

#[test]
fn bad_tombstone_before_its_announce() {
    let mut router = router();
    says(&mut router, NOW, &[tombstone(NOW, 3).bytes(), announce(NOW, 3).bytes()]);
    says(&mut router, NOW, &[announce(NOW, 2).bytes()]);
    assert_eq!(router.cache().len(), 0);
    says(&mut router, NOW, &[announce(NOW, 4).bytes()]);
    assert_eq!(sequence(router.cache()), Some(4));
}

#[test]
fn bad_clocks() {
    for (ahead, taken) in [(10 * 60, 1), (DAY, 0)] {
        let mut router = router();
        let made = UnixSeconds(NOW.0 + ahead);
        says(&mut router, NOW, &[announce(made, 1).bytes()]);
        assert_eq!(router.cache().len(), taken, "{ahead} s");
    }
    // A tombstone of tomorrow hides nothing today.
    let mut router = router();
    let tomorrow = UnixSeconds(NOW.0 + DAY);
    says(&mut router, NOW, &[announce(NOW, 1).bytes(), tombstone(tomorrow, 9).bytes()]);
    assert_eq!(router.cache().len(), 1);
}

/// Objects with a giant length, none, or what is no object: the frame's rest is dropped, the neighbour
/// muted after eight, and what was there stays.
#[test]
fn bad_frames() {
    let mut router = router();
    says(&mut router, NOW, &[announce(NOW, 1).bytes()]);
    for frame in
        [&[5, 0xff, 0xff, 1][..], &[5, 0, 0], &[5, 1], &[2], &[3, 9], &[6, 1], &[7], &[1, 1]]
    {
        assert!(router.handle_frame(NOW, 1, frame).is_err(), "{frame:?}");
    }
    assert_eq!((router.cache().len(), router.counters().broken), (1, 8));
    says(&mut router, NOW, &[announce(NOW, 2).bytes()]);
    assert_eq!((sequence(router.cache()), router.counters().muted), (Some(1), 1));
}
