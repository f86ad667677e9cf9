//! Asking for a slot, and what both sides decide (`RSV-40` to `RSV-54`).

use std::fmt;

use fapp::{
    SlotId, UnixSeconds,
    reservation::{
        About, DecisionError, Draft, DraftError, Hold, PatientError, RequestId, State, SubKey,
        Wanted,
    },
};
use mesh::Node;

use super::{Appointments, kind};

/// What somebody wants.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The slot.
    pub slot: SlotId,
    /// How the practice may reach them; told once it has confirmed.
    pub contact: Option<String>,
    /// Whether the request may be stored on its way (24 h), or is for now (15 min).
    pub hold: Hold,
}

/// Why nothing was asked for, or decided.
#[derive(Debug)]
pub enum ReserveError {
    /// No announce here offers the slot.
    UnknownSlot,
    /// It cannot be asked for.
    Draft(DraftError),
    /// The patient's side refused.
    Patient(PatientError),
    /// The practice's side refused.
    Decision(DecisionError),
    /// The contact data is too long, or has control characters.
    Contact,
}

impl fmt::Display for ReserveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownSlot => "no announce here offers this slot; search again",
            Self::Draft(DraftError::Past) => "the slot has begun already",
            Self::Draft(DraftError::Mailboxes) => "the practice names no place for requests",
            Self::Draft(DraftError::WeakKey(_)) => "the practice's key is none",
            Self::Patient(PatientError::Unknown) => "there is no such reservation",
            Self::Patient(PatientError::Full) => "there are as many reservations as are kept",
            Self::Patient(PatientError::NotConfirmed) => "the practice has not confirmed it",
            Self::Patient(PatientError::Over) => "it is over already",
            Self::Patient(PatientError::ContactGiven) => "contact data was given before",
            Self::Patient(_) | Self::Contact => {
                "contact data is up to 400 bytes of text without control characters"
            }
            Self::Decision(DecisionError::Unknown) => "there is no such request",
            Self::Decision(DecisionError::Decided) => "it is decided already",
            Self::Decision(DecisionError::Over) => "its time is over, or the slot has begun",
            Self::Decision(DecisionError::Overlaps) => "another confirmed slot is at the same time",
            Self::Decision(DecisionError::NotOffered) => "the slot is offered no longer",
        })
    }
}

/// Nonces tried at once.
const TRIES: u32 = 65_536;
/// Longest contact data.
const CONTACT_LEN_MAX: usize = 400;

impl Appointments {
    /// Asks for a slot.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn reserve(
        &mut self,
        node: &Node,
        now: UnixSeconds,
        wish: Wish,
    ) -> Result<RequestId, ReserveError> {
        let contact = wish.contact.filter(|contact| !contact.is_empty());
        let plain =
            |text: &String| text.len() <= CONTACT_LEN_MAX && !text.chars().any(char::is_control);
        if !contact.as_ref().is_none_or(plain) {
            return Err(ReserveError::Contact);
        }
        let (announce, slot) = self.router.slot(&wish.slot).ok_or(ReserveError::UnknownSlot)?;
        let wanted = Wanted {
            about: About { announce: announce.id(), slot: wish.slot },
            therapist: *announce.therapist(),
            sub_key: SubKey::new(*announce.sub_key()),
            mailboxes: announce.mailboxes().to_vec(),
            start: slot.start,
            minutes: slot.duration_min,
        };
        let mailbox = self.mailbox_near(node);
        let draft = Draft::new(now, wanted, wish.hold, mailbox, 0, &mut self.rng);
        let mut draft = draft.map_err(ReserveError::Draft)?;
        // 2^14 hashes on average: some milliseconds.
        while !draft.step(TRIES) {}
        let id = self.patient.submit(draft).map_err(ReserveError::Patient)?;
        if let Some(contact) = contact {
            self.keep_contact(id, contact);
        }
        Ok(id)
    }

    fn keep_contact(&mut self, id: RequestId, contact: String) {
        let key = super::prefixed(kind::CONTACT, &id.0);
        self.rows.push((true, key, Some(contact.clone().into_bytes())));
        self.contacts.insert(id, contact);
    }

    pub(super) fn restore_contact(&mut self, key: &[u8], value: Vec<u8>) -> bool {
        let (Ok(id), Ok(contact)) = (key.try_into(), String::from_utf8(value)) else {
            return false;
        };
        self.contacts.insert(RequestId(id), contact);
        true
    }

    /// Whoever was confirmed and left contact data before gives it now; of what is over it is erased.
    pub(super) fn give_contacts(&mut self, now: UnixSeconds) {
        let ids: Vec<RequestId> = self.contacts.keys().copied().collect();
        for id in ids {
            let state = self.patient.reservations().find(|r| r.id == id).map(|r| r.state);
            let text = match state {
                Some(State::Requested) => continue,
                // It may be confirmed late.
                Some(State::Expired) => continue,
                Some(State::Confirmed) => self.contacts.get(&id).cloned(),
                _ => None,
            };
            if let Some(text) = text {
                // Given before, or over by now: then it is of no use either.
                let _ = self.patient.contact(now, &id, &text);
            }
            self.contacts.remove(&id);
            self.rows.push((true, super::prefixed(kind::CONTACT, &id.0), None));
        }
    }

    /// The practice says yes.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn confirm(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), ReserveError> {
        self.practice.confirm(now, id).map_err(ReserveError::Decision)
    }

    /// The practice says no.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn decline(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), ReserveError> {
        self.practice.decline(now, id).map_err(ReserveError::Decision)
    }

    /// The patient, or the practice, takes it back.
    ///
    /// # Errors
    /// [`ReserveError`].
    pub fn cancel(&mut self, now: UnixSeconds, id: &RequestId) -> Result<(), ReserveError> {
        if self.patient.reservations().any(|reservation| reservation.id == *id) {
            return self.patient.cancel(now, id).map_err(ReserveError::Patient);
        }
        self.practice.cancel(now, id).map_err(ReserveError::Decision)
    }
}
