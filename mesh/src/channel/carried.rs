//! What is kept and passed on: a message in full, or a lite object.

use alloc::vec::Vec;

use super::message::{Admitted, Digest};
use crate::lite::group::{Form, LiteObject};

/// A message or checkpoint in the form in which it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carried {
    /// Signed by a member (`specs/07-channel.md`).
    Full(Admitted),
    /// For radio (`specs/29-lite-group.md`).
    Lite(LiteObject),
}

impl Carried {
    pub(super) const fn digest(&self) -> &Digest {
        match self {
            Self::Full(message) => message.digest(),
            Self::Lite(object) => object.digest(),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Full(message) => message.len(),
            Self::Lite(object) => object.len(),
        }
    }

    pub(super) fn lifetime_s(&self) -> u32 {
        match self {
            Self::Full(message) => message.header().lifetime_s,
            Self::Lite(object) => object.lifetime_s(),
        }
    }

    pub(super) fn hops_left(&self) -> u8 {
        match self {
            Self::Full(message) => message.header().hops_left,
            Self::Lite(object) => object.hops_left(),
        }
    }

    pub(super) fn age_ms(&self) -> u32 {
        match self {
            Self::Full(message) => message.header().age_ms,
            Self::Lite(object) => object.age_ms(),
        }
    }

    /// The lite object.
    pub(super) const fn lite(&self) -> Option<&LiteObject> {
        match self {
            Self::Full(_) => None,
            Self::Lite(object) => Some(object),
        }
    }

    /// Whether it proves other messages.
    pub(super) fn is_checkpoint(&self) -> bool {
        self.lite().is_some_and(|object| object.form() == Form::Checkpoint)
    }

    /// Whether it proves its own sender.
    pub(super) fn is_signed(&self) -> bool {
        self.lite().is_none_or(|object| object.form() == Form::Signed)
    }

    /// Appends the body with other mutable fields.
    pub(super) fn write_body(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        match self {
            Self::Full(message) => message.write_body(hops_left, age_ms, out),
            Self::Lite(object) => object.write_body(hops_left, age_ms, out),
        }
    }

    /// Appends a whole frame.
    pub(super) fn write_frame(&self, hops_left: u8, age_ms: u32, out: &mut Vec<u8>) {
        match self {
            Self::Full(message) => message.write_frame(hops_left, age_ms, out),
            Self::Lite(object) => object.write_frame(hops_left, age_ms, out),
        }
    }
}
