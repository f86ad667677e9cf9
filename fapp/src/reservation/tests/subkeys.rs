//! Sub-keys: rotation, deletion, offers.

use std::vec::Vec;

use mesh::crypto::sign::SigningKey;

use super::{
    super::{
        Offer, SubKeyPair,
        limits::{HOLD_KEPT_S, SKEW_S, SUBKEY_LIFE_S, SUBKEYS_MAX},
    },
    *,
};

const WEEK: u64 = SUBKEY_LIFE_S;

fn count(keys: &SubKeys) -> usize {
    keys.iter().count()
}

#[test]
fn rsv_08_a_new_key_every_week() {
    let mut keys = SubKeys::default();
    assert!(keys.current().is_none());
    assert!(keys.rotate(NOW, [1; 32]));
    let first = keys.current().expect("made").x25519().public();
    assert!(!keys.rotate(later(WEEK - 1), [2; 32]));
    assert!(keys.rotate(later(WEEK), [3; 32]));
    assert_ne!(keys.current().expect("made").x25519().public(), first);
    assert_eq!(count(&keys), 2);
}

#[test]
fn rsv_08_a_key_is_kept_as_long_as_a_letter_may_come() {
    let mut keys = SubKeys::default();
    keys.rotate(NOW, [1; 32]);
    keys.announced(later(3 * WEEK));
    keys.rotate(later(WEEK), [2; 32]);
    keys.announced(later(4 * WEEK));
    let end = 3 * WEEK + HOLD_KEPT_S + SKEW_S;
    keys.expire(later(end));
    assert_eq!(count(&keys), 2);
    keys.expire(later(end + 1));
    assert_eq!(count(&keys), 1);
    let rows: Vec<Row> = std::iter::from_fn(|| keys.poll_row()).collect();
    let deleted: Vec<_> = rows.iter().filter(|row| row.value.is_none()).collect();
    assert_eq!(deleted.len(), 1);
    assert_eq!(deleted[0].key, b"k\0\0\0\0");
}

#[test]
fn rsv_08_keys_are_bounded_and_a_wrong_clock_passes() {
    let mut keys = SubKeys::default();
    // Made three years ahead: a right clock does not wait for it.
    keys.rotate(later(1_000 * DAY), [1; 32]);
    assert!(keys.rotate(NOW, [2; 32]));
    for week in 1..20 {
        keys.announced(later(400 * DAY));
        keys.rotate(later(week * WEEK), [week as u8; 32]);
    }
    assert_eq!(count(&keys), SUBKEYS_MAX);
}

#[test]
fn rsv_08_keys_survive_a_restart() {
    let mut keys = SubKeys::default();
    keys.rotate(NOW, [1; 32]);
    keys.announced(later(WEEK));
    keys.rotate(later(WEEK), [2; 32]);
    let mut disk = Disk::new();
    std::iter::from_fn(|| keys.poll_row()).for_each(|row| store(&mut disk, row));
    let mut again = SubKeys::default();
    for (key, value) in &disk {
        again.restore(key, value).expect("our own");
        for cut in 0..value.len() {
            assert!(SubKeys::default().restore(key, &value[..cut]).is_err());
        }
    }
    let public = |keys: &SubKeys| keys.iter().map(|p| p.x25519().public()).collect::<Vec<_>>();
    assert_eq!(public(&again), public(&keys));
    assert!(!again.rotate(later(WEEK + 1), [9; 32]));
    assert!(again.restore(b"x\0\0\0\0", &[0; 48]).is_err());
    assert!(again.restore(b"k\0", &[0; 48]).is_err());
}

#[test]
fn rsv_08_a_deleted_key_opens_nothing() {
    let mut office = Office::new();
    let (_, letter) = Person::new(1).ask(NOW, office.wanted(30));
    office.keys.rotate(later(WEEK), [8; 32]);
    office.keys.expire(later(WEEK + HOLD_KEPT_S + SKEW_S + 1));
    assert_eq!(count(&office.keys), 1);
    assert_eq!(office.receive(NOW, &letter), Err(Refused::NotOurs));
}

#[test]
fn rsv_02_offers() {
    let root = SigningKey::from_seed(&[5; 32]);
    let pair = SubKeyPair::from_seed(&[6; 32]);
    let offer = Offer::signed(&root, &pair);
    let bytes = offer.bytes();
    assert_eq!((bytes.len(), Offer::LEN), (1_345, 1_345));
    assert_eq!(Offer::parse_verified(&bytes).expect("holds"), offer);

    let bare = SubKey::new(pair.x25519().public());
    assert!(bare.clone().with_offer(&root.public(), &offer).xwing().is_some());
    assert!(bare.with_offer(&[1; 32], &offer).xwing().is_none(), "of another practice");
    let other = SubKey::new([9; 32]);
    assert!(other.with_offer(&root.public(), &offer).xwing().is_none(), "of another week");

    for cut in 0..bytes.len() {
        assert!(Offer::parse_verified(&bytes[..cut]).is_err());
    }
    assert!(Offer::parse_verified(&[&bytes[..], &[0]].concat()).is_err());
    for byte in 0..bytes.len() {
        let mut altered = bytes.clone();
        altered[byte] ^= 1;
        assert!(Offer::parse_verified(&altered).is_err(), "byte {byte}");
    }
}
