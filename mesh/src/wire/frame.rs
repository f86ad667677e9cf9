//! Frames: what two neighbours say to each other over one link (`specs/14-hop.md`).
//!
//! A frame is `version | kind | body`. The link below has already authenticated and encrypted it.
//! Bodies of routing, channel, fragment and reconciliation frames are written and read by their
//! machines; the rest is here.

use alloc::vec::Vec;

use super::{Reader, VERSION, Writer};
use crate::{
    address::Address,
    envelope::EnvelopeId,
    error::{Error, Malformed, Unsupported},
    limits,
};

/// Bytes before a frame's body.
pub const FRAME_HEADER_LEN: usize = 2;

/// What a frame is about. Unknown kinds survive a round trip and are ignored (`WIRE-04`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FrameKind(pub u8);

#[allow(missing_docs, reason = "the table in specs/14-hop.md describes each kind")]
impl FrameKind {
    pub const HELLO: Self = Self(0x01);
    pub const KEEPALIVE: Self = Self(0x02);
    pub const KEEPALIVE_ACK: Self = Self(0x03);
    pub const ANNOUNCES: Self = Self(0x10);
    pub const RETRACT: Self = Self(0x11);
    pub const PATH_REQUEST: Self = Self(0x12);
    pub const NO_ROUTE: Self = Self(0x13);
    pub const ENVELOPE: Self = Self(0x20);
    pub const FRAGMENT: Self = Self(0x21);
    pub const CUSTODY_ACK: Self = Self(0x22);
    pub const RECEIPTS: Self = Self(0x23);
    pub const REFUSED: Self = Self(0x24);
    pub const BUNDLE_REQUEST: Self = Self(0x30);
    pub const BUNDLE: Self = Self(0x31);
    pub const TRACE_REQUEST: Self = Self(0x38);
    pub const TRACE_REPLY: Self = Self(0x39);
    pub const RECONCILE: Self = Self(0x40);
    pub const CHANNEL: Self = Self(0x50);
    pub const CHANNEL_LITE: Self = Self(0x51);
    pub const BESIDE: Self = Self(0x60);
    pub const EXCHANGE_REQUEST: Self = Self(0x61);
    pub const EXCHANGE_RESPONSE: Self = Self(0x62);
}

/// Splits a frame into kind and body.
///
/// # Errors
/// [`Malformed`] when it is shorter than a header, [`Unsupported::Version`] for another version.
pub fn split(frame: &[u8]) -> Result<(FrameKind, &[u8]), Error> {
    let [version, kind, body @ ..] = frame else {
        return Err(Malformed::MissingData("frame header").into());
    };
    if *version != VERSION {
        return Err(Unsupported::Version(*version).into());
    }
    Ok((FrameKind(*kind), body))
}

/// Starts a frame in `buf`; the body follows.
pub fn begin(buf: &mut Vec<u8>, kind: FrameKind) {
    buf.push(VERSION);
    buf.push(kind.0);
}

/// What a node tells a neighbour once per link, and again with every keep-alive (`HOP-02`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// Returned in the answer.
    pub token: u32,
    /// The sender's wall clock in seconds, 0 when it has none.
    pub unix_secs: u64,
}

impl Keepalive {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let this = Self { token: r.u32("token")?, unix_secs: r.varint("wall clock")? };
        r.finish("keepalive")?;
        Ok(this)
    }

    /// Appends a whole frame of this kind.
    pub fn write(&self, kind: FrameKind, buf: &mut Vec<u8>) {
        begin(buf, kind);
        let mut w = Writer::new(buf);
        w.u32(self.token);
        w.varint(self.unix_secs);
    }
}

/// Most entries in one acknowledgement or receipt frame: 3,072 × 16 bytes stay below 50 kB.
pub const IDS_PER_FRAME_MAX: usize = 3_072;

/// Reads a list of 16-byte ids: the body of `CustodyAck` (envelope ids) and `Receipts`
/// (preimages).
///
/// # Errors
/// [`Malformed`] bytes; the count is checked against the body's length before anything is read.
pub fn read_ids(body: &[u8]) -> Result<impl Iterator<Item = [u8; 16]> + '_, Malformed> {
    let mut r = Reader::new(body);
    let count = r.varint_u32("id count")? as usize;
    if count == 0 || count > IDS_PER_FRAME_MAX {
        return Err(Malformed::OutOfRange("id count"));
    }
    let ids = r.bytes(count * 16, "ids")?;
    r.finish("ids")?;
    Ok(ids.chunks_exact(16).map(|chunk| {
        let mut id = [0; 16];
        id.copy_from_slice(chunk);
        id
    }))
}

/// Appends a whole frame with up to [`IDS_PER_FRAME_MAX`] ids that fit `mtu`, taking them from the
/// front of `ids`.
pub fn write_ids(kind: FrameKind, ids: &mut Vec<[u8; 16]>, mtu: u32, buf: &mut Vec<u8>) {
    let room = (mtu as usize).saturating_sub(FRAME_HEADER_LEN + 2) / 16;
    let count = ids.len().min(room).min(IDS_PER_FRAME_MAX);
    begin(buf, kind);
    let mut w = Writer::new(buf);
    w.varint(count as u64);
    for id in ids.drain(..count) {
        w.array(&id);
    }
}

