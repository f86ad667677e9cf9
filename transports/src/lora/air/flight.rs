//! A frame on its way.

use mesh::radio::{Modulation, Signal};

use super::{
    Decibel, RadioId,
    receiver::{self, CAD_SYMBOLS, SYNC_SYMBOLS},
};

/// A frame on the air, and for as long as it may have disturbed another.
#[derive(Clone, Debug)]
pub(super) struct Flight {
    pub(super) id: u64,
    pub(super) from: RadioId,
    pub(super) modulation: Modulation,
    /// What the antenna radiates.
    pub(super) power: Decibel,
    pub(super) start_us: u64,
    pub(super) synchronised_us: u64,
    pub(super) end_us: u64,
    /// Its end has been dealt with.
    pub(super) ended: bool,
    pub(super) frame: Vec<u8>,
}

impl Flight {
    pub(super) fn new(
        id: u64,
        from: RadioId,
        modulation: Modulation,
        power: Decibel,
        start_us: u64,
        frame: &[u8],
    ) -> Self {
        let synchronised_us = start_us + receiver::preamble_us(&modulation);
        let end_us = start_us + modulation.time_on_air_us(frame.len());
        let frame = frame.to_vec();
        let ended = false;
        Self { id, from, modulation, power, start_us, synchronised_us, end_us, ended, frame }
    }

    /// From here on carrier sense sees it.
    pub(super) const fn visible_us(&self) -> u64 {
        self.start_us + CAD_SYMBOLS * self.modulation.symbol_us()
    }

    /// From here on a receiver must not be disturbed.
    pub(super) fn sync_us(&self) -> u64 {
        let symbols = SYNC_SYMBOLS * self.modulation.symbol_us();
        self.synchronised_us.saturating_sub(symbols).max(self.start_us)
    }

    pub(super) fn is_read_with(&self, tuning: &Modulation) -> bool {
        is_one_channel(&self.modulation, tuning)
    }

    /// On the same channel, with whatever spreading factor.
    pub(super) const fn is_beside(&self, own: &Modulation) -> bool {
        self.modulation.frequency_hz == own.frequency_hz
            && self.modulation.bandwidth_hz == own.bandwidth_hz
    }
}

pub(super) const fn is_one_channel(one: &Modulation, other: &Modulation) -> bool {
    one.frequency_hz == other.frequency_hz
        && one.bandwidth_hz == other.bandwidth_hz
        && one.spreading_factor == other.spreading_factor
}

pub(super) fn is_readable(level: Decibel, modulation: &Modulation) -> bool {
    let noise = receiver::noise_floor(modulation.bandwidth_hz);
    let snr = level - noise;
    level >= receiver::sensitivity(modulation)
        && snr >= receiver::snr_floor(modulation.spreading_factor)
}

/// How much of `signal` falls into the channel of `own`, as a loss.
pub(super) fn spread_over(signal: &Modulation, own: &Modulation) -> Decibel {
    let edges = |modulation: &Modulation| {
        let half = i64::from(modulation.bandwidth_hz / 2);
        let centre = i64::from(modulation.frequency_hz);
        (centre - half, centre + half)
    };
    let ((low, high), (own_low, own_high)) = (edges(signal), edges(own));
    let common = high.min(own_high) - low.max(own_low);
    if common <= 0 {
        return Decibel::NO_WAY;
    }
    if common >= high - low {
        return Decibel::whole(0);
    }
    Decibel::from_f64(-10.0 * (common as f64 / (high - low) as f64).log10())
}

/// What a receiver reports.
pub(super) fn signal(level: Decibel, modulation: &Modulation) -> Signal {
    let snr = level - receiver::noise_floor(modulation.bandwidth_hz);
    let narrow =
        |value: i32| i16::try_from(value).unwrap_or(if value < 0 { i16::MIN } else { i16::MAX });
    Signal {
        rssi_dbm: narrow(level.floor()),
        snr_quarter_db: narrow(snr.in_hundredths().div_euclid(25)),
    }
}
