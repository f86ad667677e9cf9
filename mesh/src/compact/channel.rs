//! Channel messages: hops, age and lifetime in fewer bytes, the rest as it is (`CMP-25`, `CMP-26`).

use alloc::vec::Vec;

use super::{
    CompactType,
    envelope::{AGE_FOLLOWS, LIFETIME_FOLLOWS, read_age, read_lifetime},
    life::{age_code, lifetime_code},
};
use crate::{
    error::Malformed,
    limits::HOPS_MAX,
    lite::group::air,
    wire::{
        Reader, Writer,
        frame::{self, FrameKind},
    },
};

/// `None` when the body is no signed channel message, or one beyond what the form can say.
pub(super) fn encode(body: &[u8], out: &mut Vec<u8>) -> Option<CompactType> {
    if body.len() < BODY_LEN_MIN {
        return None;
    }
    let mut r = Reader::new(body);
    let access_key: [u8; 32] = r.array("access key").ok()?;
    let (hops_left, age_ms) = (r.u8("hops left").ok()?, r.u32("age").ok()?);
    let (hops_max, lifetime_s) = (r.u8("hops max").ok()?, r.u32("lifetime").ok()?);
    let (age, code) = (age_code(age_ms, lifetime_s)?, lifetime_code(lifetime_s));
    if hops_left > HOPS_MASK {
        return None;
    }
    let has_hops_max = hops_max != HOPS_MAX;
    let mut w = Writer::new(out);
    w.u8(hops_left | u8::from(has_hops_max) << 7);
    w.u8(code.unwrap_or(LIFETIME_FOLLOWS) | age.min(AGE_FOLLOWS) << 5);
    if has_hops_max {
        w.u8(hops_max);
    }
    if code.is_none() {
        w.u32(lifetime_s);
    }
    if age >= AGE_FOLLOWS {
        w.u8(age);
    }
    w.array(&access_key).bytes(r.rest());
    Some(CompactType::CHANNEL)
}

pub(super) fn decode(body: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut r = Reader::new(body);
    let (first, second) = (r.u8("hops")?, r.u8("life")?);
    let hops_max = if first & !HOPS_MASK == 0 { HOPS_MAX } else { r.u8("hops max")? };
    if first & !HOPS_MASK != 0 && hops_max == HOPS_MAX {
        return Err(Malformed::NonCanonical("hops max"));
    }
    let lifetime_s = read_lifetime(&mut r, second & 0x1f)?;
    let age_ms = read_age(&mut r, second >> 5, lifetime_s)?;
    let access_key: [u8; 32] = r.array("access key")?;
    if r.remaining() < BODY_LEN_MIN - HEAD_LEN {
        return Err(Malformed::MissingData("channel message"));
    }
    frame::begin(out, FrameKind::CHANNEL);
    let mut w = Writer::new(out);
    w.array(&access_key).u8(first & HOPS_MASK).u32(age_ms).u8(hops_max).u32(lifetime_s);
    w.bytes(r.rest());
    Ok(())
}

/// A lite channel object in the radio form of `specs/29-lite-group.md`. `None` when it has none.
pub(super) fn encode_lite(body: &[u8], out: &mut Vec<u8>) -> Option<CompactType> {
    if body.len() <= LITE_HEAD_LEN {
        return None;
    }
    air::encode(body, out).map(|()| CompactType::CHANNEL_LITE)
}

pub(super) fn decode_lite(body: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut object = Vec::with_capacity(body.len() + LITE_HEAD_LEN);
    air::decode(body, &mut object)?;
    if object.len() <= LITE_HEAD_LEN {
        return Err(Malformed::MissingData("lite channel object"));
    }
    frame::begin(out, FrameKind::CHANNEL_LITE);
    out.extend_from_slice(&object);
    Ok(())
}

/// Hops left 1, age 4, form 1, lifetime 1.
const LITE_HEAD_LEN: usize = 7;

const HOPS_MASK: u8 = 0x7f;

/// Access key 32, hops left 1, age 4, hops max 1, lifetime 4.
const HEAD_LEN: usize = 42;

/// The head, nonce 24, the shortest inner of 106, tag 16, signature 64: what is shorter is no
/// message of `specs/07-channel.md`, and nothing in it is an age.
const BODY_LEN_MIN: usize = HEAD_LEN + 24 + 106 + 16 + 64;
