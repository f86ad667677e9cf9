//! What an announce, a retraction or a departure changes.

use super::{
    Routing, RoutingEvent,
    admission::Room,
    row::{ANNOUNCED, CURRENT, DIRECT, Hop, NOBODY, PINNED, PROVEN, Row, Slot, Tick},
    table::RowId,
};
use crate::{
    address::Address,
    announce::{
        Advertisement, BATCH_MAX, Heard, MeshAnnounce, Retraction, UNREACHABLE, What, verify,
    },
    crypto::rng::NodeRng,
    error::PeerMisbehaved,
    link::LinkId,
    rules::Rule,
    time::Instant,
};
use alloc::vec::Vec;

/// What is to be done with one thing that was heard.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ignore,
    Apply(Address),
    Verify(Address),
    Forged,
}

impl Routing {
    /// Works off the intake. Without `rng`, signatures are verified one by one (`ANN-07`).
    pub(super) fn ingest(&mut self, now: Instant, mut rng: Option<&mut NodeRng>) {
        let queue = self.intake.take(now);
        for batch in queue.chunks(BATCH_MAX) {
            self.ingest_batch(now, batch, rng.as_deref_mut());
        }
        self.intake.recycle(queue);
    }

    fn ingest_batch(&mut self, now: Instant, batch: &[Heard], rng: Option<&mut NodeRng>) {
        let mut verdicts: Vec<Verdict> = batch.iter().map(|heard| self.preview(heard)).collect();
        let mut unverified: Vec<usize> = (0..batch.len())
            .filter(|position| matches!(verdicts[*position], Verdict::Verify(_)))
            .collect();
        let mut verified = 0;
        let signed = self.config.rules.holds(Rule::AnnounceSigned);
        verify(self.config.mode, batch, &mut unverified, rng, |position, holds| {
            verdicts[position] = match verdicts[position] {
                Verdict::Verify(address) if holds || !signed => Verdict::Apply(address),
                _ => Verdict::Forged,
            };
            verified += u64::from(holds);
        });
        self.verified += verified;
        for (heard, verdict) in batch.iter().zip(verdicts) {
            match (verdict, &heard.what) {
                (Verdict::Apply(address), What::Advertised(advertisement)) => {
                    self.on_advertised(now, heard.link, &address, advertisement);
                }
                (Verdict::Apply(_), What::Retracted(retraction)) => {
                    self.on_retracted(now, heard.link, retraction);
                }
                (Verdict::Forged, _) => {
                    let error = PeerMisbehaved::BadSignature.into();
                    self.emit(RoutingEvent::Misbehaved { link: heard.link, error });
                }
                (Verdict::Ignore | Verdict::Verify(_), _) => {}
            }
        }
    }

    /// What can be said before the signature is looked at (`ANN-05`).
    fn preview(&mut self, heard: &Heard) -> Verdict {
        let announce = match &heard.what {
            What::Retracted(retraction) => return Verdict::Apply(retraction.address),
            What::Advertised(advertisement) => &advertisement.announce,
        };
        let address = announce.address();
        if address == self.own {
            return match &self.own_announce {
                Some(own) if announce.seq >= own.seq && own != announce => Verdict::Verify(address),
                _ => Verdict::Ignore,
            };
        }
        let Some(slot) = self.neighbours.slot_of(heard.link) else {
            return Verdict::Ignore;
        };
        let Some(id) = self.table.find(&address) else {
            if self.room_for(&address, slot) == Room::None {
                self.refuse();
                return Verdict::Ignore;
            }
            return Verdict::Verify(address);
        };
        match self.table.get(id) {
            Some(row) if row.holds(announce) => Verdict::Apply(address),
            Some(row) if self.is_old(row, announce) => Verdict::Ignore,
            _ if self.holds.get(id).is_some_and(|held| held.announce == *announce) => {
                Verdict::Apply(address)
            }
            _ => Verdict::Verify(address),
        }
    }

