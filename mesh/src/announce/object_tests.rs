use core::time::Duration;
use std::vec::Vec;

use super::{MeshAnnounce, Validity};
use crate::{
    crypto::{Mode, hash},
    error::Malformed,
    identity::{Capabilities, MeshIdentity},
};

fn announce() -> MeshAnnounce {
    let identity = MeshIdentity::from_seeds([1; 32], None);
    let validity = Validity::from_code(12).expect("in range");
    let capabilities = Capabilities::RELAY.with(Capabilities::from_bits(0x8000));
    MeshAnnounce::signed(Mode::Real, &identity, 0x0403_0201, capabilities, validity, 0x0807_0605)
}

fn bytes() -> Vec<u8> {
    let mut out = Vec::new();
    announce().write(&mut out);
    out
}

/// ID-13: the layout, and what is written is what is read, unknown capabilities included.
#[test]
fn id_13_layout() {
    let bytes = bytes();
    assert_eq!(bytes.len(), MeshAnnounce::LEN);
    assert_eq!(bytes[32..43], [1, 2, 3, 4, 0x01, 0x80, 12, 5, 6, 7, 8]);
    let read = MeshAnnounce::parse(&bytes).unwrap();
    assert_eq!(read, announce());
    assert_eq!(read.key, bytes[..32]);
    assert_eq!(read.signature, bytes[43..]);
    let digest = hash::digest32(hash::Domain::Announce, &[&bytes[..32], &bytes[32..43]]);
    assert_eq!(read.digest(), digest);
    let identity = MeshIdentity::from_seeds([1; 32], None);
    assert_eq!(read.address(), identity.address());
}

/// ID-13: every truncation, extension and flipped bit is refused.
#[test]
fn id_13_damage_is_refused() {
    let bytes = bytes();
    for len in 0..bytes.len() {
        assert!(matches!(MeshAnnounce::parse(&bytes[..len]), Err(Malformed::MissingData(_))));
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(MeshAnnounce::parse(&longer), Err(Malformed::TrailingData("announce")));
    for bit in 0..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let holds = MeshAnnounce::parse(&damaged).is_ok_and(|read| read.verify(Mode::Real).is_ok());
        assert!(!holds, "bit {bit}");
    }
}

/// ID-13: validity is a power of two seconds up to twelve days.
#[test]
fn id_13_validity() {
    assert_eq!(Validity::from_code(21), None);
    assert_eq!(Validity::from_code(20).unwrap().duration(), Duration::from_secs(1 << 20));
    for (secs, code) in [(0, 0), (1, 0), (2, 1), (3, 2), (1_800, 11), (1 << 20, 20), (u64::MAX, 20)]
    {
        assert_eq!(Validity::at_least(Duration::from_secs(secs)).code(), code);
    }
}
