//! `qpcd`, the quicprochat mesh daemon: everything around [`mesh::Node`] that touches the world.
//!
//! ```text
//!  clients ──D-Bus→ bus ──jobs→ ┌───────┐ ──records→ store (its own thread) ──committed→ actor
//!                     ←signals─ │ actor │
//!  neighbours ←──── transports ─┤  Node │ ←time── clock
//!                               └───────┘
//! ```
//!
//! - [`actor`]: one task around the core; frames are passed on here and never leave its thread.
//! - [`store`]: what must survive a crash, written by a thread of its own.
//! - [`bus`]: the API on D-Bus, on a thread of its own.
//! - [`identity`]: the node's keys on disk, and their backup.
//! - [`config`], [`paths`], [`args`]: what the daemon is told.
//! - [`metrics`], [`log`], [`notify`]: what it tells.
//! - [`install`]: making a service of it, and taking that away again.
//! - [`lock`]: one daemon a data directory.
//! - [`relay`]: an iroh relay for others.
//! - [`run`]: puts the pieces together.
#![forbid(unsafe_code)]

pub mod actor;
#[cfg(feature = "appointments")]
pub mod appointments;
pub mod args;
pub mod bus;
pub mod config;
pub mod identity;
pub mod install;
pub mod lock;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod paths;
pub mod relay;
pub mod run;
pub mod store;
#[cfg(feature = "web")]
pub mod web;
