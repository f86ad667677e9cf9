//! Links over TCP: static peers, a listener, Noise on top.

mod accept;
mod dial;
mod half_open;
mod link;
mod shake;
mod source;
mod target;

pub(crate) use accept::{Listening, listen};
pub use dial::DialError;
pub(crate) use dial::{connect, dial};
pub(crate) use half_open::HalfOpen;
pub use link::TcpLink;
#[cfg(feature = "iroh")]
pub(crate) use shake::exchange;
pub use target::{TargetError, TcpTarget};
