//! What diagnosis finds: probes, the state of the network, support bundles.

use std::collections::BTreeMap;

use serde::Serialize;

/// `CLI-76`
#[derive(Debug, Serialize)]
pub struct Probe {
    /// What was asked for.
    pub target: String,
    /// Whether every stage holds.
    pub ok: bool,
    /// The stages, in order.
    pub stages: Vec<Stage>,
}

/// One stage of a probe.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// `identity`, `discovery`, `path`, `link` or `round-trip`.
    pub stage: &'static str,
    /// Whether it holds; unknown when an earlier one does not.
    pub ok: Option<bool>,
    /// What was found, or the reason, as a sentence.
    pub detail: String,
    /// What to do.
    pub hint: Option<String>,
}

/// `CLI-77`
#[derive(Debug, Serialize)]
pub struct Netcheck {
    /// Whether this machine has a way to the IPv4 Internet.
    pub ipv4: bool,
    /// Whether it has one to the IPv6 Internet.
    pub ipv6: bool,
    /// Where neighbours can connect to.
    pub listening: Vec<String>,
    /// Where the QUIC endpoint can be reached, when there is one.
    pub iroh: Option<String>,
    /// Links that are up through a relay.
    pub relayed: u32,
    /// The own multicast group.
    pub multicast: Multicast,
    /// `off`, `starting`, `works`, or `failed: ` and why.
    pub mdns: String,
    /// Who was found.
    pub found: Vec<Found>,
    /// Links that are up, by how they came about.
    pub links_up: BTreeMap<String, u32>,
    /// Links that do not work.
    pub links_broken: u32,
    /// Our clock minus what most neighbours say, when it matters.
    pub clock_skew_s: Option<i64>,
    /// What should be looked at, as sentences; empty when all is well.
    pub findings: Vec<String>,
}

/// The own multicast group.
#[derive(Debug, Serialize)]
pub struct Multicast {
    /// `off`, `starting`, `works`, or `failed: ` and why.
    pub state: String,
    /// Its address and port.
    pub group: String,
    /// The interfaces it is joined on.
    pub interfaces: Vec<String>,
    /// Packets sent to it.
    pub sent: u64,
    /// Answers sent to one asker each.
    pub answered: u64,
    /// Packets heard that counted.
    pub received: u64,
    /// Packets heard that did not, by reason.
    pub ignored: BTreeMap<String, u64>,
}

/// A neighbour that was found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// 16 hexadecimal digits that it drew at its start, or `next-node`.
    pub instance: String,
    /// Where it can be dialled.
    pub uri: String,
    /// The state of the link to it, or `held`, or `seen`.
    pub state: String,
    /// The id of that link.
    pub link: Option<String>,
}

/// `CLI-78`
#[derive(Debug, Serialize)]
pub struct Bundle {
    /// Where it was written; `null` when it was not.
    pub file: Option<String>,
    /// Bytes of each section.
    pub sections: BTreeMap<String, usize>,
    /// How many different values were replaced, by kind.
    pub replaced: BTreeMap<&'static str, u32>,
}
