//! What a radio simulation consists of, read from a TOML file (`RSM-01`).

use serde::Deserialize;

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
    /// Power, in dBm.
    pub tx_power_dbm: f64,
    /// Loss at one metre, in dB.
    pub loss_at_1_m_db: f64,
    /// Exponent of the loss over distance.
    pub loss_exponent: f64,
    /// Standard deviation of each pair's shadowing, in dB.
    pub shadowing_db: f64,
    /// Weakest signal that is received, in dBm.
    pub sensitivity_dbm: f64,
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
            tx_power_dbm: 14.0,
            loss_at_1_m_db: 31.0,
            loss_exponent: 3.5,
            shadowing_db: 6.0,
            sensitivity_dbm: -127.0,
        }
    }
}

impl Default for LoadModel {
    fn default() -> Self {
        Self { messages_per_hour: 600.0, payload_len: 50, contacts: 5 }
    }
}

impl CityModel {
    /// The weakest level that is heard, in hundredths of a dBm.
    pub fn sensitivity(&self) -> i32 {
        centi(self.sensitivity_dbm)
    }

    /// How loudly two radios hear each other, in hundredths of a dBm; `shadow` is a draw of the
    /// standard normal distribution.
    pub fn level(&self, a: (i64, i64), b: (i64, i64), shadow: f64) -> i32 {
        let (dx, dy) = ((a.0 - b.0) as f64, (a.1 - b.1) as f64);
        let distance_m = dx.hypot(dy).max(1.0);
        let loss = self.loss_at_1_m_db + 10.0 * self.loss_exponent * distance_m.log10();
        centi(self.tx_power_dbm - loss + self.shadowing_db * shadow)
    }
}

fn centi(db: f64) -> i32 {
    (db * 100.0).round() as i32
}
