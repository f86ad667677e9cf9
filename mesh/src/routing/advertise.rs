//! Frames for a link: chosen when the link can send, from the newest state (`ANN-11` to `ANN-18`).

use alloc::vec::Vec;

use super::{
    Routing,
    neighbours::Neighbour,
    row::{CURRENT, DIRECT, PINNED, REFRESH, Row, Slot},
};
use crate::{
    announce::{
        Advertisement, KIND_ANNOUNCES, KIND_PATH_REQUEST, KIND_RETRACT, PathRequest, Retraction,
        UNREACHABLE, is_fast, write_count,
    },
    limits::HOPS_MAX,
    link::LinkId,
    time::Instant,
    wire::VERSION,
};

impl Routing {
    /// Whether [`Routing::poll_frame`] may have a frame for this link.
    pub fn has_output(&self, link: LinkId) -> bool {
        let Some(slot) = self.neighbours.slot_of(link) else {
            return false;
        };
        let Some(neighbour) = self.neighbours.get(slot) else {
            return false;
        };
        let is_blocked = |link: &super::neighbours::Link| link.blocked_until.is_some();
        match neighbour.links.first() {
            Some(control) if control.id == link && !is_blocked(control) => self.is_due(neighbour),
            _ => false,
        }
    }

    fn is_due(&self, neighbour: &Neighbour) -> bool {
        (neighbour.own_due && self.own_announce.is_some())
            || !neighbour.answers.is_empty()
            || !neighbour.retracts.is_empty()
            || !neighbour.owed.is_empty()
            || !neighbour.requests.is_empty()
            || !neighbour.waiting.is_empty()
            || (self.config.relay && neighbour.cursor < self.table.last_version())
    }

    /// Appends one frame (version, kind, body) of at most `mtu` bytes for the neighbour on this
    /// link, if there is something to say and the link's share allows it. Whether it did.
    pub fn poll_frame(&mut self, now: Instant, link: LinkId, mtu: u32, buf: &mut Vec<u8>) -> bool {
        let Some(slot) = self.neighbours.slot_of(link) else {
            return false;
        };
        let Some(neighbour) = self.neighbours.get(slot) else {
            return false;
        };
        let Some(control) = neighbour.links.first().filter(|control| control.id == link) else {
            return false;
        };
        if !self.is_due(neighbour) || control.blocked_until.is_some_and(|until| now < until) {
            return false;
        }
        let mtu = u64::from(mtu.min(control.caps.mtu)).min(control.share.burst());
        let needed = mtu.min(self.due_len(neighbour, mtu));
        let available = control.share.available(now);
        if available < needed {
            let until = control.share.ready_at(now, needed);
            return self.block(link, until);
        }
        let room = usize::try_from(mtu.min(available)).unwrap_or(usize::MAX);
        let before = buf.len();
        let written = self.write_frame(slot, room, buf);
        let spent = (buf.len() - before) as u64;
        if let Some(link) = self.neighbours.link_mut(link) {
            link.share.take(now, spent);
            link.blocked_until = None;
        }
        written
    }

    fn block(&mut self, link: LinkId, until: Instant) -> bool {
        if let Some(link) = self.neighbours.link_mut(link) {
            link.blocked_until = Some(until);
        }
        false
    }

    pub(super) fn unblock(&mut self, now: Instant) {
        for link in self.neighbours.iter_mut().flat_map(|neighbour| &mut neighbour.links) {
            link.blocked_until = link.blocked_until.filter(|until| now < *until);
        }
    }

    pub(super) fn blocked_until(&self) -> Option<Instant> {
        let links = self.neighbours.iter().flat_map(|(_, neighbour)| &neighbour.links);
        links.filter_map(|link| link.blocked_until).min()
    }

