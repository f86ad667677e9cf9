//! Whose destinations get a row, and who loses one: the table under attack (`RT-40`).

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{
    Routing, RoutingEvent,
    neighbours::{Neighbour, Neighbours},
    row::{FORGET_PAUSE, NOBODY, Row, STORED, Slot},
    table::RowId,
};
use crate::{address::Address, announce::UNREACHABLE, rules::Rule, time::Instant};

/// The neighbour a row counts against, if it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Share(Option<Slot>);

impl Share {
    pub(super) const NONE: Self = Self(None);

    pub(super) fn of(row: &Row) -> Self {
        Self(row.is_counted().then_some(row.sponsor))
    }
}

/// What a forgotten row leaves behind, so that it cannot come back as if it had never been used
/// (`RT-16`).
#[derive(Clone, Copy, Debug)]
pub(super) struct Tombstone {
    pub(super) seq: u32,
    pub(super) fd: u32,
    until: Instant,
}

/// Quotas, pins and tombstones.
#[derive(Debug, Default)]
pub(super) struct Admission {
    pinned: BTreeSet<Address>,
    /// Counted rows that came through nobody who is still there.
    orphans: u32,
    tombstones: BTreeMap<Address, Tombstone>,
    burials: VecDeque<(Instant, Address)>,
    /// Where the search for a row to evict goes on.
    hand: RowId,
    refused: u64,
}

/// Whether a new destination can have a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Free,
    /// In place of one of this neighbour's.
    InPlaceOf(Slot),
    None,
}

impl Admission {
    pub(super) fn is_pinned(&self, address: &Address) -> bool {
        self.pinned.contains(address)
    }

    /// Whether anything changed.
    pub(super) fn pin(&mut self, address: Address, on: bool) -> bool {
        if on {
            self.pinned.len() < PINNED_MAX && self.pinned.insert(address)
        } else {
            self.pinned.remove(&address)
        }
    }

    pub(super) fn recount(&mut self, neighbours: &mut Neighbours, before: Share, after: Share) {
        if before == after {
            return;
        }
        if let Some(slot) = before.0 {
            let count = self.counter(neighbours, slot);
            *count = count.saturating_sub(1);
        }
        if let Some(slot) = after.0 {
            *self.counter(neighbours, slot) += 1;
        }
    }

    fn counter<'a>(&'a mut self, neighbours: &'a mut Neighbours, slot: Slot) -> &'a mut u32 {
        match neighbours.get_mut(slot) {
            Some(neighbour) => &mut neighbour.counted,
            None => &mut self.orphans,
        }
    }

    pub(super) fn tombstone(&self, address: &Address) -> Option<Tombstone> {
        self.tombstones.get(address).copied()
    }

    fn bury(&mut self, now: Instant, row: &Row) {
        let until = now + FORGET_PAUSE;
        self.tombstones.insert(row.address, Tombstone { seq: row.seq, fd: row.fd, until });
        self.burials.push_back((until, row.address));
    }

    pub(super) fn exhume(&mut self, now: Instant) {
        while self.burials.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, address)) = self.burials.pop_front() else { return };
            // A second burial of the same address counts from anew.
            if self.tombstone(&address).is_some_and(|tombstone| tombstone.until <= now) {
                self.tombstones.remove(&address);
            }
        }
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.burials.front().map(|(due, _)| *due)
    }
}

impl Routing {
    /// How many new destinations were refused for want of room since the start.
    pub const fn refused(&self) -> u64 {
        self.admission.refused
    }

