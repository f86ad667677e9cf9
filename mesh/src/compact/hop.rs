//! What neighbours answer to envelopes: receipts, custody, refusals, "no route" (`CMP-15` to
//! `CMP-18`). Ids and locks are named by their first bytes among what the other side sent.

use alloc::vec::Vec;

use super::{CompactType, DecodeError, Labels, Unknown};
use crate::{
    error::Malformed,
    wire::{
        Reader, Writer,
        frame::{self, FrameKind, IDS_PER_FRAME_MAX, NoRoute, Refused, read_ids},
    },
};

/// Preimages of lite messages end in six zero bytes, which are left out.
pub(super) fn encode_receipts(body: &[u8], out: &mut Vec<u8>) -> Option<CompactType> {
    let ids: Vec<[u8; 16]> = read_ids(body).ok()?.collect();
    let short = ids.iter().filter(|id| is_short(id)).count();
    let kind = match short {
        0 => CompactType::RECEIPTS,
        all if all == ids.len() => CompactType::RECEIPTS_SHORT,
        _ => {
            write_bitmap(&ids, out);
            CompactType::RECEIPTS_MIXED
        }
    };
    for id in &ids {
        let len = if is_short(id) { SHORT_LEN } else { id.len() };
        out.extend_from_slice(&id[..len]);
    }
    Some(kind)
}

/// How many there are, and which of them are short: bit 0 of the first byte is the first one.
fn write_bitmap(ids: &[[u8; 16]], out: &mut Vec<u8>) {
    let mut w = Writer::new(out);
    w.varint(ids.len() as u64);
    for eight in ids.chunks(8) {
        let bits = eight.iter().enumerate().filter(|(_, id)| is_short(id));
        w.u8(bits.fold(0, |byte, (bit, _)| byte | 1 << bit));
    }
}

