//! SHA-256 over sha2. Chosen over BLAKE2s because the core hashes with it already, because both
//! x86 and ARMv8 have instructions for it, and because published vectors cover it.

use clatter::{
    bytearray::SensitiveByteArray,
    traits::{CryptoComponent, Hash},
};
use sha2::Digest;

/// SHA-256 as Noise's hash function.
#[derive(Clone, Debug, Default)]
pub struct Sha256(sha2::Sha256);

impl CryptoComponent for Sha256 {
    fn name() -> &'static str {
        "SHA256"
    }
}

impl Hash for Sha256 {
    type Block = [u8; 64];
    type Output = SensitiveByteArray<[u8; 32]>;

    fn input(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    fn result(self) -> Self::Output {
        SensitiveByteArray::new(self.0.finalize().into())
    }
}
