//! ML-KEM-768 (FIPS 203) over ml-kem. The secret key is kept as its 64-byte seed: expanding it
//! costs a key generation per handshake and saves 2,336 bytes of secret memory.

use clatter::{
    KeyPair,
    bytearray::{HeapArray, SensitiveByteArray},
    error::{KemError, KemResult},
    traits::{CryptoComponent, Kem, Rng},
};
use ml_kem::{
    Decapsulate, Encapsulate, KeyExport,
    ml_kem_768::{Ciphertext, DecapsulationKey, EncapsulationKey},
};
use zeroize::Zeroize;

use super::{KEM_CIPHERTEXT_LEN, KEM_PUBLIC_LEN, random::Newer};

/// ML-KEM-768 as Noise's key encapsulation mechanism.
#[derive(Clone, Debug)]
pub struct MlKem768;

impl CryptoComponent for MlKem768 {
    fn name() -> &'static str {
        "MLKEM768"
    }
}

impl Kem for MlKem768 {
    type SecretKey = SensitiveByteArray<[u8; SEED_LEN]>;
    type PubKey = HeapArray<KEM_PUBLIC_LEN>;
    type Ct = HeapArray<KEM_CIPHERTEXT_LEN>;
    type Ss = SensitiveByteArray<[u8; 32]>;

    fn genkey_rng<R: Rng>(rng: &mut R) -> KemResult<KeyPair<Self::PubKey, Self::SecretKey>> {
        let mut seed = SensitiveByteArray::new([0; SEED_LEN]);
        rng.try_fill_bytes(&mut *seed).map_err(|_| KemError::KeyGeneration)?;
        let secret = DecapsulationKey::from_seed((*seed).into());
        let public = secret.encapsulation_key().to_bytes();
        Ok(KeyPair::new(clatter::bytearray::ByteArray::from_slice(&public), seed))
    }

    fn encapsulate<R: Rng>(pk: &[u8], rng: &mut R) -> KemResult<(Self::Ct, Self::Ss)> {
        let bytes = pk.try_into().map_err(|_| KemError::Input)?;
        // Refuses keys whose coefficients are not reduced (FIPS 203, section 7.2).
        let key = EncapsulationKey::new(bytes).map_err(|_| KemError::Input)?;
        let (ciphertext, mut shared) = key.encapsulate_with_rng(&mut Newer(rng));
        let out = SensitiveByteArray::new(shared.into());
        shared.zeroize();
        Ok((clatter::bytearray::ByteArray::from_slice(&ciphertext), out))
    }

    fn decapsulate(ct: &[u8], sk: &[u8]) -> KemResult<Self::Ss> {
        let ciphertext: &Ciphertext = ct.try_into().map_err(|_| KemError::Input)?;
        let seed: [u8; SEED_LEN] = sk.try_into().map_err(|_| KemError::Input)?;
        let seed = SensitiveByteArray::new(seed);
        let mut shared = DecapsulationKey::from_seed((*seed).into()).decapsulate(ciphertext);
        let out = SensitiveByteArray::new(shared.into());
        shared.zeroize();
        Ok(out)
    }
}

/// Bytes of an ML-KEM seed, `d ‖ z`.
const SEED_LEN: usize = 64;
