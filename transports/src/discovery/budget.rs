//! How often something may happen: a token bucket kept as the moment at which it would be full.

use std::time::{Duration, Instant};

/// See [`Budget::take`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Budget {
    full_at: Option<Instant>,
}

impl Budget {
    /// Takes one of `burst`, each of which comes back after `interval`; false when there is none.
    pub(super) fn take(&mut self, now: Instant, burst: u32, interval: Duration) -> bool {
        let after = self.full_at.map_or(now, |at| at.max(now)) + interval;
        let fits = after.duration_since(now) <= interval * burst;
        if fits {
            self.full_at = Some(after);
        }
        fits
    }
}
