//! The mesh in its virtual time: hosts, links, what is due next.
//!
//! This is one of the three loops around [`mesh::Node`]; it looks like the daemon's. After each
//! input the node is drained in the order records, transmits, events, timeout.

mod applications;
mod links;
mod power;
mod sampling;
mod tally;

pub use tally::Tally;

use std::collections::BTreeMap;

use mesh::{Address, Event, crypto::Mode};

use crate::{
    checkers::{
        Violations, channel::ChannelLedger, convergence::Reach, growth::Growth, ledger::Ledger,
    },
    disk::Faults,
    edge::Edge,
    faults::Planned,
    host::{Host, Settings},
    journal::Journal,
    load::Action,
    medium::Traits,
    queue::{Micros, Queue},
    report::Report,
    rng::Rng,
    scenario::{DiskModel, Scenario},
    topology,
};

/// Something that is due.
#[derive(Debug)]
enum Due {
    /// A node's timeout.
    Wake { host: usize },
    /// A node's commit became durable.
    Committed { host: usize, boot: u32 },
    /// A frame reaches the end `side` of a link.
    Arrive { edge: usize, side: usize, generation: u32, frame: Vec<u8> },
    /// The end `side` finished putting a frame on the wire.
    Sent { edge: usize, side: usize, generation: u32 },
    /// The end `side` may be able to send again.
    Resume { edge: usize, side: usize },
    /// The end `side` notices that its connection is over.
    Notice { edge: usize, side: usize, generation: u32 },
    /// A link that passes nothing is given up by both ends.
    GiveUp { edge: usize, generation: u32 },
    /// The ends of a link try to connect.
    Connect { edge: usize },
    /// A planned fault begins or ends.
    Fault { index: usize, begins: bool },
    /// A planned action of an application.
    Act { index: usize },
    /// The checkers look at everything.
    Sample,
}

/// A mesh under simulation.
#[derive(Debug)]
pub struct World {
    scenario: Scenario,
    seed: u64,
    queue: Queue<Due>,
    hosts: Vec<Host>,
    by_address: BTreeMap<Address, usize>,
    addresses: Vec<Address>,
    /// Nodes that announce themselves; the first of them take part in the load.
    destinations: Vec<usize>,
    edges: Vec<Edge>,
    faults: Vec<Planned>,
    load: Vec<(Micros, Action)>,
    journal: Journal,
    violations: Violations,
    ledger: Ledger,
    channel: channel::Membership,
    rng: Rng,
    tally: Tally,
    reach: Reach,
    growth: Growth,
    /// Position of the cursor that spreads loop checks over the destinations.
    next_loop_check: usize,
    buffer: Vec<u8>,
}

mod channel {
    use std::collections::BTreeMap;

    use mesh::{RecordSeq, channel::ChannelId};

    use super::ChannelLedger;

    /// The one channel of a run: its members and what was said on it.
    #[derive(Debug, Default)]
    pub(super) struct Membership {
        pub(super) ledger: ChannelLedger,
        pub(super) members: BTreeMap<usize, ChannelId>,
        pub(super) invite: Option<String>,
        /// Members that were not yet told that they joined: the record their disk still owes.
        pub(super) untold: BTreeMap<usize, RecordSeq>,
    }
}

impl World {
    /// The mesh of a scenario and a seed, switched off.
    pub fn new(scenario: Scenario, seed: u64, crypto: Mode, journal: Journal) -> Self {
        let rng = Rng::new(seed);
        let pairs = draw_map(&scenario, &mut rng.fork("topology"));
        let destinations = choose_destinations(&scenario, &rng);
        let mut hosts = build_hosts(&scenario, &destinations, crypto, &rng);
        let mut links = rng.fork("links");
        let edges: Vec<Edge> = pairs
            .iter()
            .map(|&(a, b)| Edge::new([a, b], Traits::draw(&scenario.link, &mut links)))
            .collect();
        for (edge, &(a, b)) in pairs.iter().enumerate() {
            hosts[a].edges.push((edge, 0));
            hosts[b].edges.push((edge, 1));
        }
        let (warm, end) = (scenario.load.warmup_s * 1_000_000, scenario.duration_s * 1_000_000);
        let window = (warm.min(end), end);
        let faults = crate::faults::plan(
            &scenario.faults,
            scenario.nodes,
            &pairs,
            window,
            &mut rng.fork("faults"),
        );
        let load = crate::load::plan(
            &scenario.load,
            scenario.participants(),
            window,
            &mut rng.fork("load"),
        );
        let addresses: Vec<Address> = hosts.iter().map(Host::address).collect();
        Self {
            by_address: addresses.iter().enumerate().map(|(host, &at)| (at, host)).collect(),
            addresses,
            destinations,
            seed,
            queue: Queue::new(),
            hosts,
            edges,
            faults,
            load,
            journal,
            violations: Violations::default(),
            ledger: Ledger::default(),
            channel: channel::Membership::default(),
            rng: rng.fork("world"),
            tally: Tally::default(),
            reach: Reach::default(),
            growth: Growth::default(),
            next_loop_check: 0,
            buffer: Vec::new(),
            scenario,
        }
    }

