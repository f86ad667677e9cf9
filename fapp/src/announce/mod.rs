//! What a practice offers: one signed object, the newest of which counts (`FAP-30` to `FAP-38`).

mod build;
mod check;
#[cfg(test)]
mod tests;
mod wire;

use alloc::{boxed::Box, vec::Vec};

use mesh::{
    Address, MeshIdentity,
    crypto::{Mode, sign},
    error::Error,
};

pub use build::{AnnounceError, Draft};
pub(crate) use check::SKEW_S;
pub use check::Unwelcome;

use crate::{
    AnnounceId, UnixSeconds,
    plz::Plz,
    slot::Slot,
    vocabulary::{
        Beruf, Fachrichtung, Gruppe, Kostentraeger, Modalitaet, Setting, Sprachen, Terms, Zugang,
    },
};

/// What a practice is and offers, beside its slots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the therapist is by training.
    pub beruf: Terms<Beruf>,
    /// Verfahren.
    pub fachrichtungen: Terms<Fachrichtung>,
    /// Where and how people meet.
    pub modalitaeten: Terms<Modalitaet>,
    /// Who pays.
    pub kostentraeger: Terms<Kostentraeger>,
    /// Who is treated.
    pub gruppen: Terms<Gruppe>,
    /// In which company.
    pub settings: Terms<Setting>,
    /// How the practice is reached.
    pub zugang: Terms<Zugang>,
    /// Languages.
    pub sprachen: Sprachen,
}

/// A practice's announce: well-formed, and signed unless it came from [`SlotAnnounce::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotAnnounce {
    therapist: [u8; 32],
    sub_key: [u8; 32],
    sequence: u32,
    issued: UnixSeconds,
    expires: UnixSeconds,
    plz: Plz,
    profile: Profile,
    credential_ref: [u8; 32],
    mailboxes: Box<[Address]>,
    slots: Box<[Slot]>,
    signature: [u8; 64],
    id: AnnounceId,
}

/// Most slots of an announce: with two mailbox nodes it is 541 B long.
pub const SLOTS_MAX: usize = 64;
/// Mailbox nodes of an announce.
pub const MAILBOXES_MAX: usize = 2;
/// Longest announce: 189 bytes, two mailbox nodes, and 5 a slot.
pub const ANNOUNCE_LEN_MAX: usize = 189 + 16 * MAILBOXES_MAX + 5 * SLOTS_MAX;
/// Longest life of an announce: a year of slots, and what their order of publication needs.
pub const LIFETIME_MAX_S: u64 = 400 * 86_400;
/// How far ahead a slot may be.
pub const AHEAD_MAX_S: u64 = 366 * 86_400;

impl SlotAnnounce {
    /// An announce with what is most needed; [`Draft`] has the whole vocabulary. Without a clock at hand
    /// it is issued a year before its last slot ends and expires then.
    ///
    /// # Errors
    /// [`AnnounceError`]; `identity` needs a root key.
    #[allow(clippy::too_many_arguments, reason = "the shape that the protocol is known by")]
    pub fn new(
        identity: &MeshIdentity,
        fachrichtungen: Vec<Fachrichtung>,
        modalitaeten: Vec<Modalitaet>,
        kostentraeger: Vec<Kostentraeger>,
        plz: &str,
        slots: Vec<Slot>,
        approbation_hash: [u8; 32],
        sequence: u32,
    ) -> Result<Self, AnnounceError> {
        let profile = Profile {
            fachrichtungen: fachrichtungen.into_iter().collect(),
            modalitaeten: modalitaeten.into_iter().collect(),
            kostentraeger: kostentraeger.into_iter().collect(),
            ..Profile::default()
        };
        let plz = Plz::parse(plz).map_err(AnnounceError::Plz)?;
        let last = slots.iter().map(|slot| slot.end().0).max().unwrap_or(0);
        let issued = UnixSeconds(last.saturating_sub(AHEAD_MAX_S));
        let mut draft = Draft::new(plz, profile, issued, sequence);
        draft.expires = UnixSeconds(last);
        draft.slots = slots;
        draft.credential_ref = approbation_hash;
        draft.sign(identity)
    }

    /// Reads an announce and verifies its signature.
    ///
    /// # Errors
    /// As [`Self::parse`], and a signature that does not hold.
    pub fn parse_verified(bytes: &[u8]) -> Result<Self, Error> {
        let announce = Self::parse(bytes)?;
        announce.verify()?;
        Ok(announce)
    }

    /// Verifies the signature alone.
    ///
    /// # Errors
    /// [`mesh::error::PeerMisbehaved`].
    pub fn verify(&self) -> Result<(), Error> {
        Ok(sign::verify(Mode::Real, &self.therapist, &self.id.0, &self.signature)?)
    }

    /// Adds the signature to a batch.
    pub fn verify_in(&self, batch: &mut sign::Batch) {
        batch.push(&self.therapist, &self.id.0, &self.signature);
    }

    /// Names it: the hash of what is signed.
    pub const fn id(&self) -> AnnounceId {
        self.id
    }

    /// The practice's root key.
    pub const fn therapist(&self) -> &[u8; 32] {
        &self.therapist
    }

    /// The X25519 key that requests are sealed to this week.
    pub const fn sub_key(&self) -> &[u8; 32] {
        &self.sub_key
    }

    /// Its place among the practice's announces: the highest counts.
    pub const fn sequence(&self) -> u32 {
        self.sequence
    }

    /// When it was made.
    pub const fn issued(&self) -> UnixSeconds {
        self.issued
    }

    /// Until when it holds.
    pub const fn expires(&self) -> UnixSeconds {
        self.expires
    }

    /// Where the practice is.
    pub const fn plz(&self) -> Plz {
        self.plz
    }

    /// What the practice is and offers.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Hash of a credential that can be fetched, or zeros. By itself it proves nothing.
    pub const fn credential_ref(&self) -> &[u8; 32] {
        &self.credential_ref
    }

    /// Where requests go.
    pub fn mailboxes(&self) -> &[Address] {
        &self.mailboxes
    }

    /// Its slots, in order of time.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// How the people of a slot meet: its own word, or the practice's.
    pub const fn modalitaeten_of(&self, slot: &Slot) -> Terms<Modalitaet> {
        if slot.modalitaeten.is_empty() { self.profile.modalitaeten } else { slot.modalitaeten }
    }
}
