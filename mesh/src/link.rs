//! What the core knows about a link: who is at the other end and what it can carry.

use core::fmt;

use crate::identity::PublicIdentity;

/// A link of this node, named by the driver. Never reused while the node runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "link{}", self.0)
    }
}

/// The medium of a link, for people and metrics; the core decides by [`LinkCaps`] alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Medium {
    /// In-process, for tests and simulations.
    Memory,
    /// TCP with a Noise handshake.
    Tcp,
    /// QUIC between two iroh endpoints, direct or through a relay.
    Iroh,
    /// A LoRa radio, through a [`crate::radio::RadioPort`].
    Lora,
}

impl Medium {
    /// The name used in addresses (`tcp://…`), JSON and metrics labels.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Tcp => "tcp",
            Self::Iroh => "iroh",
            Self::Lora => "lora",
        }
    }

    /// The number by which a traced node names it (`HOP-09`); 0 is none.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Memory => 1,
            Self::Tcp => 2,
            Self::Iroh => 3,
            Self::Lora => 4,
        }
    }

    /// The medium of a number, if it is one that this version knows.
    pub(crate) const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Memory,
            2 => Self::Tcp,
            3 => Self::Iroh,
            4 => Self::Lora,
            _ => return None,
        })
    }
}

/// What a link can carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkCaps {
    /// The medium behind the link.
    pub medium: Medium,
    /// Largest frame in bytes. At least [`crate::limits::LINK_MTU_MIN`].
    pub mtu: u32,
    /// Nominal bit rate in bits per second; decides costs and the announce share.
    pub bitrate_bps: u64,
    /// Whether a frame handed over arrives, or the link goes down. A link that may lose frames
    /// (`false`) gets hop-by-hop retries for what must arrive.
    pub reliable: bool,
    /// Whether all links of this kind share one channel on which everybody hears everything and
    /// air time is scarce. The medium tells what is up and what is down, and the node says nothing
    /// there that could be left out.
    pub shared: bool,
}

/// A link that came up, with the node proven to be at its other end by the link's handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkUp {
    /// The driver's name for the link.
    pub link: LinkId,
    /// What it can carry.
    pub caps: LinkCaps,
    /// The neighbour's node key, authenticated by the transport.
    pub peer: PublicIdentity,
}

/// What [`crate::Node::poll_transmit`] put into the caller's buffer.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// Bytes appended to the buffer: exactly one frame.
    pub size: usize,
    /// Where it stands among what other links of a shared medium have: the lower the sooner. Counted
    /// in bytes, so that whoever sends much or large frames comes later (`HOP-14`).
    pub turn: u64,
}
