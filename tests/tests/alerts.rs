//! Alerts, and who a practice is, between real daemons (`specs/33-fapp.md`, `specs/35-fapp-trust.md`).

use std::{
    fs,
    time::{Duration, SystemTime},
};

use fapp::{
    UnixSeconds,
    calendar::BerlinTime,
    trust::{Credential, Statement},
};
use mesh::crypto::sign::SigningKey;
use serde_json::Value;
use simulation::daemons::{
    Daemon, Place, Programs, Scratch, eventually, free_loopback_address, text_of,
};

const PATIENCE: Duration = Duration::from_secs(30);

/// A relay, and others who know the relay alone.
struct Town {
    scratch: Scratch,
    relay: Daemon,
}

impl Town {
    fn new() -> Self {
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let relay = start(&scratch, "relay", "");
        Self { scratch, relay }
    }

    fn join(&self, name: &str, appointments: &str) -> Daemon {
        let peers = format!("[tcp]\npeers = [\"tcp://{}\"]\n", self.relay.place().listen);
        start(&self.scratch, name, &format!("{peers}[appointments]\n{appointments}\n"))
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.scratch.path().join(name);
        fs::write(&path, text).expect("writable");
        path.display().to_string()
    }
}

fn start(scratch: &Scratch, name: &str, configuration: &str) -> Daemon {
    let folder = scratch.path().join(name);
    fs::create_dir(&folder).expect("a folder");
    fs::write(folder.join("qpcd.toml"), configuration).expect("writable");
    let listen = free_loopback_address().expect("a port");
    let place = Place { folder, listen, namespace: None };
    Daemon::start(&Programs::find(), place).expect("it starts")
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs()
}

/// Publishes a slot so many days from now; its name.
fn publish(practice: &Daemon, days: u64) -> String {
    let at = (now() / 86_400 + days) * 86_400 + 9 * 3_600;
    let slot = format!("--slot={}/50m", BerlinTime::from_unix(UnixSeconds(at)).rfc3339());
    let words = ["fapp", "publish", "--plz", "80331", "--fachrichtung", "VT", "--kostentraeger"];
    let more = ["GKV", "--modalitaet", "Praxis", "--beruf", "PP", &slot];
    let offer = practice.qpc(&[&words[..], &more].concat()).expect("published");
    offer["slots"].as_array().and_then(|slots| slots.last()).map(text_of).expect("a slot")
}

/// Tiers that a search shows, by practice.
fn tier(patient: &Daemon, therapist: &str) -> Option<u64> {
    let found = patient.qpc(&["fapp", "search", "--plz-prefix", "803"]).ok()?;
    let slots = found["slots"].as_array()?.clone();
    slots.iter().find(|slot| slot["therapist"] == therapist)?["trust"].as_u64()
}

fn becomes(patient: &Daemon, therapist: &str, wanted: u64) {
    let is = || tier(patient, therapist).filter(|tier| *tier == wanted);
    eventually(PATIENCE, is).expect("the tier is shown");
}

fn key(daemon: &Daemon) -> String {
    text_of(&daemon.qpc(&["fapp", "trust"]).expect("a standing")["therapist"])
}

fn alerts(patient: &Daemon) -> Vec<Value> {
    let list = patient.qpc(&["fapp", "alert", "list"]).expect("a list");
    list["alerts"].as_array().expect("alerts").clone()
}

/// `CLI-130`: a slot that comes later is found, once, by whoever watches and whoever looks, also after
/// a restart.
#[test]
fn cli_130_an_alert_reports_a_slot_once() {
    let town = Town::new();
    let (practice, mut patient) = (town.join("practice", ""), town.join("patient", ""));
    let add = ["fapp", "alert", "add", "--plz", "80333", "--radius-km", "5", "--label", "nah"];
    let id = patient.qpc(&add).expect("added")["id"].clone();
    let slot = std::thread::scope(|scope| {
        let watch = scope.spawn(|| patient.qpc(&["fapp", "alert", "watch", "--count", "1"]));
        std::thread::sleep(Duration::from_secs(2));
        let slot = publish(&practice, 3);
        let hit = watch.join().expect("no panic").expect("a hit");
        assert_eq!((&hit["alert"], &hit["slot"]), (&id, &slot.as_str().into()));
        slot
    });
    let found = alerts(&patient);
    assert_eq!((&found[0]["label"], &found[0]["search"]["radius_km"]), (&"nah".into(), &5.into()));
    assert_eq!(found[0]["slots"][0]["id"], slot.as_str());
    patient.kill();
    patient.switch_on().expect("it starts again");
    let second = publish(&practice, 4);
    let both =
        || Some(alerts(&patient)).filter(|all| all[0]["slots"].as_array().map(Vec::len) == Some(2));
    let found = eventually(PATIENCE, both).expect("the second slot");
    assert_eq!(found[0]["slots"][1]["id"], second.as_str());
    patient.qpc(&["fapp", "alert", "remove", &id.to_string()]).expect("removed");
    assert!(alerts(&patient).is_empty());
}

