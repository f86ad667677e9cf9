//! The practice's schedule, as its owner changes it, and as the offer follows it (`CAL-61` to `CAL-65`).

use std::collections::BTreeSet;

use fapp::{
    SlotId, UnixSeconds,
    announce::{SLOTS_MAX, SlotAnnounce},
    calendar::{
        Span,
        import::{Busy, Offered},
        meets,
        pattern::Pause,
    },
    reservation::{SlotState, Status},
    slot::Slot,
    vocabulary::Leistung,
};
use mesh::Node;

use super::{Composed, DAY_S, ScheduleError, Weekly};
use crate::appointments::{Appointments, Offer, OfferError, Published};

/// Why a slot of a file is not offered. The sentence is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotOffered {
    /// The calendar has something else then, or a pause.
    Busy,
    /// Somebody has it, or another one at the same time.
    Taken,
    /// It was cancelled or withdrawn.
    Withdrawn,
    /// Another one is offered then.
    Overlaps,
    /// There are 64 already.
    Full,
}

impl std::fmt::Display for NotOffered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Busy => "the calendar has something else then, or a pause",
            Self::Taken => "somebody has this time",
            Self::Withdrawn => "it was withdrawn before, which is for good",
            Self::Overlaps => "another slot is offered then",
            Self::Full => "64 slots are offered already",
        })
    }
}

/// What became of a file.
#[derive(Debug)]
pub struct FromFile {
    /// What is offered now.
    pub published: Published,
    /// Slots that were not offered before.
    pub added: usize,
    /// Slots of the file that are not offered.
    pub left_out: Vec<(UnixSeconds, NotOffered)>,
}

impl Appointments {
    /// Patterns by number.
    pub fn patterns(&self) -> impl Iterator<Item = (u32, &Weekly)> {
        self.schedule.patterns.iter().map(|(id, weekly)| (*id, weekly))
    }

    /// Pauses by number.
    pub fn pauses(&self) -> impl Iterator<Item = (u32, Pause)> {
        self.schedule.pauses.iter().map(|(id, pause)| (*id, *pause))
    }

    /// Adds a pattern; its number.
    ///
    /// # Errors
    /// [`ScheduleError::Full`].
    pub fn add_pattern(&mut self, now: UnixSeconds, weekly: Weekly) -> Result<u32, ScheduleError> {
        let id = self.schedule.add_pattern(weekly)?;
        self.offer_by_schedule(now);
        Ok(id)
    }

    /// Removes a pattern, and its slots from the offer.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`].
    pub fn remove_pattern(&mut self, now: UnixSeconds, id: u32) -> Result<(), ScheduleError> {
        self.schedule.remove_pattern(id)?;
        self.offer_by_schedule(now);
        Ok(())
    }

    /// Offers nothing on some days; the pause's number.
    ///
    /// # Errors
    /// [`ScheduleError::Full`].
    pub fn pause(&mut self, now: UnixSeconds, pause: Pause) -> Result<u32, ScheduleError> {
        let id = self.schedule.pause(pause)?;
        self.offer_by_schedule(now);
        Ok(id)
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`ScheduleError::Unknown`].
    pub fn remove_pause(&mut self, now: UnixSeconds, id: u32) -> Result<(), ScheduleError> {
        self.schedule.remove_pause(id)?;
        self.offer_by_schedule(now);
        Ok(())
    }

