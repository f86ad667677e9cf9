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
