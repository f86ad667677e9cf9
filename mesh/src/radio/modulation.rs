//! How long a LoRa frame is on the air (`RAD-01`).

/// The settings of a LoRa radio that decide how long a frame takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modulation {
    /// Centre frequency in hertz.
    pub frequency_hz: u32,
    /// Bandwidth in hertz.
    pub bandwidth_hz: u32,
    /// Spreading factor, 5 to 12: a symbol is 2^SF chips.
    pub spreading_factor: u8,
    /// Denominator of the coding rate, 5 to 8: four payload bits take so many on the air.
    pub coding_rate: u8,
    /// Programmed preamble, without the 4.25 symbols (6.25 at SF5 and SF6) that follow it.
    pub preamble_symbols: u16,
}

impl Modulation {
    /// Settings with the preamble an RNode-compatible modem chooses for them.
    pub const fn rnode(
        frequency_hz: u32,
        bandwidth_hz: u32,
        spreading_factor: u8,
        coding_rate: u8,
    ) -> Self {
        let preamble_symbols = 0;
        let this =
            Self { frequency_hz, bandwidth_hz, spreading_factor, coding_rate, preamble_symbols };
        Self { preamble_symbols: this.rnode_preamble(), ..this }
    }

    /// Length of a symbol in microseconds, rounded up.
    pub const fn symbol_us(&self) -> u64 {
        (1_000_000_u64 << self.factor()).div_ceil(self.bandwidth())
    }

    /// Whether the low data rate optimisation is on: mandated above 16 ms a symbol.
    pub const fn low_data_rate(&self) -> bool {
        (1_000_u64 << self.factor()) > 16 * self.bandwidth()
    }

    /// Nominal bit rate: of the payload, without preamble and header.
    pub const fn bitrate_bps(&self) -> u64 {
        let sf = self.factor();
        ((sf as u64 * self.bandwidth() * 4) >> sf) / self.denominator()
    }

    /// The preamble of an RNode-compatible modem: 18 symbols, or 24 ms if that is longer; 6 ms
    /// suffice above 30 kbit/s.
    pub const fn rnode_preamble(&self) -> u16 {
        let target_us = if self.bitrate_bps() > 30_000 { 6_000 } else { 24_000 };
        let symbols = (target_us * self.bandwidth()).div_ceil(1_000_000 << self.factor());
        if symbols > 18 { symbols as u16 } else { 18 }
    }

    /// Time on air in microseconds, rounded up, of `phy_len` bytes with explicit header and CRC.
    /// At most 255 bytes can be sent; more are counted as if they could.
    pub const fn time_on_air_us(&self, phy_len: usize) -> u64 {
        let quarters = self.preamble_quarters() + 4 * self.payload_symbols(phy_len as u64);
        // A quarter of a symbol is 2^SF ÷ (4 × bandwidth) seconds.
        (quarters * (250_000 << self.factor())).div_ceil(self.bandwidth())
    }

    const fn preamble_quarters(&self) -> u64 {
        let sync = if self.factor() < 7 { 25 } else { 17 };
        4 * self.preamble_symbols as u64 + sync
    }

    const fn payload_symbols(&self, len: u64) -> u64 {
        let sf = self.factor() as u64;
        let optimised = if self.low_data_rate() { 2 } else { 0 };
        // CRC 16 bits, explicit header 20; SF5 and SF6 spend two symbols more on synchronisation
        // instead of 8 bits of the header's block.
        let fixed = if sf < 7 { 36 } else { 44 };
        let bits = (8 * len + fixed).saturating_sub(4 * sf);
        8 + bits.div_ceil(4 * (sf - optimised)) * self.denominator()
    }

    // Settings out of range are taken as the nearest in range, so that no caller can divide by zero.

    const fn factor(&self) -> u8 {
        match self.spreading_factor {
            0..=4 => 5,
            sf @ 5..=12 => sf,
            13.. => 12,
        }
    }

    const fn denominator(&self) -> u64 {
        match self.coding_rate {
            0..=5 => 5,
            rate @ 6..=8 => rate as u64,
            9.. => 8,
        }
    }

    const fn bandwidth(&self) -> u64 {
        if self.bandwidth_hz == 0 { 1 } else { self.bandwidth_hz as u64 }
    }
}
