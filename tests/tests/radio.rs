//! Daemons that have nothing but radios, on a virtual air.

use std::{
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use simulation::daemons::{
    Daemon, Place, Programs, Radios, Scratch, eventually, free_loopback_address, text_of,
};

/// Daemons with a radio each, in a line in which only those side by side hear each other.
struct Villages {
    daemons: Vec<Daemon>,
    _radios: Radios,
    _scratch: Scratch,
}

impl Villages {
    fn new(names: &[&str]) -> Self {
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let programs = Programs::find();
        let air = scratch.path().join("air");
        let mut radios = Radios::line(&programs, air, names).expect("there is an air");
        let start = |name: &&str| {
            let daemon = daemon(&programs, &scratch, name);
            let modem = radios.pty(name).expect("a modem comes up");
            daemon.qpc(&["links", "add", &modem]).expect("the settings are lawful");
            daemon
        };
        let daemons = names.iter().map(start).collect();
        Self { daemons, _radios: radios, _scratch: scratch }
    }
}

/// A daemon that finds nobody by itself: besides its radio it has a port that no one was told.
fn daemon(programs: &Programs, scratch: &Scratch, name: &str) -> Daemon {
    let listen: SocketAddr = free_loopback_address().expect("a port is free");
    let place = Place { folder: scratch.path().join(name), listen, namespace: None };
    Daemon::start(programs, place).expect("a daemon starts")
}

fn texts(daemon: &Daemon) -> Vec<String> {
    let inbox = daemon.inbox(None).unwrap_or_default();
    inbox.into_iter().map(|(_, text)| text).collect()
}

fn neighbours(daemon: &Daemon) -> Vec<String> {
    let peers = daemon.qpc(&["peers"]).unwrap_or_default();
    let peers = peers["peers"].as_array().cloned().unwrap_or_default();
    peers.iter().map(|peer| text_of(&peer["address"])).collect()
}

fn radio(daemon: &Daemon) -> Value {
    daemon.qpc(&["radio"]).expect("it answers")["radios"][0].clone()
}

/// Waits until each of two knows the other as its neighbour.
fn meet(one: &Daemon, other: &Daemon) {
    let met = || {
        let is_met = neighbours(one).contains(&other.address().to_owned())
            && neighbours(other).contains(&one.address().to_owned());
        is_met.then_some(())
    };
    eventually(MEET_WITHIN, met).unwrap_or_else(|| {
        panic!("they do not meet: {} {}", radio(one), radio(other));
    });
}

/// Waits until a text is in an inbox.
fn arrives(daemon: &Daemon, text: &str) {
    let there = || texts(daemon).iter().any(|one| one == text).then_some(());
    eventually(ARRIVE_WITHIN, there)
        .unwrap_or_else(|| panic!("{text:?} does not arrive; there is {:?}", texts(daemon)));
}

/// Slow machines make slow meetings; on a quick one it takes a few seconds.
const MEET_WITHIN: Duration = Duration::from_secs(60);
const ARRIVE_WITHIN: Duration = Duration::from_secs(90);

#[test]
fn two_daemons_with_radios_only_meet_and_talk() {
    let begin = Instant::now();
    let lab = Villages::new(&["anna", "ben"]);
    let [anna, ben] = &lab.daemons[..] else { unreachable!("two were started") };
    meet(anna, ben);
    eprintln!("met after {:.1} s", begin.elapsed().as_secs_f64());

    // A code may name a way that leads nowhere from here.
    let invite = anna
        .qpc(&["invite", "--name", "Anna", "--hint", "tcp://127.0.0.1:1"])
        .expect("an invite can be made");
    let code = text_of(&invite["code"]);
    ben.qpc(&["accept", &code, "--as", "Ben"]).expect("the code holds");
    ben.send_and_wait("Anna", "over the hills", 60).expect("received");
    arrives(anna, "over the hills");
    anna.send_and_wait("Ben", "and back", 60).expect("received");
    arrives(ben, "and back");

    let channel = anna.qpc(&["channel", "create", "village"]).expect("a channel can be made");
    ben.qpc(&["channel", "join", &text_of(&channel["invite"])]).expect("the invite holds");
    anna.qpc(&["channel", "send", "village", "fire in the mill"]).expect("accepted");
    said(ben, "fire in the mill");
    ben.qpc(&["channel", "send", "village", "we come"]).expect("accepted");
    said(anna, "we come");
    contract(&radio(anna), ben);
    eprintln!("all done after {:.1} s", begin.elapsed().as_secs_f64());
}

/// Waits until a text is in the history of the one channel.
fn said(daemon: &Daemon, text: &str) {
    let history = || daemon.qpc(&["channel", "history", "village"]).unwrap_or_default();
    let there = || {
        let history = history();
        let messages = history["messages"].as_array()?;
        messages.iter().any(|message| message["text"] == text).then_some(())
    };
    eventually(ARRIVE_WITHIN, there)
        .unwrap_or_else(|| panic!("{text:?} is not in the channel: {}", history()));
}

/// What `qpc --json radio` says of each modem.
fn contract(radio: &Value, neighbour: &Daemon) {
    assert_eq!(radio["settings"]["region"], "US915");
    assert_eq!(radio["settings"]["frequency_hz"], 914_000_000);
    let account = &radio["airtime"][0];
    assert_eq!(account["window_s"], 3_600);
    assert!(account["used_ms"].as_u64().is_some_and(|used| used > 0), "{account}");
    assert!(account["limit_ms"].is_u64(), "{account}");
    assert!(radio["channel_load"].as_f64().is_some_and(|load| load > 0.0), "{radio}");
    let heard = &radio["neighbours"][0];
    assert_eq!(text_of(&heard["address"]), neighbour.address());
    assert!(heard["rssi_dbm"].as_i64().is_some_and(|level| (-120..-80).contains(&level)));
    assert!(heard["snr_db"].as_f64().is_some_and(|snr| snr > -8.0));
}

#[test]
fn a_relay_that_has_a_radio_only_keeps_what_is_for_somebody_who_is_off() {
    let begin = Instant::now();
    let mut lab = Villages::new(&["anna", "ben", "carl"]);
    meet(&lab.daemons[0], &lab.daemons[1]);
    meet(&lab.daemons[1], &lab.daemons[2]);
    let carl = lab.daemons[2].address().to_owned();
    lab.daemons[0].send_and_wait(&carl, "hello", 90).expect("received over the relay");
    assert!(!neighbours(&lab.daemons[0]).contains(&carl), "there is a mountain between them");
    eprintln!("over the relay after {:.1} s", begin.elapsed().as_secs_f64());

    assert!(lab.daemons[2].stop(), "SIGTERM ends a daemon without an error");
    let id = lab.daemons[0].send(&carl, "when you are back").expect("accepted");
    let kept = || {
        let why = lab.daemons[0].qpc(&["why", &id]).ok()?;
        (why["state"] == "in-custody").then_some(())
    };
    let is_kept = eventually(Duration::from_secs(20), kept).is_some();
    eprintln!("kept by the relay: {is_kept}, after {:.1} s", begin.elapsed().as_secs_f64());
    lab.daemons[2].switch_on().expect("a daemon starts again");
    arrives(&lab.daemons[2], "when you are back");

    lab.daemons[1].kill();
    let id = lab.daemons[0].send(&carl, "around the mountain").expect("accepted");
    thread::sleep(Duration::from_secs(2));
    let why = lab.daemons[0].qpc(&["why", &id]).expect("the message is known");
    assert_ne!(text_of(&why["state"]), "received", "the relay is off");
    lab.daemons[1].switch_on().expect("a daemon starts again");
    arrives(&lab.daemons[2], "around the mountain");
    assert_eq!(texts(&lab.daemons[2]), ["hello", "when you are back", "around the mountain"]);
    eprintln!("all done after {:.1} s", begin.elapsed().as_secs_f64());
}

/// The first and the second share a cable, the second and the third the air, the third and the
/// fourth a QUIC link.
#[test]
fn a_line_of_three_media_delivers_and_tells_the_truth() {
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let programs = Programs::find();
    let air = scratch.path().join("air");
    let mut radios = Radios::line(&programs, air, &["b", "c"]).expect("there is an air");
    let [a, b] = ["a", "b"].map(|name| daemon(&programs, &scratch, name));
    let [c, d] = ["c", "d"].map(|name| quic_daemon(&programs, &scratch, name));
    let cable = format!("tcp://{}", b.place().listen);
    a.qpc(&["links", "add", &cable]).expect("a link can be added");
    for (daemon, name) in [(&b, "b"), (&c, "c")] {
        let modem = radios.tcp(name).expect("a modem comes up");
        daemon.qpc(&["links", "add", &modem]).expect("the settings are lawful");
    }
    let endpoint = || {
        let uri = text_of(&d.qpc(&["whoami"]).ok()?["iroh"]);
        uri.starts_with("iroh://").then_some(uri)
    };
    let endpoint = eventually(MEET_WITHIN, endpoint).expect("it has an endpoint");
    c.qpc(&["links", "add", &endpoint]).expect("a link can be added");
    for (one, other) in [(&a, &b), (&b, &c), (&c, &d)] {
        meet(one, other);
    }
    assert_eq!(
        [media(&a), media(&b), media(&c), media(&d)],
        ["tcp", "lora tcp", "iroh lora", "iroh"]
    );

    // Signed by its sender, full on the cable, compact on the air, full on the last link: one id.
    let plain = a.send(d.address(), "across").expect("accepted");
    let signed = a.qpc(&["send", d.address(), "with my name", "--signed"]).expect("accepted");
    arrives(&d, "across");
    arrives(&d, "with my name");
    let mut got = d.inbox(None).expect("it answers");
    got.sort_by_key(|(_, text)| text.len());
    let expected = [(plain.clone(), "across"), (text_of(&signed["id"]), "with my name")];
    assert_eq!(got, expected.map(|(id, text)| (id, text.to_owned())));
    let received = || {
        let why = a.qpc(&["why", &plain]).ok()?;
        (why["state"] == "received").then_some(why)
    };
    let why = eventually(ARRIVE_WITHIN, received).expect("the receipt comes back");
    assert_eq!(text_of(&why["to"]), d.address());
    let tried = why["tried"].as_array().expect("it was tried");
    assert!(!tried.is_empty() && tried.iter().all(|one| one["next_hop"] == b.address()), "{why}");

    let hops = || {
        let trace = a.qpc(&["trace", d.address()]).ok()?;
        let hops = trace["hops"].as_array()?.iter();
        let hops = hops.map(|hop| (text_of(&hop["medium"]), text_of(&hop["address"])));
        Some(hops.collect::<Vec<_>>()).filter(|hops| hops.len() == 3)
    };
    let hops = eventually(ARRIVE_WITHIN, hops).expect("the way can be traced");
    let expected = [("tcp", b.address()), ("lora", c.address()), ("iroh", d.address())];
    assert_eq!(hops, expected.map(|(medium, address)| (medium.to_owned(), address.to_owned())));
    let cost = |from: &Daemon, to: &Daemon| {
        let routes = from.qpc(&["routes", to.address()]).expect("it answers");
        routes["routes"][0]["cost"].as_u64().expect("there is a way")
    };
    // The air is what costs.
    let (cable, air, whole) = (cost(&a, &b), cost(&b, &c), cost(&a, &d));
    assert!(cable * 2 < air && cable * 2 < whole, "{cable} {air} {whole}");
}

/// What is written in an address of a modem, all of it.
const EU868: &str = "freq=869525000&bw=125000&sf=8&cr=5&txp=14&region=EU868";

/// Everything that somebody with two modems types, as the manual has it: an air, a modem on a
/// pseudo-terminal and one behind TCP, lawful settings, a secret of both instead of a first contact.
#[test]
fn two_modems_by_the_manual() {
    let scratch = Scratch::new().expect("a temporary folder can be made");
    let programs = Programs::find();
    let mut radios = Radios::plain(&programs, scratch.path().to_owned()).expect("there is an air");
    let port = free_loopback_address().expect("a port is free").port().to_string();
    let link = scratch.path().join("modem").display().to_string();
    let pty = radios.at("0,0", &["--pty", &link]).expect("a modem comes up");
    let tcp = radios.at("-300,400", &["--tcp", &port]).expect("a modem comes up");
    assert_eq!((pty, tcp), (format!("rnode://{link}"), format!("rnode://127.0.0.1:{port}")));

    let [anna, ben] = ["anna", "ben"].map(|name| daemon(&programs, &scratch, name));
    let illegal = format!("rnode://{link}?{}", EU868.replace("txp=14", "txp=30"));
    let refused = anna.qpc(&["links", "add", &illegal]).expect_err("no one may send like that");
    assert!(refused.text.contains("ERP"), "the rule is told: {}", refused.text);
    anna.qpc(&["links", "add", &format!("rnode://{link}?{EU868}")]).expect("lawful");
    ben.qpc(&["links", "add", &format!("rnode://127.0.0.1:{port}?{EU868}")]).expect("lawful");
    meet(&anna, &ben);

    let secret = scratch.path().join("secret").display().to_string();
    std::fs::write(&secret, [0x5a; 32]).expect("the folder is ours");
    for (one, name, other) in [(&anna, "Ben", &ben), (&ben, "Anna", &anna)] {
        one.qpc(&["contacts", "add", name, other.address()]).expect("the name is free");
        one.qpc(&["contacts", "psk", name, "--file", &secret]).expect("it was heard");
    }
    let sent = anna.qpc(&["send", "Ben", "by the manual", "--wait", "90"]).expect("received");
    let radio_id = text_of(&radio(&anna)["id"]);
    assert_eq!((&sent["state"], &sent["radio"]["modem"]), (&"received".into(), &radio_id.into()));
    assert_eq!(sent["radio"]["waits_for"], "channel");
    assert!(sent["radio"]["air_ms"].as_f64().is_some_and(|air| (100.0..400.0).contains(&air)));
    arrives(&ben, "by the manual");
    by_the_manual(&radio(&anna));
    by_the_manual(&radio(&ben));
}

fn by_the_manual(radio: &Value) {
    let settings = &radio["settings"];
    assert_eq!((&settings["region"], &settings["band"]), (&"EU868".into(), &"EU868/P".into()));
    for (name, value) in [
        ("frequency_hz", 869_525_000),
        ("bandwidth_hz", 125_000),
        ("spreading_factor", 8),
        ("coding_rate", 5),
        ("tx_power_dbm", 14),
    ] {
        assert_eq!(settings[name], value, "{name}");
    }
    let account = &radio["airtime"][0];
    assert_eq!((&account["limit_ms"], &account["window_s"]), (&360_000.into(), &3_600.into()));
    assert!(account["used_ms"].as_u64().is_some_and(|used| (1..60_000).contains(&used)));
    assert!(radio["channel_load"].is_number() && radio["message_wait_s"] == 0.0, "{radio}");
    let heard = &radio["neighbours"][0];
    assert!(heard["rssi_dbm"].is_i64() && heard["snr_db"].is_f64(), "{heard}");
}

/// As [`daemon`], with an endpoint for QUIC links and no relay.
fn quic_daemon(programs: &Programs, scratch: &Scratch, name: &str) -> Daemon {
    let listen: SocketAddr = free_loopback_address().expect("a port is free");
    let place = Place { folder: scratch.path().join(name), listen, namespace: None };
    let flags = ["--no-mdns", "--no-multicast", "--tcp-listen", &listen.to_string()];
    Daemon::start_with(programs, place, &flags).expect("a daemon starts")
}

/// Over what its neighbours are reached.
fn media(daemon: &Daemon) -> String {
    let peers = daemon.qpc(&["peers"]).expect("it answers");
    let peers = peers["peers"].as_array().expect("a list");
    let mut media: Vec<String> = peers.iter().map(|peer| text_of(&peer["medium"])).collect();
    media.sort_unstable();
    media.join(" ")
}
