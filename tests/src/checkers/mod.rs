//! What must hold, whatever goes wrong (`SIM-10` to `SIM-19`).

pub mod channel;
pub mod convergence;
pub mod growth;
pub mod ledger;
pub mod loops;
pub mod memory;

use std::fmt;

use crate::queue::Micros;

/// Something that must never happen, and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When.
    pub at: Micros,
    /// The rule in `specs/12-simulation.md`.
    pub rule: &'static str,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, micros) = (self.at / 1_000_000, self.at % 1_000_000);
        write!(f, "{} at {secs}.{micros:06} s: {}", self.rule, self.what)
    }
}

/// The violations of a run. Only the first are kept; all are counted.
#[derive(Debug, Default)]
pub struct Violations {
    kept: Vec<Violation>,
    count: usize,
}

impl Violations {
    /// Notes a violation.
    pub fn push(&mut self, at: Micros, rule: &'static str, what: impl fmt::Display) {
        self.count += 1;
        if self.kept.len() < KEPT_MAX {
            self.kept.push(Violation { at, rule, what: what.to_string() });
        }
    }

    /// The first ones.
    pub fn first(&self) -> &[Violation] {
        &self.kept
    }

    /// How many there were.
    pub fn count(&self) -> usize {
        self.count
    }
}

/// Violations kept for the report: the first ones say what went wrong, the rest follow from them.
const KEPT_MAX: usize = 20;
