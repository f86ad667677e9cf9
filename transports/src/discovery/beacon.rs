//! When something is said in the own group, and what of what is heard counts (`DSC-13` to `DSC-16`).
//! Time, interfaces and datagrams go in; datagrams and sightings come out.

use std::{
    collections::{BTreeMap, VecDeque},
    net::{Ipv6Addr, SocketAddrV6},
    num::NonZeroU16,
    time::{Duration, Instant},
};

use super::{
    budget::Budget,
    datagram::{DATAGRAM_LEN, Datagram, DatagramError, Here, Instance, Kind},
    interfaces::Interface,
    jitter::Jitter,
    limits::{
        ANSWER_INTERVAL, ANSWER_JITTER, ANSWERS_BURST, ANSWERS_MAX, ASK_GAPS, FIRST_JITTER,
        GONE_MAX, HEARD_BURST, HEARD_INTERVAL, INTERVAL_JITTER_SHARE, INTERVAL_MAX, INTERVAL_MIN,
        INTERVAL_PER_NODE, SEND_RETRY, VALIDITY_S_MAX,
    },
};

/// What was counted since the start (`DSC-16`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Multicast packets sent, on all interfaces together.
    pub sent: u64,
    /// Answers sent to askers.
    pub answered: u64,
    /// Datagrams that counted.
    pub received: u64,
    /// Datagrams that did not, by reason; a fixed set of names.
    pub ignored: BTreeMap<&'static str, u64>,
    /// Packets that the system did not take.
    pub failed: u64,
}

/// Whom a datagram is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// Everybody on the interface.
    Group,
    /// One neighbour.
    Node(Ipv6Addr),
}

/// A datagram to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) interface: u32,
    pub(super) to: To,
    pub(super) bytes: [u8; DATAGRAM_LEN],
}

/// Somebody was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) instance: Instance,
    /// Where it can be dialled; `None` when it leaves.
    pub(super) here: Option<Here>,
    pub(super) from: Ipv6Addr,
    pub(super) interface: Interface,
}

/// Which interfaces to join the group on, and which to leave it on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    pub(super) appeared: Vec<Interface>,
    pub(super) gone: Vec<u32>,
}

/// The machine.
#[derive(Debug)]
pub(super) struct Beacon {
    instance: Instance,
    /// The port that is announced; `None`: nobody can dial us.
    port: Option<NonZeroU16>,
    group_port: u16,
    served: BTreeMap<u32, Served>,
    /// When something was last said on interfaces that went away.
    gone: BTreeMap<u32, Instant>,
    answers: VecDeque<Answer>,
    jitter: Jitter,
    counters: Counters,
}

/// An interface that the group is joined on.
#[derive(Debug)]
struct Served {
    name: String,
    /// When the next packet is due; `None`: never, there is nothing to say.
    next_at: Option<Instant>,
    last_said: Option<Instant>,
    /// Asks so far; [`ASKS`] of them are enough.
    asked: usize,
    /// Nodes heard since we spoke last, and in the interval before.
    heard: u32,
    heard_before: u32,
    hearing: Budget,
    answering: Budget,
}

#[derive(Debug)]
struct Answer {
    due: Instant,
    interface: u32,
    to: Ipv6Addr,
}

const ASKS: usize = ASK_GAPS.len() + 1;

impl Beacon {
    /// A machine without interfaces. Equal seeds, equal delays.
    pub(super) fn new(
        instance: Instance,
        port: Option<NonZeroU16>,
        group_port: u16,
        seed: u64,
    ) -> Self {
        Self {
            instance,
            port,
            group_port,
            served: BTreeMap::new(),
            gone: BTreeMap::new(),
            answers: VecDeque::new(),
            jitter: Jitter::new(seed),
            counters: Counters::default(),
        }
    }

    pub(super) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Names of the interfaces that the group is joined on.
    pub(super) fn interface_names(&self) -> Vec<String> {
        self.served.values().map(|served| served.name.clone()).collect()
    }

    /// The interfaces that there are now.
    pub(super) fn handle_interfaces(&mut self, now: Instant, present: &[Interface]) -> Changes {
        let is_there = |index| present.iter().any(|interface| interface.index == index);
        let gone: Vec<u32> = self.served.keys().copied().filter(|i| !is_there(*i)).collect();
        for index in &gone {
            self.drop_interface(now, *index);
        }
        let new = |interface: &&Interface| !self.served.contains_key(&interface.index);
        let appeared: Vec<Interface> = present.iter().filter(new).cloned().collect();
        for interface in &appeared {
            self.add_interface(now, interface);
        }
        Changes { appeared, gone }
    }

