//! Carries a handshake over a connection.

use std::{sync::Arc, time::Instant};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::{
    limits::HANDSHAKE_TIMEOUT,
    link::Flow,
    secure::{CONTROL_RECORD_LEN, Established, Handshake, HandshakeError, Local, Opened, Role},
};

/// Runs all four messages, within [`HANDSHAKE_TIMEOUT`] altogether (`LNK-53`).
pub(crate) async fn shake_hands(
    stream: &mut TcpStream,
    local: Arc<Local>,
    role: Role,
) -> Result<Established, HandshakeError> {
    let shake = async {
        let mut established =
            exchange(stream, Handshake::new(local, role, Instant::now())?).await?;
        if role == Role::Responder {
            await_confirm(stream, &mut established).await?;
        }
        Ok(established)
    };
    timeout(HANDSHAKE_TIMEOUT, shake).await.unwrap_or(Err(HandshakeError::Timeout))
}

/// Carries the four messages over any stream of bytes.
pub(crate) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    mut handshake: Handshake,
) -> Result<Established, HandshakeError> {
    let mut buffer = Vec::new();
    while !handshake.is_done() {
        buffer.clear();
        if handshake.is_write_turn() {
            handshake.write(&mut buffer)?;
            stream.write_all(&buffer).await?;
        } else {
            read_message(stream, &handshake, &mut buffer).await?;
            handshake.read(&buffer)?;
        }
    }
    handshake.finish()
}

/// The initiator decides last: its first record confirms the link or turns it down (`LNK-27`).
async fn await_confirm(
    stream: &mut TcpStream,
    established: &mut Established,
) -> Result<(), HandshakeError> {
    let mut record = vec![0; CONTROL_RECORD_LEN];
    stream.read_exact(&mut record).await?;
    let mut verdict = Err(HandshakeError::Refused);
    established
        .opener
        .open_all(&mut record, |opened| {
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

/// Reads one message. A wrong first byte is noticed at once, not after a kilobyte.
async fn read_message<S: AsyncRead + Unpin>(
    stream: &mut S,
    handshake: &Handshake,
    buffer: &mut Vec<u8>,
) -> Result<(), HandshakeError> {
    buffer.resize(handshake.next_len(), 0);
    stream.read_exact(&mut buffer[..1]).await?;
    handshake.check_version(&buffer[..1])?;
    stream.read_exact(&mut buffer[1..]).await?;
    Ok(())
}
