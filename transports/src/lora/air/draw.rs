//! Randomness by name: what is drawn depends on the seed and on what it is drawn for, not on how
//! much was drawn before.

/// The source of a model's randomness.
#[derive(Clone, Copy, Debug)]
pub(super) struct Draw(u64);

impl Draw {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// 64 bits for one purpose and two numbers.
    pub(super) const fn bits(self, purpose: u64, first: u64, second: u64) -> u64 {
        let state = mix(self.0 ^ purpose.wrapping_mul(GAMMA));
        let state = mix(state.wrapping_add(first.wrapping_add(1).wrapping_mul(GAMMA)));
        mix(state.wrapping_add(second.wrapping_add(1).wrapping_mul(GAMMA)))
    }

    /// True with a probability given in millionths.
    pub(super) const fn chance(
        self,
        millionths: u32,
        purpose: u64,
        first: u64,
        second: u64,
    ) -> bool {
        let product = self.bits(purpose, first, second) as u128 * 1_000_000;
        (product >> 64) < millionths as u128
    }

    /// Thousandths of a standard deviation: the sum of twelve uniform numbers, which needs no
    /// logarithm and is the same everywhere.
    pub(super) fn normal_thousandths(self, purpose: u64, first: u64, second: u64) -> i64 {
        let sum: u64 = (0..3_u64)
            .map(|part| self.bits(purpose ^ (part << 32), first, second))
            .flat_map(|bits| [bits, bits >> 16, bits >> 32, bits >> 48])
            .map(|bits| bits & 0xffff)
            .sum();
        // Twelve times (0xffff / 2) in the middle; 0x10000 is one deviation.
        (i64::try_from(sum).unwrap_or(0) - 6 * 0xffff) * 1_000 / 0x1_0000
    }
}

/// SplitMix64's output function.
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_a_normal_distribution() {
        let draw = Draw::new(1);
        let values: Vec<i64> = (0..10_000).map(|n| draw.normal_thousandths(1, n, 0)).collect();
        let mean = values.iter().sum::<i64>() / 10_000;
        let variance = values.iter().map(|value| value * value).sum::<i64>() / 10_000;
        let within = values.iter().filter(|value| value.abs() < 1_000).count();
        assert!(mean.abs() < 30, "{mean}");
        assert!((950_000..1_050_000).contains(&variance), "{variance}");
        assert!((6_600..7_050).contains(&within), "{within}");
    }

    #[test]
    fn chances_are_what_they_say() {
        let draw = Draw::new(2);
        let hits = (0..10_000).filter(|n| draw.chance(100_000, 7, *n, 3)).count();
        assert!((900..1_100).contains(&hits), "{hits}");
        assert!(!draw.chance(0, 1, 1, 1) && draw.chance(1_000_000, 1, 1, 1));
    }
}
