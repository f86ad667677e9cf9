//! What the page shows, as JSON: the same names as `qpc --json fapp` uses.

use fapp::{
    plz::Place,
    query::Hit,
    reservation::{Reason, ReservationView, State},
    vocabulary::{
        Beruf, Fachrichtung, Gruppe, Kostentraeger, Leistung, Modalitaet, Setting, Term, Terms,
        Zugang,
    },
};
use serde_json::{Value, json};

use crate::message::hex;

fn names<T: Term>(terms: Terms<T>) -> Value {
    json!(terms.names())
}

fn all<T: Term>() -> Value {
    T::ALL.iter().map(|term| json!(term.name())).collect()
}

/// Every word that can be searched for.
pub(super) fn words() -> Value {
    json!({
        "beruf": all::<Beruf>(),
        "fachrichtung": all::<Fachrichtung>(),
        "modalitaet": all::<Modalitaet>(),
        "kostentraeger": all::<Kostentraeger>(),
        "gruppe": all::<Gruppe>(),
        "setting": all::<Setting>(),
        "leistung": all::<Leistung>(),
        "zugang": all::<Zugang>(),
    })
}

/// A free slot.
pub(super) fn slot(hit: &Hit<'_>) -> Value {
    let profile = hit.announce.profile();
    let place = hit.announce.plz().place();
    json!({
        "id": hit.id.to_string(),
        "therapist": hex(hit.announce.therapist()),
        "start": hit.slot.start.0,
        "duration_min": hit.slot.duration_min,
        "plz": hit.announce.plz().to_string(),
        "lat": place.map(Place::latitude),
        "lon": place.map(Place::longitude),
        "leistung": hit.slot.leistung().map(Term::name),
        "beruf": names(profile.beruf),
        "fachrichtung": names(profile.fachrichtungen),
        "modalitaet": names(hit.announce.modalitaeten_of(hit.slot)),
        "kostentraeger": names(profile.kostentraeger),
        "gruppe": names(profile.gruppen),
        "setting": names(profile.settings),
        "zugang": names(profile.zugang),
        "sprachen": profile.sprachen.subtags(),
        "trust": hit.tier.number(),
        "distance_km": hit.distance_m.map(|metres| f64::from(metres) / 1_000.0),
    })
}

/// A reservation.
pub(super) fn reservation(view: &ReservationView<'_>, plz: Option<String>) -> Value {
    let (state, reason) = match view.state {
        State::Requested => ("requested", None),
        State::Confirmed => ("confirmed", None),
        State::Declined { reason, .. } => ("declined", why(reason)),
        State::Expired => ("expired", None),
        State::Cancelled { reason, .. } => ("cancelled", why(reason)),
    };
    let alternatives: Vec<String> =
        view.alternatives.iter().map(|other| other.slot.to_string()).collect();
    json!({
        "id": view.id.to_string(),
        "slot": view.about.slot.to_string(),
        "therapist": hex(view.therapist),
        "start": view.start.0,
        "duration_min": view.minutes,
        "made_at": view.made_at.0,
        "plz": plz,
        "state": state,
        "reason": reason,
        "contact_given": view.contact_given,
        "alternatives": alternatives,
    })
}

const fn why(reason: Reason) -> Option<&'static str> {
    match reason {
        Reason::None => None,
        Reason::Taken => Some("taken"),
        Reason::Practice => Some("practice"),
        Reason::Busy => Some("busy"),
        Reason::Gone => Some("gone"),
        Reason::Patient => Some("patient"),
    }
}
