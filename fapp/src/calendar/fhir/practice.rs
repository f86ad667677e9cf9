//! What a practice is, and what it offers.

use alloc::string::{String, ToString};

use super::{
    Offer, Practice, concept, end, entry, hex, identifier, instant, json::Json, own, reference,
    times,
};
use crate::{
    reservation::SlotState,
    vocabulary::{Beruf, Term, Terms},
};

/// Records of one practice are told apart by the last byte of their name.
pub(super) const ROLE: u8 = 1;
pub(super) const SERVICE: u8 = 2;
const LOCATION: u8 = 3;
pub(super) const SCHEDULE: u8 = 4;

pub(super) fn part(therapist: &[u8; 32], part: u8) -> [u8; 16] {
    let mut id = [0; 16];
    id.copy_from_slice(&therapist[..16]);
    id[15] = part;
    id
}

impl Practice<'_> {
    pub(super) fn entries(&self, offers: &[Offer], json: &mut Json) {
        self.role(json);
        self.service(json);
        entry(part(self.therapist, LOCATION), "Location", json, |json| {
            json.member("address", |json| {
                json.text("postalCode", &self.plz.to_string());
                json.text("country", "DE");
            });
        });
        self.schedule(offers, json);
    }

    fn role(&self, json: &mut Json) {
        entry(part(self.therapist, ROLE), "PractitionerRole", json, |json| {
            json.array("identifier", |json| {
                json.object(|json| identifier("practice", &hex(self.therapist), json));
            });
            list("code", self.profile.beruf, json, |beruf, json| {
                let (system, code) = qualification(beruf);
                concept(&system, &code, beruf.name(), json);
            });
            coded("specialty", "fachrichtung", self.profile.fachrichtungen, json);
            json.array("location", |json| {
                json.object(|json| reference(part(self.therapist, LOCATION), json));
            });
            json.array("healthcareService", |json| {
                json.object(|json| reference(part(self.therapist, SERVICE), json));
            });
        });
    }

    fn service(&self, json: &mut Json) {
        let profile = self.profile;
        entry(part(self.therapist, SERVICE), "HealthcareService", json, |json| {
            let how = pairs("modalitaet", profile.modalitaeten);
            let whom = pairs("gruppe", profile.gruppen).chain(pairs("setting", profile.settings));
            extensions(how.chain(whom), json);
            json.array("identifier", |json| {
                json.object(|json| identifier("practice", &hex(self.therapist), json));
            });
            coded("specialty", "fachrichtung", profile.fachrichtungen, json);
            json.array("location", |json| {
                json.object(|json| reference(part(self.therapist, LOCATION), json));
            });
            coded("serviceProvisionCode", "kostentraeger", profile.kostentraeger, json);
            coded("characteristic", "zugang", profile.zugang, json);
            let spoken = profile.sprachen.subtags();
            if !spoken.is_empty() {
                json.array("communication", |json| {
                    spoken.iter().for_each(|tag| concept("urn:ietf:bcp:47", tag, tag, json));
                });
            }
        });
    }

    fn schedule(&self, offers: &[Offer], json: &mut Json) {
        entry(part(self.therapist, SCHEDULE), "Schedule", json, |json| {
            json.member("meta", |json| {
                json.text("versionId", &self.sequence.to_string());
                json.text("lastUpdated", &instant(self.issued));
            });
            json.array("actor", |json| {
                json.object(|json| reference(part(self.therapist, SERVICE), json));
                json.object(|json| reference(part(self.therapist, ROLE), json));
            });
            let first = offers.iter().map(|offer| offer.start).min();
            let last = offers.iter().map(|offer| end(offer.start, offer.duration_min)).max();
            if let (Some(first), Some(last)) = (first, last) {
                json.member("planningHorizon", |json| {
                    json.text("start", &instant(first));
                    json.text("end", &instant(last));
                });
            }
        });
    }
}

impl Offer {
    pub(super) fn entry(&self, practice: &Practice<'_>, json: &mut Json) {
        entry(self.id.0, "Slot", json, |json| {
            extensions(pairs("modalitaet", self.modalitaeten), json);
            json.array("identifier", |json| {
                json.object(|json| identifier("slot", &hex(&self.id.0), json));
            });
            if let Some(leistung) = self.leistung {
                json.array("serviceType", |json| {
                    concept(&own("leistung"), leistung.name(), leistung.name(), json);
                });
            }
            json.member("schedule", |json| {
                reference(part(practice.therapist, SCHEDULE), json);
            });
            json.text(
                "status",
                match self.state {
                    SlotState::Free => "free",
                    SlotState::Held => "busy-tentative",
                    SlotState::Confirmed => "busy",
                    SlotState::Resting => "busy-unavailable",
                    SlotState::Cancelled => "entered-in-error",
                },
            );
            times(self.start, self.duration_min, json);
        });
    }
}

/// The codes of chambers and of IHE Germany, where there are some.
fn qualification(beruf: Beruf) -> (String, String) {
    const CHAMBER: &str = "http://www.bptk.de/fhir/CodeSystem/PsychotherapeutischeQualifikationen";
    const PHYSICIANS: &str = "urn:oid:1.2.276.0.76.5.514";
    let (system, code) = match beruf {
        Beruf::PsychologischePsychotherapie => (CHAMBER, "120101"),
        Beruf::KinderJugendlichenpsychotherapie => (CHAMBER, "110101"),
        Beruf::Psychiatrie => (PHYSICIANS, "291002"),
        Beruf::Psychosomatik => (PHYSICIANS, "301101"),
        Beruf::KinderJugendpsychiatrie => (PHYSICIANS, "161002"),
        Beruf::Fachpsychotherapie => return (own("beruf"), beruf.name().into()),
    };
    (system.into(), code.into())
}

/// A list of concepts; FHIR knows no empty ones.
fn list<T: Term>(name: &str, terms: Terms<T>, json: &mut Json, write: impl Fn(T, &mut Json)) {
    if terms.iter().next().is_some() {
        json.array(name, |json| terms.iter().for_each(|term| write(term, json)));
    }
}

/// Concepts of one of this project's own systems.
fn coded<T: Term>(name: &str, system: &str, terms: Terms<T>, json: &mut Json) {
    list(name, terms, json, |term, json| concept(&own(system), term.name(), term.name(), json));
}

/// What R4 has no element for, by system and code.
fn extensions(pairs: impl Iterator<Item = (&'static str, &'static str)>, json: &mut Json) {
    let mut pairs = pairs.peekable();
    if pairs.peek().is_none() {
        return;
    }
    json.array("extension", |json| {
        for (system, code) in pairs {
            json.object(|json| {
                json.text("url", &own(system));
                json.member("valueCoding", |json| {
                    json.text("system", &own(system));
                    json.text("code", code);
                });
            });
        }
    });
}

fn pairs<T: Term>(
    system: &'static str,
    terms: Terms<T>,
) -> impl Iterator<Item = (&'static str, &'static str)> {
    terms.iter().map(move |term| (system, term.name()))
}
