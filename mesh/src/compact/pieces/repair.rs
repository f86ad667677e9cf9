//! What a receiver says of a message in pieces: which are missing, or that none is.

use alloc::{collections::BTreeSet, vec::Vec};

use crate::{
    error::Malformed,
    limits::COMPACT_PIECES_MAX,
    wire::{Reader, Writer},
};

/// The body of a frame of type [`crate::compact::CompactType::REPAIR`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repair {
    pub(super) id: u8,
    /// Indexes that are missing; none when the message is complete.
    pub(super) missing: BTreeSet<u16>,
}

impl Repair {
    /// The id alone, or the first missing index and a bit for each that follows, as far as one is
    /// missing.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.u8(self.id);
        let (Some(first), Some(last)) = (self.missing.first(), self.missing.last()) else { return };
        w.varint(u64::from(*first));
        let mut bitmap = alloc::vec![0_u8; usize::from(last - first).div_ceil(8)];
        for index in self.missing.iter().skip(1) {
            let bit = usize::from(index - first - 1);
            bitmap[bit / 8] |= 1 << (bit % 8);
        }
        w.bytes(&bitmap);
    }

    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(body);
        let id = r.u8("message id")?;
        let mut missing = BTreeSet::new();
        if r.remaining() == 0 {
            return Ok(Self { id, missing });
        }
        let first = u16::try_from(r.varint("missing index")?).ok();
        let first = first.filter(|first| *first < COMPACT_PIECES_MAX);
        let first = first.ok_or(Malformed::OutOfRange("missing index"))?;
        let bitmap = r.rest();
        if bitmap.len() * 8 > usize::from(COMPACT_PIECES_MAX) {
            return Err(Malformed::TooLong("bitmap"));
        }
        if bitmap.last() == Some(&0) {
            return Err(Malformed::NonCanonical("bitmap"));
        }
        missing.insert(first);
        let bits = (0..bitmap.len() * 8).filter(|bit| bitmap[bit / 8] >> (bit % 8) & 1 == 1);
        missing.extend(bits.map(|bit| first + 1 + bit as u16));
        Ok(Self { id, missing })
    }
}
