//! Modems.

use serde::Serialize;

use super::from_ms;

/// `CLI-112`
#[derive(Debug, Serialize)]
pub struct Radios {
    /// The modems.
    pub radios: Vec<Radio>,
}

/// A modem.
#[derive(Debug, Serialize)]
pub struct Radio {
    /// The id of its link.
    pub id: String,
    /// Its address, everything it is set to spelled out.
    pub uri: String,
    /// `connecting`, `up` or `backoff`.
    pub state: String,
    /// What is wrong with it, or was last.
    pub error: Option<String>,
    /// What it is set to.
    pub settings: RadioSettings,
    /// What it runs.
    pub firmware: Option<String>,
    /// Air time by sub-band.
    pub airtime: Vec<RadioAirtime>,
    /// When the law lets the next message go out.
    pub message_wait_s: f64,
    /// The share of time the channel was busy of late.
    pub channel_load: Option<f64>,
    /// The same of the last hour.
    pub channel_load_hour: Option<f64>,
    /// The noise on the channel.
    pub noise_floor_dbm: Option<i32>,
    /// Who is heard.
    pub neighbours: Vec<RadioNeighbour>,
    /// Packets handed to the modem.
    pub sent: u64,
    /// Packets it received.
    pub heard: u64,
    /// Packets that were sent again.
    pub repeated: u64,
    /// Packets that nobody acknowledged.
    pub given_up: u64,
    /// Errors the modem reported.
    pub complaints: u32,
}

/// What a radio is set to.
#[derive(Debug, Serialize)]
pub struct RadioSettings {
    /// Whose rules hold.
    pub region: String,
    /// The sub-band whose rules count.
    pub band: String,
    /// The name of its speed.
    pub preset: Option<String>,
    /// The middle of the channel.
    pub frequency_hz: u32,
    /// Its width.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u32,
    /// 5 to 8.
    pub coding_rate: u32,
    /// At the antenna's connector.
    pub tx_power_dbm: u32,
    /// Of the antenna, less the cable.
    pub antenna_gain_dbi: f64,
    /// Nominal bits a second.
    pub bitrate_bps: u64,
}

/// An account of air time.
#[derive(Debug, Serialize)]
pub struct RadioAirtime {
    /// The sub-band.
    pub band: String,
    /// What counts of what was sent.
    pub used_ms: u64,
    /// What may.
    pub limit_ms: u64,
    /// In so many seconds.
    pub window_s: u32,
}

/// A neighbour on the radio.
#[derive(Debug, Serialize)]
pub struct RadioNeighbour {
    /// Its address.
    pub address: String,
    /// Its petname.
    pub name: Option<String>,
    /// The id of its link.
    pub link: Option<String>,
    /// How strong it is heard.
    pub rssi_dbm: i32,
    /// How far above the noise.
    pub snr_db: f64,
    /// The share of packets to it that were acknowledged.
    pub success: f64,
    /// When it was heard last.
    pub heard_ago_s: f64,
    /// Air time spent on it.
    pub airtime_ms: u64,
}

/// `CLI-113`
#[derive(Debug, Serialize)]
pub struct RadioScan {
    /// A row for each speed.
    pub rows: Vec<RadioScanRow>,
}

/// What was heard at one speed.
#[derive(Debug, Serialize)]
pub struct RadioScanRow {
    /// The name of the speed.
    pub preset: Option<String>,
    /// The middle of the channel.
    pub frequency_hz: u32,
    /// Its width.
    pub bandwidth_hz: u32,
    /// 5 to 12.
    pub spreading_factor: u32,
    /// Packets, of whomever.
    pub heard: u32,
    /// The strongest of them.
    pub rssi_dbm: Option<i32>,
    /// The share of time the channel was busy.
    pub channel_load: Option<f64>,
    /// The noise on the channel.
    pub noise_floor_dbm: Option<i32>,
}

impl From<api::Radio> for Radio {
    fn from(radio: api::Radio) -> Self {
        Self {
            id: radio.id,
            uri: radio.uri,
            state: radio.state,
            error: radio.error,
            settings: radio.settings.into(),
            firmware: radio.firmware,
            airtime: radio.airtime.into_iter().map(Into::into).collect(),
            message_wait_s: from_ms(radio.message_wait_ms),
            channel_load: radio.channel_load,
            channel_load_hour: radio.channel_load_hour,
            noise_floor_dbm: radio.noise_floor_dbm,
            neighbours: radio.neighbours.into_iter().map(Into::into).collect(),
            sent: radio.sent,
            heard: radio.heard,
            repeated: radio.repeated,
            given_up: radio.given_up,
            complaints: radio.complaints,
        }
    }
}

impl From<api::RadioSettings> for RadioSettings {
    fn from(settings: api::RadioSettings) -> Self {
        Self {
            region: settings.region,
            band: settings.band,
            preset: settings.preset,
            frequency_hz: settings.frequency_hz,
            bandwidth_hz: settings.bandwidth_hz,
            spreading_factor: settings.spreading_factor,
            coding_rate: settings.coding_rate,
            tx_power_dbm: settings.tx_power_dbm,
            antenna_gain_dbi: settings.antenna_gain_dbi,
            bitrate_bps: settings.bitrate_bps,
        }
    }
}

impl From<api::RadioAirtime> for RadioAirtime {
    fn from(account: api::RadioAirtime) -> Self {
        Self {
            band: account.band,
            used_ms: account.used_ms,
            limit_ms: account.limit_ms,
            window_s: account.window_s,
        }
    }
}

impl From<api::RadioNeighbour> for RadioNeighbour {
    fn from(one: api::RadioNeighbour) -> Self {
        Self {
            address: one.address,
            name: one.name,
            link: one.link,
            rssi_dbm: one.rssi_dbm,
            snr_db: one.snr_db,
            success: one.success,
            heard_ago_s: from_ms(one.heard_ago_ms),
            airtime_ms: one.airtime_ms,
        }
    }
}

impl From<api::RadioScan> for RadioScanRow {
    fn from(row: api::RadioScan) -> Self {
        Self {
            preset: row.preset,
            frequency_hz: row.frequency_hz,
            bandwidth_hz: row.bandwidth_hz,
            spreading_factor: row.spreading_factor,
            heard: row.heard,
            rssi_dbm: row.rssi_dbm,
            channel_load: row.channel_load,
            noise_floor_dbm: row.noise_floor_dbm,
        }
    }
}
