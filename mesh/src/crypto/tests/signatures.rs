use std::vec::Vec;

use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION},
};
use ed25519_zebra::VerificationKeyBytes;

use crate::{
    crypto::{
        Mode,
        rng::NodeRng,
        sign::{Batch, SigningKey, is_small_order, verify},
    },
    error::PeerMisbehaved,
};

const DIGEST: [u8; 32] = [0x5a; 32];

/// The verdict of a batch in which the signature stands among honest ones.
fn in_batch(mode: Mode, key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let mut batch = Batch::new(mode);
    for seed in 0..6 {
        let honest = SigningKey::from_seed(&[seed; 32]);
        batch.push(&honest.public(), &DIGEST, &honest.sign(mode, &DIGEST));
    }
    batch.push(key, &DIGEST, signature);
    assert_eq!(batch.len(), 7);
    let verdicts = batch.verify(&mut NodeRng::from_seed([9; 32]));
    assert!(verdicts[..6].iter().all(|holds| *holds), "honest signatures suffer");
    verdicts[6]
}

fn judged(key: &[u8; 32], signature: &[u8; 64]) -> bool {
    let single = verify(Mode::Real, key, &DIGEST, signature).is_ok();
    assert_eq!(single, in_batch(Mode::Real, key, signature), "single and batch disagree");
    single
}

/// A signature by the key `secret`·B + `key_offset` whose R is `secret_r`·B + `r_offset`.
fn crafted(key_offset: EdwardsPoint, r_offset: EdwardsPoint) -> ([u8; 32], [u8; 64]) {
    let (secret, secret_r) = (Scalar::from(11_u64), Scalar::from(13_u64));
    let key = (ED25519_BASEPOINT_POINT * secret + key_offset).compress().to_bytes();
    let r = (ED25519_BASEPOINT_POINT * secret_r + r_offset).compress().to_bytes();
    let signature = with_r(&key, secret, secret_r, r);
    (key, signature)
}

fn with_r(key: &[u8; 32], secret: Scalar, secret_r: Scalar, r: [u8; 32]) -> [u8; 64] {
    use sha2::{Digest, Sha512};
    let hash: [u8; 64] =
        Sha512::new().chain_update(r).chain_update(key).chain_update(DIGEST).finalize().into();
    let s = secret_r + Scalar::from_bytes_mod_order_wide(&hash) * secret;
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&r);
    signature[32..].copy_from_slice(s.as_bytes());
    signature
}

/// ID-04: an honest signature holds; one flipped bit anywhere and it does not.
#[test]
fn id_04_bit_flips_are_refused() {
    let key = SigningKey::from_seed(&[3; 32]);
    let signature = key.sign(Mode::Real, &DIGEST);
    assert!(judged(&key.public(), &signature));
    for bit in (0..512).step_by(7) {
        let mut damaged = signature;
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(!judged(&key.public(), &damaged), "bit {bit}");
    }
}

/// ID-04: every encoding of every point of small order is refused as a key, alone and in a batch,
/// even where the equation holds.
#[test]
fn id_04_small_order_keys_are_refused() {
    let mut encodings: Vec<[u8; 32]> =
        EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
    // Non-canonical: y + p for y of 0 and 1, and the sign bit on x = 0.
    for low in [0xed, 0xee] {
        for sign in [0x7f, 0xff] {
            let mut encoding = [0xff; 32];
            (encoding[0], encoding[31]) = (low, sign);
            encodings.push(encoding);
        }
    }
    for y in [1_u8, 0xec] {
        let mut encoding = if y == 1 { [0; 32] } else { [0xff; 32] };
        (encoding[0], encoding[31]) = (y, if y == 1 { 0x80 } else { 0xff });
        encodings.push(encoding);
    }
    // R = B, s = 1: under the identity as key it holds for every message.
    let mut forged = [0; 64];
    forged[..32].copy_from_slice(&ED25519_BASEPOINT_POINT.compress().to_bytes());
    forged[32] = 1;
    for key in encodings {
        assert!(is_small_order(&key), "{key:02x?}");
        let verdict = verify(Mode::Real, &key, &DIGEST, &forged);
        assert_eq!(verdict, Err(PeerMisbehaved::WeakKey));
        assert!(!in_batch(Mode::Real, &key, &forged));
    }
    assert!(!is_small_order(&SigningKey::from_seed(&[1; 32]).public()));
}

