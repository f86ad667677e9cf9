//! What the two sides of a run say: the body of a reconciliation frame after its scope byte.

use alloc::vec::Vec;

use super::Label;
use crate::{
    error::{Error, Malformed, Unsupported},
    limits::{RECONCILE_MESSAGE_LEN_MAX, RECONCILE_SET_MAX},
    wire::{
        Reader, Writer,
        frame::{self, FrameKind},
    },
};

/// Whose sets a reconciliation frame is about: the first byte of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Scope {
    /// Not a run: how neighbours find their common channels (`CH-22`).
    Handshake = 0,
    /// Messages of channels.
    Channels = 1,
    /// Envelopes in custody.
    Custody = 2,
    /// Bundles of known nodes.
    Bundles = 3,
}

impl Scope {
    /// The scope of a frame's body: whom to give it to.
    ///
    /// # Errors
    /// [`Malformed`] for an empty body, [`Unsupported::Kind`] for a scope we do not know.
    pub fn of(body: &[u8]) -> Result<Self, Error> {
        match body.first() {
            None => Err(Malformed::MissingData("scope").into()),
            Some(0) => Ok(Self::Handshake),
            Some(1) => Ok(Self::Channels),
            Some(2) => Ok(Self::Custody),
            Some(3) => Ok(Self::Bundles),
            Some(other) => Err(Unsupported::Kind(*other).into()),
        }
    }
}

/// A message of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// "Let us reconcile this set; mine has so many items and this digest."
    Open { run: u32, label: Label, nonce: [u8; 16], items: u32, digest: [u8; 16] },
    /// A round, led by the answerer.
    Lead { run: u32, round: u32, bytes: &'a [u8] },
    /// The opener's side of that round.
    Reply { run: u32, round: u32, bytes: &'a [u8] },
    /// Blinded ids that the answerer lacks.
    Want { run: u32, round: u32, last: bool, ids: &'a [u8] },
    /// The opener has that part of the want list.
    Taken { run: u32, round: u32 },
    /// The answerer has nothing to do: equal, or not shared.
    Answer { run: u32, refused: bool },
    /// The opener knows no such run, or it is complete.
    Closed { run: u32 },
}

const OPEN: u8 = 1;
const LEAD: u8 = 2;
const REPLY: u8 = 3;
const WANT: u8 = 4;
const TAKEN: u8 = 5;
const ANSWER: u8 = 6;
const CLOSED: u8 = 7;

/// Length of an id on the wire.
pub(super) const ID_LEN: usize = 32;

impl<'a> Message<'a> {
    /// Reads what follows the scope byte.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Error> {
        if body.len() > RECONCILE_MESSAGE_LEN_MAX {
            return Err(Malformed::TooLong("reconciliation").into());
        }
        let mut r = Reader::new(body);
        let kind = r.u8("message kind")?;
        let run = r.varint_u32("run")?;
        let message = match kind {
            OPEN => Self::read_open(run, &mut r)?,
            LEAD => Self::Lead { run, round: r.varint_u32("round")?, bytes: r.rest() },
            REPLY => Self::Reply { run, round: r.varint_u32("round")?, bytes: r.rest() },
            WANT => Self::read_want(run, &mut r)?,
            TAKEN => Self::Taken { run, round: r.varint_u32("round")? },
            ANSWER => Self::Answer { run, refused: read_flag(&mut r, "answer")? },
            CLOSED => Self::Closed { run },
            other => return Err(Unsupported::Kind(other).into()),
        };
        r.finish("reconciliation")?;
        Ok(message)
    }

    fn read_open(run: u32, r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let label = Label(r.array("label")?);
        let nonce = r.array("nonce")?;
        let items = r.varint_u32("items")?;
        let digest = r.array("digest")?;
        if items as usize > RECONCILE_SET_MAX {
            return Err(Malformed::OutOfRange("items"));
        }
        Ok(Self::Open { run, label, nonce, items, digest })
    }

    fn read_want(run: u32, r: &mut Reader<'a>) -> Result<Self, Malformed> {
        let round = r.varint_u32("round")?;
        let last = read_flag(r, "last")?;
        let ids = r.rest();
        if !ids.len().is_multiple_of(ID_LEN) {
            return Err(Malformed::MissingData("wanted id"));
        }
        Ok(Self::Want { run, round, last, ids })
    }

    /// Appends a whole frame.
    pub(super) fn write(&self, scope: Scope, buf: &mut Vec<u8>) {
        frame::begin(buf, FrameKind::RECONCILE);
        let mut w = Writer::new(buf);
        w.u8(scope as u8);
        match *self {
            Self::Open { run, label, nonce, items, digest } => {
                head(&mut w, OPEN, run);
                w.array(&label.0);
                w.array(&nonce);
                w.varint(u64::from(items));
                w.array(&digest);
            }
            Self::Lead { run, round, bytes } => {
                head(&mut w, LEAD, run);
                w.varint(u64::from(round));
                w.bytes(bytes);
            }
            Self::Reply { run, round, bytes } => {
                head(&mut w, REPLY, run);
                w.varint(u64::from(round));
                w.bytes(bytes);
            }
            Self::Want { run, round, last, ids } => {
                head(&mut w, WANT, run);
                w.varint(u64::from(round));
                w.u8(u8::from(last));
                w.bytes(ids);
            }
            Self::Taken { run, round } => {
                head(&mut w, TAKEN, run);
                w.varint(u64::from(round));
            }
            Self::Answer { run, refused } => {
                head(&mut w, ANSWER, run);
                w.u8(u8::from(refused));
            }
            Self::Closed { run } => head(&mut w, CLOSED, run),
        }
    }
}

fn head(w: &mut Writer<'_>, kind: u8, run: u32) {
    w.u8(kind);
    w.varint(u64::from(run));
}

fn read_flag(r: &mut Reader<'_>, what: &'static str) -> Result<bool, Malformed> {
    match r.u8(what)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::OutOfRange(what)),
    }
}
