//! Announces: how nodes make themselves known.
//!
//! [`MeshAnnounce`] is the object: a node's signed description of itself. This module also has the
//! bodies of the frames that carry announces, retractions and path requests between neighbours,
//! the queue in which what arrived waits for its verification, and what a link may spend on them
//! (`specs/05-announce.md`). What is made of it is [`crate::routing`].

mod frame;
mod intake;
mod object;
mod share;

#[cfg(test)]
mod tests;

pub use frame::{Advertisement, PathRequest, Retraction, UNREACHABLE, entries, write_count};
pub(crate) use intake::{BATCH_MAX, Heard, INTAKE_MAX, Intake, What, verify};
pub use object::*;
pub(crate) use share::Bucket;
pub use share::{FAST_BPS, is_fast};

/// The frame kind of Announces.
pub const KIND_ANNOUNCES: u8 = 0x10;

/// The frame kind of Retract.
pub const KIND_RETRACT: u8 = 0x11;

/// The frame kind of PathRequest.
pub const KIND_PATH_REQUEST: u8 = 0x12;
