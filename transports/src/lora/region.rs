//! Which settings a radio may have where (`AIR-10` … `AIR-12`).
//!
//! Tables, and one question: may it? The answer is the sub-band whose rules count, or a refusal that
//! quotes the rule. Power is counted in hundredths of a dBm, antenna gain in hundredths of a dBi.

use core::fmt;

use mesh::radio::Modulation;

pub use super::refusal::Refusal;
use super::{
    ledger::Ledger,
    refusal::Centi,
    settings::{Setting, Settings},
};

/// A set of rules, chosen by whoever owns the radio because it stands where they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Region {
    /// Most of Europe, 863 to 870 MHz.
    Eu868,
    /// Most of Europe, 433 MHz.
    Eu433,
    /// The United States, 902 to 928 MHz.
    Us915,
    /// Australia and New Zealand, 915 to 928 MHz.
    Au915,
    /// South-east Asia and others, 923 to 925 MHz.
    As923,
}

/// A part of the spectrum with rules of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// The account in the ledger, and the name people know: `EU868/P`.
    pub name: &'static str,
    /// The lower edge.
    pub low_hz: u32,
    /// The upper edge.
    pub high_hz: u32,
    /// What may be radiated.
    pub power: PowerLimit,
    /// How much of an hour may be sent, in millionths; `None` where nobody counts.
    pub share_ppm: Option<u32>,
    /// The narrowest channel.
    pub bandwidth_min_hz: u32,
    /// The longest transmission.
    pub longest_ms: Option<u32>,
    /// Where that is written.
    pub rule: &'static str,
}

/// A limit of power, in hundredths of a dBm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerLimit {
    /// Radiated, compared with a half-wave dipole.
    Erp(i16),
    /// Radiated, compared with an antenna that has no direction.
    Eirp(i16),
    /// At the connector, less what the antenna has above so many hundredths of a dBi.
    Conducted {
        /// At the connector.
        limit: i16,
        /// Gain that is free.
        free_gain: i16,
    },
}

impl PowerLimit {
    /// The strongest `tx_power` in whole dBm with an antenna of `gain`.
    pub fn tx_power_max_dbm(self, gain: i16) -> i16 {
        let centi = match self {
            Self::Erp(limit) => i32::from(limit) + DIPOLE_GAIN_CENTI_DBI - i32::from(gain),
            Self::Eirp(limit) => i32::from(limit) - i32::from(gain),
            Self::Conducted { limit, free_gain } => {
                i32::from(limit) - (i32::from(gain) - i32::from(free_gain)).max(0)
            }
        };
        i16::try_from(centi.div_euclid(100)).unwrap_or(if centi < 0 { i16::MIN } else { i16::MAX })
    }
}

impl fmt::Display for PowerLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Erp(limit) => write!(f, "{} dBm ERP", Centi(limit)),
            Self::Eirp(limit) => write!(f, "{} dBm EIRP", Centi(limit)),
            Self::Conducted { limit, free_gain } => {
                let (limit, free) = (Centi(limit), Centi(free_gain));
                write!(f, "{limit} dBm, less what the antenna has above {free} dBi")
            }
        }
    }
}

impl Band {
    /// How much of an hour may be sent.
    pub const fn share_us(&self) -> Option<u64> {
        match self.share_ppm {
            // A millionth of an hour is 3,600 µs.
            Some(ppm) => Some(ppm as u64 * 3_600),
            None => None,
        }
    }

    /// The same for the modem, in hundredths of a per cent; 0 where nobody counts (`AIR-28`).
    pub fn share_centi(&self) -> u16 {
        self.share_ppm.map_or(0, |ppm| u16::try_from(ppm / 100).unwrap_or(u16::MAX))
    }

    fn holds(&self, low_hz: u32, high_hz: u32) -> bool {
        self.low_hz <= low_hz && high_hz <= self.high_hz
    }

