//! The practice's end of reservations: the one place where slots are given away (`RSV-40` to `RSV-45`).
//!
//! The driver drains in this order: [`Practice::poll_row`] until `None`, all of it durable as one
//! change, [`Practice::handle_committed`], then [`Practice::poll_outgoing`]. No answer leaves before
//! its decision is on disk.

mod entry;
mod receive;
mod slot;

use alloc::{collections::BTreeMap, vec::Vec};
use core::fmt;

use mesh::{Address, error::Malformed};

use super::{
    letter::{About, Letter, TO_FOLLOW_KEY, TO_SUB_KEY, follow_label},
    limits::{
        ALTERNATIVES_MAX, ANNOUNCES_PER_SLOT_MAX, POOL_LIFE_S, SLOTS_MAX, WORK_BITS_MAX,
        WORK_BITS_MIN,
    },
    message::{Alternative, Answer, CANCEL, CONTACT, Reason, RequestId, Verdict},
    rows::{Gate, Row},
};
use crate::{SlotId, UnixSeconds};
pub use entry::Status;
use entry::{Entry, row_key};
pub use receive::{Received, Refused};
use slot::{Closing, SlotEntry, slot_key};

/// A letter and the mailbox node to put it to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The mailbox node.
    pub to: Address,
    /// The letter.
    pub letter: Letter,
}

/// What a slot is (`RSV-40`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// Nobody has it or asks for it.
    Free,
    /// Requests wait for it.
    Held,
    /// It is somebody's.
    Confirmed,
    /// It is offered to nobody any more.
    Cancelled,
    /// It is not offered at present (`RSV-46`).
    Resting,
}

/// Why a decision was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionError {
    /// No such request or slot.
    Unknown,
    /// The request is decided already.
    Decided,
    /// Its hold is over, or the slot has begun.
    Over,
    /// Another confirmed slot is at the same time.
    Overlaps,
    /// The slot has ended, or there is no room for another.
    NotOffered,
}

/// A request, for the practice to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView<'a> {
    /// Its name.
    pub id: RequestId,
    /// What it is about.
    pub about: About,
    /// When the slot begins.
    pub start: UnixSeconds,
    /// How long it lasts.
    pub minutes: u16,
    /// When it was made.
    pub made_at: UnixSeconds,
    /// Until when it can be confirmed.
    pub until: UnixSeconds,
    /// What became of it.
    pub status: Status,
    /// How the patient is reached, once they said.
    pub contact: Option<&'a str>,
}

/// The machine.
#[derive(Clone, Default)]
pub struct Practice {
    slots: BTreeMap<SlotId, SlotEntry>,
    requests: BTreeMap<RequestId, Entry>,
    /// Labels of follow-ups that may come.
    expected: BTreeMap<[u8; 16], (RequestId, u8)>,
    /// Answers to repeated requests in this run.
    repeats: BTreeMap<RequestId, u8>,
    arrivals: u64,
    gate: Gate<RequestId>,
}

impl Practice {
    /// Offers a slot of an announce. One that is offered already gets the announce besides; one that
    /// was cancelled stays so.
    ///
    /// # Errors
    /// [`DecisionError::NotOffered`].
    pub fn offer(
        &mut self,
        now: UnixSeconds,
        about: About,
        start: UnixSeconds,
        minutes: u16,
    ) -> Result<(), DecisionError> {
        let known = self.slots.contains_key(&about.slot);
        if slot::end(start, minutes) <= now || (!known && self.slots.len() >= SLOTS_MAX) {
            return Err(DecisionError::NotOffered);
        }
        let slot = self.slots.entry(about.slot).or_insert_with(|| SlotEntry {
            start,
            minutes,
            announces: Vec::new(),
            closing: Closing::Open,
        });
        if slot.closing == Closing::Resting {
            slot.closing = Closing::Open;
            self.gate.write(slot.row(&about.slot));
        }
        if slot.announces.contains(&about.announce) {
            return Ok(());
        }
        if slot.announces.len() >= ANNOUNCES_PER_SLOT_MAX {
            slot.announces.remove(0);
        }
        slot.announces.push(about.announce);
        self.gate.write(slot.row(&about.slot));
        Ok(())
    }