pub(super) fn decode_receipts(
    kind: CompactType,
    body: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Malformed> {
    match kind {
        CompactType::RECEIPTS_SHORT => {
            write_counted(FrameKind::RECEIPTS, body, SHORT_LEN, "receipts", out, |id, out| {
                write_preimage(id, out);
                Ok(())
            })
        }
        CompactType::RECEIPTS => {
            write_counted(FrameKind::RECEIPTS, body, 16, "receipts", out, |id, out| {
                out.extend_from_slice(id);
                Ok(())
            })
        }
        _ => decode_mixed(body, out),
    }
}

fn decode_mixed(body: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut r = Reader::new(body);
    let count = r.varint_u32("receipt count")? as usize;
    if count == 0 || count > IDS_PER_FRAME_MAX {
        return Err(Malformed::OutOfRange("receipt count"));
    }
    let bitmap = r.bytes(count.div_ceil(8), "receipt bitmap")?;
    let is_short = |index: usize| bitmap[index / 8] >> (index % 8) & 1 == 1;
    if (count..bitmap.len() * 8).any(is_short) {
        return Err(Malformed::NonCanonical("receipt bitmap"));
    }
    let short = (0..count).filter(|index| is_short(*index)).count();
    if short == 0 || short == count {
        return Err(Malformed::NonCanonical("receipt bitmap"));
    }
    if r.remaining() < short * SHORT_LEN + (count - short) * 16 {
        return Err(Malformed::MissingData("receipts"));
    }
    frame::begin(out, FrameKind::RECEIPTS);
    Writer::new(out).varint(count as u64);
    for index in 0..count {
        let len = if is_short(index) { SHORT_LEN } else { 16 };
        write_preimage(r.bytes(len, "receipt")?, out);
    }
    r.finish("receipts")
}

fn write_preimage(preimage: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(preimage);
    out.resize(out.len() + 16 - preimage.len(), 0);
}

/// Writes a whole frame of counted entries from as many of `len` bytes as are there.
fn write_counted<E: From<Malformed>>(
    kind: FrameKind,
    body: &[u8],
    len: usize,
    what: &'static str,
    out: &mut Vec<u8>,
    mut write: impl FnMut(&[u8], &mut Vec<u8>) -> Result<(), E>,
) -> Result<(), E> {
    let count = body.len() / len;
    if count == 0 || !body.len().is_multiple_of(len) {
        return Err(Malformed::MissingData(what).into());
    }
    if count > IDS_PER_FRAME_MAX {
        return Err(Malformed::OutOfRange(what).into());
    }
    frame::begin(out, kind);
    Writer::new(out).varint(count as u64);
    body.chunks_exact(len).try_for_each(|entry| write(entry, out))
}

pub(super) fn encode_custody(
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Option<CompactType> {
    let names: Option<Vec<[u8; 4]>> = read_ids(body)
        .ok()?
        .map(|id| labels.may_name(|it| it.id == id, |it| first(&it.id)))
        .collect();
    if let Some(names) = names {
        names.iter().for_each(|name| out.extend_from_slice(name));
        return Some(CompactType::CUSTODY_SHORT);
    }
    read_ids(body).ok()?.for_each(|id| out.extend_from_slice(&id));
    Some(CompactType::CUSTODY)
}

pub(super) fn decode_custody(
    kind: CompactType,
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let is_short = kind == CompactType::CUSTODY_SHORT;
    let len = if is_short { 4 } else { 16 };
    write_counted(FrameKind::CUSTODY_ACK, body, len, "custody ids", out, |id, out| {
        match id.first_chunk().filter(|_| is_short) {
            None => out.extend_from_slice(id),
            Some(name) => {
                let known = labels.named(|it| first(&it.id) == *name);
                out.extend_from_slice(&known.ok_or(DecodeError::Unknown(Unknown::Id(*name)))?.id);
            }
        }
        Ok(())
    })
}

pub(super) fn encode_no_route(
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Option<CompactType> {
    let NoRoute { lock, dest } = NoRoute::read(body).ok()?;
    let name = labels.may_name(|it| it.lock == lock && it.dest == dest, |it| first(&it.lock));
    out.extend_from_slice(name.as_ref().map_or(body, |name| name));
    Some(if name.is_some() { CompactType::NO_ROUTE_SHORT } else { CompactType::NO_ROUTE })
}

pub(super) fn decode_no_route(
    kind: CompactType,
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let no_route = if kind == CompactType::NO_ROUTE {
        NoRoute::read(body)?
    } else {
        let mut r = Reader::new(body);
        let name: [u8; 4] = r.array("envelope lock")?;
        r.finish("no route")?;
        let known = labels.named(|it| first(&it.lock) == name);
        let known = known.ok_or(DecodeError::Unknown(Unknown::Lock(name)))?;
        NoRoute { lock: known.lock, dest: known.dest }
    };
    no_route.write(out);
    Ok(())
}

pub(super) fn encode_refused(
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Option<CompactType> {
    let Refused { id, lock, reason } = Refused::read(body).ok()?;
    let name = labels.may_name(|it| it.id == id.0 && it.lock == lock, |it| first(&it.id));
    let Some(name) = name else {
        out.extend_from_slice(body);
        return Some(CompactType::REFUSED);
    };
    Writer::new(out).array(&name).u8(reason as u8);
    Some(CompactType::REFUSED_SHORT)
}

pub(super) fn decode_refused(
    kind: CompactType,
    body: &[u8],
    labels: &Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    if kind == CompactType::REFUSED {
        Refused::read(body)?.write(out);
        return Ok(());
    }
    let mut r = Reader::new(body);
    let name: [u8; 4] = r.array("envelope id")?;
    let reason = r.u8("reason")?;
    r.finish("refused")?;
    let known = labels.named(|it| first(&it.id) == name);
    let known = known.ok_or(DecodeError::Unknown(Unknown::Id(name)))?;
    let mut full = Vec::with_capacity(33);
    Writer::new(&mut full).array(&known.id).array(&known.lock).u8(reason);
    Refused::read(&full)?.write(out);
    Ok(())
}

fn is_short(preimage: &[u8; 16]) -> bool {
    preimage[SHORT_LEN..] == [0; 16 - SHORT_LEN]
}

const fn first(id: &[u8; 16]) -> [u8; 4] {
    let [a, b, c, d, ..] = *id;
    [a, b, c, d]
}

/// Bytes of a lite message's preimage that are not zero.
const SHORT_LEN: usize = 10;
