//! What a modem tells about itself and its channel (`RND-22`).

use core::time::Duration;

use super::{command, rnode_error::ModemError};

/// Reports of a modem, each the last one of its kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Before and after the point.
    pub firmware: Option<(u8, u8)>,
    /// 0x70 nRF52, 0x80 ESP32, 0x90 AVR; others are shown as numbers.
    pub platform: Option<u8>,
    /// The microcontroller's number.
    pub mcu: Option<u8>,
    /// The channel.
    pub channel: Option<Channel>,
    /// The physical layer.
    pub phy: Option<Phy>,
    /// The battery.
    pub battery: Option<Battery>,
    /// °C.
    pub temperature_c: Option<i16>,
    /// Errors it reported.
    pub complaints: u32,
    /// The last of them.
    pub last_complaint: Option<ModemError>,
    /// Packets that cannot be of a node like us: empty, or too long for one frame.
    pub foreign: u32,
    /// Reports that nobody understands, or nobody fetched.
    pub ignored: u32,
}

/// Air time and load, in hundredths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// The modem's own air time of the last seconds.
    pub airtime_short_centi: u16,
    /// The modem's own air time of the last hour.
    pub airtime_long_centi: u16,
    /// How busy the channel was in the last seconds.
    pub load_short_centi: u16,
    /// How busy the channel was in the last hour.
    pub load_long_centi: u16,
    /// What is on the channel right now.
    pub rssi_dbm: Option<i16>,
    /// What is on the channel when nobody sends.
    pub noise_floor_dbm: Option<i16>,
    /// What is there and no LoRa.
    pub interference_dbm: Option<i16>,
}

/// The physical layer in the modem's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phy {
    /// How long a symbol is.
    pub symbol_us: u16,
    /// Symbols in a second.
    pub symbol_rate: u16,
    /// Symbols before a frame.
    pub preamble_symbols: u16,
    /// How long these are.
    pub preamble_ms: u16,
    /// A slot of its carrier sensing.
    pub slot_ms: u16,
    /// The silence it waits for first.
    pub difs_ms: u16,
}

/// A battery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Battery {
    /// 0 unknown, 1 discharging, 2 charging, 3 charged.
    pub state: u8,
    /// How full.
    pub percent: u8,
}

impl Stats {
    /// Takes a report; false if it is none.
    pub(super) fn take(&mut self, command: u8, payload: &[u8]) -> bool {
        match (command, payload) {
            (command::FIRMWARE_VERSION, &[major, minor]) => self.firmware = Some((major, minor)),
            (command::PLATFORM, &[platform]) => self.platform = Some(platform),
            (command::MCU, &[mcu]) => self.mcu = Some(mcu),
            (command::STAT_CHANNEL, _) => match channel(payload) {
                Some(channel) => self.channel = Some(channel),
                None => return false,
            },
            (command::STAT_PHY, payload) if payload.len() == 12 => self.phy = Some(phy(payload)),
            (command::STAT_BATTERY, &[state, percent]) => {
                self.battery = Some(Battery { state, percent });
            }
            (command::STAT_TEMPERATURE, &[value]) => {
                self.temperature_c = Some(i16::from(value) - TEMPERATURE_OFFSET);
            }
            // Answers and echoes that need no remembering.
            (command::DETECT, &[command::DETECT_RESPONSE])
            | (command::SHORT_AIRTIME_LOCK | command::LONG_AIRTIME_LOCK, &[_, _])
            | (command::STAT_CSMA, &[_, _, _])
            | (command::RADIO_LOCK | command::READY, &[_]) => {}
            _ => return false,
        }
        true
    }

    /// How long the modem's carrier sensing holds a packet back on a quiet channel, at most: the
    /// first silence and a whole window of its first band.
    pub(super) fn contention(&self) -> Duration {
        let slot_ms = self.phy.map_or(SLOT_MS, |phy| phy.slot_ms.clamp(1, SLOT_MS_MAX));
        let difs_ms = self.phy.map_or(2 * SLOT_MS, |phy| phy.difs_ms.min(2 * SLOT_MS_MAX));
        Duration::from_millis(u64::from(difs_ms) + u64::from(slot_ms) * WINDOW_SLOTS)
    }
}

fn channel(payload: &[u8]) -> Option<Channel> {
    let (numbers, levels) = payload.split_at_checked(8)?;
    // The levels came with later firmware; nothing else may be there.
    if !matches!(levels.len(), 0 | 3) {
        return None;
    }
    let level = |at: usize| levels.get(at).map(|level| i16::from(*level) - command::RSSI_OFFSET);
    Some(Channel {
        airtime_short_centi: u16_at(numbers, 0),
        airtime_long_centi: u16_at(numbers, 1),
        load_short_centi: u16_at(numbers, 2),
        load_long_centi: u16_at(numbers, 3),
        rssi_dbm: level(0),
        noise_floor_dbm: level(1),
        interference_dbm: level(2).filter(|_| levels[2] != 0xff),
    })
}

fn phy(payload: &[u8]) -> Phy {
    Phy {
        symbol_us: u16_at(payload, 0),
        symbol_rate: u16_at(payload, 1),
        preamble_symbols: u16_at(payload, 2),
        preamble_ms: u16_at(payload, 3),
        slot_ms: u16_at(payload, 4),
        difs_ms: u16_at(payload, 5),
    }
}

/// The number at `index` of a row of big-endian u16; the callers have checked the length.
fn u16_at(row: &[u8], index: usize) -> u16 {
    u16::from_be_bytes([row[2 * index], row[2 * index + 1]])
}

const TEMPERATURE_OFFSET: i16 = 120;

/// Stock firmware's shortest slot at usual speeds.
const SLOT_MS: u16 = 24;

/// Stock firmware's longest slot.
const SLOT_MS_MAX: u16 = 100;

/// Slots of the contention window in the band a quiet modem is in.
const WINDOW_SLOTS: u64 = 14;
