//! The schedule of the own group, on a clock of its own.

use super::{
    beacon::{Beacon, Heard, Outgoing, To},
    datagram::{Datagram, Here, Instance, Kind},
    interfaces::Interface,
    limits::*,
};
use std::{
    net::{Ipv6Addr, SocketAddrV6},
    num::NonZeroU16,
    time::{Duration, Instant},
};

const OURS: Instance = Instance([7; 8]);
const PORT: Option<NonZeroU16> = NonZeroU16::new(7_743);

fn interface(index: u32) -> Interface {
    Interface { index, name: format!("eth{index}") }
}

fn neighbour(n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, n)
}

fn from(n: u16, index: u32) -> SocketAddrV6 {
    SocketAddrV6::new(neighbour(n), GROUP.port(), 0, index)
}

fn said(kind: Kind, n: u16) -> [u8; 18] {
    let [high, low] = n.to_be_bytes();
    Datagram { kind, instance: Instance([1, 0, 0, 0, 0, 0, high, low]) }.encode()
}

fn here() -> Here {
    Here { port: PORT.expect("not 0"), validity_s: 105 }
}

struct Bench {
    beacon: Beacon,
    begin: Instant,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let begin = Instant::now();
        Self { beacon: Beacon::new(OURS, PORT, GROUP.port(), 1), begin, now: begin }
    }

    fn with_interface() -> Self {
        let mut bench = Self::new();
        bench.beacon.handle_interfaces(bench.now, &[interface(1)]);
        bench
    }

    /// Everything that is said until `end`, with the time since the start; all of it is sent.
    fn run_until(&mut self, end: Duration) -> Vec<(Duration, Outgoing)> {
        let mut all = Vec::new();
        while let Some(due) = self.beacon.poll_timeout().filter(|due| *due <= self.begin + end) {
            self.now = self.now.max(due);
            while let Some(outgoing) = self.beacon.poll_outgoing(self.now) {
                self.beacon.handle_sent(self.now, &outgoing, true);
                all.push((self.now - self.begin, outgoing));
            }
        }
        self.now = self.begin + end;
        all
    }

    fn hear(&mut self, kind: Kind, n: u16) -> Option<Heard> {
        self.beacon.handle_datagram(self.now, from(n, 1), &said(kind, n))
    }

    fn ignored(&self, reason: &str) -> u64 {
        self.beacon.counters().ignored.get(reason).copied().unwrap_or_default()
    }
}

fn kind_of(outgoing: &Outgoing) -> Kind {
    Datagram::decode(&outgoing.bytes).expect("we send what we can read").kind
}

fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn dsc_13_one_packet_in_thirty_seconds() {
    let mut bench = Bench::with_interface();
    let first = bench.run_until(secs(10));
    assert_eq!(first.len(), 3, "three asks while nobody is heard");
    assert!(first.iter().all(|(_, o)| matches!(kind_of(o), Kind::Ask(Some(_)))));
    assert!(first[0].0 <= FIRST_JITTER);
    let quiet = bench.run_until(secs(3_600));
    assert!(
        quiet.iter().all(|(_, o)| matches!(kind_of(o), Kind::Announce(_)) && o.to == To::Group)
    );
    for pair in quiet.windows(2) {
        let gap = pair[1].0 - pair[0].0;
        assert!(gap >= INTERVAL_MIN && gap <= secs(40), "{gap:?}");
    }
    assert!(quiet[0].0 - first[2].0 >= INTERVAL_MIN);
    assert_eq!(bench.beacon.counters().sent, (first.len() + quiet.len()) as u64);
}

#[test]
fn dsc_13_the_validity_outlives_three_lost_announcements() {
    let mut bench = Bench::with_interface();
    bench.run_until(secs(10));
    let quiet = bench.run_until(secs(3_600));
    for pair in quiet.windows(2) {
        let Kind::Announce(here) = kind_of(&pair[0].1) else { panic!("an announcement") };
        let gap = pair[1].0 - pair[0].0;
        assert!(secs(here.validity_s.into()) >= gap * 3, "{here:?} {gap:?}");
    }
}

#[test]
fn dsc_13_asks_stop_when_somebody_is_heard() {
    let mut bench = Bench::with_interface();
    assert_eq!(bench.run_until(Duration::from_millis(200)).len(), 1);
    assert!(bench.hear(Kind::Answer(here()), 2).is_some());
    assert_eq!(bench.run_until(secs(29)), []);
    assert_eq!(bench.run_until(secs(41)).len(), 1);
}

