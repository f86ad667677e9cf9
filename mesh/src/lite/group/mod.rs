//! Channel messages for radio: no key and no signature on the way, the sender proven a little later
//! (`specs/29-lite-group.md`).
//!
//! | file | what |
//! |---|---|
//! | `object` | layout of the objects as they travel and are kept |
//! | `air` | the same in the fewest bytes, for radio, and back |
//! | `keys` | a group's keys, a sender's voice in it, sealing and opening |
//! | `checkpoint` | what a sender signs for what it sent |
//! | `forward` | groups that no newcomer may read back: used keys are gone |
//!
//! Nothing here keeps state of a channel; that is [`crate::channel`].

pub mod air;
mod checkpoint;
mod forward;
mod keys;
mod object;
#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, Claim};
pub use forward::ForwardGroup;
pub use keys::{GroupKeys, Text, Voice};
pub use object::{Form, LiteObject, lifetime_code};
