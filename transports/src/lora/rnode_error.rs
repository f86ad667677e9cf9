//! What goes wrong with a modem, by whose fault it is.

use core::fmt;

use super::settings::Setting;

/// Why a modem is of no use at present (`RND-16`). The port is closed and opened again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RnodeError {
    /// Nobody on this port answers as a modem would.
    NoAnswer,
    /// The firmware is older than what this node can drive.
    OldFirmware {
        /// Version before the point.
        major: u8,
        /// Version after the point.
        minor: u8,
    },
    /// It says it does something else than it was told.
    Echo {
        /// What.
        setting: Setting,
        /// What it was told.
        wanted: u32,
        /// What it says.
        got: u32,
    },
    /// It does not say what it does.
    Missing(Setting),
    /// It starts over again and again.
    KeepsStarting,
    /// It says nothing any more.
    Silent,
    /// It says that it cannot work.
    Modem(ModemError),
}

impl RnodeError {
    /// The name used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoAnswer => "no-answer",
            Self::OldFirmware { .. } => "old-firmware",
            Self::Echo { .. } => "echo",
            Self::Missing(_) => "missing",
            Self::KeepsStarting => "keeps-starting",
            Self::Silent => "silent",
            Self::Modem(_) => "modem",
        }
    }
}

impl fmt::Display for RnodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("no RNode-compatible modem answers there"),
            Self::OldFirmware { major, minor } => {
                write!(f, "the modem's firmware is {major}.{minor}; it takes 1.52 or newer")
            }
            Self::Echo { setting, wanted, got } => {
                write!(f, "the modem was told {setting} {wanted} and says it uses {got}")
            }
            Self::Missing(setting) => write!(f, "the modem does not say its {setting}"),
            Self::KeepsStarting => f.write_str("the modem starts over again and again"),
            Self::Silent => f.write_str("the modem says nothing any more"),
            Self::Modem(error) => error.fmt(f),
        }
    }
}

impl core::error::Error for RnodeError {}

/// What a modem complains of (`RND-24`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ModemError {
    /// 1: the radio does not start.
    InitRadio,
    /// 2: a packet was not sent.
    TxFailed,
    /// 3: its settings are locked.
    Locked,
    /// 4: its queue is full.
    QueueFull,
    /// 5: it runs out of memory.
    MemoryLow,
    /// 6: the radio does not answer the modem.
    RadioTimeout,
    /// A number without a meaning here.
    Other(u8),
}

impl ModemError {
    /// Whether the radio works no more.
    pub const fn is_fatal(self) -> bool {
        matches!(self, Self::InitRadio | Self::Locked)
    }
}

impl From<u8> for ModemError {
    fn from(code: u8) -> Self {
        match code {
            1 => Self::InitRadio,
            2 => Self::TxFailed,
            3 => Self::Locked,
            4 => Self::QueueFull,
            5 => Self::MemoryLow,
            6 => Self::RadioTimeout,
            other => Self::Other(other),
        }
    }
}

impl fmt::Display for ModemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InitRadio => f.write_str("the modem's radio does not start"),
            Self::TxFailed => f.write_str("the modem did not send a packet"),
            Self::Locked => f.write_str("the modem's settings are locked"),
            Self::QueueFull => f.write_str("the modem's queue is full"),
            Self::MemoryLow => f.write_str("the modem runs out of memory"),
            Self::RadioTimeout => f.write_str("the modem's radio does not answer it"),
            Self::Other(code) => write!(f, "the modem reports error {code}"),
        }
    }
}
