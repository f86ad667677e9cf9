//! Routing from outside: [`bench`] is one table with neighbours played by the test, [`net`] is many
//! tables wired together, with a checker that looks for loops after every single step.

mod adversary;
mod advertising;
mod bench;
mod convergence;
mod feasibility;
mod intake;
pub(crate) mod mutants;
mod net;
mod persistence;
mod ranking;
mod requests;

use crate::crypto::Mode;

/// Cheap signatures where they exist; the rules do not depend on them.
#[cfg(feature = "simulation")]
const MODE: Mode = Mode::Transparent;
#[cfg(not(feature = "simulation"))]
const MODE: Mode = Mode::Real;