    /// Takes the busy times of a calendar, in place of those that it had; none of them make it forgotten.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub fn take_busy(
        &mut self,
        now: UnixSeconds,
        name: &str,
        busy: Busy,
    ) -> Result<(), ScheduleError> {
        self.schedule.take_busy(name, busy.times)?;
        self.offer_by_schedule(now);
        Ok(())
    }

    /// Publishes the slots of a calendar file that can be offered. Those that are offered already stay so: the
    /// same file may be published again and again.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn publish_file(
        &mut self,
        node: &Node,
        now: UnixSeconds,
        file: &Offered,
        leistung: Leistung,
        mut offer: Offer,
    ) -> Result<FromFile, OfferError> {
        let mut named = self.named(now);
        let (against, taken) = (self.schedule.against(), self.taken());
        let mut left_out = Vec::new();
        for opening in &file.slots {
            let slot = Slot::new(opening.start, opening.duration_min).for_leistung(leistung);
            if named.contains(&slot) {
                continue;
            }
            match self.why_not(&slot, &named, &against, &taken) {
                Some(why) => left_out.push((slot.start, why)),
                None => {
                    named.push(slot);
                    offer.slots.push(slot);
                }
            }
        }
        let added = offer.slots.len();
        let published = self.publish(node, now, offer)?;
        Ok(FromFile { published, added, left_out })
    }

    /// Why a slot cannot be offered beside those that are named.
    fn why_not(
        &self,
        slot: &Slot,
        named: &[Slot],
        against: &[Span],
        taken: &[Span],
    ) -> Option<NotOffered> {
        let span = Span { start: slot.start, end: slot.end() };
        let overlaps = |other: &Slot| other.start < slot.end() && slot.start < other.end();
        match self.practice.slot(&slot.id(&self.key())) {
            Some(SlotState::Confirmed) => Some(NotOffered::Taken),
            Some(SlotState::Cancelled) => Some(NotOffered::Withdrawn),
            _ if meets(against, span) => Some(NotOffered::Busy),
            _ if taken.iter().any(|time| time.within(span).is_some()) => Some(NotOffered::Taken),
            _ if named.iter().any(overlaps) => Some(NotOffered::Overlaps),
            _ if named.len() >= SLOTS_MAX => Some(NotOffered::Full),
            _ => None,
        }
    }

    /// Slots of the announce that were named one by one.
    fn named(&self, now: UnixSeconds) -> Vec<Slot> {
        let therapist = self.key();
        let mut named = self.still_offered(now, self.own());
        named.retain(|slot| !self.schedule.made.contains(&slot.id(&therapist)));
        named
    }

    /// Times that are somebody's.
    fn taken(&self) -> Vec<Span> {
        let confirmed = self
            .practice
            .requests()
            .filter(|request| matches!(request.status, Status::Confirmed { .. }));
        let end =
            |start: UnixSeconds, minutes: u16| start.0.saturating_add(u64::from(minutes) * 60);
        confirmed
            .filter_map(|one| Span::new(one.start, UnixSeconds(end(one.start, one.minutes))))
            .collect()
    }

    /// What is offered with `more` slots beside those that were named before.
    pub(in crate::appointments) fn composed(&self, now: UnixSeconds, more: Vec<Slot>) -> Composed {
        let mut named = self.named(now);
        named.extend(more);
        let is_over = |id: &SlotId| self.practice.slot(id) == Some(SlotState::Cancelled);
        self.schedule.compose(now, &self.key(), named, &self.taken(), is_over)
    }

    /// The first of some slots that the calendar or a pause stands against.
    pub(in crate::appointments) fn stands_against(&self, slots: &[Slot]) -> Option<UnixSeconds> {
        let against = self.schedule.against();
        let meets = |slot: &&Slot| {
            Span::new(slot.start, slot.end()).is_some_and(|span| meets(&against, span))
        };
        slots.iter().find(meets).map(|slot| slot.start)
    }

    /// How many busy times imported calendars have.
    pub fn busy_times(&self) -> usize {
        self.schedule.busy_times()
    }

    /// What the practice said of itself last.
    pub fn last_said(&self) -> Option<SlotAnnounce> {
        self.own().or(self.schedule.base.as_ref()).cloned()
    }

    /// Once a day, what patterns make now.
    pub(in crate::appointments) fn follow_schedule(&mut self, now: UnixSeconds) {
        if now.0 >= self.schedule.due {
            self.schedule.forget(now);
            self.offer_by_schedule(now);
        }
    }

    /// Announces what the schedule says, if that is something else than is announced. A slot that was given away
    /// is no reason: it leaves later (`renew_offer`).
    fn offer_by_schedule(&mut self, now: UnixSeconds) {
        self.schedule.due = now.0.saturating_add(DAY_S);
        let Some(base) = self.last_said() else { return };
        let composed = self.composed(now, Vec::new());
        let therapist = self.key();
        let names = |slots: &[Slot]| -> BTreeSet<SlotId> {
            slots.iter().map(|slot| slot.id(&therapist)).collect()
        };
        if names(&composed.slots) == names(&self.still_offered(now, self.own())) {
            return;
        }
        if let Err(error) = self.reissue(now, &base, composed) {
            tracing::warn!("the offer does not follow the schedule: {error}");
        }
    }
}
