//! What was shown: exact ranges of counters per sender and lineage (`CH-13`, `CH-14`).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    error::Malformed,
    limits::{
        CHANNEL_LINEAGES_MAX, CHANNEL_RANGES_MAX, CHANNEL_RANGES_PER_SENDER_MAX,
        CHANNEL_SENDERS_MAX,
    },
    wire::{Reader, Writer},
};

/// The node key of a member.
pub(super) type Sender = [u8; 32];

/// What one channel remembers of the messages it showed.
#[derive(Debug, Default)]
pub(super) struct Shown {
    senders: BTreeMap<Sender, Lineages>,
    ranges: usize,
}

/// Whether a message may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is new.
    New,
    /// It was shown.
    Known,
    /// There is no room to remember it, so it is not shown now.
    NoRoom,
}

#[derive(Debug, Default)]
struct Lineages {
    /// Lineages below count as shown.
    floor: u64,
    ranges: BTreeMap<u64, Ranges>,
}

/// Inclusive, sorted, never touching.
#[derive(Debug, Default)]
struct Ranges(Vec<(u64, u64)>);

impl Shown {
    /// Whether the message with this name may be shown.
    pub(super) fn check(&self, sender: &Sender, lineage: u64, counter: u64) -> Verdict {
        let Some(lineages) = self.senders.get(sender) else {
            let full = self.senders.len() >= CHANNEL_SENDERS_MAX || self.is_full();
            return if full { Verdict::NoRoom } else { Verdict::New };
        };
        if lineage < lineages.floor {
            return Verdict::Known;
        }
        let ranges = lineages.ranges.get(&lineage);
        if ranges.is_some_and(|ranges| ranges.contains(counter)) {
            return Verdict::Known;
        }
        let grows = ranges.is_none_or(|ranges| !ranges.touches(counter));
        if grows && (self.is_full() || lineages.count() >= CHANNEL_RANGES_PER_SENDER_MAX) {
            return Verdict::NoRoom;
        }
        Verdict::New
    }

    /// Remembers a message as shown. Returns `true` when it leaves a gap below it that was not
    /// there before: something is missing.
    pub(super) fn insert(&mut self, sender: &Sender, lineage: u64, counter: u64) -> bool {
        let lineages = self.senders.entry(*sender).or_default();
        if lineage < lineages.floor {
            return false;
        }
        let before = lineages.count();
        let ranges = lineages.ranges.entry(lineage).or_default();
        let gap = ranges.is_gap(counter);
        ranges.insert(counter);
        if lineages.ranges.len() > CHANNEL_LINEAGES_MAX {
            let (oldest, _) = lineages.ranges.pop_first().expect("more than none");
            lineages.floor = oldest.saturating_add(1);
        }
        self.ranges = self.ranges + lineages.count() - before;
        gap
    }

    /// Forgets that a message was shown: it was forged, and the true one may still come.
    pub(super) fn remove(&mut self, sender: &Sender, lineage: u64, counter: u64) {
        let Some(lineages) = self.senders.get_mut(sender) else { return };
        let before = lineages.count();
        let Some(ranges) = lineages.ranges.get_mut(&lineage) else { return };
        ranges.remove(counter);
        if ranges.0.is_empty() {
            lineages.ranges.remove(&lineage);
        }
        self.ranges = self.ranges + lineages.count() - before;
    }

    /// The row of a sender.
    pub(super) fn write(&self, sender: &Sender) -> Vec<u8> {
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        let Some(lineages) = self.senders.get(sender) else { return out };
        w.u8(ROW_VERSION).u64(lineages.floor).varint(lineages.ranges.len() as u64);
        for (lineage, ranges) in &lineages.ranges {
            w.u64(*lineage).varint(ranges.0.len() as u64);
            for (first, last) in &ranges.0 {
                w.varint(*first).varint(last - first);
            }
        }
        out
    }

    /// Takes a sender's row back; what is remembered already stays.
    ///
    /// # Errors
    /// [`Malformed`] rows; nothing is changed.
    pub(super) fn restore(&mut self, sender: &Sender, row: &[u8]) -> Result<(), Malformed> {
        let lineages = Lineages::read(row)?;
        if self.senders.len() >= CHANNEL_SENDERS_MAX || self.senders.contains_key(sender) {
            return Err(Malformed::OutOfRange("sender row"));
        }
        self.ranges += lineages.count();
        self.senders.insert(*sender, lineages);
        Ok(())
    }

