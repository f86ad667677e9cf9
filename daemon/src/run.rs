//! From flags to a running daemon: two runtimes, one thread for frames, one for clients.

use std::{
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
    thread,
};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
    sync::oneshot,
};

#[cfg(feature = "web")]
use crate::web;
use crate::{
    actor::{self, Actor, Handle},
    args::Flags,
    bus::{self, Server, Shared},
    config::{self, Config},
    identity::file,
    lock::DirLock,
    log, metrics,
    notify::Notifier,
    paths::Paths,
    relay,
};

/// Runs the daemon until it is told to stop.
///
/// # Errors
///
/// A sentence for the person who started it.
pub fn run(flags: Flags) -> Result<(), String> {
    let paths = Paths::of_process();
    let config = Config::load(&paths, &flags.sources).map_err(|p| config::lines(&p))?;
    log::start(config.log_level, config.log_format);
    make_data_dir(&config.data_dir).map_err(|e| format!("{}: {e}", config.data_dir.display()))?;
    let _lock = DirLock::take(&config.data_dir).map_err(|error| error.to_string())?;
    let loaded =
        file::load(&config.data_dir, flags.new_identity).map_err(|error| error.to_string())?;
    let shared = Arc::new(Shared::new(loaded.identity.clone(), paths, flags.sources));

    let runtime = current_thread("links")?;
    let clients = Clients::bind(&config)?;
    let socket = config.socket.clone();
    let is_new = loaded.is_new;
    let (actor, clients) = {
        let _inside = runtime.enter();
        let started =
            actor::start(config.clone(), loaded, Notifier::from_env()).map_err(|error| error.0)?;
        follow_signals(started.handle.clone(), Arc::clone(&shared)).map_err(|e| e.to_string())?;
        (started.actor, clients.start(&config, started.handle, shared)?)
    };
    drop(runtime.spawn(give_back_code()));
    if let Some(address) = config.iroh_serve_relay {
        relay::start(address).map_err(|error| format!("no relay: {error}"))?;
    }
    runtime.block_on(actor.run(|actor| announce(actor, &socket, is_new)));
    clients.stop();
    Ok(())
}

/// What ran once does not stay in memory: the start, and later what came with a rare visitor.
async fn give_back_code() {
    tokio::time::sleep(SETTLED_AFTER).await;
    loop {
        footprint::give_back_code();
        tokio::time::sleep(GIVE_BACK_EVERY).await;
    }
}

/// The runtime and thread that serve clients.
struct Clients {
    runtime: Runtime,
    server: Server,
}

struct RunningClients {
    stop: oneshot::Sender<()>,
    thread: thread::JoinHandle<()>,
}

impl Clients {
    fn bind(config: &Config) -> Result<Self, String> {
        let runtime = current_thread("clients")?;
        let server = {
            let _inside = runtime.enter();
            Server::bind(&config.socket, &config.api_group).map_err(|error| error.to_string())?
        };
        Ok(Self { runtime, server })
    }

    fn start(
        self,
        config: &Config,
        handle: Handle,
        shared: Arc<Shared>,
    ) -> Result<RunningClients, String> {
        let (stop, stopped) = oneshot::channel();
        let bus = bus::choose_bus(config.api_bus);
        let (listen, textfile) = (config.metrics_listen.clone(), config.metrics_textfile.clone());
        let asked = Arc::clone(&shared);
        #[cfg(feature = "web")]
        // Bound before anybody is told that the node is ready.
        let pages: Vec<_> = config.web_listen.iter().map(|at| (*at, web::bind(*at))).collect();
        #[cfg(feature = "web")]
        let data_dir = config.data_dir.clone();
        let serve = async move {
            if let Some(bus) = bus {
                tokio::spawn(bus::join_bus(bus, handle.clone(), Arc::clone(&shared)));
            }
            if !listen.is_empty() {
                tokio::spawn(serve_metrics(listen, handle.clone(), Arc::clone(&shared)));
            }
            if textfile != PathBuf::new() {
                let shared = Arc::clone(&shared);
                tokio::spawn(metrics::write_textfile(textfile, handle.clone(), shared));
            }
            #[cfg(feature = "web")]
            offer_pages(pages, &data_dir, &handle, &shared).await;
            tokio::select! {
                () = self.server.run(handle, shared) => {}
                _ = stopped => {}
            }
            if asked.is_stop_asked() {
                // Whoever asked for the end is told that it came.
                tokio::time::sleep(LAST_WORDS).await;
            }
        };
        let runtime = self.runtime;
        let thread = thread::Builder::new()
            .name("clients".into())
            .spawn(move || runtime.block_on(serve))
            .map_err(|error| error.to_string())?;
        Ok(RunningClients { stop, thread })
    }
}

