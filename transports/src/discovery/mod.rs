//! Finding neighbours on the own network (`specs/20-discovery.md`, `DSC-…`): places to dial, never
//! links. What is found may be wrong or a lie; the handshake of a link decides.
//!
//! ```text
//!  kernel ──interfaces──→ ┌───────────┐ ──asks, announces, answers──→ own group ff12::eae2:f4a
//!                         │ multicast │ ←─datagrams── (Beacon: when, and what counts; pure)
//!  listeners ─inputs────→ ├───────────┤
//!                         │   mdns    │ ←→ _quicprochat._udp.local. (mdns-sd, its own thread)
//!                         └───────────┘ ──Sighting──→ driver ──→ Table: whom to dial; pure
//! ```
//!
//! - [`datagram`]: the 18 bytes of the own group.
//! - `beacon`: the schedule and the budgets of the own group, on a clock of the caller.
//! - [`table`]: who was found, where, and who is left alone.
//! - [`place`]: which addresses are dialled at all.
//! - [`interfaces`]: where all this happens.
//! - `multicast`, `mdns`, `watch`: sockets and tasks, thin.

mod beacon;
#[cfg(test)]
mod beacon_tests;
mod budget;
pub mod datagram;
pub mod interfaces;
mod jitter;
pub mod limits;
mod mdns;
mod multicast;
pub mod place;
pub mod table;
#[cfg(test)]
mod table_tests;
mod watch;

use std::{
    fmt,
    future::pending,
    net::{SocketAddr, SocketAddrV6},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use clatter::rand_core::RngCore;
use tokio::{
    sync::{mpsc, watch as channel},
    task::JoinHandle,
    time::timeout,
};

use crate::noise::SystemRandom;
use beacon::Beacon;
pub use beacon::Counters;
pub use datagram::Instance;
pub use interfaces::Filter;
use limits::SIGHTINGS_QUEUED_MAX;
pub use place::Place;
pub use table::{FoundRow, Neighbour, Refused, Table, Wanted};

/// What is used to find neighbours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Whether mDNS is.
    pub mdns: bool,
    /// The own group, if it is; see [`limits::GROUP`].
    pub group: Option<SocketAddrV6>,
    /// The interfaces.
    pub filter: Filter,
}

/// Somebody was seen, or not any more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sighting {
    /// A node is here.
    Here {
        /// Which.
        instance: Instance,
        /// Where it can be dialled; empty when it cannot.
        places: Vec<Place>,
        /// For how long that holds.
        valid_for: Duration,
    },
    /// A node leaves.
    Gone {
        /// Which.
        instance: Instance,
    },
    /// Interfaces of this machine came or went.
    NetworkChanged {
        /// The name under which this node announces itself from now on.
        own: Instance,
    },
}

/// Whether a way of finding neighbours works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Part {
    /// It is switched off.
    #[default]
    Off,
    /// It is about to start.
    Starting,
    /// It works.
    Works,
    /// It does not, for this reason; it is tried again.
    Failed(String),
}

impl Part {
    /// The word in the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Starting => "starting",
            Self::Works => "works",
            Self::Failed(_) => "failed",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(why) => write!(f, "failed: {why}"),
            other => f.write_str(other.as_str()),
        }
    }
}

/// How discovery does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// mDNS.
    pub mdns: Part,
    /// The own group.
    pub multicast: Part,
    /// Names of the interfaces that the own group is joined on.
    pub interfaces: Vec<String>,
    /// What the own group counted.
    pub counters: Counters,
}

/// What mDNS learns from the task that looks after the interfaces.
#[derive(Clone, Copy, Debug)]
struct Network {
    /// Another one after the machine was without a network (`DSC-01`).
    own: Instance,
    /// Counts changes.
    changes: u32,
}

/// What both tasks follow.
#[derive(Clone, Debug, Default)]
struct Inputs {
    listeners: Vec<SocketAddr>,
    is_leaving: bool,
}

#[derive(Debug, Default)]
struct StatusCell(Mutex<Status>);

impl StatusCell {
    fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock());
    }

    fn lock(&self) -> MutexGuard<'_, Status> {
        // Nothing panics while it holds the lock; the value stays whole if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn draw_instance() -> Instance {
    Instance(SystemRandom.next_u64().to_le_bytes())
}

/// Discovery, running until it is stopped or dropped.
#[derive(Debug)]
pub struct Discovery {
    instance: Instance,
    sightings: mpsc::Receiver<Sighting>,
    inputs: channel::Sender<Inputs>,
    status: Arc<StatusCell>,
    tasks: Vec<JoinHandle<()>>,
}

impl Discovery {
    /// Starts looking. Nothing is announced before [`Discovery::set_listeners`]. Call it inside a tokio
    /// runtime. Nothing here fails: what does not work is in the status and tried again.
    pub fn start(config: Config) -> Self {
        let instance = draw_instance();
        let (sightings_in, sightings) = mpsc::channel(SIGHTINGS_QUEUED_MAX);
        let (inputs, inputs_out) = channel::channel(Inputs::default());
        let (network_in, network) = channel::channel(Network { own: instance, changes: 0 });
        let status = Arc::new(StatusCell::default());
        status.update(|status| {
            let part = |on| if on { Part::Starting } else { Part::Off };
            (status.mdns, status.multicast) = (part(config.mdns), part(config.group.is_some()));
        });
        let group_port = config.group.map_or(0, |group| group.port());
        let multicast = multicast::Task {
            beacon: Beacon::new(instance, None, group_port, SystemRandom.next_u64()),
            group: config.group,
            filter: config.filter.clone(),
            inputs: inputs_out.clone(),
            sightings: sightings_in.clone(),
            network: network_in,
            status: Arc::clone(&status),
        };
        let mut tasks = vec![tokio::spawn(multicast.run())];
        if config.mdns {
            let mdns = mdns::Task {
                filter: config.filter,
                inputs: inputs_out,
                network,
                sightings: sightings_in,
                status: Arc::clone(&status),
            };
            tasks.push(tokio::spawn(mdns.run()));
        }
        Self { instance, sightings, inputs, status, tasks }
    }

    /// The name under which this node announced itself at its start; a sighting tells of others.
    pub const fn instance(&self) -> Instance {
        self.instance
    }

    /// Where this node listens now.
    pub fn set_listeners(&self, listeners: &[SocketAddr]) {
        self.inputs.send_if_modified(|inputs| {
            let is_new = inputs.listeners != listeners;
            if is_new {
                inputs.listeners = listeners.to_vec();
            }
            is_new
        });
    }

    /// Waits for the next sighting. Cancel-safe.
    pub async fn next(&mut self) -> Sighting {
        match self.sightings.recv().await {
            Some(sighting) => sighting,
            None => pending().await,
        }
    }

    /// How it does.
    pub fn status(&self) -> Status {
        self.status.lock().clone()
    }

    /// Says goodbye, and waits for that, for `deadline` at most.
    pub async fn stop(mut self, deadline: Duration) {
        self.inputs.send_modify(|inputs| inputs.is_leaving = true);
        let _ = timeout(deadline, async {
            for task in &mut self.tasks {
                let _ = task.await;
            }
        })
        .await;
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