#[test]
fn dsc_13_a_flapping_interface_stays_quiet() {
    let mut bench = Bench::with_interface();
    bench.run_until(secs(10));
    for turn in 0..20 {
        let end = secs(10 + turn);
        bench.beacon.handle_interfaces(bench.now, &[]);
        bench.beacon.handle_interfaces(bench.now, &[interface(1)]);
        assert!(bench.run_until(end + Duration::from_millis(500)).len() <= 1);
    }
    bench.beacon.handle_interfaces(bench.now, &[]);
    bench.run_until(secs(100));
    bench.beacon.handle_interfaces(bench.now, &[interface(1)]);
    assert_eq!(bench.run_until(secs(110)).len(), 3, "after a while it is new again");
}

#[test]
fn dsc_13_a_crowd_speaks_less_often() {
    let mut bench = Bench::with_interface();
    bench.run_until(secs(10));
    let mut sent = 0;
    for minute in 1..=60 {
        // 200 neighbours, one announcement each in 400 s: 30 a minute.
        for n in 0..30 {
            bench.hear(Kind::Announce(here()), n + minute as u16 % 7 * 30);
            bench.now += secs(1);
        }
        sent += bench.run_until(secs(60 * minute + 10)).len();
    }
    assert!(sent < 60, "{sent} in an hour; a node alone would say about 100");
}

#[test]
fn dsc_13_a_packet_not_taken_is_tried_again() {
    let mut bench = Bench::with_interface();
    bench.now += FIRST_JITTER;
    let outgoing = bench.beacon.poll_outgoing(bench.now).expect("due");
    bench.beacon.handle_sent(bench.now, &outgoing, false);
    assert_eq!(bench.beacon.poll_timeout(), Some(bench.now + SEND_RETRY));
    assert_eq!((bench.beacon.counters().sent, bench.beacon.counters().failed), (0, 1));
}

#[test]
fn dsc_14_answers_go_to_the_asker_and_are_bounded() {
    let mut bench = Bench::with_interface();
    bench.run_until(secs(10));
    assert!(bench.hear(Kind::Ask(Some(here())), 2).is_some());
    let end = bench.now - bench.begin + ANSWER_JITTER;
    let answers = bench.run_until(end);
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].1.to, To::Node(neighbour(2)));
    assert!(matches!(kind_of(&answers[0].1), Kind::Answer(_)));
    for n in 0..100 {
        bench.hear(Kind::Ask(None), n);
    }
    let end = bench.now - bench.begin + ANSWER_JITTER;
    let many = bench.run_until(end).len();
    assert!((1..=ANSWERS_BURST as usize).contains(&many), "{many}");
    assert_eq!(bench.beacon.counters().answered, many as u64 + 1);
    assert_eq!(bench.beacon.counters().sent, 3, "answers are no multicast");
}

#[test]
fn dsc_14_only_neighbours_are_listened_to() {
    let mut bench = Bench::with_interface();
    let bytes = said(Kind::Announce(here()), 2);
    let global = SocketAddrV6::new("2001:db8::1".parse().expect("valid"), GROUP.port(), 0, 1);
    let other_port = SocketAddrV6::new(neighbour(2), 1_234, 0, 1);
    assert_eq!(bench.beacon.handle_datagram(bench.now, global, &bytes), None);
    assert_eq!(bench.beacon.handle_datagram(bench.now, other_port, &bytes), None);
    assert_eq!(bench.ignored("source"), 2);
    assert_eq!(bench.beacon.handle_datagram(bench.now, from(2, 9), &bytes), None);
    assert_eq!(bench.ignored("interface"), 1);
    let own = Datagram { kind: Kind::Announce(here()), instance: OURS }.encode();
    assert_eq!(bench.beacon.handle_datagram(bench.now, from(2, 1), &own), None);
    assert_eq!(bench.ignored("own"), 1);
    for (bytes, reason) in
        [(&b"hello"[..], "length"), (&[0; 18], "foreign"), (&bytes[..17], "length")]
    {
        let before = bench.ignored(reason);
        assert_eq!(bench.beacon.handle_datagram(bench.now, from(2, 1), bytes), None);
        assert_eq!(bench.ignored(reason), before + 1);
    }
    assert_eq!(bench.beacon.counters().received, 0);
    let heard = bench.beacon.handle_datagram(bench.now, from(2, 1), &bytes).expect("counts");
    assert_eq!((heard.from, heard.interface), (neighbour(2), interface(1)));
    assert_eq!(heard.here, Some(here()));
}

