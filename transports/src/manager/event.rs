//! What a manager has to say to its driver, and what its tasks say to it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mesh::{LinkId, LinkUp};
use tokio::net::TcpStream;

use super::HandleId;
use crate::{
    link::DownReason,
    secure::{Established, HandshakeError, Local},
    tcp::DialError,
};

/// Something the driver has to act on.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum LinkEvent {
    /// A link is up: tell the core. The first frames may be there already.
    Up {
        /// For the core's `handle_link_up`.
        up: LinkUp,
        /// The static peer that it belongs to; `None` when the peer dialled.
        handle: Option<HandleId>,
    },
    /// There may be frames: call [`super::TransportManager::recv`].
    Readable(LinkId),
    /// A link that took no more takes frames again: call [`super::TransportManager::send`].
    Writable(LinkId),
    /// A link is over: tell the core. The id is not used again.
    Down {
        /// Which.
        link: LinkId,
        /// Why.
        reason: DownReason,
    },
    /// [`super::TransportManager::list`] has news that no other event tells.
    StatusChanged,
}

/// What a task of the manager found out.
pub(crate) enum Outcome {
    /// A static peer is being dialled now.
    Dialling { handle: HandleId, attempt: u32 },
    /// A dial ended.
    Dialled {
        handle: HandleId,
        attempt: u32,
        local: Arc<Local>,
        result: Result<(TcpStream, Established), DialError>,
    },
    /// A stranger became a neighbour.
    Accepted { stream: TcpStream, established: Established, local: Arc<Local>, from: SocketAddr },
    /// An inbound handshake failed.
    Unwelcome(HandshakeError),
    /// An inbound connection found no place.
    TurnedAway,
    /// A listener is bound.
    Bound { handle: HandleId, address: SocketAddr },
    /// A listener could not bind.
    BindFailed { handle: HandleId, kind: io::ErrorKind, retry_in: Duration },
}
