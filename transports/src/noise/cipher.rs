//! ChaCha20-Poly1305 over ring. Noise's nonce: 32 zero bits, then the counter little endian.

use clatter::{
    bytearray::SensitiveByteArray,
    error::{CipherError, CipherResult},
    traits::{Cipher, CryptoComponent},
};
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};

use super::TAG_LEN;

/// ChaCha20-Poly1305 as Noise's cipher.
#[derive(Clone, Debug)]
pub struct ChaChaPoly;

impl CryptoComponent for ChaChaPoly {
    fn name() -> &'static str {
        "ChaChaPoly"
    }
}

impl Cipher for ChaChaPoly {
    type Key = SensitiveByteArray<[u8; 32]>;

    fn tag_len() -> usize {
        TAG_LEN
    }

    fn encrypt(
        k: &Self::Key,
        nonce: u64,
        ad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> CipherResult<()> {
        out.get_mut(..plaintext.len()).ok_or(CipherError::Encrypt)?.copy_from_slice(plaintext);
        Self::encrypt_in_place(k, nonce, ad, out, plaintext.len()).map(drop)
    }

    fn encrypt_in_place(
        k: &Self::Key,
        nonce: u64,
        ad: &[u8],
        in_out: &mut [u8],
        plaintext_len: usize,
    ) -> CipherResult<usize> {
        let (text, rest) =
            in_out.split_at_mut_checked(plaintext_len).ok_or(CipherError::Encrypt)?;
        let tag_out = rest.get_mut(..TAG_LEN).ok_or(CipherError::Encrypt)?;
        let tag = key(k)
            .seal_in_place_separate_tag(noise_nonce(nonce), Aad::from(ad), text)
            .map_err(|_| CipherError::Encrypt)?;
        tag_out.copy_from_slice(tag.as_ref());
        Ok(plaintext_len + TAG_LEN)
    }

    fn decrypt(
        k: &Self::Key,
        nonce: u64,
        ad: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> CipherResult<()> {
        // ring decrypts in place and wants room for the tag; handshake fields are short.
        let mut work = ciphertext.to_vec();
        let text = key(k)
            .open_in_place(noise_nonce(nonce), Aad::from(ad), &mut work)
            .map_err(|_| CipherError::Decrypt)?;
        out.get_mut(..text.len()).ok_or(CipherError::Decrypt)?.copy_from_slice(text);
        zeroize::Zeroize::zeroize(&mut work);
        Ok(())
    }

    fn decrypt_in_place(
        k: &Self::Key,
        nonce: u64,
        ad: &[u8],
        in_out: &mut [u8],
        ciphertext_len: usize,
    ) -> CipherResult<usize> {
        let sealed = in_out.get_mut(..ciphertext_len).ok_or(CipherError::Decrypt)?;
        key(k)
            .open_in_place(noise_nonce(nonce), Aad::from(ad), sealed)
            .map(|text| text.len())
            .map_err(|_| CipherError::Decrypt)
    }
}

/// The nonce of message `counter` under one key (Noise specification, section 12.3).
pub(crate) fn noise_nonce(counter: u64) -> Nonce {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_le_bytes());
    Nonce::assume_unique_for_key(nonce)
}

/// A key that ring can use.
pub(crate) fn key(bytes: &[u8; 32]) -> LessSafeKey {
    let unbound = UnboundKey::new(&CHACHA20_POLY1305, bytes)
        .expect("ChaCha20-Poly1305 takes every key of 32 bytes");
    LessSafeKey::new(unbound)
}
