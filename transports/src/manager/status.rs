//! What a manager tells about its links.

use std::{collections::BTreeMap, fmt, net::SocketAddr};

use mesh::{LinkId, PublicIdentity};
use tokio::time::Instant;

use crate::link::LinkPath;

/// Names a static peer or a listener. Never reused while the manager lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HandleId(pub u32);

impl fmt::Display for HandleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The state of a static peer, a listener or an inbound link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LinkState {
    /// Resolving, connecting or shaking hands; of a listener: about to bind.
    Connecting,
    /// Frames flow.
    Up,
    /// The last try failed, or the link went down.
    Backoff {
        /// When it is tried again.
        next_try: Instant,
    },
    /// Another link to the same peer is up; dialled again when that one goes down (`LNK-56`).
    Standby,
    /// Bound.
    Listening {
        /// Where, with the port that was chosen if port 0 was asked for.
        address: SocketAddr,
    },
}

impl LinkState {
    /// The name used in JSON and on D-Bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Up => "up",
            Self::Backoff { .. } => "backoff",
            Self::Standby => "standby",
            Self::Listening { .. } => "listening",
        }
    }
}

/// A row of [`super::TransportManager::list`].
#[derive(Clone, Debug)]
pub struct LinkStatus {
    /// The static peer or listener; `None` for an inbound link.
    pub id: Option<HandleId>,
    /// `tcp://HOST:PORT` or `iroh://ENDPOINT?…` as configured, or where an inbound link came from.
    pub uri: String,
    /// The link that is up.
    pub link: Option<LinkId>,
    /// What it does now.
    pub state: LinkState,
    /// The node at the other end: of the link that is up, or of the last one that was.
    pub peer: Option<PublicIdentity>,
    /// When the state was entered.
    pub since: Instant,
    /// Tries since the last success.
    pub tries: u32,
    /// Whether the peer dialled.
    pub inbound: bool,
    /// Why the last try or link failed.
    pub last_error: Option<String>,
    /// What the link that is up has carried.
    pub traffic: Traffic,
    /// How the link that is up gets to its peer.
    pub path: Option<LinkPath>,
}

/// Frames and their bytes, without what the link layer adds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Frames sent.
    pub sent_frames: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Frames received.
    pub received_frames: u64,
    /// Bytes received.
    pub received_bytes: u64,
}

impl Traffic {
    pub(super) fn add(&mut self, other: &Self) {
        self.sent_frames += other.sent_frames;
        self.sent_bytes += other.sent_bytes;
        self.received_frames += other.received_frames;
        self.received_bytes += other.received_bytes;
    }
}

/// What happened since the manager was made. The keys of both maps are fixed sets of names.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Links that came up.
    pub links_up: u64,
    /// Links that went down, by [`crate::link::DownReason::as_str`].
    pub links_down: BTreeMap<&'static str, u64>,
    /// Handshakes that failed, ours and inbound, by
    /// [`crate::secure::HandshakeError::as_str`].
    pub handshakes_failed: BTreeMap<&'static str, u64>,
    /// Dials that ended before a handshake.
    pub connects_failed: u64,
    /// Inbound connections refused because their source had too many (`LNK-54`).
    pub turned_away: u64,
    /// What links that are down by now have carried.
    pub past_traffic: Traffic,
}
