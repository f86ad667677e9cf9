//! What a simulation consists of, read from a TOML file (`SIM-02`).
//!
//! Every key has a default, unknown keys are refused with file and line. Units stand last in the
//! names; a pair `[a, b]` is a range from which each link, fault or message draws its own value.

use std::{fmt, fs, ops::RangeInclusive, path::Path};

use serde::Deserialize;

/// A simulation: mesh, load, faults and what must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scenario {
    /// Shown in the table.
    pub name: String,
    /// Nodes in the mesh.
    pub nodes: usize,
    /// How they are linked.
    pub topology: Shape,
    /// Mean number of neighbours in a geometric mesh.
    pub degree: usize,
    /// Links beside the topology's, between random pairs: the mesh's long-distance connections.
    pub shortcuts: usize,
    /// Nodes that announce themselves; 0 means all. The others relay and stay silent.
    pub announcing: usize,
    /// Virtual time for load and faults, in seconds.
    pub duration_s: u64,
    /// Virtual time granted after the last fault until everything must be delivered, in seconds.
    pub settle_s: u64,
    /// What a link is like.
    pub link: LinkModel,
    /// What a node's disk is like.
    pub disk: DiskModel,
    /// What the applications do.
    pub load: LoadModel,
    /// What goes wrong.
    pub faults: FaultModel,
    /// What is checked.
    pub checks: Checks,
    /// The rule that all nodes break, for the mutants of `ATK-22`. In no file.
    #[serde(skip)]
    pub rules: mesh::Rules,
}

/// How nodes are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// One after the other.
    Line,
    /// A line whose ends meet.
    Ring,
    /// Rows and columns.
    Grid,
    /// Strewn over a square, linked to those nearby.
    Geometric,
    /// One in the middle, all others linked to it alone.
    Hub,
}

/// A range `[low, high]`, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Span(pub u64, pub u64);

impl Span {
    /// As a Rust range.
    pub fn range(self) -> RangeInclusive<u64> {
        self.0..=self.1
    }
}

/// What a link is like. Shares and probabilities lie between 0 and 1.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LinkModel {
    /// One-way latency.
    pub latency_us: Span,
    /// Added to the latency of each frame: between 0 and this.
    pub jitter_us: u64,
    /// Bit rate, per direction.
    pub bitrate_bps: Span,
    /// Largest frame, one of these; at least [`mesh::limits::LINK_MTU_MIN`].
    pub mtu: Vec<u32>,
    /// Share of the links that deliver every frame in order or go down.
    pub reliable_share: f64,
    /// Probability that an unreliable link loses a frame.
    pub loss: f64,
    /// Probability that it delivers a frame twice.
    pub duplicate: f64,
    /// Probability that it delays a frame past its successors.
    pub reorder: f64,
    /// Probability that it flips bits of a frame.
    pub corrupt: f64,
    /// Whether flipped bits reach the core. A link's authentication drops such frames, which the
    /// default models; `true` shows that the core survives a link without any.
    pub corrupt_reaches_core: bool,
    /// How long both ends take to notice that a link is dead.
    pub detect_ms: Span,
}

/// What a node's disk is like.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DiskModel {
    /// Time a commit takes. What was polled meanwhile goes into the next one.
    pub commit_us: Span,
    /// Keeps nothing: for runs without crashes and with more nodes than memory for their disks.
    pub forgetful: bool,
    /// Probability that writing a commit fails with an I/O error; it is tried again.
    pub write_error: f64,
    /// Probability that its sync fails: what was written is not trusted, it is written again.
    pub sync_error: f64,
    /// Whether commits are reported without a sync: a mutant for the checkers, in no file.
    #[serde(skip)]
    pub sync_left_out: bool,
}

/// What the applications do while `duration_s` lasts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LoadModel {
    /// Messages between random pairs.
    pub messages: usize,
    /// How many pairs there are, each of which writes in one direction; 0 means any two, anew for each
    /// message. Whoever writes to ever new nodes has ever more sessions, as it should.
    pub pairs: usize,
    /// Their payloads.
    pub payload_len: Span,
    /// Nodes that take part; 0 means all that announce themselves.
    pub participants: usize,
    /// Share of messages that are not durable. They are never shown twice; they may be lost.
    pub volatile_share: f64,
    /// Share of messages with a signature on the wire.
    pub signed_share: f64,
    /// Lifetime of every message.
    pub lifetime_s: u64,
    /// Members of one broadcast channel; 0 means no channel.
    pub channel_members: usize,
    /// Messages published on it.
    pub channel_messages: usize,
    /// Time before the first message, so that routes are there.
    pub warmup_s: u64,
}