    /// Runs the scenario to its end and says what came of it.
    pub fn run(mut self) -> Report {
        self.enter_plans();
        for host in 0..self.hosts.len() {
            self.switch_on(host);
        }
        let load_ends = self.scenario.duration_s * 1_000_000;
        let deadline = load_ends + self.scenario.settle_s * 1_000_000;
        let mut settled_at = None;
        let mut standstill = Standstill::default();
        while self.queue.next_at().is_some_and(|at| at <= deadline)
            && let Some(due) = self.queue.pop()
        {
            self.tally.steps += 1;
            if standstill.step(self.queue.now()) > STANDSTILL_STEPS {
                let what = format!("stuck at {due:?}");
                self.violations.push(self.queue.now(), "SIM-19", what);
                break;
            }
            let sampled = matches!(due, Due::Sample);
            self.dispatch(due);
            if sampled && self.is_settled(load_ends) {
                settled_at = Some(self.queue.now());
                break;
            }
        }
        self.finish(settled_at)
    }

    fn enter_plans(&mut self) {
        for (index, planned) in self.faults.iter().enumerate() {
            self.queue.push(planned.begins, Due::Fault { index, begins: true });
            self.queue.push(planned.ends, Due::Fault { index, begins: false });
        }
        for (index, &(at, _)) in self.load.iter().enumerate() {
            self.queue.push(at, Due::Act { index });
        }
        self.queue.push(self.scenario.checks.sample_ms * 1_000, Due::Sample);
    }

    fn dispatch(&mut self, due: Due) {
        match due {
            Due::Wake { host } => self.wake(host),
            Due::Committed { host, boot } => self.committed(host, boot),
            Due::Arrive { edge, side, generation, frame } => {
                self.arrive(edge, side, generation, frame);
            }
            Due::Sent { edge, side, generation } => self.sent(edge, side, generation),
            Due::Resume { edge, side } => self.resume(edge, side),
            Due::Notice { edge, side, generation } => self.notice(edge, side, generation),
            Due::GiveUp { edge, generation } => self.give_up(edge, generation),
            Due::Connect { edge } => self.connect(edge),
            Due::Fault { index, begins } => self.fault(index, begins),
            Due::Act { index } => self.act(index),
            Due::Sample => self.sample(),
        }
    }

    fn wake(&mut self, host: usize) {
        let now = self.queue.now();
        let machine = &mut self.hosts[host];
        if machine.wake_at != Some(now) {
            // Superseded by an earlier deadline, or by a crash.
            return;
        }
        machine.wake_at = None;
        let clock = machine.clock(now);
        let Some(node) = &mut machine.node else {
            return;
        };
        node.handle_timeout(clock);
        self.drain(host);
    }

    fn committed(&mut self, host: usize, boot: u32) {
        let now = self.queue.now();
        let machine = &mut self.hosts[host];
        if machine.boots != boot || machine.node.is_none() {
            return;
        }
        let through = machine.commit_done(now);
        if self.channel.untold.get(&host).is_some_and(|owed| Some(*owed) <= through) {
            self.channel.untold.remove(&host);
        }
        self.drain(host);
    }

    /// Takes everything the node has to give, in the order the core asks for.
    fn drain(&mut self, host: usize) {
        loop {
            self.drain_records(host);
            self.drain_links(host);
            let observed = self.drain_events(host);
            if !observed && !self.read_backlogs(host) {
                break;
            }
        }
        self.arm(host);
    }

