//! Ours: the real node on the real port, one radio each.
//!
//! What a node stores is durable at once; clocks start apart. Contacts met before, over a link
//! that is no radio (`RSM-08`), as Meshtastic's nodes knew each other's keys before.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fmt,
};

use mesh::{
    Address, Command, Config, Event, Instant, LinkCaps, LinkId, LinkUp, Medium, MeshIdentity,
    MessageId, Node, Outcome, SendOptions, WallClock,
    crypto::Mode,
    radio::{Modulation, NeighbourId, RadioConfig, RadioEvent, RadioPort, Signal},
};

use super::station::{MessageNo, Station};
use crate::{queue::Micros, rng::Rng};

/// A node, its port, and the application on top.
pub struct Ours {
    node: Node,
    port: RadioPort,
    links: BTreeMap<NeighbourId, LinkId>,
    next_link: u32,
    clock_ahead_us: Micros,
    addresses: Vec<Address>,
    waiting: BTreeMap<MessageId, MessageNo>,
    /// Payload of the load: its number, and zeros.
    payload_len: usize,
    lifetime: std::time::Duration,
    shown: VecDeque<MessageNo>,
    confirmed: VecDeque<MessageNo>,
    /// When the port said it would have something, so that a busy channel does not spin.
    asked_at: Option<Micros>,
    busy: bool,
    /// Frames of the node by kind, for the curious.
    pub kinds: BTreeMap<u8, (u64, u64)>,
}

impl fmt::Debug for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (radio, node) = (self.port.counters(), self.node.status());
        let routes = self.node.routes().count();
        write!(
            f,
            "{} links, {routes} routes, frames of the node by kind {:?}, {radio:?} {node:?}",
            self.links.len(),
            self.kinds
        )
    }
}

/// How our stations are set up.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// Modulation.
    pub modulation: Modulation,
    /// Length of a message.
    pub payload_len: usize,
    /// How long a message may be under way.
    pub lifetime: std::time::Duration,
    /// Real cryptography, or a stand-in of the same sizes.
    pub crypto: Mode,
}

impl Ours {
    /// All stations of a city, introduced to their contacts.
    pub fn city(setup: &Setup, contacts: &[Vec<usize>], rng: &Rng) -> Vec<Self> {
        let mut stations: Vec<_> =
            (0..contacts.len()).map(|at| Self::new(setup, rng.fork(&at.to_string()))).collect();
        let addresses: Vec<_> = stations.iter().map(|station| station.node.address()).collect();
        for station in &mut stations {
            station.addresses.clone_from(&addresses);
        }
        for (one, other) in pairs(contacts) {
            introduce(&mut stations, one, other);
        }
        for station in &mut stations {
            station.kinds.clear();
        }
        stations
    }

    fn new(setup: &Setup, mut rng: Rng) -> Self {
        let clock_ahead_us = rng.below(CLOCK_MAX_US);
        let now = Instant::from_micros(clock_ahead_us);
        let identity = MeshIdentity::from_seeds(rng.bytes32(), None);
        let mut config = Config::default();
        config.crypto = setup.crypto;
        let mut node = Node::new(now, config, identity.clone(), rng.bytes32());
        node.start(now, Some(WallClock { unix_secs: WALL_SECS }));
        let mut radio = RadioConfig::new(setup.modulation);
        radio.senses_channel = true;
        radio.crypto = setup.crypto;
        Self {
            port: RadioPort::new(now, radio, &identity, rng.bytes32()),
            node,
            links: BTreeMap::new(),
            next_link: 1,
            clock_ahead_us,
            addresses: Vec::new(),
            waiting: BTreeMap::new(),
            payload_len: setup.payload_len,
            lifetime: setup.lifetime,
            shown: VecDeque::new(),
            confirmed: VecDeque::new(),
            asked_at: None,
            busy: false,
            kinds: BTreeMap::new(),
        }
    }

    fn clock(&self, now: Micros) -> Instant {
        Instant::from_micros(now + self.clock_ahead_us)
    }

    fn fresh_link(&mut self) -> LinkId {
        self.next_link += 1;
        LinkId(self.next_link)
    }

