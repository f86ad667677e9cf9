//! An iroh relay of one's own, until there is a home server (`IRO-33`).
//!
//! It forwards packets between endpoints that have no direct path yet, and tells endpoints their
//! public address. It speaks plain HTTP: on a LAN, on loopback, or behind a proxy that adds TLS.
//! Packets it forwards are encrypted between the endpoints; it sees who talks to whom, how much
//! and when.

use std::{
    error, fmt,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use ::iroh::EndpointId;
use iroh_relay::server::{
    Access, AccessControl, ClientRateLimit, ClientRequest, ConnectionId, Limits, QuicConfig,
    RelayConfig, Server, ServerConfig,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::limits::{RELAY_BYTES_PER_S, RELAY_CLIENTS_MAX, RELAY_KEYS_MAX};

/// A running relay; it ends when it is dropped.
#[derive(Debug)]
pub struct Relay {
    /// Forwards packets, over web sockets.
    packets: Server,
    /// Tells public addresses, over QUIC.
    _addresses: Server,
}

impl Relay {
    /// Serves packets on TCP and public addresses on UDP, both at `address`. Call it inside a
    /// tokio runtime.
    ///
    /// # Errors
    ///
    /// [`RelayError`] when the address cannot be had.
    pub async fn serve(address: SocketAddr) -> Result<Self, RelayError> {
        let mut relay = RelayConfig::new(address);
        let mut limits = Limits::default();
        limits.client_rx = Some(ClientRateLimit::new(RELAY_BYTES_PER_S));
        relay.limits = limits;
        relay.key_cache_capacity = Some(RELAY_KEYS_MAX);
        relay.access = Arc::new(House::default());
        let mut config = ServerConfig::default();
        config.relay = Some(relay);
        let packets = Server::spawn(config).await.map_err(RelayError::new)?;
        // Only now is the port known, and both have the same.
        let address = packets.http_addr().unwrap_or(address);
        let mut quic = QuicConfig::new(address);
        quic.server_config = Some(tls(address)?);
        let mut config = ServerConfig::default();
        config.quic = Some(quic);
        let addresses = Server::spawn(config).await.map_err(RelayError::new)?;
        Ok(Self { packets, _addresses: addresses })
    }

    /// Where it listens, with the port that was chosen if port 0 was asked for.
    pub fn address(&self) -> Option<SocketAddr> {
        self.packets.http_addr()
    }
}

/// A certificate of our own making, for the QUIC side, which cannot do without one (`IRO-32`).
fn tls(address: SocketAddr) -> Result<rustls::ServerConfig, RelayError> {
    let made =
        rcgen::generate_simple_self_signed([address.ip().to_string()]).map_err(RelayError::new)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    rustls::ServerConfig::builder_with_provider(::iroh::tls::default_provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| {
            builder.with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key)
        })
        .map_err(RelayError::new)
}

/// Counts clients: the relay itself has no bound.
#[derive(Debug, Default)]
struct House {
    clients: AtomicUsize,
}

impl House {
    fn enter(&self) -> bool {
        let room = |clients| (clients < RELAY_CLIENTS_MAX).then_some(clients + 1);
        self.clients.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok()
    }

    fn leave(&self) {
        self.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

impl AccessControl for House {
    async fn on_connect(&self, _request: &ClientRequest) -> Access {
        if self.enter() {
            Access::Allow
        } else {
            Access::Deny { reason: Some("the relay is full".into()) }
        }
    }

    fn on_disconnect(&self, _endpoint_id: EndpointId, _connection_id: ConnectionId) {
        self.leave();
    }
}

/// Why there is no relay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayError(String);

impl RelayError {
    fn new(error: impl error::Error) -> Self {
        let mut text = error.to_string();
        let mut next = error.source();
        while let Some(cause) = next {
            text = format!("{text}: {cause}");
            next = cause.source();
        }
        Self(text)
    }
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl error::Error for RelayError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iro_33_a_relay_has_so_many_clients_and_no_more() {
        let house = House::default();
        assert_eq!((0..2 * RELAY_CLIENTS_MAX).filter(|_| house.enter()).count(), RELAY_CLIENTS_MAX);
        house.leave();
        assert!(house.enter() && !house.enter());
    }

    #[tokio::test]
    async fn iro_33_a_taken_address_is_an_error_with_its_reason() {
        let relay = Relay::serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
        let address = relay.address().expect("bound");
        let error = Relay::serve(address).await.expect_err("taken");
        assert!(error.to_string().contains("in use"), "{error}");
    }
}
