//! Appointments as health records have them: FHIR R4 (`CAL-50` to `CAL-53`).
//!
//! A `Bundle` of what a practice is, its `Schedule`, its `Slot`s, and `Appointment`s of either side. Patients are
//! named by their reservation alone, and nobody's contact data is in it.

mod json;
mod practice;
#[cfg(test)]
mod tests;

use alloc::{collections::BTreeSet, format, string::String};

use self::json::Json;
use super::export::{ENTRIES_MAX, ExportError};
use crate::{
    SlotId, UnixSeconds,
    announce::Profile,
    calendar::BerlinTime,
    plz::Plz,
    reservation::{RequestId, SlotState},
    vocabulary::{Leistung, Modalitaet, Terms},
};

/// The practice that the records are about.
#[derive(Clone, Copy, Debug)]
pub struct Practice<'a> {
    /// Its key.
    pub therapist: &'a [u8; 32],
    /// Where it is.
    pub plz: Plz,
    /// What it is and offers.
    pub profile: &'a Profile,
    /// Counts its announces.
    pub sequence: u32,
    /// When it announced them last.
    pub issued: UnixSeconds,
}

/// A slot of the practice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its name.
    pub id: SlotId,
    /// When it begins.
    pub start: UnixSeconds,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
    /// Where and how.
    pub modalitaeten: Terms<Modalitaet>,
    /// What it is for, if that is known.
    pub leistung: Option<Leistung>,
    /// Whether somebody has it.
    pub state: SlotState,
}

/// How far an appointment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// A patient asked for it.
    Proposed,
    /// The practice has it before it.
    Pending,
    /// It is the patient's.
    Booked,
    /// Declined, expired, or taken back.
    Cancelled {
        /// Whether it was the patient who did.
        by_patient: bool,
    },
}

/// A request or reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appointment {
    /// Its name.
    pub id: RequestId,
    /// The slot.
    pub slot: SlotId,
    /// The practice's key.
    pub therapist: [u8; 32],
    /// When it begins.
    pub start: UnixSeconds,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
    /// When it was asked for.
    pub made_at: UnixSeconds,
    /// How far it is.
    pub stage: Stage,
}

/// The records, as one document. Without a practice there are appointments alone.
///
/// # Errors
/// [`ExportError::TooMany`] of more than 1,000 slots or appointments, [`ExportError::Time`].
pub fn bundle(
    practice: Option<Practice<'_>>,
    offers: &[Offer],
    appointments: &[Appointment],
    now: UnixSeconds,
) -> Result<String, ExportError> {
    if offers.len() > ENTRIES_MAX || appointments.len() > ENTRIES_MAX {
        return Err(ExportError::TooMany);
    }
    let offers = if practice.is_some() { offers } else { &[] };
    let times = offers.iter().map(|offer| (offer.start, offer.duration_min));
    let times = times.chain(appointments.iter().map(|one| (one.start, one.duration_min)));
    if times.clone().any(|(start, minutes)| minutes == 0 || end(start, minutes).0 > LAST) {
        return Err(ExportError::Time);
    }
    let known: BTreeSet<SlotId> = offers.iter().map(|offer| offer.id).collect();
    let mut json = Json::default();
    json.object(|json| {
        json.text("resourceType", "Bundle");
        json.text("type", "collection");
        json.text("timestamp", &instant(now));
        if practice.is_none() && appointments.is_empty() {
            return;
        }
        json.array("entry", |json| {
            if let Some(practice) = &practice {
                practice.entries(offers, json);
                offers.iter().for_each(|offer| offer.entry(practice, json));
            }
            for one in appointments {
                let own = practice.filter(|practice| *practice.therapist == one.therapist);
                one.entry(own.is_some() && known.contains(&one.slot), own.is_some(), json);
            }
        });
    });
    Ok(json.finish())
}

/// 9999-12-31T22:59:59Z: a year has four digits, in German time too.
const LAST: u64 = 253_402_297_199;

const fn end(start: UnixSeconds, minutes: u16) -> UnixSeconds {
    UnixSeconds(start.0.saturating_add(minutes as u64 * 60))
}

fn instant(at: UnixSeconds) -> String {
    BerlinTime::from_unix(UnixSeconds(at.0.min(LAST))).rfc3339()
}

