//! Announces, made (`FAP-30`, `FAP-37`).

use alloc::vec::Vec;
use core::fmt;

use mesh::{
    Address, MeshIdentity,
    crypto::{Mode, sign::SigningKey},
};

use super::{
    AHEAD_MAX_S, LIFETIME_MAX_S, MAILBOXES_MAX, Profile, SLOTS_MAX, SlotAnnounce, wire::digest,
};
use crate::{
    AnnounceId, UnixSeconds,
    plz::{Plz, PlzError},
    slot::{SLOT_MAX, SLOT_MIN, Slot},
};

/// An announce before it is signed.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where the practice is.
    pub plz: Plz,
    /// What it is and offers.
    pub profile: Profile,
    /// When it is made; slots lie behind it.
    pub issued: UnixSeconds,
    /// Until when it holds: the end of its last slot, unless said otherwise.
    pub expires: UnixSeconds,
    /// Higher than that of every earlier one of the practice.
    pub sequence: u32,
    /// The X25519 key of the week.
    pub sub_key: [u8; 32],
    /// Hash of a credential that can be fetched, or zeros.
    pub credential_ref: [u8; 32],
    /// Where requests go, at most two.
    pub mailboxes: Vec<Address>,
    /// Free slots, in any order.
    pub slots: Vec<Slot>,
}

/// Why an announce cannot be made. Each is one sentence for whoever made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnnounceError {
    /// The identity has no root key.
    NoRootKey,
    /// The postal code is none.
    Plz(PlzError),
    /// No Fachrichtung, Modalität or Kostenträger is named.
    Incomplete(&'static str),
    /// More than [`SLOTS_MAX`].
    TooManySlots(usize),
    /// A slot is shorter than 10 or longer than 255 minutes.
    SlotLength(u16),
    /// A slot begins before the announce is made.
    SlotPast(UnixSeconds),
    /// A slot ends more than a year ahead.
    SlotTooFar(UnixSeconds),
    /// Two slots overlap; the later one.
    SlotsOverlap(UnixSeconds),
    /// More than two mailbox nodes, or one twice.
    Mailboxes,
    /// It would expire before it is made, or live longer than 400 days.
    Lifetime,
    /// Sequences begin with 1.
    Sequence,
}

impl fmt::Display for AnnounceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |at: &UnixSeconds| crate::calendar::BerlinTime::from_unix(*at).rfc3339();
        match self {
            Self::NoRootKey => f.write_str("this node has no root key, and a practice needs one"),
            Self::Plz(error) => error.fmt(f),
            Self::Incomplete(what) => write!(f, "name at least one {what}"),
            Self::TooManySlots(count) => write!(
                f,
                "{count} slots are more than the {SLOTS_MAX} of one announce; publish the next weeks only"
            ),
            Self::SlotLength(minutes) => write!(
                f,
                "a slot of {minutes} minutes: {SLOT_MIN} to {SLOT_MAX} minutes are possible"
            ),
            Self::SlotPast(start) => write!(f, "the slot at {} has begun already", at(start)),
            Self::SlotTooFar(start) => {
                write!(f, "the slot at {} is more than a year ahead", at(start))
            }
            Self::SlotsOverlap(start) => {
                write!(f, "the slot at {} overlaps with the one before it", at(start))
            }
            Self::Mailboxes => f.write_str("one or two different mailbox nodes can be named"),
            Self::Lifetime => {
                f.write_str("an announce lives for 400 days at most, and not backwards")
            }
            Self::Sequence => f.write_str("sequences begin with 1"),
        }
    }
}

impl core::error::Error for AnnounceError {}

impl Draft {
    /// A draft without slots, that lives for two weeks.
    pub fn new(plz: Plz, profile: Profile, issued: UnixSeconds, sequence: u32) -> Self {
        Self {
            plz,
            profile,
            issued,
            expires: UnixSeconds(issued.0.saturating_add(14 * 86_400)),
            sequence,
            sub_key: [0; 32],
            credential_ref: [0; 32],
            mailboxes: Vec::new(),
            slots: Vec::new(),
        }
    }

    /// Signs it with the identity's root key.
    ///
    /// # Errors
    /// [`AnnounceError`].
    pub fn sign(mut self, identity: &MeshIdentity) -> Result<SlotAnnounce, AnnounceError> {
        let root = identity.root_seed().ok_or(AnnounceError::NoRootKey)?;
        let root = SigningKey::from_seed(&root);
        // What is written is whole minutes, and a whole number of hours.
        self.issued.0 -= self.issued.0 % 60;
        let hours = self.expires.0.saturating_sub(self.issued.0).div_ceil(3_600);
        self.expires = UnixSeconds(self.issued.0.saturating_add(hours * 3_600));
        self.slots.sort_unstable_by_key(|slot| slot.start);
        self.mailboxes.sort_unstable();
        self.check()?;
        let mut announce = SlotAnnounce {
            therapist: root.public(),
            sub_key: self.sub_key,
            sequence: self.sequence,
            issued: self.issued,
            expires: self.expires,
            plz: self.plz,
            profile: self.profile,
            credential_ref: self.credential_ref,
            mailboxes: self.mailboxes.into(),
            slots: self.slots.into(),
            signature: [0; 64],
            id: AnnounceId([0; 32]),
        };
        announce.id = AnnounceId(digest(&announce.signed_bytes()));
        announce.signature = root.sign(Mode::Real, &announce.id.0);
        Ok(announce)
    }

    fn check(&self) -> Result<(), AnnounceError> {
        let profile = &self.profile;
        for (is_empty, what) in [
            (profile.fachrichtungen.is_empty(), "Fachrichtung"),
            (profile.modalitaeten.is_empty(), "Modalität"),
            (profile.kostentraeger.is_empty(), "Kostenträger"),
        ] {
            if is_empty {
                return Err(AnnounceError::Incomplete(what));
            }
        }
        let twice = self.mailboxes.windows(2).any(|pair| pair[0] == pair[1]);
        if self.mailboxes.len() > MAILBOXES_MAX || twice {
            return Err(AnnounceError::Mailboxes);
        }
        if self.sequence == 0 {
            return Err(AnnounceError::Sequence);
        }
        self.check_slots()?;
        let life_s = self.expires.0.saturating_sub(self.issued.0);
        if life_s == 0 || life_s > LIFETIME_MAX_S || self.issued.0 / 60 > u64::from(u32::MAX) {
            return Err(AnnounceError::Lifetime);
        }
        Ok(())
    }

    fn check_slots(&self) -> Result<(), AnnounceError> {
        if self.slots.len() > SLOTS_MAX {
            return Err(AnnounceError::TooManySlots(self.slots.len()));
        }
        let mut free_from = UnixSeconds(0);
        for slot in &self.slots {
            if !(SLOT_MIN..=SLOT_MAX).contains(&slot.duration_min) {
                return Err(AnnounceError::SlotLength(slot.duration_min));
            }
            if slot.start < self.issued || !slot.start.0.is_multiple_of(60) {
                return Err(AnnounceError::SlotPast(slot.start));
            }
            if slot.end().0 > self.issued.0.saturating_add(AHEAD_MAX_S) {
                return Err(AnnounceError::SlotTooFar(slot.start));
            }
            if slot.start < free_from {
                return Err(AnnounceError::SlotsOverlap(slot.start));
            }
            free_from = slot.end();
        }
        Ok(())
    }
}
