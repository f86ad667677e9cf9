//! Many tables wired together over a virtual clock, checked for loops after every step (`RT-13`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::{
    MODE,
    bench::{address, announce, fast, identity},
};
use crate::{
    address::Address,
    crypto::rng::NodeRng,
    link::{LinkCaps, LinkId},
    record::Record,
    routing::{Routing, RoutingConfig, RoutingEvent},
    time::Instant,
};

/// What a wire does to frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wire {
    pub(super) caps: LinkCaps,
    pub(super) latency_us: u64,
    /// Up to this much more, so that frames overtake each other.
    pub(super) jitter_us: u64,
    pub(super) loss_percent: u64,
}

impl Wire {
    /// A wire that keeps frames and their order.
    pub(super) fn good(latency_us: u64) -> Self {
        Self { caps: fast(), latency_us, jitter_us: 0, loss_percent: 0 }
    }
}

struct End {
    peer: usize,
    peer_link: LinkId,
    wire: Wire,
}

struct Member {
    address: Address,
    routing: Routing,
    rng: NodeRng,
    seq: u32,
    links: BTreeMap<LinkId, End>,
    /// What is on its disk.
    disk: BTreeMap<Vec<u8>, Vec<u8>>,
    timeout: Option<Instant>,
}

pub(super) struct Net {
    pub(super) now: Instant,
    members: Vec<Member>,
    /// Frames on the way: (arrival, number) → (to, link there, bytes).
    flying: BTreeMap<(Instant, u64), (usize, LinkId, Vec<u8>)>,
    sent: u64,
    next_link: u32,
    pub(super) rng: NodeRng,
    pub(super) changes: u64,
    pub(super) steps: u64,
    /// How many destinations are looked at after each step; the others take turns.
    pub(super) checked_per_step: usize,
}

impl Net {
    pub(super) fn new(members: usize, seed: u8) -> Self {
        let mut net = Self {
            now: Instant::from_secs(1),
            members: Vec::new(),
            flying: BTreeMap::new(),
            sent: 0,
            next_link: 1,
            rng: NodeRng::from_seed([seed; 32]),
            changes: 0,
            steps: 0,
            checked_per_step: usize::MAX,
        };
        for n in 0..members {
            let rng = net.rng.fork();
            let routing = Routing::new(
                address(n as u16),
                RoutingConfig { mode: MODE, ..RoutingConfig::default() },
            );
            net.members.push(Member {
                address: address(n as u16),
                routing,
                rng,
                seq: 0,
                links: BTreeMap::new(),
                disk: BTreeMap::new(),
                timeout: None,
            });
            net.announce(n);
        }
        net
    }

    pub(super) fn len(&self) -> usize {
        self.members.len()
    }

    pub(super) fn routing(&mut self, n: usize) -> &mut Routing {
        &mut self.members[n].routing
    }

    /// The member gets a new sequence.
    pub(super) fn announce(&mut self, n: usize) {
        let member = &mut self.members[n];
        member.seq += 1;
        member.routing.set_own(self.now, announce(n as u16, member.seq));
        self.drain(n);
    }

    pub(super) fn connect(&mut self, a: usize, b: usize, wire: Wire) {
        let (at_a, at_b) = (LinkId(self.next_link), LinkId(self.next_link + 1));
        self.next_link += 2;
        for (n, here, peer, there) in [(a, at_a, b, at_b), (b, at_b, a, at_a)] {
            self.members[n].links.insert(here, End { peer, peer_link: there, wire });
            let identity = identity(peer as u16).public();
            self.members[n].routing.on_link_up(self.now, here, &wire.caps, identity);
        }
        self.drain(a);
        self.drain(b);
    }

    /// The member measured a round trip to another.
    pub(super) fn measure(&mut self, n: usize, peer: usize, rtt: Duration) {
        let member = &mut self.members[n];
        let links: Vec<LinkId> = member.links.keys().copied().collect();
        for link in links.into_iter().filter(|link| member.links[link].peer == peer) {
            member.routing.on_link_rtt(link, rtt);
        }
        self.drain(n);
    }

    /// Takes the wire between two members away, with every frame on it.
    pub(super) fn cut(&mut self, a: usize, b: usize) {
        let links: Vec<(LinkId, LinkId)> = self.members[a]
            .links
            .iter()
            .filter(|(_, end)| end.peer == b)
            .map(|(link, end)| (*link, end.peer_link))
            .collect();
        for (at_a, at_b) in links {
            self.flying.retain(|_, (_, link, _)| *link != at_a && *link != at_b);
            for (n, link) in [(a, at_a), (b, at_b)] {
                self.members[n].links.remove(&link);
                self.members[n].routing.on_link_down(self.now, link);
                self.drain(n);
                self.check();
            }
        }
    }

    pub(super) fn neighbours(&self, n: usize) -> Vec<usize> {
        self.members[n].links.values().map(|end| end.peer).collect()
    }

    /// The member forgets everything but its disk; the neighbours see their links go.
    pub(super) fn restart(&mut self, n: usize) -> Vec<(usize, Wire)> {
        let wires: Vec<(usize, Wire)> =
            self.members[n].links.values().map(|end| (end.peer, end.wire)).collect();
        for (peer, _) in &wires {
            self.cut(n, *peer);
        }
        let config = RoutingConfig { mode: MODE, ..RoutingConfig::default() };
        let mut routing = Routing::new(address(n as u16), config);
        for (key, value) in &self.members[n].disk {
            routing.restore(self.now, key, value).expect("our own row");
        }
        self.members[n].routing = routing;
        self.announce(n);
        wires
    }