/// Why a neighbour would not keep an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RefuseReason {
    /// Its store is full, or our share of it is.
    Full = 0,
    /// It is the recipient and has no key to open it.
    UnknownKey = 1,
}

/// A refusal, told to the neighbour the envelope came from (`HOP-07`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The envelope.
    pub id: EnvelopeId,
    /// Its hash-lock, by which relays find the way back.
    pub lock: [u8; 16],
    /// Why.
    pub reason: RefuseReason,
}

impl Refused {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let id = EnvelopeId(r.array("id")?);
        let lock = r.array("lock")?;
        let reason = match r.u8("reason")? {
            0 => RefuseReason::Full,
            1 => RefuseReason::UnknownKey,
            _ => return Err(Malformed::OutOfRange("refuse reason")),
        };
        r.finish("refused")?;
        Ok(Self { id, lock, reason })
    }

    /// Appends a whole frame.
    pub fn write(&self, buf: &mut Vec<u8>) {
        begin(buf, FrameKind::REFUSED);
        let mut w = Writer::new(buf);
        w.array(&self.id.0);
        w.array(&self.lock);
        w.u8(self.reason as u8);
    }
}

/// "I have no route for this": explicit and advisory (`RT-34`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoute {
    /// Hash-lock of the envelope that could not be forwarded.
    pub lock: [u8; 16],
    /// Its destination.
    pub dest: Address,
}

impl NoRoute {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let lock = r.array("lock")?;
        let dest = Address::from_bytes(r.array("destination")?);
        r.finish("no route")?;
        Ok(Self { lock, dest })
    }

    /// Appends a whole frame.
    pub fn write(&self, buf: &mut Vec<u8>) {
        begin(buf, FrameKind::NO_ROUTE);
        let mut w = Writer::new(buf);
        w.array(&self.lock);
        w.array(self.dest.as_bytes());
    }
}

/// A question for the bundle of a node (`HOP-08`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BundleRequest {
    /// Whose bundle.
    pub address: Address,
    /// The oldest version that is of use.
    pub min_version: u32,
    /// Hops the question may still travel.
    pub hops_left: u8,
}

impl BundleRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let address = Address::from_bytes(r.array("address")?);
        let min_version = r.varint_u32("bundle version")?;
        let hops_left = r.u8("hops left")?;
        r.finish("bundle request")?;
        if hops_left > limits::HOPS_MAX {
            return Err(Malformed::OutOfRange("hops left"));
        }
        Ok(Self { address, min_version, hops_left })
    }

    /// Appends a whole frame.
    pub fn write(&self, buf: &mut Vec<u8>) {
        begin(buf, FrameKind::BUNDLE_REQUEST);
        let mut w = Writer::new(buf);
        w.array(self.address.as_bytes());
        w.varint(u64::from(self.min_version));
        w.u8(self.hops_left);
    }
}

/// A question who is `hops_left` hops along the route to `dest` (`HOP-09`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceRequest {
    /// Chosen by the asker; the answer finds its way back by it.
    pub id: [u8; 8],
    /// The destination whose route is followed.
    pub dest: Address,
    /// The node that receives this with 1 answers.
    pub hops_left: u8,
}

impl TraceRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let id = r.array("trace id")?;
        let dest = Address::from_bytes(r.array("destination")?);
        let hops_left = r.u8("hops left")?;
        r.finish("trace request")?;
        if hops_left == 0 || hops_left > limits::HOPS_MAX {
            return Err(Malformed::OutOfRange("hops left"));
        }
        Ok(Self { id, dest, hops_left })
    }

    /// Appends a whole frame.
    pub fn write(&self, buf: &mut Vec<u8>) {
        begin(buf, FrameKind::TRACE_REQUEST);
        let mut w = Writer::new(buf);
        w.array(&self.id);
        w.array(self.dest.as_bytes());
        w.u8(self.hops_left);
    }
}

/// What a traced node says of the way on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum TraceEnd {
    /// The way goes on.
    Onward = 0,
    /// This is the destination.
    Destination = 1,
    /// No route leads on from here.
    DeadEnd = 2,
}

/// The answer to a [`TraceRequest`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceReply {
    /// The question's id.
    pub id: [u8; 8],
    /// Who answers. Not proven end to end: a relay on the way may lie.
    pub address: Address,
    /// What it says of the way on.
    pub end: TraceEnd,
    /// Over which medium it says the question came: a number below 64, 0 when it does not say.
    pub medium: u8,
}

impl TraceReply {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes.
    pub fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let id = r.array("trace id")?;
        let address = Address::from_bytes(r.array("address")?);
        let byte = r.u8("trace end")?;
        let end = match byte & 3 {
            0 => TraceEnd::Onward,
            1 => TraceEnd::Destination,
            2 => TraceEnd::DeadEnd,
            _ => return Err(Malformed::OutOfRange("trace end")),
        };
        r.finish("trace reply")?;
        Ok(Self { id, address, end, medium: byte >> 2 })
    }

    /// Appends a whole frame.
    pub fn write(&self, buf: &mut Vec<u8>) {
        begin(buf, FrameKind::TRACE_REPLY);
        let mut w = Writer::new(buf);
        w.array(&self.id);
        w.array(self.address.as_bytes());
        w.u8(self.end as u8 | self.medium << 2);
    }
}
