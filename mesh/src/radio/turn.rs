//! When a port may speak: after a gap, after a random wait that grows with what is lost, and the
//! far before the near.

use core::time::Duration;

use super::{RadioConfig, Signal, wire::PAYLOAD_LEN_MAX};
use crate::{crypto::rng::NodeRng, time::Instant};

/// Waits in units of what the radio can do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// In which two ports cannot tell each other's start.
    pub(super) slot: Duration,
    /// Before an acknowledgement.
    pub(super) short_gap: Duration,
    /// Before anything else: an acknowledgement has begun by then.
    pub(super) gap: Duration,
    /// How long the answer of the node is waited for before an acknowledgement of its own.
    pub(super) answer_wait: Duration,
    /// An acknowledgement on the air.
    pub(super) ack_air: Duration,
    /// The longest payload on the air.
    pub(super) air_max: Duration,
    /// A hello on the air.
    pub(super) unit: Duration,
}

impl Timing {
    pub(super) fn new(config: &RadioConfig) -> Self {
        let symbol = Duration::from_micros(config.modulation.symbol_us());
        let slot = (symbol * 4).max(Duration::from_millis(5));
        Self {
            slot,
            short_gap: symbol * 2,
            gap: symbol * 2 + slot * 2,
            answer_wait: (slot * 8).max(Duration::from_millis(40)),
            ack_air: config.air(11),
            air_max: config.air(PAYLOAD_LEN_MAX),
            unit: config.air(150),
        }
    }

    /// How long an acknowledgement of a payload of `air` may take, the neighbour's own turn and the
    /// forwarding that stands for it included.
    pub(super) fn ack_timeout(&self, air: Duration) -> Duration {
        self.answer_wait + self.gap + self.slot * WINDOW + air.max(self.ack_air) + self.slot
    }

    /// All transmissions of one payload and their waits: for so long a copy may follow.
    pub(super) fn repeats_last(&self) -> Duration {
        (self.ack_timeout(self.air_max) + self.slot * (BACKOFF_SLOTS_MAX << BACKOFF_DOUBLINGS)) * 6
    }
}

/// Slots among which a turn is drawn on a quiet channel.
pub(super) const WINDOW: u32 = 8;

/// Nobody rests while the channel is used less.
const CROWDED_PERCENT: u32 = 25;

/// So many neighbours are a crowd.
const CROWD: u32 = 6;

/// How long what was heard counts.
const LOAD_MEMORY: Duration = Duration::from_secs(60);
const LOAD_MS: u32 = 60_000;

/// A full payload eight times.
const BACKOFF_SLOTS_MAX: u32 = 1_024;
const BACKOFF_DOUBLINGS: u8 = 3;

/// Transmissions of one payload before it is given up.
pub(super) const TRANSMISSIONS_MAX: u8 = 4;

/// Air time of the last minute, older one counting less.
#[derive(Clone, Copy, Debug)]
struct Load {
    air: Duration,
    at: Instant,
}

impl Load {
    const fn new(at: Instant) -> Self {
        Self { air: Duration::ZERO, at }
    }

    fn at(&self, now: Instant) -> Duration {
        let passed = now.saturating_since(self.at).min(LOAD_MEMORY);
        let passed_ms = u32::try_from(passed.as_millis()).unwrap_or(LOAD_MS);
        self.air.saturating_sub(self.air * passed_ms / LOAD_MS)
    }

    fn add(&mut self, now: Instant, air: Duration) {
        *self = Self { air: self.at(now) + air, at: now };
    }

    /// In hundredths of the time.
    fn percent(&self, now: Instant) -> u32 {
        let percent = self.at(now).as_millis() * 100 / u128::from(LOAD_MS);
        u32::try_from(percent).unwrap_or(100).min(100)
    }
}

/// The channel as this port knows it.
#[derive(Debug)]
pub(super) struct Turn {
    /// Somebody is heard sending.
    busy: bool,
    /// No acknowledgement before.
    short: Instant,
    /// Nothing else before.
    at: Instant,
    /// Air time lately, and when it was reckoned: of all, and of others.
    load: Load,
    others: Load,
    /// Others' turn until then: the fuller the channel, the longer.
    rest: Instant,
}

