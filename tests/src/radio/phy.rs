//! What a LoRa frame costs: the published formula, written apart from the core's own so that the
//! two can be compared.

use crate::queue::Micros;

/// A LoRa setting. Explicit header, CRC, no implicit anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phy {
    /// Spreading factor, 5 to 12.
    pub spreading_factor: u8,
    /// Bandwidth.
    pub bandwidth_hz: u32,
    /// Denominator of the coding rate, 5 to 8.
    pub coding_rate: u8,
    /// Preamble, without the sync word.
    pub preamble_symbols: u16,
}

impl Phy {
    /// SF8 on 125 kHz at 4/5, which all the city's figures are about.
    pub const fn sf8(preamble_symbols: u16) -> Self {
        Self { spreading_factor: 8, bandwidth_hz: 125_000, coding_rate: 5, preamble_symbols }
    }

    /// One symbol, rounded down.
    pub fn symbol_us(&self) -> Micros {
        (1_000_000 << self.spreading_factor) / u64::from(self.bandwidth_hz)
    }

    /// Time on air of `phy_len` bytes, in microseconds, rounded up.
    ///
    /// Semtech's formula: (preamble + 4.25) symbols, then 8 + ⌈(8·PL − 4·SF + 28 + 16) / 4·(SF − 2·DE)⌉
    /// · (CR + 4), where DE is 1 when a symbol takes more than 16 ms.
    pub fn time_on_air_us(&self, phy_len: usize) -> Micros {
        let sf = u64::from(self.spreading_factor);
        let low_rate = (1_000_u64 << sf) > 16 * u64::from(self.bandwidth_hz);
        let bits = (8 * phy_len as u64 + 44).saturating_sub(4 * sf);
        let group = 4 * (sf - if low_rate { 2 } else { 0 });
        let symbols = 8 + bits.div_ceil(group) * u64::from(self.coding_rate);
        let quarters = 4 * (u64::from(self.preamble_symbols) + symbols) + 17;
        ((quarters * 1_000_000) << sf).div_ceil(4 * u64::from(self.bandwidth_hz))
    }

    /// Bytes that go into a time on air of at most `limit`; zero when not even one does.
    pub fn longest_within(&self, limit: Micros) -> usize {
        (1..=255).rev().find(|&len| self.time_on_air_us(len) <= limit).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `RSM-03`: the table of published air times, CR 4/5, preamble 8, in tenths of a millisecond.
    #[test]
    fn published_air_times() {
        let sizes = [12, 50, 100, 200, 255];
        for (sf, bandwidth_hz, published) in [
            (7, 125_000, [412, 975, 1_743, 3_177, 3_996]),
            (8, 125_000, [824, 1_746, 3_077, 5_637, 7_071]),
            (9, 125_000, [1_444, 3_287, 5_540, 10_045, 12_503]),
            (10, 125_000, [2_888, 6_164, 10_260, 18_452, 22_958]),
            (11, 125_000, [5_775, 13_148, 22_159, 40_182, 50_012]),
            (12, 125_000, [11_551, 23_020, 39_404, 72_172, 90_194]),
            (7, 250_000, [206, 488, 872, 1_588, 1_998]),
            (11, 250_000, [2_888, 5_755, 9_441, 16_814, 20_910]),
        ] {
            let phy =
                Phy { spreading_factor: sf, bandwidth_hz, coding_rate: 5, preamble_symbols: 8 };
            for (len, tenths) in sizes.into_iter().zip(published) {
                let ours = (phy.time_on_air_us(len) + 50) / 100;
                assert!(ours.abs_diff(tenths) <= 1, "SF{sf}/{bandwidth_hz} {len} B: {ours}");
            }
        }
    }

    /// `RSM-03`
    #[test]
    fn published_air_times_of_a_direct_message() {
        let ms = |phy: Phy, len| (phy.time_on_air_us(len) + 500) / 1_000;
        // Meshtastic, preamble 16: channel message 72 B, direct message 84 B.
        assert_eq!((ms(Phy::sf8(16), 72), ms(Phy::sf8(16), 84)), (252, 283));
        let long_fast = Phy {
            spreading_factor: 11,
            bandwidth_hz: 250_000,
            coding_rate: 5,
            preamble_symbols: 16,
        };
        assert_eq!((ms(long_fast, 72), ms(long_fast, 84)), (805, 887));
        // Reticulum on RNodes, preamble 18 and a byte of the modem's: proof 83 B, announce 199 B.
        assert_eq!((ms(Phy::sf8(18), 84), ms(Phy::sf8(18), 200)), (287, 584));
    }
}