    fn judge(&'static self, settings: &Settings, gain: i16) -> Result<&'static Self, Refusal> {
        if settings.bandwidth_hz < self.bandwidth_min_hz {
            return Err(Refusal::Narrow { band: self, bandwidth_hz: settings.bandwidth_hz });
        }
        let allowed_dbm = self.power.tx_power_max_dbm(gain);
        if i16::from(settings.tx_power_dbm) > allowed_dbm {
            let tx_power_dbm = settings.tx_power_dbm;
            return Err(Refusal::Power { band: self, tx_power_dbm, gain, allowed_dbm });
        }
        let frame_us = settings.modulation().time_on_air_us(LORA_FRAME_MAX);
        if self.longest_ms.is_some_and(|longest| frame_us > u64::from(longest) * 1_000) {
            return Err(Refusal::Slow { band: self, frame_ms: frame_us.div_ceil(1_000) });
        }
        if self.share_us().is_some_and(|share| frame_us > Ledger::for_conversation_us(share)) {
            return Err(Refusal::Share { band: self, frame_ms: frame_us.div_ceil(1_000) });
        }
        Ok(self)
    }
}

impl Settings {
    /// How long a frame takes with these settings and the preamble of an RNode-compatible modem.
    pub const fn modulation(&self) -> Modulation {
        Modulation::rnode(
            self.frequency_hz,
            self.bandwidth_hz,
            self.spreading_factor,
            self.coding_rate,
        )
    }
}

impl Region {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Eu868, Self::Eu433, Self::Us915, Self::Au915, Self::As923];

    /// The name in addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Eu868 => "EU868",
            Self::Eu433 => "EU433",
            Self::Us915 => "US915",
            Self::Au915 => "AU915",
            Self::As923 => "AS923",
        }
    }

    /// The region of that name, in any case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|region| region.as_str().eq_ignore_ascii_case(name))
    }

    /// Its sub-bands.
    pub const fn bands(self) -> &'static [Band] {
        match self {
            Self::Eu868 => EU868,
            Self::Eu433 => EU433,
            Self::Us915 => US915,
            Self::Au915 => AU915,
            Self::As923 => AS923,
        }
    }

    /// The sub-band whose rules count for these settings.
    ///
    /// # Errors
    ///
    /// [`Refusal`], of the sub-band that allows most.
    pub fn check(self, settings: &Settings, gain: i16) -> Result<&'static Band, Refusal> {
        check_hardware(settings)?;
        let half = settings.bandwidth_hz.div_ceil(2);
        let low_hz = settings.frequency_hz.saturating_sub(half);
        let high_hz = settings.frequency_hz.saturating_add(half);
        let mut refusal = None;
        let mut most = i16::MIN;
        for band in self.bands().iter().filter(|band| band.holds(low_hz, high_hz)) {
            match band.judge(settings, gain) {
                Ok(band) => return Ok(band),
                Err(error) => {
                    let allows = band.power.tx_power_max_dbm(gain);
                    if allows > most {
                        (refusal, most) = (Some(error), allows);
                    }
                }
            }
        }
        Err(refusal.unwrap_or(Refusal::Channel { region: self, low_hz, high_hz }))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn check_hardware(settings: &Settings) -> Result<(), Refusal> {
    let range = |setting, got: u32, range: core::ops::RangeInclusive<u32>, allowed| {
        if range.contains(&got) { Ok(()) } else { Err(Refusal::Hardware { setting, got, allowed }) }
    };
    let Settings { bandwidth_hz, spreading_factor, coding_rate, tx_power_dbm, .. } = *settings;
    range(Setting::SpreadingFactor, spreading_factor.into(), 5..=12, "5 to 12")?;
    range(Setting::CodingRate, coding_rate.into(), 5..=8, "5 to 8")?;
    range(Setting::TxPower, tx_power_dbm.into(), 0..=37, "0 to 37")?;
    if BANDWIDTHS_HZ.contains(&bandwidth_hz) {
        return Ok(());
    }
    let setting = Setting::Bandwidth;
    Err(Refusal::Hardware { setting, got: bandwidth_hz, allowed: BANDWIDTHS_TEXT })
}

