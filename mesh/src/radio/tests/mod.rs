//! A handful of nodes on one channel, in simulated time.

mod airtime;
mod channels;
mod crowd;
mod meeting;
mod messages;
pub(crate) mod mutants;

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::{Modulation, NeighbourId, PAYLOAD_LEN_MAX, RadioConfig, RadioEvent, RadioPort, Signal};
use crate::{
    address::Address,
    command::{Command, Outcome, SendOptions},
    crypto::rng::NodeRng,
    envelope::MessageId,
    event::Event,
    identity::MeshIdentity,
    link::{LinkId, LinkUp},
    node::{Config, Node},
    time::{Instant, WallClock},
};

/// SF8 at 125 kHz, as the budgets are given for.
fn sf8() -> Modulation {
    Modulation::rnode(869_525_000, 125_000, 8, 5)
}

/// A node on a radio. What it stores is durable at once.
struct Station {
    node: Node,
    port: RadioPort,
    identity: MeshIdentity,
    links: BTreeMap<NeighbourId, LinkId>,
    next_link: u32,
    boots: u8,
    /// When the frame on the air ends.
    sending: Option<(Instant, Instant, Vec<u8>)>,
    events: Vec<Event>,
    ups: u32,
    downs: u32,
    /// Frames the node was given.
    frames: u32,
}

impl Station {
    fn new(now: Instant, seed: u8, boots: u8) -> Self {
        let identity = MeshIdentity::generate(&mut NodeRng::from_seed([seed; 32]), true);
        let mut entropy = [seed; 32];
        entropy[1] = boots;
        let mut node = Node::new(now, Config::default(), identity.clone(), entropy);
        node.start(now, Some(WallClock { unix_secs: 1_767_225_600 }));
        entropy[2] = 0xaa;
        let config = RadioConfig { senses_channel: true, ..RadioConfig::new(sf8()) };
        let port = RadioPort::new(now, config, &identity, entropy);
        Self {
            node,
            port,
            identity,
            links: BTreeMap::new(),
            next_link: 1,
            boots,
            sending: None,
            events: Vec::new(),
            ups: 0,
            downs: 0,
            frames: 0,
        }
    }

    fn address(&self) -> Address {
        self.identity.address()
    }

    fn settle(&mut self, now: Instant) {
        loop {
            let mut last = None;
            while let Some((seq, _)) = self.node.poll_record() {
                last = Some(seq);
            }
            while let Some(event) = self.port.poll_event() {
                self.on_radio(now, event);
            }
            while let Some(link) = self.node.poll_link() {
                if let Some((id, _)) = self.links.iter().find(|(_, l)| **l == link) {
                    self.port.handle_ready(now, *id);
                }
            }
            while let Some(event) = self.node.poll_event() {
                self.events.push(event);
            }
            match last {
                Some(seq) => self.node.handle_committed(now, seq),
                None => return,
            }
        }
    }

    fn on_radio(&mut self, now: Instant, event: RadioEvent) {
        match event {
            RadioEvent::Up { neighbour, peer, caps } => {
                let link = LinkId(self.next_link);
                self.next_link += 1;
                self.links.insert(neighbour, link);
                self.ups += 1;
                self.node.handle_link_up(now, LinkUp { link, caps, peer });
            }
            RadioEvent::Down { neighbour } => {
                self.downs += 1;
                if let Some(link) = self.links.remove(&neighbour) {
                    self.node.handle_link_down(now, link);
                }
            }
            RadioEvent::Frame { neighbour, frame } => {
                self.frames += 1;
                if let Some(link) = self.links.get(&neighbour) {
                    self.node.handle_frame(now, *link, &frame);
                }
            }
            RadioEvent::Delivery { neighbour, transmissions, delivered, lock } => {
                if let Some(link) = self.links.get(&neighbour) {
                    self.node.handle_link_delivery(now, *link, transmissions, delivered, lock);
                }
            }
        }
    }

    fn poll_air(&mut self, now: Instant) -> Option<Vec<u8>> {
        let Self { node, port, links, .. } = self;
        let mut buf = Vec::new();
        let mut pull = |id: NeighbourId, out: &mut Vec<u8>| {
            links.get(&id).and_then(|link| node.poll_transmit(now, *link, out))
        };
        let frame = port.poll_air(now, &mut pull, &mut buf)?;
        assert_eq!(frame.len, buf.len());
        assert!(frame.len <= PAYLOAD_LEN_MAX, "{} bytes", frame.len);
        Some(buf)
    }

    fn poll_timeout(&self) -> Option<Instant> {
        [self.node.poll_timeout(), self.port.poll_timeout()].into_iter().flatten().min()
    }
}

/// One channel. A frame reaches whoever is in range, does not send and hears nothing else.
struct Air {
    now: Instant,
    stations: Vec<Station>,
    /// Who hears whom, with what signal to noise in quarters of a decibel.
    hears: BTreeMap<(usize, usize), i16>,
    loss_percent: u64,
    rng: NodeRng,
    /// Every payload that was sent: when, by whom, what.
    trace: Vec<(Instant, usize, Vec<u8>)>,
    /// Frames being received: (receiver, sender), whether something else was heard meanwhile.
    spoilt: BTreeMap<(usize, usize), bool>,
    /// Receptions that something else spoilt.
    collisions: usize,
}

