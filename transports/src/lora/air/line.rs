//! The line between a virtual modem and its host: a pseudo-terminal, or TCP (`VIR-13`).

use std::{
    io,
    net::SocketAddr,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, tcgetattr, tcsetattr},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinHandle,
    time::sleep,
};

/// What comes from a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FromHost {
    /// It has opened the line.
    Opened,
    /// Bytes.
    Bytes(Vec<u8>),
}

/// A line to whatever host opens it, one after the other.
#[derive(Debug)]
pub struct HostLine {
    from_host: mpsc::Receiver<FromHost>,
    to_host: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<()>,
    /// A link to the pseudo-terminal, which goes with the line.
    link: Option<(PathBuf, PathBuf)>,
}

impl HostLine {
    /// A pseudo-terminal behind the symbolic link `link`, which is replaced if it is one.
    ///
    /// # Errors
    ///
    /// The system's; `AlreadyExists` when something else than a link is there.
    pub fn pty(link: &Path) -> io::Result<Self> {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let name = ptsname(&master, Vec::new())?;
        // Until the host sets its own mode, nothing must be echoed or waited for. Closing it again
        // makes the master say that nobody is there.
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = rustix::fs::open(&name, flags, Mode::empty())?;
        let mut mode = tcgetattr(&slave)?;
        mode.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &mode)?;
        drop(slave);
        rustix::io::ioctl_fionbio(&master, true)?;
        let target = PathBuf::from(name.to_str().map_err(io::Error::other)?);
        replace_link(&target, link)?;
        let pty = Arc::new(Pty { master, present: AtomicBool::new(false) });
        let reader = pty.clone();
        let mut line = Self::start(|ends| {
            std::thread::spawn(move || read_pty(&reader, &ends.inbox));
            write_pty(pty, ends.outbox)
        });
        line.link = Some((link.to_owned(), target));
        Ok(line)
    }

    /// A TCP port of this machine.
    ///
    /// # Errors
    ///
    /// The port cannot be had.
    pub async fn tcp(port: u16) -> io::Result<(Self, SocketAddr)> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        Ok((Self::start(|ends| serve_tcp(listener, ends)), address))
    }

    pub(super) async fn recv(&mut self) -> Option<FromHost> {
        self.from_host.recv().await
    }

    /// Bytes for the host; lost when there is none, or when it does not read.
    pub(super) fn send(&self, bytes: Vec<u8>) {
        let _ = self.to_host.try_send(bytes);
    }

    fn start<F>(serve: impl FnOnce(Ends) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (inbox, from_host) = mpsc::channel(WAITING_MAX);
        let (to_host, outbox) = mpsc::channel(WAITING_MAX);
        let task = tokio::spawn(serve(Ends { inbox, outbox }));
        Self { from_host, to_host, task, link: None }
    }
}

impl Drop for HostLine {
    fn drop(&mut self) {
        self.task.abort();
        let Some((link, target)) = &self.link else { return };
        // It may be another line's by now.
        if std::fs::read_link(link).is_ok_and(|found| found == *target) {
            let _ = std::fs::remove_file(link);
        }
    }
}

struct Ends {
    inbox: mpsc::Sender<FromHost>,
    outbox: mpsc::Receiver<Vec<u8>>,
}

impl Ends {
    /// What was meant for a host that is gone is not for the next.
    fn discard(&mut self) {
        while self.outbox.try_recv().is_ok() {}
    }
}

async fn serve_tcp(listener: TcpListener, mut ends: Ends) {
    let mut next = None;
    loop {
        let stream = match next.take() {
            Some(stream) => stream,
            None => match accept(&listener, &mut ends).await {
                Some(stream) => stream,
                None => continue,
            },
        };
        ends.discard();
        let _ = stream.set_nodelay(true);
        if ends.inbox.send(FromHost::Opened).await.is_err() {
            return;
        }
        // Who comes last has the modem: a host whose connection is dead must not keep it.
        next = tokio::select! {
            () = serve_host(stream, &ends.inbox, &mut ends.outbox) => None,
            accepted = listener.accept() => accepted.ok().map(|(stream, _)| stream),
        };
    }
}

