//! New sequences that wait until a proven neighbour has them too (`RT-14`).

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use super::{row::Slot, table::RowId};
use crate::{
    announce::{Advertisement, MeshAnnounce},
    time::Instant,
};

/// A verified announce that is newer than its row's, and who advertised it.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) announce: MeshAnnounce,
    /// (neighbour, hops, cost)
    from: [Option<(Slot, u8, u32)>; HELD_FROM],
}

impl Held {
    pub(super) fn offers(&self) -> impl Iterator<Item = (Slot, u8, u32)> + '_ {
        self.from.iter().copied().flatten()
    }

    fn add(&mut self, slot: Slot, advertisement: &Advertisement) {
        let offer = Some((slot, advertisement.hops, advertisement.cost));
        let known = self.from.iter_mut().find(|it| it.is_some_and(|it| it.0 == slot));
        match known {
            Some(place) => *place = offer,
            None => {
                if let Some(place) = self.from.iter_mut().find(|it| it.is_none()) {
                    *place = offer;
                }
            }
        }
    }
}

/// All that wait.
#[derive(Debug, Default)]
pub(super) struct Holds {
    held: BTreeMap<RowId, Held>,
    /// In the order of their end; may name what is gone.
    due: VecDeque<(Instant, RowId, u32)>,
}

impl Holds {
    pub(super) fn get(&self, id: RowId) -> Option<&Held> {
        self.held.get(&id)
    }

    pub(super) fn remove(&mut self, id: RowId) -> Option<Held> {
        self.held.remove(&id)
    }

    /// Keeps an announce waiting. `false` when there is no room.
    pub(super) fn hold(
        &mut self,
        now: Instant,
        id: RowId,
        slot: Slot,
        advertisement: &Advertisement,
    ) -> bool {
        let announce = advertisement.announce;
        if let Some(held) = self.held.get_mut(&id)
            && held.announce.seq >= announce.seq
        {
            // An older one adds nothing, another one of the same sequence is ignored (ANN-09).
            if held.announce == announce {
                held.add(slot, advertisement);
            }
            return true;
        }
        if self.due.len() >= HELD_MAX {
            return false;
        }
        let mut held = Held { announce, from: [None; HELD_FROM] };
        held.add(slot, advertisement);
        self.held.insert(id, held);
        self.due.push_back((now + HOLD, id, announce.seq));
        true
    }

    /// A neighbour took back what it advertised, or is gone.
    pub(super) fn withdraw(&mut self, id: RowId, slot: Slot) {
        let Some(held) = self.held.get_mut(&id) else {
            return;
        };
        for place in &mut held.from {
            if place.is_some_and(|offer| offer.0 == slot) {
                *place = None;
            }
        }
        if held.offers().next().is_none() {
            self.held.remove(&id);
        }
    }

    pub(super) fn withdraw_all(&mut self, slot: Slot) {
        let ids: alloc::vec::Vec<RowId> = self.held.keys().copied().collect();
        ids.into_iter().for_each(|id| self.withdraw(id, slot));
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due.front().map(|(due, ..)| *due)
    }

    /// A row whose announce waited long enough.
    pub(super) fn pop_due(&mut self, now: Instant) -> Option<RowId> {
        while self.due.front().is_some_and(|(due, ..)| *due <= now) {
            let (_, id, seq) = self.due.pop_front()?;
            if self.held.get(&id).is_some_and(|held| held.announce.seq == seq) {
                return Some(id);
            }
        }
        None
    }
}

/// How long an announce waits at most.
const HOLD: Duration = Duration::from_secs(10);

/// Announces that wait: 4,096 × 200 bytes are 820 kB.
const HELD_MAX: usize = 4_096;

/// Neighbours remembered beside one: as many as a row keeps.
const HELD_FROM: usize = super::row::HOPS_KEPT;
