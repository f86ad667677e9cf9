//! Where metrics are fetched: a Unix socket, a loopback port, a text file.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixListener},
    time::{sleep, timeout},
};

use super::expose;
use crate::{actor::Handle, bus::Shared};

/// Answers `GET /metrics` on `unix:PATH` or a loopback address until the future is dropped.
///
/// # Errors
///
/// When the address cannot be bound.
pub async fn serve(listen: &str, handle: Handle, shared: Arc<Shared>) -> io::Result<()> {
    if let Some(path) = listen.strip_prefix("unix:") {
        let _ = fs::remove_file(path);
        let listener = UnixListener::bind(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o660))?;
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer_in_time(stream, handle.clone(), Arc::clone(&shared)));
        }
    }
    let listener = TcpListener::bind(listen).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(answer_in_time(stream, handle.clone(), Arc::clone(&shared)));
    }
}

async fn answer_in_time(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    handle: Handle,
    shared: Arc<Shared>,
) {
    // A client that is slow or odd gets no answer; nobody is worse off.
    let _ = timeout(ANSWER_MAX, answer(stream, &handle, &shared)).await;
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    handle: &Handle,
    shared: &Shared,
) -> io::Result<()> {
    let mut request = Vec::with_capacity(REQUEST_LEN_MAX);
    while !request.windows(4).any(|window| window == b"\r\n\r\n") {
        if request.len() >= REQUEST_LEN_MAX || stream.read_buf(&mut request).await? == 0 {
            return Ok(());
        }
    }
    let (status, body) = if request.starts_with(b"GET /metrics ") {
        ("200 OK", page(handle, shared).await.unwrap_or_default())
    } else {
        ("404 Not Found", "Metrics are at /metrics.\n".into())
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

/// Writes the metrics to a file every 15 seconds, always as a whole, until the future is dropped.
pub async fn write_textfile(path: PathBuf, handle: Handle, shared: Arc<Shared>) {
    loop {
        if let Some(page) = page(&handle, &shared).await
            && let Err(error) = replace(&path, &page)
        {
            tracing::warn!("{}: {error}", path.display());
        }
        sleep(TEXTFILE_EVERY).await;
    }
}

fn replace(path: &Path, page: &str) -> io::Result<()> {
    let new = path.with_extension("new");
    fs::write(&new, page)?;
    fs::rename(&new, path)
}

async fn page(handle: &Handle, shared: &Shared) -> Option<String> {
    let numbers = handle.ask(|actor| actor.numbers()).await.ok()?;
    Some(expose(&numbers, shared.signals_dropped()))
}

const REQUEST_LEN_MAX: usize = 8 << 10;
const ANSWER_MAX: Duration = Duration::from_secs(5);
const TEXTFILE_EVERY: Duration = Duration::from_secs(15);
