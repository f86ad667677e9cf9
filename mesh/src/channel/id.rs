use core::{fmt, str::FromStr};

use crate::crypto::hash::{Domain, digest16};

/// Names a channel: a digest of its access key (`CH-01`).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub [u8; 16]);

impl ChannelId {
    /// The id of the channel with this access key.
    pub fn derive(access_key: &[u8; 32]) -> Self {
        Self(digest16(Domain::Channel, &[access_key]))
    }

    /// What stands for it in lite messages: two bytes that other channels may share.
    pub(crate) const fn label(&self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }

    /// Where lite messages with this label are kept that nobody here can open.
    pub(crate) fn of_strangers(label: [u8; 2]) -> Self {
        Self(digest16(Domain::ChannelLite, &[b"strangers", &label]))
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ChannelId({self})")
    }
}

/// The text is not a channel id: 32 hexadecimal digits are expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseChannelIdError;

impl fmt::Display for ParseChannelIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a channel id is 32 hexadecimal digits")
    }
}

impl core::error::Error for ParseChannelIdError {}

impl FromStr for ChannelId {
    type Err = ParseChannelIdError;

    fn from_str(text: &str) -> Result<Self, ParseChannelIdError> {
        // An address has the same form; one parser serves both.
        let address: crate::Address = text.parse().map_err(|_| ParseChannelIdError)?;
        Ok(Self(*address.as_bytes()))
    }
}
