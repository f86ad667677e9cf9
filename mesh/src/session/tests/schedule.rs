//! The key schedule by hand, with nothing but SHA-256 and HKDF.

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use std::vec::Vec;

use crate::{crypto::kdf::Secret, identity::Suite, session::schedule};

fn digest(label: &[u8; 16], parts: &[&[u8]]) -> Vec<u8> {
    let mut input = label.to_vec();
    for part in parts {
        input.extend((part.len() as u32).to_le_bytes());
        input.extend(*part);
    }
    Sha256::digest(input).to_vec()
}

fn expand(key: &[u8], label: &[u8], len: usize) -> Vec<u8> {
    let mut out = std::vec![0; len];
    Hkdf::<Sha256>::from_prk(key).unwrap().expand(label, &mut out).unwrap();
    out
}

fn extract(salt: &[u8], input: &[u8]) -> Vec<u8> {
    Hkdf::<Sha256>::extract(Some(salt), input).0.to_vec()
}

/// SES-03, SES-04, SES-05: transcripts and secrets.
#[test]
fn ses_05_schedule_by_hand() {
    let (prekey, kem, recipient, sender) = ([1; 32], [2; 32], [3; 32], [4; 32]);
    let shared = Secret::new([5; 32]);
    let contact = schedule::contact_digest(Suite::X25519, 6, &prekey, &kem, &recipient);
    let id = 6_u32.to_le_bytes();
    assert_eq!(contact[..], digest(b"qpc contact    1", &[&[1], &id, &prekey, &kem, &recipient]));
    let transcript = schedule::transcript(&contact, &sender, 2);
    assert_eq!(transcript[..], digest(b"qpc transcript 1", &[&contact, &sender, &[2]]));

    let lock = schedule::lock(&[7; 16]);
    assert_eq!(lock[..], digest(b"qpc lock       1", &[&[7; 16]])[..16]);
    let secret = schedule::contact_secret(&contact, &shared);
    assert_eq!(secret[..], extract(&contact, &[5; 32]));
    let key = schedule::contact_key(&secret, &lock);
    let okm = expand(&secret[..], &[&b"qpc first contact"[..], &lock].concat(), 44);
    assert_eq!((&key.key[..], &key.nonce[..]), okm.split_at(32));

    let session = extract(&transcript, &[5; 32]);
    let (there, back) = schedule::directions(&transcript, &shared);
    for (direction, label) in [(there, &b"qpc session there"[..]), (back, b"qpc session back")] {
        let okm = expand(&session, label, 72);
        assert_eq!(direction.root[..], okm[..32]);
        assert_eq!(direction.receipts[..], okm[32..64]);
        assert_eq!(direction.id, okm[64..]);
    }
}

/// SES-06, SES-07, ENV-10: the key of a message and the preimage of its lock.
#[test]
fn ses_07_message_keys_by_hand() {
    let (leaf, salt) = (Secret::new([8; 32]), [9; 8]);
    let key = schedule::message_key(&leaf, &salt);
    let okm = expand(&extract(&salt, &[8; 32]), b"qpc session message", 44);
    assert_eq!((&key.key[..], &key.nonce[..]), okm.split_at(32));
    let preimage = schedule::preimage(&leaf, 0x0403_0201, &salt);
    let label = [&b"qpc receipt"[..], &[1, 2, 3, 4], &salt].concat();
    assert_eq!(preimage[..], expand(&[8; 32], &label, 16));
}

/// SES-11: halves of one life have different salts, and so have the same halves of two.
#[test]
fn ses_11_salts_differ() {
    let boot = [1; 8];
    let by_hand = digest(b"qpc salt       1", &[&boot, &2_u64.to_le_bytes()]);
    assert_eq!(schedule::half_salt(&boot, 2)[..], by_hand[..8]);
    assert_ne!(schedule::half_salt(&boot, 1), schedule::half_salt(&boot, 2));
    assert_ne!(schedule::half_salt(&boot, 1), schedule::half_salt(&[2; 8], 1));
}