/// ERC/REC 70-03 annex 1, EN 300 220-2 V3.2.1 table B.1; its letters are the names. 46b and 47b are
/// left out (adaptive power control), as are the alarm channels.
const EU868: &[Band] = &[
    eu("EU868/K", 863_000, 865_000, 1_400, Some(1_000), "EN 300 220-2 band K: 25 mW, 0.1 %"),
    eu("EU868/L", 865_000, 868_000, 1_400, Some(10_000), "EN 300 220-2 band L: 25 mW, 1 %"),
    eu("EU868/M", 868_000, 868_600, 1_400, Some(10_000), "EN 300 220-2 band M: 25 mW, 1 %"),
    eu("EU868/N", 868_700, 869_200, 1_400, Some(1_000), "EN 300 220-2 band N: 25 mW, 0.1 %"),
    eu("EU868/P", 869_400, 869_650, 2_700, Some(100_000), "EN 300 220-2 band P: 500 mW, 10 %"),
    // 5 mW is 6.99 dBm: whoever asks for 7 dBm means it.
    eu("EU868/Q", 869_700, 870_000, 700, None, "EN 300 220-2 band Q: 5 mW"),
    eu("EU868/R", 869_700, 870_000, 1_400, Some(10_000), "EN 300 220-2 band R: 25 mW, 1 %"),
];

/// ERC/REC 70-03 annex 1. Channels below 25 kHz without a limit of time are not used.
const EU433: &[Band] =
    &[eu("EU433", 433_050, 434_790, 1_000, Some(100_000), "ERC/REC 70-03 annex 1: 10 mW, 10 %")];

/// From memory, to be checked against 47 CFR part 15. LoRa at 500 kHz is digital modulation; at
/// less it would have to hop, which modems of this kind do not.
const US915: &[Band] = &[
    Band {
        power: PowerLimit::Conducted { limit: 3_000, free_gain: 600 },
        bandwidth_min_hz: 500_000,
        ..wide("US915/DTS", 902_000, 928_000, "47 CFR 15.247(a)(2), (b)(3), (b)(4)")
    },
    // 50 mV/m at 3 m.
    Band {
        power: PowerLimit::Eirp(-125),
        ..wide("US915/low", 902_000, 928_000, "47 CFR 15.249(a): 50 mV/m at 3 m")
    },
];

/// From memory, to be checked against the class licence for low interference potential devices.
const AU915: &[Band] = &[
    Band {
        power: PowerLimit::Eirp(3_000),
        bandwidth_min_hz: 500_000,
        ..wide("AU915/digital", 915_000, 928_000, "LIPD class licence, digital modulation: 1 W")
    },
    // 3 mW.
    Band {
        power: PowerLimit::Eirp(477),
        ..wide("AU915/low", 915_000, 928_000, "LIPD class licence, all transmitters: 3 mW")
    },
];

/// From memory, to be checked: what the strictest of the countries allows that have these channels.
const AS923: &[Band] = &[Band {
    power: PowerLimit::Eirp(1_600),
    share_ppm: Some(10_000),
    longest_ms: Some(400),
    ..wide("AS923", 923_000, 925_000, "AS923 regional parameters: 16 dBm EIRP, 1 %, 400 ms")
}];

const fn eu(
    name: &'static str,
    low_khz: u32,
    high_khz: u32,
    erp: i16,
    share_ppm: Option<u32>,
    rule: &'static str,
) -> Band {
    Band { power: PowerLimit::Erp(erp), share_ppm, ..wide(name, low_khz, high_khz, rule) }
}

const fn wide(name: &'static str, low_khz: u32, high_khz: u32, rule: &'static str) -> Band {
    Band {
        name,
        low_hz: low_khz * 1_000,
        high_hz: high_khz * 1_000,
        power: PowerLimit::Eirp(i16::MIN),
        share_ppm: None,
        bandwidth_min_hz: 0,
        longest_ms: None,
        rule,
    }
}

/// What the chips have.
const BANDWIDTHS_HZ: [u32; 10] =
    [7_800, 10_400, 15_600, 20_800, 31_250, 41_700, 62_500, 125_000, 250_000, 500_000];

const BANDWIDTHS_TEXT: &str =
    "7800, 10400, 15600, 20800, 31250, 41700, 62500, 125000, 250000 and 500000 Hz";

/// The longest LoRa frame, in bytes: ours and the modem's.
const LORA_FRAME_MAX: usize = 255;

/// What a half-wave dipole has over an antenna without direction, in hundredths of a dBi.
pub const DIPOLE_GAIN_CENTI_DBI: i32 = 215;
