//! Addresses of peers, of whatever medium.

use std::fmt;

use crate::{
    iroh::IrohTarget,
    tcp::{TargetError, TcpTarget},
};

/// Where a static peer is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum PeerTarget {
    /// `tcp://HOST:PORT`
    Tcp(TcpTarget),
    /// `iroh://ENDPOINT?…`
    Iroh(Box<IrohTarget>),
}

impl PeerTarget {
    /// Reads an address; its scheme says the medium.
    ///
    /// # Errors
    ///
    /// What is wrong with `uri`.
    pub fn parse(uri: &str) -> Result<Self, TargetError> {
        let (scheme, _) = uri.split_once("://").ok_or(TargetError::NoScheme)?;
        if scheme.eq_ignore_ascii_case("iroh") {
            IrohTarget::parse(uri).map(|target| Self::Iroh(Box::new(target)))
        } else {
            TcpTarget::parse(uri).map(Self::Tcp)
        }
    }
}

impl fmt::Display for PeerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(target) => target.fmt(f),
            Self::Iroh(target) => target.fmt(f),
        }
    }
}
