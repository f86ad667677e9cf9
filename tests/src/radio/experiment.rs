//! The experiments: a protocol, a city, a load.

use std::time::Duration;

use mesh::{crypto::Mode, radio::Modulation};

use super::{
    city::City,
    hostile::Hostile,
    load::{Load, Offer},
    meshtastic::{Meshtastic, Settings},
    ours::{Ours, Setup},
    outcome::Outcome,
    phy::Phy,
    run::Channel,
    scenario::{CityModel, RadioScenario},
};
use crate::rng::Rng;

/// Which rules the radios keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Meshtastic's, as the baseline.
    Meshtastic,
    /// Ours.
    Ours,
}

/// Runs a protocol over a city; its last radio is hostile where the scenario says so.
pub fn run(scenario: &RadioScenario, city: &City, protocol: Protocol, seed: u64) -> Outcome {
    let load = Load::draw(scenario, scenario.honest(city.len()), seed);
    match protocol {
        Protocol::Meshtastic => meshtastic(scenario, city, &load, seed, baseline(scenario)),
        Protocol::Ours => ours(scenario, city, &load, seed),
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
    for at in 0..scenario.honest(city.len()) {
        let station = Meshtastic::new(at, settings, root.fork(&at.to_string()));
        air.add(Box::new(station), 0, modulation);
    }
    add_hostile(&mut air, scenario, city, modulation, &root);
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
    add_hostile(&mut channel, scenario, city, city.modulation(), &root);
    channel.offer(load);
    channel.run(scenario.load_span_us().1)
}

fn add_hostile(
    channel: &mut Channel,
    scenario: &RadioScenario,
    city: &City,
    modulation: Modulation,
    root: &Rng,
) {
    for _ in scenario.honest(city.len())..city.len() {
        let share = scenario.hostile.channel_share;
        let hostile = Hostile::new(modulation, share, root.fork("hostile"));
        channel.add(Box::new(hostile), 0, modulation);
    }
}

/// One message of `len` bytes along a line of `hops` hops at SF7, of which each frame is lost with
/// probability `frame_loss` at each receiver (`RSM-11`).
pub fn long_message(len: usize, hops: usize, frame_loss: f64, seed: u64) -> Outcome {
    let mut scenario = RadioScenario {
        warmup_s: 1_800,
        settle_s: 0,
        measure_s: 1_800,
        ..RadioScenario::default()
    };
    scenario.city.radios = hops + 1;
    scenario.city.spreading_factor = 7;
    scenario.load.payload_len = len;
    scenario.deadline_s = 1_800;
    scenario.frame_loss = frame_loss;
    let city = City::line(&scenario.city, seed);
    let mut contacts = vec![Vec::new(); hops + 1];
    contacts[0].push(hops);
    let at = scenario.measured_us().0;
    let load = Load { offers: vec![Offer { at, from: 0, to: hops }], contacts };
    ours(&scenario, &city, &load, seed)
}

/// The least time on air of `len` bytes over `hops` hops (`RSM-11`): as few pieces as they fit into,
/// each in a full frame, and one receipt, for each hop; neither questions nor repetitions.
pub fn long_message_minimum_us(len: usize, hops: usize) -> u64 {
    let model = CityModel { spreading_factor: 7, ..CityModel::default() };
    let modulation = model.modulation();
    let pieces = (len + LONG_OVERHEAD).div_ceil(PIECE_LEN) as u64;
    hops as u64 * (pieces * modulation.time_on_air_us(254) + modulation.time_on_air_us(18))
}

/// The load at which `delivered` of the messages arrive, found by halving an interval of loads.
pub fn load_at(
    scenario: &RadioScenario,
    delivered: f64,
    run: impl Fn(&RadioScenario) -> Outcome,
) -> f64 {
    let (mut low, mut high) = (1.0_f64, RATE_FIRST);
    let at = |rate: f64| {
        let mut loaded = scenario.clone();
        loaded.load.messages_per_hour = rate;
        run(&loaded).delivered()
    };
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

/// Bytes of a message in a piece of full length.
const PIECE_LEN: usize = 243;
/// What an envelope and its name add to a message, once for all pieces.
const LONG_OVERHEAD: usize = 22;
const MESHTASTIC_PREAMBLE: u16 = 16;
/// Messages an hour beyond which nothing is looked for.
const RATE_MAX: f64 = 1e6;
const RATE_FIRST: f64 = 1_024.0;
const HALVINGS: u32 = 4;