/// A name that is nobody else's, in the form that references want: RFC 9562, version 8.
fn uuid(mut id: [u8; 16]) -> String {
    id[6] = id[6] & 0x0f | 0x80;
    id[8] = id[8] & 0x3f | 0x80;
    let hex = hex(&id);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn entry(id: [u8; 16], kind: &str, json: &mut Json, fill: impl FnOnce(&mut Json)) {
    json.object(|json| {
        json.text("fullUrl", &format!("urn:uuid:{}", uuid(id)));
        json.member("resource", |json| {
            json.text("resourceType", kind);
            json.text("id", &uuid(id));
            fill(json);
        });
    });
}

fn identifier(system: &str, value: &str, json: &mut Json) {
    json.text("system", &own(system));
    json.text("value", value);
}

/// A system of names of this project's own.
fn own(name: &str) -> String {
    format!("urn:quicprochat:fapp:{name}")
}

fn coding(system: &str, code: &str, display: &str, json: &mut Json) {
    json.object(|json| {
        json.text("system", system);
        json.text("code", code);
        json.text("display", display);
    });
}

/// A concept, as an element of a list.
fn concept(system: &str, code: &str, display: &str, json: &mut Json) {
    json.object(|json| json.array("coding", |json| coding(system, code, display, json)));
}

fn times(start: UnixSeconds, minutes: u16, json: &mut Json) {
    json.text("start", &instant(start));
    json.text("end", &instant(end(start, minutes)));
}

impl Appointment {
    fn entry(&self, has_slot: bool, has_practice: bool, json: &mut Json) {
        entry(self.id.0, "Appointment", json, |json| {
            let name = hex(&self.id.0);
            json.array("identifier", |json| {
                json.object(|json| identifier("reservation", &name, json));
            });
            json.text("status", self.status());
            if let Stage::Cancelled { by_patient } = self.stage {
                let (code, display) =
                    if by_patient { ("pat", "Patient") } else { ("prov", "Provider") };
                json.member("cancelationReason", |json| {
                    json.array("coding", |json| coding(CANCELLATION, code, display, json));
                });
            }
            times(self.start, self.duration_min, json);
            json.number("minutesDuration", self.duration_min.into());
            if has_slot {
                json.array("slot", |json| {
                    json.object(|json| reference(self.slot.0, json));
                });
            }
            json.text("created", &instant(self.made_at));
            json.array("participant", |json| {
                self.participant("Patient", "reservation", &name, json);
                if has_practice {
                    let id = practice::part(&self.therapist, practice::SERVICE);
                    json.object(|json| {
                        json.member("actor", |json| reference(id, json));
                        json.text("status", self.practice_says());
                    });
                } else {
                    let key = hex(&self.therapist);
                    self.participant("HealthcareService", "practice", &key, json);
                }
            });
        });
    }

    /// Somebody who is named and of whom no record is here.
    fn participant(&self, kind: &str, system: &str, name: &str, json: &mut Json) {
        let says = if kind == "Patient" { self.patient_says() } else { self.practice_says() };
        json.object(|json| {
            json.member("actor", |json| {
                json.text("type", kind);
                json.member("identifier", |json| identifier(system, name, json));
            });
            json.text("status", says);
        });
    }

    const fn status(&self) -> &'static str {
        match self.stage {
            Stage::Proposed => "proposed",
            Stage::Pending => "pending",
            Stage::Booked => "booked",
            Stage::Cancelled { .. } => "cancelled",
        }
    }

    const fn patient_says(&self) -> &'static str {
        match self.stage {
            Stage::Cancelled { by_patient: true } => "declined",
            _ => "accepted",
        }
    }

    const fn practice_says(&self) -> &'static str {
        match self.stage {
            Stage::Proposed | Stage::Pending => "needs-action",
            Stage::Booked | Stage::Cancelled { by_patient: true } => "accepted",
            Stage::Cancelled { by_patient: false } => "declined",
        }
    }
}

fn reference(id: [u8; 16], json: &mut Json) {
    json.text("reference", &format!("urn:uuid:{}", uuid(id)));
}

const CANCELLATION: &str = "http://terminology.hl7.org/CodeSystem/appointment-cancellation-reason";