    /// Takes out what node and port have for each other and for the application.
    fn settle(&mut self, now: Micros) {
        self.asked_at = None;
        let clock = self.clock(now);
        loop {
            let mut durable = None;
            while let Some((seq, _)) = self.node.poll_record() {
                durable = Some(seq);
            }
            let mut moved = durable.is_some();
            if let Some(seq) = durable {
                self.node.handle_committed(clock, seq);
            }
            while let Some(event) = self.port.poll_event() {
                moved = true;
                self.on_radio(clock, event);
            }
            while let Some(link) = self.node.poll_link() {
                if let Some((&id, _)) = self.links.iter().find(|(_, known)| **known == link) {
                    self.port.handle_ready(clock, id);
                }
            }
            while let Some(event) = self.node.poll_event() {
                self.on_event(event);
            }
            if !moved {
                return;
            }
        }
    }

    fn on_radio(&mut self, clock: Instant, event: RadioEvent) {
        match event {
            RadioEvent::Up { neighbour, peer, caps } => {
                let link = self.fresh_link();
                self.links.insert(neighbour, link);
                self.node.handle_link_up(clock, LinkUp { link, caps, peer });
            }
            RadioEvent::Down { neighbour } => {
                if let Some(link) = self.links.remove(&neighbour) {
                    self.node.handle_link_down(clock, link);
                }
            }
            RadioEvent::Frame { neighbour, frame } => {
                if let Some(&link) = self.links.get(&neighbour) {
                    self.node.handle_frame(clock, link, &frame);
                }
            }
            RadioEvent::Delivery { neighbour, transmissions, delivered, lock } => {
                if let Some(&link) = self.links.get(&neighbour) {
                    self.node.handle_link_delivery(clock, link, transmissions, delivered, lock);
                }
            }
            _ => {}
        }
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Message(message) => {
                let number = message.payload.get(..4).and_then(|bytes| bytes.try_into().ok());
                self.shown.extend(number.map(u32::from_le_bytes));
            }
            Event::Received { id, .. } => self.confirmed.extend(self.waiting.remove(&id)),
            _ => {}
        }
    }

    fn send(&mut self, now: Micros, to: usize, message: MessageNo) {
        let mut payload = message.to_le_bytes().to_vec();
        payload.resize(self.payload_len.max(4), 0);
        let options = SendOptions { lifetime: self.lifetime, ..SendOptions::default() };
        let command = Command::Send { to: self.addresses[to], payload, options };
        if let Ok(Outcome::Message(id)) = self.node.handle_command(self.clock(now), command) {
            self.waiting.insert(id, message);
        }
    }
}

impl Station for Ours {
    fn submit(&mut self, now: Micros, to: usize, message: MessageNo) {
        self.send(now, to, message);
        self.settle(now);
    }

    fn handle_heard(&mut self, now: Micros, frame: &[u8], signal: Signal) {
        self.port.handle_heard(self.clock(now), frame, signal);
        self.settle(now);
    }

    fn handle_sent(&mut self, now: Micros) {
        self.port.handle_sent(self.clock(now));
        self.settle(now);
    }

    fn handle_channel(&mut self, now: Micros, busy: bool) {
        if self.busy != busy {
            self.busy = busy;
            self.port.handle_channel(self.clock(now), busy);
            self.settle(now);
        }
    }

    fn handle_timeout(&mut self, now: Micros) {
        let clock = self.clock(now);
        self.node.handle_timeout(clock);
        self.port.handle_timeout(clock);
        self.settle(now);
    }

    fn poll_air(&mut self, now: Micros, busy: bool, frame: &mut Vec<u8>) -> bool {
        self.asked_at = Some(now);
        self.handle_channel(now, busy);
        if busy {
            return false;
        }
        self.asked_at = Some(now);
        let clock = self.clock(now);
        let Self { node, port, links, kinds, .. } = self;
        let mut pull = |id: NeighbourId, out: &mut Vec<u8>| {
            let start = out.len();
            let Some(link) = links.get(&id) else { return false };
            let pulled = node.poll_transmit(clock, *link, out).is_some();
            if let Some(kind) = out.get(start + 1).filter(|_| pulled) {
                let (count, bytes) = kinds.entry(*kind).or_default();
                (*count, *bytes) = (*count + 1, *bytes + (out.len() - start) as u64);
            }
            pulled
        };
        port.poll_air(clock, &mut pull, frame).is_some()
    }

