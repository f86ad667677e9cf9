//! Virtual air: what radios hear of each other, without radios (`specs/30-virtual-air.md`, `VIR-…`).
//!
//! [`Air`] is a state machine without sockets and clocks. Time goes in as microseconds; what was
//! received, and what was lost and why, comes out. Equal inputs and an equal seed give equal
//! outputs, in a simulator and behind a socket alike.
//!
//! ```text
//!  begin_transmit ─→ visible (2 symbols) ─→ synchronised (end of preamble) ─→ end ─→ Heard | Lost | Sent
//!                     carrier sense sees it   one frame per receiver            judged with all interference
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`decibel`] | levels and ratios in hundredths of a decibel |
//! | [`propagation`] | places, path loss, shadowing |
//! | [`receiver`] | noise, sensitivity, what a frame survives |
//! | [`channel`] | the air itself |
//! | [`rnode`] | a modem on it, as its host sees it |
//! | [`clock`] | clocks that drift |

pub mod channel;
#[cfg(test)]
mod channel_tests;
pub mod clock;
pub mod decibel;
mod draw;
mod event;
mod flight;
mod judge;
pub mod propagation;
pub mod receiver;
pub mod rnode;
mod sense;

pub use channel::{Air, FRAME_LEN_MAX, RadioId, RadioSite};
pub use clock::Clock;
pub use decibel::Decibel;
pub use event::{AirEvent, Loss, TransmitError};
pub use propagation::{Position, Propagation};
pub use rnode::{RadioCommand, VirtualRnode};
