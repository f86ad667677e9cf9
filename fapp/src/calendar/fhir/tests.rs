use alloc::{format, vec, vec::Vec};

use serde_json::Value;

use super::*;
use crate::vocabulary::{Beruf, Fachrichtung, Kostentraeger, Sprachen, Zugang};

const KEY: [u8; 32] = [0x5a; 32];
const NOW: UnixSeconds = UnixSeconds(1_799_000_000);
/// 2027-07-12T09:00:00+02:00.
const NINE: UnixSeconds = UnixSeconds(1_815_375_600);

fn profile() -> Profile {
    Profile {
        beruf: [Beruf::PsychologischePsychotherapie, Beruf::Fachpsychotherapie]
            .into_iter()
            .collect(),
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: [Modalitaet::Praxis, Modalitaet::Video].into_iter().collect(),
        kostentraeger: Kostentraeger::Gkv.into(),
        zugang: Zugang::Barrierefrei.into(),
        sprachen: Sprachen::default().with("tr").expect("a language"),
        ..Profile::default()
    }
}

fn offer(id: u8, state: SlotState) -> Offer {
    Offer {
        id: SlotId([id; 16]),
        start: UnixSeconds(NINE.0 + u64::from(id) * 3_600),
        duration_min: 50,
        modalitaeten: Modalitaet::Video.into(),
        leistung: Some(Leistung::Sprechstunde),
        state,
    }
}

fn appointment(id: u8, slot: u8, stage: Stage) -> Appointment {
    Appointment {
        id: RequestId([id; 16]),
        slot: SlotId([slot; 16]),
        therapist: KEY,
        start: NINE,
        duration_min: 50,
        made_at: NOW,
        stage,
    }
}

fn read(offers: &[Offer], appointments: &[Appointment]) -> Value {
    let profile = profile();
    let plz = Plz::parse("80331").expect("a postal code");
    let practice = Practice { therapist: &KEY, plz, profile: &profile, sequence: 7, issued: NOW };
    let text = bundle(Some(practice), offers, appointments, NOW).expect("a bundle");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Resources of a kind.
fn of<'a>(bundle: &'a Value, kind: &str) -> Vec<&'a Value> {
    let entries = bundle["entry"].as_array().expect("entries");
    let resources = entries.iter().map(|entry| &entry["resource"]);
    resources.filter(|resource| resource["resourceType"] == kind).collect()
}

const STATES: [(SlotState, &str); 5] = [
    (SlotState::Resting, "busy-unavailable"),
    (SlotState::Free, "free"),
    (SlotState::Held, "busy-tentative"),
    (SlotState::Confirmed, "busy"),
    (SlotState::Cancelled, "entered-in-error"),
];

const STAGES: [(Stage, &str, &str, &str); 5] = [
    (Stage::Proposed, "proposed", "accepted", "needs-action"),
    (Stage::Pending, "pending", "accepted", "needs-action"),
    (Stage::Booked, "booked", "accepted", "accepted"),
    (Stage::Cancelled { by_patient: true }, "cancelled", "declined", "accepted"),
    (Stage::Cancelled { by_patient: false }, "cancelled", "accepted", "declined"),
];

fn whole() -> Value {
    let offers: Vec<_> = (0..).zip(STATES).map(|(id, (state, _))| offer(id, state)).collect();
    let stages = (100..).zip(STAGES);
    let appointments: Vec<_> =
        stages.map(|(id, (stage, ..))| appointment(id, id - 100, stage)).collect();
    read(&offers, &appointments)
}

/// `instant` of R4: to the second at least, with a zone.
fn is_instant(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 25 && BerlinTime::parse(text).is_ok()
}