/// ID-04: torsion in the key or in R does not change the verdict: the equation is cofactored.
#[test]
fn id_04_mixed_order_points_hold() {
    for key_offset in EIGHT_TORSION {
        for r_offset in EIGHT_TORSION {
            let (key, signature) = crafted(key_offset, r_offset);
            assert!(judged(&key, &signature));
        }
    }
}

/// ID-04: an R that is no canonical encoding holds when its equation does.
#[test]
fn id_04_non_canonical_r_holds() {
    let key = ED25519_BASEPOINT_POINT * Scalar::from(11_u64);
    let key = key.compress().to_bytes();
    // The identity, that is R = 0·B: y = p + 1, and y = 1 with the sign of x = 0 set.
    let mut unreduced = [0xff; 32];
    (unreduced[0], unreduced[31]) = (0xee, 0x7f);
    let mut signed_zero = [0; 32];
    (signed_zero[0], signed_zero[31]) = (1, 0x80);
    for r in [unreduced, signed_zero] {
        let signature = with_r(&key, Scalar::from(11_u64), Scalar::ZERO, r);
        assert!(judged(&key, &signature));
    }
}

/// ID-04: s must be reduced.
#[test]
fn id_04_large_s_is_refused() {
    let (key, mut signature) = crafted(EIGHT_TORSION[0], EIGHT_TORSION[0]);
    assert!(judged(&key, &signature));
    // The group order, little endian: 2^252 + 27742317777372353535851937790883648493.
    let order: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0_u16;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry as u8;
        carry >>= 8;
    }
    assert!(!judged(&key, &signature));
}

/// ID-04: a key or R that is no point is refused.
#[test]
fn id_04_undecodable_points_are_refused() {
    let (key, signature) = crafted(EIGHT_TORSION[0], EIGHT_TORSION[0]);
    let mut no_point = [0; 32];
    no_point[0] = 2;
    assert!(
        ed25519_zebra::VerificationKey::try_from(VerificationKeyBytes::from(no_point)).is_err()
    );
    assert!(!judged(&no_point, &signature));
    let mut bad_r = signature;
    bad_r[..32].copy_from_slice(&no_point);
    assert!(!judged(&key, &bad_r));
}

/// ID-04: a batch of any size names exactly the forged ones, and the node's random numbers go on
/// the same whether or not there were any.
#[test]
fn id_04_batches_name_the_forged() {
    for size in [0_u8, 1, 3, 4, 5, 17, 64] {
        let mut after = Vec::new();
        for forged in [None, Some(0), Some(size / 2), size.checked_sub(1)] {
            let mut batch = Batch::new(Mode::Real);
            for seed in 0..size {
                let key = SigningKey::from_seed(&[seed; 32]);
                let mut signature = key.sign(Mode::Real, &DIGEST);
                signature[40] ^= u8::from(forged == Some(seed));
                batch.push(&key.public(), &DIGEST, &signature);
            }
            let mut rng = NodeRng::from_seed([4; 32]);
            let verdicts = batch.verify(&mut rng);
            for seed in 0..size {
                assert_eq!(verdicts[usize::from(seed)], forged != Some(seed));
            }
            after.push(rng.next_u64());
        }
        assert!(after.windows(2).all(|pair| pair[0] == pair[1]));
    }
}

/// A simulated signature is judged like a real one.
#[cfg(feature = "simulation")]
#[test]
fn transparent_signatures_behave() {
    let key = SigningKey::from_seed(&[3; 32]);
    let signature = key.sign(Mode::Transparent, &DIGEST);
    assert!(verify(Mode::Transparent, &key.public(), &DIGEST, &signature).is_ok());
    assert!(in_batch(Mode::Transparent, &key.public(), &signature));
    for bit in 0..512 {
        let mut damaged = signature;
        damaged[bit / 8] ^= 1 << (bit % 8);
        assert!(verify(Mode::Transparent, &key.public(), &DIGEST, &damaged).is_err());
        assert!(!in_batch(Mode::Transparent, &key.public(), &damaged));
    }
}
