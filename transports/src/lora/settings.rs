//! What a radio is set to.

use core::fmt;

/// The settings of a modem's radio, as they go over the line (`RND-12`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The middle of the channel.
    pub frequency_hz: u32,
    /// The channel's width.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u8,
    /// 5 to 8: four bits become so many.
    pub coding_rate: u8,
    /// Power at the antenna's connector.
    pub tx_power_dbm: u8,
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mhz, hz) = (self.frequency_hz / 1_000_000, self.frequency_hz % 1_000_000);
        write!(
            f,
            "{mhz}.{hz:06} MHz, {} Hz, SF{}, 4/{}, {} dBm",
            self.bandwidth_hz, self.spreading_factor, self.coding_rate, self.tx_power_dbm
        )
    }
}

/// One of [`Settings`], to say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Setting {
    /// Hz.
    Frequency,
    /// Hz.
    Bandwidth,
    /// dBm.
    TxPower,
    /// 5 to 12.
    SpreadingFactor,
    /// 5 to 8.
    CodingRate,
    /// 0 off, 1 on.
    RadioState,
}

impl Setting {
    /// What has to be echoed before a radio is online (`RND-13`).
    pub(crate) const ALL: [Self; 6] = [
        Self::Frequency,
        Self::Bandwidth,
        Self::TxPower,
        Self::SpreadingFactor,
        Self::CodingRate,
        Self::RadioState,
    ];

    /// The name used in sentences.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Frequency => "frequency",
            Self::Bandwidth => "bandwidth",
            Self::TxPower => "power",
            Self::SpreadingFactor => "spreading factor",
            Self::CodingRate => "coding rate",
            Self::RadioState => "radio state",
        }
    }

    /// What `settings` want of it.
    pub(crate) const fn of(self, settings: &Settings) -> u32 {
        match self {
            Self::Frequency => settings.frequency_hz,
            Self::Bandwidth => settings.bandwidth_hz,
            Self::TxPower => settings.tx_power_dbm as u32,
            Self::SpreadingFactor => settings.spreading_factor as u32,
            Self::CodingRate => settings.coding_rate as u32,
            Self::RadioState => 1,
        }
    }

    /// Whether a modem that says `got` does what was `wanted`.
    pub(crate) const fn holds(self, wanted: u32, got: u32) -> bool {
        match self {
            // Synthesizers have steps; the largest among the known chips is 61 Hz.
            Self::Frequency => wanted.abs_diff(got) <= FREQUENCY_TOLERANCE_HZ,
            _ => wanted == got,
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const FREQUENCY_TOLERANCE_HZ: u32 = 100;
