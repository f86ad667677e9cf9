//! What an [`Air`](super::Air) reports.

use std::fmt;

use mesh::radio::Signal;

use super::RadioId;

/// What happened on the air.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AirEvent {
    /// A radio received a frame.
    Heard {
        /// When it ended.
        at_us: u64,
        /// Who received it.
        radio: RadioId,
        /// Who sent it; the receiver cannot know.
        from: RadioId,
        /// How well.
        signal: Signal,
        /// What it was.
        frame: Vec<u8>,
    },
    /// A radio in reach did not receive a frame.
    Lost {
        /// When that was certain.
        at_us: u64,
        /// Who should have received it.
        radio: RadioId,
        /// Who sent it.
        from: RadioId,
        /// How well it would have been received.
        signal: Signal,
        /// Why not.
        why: Loss,
    },
    /// The last symbol of a radio's frame has left its antenna.
    Sent {
        /// When.
        at_us: u64,
        /// Who sent it.
        radio: RadioId,
    },
    /// What carrier sense says at a radio that is watched has changed.
    Channel {
        /// When.
        at_us: u64,
        /// The radio.
        radio: RadioId,
        /// Whether somebody is heard.
        busy: bool,
    },
}

/// Why a radio in reach did not receive a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// Others were too strong at the same time.
    Collision,
    /// The oscillators are too far apart for the bandwidth.
    Detuned,
    /// Bad luck (`Propagation::frame_loss_ppm`).
    Faded,
    /// The radio itself was transmitting.
    HalfDuplex,
    /// The radio was receiving another frame.
    Occupied,
    /// The radio was switched off or to other settings meanwhile.
    Retuned,
}

/// Why nothing was transmitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransmitError {
    /// The radio is gone, or never was.
    NoRadio,
    /// Its previous frame is still under way.
    Transmitting,
    /// Empty, or longer than 255 bytes.
    Length,
}

impl fmt::Display for TransmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoRadio => "there is no such radio",
            Self::Transmitting => "the radio is transmitting",
            Self::Length => "a frame has 1 to 255 bytes",
        })
    }
}

impl std::error::Error for TransmitError {}
