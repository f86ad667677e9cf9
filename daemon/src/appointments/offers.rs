//! What this node's practice offers (`FAP-30` to `FAP-42`).

use std::fmt;

use fapp::{
    SlotId, UnixSeconds,
    announce::{AnnounceError, Draft, Profile, SlotAnnounce, Unwelcome},
    plz::Plz,
    reservation::{About, DecisionError, SlotState},
    slot::Slot,
    tombstone::Tombstone,
    trust::Tier,
};
use mesh::{Address, Node};

use super::{Appointments, schedule::Composed};

/// What is to be published. What is `None` stays as it was.
#[derive(Clone, Debug, Default)]
pub struct Offer {
    /// Where the practice is.
    pub plz: Option<Plz>,
    /// What it is and offers; sets that are empty stay as they were.
    pub profile: Profile,
    /// Slots beside those that are offered already.
    pub slots: Vec<Slot>,
    /// Mailbox nodes.
    pub mailboxes: Vec<Address>,
}

/// What was published.
#[derive(Clone, Debug)]
pub struct Published {
    /// The announce's sequence.
    pub sequence: u32,
    /// Every slot that is offered now, by name.
    pub slots: Vec<(SlotId, Slot)>,
    /// Where requests go.
    pub mailboxes: Vec<Address>,
}

/// Why nothing was published.
#[derive(Debug)]
pub enum OfferError {
    /// The first time a postal code is needed.
    NoPlz,
    /// The announce cannot be.
    Announce(AnnounceError),
    /// The router does not take it.
    Unwelcome(Unwelcome),
    /// The practice does not take a slot.
    Slot(DecisionError),
    /// The calendar has something else at the time of a slot, or a pause.
    Busy(UnixSeconds),
    /// Nothing is offered, or not this slot.
    NotOffered,
}

impl Published {
    /// What an announce says.
    pub fn of(announce: &SlotAnnounce) -> Self {
        let therapist = announce.therapist();
        Self {
            sequence: announce.sequence(),
            slots: announce.slots().iter().map(|slot| (slot.id(therapist), *slot)).collect(),
            mailboxes: announce.mailboxes().to_vec(),
        }
    }
}

impl fmt::Display for OfferError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPlz => f.write_str("name the practice's postal code the first time"),
            Self::Announce(error) => error.fmt(f),
            Self::Unwelcome(error) => error.fmt(f),
            Self::Slot(_) => f.write_str("a slot has ended, or there are too many"),
            Self::Busy(start) => write!(
                f,
                "the calendar has something else at {}, or a pause",
                fapp::calendar::BerlinTime::from_unix(*start).rfc3339()
            ),
            Self::NotOffered => f.write_str("there is no such slot among those that are offered"),
        }
    }
}

impl Appointments {
    pub(super) fn key(&self) -> [u8; 32] {
        self.identity.root_key().unwrap_or_default()
    }

    /// The announce that counts now.
    pub fn own(&self) -> Option<&SlotAnnounce> {
        self.router.cache().get(&self.key()).map(|(announce, _)| announce)
    }

