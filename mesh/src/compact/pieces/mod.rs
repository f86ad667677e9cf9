//! Bodies that are too long for one transmission, in pieces, with repair of what got lost
//! (`CMP-30` to `CMP-42`).
//!
//! [`Outgoing`] cuts one message and repeats what the receiver asks for; [`Incoming`] collects the
//! pieces of all neighbours, asks for the missing ones and says when all are there. A *message* here
//! is a compact frame without its hints: the type byte and the body. Both are machines of one hop,
//! driven with `now` and a *pause*: how long the caller would wait for the next frame of that
//! neighbour before it counts as lost, at its bit rate.

mod incoming;
mod outgoing;
mod parity;
mod partial;
mod repair;

#[cfg(test)]
mod tests;

pub use incoming::{Incoming, Progress};
pub use outgoing::{Outgoing, Verdict};
pub use parity::pays as parity_pays;

use crate::{
    error::Malformed,
    limits::{COMPACT_BODY_LEN_MAX, COMPACT_PIECES_MAX},
    wire::{Reader, Writer},
};

/// Longest message: a type byte and a body.
pub const MESSAGE_LEN_MAX: usize = 1 + COMPACT_BODY_LEN_MAX;

/// Longest header of a piece: id 1, index 2, shape 2.
pub const PIECE_HEADER_LEN_MAX: usize = 5;

/// Most bytes of a piece: its length is told in one byte where parity needs it.
pub const PIECE_LEN_MAX: usize = 255;

/// Most parity pieces of a message.
pub const PARITY_MAX: u8 = 2;

/// How many pieces a message has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    /// With the message's bytes.
    count: u16,
    /// With parity, after these.
    parity: u8,
}

impl Shape {
    const fn code(self) -> u16 {
        self.count * 4 + self.parity as u16
    }

    fn from_code(code: u64) -> Option<Self> {
        let shape = Self { count: u16::try_from(code / 4).ok()?, parity: (code % 4) as u8 };
        let is_valid =
            (2..=COMPACT_PIECES_MAX).contains(&shape.count) && shape.parity <= PARITY_MAX;
        let parity_holds = shape.parity == 0 || shape.count <= parity::COUNT_MAX;
        (is_valid && parity_holds).then_some(shape)
    }

    /// Pieces of both sorts.
    const fn total(self) -> u16 {
        self.count + self.parity as u16
    }
}

/// A piece as it is on the air; without bytes it only asks what is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Piece<'a> {
    id: u8,
    index: u16,
    shape: Shape,
    bytes: &'a [u8],
}

impl<'a> Piece<'a> {
    fn read(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let id = r.u8("message id")?;
        let index = r.varint("piece index")?;
        let shape = Shape::from_code(r.varint("piece count")?);
        let shape = shape.ok_or(Malformed::OutOfRange("piece count"))?;
        let index = u16::try_from(index).ok().filter(|index| *index < shape.total());
        let index = index.ok_or(Malformed::OutOfRange("piece index"))?;
        let bytes = r.rest();
        if bytes.len() > PIECE_LEN_MAX + 1 {
            return Err(Malformed::TooLong("piece"));
        }
        Ok(Self { id, index, shape, bytes })
    }

    fn write(&self, w: &mut Writer<'_>) {
        w.u8(self.id);
        w.varint(u64::from(self.index));
        w.varint(u64::from(self.shape.code()));
        w.bytes(self.bytes);
    }
}

const _: () = assert!(COMPACT_PIECES_MAX < 1 << 12, "four times as many are two bytes of varint");