    /// Lets time pass until nothing is due before `end`.
    pub(super) fn run_until(&mut self, end: Instant) {
        loop {
            let arrival = self.flying.first_key_value().map(|((at, _), _)| *at);
            let timeout =
                (0..self.members.len()).filter_map(|n| Some((self.members[n].timeout?, n))).min();
            let (due, who) = match (arrival, timeout) {
                (Some(at), Some((due, _))) if at <= due => (at, None),
                (_, Some((due, n))) => (due, Some(n)),
                (Some(at), None) => (at, None),
                (None, None) => break,
            };
            if due > end {
                break;
            }
            self.now = self.now.max(due);
            match who {
                Some(n) => {
                    let member = &mut self.members[n];
                    member.routing.handle_timeout(self.now, &mut member.rng);
                    self.drain(n);
                }
                None => self.arrive(),
            }
            self.steps += 1;
            self.check();
        }
        self.now = end;
    }

    pub(super) fn run(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    fn arrive(&mut self) {
        let Some((_, (n, link, frame))) = self.flying.pop_first() else { return };
        let result = self.members[n].routing.on_frame(self.now, link, frame[1], &frame[2..]);
        assert!(
            !matches!(result, Err(crate::error::Error::Malformed(_))),
            "our own frame: {result:?}"
        );
        self.drain(n);
    }

    /// What a driver does after every input: flush, frames, events, records, deadline.
    fn drain(&mut self, n: usize) {
        let member = &mut self.members[n];
        member.routing.flush(self.now, &mut member.rng);
        let links: Vec<LinkId> = member.links.keys().copied().collect();
        for link in links {
            let mut frame = Vec::new();
            while self.members[n].routing.poll_frame(self.now, link, u32::MAX, &mut frame) {
                self.send(n, link, core::mem::take(&mut frame));
            }
        }
        let mut wanted = None;
        while let Some(event) = self.members[n].routing.poll_event() {
            match event {
                RoutingEvent::RouteChanged { .. } => self.changes += 1,
                RoutingEvent::OwnSeqWanted { min_seq } => wanted = Some(min_seq),
                RoutingEvent::Misbehaved { link, error } => panic!("{n} {link}: {error}"),
            }
        }
        let mut records: Vec<Record> = Vec::new();
        let member = &mut self.members[n];
        member.routing.drain_records(&mut records);
        for record in records {
            match record.value {
                Some(value) => member.disk.insert(record.key, value),
                None => member.disk.remove(&record.key),
            };
        }
        member.timeout = member.routing.poll_timeout();
        if wanted.is_some_and(|min_seq| min_seq > self.members[n].seq) {
            self.announce(n);
        }
    }

    fn send(&mut self, n: usize, link: LinkId, frame: Vec<u8>) {
        let end = &self.members[n].links[&link];
        if self.rng.below(100) < end.wire.loss_percent {
            return;
        }
        let delay = end.wire.latency_us + self.rng.below(end.wire.jitter_us + 1);
        self.sent += 1;
        let arrival = self.now + Duration::from_micros(delay);
        self.flying.insert((arrival, self.sent), (end.peer, end.peer_link, frame));
    }

    /// No packet can come back to where it was, whichever feasible next hop each member takes.
    fn check(&mut self) {
        let count = self.checked_per_step.min(self.members.len());
        for n in 0..count {
            let turn = (self.steps as usize * count + n) % self.members.len();
            self.assert_no_loop(&self.members[turn].address);
        }
    }

    fn assert_no_loop(&self, destination: &Address) {
        // 1: on the current path, 2: known to end.
        let mut state = vec![0_u8; self.members.len()];
        for start in 0..self.members.len() {
            let mut path = vec![(start, self.onward(start, destination))];
            if state[start] == 2 {
                continue;
            }
            state[start] = 1;
            while let Some((n, onward)) = path.last_mut() {
                let n = *n;
                let Some(next) = onward.pop() else {
                    state[n] = 2;
                    path.pop();
                    continue;
                };
                match state[next] {
                    0 => {
                        state[next] = 1;
                        let onward = self.onward(next, destination);
                        path.push((next, onward));
                    }
                    1 => {
                        let cycle: Vec<usize> = path.iter().map(|(n, _)| *n).collect();
                        panic!("at {}: loop to {destination}: {cycle:?} then {next}", self.now);
                    }
                    _ => {}
                }
            }
        }
    }

    fn onward(&self, n: usize, destination: &Address) -> Vec<usize> {
        if self.members[n].address == *destination {
            return Vec::new();
        }
        let member = &self.members[n];
        let links = member.routing.feasible_links(destination);
        links.iter().filter_map(|link| Some(member.links.get(link)?.peer)).collect()
    }

    /// Follows the primary next hops from `a` to `b`: the way, or `None` if it breaks off.
    pub(super) fn path(&self, a: usize, b: usize) -> Option<Vec<usize>> {
        let mut path = vec![a];
        let mut at = a;
        while at != b {
            let link = self.members[at].routing.next_hop_of(&self.members[b].address)?;
            at = self.members[at].links[&link].peer;
            assert!(!path.contains(&at), "a loop: {path:?} {at}");
            path.push(at);
        }
        Some(path)
    }

    /// Pairs without a working path.
    pub(super) fn unreachable(&self) -> Vec<(usize, usize)> {
        let all = 0..self.members.len();
        all.clone()
            .flat_map(|a| all.clone().map(move |b| (a, b)))
            .filter(|(a, b)| self.path(*a, *b).is_none())
            .collect()
    }

    /// Members that can be reached over wires.
    pub(super) fn island(&self, start: usize) -> BTreeSet<usize> {
        let mut island = BTreeSet::from([start]);
        let mut next = vec![start];
        while let Some(n) = next.pop() {
            next.extend(self.neighbours(n).into_iter().filter(|peer| island.insert(*peer)));
        }
        island
    }
}