    /// Publishes slots, beside those that are offered already.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn publish(
        &mut self,
        node: &Node,
        now: UnixSeconds,
        offer: Offer,
    ) -> Result<Published, OfferError> {
        if let Some(start) = self.stands_against(&offer.slots) {
            return Err(OfferError::Busy(start));
        }
        let before = self.last_said();
        let plz = offer.plz.or_else(|| before.as_ref().map(SlotAnnounce::plz));
        let profile =
            merged(before.as_ref().map(|b| *b.profile()).unwrap_or_default(), offer.profile);
        let mut draft = Draft::new(plz.ok_or(OfferError::NoPlz)?, profile, now, 0);
        draft.mailboxes = match (offer.mailboxes, before) {
            (mailboxes, _) if !mailboxes.is_empty() => mailboxes,
            (_, Some(before)) => before.mailboxes().to_vec(),
            _ => vec![self.mailbox_near(node)],
        };
        let composed = self.composed(now, offer.slots);
        self.issue(now, draft, composed)
    }

    pub(super) fn still_offered(
        &self,
        now: UnixSeconds,
        before: Option<&SlotAnnounce>,
    ) -> Vec<Slot> {
        let Some(before) = before else { return Vec::new() };
        let free = |slot: &&Slot| {
            let state = self.practice.slot(&slot.id(before.therapist()));
            slot.start > now && !matches!(state, Some(SlotState::Confirmed | SlotState::Cancelled))
        };
        before.slots().iter().filter(free).copied().collect()
    }

    /// Signs and spreads an announce with these slots. Without any there is nothing to announce: what was is
    /// withdrawn, and the practice is kept for the next.
    fn issue(
        &mut self,
        now: UnixSeconds,
        mut draft: Draft,
        composed: Composed,
    ) -> Result<Published, OfferError> {
        draft.slots = composed.slots;
        let seed = self.rng.array();
        self.hold |= self.sub_keys.rotate(now, seed);
        if let Some(pair) = self.sub_keys.current() {
            draft.sub_key = *pair.public().x25519();
        }
        // Never back, whatever was lost: the clock's minutes are ahead of any count of announces.
        let last = self.last_said().map_or(0, |said| said.sequence());
        let buried = self.router.cache().tombstone(&self.key()).map(Tombstone::sequence);
        draft.sequence = last.max(buried.unwrap_or(0)).saturating_add(1).max((now.0 / 60) as u32);
        let end = draft.slots.iter().map(|slot| slot.end().0).max().unwrap_or(0);
        draft.expires = UnixSeconds(end.max(now.0 + 3_600));
        draft.credential_ref = self.trust.own_reference();
        let announce = draft.sign(&self.identity).map_err(OfferError::Announce)?;
        let before = self.still_offered(now, self.own());
        if announce.slots().is_empty() {
            self.bury(now)?;
        } else {
            self.spread(now, &announce)?;
        }
        self.rest(&before, &announce);
        self.schedule.keep(&announce, composed.made);
        Ok(Published::of(&announce))
    }

    fn spread(&mut self, now: UnixSeconds, announce: &SlotAnnounce) -> Result<(), OfferError> {
        for slot in announce.slots() {
            let about = About { announce: announce.id(), slot: slot.id(announce.therapist()) };
            let offered = self.practice.offer(now, about, slot.start, slot.duration_min);
            offered.map_err(OfferError::Slot)?;
        }
        self.sub_keys.announced(announce.expires());
        let taken = self.router.broadcast_announce(now, announce.clone(), Tier::SelfSigned);
        taken.map_err(OfferError::Unwelcome)?;
        self.settle_tier(now, announce.therapist());
        Ok(())
    }

    /// Slots that were offered and are no longer rest.
    fn rest(&mut self, before: &[Slot], announce: &SlotAnnounce) {
        for slot in before.iter().filter(|slot| !announce.slots().contains(slot)) {
            self.practice.rest(&slot.id(announce.therapist()));
        }
    }

    /// Withdraws what is announced, if anything is.
    fn bury(&mut self, now: UnixSeconds) -> Result<(), OfferError> {
        let Some(own) = self.own() else { return Ok(()) };
        let (sequence, expires) = (own.sequence(), own.expires());
        let stone = Tombstone::sign(&self.identity, sequence, now, expires);
        let stone = stone.map_err(OfferError::Announce)?;
        self.router.withdraw(now, stone).map(drop).map_err(OfferError::Unwelcome)
    }

    /// Takes one slot back, or all of them; how many.
    ///
    /// # Errors
    /// [`OfferError`].
    pub fn withdraw(
        &mut self,
        now: UnixSeconds,
        slot: Option<SlotId>,
    ) -> Result<usize, OfferError> {
        let own = self.own().cloned().ok_or(OfferError::NotOffered)?;
        let name = |offered: &Slot| offered.id(own.therapist());
        let gone: Vec<SlotId> =
            own.slots().iter().map(name).filter(|id| slot.is_none_or(|slot| slot == *id)).collect();
        if gone.is_empty() {
            return Err(OfferError::NotOffered);
        }
        for id in &gone {
            // One that the practice does not know has nobody waiting for it.
            let _ = self.practice.withdraw(now, id);
        }
        if slot.is_none() || gone.len() == own.slots().len() {
            self.bury(now)?;
        } else {
            let composed = self.composed(now, Vec::new());
            self.reissue(now, &own, composed)?;
        }
        Ok(gone.len())
    }

    /// Announces these slots with all else as it was.
    pub(super) fn reissue(
        &mut self,
        now: UnixSeconds,
        said: &SlotAnnounce,
        composed: Composed,
    ) -> Result<Published, OfferError> {
        let mut draft = Draft::new(said.plz(), *said.profile(), now, 0);
        draft.mailboxes = said.mailboxes().to_vec();
        self.issue(now, draft, composed)
    }

    /// Slots that were given away leave the announce, some minutes later: a slot that goes right after
    /// a letter tells what the letter was. The sub-key of a new week is announced too.
    pub(super) fn renew_offer(&mut self, now: UnixSeconds) {
        let Some(own) = self.own().cloned() else { return };
        let left = self.still_offered(now, Some(&own));
        let begun = own.slots().iter().filter(|slot| slot.start <= now).count();
        let taken = own.slots().len() - begun - left.len();
        let seed = self.rng.array();
        let is_new_week = self.sub_keys.rotate(now, seed);
        self.hold |= is_new_week;
        let is_old = now.0 >= own.issued().0 + RENEW_S;
        if (taken > 0 && is_old) || is_new_week {
            let composed = self.composed(now, Vec::new());
            let renewed = self.reissue(now, &own, composed);
            if let Err(error) = renewed {
                tracing::warn!("the offer is not renewed: {error}");
            }
        }
    }
}

/// Announces are renewed for slots that went at most that often, in seconds.
const RENEW_S: u64 = 600;

/// The new profile where it says something, the old one elsewhere.
fn merged(old: Profile, new: Profile) -> Profile {
    macro_rules! newer {
        ($($field:ident),*) => {
            Profile { $($field: if new.$field.is_empty() { old.$field } else { new.$field },)* }
        };
    }
    newer!(beruf, fachrichtungen, modalitaeten, kostentraeger, gruppen, settings, zugang, sprachen)
}
