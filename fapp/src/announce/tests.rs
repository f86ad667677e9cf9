use std::{string::ToString, vec, vec::Vec};

use mesh::{
    Address, MeshIdentity,
    crypto::{Mode, hash::sha256, rng::NodeRng, sign::Batch},
    error::Error,
};

use super::*;
use crate::{
    calendar::BerlinTime,
    vocabulary::{Leistung, Term},
};

pub(crate) fn identity(seed: u8) -> MeshIdentity {
    MeshIdentity::from_seeds([seed; 32], Some([seed ^ 0x55; 32]))
}

fn at(text: &str) -> UnixSeconds {
    BerlinTime::parse(text).expect("a time")
}

fn profile() -> Profile {
    Profile {
        beruf: Beruf::PsychologischePsychotherapie.into(),
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: [Modalitaet::Praxis, Modalitaet::Video].into_iter().collect(),
        kostentraeger: Kostentraeger::Gkv.into(),
        gruppen: Gruppe::Erwachsene.into(),
        settings: Setting::Einzel.into(),
        zugang: Zugang::Barrierefrei.into(),
        sprachen: Sprachen::default().with("de").and_then(|s| s.with("tr")).expect("languages"),
    }
}

fn draft(slots: usize) -> Draft {
    let plz = Plz::parse("80331").expect("a code");
    let mut draft = Draft::new(plz, profile(), at("2027-01-10T18:00"), 7);
    let first = at("2027-01-12T09:00");
    draft.slots =
        (0..slots as u64).map(|n| Slot::new(UnixSeconds(first.0 + n * 3_600), 50)).collect();
    draft.mailboxes = vec![Address::from_bytes([9; 16])];
    draft.sub_key = [5; 32];
    draft
}

fn announce(slots: usize) -> SlotAnnounce {
    draft(slots).sign(&identity(1)).expect("well-formed")
}

#[test]
fn fap_30_the_shape_that_it_is_known_by() {
    let slots = vec![Slot::new(at("2027-01-12T09:00"), 50)];
    let announce = SlotAnnounce::new(
        &identity(1),
        vec![Fachrichtung::Verhaltenstherapie],
        vec![Modalitaet::Praxis],
        vec![Kostentraeger::Gkv],
        "80331",
        slots,
        [3; 32],
        1,
    )
    .expect("well-formed");
    assert_eq!(SlotAnnounce::parse_verified(&announce.bytes()), Ok(announce.clone()));
    assert_eq!(announce.is_timely(at("2027-01-01T00:00")), Ok(()));
    assert_eq!(announce.credential_ref(), &[3; 32]);
    let router = MeshIdentity::from_seeds([1; 32], None);
    assert_eq!(draft(1).sign(&router), Err(AnnounceError::NoRootKey));
}

#[test]
fn fap_31_layout() {
    let bytes = announce(5).bytes();
    assert_eq!(bytes.len(), 230, "the limit for five slots with a mailbox node");
    assert_eq!(announce(64).bytes().len(), 525);
    assert_eq!(bytes[..2], [1, 1]);
    assert_eq!(bytes[2..34], *announce(5).therapist());
    assert_eq!(bytes[34..66], [5; 32]);
    assert_eq!(bytes[66..70], [7, 0, 0, 0]);
    assert_eq!(
        u64::from(u32::from_le_bytes([bytes[70], bytes[71], bytes[72], bytes[73]])) * 60,
        at("2027-01-10T18:00").0
    );
    assert_eq!(bytes[74..76], [80, 1], "a fortnight of hours");
    assert_eq!(bytes[76..79], [0xcb, 0x39, 0x01], "80331");
    assert_eq!(bytes[79..91], [1, 1, 0, 3, 1, 0, 0x11, 1, 0xa4, 0x50, 9, 0]);
    assert_eq!(bytes[91..123], [0; 32]);
    assert_eq!(bytes[123..140], [&[1][..], &[9; 16]].concat());
    assert_eq!(bytes[140..146], [5, 0x24, 0x09, 0, 50, 0], "39 h after it was made");
    // Ed25519 signatures are deterministic, so these bytes are every implementation's.
    let hex: std::string::String = sha256(&bytes).iter().map(|b| std::format!("{b:02x}")).collect();
    assert_eq!(hex, SNAPSHOT);
}

/// Of the announce above.
const SNAPSHOT: &str = "a3f5504b80eca4df24e53f46192aa641f54fb8ec6390617e8a9705b0a97a1464";

#[test]
fn fap_31_round_trips_truncation_and_flips() {
    for slots in [0, 1, 5, 64] {
        let announce = announce(slots);
        let bytes = announce.bytes();
        assert_eq!(SlotAnnounce::parse_verified(&bytes), Ok(announce));
        for len in 0..bytes.len() {
            assert!(SlotAnnounce::parse(&bytes[..len]).is_err(), "{len}");
        }
        assert!(SlotAnnounce::parse(&[&bytes[..], &[0]].concat()).is_err());
    }
    let bytes = announce(5).bytes();
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(SlotAnnounce::parse_verified(&flipped).is_err(), "bit {bit}");
    }
}