    /// Bytes of what is due in the best frame, up to `mtu`.
    fn due_len(&self, neighbour: &Neighbour, mtu: u64) -> u64 {
        let len = if !neighbour.answers.is_empty() || neighbour.own_due {
            FRAME_OVERHEAD + (neighbour.answers.len() + 1) * Advertisement::LEN
        } else if !neighbour.retracts.is_empty() || !neighbour.owed.is_empty() {
            FRAME_OVERHEAD + (neighbour.retracts.len() + neighbour.owed.len()) * Retraction::LEN
        } else if !neighbour.requests.is_empty() {
            FRAME_OVERHEAD + PathRequest::LEN
        } else {
            let most = usize::try_from(mtu).unwrap_or(usize::MAX) / Advertisement::LEN;
            let ahead = self.table.published_after(neighbour.cursor).take(most).count();
            FRAME_OVERHEAD + (neighbour.waiting.len() + ahead).max(1) * Advertisement::LEN
        };
        len as u64
    }

    /// Writes the most urgent frame of at most `room` bytes.
    fn write_frame(&mut self, slot: Slot, room: usize, buf: &mut Vec<u8>) -> bool {
        let mut entries = Vec::new();
        let most = room.saturating_sub(FRAME_OVERHEAD) / Advertisement::LEN;
        self.gather_urgent(slot, most, &mut entries);
        if entries.is_empty()
            && (self.write_retracts(slot, room, buf) || self.write_request(slot, room, buf))
        {
            return true;
        }
        self.gather_table(slot, most, &mut entries);
        if entries.is_empty() {
            return self.write_retracts(slot, room, buf);
        }
        buf.extend_from_slice(&[VERSION, KIND_ANNOUNCES]);
        write_count(entries.len(), buf);
        entries.iter().for_each(|entry| entry.write(buf));
        true
    }

    /// Our own announce and the answers to path requests.
    fn gather_urgent(&mut self, slot: Slot, most: usize, entries: &mut Vec<Advertisement>) {
        let Some(neighbour) = self.neighbours.get_mut(slot) else {
            return;
        };
        if neighbour.own_due && most > 0 {
            neighbour.own_due = false;
            let own = match self.own_shared {
                Some(known) if neighbour.is_shared() => Some(known),
                _ => self.own_announce,
            };
            entries.extend(own.map(|announce| Advertisement { hops: 0, cost: 0, announce }));
        }
        while entries.len() < most {
            let Some(address) = neighbour.answers.pop_front() else {
                return;
            };
            entries.extend(self.table.lookup(&address).and_then(advertisement));
        }
    }

    /// What the neighbour does not know yet, as far as it fits.
    fn gather_table(&mut self, slot: Slot, room: usize, entries: &mut Vec<Advertisement>) {
        let Some(neighbour) = self.neighbours.get_mut(slot) else {
            return;
        };
        if !self.config.relay {
            neighbour.cursor = self.table.last_version();
            return;
        }
        let is_slow = neighbour.links.first().is_some_and(|link| !is_fast(&link.caps));
        let is_shared = neighbour.is_shared();
        let urgent = entries.len();
        for (version, row) in self.table.published_after(neighbour.cursor) {
            let is_said = entries[..urgent].iter().any(|entry| entry.announce.key == *row.key());
            let is_due = !is_said && is_due_for(row, slot) && !(is_shared && is_idle_refresh(row));
            if neighbour.retracts.len() >= RETRACTS_MAX || (!is_slow && entries.len() >= room) {
                break;
            }
            neighbour.cursor = version;
            if row.published_cost == UNREACHABLE {
                if version > neighbour.since {
                    neighbour.retracts.push_back(version);
                }
            } else if is_due && is_slow {
                neighbour.wait_for_slot(row);
            } else if is_due {
                entries.extend(advertisement(row));
            }
        }
        if is_slow {
            self.gather_waiting(slot, room, entries);
        }
    }

