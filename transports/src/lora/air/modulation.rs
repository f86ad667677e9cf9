//! How a LoRa frame is modulated, and how long that takes.

/// What two radios must have in common, and how long a symbol takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Modulation {
    /// Centre of the channel.
    pub frequency_hz: u32,
    /// Width of the channel.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u8,
    /// 5 to 8, for 4/5 to 4/8.
    pub coding_rate: u8,
    /// Symbols of the preamble, without the 4.25 that always follow.
    pub preamble_symbols: u16,
}

impl Modulation {
    /// Duration of a symbol.
    pub const fn symbol_us(&self) -> u64 {
        (1_000_000_u64 << self.spreading_factor) / self.bandwidth_hz as u64
    }

    /// Quarters of symbols until the payload begins.
    const fn preamble_quarters(&self) -> u64 {
        let sync = if self.spreading_factor < 7 { 25 } else { 17 };
        self.preamble_symbols as u64 * 4 + sync
    }

    /// Duration of the preamble with its synchronisation symbols.
    pub const fn preamble_us(&self) -> u64 {
        self.quarters_us(self.preamble_quarters())
    }

    /// Time on air of a frame of `phy_len` bytes: explicit header, CRC.
    pub const fn time_on_air_us(&self, phy_len: usize) -> u64 {
        let sf = self.spreading_factor as i64;
        // The low data rate optimisation is for symbols above 16 ms.
        let low_rate = (1_000_u64 << self.spreading_factor) > 16 * self.bandwidth_hz as u64;
        let per_block = 4 * (sf - if low_rate { 2 } else { 0 });
        let head = if sf < 7 { 36 } else { 44 };
        let bits = 8 * phy_len as i64 - 4 * sf + head;
        let blocks = if bits > 0 { (bits + per_block - 1) / per_block } else { 0 };
        let symbols = 8 + blocks as u64 * self.coding_rate as u64;
        self.quarters_us(self.preamble_quarters() + 4 * symbols)
    }

    /// Nominal bit rate.
    pub const fn bitrate_bps(&self) -> u64 {
        let chips = self.bandwidth_hz as u64 * self.spreading_factor as u64 * 4;
        (chips / self.coding_rate as u64) >> self.spreading_factor
    }

    const fn quarters_us(&self, quarters: u64) -> u64 {
        ((250_000 * quarters) << self.spreading_factor) / self.bandwidth_hz as u64
    }
}

/// How well a frame was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// Strength.
    pub rssi_dbm: i16,
    /// Distance from the noise, in quarters of a decibel.
    pub snr_quarter_db: i16,
}