#[test]
fn cal_50_every_element_that_r4_requires() {
    let bundle = whole();
    assert_eq!(
        (&bundle["resourceType"], &bundle["type"]),
        (&"Bundle".into(), &"collection".into())
    );
    assert!(is_instant(&bundle["timestamp"]));
    for (kind, count) in [
        ("PractitionerRole", 1),
        ("HealthcareService", 1),
        ("Location", 1),
        ("Schedule", 1),
        ("Slot", 5),
        ("Appointment", 5),
    ] {
        assert_eq!(of(&bundle, kind).len(), count, "{kind}");
    }
    let schedule = of(&bundle, "Schedule")[0];
    assert_eq!(schedule["actor"].as_array().map(Vec::len), Some(2));
    assert_eq!(schedule["meta"]["versionId"], "7");
    assert_eq!(schedule["planningHorizon"]["start"], "2027-07-12T09:00:00+02:00");
    assert_eq!(schedule["planningHorizon"]["end"], "2027-07-12T13:50:00+02:00");
    for (slot, (_, status)) in of(&bundle, "Slot").into_iter().zip(STATES) {
        assert_eq!(slot["status"], status);
        assert!(is_instant(&slot["start"]) && is_instant(&slot["end"]));
        assert!(slot["schedule"]["reference"].is_string());
    }
    for (one, (_, status, patient, practice)) in of(&bundle, "Appointment").into_iter().zip(STAGES)
    {
        assert_eq!(one["status"], status);
        assert!(is_instant(&one["start"]) && is_instant(&one["end"]));
        let participants = one["participant"].as_array().expect("participants");
        // app-1: each has a type or an actor.
        assert!(participants.iter().all(|one| one["actor"].is_object()));
        let says: Vec<_> = participants.iter().map(|one| one["status"].as_str()).collect();
        assert_eq!(says, [Some(patient), Some(practice)]);
        // app-4: only what is cancelled has a reason for it.
        assert_eq!(one["cancelationReason"].is_object(), status == "cancelled");
    }
}

#[test]
fn cal_51_references_lead_to_records_and_lists_are_never_empty() {
    fn walk(value: &Value, names: &[&str], seen: &mut u32) {
        match value {
            Value::Object(members) => {
                assert!(!members.is_empty());
                if let Some(reference) = members.get("reference").and_then(Value::as_str) {
                    assert!(names.contains(&reference), "{reference}");
                    *seen += 1;
                }
                members.values().for_each(|value| walk(value, names, seen));
            }
            Value::Array(elements) => {
                assert!(!elements.is_empty());
                elements.iter().for_each(|value| walk(value, names, seen));
            }
            Value::String(text) => assert!(!text.is_empty()),
            _ => {}
        }
    }
    let bundle = whole();
    let entries = bundle["entry"].as_array().expect("entries");
    let names: Vec<_> = entries.iter().filter_map(|entry| entry["fullUrl"].as_str()).collect();
    let mut once = names.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!((once.len(), names.len()), (14, 14));
    for (entry, name) in entries.iter().zip(&names) {
        let id = entry["resource"]["id"].as_str().expect("an id");
        assert_eq!(*name, format!("urn:uuid:{id}"));
        // RFC 9562: version 8, variant 10.
        assert!(id.len() == 36 && id.as_bytes()[14] == b'8', "{id}");
        assert!(matches!(id.as_bytes()[19], b'8' | b'9' | b'a' | b'b'), "{id}");
    }
    let mut seen = 0;
    walk(&bundle, &names, &mut seen);
    // Two of the schedule, three of role and service, a schedule of each slot, and slot and practice of each
    // appointment.
    assert_eq!(seen, 2 + 3 + 5 + 5 + 5);
    // The barest practice.
    let bare = Profile::default();
    let plz = Plz::parse("80331").expect("a postal code");
    let practice = Practice { therapist: &KEY, plz, profile: &bare, sequence: 0, issued: NOW };
    let text = bundle_text(practice);
    walk(&serde_json::from_str(&text).expect("JSON"), &[], &mut seen);
}

fn bundle_text(practice: Practice<'_>) -> String {
    let text = bundle(Some(practice), &[], &[], NOW).expect("a bundle");
    // Names are looked at above.
    text.replace("\"reference\"", "\"display\"")
}

