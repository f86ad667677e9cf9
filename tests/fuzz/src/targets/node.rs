//! Sequences of operations on three nodes in a row, with a hostile wire and disks that fail.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mesh::{
    Command, Config, Event, Instant, LinkId, LinkUp, MeshIdentity, Node, Outcome, Record,
    RecordSeq, SendOptions, Table, WallClock,
};

use super::{CAPS, Choices, MODE, START};

/// Frames one node may send in answer to one input. Far above what an honest exchange needs.
const FRAMES_MAX: usize = 20_000;

/// Frames that wait on one wire; what is beyond is lost.
const WIRE_MAX: usize = 512;

type Disk = BTreeMap<(Table, Vec<u8>), Vec<u8>>;

struct Host {
    node: Node,
    seed: u8,
    boots: u8,
    disk: Disk,
    unsynced: VecDeque<(RecordSeq, Vec<Record>)>,
    /// Positions in the inbox that the application saw, before and after crashes.
    shown: BTreeSet<u64>,
    invite: Option<String>,
}

/// One direction of a wire.
struct Wire {
    from: usize,
    to: usize,
    queue: VecDeque<Vec<u8>>,
}

struct World {
    hosts: Vec<Host>,
    wires: Vec<Wire>,
    /// The link both ends of a pair call by this number, when it is up.
    links: [Option<LinkId>; 2],
    next_link: u32,
    now: Instant,
    wall_secs: u64,
}

/// Operations chosen by the bytes: commands, honest and broken frames, losses, crashes.
pub fn node(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut world = World::new();
    // Routes and keys are known when the trouble begins, or most operations would do nothing.
    world.settle(100, drop);
    let mut operations = 0;
    while !choices.is_empty() && operations < 2_000 {
        world.operate(&mut choices);
        operations += 1;
    }
}

/// The first of the operations that are commands.
const COMMAND: u8 = 46;

/// Frames of an ordinary conversation between the three nodes, for mutation.
pub fn honest_traffic() -> Vec<Vec<u8>> {
    let mut world = World::new();
    let mut frames = Vec::new();
    world.settle(300, |frame| frames.push(frame));
    for (host, to) in [(0u8, 2u8), (2, 0), (0, 1)] {
        // Durable and volatile, signed and not, a ping, a trace, a channel.
        for kind in [0u8, 16, 32, 48, 6, 7, 10, 11, 12] {
            let mut script = vec![COMMAND | host << 6, kind, to, 5];
            script.extend_from_slice(b"hello\x03");
            world.operate(&mut Choices::new(&script));
            world.settle(300, |frame| frames.push(frame));
        }
    }
    frames
}

impl Host {
    fn boot(now: Instant, wall_secs: u64, seed: u8, boots: u8, disk: &Disk) -> Node {
        let mut config = Config::default();
        config.crypto = MODE;
        let identity = MeshIdentity::from_seeds([seed; 32], Some([seed + 100; 32]));
        let mut node = Node::new(now, config, identity, [seed ^ boots.rotate_left(4); 32]);
        for ((table, key), value) in disk {
            let (table, key, value) = (*table, key.clone(), Some(value.clone()));
            node.restore(now, Record { table, key, value }).expect("our own row");
        }
        node.start(now, Some(WallClock { unix_secs: wall_secs }));
        node
    }

    fn new(seed: u8) -> Self {
        let disk = Disk::new();
        Self {
            node: Self::boot(START, 1_767_225_600, seed, 0, &disk),
            seed,
            boots: 0,
            disk,
            unsynced: VecDeque::new(),
            shown: BTreeSet::new(),
            invite: None,
        }
    }

    fn sync_one(&mut self, now: Instant) {
        let Some((seq, records)) = self.unsynced.pop_front() else { return };
        for Record { table, key, value } in records {
            match value {
                Some(value) => self.disk.insert((table, key), value),
                None => self.disk.remove(&(table, key)),
            };
        }
        self.node.handle_committed(now, seq);
    }

    fn poll(&mut self) {
        while let Some((seq, record)) = self.node.poll_record() {
            match self.unsynced.back_mut() {
                Some((last, batch)) if *last == seq => batch.push(record),
                _ => self.unsynced.push_back((seq, vec![record])),
            }
        }
        while let Some(event) = self.node.poll_event() {
            if let Event::Message(message) = event {
                assert!(self.shown.insert(message.seq), "shown twice: {message:?}");
            }
        }
    }
}

impl World {
    fn new() -> Self {
        let wire = |from, to| Wire { from, to, queue: VecDeque::new() };
        let mut world = Self {
            hosts: (1..=3).map(Host::new).collect(),
            wires: vec![wire(0, 1), wire(1, 0), wire(1, 2), wire(2, 1)],
            links: [None; 2],
            next_link: 1,
            now: START,
            wall_secs: 1_767_225_600,
        };
        world.toggle_link(0);
        world.toggle_link(1);
        world
    }

