//! Sets of counters as ranges: exactly which messages of a sender were shown (`NODE-05`).

use alloc::{collections::BTreeMap, vec::Vec};

use crate::{
    error::Malformed,
    wire::{Reader, Writer},
};

/// Most ranges remembered for one sender and lineage. An honest sender has at most
/// [`crate::limits::OUTBOX_MESSAGES_MAX`] unsettled counters and raises the floor past settled
/// ones; if every second of them arrived, that is half as many ranges, and never more.
pub(super) const RANGES_MAX: usize = crate::limits::OUTBOX_MESSAGES_MAX / 2 + 1;

/// A set of `u64` counters, kept as disjoint inclusive ranges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RangeSet {
    /// First counter of a range → last.
    ranges: BTreeMap<u64, u64>,
}

/// What [`RangeSet::insert`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inserted {
    New,
    Known,
    /// Adding it would need more ranges than [`RANGES_MAX`]: neither shown nor acknowledged.
    Full,
}

impl RangeSet {
    pub(super) fn insert(&mut self, counter: u64) -> Inserted {
        let before = self.ranges.range(..=counter).next_back().map(|(&a, &b)| (a, b));
        if let Some((_, last)) = before
            && counter <= last
        {
            return Inserted::Known;
        }
        let joins_before = before.filter(|&(_, last)| last + 1 == counter);
        let joins_after = self.ranges.get(&(counter + 1)).copied();
        match (joins_before, joins_after) {
            (Some((first, _)), Some(last)) => {
                self.ranges.remove(&(counter + 1));
                self.ranges.insert(first, last);
            }
            (Some((first, _)), None) => {
                self.ranges.insert(first, counter);
            }
            (None, Some(last)) => {
                self.ranges.remove(&(counter + 1));
                self.ranges.insert(counter, last);
            }
            (None, None) if self.ranges.len() >= RANGES_MAX => return Inserted::Full,
            (None, None) => {
                self.ranges.insert(counter, counter);
            }
        }
        Inserted::New
    }

    /// Counts everything below `floor` as known: its sender will never send it again.
    pub(super) fn raise_floor(&mut self, floor: u64) {
        let Some(top) = floor.checked_sub(1) else { return };
        if self.ranges.first_key_value().is_some_and(|(&first, &last)| first == 0 && last >= top) {
            return;
        }
        let mut end = top;
        while let Some((&first, &last)) = self.ranges.first_key_value() {
            if first > top.saturating_add(1) {
                break;
            }
            end = end.max(last);
            self.ranges.remove(&first);
        }
        self.ranges.insert(0, end);
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        w.varint(self.ranges.len() as u64);
        for (&first, &last) in &self.ranges {
            w.varint(first);
            w.varint(last);
        }
    }

    pub(super) fn read(r: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = r.varint_u32("range count")? as usize;
        if count > RANGES_MAX {
            return Err(Malformed::TooLong("ranges"));
        }
        let mut ranges = BTreeMap::new();
        let mut next_free = 0;
        for _ in 0..count {
            let (first, last) = (r.varint("first")?, r.varint("last")?);
            if first < next_free || last < first || last >= u64::MAX - 1 {
                return Err(Malformed::OutOfRange("range"));
            }
            next_free = last + 2;
            ranges.insert(first, last);
        }
        Ok(Self { ranges })
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::crypto::rng::NodeRng;

    #[test]
    fn node_05_same_as_a_plain_set() {
        let mut rng = NodeRng::from_seed([3; 32]);
        let (mut ranges, mut plain) = (RangeSet::default(), BTreeSet::new());
        for step in 0..5_000_u64 {
            let counter = rng.next_u64() % 600;
            let expected = if plain.insert(counter) { Inserted::New } else { Inserted::Known };
            assert_eq!(ranges.insert(counter), expected, "step {step}, counter {counter}");
            if step % 501 == 500 {
                let floor = step / 20;
                ranges.raise_floor(floor);
                plain.extend(0..floor);
            }
            let mut bytes = Vec::new();
            ranges.write(&mut bytes);
            assert_eq!(RangeSet::read(&mut Reader::new(&bytes)), Ok(ranges.clone()));
        }
    }

    #[test]
    fn node_05_bounded() {
        let mut ranges = RangeSet::default();
        for counter in 0..RANGES_MAX as u64 {
            assert_eq!(ranges.insert(2 * counter + 2), Inserted::New);
        }
        assert_eq!(ranges.insert(1 << 40), Inserted::Full);
        assert_eq!(ranges.insert(3), Inserted::New, "closing a gap always works");
        ranges.raise_floor(1 << 40);
        assert_eq!(ranges.insert(1 << 40), Inserted::New);
    }
}
