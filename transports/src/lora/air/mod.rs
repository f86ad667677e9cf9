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
//! | [`clock`] | clocks that drift |
//! | [`modulation`] | time on air |

pub mod channel;
#[cfg(test)]
mod channel_tests;
pub mod clock;
pub mod decibel;
mod draw;
pub mod modulation;
pub mod propagation;
pub mod receiver;

pub use channel::{Air, AirEvent, Loss, RadioId, RadioSite, TransmitError};
pub use clock::Clock;
pub use decibel::Decibel;
pub use modulation::{Modulation, Signal};
pub use propagation::{Position, Propagation};
