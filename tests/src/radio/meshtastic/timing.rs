//! Contention windows and slots: when a Meshtastic node speaks.

use std::collections::VecDeque;

use crate::{queue::Micros, radio::phy::Phy, rng::Rng};

/// Smallest contention window: 2³ slots.
pub(super) const CW_MIN: u32 = 3;
/// Largest contention window: 2⁸ slots.
pub(super) const CW_MAX: u32 = 8;

/// Time to notice that somebody began to send: activity detection of 2.5 symbols, 30 km there and
/// back, turnaround and processing. The firmware keeps whole milliseconds.
pub fn slot_us(phy: &Phy) -> Micros {
    (phy.symbol_us() * 5 / 2 + 7_600) / 1_000 * 1_000
}

/// Window of a relay: the better it heard the frame, the longer it waits.
pub(super) fn window_of_snr(snr: i16) -> u32 {
    // Whole decibels, towards zero; −20 … 10 dB onto 3 … 8.
    let whole = i64::from(snr / 4);
    let window = (whole + 20) * i64::from(CW_MAX - CW_MIN) / 30 + i64::from(CW_MIN);
    u32::try_from(window.clamp(0, 16)).unwrap_or(CW_MIN)
}

/// Window of a packet's first sender: by the channel's use in percent.
pub(super) fn window_of_use(percent: u64) -> u32 {
    CW_MIN + u32::try_from(percent).unwrap_or(100).min(100) * (CW_MAX - CW_MIN) / 100
}

/// How long a node waits before it sends a packet.
pub(super) fn delay_us(
    phy: &Phy,
    heard_snr: Option<i16>,
    use_percent: u64,
    rng: &mut Rng,
) -> Micros {
    let slots = match heard_snr {
        None => rng.below(1 << window_of_use(use_percent)),
        Some(snr) => u64::from(2 * CW_MAX) + rng.below(1 << window_of_snr(snr)),
    };
    slots * slot_us(phy)
}

/// How long a node waits for an acknowledgement, real or overheard.
pub(super) fn retry_us(phy: &Phy, len: usize, use_percent: u64) -> Micros {
    let slots = (1 << window_of_use(use_percent)) + 2 * CW_MAX + (1 << ((CW_MAX + CW_MIN) / 2));
    2 * phy.time_on_air_us(len) + u64::from(slots) * slot_us(phy) + PROCESSING_US
}

const PROCESSING_US: Micros = 4_500_000;

/// Air time sent and heard in the last minute.
#[derive(Debug, Default)]
pub(super) struct ChannelUse {
    log: VecDeque<(Micros, Micros)>,
    sum: Micros,
}

impl ChannelUse {
    pub(super) fn add(&mut self, now: Micros, air_us: Micros) {
        self.log.push_back((now, air_us));
        self.sum += air_us;
    }

    pub(super) fn percent(&mut self, now: Micros) -> u64 {
        while let Some((_, air_us)) = self.log.pop_front_if(|(at, _)| *at + MINUTE_US < now) {
            self.sum -= air_us;
        }
        (self.sum * 100 / MINUTE_US).min(100)
    }
}

const MINUTE_US: Micros = 60_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// `RSM-04`: CW = map(snr, −20 … 10 → 3 … 8).
    #[test]
    fn the_contention_window_follows_the_signal() {
        assert_eq!(window_of_snr(-80), CW_MIN);
        assert_eq!(window_of_snr(40), CW_MAX);
        assert_eq!(window_of_snr(-20), 5);
        assert_eq!((window_of_use(0), window_of_use(40), window_of_use(100)), (3, 5, 8));
    }

    /// `RSM-04`: a client waits 16 slots and up to 2^CW more, so the far relay speaks first.
    #[test]
    fn a_far_relay_speaks_before_a_near_one() {
        let phy = Phy::sf8(16);
        assert_eq!(slot_us(&phy), 12_000);
        let mut rng = Rng::new(1);
        let mut bounds = |snr| {
            let waits: Vec<_> =
                (0..5_000).map(|_| delay_us(&phy, Some(snr), 0, &mut rng)).collect();
            (*waits.iter().min().expect("some"), *waits.iter().max().expect("some"))
        };
        assert_eq!(bounds(-80), (16 * 12_000, (16 + 7) * 12_000));
        assert_eq!(bounds(40), (16 * 12_000, (16 + 255) * 12_000));
    }

    /// `RSM-04`
    #[test]
    fn an_answer_is_waited_for_as_long_as_the_firmware_does() {
        let phy = Phy::sf8(16);
        let expected = 2 * phy.time_on_air_us(84) + (8 + 16 + 32) * 12_000 + 4_500_000;
        assert_eq!(retry_us(&phy, 84, 0), expected);
    }
}
