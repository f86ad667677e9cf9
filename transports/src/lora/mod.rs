//! LoRa: RNode-compatible modems on a serial port or behind TCP, and how to use them within the law.
//!
//! | module | what | rules |
//! |---|---|---|
//! | [`kiss`], [`command`] | frames between host and modem | `RND-…`, `specs/24-rnode.md` |
//!
//! What has no socket in this list has none at all, reads no clock, and needs `core` and `alloc`
//! only.

pub mod command;
pub mod kiss;