    /// A verified announce from a neighbour.
    fn on_advertised(
        &mut self,
        now: Instant,
        link: LinkId,
        address: &Address,
        advertisement: &Advertisement,
    ) {
        if *address == self.own {
            return self.on_own_copy(&advertisement.announce);
        }
        let Some(slot) = self.neighbours.slot_of(link) else {
            return;
        };
        let announce = &advertisement.announce;
        let Some(id) =
            self.table.find(address).or_else(|| self.create(now, slot, address, announce))
        else {
            return;
        };
        let Some(row) = self.table.get(id) else {
            return;
        };
        if row.holds(announce) {
            self.learn(now, id, slot, advertisement.hops, advertisement.cost);
            return self.evaluate(now, id, false);
        }
        if self.is_old(row, announce) {
            return;
        }
        let must_wait = self.must_wait(Tick::at(now), row, slot);
        if must_wait && self.holds.hold(now, id, slot, advertisement) {
            return;
        }
        self.adopt(now, id, announce);
        self.learn(now, id, slot, advertisement.hops, advertisement.cost);
        self.evaluate(now, id, true);
    }

    /// Whether an announce is not newer than what is known (`RT-01`).
    fn is_old(&self, row: &Row, announce: &MeshAnnounce) -> bool {
        row.is(ANNOUNCED) && announce.seq <= row.seq && self.config.rules.holds(Rule::SequenceOrder)
    }

    /// Somebody passes on an announce of ours that we do not know: our disk was rolled back
    /// (`RT-02`).
    fn on_own_copy(&mut self, announce: &MeshAnnounce) {
        if let Some(min_seq) = announce.seq.checked_add(1)
            && self.config.rules.holds(Rule::SequenceOvertakes)
        {
            self.emit(RoutingEvent::OwnSeqWanted { min_seq });
        }
    }

    /// A row for a new destination, if it may have one.
    fn create(
        &mut self,
        now: Instant,
        slot: Slot,
        address: &Address,
        announce: &MeshAnnounce,
    ) -> Option<RowId> {
        let buried = self.admission.tombstone(address);
        if buried.is_some_and(|tombstone| announce.seq < tombstone.seq) {
            return None;
        }
        if !self.admit(now, address, slot) {
            return None;
        }
        let mut row = Row::new(*address, announce.key, Tick::at(now));
        row.sponsor = slot;
        row.flags.set(PINNED, self.admission.is_pinned(address));
        Some(self.insert(row))
    }

    /// Whether a newer sequence from this neighbour has to wait (`RT-14`).
    fn must_wait(&self, now: Tick, row: &Row, slot: Slot) -> bool {
        if row.is_direct() {
            return false;
        }
        let hop = row.hop(slot);
        if hop.is_some_and(|hop| hop.is_resting(now)) {
            return row.known_hops().any(|hop| hop.slot != slot);
        }
        if hop.is_some_and(|hop| hop.flags.has(PROVEN)) || self.requests.is_open(&row.address) {
            return false;
        }
        Self::has_working_hop(now, row, slot)
    }

    /// Whether what a row holds back has nothing to wait for any more.
    pub(super) fn is_wait_over(&self, now: Tick, id: RowId, row: &Row) -> bool {
        let Some(held) = self.holds.get(id) else {
            return false;
        };
        let rests = |slot| row.hop(slot).is_some_and(|hop| hop.is_resting(now));
        !Self::has_working_hop(now, row, NOBODY) && held.offers().any(|(slot, ..)| !rests(slot))
    }

    /// Whether another neighbour than `beside` is proven and nothing speaks against it.
    fn has_working_hop(now: Tick, row: &Row, beside: Slot) -> bool {
        row.known_hops().any(|hop| {
            hop.slot != beside
                && hop.flags.has(PROVEN)
                && hop.misses == 0
                && !hop.is_resting(now)
                && row.is_feasible(hop)
        })
    }

