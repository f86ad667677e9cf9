//! Randomness of a simulation: small, fast, the same on every machine.
//!
//! Not for cryptography. Every concern (links, faults, load …) forks its own stream, so that adding
//! one draw here does not change what happens there.

use std::ops::RangeInclusive;

/// A SplitMix64 generator (Steele, Lea, Flood 2014): one addition and a mixing function per draw.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

impl Rng {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An independent stream for the concern named by `label`.
    pub fn fork(&self, label: &str) -> Self {
        let mut state = self.state;
        for byte in label.bytes() {
            state = mix(state.wrapping_add(GAMMA) ^ u64::from(byte));
        }
        Self { state }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        mix(self.state)
    }

    /// A number below `bound`; zero when the bound is zero.
    ///
    /// The bias of the multiplication is at most `bound` / 2^64: nothing a simulation could see.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next_u64()) * u128::from(bound);
        (product >> 64) as u64
    }

    /// An index below `len`.
    pub fn index(&mut self, len: usize) -> usize {
        self.below(len as u64) as usize
    }

    /// A number in `range`, both ends included.
    pub fn within(&mut self, range: &RangeInclusive<u64>) -> u64 {
        let span = range.end().saturating_sub(*range.start()).saturating_add(1);
        range.start() + self.below(span)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && self.unit() < probability
    }

    /// A number in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// 32 random bytes.
    pub fn bytes32(&mut self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&self.next_u64().to_le_bytes());
        }
        bytes
    }

    /// Puts `items` into a random order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.index(last + 1));
        }
    }
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// 2^64 divided by the golden ratio, as in the paper.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_values_for_seed_1234567() {
        let mut rng = Rng::new(1_234_567);
        assert_eq!(rng.next_u64(), 6_457_827_717_110_365_317);
        assert_eq!(rng.next_u64(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn forks_are_independent_of_draws_elsewhere() {
        let root = Rng::new(7);
        let mut links = root.fork("links");
        let expected = root.fork("faults").next_u64();
        links.next_u64();
        assert_eq!(root.fork("faults").next_u64(), expected);
        assert_ne!(root.fork("links").next_u64(), expected);
    }

    #[test]
    fn draws_stay_in_their_range() {
        let mut rng = Rng::new(1);
        for _ in 0..1_000 {
            assert!((3..=5).contains(&rng.within(&(3..=5))));
            assert!(rng.unit() < 1.0);
        }
        assert_eq!(rng.within(&(9..=9)), 9);
        assert!(!rng.chance(0.0) && rng.chance(1.0));
    }
}
