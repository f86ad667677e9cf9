//! What the modem knows of its own air time and of the channel's load (`VIR-25`, `VIR-27`).

use super::settings::Settings;

/// Own transmissions and busy time, of the last 15 seconds and of the last hour.
#[derive(Debug)]
pub(super) struct Meter {
    sent: [Window; 2],
    busy: [Window; 2],
    busy_since: Option<u64>,
    band: u8,
}

impl Meter {
    pub(super) fn new(now_us: u64) -> Self {
        let windows = || [Window::new(15, 1_000_000, now_us), Window::new(60, 60_000_000, now_us)];
        Self { sent: windows(), busy: windows(), busy_since: None, band: 0 }
    }

    pub(super) fn count_sent(&mut self, now_us: u64, since_us: u64) {
        for window in &mut self.sent {
            window.add(since_us, now_us);
        }
    }

    pub(super) fn set_busy(&mut self, now_us: u64, busy: bool) {
        self.settle(now_us);
        self.busy_since = busy.then_some(now_us);
    }

    /// Air time short and long, channel load short and long, in hundredths of a per cent.
    pub(super) fn shares(&mut self, now_us: u64) -> [u16; 4] {
        self.settle(now_us);
        let [sent_short, sent_long] = self.sent.each_mut().map(|window| window.share(now_us));
        let [busy_short, busy_long] = self.busy.each_mut().map(|window| window.share(now_us));
        [sent_short, sent_long, busy_short, busy_long]
    }

    pub(super) fn airtime_short(&mut self, now_us: u64) -> u16 {
        self.sent[0].share(now_us)
    }

    /// Whether a limit that the host has set forbids to transmit.
    pub(super) fn is_locked(&mut self, now_us: u64, settings: &Settings) -> bool {
        let [short, long, ..] = self.shares(now_us);
        settings.short_limit.is_some_and(|limit| short >= limit)
            || settings.long_limit.is_some_and(|limit| long >= limit)
    }

    /// Whether the band of the contention window is another than when this was last asked.
    pub(super) fn band_changed(&mut self, band: u8) -> bool {
        std::mem::replace(&mut self.band, band) != band
    }

    fn settle(&mut self, now_us: u64) {
        if let Some(since_us) = &mut self.busy_since {
            for window in &mut self.busy {
                window.add(*since_us, now_us);
            }
            *since_us = now_us;
        }
    }
}

/// A sliding sum in bins.
#[derive(Debug)]
struct Window {
    bin_us: u64,
    /// The newest last.
    bins: Vec<u64>,
    /// Which bin since time zero the last one is.
    newest: u64,
}

impl Window {
    fn new(bins: usize, bin_us: u64, now_us: u64) -> Self {
        Self { bin_us, bins: vec![0; bins], newest: now_us / bin_us }
    }

    fn advance(&mut self, now_us: u64) {
        let newest = now_us / self.bin_us;
        let passed = newest.saturating_sub(self.newest);
        let passed = usize::try_from(passed).unwrap_or(usize::MAX).min(self.bins.len());
        self.bins.rotate_left(passed);
        let kept = self.bins.len() - passed;
        self.bins[kept..].fill(0);
        self.newest = self.newest.max(newest);
    }

    fn add(&mut self, since_us: u64, until_us: u64) {
        self.advance(until_us);
        let mut until_us = until_us;
        for (bin, age) in self.bins.iter_mut().rev().zip(0..) {
            let begin_us = self.newest.saturating_sub(age) * self.bin_us;
            if since_us < until_us && begin_us < until_us {
                *bin += until_us - begin_us.max(since_us);
                until_us = begin_us.max(since_us);
            }
        }
    }

    /// In hundredths of a per cent of the whole window.
    fn share(&mut self, now_us: u64) -> u16 {
        self.advance(now_us);
        let whole = self.bin_us * self.bins.len() as u64;
        let share = self.bins.iter().sum::<u64>() * 10_000 / whole;
        u16::try_from(share.min(10_000)).unwrap_or(10_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: u64 = 1_000_000;

    /// `VIR-25`
    #[test]
    fn vir_25_shares_slide() {
        let mut meter = Meter::new(5 * S);
        meter.count_sent(10 * S, 8_500_000);
        // 1.5 of 15 seconds, and of an hour.
        assert_eq!(meter.shares(10 * S), [1_000, 4, 0, 0]);
        meter.set_busy(10 * S, true);
        assert_eq!(meter.shares(13 * S), [1_000, 4, 2_000, 8]);
        meter.set_busy(13 * S, false);
        assert_eq!(meter.shares(23 * S), [666, 4, 2_000, 8]);
        assert_eq!(meter.shares(24 * S), [0, 4, 2_000, 8]);
        assert_eq!(meter.shares(3_700 * S), [0, 0, 0, 0]);
        meter.set_busy(3_700 * S, true);
        assert_eq!(meter.shares(9_999 * S), [0, 0, 9_333, 9_941]);
    }

    /// `VIR-27`
    #[test]
    fn vir_27_limits_lock() {
        let mut meter = Meter::new(0);
        let mut settings = Settings::default();
        settings.short_limit = Some(1_000);
        meter.count_sent(10 * S, 8_500_001);
        assert!(!meter.is_locked(10 * S, &settings));
        meter.count_sent(11 * S, 10_999_000);
        assert!(meter.is_locked(11 * S, &settings));
        assert!(!meter.is_locked(24 * S, &settings));
        settings.long_limit = Some(4);
        assert!(meter.is_locked(24 * S, &settings));
    }
}
