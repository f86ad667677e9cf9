//! Whose turn it is: listening before talking, with a random number of slots (`VIR-26`).

use mesh::radio::Modulation;

/// The contest for the channel, which is busy until somebody says that it is free.
#[derive(Debug)]
pub(super) struct Turn {
    slot_us: u64,
    busy: bool,
    /// Slots still to wait, in microseconds; none when nothing is to be sent.
    remaining_us: Option<u64>,
    /// Since when the channel has been free during this contest.
    free_since: Option<u64>,
}

impl Turn {
    pub(super) const fn new() -> Self {
        Self { slot_us: 0, busy: true, remaining_us: None, free_since: None }
    }

    /// Other settings have other slots.
    pub(super) fn set_slot(&mut self, modulation: &Modulation) {
        self.slot_us = slot_us(modulation);
    }

    pub(super) const fn is_contending(&self) -> bool {
        self.remaining_us.is_some()
    }

    /// Something is to be sent, after so many slots of a free channel.
    pub(super) fn begin(&mut self, now_us: u64, slots: u64) {
        self.remaining_us = Some(slots * self.slot_us);
        self.free_since = (!self.busy).then_some(now_us);
    }

    /// The turn has come, or nothing is to be sent any more.
    pub(super) fn end(&mut self) {
        self.remaining_us = None;
        self.free_since = None;
    }

    /// Slots that were waited are not waited again; the silence before them is.
    pub(super) fn set_busy(&mut self, now_us: u64, busy: bool) {
        self.busy = busy;
        if !busy {
            if self.free_since.is_none() {
                self.free_since = self.remaining_us.map(|_| now_us);
            }
            return;
        }
        if let (Some(remaining_us), Some(since_us)) = (&mut self.remaining_us, self.free_since) {
            let counting_from = since_us + SILENCE_SLOTS * self.slot_us;
            *remaining_us = remaining_us.saturating_sub(now_us.saturating_sub(counting_from));
        }
        self.free_since = None;
    }

    /// When the turn comes if the channel stays free.
    pub(super) fn due_us(&self) -> Option<u64> {
        Some(self.free_since? + SILENCE_SLOTS * self.slot_us + self.remaining_us?)
    }
}

/// Twelve symbols, and not less than 24 ms (6 ms for fast settings) or more than 100 ms.
pub(super) const fn slot_us(modulation: &Modulation) -> u64 {
    let symbols_us = 12 * modulation.symbol_us();
    let least_us = if modulation.bitrate_bps() > 30_000 { 6_000 } else { 24_000 };
    if symbols_us < least_us {
        least_us
    } else if symbols_us > 100_000 {
        100_000
    } else {
        symbols_us
    }
}

/// The lowest and the highest number of slots for who has used this much air time lately, in
/// hundredths of a per cent: who talks much waits longer.
pub(super) const fn window(airtime: u16) -> (u8, u8) {
    let band = match airtime / 100 {
        0..=7 => 1,
        percent if percent >= 85 => 4,
        // From band 2 to band 4 in proportion.
        percent => 2 + (percent as u8 - 7) * 2 / (85 - 7),
    };
    ((band - 1) * SLOTS_PER_BAND, band * SLOTS_PER_BAND - 1)
}

/// Contention windows do not overlap.
pub(super) const SLOTS_PER_BAND: u8 = 15;

/// Slots of silence before any are counted.
pub(super) const SILENCE_SLOTS: u64 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    const SF8: Modulation = Modulation::rnode(869_525_000, 125_000, 8, 5);
    const SLOT: u64 = 24_576;

    /// `VIR-26`
    #[test]
    fn vir_26_slots_are_twelve_symbols_within_bounds() {
        let slot = |bandwidth_hz, spreading_factor| {
            slot_us(&Modulation { bandwidth_hz, spreading_factor, ..SF8 })
        };
        assert_eq!(slot(125_000, 8), SLOT);
        assert_eq!(slot(125_000, 7), 24_000);
        assert_eq!(slot(125_000, 12), 100_000);
        assert_eq!(slot(500_000, 5), 6_000);
    }

    /// `VIR-26`
    #[test]
    fn vir_26_who_talks_much_waits_longer() {
        let windows = [0, 700, 800, 4_600, 8_400, 8_500, 10_000].map(window);
        let bands = windows.map(|(lowest, highest)| {
            assert_eq!(highest - lowest, 14);
            lowest / 15 + 1
        });
        assert_eq!(bands, [1, 1, 2, 3, 3, 4, 4]);
    }

    /// `VIR-26`
    #[test]
    fn vir_26_slots_that_were_waited_count_and_silence_is_waited_again() {
        let mut turn = Turn::new();
        turn.set_slot(&SF8);
        turn.set_busy(0, false);
        assert_eq!(turn.due_us(), None);
        turn.begin(0, 5);
        assert_eq!(turn.due_us(), Some(7 * SLOT));
        // Busy in the second slot of five.
        turn.set_busy(4 * SLOT, true);
        assert_eq!(turn.due_us(), None);
        turn.set_busy(10 * SLOT, false);
        assert_eq!(turn.due_us(), Some((10 + 2 + 3) * SLOT));
        // Busy within the silence.
        turn.set_busy(11 * SLOT, true);
        turn.set_busy(20 * SLOT, false);
        assert_eq!(turn.due_us(), Some((20 + 2 + 3) * SLOT));
        turn.end();
        assert_eq!((turn.due_us(), turn.is_contending()), (None, false));
        turn.set_busy(21 * SLOT, true);
        turn.begin(21 * SLOT, 0);
        assert_eq!(turn.due_us(), None);
    }
}
