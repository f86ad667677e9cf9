//! Stretches of time, and what is left of them (`CAL-05`).

use alloc::vec::Vec;

use crate::UnixSeconds;

/// From a moment up to another, which is no part of it. It holds no text: where times come from a
/// calendar, nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The first moment.
    pub start: UnixSeconds,
    /// The moment after the last.
    pub end: UnixSeconds,
}

impl Span {
    /// A stretch, if it has a length.
    pub fn new(start: UnixSeconds, end: UnixSeconds) -> Option<Self> {
        (start < end).then_some(Self { start, end })
    }

    /// What two have in common.
    pub fn within(self, other: Self) -> Option<Self> {
        Self::new(self.start.max(other.start), self.end.min(other.end))
    }

    /// A stretch with as many minutes more on either side.
    pub(super) fn widened(self, minutes: u16) -> Self {
        let seconds = u64::from(minutes) * 60;
        Self {
            start: UnixSeconds(self.start.0.saturating_sub(seconds)),
            end: UnixSeconds(self.end.0.saturating_add(seconds)),
        }
    }
}

/// The same time in order, with what overlaps or adjoins made one.
pub fn merged(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    spans.dedup_by(|next, held| {
        let joins = next.start <= held.end;
        if joins {
            held.end = held.end.max(next.end);
        }
        joins
    });
    spans
}

/// Whether a stretch meets any of a list that is [`merged`].
pub fn meets(list: &[Span], span: Span) -> bool {
    let after = list.partition_point(|held| held.end <= span.start);
    list.get(after).is_some_and(|held| held.start < span.end)
}

/// What is left of one when the stretches of a list that is [`merged`] are taken out.
pub fn without(whole: Span, list: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let mut from = whole.start;
    for held in list.iter().filter_map(|held| held.within(whole)) {
        left.extend(Span::new(from, held.start));
        from = held.end;
    }
    left.extend(Span::new(from, whole.end));
    left
}

#[cfg(test)]
mod tests {
    use alloc::{vec, vec::Vec};

    use super::*;

    fn span(start: u64, end: u64) -> Span {
        Span { start: UnixSeconds(start), end: UnixSeconds(end) }
    }

    #[test]
    fn cal_05_against_one_second_at_a_time() {
        // Stretches in a minute, from a sequence that never comes back to itself within the test.
        let mut state = 1_u64;
        let mut next = |below: u64| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        for _ in 0..2_000 {
            let list: Vec<_> = (0..next(6))
                .filter_map(|_| {
                    let start = next(60);
                    Span::new(UnixSeconds(start), UnixSeconds(start + next(12)))
                })
                .collect();
            let covered = |at| list.iter().any(|s| s.start.0 <= at && at < s.end.0);
            let merged = merged(list.clone());
            assert!(merged.windows(2).all(|pair| pair[0].end < pair[1].start));
            let left = without(span(10, 50), &merged);
            for at in 0..72 {
                let second = span(at, at + 1);
                assert_eq!(meets(&merged, second), covered(at));
                assert_eq!(meets(&left, second), (10..50).contains(&at) && !covered(at));
            }
        }
        assert_eq!(merged(vec![]), vec![]);
        assert_eq!(Span::new(UnixSeconds(5), UnixSeconds(5)), None);
    }
}
