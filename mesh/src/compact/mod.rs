//! Frames for radio: the same frames in fewer bytes (`specs/27-compact.md`).
//!
//! [`encode`] turns a full frame into the body of a compact one and [`decode`] turns it back, byte for
//! byte; only an age, or the cost of a route update, may come back a little larger. What both
//! neighbours remember of each other is in [`Labels`], one for each neighbour and start of either
//! side. Nothing here knows a key: the radio port adds hints and the hop tag, and hands in only
//! bodies whose tag held. Bodies too long for one transmission travel in [`pieces`].

mod channel;
mod envelope;
mod hop;
mod labels;
mod life;
pub mod pieces;
mod recent;
mod routing;
mod unknown;

#[cfg(test)]
mod tests;

pub use labels::{Introduced, Labels};
pub(crate) use life::cost_code;
pub use life::{LIFETIMES_S, lifetime_code};
pub(crate) use routing::UPDATE;
pub use unknown::Unknown;

use alloc::vec::Vec;

use crate::{
    error::{Error, Malformed, Unsupported},
    limits::{COMPACT_BODY_LEN_MAX, FRAME_LEN_MAX},
    wire::{
        VERSION, Writer,
        frame::{self, FrameKind},
    },
};

/// What a compact frame is: the low six bits of its first byte; the two above are the version, 0.
///
/// `00` to `1f` are the codec's, `20` to `3f` the radio port's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CompactType(pub u8);

#[allow(missing_docs, reason = "the table in specs/27-compact.md describes each type")]
impl CompactType {
    pub const GENERIC: Self = Self(0x00);
    pub const LITE: Self = Self(0x01);
    pub const LITE_NEW: Self = Self(0x02);
    pub const ENVELOPE: Self = Self(0x03);
    pub const ENVELOPE_NEW: Self = Self(0x04);
    pub const RECEIPTS_SHORT: Self = Self(0x05);
    pub const RECEIPTS: Self = Self(0x06);
    pub const RECEIPTS_MIXED: Self = Self(0x07);
    pub const ANNOUNCES: Self = Self(0x08);
    pub const RETRACT_SHORT: Self = Self(0x09);
    pub const RETRACT: Self = Self(0x0a);
    pub const PATH_REQUEST: Self = Self(0x0b);
    pub const NO_ROUTE_SHORT: Self = Self(0x0c);
    pub const NO_ROUTE: Self = Self(0x0d);
    pub const REFUSED_SHORT: Self = Self(0x0e);
    pub const REFUSED: Self = Self(0x0f);
    pub const CUSTODY_SHORT: Self = Self(0x10);
    pub const CUSTODY: Self = Self(0x11);
    pub const CHANNEL: Self = Self(0x12);
    pub const CHANNEL_PLAIN: Self = Self(0x13);
    pub const RECONCILE: Self = Self(0x14);
    pub const BUNDLE_REQUEST: Self = Self(0x15);
    pub const BUNDLE: Self = Self(0x16);
    pub const TRACE_REQUEST: Self = Self(0x17);
    pub const TRACE_REPLY: Self = Self(0x18);
    pub const CHANNEL_LITE: Self = Self(0x1c);
    /// Not a frame: a piece of a body ([`pieces::Incoming::on_piece`]).
    pub const PIECE: Self = Self(0x1d);
    /// Not a frame: which pieces are missing, or none ([`pieces::Outgoing::on_repair`]).
    pub const REPAIR: Self = Self(0x1e);
    /// Not a frame: a reference was not understood ([`Labels::on_unknown`]).
    pub const UNKNOWN: Self = Self(0x1f);
}

/// What became of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Encoded {
    /// The type for the first byte of the compact frame.
    pub kind: CompactType,
    /// To be given to [`Labels::acknowledged`] once the neighbour is known to have it.
    pub introduces: Introduced,
}

/// Why a compact body is no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// The bytes, or a version we do not know.
    Error(Error),
    /// Nobody is at fault: it refers to something that is not remembered here. Answer with
    /// [`Unknown::write`] in a frame of type [`CompactType::UNKNOWN`].
    Unknown(Unknown),
}

