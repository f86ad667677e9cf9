//! Appointments between real daemons: a practice, a relay that keeps letters, and a patient
//! (`specs/33-fapp.md`, `specs/34-fapp-reservation.md`).

use std::{
    fs,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use simulation::daemons::{
    Daemon, Place, Programs, Scratch, eventually, free_loopback_address, text_of,
};

/// Practice, relay and patient on loopback; the two ends know the relay alone.
struct Town {
    practice: Daemon,
    _relay: Daemon,
    patient: Daemon,
    _scratch: Scratch,
}

impl Town {
    fn new() -> Self {
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let start = |name: &str, configuration: &str| {
            let folder = scratch.path().join(name);
            fs::create_dir(&folder).expect("a folder");
            fs::write(folder.join("qpcd.toml"), configuration).expect("writable");
            let listen = free_loopback_address().expect("a port");
            let place = Place { folder, listen, namespace: None };
            Daemon::start(&Programs::find(), place).expect("it starts")
        };
        let relay = start("relay", "");
        let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", relay.place().listen);
        let (practice, patient) = (start("practice", &peers), start("patient", &peers));
        Self { practice, _relay: relay, patient, _scratch: scratch }
    }

    /// Publishes slots, so many days from now at nine in the morning, UTC.
    fn publish(&self, days: &[u64]) -> Vec<String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        let slots: Vec<String> = days
            .iter()
            .map(|days| {
                let at = (now.as_secs() / 86_400 + days) * 86_400 + 9 * 3_600;
                let at = fapp::calendar::BerlinTime::from_unix(fapp::UnixSeconds(at)).rfc3339();
                format!("--slot={at}/50m")
            })
            .collect();
        let mut arguments = vec![
            "fapp",
            "publish",
            "--plz",
            "80331",
            "--fachrichtung",
            "VT",
            "--modalitaet",
            "Praxis,Video",
            "--kostentraeger",
            "gkv",
        ];
        arguments.extend(slots.iter().map(String::as_str));
        let offer = self.practice.qpc(&arguments).expect("published");
        offer["slots"].as_array().expect("slots").iter().map(text_of).collect()
    }

    /// Slots that the patient finds.
    fn found(&self) -> Vec<Value> {
        let near =
            ["fapp", "search", "--plz", "80333", "--radius-km", "5", "--kostentraeger", "GKV"];
        self.patient.qpc(&near).expect("a search")["slots"].as_array().expect("slots").clone()
    }

    fn finds(&self, count: usize) -> Vec<Value> {
        let all = || Some(self.found()).filter(|slots| slots.len() == count);
        eventually(Duration::from_secs(20), all).expect("the announce arrives")
    }

    /// Waits until one of the practice's requests is as it should be.
    fn request(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let some = || {
            let all = self.practice.qpc(&["fapp", "requests"]).ok()?["requests"].clone();
            all.as_array()?.iter().find(|request| fits(request)).cloned()
        };
        eventually(Duration::from_secs(90), some).expect("the letter arrives")
    }

    fn reservation(&self, id: &str, state: &str) {
        let there = || {
            let all = self.patient.qpc(&["fapp", "reservations"]).ok()?["reservations"].clone();
            all.as_array()?.iter().find(|one| one["id"] == id && one["state"] == state).map(drop)
        };
        eventually(Duration::from_secs(90), there).expect("the answer arrives");
    }
}

fn is(request: &Value, id: &str, state: &str) -> bool {
    request["id"] == id && request["state"] == state
}

