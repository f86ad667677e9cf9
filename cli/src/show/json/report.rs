//! Events, pictures, versions, and what commands say that have little to say.

use serde::Serialize;

/// `CLI-66`
#[derive(Debug, Serialize)]
pub struct Done {
    /// What was done, as a sentence.
    pub done: String,
}

/// `CLI-67`
#[derive(Debug, Serialize)]
pub struct Event {
    /// What kind of event it is.
    pub event: String,
    /// Its position among the events of this daemon.
    pub seq: u64,
    /// Unix seconds of this node's clock.
    pub at: u64,
    /// The node it is about.
    pub address: Option<String>,
    /// The message it is about.
    pub message: Option<String>,
    /// The link it is about.
    pub link: Option<String>,
    /// The channel it is about.
    pub channel: Option<String>,
    /// The reason, or the new value.
    pub detail: Option<String>,
    /// A time span that belongs to it.
    pub after_ms: Option<u64>,
}

impl From<api::EventEntry> for Event {
    fn from(entry: api::EventEntry) -> Self {
        Self {
            event: entry.kind,
            seq: entry.seq,
            at: entry.at,
            address: entry.address,
            message: entry.message,
            link: entry.link,
            channel: entry.channel,
            detail: entry.detail,
            after_ms: entry.after_ms,
        }
    }
}

/// `CLI-74`
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Whether the daemon would start with it.
    pub ok: bool,
    /// What the daemon says about it.
    pub report: String,
}

/// `CLI-69`
#[derive(Debug, Serialize)]
pub struct Graph {
    /// The nodes, this one first, then by distance and address.
    pub nodes: Vec<GraphNode>,
    /// What connects them.
    pub edges: Vec<GraphEdge>,
}

/// A node of the topology.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphNode {
    /// Its address.
    pub address: String,
    /// Its petname; this node's own name for itself.
    pub name: Option<String>,
    /// Hops from here.
    pub hops: u8,
}

/// A connection of the topology.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GraphEdge {
    /// The end nearer to this node.
    pub from: String,
    /// The other end.
    pub to: String,
    /// `link`: a link of ours; `route`: the way there leads through `from`, with `hops - 2` nodes
    /// in between that we do not know.
    pub kind: &'static str,
}

/// `CLI-70`
#[derive(Debug, Serialize)]
pub struct Version {
    /// This program's version.
    pub qpc: &'static str,
    /// The daemon's version, when it answers.
    pub daemon: Option<String>,
}

/// `CLI-71`
#[derive(Debug, Serialize)]
pub struct Demo {
    /// Whether every step happened.
    pub ok: bool,
    /// How long it took.
    pub seconds: f64,
    /// The steps, in order.
    pub steps: Vec<Step>,
}

/// A step of the demonstration.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What was to happen, as a sentence.
    pub step: String,
    /// Whether it did.
    pub ok: bool,
}

/// `CLI-72`
#[derive(Debug, Serialize)]
pub struct Text {
    /// What would be printed plain.
    pub text: String,
}
