//! Small random numbers for delays: spread, not secrets.

use std::time::Duration;

/// Splitmix64: equal seeds, equal delays.
#[derive(Clone, Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Between nothing and `span`.
    pub(super) fn up_to(&mut self, span: Duration) -> Duration {
        span.mul_f64((self.next() >> 11) as f64 / (1_u64 << 53) as f64)
    }

    /// True in `share` of `whole` cases.
    pub(super) fn is_one_of(&mut self, share: u32, whole: u32) -> bool {
        whole <= share || self.next() % u64::from(whole) < u64::from(share)
    }
}
