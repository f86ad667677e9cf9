//! "I do not know what that refers to": no fault, only a request for the long form (`CMP-12`).

use alloc::vec::Vec;

use crate::{
    error::{Error, Malformed, Unsupported},
    wire::{Reader, Writer},
};

/// A reference that the receiver of a body could not resolve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// A label for a destination.
    Label(u16),
    /// The first bytes of the address of an announce.
    Announce([u8; 4]),
    /// The first bytes of an envelope's id.
    Id([u8; 4]),
    /// The first bytes of an envelope's lock.
    Lock([u8; 4]),
}

impl Unknown {
    /// Appends the body of a frame of type [`super::CompactType::UNKNOWN`].
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut w = Writer::new(out);
        match self {
            Self::Label(label) => w.u8(0).u16(*label),
            Self::Announce(prefix) => w.u8(1).array(prefix),
            Self::Id(prefix) => w.u8(2).array(prefix),
            Self::Lock(prefix) => w.u8(3).array(prefix),
        };
    }

    /// Reads such a body.
    ///
    /// # Errors
    /// [`Malformed`] bytes, [`Unsupported::Kind`] for references we do not make.
    pub fn read(body: &[u8]) -> Result<Self, Error> {
        let mut r = Reader::new(body);
        let this = match r.u8("reference")? {
            0 => Self::Label(r.u16("label")?),
            1 => Self::Announce(r.array("announce")?),
            2 => Self::Id(r.array("envelope id")?),
            3 => Self::Lock(r.array("envelope lock")?),
            other => return Err(Unsupported::Kind(other).into()),
        };
        r.finish("reference").map_err(|error: Malformed| error)?;
        Ok(this)
    }
}
