//! Fuzz targets for everything that reads bytes from the network or the disk.
//!
//! `cargo +nightly fuzz run node` explores one target with coverage. Every target is a plain
//! function over bytes in [`targets`]; the core's own tests run the same functions over seeded noise
//! and mutated honest traffic on the stable compiler, so that they cannot rot.

pub mod appointments;
pub mod outer;
pub mod targets;
