//! Runs a scenario with many seeds, on as many threads as there are cores.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use mesh::crypto::Mode;

use crate::{
    journal::Journal,
    report::{Report, Summary},
    scenario::Scenario,
    world::World,
};

/// Runs one seed.
pub fn run(scenario: &Scenario, seed: u64, crypto: Mode, journal: Journal) -> Report {
    World::new(scenario.clone(), seed, crypto, journal).run()
}

/// Runs the seeds `first .. first + count` on `threads` threads; `progress` hears of each run.
pub fn run_many(
    scenario: &Scenario,
    first: u64,
    count: usize,
    threads: usize,
    crypto: Mode,
    progress: impl Fn(&Report) + Sync,
) -> Summary {
    let next = AtomicUsize::new(0);
    let summary = Mutex::new(Summary::new(scenario.clone()));
    thread::scope(|scope| {
        for _ in 0..threads.clamp(1, count.max(1)) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        break;
                    }
                    let report = run(scenario, first + index as u64, crypto, Journal::off());
                    progress(&report);
                    summary.lock().expect("no run panics while it holds the summary").add(report);
                }
            });
        }
    });
    summary.into_inner().expect("all runs are over")
}
