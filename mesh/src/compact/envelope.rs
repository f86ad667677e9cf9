//! Envelopes: destination, lifetime, flags and what the class implies are elided (`CMP-04` to
//! `CMP-08`). It works on raw bytes: what is inside is not its business, and what it cannot shorten
//! travels in full.

use alloc::vec::Vec;

use super::{
    CompactType, DecodeError, Encoded, Introduced, Labels, Unknown,
    labels::Named,
    life::{age_code, age_of, lifetime_code},
};
use crate::{
    address::Address,
    error::Malformed,
    limits::{HOPS_MAX, LITE_LIFETIMES_S},
    wire::{
        Reader, VERSION, Writer,
        frame::{self, FrameKind},
    },
};

/// A header as its bytes say, neither judged nor given a meaning.
struct Raw {
    class: u8,
    hops_left: u8,
    age_ms: u32,
    hops_max: u8,
    flags: u8,
    lifetime_s: u32,
    dest: Address,
    lock: [u8; 16],
}

impl Raw {
    fn read(r: &mut Reader<'_>) -> Option<Self> {
        let mut read = || {
            let version = r.u8("version")?;
            let this = Self {
                class: r.u8("class")?,
                hops_left: r.u8("hops left")?,
                age_ms: r.u32("age")?,
                hops_max: r.u8("hops max")?,
                flags: r.u8("flags")?,
                lifetime_s: r.u32("lifetime")?,
                dest: Address::from_bytes(r.array("dest")?),
                lock: r.array("lock")?,
            };
            Ok::<_, Malformed>((version, this))
        };
        let (version, this) = read().ok()?;
        let is_ours = version == VERSION && this.class <= CLASS_MAX && this.flags <= FLAGS_MAX;
        is_ours.then_some(this)
    }

    fn write(&self, out: &mut Vec<u8>) {
        Writer::new(out)
            .u8(VERSION)
            .u8(self.class)
            .u8(self.hops_left)
            .u32(self.age_ms)
            .u8(self.hops_max)
            .u8(self.flags)
            .u32(self.lifetime_s)
            .array(self.dest.as_bytes())
            .array(&self.lock);
    }

    /// What the form for lite messages leaves out must be what it stands for.
    fn is_lite(&self, body: &[u8]) -> bool {
        self.class == CLASS_LITE
            && self.hops_max == HOPS_MAX
            && (1..=HOPS_MAX).contains(&self.hops_left)
            && lifetime_code(self.lifetime_s).is_some()
            && self.lock[LITE_TAG_LEN..] == [0; LITE_TAG_LEN]
            && body.len() > SESSION_TAG_LEN
    }
}

/// `None` when no form fits and the envelope travels as it is.
pub(super) fn encode(envelope: &[u8], labels: &mut Labels, out: &mut Vec<u8>) -> Option<Encoded> {
    labels.sent_envelope(envelope);
    let mut r = Reader::new(envelope);
    let header = Raw::read(&mut r)?;
    let body = r.rest();
    let age = age_code(header.age_ms, header.lifetime_s)?;
    if header.hops_left > HOPS_MASK {
        return None;
    }
    let dest = labels.name(&header.dest)?;
    let is_lite = header.is_lite(body);
    if is_lite {
        encode_lite(&header, body, age, &dest, out);
    } else {
        encode_other(&header, body, age, &dest, out);
    }
    let kind = match (is_lite, dest.is_known) {
        (true, true) => CompactType::LITE,
        (true, false) => CompactType::LITE_NEW,
        (false, true) => CompactType::ENVELOPE,
        (false, false) => CompactType::ENVELOPE_NEW,
    };
    let label = (!dest.is_known).then_some(dest.label);
    Some(Encoded { kind, introduces: Introduced { label, ..Introduced::NONE } })
}

fn encode_lite(header: &Raw, body: &[u8], age: u8, dest: &Named, out: &mut Vec<u8>) {
    let code = lifetime_code(header.lifetime_s).unwrap_or_default();
    let (priority, durable) = (header.flags & PRIORITY, header.flags >> 2);
    let mut w = Writer::new(out);
    w.u8((header.hops_left - 1) | priority << 6);
    w.u8(durable | code << 1 | age.min(AGE_FOLLOWS) << 5);
    write_age(&mut w, age);
    write_dest(&mut w, header, dest);
    w.bytes(body).bytes(&header.lock[..LITE_TAG_LEN]);
}

fn encode_other(header: &Raw, body: &[u8], age: u8, dest: &Named, out: &mut Vec<u8>) {
    let code = lifetime_code(header.lifetime_s);
    let has_hops_max = header.hops_max != HOPS_MAX;
    let without_label = body.strip_prefix(&NO_LABEL).filter(|_| header.class == CLASS_SEALED);
    let mut w = Writer::new(out);
    w.u8(header.hops_left | u8::from(has_hops_max) << 7);
    w.u8(header.class | header.flags << 2 | age.min(AGE_FOLLOWS) << 5);
    w.u8(code.unwrap_or(LIFETIME_FOLLOWS) | u8::from(without_label.is_some()) << 5);
    if has_hops_max {
        w.u8(header.hops_max);
    }
    if code.is_none() {
        w.u32(header.lifetime_s);
    }
    write_age(&mut w, age);
    write_dest(&mut w, header, dest);
    w.array(&header.lock).bytes(without_label.unwrap_or(body));
}

fn write_age(w: &mut Writer<'_>, age: u8) {
    if age >= AGE_FOLLOWS {
        w.u8(age);
    }
}