    /// Whether a destination without a row could have one, coming through this neighbour.
    pub(super) fn room_for(&self, address: &Address, slot: Slot) -> Room {
        let wanted = self.admission.is_pinned(address) || self.requests.is_open(address);
        let counted = self.neighbours.get(slot).map_or(0, |neighbour| neighbour.counted);
        let is_full = self.table.len() >= self.config.routes_max as usize;
        let is_shared = self.config.rules.holds(Rule::NeighbourShare);
        if is_shared && counted >= self.config.routes_max / SHARE_PER_NEIGHBOUR {
            return if wanted { Room::InPlaceOf(slot) } else { Room::None };
        }
        if !is_full {
            return Room::Free;
        }
        if self.admission.orphans > 0 {
            return Room::InPlaceOf(NOBODY);
        }
        let richest = self.neighbours.iter().max_by_key(|(_, neighbour)| neighbour.counted);
        match richest {
            Some((rich, neighbour)) if neighbour.counted > counted => Room::InPlaceOf(rich),
            Some(_) if wanted => Room::InPlaceOf(slot),
            _ => Room::None,
        }
    }

    /// Makes room for a new destination. Whether there is some.
    pub(super) fn admit(&mut self, now: Instant, address: &Address, slot: Slot) -> bool {
        let admitted = match self.room_for(address, slot) {
            Room::Free => true,
            Room::InPlaceOf(other) => self.evict(now, other),
            Room::None => false,
        };
        if !admitted {
            self.refuse();
        }
        admitted
    }

    pub(super) fn refuse(&mut self) {
        self.admission.refused += 1;
    }

    /// Removes a row of this neighbour's share, one without a next hop if one is near.
    ///
    /// The search goes on where the last one ended: rows of one neighbour lie together, so the
    /// next victim is close.
    fn evict(&mut self, now: Instant, sponsor: Slot) -> bool {
        let end = self.table.id_end();
        let mut victim = None;
        for step in 1..=end {
            let id = (self.admission.hand + step) % end;
            let Some(row) = self.table.get(id) else { continue };
            if row.is_counted() && row.sponsor == sponsor && self.may_forget(row) {
                let is_idle = row.primary == NOBODY;
                if is_idle || victim.is_none() {
                    victim = Some(id);
                }
                if is_idle {
                    break;
                }
            }
            if victim.is_some() && step >= IDLE_SCAN {
                break;
            }
        }
        let Some(victim) = victim else { return false };
        self.admission.hand = victim;
        self.forget(now, victim)
    }

    /// Whether a row's feasibility distance can be remembered without the row.
    fn may_forget(&self, row: &Row) -> bool {
        row.fd == UNREACHABLE || self.admission.burials.len() < TOMBSTONES_MAX
    }

    /// Removes a row: retracted, buried, deleted on disk. Whether it was there.
    pub(super) fn forget(&mut self, now: Instant, id: RowId) -> bool {
        let Some(row) = self.table.get(id).copied() else {
            return false;
        };
        if row.published_cost != UNREACHABLE {
            let retraction = (row.address, row.seq);
            self.neighbours.iter_mut().for_each(|neighbour| neighbour.owe(retraction));
        }
        if row.fd != UNREACHABLE && self.may_forget(&row) {
            self.admission.bury(now, &row);
        }
        if row.is(STORED) {
            self.unwritten.delete(now, row.address);
        }
        if row.reported != NOBODY {
            self.emit(RoutingEvent::RouteChanged { address: row.address, next_hop: None });
        }
        self.admission.recount(&mut self.neighbours, Share::of(&row), Share::NONE);
        self.holds.remove(id);
        self.table.remove(id).is_some()
    }
}

impl Neighbour {
    /// Queues the retraction of a row that is gone. When too many wait, the neighbour will find
    /// out by a no-route.
    fn owe(&mut self, retraction: (Address, u32)) {
        if self.owed.len() < OWED_MAX {
            self.owed.push_back(retraction);
        }
    }
}

/// At most one row in this many may be an unproven one of one neighbour.
const SHARE_PER_NEIGHBOUR: u32 = 4;

/// Rows looked at in the hope of one without a next hop.
const IDLE_SCAN: RowId = 64;

/// Contacts, one row each: 65,536 × 16 bytes are 1 MB.
const PINNED_MAX: usize = 1 << 16;

/// Tombstones: 4,096 × 64 bytes in both collections are 256 kB.
const TOMBSTONES_MAX: usize = 4_096;

/// Retractions of rows that are gone, per neighbour: as many as there can be tombstones.
const OWED_MAX: usize = TOMBSTONES_MAX;