    /// Takes a slot back. Who waits for it is told; who has it keeps it.
    ///
    /// # Errors
    /// [`DecisionError::Unknown`].
    pub fn withdraw(&mut self, now: UnixSeconds, slot: &SlotId) -> Result<(), DecisionError> {
        self.close(slot)?;
        for id in self.waiting(slot) {
            self.decide(&id, Status::Declined { at: now, reason: Reason::Gone, work_bits: 0 });
        }
        Ok(())
    }

    /// Offers a slot no longer, for the time being: nobody gets it who asks now. Who waits for it still waits, for
    /// the practice to decide, and who has it keeps it (`RSV-46`).
    pub fn rest(&mut self, slot: &SlotId) {
        if let Some(entry) = self.slots.get_mut(slot).filter(|s| s.closing == Closing::Open) {
            entry.closing = Closing::Resting;
            self.gate.write(entry.row(slot));
        }
    }

    /// Gives the slot to this request, and declines all others that wait for it (`RSV-42`).
    ///
    /// # Errors
    /// [`DecisionError`]; nothing is changed but that a hold which is over is expired.
    pub fn confirm(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), DecisionError> {
        let entry = self.requests.get(id).ok_or(DecisionError::Unknown)?;
        if !entry.waits() {
            return Err(DecisionError::Decided);
        }
        let slot = entry.about.slot;
        if entry.until <= now {
            self.decide(id, Status::Expired { at: now });
            return Err(DecisionError::Over);
        }
        if self.is_overlapped(&slot) {
            return Err(DecisionError::Overlaps);
        }
        self.decide(id, Status::Confirmed { at: now });
        for other in self.waiting(&slot) {
            self.decide(&other, Status::Declined { at: now, reason: Reason::Taken, work_bits: 0 });
        }
        Ok(())
    }

    /// Refuses a request that waits.
    ///
    /// # Errors
    /// [`DecisionError::Unknown`] or [`DecisionError::Decided`].
    pub fn decline(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), DecisionError> {
        let entry = self.requests.get(id).ok_or(DecisionError::Unknown)?;
        if !entry.waits() {
            return Err(DecisionError::Decided);
        }
        self.decide(id, Status::Declined { at: now, reason: Reason::Practice, work_bits: 0 });
        Ok(())
    }

    /// Takes a confirmation back, and the slot with it: its patient may not hear of it in time
    /// (`RSV-40`).
    ///
    /// # Errors
    /// [`DecisionError::Unknown`], or [`DecisionError::Decided`] for one that is not confirmed.
    pub fn cancel(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), DecisionError> {
        let entry = self.requests.get(id).ok_or(DecisionError::Unknown)?;
        if !entry.confirmed() {
            return Err(DecisionError::Decided);
        }
        let slot = entry.about.slot;
        self.decide(id, Status::Cancelled { at: now, reason: Reason::Practice });
        self.withdraw(now, &slot)
    }

