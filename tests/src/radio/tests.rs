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
