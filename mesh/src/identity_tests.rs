use super::{Capabilities, MeshIdentity, PublicIdentity, Suite};
use crate::{
    address::Address,
    crypto::{Mode, hash, rng::NodeRng, sign},
};

/// ID-02: an address is the first 16 bytes of the domain-separated hash of the node key.
#[test]
fn id_02_address_derivation() {
    let identity = MeshIdentity::from_seeds([1; 32], None);
    let key = *identity.public().node_key();
    let by_hand = hash::sha256(&[&b"qpc address    1\x20\0\0\0"[..], &key].concat());
    assert_eq!(identity.address().as_bytes()[..], by_hand[..16]);
    assert_eq!(PublicIdentity::new(key), identity.public());
    assert_eq!(Address::derive(&key), identity.address());
}

/// ID-01: seeds come back, and the keys of node and root are different ones.
#[test]
fn id_01_seeds_round_trip() {
    let mut rng = NodeRng::from_seed([2; 32]);
    for with_root in [false, true] {
        let identity = MeshIdentity::generate(&mut rng, with_root);
        let root = identity.root_seed().map(|seed| *seed);
        assert_eq!(root.is_some(), with_root);
        let again = MeshIdentity::from_seeds(*identity.node_seed(), root);
        assert_eq!(again.public(), identity.public());
        assert_eq!(again.root_key(), identity.root_key());
        assert_ne!(identity.root_key(), Some(*identity.public().node_key()));
        let digest = [3; 32];
        let signature = again.sign(Mode::Real, &digest);
        let key = identity.public();
        assert!(sign::verify(Mode::Real, key.node_key(), &digest, &signature).is_ok());
    }
}

/// ID-03: unknown capabilities survive.
#[test]
fn id_03_unknown_capabilities_survive() {
    let mut capabilities = Capabilities::from_bits(0xf000);
    capabilities.insert(Capabilities::STORE);
    assert_eq!(capabilities.bits(), 0xf002);
    assert!(capabilities.contains(Capabilities::STORE));
    assert!(!capabilities.contains(Capabilities::RELAY));
    assert!(capabilities.names().eq(["store"]));
}

/// SES-01: suites are ordered by strength, and their numbers come back.
#[test]
fn ses_01_suite_numbers() {
    assert!(Suite::X25519 < Suite::XWing);
    for suite in [Suite::X25519, Suite::XWing] {
        assert_eq!(Suite::from_code(suite.code()), Some(suite));
    }
    assert_eq!((Suite::from_code(0), Suite::from_code(3)), (None, None));
}
