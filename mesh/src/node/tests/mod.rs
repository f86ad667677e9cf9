//! A handful of nodes on wires, in simulated time: every test of the node as a whole.

mod announce;
mod attacks;
mod beside;
mod carry;
mod channels;
mod contacts;
mod diagnose;
mod hop;
mod line;
mod lite;
mod mailbox;
mod meeting;
pub(crate) mod mutants;
mod pair;
mod restart;
mod versions;

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{Config, Node};
use crate::{
    address::Address,
    command::{Command, Outcome, SendOptions},
    crypto::rng::NodeRng,
    envelope::MessageId,
    event::Event,
    identity::MeshIdentity,
    link::{LinkCaps, LinkId, LinkUp, Medium},
    record::{Record, RecordSeq, Table},
    time::{Instant, WallClock},
};

/// 2026-01-01.
const WALL_START: u64 = 1_767_225_600;

type Disk = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

/// A node with its disk.
struct Host {
    node: Node,
    seed: u8,
    boots: u8,
    config: Config,
    disk: Disk,
    /// Batches polled and not yet durable.
    unsynced: VecDeque<(RecordSeq, Vec<Record>)>,
    /// While set, nothing becomes durable.
    hold_commits: bool,
    events: Vec<Event>,
}

impl Host {
    fn identity(seed: u8) -> MeshIdentity {
        MeshIdentity::generate(&mut NodeRng::from_seed([seed; 32]), true)
    }

    fn boot(now: Instant, seed: u8, boots: u8, config: Config, disk: &Disk) -> Node {
        let mut entropy = [seed; 32];
        entropy[1] = boots;
        entropy[2] = 0xb0;
        let mut node = Node::new(now, config, Self::identity(seed), entropy);
        for ((table, key), value) in disk {
            let (table, key, value) = (*table, key.clone(), Some(value.clone()));
            node.restore(now, Record { table, key, value }).expect("own row");
        }
        let unix_secs = WALL_START + now.as_micros() / 1_000_000;
        node.start(now, Some(WallClock { unix_secs }));
        node
    }

    fn sync(&mut self, now: Instant) {
        while let Some((seq, batch)) = self.unsynced.pop_front() {
            for Record { table, key, value } in batch {
                match value {
                    Some(value) => self.disk.insert((table, key), value),
                    None => self.disk.remove(&(table, key)),
                };
            }
            self.node.handle_committed(now, seq);
        }
    }
}

/// Two ends of a wire: (host, its link).
#[derive(Clone, Copy)]
struct Wire {
    ends: [(usize, LinkId); 2],
    caps: LinkCaps,
    latency: Duration,
    up: bool,
    /// Drops each frame for which a draw from 0..100 is below.
    loss_percent: u64,
}

struct Net {
    now: Instant,
    hosts: Vec<Host>,
    wires: Vec<Wire>,
    queue: BTreeMap<(Instant, u64), (usize, LinkId, Vec<u8>)>,
    sent: u64,
    next_link: u32,
    rng: NodeRng,
    /// Every frame that left: (from host, bytes).
    trace: Vec<(usize, Vec<u8>)>,
    /// What dishonest hosts do to the frames they send.
    meddle: Option<Meddle>,
}

/// Changes a frame that a host sends, or drops it (`false`).
type Meddle = fn(&mut NodeRng, usize, &mut [u8]) -> bool;

impl Net {
    fn new(count: u8) -> Self {
        Self::with_config(count, |_| Config::default())
    }

    fn with_config(count: u8, config: impl Fn(u8) -> Config) -> Self {
        let now = Instant::from_secs(1);
        let host = |seed: u8| Host {
            node: Host::boot(now, seed + 1, 0, config(seed), &Disk::new()),
            seed: seed + 1,
            boots: 0,
            config: config(seed),
            disk: Disk::new(),
            unsynced: VecDeque::new(),
            hold_commits: false,
            events: Vec::new(),
        };
        Self {
            now,
            hosts: (0..count).map(host).collect(),
            wires: Vec::new(),
            queue: BTreeMap::new(),
            sent: 0,
            next_link: 1,
            rng: NodeRng::from_seed([77; 32]),
            trace: Vec::new(),
            meddle: None,
        }
    }

    /// Hosts in a row, each connected with the next.
    fn line(count: u8) -> Self {
        let mut net = Self::new(count);
        for host in 1..usize::from(count) {
            net.connect(host - 1, host);
        }
        net.run(Duration::from_secs(5));
        net
    }

    fn connect(&mut self, a: usize, b: usize) -> usize {
        let caps = LinkCaps {
            medium: Medium::Memory,
            mtu: crate::limits::LINK_MTU_MAX,
            bitrate_bps: 100_000_000,
            reliable: true,
            shared: false,
        };
        self.connect_with(a, b, caps)
    }

    fn connect_with(&mut self, a: usize, b: usize, caps: LinkCaps) -> usize {
        let ends = [(a, LinkId(0)), (b, LinkId(0))];
        let latency = Duration::from_millis(1);
        self.wires.push(Wire { ends, caps, latency, up: false, loss_percent: 0 });
        self.set_up(self.wires.len() - 1);
        self.wires.len() - 1
    }

    fn set_up(&mut self, wire: usize) {
        for end in 0..2 {
            self.wires[wire].ends[end].1 = LinkId(self.next_link);
            self.next_link += 1;
        }
        self.wires[wire].up = true;
        let Wire { ends: [a, b], caps, .. } = self.wires[wire];
        for ((host, link), (other, _)) in [(a, b), (b, a)] {
            let peer = self.hosts[other].node.identity();
            self.hosts[host].node.handle_link_up(self.now, LinkUp { link, caps, peer });
            self.drain(host);
        }
    }