#[test]
fn dsc_14_a_flood_is_dropped() {
    let mut bench = Bench::with_interface();
    let taken = (0..10_000).filter(|_| bench.hear(Kind::Ask(None), 3).is_some()).count();
    assert_eq!(taken, HEARD_BURST as usize);
    assert_eq!(bench.ignored("flood"), 10_000 - u64::from(HEARD_BURST));
    bench.now += secs(1);
    let later = (0..10_000).filter(|_| bench.hear(Kind::Ask(None), 3).is_some()).count();
    assert_eq!(later, 32);
}

#[test]
fn dsc_15_leaving_is_said_once_on_every_interface() {
    let mut bench = Bench::new();
    bench.beacon.handle_interfaces(bench.now, &[interface(1), interface(2)]);
    bench.run_until(secs(1));
    let goodbye = bench.beacon.handle_leaving();
    assert_eq!(goodbye.iter().map(|o| o.interface).collect::<Vec<_>>(), [1, 2]);
    assert!(goodbye.iter().all(|o| kind_of(o) == Kind::Leaving));
    assert_eq!(bench.beacon.handle_leaving(), []);
}

#[test]
fn dsc_25_who_cannot_be_dialled_only_asks() {
    let mut bench = Bench::new();
    bench.beacon.handle_port(bench.now, None);
    bench.beacon.handle_interfaces(bench.now, &[interface(1)]);
    let all = bench.run_until(secs(600));
    assert_eq!(all.len(), 3);
    assert!(all.iter().all(|(_, o)| kind_of(o) == Kind::Ask(None)));
    bench.beacon.handle_port(bench.now, PORT);
    assert_eq!(bench.run_until(secs(601)).len(), 1, "a listener is announced at once");
}

#[test]
fn dsc_01_the_instance_is_all_that_is_said() {
    let mut bench = Bench::with_interface();
    for (_, outgoing) in bench.run_until(secs(100)) {
        let mut rest = outgoing.bytes.to_vec();
        assert_eq!(rest.split_off(10), OURS.0);
        // Magic, version, kind, reserved, port, validity.
        assert_eq!((rest.len(), &rest[..4], rest[5]), (10, &b"qpc\x01"[..], 0));
    }
}

/// Whatever comes in, at whatever time: no panic, and nothing grows.
#[test]
fn dsc_10_arbitrary_datagrams_change_nothing_but_counters() {
    let mut bench = Bench::with_interface();
    bench.run_until(secs(10));
    let mut state = 1_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let valid = said(Kind::Ask(Some(here())), 2);
    for _ in 0..200_000 {
        let mut bytes = [0; 19];
        for byte in &mut bytes {
            *byte = random() as u8;
        }
        if random() % 2 == 0 {
            // Nearly a datagram: the fields behind the version vary.
            bytes[..4].copy_from_slice(&valid[..4]);
            (bytes[4], bytes[5], bytes[9]) = (bytes[4] % 8, bytes[5] % 2, bytes[9] % 16);
        }
        let len = if random() % 4 == 0 { random() as usize % 20 } else { 18 };
        bench.now += Duration::from_millis(random() % 100);
        let heard = bench.beacon.handle_datagram(bench.now, from(3, 1), &bytes[..len]);
        if let Some(heard) = heard {
            let datagram = Datagram::decode(&bytes[..len]).expect("it counted");
            assert_eq!((heard.instance, len), (datagram.instance, 18));
        }
        while let Some(outgoing) = bench.beacon.poll_outgoing(bench.now) {
            bench.beacon.handle_sent(bench.now, &outgoing, true);
        }
    }
    let counters = bench.beacon.counters();
    assert!(counters.received > 1_000 && counters.ignored["malformed"] > 1_000, "{counters:?}");
    // 200,000 × 50 ms are 10,000 s: a thousand asks a second would be answered once a second.
    assert!(counters.sent <= 3 + 10_100 / 30, "{counters:?}");
    assert!(counters.answered <= 10_100 + u64::from(ANSWERS_BURST), "{counters:?}");
}
