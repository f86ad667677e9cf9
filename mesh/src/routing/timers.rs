//! The deadlines of routing, merged into one.

use alloc::collections::BTreeSet;
use core::time::Duration;

use super::{
    Routing,
    row::{ANNOUNCED, EXPIRED, PINNED},
    table::RowId,
};
use crate::{announce::UNREACHABLE, crypto::rng::NodeRng, time::Instant};

impl Routing {
    /// When [`Routing::handle_timeout`] wants to be called; `None` when nothing is pending.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.intake.due(),
            self.settling.first().map(|(due, _)| *due),
            self.resting.first().map(|(due, _)| *due),
            self.holds.due(),
            self.requests.due(),
            self.admission.due(),
            self.expiry,
            self.recost,
            self.unwritten.due(),
            self.blocked_until(),
            self.own_shared_due,
            (!self.starved.is_empty()).then_some(Instant::ZERO),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, rng: &mut NodeRng) {
        self.unblock(now);
        self.tell_shared(now);
        while let Some(id) = pop_due(&mut self.settling, now) {
            self.settle(now, id);
        }
        while let Some(id) = pop_due(&mut self.resting, now) {
            self.wake(now, id);
        }
        while let Some(id) = self.holds.pop_due(now) {
            self.adopt_held(now, id);
        }
        self.advance_searches(now, rng);
        self.admission.exhume(now);
        if self.expiry.is_some_and(|due| due <= now) {
            self.expire(now);
        }
        self.unwritten.handle_timeout(now);
        self.flush(now, rng);
    }

    /// Looks through the table for rows that are too old, and notes when to look again (`RT-42`).
    fn expire(&mut self, now: Instant) {
        let mut next = None::<Instant>;
        for id in 0..self.table.id_end() {
            let due = self.expire_row(now, id);
            next = match (next, due) {
                (Some(next), Some(due)) => Some(next.min(due)),
                (next, due) => next.or(due),
            };
        }
        // A pass over 100,000 rows takes milliseconds; rows whose time comes one after the other
        // are collected so that passes stay below a thousandth of a core.
        let pause = EXPIRY_PAUSE_PER_ROW * u32::try_from(self.table.len()).unwrap_or(u32::MAX);
        let earliest = now + pause.max(EXPIRY_PAUSE_MIN);
        self.expiry = next.map(|next| next.max(earliest));
    }

    /// Expires or forgets a row if it is time. Returns when it is time next.
    fn expire_row(&mut self, now: Instant, id: RowId) -> Option<Instant> {
        let row = self.table.get(id).filter(|row| row.is(ANNOUNCED))?;
        if !row.is(EXPIRED) && now < row.expires() {
            return Some(row.expires());
        }
        let (forgotten, is_kept) = (row.forgotten(), row.is_direct() || row.is(PINNED));
        if !row.is(EXPIRED) {
            self.with_row(id, |row| row.flags.set(EXPIRED, true));
            self.evaluate(now, id, false);
        }
        if is_kept {
            return None;
        }
        if now < forgotten {
            return Some(forgotten);
        }
        // Everybody had a minute to hear of the retraction: no tombstone is needed.
        if let Some(row) = self.table.get_mut(id) {
            row.fd = UNREACHABLE;
        }
        self.forget(now, id);
        None
    }
}

fn pop_due(timers: &mut BTreeSet<(Instant, RowId)>, now: Instant) -> Option<RowId> {
    let first = timers.first().copied().filter(|(due, _)| *due <= now)?;
    timers.remove(&first);
    Some(first.1)
}

/// At most one pass over the table in this time, longer for large tables: 10 s for 100,000 rows.
const EXPIRY_PAUSE_MIN: Duration = Duration::from_secs(1);
const EXPIRY_PAUSE_PER_ROW: Duration = Duration::from_micros(100);
