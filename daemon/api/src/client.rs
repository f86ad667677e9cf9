//! Connecting to a daemon's private socket.

use std::{os::unix::net::UnixStream, path::Path, sync::Arc};

use zbus::{Connection, connection};

use crate::Error;

/// Connects to the daemon that listens on the Unix socket `socket`.
///
/// # Errors
///
/// [`Error::ZBus`] with [`zbus::Error::InputOutput`] when nobody listens there or the socket may
/// not be opened, with [`zbus::Error::Handshake`] when the daemon refuses this user.
pub async fn connect(socket: &Path) -> Result<Connection, Error> {
    let stream = UnixStream::connect(socket)
        .and_then(|stream| stream.set_nonblocking(true).map(|()| stream))
        .map_err(|error| zbus::Error::InputOutput(Arc::new(error)))?;
    Ok(connection::Builder::unix_stream(stream).p2p().build().await?)
}