#[test]
fn cal_52_code_systems() {
    let bundle = whole();
    let role = of(&bundle, "PractitionerRole")[0];
    let code = |place: usize| &role["code"][place]["coding"][0];
    assert_eq!(
        (&code(0)["system"], &code(0)["code"]),
        (
            &"http://www.bptk.de/fhir/CodeSystem/PsychotherapeutischeQualifikationen".into(),
            &"120101".into()
        )
    );
    assert_eq!(code(1)["system"], "urn:quicprochat:fapp:beruf");
    assert_eq!(role["specialty"][0]["coding"][0]["code"], "Verhaltenstherapie");
    let service = of(&bundle, "HealthcareService")[0];
    assert_eq!(service["communication"][0]["coding"][0]["system"], "urn:ietf:bcp:47");
    assert_eq!(service["communication"][0]["coding"][0]["code"], "tr");
    assert_eq!(service["serviceProvisionCode"][0]["coding"][0]["code"], "GKV");
    assert_eq!(service["characteristic"][0]["coding"][0]["code"], "barrierefrei");
    assert_eq!(service["extension"][1]["valueCoding"]["code"], "Video");
    assert_eq!(of(&bundle, "Location")[0]["address"]["postalCode"], "80331");
    let slot = of(&bundle, "Slot")[0];
    assert_eq!(slot["serviceType"][0]["coding"][0]["code"], "Sprechstunde");
    assert_eq!(slot["extension"][0]["url"], "urn:quicprochat:fapp:modalitaet");
    let reasons: Vec<_> = of(&bundle, "Appointment")[3..]
        .iter()
        .map(|one| {
            let reason = &one["cancelationReason"]["coding"][0];
            assert_eq!(reason["system"], CANCELLATION);
            reason["code"].as_str()
        })
        .collect();
    assert_eq!(reasons, [Some("pat"), Some("prov")]);
    for (beruf, code) in [
        (Beruf::Psychiatrie, "291002"),
        (Beruf::Psychosomatik, "301101"),
        (Beruf::KinderJugendpsychiatrie, "161002"),
    ] {
        let profile = Profile { beruf: beruf.into(), ..Profile::default() };
        let plz = Plz::parse("80331").expect("a postal code");
        let practice =
            Practice { therapist: &KEY, plz, profile: &profile, sequence: 0, issued: NOW };
        let text = bundle_text(practice);
        let coding = format!(r#"{{"system":"urn:oid:1.2.276.0.76.5.514","code":"{code}","#);
        assert!(text.contains(&coding), "{text}");
    }
}

#[test]
fn cal_53_either_side_and_bounds() {
    // A patient's records: the practice by its key, no slot.
    let text = bundle(None, &[offer(0, SlotState::Free)], &[appointment(1, 0, Stage::Booked)], NOW);
    let read: Value = serde_json::from_str(&text.expect("a bundle")).expect("JSON");
    assert_eq!(read["entry"].as_array().map(Vec::len), Some(1));
    let one = of(&read, "Appointment")[0];
    assert!(one["slot"].is_null());
    assert_eq!(one["participant"][1]["actor"]["identifier"]["value"], hex(&KEY));
    assert_eq!(one["participant"][1]["actor"]["type"], "HealthcareService");
    // A practice that is a patient elsewhere.
    let other = Appointment { therapist: [1; 32], ..appointment(1, 0, Stage::Booked) };
    let read = self::read(&[offer(0, SlotState::Free)], &[other]);
    let one = of(&read, "Appointment")[0];
    assert!(one["slot"].is_null() && one["participant"][1]["actor"]["reference"].is_null());
    let empty = bundle(None, &[], &[], NOW).expect("a bundle");
    assert_eq!(serde_json::from_str::<Value>(&empty).expect("JSON")["entry"], Value::Null);
    let many = vec![appointment(1, 0, Stage::Booked); ENTRIES_MAX + 1];
    assert_eq!(bundle(None, &[], &many, NOW), Err(ExportError::TooMany));
    for bad in [
        Appointment { duration_min: 0, ..many[0] },
        Appointment { start: UnixSeconds(u64::MAX), ..many[0] },
    ] {
        assert_eq!(bundle(None, &[], &[bad], NOW), Err(ExportError::Time));
    }
    let mut json = Json::default();
    json.object(|json| json.text("a\"\n", "\\\u{1}ü"));
    assert_eq!(json.finish(), "{\"a\\\"\\u000a\":\"\\\\\\u0001ü\"}");
}
