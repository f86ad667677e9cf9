//! Fresh daemons on one bridge, with nothing configured (`specs/20-discovery.md`).

use std::{
    fs, io,
    net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, ipproto, socket_with, sockopt};
use simulation::daemons::{
    Bridge, Daemon, Place, Programs, Scratch, eventually, may_filter, may_make_namespaces,
    number_from_env, text_of,
};
use transports::discovery::limits::GROUP;

/// What only the own group carries: mDNS is dropped on its way through the bridge, IPv4 and IPv6.
const NO_MDNS: &str = "\
    ip daddr 224.0.0.251 counter drop
    ip6 daddr ff02::fb counter drop
    udp dport 5353 counter drop";

struct Lab {
    bridge: Bridge,
    scratch: Scratch,
    programs: Programs,
    /// Times are measured here: one lab at a time.
    _turn: MutexGuard<'static, ()>,
}

impl Lab {
    /// `None`, loudly, where this process may not make namespaces.
    fn new(hosts: u8) -> Option<Self> {
        static TURN: Mutex<()> = Mutex::new(());
        if number_from_env("QPC_NAMESPACES", 1) == 0 || !may_make_namespaces() {
            eprintln!("SKIPPED: network namespaces need root and iproute2");
            return None;
        }
        let programs = Programs::find();
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Self {
            bridge: Bridge::new(hosts).expect("namespaces can be made"),
            scratch: Scratch::new().expect("a temporary folder can be made"),
            programs,
            _turn: turn,
        })
    }

    /// The same, if the bridge can filter.
    fn filtered(hosts: u8, rules: &str) -> Option<Self> {
        if !may_filter() {
            eprintln!("SKIPPED: there is no nft to filter with");
            return None;
        }
        let lab = Self::new(hosts)?;
        lab.bridge.filter(rules).expect("the bridge filters");
        Some(lab)
    }

    fn folder(&self, host: usize) -> std::path::PathBuf {
        self.scratch.path().join(host.to_string())
    }

    fn start(&self, host: usize, flags: &[&str]) -> Daemon {
        let place = Place {
            folder: self.folder(host),
            listen: SocketAddr::from(([0, 0, 0, 0], 0)),
            namespace: Some(self.bridge.host(host).into()),
        };
        let mut all = vec!["--no-iroh"];
        all.extend(flags);
        Daemon::start_with(&self.programs, place, &all).expect("a daemon starts")
    }

    fn configure(&self, host: usize, text: &str) {
        fs::create_dir_all(self.folder(host)).expect("writable");
        fs::write(self.folder(host).join("qpcd.toml"), text).expect("writable");
    }
}

/// How long it takes from the start of a second daemon until the first one has its message.
fn meet(lab: &Lab, flags: &[&str]) -> Duration {
    let first = lab.start(0, flags);
    // What the first one says while it is alone is over: the second one has to find it.
    thread::sleep(Duration::from_secs(5));
    let begin = Instant::now();
    let second = lab.start(1, flags);
    second.send_and_wait(first.address(), "hello", 30).expect("they meet");
    let took = begin.elapsed();
    let inbox = first.inbox(None).expect("readable");
    assert_eq!(inbox.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["hello"]);
    // One link, and it is said where it comes from.
    let origins = |daemon: &Daemon| -> Vec<String> {
        let rows = daemon.qpc(&["links", "list"]).expect("listed")["links"].clone();
        let rows = rows.as_array().cloned().unwrap_or_default();
        let up = rows.iter().filter(|row| row["state"] == "up");
        up.map(|row| text_of(&row["origin"])).collect()
    };
    let mut both = origins(&first);
    both.extend(origins(&second));
    both.sort_unstable();
    assert_eq!(both, ["discovered", "peer"]);
    took
}

fn assert_soon(what: &str, took: Duration) {
    eprintln!("{what}: first message {:.2} s after the start", took.as_secs_f64());
    let limit_ms = number_from_env("QPC_MEET_MS", 2_000);
    assert!(took <= Duration::from_millis(limit_ms), "{what}: {took:?}");
}

#[test]
fn two_fresh_daemons_meet_and_talk() {
    let Some(lab) = Lab::new(2) else { return };
    assert_soon("mDNS and own group", meet(&lab, &[]));
}

#[test]
fn two_fresh_daemons_meet_where_mdns_is_dropped() {
    let Some(lab) = Lab::filtered(2, NO_MDNS) else { return };
    assert_soon("own group, mDNS dropped", meet(&lab, &[]));
    let dropped = lab.bridge.counted().expect("counted");
    assert!(dropped[0] > 0 && dropped[1] > 0, "the filter dropped mDNS: {dropped:?}");
}

#[test]
fn two_fresh_daemons_meet_by_mdns_alone() {
    let Some(lab) = Lab::new(2) else { return };
    assert_soon("mDNS alone", meet(&lab, &["--no-multicast"]));
}

