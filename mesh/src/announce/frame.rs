//! The bodies of the three frames that carry routing: Announces, Retract, PathRequest.
//!
//! A body is a count and entries of fixed width, so that its length is known before anything is
//! read (`ANN-01`).

use alloc::vec::Vec;

use super::MeshAnnounce;
use crate::{
    address::{ADDRESS_LEN, Address},
    error::Malformed,
    limits::HOPS_MAX,
    wire::{Reader, Writer},
};

/// The cost of a destination that cannot be reached (`RT-05`).
pub const UNREACHABLE: u32 = u32::MAX;

/// What a neighbour says about a destination: the destination's announce, and how far it is from
/// that neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advertisement {
    /// Hops from the neighbour to the origin; 0 when the neighbour is the origin.
    pub hops: u8,
    /// The neighbour's cost in microseconds for a reference frame; never [`UNREACHABLE`].
    pub cost: u32,
    /// The origin's announce.
    pub announce: MeshAnnounce,
}

impl Advertisement {
    /// Length on the wire.
    pub const LEN: usize = 5 + MeshAnnounce::LEN;

    /// Reads one entry. The announce's signature is not checked.
    ///
    /// # Errors
    /// [`Malformed`] for a wrong length, hops or a cost out of range (`ANN-02`), or a malformed
    /// announce.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let hops = reader.u8("advertised hops")?;
        let cost = reader.u32("advertised cost")?;
        let announce = MeshAnnounce::parse(reader.rest())?;
        if hops >= HOPS_MAX {
            return Err(Malformed::OutOfRange("advertised hops"));
        }
        if cost < u32::from(hops) || cost == UNREACHABLE || (hops == 0 && cost != 0) {
            return Err(Malformed::OutOfRange("advertised cost"));
        }
        Ok(Self { hops, cost, announce })
    }

    /// Appends the entry to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out).u8(self.hops).u32(self.cost);
        self.announce.write(out);
    }
}

/// A neighbour's word that it has no route to a destination any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retraction {
    /// The destination.
    pub address: Address,
    /// The sequence of the route that is gone.
    pub seq: u32,
}

impl Retraction {
    /// Length on the wire.
    pub const LEN: usize = ADDRESS_LEN + 4;

    /// Reads one entry.
    ///
    /// # Errors
    /// [`Malformed`] for a wrong length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let address = Address::from_bytes(reader.array("retracted address")?);
        let seq = reader.u32("retracted seq")?;
        reader.finish("retraction")?;
        Ok(Self { address, seq })
    }

    /// Appends the entry to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out).array(self.address.as_bytes()).u32(self.seq);
    }
}

/// Asks for the announce of a destination (`RT-50`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathRequest {
    /// Who is looked for.
    pub destination: Address,
    /// The lowest sequence that helps; 0 for any.
    pub min_seq: u32,
    /// Drawn by the asker; a request is passed on once.
    pub nonce: [u8; 8],
    /// How many hops the request may still travel, this one included: 1 to 64.
    pub ttl: u8,
}

impl PathRequest {
    /// Length on the wire.
    pub const LEN: usize = ADDRESS_LEN + 4 + 8 + 1;

    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] for a wrong length or a `ttl` out of range (`ANN-03`).
    pub fn parse(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let request = Self {
            destination: Address::from_bytes(reader.array("requested address")?),
            min_seq: reader.u32("requested seq")?,
            nonce: reader.array("request nonce")?,
            ttl: reader.u8("request ttl")?,
        };
        reader.finish("path request")?;
        if request.ttl == 0 || request.ttl > HOPS_MAX {
            return Err(Malformed::OutOfRange("request ttl"));
        }
        Ok(request)
    }

    /// Appends the body to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .array(self.destination.as_bytes())
            .u32(self.min_seq)
            .array(&self.nonce)
            .u8(self.ttl);
    }
}

/// The entries of a counted body of `entry_len` bytes each, length and count checked (`ANN-01`).
///
/// # Errors
/// [`Malformed`] unless the count is at least 1, shortest form, and exactly what the length says.
pub fn entries<'a>(
    body: &'a [u8],
    entry_len: usize,
    what: &'static str,
) -> Result<core::slice::ChunksExact<'a, u8>, Malformed> {
    let mut reader = Reader::new(body);
    let count = u64::from(reader.varint_u32(what)?);
    let rest = reader.rest();
    if count == 0 {
        return Err(Malformed::OutOfRange(what));
    }
    let (expected, len) = (count.saturating_mul(entry_len as u64), rest.len() as u64);
    if len < expected {
        return Err(Malformed::MissingData(what));
    }
    if len > expected {
        return Err(Malformed::TrailingData(what));
    }
    Ok(rest.chunks_exact(entry_len))
}

/// Appends the count that stands before the entries of a body.
pub fn write_count(count: usize, out: &mut Vec<u8>) {
    Writer::new(out).varint(count as u64);
}
