//! What every link offers its driver, whatever the medium.
//!
//! A link is driven, it does not run: the driver reads from it when it is readable and lets it
//! pull frames from the core when it is writable. There is no queue between the core and the
//! socket but one bounded batch, so the core decides as late as possible what goes next.

use std::{fmt, io, task::Context};

use mesh::identity::PublicIdentity;
use mesh::link::LinkCaps;

use crate::limits::{RECEIVE_BUFFER_LEN, SEND_BATCH_LEN};

/// A path to one neighbour.
///
/// Both methods keep the waker of `cx` when they leave the link waiting, and only then; one waker
/// serves both directions.
pub trait Link: Send {
    /// What the link can carry.
    fn caps(&self) -> LinkCaps;

    /// Who is at the other end, proven by the medium's handshake.
    fn peer(&self) -> PublicIdentity;

    /// How the link gets there at present.
    fn path(&self) -> LinkPath {
        LinkPath::Direct
    }

    /// Hands received frames to `each`, as many as one read brings (`LNK-03`).
    ///
    /// # Errors
    ///
    /// The link is over; frames that arrived before were handed out.
    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason>;

    /// Pulls frames and sends them (`LNK-04`). `pull` appends exactly one frame and returns true,
    /// or appends nothing and returns false.
    ///
    /// # Errors
    ///
    /// The link is over; frames pulled before may be lost.
    fn send(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason>;

    /// Tells the peer, without waiting, that the link ends.
    fn say_goodbye(&mut self, _reason: Goodbye) {}
}

/// How a link gets to its peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkPath {
    /// From one node to the other, nobody of the mesh in between.
    Direct,
    /// Through a relay of the medium, which sees sizes and times of packets and nothing else.
    Relayed,
}

impl LinkPath {
    /// The name used in JSON and on D-Bus.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Relayed => "relayed",
        }
    }
}

/// Whether a consumer of frames takes the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Give me the next frame.
    Continue,
    /// This was the last one for now; what follows stays where it is.
    Pause,
}

/// How a [`Link::receive`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiving {
    /// Nothing more for now; the waker is called when there is.
    Waiting,
    /// There may be more: call again after the other links had their turn.
    More,
    /// The consumer paused: call again when it takes frames.
    Paused,
}

/// How a [`Link::send`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Everything pulled is with the medium.
    Idle,
    /// The medium takes no more for now; the waker is called when it does.
    Waiting,
    /// There may be more: call again after the other links had their turn.
    More,
}

/// Buffers that all links of a driver share, because only one link works at a time.
pub struct Scratch {
    pub(crate) receive: Box<[u8]>,
    pub(crate) send: Vec<u8>,
}

impl Scratch {
    /// Allocates both buffers, once.
    pub fn new() -> Self {
        Self {
            receive: vec![0; RECEIVE_BUFFER_LEN].into_boxed_slice(),
            send: Vec::with_capacity(SEND_BATCH_LEN / 8),
        }
    }
}

impl Default for Scratch {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

/// Why a node ends a link, as told to the peer in a goodbye record (`LNK-43`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Goodbye(pub u8);

impl Goodbye {
    /// The node shuts down, or its operator removed the link.
    pub const LEAVING: Self = Self(0);
    /// Another link between the same two nodes is kept (`LNK-56`).
    pub const DUPLICATE: Self = Self(1);
    /// The network key changed (`LNK-57`).
    pub const NETWORK_KEY: Self = Self(2);
    /// No room for another link (`LNK-55`).
    pub const FULL: Self = Self(3);
    /// The peer broke the rules of the layer above.
    pub const MISBEHAVED: Self = Self(4);

    /// The name used in logs and JSON. Codes of newer nodes are named `other`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LEAVING => "leaving",
            Self::DUPLICATE => "duplicate",
            Self::NETWORK_KEY => "network-key",
            Self::FULL => "full",
            Self::MISBEHAVED => "misbehaved",
            _ => "other",
        }
    }
}

/// Why a link is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DownReason {
    /// The peer said goodbye.
    PeerLeft(Goodbye),
    /// The connection was closed between two records.
    Closed,
    /// The connection was closed inside a record.
    Truncated,
    /// The medium failed.
    Io(io::ErrorKind),
    /// A record did not authenticate (`LNK-42`).
    BadTag,
    /// A record's length is outside its limits (`LNK-41`).
    BadLength,
    /// The operator removed the link.
    Removed,
    /// Another link to the same peer took its place (`LNK-56`).
    Superseded,
    /// The network key changed (`LNK-57`).
    NetworkKeyChanged,
    /// The peer does not answer any more.
    Silent,
    /// The peer broke the rules of the layer above.
    Misbehaved,
    /// This node shuts down.
    Shutdown,
}

impl DownReason {
    /// The name used in logs, metrics and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PeerLeft(_) => "peer-left",
            Self::Closed => "closed",
            Self::Truncated => "truncated",
            Self::Io(_) => "io",
            Self::BadTag => "bad-tag",
            Self::BadLength => "bad-length",
            Self::Removed => "removed",
            Self::Superseded => "superseded",
            Self::NetworkKeyChanged => "network-key-changed",
            Self::Silent => "silent",
            Self::Misbehaved => "misbehaved",
            Self::Shutdown => "shutdown",
        }
    }

    /// What the peer is told, when it is this side that ends the link.
    pub(crate) const fn goodbye(self) -> Option<Goodbye> {
        match self {
            Self::Removed | Self::Shutdown => Some(Goodbye::LEAVING),
            Self::Superseded => Some(Goodbye::DUPLICATE),
            Self::NetworkKeyChanged => Some(Goodbye::NETWORK_KEY),
            Self::Misbehaved => Some(Goodbye::MISBEHAVED),
            Self::PeerLeft(_)
            | Self::Closed
            | Self::Truncated
            | Self::Io(_)
            | Self::BadTag
            | Self::BadLength
            | Self::Silent => None,
        }
    }
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PeerLeft(why) => write!(f, "the peer said goodbye: {}", why.as_str()),
            Self::Closed => f.write_str("the peer closed the connection"),
            Self::Truncated => f.write_str("the connection ended inside a record"),
            Self::Io(kind) => write!(f, "{kind}"),
            Self::BadTag => f.write_str("a record did not authenticate"),
            Self::BadLength => f.write_str("a record's length is outside its limits"),
            Self::Removed => f.write_str("removed"),
            Self::Superseded => f.write_str("another link to the same peer took its place"),
            Self::NetworkKeyChanged => f.write_str("the network key changed"),
            Self::Silent => f.write_str("the peer does not answer"),
            Self::Misbehaved => f.write_str("the peer broke the rules"),
            Self::Shutdown => f.write_str("this node shuts down"),
        }
    }
}

impl std::error::Error for DownReason {}

impl From<io::Error> for DownReason {
    fn from(error: io::Error) -> Self {
        Self::Io(error.kind())
    }
}
