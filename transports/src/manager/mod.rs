//! Owns all links of a node: dials, listens, shakes hands, keeps one link per neighbour, and
//! gives the driver one place to wait.
//!
//! Static peers and listeners are *handles*; what is up is a *link*. Handles survive their links.

mod admission;
mod backoff;
mod credentials;
mod event;
mod handles;
mod links;
mod probe;
mod radio;
mod ready;
mod status;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::poll_fn,
    net::SocketAddr,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mesh::{LinkId, identity::MeshIdentity};
use tokio::sync::mpsc;

pub(crate) use backoff::Backoff;
pub(crate) use credentials::Credentials;
pub use event::LinkEvent;
pub(crate) use event::{Candidate, Connected, Outcome};
use handles::{Handle, Target};
use links::Entry;
pub use links::SendState;
pub use probe::{Probe, ProbeError};
use radio::Radios;
pub use radio::{RadioNeighbour, RadioStatus, SetRadioError};
use ready::ReadyQueue;
pub use status::{Counters, HandleId, LinkState, LinkStatus, Traffic};

use crate::{
    iroh::{self, Dialer, IrohConfig, IrohInfo},
    limits::{HANDLES_MAX, INBOUND_MAX, OUTCOMES_MAX, RETRY_MAX, RETRY_MIN},
    link::{DownReason, Scratch},
    lora::{self, Airtime, RnodeTarget, RnodeTargetError},
    secure::NetworkKey,
    target::PeerTarget,
    tcp::{HalfOpen, TargetError},
};

/// How links are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LinkConfig {
    /// Whose node key certifies the link keys.
    pub identity: MeshIdentity,
    /// The network's key; without one everyone may join.
    pub network_key: Option<NetworkKey>,
    /// How many inbound links there may be.
    pub inbound_max: u32,
    /// First delay before a peer is dialled again.
    pub retry_min: Duration,
    /// Longest delay before a peer is dialled again.
    pub retry_max: Duration,
    /// What radios of this node sent in the last hour, and where that is kept.
    pub airtime: Airtime,
}

impl LinkConfig {
    /// An open network, with the defaults of [`crate::limits`].
    pub const fn new(identity: MeshIdentity) -> Self {
        Self {
            identity,
            network_key: None,
            inbound_max: INBOUND_MAX,
            retry_min: RETRY_MIN,
            retry_max: RETRY_MAX,
            airtime: Airtime::Forgotten,
        }
    }
}

/// All links of a node (`LNK-50` to `LNK-58`).
///
/// The driver waits on [`TransportManager::next`], takes what else is there with
/// [`TransportManager::try_next`], and moves frames with [`TransportManager::recv`] and
/// [`TransportManager::send`]. Nothing here waits for the driver, and nothing polls.
pub struct TransportManager {
    config: LinkConfig,
    credentials: Arc<Credentials>,
    half_open: HalfOpen,
    iroh: Dialer,
    iroh_info: Option<IrohInfo>,
    handles: BTreeMap<HandleId, Handle>,
    next_handle: u32,
    links: BTreeMap<LinkId, Entry>,
    by_peer: BTreeMap<[u8; 32], LinkId>,
    next_link: u32,
    ready: ReadyQueue,
    radios: Radios,
    scratch: Scratch,
    events: VecDeque<LinkEvent>,
    counters: Counters,
    outcomes: mpsc::Receiver<Outcome>,
    outcomes_in: mpsc::Sender<Outcome>,
}

impl TransportManager {
    /// A manager without links.
    ///
    /// # Panics
    ///
    /// When the operating system has no randomness for the link keys.
    pub fn new(mut config: LinkConfig) -> Self {
        let (outcomes_in, outcomes) = mpsc::channel(OUTCOMES_MAX);
        let radios = Radios::new(std::mem::take(&mut config.airtime));
        let credentials = Credentials::new(config.identity.clone(), config.network_key.clone());
        Self {
            config,
            credentials: Arc::new(credentials),
            half_open: HalfOpen::default(),
            iroh: Dialer::default(),
            iroh_info: None,
            handles: BTreeMap::new(),
            next_handle: 1,
            links: BTreeMap::new(),
            by_peer: BTreeMap::new(),
            next_link: 1,
            ready: ReadyQueue::default(),
            radios,
            scratch: Scratch::new(),
            events: VecDeque::new(),
            counters: Counters::default(),
            outcomes,
            outcomes_in,
        }
    }

