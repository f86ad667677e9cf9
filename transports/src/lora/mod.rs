//! LoRa: RNode-compatible modems on a serial port or behind TCP, and how to use them within the law.
//!
//! | module | what | rules |
//! |---|---|---|
//! | [`kiss`], [`command`] | frames between host and modem | `RND-…`, `specs/24-rnode.md` |
//! | [`rnode`] | the host's side of the conversation | |
//! | [`region`], [`preset`] | which settings are allowed where | `AIR-…`, `specs/25-airtime.md` |
//! | [`ledger`], [`book`] | how much of the hour was sent, and that on disk | |
//!
//! What has no socket in this list has none at all, reads no clock, and needs `core` and `alloc`
//! only.

pub mod book;
pub mod command;
pub mod kiss;
pub mod ledger;
pub mod preset;
pub mod region;
pub mod rnode;
mod rnode_error;
mod rnode_stats;
mod settings;
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
pub use ledger::{Balance, Ledger, Verdict, Writing};
pub use preset::Preset;
pub use region::{Band, Refusal, Region};
pub use rnode_error::{ModemError, RnodeError};
pub use rnode_stats::{Battery, Channel, Phy, Stats};
pub use settings::{Setting, Settings};
pub use uri::{Place, Radio, RnodeTarget, RnodeTargetError};