    fn add_interface(&mut self, now: Instant, interface: &Interface) {
        let last_said = self.gone.remove(&interface.index);
        let was_just_here = last_said.is_some_and(|at| now.duration_since(at) < INTERVAL_MIN);
        let served = Served {
            name: interface.name.clone(),
            next_at: Some(now + self.jitter.up_to(FIRST_JITTER)),
            last_said,
            asked: if was_just_here { ASKS - 1 } else { 0 },
            heard: 0,
            heard_before: 0,
            hearing: Budget::default(),
            answering: Budget::default(),
        };
        self.served.insert(interface.index, served);
    }

    fn drop_interface(&mut self, now: Instant, index: u32) {
        let Some(Served { last_said: Some(at), .. }) = self.served.remove(&index) else {
            return;
        };
        self.gone.retain(|_, at| now.duration_since(*at) < INTERVAL_MIN);
        if self.gone.len() < GONE_MAX {
            self.gone.insert(index, at);
        }
    }

    /// The group could not be joined there: the interface is not served, and tried again when the
    /// interfaces are looked at next.
    pub(super) fn handle_not_joined(&mut self, index: u32) {
        self.served.remove(&index);
    }

    /// This node goes by another name from now on.
    pub(super) fn handle_instance(&mut self, instance: Instance) {
        self.instance = instance;
    }

    /// Another port is to be announced: soon, on every interface.
    pub(super) fn handle_port(&mut self, now: Instant, port: Option<NonZeroU16>) {
        if self.port == port {
            return;
        }
        self.port = port;
        for served in self.served.values_mut() {
            let soon = now + self.jitter.up_to(FIRST_JITTER);
            served.next_at = Some(served.next_at.map_or(soon, |at| at.min(soon)));
        }
    }

    /// A datagram came in.
    pub(super) fn handle_datagram(
        &mut self,
        now: Instant,
        from: SocketAddrV6,
        bytes: &[u8],
    ) -> Option<Heard> {
        match self.judge(now, from, bytes) {
            Ok(datagram) => {
                self.counters.received += 1;
                Some(self.take(now, from, datagram))
            }
            Err(reason) => {
                *self.counters.ignored.entry(reason).or_default() += 1;
                None
            }
        }
    }

