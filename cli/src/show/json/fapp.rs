//! Documents of appointments.

use ::fapp::{UnixSeconds, calendar::BerlinTime};
use serde::Serialize;

use super::FappLeftOut;

/// German time with its offset, as RFC 3339 has it.
pub fn german(at: u64) -> String {
    BerlinTime::from_unix(UnixSeconds(at)).rfc3339()
}

/// `CLI-121`
#[derive(Debug, Serialize)]
pub struct FappOffer {
    /// Counts the announces; 0 when nothing is offered.
    pub sequence: u32,
    /// The practice's key.
    pub therapist: String,
    /// Names of the slots that are offered now.
    pub slots: Vec<String>,
    /// Where requests go.
    pub mailboxes: Vec<String>,
    /// Slots of a file that were not offered before.
    pub added: Option<u32>,
    /// Events of a file that are no slots.
    pub left_out_count: u32,
    /// The first of them.
    pub left_out: Vec<FappLeftOut>,
}

impl From<api::Offered> for FappOffer {
    fn from(offered: api::Offered) -> Self {
        let api::Offered { sequence, therapist, slots, mailboxes } = offered;
        let left_out = Vec::new();
        Self { sequence, therapist, slots, mailboxes, added: None, left_out_count: 0, left_out }
    }
}

impl From<api::OfferedFile> for FappOffer {
    fn from(offered: api::OfferedFile) -> Self {
        Self {
            sequence: offered.sequence,
            therapist: offered.therapist,
            slots: offered.slots,
            mailboxes: offered.mailboxes,
            added: Some(offered.added),
            left_out_count: offered.left_out_count,
            left_out: offered.left_out.into_iter().map(Into::into).collect(),
        }
    }
}

/// `CLI-151`
#[derive(Debug, Serialize)]
pub struct WebPage {
    /// The page's address, with the token that makes it the owner's.
    pub url: String,
}

/// `CLI-122`
#[derive(Debug, Serialize)]
pub struct FappSlots {
    /// The nearest and soonest first.
    pub slots: Vec<FappSlot>,
    /// Whom the postal codes are from.
    pub attribution: &'static str,
}

/// A free slot.
#[derive(Debug, Serialize)]
pub struct FappSlot {
    /// Its name.
    pub id: String,
    /// The practice's key.
    pub therapist: String,
    /// When it begins, in German time.
    pub start: String,
    /// The same in seconds since 1970.
    pub start_unix_s: u64,
    /// Minutes.
    pub duration_min: u16,
    /// Where.
    pub plz: String,
    /// What for.
    pub leistung: Option<String>,
    /// Verfahren.
    pub fachrichtung: Vec<String>,
    /// Where and how.
    pub modalitaet: Vec<String>,
    /// Who pays.
    pub kostentraeger: Vec<String>,
    /// Who is treated.
    pub gruppe: Vec<String>,
    /// Languages.
    pub sprachen: Vec<String>,
    /// What is known about the practice, 0 to 3.
    pub trust: u8,
    /// The same in words.
    pub trust_label: String,
    /// From the postal code of the search.
    pub distance_km: Option<f64>,
}

impl From<api::Slot> for FappSlot {
    fn from(slot: api::Slot) -> Self {
        Self {
            id: slot.id,
            therapist: slot.therapist,
            start: german(slot.start),
            start_unix_s: slot.start,
            duration_min: slot.duration_min,
            plz: slot.plz,
            leistung: slot.leistung,
            fachrichtung: slot.fachrichtung,
            modalitaet: slot.modalitaet,
            kostentraeger: slot.kostentraeger,
            gruppe: slot.gruppe,
            sprachen: slot.sprachen,
            trust: slot.trust,
            trust_label: slot.trust_label,
            distance_km: slot.distance_km,
        }
    }
}

/// `CLI-123`
#[derive(Debug, Serialize)]
pub struct FappReservations {
    /// The newest last.
    pub reservations: Vec<FappReservation>,
}

/// A reservation.
#[derive(Debug, Serialize)]
pub struct FappReservation {
    /// Its name.
    pub id: String,
    /// The slot.
    pub slot: String,
    /// The practice's key.
    pub therapist: String,
    /// When the slot begins, in German time.
    pub start: String,
    /// Minutes.
    pub duration_min: u16,
    /// When it was asked for, in seconds since 1970.
    pub made_at: u64,
    /// `requested`, `confirmed`, `declined`, `expired` or `cancelled`.
    pub state: String,
    /// Why.
    pub reason: Option<String>,
    /// Whether the practice has contact data.
    pub contact_given: bool,
    /// Other free slots of the practice.
    pub alternatives: Vec<String>,
}

impl From<api::Reservation> for FappReservation {
    fn from(one: api::Reservation) -> Self {
        Self {
            id: one.id,
            slot: one.slot,
            therapist: one.therapist,
            start: german(one.start),
            duration_min: one.duration_min,
            made_at: one.made_at,
            state: one.state,
            reason: one.reason,
            contact_given: one.contact_given,
            alternatives: one.alternatives,
        }
    }
}

/// `CLI-124`
#[derive(Debug, Serialize)]
pub struct FappRequests {
    /// The newest last.
    pub requests: Vec<FappRequest>,
}

/// A request.
#[derive(Debug, Serialize)]
pub struct FappRequest {
    /// Its name.
    pub id: String,
    /// The slot.
    pub slot: String,
    /// When the slot begins, in German time.
    pub start: String,
    /// Minutes.
    pub duration_min: u16,
    /// When it was asked for, in seconds since 1970.
    pub made_at: u64,
    /// Until when it can be confirmed, in seconds since 1970.
    pub until: u64,
    /// `requested`, `confirmed`, `declined`, `expired` or `cancelled`.
    pub state: String,
    /// How the patient is reached.
    pub contact: Option<String>,
}

impl From<api::SlotRequest> for FappRequest {
    fn from(one: api::SlotRequest) -> Self {
        Self {
            id: one.id,
            slot: one.slot,
            start: german(one.start),
            duration_min: one.duration_min,
            made_at: one.made_at,
            until: one.until,
            state: one.state,
            contact: one.contact,
        }
    }
}

/// `CLI-125`
#[derive(Debug, Serialize)]
pub struct FappReserved {
    /// The reservation's name.
    pub id: String,
    /// What is known of it.
    pub state: String,
}
