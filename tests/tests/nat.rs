//! Two homes behind a router each, an own relay between them (`specs/19-iroh.md`).

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use simulation::daemons::{
    Daemon, Homes, eventually, link_up, may_make_namespaces, may_translate, number_from_env,
    text_of,
};

/// `None`, loudly, where this process may not make such a network.
fn homes() -> Option<Homes> {
    let may = number_from_env("QPC_NAMESPACES", 1) != 0 && may_make_namespaces();
    if !may || !may_translate() {
        eprintln!("SKIPPED: two NATs need root, iproute2 and nftables (QPC_NAMESPACES=0 skips)");
        return None;
    }
    Some(Homes::new().expect("two homes and a relay"))
}

/// `IRO-33`, `IRO-34`, `MEET-09`: nothing but a code and a relay between them, and the relay goes.
#[test]
fn strangers_behind_two_nats_meet_by_a_code_and_outlive_the_relay() {
    let Some(mut lab) = homes() else { return };
    let begin = Instant::now();
    let met = lab.meet_by_code("over the relay").expect("they meet");
    eprintln!(
        "first message received {:.2} s after the code was accepted",
        met.first_message.as_secs_f64()
    );
    assert!(met.first_message <= MEETING_MAX, "{met:?}");
    for home in &lab.homes {
        let direct = || link_up(home).filter(|row| row["path"] == "direct");
        let direct = eventually(Duration::from_secs(30), direct);
        direct.unwrap_or_else(|| panic!("not direct: {:?}", link_up(home)));
    }
    eprintln!("direct {:.2} s after the code was accepted", begin.elapsed().as_secs_f64());
    let [guest, inviter] = &lab.homes;
    assert_eq!(contacts(guest), [(inviter.address().to_owned(), "Inga".to_owned())]);
    assert_eq!(contacts(inviter), [(guest.address().to_owned(), "Gast".to_owned())]);
    assert!(lab.relay.stop(), "the relay ends in order");
    // Longer than a path may be silent: whatever went over the relay would be given up.
    thread::sleep(Duration::from_secs(number_from_env("QPC_ABSENCE_S", 60).min(20)));
    let [guest, inviter] = &lab.homes;
    guest.send_and_wait("Inga", "without it", 20).expect("the link has stayed");
    inviter.send_and_wait("Gast", "back without it", 20).expect("the link has stayed");
    assert_eq!(texts(inviter), ["over the relay", "without it"]);
    assert_eq!(texts(guest), ["back without it"]);
    for home in [guest, inviter] {
        let row = link_up(home).expect("the link is up");
        assert_eq!(row["path"], "direct");
    }
    let ping = guest.qpc(&["ping", "Inga", "-c", "1"]).expect("answered");
    assert_eq!((&ping["medium"], &ping["link_path"]), (&"iroh".into(), &"direct".into()));
}

/// Where no direct way can be made the relay goes on carrying, and `qpc` says that it does.
#[test]
fn strangers_whose_routers_stop_udp_talk_through_the_relay() {
    let Some(lab) = homes() else { return };
    lab.stop_udp().expect("the routers can be told");
    let met = lab.meet_by_code("over the relay").expect("they meet");
    eprintln!("first message through the relay {:.2} s", met.first_message.as_secs_f64());
    let [guest, inviter] = &lab.homes;
    inviter.send_and_wait("Gast", "and back", 20).expect("both ways");
    for (from, to) in [(guest, "Inga"), (inviter, "Gast")] {
        assert_eq!(link_up(from).expect("the link is up")["path"], "relayed");
        let ping = from.qpc(&["ping", to, "-c", "1"]).expect("answered");
        assert_eq!((&ping["medium"], &ping["link_path"]), (&"iroh".into(), &"relayed".into()));
    }
    let said = guest.qpc_text(&["ping", "Inga", "-c", "1"]).expect("answered");
    assert!(said.contains("(iroh, relayed, iroh://"), "{said}");
    assert_eq!(guest.qpc(&["netcheck"]).expect("looked at")["relayed"], 1);
}

/// The way into a home that nobody from inside has opened is closed: the lab is what it says.
#[test]
fn a_router_lets_nobody_in() {
    let Some(lab) = homes() else { return };
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

/// Address and name of everybody a daemon knows.
fn contacts(daemon: &Daemon) -> Vec<(String, String)> {
    let answer = daemon.qpc(&["contacts", "list"]).expect("contacts can be listed");
    let rows = answer["contacts"].as_array().cloned().unwrap_or_default();
    let both = |row: &Value| (text_of(&row["address"]), text_of(&row["name"]));
    rows.iter().map(both).collect()
}

fn texts(daemon: &Daemon) -> Vec<String> {
    daemon.inbox(None).expect("an inbox").into_iter().map(|(_, text)| text).collect()
}

/// On a machine with nothing else to do it takes less than 5 s, which `tests/benches/run` measures.
const MEETING_MAX: Duration = Duration::from_secs(20);