    fn operate(&mut self, choices: &mut Choices<'_>) {
        let operation = choices.byte();
        let host = usize::from(operation >> 6) % 3;
        match operation & 63 {
            0..=9 => self.deliver(choices, 8),
            10..=19 => self.deliver_all(),
            20 | 21 => self.deliver_mutated(choices),
            22 => self.inject(host, choices),
            23 => drop(self.wires[usize::from(operation >> 6)].queue.pop_front()),
            24..=31 => self.pass(choices),
            32 => self.toggle_link(usize::from(operation >> 6) % 2),
            33 => self.crash(host),
            34..=43 => (0..8).for_each(|_| self.hosts[host].sync_one(self.now)),
            44 => self.hosts[host].node.handle_storage_full(self.now, choices.byte() & 1 != 0),
            45 => self.restore_damaged(host, choices),
            COMMAND.. => self.command(host, choices),
        }
        self.drain();
    }

    /// Everything that waits arrives, disks keep up and a little time passes, `rounds` times.
    fn settle(&mut self, rounds: usize, mut seen: impl FnMut(Vec<u8>)) {
        for _ in 0..rounds {
            self.drain();
            for wire in 0..self.wires.len() {
                if let Some(frame) = self.wires[wire].queue.pop_front() {
                    self.hand_over(wire, &frame);
                    seen(frame);
                }
            }
            (0..3).for_each(|host| self.hosts[host].sync_one(self.now));
            self.pass(&mut Choices::new(&[1, 1]));
        }
    }

    fn deliver_all(&mut self) {
        for wire in 0..self.wires.len() {
            for frame in core::mem::take(&mut self.wires[wire].queue) {
                self.hand_over(wire, &frame);
            }
        }
    }

    fn command(&mut self, host: usize, choices: &mut Choices<'_>) {
        let kind = choices.byte();
        let to = self.hosts[usize::from(choices.byte()) % 3].node.address();
        let payload = choices.chunk().to_vec();
        let options = SendOptions {
            durable: kind & 16 != 0,
            signed: kind & 32 != 0,
            sealed: kind & 192 == 192,
            ..SendOptions::default()
        };
        let joined = self.hosts[host].node.channels().first().map(|channel| channel.id);
        let command = match (kind & 15, joined) {
            (0..=5, _) => Command::Send { to, payload, options },
            (6, _) => Command::Ping { to, token: 1, payload_len: u16::from(choices.byte()) },
            (7, _) => Command::Trace { to, token: 1, ttl: choices.byte() },
            (8, _) => Command::FindRoute { to },
            (9, _) => Command::ContactAdd { name: "c".into(), address: to, root_key: None },
            (10, None) => Command::ChannelCreate { name: "c".into() },
            (11, None) => {
                let invite = self.hosts.iter().find_map(|host| host.invite.clone());
                Command::ChannelJoin { invite: invite.unwrap_or_default() }
            }
            (10..=13, Some(channel)) => Command::ChannelPublish { channel, payload },
            (14, Some(channel)) => Command::ChannelLeave { channel },
            _ => Command::ContactRemove { address: to },
        };
        let host = &mut self.hosts[host];
        if let Ok(Outcome::Channel { invite, .. }) = host.node.handle_command(self.now, command) {
            host.invite = Some(invite);
        }
    }

    /// Delivers up to `most` frames of one direction.
    fn deliver(&mut self, choices: &mut Choices<'_>, most: usize) {
        let wire = choices.below(self.wires.len());
        for _ in 0..most {
            let Some(frame) = self.wires[wire].queue.pop_front() else { return };
            self.hand_over(wire, &frame);
            self.drain();
        }
    }

    fn deliver_mutated(&mut self, choices: &mut Choices<'_>) {
        let wire = choices.below(self.wires.len());
        let Some(mut frame) = self.wires[wire].queue.pop_front() else { return };
        let at = choices.below(frame.len());
        match choices.byte() & 3 {
            0 => frame[at] ^= choices.byte(),
            1 => frame.truncate(at),
            2 => frame.extend_from_slice(choices.chunk()),
            _ => {
                let chunk = choices.chunk();
                let end = frame.len().min(at + chunk.len());
                frame[at..end].copy_from_slice(&chunk[..end - at]);
            }
        }
        self.hand_over(wire, &frame);
    }

    fn inject(&mut self, host: usize, choices: &mut Choices<'_>) {
        let link = self.links[usize::from(choices.byte()) % 2].unwrap_or(LinkId(0));
        let frame = choices.chunk();
        self.hosts[host].node.handle_frame(self.now, link, frame);
    }

