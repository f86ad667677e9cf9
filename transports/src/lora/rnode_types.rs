//! What goes in and out of [`super::rnode::Rnode`].

use alloc::vec::Vec;
use core::time::Duration;

use super::rnode_error::{ModemError, RnodeError};

/// How long a port takes for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// From opening to the first word.
    pub quiet: Duration,
    /// For the answer to that.
    pub answer: Duration,
    /// For all echoes.
    pub settle: Duration,
    /// The longest silence inside a frame.
    pub gap: Duration,
    /// For one byte on the line.
    pub byte: Duration,
}

impl Pace {
    /// A serial port at 115,200 baud. A host in the field gives 200 ms for an answer; boards that
    /// load their radio at start take longer at times.
    pub const SERIAL: Self = Self {
        quiet: Duration::from_secs(2),
        answer: Duration::from_secs(1),
        settle: Duration::from_millis(1_500),
        gap: Duration::from_millis(100),
        byte: Duration::from_micros(87),
    };

    /// TCP, perhaps over a bad wireless network.
    pub const TCP: Self = Self {
        quiet: Duration::ZERO,
        answer: Duration::from_secs(5),
        settle: Duration::from_secs(3),
        gap: Duration::from_millis(1_500),
        byte: Duration::ZERO,
    };
}

/// How a packet was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSignal {
    /// Strength.
    pub rssi_dbm: i16,
    /// Above noise, in quarters of a dB.
    pub snr_quarter_db: i16,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RnodeEvent {
    /// The radio does what it was told.
    Online,
    /// A packet arrived, without the modem's header byte.
    Heard {
        /// 1 to [`PACKET_MAX`] bytes.
        payload: Vec<u8>,
        /// As far as the modem said.
        signal: Option<PacketSignal>,
    },
    /// The packet handed over last left the antenna, as far as one can know (`RND-20`).
    Sent,
    /// The radio is not online any more and is being set anew; why, as a sentence.
    Offline(&'static str),
    /// The modem complains, and works on.
    Complaint(ModemError),
    /// The modem is of no use; the machine is over.
    Failed(RnodeError),
}

/// Why a packet was not taken: the caller's mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// The radio is not online.
    Offline,
    /// One packet is with the modem already.
    Busy,
    /// Empty, or longer than [`PACKET_MAX`].
    Length,
}

/// The longest packet that is one frame on the air, in bytes: 255 less the modem's own header.
pub const PACKET_MAX: usize = 254;
