//! From a changed row to what neighbours and the application are told (`RT-20` to `RT-23`).

use core::time::Duration;

use super::{
    Routing,
    rank::{Choice, Pick},
    row::{
        ANNOUNCED, CHANGED, CURRENT, EVER_PROVEN, EXPIRED, NOBODY, REFRESH, RESTING, Row, SETTLING,
        Slot, Tick, USED,
    },
    table::RowId,
};
use crate::{announce::UNREACHABLE, rules::Rule, time::Instant};

impl Routing {
    /// Draws the conclusions from a change of a row: the primary next hop, what the neighbours are
    /// told, what the application is told.
    pub(super) fn evaluate(&mut self, now: Instant, id: RowId, is_new_seq: bool) {
        let Some(row) = self.table.get(id) else {
            return;
        };
        let tick = Tick::at(now);
        if self.is_wait_over(tick, id, row) {
            return self.adopt_held(now, id);
        }
        let pick = self.pick(tick, row);
        self.note_primary(now, id, &pick);
        let Some(row) = self.table.get(id) else {
            return;
        };
        let target = pick.target().filter(|_| row.is(ANNOUNCED) && !row.is(EXPIRED));
        match target {
            None => {
                if row.published_cost != UNREACHABLE {
                    self.retract(id);
                    self.note_dead_end(tick, id);
                }
                self.note_starved(tick, id);
            }
            Some(choice) if is_new_seq || row.published_cost == UNREACHABLE => {
                self.publish(now, id, &choice);
            }
            Some(choice) if improves(row, &choice) => self.settle_later(now, id),
            Some(choice) => {
                let is_dear = row.is(USED) && choice.cost / 2 >= row.published_cost;
                if is_dear && !self.is_over_shared(choice.slot) {
                    self.ask_newer(id);
                }
            }
        }
    }

    fn note_primary(&mut self, now: Instant, id: RowId, pick: &Pick) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        row.primary = pick.primary.map_or(NOBODY, |choice| choice.slot);
        if let Some(wake) = pick.wake.filter(|_| row.primary == NOBODY && !row.is(RESTING)) {
            row.flags.set(RESTING, true);
            self.resting.insert((wake.instant(), id));
        }
        let (primary, reported) = (row.primary, row.reported);
        if primary == reported {
            return;
        }
        if primary == NOBODY || reported == NOBODY {
            self.report(id);
        } else {
            self.settle_later(now, id);
        }
    }

    fn report(&mut self, id: RowId) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        if !row.is(CHANGED) {
            row.flags.set(CHANGED, true);
            self.changed.push_back(id);
        }
    }

    fn settle_later(&mut self, now: Instant, id: RowId) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        if !row.is(SETTLING) {
            row.flags.set(SETTLING, true);
            self.settling.insert((now + SETTLE, id));
        }
    }

    /// Publishes an improvement and reports a change that lasted (`RT-21`, `RT-23`).
    pub(super) fn settle(&mut self, now: Instant, id: RowId) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        row.flags.set(SETTLING, false);
        if row.primary != row.reported {
            self.report(id);
        }
        let Some(row) = self.table.get(id) else {
            return;
        };
        if row.published_cost == UNREACHABLE {
            return;
        }
        let target = self.pick(Tick::at(now), row).target();
        if let Some(choice) = target.filter(|choice| improves(row, choice)) {
            self.publish(now, id, &choice);
        }
    }

    /// Releases a row to the neighbours; the feasibility distance follows (`RT-10`).
    fn publish(&mut self, now: Instant, id: RowId, choice: &Choice) {
        let Some(row) = self.table.get_mut(id) else {
            return;
        };
        let is_refresh = row.published_cost == choice.cost && row.published_hops == choice.hops;
        row.flags.set(REFRESH, is_refresh);
        row.published_cost = choice.cost;
        row.published_hops = choice.hops;
        if self.config.rules.holds(Rule::Feasibility) {
            row.fd = row.fd.min(choice.cost);
        }
        let (address, seq) = (row.address, row.seq);
        self.table.bump(id);
        self.mark_unwritten(now, id);
        self.answer_open_request(&address, seq);
    }

    fn retract(&mut self, id: RowId) {
        if let Some(row) = self.table.get_mut(id) {
            row.published_cost = UNREACHABLE;
            self.table.bump(id);
        }
    }

    /// Asks for a newer sequence when the last next hop turns out to swallow everything: neighbours
    /// that believed in it through us may then lead somewhere else (`RT-37`). Once for each rest.
    fn note_dead_end(&mut self, now: Tick, id: RowId) {
        let Some(row) = self.table.get(id) else { return };
        if row.is(ANNOUNCED)
            && row.known_hops().any(|hop| hop.is_dead_end(now) && !self.is_over_shared(hop.slot))
        {
            self.ask_newer(id);
        }
    }

    /// Asks for a newer sequence when somebody leads there but may not be used (`RT-51`).
    fn note_starved(&mut self, now: Tick, id: RowId) {
        let Some(row) = self.table.get(id) else {
            return;
        };
        // A newer sequence makes a hop feasible, it does not wake one.
        let is_offered =
            row.known_hops().any(|hop| hop.flags.has(CURRENT) && !hop.is_dead_end(now));
        if row.is(ANNOUNCED) && !row.is(EXPIRED) && is_offered {
            self.ask_newer(id);
        }
    }

    /// Whether the way begins on a shared medium: there costs come and go with the load, and a new
    /// sequence is dearer than a way that is not the best (`RT-12`).
    fn is_over_shared(&self, slot: Slot) -> bool {
        self.neighbours.get(slot).is_some_and(super::neighbours::Neighbour::is_shared)
    }

    fn ask_newer(&mut self, id: RowId) {
        let Some(row) = self.table.get(id) else { return };
        let (address, min_seq) = (row.address, row.seq.saturating_add(1));
        if !self.requests.is_searching(&address, min_seq) && self.starved.len() < STARVED_MAX {
            self.starved.push(address);
        }
    }
}

/// Whether a next hop is worth telling the neighbours again (`RT-21`).
fn improves(row: &Row, choice: &Choice) -> bool {
    let is_trusted = choice.is_proven || !row.is(EVER_PROVEN);
    is_trusted && choice.cost < row.published_cost - row.published_cost / 8
}

/// How long a change waits for a better or the former one to come.
const SETTLE: Duration = Duration::from_millis(50);

/// Destinations to ask for that wait for the next flush.
const STARVED_MAX: usize = 4_096;