#[test]
fn fap_32_single_and_batch_agree() {
    let mut forged = announce(2).bytes();
    *forged.last_mut().expect("a signature") ^= 1;
    let forged = SlotAnnounce::parse(&forged).expect("well-formed");
    let mut batch = Batch::new(Mode::Real);
    announce(1).verify_in(&mut batch);
    forged.verify_in(&mut batch);
    announce(3).verify_in(&mut batch);
    assert_eq!(batch.verify(&mut NodeRng::from_seed([0; 32])), [true, false, true]);
    assert!(forged.verify().is_err());
}

/// What a signer without scruples can make: the bytes of a draft that was not checked.
fn unchecked(change: impl Fn(&mut SlotAnnounce)) -> Result<SlotAnnounce, Error> {
    let mut announce = announce(2);
    change(&mut announce);
    SlotAnnounce::parse(&announce.bytes())
}

#[test]
fn fap_33_nonsense_is_refused_whoever_signed_it() {
    assert!(unchecked(|_| {}).is_ok());
    assert!(unchecked(|a| a.slots.swap(0, 1)).is_err(), "out of order");
    assert!(unchecked(|a| a.slots[1] = a.slots[0]).is_err(), "twice");
    assert!(unchecked(|a| a.slots[0].duration_min = 61).is_err(), "overlapping");
    assert!(unchecked(|a| a.slots[0].duration_min = 9).is_err(), "shorter than any talk");
    assert!(unchecked(|a| a.slots[1].start.0 += 366 * 86_400).is_err(), "a year ahead");
    assert!(unchecked(|a| a.sequence = 0).is_err());
    assert!(unchecked(|a| a.expires = a.issued).is_err());
    assert!(unchecked(|a| a.expires.0 += 400 * 86_400).is_err());
    assert!(unchecked(|a| a.mailboxes = [Address::from_bytes([1; 16]); 2].into()).is_err());
    assert!(unchecked(|a| a.mailboxes = [Address::from_bytes([1; 16]); 3].into()).is_err());
}

#[test]
fn fap_34_giant_counts_allocate_nothing() {
    let mut bytes = announce(0).bytes();
    let counts = bytes.len() - 64 - 1;
    for count in [65, 255] {
        bytes[counts] = count;
        assert!(SlotAnnounce::parse(&bytes).is_err());
    }
    assert!(SlotAnnounce::parse(&vec![1; 1 << 20]).is_err());
}

#[test]
fn fap_35_clocks_may_differ_by_minutes() {
    let announce = announce(1);
    let issued = announce.issued().0;
    for (now, expected) in [
        (issued - 86_400, Err(Unwelcome::Future)),
        (issued - 901, Err(Unwelcome::Future)),
        (issued - 900, Ok(())),
        (issued, Ok(())),
        (announce.expires().0 - 1, Ok(())),
        (announce.expires().0, Err(Unwelcome::Expired)),
        (0, Err(Unwelcome::Future)),
    ] {
        assert_eq!(announce.is_timely(UnixSeconds(now)), expected, "{now}");
    }
}

#[test]
fn fap_37_what_cannot_be_published_is_told_in_a_sentence() {
    let refused = |change: &dyn Fn(&mut Draft)| {
        let mut draft = draft(2);
        change(&mut draft);
        draft.sign(&identity(1)).expect_err("refused")
    };
    let first = at("2027-01-12T09:00");
    for (change, sentence) in [
        (
            &(|d: &mut Draft| d.slots[0].start.0 -= 7 * 86_400) as &dyn Fn(&mut Draft),
            "the slot at 2027-01-05T09:00:00+01:00 has begun already",
        ),
        (
            &|d| d.slots[1].start.0 += 366 * 86_400,
            "the slot at 2028-01-13T10:00:00+01:00 is more than a year ahead",
        ),
        (
            &|d| d.slots[1].start = UnixSeconds(first.0 + 1_800),
            "the slot at 2027-01-12T09:30:00+01:00 overlaps with the one before it",
        ),
        (&|d| d.slots[0].duration_min = 5, "a slot of 5 minutes: 10 to 255 minutes are possible"),
        (
            &|d| d.slots = vec![d.slots[0]; 10_000],
            "10000 slots are more than the 64 of one announce; publish the next weeks only",
        ),
        (&|d| d.profile.kostentraeger = Terms::NONE, "name at least one Kostenträger"),
        (
            &|d| d.mailboxes = vec![Address::from_bytes([1; 16]); 2],
            "one or two different mailbox nodes can be named",
        ),
        (
            &|d| d.expires = UnixSeconds(0),
            "an announce lives for 400 days at most, and not backwards",
        ),
    ] {
        assert_eq!(refused(change).to_string(), sentence);
    }
}

#[test]
fn fap_21_a_slot_keeps_its_name_over_announces() {
    let (first, second) = (announce(3), announce(5));
    let ids = |announce: &SlotAnnounce| -> Vec<_> {
        announce.slots().iter().map(|slot| slot.id(announce.therapist())).collect()
    };
    assert_eq!(ids(&first), ids(&second)[..3]);
    let slot = first.slots()[0];
    let id = slot.id(first.therapist());
    assert_eq!(id.to_string().parse(), Ok(id));
    for bad in ["", "00", "zz000000000000000000000000000000", "ä000000000000000000000000000000"] {
        assert!(bad.parse::<crate::SlotId>().is_err(), "{bad}");
    }
    assert_ne!(slot.for_leistung(Leistung::Probatorik).id(first.therapist()), id);
    assert_ne!(slot.id(&[0; 32]), id);
    assert_eq!(slot.leistung().map(Term::name), Some("Sprechstunde"));
}