    /// Senders remembered.
    pub(super) fn senders(&self) -> impl Iterator<Item = &Sender> {
        self.senders.keys()
    }

    fn is_full(&self) -> bool {
        self.ranges >= CHANNEL_RANGES_MAX
    }
}

impl Lineages {
    fn read(row: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(row);
        if r.u8("row version")? != ROW_VERSION {
            return Err(Malformed::OutOfRange("row version"));
        }
        let mut this = Self { floor: r.u64("floor")?, ranges: BTreeMap::new() };
        let lineages = r.varint("lineages")?;
        if lineages > CHANNEL_LINEAGES_MAX as u64 {
            return Err(Malformed::OutOfRange("lineages"));
        }
        for _ in 0..lineages {
            let lineage = r.u64("lineage")?;
            let ranges = Ranges::read(&mut r)?;
            if this.ranges.last_key_value().is_some_and(|(last, _)| *last >= lineage) {
                return Err(Malformed::NonCanonical("lineages"));
            }
            this.ranges.insert(lineage, ranges);
        }
        r.finish("sender row")?;
        if this.count() > CHANNEL_RANGES_PER_SENDER_MAX {
            return Err(Malformed::OutOfRange("ranges"));
        }
        Ok(this)
    }

    fn count(&self) -> usize {
        self.ranges.values().map(|ranges| ranges.0.len()).sum()
    }
}

impl Ranges {
    fn contains(&self, counter: u64) -> bool {
        self.0.iter().rev().any(|(first, last)| (*first..=*last).contains(&counter))
    }

    /// Whether the counter extends a range instead of starting one.
    fn touches(&self, counter: u64) -> bool {
        self.0.iter().any(|(first, last)| {
            counter.checked_add(1) == Some(*first) || last.checked_add(1) == Some(counter)
        })
    }

    /// Whether something between the newest counter so far and this one is missing.
    fn is_gap(&self, counter: u64) -> bool {
        let newest = self.0.last().map_or(0, |(_, last)| *last);
        counter > newest.saturating_add(1)
    }

    fn insert(&mut self, counter: u64) {
        let at = self.0.partition_point(|(_, last)| last.saturating_add(1) < counter);
        match self.0.get_mut(at) {
            Some((first, last)) if first.saturating_sub(1) <= counter => {
                *first = counter.min(*first);
                *last = counter.max(*last);
                self.merge_with_next(at);
            }
            _ => self.0.insert(at, (counter, counter)),
        }
    }

    fn remove(&mut self, counter: u64) {
        let within = |(first, last): &(u64, u64)| (*first..=*last).contains(&counter);
        let Some(at) = self.0.iter().position(within) else { return };
        let (first, last) = self.0[at];
        let halves = [(first, counter - 1), (counter + 1, last)];
        self.0.splice(at..=at, halves.into_iter().filter(|(first, last)| first <= last));
    }

    fn merge_with_next(&mut self, at: usize) {
        let (_, last) = self.0[at];
        let Some((next_first, next_last)) = self.0.get(at + 1).copied() else { return };
        if next_first <= last.saturating_add(1) {
            self.0[at].1 = next_last.max(last);
            self.0.remove(at + 1);
        }
    }

    fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = r.varint("ranges")?;
        if count == 0 || count > CHANNEL_RANGES_PER_SENDER_MAX as u64 {
            return Err(Malformed::OutOfRange("ranges"));
        }
        let mut this = Self(Vec::new());
        for _ in 0..count {
            let first = r.varint("range")?;
            let last = first.checked_add(r.varint("range")?);
            let last = last.ok_or(Malformed::OutOfRange("range"))?;
            let above = this.0.last().map_or(0, |(_, last)| last.saturating_add(1));
            if first <= above && !(this.0.is_empty() && first == 1) || first == 0 {
                return Err(Malformed::NonCanonical("range"));
            }
            this.0.push((first, last));
        }
        Ok(this)
    }
}

