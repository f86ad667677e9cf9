//! What ports say to each other: the layouts of `specs/26-radio.md`.

use alloc::vec::Vec;

use super::keys::{BROADCAST_KEY_LEN, TAG_LEN, Tag};
use crate::{
    compact::CompactType,
    error::Malformed,
    wire::{Reader, Writer},
};

/// Most bytes of a payload: with the modem's own byte one LoRa frame.
pub const PAYLOAD_LEN_MAX: usize = 254;

/// The port's own types, beside the codec's (`00` to `1f`): what the first payload byte says under
/// the version.
pub(super) mod kind {
    use crate::compact::CompactType;

    pub(in crate::radio) const HELLO: CompactType = CompactType(0x20);
    pub(in crate::radio) const KEYS: CompactType = CompactType(0x21);
    pub(in crate::radio) const ACK: CompactType = CompactType(0x22);

    /// A body for everybody has a type of its own, with the low four bits of the codec's.
    const BROADCAST: u8 = 0x30;

    const FOR_ALL: [CompactType; 7] = [
        CompactType::ANNOUNCES,
        CompactType::RETRACT_SHORT,
        CompactType::RETRACT,
        CompactType::PATH_REQUEST,
        CompactType::CHANNEL,
        CompactType::CHANNEL_PLAIN,
        CompactType::CHANNEL_LITE,
    ];

    /// The type on the air of a body for everybody.
    pub(in crate::radio) fn to_all(of: CompactType) -> Option<CompactType> {
        FOR_ALL.contains(&of).then_some(CompactType(BROADCAST | (of.0 & 0x0f)))
    }

    /// The codec's type, if this one is for everybody.
    pub(in crate::radio) fn from_all(of: CompactType) -> Option<CompactType> {
        FOR_ALL.into_iter().find(|it| to_all(*it) == Some(of))
    }

    /// Whether a body carries a counter: all but those that are as good the second time.
    pub(in crate::radio) const fn is_counted(of: CompactType) -> bool {
        !matches!(
            of,
            CompactType::LITE
                | CompactType::LITE_NEW
                | CompactType::ENVELOPE
                | CompactType::ENVELOPE_NEW
                | CompactType::RECEIPTS_SHORT
                | CompactType::RECEIPTS
                | CompactType::RECEIPTS_MIXED
                | CompactType::CHANNEL_LITE
                | ACK
        )
    }

    /// Whether a body is receipts.
    pub(in crate::radio) const fn is_receipt(of: CompactType) -> bool {
        matches!(
            of,
            CompactType::RECEIPTS_SHORT | CompactType::RECEIPTS | CompactType::RECEIPTS_MIXED
        )
    }

    /// Whether a body is an envelope in one piece.
    pub(in crate::radio) const fn is_envelope(of: CompactType) -> bool {
        matches!(
            of,
            CompactType::LITE
                | CompactType::LITE_NEW
                | CompactType::ENVELOPE
                | CompactType::ENVELOPE_NEW
        )
    }
}

/// Strangers a hello says it heard.
pub(super) const HELLO_HEARD_MAX: usize = 15;

/// A port introduces itself to everyone (`RAD-04`).
///
/// ```text
/// kind 1 | node key 32 | x25519 32 | boot u32 | count 1 | heard 1 × count | signature 64
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hello {
    pub(super) node_key: [u8; 32],
    pub(super) x25519: [u8; 32],
    pub(super) boot: u32,
    /// Hints of those whose hello it answers: they need not introduce themselves again.
    pub(super) heard: Vec<u8>,
    pub(super) signature: [u8; 64],
}

impl Hello {
    /// What is signed, and all but the signature of what is sent.
    pub(super) fn signed_part(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(PAYLOAD_LEN_MAX);
        let mut w = Writer::new(&mut out);
        w.u8(kind::HELLO.0).array(&self.node_key).array(&self.x25519).u32(self.boot);
        w.u8(self.heard.len() as u8).bytes(&self.heard);
        out
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut out = self.signed_part();
        Writer::new(&mut out).array(&self.signature);
        out
    }

    pub(super) fn read(payload: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(payload);
        r.u8("radio kind")?;
        let (node_key, x25519) = (r.array("node key")?, r.array("x25519 key")?);
        let boot = r.u32("boot number")?;
        let count = usize::from(r.u8("heard count")?);
        if count > HELLO_HEARD_MAX {
            return Err(Malformed::OutOfRange("heard count"));
        }
        let heard = r.bytes(count, "heard")?.to_vec();
        let signature = r.array("hello signature")?;
        r.finish("hello")?;
        Ok(Self { node_key, x25519, boot, heard, signature })
    }
}

/// One neighbour's part of a [`kind::KEYS`] payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyEntry {
    /// For whom.
    pub(super) to: u8,
    /// Whether the sender has the receiver's broadcast key already.
    pub(super) has_yours: bool,
    /// Whether the sender wants to hear that the receiver has its own.
    pub(super) asks: bool,
    /// The sender's broadcast key, masked.
    pub(super) wrapped: [u8; BROADCAST_KEY_LEN],
    /// Over [`KeyEntry::covered`], under the key between the two.
    pub(super) tag: Tag,
}

impl KeyEntry {
    pub(super) const LEN: usize = 2 + BROADCAST_KEY_LEN + TAG_LEN;

