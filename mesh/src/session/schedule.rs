//! The key schedule: from an encapsulated secret to message keys (`SES-03` to `SES-07`).
//!
//! ```text
//! contact    = digest(suite, pre-key id, pre-key, KEM ciphertext, recipient key)
//! transcript = digest(contact, sender key, floor)            signed by the sender inside the ciphertext
//!
//! shared ─┬ extract(contact)    ─ expand "first contact" ‖ lock → key, nonce of one first-contact envelope
//!         └ extract(transcript) ┬ expand "direction"            → tree root, receipt key, session id; twice
//!                               └ expand "export"               → keys of a lite session
//!
//! tree root → message key ─ extract(boot salt) ─ expand "message" → key, nonce of one session envelope
//! receipt key ─ expand "receipt" ‖ counter ‖ boot salt          → preimage of that envelope's lock
//! ```

use zeroize::Zeroizing;

use crate::{
    crypto::{
        aead::OneTimeKey,
        hash::{self, Domain},
        kdf::{self, Secret},
    },
    identity::Suite,
};

/// The secrets of one direction of a session.
pub(super) struct Direction {
    /// Root of the tree of message keys.
    pub(super) root: Secret,
    /// What receipts' preimages are made of.
    pub(super) receipts: Secret,
    /// The receiver's name for the session.
    pub(super) id: [u8; 8],
}

/// What both ends know before the sender is known.
pub(super) fn contact_digest(
    suite: Suite,
    prekey_id: u32,
    prekey: &[u8],
    kem_ciphertext: &[u8],
    recipient: &[u8; 32],
) -> [u8; 32] {
    let (suite, prekey_id) = ([suite.code()], prekey_id.to_le_bytes());
    hash::digest32(Domain::Contact, &[&suite, &prekey_id, prekey, kem_ciphertext, recipient])
}

/// What the sender of a first contact signs. `floor` is the strongest suite with which it ever
/// reached the recipient, 0 for none: an attacker who strips the strong suite cannot hide it.
pub(super) fn transcript(contact: &[u8; 32], sender: &[u8; 32], floor: u8) -> [u8; 32] {
    hash::digest32(Domain::Transcript, &[contact, sender, &[floor]])
}

/// The secret of all first-contact envelopes that carry one encapsulation.
pub(super) fn contact_secret(contact: &[u8; 32], shared: &Secret) -> Secret {
    kdf::extract(contact, &**shared)
}

/// The key of one first-contact envelope, told apart by its lock: the hash of a preimage drawn
/// anew for each.
pub(super) fn contact_key(secret: &Secret, lock: &[u8; 16]) -> OneTimeKey {
    let mut label = [0; 33];
    label[..17].copy_from_slice(b"qpc first contact");
    label[17..].copy_from_slice(lock);
    one_time(&kdf::expand::<44>(secret, &label))
}

/// The secrets of both directions: from the initiator, then to it.
pub(super) fn directions(transcript: &[u8; 32], shared: &Secret) -> (Direction, Direction) {
    let secret = kdf::extract(transcript, &**shared);
    (direction(&secret, b"qpc session there"), direction(&secret, b"qpc session back"))
}

/// What other keys of the two ends of a session follow from (`MLL-05`).
pub(super) fn exporter(transcript: &[u8; 32], shared: &Secret) -> Secret {
    let secret = kdf::extract(transcript, &**shared);
    kdf::expand::<32>(&secret, b"qpc session export")
}

/// The key of one session envelope.
pub(super) fn message_key(leaf: &Secret, boot_salt: &[u8; 8]) -> OneTimeKey {
    let secret = kdf::extract(boot_salt, &**leaf);
    one_time(&kdf::expand::<44>(&secret, b"qpc session message"))
}

/// The salt of one sending half in one life of its node.
pub(super) fn half_salt(boot_salt: &[u8; 8], half: u64) -> [u8; 8] {
    let digest = hash::digest32(Domain::Salt, &[boot_salt, &half.to_le_bytes()]);
    *digest.first_chunk().expect("8 is less than 32")
}

/// What opens a session envelope's lock.
pub(super) fn preimage(receipts: &Secret, counter: u32, boot_salt: &[u8; 8]) -> [u8; 16] {
    let mut label = [0; 23];
    label[..11].copy_from_slice(b"qpc receipt");
    label[11..15].copy_from_slice(&counter.to_le_bytes());
    label[15..].copy_from_slice(boot_salt);
    *kdf::expand::<16>(receipts, &label)
}

/// The lock that a preimage opens.
pub fn lock(preimage: &[u8; 16]) -> [u8; 16] {
    hash::digest16(Domain::Lock, &[preimage])
}

fn direction(secret: &Secret, label: &[u8]) -> Direction {
    let okm = kdf::expand::<72>(secret, label);
    let mut direction =
        Direction { root: Zeroizing::new([0; 32]), receipts: Zeroizing::new([0; 32]), id: [0; 8] };
    direction.root.copy_from_slice(&okm[..32]);
    direction.receipts.copy_from_slice(&okm[32..64]);
    direction.id.copy_from_slice(&okm[64..]);
    direction
}

fn one_time(okm: &Zeroizing<[u8; 44]>) -> OneTimeKey {
    let mut key = OneTimeKey { key: [0; 32], nonce: [0; 12] };
    key.key.copy_from_slice(&okm[..32]);
    key.nonce.copy_from_slice(&okm[32..]);
    key
}
