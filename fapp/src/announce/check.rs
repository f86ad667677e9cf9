//! What holds for every announce, and what a node asks of one besides (`FAP-33` to `FAP-36`).

use core::fmt;

use mesh::error::Malformed;

use super::{AHEAD_MAX_S, LIFETIME_MAX_S, SlotAnnounce};
use crate::{
    UnixSeconds,
    slot::{SLOT_MIN, Slot},
};

/// By how much clocks may differ.
pub(crate) const SKEW_S: u64 = 15 * 60;

/// Rules that need no clock: who breaks one signed nonsense.
pub(super) fn well_formed(announce: &SlotAnnounce) -> Result<(), Malformed> {
    let life_s = announce.expires.0 - announce.issued.0;
    if life_s == 0 || life_s > LIFETIME_MAX_S {
        return Err(Malformed::OutOfRange("announce lifetime"));
    }
    if announce.sequence == 0 {
        return Err(Malformed::OutOfRange("announce sequence"));
    }
    if announce.mailboxes.len() == 2 && announce.mailboxes[0] >= announce.mailboxes[1] {
        return Err(Malformed::NonCanonical("mailbox order"));
    }
    slots(&announce.slots, announce.issued)
}

/// Slots in order of time that do not overlap, within a year.
pub(super) fn slots(slots: &[Slot], issued: UnixSeconds) -> Result<(), Malformed> {
    for slot in slots {
        if slot.duration_min < SLOT_MIN {
            return Err(Malformed::OutOfRange("slot duration"));
        }
        if slot.end().0 > issued.0.saturating_add(AHEAD_MAX_S) {
            return Err(Malformed::OutOfRange("slot start"));
        }
    }
    match slots.windows(2).all(|pair| pair[0].end() <= pair[1].start) {
        true => Ok(()),
        false => Err(Malformed::NonCanonical("slots overlap or are out of order")),
    }
}

/// Why a well-formed, signed announce or tombstone is not taken. None of these is its maker's fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwelcome {
    /// Made later than our clock says, by more than 15 minutes.
    Future,
    /// Its time is over.
    Expired,
    /// We know this one, or a newer one of the practice.
    Known,
    /// The practice withdrew it.
    Withdrawn,
    /// There is no room: the neighbour's share, or that of the practices nobody has checked.
    Full,
}

impl fmt::Display for Unwelcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Future => "it was made in the future, by this node's clock",
            Self::Expired => "its time is over",
            Self::Known => "this one, or a newer one of the same practice, is here already",
            Self::Withdrawn => "the practice withdrew it",
            Self::Full => "there is no room for more announces",
        })
    }
}

impl core::error::Error for Unwelcome {}

impl SlotAnnounce {
    /// Whether it is of its time.
    ///
    /// # Errors
    /// [`Unwelcome::Future`] or [`Unwelcome::Expired`].
    pub fn is_timely(&self, now: UnixSeconds) -> Result<(), Unwelcome> {
        if self.issued.0 > now.0.saturating_add(SKEW_S) {
            return Err(Unwelcome::Future);
        }
        if self.expires <= now { Err(Unwelcome::Expired) } else { Ok(()) }
    }
}