impl Air {
    fn new(count: u8) -> Self {
        let now = Instant::from_secs(1);
        Self {
            now,
            stations: (0..count).map(|seed| Station::new(now, seed + 1, 0)).collect(),
            hears: BTreeMap::new(),
            loss_percent: 0,
            rng: NodeRng::from_seed([9; 32]),
            trace: Vec::new(),
            spoilt: BTreeMap::new(),
            collisions: 0,
        }
    }

    fn join(&mut self, a: usize, b: usize) {
        self.hears.insert((a, b), 20);
        self.hears.insert((b, a), 20);
    }

    /// Everybody hears everybody.
    fn crowd(count: u8) -> Self {
        let mut air = Self::new(count);
        for a in 0..usize::from(count) {
            (0..a).for_each(|b| air.join(a, b));
        }
        air
    }

    /// Each hears the one before and the one behind.
    fn line(count: u8) -> Self {
        let mut air = Self::new(count);
        for a in 1..usize::from(count) {
            air.join(a - 1, a);
        }
        air
    }

    fn restart(&mut self, at: usize) {
        let boots = self.stations[at].boots + 1;
        self.stations[at] = Station::new(self.now, at as u8 + 1, boots);
    }

    fn listeners(&self, from: usize) -> Vec<(usize, i16)> {
        let heard = self.hears.iter().filter(|((_, sender), _)| *sender == from);
        heard.map(|((to, _), snr)| (*to, *snr)).collect()
    }

    fn busy(&self, at: usize) -> bool {
        self.spoilt.keys().any(|(to, _)| *to == at)
    }

    /// Lets every station that may begin to send.
    fn start_frames(&mut self) {
        for at in 0..self.stations.len() {
            let now = self.now;
            self.stations[at].settle(now);
            if self.stations[at].sending.is_some() {
                continue;
            }
            let Some(bytes) = self.stations[at].poll_air(now) else { continue };
            self.stations[at].settle(now);
            let end = now + self.stations[at].port.config().air(bytes.len());
            self.trace.push((now, at, bytes.clone()));
            self.stations[at].sending = Some((now, end, bytes));
            for (_, spoilt) in self.spoilt.iter_mut().filter(|((to, _), _)| *to == at) {
                *spoilt = true;
            }
            for (to, _) in self.listeners(at) {
                let busy = self.busy(to) || self.stations[to].sending.is_some();
                for (_, spoilt) in self.spoilt.iter_mut().filter(|((other, _), _)| *other == to) {
                    *spoilt = true;
                }
                self.spoilt.insert((to, at), busy);
                self.stations[to].port.handle_channel(now, true);
            }
        }
    }

    fn end_frames(&mut self) {
        for at in 0..self.stations.len() {
            let now = self.now;
            let Some((_, _, bytes)) = self.stations[at].sending.take_if(|(_, end, _)| *end <= now)
            else {
                continue;
            };
            self.stations[at].port.handle_sent(now);
            for (to, snr) in self.listeners(at) {
                let spoilt = self.spoilt.remove(&(to, at)).unwrap_or(true);
                self.collisions += usize::from(spoilt);
                if !self.busy(to) {
                    self.stations[to].port.handle_channel(now, false);
                }
                if !spoilt && self.rng.below(100) >= self.loss_percent {
                    let signal = Signal { rssi_dbm: -100, snr_quarter_db: snr };
                    self.stations[to].port.handle_heard(now, &bytes, signal);
                }
                self.stations[to].settle(now);
            }
            self.stations[at].settle(now);
        }
    }

    fn run(&mut self, time: Duration) {
        let until = self.now + time;
        loop {
            self.start_frames();
            let ends = self.stations.iter().filter_map(|s| s.sending.as_ref().map(|s| s.1)).min();
            let timers = self.stations.iter().filter_map(Station::poll_timeout).min();
            let next = [ends, timers].into_iter().flatten().min().unwrap_or(until);
            // A timer that is over waits for the channel; a tick later something else has happened.
            let next = next.max(self.now + Duration::from_micros(500));
            if next > until {
                self.now = until;
                return;
            }
            self.now = next;
            self.end_frames();
            for station in &mut self.stations {
                station.node.handle_timeout(next);
                station.port.handle_timeout(next);
            }
        }
    }

    fn send(&mut self, from: usize, to: usize, text: &[u8]) -> MessageId {
        let to = self.stations[to].address();
        let command = Command::Send { to, payload: text.to_vec(), options: SendOptions::default() };
        match self.stations[from].node.handle_command(self.now, command) {
            Ok(Outcome::Message(id)) => id,
            other => panic!("{other:?}"),
        }
    }

    /// Texts shown at a station, in order.
    fn shown(&self, at: usize) -> Vec<Vec<u8>> {
        let shown = self.stations[at].events.iter();
        shown
            .filter_map(|event| match event {
                Event::Message(message) => Some(message.payload.to_vec()),
                _ => None,
            })
            .collect()
    }

    /// Whether the receipt of a message is at its sender.
    fn received(&self, at: usize, id: MessageId) -> bool {
        let wanted = |event: &Event| matches!(event, Event::Received { id: got, .. } if *got == id);
        self.stations[at].events.iter().any(wanted)
    }
}
