//! HKDF-SHA256 (RFC 5869) (`SES-05`).

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// A 32-byte secret. Wiped when dropped.
pub type Secret = Zeroizing<[u8; 32]>;

/// HKDF-Extract: a uniform key out of `input`.
pub fn extract(salt: &[u8], input: &[u8]) -> Secret {
    let (key, _) = Hkdf::<Sha256>::extract(Some(salt), input);
    Zeroizing::new(key.into())
}

/// HKDF-Expand: `N` bytes (at most 8,160) for the purpose `label` out of a uniform key.
pub fn expand<const N: usize>(key: &[u8; 32], label: &[u8]) -> Zeroizing<[u8; N]> {
    const { assert!(N <= EXPAND_LEN_MAX) };
    let mut out = Zeroizing::new([0; N]);
    expand_into(key, label, out.as_mut_slice());
    out
}

pub(super) fn expand_into(key: &[u8; 32], label: &[u8], out: &mut [u8]) {
    Hkdf::<Sha256>::from_prk(key)
        .expect("32 bytes are a whole key of HMAC-SHA256")
        .expand(label, out)
        .expect("callers keep to EXPAND_LEN_MAX");
}

/// 255 blocks of SHA-256 (RFC 5869, section 2.3).
pub(super) const EXPAND_LEN_MAX: usize = 255 * 32;
