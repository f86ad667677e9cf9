//! What a wall-clock reading in Germany is, where clocks are put forward and back (`CAL-04`).

use super::{berlin::offset_min, civil::DAY_S};
use crate::UnixSeconds;

/// The moment or moments at which clocks in Germany read something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As on any other day.
    Once(UnixSeconds),
    /// Never: the clocks jump over it. What it would have been, had they not.
    Skipped(UnixSeconds),
    /// Twice, and this is the first time.
    Twice(UnixSeconds),
    /// Before 1970.
    Never,
}

/// What a reading is, given in seconds since 1970 as if Germany were at Greenwich.
pub(super) fn read(local: i64) -> Reading {
    let at = |offset_s: i64| u64::try_from(local - offset_s).ok().map(UnixSeconds);
    let (Some(summer), Some(winter)) = (at(7_200), at(3_600)) else { return Reading::Never };
    match (offset_min(summer) == 120, offset_min(winter) == 60) {
        (true, false) => Reading::Once(summer),
        (false, true) => Reading::Once(winter),
        (true, true) => Reading::Twice(summer),
        (false, false) => Reading::Skipped(winter),
    }
}

/// The moment of a reading as calendar files have it: the first of two, and one that is skipped as if the
/// clocks had not been changed (RFC 5545, 3.3.5).
#[cfg(feature = "calendar-files")]
pub(super) fn moment(local: i64) -> Option<UnixSeconds> {
    match read(local) {
        Reading::Once(at) | Reading::Skipped(at) | Reading::Twice(at) => Some(at),
        Reading::Never => None,
    }
}

/// The day in Germany, in days since 1970.
pub(super) fn day_of(at: UnixSeconds) -> i64 {
    let local = at.0.saturating_add(offset_min(at) as u64 * 60);
    (local / DAY_S as u64) as i64
}
