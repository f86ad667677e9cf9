//! One running `qpcd`.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{RecvTimeoutError, sync_channel},
    thread,
    time::Duration,
};

use super::Programs;

/// Where a daemon lives.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its folder: data, socket and log; a `qpcd.toml` in it is its configuration.
    pub folder: PathBuf,
    /// Where it listens, unless it is started with flags of one's own.
    pub listen: SocketAddr,
    /// Its network namespace; `None` for ours.
    pub namespace: Option<String>,
}

/// A daemon, running or not; killed when dropped.
#[derive(Debug)]
pub struct Daemon {
    programs: Programs,
    place: Place,
    /// What it is told about the network, beside a configuration in its folder.
    flags: Vec<String>,
    child: Option<Child>,
    address: String,
}

impl Daemon {
    /// Starts a daemon and waits until it is ready.
    ///
    /// # Errors
    ///
    /// It cannot be started, ends, or is not ready within half a minute; the text has the end of
    /// its log.
    pub fn start(programs: &Programs, place: Place) -> io::Result<Self> {
        let listen = place.listen.to_string();
        // Whoever tests on this machine or beside it must not become a neighbour.
        let alone = ["--no-mdns", "--no-multicast", "--no-iroh", "--tcp-listen", &listen];
        Self::start_with(programs, place, &alone)
    }

    /// Starts a daemon that is told this about the network and nothing else: it may find others, and
    /// listens where a fresh daemon does.
    ///
    /// # Errors
    ///
    /// As [`Daemon::start`].
    pub fn start_with(programs: &Programs, place: Place, flags: &[&str]) -> io::Result<Self> {
        fs::create_dir_all(&place.folder)?;
        let programs = programs.clone();
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut daemon = Self { programs, place, flags, child: None, address: String::new() };
        daemon.switch_on()?;
        Ok(daemon)
    }

    /// Starts it again after [`Daemon::kill`] or [`Daemon::stop`].
    ///
    /// # Errors
    ///
    /// As [`Daemon::start`].
    pub fn switch_on(&mut self) -> io::Result<()> {
        let mut child = self.command()?.spawn()?;
        let out = child.stdout.take().expect("standard output is a pipe");
        self.child = Some(child);
        let line = first_line(out).map_err(|error| {
            io::Error::other(format!("{error}; end of its log:\n{}", self.log_end()))
        })?;
        let address = line.split_whitespace().find_map(|word| word.strip_prefix("address="));
        let Some(address) = address.filter(|_| line.starts_with("ready ")) else {
            return Err(io::Error::other(format!("instead of ready it says {line:?}")));
        };
        if !self.address.is_empty() && self.address != address {
            return Err(io::Error::other("it has another address than before"));
        }
        address.clone_into(&mut self.address);
        Ok(())
    }

    fn command(&self) -> io::Result<Command> {
        let mut command = match &self.place.namespace {
            None => Command::new(&self.programs.qpcd),
            Some(name) => {
                let mut command = Command::new("ip");
                command.args(["netns", "exec", name]).arg(&self.programs.qpcd);
                command
            }
        };
        let log: File =
            OpenOptions::new().create(true).append(true).open(self.place.folder.join("log"))?;
        let config = self.place.folder.join("qpcd.toml");
        if config.exists() {
            command.arg("--config").arg(config);
        }
        command
            .args(&self.flags)
            .arg("--data-dir")
            .arg(self.place.folder.join("data"))
            .arg("--socket")
            .arg(self.socket())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        Ok(command)
    }

    /// Its address: 32 hexadecimal digits.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its private socket.
    pub fn socket(&self) -> PathBuf {
        self.place.folder.join("s")
    }

    /// Where it lives.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The command line's program.
    pub(super) fn qpc_program(&self) -> &Path {
        &self.programs.qpc
    }

    /// The id of its process, while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Either fails only when the process is gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to stop (`SIGTERM`) and waits; kills it after half a minute. Whether it ended by
    /// itself, without an error.
    pub fn stop(&mut self) -> bool {
        let Some(mut child) = self.child.take() else { return true };
        let asked = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        let ended = super::eventually(READY_WITHIN, || child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        asked.is_ok() && ended.is_some_and(|status| status.success())
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let log = fs::read_to_string(self.place.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            eprintln!("log of {}:\n{}", self.place.folder.display(), self.log_end());
        }
    }
}

/// The first line of a child's output; the rest is read and forgotten, so that it never blocks.
fn first_line(out: impl io::Read + Send + 'static) -> io::Result<String> {
    let (send, receive) = sync_channel(1);
    thread::spawn(move || {
        let mut lines = BufReader::new(out).lines();
        if let Some(Ok(line)) = lines.next() {
            let _ = send.send(line);
        }
        lines.for_each(drop);
    });
    receive.recv_timeout(READY_WITHIN).map_err(|error| {
        io::Error::other(match error {
            RecvTimeoutError::Timeout => "it is not ready in time",
            RecvTimeoutError::Disconnected => "it ended before it was ready",
        })
    })
}

/// Far more than a daemon needs, even on a loaded machine.
const READY_WITHIN: Duration = Duration::from_secs(30);
const LOG_LINES: usize = 15;
