//! What the host asked for, and what the radio makes of it (`VIR-22`).

use mesh::radio::Modulation;

/// A modem's settings. Zero and `None` are what was never set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    frequency_hz: u32,
    bandwidth_hz: u32,
    power_dbm: Option<u8>,
    spreading_factor: Option<u8>,
    coding_rate: Option<u8>,
    /// In hundredths of a per cent; none when it limits nothing.
    pub(super) short_limit: Option<u16>,
    /// The same of an hour.
    pub(super) long_limit: Option<u16>,
}

impl Settings {
    /// What the radio works with; `None` while something is missing.
    pub(super) fn modulation(&self) -> Option<Modulation> {
        if self.frequency_hz == 0 || self.bandwidth_hz == 0 {
            return None;
        }
        self.power_dbm?;
        let coding_rate = self.coding_rate();
        let factor = self.spreading_factor?;
        Some(Modulation::rnode(self.frequency_hz, self.bandwidth_hz, factor, coding_rate))
    }

    /// Sets a frequency, which the synthesiser makes in steps of its own.
    pub(super) fn set_frequency(&mut self, hz: u32) -> u32 {
        if hz != 0 {
            let hz = u64::from(hz.clamp(FREQUENCY_MIN_HZ, FREQUENCY_MAX_HZ));
            // The nearest multiple of 32 MHz / 2^19.
            let steps = ((hz << 19) + CRYSTAL_HZ / 2) / CRYSTAL_HZ;
            self.frequency_hz = u32::try_from((steps * CRYSTAL_HZ) >> 19).unwrap_or(0);
        }
        self.frequency_hz
    }

    /// Sets a bandwidth: the next wider one that the radio has.
    pub(super) fn set_bandwidth(&mut self, hz: u32) -> u32 {
        if hz != 0 {
            let found = BANDWIDTHS_HZ.iter().find(|bandwidth| **bandwidth >= hz);
            self.bandwidth_hz = *found.unwrap_or(&BANDWIDTHS_HZ[BANDWIDTHS_HZ.len() - 1]);
        }
        self.bandwidth_hz
    }

    /// Sets the power, as far as the radio goes. 0xff is what was never set.
    pub(super) fn set_power(&mut self, dbm: u8) -> u8 {
        if dbm != ASK {
            self.power_dbm = Some(dbm.min(POWER_MAX_DBM));
        }
        self.power_dbm.unwrap_or(ASK)
    }

    /// Sets the spreading factor, to the nearest there is.
    pub(super) fn set_spreading_factor(&mut self, factor: u8) -> u8 {
        if factor != ASK {
            self.spreading_factor = Some(factor.clamp(5, 12));
        }
        self.spreading_factor.unwrap_or(ASK)
    }

    /// Sets the coding rate, to the nearest there is.
    pub(super) fn set_coding_rate(&mut self, rate: u8) -> u8 {
        if rate != ASK {
            self.coding_rate = Some(rate.clamp(5, 8));
        }
        self.coding_rate()
    }

    pub(super) fn power_dbm(&self) -> i8 {
        i8::try_from(self.power_dbm.unwrap_or(0)).unwrap_or(i8::MAX)
    }

    pub(super) const fn has_airtime_limit(&self) -> bool {
        self.short_limit.is_some() || self.long_limit.is_some()
    }

    fn coding_rate(&self) -> u8 {
        self.coding_rate.unwrap_or(5)
    }
}

const ASK: u8 = crate::lora::command::ASK;

const CRYSTAL_HZ: u64 = 32_000_000;
const FREQUENCY_MIN_HZ: u32 = 137_000_000;
const FREQUENCY_MAX_HZ: u32 = 1_020_000_000;
const POWER_MAX_DBM: u8 = 22;
const BANDWIDTHS_HZ: [u32; 10] =
    [7_800, 10_400, 15_600, 20_800, 31_250, 41_700, 62_500, 125_000, 250_000, 500_000];
