//! Connecting to a daemon.

use std::{
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    sync::Arc,
};

use zbus::{Connection, connection, proxy::CacheProperties};

use crate::{AccessProxy, Error};

/// Connects to the daemon that listens on the Unix socket `socket`.
///
/// # Errors
///
/// [`Error::ZBus`] with [`zbus::Error::InputOutput`] when nobody listens there or the socket may
/// not be opened, with [`zbus::Error::Handshake`] when the daemon refuses this user.
pub async fn connect(socket: &Path) -> Result<Connection, Error> {
    let stream = UnixStream::connect(socket);
    greet(stream.map_err(|error| zbus::Error::InputOutput(Arc::new(error)))?).await
}

/// Connects to the daemon of the system bus as somebody who has no way to its socket: polkit is
/// asked, and may ask for a password. `role` is `member` or `owner`.
///
/// # Errors
///
/// [`Error::AccessDenied`] when polkit does not allow it or is not there, [`Error::ZBus`] when there
/// is no such bus or nobody of this name on it.
pub async fn connect_as_visitor(role: &str) -> Result<Connection, Error> {
    visit(&Connection::system().await?, role).await
}

/// The same on a bus that one has joined.
///
/// # Errors
///
/// As [`connect_as_visitor`].
pub async fn visit(bus: &Connection, role: &str) -> Result<Connection, Error> {
    let builder = AccessProxy::builder(bus).cache_properties(CacheProperties::No);
    let socket = builder.build().await?.open(role).await?;
    greet(UnixStream::from(OwnedFd::from(socket))).await
}

async fn greet(stream: UnixStream) -> Result<Connection, Error> {
    stream.set_nonblocking(true).map_err(|error| zbus::Error::InputOutput(Arc::new(error)))?;
    Ok(connection::Builder::unix_stream(stream).p2p().build().await?)
}
