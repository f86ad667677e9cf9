//! The API on D-Bus (`specs/11-api.md`).
//!
//! - `server`: the private socket: who may come in, one connection and object tree a client.
//! - `message_bus`: the same tree on the session or system bus, where there is one.
//! - `visitors`: on the system bus, the way in for those whom polkit lets in.
//! - `shim`: `org.freedesktop.DBus` on the private socket, for stock clients.
//! - `signals`: from what happens to signals, objects and property changes.
//! - the interfaces, one file each. They translate; the actor decides.
//!
//! All of it runs on its own thread: a client that asks for a hundred thousand routes delays
//! other clients, never a frame.

mod access;
#[cfg(feature = "appointments")]
mod alerts;
#[cfg(feature = "appointments")]
mod appointments;
mod channels;
mod contacts;
mod convert;
mod convert_radio;
mod daemon;
mod discovery;
mod events;
mod invites;
mod links;
mod message_bus;
mod messages;
mod objects;
mod peers;
mod ping;
mod radios;
mod requests;
mod routes;
#[cfg(feature = "appointments")]
mod schedule;
mod server;
mod shim;
mod signals;
mod transfer;
#[cfg(feature = "appointments")]
mod trust;
mod visitors;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use zbus::connection::Builder;

#[cfg(feature = "web")]
pub(crate) use appointments::Appointments as AppointmentsApi;
#[cfg(feature = "web")]
pub(crate) use convert::hex;
#[cfg(feature = "web")]
pub(crate) use daemon::VERSION;

pub use message_bus::join as join_bus;
pub use server::{Server, SocketError};

use crate::{
    actor::Handle,
    config::{Bus, Config, Problem, Sources},
    paths::Paths,
    store::Health,
};

/// What every interface of one connection needs.
#[derive(Clone, Debug)]
pub struct Context {
    handle: Handle,
    shared: Arc<Shared>,
    /// The client is the daemon's user or root.
    is_owner: bool,
}

/// What all connections share.
#[derive(Debug)]
pub struct Shared {
    address: mesh::Address,
    root_key: Option<[u8; 32]>,
    paths: Paths,
    sources: Sources,
    /// A copy for export; the actor keeps its own.
    identity: mesh::MeshIdentity,
    signals_dropped: AtomicUsize,
    stop_asked: AtomicBool,
    /// Where the page is.
    #[cfg(feature = "web")]
    pub web: crate::web::Web,
}

impl Shared {
    /// For all connections of a daemon.
    pub fn new(identity: mesh::MeshIdentity, paths: Paths, sources: Sources) -> Self {
        Self {
            address: identity.address(),
            root_key: identity.root_key(),
            paths,
            sources,
            identity,
            signals_dropped: AtomicUsize::new(0),
            stop_asked: AtomicBool::new(false),
            #[cfg(feature = "web")]
            web: crate::web::Web::default(),
        }
    }

    /// This node's address.
    pub const fn address(&self) -> mesh::Address {
        self.address
    }

    /// The node's keys.
    pub const fn identity(&self) -> &mesh::MeshIdentity {
        &self.identity
    }

    /// Reads the configuration again.
    ///
    /// # Errors
    ///
    /// Every problem that was found.
    pub fn load_config(&self) -> Result<Config, Vec<Problem>> {
        Config::load(&self.paths, &self.sources)
    }

    fn count_dropped_signals(&self, count: u64) {
        // A counter may wrap; one that counts to four billion on a small machine at that.
        self.signals_dropped.fetch_add(count as usize, Ordering::Relaxed);
    }

    /// Whether a client asked the daemon to stop, and waits for the answer to that.
    pub fn is_stop_asked(&self) -> bool {
        self.stop_asked.load(Ordering::Relaxed)
    }

    /// Signals that slow clients did not get.
    pub fn signals_dropped(&self) -> u64 {
        self.signals_dropped.load(Ordering::Relaxed) as u64
    }
}

impl Context {
    /// The context of a client.
    pub fn new(handle: Handle, shared: Arc<Shared>, is_owner: bool) -> Self {
        Self { handle, shared, is_owner }
    }

    /// Serves every interface of [`api::PATH`].
    fn serve<'a>(&self, builder: Builder<'a>) -> Builder<'a> {
        #[cfg(feature = "appointments")]
        let builder = builder
            .serve_at(api::PATH, appointments::Appointments(self.clone()))
            .serve_at(api::PATH, alerts::Alerts(self.clone()))
            .serve_at(api::PATH, trust::Trust(self.clone()));
        builder
            .serve_at(api::PATH, daemon::Daemon(self.clone()))
            .serve_at(api::PATH, peers::Peers(self.clone()))
            .serve_at(api::PATH, routes::Routes(self.clone()))
            .serve_at(api::PATH, messages::Messages(self.clone()))
            .serve_at(api::PATH, channels::Channels(self.clone()))
            .serve_at(api::PATH, contacts::Contacts(self.clone()))
            .serve_at(api::PATH, invites::Invites(self.clone()))
            .serve_at(api::PATH, requests::Requests(self.clone()))
            .serve_at(api::PATH, links::Links(self.clone()))
            .serve_at(api::PATH, radios::Radios(self.clone()))
            .serve_at(api::PATH, discovery::Discovery(self.clone()))
            .serve_at(api::PATH, events::Events(self.clone()))
            .serve_at(api::PATH, zbus::fdo::ObjectManager)
    }

    /// The node that an address or a petname means.
    async fn resolve(&self, text: &str) -> Result<mesh::Address, api::Error> {
        let asked = text.to_owned();
        self.handle.ask(move |actor| actor.resolve(&asked)).await?.ok_or_else(|| {
            api::Error::InvalidAddress(format!(
                "{text:?} is neither 32 hexadecimal digits nor the name of a contact"
            ))
        })
    }

    /// Has the core do something and answers once that is durable. Of a disk that does not take it
    /// the client hears: it is done, and a restart undoes it.
    async fn command(&self, command: mesh::Command) -> Result<mesh::Outcome, api::Error> {
        let done = self.handle.ask(move |actor| actor.command_durably(command)).await?;
        let (outcome, mut written) = done.map_err(convert::command_error)?;
        loop {
            match tokio::time::timeout(DISK_PATIENCE, &mut written).await {
                Ok(Ok(())) => return Ok(outcome),
                Ok(Err(_)) => {
                    return Err(api::Error::ShuttingDown("the daemon is stopping".into()));
                }
                Err(_) => {}
            }
            let health = self.handle.ask(|actor| actor.health()).await?;
            if health != Health::Ok {
                let text = format!(
                    "it is done, but the disk is {} and a restart would undo it",
                    health.as_str()
                );
                return Err(api::Error::StorageFailed(text));
            }
        }
    }

    /// Fails unless the client is the daemon's user or root.
    fn only_owner(&self) -> Result<(), api::Error> {
        let text = "only the daemon's own user and root may do this";
        if self.is_owner { Ok(()) } else { Err(api::Error::AccessDenied(text.into())) }
    }
}

/// The bus that [`Bus::Auto`] means here, if any.
pub fn choose_bus(wanted: Bus) -> Option<Bus> {
    let has = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match wanted {
        Bus::Off => None,
        Bus::Session | Bus::System => Some(wanted),
        Bus::Auto if has("DBUS_SESSION_BUS_ADDRESS") => Some(Bus::Session),
        Bus::Auto if has("DBUS_SYSTEM_BUS_ADDRESS") => Some(Bus::System),
        Bus::Auto => None,
    }
}

/// How long a disk may take before it is asked for.
const DISK_PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod xml_tests;
