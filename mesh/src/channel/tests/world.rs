//! A few nodes' channels, wired together in virtual time.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    vec,
    vec::Vec,
};
use core::time::Duration;

use crate::{
    address::Address,
    channel::{ChannelConfig, ChannelEvent, ChannelId, Channels},
    crypto::{Mode, rng::NodeRng},
    envelope::MessageId,
    error::Error,
    event::ChannelMessage,
    identity::MeshIdentity,
    link::{LinkCaps, LinkId, LinkUp, Medium},
    reconcile::Scope,
    record::Table,
    time::{Instant, WallClock},
    wire::frame::{self, FrameKind},
};

pub(super) const LATENCY: Duration = Duration::from_millis(10);

/// One node with its disk and what its application saw.
pub(super) struct TestNode {
    pub(super) channels: Channels,
    pub(super) identity: MeshIdentity,
    pub(super) rng: NodeRng,
    pub(super) config: ChannelConfig,
    pub(super) disk: BTreeMap<(Table, Vec<u8>), Vec<u8>>,
    pub(super) shown: Vec<ChannelMessage>,
    pub(super) published: Vec<MessageId>,
    pub(super) errors: Vec<Error>,
    pub(super) writes: usize,
    boots: u8,
}

pub(super) struct World {
    pub(super) nodes: Vec<TestNode>,
    /// Both ends of every link; the number of a link is its position here.
    pub(super) links: Vec<(usize, usize)>,
    pub(super) up: Vec<bool>,
    pub(super) lossy: bool,
    pub(super) loss_percent: u64,
    pub(super) now: Instant,
    wire: BTreeMap<(Instant, u64), (u32, usize, Vec<u8>)>,
    sent: u64,
    chance: NodeRng,
    /// Every frame sent: link, receiver, bytes.
    pub(super) trace: Vec<(u32, usize, Vec<u8>)>,
}

impl World {
    pub(super) fn new(nodes: usize) -> Self {
        Self::with_config(nodes, |_| ChannelConfig::default())
    }

    pub(super) fn with_config(nodes: usize, config: impl Fn(usize) -> ChannelConfig) -> Self {
        let nodes = (0..nodes).map(|number| TestNode::new(number as u8, config(number)));
        Self {
            nodes: nodes.collect(),
            links: vec![],
            up: vec![],
            lossy: false,
            loss_percent: 0,
            now: Instant::from_secs(1_000),
            wire: BTreeMap::new(),
            sent: 0,
            chance: NodeRng::from_seed([77; 32]),
            trace: vec![],
        }
    }

    /// Nodes in a row.
    pub(super) fn line(nodes: usize) -> Self {
        let mut world = Self::new(nodes);
        (1..nodes).for_each(|right| world.connect(right - 1, right));
        world
    }

    pub(super) fn connect(&mut self, a: usize, b: usize) {
        self.links.push((a, b));
        self.up.push(true);
        let link = LinkId(self.links.len() as u32 - 1);
        let caps = LinkCaps {
            medium: Medium::Memory,
            mtu: 1_500,
            bitrate_bps: 1_000_000,
            reliable: !self.lossy,
            shared: false,
        };
        for (own, peer) in [(a, b), (b, a)] {
            let peer = self.nodes[peer].identity.public();
            let node = &mut self.nodes[own];
            let up = LinkUp { link, caps, peer };
            node.channels.on_link_up(self.now, &up, &mut node.rng);
        }
        self.drain();
    }

    pub(super) fn disconnect(&mut self, a: usize, b: usize) {
        for (number, ends) in self.links.iter().enumerate() {
            if self.up[number] && (*ends == (a, b) || *ends == (b, a)) {
                self.up[number] = false;
                for node in [a, b] {
                    self.nodes[node].channels.on_link_down(self.now, LinkId(number as u32));
                }
            }
        }
        self.drain();
    }

