//! LoRa: RNode-compatible modems on a serial port or behind TCP, and how to use them within the law.
//!
//! | module | what | rules |
//! |---|---|---|
//! | [`kiss`], [`command`] | frames between host and modem | `RND-…`, `specs/24-rnode.md` |
//! | [`rnode`] | the host's side of the conversation | |
//! | [`region`], [`preset`] | which settings are allowed where | `AIR-…`, `specs/25-airtime.md` |
//! | [`ledger`], [`book`] | how much of the hour was sent, and that on disk | |
//! | [`air`] | virtual radios and what they hear of each other | `VIR-…`, `specs/30-virtual-air.md` |
//!
//! | [`station`], [`scan`] | a modem and a radio port together | |
//!
//! What is in this list has no socket and reads no clock; `kiss`, `command` and `rnode` need `core`
//! and `alloc` only. The task that opens ports is private, and the manager's.

pub mod air;
pub mod book;
pub mod command;
mod keeper;
pub mod kiss;
pub mod ledger;
pub(crate) mod link;
pub(crate) mod modem;
pub mod preset;
mod refusal;
pub mod region;
pub mod rnode;
mod rnode_error;
mod rnode_stats;
mod rnode_types;
pub mod scan;
pub(crate) mod serial;
mod settings;
pub mod station;
pub mod uri;

#[cfg(test)]
mod book_tests;
#[cfg(test)]
mod ledger_tests;
#[cfg(test)]
mod region_tests;
#[cfg(test)]
mod rnode_tests;
#[cfg(test)]
mod uri_tests;

pub use book::{Lost, Stamp};
pub(crate) use keeper::Keeper;
pub use keeper::{Airtime, AirtimeDisk, Found};
pub use ledger::{Balance, HOUR, Ledger, Verdict, Writing};
pub use preset::Preset;
pub use region::{Band, Refusal, Region};
pub use rnode_error::{ModemError, RnodeError};
pub use rnode_stats::{Battery, Channel, Phy, Stats};
pub use scan::ScanRow;
pub use settings::{Setting, Settings};
pub use uri::{Place, Radio, RnodeTarget, RnodeTargetError};

/// How long a modem may take for its last words: a dozen bytes at 115,200 baud, and a task's turn.
pub(crate) const LEAVE_WAIT: std::time::Duration = std::time::Duration::from_millis(50);