impl Turn {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            busy: false,
            short: now,
            at: now,
            load: Load::new(now),
            others: Load::new(now),
            rest: now,
        }
    }

    /// The channel became free, by a frame that ended or by what the modem senses.
    pub(super) fn on_free(&mut self, now: Instant, timing: &Timing, rng: &mut NodeRng) {
        self.short = now + timing.short_gap;
        self.at = now + timing.gap + slots(timing, rng, self.window(now));
    }

    /// Somebody else was on the air for so long.
    pub(super) fn on_heard(&mut self, now: Instant, air: Duration) {
        self.load.add(now, air);
        self.others.add(now, air);
    }

    /// What we said took so long: others may speak now, on a crowded channel for as many times as
    /// there are neighbours, and more.
    pub(super) fn on_sent(&mut self, now: Instant, air: Duration, neighbours: u32) {
        self.load.add(now, air);
        // Among a few everybody hears who else wants the channel; in a crowd most are not heard.
        let (load, shares) = match neighbours {
            0..CROWD => (&self.others, neighbours),
            _ => (&self.load, neighbours.max(12)),
        };
        let over = load.percent(now).saturating_sub(CROWDED_PERCENT);
        self.rest = now + air * (shares * over * over / 100);
    }

    /// Slots among which a turn is drawn: 8 on a quiet channel, 256 on a full one.
    fn window(&self, now: Instant) -> u32 {
        let fifths = self.load.percent(now) / 5;
        let (whole, part) = (fifths / 4, fifths % 4);
        (WINDOW << whole) + (WINDOW << whole) * part / 4
    }

    pub(super) const fn set_busy(&mut self, busy: bool) {
        self.busy = busy;
    }

    pub(super) const fn is_busy(&self) -> bool {
        self.busy
    }

    pub(super) const fn ack_at(&self) -> Instant {
        self.short
    }

    pub(super) fn at(&self) -> Instant {
        self.at.max(self.rest)
    }
}

/// Among how many slots a repetition is drawn: twelve times its air time, then twice as many each time.
pub(super) fn backoff_slots(timing: &Timing, air: Duration, transmissions: u8) -> u32 {
    let slots = air.as_micros() * 12 / timing.slot.as_micros().max(1);
    let slots = u32::try_from(slots).unwrap_or(u32::MAX).clamp(WINDOW, BACKOFF_SLOTS_MAX);
    slots << (transmissions - 1).min(BACKOFF_DOUBLINGS)
}

/// A random number of slots below `window`.
pub(super) fn slots(timing: &Timing, rng: &mut NodeRng, window: u32) -> Duration {
    let micros = u64::try_from(timing.slot.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(micros * rng.below(u64::from(window)))
}

/// How long a port waits before it repeats what it heard with `signal`: the weaker, the farther it
/// is from the sender, the more ground it covers, the sooner (`RAD-15`). From −20 to +10 dB, so
/// that whoever is near hears the far ones first and keeps silent.
pub(super) fn repeat_wait(
    timing: &Timing,
    rng: &mut NodeRng,
    signal: Signal,
    air: Duration,
) -> Duration {
    let above = signal.snr_quarter_db.clamp(-80, 40) + 80;
    let steps = u32::from(above.unsigned_abs()) / 15;
    let spread = u32::try_from(air.as_micros() / timing.slot.as_micros().max(1)).unwrap_or(WINDOW);
    (air + timing.slot * 2) * steps + slots(timing, rng, spread.max(WINDOW))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radio::Modulation;

    #[test]
    fn rad_15_the_weaker_the_sooner() {
        let config = RadioConfig::new(Modulation::rnode(869_525_000, 125_000, 8, 5));
        let (timing, mut rng) = (Timing::new(&config), NodeRng::from_seed([1; 32]));
        let air = config.air(119);
        let mut wait = |snr_quarter_db: i16| {
            repeat_wait(&timing, &mut rng, Signal { rssi_dbm: -110, snr_quarter_db }, air)
        };
        for _ in 0..100 {
            // Even the luckiest near one comes after the unluckiest far one.
            assert!(wait(-80) < wait(-20) && wait(-20) < wait(40));
            assert!(wait(i16::MAX) < air * 10 && wait(i16::MIN) < air);
        }
    }
}
