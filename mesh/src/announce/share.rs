//! What a link may spend on control frames: a token bucket in bytes (`ANN-16`).

use core::time::Duration;

use crate::{limits::LINK_MTU_MIN, link::LinkCaps, time::Instant};

/// From this bit rate on a link is *fast*: the whole table travels over it unasked.
pub const FAST_BPS: u64 = 1_000_000;

/// What may be handed at once to a shared medium, which paces it itself: 140 announces.
const SHARED_BURST: u64 = 16_384;

/// Whether a link carries the whole table.
pub const fn is_fast(caps: &LinkCaps) -> bool {
    caps.bitrate_bps >= FAST_BPS
}

/// A token bucket: `rate` units a second, at most `burst` saved.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    rate: u64,
    burst: u64,
    level: u64,
    at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub(crate) const fn new(now: Instant, rate: u64, burst: u64) -> Self {
        Self { rate, burst, level: burst, at: now }
    }

    /// The announce share of a link: half the bit rate of a fast one, 5 % of a slow one.
    pub(crate) fn share_of(now: Instant, caps: &LinkCaps) -> Self {
        let bytes_per_s = caps.bitrate_bps / 8;
        if is_fast(caps) {
            let rate = bytes_per_s / 2;
            // A tenth of a second of the share, so that a table leaves in few large frames.
            Self::new(now, rate, (rate / 10).max(u64::from(caps.mtu)))
        } else if caps.shared {
            // All neighbours are told at once, in fewer bytes, and at the medium's pace (`ANN-20`).
            Self::new(now, bytes_per_s.max(1), SHARED_BURST)
        } else {
            // A frame, but not more than a quarter second of the link: data waits behind it.
            let burst = u64::from(caps.mtu).min((bytes_per_s / 4).max(u64::from(LINK_MTU_MIN)));
            Self::new(now, (bytes_per_s / 20).max(1), burst)
        }
    }

    /// The most that can ever be taken at once.
    pub(crate) const fn burst(&self) -> u64 {
        self.burst
    }

    /// What can be taken now.
    pub(crate) fn available(&self, now: Instant) -> u64 {
        let micros = u64::try_from(now.saturating_since(self.at).as_micros()).unwrap_or(u64::MAX);
        let saved = micros.saturating_mul(self.rate) / 1_000_000;
        self.level.saturating_add(saved).min(self.burst)
    }

    /// Takes up to `amount`.
    pub(crate) fn take(&mut self, now: Instant, amount: u64) {
        self.level = self.available(now).saturating_sub(amount);
        self.at = now;
    }

    /// Takes `amount` if it is there.
    pub(crate) fn try_take(&mut self, now: Instant, amount: u64) -> bool {
        let granted = self.available(now) >= amount;
        if granted {
            self.take(now, amount);
        }
        granted
    }

    /// Takes one if there is one.
    pub(crate) fn try_take_one(&mut self, now: Instant) -> bool {
        let granted = self.available(now) > 0;
        if granted {
            self.take(now, 1);
        }
        granted
    }

    /// When `amount` (at most the burst) can be taken.
    pub(crate) fn ready_at(&self, now: Instant, amount: u64) -> Instant {
        let missing = amount.min(self.burst).saturating_sub(self.available(now));
        if missing == 0 {
            return now;
        }
        let micros = missing.saturating_mul(1_000_000) / self.rate.max(1) + 1;
        now + Duration::from_micros(micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Medium;

    const fn caps(bitrate_bps: u64, mtu: u32) -> LinkCaps {
        LinkCaps { medium: Medium::Memory, mtu, bitrate_bps, reliable: true, shared: false }
    }

    #[test]
    fn ann16_a_slow_link_spends_a_twentieth() {
        let mut bucket = Bucket::share_of(Instant::ZERO, &caps(8_000, 255));
        assert_eq!(bucket.burst(), 250);
        bucket.take(Instant::ZERO, 250);
        // 8,000 bit/s are 1,000 B/s; 5 % are 50 B/s.
        assert_eq!(bucket.available(Instant::from_secs(1)), 50);
        assert_eq!(bucket.ready_at(Instant::ZERO, 100), Instant::from_micros(2_000_001));
        assert_eq!(bucket.available(Instant::from_secs(100)), 250);
    }

    #[test]
    fn ann16_a_fast_link_spends_half() {
        let mut bucket = Bucket::share_of(Instant::ZERO, &caps(1_000_000_000, 1 << 16));
        bucket.take(Instant::ZERO, u64::MAX);
        assert_eq!(bucket.available(Instant::from_millis(1)), 62_500);
    }
}