const ROW_VERSION: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::rng::NodeRng;

    const ANNA: Sender = [1; 32];

    #[test]
    fn ch_13_ranges_are_exact() {
        let mut rng = NodeRng::from_seed([5; 32]);
        let mut shown = Shown::default();
        let mut reference = alloc::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let counter = 1 + rng.below(500);
            let known = reference.contains(&counter);
            let verdict = shown.check(&ANNA, 7, counter);
            assert_eq!(verdict, if known { Verdict::Known } else { Verdict::New });
            shown.insert(&ANNA, 7, counter);
            reference.insert(counter);
            let ranges = &shown.senders[&ANNA].ranges[&7].0;
            assert_eq!(shown.ranges, ranges.len());
            assert!(ranges.windows(2).all(|pair| pair[0].1 + 1 < pair[1].0), "{ranges:?}");
        }
        let row = shown.write(&ANNA);
        let mut restored = Shown::default();
        restored.restore(&ANNA, &row).expect("what was written");
        assert_eq!(restored.write(&ANNA), row);
        assert_eq!(restored.ranges, shown.ranges);
        for len in 0..row.len() {
            assert!(Shown::default().restore(&ANNA, &row[..len]).is_err(), "{len}");
        }
    }

    #[test]
    fn mlg_18_what_was_forged_may_come_again() {
        let mut shown = Shown::default();
        (1..=5).for_each(|counter| assert!(!shown.insert(&ANNA, 7, counter)));
        for (counter, ranges) in [(3, 2), (1, 2), (5, 2), (4, 1), (2, 0), (2, 0)] {
            shown.remove(&ANNA, 7, counter);
            assert_eq!(shown.check(&ANNA, 7, counter), Verdict::New);
            assert_eq!(shown.ranges, ranges);
        }
    }

    #[test]
    fn ch_13_gaps_show() {
        let mut shown = Shown::default();
        assert!(!shown.insert(&ANNA, 7, 1));
        assert!(shown.insert(&ANNA, 7, 3));
        assert!(!shown.insert(&ANNA, 7, 2));
        assert!(!shown.insert(&ANNA, 7, 4));
        assert!(shown.insert(&ANNA, 8, 2), "the first of a lineage is 1");
    }

    #[test]
    fn ch_14_memory_is_bounded_and_nothing_is_shown_twice() {
        let mut shown = Shown::default();
        let every_other = (0..).map(|n| 1 + 2 * n);
        for counter in every_other.take(CHANNEL_RANGES_PER_SENDER_MAX) {
            assert_eq!(shown.check(&ANNA, 7, counter), Verdict::New);
            shown.insert(&ANNA, 7, counter);
        }
        assert_eq!(shown.check(&ANNA, 7, 9_999), Verdict::NoRoom);
        assert_eq!(shown.check(&ANNA, 8, 1), Verdict::NoRoom);
        assert_eq!(shown.check(&ANNA, 7, 1), Verdict::Known);
        // What closes a gap needs no room, and gives some back.
        assert_eq!(shown.check(&ANNA, 7, 2), Verdict::New);
        shown.insert(&ANNA, 7, 2);
        assert_eq!(shown.check(&ANNA, 7, 9_999), Verdict::New);
        for number in 0..2 * CHANNEL_SENDERS_MAX {
            let mut sender = [9; 32];
            sender[..8].copy_from_slice(&(number as u64).to_le_bytes());
            for counter in [1, 3, 5, 7, 9, 11, 13, 15, 17, 19] {
                if shown.check(&sender, 0, counter) == Verdict::New {
                    shown.insert(&sender, 0, counter);
                }
            }
        }
        assert!(shown.senders.len() <= CHANNEL_SENDERS_MAX);
        assert!(shown.ranges <= CHANNEL_RANGES_MAX);
    }

    #[test]
    fn ch_14_old_lineages_count_as_shown() {
        let mut shown = Shown::default();
        for lineage in 1..=CHANNEL_LINEAGES_MAX as u64 + 1 {
            shown.insert(&ANNA, lineage << 32, 1);
        }
        assert_eq!(shown.check(&ANNA, 1 << 32, 1), Verdict::Known);
        assert_eq!(shown.check(&ANNA, 1 << 32, 2), Verdict::Known);
        assert_eq!(shown.check(&ANNA, 2 << 32, 2), Verdict::New);
        assert_eq!(shown.ranges, CHANNEL_LINEAGES_MAX);
    }

    #[test]
    fn rows_are_strict() {
        let mut shown = Shown::default();
        for row in [
            &[][..],
            &[2, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 65],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 0],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 1, 0, 5],
            &[1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 5, 7, 1],
        ] {
            assert!(shown.restore(&ANNA, row).is_err(), "{row:?}");
        }
        let row = [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 7, 0, 0, 0, 0, 0, 0, 0, 2, 1, 5, 8, 1];
        shown.restore(&ANNA, &row).expect("two ranges that do not touch");
        assert!(shown.restore(&ANNA, &row).is_err(), "twice");
    }
}
