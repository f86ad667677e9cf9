//! What a manager has to say to its driver, and what its tasks say to it.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mesh::{LinkId, LinkUp};

use super::HandleId;
use crate::{
    iroh::IrohInfo,
    link::{DownReason, Link, LinkPath},
    secure::{HandshakeError, Local},
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
    /// The link stays up, and gets to its peer another way from now on.
    PathChanged {
        /// Which.
        link: LinkId,
        /// How it gets there.
        path: LinkPath,
    },
    /// A radio may send: call [`super::TransportManager::send_air`].
    Air(HandleId),
    /// A medium that repeats frames by itself tells how the last one to a neighbour fared.
    Delivery {
        /// Which.
        link: LinkId,
        /// How often it was sent.
        transmissions: u8,
        /// Whether it arrived.
        delivered: bool,
        /// The lock of the envelope that it was.
        lock: Option<[u8; 16]>,
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
        result: Result<Connected, DialError>,
    },
    /// A stranger became a neighbour.
    Accepted { connected: Connected, local: Arc<Local>, uri: String },
    /// An inbound handshake failed.
    Unwelcome(HandshakeError),
    /// An inbound connection found no place.
    TurnedAway,
    /// A listener is bound.
    Bound { handle: HandleId, address: SocketAddr },
    /// The QUIC endpoint is bound.
    #[cfg_attr(not(feature = "iroh"), expect(dead_code, reason = "only an endpoint says so"))]
    IrohBound { handle: HandleId, address: SocketAddr, info: IrohInfo },
    /// The QUIC endpoint can be reached elsewhere from now on.
    #[cfg_attr(not(feature = "iroh"), expect(dead_code, reason = "only an endpoint says so"))]
    IrohMoved { handle: HandleId, info: IrohInfo },
    /// A listener could not bind.
    BindFailed { handle: HandleId, kind: io::ErrorKind, retry_in: Duration },
}

/// A connection whose handshake is done, before it is known whether it becomes a link.
pub(crate) struct Connected {
    /// The link to be.
    pub(crate) link: Box<dyn Candidate>,
    /// The peer's epoch.
    pub(crate) epoch: u64,
}

/// A link that can be confirmed.
pub(crate) trait Candidate: Link {
    /// Tells the peer that this link is the one to use (`LNK-27`); the dialler does.
    fn confirm(&mut self);
}