    fn hand_over(&mut self, wire: usize, frame: &[u8]) {
        if let Some(link) = self.links[wire / 2] {
            let to = self.wires[wire].to;
            self.hosts[to].node.handle_frame(self.now, link, frame);
        }
    }

    fn pass(&mut self, choices: &mut Choices<'_>) {
        let unit_ms = [1, 50, 2_000, 600_000][usize::from(choices.byte() & 3)];
        let pause_ms = unit_ms * u64::from(choices.byte());
        self.now += core::time::Duration::from_millis(pause_ms);
        self.wall_secs += pause_ms / 1_000;
        for host in &mut self.hosts {
            if host.node.poll_timeout().is_some_and(|at| at <= self.now) {
                host.node.handle_timeout(self.now);
            }
        }
    }

    fn toggle_link(&mut self, pair: usize) {
        let ends = [self.wires[2 * pair].from, self.wires[2 * pair].to];
        match self.links[pair].take() {
            Some(link) => {
                for host in ends {
                    self.hosts[host].node.handle_link_down(self.now, link);
                }
            }
            None => {
                let link = LinkId(self.next_link);
                self.next_link += 1;
                self.links[pair] = Some(link);
                for (host, other) in [(ends[0], ends[1]), (ends[1], ends[0])] {
                    let peer = self.hosts[other].node.identity();
                    let up = LinkUp { link, caps: CAPS, peer };
                    self.hosts[host].node.handle_link_up(self.now, up);
                }
            }
        }
        self.wires[2 * pair].queue.clear();
        self.wires[2 * pair + 1].queue.clear();
        self.drain();
    }

    /// The process dies; what was not durable is lost.
    fn crash(&mut self, host: usize) {
        for pair in 0..2 {
            let touches = [2 * pair, 2 * pair + 1].iter().any(|at| self.wires[*at].from == host);
            if touches && self.links[pair].is_some() {
                self.toggle_link(pair);
            }
        }
        let this = &mut self.hosts[host];
        this.unsynced.clear();
        this.boots = this.boots.wrapping_add(1);
        this.node = Host::boot(self.now, self.wall_secs, this.seed, this.boots, &this.disk);
        // What is in the inbox again was durable; the application compares with what it saw.
        let inbox: Vec<u64> = this.node.inbox().map(|message| message.seq).collect();
        assert!(inbox.windows(2).all(|pair| pair[0] < pair[1]));
        this.shown.extend(inbox);
    }

    /// Another node reads this one's disk with one row damaged: any verdict, but no panic.
    fn restore_damaged(&mut self, host: usize, choices: &mut Choices<'_>) {
        let disk = &self.hosts[host].disk;
        let damaged = choices.below(disk.len());
        let identity = MeshIdentity::from_seeds([self.hosts[host].seed; 32], None);
        let mut config = Config::default();
        config.crypto = MODE;
        let mut node = Node::new(self.now, config, identity, [9; 32]);
        for (at, ((table, key), value)) in disk.iter().enumerate() {
            let (mut key, mut value) = (key.clone(), value.clone());
            if at == damaged {
                let place = choices.below(value.len() + key.len());
                match value.get_mut(place) {
                    Some(byte) => *byte ^= choices.byte(),
                    None if !key.is_empty() => key[0] ^= choices.byte(),
                    None => {}
                }
                if choices.byte() & 1 != 0 {
                    value.truncate(place);
                }
            }
            let _ = node.restore(self.now, Record { table: *table, key, value: Some(value) });
        }
        node.start(self.now, None);
        node.handle_timeout(self.now);
        while node.poll_record().is_some() {}
    }

    fn drain(&mut self) {
        for host in 0..self.hosts.len() {
            self.hosts[host].poll();
            self.transmit(host);
            self.hosts[host].poll();
        }
    }

    fn transmit(&mut self, host: usize) {
        let mut frames = 0;
        while let Some(link) = self.hosts[host].node.poll_link() {
            let mut buf = Vec::new();
            while let Some(transmit) = self.hosts[host].node.poll_transmit(self.now, link, &mut buf)
            {
                assert_eq!(transmit.size, buf.len());
                assert!(buf.len() <= CAPS.mtu as usize);
                frames += 1;
                assert!(frames < FRAMES_MAX, "a node never stops sending");
                let frame = core::mem::take(&mut buf);
                let Some(pair) = self.links.iter().position(|up| *up == Some(link)) else {
                    continue;
                };
                let direction = self.wires[2 * pair..2 * pair + 2]
                    .iter()
                    .position(|wire| wire.from == host)
                    .expect("a node sends on its own links");
                let queue = &mut self.wires[2 * pair + direction].queue;
                if queue.len() < WIRE_MAX {
                    queue.push_back(frame);
                }
            }
        }
    }
}
