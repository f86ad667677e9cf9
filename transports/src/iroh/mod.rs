//! Links over QUIC between iroh endpoints: through NATs, over relays that somebody named, direct
//! where that is possible. `specs/19-iroh.md` has the rules (`IRO-…`).
//!
//! ```text
//!  endpoint ── bind, accept ─┐                      ┌ stream 0: handshake, then records
//!  dial ── connect, open ────┴→ shake (Noise over ──┤
//!                               stream 0, bound to  └ path: direct or relayed, may change
//!                               the QUIC connection)
//! ```
//!
//! Addresses, configuration and records are plain data and always here. What needs the iroh crate
//! is behind the feature `iroh`, the relay behind `iroh-relay`; without them a link of this kind
//! says that this build has none.

#[cfg(not(feature = "iroh"))]
mod absent;
#[cfg(feature = "iroh")]
mod accept;
#[cfg(feature = "iroh")]
mod dial;
#[cfg(feature = "iroh")]
mod endpoint;
mod info;
#[cfg(feature = "iroh")]
mod link;
pub mod record;
#[cfg(feature = "iroh-relay")]
mod relay;
#[cfg(feature = "iroh")]
mod shake;
mod target;
#[cfg(feature = "iroh")]
mod trust;

#[cfg(not(feature = "iroh"))]
pub(crate) use absent::{Dialer, Listening, listen};
#[cfg(feature = "iroh")]
pub(crate) use endpoint::{Dialer, Listening, listen};
pub use info::{IrohConfig, IrohInfo};
#[cfg(feature = "iroh-relay")]
pub use relay::{Relay, RelayError};
pub use target::{IrohTarget, PARAMETERS_MAX, is_relay};

/// The protocol's name in the QUIC handshake.
pub const ALPN: &[u8] = b"quicprochat/1";

/// The default UDP port, the number of the TCP port.
pub const PORT: u16 = 7743;

/// Whether this build has iroh links.
pub const IS_BUILT_IN: bool = cfg!(feature = "iroh");
