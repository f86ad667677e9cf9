//! A throw-away daemon and what is asked of it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use api::{
    DaemonProxy, InboxMessage, InboxOptions, LinksProxy, Message, MessagesProxy, RouteOptions,
    RoutesProxy, SendOptions,
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    args::Global,
    client::Client,
    failure::{Failure, Stop},
};

/// A running daemon.
pub(in crate::commands) struct DemoNode {
    qpcd: PathBuf,
    dir: PathBuf,
    child: Child,
    client: Client,
    /// Where it listens; the same after a restart, so that its neighbours find it again.
    listen: String,
    /// Its address.
    pub(in crate::commands) address: String,
}

impl DemoNode {
    /// Starts a daemon with a directory of its own below `parent`.
    pub(in crate::commands) async fn start(
        qpcd: &Path,
        parent: &Path,
        name: &str,
    ) -> Result<Self, Failure> {
        let dir = parent.join(name);
        let (child, client) = launch(qpcd, &dir, "127.0.0.1:0").await?;
        let daemon = client.ask(async { Ok(DaemonProxy::new(client.connection()).await?) }).await?;
        let address = client.ask(daemon.address()).await?;
        let listening = client.ask(daemon.status()).await?.listening;
        let listen = listening
            .iter()
            .find_map(|uri| uri.strip_prefix("tcp://"))
            .ok_or_else(|| Failure::failed("a throw-away daemon listens nowhere"))?
            .to_owned();
        Ok(Self { qpcd: qpcd.to_owned(), dir, child, client, listen, address })
    }

    /// The URI under which it can be linked to.
    pub(in crate::commands) fn uri(&self) -> String {
        format!("tcp://{}", self.listen)
    }

    /// What its API is asked through.
    pub(in crate::commands) const fn client(&self) -> &Client {
        &self.client
    }

    /// Ends the daemon as a service manager does, and by force when it does not listen.
    pub(in crate::commands) async fn stop(&mut self) {
        if let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) {
            let _ = kill_process(pid, Signal::TERM);
        }
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// Starts it again where it was.
    pub(in crate::commands) async fn restart(&mut self) -> Result<(), Failure> {
        let (child, client) = launch(&self.qpcd, &self.dir, &self.listen).await?;
        self.child = child;
        self.client = client;
        Ok(())
    }

    pub(in crate::commands) async fn link_to(&self, uri: &str) -> Result<(), Failure> {
        let client = self.client.renewed();
        client
            .ask(async { LinksProxy::new(client.connection()).await?.add(uri).await })
            .await
            .map(drop)
    }

    /// Waits until a route to `address` is known, and says over how many hops.
    pub(in crate::commands) async fn wait_for_route(&self, address: &str) -> Result<u8, Failure> {
        let client = self.client.renewed();
        let routes = client.ask(async { Ok(RoutesProxy::new(client.connection()).await?) }).await?;
        loop {
            let options = RouteOptions { address: Some(address.to_owned()), ..Default::default() };
            let found = client.ask(routes.list(options)).await?;
            if let Some(route) = found.first() {
                return Ok(route.hops);
            }
            sleep(ROUTE_POLL).await;
        }
    }

    pub(in crate::commands) async fn send(&self, to: &str, words: &str) -> Result<String, Failure> {
        let (client, messages) = self.messages().await?;
        client.ask(messages.send(to, words.as_bytes(), SendOptions::default())).await
    }

    pub(in crate::commands) async fn wait_received(&self, id: &str) -> Result<(), Stop> {
        let (client, messages) = self.messages().await?;
        let wait_ms = u32::try_from(RECEIPT_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
        let client = client.waiting(RECEIPT_TIMEOUT);
        match client.ask(messages.wait(id, wait_ms)).await?.as_str() {
            "received" => Ok(()),
            state => Err(Failure::timed_out(format!("no receipt came; the message is {state}"))
                .hint("This machine may be very busy; try again")
                .into()),
        }
    }

    pub(in crate::commands) async fn take_inbox(&self) -> Result<Vec<InboxMessage>, Failure> {
        let (client, messages) = self.messages().await?;
        let options = InboxOptions { take: Some(true), ..Default::default() };
        client.ask(messages.inbox(options)).await
    }

    pub(in crate::commands) async fn why(&self, id: &str) -> Result<Message, Failure> {
        let (client, messages) = self.messages().await?;
        client.ask(messages.why(id)).await
    }

    /// The addresses on the way to `to`, which is the last of them.
    pub(in crate::commands) async fn trace(&self, to: &str) -> Result<Vec<String>, Failure> {
        let (client, messages) = self.messages().await?;
        let trace = crate::commands::ping::follow(&client, &messages, to).await?;
        Ok(trace.hops.into_iter().map(|hop| hop.address).collect())
    }

    async fn messages(&self) -> Result<(Client, MessagesProxy<'_>), Failure> {
        let client = self.client.renewed();
        let messages = MessagesProxy::new(self.client.connection());
        let messages = client.ask(async { Ok(messages.await?) }).await?;
        Ok((client, messages))
    }
}

/// Starts a daemon and waits until it says that it is ready.
async fn launch(qpcd: &Path, dir: &Path, listen: &str) -> Result<(Child, Client), Failure> {
    let socket = dir.with_extension("sock");
    let failed =
        |error: std::io::Error| Failure::failed(format!("qpcd cannot be started: {error}"));
    let log = std::fs::File::create(dir.with_extension("log")).map_err(failed)?;
    let mut command = Command::new(qpcd);
    command
        .arg("--data-dir")
        .arg(dir)
        .arg("--socket")
        .arg(&socket)
        .args(["--tcp-listen", listen, "--no-mdns", "--no-multicast", "--no-iroh"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        // Ctrl-C is for us: we end them, in order.
        .process_group(0)
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("QPC_") {
            command.env_remove(name);
        }
    }
    // A message bus has one daemon, and that is the user's own.
    command.env("QPC_API_BUS", "off");
    let mut child = command.spawn().map_err(failed)?;
    let stdout = child.stdout.take().expect("it was asked for");
    let mut lines = BufReader::new(stdout).lines();
    match timeout(READY_TIMEOUT, lines.next_line()).await {
        Ok(Ok(Some(line))) if line.starts_with("ready ") => {}
        _ => return Err(not_ready(dir)),
    }
    let global = Global { socket: Some(socket), ..Global::default() };
    Ok((child, Client::connect(&global).await?))
}

/// What the daemon said last, because its files will be gone.
fn not_ready(dir: &Path) -> Failure {
    let log = std::fs::read_to_string(dir.with_extension("log")).unwrap_or_default();
    let last = log.lines().last().unwrap_or("it said nothing");
    Failure::failed(format!(
        "a throw-away daemon did not start: {}",
        crate::show::text::one_line(last)
    ))
    .hint("Try qpcd by itself to see more")
}

/// How long a daemon may take to be ready: it creates keys and a store.
const READY_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a daemon may take to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// How long a message may take across one node that just came back and waits for neighbours to
/// connect again.
const RECEIPT_TIMEOUT: Duration = Duration::from_secs(20);
/// How often to look for a new route.
const ROUTE_POLL: Duration = Duration::from_millis(20);
