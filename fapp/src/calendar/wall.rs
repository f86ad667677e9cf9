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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cal_04_readings_that_are_skipped_and_that_come_twice() {
        // 28 March 2027, 02:30, and 31 October 2027, 02:30, as if Germany were at Greenwich.
        let (spring, autumn) = (1_806_201_000, 1_824_949_800);
        assert_eq!(read(spring), Reading::Skipped(UnixSeconds(1_806_197_400)));
        assert_eq!(read(autumn), Reading::Twice(UnixSeconds(1_824_942_600)));
        for (local, offset) in [
            (spring - 3_600, 3_600),
            (spring + 3_600, 7_200),
            (autumn - 3_600, 7_200),
            (autumn + 3_600, 3_600),
        ] {
            assert_eq!(read(local), Reading::Once(UnixSeconds((local - offset) as u64)));
        }
        assert_eq!(read(-1), Reading::Never);
        // Half an hour before midnight UTC it is the next day in Germany.
        assert_eq!(day_of(UnixSeconds(DAY_S as u64 - 1_800)), 1);
    }
}
