//! Authenticated encryption with a short tag, for links on which 16 bytes are dear (`MLL-01`,
//! `MLL-02`).
//!
//! ```text
//! M    = HMAC-SHA-256(mac key, "qpc lite seal" ‖ length of associated u32 ‖ associated ‖ text)
//! s    = M[..10]                                         what a receipt reveals
//! tag  = digest16(lock, s ‖ six zero bytes)[..8]         what is sent
//! ciphertext = text ⊕ ChaCha20(stream key, nonce = tag ‖ four zero bytes)
//! ```
//!
//! The nonce follows from the text (SIV, RFC 5297): should a rolled-back disk make a node use a
//! message key a second time, two different texts still meet different key streams, and all that
//! shows is whether two texts are the same. The tag is a hash of `s`: a recipient that reveals `s`
//! proves to whoever saw the tag that the message was opened, and nobody can say `s` before.

use core::fmt;

use chacha20::{
    ChaCha20,
    cipher::{KeyIvInit, StreamCipher},
};
use hkdf::HkdfExtract;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::{
    crypto::{
        hash::{self, Domain},
        kdf::{self, Secret},
    },
    error::PeerMisbehaved,
};

/// Length of a short tag in bytes.
pub const SHORT_TAG_LEN: usize = 8;

/// Length of what opens a short tag.
pub const SHORT_PREIMAGE_LEN: usize = 10;

/// A short tag.
pub type ShortTag = [u8; SHORT_TAG_LEN];

/// What opens a short tag: known to who sealed the text and to who opened it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShortPreimage(pub [u8; SHORT_PREIMAGE_LEN]);

impl ShortPreimage {
    /// The tag it opens.
    pub fn tag(&self) -> ShortTag {
        let lock = hash::digest16(Domain::Lock, &[&self.to_receipt()]);
        let (tag, _) = lock.split_first_chunk().expect("8 is less than 16");
        *tag
    }

    /// The preimage of a receipt, in the form that every hop knows: six zero bytes follow.
    pub fn to_receipt(&self) -> [u8; 16] {
        let mut receipt = [0; 16];
        receipt[..SHORT_PREIMAGE_LEN].copy_from_slice(&self.0);
        receipt
    }

    /// The short preimage of a receipt, if it is one.
    pub fn from_receipt(receipt: &[u8; 16]) -> Option<Self> {
        let (short, zeros) = receipt.split_first_chunk()?;
        zeros.iter().all(|byte| *byte == 0).then_some(Self(*short))
    }
}

impl fmt::Debug for ShortPreimage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortPreimage")
    }
}

/// The key of one message. Meant for one text; with a second one the two are told apart by their
/// tags (see the module's text).
#[derive(ZeroizeOnDrop)]
pub struct ShortKey {
    mac: [u8; 32],
    stream: [u8; 32],
}

impl ShortKey {
    /// The key that follows from a uniform secret for a purpose, told by `label`.
    pub fn derive(secret: &[u8; 32], label: &[u8]) -> Self {
        let okm = kdf::expand::<64>(secret, label);
        let mut key = Self { mac: [0; 32], stream: [0; 32] };
        key.mac.copy_from_slice(&okm[..32]);
        key.stream.copy_from_slice(&okm[32..]);
        key
    }

    /// Encrypts `text` in place. Returns its tag and what opens the tag.
    pub fn seal(&self, associated: &[u8], text: &mut [u8]) -> (ShortTag, ShortPreimage) {
        let preimage = self.preimage(associated, text);
        let tag = preimage.tag();
        #[cfg(test)]
        used::note((self.stream, tag), text);
        self.stream(&tag).apply_keystream(text);
        (tag, preimage)
    }

    /// Decrypts `text` in place and checks its tag, in constant time. On failure `text` is wiped.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`].
    pub fn open(
        &self,
        associated: &[u8],
        text: &mut [u8],
        tag: &ShortTag,
    ) -> Result<ShortPreimage, PeerMisbehaved> {
        self.stream(tag).apply_keystream(text);
        let preimage = self.preimage(associated, text);
        if bool::from(preimage.tag().ct_eq(tag)) {
            Ok(preimage)
        } else {
            text.fill(0);
            Err(PeerMisbehaved::BadTag)
        }
    }

    fn preimage(&self, associated: &[u8], text: &[u8]) -> ShortPreimage {
        let len = u32::try_from(associated.len()).expect("headers and tags are short");
        let mac = prf(&self.mac, &[LABEL, &len.to_le_bytes(), associated, text]);
        let (preimage, _) = mac.split_first_chunk().expect("10 is less than 32");
        ShortPreimage(*preimage)
    }

    fn stream(&self, tag: &ShortTag) -> ChaCha20 {
        let mut nonce = [0; 12];
        nonce[..SHORT_TAG_LEN].copy_from_slice(tag);
        ChaCha20::new(&self.stream.into(), &nonce.into())
    }
}

impl fmt::Debug for ShortKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ShortKey")
    }
}

/// HMAC-SHA-256 of the parts in a row, which the caller frames.
pub(super) fn prf(key: &[u8; 32], parts: &[&[u8]]) -> Secret {
    // HKDF-Extract is HMAC with the salt as its key (RFC 5869, section 2.2).
    let mut hmac = HkdfExtract::<Sha256>::new(Some(key));
    parts.iter().for_each(|part| hmac.input_ikm(part));
    let (mac, _) = hmac.finalize();
    Zeroizing::new(mac.into())
}

const LABEL: &[u8; 13] = b"qpc lite seal";

