//! What the practice and its patients have agreed, for other programs (`CAL-40`, `CAL-50`).

use std::collections::BTreeMap;

use fapp::{
    SlotId, UnixSeconds,
    calendar::{
        export::{self, Entry, ExportError},
        fhir::{self, Stage},
    },
    reservation::{Reason, RequestView, ReservationView, SlotState, State, Status},
};

use crate::appointments::Appointments;

impl Appointments {
    /// Confirmed appointments, of this practice and of this patient, as a calendar file.
    ///
    /// # Errors
    /// [`ExportError::TooMany`].
    pub fn calendar(&self, now: UnixSeconds) -> Result<String, ExportError> {
        let entry = |id: [u8; 16], start, duration_min| Entry {
            id,
            // Asked for, and confirmed.
            sequence: 1,
            stamp: now,
            start,
            duration_min,
            status: export::Status::Confirmed,
            summary: None,
            location: None,
            description: None,
        };
        let requests = self
            .practice
            .requests()
            .filter(|one| matches!(one.status, Status::Confirmed { .. }))
            .map(|one| (one.id, (one.start, one.minutes)));
        let reservations = self
            .patient
            .reservations()
            .filter(|one| one.state == State::Confirmed)
            .map(|one| (one.id, (one.start, one.minutes)));
        // Who reserves from themselves has one appointment, not two.
        let all: BTreeMap<_, _> = requests.chain(reservations).collect();
        let mut entries: Vec<Entry<'_>> =
            all.iter().map(|(id, (start, minutes))| entry(id.0, *start, *minutes)).collect();
        entries.sort_unstable_by_key(|entry| entry.start);
        export::file(&entries)
    }

    /// Everything about appointments as health records.
    ///
    /// # Errors
    /// [`ExportError`].
    pub fn fhir(&self, now: UnixSeconds) -> Result<String, ExportError> {
        let said = self.last_said();
        let practice = said.as_ref().map(|said| fhir::Practice {
            therapist: said.therapist(),
            plz: said.plz(),
            profile: said.profile(),
            sequence: said.sequence(),
            issued: said.issued(),
        });
        let therapist = self.key();
        let appointments: Vec<fhir::Appointment> = self
            .practice
            .requests()
            .map(|one| of_practice(therapist, &one))
            .chain(self.patient.reservations().map(|one| of_patient(&one)))
            .collect();
        fhir::bundle(practice, &self.fhir_offers(), &appointments, now)
    }

    /// Slots that are announced, and those that somebody asked for.
    fn fhir_offers(&self) -> Vec<fhir::Offer> {
        let state = |id: &SlotId| self.practice.slot(id).unwrap_or(SlotState::Free);
        let mut offers: BTreeMap<SlotId, fhir::Offer> = BTreeMap::new();
        for one in self.practice.requests() {
            let id = one.about.slot;
            offers.insert(
                id,
                fhir::Offer {
                    id,
                    start: one.start,
                    duration_min: one.minutes,
                    modalitaeten: Default::default(),
                    leistung: None,
                    state: state(&id),
                },
            );
        }
        if let Some(own) = self.own() {
            for slot in own.slots() {
                let id = slot.id(own.therapist());
                offers.insert(
                    id,
                    fhir::Offer {
                        id,
                        start: slot.start,
                        duration_min: slot.duration_min,
                        modalitaeten: own.modalitaeten_of(slot),
                        leistung: slot.leistung(),
                        state: state(&id),
                    },
                );
            }
        }
        let mut offers: Vec<_> = offers.into_values().collect();
        offers.sort_unstable_by_key(|offer| offer.start);
        offers
    }
}

fn of_practice(therapist: [u8; 32], one: &RequestView<'_>) -> fhir::Appointment {
    fhir::Appointment {
        id: one.id,
        slot: one.about.slot,
        therapist,
        start: one.start,
        duration_min: one.minutes,
        made_at: one.made_at,
        stage: match one.status {
            Status::Requested => Stage::Pending,
            Status::Confirmed { .. } => Stage::Booked,
            Status::Declined { .. } | Status::Expired { .. } => {
                Stage::Cancelled { by_patient: false }
            }
            Status::Cancelled { reason, .. } => {
                Stage::Cancelled { by_patient: reason == Reason::Patient }
            }
        },
    }
}

fn of_patient(one: &ReservationView<'_>) -> fhir::Appointment {
    fhir::Appointment {
        id: one.id,
        slot: one.about.slot,
        therapist: *one.therapist,
        start: one.start,
        duration_min: one.minutes,
        made_at: one.made_at,
        stage: match one.state {
            State::Requested => Stage::Proposed,
            State::Confirmed => Stage::Booked,
            State::Declined { .. } | State::Expired => Stage::Cancelled { by_patient: false },
            State::Cancelled { reason, .. } => {
                Stage::Cancelled { by_patient: reason == Reason::Patient }
            }
        },
    }
}
