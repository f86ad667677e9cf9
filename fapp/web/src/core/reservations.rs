//! Requests and what becomes of them (`WEB-22`, `WEB-23`).

use fapp::{
    SlotId, UnixSeconds,
    reservation::{About, Draft, FollowUp, Hold, PatientError, RequestId, State, SubKey, Wanted},
};
use mesh::Address;
use serde_json::{Value, json};

use super::{CONTACT, Core, PATIENT, Said, said, views};
use crate::message::{Call, unhex_array};

impl Core {
    /// Begins a request: keys are chosen, and the work for it is done in steps by `work`.
    pub(super) fn reserve(&mut self, now: UnixSeconds, call: &Call) -> Said {
        let id = SlotId(unhex_array(&call.id)?);
        let contact = Some(call.text.clone()).filter(|text| !text.is_empty());
        if let Some(text) = &contact {
            FollowUp::contact(text).map_err(
                |_| "contact data is up to 400 bytes of text without control characters",
            )?;
        }
        let cache = self.cache.as_ref().ok_or("the core was not started")?;
        let (announce, slot) =
            cache.slot(&id).ok_or("this slot is offered no longer; search again")?;
        let wanted = Wanted {
            about: About { announce: announce.id(), slot: id },
            therapist: *announce.therapist(),
            sub_key: SubKey::new(*announce.sub_key()),
            mailboxes: announce.mailboxes().to_vec(),
            start: slot.start,
            minutes: slot.duration_min,
        };
        let mailbox = answers_to(&call.mailboxes, &wanted.mailboxes)?;
        let rng = self.rng()?;
        let draft = Draft::new(now, wanted, Hold::Kept, mailbox, 0, rng);
        self.draft = Some((draft.map_err(|error| error.to_string())?, contact));
        said(Value::Null)
    }

    /// Tries some nonces for the request that was begun; its name once the work is done.
    pub(super) fn work(&mut self, tries: u32) -> Said {
        let (draft, _) = self.draft.as_mut().ok_or("no request was begun")?;
        if !draft.step(tries.clamp(1, TRIES_MAX)) {
            return said(json!({ "id": null }));
        }
        let Some((draft, contact)) = self.draft.take() else { return said(Value::Null) };
        let id = self.patient.submit(draft).map_err(sentence)?;
        if let Some(contact) = contact {
            let key = [&[CONTACT][..], &id.0].concat();
            self.rows.push((key, Some(contact.clone().into_bytes())));
            self.contacts.insert(id, contact);
        }
        said(json!({ "id": id.to_string() }))
    }

    pub(super) fn cancel(&mut self, now: UnixSeconds, id: &str) -> Said {
        let id = RequestId(unhex_array(id)?);
        self.patient.cancel(now, &id).map_err(sentence)?;
        said(Value::Null)
    }

    pub(super) fn reservations(&self) -> Value {
        let view = |view: fapp::reservation::ReservationView<'_>| {
            let plz = self.region_of(view.therapist).map(|plz| plz.to_string());
            views::reservation(&view, plz)
        };
        self.patient.reservations().map(view).collect()
    }

    pub(super) fn restore_contact(&mut self, key: &[u8], value: Vec<u8>) -> bool {
        let (Ok(id), Ok(contact)) = (key.try_into(), String::from_utf8(value)) else {
            return false;
        };
        self.contacts.insert(RequestId(id), contact);
        true
    }

    /// Whoever was confirmed and left contact data gives it now; of what is over it is erased.
    pub(super) fn give_contacts(&mut self, now: UnixSeconds) {
        let ids: Vec<RequestId> = self.contacts.keys().copied().collect();
        for id in ids {
            let state = self.patient.reservations().find(|r| r.id == id).map(|r| r.state);
            // An expired one may be confirmed late.
            if matches!(state, Some(State::Requested | State::Expired)) {
                continue;
            }
            let text = self.contacts.remove(&id);
            if let (Some(State::Confirmed), Some(text)) = (state, text) {
                // Given before: then it is of no use.
                let _ = self.patient.contact(now, &id, &text);
            }
            self.rows.push(([&[CONTACT][..], &id.0].concat(), None));
        }
    }
}

/// Where answers go: the first node that is not the practice's own mailbox, else the first.
fn answers_to(offered: &[String], of_practice: &[Address]) -> Result<Address, String> {
    let mut nodes = Vec::with_capacity(offered.len());
    for name in offered {
        nodes.push(Address::from_bytes(unhex_array(name)?));
    }
    let other = nodes.iter().find(|node| !of_practice.contains(node));
    let first = other.or_else(|| nodes.first()).copied();
    first.ok_or_else(|| "no node is known that keeps the answer for you".into())
}

fn sentence(error: PatientError) -> String {
    match error {
        PatientError::Unknown => "there is no such reservation",
        PatientError::Unfinished => "the work for the request is not done",
        PatientError::Full => "there are as many reservations as are kept",
        PatientError::NotConfirmed => "the practice has not confirmed it",
        PatientError::Over => "it is over already",
        PatientError::Contact(_) => {
            "contact data is up to 400 bytes of text without control characters"
        }
        PatientError::ContactGiven => "contact data was given before",
    }
    .into()
}

/// Nonces at once: a tenth of a second on a slow telephone.
const TRIES_MAX: u32 = 65_536;

/// Rows of reservations begin so.
const _: () = assert!(PATIENT != CONTACT);