    /// Whether a datagram counts, cheapest questions first (`DSC-14`).
    fn judge(
        &mut self,
        now: Instant,
        from: SocketAddrV6,
        bytes: &[u8],
    ) -> Result<Datagram, &'static str> {
        let served = self.served.get_mut(&from.scope_id()).ok_or("interface")?;
        if !served.hearing.take(now, HEARD_BURST, HEARD_INTERVAL) {
            return Err("flood");
        }
        if !from.ip().is_unicast_link_local() || from.port() != self.group_port {
            return Err("source");
        }
        let datagram = Datagram::decode(bytes).map_err(DatagramError::as_str)?;
        if datagram.instance == self.instance { Err("own") } else { Ok(datagram) }
    }

    fn take(&mut self, now: Instant, from: SocketAddrV6, datagram: Datagram) -> Heard {
        let index = from.scope_id();
        let here = match datagram.kind {
            Kind::Announce(here) | Kind::Answer(here) => Some(here),
            Kind::Ask(here) => {
                self.plan_answer(now, index, *from.ip());
                here
            }
            Kind::Leaving => None,
        };
        let mut name = String::new();
        if let Some(served) = self.served.get_mut(&index) {
            name.clone_from(&served.name);
            if datagram.kind != Kind::Leaving {
                served.heard = served.heard.saturating_add(1);
            }
        }
        let interface = Interface { index, name };
        Heard { instance: datagram.instance, here, from: *from.ip(), interface }
    }

    fn plan_answer(&mut self, now: Instant, interface: u32, to: Ipv6Addr) {
        let Some(served) = self.served.get_mut(&interface) else {
            return;
        };
        let crowd = served.heard.max(served.heard_before);
        let answers = self.port.is_some()
            && self.answers.len() < ANSWERS_MAX
            && self.jitter.is_one_of(ANSWERS_BURST, crowd)
            && served.answering.take(now, ANSWERS_BURST, ANSWER_INTERVAL);
        if answers {
            let due = now + self.jitter.up_to(ANSWER_JITTER);
            self.answers.push_back(Answer { due, interface, to });
        }
    }

    /// The next datagram that is due.
    pub(super) fn poll_outgoing(&mut self, now: Instant) -> Option<Outgoing> {
        if let Some(position) = self.answers.iter().position(|answer| answer.due <= now) {
            let Answer { interface, to, .. } = self.answers.remove(position)?;
            let kind = Kind::Answer(self.here(INTERVAL_MIN)?);
            return Some(self.outgoing(interface, To::Node(to), kind));
        }
        let due = |served: &Served| served.next_at.is_some_and(|at| at <= now);
        let indices: Vec<u32> =
            self.served.iter().filter(|(_, served)| due(served)).map(|(i, _)| *i).collect();
        indices.into_iter().find_map(|index| self.speak(now, index))
    }

    /// Says what is due on an interface, if anything is, and plans what comes next.
    fn speak(&mut self, now: Instant, index: u32) -> Option<Outgoing> {
        let served = self.served.get_mut(&index)?;
        let is_answered = served.asked > 0 && served.asked < ASKS && served.heard > 0;
        let nodes = served.heard.max(served.heard_before);
        let interval = (INTERVAL_PER_NODE * nodes).clamp(INTERVAL_MIN, INTERVAL_MAX);
        let interval = interval + self.jitter.up_to(interval / INTERVAL_JITTER_SHARE);
        if is_answered {
            // Somebody is there: the rest of the asks is not needed.
            served.asked = ASKS;
            served.next_at = Some(served.last_said.unwrap_or(now) + interval);
            return None;
        }
        let is_ask = served.asked < ASKS;
        let gap = match ASK_GAPS.get(served.asked) {
            Some(gap) => *gap,
            None => interval,
        };
        served.asked = (served.asked + 1).min(ASKS);
        served.next_at = Some(now + gap);
        served.last_said = Some(now);
        if !is_ask {
            served.heard_before = std::mem::take(&mut served.heard);
        }
        let kind = match (is_ask, self.here(interval)) {
            (true, here) => Kind::Ask(here),
            (false, Some(here)) => Kind::Announce(here),
            (false, None) => {
                self.served.get_mut(&index)?.next_at = None;
                return None;
            }
        };
        Some(self.outgoing(index, To::Group, kind))
    }

    /// What is announced about us: our port, and 3.5 intervals of validity.
    fn here(&self, interval: Duration) -> Option<Here> {
        let validity_s = (interval.max(INTERVAL_MIN) * 7 / 2).as_secs() + 1;
        let validity_s =
            u16::try_from(validity_s).map_or(VALIDITY_S_MAX, |s| s.min(VALIDITY_S_MAX));
        Some(Here { port: self.port?, validity_s })
    }

    fn outgoing(&self, interface: u32, to: To, kind: Kind) -> Outgoing {
        let bytes = Datagram { kind, instance: self.instance }.encode();
        Outgoing { interface, to, bytes }
    }

    /// What became of a datagram that was to be sent. One that the system did not take is tried
    /// again soon; nobody heard it.
    pub(super) fn handle_sent(&mut self, now: Instant, outgoing: &Outgoing, is_sent: bool) {
        match (is_sent, outgoing.to) {
            (true, To::Group) => self.counters.sent += 1,
            (true, To::Node(_)) => self.counters.answered += 1,
            (false, To::Node(_)) => self.counters.failed += 1,
            (false, To::Group) => {
                self.counters.failed += 1;
                if let Some(served) = self.served.get_mut(&outgoing.interface) {
                    served.next_at = Some(now + SEND_RETRY);
                }
            }
        }
    }

    /// Goodbye on every interface that we spoke on (`DSC-15`).
    pub(super) fn handle_leaving(&mut self) -> Vec<Outgoing> {
        let port = self.port.take();
        let spoke = |served: &Served| port.is_some() && served.last_said.is_some();
        let indices: Vec<u32> =
            self.served.iter().filter(|(_, served)| spoke(served)).map(|(i, _)| *i).collect();
        indices.into_iter().map(|i| self.outgoing(i, To::Group, Kind::Leaving)).collect()
    }

    /// When something is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let said = self.served.values().filter_map(|served| served.next_at);
        said.chain(self.answers.iter().map(|answer| answer.due)).min()
    }
}
