use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::*;
use crate::{
    crypto::{Mode, rng::NodeRng},
    envelope::Priority,
    identity::MeshIdentity,
};

fn store() -> MeshStore {
    MeshStore::new(QuotaConfig { total_bytes: 1 << 20, rules: crate::Rules::ALL })
}

/// A well-formed session envelope to `dest`, told apart by `n`.
fn envelope(n: u8, dest: Address, lifetime_s: u32) -> Admitted {
    let mut bytes = vec![1, 1, 8, 0, 0, 0, 0, 8, 0b101];
    bytes.extend_from_slice(&lifetime_s.to_le_bytes());
    bytes.extend_from_slice(dest.as_bytes());
    bytes.extend_from_slice(&[n; 16]);
    bytes.extend_from_slice(&[n; 20]);
    bytes.extend_from_slice(&[0; 40]);
    Admitted::from_stored(&bytes).expect("well-formed")
}

fn dest() -> Address {
    MeshIdentity::generate(&mut NodeRng::from_seed([1; 32]), false).address()
}

#[test]
fn sto_05_a_second_copy_is_the_same() {
    let (a, b) = (envelope(1, dest(), 60), envelope(1, dest(), 60));
    assert_eq!(a.id(), b.id());
    assert_ne!(a.id(), envelope(2, dest(), 60).id());
    assert_eq!(a.header().priority, Priority::Normal);
    let _ = Mode::Real;
}

#[test]
fn sto_06_oldest_first() {
    let mut store = store();
    let ids: Vec<_> = (0..9_u8)
        .map(|n| {
            let envelope = envelope(9 - n, dest(), 60);
            let id = envelope.id();
            store.insert(Instant::ZERO, envelope, None, None).expect("room");
            id
        })
        .collect();
    assert_eq!(store.waiting_for(&dest()), ids);
    store.set_stage(&ids[0], Stage::Sent(LinkId(3)), None);
    assert_eq!(store.waiting_for(&dest()), ids[1..]);
    assert_eq!(store.on_link_down(LinkId(3)), ids[..1]);
    assert_eq!(store.waiting_for(&dest()), ids);
}

#[test]
fn sto_07_custody_ages() {
    let mut store = store();
    store.insert(Instant::from_secs(5), envelope(1, dest(), 60), None, None).expect("room");
    assert!(store.pop_expired(Instant::from_secs(64)).is_none());
    assert_eq!(store.poll_timeout(), Some(Instant::from_secs(65)));
    assert!(store.pop_expired(Instant::from_secs(65)).is_some());
    assert_eq!((store.len(), store.bytes()), (0, 0));
}

#[test]
fn sto_06_pauses_double_up_to_five_minutes() {
    let mut store = store();
    let envelope = envelope(1, dest(), 60);
    let id = envelope.id();
    store.insert(Instant::ZERO, envelope, None, None).expect("room");
    let pauses: Vec<_> = (0..10).map(|_| store.back_off(&id).as_secs()).collect();
    assert_eq!(pauses, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
}

#[test]
fn sto_08_damaged_rows_are_refused() {
    let (mut from, mut records) = (store(), Vec::new());
    from.insert(Instant::ZERO, envelope(1, dest(), 60), None, None).expect("room");
    from.drain_records(&mut records);
    let Record { key, value: Some(value), .. } = records.remove(0) else { panic!("a put") };
    let mut to = store();
    for len in 0..value.len() {
        assert!(to.restore(Instant::ZERO, &key, &value[..len]).is_err(), "{len} bytes");
    }
    assert!(to.restore(Instant::ZERO, &[0; 16], &value).is_err(), "under another key");
    assert!(to.is_empty());
    to.restore(Instant::ZERO, &key, &value).expect("undamaged");
    assert_eq!(to.waiting_for(&dest()).len(), 1);
    assert!(to.get(&EnvelopeId(key.try_into().expect("16 bytes"))).expect("there").committed);
    let later = Instant::ZERO + Duration::from_secs(60);
    assert!(to.pop_expired(later).is_some());
}

/// A copy of an envelope with other hops left and another age.
fn copy(of: &Admitted, hops_left: u8, age_ms: u32) -> Admitted {
    let mut bytes = Vec::new();
    of.write_forward(hops_left, age_ms, &mut bytes);
    Admitted::from_stored(&bytes).expect("well-formed")
}

#[test]
fn sto_11_a_better_copy_takes_the_place() {
    let (mut store, now) = (store(), Instant::from_secs(10));
    let original = envelope(1, dest(), 600);
    let id = original.id();
    store.insert(now, copy(&original, 1, 590_000), None, None).expect("room");
    let before = store.bytes();
    assert!(!store.improve(now, &copy(&original, 1, 585_000)), "not twice the life");
    assert!(store.improve(now, &copy(&original, 0, 0)), "it lives longer");
    assert!(!store.improve(now, &copy(&original, 1, 0)), "not twice the life that it has now");
    assert!(store.improve(now, &copy(&original, 8, 590_000)), "it goes further");
    assert!(!store.improve(now, &copy(&original, 8, 1_000)), "not twice the life");
    assert!(!store.improve(now, &copy(&original, 3, 0)), "fewer hops");
    let stored = store.get(&id).expect("it is there");
    assert_eq!(stored.envelope.header().hops_left, 8);
    assert_eq!(stored.expires_at(), now + Duration::from_secs(600), "the better of both");
    assert_eq!((store.len(), store.bytes()), (1, before));
    // The row on disk follows, and the expiry is that of the copy that stayed.
    let mut records = Vec::new();
    store.drain_records(&mut records);
    let row = records.last().and_then(|record| record.value.as_ref()).expect("a row");
    let mut restored = self::store();
    restored.restore(now, &id.0, row).expect("our own");
    assert_eq!(restored.get(&id).map(|it| it.envelope.header().hops_left), Some(8));
    assert!(store.pop_expired(now + Duration::from_secs(599)).is_none());
    assert!(store.pop_expired(now + Duration::from_secs(600)).is_some());
    assert!(store.is_empty() && store.poll_timeout().is_none());
}