/// `CLI-120` to `CLI-125`: announced, found, asked for, confirmed; contact data after that; both sides
/// killed in between.
#[test]
fn cli_120_a_slot_is_found_and_reserved_across_a_relay() {
    let mut town = Town::new();
    let ids = town.publish(&[3, 4]);
    let slots = town.finds(2);
    assert_eq!((text_of(&slots[0]["id"]), &slots[0]["plz"]), (ids[0].clone(), &"80331".into()));
    assert_eq!((&slots[0]["trust"], &slots[0]["duration_min"]), (&0.into(), &50.into()));
    assert!(slots[0]["distance_km"].as_f64().is_some_and(|km| km < 5.0));

    let contact = "Telefon 0170 1234567";
    let asked = town.patient.qpc(&["fapp", "reserve", &ids[0], "--contact", contact]);
    let asked = asked.expect("asked for");
    let id = text_of(&asked["id"]);
    assert_eq!(asked["state"], "requested");
    let request = town.request(|request| is(request, &id, "requested"));
    assert_eq!((&request["slot"], &request["contact"]), (&ids[0].as_str().into(), &Value::Null));

    town.patient.kill();
    town.practice.kill();
    town.patient.switch_on().expect("it starts again");
    town.practice.switch_on().expect("it starts again");
    town.practice.qpc(&["fapp", "confirm", &id]).expect("confirmed");
    town.reservation(&id, "confirmed");
    let request =
        town.request(|request| is(request, &id, "confirmed") && !request["contact"].is_null());
    assert_eq!(request["contact"], contact);
    let again = town.practice.qpc_text(&["fapp", "confirm", &id]).expect_err("once");
    assert!(format!("{again:?}").contains("decided already"), "{again:?}");

    assert_eq!(
        town.practice.qpc(&["fapp", "withdraw", "all"]).expect("withdrawn")["done"],
        "2 slots withdrawn"
    );
    town.finds(0);
}

/// Two ask for one slot: who is confirmed first has it, the other hears of another slot.
#[test]
fn cli_120_the_second_is_declined_with_alternatives() {
    let town = Town::new();
    let ids = town.publish(&[3, 4]);
    town.finds(2);
    let ask = || text_of(&town.patient.qpc(&["fapp", "reserve", &ids[0]]).expect("asked")["id"]);
    let (first, second) = (ask(), ask());
    town.request(|request| is(request, &first, "requested"));
    town.request(|request| is(request, &second, "requested"));
    town.practice.qpc(&["fapp", "confirm", &second]).expect("confirmed");
    town.reservation(&second, "confirmed");
    town.reservation(&first, "declined");
    let all = town.patient.qpc(&["fapp", "reservations"]).expect("reservations");
    let declined = all["reservations"].as_array().expect("a list");
    let declined = declined.iter().find(|one| one["id"] == first.as_str()).expect("it is there");
    assert_eq!(
        (&declined["reason"], &declined["alternatives"][0]),
        (&"taken".into(), &ids[1].as_str().into())
    );
}

/// What is wrong is told in a sentence, and nothing is published.
#[test]
fn cli_120_nonsense_is_told() {
    let town = Town::new();
    let base = [
        "fapp",
        "publish",
        "--fachrichtung",
        "VT",
        "--modalitaet",
        "Praxis",
        "--kostentraeger",
        "GKV",
    ];
    for (more, sentence) in [
        (&["--plz", "8033", "--slot", "2099-01-12T09:00/50m"][..], "five digits"),
        (&["--plz", "00123", "--slot", "2099-01-12T09:00/50m"], "no such postal code"),
        (&["--plz", "80331", "--slot", "2020-01-12T09:00/50m"], "has begun already"),
        (&["--plz", "80331", "--slot", "2099-01-12T09:00/50m"], "more than a year ahead"),
        (&["--plz", "80331", "--slot", "2027-03-28T02:30/50m"], "skip this hour"),
        (&["--plz", "80331", "--slot", "2027-01-12T09:00/5m"], "10 to 255 minutes"),
    ] {
        let refused = town.practice.qpc_text(&[&base[..], more].concat()).expect_err(sentence);
        assert!(format!("{refused:?}").contains(sentence), "{refused:?}");
    }
    assert_eq!(
        town.practice.qpc(&["fapp", "status"]).expect("a status")["slots"],
        Value::Array(vec![])
    );
    let unknown = "00".repeat(16);
    town.patient.qpc_text(&["fapp", "reserve", &unknown]).expect_err("nobody offers it");
}