async fn accept(listener: &TcpListener, ends: &mut Ends) -> Option<TcpStream> {
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => return Some(stream),
                Err(_) => {
                    sleep(RETRY).await;
                    return None;
                }
            },
            Some(_) = ends.outbox.recv() => {}
        }
    }
}

async fn serve_host(
    stream: TcpStream,
    inbox: &mpsc::Sender<FromHost>,
    outbox: &mut mpsc::Receiver<Vec<u8>>,
) {
    let (mut reader, mut writer) = stream.into_split();
    let mut buffer = vec![0; READ_LEN];
    loop {
        tokio::select! {
            read = reader.read(&mut buffer) => match read {
                Ok(1..) if read.is_ok() => {
                    let len = read.unwrap_or(0);
                    let bytes = FromHost::Bytes(buffer[..len].to_vec());
                    if inbox.send(bytes).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
            Some(bytes) = outbox.recv() => {
                let written = tokio::time::timeout(WRITE_TIMEOUT, writer.write_all(&bytes)).await;
                if !matches!(written, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}

/// Writes what is for a host while there is one; what it does not read is lost.
async fn write_pty(pty: Arc<Pty>, mut outbox: mpsc::Receiver<Vec<u8>>) {
    let mut waiting: Vec<u8> = Vec::new();
    loop {
        tokio::select! {
            bytes = outbox.recv() => {
                let Some(bytes) = bytes else { return };
                if waiting.len() < READ_LEN {
                    waiting.extend(bytes);
                }
            }
            () = sleep(RETRY), if !waiting.is_empty() => {}
        }
        if !pty.present.load(Ordering::Relaxed) {
            waiting.clear();
        }
        if let Ok(written) = rustix::io::write(&pty.master, &waiting) {
            waiting.drain(..written);
        }
    }
}

/// Reads what hosts write. A thread of its own: no event of the system says that somebody has
/// opened a pseudo-terminal, so that has to be looked for.
fn read_pty(pty: &Pty, inbox: &mpsc::Sender<FromHost>) {
    let mut buffer = vec![0; READ_LEN];
    while !inbox.is_closed() {
        let mut polled = [PollFd::new(&pty.master, PollFlags::IN)];
        let _ = poll(&mut polled, Some(&LOOK));
        let seen = polled[0].revents();
        if seen.contains(PollFlags::HUP) && !seen.contains(PollFlags::IN) {
            pty.present.store(false, Ordering::Relaxed);
            std::thread::sleep(RETRY);
            continue;
        }
        if !pty.present.swap(true, Ordering::Relaxed)
            && inbox.blocking_send(FromHost::Opened).is_err()
        {
            return;
        }
        let Ok(len @ 1..) = rustix::io::read(&pty.master, &mut buffer) else { continue };
        if inbox.blocking_send(FromHost::Bytes(buffer[..len].to_vec())).is_err() {
            return;
        }
    }
}

/// The modem's end of a pseudo-terminal.
struct Pty {
    master: OwnedFd,
    /// Whether a host has the other end open.
    present: AtomicBool,
}

/// Makes `link` lead to `target`; only ever replaces a link.
fn replace_link(target: &Path, link: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(link) {
        Ok(found) if found.is_symlink() => std::fs::remove_file(link)?,
        Ok(_) => {
            let why = format!("{} is there and no symbolic link", link.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, why));
        }
        Err(_) => {}
    }
    std::os::unix::fs::symlink(target, link)
}

/// Messages that wait on either side: seconds of a busy line.
const WAITING_MAX: usize = 64;

/// What is read or kept at a time: more than a packet.
const READ_LEN: usize = 4_096;

/// Between two looks for a host, and before what failed is tried again.
const RETRY: Duration = Duration::from_millis(20);

/// Between two looks whether the line is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// A host that does not read for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