    fn drain_records(&mut self, host: usize) {
        let now = self.queue.now();
        let machine = &mut self.hosts[host];
        let Some(node) = &mut machine.node else {
            return;
        };
        while let Some((seq, record)) = node.poll_record() {
            machine.disk.push(seq, record);
        }
        if machine.disk.begin_commit() {
            let done = now + machine.draw(self.scenario.disk.commit_us.range());
            self.queue.push(done, Due::Committed { host, boot: machine.boots });
        }
    }

    fn drain_links(&mut self, host: usize) {
        loop {
            let machine = &mut self.hosts[host];
            let Some(link) = machine.node.as_mut().and_then(mesh::Node::poll_link) else {
                return;
            };
            let Some(&(edge, side)) = machine.links.get(&link) else {
                continue;
            };
            self.edges[edge].ends[side].ready = true;
            self.pump(edge, side);
        }
    }

    /// Hands the node's events to its application; whether there were any.
    fn drain_events(&mut self, host: usize) -> bool {
        let mut any = false;
        while let Some(event) = self.hosts[host].node.as_mut().and_then(mesh::Node::poll_event) {
            any = true;
            self.observe(host, event);
        }
        any
    }

    /// Arms the one timer of a node.
    fn arm(&mut self, host: usize) {
        let now = self.queue.now();
        let machine = &mut self.hosts[host];
        let Some(deadline) = machine.node.as_ref().and_then(mesh::Node::poll_timeout) else {
            machine.wake_at = None;
            return;
        };
        let at = machine.virtual_time(deadline).max(now);
        if machine.wake_at != Some(at) {
            machine.wake_at = Some(at);
            self.queue.push(at, Due::Wake { host });
        }
    }

    fn observe(&mut self, host: usize, event: Event) {
        let now = self.queue.now();
        self.journal.note(now, Some(host), || format!("{event:?}"));
        self.note_event(host, event);
    }
}

fn draw_map(scenario: &Scenario, rng: &mut Rng) -> Vec<(usize, usize)> {
    let nodes = scenario.nodes;
    let mut pairs = topology::edges(scenario.topology, nodes, scenario.degree, rng);
    topology::add_shortcuts(&mut pairs, nodes, scenario.shortcuts, rng);
    pairs
}

/// Who announces itself: spread over the map at random, so that no corner stays silent.
fn choose_destinations(scenario: &Scenario, rng: &Rng) -> Vec<usize> {
    let mut nodes: Vec<usize> = (0..scenario.nodes).collect();
    rng.fork("destinations").shuffle(&mut nodes);
    nodes.truncate(scenario.announcing());
    nodes
}

fn build_hosts(scenario: &Scenario, destinations: &[usize], crypto: Mode, rng: &Rng) -> Vec<Host> {
    let mut seeds = rng.fork("hosts");
    let mut announces = vec![false; scenario.nodes];
    destinations.iter().for_each(|&host| announces[host] = true);
    announces
        .into_iter()
        .map(|announce| {
            let settings = Settings {
                node_seed: seeds.bytes32(),
                announce,
                crypto,
                forgetful: scenario.disk.forgetful,
                disk_faults: disk_faults(&scenario.disk),
                rules: scenario.rules,
            };
            Host::new(settings, Rng::new(seeds.next_u64()))
        })
        .collect()
}

fn disk_faults(model: &DiskModel) -> Faults {
    Faults {
        write_error: model.write_error,
        sync_error: model.sync_error,
        sync: !model.sync_left_out,
    }
}

/// Counts happenings at one instant.
#[derive(Debug, Default)]
struct Standstill {
    at: Micros,
    steps: u64,
}

impl Standstill {
    /// One more happening at `now`: how many there were at this instant.
    fn step(&mut self, now: Micros) -> u64 {
        self.steps = if self.at == now { self.steps + 1 } else { 1 };
        self.at = now;
        self.steps
    }
}

/// Happenings at one instant beyond which time is stuck: far more than a mesh of the largest size
/// has nodes that start together.
const STANDSTILL_STEPS: u64 = 10_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// `SIM-19`
    #[test]
    fn a_node_that_stops_time_is_found() {
        let mut standstill = Standstill::default();
        assert_eq!([1, 1, 1, 2].map(|now| standstill.step(now)), [1, 2, 3, 1]);
    }
}
