//! Why settings are refused, in words that quote the rule (`AIR-10`).

use core::fmt;

use super::{
    region::{Band, Region},
    settings::Setting,
};

/// Why settings are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// No chip does that.
    Hardware {
        /// What is out of range.
        setting: Setting,
        /// What was asked for.
        got: u32,
        /// What there is.
        allowed: &'static str,
    },
    /// The channel is not inside of one sub-band.
    Channel {
        /// The region asked.
        region: Region,
        /// The channel's lower edge.
        low_hz: u32,
        /// The channel's upper edge.
        high_hz: u32,
    },
    /// The channel is narrower than what the rule is for.
    Narrow {
        /// The sub-band.
        band: &'static Band,
        /// What was asked for.
        bandwidth_hz: u32,
    },
    /// Too much power.
    Power {
        /// The sub-band.
        band: &'static Band,
        /// What was asked for.
        tx_power_dbm: u8,
        /// Of the antenna, in hundredths of a dBi.
        gain: i16,
        /// What is allowed at the connector with this antenna.
        allowed_dbm: i16,
    },
    /// A full frame takes too long.
    Slow {
        /// The sub-band.
        band: &'static Band,
        /// How long.
        frame_ms: u64,
    },
    /// A full frame would not fit into what may be sent in an hour.
    Share {
        /// The sub-band.
        band: &'static Band,
        /// How long.
        frame_ms: u64,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Hardware { setting, got, allowed } => {
                write!(f, "{setting} {got}: LoRa modems have {allowed}")
            }
            Self::Channel { region, low_hz, high_hz } => {
                let (low, high) = (Mhz(low_hz), Mhz(high_hz));
                write!(f, "the channel from {low} to {high} MHz is in no sub-band of {region}:")?;
                for (at, band) in region.bands().iter().enumerate() {
                    let comma = if at == 0 { "" } else { "," };
                    let (low, high) = (Mhz(band.low_hz), Mhz(band.high_hz));
                    write!(f, "{comma} {} {low} to {high}", band.name)?;
                }
                Ok(())
            }
            Self::Narrow { band, bandwidth_hz } => write!(
                f,
                "{} takes a bandwidth of at least {} Hz, not {bandwidth_hz}; narrower channels \
                 only at very low power ({})",
                band.name, band.bandwidth_min_hz, band.rule
            ),
            Self::Power { band, tx_power_dbm, gain, allowed_dbm } => write!(
                f,
                "{} allows {}: with an antenna of {} dBi that is txp {allowed_dbm}, not \
                 {tx_power_dbm} ({})",
                band.name,
                band.power,
                Centi(gain),
                band.rule
            ),
            Self::Slow { band, frame_ms } => write!(
                f,
                "{} allows {} ms a transmission; a full frame takes {frame_ms} ms ({})",
                band.name,
                band.longest_ms.unwrap_or(0),
                band.rule
            ),
            Self::Share { band, frame_ms } => write!(
                f,
                "{} allows {} ms an hour, a part of them for conversations; a full frame takes \
                 {frame_ms} ms ({})",
                band.name,
                band.share_us().unwrap_or(0) / 1_000,
                band.rule
            ),
        }
    }
}

impl core::error::Error for Refusal {}

/// Hundredths, as people write them.
pub(super) struct Centi(pub(super) i16);

impl fmt::Display for Centi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, part) = (self.0.unsigned_abs() / 100, self.0.unsigned_abs() % 100);
        match (part, part % 10) {
            (0, _) => write!(f, "{sign}{whole}"),
            (_, 0) => write!(f, "{sign}{whole}.{}", part / 10),
            _ => write!(f, "{sign}{whole}.{part:02}"),
        }
    }
}

/// Hertz, as people read them.
struct Mhz(u32);

impl fmt::Display for Mhz {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, mut part) = (self.0 / 1_000_000, self.0 % 1_000_000);
        if part == 0 {
            return write!(f, "{whole}");
        }
        let mut digits = 6;
        while part.is_multiple_of(10) {
            part /= 10;
            digits -= 1;
        }
        write!(f, "{whole}.{part:0digits$}")
    }
}
