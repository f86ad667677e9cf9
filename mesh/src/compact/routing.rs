//! Announces, route updates, retractions and path requests (`CMP-20` to `CMP-24`).

use alloc::vec::Vec;

use super::{
    CompactType, DecodeError, Encoded, Introduced, Labels, Unknown,
    labels::prefix_of,
    life::{cost_code, cost_of},
};
use crate::{
    address::Address,
    announce::{Advertisement, MeshAnnounce, PathRequest, Retraction, entries, write_count},
    error::Malformed,
    limits::COMPACT_ENTRIES_MAX,
    wire::{
        Reader, Writer,
        frame::{self, FrameKind},
    },
};

pub(super) fn encode_announces(
    body: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Option<Encoded> {
    let entries = entries(body, Advertisement::LEN, "announce count").ok()?;
    if entries.len() > COMPACT_ENTRIES_MAX {
        return None;
    }
    let entries: Vec<Advertisement> =
        entries.map(Advertisement::parse).collect::<Result<_, _>>().ok()?;
    let mut introduces = Introduced::NONE;
    for entry in &entries {
        let address = entry.announce.address();
        let cost = cost_code(entry.cost);
        if let Some(cost) = cost.filter(|_| labels.has_announce(&address, &entry.announce)) {
            let [seq, ..] = entry.announce.seq.to_le_bytes();
            let mut w = Writer::new(out);
            w.u8(entry.hops | UPDATE).array(&prefix_of(&address)).u8(seq).u16(cost);
            continue;
        }
        labels.tell(address, &entry.announce);
        introduces.announces.push((address, entry.announce.seq));
        write_entry(entry, out);
    }
    Some(Encoded { kind: CompactType::ANNOUNCES, introduces })
}

/// The own announce has neither hops nor cost: zero says both.
fn write_entry(entry: &Advertisement, out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.u8(entry.hops);
    if entry.hops > 0 {
        w.u32(entry.cost);
    }
    entry.announce.write(out);
}

pub(super) fn decode_announces(
    body: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let mut r = Reader::new(body);
    let mut read = Vec::new();
    while r.remaining() > 0 || read.is_empty() {
        if read.len() >= COMPACT_ENTRIES_MAX {
            return Err(Malformed::TooLong("announces").into());
        }
        read.push(read_entry(&mut r, labels)?);
    }
    frame::begin(out, FrameKind::ANNOUNCES);
    write_count(read.len(), out);
    for (entry, is_update) in &read {
        entry.write(out);
        if !is_update {
            labels.know(&entry.announce);
        }
    }
    Ok(())
}

/// An entry, and whether it refers to an announce that came before.
fn read_entry(
    r: &mut Reader<'_>,
    labels: &mut Labels,
) -> Result<(Advertisement, bool), DecodeError> {
    let first = r.u8("hops")?;
    let (hops, is_update) = (first & !UPDATE, first & UPDATE != 0);
    let (cost, announce) = if is_update {
        let (prefix, seq) = (r.array("announce prefix")?, r.u8("announce seq")?);
        let cost = cost_of(r.u16("cost")?).ok_or(Malformed::OutOfRange("cost"))?;
        let known = labels.recall(prefix, seq);
        (cost, known.ok_or(DecodeError::Unknown(Unknown::Announce(prefix)))?.1)
    } else {
        let cost = if hops == 0 { 0 } else { r.u32("cost")? };
        (cost, MeshAnnounce::parse(r.bytes(MeshAnnounce::LEN, "announce")?)?)
    };
    let mut full = Vec::with_capacity(Advertisement::LEN);
    Advertisement { hops, cost, announce }.write(&mut full);
    Ok((Advertisement::parse(&full)?, is_update))
}

pub(super) fn encode_retract(
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Option<CompactType> {
    let entries = entries(body, Retraction::LEN, "retract count").ok()?;
    if entries.len() > COMPACT_ENTRIES_MAX {
        return None;
    }
    let entries: Vec<Retraction> = entries.map(Retraction::parse).collect::<Result<_, _>>().ok()?;
    let is_short = entries.iter().all(|entry| labels.has_seq(&entry.address, entry.seq));
    for entry in &entries {
        if is_short {
            let [seq, ..] = entry.seq.to_le_bytes();
            Writer::new(out).array(&prefix_of(&entry.address)).u8(seq);
        } else {
            entry.write(out);
        }
    }
    Some(if is_short { CompactType::RETRACT_SHORT } else { CompactType::RETRACT })
}

pub(super) fn decode_retract(
    kind: CompactType,
    body: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let is_short = kind == CompactType::RETRACT_SHORT;
    let len = if is_short { SHORT_RETRACTION_LEN } else { Retraction::LEN };
    let count = body.len() / len;
    if count == 0 || !body.len().is_multiple_of(len) {
        return Err(Malformed::MissingData("retractions").into());
    }
    if count > COMPACT_ENTRIES_MAX {
        return Err(Malformed::TooLong("retractions").into());
    }
    frame::begin(out, FrameKind::RETRACT);
    write_count(count, out);
    for entry in body.chunks_exact(len) {
        if !is_short {
            Retraction::parse(entry)?.write(out);
            continue;
        }
        let mut r = Reader::new(entry);
        let (prefix, seq) = (r.array("retracted prefix")?, r.u8("retracted seq")?);
        let known = labels.recall(prefix, seq);
        let (address, announce) = known.ok_or(DecodeError::Unknown(Unknown::Announce(prefix)))?;
        Retraction { address, seq: announce.seq }.write(out);
    }
    Ok(())
}

pub(super) fn encode_path_request(body: &[u8], out: &mut Vec<u8>) -> Option<CompactType> {
    let request = PathRequest::parse(body).ok()?;
    let is_short = request.nonce[SHORT_NONCE_LEN..] == [0; 8 - SHORT_NONCE_LEN];
    let mut first = request.ttl - 1;
    first |= if request.min_seq == 0 { 0 } else { HAS_SEQ };
    first |= if is_short { 0 } else { LONG_NONCE };
    let mut w = Writer::new(out);
    w.u8(first).array(request.destination.as_bytes());
    if request.min_seq != 0 {
        w.varint(u64::from(request.min_seq));
    }
    w.bytes(&request.nonce[..if is_short { SHORT_NONCE_LEN } else { 8 }]);
    Some(CompactType::PATH_REQUEST)
}

pub(super) fn decode_path_request(body: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut r = Reader::new(body);
    let first = r.u8("request")?;
    let destination = Address::from_bytes(r.array("requested address")?);
    let min_seq = if first & HAS_SEQ == 0 { 0 } else { r.varint_u32("requested seq")? };
    if first & HAS_SEQ != 0 && min_seq == 0 {
        return Err(Malformed::NonCanonical("requested seq"));
    }
    let mut nonce = [0; 8];
    if first & LONG_NONCE == 0 {
        nonce[..SHORT_NONCE_LEN].copy_from_slice(r.bytes(SHORT_NONCE_LEN, "request nonce")?);
    } else {
        nonce = r.array("request nonce")?;
        if nonce[SHORT_NONCE_LEN..] == [0; 8 - SHORT_NONCE_LEN] {
            return Err(Malformed::NonCanonical("request nonce"));
        }
    }
    r.finish("path request")?;
    frame::begin(out, FrameKind::PATH_REQUEST);
    PathRequest { destination, min_seq, nonce, ttl: (first & 0x3f) + 1 }.write(out);
    Ok(())
}

/// Set in the hops of an entry that refers to an announce.
pub(crate) const UPDATE: u8 = 0x40;

/// Prefix and low byte of the sequence.
const SHORT_RETRACTION_LEN: usize = 5;

const HAS_SEQ: u8 = 0x40;
const LONG_NONCE: u8 = 0x80;
/// Bytes of a nonce that are not zero when its asker drew it for radio.
const SHORT_NONCE_LEN: usize = 4;