/// `CLI-130`: what is wrong is told, and nothing is added.
#[test]
fn cli_130_nonsense_is_told() {
    let town = Town::new();
    let patient = town.join("patient", "");
    for (more, sentence) in [
        (&["--plz", "8033"][..], "five digits"),
        (&["--plz", "80331", "--label", "a\u{202e}b"], "control characters"),
        (&["--plz", "80331", "--ask-neighbours"], "asks nobody"),
    ] {
        let refused = patient.qpc_text(&[&["fapp", "alert", "add"][..], more].concat());
        let refused = format!("{:?}", refused.expect_err(sentence));
        assert!(refused.contains(sentence), "{refused}");
    }
    let gone = patient.qpc_text(&["fapp", "alert", "remove", "7"]).expect_err("none");
    assert!(format!("{gone:?}").contains("no alert 7"), "{gone:?}");
    assert!(alerts(&patient).is_empty());
}

fn issuer() -> SigningKey {
    SigningKey::from_seed(&[70; 32])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn key_of(text: &str) -> [u8; 32] {
    let digits = |place: usize| u8::from_str_radix(&text[2 * place..2 * place + 2], 16);
    std::array::from_fn(|place| digits(place).expect("hexadecimal"))
}

/// `CLI-131`, `TRU-31`, `TRU-52`: a credential shows at the practice that it is for, over restarts, and
/// at nobody else who has it.
#[test]
fn cli_131_a_copied_credential_never_shows() {
    let town = Town::new();
    let roots = format!("roots = [\"{}:9\"]", hex(&issuer().public()));
    let (practice, copier) = (town.join("practice", ""), town.join("copier", &roots));
    let mut patient = town.join("patient", &roots);
    let (holder, other) = (key(&practice), key(&copier));
    publish(&practice, 3);
    publish(&copier, 3);
    becomes(&patient, &holder, 0);
    becomes(&patient, &other, 0);

    let span = (UnixSeconds(now() - 60), UnixSeconds(now() + 300 * 86_400));
    let certified =
        Credential::signed(Vec::new(), &issuer(), key_of(&holder), (1, 9), [5; 16], span);
    let text = Statement::Credential(certified.expect("sound")).to_string();
    let file = town.file("credential", &text);
    // The practice's own node trusts no issuer, and still announces it.
    let own = practice.qpc(&["fapp", "trust", "credential", &file]).expect("its own");
    assert_eq!((&own["trust"], &own["own"]), (&0.into(), &true.into()));
    // Another has it too.
    let taken = copier.qpc(&["fapp", "trust", "credential", &file]).expect("about the practice");
    assert_eq!(taken["therapist"], holder.as_str());
    publish(&copier, 4);

    let taken = patient.qpc(&["fapp", "trust", "take", &file]).expect("rooted");
    assert_eq!(taken["therapist"], holder.as_str());
    becomes(&patient, &holder, 3);
    let known = patient.qpc(&["fapp", "trust", &holder]).expect("a standing");
    assert_eq!((&known["trust"], &known["kammer"]), (&3.into(), &"ptkba".into()));
    patient.kill();
    patient.switch_on().expect("it starts again");
    becomes(&patient, &holder, 3);
    becomes(&patient, &other, 0);
    assert_eq!(copier.qpc(&["fapp", "trust"]).expect("its own")["trust"], 0);
}

/// `CLI-131`, `TRU-12`, `TRU-21`: a website lifts by one, two pinned colleagues by two, one by none.
#[test]
fn cli_131_two_colleagues_and_a_website() {
    let town = Town::new();
    let (practice, a, b) = (town.join("practice", ""), town.join("a", ""), town.join("b", ""));
    let pins = format!("pins = [\"{}\", \"{}\"]", key(&a), key(&b));
    let patient = town.join("patient", &pins);
    let therapist = key(&practice);
    publish(&practice, 3);
    becomes(&patient, &therapist, 0);

    let site = practice.qpc(&["fapp", "trust", "domain", "praxis-muster.de"]).expect("a file");
    assert_eq!(site["url"], "https://praxis-muster.de/.well-known/fapp.json");
    let file = town.file("fapp.json", &text_of(&site["file"]));
    let check = ["fapp", "trust", "check", &therapist, "praxis-muster.de", "--file", &file];
    let seen = patient.qpc(&check).expect("it names the practice");
    assert_eq!((&seen["trust"], &seen["domain"]), (&1.into(), &"praxis-muster.de".into()));
    becomes(&patient, &therapist, 1);
    let stranger = key(&a);
    let wrong = ["fapp", "trust", "check", &stranger, "praxis-muster.de", "--file", &file];
    let wrong = patient.qpc_text(&wrong).expect_err("another key");
    assert!(format!("{wrong:?}").contains("does not name"), "{wrong:?}");

    for (colleague, tier) in [(&a, 1), (&b, 2)] {
        let endorse =
            ["fapp", "trust", "endorse", &therapist, "--kammer", "ptkba", "--beruf", "PP"];
        let said = text_of(&colleague.qpc(&endorse).expect("endorsed")["statement"]);
        let file = town.file("statement", &said);
        patient.qpc(&["fapp", "trust", "take", &file]).expect("taken");
        becomes(&patient, &therapist, tier);
    }
    let oneself = ["fapp", "trust", "endorse", &therapist, "--kammer", "ptkba", "--beruf", "PP"];
    practice.qpc_text(&oneself).expect_err("nobody vouches for themselves");
    let forged = town.file("forged", &format!("fapp-colleague:{}", "00".repeat(147)));
    patient.qpc_text(&["fapp", "trust", "take", &forged]).expect_err("a forged statement");
}