    /// Moves a row to a newer sequence, with what was held of the same one.
    fn adopt(&mut self, now: Instant, id: RowId, announce: &MeshAnnounce) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        row.adopt(announce, Tick::at(now));
        if let Some(tombstone) = self.admission.tombstone(&row.address)
            && tombstone.seq == row.seq
        {
            row.fd = tombstone.fd;
        }
        let expires = row.expires();
        self.expiry = Some(self.expiry.map_or(expires, |expiry| expiry.min(expires)));
        let Some(held) = self.holds.remove(id) else {
            return;
        };
        if held.announce == *announce {
            for (slot, hops, cost) in held.offers() {
                self.learn(now, id, slot, hops, cost);
            }
        }
    }

    /// Adopts what a row holds back, now that waiting is pointless or over.
    pub(super) fn adopt_held(&mut self, now: Instant, id: RowId) {
        let Some(announce) = self.holds.get(id).map(|held| held.announce) else {
            return;
        };
        self.adopt(now, id, &announce);
        self.evaluate(now, id, true);
    }

    /// Notes what a neighbour advertised at the row's sequence.
    fn learn(&mut self, now: Instant, id: RowId, slot: Slot, hops: u8, cost: u32) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        if let Some(hop) = row.hop_mut(slot) {
            hop.flags.set(CURRENT, true);
            (hop.hops, hop.cost) = (hops, cost);
            return;
        }
        let mut hop = Hop::new(slot);
        hop.flags.set(CURRENT, true);
        (hop.hops, hop.cost) = (hops, cost);
        self.place_hop(id, hop, Tick::at(now));
    }

    /// Puts a next hop into the row, in place of a worse one if the row is full (`RT-30`).
    pub(super) fn place_hop(&mut self, id: RowId, hop: Hop, now: Tick) {
        let Some(row) = self.table.get(id) else {
            return;
        };
        let retention = |hop: &Hop| self.retention(now, row, hop);
        let Some((worst, kept)) = row
            .hops
            .iter()
            .enumerate()
            .map(|(place, hop)| (place, retention(hop)))
            .max_by_key(|(_, retention)| *retention)
        else {
            return;
        };
        if retention(&hop) < kept {
            self.with_row(id, |row| {
                row.hops[worst] = hop;
                if row.sponsor == NOBODY || hop.flags.has(DIRECT) {
                    row.sponsor = hop.slot;
                }
            });
        }
    }

    /// How dispensable a next hop is: (class, cost).
    fn retention(&self, now: Tick, row: &Row, hop: &Hop) -> (u8, u32) {
        let class = if hop.slot == NOBODY {
            5
        } else if hop.flags.has(DIRECT) {
            0
        } else if !row.is_feasible(hop) {
            4
        } else if hop.is_resting(now) {
            3
        } else if !hop.is_proven() {
            2
        } else {
            1
        };
        (class, hop.cost.saturating_add(self.neighbours.cost(hop.slot)))
    }

    fn on_retracted(&mut self, now: Instant, link: LinkId, retraction: &Retraction) {
        let Some(slot) = self.neighbours.slot_of(link) else {
            return;
        };
        let Some(id) = self.table.find(&retraction.address) else {
            return;
        };
        if self.holds.get(id).is_some_and(|held| held.announce.seq <= retraction.seq) {
            self.holds.withdraw(id, slot);
        }
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        let seq = row.seq;
        let Some(hop) = row.hop_mut(slot) else { return };
        if hop.flags.has(CURRENT) && retraction.seq >= seq {
            hop.flags.set(CURRENT, false);
            self.evaluate(now, id, false);
            self.offer(slot, &retraction.address);
        }
    }

    /// Tells a neighbour that lost its route of ours, which it was not told while it had as good a
    /// one (`ANN-14`): if it may not use it, it knows that asking for a newer sequence helps.
    fn offer(&mut self, slot: Slot, address: &Address) {
        if self.table.lookup(address).is_some_and(|row| row.published_cost != UNREACHABLE) {
            self.answer(slot, address);
        }
    }

    /// A neighbour is gone: nothing leads through it any more.
    pub(super) fn depart(&mut self, now: Instant, slot: Slot) {
        self.holds.withdraw_all(slot);
        self.requests.withdraw(slot);
        for id in 0..self.table.id_end() {
            let Some(row) = self.table.get(id) else {
                continue;
            };
            if row.hop(slot).is_none() && row.sponsor != slot {
                continue;
            }
            self.with_row(id, |row| {
                if let Some(hop) = row.hop_mut(slot) {
                    *hop = Hop::EMPTY;
                }
                if row.sponsor == slot {
                    let heir = row.known_hops().next().map(|hop| hop.slot);
                    row.sponsor = heir.unwrap_or(NOBODY);
                }
            });
            self.evaluate(now, id, false);
            if self.table.get(id).is_some_and(|row| !row.is(ANNOUNCED) && !row.is_direct()) {
                self.forget(now, id);
            }
        }
        self.neighbours.vacate(slot);
    }

    /// The cost of the link to a neighbour changed.
    pub(super) fn reconsider_all_through(&mut self, now: Instant, slot: Slot) {
        for id in 0..self.table.id_end() {
            if self.table.get(id).is_some_and(|row| row.hop(slot).is_some()) {
                self.evaluate(now, id, false);
            }
        }
    }
}
