//! Welcomes whoever connects to the endpoint, within the limits for strangers (`LNK-54`).

use std::{
    net::{IpAddr, Ipv6Addr},
    sync::Arc,
};

use ::iroh::endpoint::{Incoming, IncomingAddr};
use tokio::time::{Instant, timeout};

use super::{endpoint::Listening, link::IrohLink, shake, target::hex};
use crate::{
    limits::HANDSHAKE_TIMEOUT,
    manager::Outcome,
    secure::{HandshakeError, Local},
};

impl Listening {
    /// Takes a connection into the house, or turns it away before it costs anything.
    pub(super) fn welcome(&self, incoming: Incoming, own_id: [u8; 32]) {
        let from = source(&incoming.remote_addr());
        if self.half_open.len() >= RETRY_FROM && !incoming.remote_addr_validated() {
            // Who cannot answer from the address that was written on the packet does not count
            // against it. The error is "was validated already", which was asked before.
            let _ = incoming.retry();
            return;
        }
        let Some(place) = self.half_open.enter(from, Instant::now()) else {
            incoming.refuse();
            let _ = self.outcomes.try_send(Outcome::TurnedAway);
            return;
        };
        let (outcomes, local) = (self.outcomes.clone(), self.credentials.current());
        let number = place.number();
        let task = tokio::spawn(async move {
            let shake = timeout(HANDSHAKE_TIMEOUT, shake(incoming, own_id, local.clone()));
            let outcome = match shake.await.unwrap_or(Err(HandshakeError::Timeout)) {
                Ok(link) => {
                    let uri = format!("iroh://{}", hex(&link.remote_id()));
                    Outcome::Accepted { connected: link.into(), local, uri }
                }
                Err(error) => Outcome::Unwelcome(error),
            };
            let _ = outcomes.send(outcome).await;
            drop(place);
        });
        self.half_open.set_task(number, task.abort_handle());
    }
}

async fn shake(
    incoming: Incoming,
    own_id: [u8; 32],
    local: Arc<Local>,
) -> Result<IrohLink, HandshakeError> {
    let connection = incoming.await.map_err(|_| HandshakeError::Closed)?;
    shake::respond(connection, &own_id, local).await
}

/// Who is counted as one stranger. Behind a relay that is the endpoint, which the relay has made
/// prove itself: by the relay's address one of its users could keep all others out. It is counted
/// as an address of the discard prefix (RFC 6666), which nobody has.
fn source(from: &IncomingAddr) -> IpAddr {
    match from {
        IncomingAddr::Ip(address) => address.ip(),
        IncomingAddr::Relay { endpoint_id, .. } => {
            let key = endpoint_id.as_bytes();
            let network = [0x100, 0, word(key, 0), word(key, 2), 0, 0, 0, 0];
            IpAddr::V6(Ipv6Addr::from(network))
        }
        _ => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    }
}

fn word(key: &[u8; 32], at: usize) -> u16 {
    u16::from_be_bytes([key[at], key[at + 1]])
}

/// With this many handshakes in progress an address has to show that it is one before it gets a
/// place: a packet with somebody else's address on it is cheap.
const RETRY_FROM: usize = 8;
