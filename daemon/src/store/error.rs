//! What can go wrong with the store.

use std::{error, fmt, io};

/// Why the store did not do what it was asked.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// No room on the device. What was asked is kept and tried again.
    Full(io::Error),
    /// The device failed. What was asked is kept and tried again.
    Io(io::Error),
    /// The store holds the state of another node.
    OtherOwner {
        /// The address in the store, hexadecimal.
        owner: String,
    },
}

impl From<io::Error> for StoreError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Self::Full(error),
            _ => Self::Io(error),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full(error) => write!(f, "no room for the store: {error}"),
            Self::Io(error) => write!(f, "the store's device failed: {error}"),
            Self::OtherOwner { owner } => {
                write!(f, "the store holds the state of another node, {owner}")
            }
        }
    }
}

impl error::Error for StoreError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Full(error) | Self::Io(error) => Some(error),
            Self::OtherOwner { .. } => None,
        }
    }
}
