//! LoRa: RNode-compatible modems on a serial port or behind TCP, and how to use them within the law.
//!
//! | module | what | rules |
//! |---|---|---|
//! | [`kiss`], [`command`] | frames between host and modem | `RND-…`, `specs/24-rnode.md` |
//! | [`air`] | virtual radios and what they hear of each other | `VIR-…`, `specs/30-virtual-air.md` |
//!
//! What has no socket in this list has none at all, reads no clock, and needs `core` and `alloc`
//! only.

pub mod air;
pub mod command;
pub mod kiss;
