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
//! | [`server`], [`wire`], [`map`] | the air behind a Unix socket, in real time |
//! | [`attach`], `line` | a modem between that socket and a host: a pseudo-terminal or TCP |
//! | [`clock`] | clocks that drift |

#[cfg(feature = "lab")]
pub mod attach;
pub mod channel;
#[cfg(test)]
mod channel_tests;
pub mod clock;
pub mod decibel;
mod draw;
mod event;
mod flight;
mod judge;
#[cfg(feature = "lab")]
pub mod line;
#[cfg(feature = "lab")]
pub mod map;
pub mod propagation;
mod radio;
pub mod receiver;
pub mod rnode;
mod sense;
#[cfg(feature = "lab")]
pub mod server;
#[cfg(feature = "lab")]
pub mod wire;

pub use channel::{Air, FRAME_LEN_MAX, RadioId, RadioSite};
pub use clock::Clock;
pub use decibel::Decibel;
pub use event::{AirEvent, Loss, TransmitError};
pub use propagation::{Position, Propagation};
pub use rnode::{RadioCommand, VirtualRnode};
