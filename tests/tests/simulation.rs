//! The scenarios, each with a few seeds. `sim` runs them with thousands.

use std::{
    io::Write,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use mesh::{Config, crypto::Mode};
use simulation::{journal::Journal, report::Summary, runner, scenario::Scenario};

fn scenario(name: &str) -> Scenario {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name);
    Scenario::read(&file).expect("the repository's scenarios are valid")
}

/// Runs seeds of a scenario and fails with the report when a rule is violated.
fn hold(name: &str, seeds: usize, crypto: Mode) -> Summary {
    let scenario = scenario(name);
    let summary = runner::run_many(&scenario, 1, seeds, 2, crypto, |_| ());
    let failing: Vec<String> = summary
        .failing()
        .iter()
        .map(|(seed, violations, count)| {
            let first = violations.first().map(ToString::to_string).unwrap_or_default();
            format!("seed {seed}: {count} violations, first {first}")
        })
        .collect();
    assert!(failing.is_empty(), "{name}:\n{}\n{summary}", failing.join("\n"));
    summary
}

/// `SIM-10` to `SIM-18` where nothing goes wrong: and then everything arrives.
#[test]
fn a_calm_mesh_delivers_everything() {
    let summary = hold("calm.toml", 4, Mode::Transparent);
    let messages = summary.messages();
    assert_eq!(messages.accepted, 400, "{summary}");
    assert_eq!((messages.shown, messages.received), (400, 400), "{summary}");
    // Five members; who published is told so and not shown its own words.
    assert_eq!(messages.channel, (40, 40 * 4), "{summary}");
}

/// `SIM-08`: the stand-in for cryptography hides nothing that the real one would show.
#[test]
fn real_cryptography_gives_the_same_verdict() {
    let summary = hold("calm.toml", 1, Mode::Real);
    assert_eq!(summary.messages().received, 100, "{summary}");
}

/// `SIM-04` to `SIM-07`, `SIM-10` to `SIM-18`.
#[test]
fn fifty_nodes_survive_every_fault() {
    let summary = hold("faults.toml", 2, Mode::Transparent);
    let (injected, tally) = (summary.tally().injected, summary.tally());
    let all = [injected.lost, injected.duplicated, injected.reordered, injected.corrupted];
    assert!(all.iter().all(|&count| count > 0), "{summary}");
    assert!(tally.crashes > 0 && tally.flaps > 0 && tally.disk_full > 0, "{summary}");
    assert!(tally.partitions.0 + tally.partitions.1 > 0 && tally.wall_jumps > 0, "{summary}");
}

#[test]
fn a_line_whose_links_flap_delivers_everything() {
    hold("line.toml", 4, Mode::Transparent);
}

#[test]
fn a_hub_that_crashes_loses_nothing() {
    hold("hub.toml", 2, Mode::Transparent);
}

#[test]
fn narrow_links_deliver_in_fragments() {
    hold("narrow.toml", 1, Mode::Transparent);
}

/// `SIM-05`, `SIM-12`: flipped bits that reach the core never become a message.
#[test]
fn flipped_bits_reach_the_core_and_no_application() {
    hold("hostile.toml", 2, Mode::Transparent);
}

/// `SIM-08`: a daemon cannot end up with transparent cryptography by default.
#[test]
fn cryptography_is_real_unless_a_simulation_says_otherwise() {
    assert!(matches!(Config::default().crypto, Mode::Real));
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("one writer").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// `SIM-01`
#[test]
fn the_same_seed_writes_the_same_log() {
    let mut scenario = scenario("faults.toml");
    scenario.nodes = 12;
    scenario.duration_s = 40;
    scenario.settle_s = 0;
    let log = |seed| {
        let shared = Shared::default();
        runner::run(&scenario, seed, Mode::Transparent, Journal::to(Box::new(shared.clone())));
        shared.0.lock().expect("the run is over").clone()
    };
    let (first, again, other) = (log(3), log(3), log(4));
    assert!(!first.is_empty());
    assert!(first == again, "two runs of one seed differ");
    assert!(first != other, "the seed changes nothing");
}