    /// Ends holds that are over, and forgets slots a day after their end.
    pub fn handle_timeout(&mut self, now: UnixSeconds) {
        let over: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(_, entry)| entry.waits() && entry.until <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in over {
            self.decide(&id, Status::Expired { at: now });
        }
        let past: Vec<SlotId> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.forget_at() <= now)
            .map(|(id, _)| *id)
            .collect();
        past.iter().for_each(|slot| self.forget(slot));
    }

    /// When [`Practice::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<UnixSeconds> {
        let holds = self.requests.values().filter(|entry| entry.waits()).map(|entry| entry.until);
        holds.chain(self.slots.values().map(SlotEntry::forget_at)).min()
    }

    /// A change that must be durable before anything is sent.
    pub fn poll_row(&mut self) -> Option<Row> {
        self.gate.poll_row()
    }

    /// All rows that were polled are durable.
    pub fn handle_committed(&mut self) {
        self.gate.committed();
    }

    /// An answer to send.
    pub fn poll_outgoing(&mut self) -> Option<Outgoing> {
        loop {
            let id = self.gate.poll()?;
            // A key that is none was refused when it came.
            if let Some(outgoing) = self.answer(&id) {
                return Some(outgoing);
            }
        }
    }

    /// All requests.
    pub fn requests(&self) -> impl Iterator<Item = RequestView<'_>> {
        self.requests.iter().filter_map(|(id, entry)| {
            let slot = self.slots.get(&entry.about.slot)?;
            Some(RequestView {
                id: *id,
                about: entry.about,
                start: slot.start,
                minutes: slot.minutes,
                made_at: entry.made_at,
                until: entry.until,
                status: entry.status,
                contact: entry.contact.as_ref().map(|text| text.as_str()),
            })
        })
    }

    /// What a slot is; `None` when it was never offered or is forgotten.
    pub fn slot(&self, id: &SlotId) -> Option<SlotState> {
        let slot = self.slots.get(id)?;
        let of_slot = || self.requests.values().filter(|entry| entry.about.slot == *id);
        Some(if of_slot().any(Entry::confirmed) {
            SlotState::Confirmed
        } else if slot.closing == Closing::Closed {
            SlotState::Cancelled
        } else if slot.closing == Closing::Resting {
            SlotState::Resting
        } else if of_slot().any(Entry::waits) {
            SlotState::Held
        } else {
            SlotState::Free
        })
    }

    /// Plays a stored row back, slots and requests in any order; then [`Practice::resume`].
    ///
    /// # Errors
    /// [`Malformed`]; the row is then left out.
    pub fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Malformed> {
        let (kind, name) = key.split_first().ok_or(Malformed::MissingData("row"))?;
        let name = name.try_into().map_err(|_| Malformed::OutOfRange("row name"))?;
        match *kind {
            slot::ROW => {
                self.slots.insert(SlotId(name), SlotEntry::read(value)?);
            }
            entry::ROW => {
                let entry = Entry::read(value)?;
                self.arrivals = self.arrivals.max(entry.arrived.saturating_add(1));
                self.expect(RequestId(name), &entry);
                self.requests.insert(RequestId(name), entry);
            }
            _ => return Err(Malformed::OutOfRange("row kind")),
        }
        Ok(())
    }

    /// After all rows: what was decided of late is answered again, for it may not have left before
    /// the crash (`RSV-43`).
    pub fn resume(&mut self, now: UnixSeconds) {
        let recent = |at: UnixSeconds| at.0.saturating_add(POOL_LIFE_S) > now.0;
        let due: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(_, entry)| entry.status.at().is_some_and(recent))
            .map(|(id, _)| *id)
            .collect();
        due.into_iter().for_each(|id| self.gate.hold(id));
    }

    /// The one place where a status changes: the row first, then the answer.
    fn decide(&mut self, id: &RequestId, status: Status) {
        let Some(entry) = self.requests.get_mut(id) else { return };
        entry.status = status;
        self.gate.write(entry.row(id));
        self.gate.hold(*id);
    }

    fn answer(&self, id: &RequestId) -> Option<Outgoing> {
        let entry = self.requests.get(id)?;
        let mut answer = Answer {
            verdict: Verdict::Declined,
            reason: Reason::None,
            work_bits: 0,
            decided_at: entry.status.at()?,
            follow_key: [0; 32],
            alternatives: Vec::new(),
        };
        match entry.status {
            Status::Requested => return None,
            Status::Confirmed { .. } => {
                answer.verdict = Verdict::Confirmed;
                answer.follow_key = entry.follow_key().public();
            }
            Status::Declined { reason, work_bits, .. } => {
                (answer.reason, answer.work_bits) = (reason, work_bits);
                answer.alternatives = self.alternatives(&entry.about.slot, answer.decided_at);
            }
            Status::Expired { .. } => answer.verdict = Verdict::Expired,
            Status::Cancelled { reason, .. } => {
                (answer.verdict, answer.reason) = (Verdict::Cancelled, reason);
            }
        }
        let letter = entry.thread(*id).seal_answer(&entry.reply_key, &entry.tag, &answer).ok()?;
        Some(Outgoing { to: entry.mailbox, letter })
    }

    /// Free slots, the nearest in time first.
    fn alternatives(&self, refused: &SlotId, now: UnixSeconds) -> Vec<Alternative> {
        let around = self.slots.get(refused).map_or(now, |slot| slot.start);
        let mut free: Vec<(u64, Alternative)> = self
            .slots
            .iter()
            .filter(|(id, slot)| *id != refused && slot.start > now)
            .filter(|(id, _)| self.slot(id) == Some(SlotState::Free) && !self.is_overlapped(id))
            .map(|(id, slot)| {
                let offered = Alternative { slot: *id, start: slot.start, minutes: slot.minutes };
                (slot.start.0.abs_diff(around.0), offered)
            })
            .collect();
        free.sort_by_key(|(distance, offered)| (*distance, offered.start));
        free.into_iter().take(ALTERNATIVES_MAX).map(|(_, offered)| offered).collect()
    }

    fn waiting(&self, slot: &SlotId) -> Vec<RequestId> {
        let of_slot = self.requests.iter().filter(|(_, e)| e.about.slot == *slot && e.waits());
        of_slot.map(|(id, _)| *id).collect()
    }

    /// Whether a confirmed slot, this one included, is at the same time.
    fn is_overlapped(&self, id: &SlotId) -> bool {
        let Some(slot) = self.slots.get(id) else { return false };
        self.requests.values().filter(|entry| entry.confirmed()).any(|entry| {
            self.slots
                .get(&entry.about.slot)
                .is_some_and(|other| other.start < slot.end() && slot.start < other.end())
        })
    }

    fn close(&mut self, id: &SlotId) -> Result<(), DecisionError> {
        let slot = self.slots.get_mut(id).ok_or(DecisionError::Unknown)?;
        slot.closing = Closing::Closed;
        self.gate.write(slot.row(id));
        Ok(())
    }

    fn forget(&mut self, slot: &SlotId) {
        self.slots.remove(slot);
        self.gate.write(Row::delete(slot_key(slot)));
        let of_slot: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(_, e)| e.about.slot == *slot)
            .map(|(id, _)| *id)
            .collect();
        for id in of_slot {
            self.requests.remove(&id);
            self.repeats.remove(&id);
            self.gate.write(Row::delete(row_key(&id)));
        }
        self.expected.retain(|_, (id, _)| self.requests.contains_key(id));
    }

    fn expect(&mut self, id: RequestId, entry: &Entry) {
        for (what, key) in [(CONTACT, TO_FOLLOW_KEY), (CANCEL, TO_SUB_KEY), (CANCEL, TO_FOLLOW_KEY)]
        {
            self.expected.insert(follow_label(&entry.psk, what, key), (id, key));
        }
    }

    /// Zero bits asked of the next request for a slot (`RSV-31`).
    fn asked_bits(&self, slot: &SlotId) -> u8 {
        let had = self.requests.values().filter(|entry| entry.about.slot == *slot).count();
        let more = u8::try_from(had / 4).unwrap_or(u8::MAX);
        WORK_BITS_MIN.saturating_add(more).min(WORK_BITS_MAX)
    }
}

impl fmt::Debug for Practice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Practice({} slots, {} requests)", self.slots.len(), self.requests.len())
    }
}

impl fmt::Display for DecisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "no such request or slot",
            Self::Decided => "it is decided already, or not confirmed",
            Self::Over => "its time is over",
            Self::Overlaps => "another confirmed appointment is at the same time",
            Self::NotOffered => "the slot has ended, or there is no room for another",
        })
    }
}

impl core::error::Error for DecisionError {}