impl<E: Into<Error>> From<E> for DecodeError {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

/// Appends the compact body of a full frame to `out`: what stands behind the hints.
///
/// Every frame of our version has one. What is sent again is sent as the same bytes; a frame whose
/// references the neighbour did not know is encoded anew after [`Labels::on_unknown`].
///
/// # Errors
/// [`Malformed`] and [`Unsupported::Version`] for what is no frame of ours; nothing is appended then.
pub fn encode(frame: &[u8], labels: &mut Labels, out: &mut Vec<u8>) -> Result<Encoded, Error> {
    let (kind, body) = frame::split(frame)?;
    if frame.len() > COMPACT_BODY_LEN_MAX {
        return Err(Malformed::TooLong("frame").into());
    }
    let special = match kind {
        FrameKind::ENVELOPE => envelope::encode(body, labels, out),
        FrameKind::RECEIPTS => hop::encode_receipts(body, out).map(plain),
        FrameKind::ANNOUNCES => routing::encode_announces(body, labels, out),
        FrameKind::RETRACT => routing::encode_retract(body, labels, out).map(plain),
        FrameKind::PATH_REQUEST => routing::encode_path_request(body, out).map(plain),
        FrameKind::NO_ROUTE => hop::encode_no_route(body, labels, out).map(plain),
        FrameKind::REFUSED => hop::encode_refused(body, labels, out).map(plain),
        FrameKind::CUSTODY_ACK => hop::encode_custody(body, labels, out).map(plain),
        FrameKind::CHANNEL => channel::encode(body, out).map(plain),
        channel::LITE_KIND => channel::encode_lite(body, out).map(plain),
        _ => None,
    };
    Ok(special.unwrap_or_else(|| plain(encode_verbatim(kind, body, out))))
}

/// Appends the full frame of a compact body to `out`.
///
/// # Errors
/// [`DecodeError`]; `out` is then as it was.
pub fn decode(
    kind: CompactType,
    body: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if body.len() > COMPACT_BODY_LEN_MAX {
        return Err(Malformed::TooLong("compact body").into());
    }
    let start = out.len();
    let mut result = decode_any(kind, body, labels, out);
    if result.is_ok() && out.len() - start > FRAME_LEN_MAX {
        result = Err(Malformed::TooLong("compact frame").into());
    }
    if result.is_err() {
        out.truncate(start);
    }
    result
}

/// Splits a whole compact frame's first byte, for drivers that keep type and body together.
///
/// # Errors
/// [`Unsupported::Version`] for another version than 0.
pub const fn split_type(first: u8) -> Result<CompactType, Unsupported> {
    match first >> 6 {
        0 => Ok(CompactType(first & 0x3f)),
        version => Err(Unsupported::Version(version)),
    }
}

fn decode_any(
    kind: CompactType,
    body: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    use CompactType as T;
    match kind {
        T::LITE | T::LITE_NEW | T::ENVELOPE | T::ENVELOPE_NEW => {
            envelope::decode(kind, body, labels, out)
        }
        T::RECEIPTS_SHORT | T::RECEIPTS | T::RECEIPTS_MIXED => {
            Ok(hop::decode_receipts(kind, body, out)?)
        }
        T::ANNOUNCES => routing::decode_announces(body, labels, out),
        T::RETRACT_SHORT | T::RETRACT => routing::decode_retract(kind, body, labels, out),
        T::PATH_REQUEST => Ok(routing::decode_path_request(body, out)?),
        T::NO_ROUTE_SHORT | T::NO_ROUTE => hop::decode_no_route(kind, body, labels, out),
        T::REFUSED_SHORT | T::REFUSED => hop::decode_refused(kind, body, labels, out),
        T::CUSTODY_SHORT | T::CUSTODY => hop::decode_custody(kind, body, labels, out),
        T::CHANNEL => Ok(channel::decode(body, out)?),
        T::CHANNEL_LITE => Ok(channel::decode_lite(body, out)?),
        _ => Ok(decode_verbatim(kind, body, labels, out)?),
    }
}

/// Frames that travel as they are, and the type that stands for version and kind.
const VERBATIM: [(CompactType, FrameKind); 6] = [
    (CompactType::CHANNEL_PLAIN, FrameKind::CHANNEL),
    (CompactType::RECONCILE, FrameKind::RECONCILE),
    (CompactType::BUNDLE_REQUEST, FrameKind::BUNDLE_REQUEST),
    (CompactType::BUNDLE, FrameKind::BUNDLE),
    (CompactType::TRACE_REQUEST, FrameKind::TRACE_REQUEST),
    (CompactType::TRACE_REPLY, FrameKind::TRACE_REPLY),
];

fn encode_verbatim(kind: FrameKind, body: &[u8], out: &mut Vec<u8>) -> CompactType {
    let own_type = VERBATIM.iter().find(|(_, it)| *it == kind).map(|(it, _)| *it);
    if own_type.is_none() {
        out.push(kind.0);
    }
    out.extend_from_slice(body);
    own_type.unwrap_or(CompactType::GENERIC)
}

fn decode_verbatim(
    kind: CompactType,
    body: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    let (kind, body) = match VERBATIM.iter().find(|(it, _)| *it == kind) {
        Some((_, kind)) => (*kind, body),
        None if kind == CompactType::GENERIC => {
            let (kind, body) = body.split_first().ok_or(Malformed::MissingData("frame kind"))?;
            (FrameKind(*kind), body)
        }
        None => return Err(Unsupported::Kind(kind.0).into()),
    };
    if kind == FrameKind::ENVELOPE {
        labels.heard_envelope(body);
    }
    Writer::new(out).u8(VERSION).u8(kind.0).bytes(body);
    Ok(())
}

const fn plain(kind: CompactType) -> Encoded {
    Encoded { kind, introduces: Introduced::NONE }
}