/// What goes wrong while `duration_s` lasts; everything is healed at its end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FaultModel {
    /// Partitions of the mesh in two.
    pub partitions: usize,
    /// How long each lasts.
    pub partition_ms: Span,
    /// Share of the partitions that cut one direction only.
    pub asymmetric_share: f64,
    /// Links that go down and come back.
    pub flaps: usize,
    /// How long each is down.
    pub flap_ms: Span,
    /// Nodes that lose power, with whatever was not yet on disk.
    pub crashes: usize,
    /// How long each stays off.
    pub crash_ms: Span,
    /// Jumps of a node's wall clock.
    pub wall_jumps: usize,
    /// How far each goes, forwards or backwards.
    pub wall_jump_s: Span,
    /// Disks that run full.
    pub disk_full: usize,
    /// How long each stays full.
    pub disk_full_ms: Span,
}

/// What is checked, and how often.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Checks {
    /// Time between two samples of the whole mesh (loops, memory, states).
    pub sample_ms: u64,
    /// Destinations whose next-hop graph is walked at each sample; 0 means all.
    pub loop_destinations: usize,
    /// Whether routes are checked: free of loops, and in the end complete. Only off where links
    /// without authentication make neighbours lie about their costs.
    pub routing: bool,
    /// By how many percent the memory of the whole simulation may grow from the second quarter of
    /// the run to its last; 0 does not look (`SIM-21`).
    pub growth_percent: f64,
    /// Whether the run ends when every node has a route to every announcing one, instead of at
    /// the end of load and settling.
    pub stop_when_reachable: bool,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: "unnamed".into(),
            nodes: 10,
            topology: Shape::Geometric,
            degree: 6,
            shortcuts: 0,
            announcing: 0,
            duration_s: 60,
            settle_s: 3_600,
            link: LinkModel::default(),
            disk: DiskModel::default(),
            load: LoadModel::default(),
            faults: FaultModel::default(),
            checks: Checks::default(),
            rules: mesh::Rules::default(),
        }
    }
}

impl Default for LinkModel {
    fn default() -> Self {
        Self {
            latency_us: Span(1_000, 20_000),
            jitter_us: 1_000,
            bitrate_bps: Span(10_000_000, 100_000_000),
            mtu: vec![mesh::limits::LINK_MTU_MAX],
            reliable_share: 1.0,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            corrupt: 0.0,
            corrupt_reaches_core: false,
            detect_ms: Span(1_000, 10_000),
        }
    }
}

impl Default for DiskModel {
    fn default() -> Self {
        Self {
            commit_us: Span(150, 3_000),
            forgetful: false,
            write_error: 0.0,
            sync_error: 0.0,
            sync_left_out: false,
        }
    }
}

impl Default for LoadModel {
    fn default() -> Self {
        Self {
            messages: 0,
            pairs: 0,
            payload_len: Span(0, 1_000),
            participants: 0,
            volatile_share: 0.0,
            signed_share: 0.0,
            lifetime_s: 7 * 86_400,
            channel_members: 0,
            channel_messages: 0,
            warmup_s: 5,
        }
    }
}

impl Default for FaultModel {
    fn default() -> Self {
        Self {
            partitions: 0,
            partition_ms: Span(1_000, 30_000),
            asymmetric_share: 0.0,
            flaps: 0,
            flap_ms: Span(100, 10_000),
            crashes: 0,
            crash_ms: Span(100, 30_000),
            wall_jumps: 0,
            wall_jump_s: Span(1, 10 * 365 * 86_400),
            disk_full: 0,
            disk_full_ms: Span(1_000, 20_000),
        }
    }
}

impl Default for Checks {
    fn default() -> Self {
        Self {
            sample_ms: 1_000,
            loop_destinations: 0,
            routing: true,
            growth_percent: 0.0,
            stop_when_reachable: false,
        }
    }
}

