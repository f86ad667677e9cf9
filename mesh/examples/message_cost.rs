//! What a message costs the core, without sockets and disks: sender, relay and recipient in one
//! process, real cryptography.
//!
//! `cargo run --release -p quicprochat-mesh --example message_cost`

#![expect(
    clippy::disallowed_types,
    reason = "a measurement reads the clock that the core must not"
)]

use std::time::{Duration, Instant as Clock};

use mesh::{
    Command, Config, Event, Instant, LinkCaps, LinkId, LinkUp, Medium, MeshIdentity, Node,
    SendOptions, crypto::rng::NodeRng, limits,
};

const WIRES: [[(usize, u32); 2]; 2] = [[(0, 1), (1, 2)], [(1, 3), (2, 4)]];

struct Line {
    nodes: Vec<Node>,
    started: Clock,
    received: usize,
    busy: [Duration; 3],
    taken: usize,
}

impl Line {
    fn new() -> Self {
        let node = |n: u8| {
            let identity = MeshIdentity::generate(&mut NodeRng::from_seed([n; 32]), true);
            let mut node = Node::new(Instant::ZERO, Config::default(), identity, [n + 100; 32]);
            node.start(Instant::ZERO, None);
            node
        };
        let nodes = (0..3).map(node).collect();
        let zero = Duration::ZERO;
        Self { nodes, started: Clock::now(), received: 0, busy: [zero; 3], taken: 0 }
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.started.elapsed().as_micros() as u64)
    }

    fn connect(&mut self) {
        let caps = LinkCaps {
            medium: Medium::Memory,
            mtu: limits::LINK_MTU_MAX,
            bitrate_bps: 10_000_000_000,
            reliable: true,
            shared: false,
        };
        for [(a, a_link), (b, b_link)] in WIRES {
            for (host, link, other) in [(a, a_link, b), (b, b_link, a)] {
                let up = LinkUp { link: LinkId(link), caps, peer: self.nodes[other].identity() };
                let now = self.now();
                self.nodes[host].handle_link_up(now, up);
            }
        }
    }

    /// One round: every node does what it can, frames arrive at once.
    fn round(&mut self) -> bool {
        let mut moved = false;
        for host in 0..3 {
            let (began, now) = (Clock::now(), self.now());
            let node = &mut self.nodes[host];
            if node.poll_timeout().is_some_and(|at| at <= now) {
                node.handle_timeout(now);
            }
            let mut last = None;
            while let Some((seq, record)) = node.poll_record() {
                std::hint::black_box(record);
                last = Some(seq);
            }
            if let Some(seq) = last {
                node.handle_committed(now, seq);
                while node.poll_record().is_some() {}
            }
            let mut out = Vec::new();
            while let Some(link) = node.poll_link() {
                let mut frame = Vec::new();
                while node.poll_transmit(now, link, &mut frame).is_some() {
                    out.push((link, std::mem::take(&mut frame)));
                }
            }
            let mut newest = None;
            while let Some(event) = node.poll_event() {
                match event {
                    Event::Received { .. } => self.received += 1,
                    Event::Message(message) => newest = Some(message.id),
                    _ => {}
                }
            }
            if let Some(id) = newest {
                let took = node.handle_command(now, Command::Take { id });
                took.expect("it was just shown");
                self.taken += 1;
            }
            self.busy[host] += began.elapsed();
            moved |= !out.is_empty() || last.is_some();
            for (link, frame) in out {
                let wire = WIRES.iter().find(|w| w.iter().any(|(h, l)| *h == host && *l == link.0));
                let to = wire.expect("connected").iter().find(|(h, _)| *h != host);
                let (to, link) = *to.expect("two ends");
                let (began, now) = (Clock::now(), self.now());
                self.nodes[to].handle_frame(now, LinkId(link), &frame);
                self.busy[to] += began.elapsed();
            }
        }
        moved
    }

    fn settle(&mut self, duration: Duration) {
        let end = Clock::now() + duration;
        while Clock::now() < end {
            self.round();
        }
    }

    fn run(&mut self, what: &str, count: usize, len: usize, options: SendOptions) {
        let to = self.nodes[2].address();
        let (began, before) = (Clock::now(), self.received);
        self.busy = [Duration::ZERO; 3];
        let mut sent = 0;
        while self.received - before < count {
            while sent < count && sent - (self.received - before) < 1_024.min(8_000_000 / len) {
                let (payload, now, clock) = (vec![7; len], self.now(), Clock::now());
                let send = Command::Send { to, payload, options };
                self.nodes[0].handle_command(now, send).expect("within limits");
                self.busy[0] += clock.elapsed();
                sent += 1;
            }
            self.round();
        }
        let per = |busy: Duration| busy.as_secs_f64() * 1e6 / count as f64;
        let [a, b, c] = self.busy.map(per);
        let rate = count as f64 / began.elapsed().as_secs_f64();
        println!(
            "{what:32} sender {a:7.2} µs  relay {b:7.2} µs  recipient {c:7.2} µs  {rate:9.0}/s"
        );
    }
}

fn main() {
    let mut line = Line::new();
    line.connect();
    line.settle(Duration::from_millis(500));
    let durable = SendOptions::default();
    line.run("first contact", 1, 100, durable);
    line.settle(Duration::from_millis(100));
    let volatile = SendOptions { durable: false, ..durable };
    let signed = SendOptions { signed: true, ..durable };
    line.run("100 B, durable, session", 50_000, 100, durable);
    line.run("100 B, volatile, session", 50_000, 100, volatile);
    line.run("100 B, durable, signed", 10_000, 100, signed);
    line.run("64 KiB, volatile, session", 2_000, 65_536, volatile);
    line.run("64 KiB, durable, session", 2_000, 65_536, durable);
}
