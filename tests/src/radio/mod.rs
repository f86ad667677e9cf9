//! Radios on one channel: what a mesh of ours does there, and what Meshtastic's rules do.
//!
//! ```text
//!  scenario (TOML) ── seed ─┬─ City ── levels of all pairs
//!                           ├─ Load ── Poisson, pairs of contacts
//!                           ▼
//!   Station × n ──frames→  Channel: one queue, one clock ─→ the virtual air
//!   (Meshtastic | ours)  ←───────────────────────────────  │
//!                                                          └→ Outcome: delivered, latency, air time
//! ```
//!
//! Rules, and what was calibrated against what: `specs/31-radio-simulation.md`.

pub mod city;
pub mod experiment;
pub mod hostile;
pub mod load;
pub mod meshtastic;
pub mod ours;
pub mod outcome;
pub mod phy;
pub mod run;
pub mod scenario;
pub mod sizes;
pub mod station;
pub mod table;

#[cfg(test)]
mod tests;
