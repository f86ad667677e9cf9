//! Tries an address once, without making it a link: for people who ask why there is none.

use std::{
    fmt,
    future::Future,
    time::{Duration, Instant},
};

use mesh::PublicIdentity;

use super::TransportManager;
use crate::{
    secure::HandshakeError,
    target::PeerTarget,
    tcp::{DialError, TargetError, dial},
};

/// What became of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// How long it took until its end, good or bad.
    pub took: Duration,
    /// Who answered, or how far it came.
    pub result: Result<PublicIdentity, ProbeError>,
}

/// Where a probe ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeError {
    /// The host name has no address.
    Resolve(std::io::ErrorKind),
    /// Nobody answers there.
    Connect(std::io::ErrorKind),
    /// Somebody answers, who is no neighbour for us.
    Handshake(HandshakeError),
    /// This node has no QUIC endpoint to ask from.
    NoIroh,
    /// Whoever answers does not have the endpoint key in the address.
    OtherEndpoint,
    /// Another node answers than the address asks for.
    OtherNode,
}

impl ProbeError {
    /// The stage, in the API.
    pub const fn stage(self) -> &'static str {
        match self {
            Self::Resolve(_) | Self::NoIroh => "resolve",
            Self::Connect(_) | Self::OtherEndpoint => "connect",
            Self::Handshake(_) | Self::OtherNode => "handshake",
        }
    }
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(kind) => DialError::Resolve(*kind).fmt(f),
            Self::Connect(kind) => DialError::Connect(*kind).fmt(f),
            Self::Handshake(error) => error.fmt(f),
            Self::NoIroh => DialError::NoIroh.fmt(f),
            Self::OtherEndpoint => DialError::OtherEndpoint.fmt(f),
            Self::OtherNode => DialError::OtherNode.fmt(f),
        }
    }
}

impl std::error::Error for ProbeError {}

impl From<DialError> for ProbeError {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Resolve(kind) => Self::Resolve(kind),
            DialError::Connect(kind) => Self::Connect(kind),
            DialError::Handshake(error) => Self::Handshake(error),
            DialError::NoIroh => Self::NoIroh,
            DialError::OtherEndpoint => Self::OtherEndpoint,
            DialError::OtherNode => Self::OtherNode,
        }
    }
}

impl TransportManager {
    /// Dials an address and shakes hands, with this node's credentials, up to the point where the
    /// dialler would confirm the link (`LNK-27`), and leaves it there: no link comes up or goes down.
    /// The future does not borrow the manager and may run anywhere in a tokio runtime; it ends
    /// within the limits of a dial.
    ///
    /// # Errors
    ///
    /// What is wrong with `uri`.
    pub fn probe(
        &self,
        uri: &str,
    ) -> Result<impl Future<Output = Probe> + Send + use<>, TargetError> {
        let target = PeerTarget::parse(uri)?;
        let (credentials, iroh) = (self.credentials.clone(), self.iroh.clone());
        Ok(async move {
            let begin = Instant::now();
            let local = credentials.current();
            let result = match &target {
                PeerTarget::Tcp(target) => dial(target, local).await,
                PeerTarget::Iroh(target) => iroh.dial(target, local).await,
            };
            let took = begin.elapsed();
            Probe { took, result: result.map(|shaken| shaken.link.peer()).map_err(Into::into) }
        })
    }
}
