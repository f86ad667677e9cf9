//! Dials a static peer: resolve, connect, shake hands. One try; the manager decides on the next.

use std::{fmt, io, net::SocketAddr, sync::Arc};

use tokio::{
    net::{TcpStream, lookup_host},
    time::timeout,
};

use super::{TcpLink, TcpTarget, shake::shake_hands};
use crate::{
    limits::{ADDRESSES_PER_NAME_MAX, CONNECT_TIMEOUT},
    manager::Connected,
    secure::{HandshakeError, Local, Role},
};

/// Tries every address that the host name has now (`LNK-51`), alternating IPv6 and IPv4, and
/// shakes hands on the first connection.
///
/// # Errors
///
/// What the last step that was reached failed with.
pub(crate) async fn dial(target: &TcpTarget, local: Arc<Local>) -> Result<Connected, DialError> {
    let mut stream = connect(target).await?;
    // Frames are batched before they are written: Nagle's delay would only add to them.
    stream.set_nodelay(true).map_err(|error| DialError::Connect(error.kind()))?;
    let established =
        shake_hands(&mut stream, local, Role::Initiator).await.map_err(DialError::Handshake)?;
    Ok(TcpLink::new(stream, established).into())
}

/// Tries every address of a host in turn.
pub(crate) async fn connect(target: &TcpTarget) -> Result<TcpStream, DialError> {
    let found = timeout(CONNECT_TIMEOUT, lookup_host((target.host(), target.port())))
        .await
        .map_err(|_| DialError::Resolve(io::ErrorKind::TimedOut))?
        .map_err(|error| DialError::Resolve(error.kind()))?;
    let mut last = DialError::Resolve(io::ErrorKind::NotFound);
    for address in interleave(found.collect()) {
        match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = DialError::Connect(error.kind()),
            Err(_) => last = DialError::Connect(io::ErrorKind::TimedOut),
        }
    }
    Err(last)
}

/// IPv6 and IPv4 in turn, starting with the resolver's favourite: a host whose one family is
/// broken is reached by the other on the second try.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (favourite, other): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let longest = favourite.len().max(other.len());
    (0..longest)
        .flat_map(|i| [favourite.get(i), other.get(i)])
        .flatten()
        .copied()
        .take(ADDRESSES_PER_NAME_MAX)
        .collect()
}

/// Why a peer was not reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialError {
    /// The host name has no address now.
    Resolve(io::ErrorKind),
    /// No connection.
    Connect(io::ErrorKind),
    /// A connection, but no handshake.
    Handshake(HandshakeError),
    /// This node has no QUIC endpoint.
    NoIroh,
    /// Whoever answers does not have the endpoint key in the address.
    OtherEndpoint,
    /// The handshake proved another node key than the address asks for.
    OtherNode,
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resolve(kind) => write!(f, "the host name has no address: {kind}"),
            Self::Connect(kind) => write!(f, "{kind}"),
            Self::Handshake(error) => error.fmt(f),
            Self::NoIroh => f.write_str("QUIC links are off on this node, or not built in"),
            Self::OtherEndpoint => {
                f.write_str("whoever answers there is not the endpoint in the address")
            }
            Self::OtherNode => f.write_str("another node than the one in the address answers"),
        }
    }
}

impl std::error::Error for DialError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lnk_51_families_take_turns() {
        let v4 = |n| SocketAddr::from(([192, 0, 2, n], 1));
        let v6 = |n| SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, n], 1));
        let mixed = vec![v6(1), v6(2), v6(3), v4(1)];
        assert_eq!(interleave(mixed), [v6(1), v4(1), v6(2), v6(3)]);
        assert_eq!(interleave(vec![v4(1), v6(1)]), [v4(1), v6(1)]);
        let many = (0..20).map(v4).collect::<Vec<_>>();
        assert_eq!(interleave(many).len(), ADDRESSES_PER_NAME_MAX);
        assert_eq!(interleave(Vec::new()), []);
    }
}