#[test]
fn a_quiet_minute_has_two_packets_at_most() {
    let rules = format!("ip6 daddr {} counter\nudp dport 5353 counter", GROUP.ip());
    let Some(lab) = Lab::filtered(2, &rules) else { return };
    let daemons = [lab.start(0, &[]), lab.start(1, &[])];
    let sent = |daemon: &Daemon| {
        daemon.qpc(&["status"]).expect("answered")["multicast_sent"].as_u64().expect("a number")
    };
    // Asks are over, mDNS has asked for 20 s.
    thread::sleep(Duration::from_secs(25));
    let before: Vec<u64> = daemons.iter().map(sent).collect();
    let seen_before = lab.bridge.counted().expect("counted");
    thread::sleep(Duration::from_secs(60));
    let after: Vec<u64> = daemons.iter().map(sent).collect();
    let seen = lab.bridge.counted().expect("counted");
    let (own, mdns) = (seen[0] - seen_before[0], seen[1] - seen_before[1]);
    let said: Vec<u64> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
    eprintln!("packets in a quiet minute: own group {said:?} ({own} on the bridge), mDNS {mdns}");
    assert!(said.iter().all(|count| (1..=2).contains(count)), "{said:?}");
    assert_eq!(own, said.iter().sum::<u64>(), "the counters tell what the bridge saw");
    assert!(mdns <= 2, "{mdns} packets of mDNS in a quiet minute");
}

#[test]
fn an_interface_that_appears_is_used_without_a_restart() {
    let Some(lab) = Lab::new(2) else { return };
    lab.bridge.set_cable(1, false).expect("a cable can be pulled");
    let (first, second) = (lab.start(0, &[]), lab.start(1, &[]));
    thread::sleep(Duration::from_secs(2));
    let peers = |daemon: &Daemon| daemon.qpc(&["status"]).ok()?["peers"].as_u64();
    assert_eq!(peers(&second), Some(0));
    lab.bridge.set_cable(1, true).expect("a cable can be put in");
    let begin = Instant::now();
    let meet = || (peers(&second) == Some(1)).then_some(());
    eventually(Duration::from_secs(20), meet).expect("found without a restart");
    eprintln!("linked {:.2} s after the address could be used", begin.elapsed().as_secs_f64());
    first.send_and_wait(second.address(), "hello", 20).expect("they talk");
    // And one that leaves is forgotten at once: nobody dials where nobody is.
    drop(first);
    let alone = || (peers(&second) == Some(0)).then_some(());
    eventually(Duration::from_secs(20), alone).expect("its link is gone");
}

#[test]
fn a_node_that_was_carried_away_has_another_instance() {
    let Some(lab) = Lab::new(2) else { return };
    let (first, _second) = (lab.start(0, &[]), lab.start(1, &[]));
    let found = || {
        let check = first.qpc(&["netcheck"]).ok()?;
        let rows = check["found"].as_array()?;
        Some(rows.iter().map(|row| text_of(&row["instance"])).collect::<Vec<_>>())
    };
    let before = eventually(Duration::from_secs(10), || found().filter(|all| all.len() == 1));
    let before = before.expect("one neighbour is found");
    lab.bridge.set_cable(1, false).expect("a cable can be pulled");
    thread::sleep(Duration::from_secs(1));
    lab.bridge.set_cable(1, true).expect("a cable can be put in");
    let another = || found().filter(|all| all.iter().any(|instance| !before.contains(instance)));
    eventually(Duration::from_secs(20), another).expect("it comes back as somebody else");
}

#[test]
fn discovery_is_switched_on_without_a_restart() {
    let Some(lab) = Lab::new(2) else { return };
    let off = "[discovery]\nmdns = false\nmulticast = false\n";
    lab.configure(1, off);
    let (_first, second) = (lab.start(0, &[]), lab.start(1, &[]));
    thread::sleep(Duration::from_secs(3));
    let status = || second.qpc(&["status"]).expect("answered");
    assert_eq!(
        (status()["peers"].as_u64(), status()["multicast_sent"].as_u64()),
        (Some(0), Some(0))
    );
    let reload = || {
        let pid = second.pid().expect("it runs").to_string();
        let done = std::process::Command::new("kill").args(["-HUP", &pid]).status();
        assert!(done.expect("kill is there").success());
    };
    lab.configure(1, "[discovery]\nmdns = false\n");
    reload();
    let linked = || (status()["peers"] == 1).then_some(());
    eventually(Duration::from_secs(10), linked).expect("found after SIGHUP");
    // And off again: the link that came of it ends.
    lab.configure(1, off);
    reload();
    let alone = || (status()["discovered"] == 0).then_some(());
    eventually(Duration::from_secs(10), alone).expect("off after SIGHUP");
}