/// A scenario that cannot be run, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct ScenarioError(String);

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScenarioError {}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not TOML, has an unknown key, or a value is out of range; the
    /// text names the file and the key.
    pub fn read(path: &Path) -> Result<Self, ScenarioError> {
        let named =
            |error: &dyn fmt::Display| ScenarioError(format!("{}: {error}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| named(&error))?;
        Self::parse(&text).map_err(|error| named(&error))
    }

    /// Reads a scenario from text.
    ///
    /// # Errors
    ///
    /// As [`Scenario::read`].
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self =
            toml::from_str(text).map_err(|error| ScenarioError(error.to_string()))?;
        scenario.check()?;
        Ok(scenario)
    }

    /// Nodes that announce themselves.
    pub fn announcing(&self) -> usize {
        if self.announcing == 0 { self.nodes } else { self.announcing.min(self.nodes) }
    }

    /// Nodes that send and receive.
    pub fn participants(&self) -> usize {
        match self.load.participants {
            0 => self.announcing(),
            some => some.min(self.announcing()),
        }
    }

    fn check(&self) -> Result<(), ScenarioError> {
        let refuse = |what: &str| Err(ScenarioError(what.into()));
        if self.nodes == 0 || self.nodes > NODES_MAX {
            return refuse("nodes: from 1 to 100000");
        }
        if self.link.mtu.is_empty()
            || self
                .link
                .mtu
                .iter()
                .any(|mtu| !(mesh::limits::LINK_MTU_MIN..=mesh::limits::LINK_MTU_MAX).contains(mtu))
        {
            return refuse("link.mtu: a list of values between LINK_MTU_MIN and LINK_MTU_MAX");
        }
        if self.link.bitrate_bps.0 == 0 {
            return refuse("link.bitrate_bps: more than 0");
        }
        if self.checks.sample_ms == 0 {
            return refuse("checks.sample_ms: more than 0");
        }
        if self.disk.forgetful && self.faults.crashes > 0 {
            return refuse("disk.forgetful: only without crashes");
        }
        if self.load.messages > 0 && self.participants() < 2 {
            return refuse("load.messages: needs two participants");
        }
        for (key, span) in self.spans() {
            if span.0 > span.1 {
                return Err(ScenarioError(format!("{key}: [low, high] with low ≤ high")));
            }
        }
        for (key, share) in self.shares() {
            if !(0.0..=1.0).contains(&share) {
                return Err(ScenarioError(format!("{key}: from 0 to 1")));
            }
        }
        Ok(())
    }

    fn spans(&self) -> [(&'static str, Span); 10] {
        [
            ("link.latency_us", self.link.latency_us),
            ("link.bitrate_bps", self.link.bitrate_bps),
            ("link.detect_ms", self.link.detect_ms),
            ("disk.commit_us", self.disk.commit_us),
            ("load.payload_len", self.load.payload_len),
            ("faults.partition_ms", self.faults.partition_ms),
            ("faults.flap_ms", self.faults.flap_ms),
            ("faults.crash_ms", self.faults.crash_ms),
            ("faults.wall_jump_s", self.faults.wall_jump_s),
            ("faults.disk_full_ms", self.faults.disk_full_ms),
        ]
    }

    fn shares(&self) -> [(&'static str, f64); 10] {
        [
            ("disk.write_error", self.disk.write_error),
            ("disk.sync_error", self.disk.sync_error),
            ("link.reliable_share", self.link.reliable_share),
            ("link.loss", self.link.loss),
            ("link.duplicate", self.link.duplicate),
            ("link.reorder", self.link.reorder),
            ("link.corrupt", self.link.corrupt),
            ("load.volatile_share", self.load.volatile_share),
            ("load.signed_share", self.load.signed_share),
            ("faults.asymmetric_share", self.faults.asymmetric_share),
        ]
    }
}

/// Most nodes of one simulation: at some kilobytes each they still fit a large machine's memory.
const NODES_MAX: usize = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// `SIM-02`
    #[test]
    fn unknown_keys_and_impossible_values_are_refused_by_name() {
        for (text, named) in [
            ("nodez = 3", "nodez"),
            ("nodes = 0", "nodes"),
            ("[link]\nloss = 1.5", "link.loss"),
            ("[link]\nmtu = [10]", "link.mtu"),
            ("[faults]\ncrash_ms = [9, 1]", "faults.crash_ms"),
            ("[disk]\nforgetful = true\n[faults]\ncrashes = 1", "disk.forgetful"),
        ] {
            let error = Scenario::parse(text).expect_err(text);
            assert!(error.to_string().contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn an_empty_file_is_a_scenario() {
        let scenario = Scenario::parse("").expect("defaults are valid");
        assert_eq!((scenario.nodes, scenario.announcing()), (10, 10));
    }
}
