//! The private socket: a directory and a socket that only the right people can open, a look at
//! the kernel's credentials before a single byte is read, then one connection a client.

use std::{
    fmt, fs,
    future::poll_fn,
    io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    time::Duration,
};

use futures_core::Stream;
use tokio::{
    net::{UnixListener, UnixStream},
    sync::{Notify, Semaphore},
    time::{sleep, timeout},
};
use zbus::{Connection, Guid, MessageStream, connection};

use super::{
    Context, Shared,
    access::{self, Role},
    shim::{self, Shim},
    signals,
};
use crate::{actor::Handle, lock};

/// Why there is no socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum SocketError {
    /// Somebody else listens there.
    InUse {
        /// The socket.
        path: PathBuf,
        /// Which process of which user.
        by: String,
    },
    /// Something that is no socket is in the way.
    NotASocket(PathBuf),
    /// It cannot be made.
    Io(PathBuf, io::Error),
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InUse { path, by } => {
                write!(f, "the socket {} is in use by {by}", path.display())
            }
            Self::NotASocket(path) => {
                write!(f, "{} is in the way: it is no socket", path.display())
            }
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for SocketError {}

/// The bound socket.
#[derive(Debug)]
pub struct Server {
    listener: UnixListener,
    path: PathBuf,
    group: String,
}

impl Server {
    /// Binds the socket; one that nobody listens on is replaced. Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`SocketError`].
    pub fn bind(path: &Path, group: &str) -> Result<Self, SocketError> {
        let io = |error| SocketError::Io(path.to_path_buf(), error);
        let gid = group_id(group);
        make_dir(path, gid).map_err(io)?;
        if let Ok(meta) = fs::symlink_metadata(path) {
            if !meta.file_type().is_socket() {
                return Err(SocketError::NotASocket(path.to_path_buf()));
            }
            if let Some(by) = lock::listener_of(path) {
                return Err(SocketError::InUse { path: path.to_path_buf(), by });
            }
            fs::remove_file(path).map_err(io)?;
        }
        let listener = bind_private(path).map_err(io)?;
        // Root gives the group a way in; a user's daemon is the user's alone.
        let shared = gid.is_some_and(|gid| chown(path, None, Some(gid)).is_ok());
        let mode = if shared { 0o660 } else { 0o600 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).map_err(io)?;
        Ok(Self { listener, path: path.to_path_buf(), group: group.to_owned() })
    }

    /// Serves clients until the future is dropped.
    pub async fn run(self, handle: Handle, shared: Arc<Shared>) {
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        let mut clients = 0;
        loop {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of descriptors: they come back when clients leave.
                    tracing::warn!("a client could not be let in: {error}");
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let Some(client) = self.admit(&stream, &mut clients) else { continue };
            let context = Context::new(handle.clone(), Arc::clone(&shared), client.is_owner);
            tokio::spawn(async move {
                if let Err(error) = client.serve(stream, context).await {
                    tracing::debug!("a client left: {error}");
                }
                drop(place);
            });
        }
    }

    /// Looks at the client's credentials as the kernel has them, before anything is read.
    fn admit(&self, stream: &UnixStream, clients: &mut u64) -> Option<Client> {
        let creds = stream.peer_cred().ok()?;
        let Some(role) = access::role_of(creds.uid(), &[creds.gid()], &self.group) else {
            tracing::warn!(uid = creds.uid(), "a process of another user was refused");
            return None;
        };
        *clients += 1;
        Some(Client {
            number: *clients,
            uid: creds.uid(),
            pid: creds.pid().and_then(|pid| u32::try_from(pid).ok()),
            is_owner: role == Role::Owner,
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// One client on a socket of its own.
pub(super) struct Client {
    /// It is `:1.N` on its connection.
    pub(super) number: u64,
    /// Its user, as the kernel says.
    pub(super) uid: u32,
    /// Its process, if the kernel says.
    pub(super) pid: Option<u32>,
    /// Whether it may do what only the owner may.
    pub(super) is_owner: bool,
}

impl Client {
    /// Serves the API until the client leaves.
    pub(super) async fn serve(self, stream: UnixStream, context: Context) -> zbus::Result<()> {
        let guid = Guid::generate();
        let greeted = Arc::new(Notify::new());
        let shim = Shim {
            client: format!(":1.{}", self.number),
            guid: guid.to_string(),
            client_uid: self.uid,
            client_pid: self.pid,
            greeted: Arc::clone(&greeted),
        };
        let stream =
            stream.into_std().map_err(|error| zbus::Error::InputOutput(Arc::new(error)))?;
        // Said, because a socket that was handed out has credentials of ours at both ends.
        let builder = connection::Builder::unix_stream(stream).server(guid).user_id(self.uid);
        let builder = builder.p2p().serve_at(shim::PATH, shim);
        let stream = timeout(HANDSHAKE_MAX, context.serve(builder).build_message_stream())
            .await
            .map_err(|_| zbus::Error::Handshake("it took too long".into()))??;
        let connection = Connection::from(&stream);
        // Not before: calls are matched against the name the connection had when it was built,
        // and most clients name the service or nobody.
        connection.set_unique_name(shim::DAEMON_NAME)?;
        await_first_call(stream, &greeted).await?;
        signals::forward(&connection, &context).await
    }
}

/// Waits until signals may be sent: after the client's first call, and when that is the greeting,
/// after its answer.
async fn await_first_call(mut stream: MessageStream, greeted: &Notify) -> zbus::Result<()> {
    let first = poll_fn(|task| Pin::new(&mut stream).poll_next(task)).await;
    let Some(first) = first.transpose()? else { return Ok(()) };
    if first.header().member().is_some_and(|member| member == "Hello") {
        greeted.notified().await;
    }
    Ok(())
}

/// Makes the socket's directory; one that is ours alone gets a mode, others are left alone.
fn make_dir(socket: &Path, gid: Option<u32>) -> io::Result<()> {
    let Some(dir) = socket.parent().filter(|dir| !dir.as_os_str().is_empty()) else {
        return Ok(());
    };
    if dir.exists() {
        return Ok(());
    }
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    if gid.is_some_and(|gid| chown(dir, None, Some(gid)).is_ok()) {
        fs::set_permissions(dir, fs::Permissions::from_mode(0o750))?;
    }
    Ok(())
}

/// Binds under a name that nobody knows and renames, so that the socket is never there with a
/// mode that lets others in.
fn bind_private(path: &Path) -> io::Result<UnixListener> {
    let dir = path.parent().unwrap_or_else(|| Path::new("."));
    let nursery = dir.join(format!(".{}", std::process::id()));
    let _ = fs::remove_dir_all(&nursery);
    fs::DirBuilder::new().mode(0o700).create(&nursery)?;
    let inner = nursery.join("s");
    let bound = UnixListener::bind(&inner).and_then(|listener| {
        fs::set_permissions(&inner, fs::Permissions::from_mode(0o600))?;
        fs::rename(&inner, path)?;
        Ok(listener)
    });
    let _ = fs::remove_dir_all(&nursery);
    bound
}

fn group_id(group: &str) -> Option<u32> {
    let groups = fs::read_to_string("/etc/group").ok()?;
    let line =
        groups.lines().find(|line| !group.is_empty() && line.split(':').next() == Some(group))?;
    line.split(':').nth(2)?.parse().ok()
}

/// Clients at once; more wait to be let in. Some 60 kB each.
const CLIENTS_MAX: usize = 256;

/// How long a client may take to greet.
const HANDSHAKE_MAX: Duration = Duration::from_secs(10);

/// Pause after a client could not be let in.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
