//! X25519 over x25519-dalek.

use clatter::{
    KeyPair,
    bytearray::SensitiveByteArray,
    error::{DhError, DhResult},
    traits::{CryptoComponent, Dh, Rng},
};
use x25519_dalek::{PublicKey, StaticSecret};

use super::DH_LEN;

/// X25519 as Noise's Diffie-Hellman function. Refuses results that the peer's key alone decides
/// (`LNK-25`).
#[derive(Clone, Debug)]
pub struct X25519;

impl CryptoComponent for X25519 {
    fn name() -> &'static str {
        "25519"
    }
}

impl Dh for X25519 {
    type PrivateKey = SensitiveByteArray<[u8; DH_LEN]>;
    type PubKey = [u8; DH_LEN];
    type Output = SensitiveByteArray<[u8; DH_LEN]>;

    fn genkey_rng<R: Rng>(rng: &mut R) -> DhResult<KeyPair<Self::PubKey, Self::PrivateKey>> {
        let mut secret = SensitiveByteArray::new([0; DH_LEN]);
        rng.try_fill_bytes(&mut *secret).map_err(|_| DhError::KeyGeneration)?;
        Ok(KeyPair::new(Self::pubkey(&secret), secret))
    }

    fn pubkey(k: &Self::PrivateKey) -> Self::PubKey {
        PublicKey::from(&StaticSecret::from(**k)).to_bytes()
    }

    fn dh(k: &Self::PrivateKey, theirs: &Self::PubKey) -> DhResult<Self::Output> {
        let shared = StaticSecret::from(**k).diffie_hellman(&PublicKey::from(*theirs));
        // clatter knows one error of a DH; this is the only one that can come from `dh`.
        if !shared.was_contributory() {
            return Err(DhError::KeyGeneration);
        }
        Ok(SensitiveByteArray::new(shared.to_bytes()))
    }
}