fn write_dest(w: &mut Writer<'_>, header: &Raw, dest: &Named) {
    w.u16(dest.label);
    if !dest.is_known {
        w.array(header.dest.as_bytes());
    }
}

/// Appends the whole frame.
pub(super) fn decode(
    kind: CompactType,
    bytes: &[u8],
    labels: &mut Labels,
    out: &mut Vec<u8>,
) -> Result<(), DecodeError> {
    let mut r = Reader::new(bytes);
    let is_new = matches!(kind, CompactType::LITE_NEW | CompactType::ENVELOPE_NEW);
    let is_lite = matches!(kind, CompactType::LITE | CompactType::LITE_NEW);
    let (mut header, has_label) =
        if is_lite { (read_lite(&mut r)?, true) } else { read_other(&mut r)? };
    let label = r.u16("label")?;
    if is_new {
        header.dest = Address::from_bytes(r.array("destination")?);
    }
    if !is_lite {
        header.lock = r.array("lock")?;
    }
    let mut body = r.rest();
    if is_lite {
        let (text, tag) = body.split_last_chunk::<LITE_TAG_LEN>().ok_or(SHORT)?;
        if text.len() <= SESSION_TAG_LEN {
            return Err(SHORT.into());
        }
        header.lock[..LITE_TAG_LEN].copy_from_slice(tag);
        body = text;
    }
    if is_new {
        labels.learn(label, header.dest);
    } else {
        header.dest = labels.resolve(label).ok_or(DecodeError::Unknown(Unknown::Label(label)))?;
    }
    frame::begin(out, FrameKind::ENVELOPE);
    let start = out.len();
    header.write(out);
    if !has_label {
        out.extend_from_slice(&NO_LABEL);
    }
    out.extend_from_slice(body);
    labels.heard_envelope(&out[start..]);
    Ok(())
}

fn read_lite(r: &mut Reader<'_>) -> Result<Raw, Malformed> {
    let (first, second) = (r.u8("hops and priority")?, r.u8("life")?);
    let lifetime_s = LITE_LIFETIMES_S[usize::from(second >> 1 & 0xf)];
    let age_ms = read_age(r, second >> 5, lifetime_s)?;
    Ok(Raw {
        class: CLASS_LITE,
        hops_left: (first & 0x3f) + 1,
        age_ms,
        hops_max: HOPS_MAX,
        flags: first >> 6 | (second & 1) << 2,
        lifetime_s,
        dest: Address::default(),
        lock: [0; 16],
    })
}

/// The header without destination and lock, and whether the body has its label.
fn read_other(r: &mut Reader<'_>) -> Result<(Raw, bool), Malformed> {
    let (first, second, third) = (r.u8("hops")?, r.u8("class and flags")?, r.u8("life")?);
    let (class, has_label) = (second & 3, third & 0x20 == 0);
    if third & 0xc0 != 0 || (!has_label && class != CLASS_SEALED) {
        return Err(Malformed::OutOfRange("life"));
    }
    let hops_max = if first & !HOPS_MASK == 0 { HOPS_MAX } else { r.u8("hops max")? };
    if first & !HOPS_MASK != 0 && hops_max == HOPS_MAX {
        return Err(Malformed::NonCanonical("hops max"));
    }
    let lifetime_s = read_lifetime(r, third & 0x1f)?;
    let age_ms = read_age(r, second >> 5, lifetime_s)?;
    let (hops_left, flags) = (first & HOPS_MASK, second >> 2 & 7);
    let (dest, lock) = (Address::default(), [0; 16]);
    Ok((Raw { class, hops_left, age_ms, hops_max, flags, lifetime_s, dest, lock }, has_label))
}

/// A lifetime by its code, or from the bytes that follow.
pub(super) fn read_lifetime(r: &mut Reader<'_>, code: u8) -> Result<u32, Malformed> {
    if let Some(lifetime_s) = LITE_LIFETIMES_S.get(usize::from(code)) {
        return Ok(*lifetime_s);
    }
    if code != LIFETIME_FOLLOWS {
        return Err(Malformed::OutOfRange("lifetime"));
    }
    let lifetime_s = r.u32("lifetime")?;
    if lifetime_code(lifetime_s).is_some() {
        return Err(Malformed::NonCanonical("lifetime"));
    }
    Ok(lifetime_s)
}

/// An age of three bits, or from the byte that follows.
pub(super) fn read_age(r: &mut Reader<'_>, short: u8, lifetime_s: u32) -> Result<u32, Malformed> {
    let code = if short < AGE_FOLLOWS { short } else { r.u8("age")? };
    if short == AGE_FOLLOWS && code < AGE_FOLLOWS {
        return Err(Malformed::NonCanonical("age"));
    }
    age_of(code, lifetime_s).ok_or(Malformed::OutOfRange("age"))
}

const SHORT: Malformed = Malformed::MissingData("lite envelope");

const CLASS_SEALED: u8 = 2;
/// The class of messages in a lite session (`specs/28-mls-lite.md`).
const CLASS_LITE: u8 = 3;
const CLASS_MAX: u8 = CLASS_LITE;

const PRIORITY: u8 = 0b011;
/// Priority and durable.
const FLAGS_MAX: u8 = 0b111;
const HOPS_MASK: u8 = 0x7f;

/// The code of an age too large for three bits.
pub(super) const AGE_FOLLOWS: u8 = 7;
/// The code of a lifetime that has none.
pub(super) const LIFETIME_FOLLOWS: u8 = 16;

const LITE_TAG_LEN: usize = 8;
const SESSION_TAG_LEN: usize = 3;
/// The label of a sealed envelope that goes to its recipient directly.
const NO_LABEL: [u8; 16] = [0; 16];
