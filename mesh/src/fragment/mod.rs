//! Frames in pieces, for links whose MTU is smaller than a frame (`specs/06-fragment.md`).
//!
//! [`Fragmenter`] cuts one frame that waits for its link, [`Reassembler`] collects the pieces of
//! all links. Both work on one hop: nothing here is forwarded, acknowledged or retried.

mod fragmenter;
mod reassembler;
#[cfg(test)]
mod tests;

pub use fragmenter::Fragmenter;
pub use reassembler::Reassembler;

use crate::{
    limits::{FRAGMENT_COUNT_MAX, FRAME_LEN_MAX, LINK_MTU_MIN},
    wire::frame::FRAME_HEADER_LEN,
};

/// Longest header of a fragment frame: version and kind 2, id 5, index and count 2 each
/// (6,144 needs 13 bits, two bytes of varint).
pub const FRAGMENT_HEADER_LEN_MAX: usize = FRAME_HEADER_LEN + 5 + 2 + 2;

const _: () = assert!(FRAGMENT_COUNT_MAX < 1 << 14, "two bytes of varint hold every count");

const _: () = assert!(
    FRAGMENT_COUNT_MAX as usize * (LINK_MTU_MIN as usize - FRAGMENT_HEADER_LEN_MAX)
        >= FRAME_LEN_MAX,
    "the longest frame passes the narrowest link"
);
