use std::vec::Vec;

use crate::{
    crypto::{
        Mode,
        kem::{self, X25519_LEN, X25519Key, XWING_CIPHERTEXT_LEN, XWingKey},
        rng::NodeRng,
    },
    error::PeerMisbehaved,
};

/// u coordinates of small order on Curve25519: 0 and 1 (RFC 7748, section 6.1).
const SMALL_ORDER: [[u8; X25519_LEN]; 2] = {
    let mut one = [0; 32];
    one[0] = 1;
    [[0; 32], one]
};

/// SES-02: a shared value of zero is refused, whoever brings it about, in both suites.
#[test]
fn ses_02_non_contributory_exchanges_are_refused() {
    let mut rng = NodeRng::from_seed([1; 32]);
    let ours = XWingKey::from_seed(Mode::Real, rng.array());
    let public = ours.public();
    let (ciphertext, _) = kem::encapsulate_xwing(Mode::Real, &public, &mut rng).unwrap();
    for point in SMALL_ORDER {
        let agreed = X25519Key::from_seed(rng.array()).agree(&point);
        assert_eq!(agreed.err(), Some(PeerMisbehaved::WeakKey));
        let sealed = kem::encapsulate_x25519(&point, &mut rng);
        assert_eq!(sealed.err(), Some(PeerMisbehaved::WeakKey));

        let mut weak_key = public.clone();
        *weak_key.last_chunk_mut().unwrap() = point;
        let sealed = kem::encapsulate_xwing(Mode::Real, &weak_key, &mut rng);
        assert_eq!(sealed.err(), Some(PeerMisbehaved::WeakKey));
        let mut weak_ciphertext = ciphertext.clone();
        *weak_ciphertext.last_chunk_mut().unwrap() = point;
        let opened = ours.decapsulate(&weak_ciphertext);
        assert_eq!(opened.err(), Some(PeerMisbehaved::WeakKey));
    }
}

/// SES-01: both ends get the same secret; any damage gives another one, never an error that tells
/// where.
#[test]
fn ses_01_encapsulations_agree() {
    let mut rng = NodeRng::from_seed([2; 32]);
    let ours = XWingKey::from_seed(Mode::Real, rng.array());
    let (ciphertext, secret) =
        kem::encapsulate_xwing(Mode::Real, &ours.public(), &mut rng).unwrap();
    assert_eq!(ours.decapsulate(&ciphertext).unwrap(), secret);
    for at in (0..XWING_CIPHERTEXT_LEN).step_by(101) {
        let mut damaged = ciphertext.clone();
        damaged[at] ^= 1;
        assert_ne!(ours.decapsulate(&damaged).unwrap(), secret);
    }
    let alone = X25519Key::from_seed(rng.array());
    let (ephemeral, secret) = kem::encapsulate_x25519(&alone.public(), &mut rng).unwrap();
    assert_eq!(alone.agree(&ephemeral).unwrap(), secret);
}

/// SES-01: an ML-KEM key whose coefficients are not reduced is refused (FIPS 203, section 7.2).
#[test]
fn ses_01_unreduced_keys_are_refused() {
    let mut rng = NodeRng::from_seed([3; 32]);
    let mut public = XWingKey::from_seed(Mode::Real, rng.array()).public();
    public[..3].fill(0xff);
    let sealed = kem::encapsulate_xwing(Mode::Real, &public, &mut rng);
    assert_eq!(sealed.err(), Some(PeerMisbehaved::WeakKey));
}

/// ID-05: pre-keys are drawn, not derived: equal node keys, different pre-keys.
#[test]
fn id_05_no_key_is_made_from_another() {
    use crate::{bundle::PreKeys, identity::MeshIdentity, time::Instant};
    let identity = MeshIdentity::from_seeds([4; 32], Some([5; 32]));
    let bundles: Vec<_> = [6, 7]
        .map(|seed| {
            let mut prekeys = PreKeys::new(Mode::Real);
            prekeys.handle_timeout(
                Instant::ZERO,
                &mut NodeRng::from_seed([seed; 32]),
                &mut Vec::new(),
            );
            prekeys.bundle(&identity, 1, None)
        })
        .into();
    // Behind format, node key, version, flags, count, id and validity: the X25519 pre-key.
    assert_eq!(bundles[0][1..47], bundles[1][1..47]);
    assert_ne!(bundles[0][47..79], bundles[1][47..79]);
    let converted = X25519Key::from_seed(*identity.node_seed()).public();
    assert!(bundles.iter().all(|bundle| bundle[47..79] != converted));
}
