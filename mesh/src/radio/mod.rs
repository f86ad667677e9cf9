//! A broadcast radio under the node: neighbours, hop keys, acknowledgements, turns
//! (`specs/26-radio.md`).
//!
//! A [`RadioPort`] makes of one half-duplex radio, on which everybody in range hears everything,
//! one link for each neighbour. Like the node it is a state machine without clock and modem:
//!
//! ```text
//!  Node ──poll_transmit of a neighbour's link──▶ pull ┐                      ┌─ poll_air ──▶ modem
//!                                                     ├ who is it for · once ┤
//!  Node ◀─────────── handle_frame ──── RadioEvent ────┘ tag · repeat · turn  └─ handle_heard ◀─ modem
//! ```
//!
//! # Driving a port
//!
//! 1. Input: [`RadioPort::handle_heard`], [`RadioPort::handle_sent`], [`RadioPort::handle_channel`],
//!    [`RadioPort::handle_ready`] for what [`crate::Node::poll_link`] names,
//!    [`RadioPort::handle_timeout`].
//! 2. Drain [`RadioPort::poll_event`]: `Up` becomes a [`crate::LinkId`] and
//!    [`crate::Node::handle_link_up`], `Frame` goes to [`crate::Node::handle_frame`].
//! 3. When the modem is free and the law allows the largest frame: [`RadioPort::poll_air`].
//! 4. [`RadioPort::poll_timeout`] says when to come back. When it is over and the modem is not
//!    free, come back when it is.

mod keys;
mod long;
mod meeting;
mod modulation;
mod neighbour;
mod outgoing;
mod port;
mod turn;
mod unicast;
mod vectors;
mod wire;

#[cfg(test)]
pub(crate) mod tests;

use alloc::vec::Vec;
use core::{fmt, time::Duration};

pub use self::{
    modulation::Modulation,
    port::{RadioCounters, RadioPort},
    wire::PAYLOAD_LEN_MAX,
};
use crate::{
    crypto::Mode,
    identity::PublicIdentity,
    link::{LinkCaps, Transmit},
    rules::Rules,
    time::Instant,
};

/// How well something was heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signal {
    /// Received strength in dBm.
    pub rssi_dbm: i16,
    /// Signal to noise in quarters of a decibel.
    pub snr_quarter_db: i16,
}

/// A neighbour of a port. Never used for another one while the port lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NeighbourId(pub u32);

impl fmt::Display for NeighbourId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "neighbour{}", self.0)
    }
}

/// What a port tells its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RadioEvent {
    /// A neighbour has proven its key, and that it hears us: a link came up.
    Up {
        /// The port's name for it.
        neighbour: NeighbourId,
        /// Its node key.
        peer: PublicIdentity,
        /// What the link can carry.
        caps: LinkCaps,
    },
    /// A neighbour does not answer any more, or started anew.
    Down {
        /// The port's name for it.
        neighbour: NeighbourId,
    },
    /// A frame for [`crate::Node::handle_frame`].
    Frame {
        /// From whom.
        neighbour: NeighbourId,
        /// A full frame.
        frame: Vec<u8>,
    },
    /// A frame was acknowledged at last, or given up: for [`crate::Node::handle_link_delivery`].
    Delivery {
        /// To whom.
        neighbour: NeighbourId,
        /// Transmissions it took, or all that were made.
        transmissions: u8,
        /// Whether it arrived.
        delivered: bool,
        /// The lock of the envelope that it was.
        lock: Option<[u8; 16]>,
    },
}

/// For whose benefit something is on the air, in order of precedence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AirClass {
    /// Acknowledgements, receipts, keys, routing on demand.
    Control,
    /// Messages.
    Conversation,
    /// What everybody may hear: announces, channels.
    Broadcast,
    /// What can wait: files, catching up.
    Bulk,
}

/// What [`RadioPort::poll_air`] put into the caller's buffer.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AirFrame {
    /// Bytes appended, at most [`PAYLOAD_LEN_MAX`].
    pub len: usize,
    /// What they are for.
    pub class: AirClass,
}

/// What the node gave for a neighbour: the place of the frame among others, or nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled(Option<u64>);

impl From<Option<Transmit>> for Pulled {
    fn from(transmit: Option<Transmit>) -> Self {
        Self(transmit.map(|transmit| transmit.turn))
    }
}

impl From<bool> for Pulled {
    fn from(is_frame: bool) -> Self {
        Self(is_frame.then_some(0))
    }
}

/// What a port has to know of its radio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RadioConfig {
    /// How the radio is set.
    pub modulation: Modulation,
    /// Bytes the modem adds to every payload: 1 for an RNode-compatible one.
    pub modem_bytes: u8,
    /// Whether the driver tells [`RadioPort::handle_channel`]. A stock RNode does not let us know,
    /// but listens by itself before it sends.
    pub senses_channel: bool,
    /// Real cryptography, or a transparent one in simulations.
    pub crypto: Mode,
    /// Which rules hold.
    pub rules: Rules,
}

impl RadioConfig {
    /// A port above an RNode-compatible modem that listens by itself.
    pub fn new(modulation: Modulation) -> Self {
        Self {
            modulation,
            modem_bytes: 1,
            senses_channel: false,
            crypto: Mode::default(),
            rules: Rules::ALL,
        }
    }

    /// Time on air of a payload.
    pub const fn air(&self, payload_len: usize) -> Duration {
        let len = payload_len + self.modem_bytes as usize;
        Duration::from_micros(self.modulation.time_on_air_us(len))
    }
}

/// A neighbour, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourView {
    /// The port's name for it.
    pub neighbour: NeighbourId,
    /// Its key.
    pub peer: PublicIdentity,
    /// How well it is heard, averaged.
    pub signal: Signal,
    /// Acknowledged frames per frame handed to it, averaged, in 1/255.
    pub success: u8,
    /// When it was heard last.
    pub last_heard: Instant,
    /// Air time spent on it, repetitions included.
    pub air: Duration,
}