    /// Adds a static peer, `tcp://HOST:PORT` or `iroh://ENDPOINT?…`, and starts dialling it; or a
    /// modem, `rnode://…`, and opens it. Call it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`AddError`]: the address is none, is there already, or is one too many; or a modem's
    /// settings are against the law.
    pub fn add(&mut self, uri: &str) -> Result<HandleId, AddError> {
        if uri.split_once("://").is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("rnode")) {
            return self.add_radio(uri);
        }
        let target = PeerTarget::parse(uri).map_err(AddError::Target)?;
        let same = |handle: &Handle| matches!(&handle.target, Target::Peer(t) if *t == target);
        if let Some((id, _)) = self.handles.iter().find(|(_, handle)| same(handle)) {
            return Err(AddError::Exists(*id));
        }
        let id = self.insert_handle(Target::Peer(target))?;
        self.dial_after(id, Duration::ZERO);
        Ok(id)
    }

    /// Listens on `address`. A failure to bind is a status, and is tried again (`LNK-58`). Call
    /// it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`AddError::Exists`], [`AddError::TooMany`].
    pub fn listen(&mut self, address: SocketAddr) -> Result<HandleId, AddError> {
        let same = |handle: &Handle| matches!(&handle.target, Target::Listen(a) if *a == address);
        if let Some((id, _)) = self.handles.iter().find(|(_, handle)| same(handle))
            && address.port() != 0
        {
            return Err(AddError::Exists(*id));
        }
        let id = self.insert_handle(Target::Listen(address))?;
        self.start_listener(id, address);
        Ok(id)
    }

    /// Binds the QUIC endpoint (`IRO-20`). A failure to bind is a status, and is tried again. Call
    /// it inside a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`AddError::Exists`]: there is one endpoint at most. [`AddError::NoIroh`]: not in this
    /// build. [`AddError::TooMany`].
    pub fn listen_iroh(&mut self, config: IrohConfig) -> Result<HandleId, AddError> {
        if !iroh::IS_BUILT_IN {
            return Err(AddError::NoIroh);
        }
        let same = |handle: &Handle| matches!(&handle.target, Target::Iroh(_));
        if let Some((id, _)) = self.handles.iter().find(|(_, handle)| same(handle)) {
            return Err(AddError::Exists(*id));
        }
        let id = self.insert_handle(Target::Iroh(None))?;
        self.iroh.expect_endpoint();
        self.start_endpoint(id, config);
        Ok(id)
    }

    /// Where the QUIC endpoint can be reached; `None` without one, and until it is bound. A change
    /// of it is a [`LinkEvent::StatusChanged`].
    pub const fn iroh(&self) -> Option<&IrohInfo> {
        self.iroh_info.as_ref()
    }

    /// Forgets a static peer or a listener; a static peer's link goes down. Links that came in
    /// through a listener stay. False when there is no such handle.
    pub fn remove(&mut self, id: HandleId) -> bool {
        let Some(handle) = self.handles.remove(&id) else {
            return false;
        };
        if self.remove_radio(id) {
            handle.stop_after(lora::LEAVE_WAIT);
        } else {
            handle.stop();
        }
        if let Some(link) = handle.link {
            self.take_down(link, DownReason::Removed);
        }
        if matches!(handle.target, Target::Iroh(_)) {
            self.iroh_info = None;
            self.iroh.leave();
        }
        self.tell_status();
        true
    }

    /// Changes the network's key (`LNK-57`): links made with another one go down, static peers
    /// are dialled again at once.
    pub fn set_network_key(&mut self, key: Option<NetworkKey>) {
        if self.config.network_key == key {
            return;
        }
        self.config.network_key.clone_from(&key);
        self.credentials.set_network_key(key);
        let own: Vec<_> =
            self.links.iter().filter(|(_, e)| e.is_own()).map(|(id, _)| *id).collect();
        for link in own {
            self.take_down(link, DownReason::NetworkKeyChanged);
        }
        self.redial_all();
    }

    /// Dials every static peer that waits for its next try now: the network came back.
    pub fn retry_now(&mut self) {
        let waiting = |handle: &Handle| matches!(handle.state, LinkState::Backoff { .. });
        let ids: Vec<_> =
            self.handles.iter().filter(|(_, h)| waiting(h)).map(|(id, _)| *id).collect();
        for id in ids {
            self.dial_after(id, Duration::ZERO);
        }
    }

    /// The handles in the order they were added, then the inbound links.
    pub fn list(&self) -> Vec<LinkStatus> {
        let handles = self.handles.iter().map(|(id, handle)| self.handle_status(*id, handle));
        let inbound =
            self.links.iter().filter(|(_, e)| e.handle.is_none()).map(|(id, e)| e.status(*id));
        handles.chain(inbound).collect()
    }

    /// What happened so far.
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Inbound handshakes in progress.
    pub fn half_open(&self) -> usize {
        self.half_open.len()
    }

    /// Waits for the next event. Cancel-safe: an event not returned is not lost.
    pub async fn next(&mut self) -> LinkEvent {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The next event that is there already, for draining after [`TransportManager::next`].
    pub fn try_next(&mut self) -> Option<LinkEvent> {
        // Whoever gets `None` here comes back to `next`, which leaves its waker before it waits.
        match self.poll_next(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(event) => Some(event),
            Poll::Pending => None,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<LinkEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            self.ready.set_manager(cx.waker());
            self.poll_radios(cx);
            if let Some(link) = self.ready.pop() {
                self.on_ready(link);
            } else if let Poll::Ready(Some(outcome)) = self.outcomes.poll_recv(cx) {
                self.on_outcome(outcome);
            } else if self.events.is_empty() {
                return Poll::Pending;
            }
        }
    }

    fn on_outcome(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Dialling { handle, attempt } => self.on_dialling(handle, attempt),
            Outcome::Dialled { handle, attempt, local, result } => {
                self.on_dialled(handle, attempt, &local, result);
            }
            Outcome::Accepted { connected, local, uri } => {
                self.on_accepted(connected, &local, uri);
            }
            Outcome::Unwelcome(error) => self.count_handshake(error),
            Outcome::TurnedAway => self.counters.turned_away += 1,
            Outcome::Bound { handle, address } => self.on_bound(handle, address),
            Outcome::IrohBound { handle, address, info } => {
                self.on_iroh_bound(handle, address, info);
            }
            Outcome::IrohMoved { handle, info } => self.on_iroh_moved(handle, info),
            Outcome::BindFailed { handle, kind, retry_in } => {
                self.on_bind_failed(handle, kind, retry_in);
            }
        }
    }

    /// One [`LinkEvent::StatusChanged`] tells about any number of changes.
    fn tell_status(&mut self) {
        if self.events.back() != Some(&LinkEvent::StatusChanged) {
            self.events.push_back(LinkEvent::StatusChanged);
        }
    }

    fn insert_handle(&mut self, target: Target) -> Result<HandleId, AddError> {
        if self.handles.len() >= HANDLES_MAX {
            return Err(AddError::TooMany);
        }
        let id = HandleId(self.next_handle);
        self.next_handle += 1;
        let backoff = Backoff::new(self.config.retry_min, self.config.retry_max);
        self.handles.insert(id, Handle::new(target, backoff));
        self.tell_status();
        Ok(id)
    }
}

impl Drop for TransportManager {
    fn drop(&mut self) {
        for handle in self.handles.values() {
            handle.stop();
        }
        self.iroh.leave();
    }
}

impl fmt::Debug for TransportManager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportManager")
            .field("handles", &self.handles.len())
            .field("links", &self.links.len())
            .finish_non_exhaustive()
    }
}

/// Why a static peer or a listener was not added: the caller's mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// Not an address of a peer.
    Target(TargetError),
    /// It is there already, under this id.
    Exists(HandleId),
    /// Not an address of a modem, or not a lawful one.
    Radio(RnodeTargetError),
    /// This build has no QUIC links.
    NoIroh,
    /// There are [`HANDLES_MAX`] already.
    TooMany,
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target(error) => error.fmt(f),
            Self::Exists(id) => write!(f, "it is there already, as link {id}"),
            Self::Radio(error) => error.fmt(f),
            Self::NoIroh => f.write_str("this build has no QUIC links"),
            Self::TooMany => write!(f, "there are {HANDLES_MAX} links already"),
        }
    }
}

impl std::error::Error for AddError {}