    /// Most that fit a payload.
    pub(super) const MAX: usize = (PAYLOAD_LEN_MAX - 2) / Self::LEN;

    /// What the tag is over.
    pub(super) fn covered(&self, from: u8) -> Vec<u8> {
        let mut out = Vec::with_capacity(4 + BROADCAST_KEY_LEN);
        let mut w = Writer::new(&mut out);
        w.u8(kind::KEYS.0).u8(from).u8(self.to).u8(self.flags()).array(&self.wrapped);
        out
    }

    fn flags(&self) -> u8 {
        u8::from(self.has_yours) | u8::from(self.asks) << 1
    }
}

/// Writes `kind 1 | from 1 | (to 1 | flags 1 | key 12 | tag 4)*`.
pub(super) fn write_keys(from: u8, entries: &[KeyEntry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(2 + entries.len() * KeyEntry::LEN);
    let mut w = Writer::new(&mut out);
    w.u8(kind::KEYS.0).u8(from);
    for entry in entries {
        w.u8(entry.to).u8(entry.flags()).array(&entry.wrapped).array(&entry.tag);
    }
    out
}

pub(super) fn read_keys(payload: &[u8]) -> Result<(u8, Vec<KeyEntry>), Malformed> {
    let mut r = Reader::new(payload);
    r.u8("radio kind")?;
    let from = r.u8("from")?;
    if r.remaining() == 0 || !r.remaining().is_multiple_of(KeyEntry::LEN) {
        return Err(Malformed::OutOfRange("key entries"));
    }
    let mut entries = Vec::with_capacity(r.remaining() / KeyEntry::LEN);
    while r.remaining() > 0 {
        let to = r.u8("to")?;
        let flags = r.u8("key flags")?;
        if flags > 3 {
            return Err(Malformed::OutOfRange("key flags"));
        }
        let (has_yours, asks) = (flags & 1 != 0, flags & 2 != 0);
        let (wrapped, tag) = (r.array("wrapped key")?, r.array("tag")?);
        entries.push(KeyEntry { to, has_yours, asks, wrapped, tag });
    }
    Ok((from, entries))
}

/// Splits `kind 1 | to 1 | from 1 | (counter 1) | body | tag 4`.
pub(super) fn split_unicast(kind: CompactType, payload: &[u8]) -> Result<Unicast<'_>, Malformed> {
    let (covered, tag) =
        payload.split_last_chunk::<TAG_LEN>().ok_or(Malformed::MissingData("hop tag"))?;
    let [_, to, from, rest @ ..] = covered else {
        return Err(Malformed::MissingData("hints"));
    };
    let (counter, body) = match rest {
        [counter, body @ ..] if kind::is_counted(kind) => (Some(*counter), body),
        _ if kind::is_counted(kind) => return Err(Malformed::MissingData("counter")),
        body => (None, body),
    };
    Ok(Unicast { kind, to: *to, from: *from, counter, body, covered, tag: *tag })
}

/// A payload to one neighbour.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unicast<'a> {
    pub(super) kind: CompactType,
    pub(super) to: u8,
    pub(super) from: u8,
    /// The low byte of the sender's counter; the tag is over all of it.
    pub(super) counter: Option<u8>,
    pub(super) body: &'a [u8],
    /// All but the tag.
    pub(super) covered: &'a [u8],
    pub(super) tag: Tag,
}

impl Unicast<'_> {
    /// What stays the same when an envelope or a receipt is passed on.
    pub(super) fn mark(&self) -> Option<Mark> {
        let is_passed_on = kind::is_envelope(self.kind) || kind::is_receipt(self.kind);
        is_passed_on.then(|| self.body.last_chunk().copied())?
    }
}

/// The end of an envelope (ciphertext or tag) or of the last receipt, by which its forwarding is
/// recognised.
pub(super) type Mark = [u8; 8];

/// Most bytes of a unicast body with a counter: hints, counter and tag are the port's.
pub(super) const BODY_MAX: usize = PAYLOAD_LEN_MAX - 4 - TAG_LEN;

/// Splits `kind 1 | from 1 | (counter 1) | body | tag 4`; `of` is the codec's type.
pub(super) fn split_broadcast(of: CompactType, payload: &[u8]) -> Result<Broadcast<'_>, Malformed> {
    let (covered, tag) =
        payload.split_last_chunk::<TAG_LEN>().ok_or(Malformed::MissingData("hop tag"))?;
    let short = Malformed::MissingData("broadcast header");
    let [_, from, rest @ ..] = covered else { return Err(short) };
    let (counter, body) = if kind::is_counted(of) {
        let (counter, body) = rest.split_first().ok_or(short)?;
        (Some(*counter), body)
    } else {
        (None, rest)
    };
    Ok(Broadcast { from: *from, counter, body, covered, tag: *tag })
}

/// A payload to all neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Broadcast<'a> {
    pub(super) from: u8,
    /// The low byte of the sender's counter; the tag is over all of it.
    pub(super) counter: Option<u8>,
    pub(super) body: &'a [u8],
    pub(super) covered: &'a [u8],
    pub(super) tag: Tag,
}

/// How an acknowledgement names a payload: the first bytes of its tag.
pub(super) const ACK_REF_LEN: usize = 3;

/// Payloads acknowledged at once.
pub(super) const ACK_REFS_MAX: usize = 16;
