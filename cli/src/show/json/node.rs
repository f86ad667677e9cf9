//! The node itself: status, identity, neighbours, routes, links, settings.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{from_ms, from_us};

/// `CLI-50`
#[derive(Debug, Serialize)]
pub struct Status {
    /// `online` with at least one neighbour, else `offline`.
    pub state: &'static str,
    /// This node's address.
    pub address: String,
    /// Its name, when configured.
    pub name: Option<String>,
    /// The daemon's version.
    pub version: String,
    /// Seconds since the daemon started.
    pub uptime_s: u64,
    /// Neighbours.
    pub peers: u32,
    /// Destinations with a route.
    pub routes: u32,
    /// Messages of ours without a receipt.
    pub outbox: u32,
    /// Those of them that a relay keeps.
    pub outbox_in_custody: u32,
    /// Envelopes of others kept here.
    pub custody: u32,
    /// Bytes of those.
    pub custody_bytes: u64,
    /// Messages received and not taken.
    pub inbox: u32,
    /// Our clock minus what most neighbours say.
    pub clock_skew_s: Option<i64>,
    /// `ok`, `full` or `failed`.
    pub storage: String,
    /// Link URIs this node listens on.
    pub listening: Vec<String>,
    /// Where the QUIC endpoint can be reached, as a link URI to hand out.
    pub iroh: Option<String>,
    /// Sentences.
    pub warnings: Vec<String>,
    /// Frames dropped, by reason.
    pub dropped: BTreeMap<String, u64>,
    /// Neighbours found on the local network.
    pub discovered: u32,
    /// Multicast packets sent to find them, without mDNS.
    pub multicast_sent: u64,
}

/// `CLI-51`
#[derive(Debug, Serialize)]
pub struct Whoami {
    /// This node's address.
    pub address: String,
    /// Its name, when configured.
    pub name: Option<String>,
    /// The root key that certifies it, when it has one.
    pub root_key: Option<String>,
    /// Where its QUIC endpoint can be reached, as a link URI to hand out.
    pub iroh: Option<String>,
}

/// `CLI-52`
#[derive(Debug, Serialize)]
pub struct Peers {
    /// The neighbours, by address.
    pub peers: Vec<Peer>,
}

/// A neighbour.
#[derive(Debug, Serialize)]
pub struct Peer {
    /// Its address.
    pub address: String,
    /// Its petname.
    pub name: Option<String>,
    /// The id of the link it is on.
    pub link: String,
    /// The link's medium.
    pub medium: String,
    /// Smoothed round trip.
    pub rtt_ms: Option<f64>,
    /// How long it has been there.
    pub up_s: u64,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Its clock minus ours.
    pub clock_offset_s: Option<i64>,
    /// How the link gets there: `direct` or `relayed`.
    pub path: Option<String>,
}

impl From<api::Peer> for Peer {
    fn from(peer: api::Peer) -> Self {
        Self {
            address: peer.address,
            name: peer.name,
            link: peer.link,
            medium: peer.medium,
            rtt_ms: peer.rtt_us.map(from_us),
            up_s: peer.up_s,
            rx_bytes: peer.bytes_in,
            tx_bytes: peer.bytes_out,
            clock_offset_s: peer.clock_offset_s,
            path: peer.path,
        }
    }
}

/// `CLI-53`
#[derive(Debug, Serialize)]
pub struct Routes {
    /// The routes, by address.
    pub routes: Vec<Route>,
}

/// A route.
#[derive(Debug, Serialize)]
pub struct Route {
    /// The destination.
    pub address: String,
    /// Hops; 1 is a neighbour.
    pub hops: u8,
    /// Expected air or wire time of a reference frame in microseconds.
    pub cost: u32,
    /// The neighbour it leads through.
    pub next_hop: String,
    /// Age of the announce behind it.
    pub age_s: u64,
    /// The destination's petname.
    pub name: Option<String>,
    /// Whether receipts came back through it.
    pub proven: bool,
    /// Routes kept beside it.
    pub alternatives: u8,
}

impl From<api::Route> for Route {
    fn from(route: api::Route) -> Self {
        Self {
            address: route.address,
            hops: route.hops,
            cost: route.cost,
            next_hop: route.next_hop,
            age_s: route.age_s,
            name: route.name,
            proven: route.proven,
            alternatives: route.alternatives,
        }
    }
}

/// `CLI-54`
#[derive(Debug, Serialize)]
pub struct Links {
    /// The links.
    pub links: Vec<Link>,
}

/// A link.
#[derive(Debug, Serialize)]
pub struct Link {
    /// Its id.
    pub id: String,
    /// Where it leads.
    pub uri: String,
    /// `connecting`, `up`, `backoff`, `standby` or `listening`.
    pub state: String,
    /// `listener`, `dialled` or `accepted`.
    pub direction: String,
    /// `config`, `api`, `peer` or `discovered`.
    pub origin: String,
    /// The neighbour at its end, while it is up.
    pub peer: Option<String>,
    /// What went wrong last.
    pub error: Option<String>,
    /// When it is tried again.
    pub retry_in_s: Option<f64>,
    /// How it gets to the neighbour, while it is up: `direct` or `relayed`.
    pub path: Option<String>,
}

impl From<api::Link> for Link {
    fn from(link: api::Link) -> Self {
        Self {
            id: link.id,
            uri: link.uri,
            state: link.state,
            direction: link.direction,
            origin: link.origin,
            peer: link.peer,
            error: link.error,
            retry_in_s: link.next_try_ms.map(from_ms),
            path: link.path,
        }
    }
}

/// `CLI-68`
#[derive(Debug, Serialize)]
pub struct Config {
    /// Dotted keys and their values, secrets replaced.
    pub config: BTreeMap<String, String>,
}
