//! From a modem's state to the API's dictionaries.

use std::time::Duration;

use transports::{
    RadioNeighbour, RadioStatus,
    lora::{HOUR, Preset, ScanRow},
};

use super::convert::Labels;

/// A modem.
pub(super) fn radio(status: &RadioStatus, labels: &Labels) -> api::Radio {
    let stats = status.stats.as_ref();
    let channel = stats.and_then(|stats| stats.channel);
    let window_s = u32::try_from(HOUR.as_secs()).unwrap_or(u32::MAX);
    let mut airtime: Vec<_> = status
        .airtime
        .iter()
        .map(|(band, balance)| api::RadioAirtime {
            band: (*band).into(),
            // Rounded up: what is used is never less than it looks.
            used_ms: balance.used_us.div_ceil(1_000),
            limit_ms: balance.share_us / 1_000,
            window_s,
        })
        .collect();
    if !airtime.iter().any(|account| account.band == status.band.name) {
        // Nobody has to count here: what the modem says, of all of the hour.
        let used = channel.map_or(0, |channel| u64::from(channel.airtime_long_centi));
        let limit_ms = u64::from(window_s) * 1_000;
        let (band, used_ms) = (status.band.name.into(), limit_ms * used / 10_000);
        airtime.push(api::RadioAirtime { band, used_ms, limit_ms, window_s });
    }
    api::Radio {
        id: status.id.to_string(),
        uri: status.uri.clone(),
        state: status.state.as_str().into(),
        error: status.error.clone(),
        settings: settings(status),
        firmware: stats.and_then(|stats| stats.firmware).map(|(a, b)| format!("{a}.{b}")),
        airtime,
        message_wait_ms: millis(status.message_wait),
        channel_load: channel.map(|channel| share(channel.load_short_centi)),
        channel_load_hour: channel.map(|channel| share(channel.load_long_centi)),
        noise_floor_dbm: channel.and_then(|channel| channel.noise_floor_dbm).map(Into::into),
        neighbours: status.neighbours.iter().map(|one| neighbour(one, labels)).collect(),
        sent: status.counters.sent,
        heard: status.counters.heard,
        repeated: status.counters.repeated,
        given_up: status.counters.given_up,
        complaints: stats.map_or(0, |stats| stats.complaints),
    }
}

fn settings(status: &RadioStatus) -> api::RadioSettings {
    let settings = &status.radio.settings;
    api::RadioSettings {
        region: status.radio.region.as_str().into(),
        band: status.band.name.into(),
        preset: Preset::of(settings).map(|preset| preset.name.into()),
        frequency_hz: settings.frequency_hz,
        bandwidth_hz: settings.bandwidth_hz,
        spreading_factor: settings.spreading_factor.into(),
        coding_rate: settings.coding_rate.into(),
        tx_power_dbm: settings.tx_power_dbm.into(),
        antenna_gain_dbi: f64::from(status.radio.gain_centi_dbi) / 100.0,
        bitrate_bps: settings.modulation().bitrate_bps(),
    }
}

fn neighbour(one: &RadioNeighbour, labels: &Labels) -> api::RadioNeighbour {
    let address = one.peer.address();
    api::RadioNeighbour {
        address: address.to_string(),
        name: labels.name(&address),
        link: one.link.map(|link| labels.link(link)),
        rssi_dbm: one.signal.rssi_dbm.into(),
        snr_db: f64::from(one.signal.snr_quarter_db) / 4.0,
        success: f64::from(one.success) / 255.0,
        heard_ago_ms: millis(one.heard_ago),
        airtime_ms: millis(one.air),
    }
}

/// A row of a scan.
pub(super) fn scan(row: &ScanRow) -> api::RadioScan {
    api::RadioScan {
        preset: row.preset.map(Into::into),
        frequency_hz: row.settings.frequency_hz,
        bandwidth_hz: row.settings.bandwidth_hz,
        spreading_factor: row.settings.spreading_factor.into(),
        heard: row.heard,
        rssi_dbm: row.best.map(|best| best.rssi_dbm.into()),
        channel_load: row.load_centi.map(share),
        noise_floor_dbm: row.noise_floor_dbm.map(Into::into),
    }
}

/// Hundredths of a per cent as a share of one.
fn share(centi: u16) -> f64 {
    f64::from(centi) / 10_000.0
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
