//! The handshake on a connection's first stream (`IRO-03` to `IRO-07`): the one of TCP links,
//! bound to the QUIC connection it runs in.

use std::{sync::Arc, time::Instant};

use ::iroh::endpoint::{Connection, RecvStream, SendStream};
use tokio::io::AsyncReadExt;

use super::{link::IrohLink, record};
use crate::{
    link::Flow,
    secure::{Established, Handshake, HandshakeError, Local, Opened, Role},
    tcp::exchange,
};

/// Runs the handshake as the one who opened the connection.
pub(super) async fn initiate(
    connection: Connection,
    own_id: &[u8; 32],
    local: Arc<Local>,
) -> Result<IrohLink, HandshakeError> {
    let (send, recv) = connection.open_bi().await.map_err(|_| HandshakeError::Closed)?;
    let ids = [*own_id, *connection.remote_id().as_bytes()];
    let (established, send, recv) =
        run(&connection, send, recv, &ids, local, Role::Initiator).await?;
    Ok(IrohLink::new(connection, send, recv, &established))
}

/// Runs the handshake as the one who was called.
pub(super) async fn respond(
    connection: Connection,
    own_id: &[u8; 32],
    local: Arc<Local>,
) -> Result<IrohLink, HandshakeError> {
    let (send, recv) = connection.accept_bi().await.map_err(|_| HandshakeError::Closed)?;
    let ids = [*connection.remote_id().as_bytes(), *own_id];
    let (established, send, mut recv) =
        run(&connection, send, recv, &ids, local, Role::Responder).await?;
    await_confirm(&mut recv).await?;
    Ok(IrohLink::new(connection, send, recv, &established))
}

async fn run(
    connection: &Connection,
    send: SendStream,
    recv: RecvStream,
    ids: &[[u8; 32]; 2],
    local: Arc<Local>,
    role: Role,
) -> Result<(Established, SendStream, RecvStream), HandshakeError> {
    let prologue = prologue(connection, ids)?;
    let handshake = Handshake::bound(local, role, Instant::now(), &prologue)?;
    let mut stream = tokio::io::join(recv, send);
    let established = exchange(&mut stream, handshake).await.map_err(plainly)?;
    let (recv, send) = stream.into_inner();
    Ok((established, send, recv))
}

/// What ties the Noise handshake to this connection and no other (`IRO-04`): both endpoint ids,
/// the caller's first, and a secret of the TLS session.
fn prologue(connection: &Connection, ids: &[[u8; 32]; 2]) -> Result<Vec<u8>, HandshakeError> {
    let mut exported = [0; 32];
    connection
        .export_keying_material(&mut exported, EXPORTER_LABEL, b"")
        .map_err(|_| HandshakeError::Refused)?;
    Ok([PROLOGUE, &ids[0], &ids[1], &exported].concat())
}

/// The initiator decides last: its first record confirms the link or turns it down (`LNK-27`).
async fn await_confirm(recv: &mut RecvStream) -> Result<(), HandshakeError> {
    let mut bytes = [0; record::CONTROL_LEN];
    AsyncReadExt::read_exact(recv, &mut bytes).await.map_err(|error| plainly(error.into()))?;
    let mut verdict = Err(HandshakeError::Refused);
    record::read_all(&bytes, |opened| {
        verdict = match opened {
            Opened::Confirm => Ok(()),
            Opened::Goodbye(why) => Err(HandshakeError::TurnedDown(why)),
            Opened::Frame(_) | Opened::Unknown => Err(HandshakeError::Refused),
        };
        Flow::Pause
    })
    .map_err(|_| HandshakeError::Refused)?;
    verdict
}

/// However QUIC words it: the other side closed.
fn plainly(error: HandshakeError) -> HandshakeError {
    match error {
        HandshakeError::Io(_) => HandshakeError::Closed,
        other => other,
    }
}

/// Names this protocol and its version.
const PROLOGUE: &[u8] = b"quicprochat iroh link 1";

/// The exporter's label (RFC 8446, section 7.5).
const EXPORTER_LABEL: &[u8] = b"EXPORTER-quicprochat-link-1";
