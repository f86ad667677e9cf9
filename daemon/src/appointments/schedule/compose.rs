//! Which slots a practice offers: those that were named, and those that its patterns make (`CAL-61`, `CAL-62`).

use std::collections::BTreeSet;

use fapp::{
    SlotId, UnixSeconds,
    announce::SLOTS_MAX,
    calendar::{
        Span, meets, merged,
        pattern::{Pattern, Pause, expand},
    },
    slot::Slot,
    vocabulary::{Leistung, Term},
};

use super::{DAY_S, Schedule, WEEKS};

/// Slots to announce.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::appointments) struct Composed {
    /// In order of time.
    pub(in crate::appointments) slots: Vec<Slot>,
    /// Those of them that patterns made.
    pub(in crate::appointments) made: BTreeSet<SlotId>,
}

const fn span(slot: &Slot) -> Span {
    Span { start: slot.start, end: slot.end() }
}

impl Schedule {
    /// Times at which nothing is offered, [`merged`].
    pub(super) fn against(&self) -> Vec<Span> {
        let busy = self.busy.values().flatten().copied();
        merged(busy.chain(self.pauses.values().map(Pause::span)).collect())
    }

    /// What is offered besides slots that were `named`, when `taken` is somebody's already. A slot that is over
    /// for good (`is_over`) is none.
    pub(in crate::appointments) fn compose(
        &self,
        now: UnixSeconds,
        therapist: &[u8; 32],
        named: Vec<Slot>,
        taken: &[Span],
        is_over: impl Fn(&SlotId) -> bool,
    ) -> Composed {
        let against = self.against();
        let mut slots: Vec<Slot> =
            named.into_iter().filter(|slot| !meets(&against, span(slot))).collect();
        let mut taken: Vec<Span> = taken.iter().copied().chain(slots.iter().map(span)).collect();
        let mut made = self.made_by_patterns(now, &against, &mut taken);
        made.retain(|slot| !is_over(&slot.id(therapist)));
        made.sort_unstable_by_key(|slot| slot.start);
        made.truncate(SLOTS_MAX.saturating_sub(slots.len()));
        let names = made.iter().map(|slot| slot.id(therapist)).collect();
        slots.extend(made);
        slots.sort_unstable_by_key(|slot| slot.start);
        Composed { slots, made: names }
    }

    /// Patterns by what they are for: a slot of the first is in the way of one of the next.
    fn made_by_patterns(
        &self,
        now: UnixSeconds,
        against: &[Span],
        taken: &mut Vec<Span>,
    ) -> Vec<Slot> {
        let start = UnixSeconds(now.0.saturating_add(1));
        let window = Span { start, end: UnixSeconds(now.0.saturating_add(WEEKS * 7 * DAY_S)) };
        let mut made = Vec::new();
        for leistung in Leistung::ALL {
            let patterns = self.patterns.values().filter(|weekly| weekly.leistung == *leistung);
            let patterns: Vec<Pattern> = patterns.map(|weekly| weekly.pattern.clone()).collect();
            if patterns.is_empty() {
                continue;
            }
            let slots = expand(&patterns, &[], window, against, taken).openings;
            let slots = slots.iter().map(|opening| {
                Slot::new(opening.start, opening.duration_min).for_leistung(*leistung)
            });
            let before = made.len();
            made.extend(slots);
            taken.extend(made[before..].iter().map(span));
        }
        made
    }
}
