//! Randomness for handshakes: the operating system's, through ring.

use std::convert::Infallible;

use clatter::rand_core::{CryptoRng, Error, RngCore};
use ring::rand::SecureRandom;

/// The operating system's random source, for clatter.
///
/// # Panics
///
/// When the system has no randomness to give. Nothing a node does would be safe then.
#[derive(Clone, Debug, Default)]
pub struct SystemRandom;

impl RngCore for SystemRandom {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, dest: &mut [u8]) {
        self.try_fill_bytes(dest).expect("the operating system gives randomness");
    }

    fn try_fill_bytes(&mut self, dest: &mut [u8]) -> Result<(), Error> {
        ring::rand::SystemRandom::new().fill(dest).map_err(|_| Error::from(NO_RANDOMNESS))
    }
}

impl CryptoRng for SystemRandom {}

/// rand_core's error code for a source that failed, from the range for custom codes.
const NO_RANDOMNESS: std::num::NonZeroU32 =
    std::num::NonZeroU32::new(Error::CUSTOM_START + 1).expect("not zero");

/// Lends a source of clatter's rand_core to crates that use the newer one.
pub(super) struct Newer<'a, R>(pub(super) &'a mut R);

impl<R: RngCore> rand_core::TryRng for Newer<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(dst);
        Ok(())
    }
}

impl<R: RngCore + CryptoRng> rand_core::TryCryptoRng for Newer<'_, R> {}
