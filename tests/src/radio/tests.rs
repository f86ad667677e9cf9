//! Small runs.

use super::{
    city::City,
    experiment::{self, Protocol},
    load::{Load, Offer},
    scenario::RadioScenario,
};

fn village() -> RadioScenario {
    let mut scenario = RadioScenario {
        warmup_s: 900,
        settle_s: 0,
        measure_s: 600,
        deadline_s: 300,
        ..RadioScenario::default()
    };
    scenario.city.radios = 4;
    scenario
}

/// `RSM-01`
#[test]
fn the_same_seed_gives_the_same_outcome() {
    let mut scenario = village();
    scenario.city.radios = 8;
    scenario.city.side_m = 2_000;
    scenario.city.diameter_hops = [1, 8];
    scenario.load.messages_per_hour = 120.0;
    let city = City::strew(&scenario.city, 1).expect("a village");
    for protocol in [Protocol::Meshtastic, Protocol::Ours] {
        let run = |seed| experiment::run(&scenario, &city, protocol, seed);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}

fn one_message() -> (RadioScenario, City, Load) {
    let scenario = village();
    let city = City::line(&scenario.city, 1);
    let at = scenario.measured_us().0;
    let contacts = vec![vec![3], Vec::new(), Vec::new(), Vec::new()];
    (scenario, city, Load { offers: vec![Offer { at, from: 0, to: 3 }], contacts })
}

/// `RSM-08`
#[test]
fn four_of_ours_on_a_line_exchange_messages() {
    let (scenario, city, load) = one_message();
    let outcome = experiment::ours(&scenario, &city, &load, 1);
    assert_eq!((outcome.offered, outcome.shown, outcome.confirmed), (1, 1, 1));
}

/// `RSM-02`
#[test]
fn only_what_is_in_time_is_delivered() {
    let (mut scenario, city, load) = one_message();
    let baseline = |scenario: &RadioScenario| {
        experiment::meshtastic(scenario, &city, &load, 1, experiment::baseline(scenario))
    };
    let in_time = baseline(&scenario);
    assert_eq!((in_time.offered, in_time.shown), (1, 1));
    scenario.deadline_s = 0;
    let late = baseline(&scenario);
    assert_eq!((late.offered, late.shown), (1, 0));
}

/// `RSM-09`, in a village at a light load: the city at the load that silences half of the baseline
/// takes minutes, and is a table of `radio`.
#[test]
#[ignore = "a goal that was not yet measured, or not yet reached"]
fn ours_takes_less_air_for_each_message() {
    let mut scenario = village();
    scenario.warmup_s = 1_800;
    scenario.measure_s = 3_600;
    scenario.load.contacts = 1;
    scenario.load.messages_per_hour = 240.0;
    let city = City::line(&scenario.city, 1);
    let run = |protocol| experiment::run(&scenario, &city, protocol, 1);
    let (theirs, ours) = (run(Protocol::Meshtastic), run(Protocol::Ours));
    assert!(ours.delivered() >= 0.9, "{ours:?}");
    assert!(ours.air_per_delivery_us() < theirs.air_per_delivery_us(), "{ours:?} {theirs:?}");
}

/// `RSM-10`
#[test]
#[ignore = "a goal that was not yet measured, or not yet reached"]
fn a_radio_that_listens_to_nobody_does_not_silence_the_others() {
    let mut scenario = village();
    scenario.warmup_s = 1_800;
    scenario.measure_s = 1_800;
    scenario.city.radios = 7;
    scenario.city.side_m = 2_500;
    scenario.city.diameter_hops = [1, 7];
    scenario.load.contacts = 2;
    scenario.load.messages_per_hour = 120.0;
    scenario.hostile.channel_share = 0.3;
    let city = City::strew(&scenario.city, 1).expect("a village");
    let outcome = experiment::run(&scenario, &city, Protocol::Ours, 1);
    assert!(outcome.offered > 20 && outcome.delivered() >= 0.9, "{outcome:?}");
}

/// `RSM-11`
#[test]
#[ignore = "a goal that was not yet measured, or not yet reached"]
fn four_kilobytes_over_three_hops() {
    let least = experiment::long_message_minimum_us(4_096, 3);
    for (frame_loss, percent) in [(0.0, 110), (0.1, 135)] {
        let outcome = experiment::long_message(4_096, 3, frame_loss, 1);
        assert_eq!(outcome.shown, 1, "{outcome:?}");
        let share = outcome.air_us * 100 / least;
        assert!(share <= percent, "{frame_loss}: {share} %");
    }
}
