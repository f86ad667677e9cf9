//! What the header of a lite envelope says, and how (`MLL-03`, `MLL-04`).

use super::short::{SHORT_TAG_LEN, ShortPreimage, ShortTag};
use crate::{
    envelope::{Header, SessionTag},
    limits::LITE_LIFETIMES_S,
};

/// The lock of a lite envelope.
pub fn lite_lock(tag: &ShortTag) -> [u8; 16] {
    let mut lock = [0; 16];
    lock[..SHORT_TAG_LEN].copy_from_slice(tag);
    lock
}

/// Whether a lock has the form of a lite envelope's.
pub fn is_lite_lock(lock: &[u8; 16]) -> bool {
    lock[SHORT_TAG_LEN..].iter().all(|byte| *byte == 0)
}

/// The tag in a lite envelope's lock.
pub(crate) fn lite_tag(lock: &[u8; 16]) -> ShortTag {
    let (tag, _) = lock.split_first_chunk().expect("8 is less than 16");
    *tag
}

/// The lock of a lite envelope that a receipt opens, if it may be one's receipt (`MLL-03`).
pub fn lite_lock_of(receipt: &[u8; 16]) -> Option<[u8; 16]> {
    ShortPreimage::from_receipt(receipt).map(|preimage| lite_lock(&preimage.tag()))
}

/// What is authenticated beside the text.
pub(super) fn associated(header: &Header, tag: &SessionTag) -> [u8; 27] {
    let mut out = [0; 27];
    out[..24].copy_from_slice(&header.immutable_without_lock());
    out[24..].copy_from_slice(tag);
    out
}

/// Lifetime and first age of a lite envelope that is to live for `life_s`, so that it expires then:
/// the next longer lifetime of the table, aged by the difference, if that is at most an eighth of it
/// or there is no shorter one; else the next shorter.
pub fn lite_lifetime(life_s: u32) -> (u32, u32) {
    let shorter = LITE_LIFETIMES_S.iter().rev().copied().find(|lifetime| *lifetime <= life_s);
    let longer = LITE_LIFETIMES_S.iter().copied().find(|lifetime| *lifetime >= life_s);
    match (longer, shorter) {
        (Some(longer), Some(_)) if longer - life_s <= longer / 8 => {
            (longer, (longer - life_s) * 1_000)
        }
        (_, Some(shorter)) => (shorter, 0),
        (Some(longer), None) => (longer, (longer - life_s) * 1_000),
        (None, None) => (LITE_LIFETIMES_S[0], 0),
    }
}
