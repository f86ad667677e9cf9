//! The node's random numbers: ChaCha20 from a 32-byte seed (`ID-08`).
//!
//! The driver seeds with fresh entropy at every start; a simulation seeds with a number and gets the
//! same bytes every time.

use chacha20::ChaCha20Rng;
use core::{convert::Infallible, fmt};
use rand_core::{Rng, SeedableRng, TryCryptoRng, TryRng};

/// A deterministic, cryptographically strong generator.
pub struct NodeRng(ChaCha20Rng);

impl NodeRng {
    /// The generator of this seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// An independent generator, seeded by 32 bytes of this one. What the fork draws never changes
    /// what this one gives next.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.array())
    }

    /// Fills the buffer.
    pub fn fill(&mut self, out: &mut [u8]) {
        self.0.fill_bytes(out);
    }

    /// `N` random bytes.
    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    /// A random `u32`.
    pub fn next_u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// A random `u64`.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `n`, each equally likely; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        // Numbers above the last whole multiple of n would favour small results.
        let zone = u64::MAX - (u64::MAX - n + 1) % n;
        loop {
            let value = self.next_u64();
            if value <= zone {
                return value % n;
            }
        }
    }
}

impl TryRng for NodeRng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.0.next_u32())
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.0.next_u64())
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.0.fill_bytes(out);
        Ok(())
    }
}

impl TryCryptoRng for NodeRng {}

impl fmt::Debug for NodeRng {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeRng")
    }
}
