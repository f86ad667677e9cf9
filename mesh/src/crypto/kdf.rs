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
    const { assert!(N <= 255 * 32) };
    let mut out = Zeroizing::new([0; N]);
    Hkdf::<Sha256>::from_prk(key)
        .expect("32 bytes are a whole key of HMAC-SHA256")
        .expand(label, out.as_mut_slice())
        .expect("the length was checked at compile time");
    out
}
