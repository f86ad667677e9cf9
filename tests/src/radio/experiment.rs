//! The experiments: a protocol, a city, a load.

use std::time::Duration;

use mesh::{crypto::Mode, radio::Modulation};

use super::{
    city::City,
    load::Load,
    meshtastic::{Meshtastic, Settings},
    ours::{Ours, Setup},
    outcome::Outcome,
    phy::Phy,
    run::Channel,
    scenario::RadioScenario,
};
use crate::rng::Rng;

/// Which rules the radios keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Meshtastic's, as the baseline.
    Meshtastic,
}

/// Runs a protocol over a city.
pub fn run(scenario: &RadioScenario, city: &City, protocol: Protocol, seed: u64) -> Outcome {
    let load = Load::draw(scenario, city.len(), seed);
    match protocol {
        Protocol::Meshtastic => meshtastic(scenario, city, &load, seed, baseline(scenario)),
    }
}

/// How the baseline is set up: hop limit 7, the firmware's largest, because the city is wider
/// than its default of 3.
pub fn baseline(scenario: &RadioScenario) -> Settings {
    Settings {
        hop_limit: 7,
        text_len: scenario.load.payload_len,
        phy: Phy::sf8(MESHTASTIC_PREAMBLE),
        content_when_relayed: true,
    }
}

/// Runs the baseline with given settings.
pub fn meshtastic(
    scenario: &RadioScenario,
    city: &City,
    load: &Load,
    seed: u64,
    settings: Settings,
) -> Outcome {
    let root = Rng::new(seed).fork("stations");
    let mut air = Channel::new(scenario, city);
    let modulation = Modulation { preamble_symbols: MESHTASTIC_PREAMBLE, ..city.modulation() };
    for at in 0..city.len() {
        let station = Meshtastic::new(at, settings, root.fork(&at.to_string()));
        air.add(Box::new(station), 0, modulation);
    }
    air.offer(load);
    air.run(scenario.load_span_us().1)
}

/// Runs ours.
pub fn ours(scenario: &RadioScenario, city: &City, load: &Load, seed: u64) -> Outcome {
    let setup = Setup {
        modulation: city.modulation(),
        payload_len: scenario.load.payload_len,
        lifetime: Duration::from_secs(scenario.deadline_s),
        crypto: Mode::Transparent,
    };
    let root = Rng::new(seed).fork("stations");
    let mut channel = Channel::new(scenario, city);
    for station in Ours::city(&setup, &load.contacts, &root) {
        channel.add(Box::new(station), 1, city.modulation());
    }
    channel.offer(load);
    channel.run(scenario.load_span_us().1)
}

/// The load at which `delivered` of the messages arrive, found by halving an interval of loads.
pub fn load_at(scenario: &RadioScenario, delivered: f64, run: impl Fn(&RadioScenario) -> Outcome) -> f64 {
    let (mut low, mut high) = (1.0_f64, 1.0_f64);
    let at = |rate: f64| {
        let mut loaded = scenario.clone();
        loaded.load.messages_per_hour = rate;
        run(&loaded).delivered()
    };
    high *= 64.0;
    while at(high) > delivered && high < RATE_MAX {
        low = high;
        high *= 2.0;
    }
    for _ in 0..HALVINGS {
        let middle = (low + high) / 2.0;
        if at(middle) > delivered { low = middle } else { high = middle }
    }
    (low + high) / 2.0
}

const MESHTASTIC_PREAMBLE: u16 = 16;
/// Messages an hour beyond which nothing is looked for.
const RATE_MAX: f64 = 1e6;
const HALVINGS: u32 = 6;
