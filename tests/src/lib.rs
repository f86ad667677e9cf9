//! What no single crate can show: whole meshes.
//!
//! [`World`](world::World) drives any number of [`mesh::Node`]s in virtual time. Everything is
//! drawn from one seed: links and their impairments, faults, load, each node's own randomness.
//! The same seed of the same code gives the same run, to the byte of its log (`SIM-01`).
//!
//! ```text
//!  scenario (TOML) ─┬─ topology ── links: latency, rate, loss, duplicates, reordering, bit flips
//!       seed ───────┼─ faults ──── partitions, flaps, crashes, clock jumps, full disks
//!                   └─ load ────── messages between random pairs, a broadcast channel
//!                          │
//!                   ┌──────▼──────┐   frames, records, commands    ┌───────────┐
//!                   │ World:      │ ─────────────────────────────→ │ mesh::Node│ × n
//!                   │ one queue,  │ ←───────────────────────────── │           │
//!                   │ one clock   │   frames, records, events      └───────────┘
//!                   └──────┬──────┘
//!                          └─ checkers: delivery, exactly-once, truth of receipts, order of
//!                             states, loops, convergence, memory ──→ report, or a failing seed
//! ```
//!
//! What it does not model: radio (shared air, half duplex), the links' own handshakes, and the
//! time a machine needs to compute. Rules and what each checker shows: `specs/12-simulation.md`.

pub mod checkers;
pub mod daemons;
pub mod disk;
pub mod edge;
pub mod faults;
pub mod host;
pub mod journal;
pub mod load;
pub mod medium;
pub mod queue;
pub mod radio;
pub mod report;
pub mod rng;
pub mod runner;
pub mod scenario;
pub mod topology;
pub mod world;