    fn poll_timeout(&self) -> Option<Micros> {
        let due =
            [self.node.poll_timeout(), self.port.poll_timeout()].into_iter().flatten().min()?;
        let due = due.as_micros().saturating_sub(self.clock_ahead_us);
        // What is over and was not done waits for something else to happen, or a little.
        Some(self.asked_at.map_or(due, |asked| due.max(asked + PATIENCE_US)))
    }

    fn poll_shown(&mut self) -> Option<MessageNo> {
        self.shown.pop_front()
    }

    fn poll_confirmed(&mut self) -> Option<MessageNo> {
        self.confirmed.pop_front()
    }
}

/// Two contacts meet over a cable: each sends the other a message, and has its receipt.
fn introduce(stations: &mut [Ours], one: usize, other: usize) {
    let pair = [one.min(other), one.max(other)];
    let (low, high) = stations.split_at_mut(pair[1]);
    let (a, b) = (&mut low[pair[0]], &mut high[0]);
    let (link_a, link_b) = (a.fresh_link(), b.fresh_link());
    let (up_a, up_b) = (cable(link_a, b), cable(link_b, a));
    a.node.handle_link_up(a.clock(0), up_a);
    b.node.handle_link_up(b.clock(0), up_b);
    for (from, to) in [(0, 1), (1, 0)] {
        let sender = if from == 0 { &mut *a } else { &mut *b };
        sender.send(0, pair[to], INTRODUCTION);
    }
    for _ in 0..MEETING_ROUNDS {
        a.settle(0);
        b.settle(0);
        let moved = carry(a, link_a, b, link_b) | carry(b, link_b, a, link_a);
        if !moved && a.waiting.is_empty() && b.waiting.is_empty() {
            break;
        }
        // Answers that are put off for a moment come at once.
        for station in [&mut *a, &mut *b] {
            let clock = station.clock(0) + MOMENT;
            station.clock_ahead_us += MOMENT.as_micros() as Micros;
            station.node.handle_timeout(clock);
        }
    }
    for (station, link) in [(a, link_a), (b, link_b)] {
        let clock = station.clock(0);
        station.node.handle_link_down(clock, link);
        station.settle(0);
        station.waiting.clear();
        station.shown.clear();
        station.confirmed.clear();
    }
}

fn cable(link: LinkId, peer: &Ours) -> LinkUp {
    let caps = LinkCaps {
        medium: Medium::Memory,
        mtu: mesh::limits::LINK_MTU_MAX,
        bitrate_bps: 10_000_000,
        reliable: true,
        shared: false,
    };
    LinkUp { link, caps, peer: peer.node.identity() }
}

/// Whether anything was carried.
fn carry(from: &mut Ours, out: LinkId, to: &mut Ours, inward: LinkId) -> bool {
    let mut moved = false;
    let mut frame = Vec::new();
    while from.node.poll_transmit(from.clock(0), out, &mut frame).is_some() {
        to.node.handle_frame(to.clock(0), inward, &frame);
        to.settle(0);
        frame.clear();
        moved = true;
    }
    moved
}

/// Numbers of messages that are not of the load.
const INTRODUCTION: MessageNo = MessageNo::MAX;
/// Clocks start anywhere in the first day.
const CLOCK_MAX_US: Micros = 86_400_000_000;
const WALL_SECS: u64 = 1_790_000_000;
const PATIENCE_US: Micros = 20_000;
const MOMENT: std::time::Duration = std::time::Duration::from_millis(100);
const MEETING_ROUNDS: usize = 100;

/// Contacts of either direction, each pair once.
pub fn pairs(contacts: &[Vec<usize>]) -> BTreeSet<(usize, usize)> {
    let directed = contacts.iter().enumerate();
    directed.flat_map(|(a, all)| all.iter().map(move |&b| (a.min(b), a.max(b)))).collect()
}
