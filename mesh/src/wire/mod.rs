//! How bytes on the wire and in records are read and written.
//!
//! Structure is postcard's format: little-endian base-128 varints, fixed-width arrays, byte strings
//! behind a varint length. [`Reader`] and [`Writer`] implement it by hand because they are stricter
//! than a general decoder: a varint longer than needed, a length beyond its bound and bytes after
//! the last field are refused, and nothing is allocated before that is known
//! (`specs/00-conventions.md`, `WIRE-05` to `WIRE-09`).
//!
//! Objects that are signed or hashed (envelopes, announces, bundles) are fixed-width and little
//! endian instead; the same reader and writer serve them.

pub mod frame;

mod reader;
mod writer;

#[cfg(test)]
mod tests;

#[cfg(test)]
mod frame_tests;

pub use reader::Reader;
pub use writer::Writer;

/// The version byte that starts every frame and every envelope (`WIRE-01`).
pub const VERSION: u8 = 1;
