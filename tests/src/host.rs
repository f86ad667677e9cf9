//! One machine: a node while it runs, its disk, its clocks and the application on top.

use std::collections::BTreeMap;

use mesh::{
    Address, Config, Instant, LinkId, MeshIdentity, Node, PublicIdentity, RecordSeq, Rules, Table,
    WallClock, crypto::Mode, error::Error,
};

use crate::{
    disk::{Committed, Disk, Faults, Lost},
    queue::Micros,
    rng::Rng,
};

/// One machine of the mesh.
#[derive(Debug)]
pub struct Host {
    /// The node; `None` while the power is off.
    pub node: Option<Node>,
    /// What survives.
    pub disk: Disk,
    /// Which end of which edge a live link is: (edge, side).
    pub links: BTreeMap<LinkId, (usize, usize)>,
    /// The edges the machine has an end of, and which end: (edge, side).
    pub edges: Vec<(usize, usize)>,
    /// Frames that arrived and that the node does not want yet, on all links.
    pub backlogged: usize,
    /// The application's own memory: the newest inbox position it has shown. Survives crashes.
    pub shown_through: Option<u64>,
    /// Faults that keep it off.
    pub switched_off: u32,
    /// Faults that keep its disk full.
    pub disks_full: u32,
    /// Its last commit failed.
    pub disk_failing: bool,
    /// How often it was switched on.
    pub boots: u32,
    /// When its one timer is armed for.
    pub wake_at: Option<Micros>,
    settings: Settings,
    identity: PublicIdentity,
    booted_at: Micros,
    clock_at_boot: Micros,
    wall_secs_at_zero: i64,
    next_link: u32,
    rng: Rng,
}

/// What a host is set up with and keeps across crashes.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Seed of the node key.
    pub node_seed: [u8; 32],
    /// Whether it announces itself.
    pub announce: bool,
    /// Real or transparent cryptography.
    pub crypto: Mode,
    /// Whether the disk keeps nothing.
    pub forgetful: bool,
    /// How the disk misbehaves.
    pub disk_faults: Faults,
    /// The rules it keeps: all, but for mutants.
    pub rules: Rules,
}

impl Settings {
    fn config(&self) -> Config {
        let mut config = Config::default();
        config.announce = self.announce;
        config.crypto = self.crypto;
        config.rules = self.rules;
        config
    }

    fn identity(&self) -> MeshIdentity {
        MeshIdentity::from_seeds(self.node_seed, None)
    }
}

impl Host {
    /// A machine that was never switched on.
    pub fn new(settings: Settings, mut rng: Rng) -> Self {
        let spread = rng.below(2 * WALL_SPREAD_S).cast_signed() - WALL_SPREAD_S.cast_signed();
        Self {
            node: None,
            disk: Disk::new(settings.forgetful, settings.disk_faults),
            links: BTreeMap::new(),
            edges: Vec::new(),
            backlogged: 0,
            switched_off: 0,
            disks_full: 0,
            disk_failing: false,
            shown_through: None,
            boots: 0,
            wake_at: None,
            identity: settings.identity().public(),
            settings,
            booted_at: 0,
            clock_at_boot: 0,
            wall_secs_at_zero: WALL_AT_ZERO_S + spread,
            next_link: 0,
            rng,
        }
    }

    /// Its address.
    pub fn address(&self) -> Address {
        self.identity.address()
    }

    /// What its neighbours are told about it by a link's handshake.
    pub fn identity(&self) -> PublicIdentity {
        self.identity
    }

    /// Its node's clock: it starts somewhere else at every boot.
    pub fn clock(&self, now: Micros) -> Instant {
        Instant::from_micros(now - self.booted_at + self.clock_at_boot)
    }

    /// When, in virtual time, the node's clock shows `instant`.
    pub fn virtual_time(&self, instant: Instant) -> Micros {
        instant.as_micros().saturating_sub(self.clock_at_boot).saturating_add(self.booted_at)
    }

    /// Its wall clock.
    pub fn wall(&self, now: Micros) -> WallClock {
        let secs = self.wall_secs_at_zero.saturating_add_unsigned(now / 1_000_000);
        WallClock { unix_secs: secs.max(0).cast_unsigned() }
    }

    /// Switches the machine on: a new node with what is on disk.
    ///
    /// # Errors
    ///
    /// Rows that the node refuses, by table. It runs without them.
    pub fn boot(&mut self, now: Micros) -> Vec<(Table, Error)> {
        self.boots += 1;
        self.booted_at = now;
        self.clock_at_boot = self.rng.below(CLOCK_AT_BOOT_MAX_US);
        self.next_link = 0;
        let clock = self.clock(now);
        let (config, identity) = (self.settings.config(), self.settings.identity());
        let mut node = Node::new(clock, config, identity, self.rng.bytes32());
        let mut refused = Vec::new();
        for &table in Table::ALL {
            for record in self.disk.rows(table) {
                if let Err(error) = node.restore(clock, record) {
                    refused.push((table, error));
                }
            }
        }
        node.start(clock, Some(self.wall(now)));
        self.node = Some(node);
        self.disk_failing = false;
        self.tell_storage(now);
        refused
    }

    /// Cuts the power.
    pub fn crash(&mut self) -> Lost {
        self.node = None;
        self.wake_at = None;
        self.links.clear();
        self.backlogged = 0;
        self.disk.crash(&mut self.rng)
    }

    /// Moves the wall clock; a running node notices.
    pub fn jump_wall(&mut self, now: Micros, seconds: i64) {
        self.wall_secs_at_zero = self.wall_secs_at_zero.saturating_add(seconds);
        let (clock, wall) = (self.clock(now), self.wall(now));
        if let Some(node) = &mut self.node {
            node.handle_wall_clock(clock, wall);
        }
    }

    /// A name for a new link, never used before in this boot.
    pub fn name_link(&mut self, edge: usize, side: usize) -> LinkId {
        self.next_link += 1;
        let link = LinkId(self.next_link);
        self.links.insert(link, (edge, side));
        link
    }

    /// A number for the machine's own use, such as how long a commit takes.
    pub fn draw(&mut self, range: std::ops::RangeInclusive<u64>) -> u64 {
        self.rng.within(&range)
    }

    /// The commit under way is durable: tells the node.
    pub fn commit_done(&mut self, now: Micros) -> Option<RecordSeq> {
        let done = self.disk.finish_commit(&mut self.rng);
        let failing = done == Committed::Failed;
        if std::mem::replace(&mut self.disk_failing, failing) != failing {
            self.tell_storage(now);
        }
        let Committed::Through(through) = done else { return None };
        let clock = self.clock(now);
        if let Some(node) = &mut self.node {
            node.handle_committed(clock, through);
        }
        Some(through)
    }

    /// Tells the node whether the disk takes anything new, as the daemon does.
    pub fn tell_storage(&mut self, now: Micros) {
        let full = self.disks_full > 0 || self.disk_failing;
        let clock = self.clock(now);
        if let Some(node) = &mut self.node {
            node.handle_storage_full(clock, full);
        }
    }
}

/// Wall clocks start within a day of this: 2026-01-01.
const WALL_AT_ZERO_S: i64 = 1_767_225_600;
const WALL_SPREAD_S: u64 = 86_400;
/// Monotonic clocks start anywhere in the first 116 days.
const CLOCK_AT_BOOT_MAX_US: u64 = 10_000_000_000_000;
