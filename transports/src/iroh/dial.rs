//! Dials an endpoint: one connection, one handshake, one try; the manager decides on the next.

use std::{io, sync::Arc};

use ::iroh::{
    Endpoint, EndpointAddr, EndpointId, TransportAddr,
    endpoint::{ConnectError, ConnectWithOptsError, ConnectingError, Connection, ConnectionError},
};
use tokio::time::timeout;

use super::{
    ALPN, IrohTarget,
    endpoint::{Dialer, relay_config},
    shake,
};
use crate::{
    limits::{CONNECT_TIMEOUT, HANDSHAKE_TIMEOUT},
    link::Link,
    manager::Connected,
    secure::{HandshakeError, Local},
    tcp::DialError,
};

impl Dialer {
    /// Connects by whatever way is open, and shakes hands (`IRO-05`).
    ///
    /// # Errors
    ///
    /// What the last step that was reached failed with.
    pub(crate) async fn dial(
        &self,
        target: &IrohTarget,
        local: Arc<Local>,
    ) -> Result<Connected, DialError> {
        let (endpoint, plain_hosts) = self.endpoint().await?;
        for relay in &target.relays {
            if let Some(config) = relay_config(relay, &plain_hosts) {
                self.learn_relay(&endpoint, config).await;
            }
        }
        let address = address(target).ok_or(DialError::Connect(io::ErrorKind::InvalidInput))?;
        let connection = connect(&endpoint, address).await?;
        let own_id = *endpoint.id().as_bytes();
        let shake = shake::initiate(connection, &own_id, local);
        let link = timeout(HANDSHAKE_TIMEOUT, shake)
            .await
            .unwrap_or(Err(HandshakeError::Timeout))
            .map_err(DialError::Handshake)?;
        if target.node.is_some_and(|wanted| wanted != *link.peer().node_key()) {
            return Err(DialError::OtherNode);
        }
        Ok(link.into())
    }
}

fn address(target: &IrohTarget) -> Option<EndpointAddr> {
    let id = EndpointId::from_bytes(&target.endpoint_id).ok()?;
    let direct = target.addresses.iter().map(|address| TransportAddr::Ip(*address));
    let relays = target.relays.iter().filter_map(|relay| relay.parse().ok());
    Some(EndpointAddr::from_parts(id, direct.chain(relays.map(TransportAddr::Relay))))
}

async fn connect(endpoint: &Endpoint, address: EndpointAddr) -> Result<Connection, DialError> {
    match timeout(CONNECT_TIMEOUT, endpoint.connect(address, ALPN)).await {
        Ok(result) => result.map_err(|error| why(&error)),
        Err(_) => Err(DialError::Connect(io::ErrorKind::TimedOut)),
    }
}

fn why(error: &ConnectError) -> DialError {
    match error {
        ConnectError::Connect { source: ConnectWithOptsError::SelfConnect { .. }, .. } => {
            DialError::Handshake(HandshakeError::OurOwnKey)
        }
        ConnectError::Connection { source, .. }
        | ConnectError::Connecting {
            source: ConnectingError::ConnectionError { source, .. },
            ..
        } => lost(source),
        _ => DialError::Connect(io::ErrorKind::Other),
    }
}

fn lost(error: &ConnectionError) -> DialError {
    match error {
        ConnectionError::TimedOut => DialError::Connect(io::ErrorKind::TimedOut),
        ConnectionError::ConnectionClosed(_) | ConnectionError::ApplicationClosed(_) => {
            DialError::Connect(io::ErrorKind::ConnectionRefused)
        }
        ConnectionError::Reset => DialError::Connect(io::ErrorKind::ConnectionReset),
        // The key that answered is not the one in the address, or it is no QUIC of ours at all.
        ConnectionError::TransportError(_) | ConnectionError::VersionMismatch => {
            DialError::OtherEndpoint
        }
        ConnectionError::LocallyClosed | ConnectionError::CidsExhausted => {
            DialError::Connect(io::ErrorKind::Other)
        }
    }
}
