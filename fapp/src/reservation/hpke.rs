//! HPKE (RFC 9180), as far as reservations need it: modes base and PSK, one message a context
//! (`RSV-01`).
//!
//! KDF HKDF-SHA256, AEAD ChaCha20-Poly1305, KEM DHKEM(X25519, HKDF-SHA256) or X-Wing. It is the key
//! schedule of the RFC over the mesh's own primitives: not a line of curve or cipher is here.

use alloc::{boxed::Box, vec::Vec};

use mesh::{
    crypto::{
        Mode,
        aead::{OneTimeKey, TAG_LEN},
        kdf::{self, Secret},
        kem::{self, X25519_LEN, X25519Key, XWING_CIPHERTEXT_LEN, XWING_PUBLIC_LEN, XWingKey},
        rng::NodeRng,
    },
    error::PeerMisbehaved,
    identity::Suite,
};
use zeroize::Zeroizing;

/// A context that seals or opens one message, and exports secrets.
pub struct Context {
    keys: OneTimeKey,
    exporter: Secret,
    suite_id: SuiteId,
}

/// A pre-shared key and the name it has.
#[derive(Clone, Copy)]
pub struct Psk<'a> {
    /// At least 32 bytes of entropy (RFC 9180, section 9.5).
    pub key: &'a [u8; 32],
    /// Which one it is.
    pub id: &'a [u8],
}

impl Context {
    /// The key schedule (section 5.1): mode PSK with a key, else mode base.
    pub fn new(suite: Suite, shared: &[u8; 32], info: &[u8], psk: Option<Psk<'_>>) -> Self {
        let suite_id = hpke_suite(suite);
        let (mode, psk_key, psk_id) =
            psk.map_or((MODE_BASE, &[][..], &[][..]), |psk| (MODE_PSK, &psk.key[..], psk.id));
        let psk_id_hash = labeled_extract(&suite_id, b"", b"psk_id_hash", psk_id);
        let info_hash = labeled_extract(&suite_id, b"", b"info_hash", info);
        let context = [&[mode][..], &*psk_id_hash, &*info_hash].concat();
        let secret = labeled_extract(&suite_id, shared, b"secret", psk_key);
        let key = *labeled_expand::<32>(&suite_id, &secret, b"key", &context);
        let nonce = *labeled_expand::<12>(&suite_id, &secret, b"base_nonce", &context);
        let exporter = labeled_expand(&suite_id, &secret, b"exp", &context);
        Self { keys: OneTimeKey { key, nonce }, exporter, suite_id }
    }

    /// Seals the context's one message: the ciphertext, and its tag behind it.
    pub fn seal(self, associated: &[u8], text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + TAG_LEN);
        out.extend_from_slice(text);
        let tag = self.keys.seal(Mode::Real, associated, &mut out);
        out.extend_from_slice(&tag);
        out
    }

    /// Opens the context's one message.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`] when it is another, or altered.
    pub fn open(
        &self,
        associated: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, PeerMisbehaved> {
        let (text, tag) = sealed.split_last_chunk::<TAG_LEN>().ok_or(PeerMisbehaved::BadTag)?;
        let mut out = Zeroizing::new(text.to_vec());
        self.keys.open(Mode::Real, associated, &mut out, tag)?;
        Ok(out)
    }

    /// A secret of this context's for another purpose (section 5.3).
    pub fn export<const N: usize>(&self, purpose: &[u8]) -> Zeroizing<[u8; N]> {
        labeled_expand(&self.suite_id, &self.exporter, b"sec", purpose)
    }
}

impl core::fmt::Debug for Context {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Context")
    }
}

/// Encapsulates to an X25519 key with a given ephemeral one (section 4.1). It must be used once.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] for a key of small order.
pub fn encapsulate_x25519(
    public: &[u8; X25519_LEN],
    ephemeral: &X25519Key,
) -> Result<([u8; X25519_LEN], Secret), PeerMisbehaved> {
    let enc = ephemeral.public();
    let agreed = ephemeral.agree(public)?;
    Ok((enc, extract_and_expand(&agreed, &enc, public)))
}

/// The secret inside an X25519 encapsulation.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] for one of small order.
pub fn decapsulate_x25519(
    own: &X25519Key,
    enc: &[u8; X25519_LEN],
) -> Result<Secret, PeerMisbehaved> {
    let agreed = own.agree(enc)?;
    Ok(extract_and_expand(&agreed, enc, &own.public()))
}

/// Encapsulates to an X-Wing key; its secret is the KEM's as it is.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] for a key that is none.
pub fn encapsulate_xwing(
    public: &[u8; XWING_PUBLIC_LEN],
    rng: &mut NodeRng,
) -> Result<(Box<[u8; XWING_CIPHERTEXT_LEN]>, Secret), PeerMisbehaved> {
    kem::encapsulate_xwing(Mode::Real, public, rng)
}

/// The secret inside an X-Wing encapsulation.
///
/// # Errors
/// [`PeerMisbehaved::WeakKey`] when its X25519 part is of small order.
pub fn decapsulate_xwing(
    own: &XWingKey,
    enc: &[u8; XWING_CIPHERTEXT_LEN],
) -> Result<Secret, PeerMisbehaved> {
    own.decapsulate(enc)
}

fn extract_and_expand(agreed: &[u8; 32], enc: &[u8; 32], public: &[u8; 32]) -> Secret {
    let prk = labeled_extract(KEM_X25519_SUITE, b"", b"eae_prk", agreed);
    labeled_expand(KEM_X25519_SUITE, &prk, b"shared_secret", &[&enc[..], public].concat())
}

fn labeled_extract(suite_id: &[u8], salt: &[u8], label: &[u8], input: &[u8]) -> Secret {
    let framed = Zeroizing::new([VERSION, suite_id, label, input].concat());
    kdf::extract(salt, &framed)
}

fn labeled_expand<const N: usize>(
    suite_id: &[u8],
    key: &[u8; 32],
    label: &[u8],
    info: &[u8],
) -> Zeroizing<[u8; N]> {
    // At most 255 × 32, which expand() asserts.
    let len = (N as u16).to_be_bytes();
    kdf::expand(key, &[&len[..], VERSION, suite_id, label, info].concat())
}

fn hpke_suite(suite: Suite) -> SuiteId {
    let [high, low] = match suite {
        Suite::X25519 => 0x0020_u16,
        Suite::XWing => 0x647a,
    }
    .to_be_bytes();
    [b'H', b'P', b'K', b'E', high, low, 0, KDF_HKDF_SHA256, 0, AEAD_CHACHA20_POLY1305]
}

type SuiteId = [u8; 10];

const VERSION: &[u8] = b"HPKE-v1";
const KEM_X25519_SUITE: &[u8] = b"KEM\x00\x20";
const KDF_HKDF_SHA256: u8 = 1;
const AEAD_CHACHA20_POLY1305: u8 = 3;
const MODE_BASE: u8 = 0;
const MODE_PSK: u8 = 1;
