//! How much of something may happen over time.

use core::time::Duration;

use crate::time::Instant;

/// A token bucket: `rate_per_s` in the long run, `burst` at once.
///
/// Tokens are counted in millionths, so that no time is lost to rounding: a `u64` holds bursts up
/// to 1.8e13 tokens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TokenBucket {
    rate_per_s: u64,
    burst: u64,
    micro_tokens: u64,
    filled_at: Instant,
}

impl TokenBucket {
    /// A full bucket.
    pub(crate) const fn new(now: Instant, rate_per_s: u64, burst: u64) -> Self {
        Self { rate_per_s, burst, micro_tokens: burst * MICRO, filled_at: now }
    }

    /// Takes `tokens` if they are there.
    pub(crate) fn take(&mut self, now: Instant, tokens: u64) -> bool {
        self.fill(now);
        let Some(rest) = self.micro_tokens.checked_sub(tokens.saturating_mul(MICRO)) else {
            return false;
        };
        self.micro_tokens = rest;
        true
    }

    /// Whether [`Self::take`] would succeed.
    pub(crate) fn has(&self, now: Instant, tokens: u64) -> bool {
        self.level(now) >= tokens.saturating_mul(MICRO)
    }

    /// When `tokens` will be there; `now` when they are.
    pub(crate) fn ready_at(&self, now: Instant, tokens: u64) -> Instant {
        let missing = tokens.min(self.burst).saturating_mul(MICRO).saturating_sub(self.level(now));
        now + Duration::from_micros(missing.div_ceil(self.rate_per_s))
    }

    fn level(&self, now: Instant) -> u64 {
        let micros = now.saturating_since(self.filled_at).as_micros();
        let micros = u64::try_from(micros).unwrap_or(u64::MAX);
        let gained = micros.saturating_mul(self.rate_per_s);
        self.micro_tokens.saturating_add(gained).min(self.burst * MICRO)
    }

    fn fill(&mut self, now: Instant) {
        self.micro_tokens = self.level(now);
        self.filled_at = self.filled_at.max(now);
    }
}

const MICRO: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rate_and_burst_hold() {
        let mut bucket = TokenBucket::new(Instant::ZERO, 10, 5);
        let taken = (0..100).filter(|_| bucket.take(Instant::ZERO, 1)).count();
        assert_eq!(taken, 5);
        let ready_at = bucket.ready_at(Instant::ZERO, 1);
        assert_eq!(ready_at, Instant::from_millis(100));
        assert!(!bucket.has(Instant::from_millis(99), 1));
        assert!(bucket.take(ready_at, 1));
        // Ten a second for ten seconds, asked for every millisecond.
        let taken = (100..10_100u64).filter(|ms| bucket.take(Instant::from_millis(*ms), 1)).count();
        assert_eq!(taken, 99);
        assert_eq!((0..100).filter(|_| bucket.take(Instant::from_secs(1_000), 1)).count(), 5);
    }

    #[test]
    fn more_than_the_burst_never_comes_but_has_a_time() {
        let bucket = TokenBucket::new(Instant::ZERO, 1, 2);
        assert!(!bucket.has(Instant::from_secs(1 << 40), 3));
        assert_eq!(bucket.ready_at(Instant::ZERO, 3), Instant::ZERO);
    }
}