impl RunningClients {
    fn stop(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// The page, where the configuration wants it.
#[cfg(feature = "web")]
async fn offer_pages(
    pages: Vec<(std::net::SocketAddr, io::Result<std::net::TcpListener>)>,
    data_dir: &std::path::Path,
    handle: &Handle,
    shared: &Arc<Shared>,
) {
    for (address, socket) in pages {
        let (handle, shared) = (handle.clone(), Arc::clone(shared));
        let of_all = Arc::clone(&shared);
        let offered = match socket {
            Ok(socket) => of_all.web.offer(socket, handle, shared, data_dir).await,
            Err(error) => Err(error),
        };
        match offered {
            Ok(bound) if bound.ip().is_loopback() => {
                eprintln!(
                    "The page for patients and practices is at http://{bound}/; `qpc web` prints your own address of it."
                );
            }
            Ok(bound) => eprintln!("Visitors find free appointments at http://{bound}/."),
            Err(error) => {
                tracing::error!("no page at {address}: {error}");
                eprintln!("There is no page at {address}: {error}.");
            }
        }
    }
}

async fn serve_metrics(listen: String, handle: Handle, shared: Arc<Shared>) {
    if let Err(error) = metrics::serve(&listen, handle, shared).await {
        tracing::error!("metrics at {listen}: {error}");
    }
}

/// SIGTERM and SIGINT stop, SIGHUP reads the configuration again.
fn follow_signals(handle: Handle, shared: Arc<Shared>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        loop {
            let stop = tokio::select! {
                _ = terminate.recv() => true,
                _ = interrupt.recv() => true,
                _ = hang_up.recv() => false,
            };
            let done =
                if stop { handle.ask(Actor::stop).await } else { reload(&handle, &shared).await };
            if stop || done.is_err() {
                return;
            }
        }
    });
    Ok(())
}

async fn reload(handle: &Handle, shared: &Shared) -> Result<(), actor::Stopped> {
    match shared.load_config() {
        Ok(config) => {
            let applied = handle.ask(move |actor| actor.reload(config)).await?;
            match applied {
                Ok(()) => tracing::info!("configuration read again"),
                Err(error) => tracing::error!("configuration kept as it was: {error}"),
            }
        }
        Err(problems) => {
            tracing::error!("configuration kept as it was: {}", config::lines(&problems));
        }
    }
    Ok(())
}

/// The one line on standard output, and for people what to do next.
fn announce(actor: &Actor, socket: &std::path::Path, is_new: bool) {
    let address = actor.address();
    let mut out = io::stdout().lock();
    // Whoever closed our standard output does not want the line.
    let _ = writeln!(out, "ready address={address} socket={}", socket.display());
    let _ = out.flush();
    for row in actor.link_rows() {
        match (row.direction, row.state) {
            ("listener", "listening") => {
                // An endpoint alone leads nowhere: its addresses belong to it.
                let whole = actor.iroh_uri().filter(|uri| uri.starts_with(&row.uri));
                eprintln!("Neighbours can connect to {}.", whole.as_deref().unwrap_or(&row.uri));
            }
            ("listener", _) => eprintln!(
                "Neighbours cannot connect: {} {}.",
                row.uri,
                row.error.as_deref().unwrap_or(row.state)
            ),
            _ => {}
        }
    }
    if is_new {
        eprintln!("This is a new node. Its keys are in the data directory; back them up with");
        eprintln!("  qpc identity export");
    }
    eprintln!("Next: `qpc status`, or connect to somebody with `qpc links add tcp://HOST:PORT`.");
    actor.tell_ready();
}

fn make_data_dir(dir: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn current_thread(what: &str) -> Result<Runtime, String> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_MAX)
        .build()
        .map_err(|error| format!("no runtime for {what}: {error}"))
}

/// How long the answer to a request to stop may take to leave.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(250);

/// Threads that may wait for descriptors and passphrases.
const BLOCKING_MAX: usize = 16;

/// By then a start is over: sockets are open, keys read, the first neighbours connected.
const SETTLED_AFTER: std::time::Duration = std::time::Duration::from_secs(10);

/// Mapping again what was needed after all costs some hundred minor faults, so seldom is enough.
const GIVE_BACK_EVERY: std::time::Duration = std::time::Duration::from_secs(3_600);
