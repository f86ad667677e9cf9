//! What becomes of a letter that a practice fetched.

use alloc::string::String;
use core::fmt;

use mesh::{crypto::kem::X25519Key, error::Error};
use zeroize::Zeroizing;

use super::{
    super::{
        keys::SubKeys,
        letter::{About, Letter, OpenedRequest, Recognised, TO_FOLLOW_KEY, follow_label},
        limits::{
            ANSWERS_PER_RUN_MAX, QUEUE_MAX, REMEMBERED_PER_SLOT_MAX, REQUESTS_MAX, SKEW_S,
            WORK_BITS_MIN,
        },
        message::{CANCEL, FollowUp, Reason, RequestId},
        pool::shown_bits,
    },
    Practice, SlotState, Status,
    entry::Entry,
};
use crate::UnixSeconds;

/// What a letter of ours was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// A request that waits for a decision now.
    Requested(RequestId),
    /// A request that was declined at once.
    Declined(RequestId, Reason),
    /// A request that is there already; it is answered again if it is decided.
    Repeated(RequestId),
    /// Contact data for a confirmed request.
    Contact(RequestId),
    /// The patient does not come.
    Cancelled(RequestId),
}

/// Why a letter changed nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is not for this practice: most of a pool.
    NotOurs,
    /// It is for a slot that was never offered, or is forgotten.
    UnknownSlot,
    /// It does not open, or what is in it breaks a rule.
    Broken(Error),
    /// Made in the future, by our clock.
    Future,
    /// Its hold is over, or the slot has begun.
    Over,
    /// Too little work to be answered at all.
    Work,
    /// No room for another request, of this slot or in all.
    Full,
    /// A request id that is known with other content.
    Conflict,
    /// Contact data without a confirmation, or anything about a request that is over.
    NotConfirmed,
}

impl Practice {
    /// Handles a letter of the pool. `seed` is random and of this letter alone.
    ///
    /// # Errors
    /// [`Refused`]; [`Refused::NotOurs`] is the ordinary case.
    pub fn receive(
        &mut self,
        now: UnixSeconds,
        letter: &Letter,
        keys: &SubKeys,
        seed: [u8; 32],
    ) -> Result<Received, Refused> {
        let seed = Zeroizing::new(seed);
        if let Some((id, key)) = self.expected.get(&letter.label()).copied() {
            return self.follow_up(now, id, key, letter, keys);
        }
        let (pair, recognised) = keys
            .iter()
            .find_map(|pair| Recognised::by(letter, pair).map(|found| (pair, found)))
            .ok_or(Refused::NotOurs)?;
        let (about, opened) = self.open(&recognised).ok_or(Refused::UnknownSlot)?;
        let opened = opened.map_err(Refused::Broken)?;
        let sub_key = pair.x25519().public();
        self.request(now, about, letter, sub_key, opened, seed)
    }

    /// Two slots may have one hint: the tag decides.
    fn open(&self, recognised: &Recognised<'_>) -> Option<(About, Result<OpenedRequest, Error>)> {
        let abouts = self.slots.iter().flat_map(|(slot, entry)| {
            entry.announces.iter().map(|announce| About { announce: *announce, slot: *slot })
        });
        abouts
            .filter(|about| recognised.is_about(about))
            .map(|about| (about, recognised.open(&about)))
            .find(|(_, opened)| !matches!(opened, Err(Error::PeerMisbehaved(_))))
    }

    fn request(
        &mut self,
        now: UnixSeconds,
        about: About,
        letter: &Letter,
        sub_key: [u8; 32],
        opened: OpenedRequest,
        seed: Zeroizing<[u8; 32]>,
    ) -> Result<Received, Refused> {
        let OpenedRequest { request, psk, puzzle } = opened;
        if let Some(known) = self.requests.get(&request.id) {
            // Labels in place of the secrets they are made of: these may be compared in any time.
            let same = follow_label(&known.psk, CANCEL, 0) == follow_label(&psk, CANCEL, 0);
            return if same { self.repeat(request.id) } else { Err(Refused::Conflict) };
        }
        let bits = shown_bits(&puzzle, request.work, WORK_BITS_MIN).ok_or(Refused::Work)?;
        if request.made_at.0 > now.0.saturating_add(SKEW_S) {
            return Err(Refused::Future);
        }
        let start = self.slots.get(&about.slot).ok_or(Refused::UnknownSlot)?.start;
        let from = request.made_at.min(now);
        let until = UnixSeconds(from.0.saturating_add(request.hold.seconds())).min(start);
        if until <= now {
            return Err(Refused::Over);
        }
        // A key to which nothing can be sealed would never be answered.
        X25519Key::from_seed([1; 32])
            .agree(&request.reply_key)
            .map_err(|weak| Refused::Broken(weak.into()))?;
        let entry = Entry {
            about,
            suite: letter.suite(),
            sub_key,
            made_at: request.made_at,
            until,
            arrived: self.arrivals,
            bits,
            reply_key: request.reply_key,
            mailbox: request.mailbox,
            tag: request.tag,
            psk,
            follow_seed: seed,
            status: Status::Requested,
            contact: None,
        };
        self.admit(now, request.id, entry)
    }

