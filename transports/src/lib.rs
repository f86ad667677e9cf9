//! Links of the quicprochat mesh: how frames get to a neighbour and back.
//!
//! The core knows links by number and by what they can carry; this crate makes them. It knows
//! nothing of envelopes or routes: a frame is bytes, and a neighbour is the node key that the
//! link's handshake has proven. `specs/09-links.md` has the rules (`LNK-…`).
//!
//! ```text
//!  daemon's actor ──next()──→ TransportManager ─┬ handles: static peers, listeners (tasks: dial, accept)
//!    recv(link, each frame) ←─ decrypt in place ─┤
//!    send(link, pull frame) ─→ encrypt in place ─┴ links: Box<dyn Link>, one per neighbour
//! ```
//!
//! # Media
//!
//! | medium | module | capability |
//! |---|---|---|
//! | TCP | [`tcp`] | reliable, 68 KiB frames, [`secure`] on top |
//! | LoRa | [`lora`] | shared and slow; RNode-compatible modems |
//! | QUIC | [`iroh`] | reliable, 68 KiB frames, through NATs and relays; feature `iroh` |
//! | memory | [`memory`] | two ends in one process |
//! | impaired | [`impaired`] | any link, made bad by a seed |
//! | trace | [`trace`] | any link, recorded as pcapng |
//!
//! # Layers of a TCP link
//!
//! 1. [`noise`]: the primitives, adapted from the crates that the core uses, for clatter's
//!    Noise state machine.
//! 2. [`secure`]: handshake with both node keys proven, then records. Bytes in, bytes out.
//! 3. [`tcp`]: sockets, dialling, listening, and the limits for strangers.
//! 4. [`manager`]: which connections become links, what is tried again when, one place to wait.
//!
//! [`discovery`] is beside all that: it finds places to dial on the own network, and opens nothing.
//!
//! Parsers and state machines are free of sockets; what has a socket is thin.
#![forbid(unsafe_code)]

extern crate alloc;

pub mod discovery;
pub mod impaired;
pub mod iroh;
pub mod limits;
pub mod link;
pub mod lora;
pub mod manager;
pub mod memory;
pub mod noise;
mod outlet;
pub mod secure;
mod target;
pub mod tcp;
pub mod trace;

pub use link::{DownReason, Flow, Link, LinkPath, Scratch};
pub use manager::{
    AddError, Counters, HandleId, LinkConfig, LinkEvent, LinkState, LinkStatus, Probe, ProbeError,
    RadioNeighbour, RadioStatus, SendState, SetRadioError, Traffic, TransportManager,
};
pub use secure::{NetworkKey, NetworkKeyError};
pub use target::PeerTarget;
