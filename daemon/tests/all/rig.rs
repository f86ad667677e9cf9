//! A daemon in a temporary directory, and how to ask it.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use api::{DaemonProxy, LinksProxy, MessagesProxy, SendOptions};
use zbus::{Connection, proxy::CacheProperties};

/// How long anything may take on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Where a daemon lives; survives the daemon.
pub(crate) struct Home(tempfile::TempDir);

impl Home {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path().join("run/qpcd.sock")
    }

    /// The command line of a daemon that touches nothing but this directory.
    pub(crate) fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qpcd"));
        command
            .env_clear()
            .env("HOME", self.path())
            .arg("--data-dir")
            .arg(self.data())
            .arg("--socket")
            .arg(self.socket())
            .args(["--tcp-listen", "127.0.0.1:0", "--no-mdns", "--no-multicast", "--no-iroh"])
            .args(more)
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn start(&self) -> Daemon {
        self.start_with(&[])
    }

    pub(crate) fn start_with(&self, more: &[&str]) -> Daemon {
        Daemon::spawn(self, self.command(more))
    }

    /// Runs a daemon that is expected to end by itself; its standard error.
    pub(crate) fn run_to_end(&self, more: &[&str]) -> (ExitStatus, String) {
        let mut command = self.command(more);
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("qpcd starts");
        let started = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().expect("it is ours") {
                break status;
            }
            if started.elapsed() > PATIENCE {
                child.kill().expect("it runs");
                panic!("it runs, but should have ended");
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut error = String::new();
        child.stderr.take().expect("piped").read_to_string(&mut error).expect("text");
        (status, error)
    }
}

/// A running daemon. Killed when dropped.
pub(crate) struct Daemon {
    child: Child,
    pub(crate) ready: String,
    pub(crate) address: String,
    log: PathBuf,
    socket: PathBuf,
}

impl Daemon {
    pub(crate) fn spawn(home: &Home, mut command: Command) -> Self {
        let log = home.path().join("log");
        let out = File::options().append(true).create(true).open(&log).expect("room for a log");
        let mut child = command.stdout(Stdio::piped()).stderr(out).spawn().expect("qpcd starts");
        let mut ready = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut ready).expect("readable");
        let address = ready
            .strip_prefix("ready address=")
            .and_then(|rest| rest.split(' ').next())
            .unwrap_or_else(|| panic!("no ready line: {ready:?}\n{}", read(&log)))
            .to_owned();
        Self { child, ready, address, log, socket: home.socket() }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }

    /// Kills it without a warning.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("kill").args(["-s", name, &pid]).status().expect("kill is there");
        assert!(done.success());
    }

    /// Waits for it to end by itself.
    pub(crate) fn wait(mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "it does not end\n{}", self.log());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) async fn client(&self) -> Client {
        let connection = api::connect(&self.socket).await.expect("it listens");
        Client { connection }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One connection to a daemon.
pub(crate) struct Client {
    pub(crate) connection: Connection,
}

impl Client {
    pub(crate) async fn daemon(&self) -> DaemonProxy<'static> {
        DaemonProxy::builder(&self.connection)
            .cache_properties(CacheProperties::No)
            .build()
            .await
            .expect("a proxy")
    }

    pub(crate) async fn messages(&self) -> MessagesProxy<'static> {
        MessagesProxy::new(&self.connection).await.expect("a proxy")
    }

    pub(crate) async fn links(&self) -> LinksProxy<'static> {
        LinksProxy::new(&self.connection).await.expect("a proxy")
    }

    pub(crate) async fn status(&self) -> api::Status {
        self.daemon().await.status().await.expect("it answers")
    }

    /// Where neighbours can connect to.
    pub(crate) async fn uri(&self) -> String {
        self.status().await.listening.first().expect("it listens").clone()
    }

    /// Connects to another daemon and waits until it is a neighbour.
    pub(crate) async fn connect_to(&self, other: &Self) {
        let before = self.status().await.peers;
        self.links().await.add(&other.uri().await).await.expect("a link");
        until(|| async { self.status().await.peers > before }).await;
    }

    pub(crate) async fn send(&self, to: &str, text: &str) -> String {
        let options = SendOptions::default();
        self.messages().await.send(to, text.as_bytes(), options).await.expect("accepted")
    }

    /// Texts of the inbox, oldest first.
    pub(crate) async fn inbox(&self) -> Vec<String> {
        let options = api::InboxOptions::default();
        let messages = self.messages().await.inbox(options).await.expect("it answers");
        messages.iter().map(|m| String::from_utf8_lossy(&m.payload).into_owned()).collect()
    }
}

/// Waits until `condition` holds.
pub(crate) async fn until<F: Future<Output = bool>>(mut condition: impl FnMut() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < PATIENCE, "it does not happen");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) fn block_on<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}

fn read(path: &Path) -> String {
    let mut text = String::new();
    if let Ok(mut file) = File::open(path) {
        let _ = file.read_to_string(&mut text);
    }
    text
}