    fn admit(
        &mut self,
        now: UnixSeconds,
        id: RequestId,
        entry: Entry,
    ) -> Result<Received, Refused> {
        let slot = entry.about.slot;
        let of_slot = self.requests.values().filter(|other| other.about.slot == slot).count();
        if of_slot >= REMEMBERED_PER_SLOT_MAX || self.requests.len() >= REQUESTS_MAX {
            return Err(Refused::Full);
        }
        let refusal = self.refusal(now, &entry);
        self.arrivals = self.arrivals.saturating_add(1);
        self.expect(id, &entry);
        self.requests.insert(id, entry);
        match refusal {
            Some((reason, work_bits)) => {
                self.decide(&id, Status::Declined { at: now, reason, work_bits });
                Ok(Received::Declined(id, reason))
            }
            None => {
                self.gate.write(self.requests[&id].row(&id));
                Ok(Received::Requested(id))
            }
        }
    }

    /// Why a request is declined at once; makes room for one that is not (`RSV-32`).
    fn refusal(&mut self, now: UnixSeconds, entry: &Entry) -> Option<(Reason, u8)> {
        let slot = entry.about.slot;
        match self.slot(&slot) {
            Some(SlotState::Free | SlotState::Held) => {}
            Some(SlotState::Confirmed) => return Some((Reason::Taken, 0)),
            Some(SlotState::Cancelled | SlotState::Resting) | None => {
                return Some((Reason::Gone, 0));
            }
        }
        if self.is_overlapped(&slot) {
            return Some((Reason::Taken, 0));
        }
        let asked = self.asked_bits(&slot);
        if entry.bits < asked {
            return Some((Reason::Busy, asked));
        }
        let mut queue = self.waiting(&slot);
        if queue.len() < QUEUE_MAX {
            return None;
        }
        // The first that came stays whatever others show.
        queue.sort_by_key(|id| self.requests[id].arrived);
        let (bits, least) = queue[1..]
            .iter()
            .map(|id| (self.requests[id].bits, *id))
            .min_by_key(|(bits, id)| (*bits, core::cmp::Reverse(self.requests[id].arrived)))?;
        if entry.bits <= bits {
            return Some((Reason::Busy, bits.saturating_add(1)));
        }
        let work_bits = bits.saturating_add(1);
        self.decide(&least, Status::Declined { at: now, reason: Reason::Busy, work_bits });
        None
    }

    fn repeat(&mut self, id: RequestId) -> Result<Received, Refused> {
        let times = self.repeats.entry(id).or_default();
        if *times < ANSWERS_PER_RUN_MAX {
            *times += 1;
            self.gate.hold(id);
        }
        Ok(Received::Repeated(id))
    }

    fn follow_up(
        &mut self,
        now: UnixSeconds,
        id: RequestId,
        key: u8,
        letter: &Letter,
        keys: &SubKeys,
    ) -> Result<Received, Refused> {
        let entry = self.requests.get(&id).ok_or(Refused::NotConfirmed)?;
        let thread = entry.thread(id);
        let opened = if key == TO_FOLLOW_KEY {
            thread.open_follow_up(&entry.follow_key(), letter)
        } else {
            let pair = keys.iter().find(|pair| pair.x25519().public() == entry.sub_key);
            thread.open_follow_up(pair.ok_or(Refused::NotConfirmed)?.x25519(), letter)
        };
        match opened.map_err(Refused::Broken)? {
            FollowUp::Contact(text) => self.contact(id, text),
            FollowUp::Cancel => self.patient_cancels(now, id),
        }
    }

    fn contact(&mut self, id: RequestId, text: Zeroizing<String>) -> Result<Received, Refused> {
        let entry = self.requests.get_mut(&id).filter(|entry| entry.confirmed());
        let entry = entry.ok_or(Refused::NotConfirmed)?;
        // Its label is used once, so there is no second text.
        if entry.contact.is_none() {
            entry.contact = Some(text);
            self.gate.write(entry.row(&id));
        }
        Ok(Received::Contact(id))
    }

    fn patient_cancels(&mut self, now: UnixSeconds, id: RequestId) -> Result<Received, Refused> {
        match self.requests.get(&id).map(|entry| entry.status) {
            Some(Status::Requested | Status::Confirmed { .. }) => {
                self.decide(&id, Status::Cancelled { at: now, reason: Reason::Patient });
                Ok(Received::Cancelled(id))
            }
            Some(Status::Cancelled { .. }) => self.repeat(id),
            _ => Err(Refused::NotConfirmed),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => f.write_str("for somebody else"),
            Self::UnknownSlot => f.write_str("for a slot that is not offered"),
            Self::Broken(error) => write!(f, "broken: {error}"),
            Self::Future => f.write_str("made in the future"),
            Self::Over => f.write_str("its time is over"),
            Self::Work => f.write_str("too little work"),
            Self::Full => f.write_str("no room"),
            Self::Conflict => f.write_str("another request has this name"),
            Self::NotConfirmed => f.write_str("about a request that is not confirmed"),
        }
    }
}

impl core::error::Error for Refused {}
