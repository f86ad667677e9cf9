//! Delays between tries: exponential, with jitter, pure.

use std::time::Duration;

use crate::limits::RETRY_KNOWN_MAX;

/// How long to wait before the next try (`LNK-52`).
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(min: Duration, max: Duration) -> Self {
        Self { min, max: max.max(min), next: min }
    }

    /// Between half of the present step and all of it, as `random` decides; the step doubles.
    pub(crate) fn next_delay(&mut self, random: u32) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.max);
        let half = step / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// The longest step from now on: for what will hardly change by itself.
    pub(crate) fn give_up_hurry(&mut self) {
        self.next = self.max;
    }

    /// The peer was there and proved itself: no step beyond [`RETRY_KNOWN_MAX`] from now on, until
    /// tries fail again.
    pub(crate) fn shorten(&mut self) {
        self.next = self.next.min(RETRY_KNOWN_MAX.max(self.min));
    }

    /// Starts over with the shortest step.
    pub(crate) fn reset(&mut self) {
        self.next = self.min;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(60);

    #[test]
    fn lnk_52_doubles_to_the_cap_and_starts_over() {
        let mut backoff = Backoff::new(MIN, MAX);
        let delays: Vec<_> = (0..12).map(|_| backoff.next_delay(u32::MAX).as_millis()).collect();
        assert_eq!(
            delays,
            [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000]
        );
        backoff.reset();
        assert_eq!(backoff.next_delay(u32::MAX), MIN);
        backoff.give_up_hurry();
        assert_eq!(backoff.next_delay(u32::MAX), MAX);
    }

    #[test]
    fn lnk_52_a_peer_that_was_there_is_not_left_for_long() {
        let mut backoff = Backoff::new(MIN, MAX);
        backoff.shorten();
        assert_eq!(backoff.next_delay(u32::MAX), MIN, "shorter steps stay");
        backoff.give_up_hurry();
        backoff.shorten();
        assert_eq!(backoff.next_delay(u32::MAX), RETRY_KNOWN_MAX);
        assert_eq!(backoff.next_delay(u32::MAX), 2 * RETRY_KNOWN_MAX, "and it doubles again");
    }

    #[test]
    fn lnk_52_jitter_takes_up_to_half() {
        let mut backoff = Backoff::new(MIN, MAX);
        assert_eq!(backoff.next_delay(0), MIN / 2);
        let second = backoff.next_delay(1 << 31);
        assert!(second > MIN && second < 2 * MIN);
    }
}