    fn cut(&mut self, wire: usize) {
        self.wires[wire].up = false;
        for (host, link) in self.wires[wire].ends {
            self.hosts[host].node.handle_link_down(self.now, link);
            self.drain(host);
        }
    }

    /// Kills a host: what is not durable is lost. It starts again at once, its wires come back.
    fn crash(&mut self, host: usize) {
        self.stop(host);
        self.start(host);
    }

    fn stop(&mut self, host: usize) {
        self.hosts[host].unsynced.clear();
        for wire in 0..self.wires.len() {
            if self.wires[wire].up && self.wires[wire].ends.iter().any(|(h, _)| *h == host) {
                self.wires[wire].up = false;
                for (other, link) in self.wires[wire].ends.into_iter().filter(|(h, _)| *h != host) {
                    self.hosts[other].node.handle_link_down(self.now, link);
                    self.drain(other);
                }
            }
        }
    }

    fn start(&mut self, host: usize) {
        let now = self.now;
        let this = &mut self.hosts[host];
        this.boots += 1;
        this.node = Host::boot(now, this.seed, this.boots, this.config, &this.disk);
        self.drain(host);
        for wire in 0..self.wires.len() {
            if self.wires[wire].ends.iter().any(|(h, _)| *h == host) {
                self.set_up(wire);
            }
        }
    }

    fn drain(&mut self, host: usize) {
        loop {
            let now = self.now;
            let this = &mut self.hosts[host];
            let (mut batch, mut last) = (Vec::new(), None);
            while let Some((seq, record)) = this.node.poll_record() {
                batch.push(record);
                last = Some(seq);
            }
            if let Some(seq) = last {
                this.unsynced.push_back((seq, batch));
            }
            self.transmit(host);
            let this = &mut self.hosts[host];
            while let Some(event) = this.node.poll_event() {
                this.events.push(event);
            }
            if this.hold_commits || this.unsynced.is_empty() {
                return;
            }
            this.sync(now);
        }
    }

    fn transmit(&mut self, host: usize) {
        while let Some(link) = self.hosts[host].node.poll_link() {
            let wire = self.wires.iter().find(|w| w.up && w.ends.contains(&(host, link))).copied();
            let Some(wire) = wire else { continue };
            let to = if wire.ends[0] == (host, link) { wire.ends[1] } else { wire.ends[0] };
            loop {
                let mut frame = Vec::new();
                let Some(transmit) =
                    self.hosts[host].node.poll_transmit(self.now, link, &mut frame)
                else {
                    break;
                };
                assert_eq!(transmit.size, frame.len());
                assert!(frame.len() <= wire.caps.mtu as usize, "frame beyond the mtu");
                let rng = &mut self.rng;
                let passes = self.meddle.is_none_or(|meddle| meddle(rng, host, &mut frame));
                self.trace.push((host, frame.clone()));
                if passes && self.rng.below(100) >= wire.loss_percent {
                    self.sent += 1;
                    self.queue.insert((self.now + wire.latency, self.sent), (to.0, to.1, frame));
                }
            }
        }
    }

    /// Lets simulated time pass.
    fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        for host in 0..self.hosts.len() {
            self.drain(host);
        }
        loop {
            let arrival = self.queue.first_key_value().map(|((at, _), _)| *at);
            let timeouts = self.hosts.iter().filter_map(|host| host.node.poll_timeout());
            let next = arrival.into_iter().chain(timeouts).min().filter(|at| *at <= end);
            let Some(at) = next else { break };
            self.now = self.now.max(at);
            while let Some(entry) = self.queue.first_entry() {
                if entry.key().0 > self.now {
                    break;
                }
                let (host, link, frame) = entry.remove();
                if self.wires.iter().any(|w| w.up && w.ends.contains(&(host, link))) {
                    self.hosts[host].node.handle_frame(self.now, link, &frame);
                    self.drain(host);
                }
            }
            for host in 0..self.hosts.len() {
                if self.hosts[host].node.poll_timeout().is_some_and(|at| at <= self.now) {
                    self.hosts[host].node.handle_timeout(self.now);
                    self.drain(host);
                }
            }
        }
        self.now = end;
    }

    fn address(&self, host: usize) -> Address {
        self.hosts[host].node.address()
    }

    fn command(&mut self, host: usize, command: Command) -> Outcome {
        let outcome = self.hosts[host].node.handle_command(self.now, command).expect("accepted");
        self.drain(host);
        outcome
    }

    fn send(&mut self, from: usize, to: usize, text: &str) -> MessageId {
        self.send_with(from, to, text, SendOptions::default())
    }

    fn send_with(&mut self, from: usize, to: usize, text: &str, options: SendOptions) -> MessageId {
        let (to, payload) = (self.address(to), text.as_bytes().to_vec());
        match self.command(from, Command::Send { to, payload, options }) {
            Outcome::Message(id) => id,
            other => panic!("not a message: {other:?}"),
        }
    }

    /// Texts shown at a host, in order.
    fn shown(&self, host: usize) -> Vec<&str> {
        let shown = self.hosts[host].events.iter();
        shown
            .filter_map(|event| match event {
                Event::Message(message) => core::str::from_utf8(&message.payload).ok(),
                _ => None,
            })
            .collect()
    }

    fn has_event(&self, host: usize, wanted: impl Fn(&Event) -> bool) -> bool {
        self.hosts[host].events.iter().any(wanted)
    }

    fn received(&self, host: usize, id: MessageId) -> bool {
        self.has_event(host, |e| matches!(e, Event::Received { id: i, .. } if *i == id))
    }
}

fn texts(count: usize) -> Vec<alloc::string::String> {
    (0..count).map(|n| alloc::format!("message {n}")).collect()
}