/// What was sealed under which key stream in a thread that watches, so that a test sees two texts
/// under one.
#[cfg(test)]
pub(crate) mod used {
    use alloc::vec::Vec;
    use core::cell::RefCell;
    use std::{collections::BTreeMap, thread_local};

    type Streams = BTreeMap<([u8; 32], [u8; 8]), Vec<u8>>;

    thread_local! {
        static USED: RefCell<Option<Streams>> = const { RefCell::new(None) };
    }

    /// Watches this thread from now on, beginning with none.
    pub(crate) fn watch() {
        USED.set(Some(Streams::new()));
    }

    /// Panics when another text was sealed under the same stream.
    pub(super) fn note(stream: ([u8; 32], [u8; 8]), text: &[u8]) {
        let before = USED.with_borrow_mut(|used| used.as_mut()?.insert(stream, text.to_vec()));
        assert!(before.is_none_or(|before| before == text), "two texts under one key stream");
    }

    /// How many streams were used.
    pub(crate) fn count() -> usize {
        USED.with_borrow(|used| used.as_ref().map_or(0, BTreeMap::len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ShortKey {
        ShortKey::derive(&[7; 32], b"qpc test")
    }

    fn sealed(text: &[u8]) -> (alloc::vec::Vec<u8>, ShortTag, ShortPreimage) {
        let mut bytes = text.to_vec();
        let (tag, preimage) = key().seal(b"header", &mut bytes);
        (bytes, tag, preimage)
    }

    fn hex(bytes: &[u8]) -> alloc::string::String {
        bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
    }

    #[test]
    fn mll_01_round_trip_at_every_length() {
        for len in 0..200 {
            let text = alloc::vec![0x5a; len];
            let (mut bytes, tag, preimage) = sealed(&text);
            assert_eq!(preimage.tag(), tag);
            assert_eq!(key().open(b"header", &mut bytes, &tag), Ok(preimage));
            assert_eq!(bytes, text);
        }
    }

    #[test]
    fn mll_01_by_hand() {
        let text = b"hello, radio";
        let (bytes, tag, preimage) = sealed(text);
        let okm = kdf::expand::<64>(&[7; 32], b"qpc test");
        let mac_key: [u8; 32] = okm[..32].try_into().expect("32 of 64");
        let input = [&b"qpc lite seal"[..], &[6, 0, 0, 0], b"header", text].concat();
        let mac = kdf::extract(&mac_key, &input);
        assert_eq!(preimage.0, mac[..10]);
        let mut receipt = [0; 16];
        receipt[..10].copy_from_slice(&mac[..10]);
        assert_eq!(tag, hash::digest16(Domain::Lock, &[&receipt])[..8]);
        assert_eq!((hex(&bytes), hex(&tag)), (PINNED.0.into(), PINNED.1.into()));
    }

    const PINNED: (&str, &str) = ("252ca0516d1548082b667ea4", "6cf6414aea6a8c82");

    #[test]
    fn mll_01_bit_flips_and_truncations_do_not_open() {
        let (bytes, tag, _) = sealed(b"a text of some length");
        for bit in 0..8 * bytes.len() {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(key().open(b"header", &mut bytes, &tag).is_err());
            assert!(bytes.iter().all(|byte| *byte == 0), "what was not proven is wiped");
        }
        for bit in 0..64 {
            let mut tag = tag;
            tag[bit / 8] ^= 1 << (bit % 8);
            assert!(key().open(b"header", &mut bytes.clone(), &tag).is_err());
        }
        for len in 0..bytes.len() {
            assert!(key().open(b"header", &mut bytes[..len].to_vec(), &tag).is_err());
        }
        for associated in [&b"headez"[..], b"heade", b"headera", b""] {
            assert!(key().open(associated, &mut bytes.clone(), &tag).is_err());
        }
        let other = ShortKey::derive(&[8; 32], b"qpc test");
        assert!(other.open(b"header", &mut bytes.clone(), &tag).is_err());
    }

    #[test]
    fn mll_01_associated_and_text_do_not_run_together() {
        let (mut left, mut right) = (b"cd".to_vec(), b"bcd".to_vec());
        assert_ne!(key().seal(b"ab", &mut left).0, key().seal(b"a", &mut right).0);
    }

    #[test]
    fn mll_02_a_second_text_meets_another_key_stream() {
        used::watch();
        let (one, ..) = sealed(b"first text");
        let (two, ..) = sealed(b"other text");
        let difference = |a: &[u8], b: &[u8]| a.iter().zip(b).map(|(a, b)| a ^ b).collect();
        let ciphertexts: alloc::vec::Vec<u8> = difference(&one, &two);
        let texts: alloc::vec::Vec<u8> = difference(b"first text", b"other text");
        assert_ne!(ciphertexts, texts, "one key stream would show the difference of the texts");
        assert_eq!(used::count(), 2);
        assert_eq!(sealed(b"first text").0, one, "the same text shows that it is the same");
    }

    #[test]
    fn mll_03_receipts_of_short_tags() {
        let (_, tag, preimage) = sealed(b"text");
        let receipt = preimage.to_receipt();
        assert_eq!(receipt[10..], [0; 6]);
        assert_eq!(ShortPreimage::from_receipt(&receipt), Some(preimage));
        assert_eq!(hash::digest16(Domain::Lock, &[&receipt])[..8], tag);
        let mut long = receipt;
        long[15] = 1;
        assert_eq!(ShortPreimage::from_receipt(&long), None);
    }
}
