//! Lite channel objects in the fewest bytes, for radio (`MLG-04`).
//!
//! ```text
//! form 2 bits, hops left 6 bits | lifetime code 4 bits, age 4 bits | [age 1] | labels, counter, text, proof
//! ```
//!
//! The age is in 256ths of the lifetime, rounded up; from 15 on it has a byte of its own.

use alloc::vec::Vec;

use super::object::{FORM_AT, Form, LABEL_AT};
use crate::{error::Malformed, limits::LITE_LIFETIMES_S, wire::Writer};

/// Appends the radio form of a body of frame kind `51`; `None` when it has none: it has more hops left
/// than any that was forwarded, its life is over, or it is no such body.
pub fn encode(body: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let (head, stays) = body.split_at_checked(LABEL_AT)?;
    let (hops_left, form, lifetime) = (head[0], head[FORM_AT], head[FORM_AT + 1]);
    Form::of(form)?;
    let lifetime_ms = u64::from(*LITE_LIFETIMES_S.get(usize::from(lifetime))?) * 1_000;
    let (_, age) = head[..FORM_AT].split_last_chunk()?;
    let age = (u64::from(u32::from_le_bytes(*age)) * AGE_STEPS).div_ceil(lifetime_ms);
    let age = u8::try_from(age).ok()?;
    if hops_left > HOPS_MASK {
        return None;
    }
    let mut w = Writer::new(out);
    w.u8(form << 6 | hops_left).u8(lifetime << 4 | age.min(AGE_FOLLOWS));
    if age >= AGE_FOLLOWS {
        w.u8(age);
    }
    w.bytes(stays);
    Some(())
}

/// Appends the body of frame kind `51` of a radio form.
///
/// # Errors
/// [`Malformed`] bytes; nothing is appended then. What follows the labels is not looked at:
/// [`super::LiteObject::parse`] does that.
pub fn decode(air: &[u8], out: &mut Vec<u8>) -> Result<(), Malformed> {
    let [first, second, rest @ ..] = air else {
        return Err(Malformed::MissingData("lite channel object"));
    };
    let lifetime = second >> 4;
    let (age, stays) = match second & AGE_FOLLOWS {
        AGE_FOLLOWS => {
            let (age, stays) = rest.split_first().ok_or(Malformed::MissingData("age"))?;
            if *age < AGE_FOLLOWS {
                return Err(Malformed::NonCanonical("age"));
            }
            (*age, stays)
        }
        age => (age, rest),
    };
    let lifetime_ms = u64::from(LITE_LIFETIMES_S[usize::from(lifetime)]) * 1_000;
    let age_ms = u64::from(age) * lifetime_ms / AGE_STEPS;
    let age_ms = u32::try_from(age_ms).expect("the longest lifetime in ms fits 32 bits");
    Writer::new(out).u8(first & HOPS_MASK).u32(age_ms).u8(first >> 6).u8(lifetime).bytes(stays);
    Ok(())
}

const HOPS_MASK: u8 = 0x3f;
const AGE_FOLLOWS: u8 = 0x0f;
const AGE_STEPS: u64 = 256;