    /// Stops a node without warning and starts it from its disk; its neighbours stay connected.
    pub(super) fn restart(&mut self, node: usize) {
        let neighbours: Vec<usize> = self
            .links
            .iter()
            .zip(&self.up)
            .filter(|(_, up)| **up)
            .filter_map(|((a, b), _)| match (*a == node, *b == node) {
                (true, _) => Some(*b),
                (_, true) => Some(*a),
                _ => None,
            })
            .collect();
        for neighbour in &neighbours {
            self.disconnect(node, *neighbour);
        }
        self.nodes[node].boot(self.now);
        for neighbour in neighbours {
            self.connect(node, neighbour);
        }
    }

    pub(super) fn create(&mut self, node: usize) -> (ChannelId, String) {
        let now = self.now;
        let this = &mut self.nodes[node];
        let created = this.channels.create(now, "bakery", &mut this.rng).expect("room");
        self.drain();
        created
    }

    pub(super) fn join(&mut self, node: usize, invite: &str) {
        let now = self.now;
        let this = &mut self.nodes[node];
        this.channels.join(now, invite, &mut this.rng).expect("a good invite");
        self.drain();
    }

    pub(super) fn publish(&mut self, node: usize, channel: ChannelId, text: &str) -> MessageId {
        let now = self.now;
        let wall = Some(WallClock { unix_secs: 1_700_000_000 + now.as_millis() / 1_000 });
        let this = &mut self.nodes[node];
        let id = this
            .channels
            .publish(now, wall, &this.identity, channel, text.into(), &mut this.rng)
            .expect("a member");
        self.drain();
        id
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..100_000 {
            let arrival = self.wire.first_key_value().map(|((at, _), _)| *at);
            let timeout = self.nodes.iter().filter_map(|node| node.channels.poll_timeout()).min();
            let Some(next) = arrival.into_iter().chain(timeout).min().filter(|at| *at <= end)
            else {
                self.now = end;
                return;
            };
            self.now = self.now.max(next);
            if arrival.is_some_and(|at| at <= self.now) {
                self.deliver();
            } else {
                for node in &mut self.nodes {
                    if node.channels.poll_timeout().is_some_and(|at| at <= self.now) {
                        node.channels.handle_timeout(self.now, &mut node.rng);
                    }
                }
            }
            self.drain();
        }
        panic!("the world does not come to rest");
    }

    /// Gives a node a frame that nobody sent.
    pub(super) fn inject(&mut self, node: usize, link: u32, frame: &[u8]) -> Result<(), Error> {
        let result = self.nodes[node].handle_frame(self.now, LinkId(link), frame);
        self.drain();
        result
    }

    /// Every member saw every message but its own once, nobody else saw anything.
    pub(super) fn assert_shown(&self, members: &[usize], messages: &[MessageId]) {
        let all: BTreeSet<_> = messages.iter().copied().collect();
        for (number, node) in self.nodes.iter().enumerate() {
            let shown: Vec<_> = node.shown.iter().map(|message| message.id).collect();
            let distinct: BTreeSet<_> = shown.iter().copied().collect();
            assert_eq!(shown.len(), distinct.len(), "node {number} showed something twice");
            if members.contains(&number) {
                let own: BTreeSet<_> = node.published.iter().copied().collect();
                assert_eq!(distinct, &all - &own, "node {number}");
            } else {
                assert!(shown.is_empty(), "node {number} is no member");
            }
        }
    }

    pub(super) fn frames_of_kind(&self, kind: FrameKind) -> Vec<&Vec<u8>> {
        let of_kind = |frame: &&Vec<u8>| frame[1] == kind.0;
        self.trace.iter().map(|(_, _, frame)| frame).filter(of_kind).collect()
    }

    pub(super) fn drain(&mut self) {
        for number in 0..self.nodes.len() {
            self.nodes[number].drain();
            for link in 0..self.links.len() as u32 {
                let (a, b) = self.links[link as usize];
                if !self.up[link as usize] || number != a && number != b {
                    continue;
                }
                let receiver = if number == a { b } else { a };
                self.transmit(number, LinkId(link), receiver);
            }
        }
    }