    /// The best of what waits for a slow link (`ANN-17`).
    fn gather_waiting(&mut self, slot: Slot, most: usize, entries: &mut Vec<Advertisement>) {
        let Some(neighbour) = self.neighbours.get_mut(slot) else {
            return;
        };
        while entries.len() < most {
            let Some((_, _, version)) = neighbour.waiting.pop_first() else {
                return;
            };
            let row = self.table.row_at(version).filter(|row| is_due_for(row, slot));
            entries.extend(row.and_then(advertisement));
        }
    }

    fn write_retracts(&mut self, slot: Slot, room: usize, buf: &mut Vec<u8>) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(slot) else {
            return false;
        };
        let most = room.saturating_sub(FRAME_OVERHEAD) / Retraction::LEN;
        let mut entries: Vec<Retraction> = Vec::new();
        while entries.len() < most {
            if let Some((address, seq)) = neighbour.owed.pop_front() {
                entries.push(Retraction { address, seq });
            } else if let Some(version) = neighbour.retracts.pop_front() {
                // Reachable again, or retracted again: then it is in the order once more.
                let row = self.table.row_at(version);
                let row = row.filter(|row| row.published_cost == UNREACHABLE);
                entries.extend(row.map(|row| Retraction { address: row.address, seq: row.seq }));
            } else {
                break;
            }
        }
        if entries.is_empty() {
            return false;
        }
        buf.extend_from_slice(&[VERSION, KIND_RETRACT]);
        write_count(entries.len(), buf);
        entries.iter().for_each(|entry| entry.write(buf));
        true
    }

    fn write_request(&mut self, slot: Slot, room: usize, buf: &mut Vec<u8>) -> bool {
        if room < FRAME_OVERHEAD + PathRequest::LEN {
            return false;
        }
        let neighbour = self.neighbours.get_mut(slot);
        let Some(request) = neighbour.and_then(|neighbour| neighbour.requests.pop_front()) else {
            return false;
        };
        buf.extend_from_slice(&[VERSION, KIND_PATH_REQUEST]);
        request.write(buf);
        true
    }
}

impl Neighbour {
    /// Notes a row for a slow link: pinned, changed, refreshed; each by hops. The worst goes when
    /// there are too many.
    fn wait_for_slot(&mut self, row: &Row) {
        let class = if row.is(PINNED) {
            0
        } else if row.is(REFRESH) {
            2
        } else {
            1
        };
        self.waiting.insert((class, row.published_hops, row.version));
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_last();
        }
    }
}

/// Whether a neighbour can do anything with what we publish: not if it told us at least as good
/// (`ANN-14`), not about itself.
fn is_due_for(row: &Row, slot: Slot) -> bool {
    row.hop(slot).is_none_or(|hop| {
        let knows = hop.flags.has(CURRENT) && hop.cost <= row.published_cost;
        !knows && !hop.flags.has(DIRECT)
    })
}

/// Whether a shared medium need not hear of a new sequence that changes nothing: of those that come
/// often, from elsewhere, three in four (`ANN-20`).
fn is_idle_refresh(row: &Row) -> bool {
    let is_frequent = row.validity_s() < OFTEN_S;
    row.is(REFRESH) && is_frequent && !row.seq.is_multiple_of(4)
}

/// What a row says to neighbours, if it is published and not too far for one more hop.
fn advertisement(row: &Row) -> Option<Advertisement> {
    let is_offered = row.published_cost != UNREACHABLE && row.published_hops < HOPS_MAX;
    let announce = row.announce().filter(|_| is_offered)?;
    Some(Advertisement { hops: row.published_hops, cost: row.published_cost, announce })
}

/// Who announces itself more often than this does not do it for shared media.
const OFTEN_S: u64 = 4_096;

/// Version, kind, and a count of up to two bytes.
const FRAME_OVERHEAD: usize = 4;

/// Retractions collected for one frame before the table is looked at further.
const RETRACTS_MAX: usize = 1_024;

/// Keys that wait for a slow link: 1,024 × 24 bytes are 25 kB.
const WAITING_MAX: usize = 1_024;
