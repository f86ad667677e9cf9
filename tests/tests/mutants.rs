//! Whole meshes in which every node breaks one rule: the simulator's checkers must say so (`ATK-22`).
//! The core's own mutants, one checker each, are in `mesh/src/rules/tests.rs`.

use std::collections::BTreeSet;

use mesh::{Rule, Rules, crypto::Mode};
use simulation::{
    journal::Journal,
    runner,
    scenario::{Scenario, Span},
};

/// Twelve nodes whose power, links and disks fail: everything a mutant needs to be seen.
fn troubled() -> Scenario {
    let mut scenario =
        Scenario { name: "troubled".into(), nodes: 12, degree: 4, ..Scenario::default() };
    scenario.duration_s = 90;
    scenario.settle_s = 3_600;
    scenario.link.reliable_share = 0.5;
    scenario.link.loss = 0.05;
    scenario.link.duplicate = 0.02;
    scenario.link.reorder = 0.02;
    scenario.disk.commit_us = Span(1_000, 400_000);
    scenario.disk.write_error = 0.02;
    scenario.disk.sync_error = 0.02;
    scenario.load.messages = 150;
    scenario.load.warmup_s = 8;
    scenario.faults.crashes = 25;
    scenario.faults.crash_ms = Span(10, 5_000);
    scenario.faults.flaps = 40;
    scenario.faults.partitions = 3;
    scenario.checks.sample_ms = 200;
    scenario
}

/// Rules violated in one run, as `specs/12-simulation.md` names them.
fn violated(scenario: &Scenario, seed: u64) -> BTreeSet<&'static str> {
    let report = runner::run(scenario, seed, Mode::Transparent, Journal::off());
    report.violations.iter().map(|violation| violation.rule).collect()
}

/// Whether some seed shows a violation of one of these rules.
fn is_caught(scenario: &Scenario, rules: &[&str]) -> bool {
    (1..=SEEDS).any(|seed| violated(scenario, seed).iter().any(|rule| rules.contains(rule)))
}

#[test]
fn atk_22_unbroken_nodes_violate_nothing() {
    for seed in 1..=SEEDS {
        let violated = violated(&troubled(), seed);
        assert!(violated.is_empty(), "seed {seed}: {violated:?}");
    }
}

/// `ATK-22`
#[test]
fn atk_22_broken_rules_show_in_a_mesh() {
    let mutants: [(Rule, &[&str]); 6] = [
        (Rule::AcceptedDurable, &["SIM-10", "SIM-11"]),
        (Rule::Feasibility, &["SIM-15"]),
        (Rule::OriginKeeps, &["SIM-10"]),
        (Rule::SequenceOrder, &["SIM-15", "SIM-16"]),
        (Rule::ShownDurable, &["SIM-10", "SIM-11", "SIM-13"]),
        (Rule::ShownOnce, &["SIM-11"]),
    ];
    let mut unnoticed = Vec::new();
    for (rule, expected) in mutants {
        let mut scenario = Scenario { rules: Rules::without(rule), ..troubled() };
        // Nodes that take old news for new never come to rest: they are not waited for.
        if rule == Rule::SequenceOrder {
            scenario.settle_s = 5;
        }
        if !is_caught(&scenario, expected) {
            unnoticed.push(rule);
        }
    }
    assert!(unnoticed.is_empty(), "broken in every node, and nobody noticed: {unnoticed:?}");
}

/// `ATK-22`: a disk that reports what it has not synced loses what was accepted and received.
#[test]
fn atk_22_leaving_the_sync_out_loses_messages() {
    let mut scenario = troubled();
    scenario.disk.sync_left_out = true;
    assert!(is_caught(&scenario, &["SIM-10", "SIM-13"]));
}

/// Runs of each mutant, unless an earlier one shows it.
const SEEDS: u64 = 4;
