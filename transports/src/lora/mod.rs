//! LoRa: RNode-compatible modems on a serial port or behind TCP, and how to use them within the law.
//!
//! | module | what | rules |
//! |---|---|---|
//! | [`kiss`], [`command`] | frames between host and modem | `RND-…`, `specs/24-rnode.md` |
//! | [`rnode`] | the host's side of the conversation | |
//!
//! What has no socket in this list has none at all, reads no clock, and needs `core` and `alloc`
//! only.

pub mod command;
pub mod kiss;
pub mod rnode;
mod rnode_error;
mod rnode_stats;
mod settings;

#[cfg(test)]
mod rnode_tests;

pub use rnode_error::{ModemError, RnodeError};
pub use rnode_stats::{Battery, Channel, Phy, Stats};
pub use settings::{Setting, Settings};
