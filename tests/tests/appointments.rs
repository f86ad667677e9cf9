//! Appointments between real daemons: a practice, a relay that keeps letters, and a patient
//! (`specs/33-fapp.md`, `specs/34-fapp-reservation.md`).

use std::{
    fs,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use simulation::daemons::{
    Daemon, Place, Programs, Radios, Scratch, eventually, free_loopback_address, text_of,
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

    /// A file in the practice's folder.
    fn file(&self, name: &str, content: &str) -> String {
        let path = self.practice.place().folder.join(name);
        fs::write(&path, content).expect("writable");
        path.display().to_string()
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

/// Midnight of a German day so many days from now.
fn day(days: u64) -> fapp::calendar::BerlinTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs();
    // Noon is on the same day in UTC and in Germany.
    let noon = (now / 86_400 + days) * 86_400 + 12 * 3_600;
    fapp::calendar::BerlinTime::from_unix(fapp::UnixSeconds(noon))
}

/// An event of 50 minutes on German clocks.
fn event(days: u64, time: &str, more: &str) -> String {
    let fapp::calendar::BerlinTime { year, month, day, .. } = day(days);
    format!(
        "BEGIN:VEVENT\r\nUID:{days}-{time}\r\nSUMMARY:Erika Mustermann\r\n\
         DTSTART;TZID=Europe/Berlin:{year:04}{month:02}{day:02}T{time}00\r\n\
         DURATION:PT50M\r\n{more}END:VEVENT\r\n"
    )
}

fn calendar(events: &[String]) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.concat())
}

const PRACTICE: [&str; 10] = [
    "fapp",
    "publish",
    "--plz",
    "80331",
    "--fachrichtung",
    "VT",
    "--modalitaet",
    "Praxis",
    "--kostentraeger",
    "GKV",
];

/// `CLI-120`, `CLI-130`: a practice publishes from its calendar file, a patient finds and reserves, the practice
/// confirms, and both have the appointment in a file for their own calendars.
#[test]
fn cli_126_from_a_calendar_file_to_two_calendars() {
    let town = Town::new();
    let events = [event(3, "0900", ""), event(4, "0900", ""), event(5, "0900", "DTEND:x\r\n")];
    let file = town.file("frei.ics", &calendar(&events));
    let publish = [&PRACTICE[..], &["--ics", file.as_str()]].concat();
    let offer = town.practice.qpc(&publish).expect("published");
    assert_eq!((&offer["added"], &offer["left_out_count"]), (&2.into(), &1.into()));
    assert_eq!(offer["left_out"][0]["why"], "a time or a length in it cannot be read");
    // Again: nothing is new.
    let again = town.practice.qpc(&publish).expect("published again");
    assert_eq!((&again["added"], &again["slots"]), (&0.into(), &offer["slots"]));
    let slots = town.finds(2);
    assert!(text_of(&slots[0]["start"]).contains("T09:00:00+0"));

    let slot = text_of(&slots[0]["id"]);
    let id = text_of(&town.patient.qpc(&["fapp", "reserve", &slot]).expect("asked")["id"]);
    town.request(|request| is(request, &id, "requested"));
    town.practice.qpc(&["fapp", "confirm", &id]).expect("confirmed");
    town.reservation(&id, "confirmed");

    let written = town.practice.place().folder.join("termine.ics").display().to_string();
    let done = town.practice.qpc(&["fapp", "export", "--ics", &written]).expect("written");
    assert_eq!((&done["format"], &done["file"]), (&"ics".into(), &written.as_str().into()));
    let of_practice = fs::read_to_string(&written).expect("a file");
    let exported = town.patient.qpc(&["fapp", "export"]).expect("exported");
    let of_patient = text_of(&exported["text"]);
    for file in [&of_practice, &of_patient] {
        let events: Vec<&str> = file.lines().filter(|line| *line == "BEGIN:VEVENT").collect();
        assert_eq!(events.len(), 1, "{file}");
        assert!(file.contains(&format!("UID:{id}\r\n")), "{file}");
        let start = slots[0]["start_unix_s"].as_u64().expect("a start") % 86_400;
        let start = format!("T{:02}{:02}00Z\r\n", start / 3_600, start / 60 % 60);
        assert!(file.contains(&format!("{start}DTEND:")), "{start} {file}");
        assert!(!file.contains("Mustermann"));
    }
    let exported = town.practice.qpc(&["fapp", "export", "--fhir", "-"]).expect("exported");
    let bundle: Value = serde_json::from_str(&text_of(&exported["text"])).expect("JSON");
    let of = |kind: &str| {
        let entries = bundle["entry"].as_array().expect("entries").iter();
        let resources = entries.map(|entry| &entry["resource"]);
        resources.filter(|one| one["resourceType"] == kind).cloned().collect::<Vec<_>>()
    };
    assert_eq!((of("Appointment").len(), &of("Appointment")[0]["status"]), (1, &"booked".into()));
    assert_eq!((of("Slot").len(), of("Schedule").len()), (2, 1));
}