#[test]
fn strangers_with_another_network_key_are_left_alone() {
    let Some(lab) = Lab::new(2) else { return };
    lab.configure(1, &format!("[network]\nkey = \"{}\"\n", "7".repeat(64)));
    let daemons = [lab.start(0, &[]), lab.start(1, &[])];
    thread::sleep(Duration::from_secs(15));
    let handshakes = |daemon: &Daemon| {
        let rows = daemon.qpc(&["links", "list"]).expect("listed")["links"].clone();
        rows.as_array()
            .map_or(0, |rows| rows.iter().filter(|row| row["origin"] == "discovered").count())
    };
    for daemon in &daemons {
        let status = daemon.qpc(&["status"]).expect("answered");
        assert_eq!(status["peers"], 0, "no link with a stranger");
        assert_eq!(status["warnings"], serde_json::json!([]), "and nobody is bothered");
        assert!(status["discovered"].as_u64().is_some_and(|count| count >= 1));
        assert_eq!(handshakes(daemon), 0, "it is held, not dialled again and again");
    }
}

#[test]
fn the_next_node_is_a_neighbour() {
    let Some(lab) = Lab::new(2) else { return };
    // An address that every node of a network would have.
    lab.bridge.add_address(0, "fd78::ffff/64").expect("an address can be added");
    let alone = ["--no-mdns", "--no-multicast"];
    let first = lab.start(0, &alone);
    lab.configure(1, "[discovery]\nnext_node = \"tcp://[fd78::ffff]:7743\"\n");
    let second = lab.start(1, &alone);
    second.send_and_wait(first.address(), "hello", 20).expect("the next node is a neighbour");
}

#[test]
fn strangers_learn_no_address_from_what_is_announced() {
    let Some(lab) = Lab::new(2) else { return };
    let over = Arc::new(AtomicBool::new(false));
    let heard = {
        let over = Arc::clone(&over);
        lab.bridge.inside(1, move || listen_in(&over))
    };
    let daemon = lab.start(0, &["--name", "Ada's own node"]);
    thread::sleep(Duration::from_secs(6));
    let folder = daemon.place().folder.clone();
    let address = daemon.address().to_owned();
    drop(daemon);
    over.store(true, Ordering::Relaxed);
    let packets = heard.join().expect("the listener ends").expect("it can listen");
    let own = packets.iter().filter(|packet| packet.starts_with(b"qpc")).count();
    assert!(own >= 1 && packets.len() > own, "both ways are heard: {own} of {}", packets.len());
    let root_key = fs::read(folder.join("data/identity")).map_or(0, |bytes| bytes.len());
    assert!(root_key > 0, "there are keys that could be told");
    for secret in forms(&address).into_iter().chain([b"Ada".to_vec()]).chain(host_name()) {
        for packet in &packets {
            let is_in = packet.windows(secret.len()).any(|window| window == secret);
            assert!(!is_in, "{packet:x?} tells {:?}", String::from_utf8_lossy(&secret));
        }
    }
}

/// An address as text and as bytes, whole and its first half.
fn forms(address: &str) -> Vec<Vec<u8>> {
    let bytes: Vec<u8> = (0..address.len() / 2)
        .filter_map(|i| u8::from_str_radix(&address[2 * i..2 * i + 2], 16).ok())
        .collect();
    vec![address[..16].into(), bytes[..8].into(), address[16..].into(), bytes[8..].into()]
}

fn host_name() -> Option<Vec<u8>> {
    let name = fs::read_to_string(Path::new("/proc/sys/kernel/hostname")).ok()?;
    // "vm" may stand in any packet; a name worth hiding is longer.
    Some(name.trim().as_bytes().to_vec()).filter(|name| name.len() > 4)
}

/// Everything that is said to both groups until it is over.
fn listen_in(over: &AtomicBool) -> io::Result<Vec<Vec<u8>>> {
    let sockets = [
        group_socket(*GROUP.ip(), GROUP.port())?,
        group_socket(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0xfb), 5_353)?,
    ];
    let mut packets = Vec::new();
    let mut buffer = [0; 9_000];
    while !over.load(Ordering::Relaxed) {
        for socket in &sockets {
            while let Ok(len) = socket.recv(&mut buffer) {
                packets.push(buffer[..len].to_vec());
            }
        }
        thread::sleep(Duration::from_millis(10));
    }
    Ok(packets)
}

fn group_socket(group: Ipv6Addr, port: u16) -> io::Result<UdpSocket> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, flags, Some(ipproto::UDP))?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, port, 0, 0))?;
    let socket = UdpSocket::from(socket);
    // Interface 0 is the one that the system would choose; there is only one but loopback.
    let index = fs::read_to_string("/proc/thread-self/net/if_inet6")?
        .lines()
        .find(|line| line.ends_with("eth0"))
        .and_then(|line| u32::from_str_radix(line.split_whitespace().nth(1)?, 16).ok())
        .unwrap_or(0);
    socket.join_multicast_v6(&group, index)?;
    Ok(socket)
}