    fn transmit(&mut self, sender: usize, link: LinkId, receiver: usize) {
        loop {
            let channels = &mut self.nodes[sender].channels;
            let promised = channels.has_output(link);
            let mut frame = Vec::new();
            if !channels.poll_frame(self.now, link, 1_500, &mut frame) {
                assert!(frame.is_empty());
                assert!(!channels.has_output(link), "has_output promises what does not come");
                return;
            }
            assert!(promised, "poll_frame gives what has_output denied");
            self.trace.push((link.0, receiver, frame.clone()));
            if self.chance.below(100) < self.loss_percent {
                continue;
            }
            self.sent += 1;
            let copies = if self.chance.below(100) < self.loss_percent { 2 } else { 1 };
            for _ in 0..copies {
                let jitter = Duration::from_micros(self.chance.below(1 + self.loss_percent * 500));
                self.sent += 1;
                let at = (self.now + LATENCY + jitter, self.sent);
                self.wire.insert(at, (link.0, receiver, frame.clone()));
            }
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let (link, receiver, frame) = entry.remove();
            if self.up[link as usize] {
                let now = self.now;
                let node = &mut self.nodes[receiver];
                if let Err(error) = node.handle_frame(now, LinkId(link), &frame) {
                    node.errors.push(error);
                }
            }
        }
    }
}

impl TestNode {
    fn new(number: u8, config: ChannelConfig) -> Self {
        let identity = MeshIdentity::from_seeds([number + 1; 32], None);
        let channels = Channels::new(Mode::Real, identity.address(), config);
        let mut node = Self {
            channels,
            identity,
            rng: NodeRng::from_seed([number; 32]),
            config,
            disk: BTreeMap::new(),
            shown: vec![],
            published: vec![],
            errors: vec![],
            writes: 0,
            boots: 0,
        };
        node.channels.start(Instant::from_secs(1_000));
        node
    }

    pub(super) fn address(&self) -> Address {
        self.identity.address()
    }

    /// Starts from the rows on disk alone.
    pub(super) fn boot(&mut self, now: Instant) {
        self.boots += 1;
        let mut seed = self.rng.array();
        seed[0] = self.boots;
        self.rng = NodeRng::from_seed(seed);
        self.channels = Channels::new(Mode::Real, self.identity.address(), self.config);
        for table in [Table::Channels, Table::History] {
            for ((of, key), value) in &self.disk {
                if *of == table {
                    self.channels.restore(table, key, value).expect("our own row");
                }
            }
        }
        self.channels.start(now);
    }

    pub(super) fn drain(&mut self) {
        let mut records = Vec::new();
        self.channels.drain_records(&mut records);
        self.writes += records.len();
        for record in records {
            let key = (record.table, record.key);
            match record.value {
                Some(value) => self.disk.insert(key, value),
                None => self.disk.remove(&key),
            };
        }
        while let Some(event) = self.channels.poll_event() {
            match event {
                ChannelEvent::Message(message) => self.shown.push(message),
                ChannelEvent::Published(id) => self.published.push(id),
            }
        }
    }

    fn handle_frame(&mut self, now: Instant, link: LinkId, bytes: &[u8]) -> Result<(), Error> {
        let (kind, body) = frame::split(bytes)?;
        match kind {
            FrameKind::CHANNEL => self.channels.on_frame(now, link, body, &mut self.rng),
            FrameKind::RECONCILE => match Scope::of(body)? {
                Scope::Handshake | Scope::Channels => {
                    self.channels.on_reconcile(now, link, body, &mut self.rng)
                }
                Scope::Custody | Scope::Bundles => panic!("channels do not send those"),
            },
            other => panic!("channels do not send {other:?}"),
        }
    }
}
