//! A slot as the practice keeps it, and its row.

use alloc::vec::Vec;

use mesh::{
    error::Malformed,
    wire::{Reader, Writer},
};

use super::super::{
    limits::{AFTERWARDS_S, ANNOUNCES_PER_SLOT_MAX},
    rows::Row,
};
use crate::{AnnounceId, SlotId, UnixSeconds};

#[derive(Clone)]
pub(super) struct SlotEntry {
    pub(super) start: UnixSeconds,
    pub(super) minutes: u16,
    /// The announces that name it, the newest last.
    pub(super) announces: Vec<AnnounceId>,
    pub(super) closing: Closing,
}

/// Whether a slot is given to anybody who asks now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// It is offered.
    Open,
    /// It was cancelled or withdrawn, which is the end.
    Closed,
    /// It is not offered at present.
    Resting,
}

impl SlotEntry {
    pub(super) const fn end(&self) -> UnixSeconds {
        end(self.start, self.minutes)
    }

    pub(super) const fn forget_at(&self) -> UnixSeconds {
        UnixSeconds(self.end().0.saturating_add(AFTERWARDS_S))
    }

    pub(super) fn row(&self, id: &SlotId) -> Row {
        let mut value = Vec::with_capacity(16 + 32 * self.announces.len());
        let mut w = Writer::new(&mut value);
        w.u8(FORMAT).u64(self.start.0).u16(self.minutes).u8(self.closing as u8);
        // At most ANNOUNCES_PER_SLOT_MAX.
        w.u8(self.announces.len() as u8);
        self.announces.iter().for_each(|announce| {
            w.array(&announce.0);
        });
        Row::put(slot_key(id), value)
    }

    pub(super) fn read(value: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(value);
        if r.u8("slot format")? != FORMAT {
            return Err(Malformed::OutOfRange("slot format"));
        }
        let (start, minutes) = (UnixSeconds(r.u64("slot start")?), r.u16("slot length")?);
        let closing = match r.u8("slot closed")? {
            0 => Closing::Open,
            1 => Closing::Closed,
            2 => Closing::Resting,
            _ => return Err(Malformed::OutOfRange("slot closed")),
        };
        let count = usize::from(r.u8("announces")?);
        if count > ANNOUNCES_PER_SLOT_MAX {
            return Err(Malformed::OutOfRange("announces"));
        }
        let mut announces = Vec::with_capacity(count);
        for _ in 0..count {
            announces.push(AnnounceId(r.array("announce")?));
        }
        r.finish("slot row")?;
        Ok(Self { start, minutes, announces, closing })
    }
}

pub(super) const fn end(start: UnixSeconds, minutes: u16) -> UnixSeconds {
    UnixSeconds(start.0.saturating_add(minutes as u64 * 60))
}

pub(super) fn slot_key(id: &SlotId) -> Vec<u8> {
    [&[ROW][..], &id.0].concat()
}

pub(super) const ROW: u8 = b's';
const FORMAT: u8 = 1;