/// `CLI-126` to `CLI-129`, `CAL-64`: patterns make slots, pauses and busy times take them, over a restart.
#[test]
fn cli_126_a_schedule_makes_the_offer() {
    let mut town = Town::new();
    let added = town.practice.qpc(&["fapp", "pattern", "add", "Mo-So 09:00/50m"]).expect("added");
    // Nobody knows yet what the practice is.
    assert_eq!((&added["id"], &added["offered"]), (&1.into(), &0.into()));
    let offer = town.practice.qpc(&PRACTICE).expect("published");
    let count = offer["slots"].as_array().map_or(0, Vec::len);
    assert!((27..=28).contains(&count), "{count}");
    town.finds(count);

    let (from, until) = (day(5).rfc3339(), day(7).rfc3339());
    let days = format!("{}..{}", &from[..10], &until[..10]);
    let paused = town.practice.qpc(&["fapp", "pause", &days]).expect("paused");
    assert_eq!(paused["offered"], count - 3);
    let busy = calendar(&[
        event(9, "0930", ""),
        event(10, "0900", "STATUS:CANCELLED\r\n"),
        event(11, "0900", "RRULE:FREQ=FORTNIGHTLY\r\n"),
    ]);
    let file = town.file("praxis.ics", &busy);
    let imported = town.practice.qpc(&["fapp", "import", &file]).expect("imported");
    assert_eq!((&imported["busy"], &imported["offered"]), (&1.into(), &(count - 4).into()));
    assert_eq!(imported["left_out"][0]["line"], 16);
    town.finds(count - 4);

    town.practice.kill();
    town.practice.switch_on().expect("it starts again");
    let status = town.practice.qpc(&["fapp", "status"]).expect("a status");
    assert_eq!(status["slots"].as_array().map(Vec::len), Some(count - 4));
    let pauses = town.practice.qpc(&["fapp", "pause", "list"]).expect("pauses");
    assert_eq!(pauses["pauses"][0]["text"], days);
    town.practice.qpc(&["fapp", "pause", "remove", "1"]).expect("over");
    town.finds(count - 1);
    let patterns = town.practice.qpc(&["fapp", "pattern", "list"]).expect("patterns");
    assert_eq!(patterns["patterns"][0]["text"], "Mo,Di,Mi,Do,Fr,Sa,So 09:00-09:50/50m");
    town.practice.qpc(&["fapp", "pattern", "remove", "1"]).expect("removed");
    town.finds(0);
    let none = town.file("kein.ics", "hello");
    for (arguments, sentence) in [
        (&["fapp", "pattern", "add", "Dx 09:00/50m"][..], "days of the week are"),
        (&["fapp", "pause", "2027-01-25..2027-01-24"], "the end is before the beginning"),
        (&["fapp", "pattern", "remove", "7"], "there is none of that number"),
        (&["fapp", "import", none.as_str()], "this is no calendar file"),
    ] {
        let refused = town.practice.qpc_text(arguments).expect_err(sentence);
        assert!(format!("{refused:?}").contains(sentence), "{refused:?}");
    }
}

/// `FAP-75`, and letters over radio: the patient has nothing but a LoRa modem, the practice is on the relay's wire.
#[test]
fn fap_75_a_slot_is_found_and_reserved_over_a_radio_hop() {
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let programs = Programs::find();
    let air = scratch.path().join("air");
    let mut radios = Radios::line(&programs, air, &["patient", "relay"]).expect("there is an air");
    let start = |name: &str, configuration: &str| {
        let folder = scratch.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("qpcd.toml"), configuration).expect("writable");
        let listen = free_loopback_address().expect("a port");
        Daemon::start(&programs, Place { folder, listen, namespace: None }).expect("it starts")
    };
    let region = "[appointments]\nradio_region = \"80\"\n";
    let (patient, relay) = (start("patient", region), start("relay", region));
    let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", relay.place().listen);
    let practice = start("practice", &peers);
    for (name, daemon) in [("patient", &patient), ("relay", &relay)] {
        let modem = radios.pty(name).expect("a modem comes up");
        daemon.qpc(&["links", "add", &modem]).expect("the settings are lawful");
    }
    let town = Town { practice, _relay: relay, patient, _scratch: scratch };
    let ids = town.publish(&[3]);
    let found = || Some(town.found()).filter(|slots| slots.len() == 1);
    eventually(Duration::from_secs(180), found).expect("the announce arrives by radio");
    let asked = town.patient.qpc(&["fapp", "reserve", &ids[0], "--contact", "Kim"]).expect("asked");
    let id = text_of(&asked["id"]);
    let request = || {
        let all = town.practice.qpc(&["fapp", "requests"]).ok()?["requests"].clone();
        all.as_array()?.iter().find(|request| is(request, &id, "requested")).map(drop)
    };
    eventually(Duration::from_secs(240), request).expect("the letter arrives");
    town.practice.qpc(&["fapp", "confirm", &id]).expect("confirmed");
    let confirmed = || {
        let all = town.patient.qpc(&["fapp", "reservations"]).ok()?["reservations"].clone();
        all.as_array()?.iter().find(|one| is(one, &id, "confirmed")).map(drop)
    };
    eventually(Duration::from_secs(240), confirmed).expect("the answer arrives");
}
