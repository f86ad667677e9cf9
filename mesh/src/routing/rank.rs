//! Which next hop, and what receipts teach (`RT-30` to `RT-35`).

use super::{
    Routing,
    row::{EVER_PROVEN, Hop, Row, Slot, Tick, USED},
    table::RowId,
};
use crate::{
    address::Address, announce::UNREACHABLE, limits::HOPS_MAX, link::LinkId, rules::Rule,
    time::Instant,
};

/// A next hop that may be used.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    pub(super) slot: Slot,
    /// Cost to the destination through it.
    pub(super) cost: u32,
    /// Hops to the destination through it.
    pub(super) hops: u8,
    pub(super) is_proven: bool,
    score: u64,
}

/// The best next hops of a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pick {
    /// Where packets go first.
    pub(super) primary: Option<Choice>,
    /// The best of those that rest.
    standby: Option<Choice>,
    /// When the first of those that rest wakes.
    pub(super) wake: Option<Tick>,
}

impl Pick {
    /// Through whom the destination can be reached, at rest or not: what neighbours are told.
    pub(super) fn target(&self) -> Option<Choice> {
        self.primary.or(self.standby)
    }
}

impl Routing {
    /// The link to send a packet for `destination` on, or `None` when it has to wait.
    ///
    /// `exclude` names links that are out of the question for this packet: where it came from,
    /// where it was tried. Beside a proven next hop every eighth packet probes a cheaper unproven
    /// one (`RT-32`).
    pub fn choose(
        &mut self,
        now: Instant,
        destination: &Address,
        exclude: &[LinkId],
    ) -> Option<LinkId> {
        let id = self.table.find(destination)?;
        let row = self.table.get(id)?;
        let tick = Tick::at(now);
        let usable = |choice: &Choice| {
            let neighbour = self.neighbours.get(choice.slot);
            neighbour.is_some_and(|neighbour| neighbour.link_beside(exclude).is_some())
        };
        let awake = row.hops.iter().filter(|hop| !hop.is_resting(tick));
        let (proven, unproven) =
            split(awake.filter_map(|hop| self.choice(row, hop)).filter(usable));
        let choice = match (proven, unproven) {
            (Some(proven), Some(unproven)) if unproven.score < proven.score => {
                let row = self.table.get_mut(id)?;
                row.turn = row.turn.wrapping_add(1);
                let probe =
                    row.turn % PROBE_EVERY == 0 || !self.config.rules.holds(Rule::ProbeShare);
                if probe { unproven } else { proven }
            }
            (proven, unproven) => proven.or(unproven)?,
        };
        self.neighbours.get(choice.slot)?.link_beside(exclude)
    }

    /// A packet for `destination` was sent on `link`: the route is in use.
    pub fn on_sent(&mut self, _now: Instant, destination: &Address, _link: LinkId) {
        if let Some(row) = self.table.find(destination).and_then(|id| self.table.get_mut(id)) {
            row.flags.set(USED, true);
        }
    }

    /// The receipt for a packet that was sent on `link` came back.
    pub fn on_receipt(&mut self, now: Instant, destination: &Address, link: LinkId) {
        self.on_feedback(now, destination, link, |hop| {
            hop.on_receipt();
            true
        });
    }

    /// The receipt for a packet that was sent on `link` did not come in time.
    pub fn on_no_receipt(&mut self, now: Instant, destination: &Address, link: LinkId) {
        self.on_feedback(now, destination, link, |hop| {
            hop.on_missing(now);
            false
        });
    }

    /// The neighbour on `link` says it has no route to `destination`.
    pub fn on_no_route(&mut self, now: Instant, destination: &Address, link: LinkId) {
        self.on_feedback(now, destination, link, |hop| {
            hop.on_no_route(now);
            false
        });
    }

    /// Applies feedback to the hop behind a link; `learn` says whether it was a proof.
    fn on_feedback(
        &mut self,
        now: Instant,
        destination: &Address,
        link: LinkId,
        learn: impl FnOnce(&mut Hop) -> bool,
    ) {
        let Some(slot) = self.neighbours.slot_of(link) else {
            return;
        };
        let Some(id) = self.table.find(destination) else {
            return;
        };
        let known = self.with_row(id, |row| {
            let is_proof = row.hop_mut(slot).map(learn)?;
            if is_proof {
                row.flags.set(EVER_PROVEN, true);
            }
            Some(())
        });
        if known.flatten().is_some() {
            self.evaluate(now, id, false);
        }
    }

    /// What a next hop of a row is worth, if it may be used at all.
    fn choice(&self, row: &Row, hop: &Hop) -> Option<Choice> {
        if !row.is_feasible(hop) {
            return None;
        }
        let cost = hop.cost.saturating_add(self.neighbours.cost(hop.slot));
        let hops = hop.hops + 1;
        if cost == UNREACHABLE || hops > HOPS_MAX {
            return None;
        }
        let score = u64::from(cost) * u64::from(u8::MAX) / u64::from(hop.success.max(1));
        // What a link mostly loses is no proof against what comes by a better one (RT-56).
        let is_proven = hop.is_proven() && !self.neighbours.is_poor(hop.slot);
        Some(Choice { slot: hop.slot, cost, hops, is_proven, score })
    }

    /// The best next hops of a row.
    pub(super) fn pick(&self, now: Tick, row: &Row) -> Pick {
        let mut pick = Pick::default();
        let choices = |resting: bool| {
            let hops = row.hops.iter().filter(move |hop| hop.is_resting(now) == resting);
            hops.filter_map(|hop| self.choice(row, hop))
        };
        let (proven, unproven) = split(choices(false));
        pick.primary = proven.or(unproven);
        if pick.primary.is_none() {
            // One that rested again and again without a receipt in between is no route to tell others
            // of: whoever believes in it sends here what cannot go on (RT-37).
            let believed = |choice: &Choice| {
                row.hop(choice.slot).is_some_and(|hop| !hop.is_dead_end(now))
                    || !self.config.rules.holds(Rule::DeadEndsRetracted)
            };
            let (proven, unproven) = split(choices(true).filter(believed));
            pick.standby = proven.or(unproven);
            pick.wake = row
                .hops
                .iter()
                .filter(|hop| hop.is_resting(now) && self.choice(row, hop).is_some())
                .map(|hop| hop.rest_until)
                .min();
        }
        pick
    }

    /// A row's rest is over.
    pub(super) fn wake(&mut self, now: Instant, id: RowId) {
        if let Some(row) = self.table.get_mut(id) {
            row.flags.set(super::row::RESTING, false);
            self.evaluate(now, id, false);
        }
    }
}

/// The best proven and the best unproven one.
fn split(choices: impl Iterator<Item = Choice>) -> (Option<Choice>, Option<Choice>) {
    let (mut proven, mut unproven) = (None::<Choice>, None::<Choice>);
    for choice in choices {
        let best = if choice.is_proven { &mut proven } else { &mut unproven };
        if best.is_none_or(|best| (choice.score, choice.slot) < (best.score, best.slot)) {
            *best = Some(choice);
        }
    }
    (proven, unproven)
}

/// Beside a proven next hop, an unproven one gets one packet in this many.
const PROBE_EVERY: u8 = 8;
