//! Answers as JSON, with the names that `qpc --json fapp` uses.

use fapp::{
    reservation::SlotState,
    vocabulary::{Term, Terms},
};
use serde_json::{Value, json};

use crate::{appointments::Appointments, bus::hex};

fn names<T: Term>(terms: Terms<T>) -> Value {
    json!(terms.names())
}

/// The practice: what it says of itself, and its slots.
pub(super) fn practice(machine: &Appointments) -> Value {
    let therapist = machine.therapist();
    let own = machine.own();
    let slots: Value = own
        .map_or(&[][..], |own| own.slots())
        .iter()
        .map(|slot| {
            let id = slot.id(&therapist);
            let state = match machine.practice().slot(&id) {
                Some(SlotState::Held) => "held",
                Some(SlotState::Confirmed) => "confirmed",
                Some(SlotState::Cancelled) => "cancelled",
                _ => "free",
            };
            json!({
                "id": id.to_string(),
                "start": slot.start.0,
                "duration_min": slot.duration_min,
                "leistung": slot.leistung().map(Term::name),
                "modalitaet": own.map(|own| own.modalitaeten_of(slot).names()),
                "state": state,
            })
        })
        .collect();
    // Without any slot there is no announce; the practice is still who it said it is.
    let said = machine.last_said();
    let profile = said.as_ref().map(|said| *said.profile()).unwrap_or_default();
    let tier = machine.router().cache().get(&therapist).map_or(0, |(_, tier)| tier.number());
    json!({
        "therapist": hex(&therapist),
        "plz": said.map(|said| said.plz().to_string()),
        "profile": {
            "beruf": names(profile.beruf),
            "fachrichtung": names(profile.fachrichtungen),
            "modalitaet": names(profile.modalitaeten),
            "kostentraeger": names(profile.kostentraeger),
            "gruppe": names(profile.gruppen),
            "setting": names(profile.settings),
            "zugang": names(profile.zugang),
            "sprachen": profile.sprachen.subtags(),
        },
        "slots": slots,
        "trust": tier,
        "busy": machine.busy_times(),
    })
}

/// Slots that come back each week.
pub(super) fn pattern(pattern: &api::Pattern) -> Value {
    json!({ "id": pattern.id, "text": pattern.text, "leistung": pattern.leistung })
}

/// Days on which nothing is offered.
pub(super) fn pause(pause: &api::Pause) -> Value {
    let (from, to) = pause.text.split_once("..").unwrap_or((&pause.text, &pause.text));
    json!({ "id": pause.id, "from": from, "to": to })
}

/// A request for one of its slots.
pub(super) fn request(request: &api::SlotRequest) -> Value {
    json!({
        "id": request.id,
        "slot": request.slot,
        "start": request.start,
        "duration_min": request.duration_min,
        "made_at": request.made_at,
        "until": request.until,
        "state": request.state,
        "contact": request.contact,
    })
}

/// A reservation that the daemon keeps.
pub(super) fn reservation(reservation: &api::Reservation) -> Value {
    json!({
        "id": reservation.id,
        "slot": reservation.slot,
        "therapist": reservation.therapist,
        "start": reservation.start,
        "duration_min": reservation.duration_min,
        "made_at": reservation.made_at,
        "state": reservation.state,
        "reason": reservation.reason,
        "contact_given": reservation.contact_given,
        "alternatives": reservation.alternatives,
    })
}
