//! What a radio simulation consists of, read from a TOML file (`RSM-01`).

use mesh::radio::Modulation;
use serde::Deserialize;
use transports::lora::air::{Decibel, Propagation};

/// A simulation of radios on one channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RadioScenario {
    /// Shown in the table.
    pub name: String,
    /// The map.
    pub city: CityModel,
    /// What the applications do.
    pub load: LoadModel,
    /// A radio that wants the channel for itself.
    pub hostile: HostileModel,
    /// Time during which nodes find each other, in seconds. Its air time is counted apart.
    pub warmup_s: u64,
    /// Time of load before anything is counted, in seconds.
    pub settle_s: u64,
    /// Time whose messages and air time are counted, in seconds.
    pub measure_s: u64,
    /// A message that takes longer is not delivered, in seconds.
    pub deadline_s: u64,
    /// Probability that a reception fails beside what collides.
    pub frame_loss: f64,
}

/// Where radios stand and how waves travel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CityModel {
    /// Radios.
    pub radios: usize,
    /// Side of the square, in metres.
    pub side_m: u64,
    /// Diameters, in hops, of the cities that are wanted.
    pub diameter_hops: [u64; 2],
    /// Power of all, in dBm.
    pub power_dbm: i8,
    /// Spreading factor, on 125 kHz at 4/5.
    pub spreading_factor: u8,
    /// Loss over the first metre, in dB.
    pub loss_at_1_m_db: f64,
    /// Exponent of the loss over distance.
    pub loss_exponent: f64,
    /// Standard deviation of each pair's shadowing, in dB.
    pub shadowing_db: f64,
}

/// Direct messages between pairs of radios.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadModel {
    /// Messages an hour, of all radios together; Poisson.
    pub messages_per_hour: f64,
    /// Length of each.
    pub payload_len: usize,
    /// Radios that each radio writes to; 0 means all.
    pub contacts: usize,
}

/// A radio that wants the channel for itself.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HostileModel {
    /// Share of the time it sends, without listening first.
    pub channel_share: f64,
}

impl Default for RadioScenario {
    fn default() -> Self {
        Self {
            name: "unnamed".into(),
            city: CityModel::default(),
            load: LoadModel::default(),
            hostile: HostileModel::default(),
            warmup_s: 0,
            settle_s: 1_800,
            measure_s: 3_600,
            deadline_s: 600,
            frame_loss: 0.0,
        }
    }
}

impl Default for CityModel {
    fn default() -> Self {
        Self {
            radios: 100,
            side_m: 7_500,
            diameter_hops: [5, 7],
            power_dbm: 14,
            spreading_factor: 8,
            loss_at_1_m_db: 31.2,
            loss_exponent: 3.5,
            shadowing_db: 6.0,
        }
    }
}

impl Default for LoadModel {
    fn default() -> Self {
        Self { messages_per_hour: 600.0, payload_len: 50, contacts: 5 }
    }
}

impl RadioScenario {
    /// Reads a scenario from text.
    ///
    /// # Errors
    ///
    /// What is not TOML, unknown, or out of range, by name.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        let shares = [
            ("hostile.channel_share", scenario.hostile.channel_share),
            ("frame_loss", scenario.frame_loss),
        ];
        for (name, share) in shares {
            if !(0.0..1.0).contains(&share) {
                return Err(format!("{name}: from 0 to less than 1"));
            }
        }
        if !(2..=RADIOS_MAX).contains(&scenario.city.radios) {
            return Err(format!("city.radios: from 2 to {RADIOS_MAX}"));
        }
        if scenario.city.side_m == 0 {
            return Err("city.side_m: more than 0".into());
        }
        if !(7..=12).contains(&scenario.city.spreading_factor) {
            return Err("city.spreading_factor: from 7 to 12".into());
        }
        if scenario.load.messages_per_hour <= 0.0 {
            return Err("load.messages_per_hour: more than 0".into());
        }
        Ok(scenario)
    }
}

/// Meshtastic's next hops are one byte: more radios could not be told apart by it.
const RADIOS_MAX: usize = 254;

impl CityModel {
    /// How waves travel.
    pub fn propagation(&self) -> Propagation {
        Propagation {
            exponent: self.loss_exponent,
            reference_loss: Decibel::from_f64(self.loss_at_1_m_db),
            shadowing: Decibel::from_f64(self.shadowing_db),
            ..Propagation::default()
        }
    }

    /// How the radios are set, with the preamble of RNode-compatible modems.
    pub fn modulation(&self) -> Modulation {
        Modulation::rnode(FREQUENCY_HZ, 125_000, self.spreading_factor, 5)
    }
}

/// EU868, the sub-band of 500 mW and 10 %.
const FREQUENCY_HZ: u32 = 869_525_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// `RSM-01`
    #[test]
    fn unknown_keys_and_impossible_radios_are_refused_by_name() {
        for (text, named) in [
            ("radioz = 3", "radioz"),
            ("frame_loss = 1.0", "frame_loss"),
            ("[city]\nradios = 1", "city.radios"),
            ("[city]\nspreading_factor = 6", "city.spreading_factor"),
            ("[load]\nmessages_per_hour = 0.0", "load.messages_per_hour"),
            ("[hostile]\nchannel_share = 2.0", "hostile.channel_share"),
        ] {
            let error = RadioScenario::parse(text).expect_err(text);
            assert!(error.contains(named), "{text}: {error}");
        }
        assert!(RadioScenario::parse("").is_ok());
    }
}
