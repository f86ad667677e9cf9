//! The durable side of a node (`specs/10-disk.md`).
//!
//! The core writes [`mesh::Record`]s and never reads one back while it runs. What fits that is an
//! append log: a batch is one write and one sync, damage stays where it is, and old versions are
//! cleaned away one segment at a time. The decision and its numbers are in
//! `specs/decisions/0001-store-engine.md`.
//!
//! - [`Store`]: rows in, rows out at start; values of secret tables under keys that can be
//!   forgotten.
//! - [`Disk`]: the file system underneath, so that tests can fill, cut and damage it.
//! - [`Writer`]: the one thread that waits for the disk.

mod disk;
mod error;
mod format;
mod index;
mod log;
#[cfg(test)]
mod memory_disk;
mod slots;
mod vault;
mod wrap;
mod writer;

pub use disk::{Disk, FileDisk};
pub(crate) use disk::{new_numbered_dir, sync_dir};
pub use error::StoreError;
pub use log::{Damage, OpenReport};
pub use vault::{Opened, Store};
pub use writer::{Health, Progress, Writer};
