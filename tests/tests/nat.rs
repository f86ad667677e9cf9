//! Two homes behind a router each, an own relay between them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use simulation::daemons::{
    Daemon, Nats, Place, Programs, Scratch, eventually, may_make_namespaces, may_translate,
    number_from_env, text_of,
};

const RELAY_PORT: u16 = 3_340;

struct Lab {
    homes: [Daemon; 2],
    relay: Daemon,
    _nats: Nats,
    _scratch: Scratch,
}

impl Lab {
    /// A daemon in each home, and one in the middle that serves a relay and is nobody's neighbour;
    /// `None`, loudly, where this process may not make that.
    fn new() -> Option<Self> {
        let may = number_from_env("QPC_NAMESPACES", 1) != 0 && may_make_namespaces();
        if !may || !may_translate() {
            eprintln!(
                "SKIPPED: two NATs need root, iproute2 and nftables (QPC_NAMESPACES=0 skips)"
            );
            return None;
        }
        let scratch = Scratch::new().expect("a temporary folder can be made");
        let nats = Nats::new().expect("namespaces can be made");
        let programs = Programs::find();
        let start = |name: &str, namespace: &str, flags: &[&str]| {
            let place = Place {
                folder: scratch.path().join(name),
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 4_242)),
                namespace: Some(namespace.into()),
            };
            let listen = place.listen.to_string();
            let flags = [&["--no-mdns", "--no-multicast", "--tcp-listen", &listen], flags].concat();
            Daemon::start_with(&programs, place, &flags).expect("a daemon starts")
        };
        let serve = format!("{}:{RELAY_PORT}", Ipv4Addr::from(Nats::MIDDLE));
        let relay = start("relay", nats.middle(), &["--no-iroh", "--serve-iroh-relay", &serve]);
        let url = relay_url();
        let home = |side: usize| {
            let flags = ["--iroh-relay", &url];
            start(&format!("home{side}"), nats.home(side), &flags)
        };
        let homes = [home(0), home(1)];
        Some(Self { homes, relay, _nats: nats, _scratch: scratch })
    }
}

fn relay_url() -> String {
    format!("http://{}:{RELAY_PORT}", Ipv4Addr::from(Nats::MIDDLE))
}

/// The way to a daemon over the relay alone, once it can be reached there.
fn way_to(daemon: &Daemon) -> String {
    let uri = || {
        let uri = text_of(&daemon.qpc(&["whoami"]).ok()?["iroh"]);
        uri.contains("relay=").then_some(uri)
    };
    let uri = eventually(Duration::from_secs(20), uri).expect("it gets to the relay");
    let endpoint = uri.split('?').next().unwrap_or_default();
    format!("{endpoint}?relay={}", relay_url())
}

/// The row of the link to a neighbour that is up.
fn link_up(daemon: &Daemon) -> Option<Value> {
    let rows = daemon.qpc(&["links", "list"]).ok()?;
    let rows = rows["links"].as_array()?.clone();
    rows.into_iter().find(|row| row["state"] == "up")
}

#[test]
fn two_nodes_behind_two_nats_meet_and_outlive_the_relay() {
    let Some(mut lab) = Lab::new() else { return };
    let [first, second] = &lab.homes;
    let way = way_to(second);
    // Being reachable there is not yet being in touch with it from here.
    way_to(first);
    let begin = Instant::now();
    first.qpc(&["links", "add", &way]).expect("a link can be added");
    first.send_and_wait(second.address(), "over the relay", 30).expect("it is reached");
    eprintln!("first message {:.2} s after the link was added", begin.elapsed().as_secs_f64());
    let is_direct = |daemon: &Daemon| {
        eventually(Duration::from_secs(30), || {
            link_up(daemon).filter(|row| row["path"] == "direct").map(drop)
        })
    };
    for daemon in [first, second] {
        is_direct(daemon).unwrap_or_else(|| panic!("not direct: {:?}", link_up(daemon)));
    }
    eprintln!("direct {:.2} s after the link was added", begin.elapsed().as_secs_f64());
    assert!(lab.relay.stop(), "the relay ends in order");
    // Longer than a path may be silent: whatever went over the relay would be given up.
    thread::sleep(Duration::from_secs(number_from_env("QPC_ABSENCE_S", 60).min(20)));
    let [first, second] = &lab.homes;
    for (from, to) in [(first, second), (second, first)] {
        from.send_and_wait(to.address(), "without it", 20).expect("the link has stayed");
    }
    let texts: Vec<String> =
        second.inbox(None).expect("an inbox").into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, ["over the relay", "without it"]);
    for daemon in [first, second] {
        let row = link_up(daemon).expect("the link is up");
        assert_eq!(row["path"], "direct");
    }
}

/// The way into a home that nobody from inside has opened is closed: the lab is what it says.
#[test]
fn a_router_lets_nobody_in() {
    let Some(lab) = Lab::new() else { return };
    let [first, second] = &lab.homes;
    let uri = text_of(&second.qpc(&["whoami"]).expect("it answers")["iroh"]);
    let endpoint = uri.split('?').next().unwrap_or_default();
    let way = format!("{endpoint}?addr=203.0.113.6:7743");
    first.qpc(&["links", "add", &way]).expect("a link can be added");
    let refused = eventually(Duration::from_secs(30), || {
        let rows = first.qpc(&["links", "list"]).ok()?;
        let rows = rows["links"].as_array()?.clone();
        rows.into_iter().find(|row| row["error"].is_string())
    });
    assert!(refused.is_some() && link_up(first).is_none());
}
