//! Static peers and listeners: their states and their tries.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use mesh::{LinkId, PublicIdentity};
use tokio::{
    sync::mpsc::Sender,
    task::AbortHandle,
    time::{Instant, sleep},
};

use super::{
    Backoff, Credentials, HandleId, LinkState, LinkStatus, Outcome, Traffic, TransportManager,
};
use crate::{
    iroh::{self, Dialer, IrohConfig, IrohInfo},
    limits::STABLE_AFTER,
    lora::RnodeTarget,
    secure::HandshakeError,
    target::PeerTarget,
    tcp::{DialError, Listening, dial, listen},
};

/// What a handle leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Peer(PeerTarget),
    Listen(SocketAddr),
    /// The QUIC endpoint, under the name it has once it is bound.
    Iroh(Option<String>),
    /// A modem.
    Radio(Box<RnodeTarget>),
}

/// A static peer or a listener.
pub(super) struct Handle {
    pub(super) target: Target,
    pub(super) state: LinkState,
    since: Instant,
    pub(super) tries: u32,
    pub(super) last_error: Option<String>,
    pub(super) link: Option<LinkId>,
    pub(super) peer: Option<PublicIdentity>,
    backoff: Backoff,
    pub(super) task: Option<AbortHandle>,
    /// Counts tasks, so that what an ended one still had to say is not believed.
    attempt: u32,
}

impl Handle {
    pub(super) fn new(target: Target, backoff: Backoff) -> Self {
        Self {
            target,
            state: LinkState::Connecting,
            since: Instant::now(),
            tries: 0,
            last_error: None,
            link: None,
            peer: None,
            backoff,
            task: None,
            attempt: 0,
        }
    }

    /// Ends the task of this handle.
    pub(super) fn stop(&self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }

    /// Ends it if it has not ended by itself by then.
    pub(super) fn stop_after(&self, wait: Duration) {
        if let Some(task) = self.task.clone() {
            tokio::spawn(async move {
                sleep(wait).await;
                task.abort();
            });
        }
    }

    pub(super) fn enter(&mut self, state: LinkState) {
        self.state = state;
        self.since = Instant::now();
    }

    pub(super) fn uri(&self) -> String {
        match (&self.target, self.state) {
            (Target::Peer(target), _) => target.to_string(),
            (Target::Listen(_), LinkState::Listening { address }) => format!("tcp://{address}"),
            (Target::Listen(address), _) => format!("tcp://{address}"),
            (Target::Radio(target), _) => target.to_string(),
            (Target::Iroh(name), _) => name.clone().unwrap_or_else(|| "iroh://".to_owned()),
        }
    }
}

impl TransportManager {
    /// Dials a static peer after `delay`, instead of whatever its handle was doing.
    pub(super) fn dial_after(&mut self, id: HandleId, delay: Duration) {
        let (credentials, outcomes) = (self.credentials.clone(), self.outcomes_in.clone());
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        let Target::Peer(target) = handle.target.clone() else {
            return;
        };
        handle.stop();
        handle.attempt = handle.attempt.wrapping_add(1);
        handle.enter(if delay.is_zero() {
            LinkState::Connecting
        } else {
            LinkState::Backoff { next_try: Instant::now() + delay }
        });
        let iroh = self.iroh.clone();
        let attempt = Attempt { id, attempt: handle.attempt, target, delay, iroh };
        handle.task = Some(tokio::spawn(attempt.run(credentials, outcomes)).abort_handle());
        self.tell_status();
    }

    /// The try or the link of a static peer failed: dials again after the next delay.
    pub(super) fn retry(&mut self, id: HandleId, why: String) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.last_error = Some(why);
        let delay = handle.backoff.next_delay(Credentials::random());
        self.dial_after(id, delay);
    }

    /// A static peer's link is up.
    pub(super) fn handle_is_up(&mut self, id: HandleId, link: LinkId, peer: PublicIdentity) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.link = Some(link);
        handle.peer = Some(peer);
        handle.tries = 0;
        handle.last_error = None;
        handle.enter(LinkState::Up);
        self.tell_status();
    }

    /// A static peer's link went down after `lasted`.
    pub(super) fn handle_lost_link(&mut self, id: HandleId, lasted: Duration) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.link = None;
        if lasted >= STABLE_AFTER {
            handle.backoff.reset();
        } else {
            handle.backoff.shorten();
        }
    }

    /// Another link to this handle's peer is up: no tries until that one goes down (`LNK-56`).
    pub(super) fn stand_by(&mut self, id: HandleId, peer: PublicIdentity) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.stop();
        handle.peer = Some(peer);
        handle.tries = 0;
        handle.last_error = None;
        handle.enter(LinkState::Standby);
        self.tell_status();
    }

    /// The last link to `peer` is gone: those that stood by for it dial.
    pub(super) fn wake_standby(&mut self, peer: PublicIdentity) {
        let waits = |h: &Handle| h.state == LinkState::Standby && h.peer == Some(peer);
        let ids: Vec<_> =
            self.handles.iter().filter(|(_, h)| waits(h)).map(|(id, _)| *id).collect();
        for id in ids {
            self.retry(id, "the other link to this peer went down".to_owned());
        }
    }

    /// Dials every static peer without a link, now and with the shortest delays.
    pub(super) fn redial_all(&mut self) {
        let down = |h: &Handle| h.link.is_none() && matches!(h.target, Target::Peer(_));
        let ids: Vec<_> = self.handles.iter().filter(|(_, h)| down(h)).map(|(id, _)| *id).collect();
        for id in ids {
            if let Some(handle) = self.handles.get_mut(&id) {
                handle.backoff.reset();
            }
            self.dial_after(id, Duration::ZERO);
        }
    }

    pub(super) fn on_dialling(&mut self, id: HandleId, attempt: u32) {
        let Some(handle) = self.handles.get_mut(&id).filter(|h| h.attempt == attempt) else {
            return;
        };
        handle.tries = handle.tries.saturating_add(1);
        handle.enter(LinkState::Connecting);
        self.tell_status();
    }

    /// Whether `attempt` is the present one of handle `id`.
    pub(super) fn is_current(&self, id: HandleId, attempt: u32) -> bool {
        self.handles.get(&id).is_some_and(|handle| handle.attempt == attempt)
    }

    pub(super) fn on_dial_failed(&mut self, id: HandleId, error: DialError) {
        match error {
            DialError::Handshake(error) => self.count_handshake(error),
            DialError::Resolve(_)
            | DialError::Connect(_)
            | DialError::NoIroh
            | DialError::OtherEndpoint
            | DialError::OtherNode => self.counters.connects_failed += 1,
        }
        if error == DialError::Handshake(HandshakeError::OurOwnKey)
            && let Some(handle) = self.handles.get_mut(&id)
        {
            handle.backoff.give_up_hurry();
        }
        self.retry(id, error.to_string());
    }

    pub(super) fn count_handshake(&mut self, error: HandshakeError) {
        *self.counters.handshakes_failed.entry(error.as_str()).or_default() += 1;
    }

    pub(super) fn start_listener(&mut self, id: HandleId, address: SocketAddr) {
        let listening = Listening {
            handle: id,
            address,
            credentials: self.credentials.clone(),
            half_open: self.half_open.clone(),
            backoff: Backoff::new(self.config.retry_min, self.config.retry_max),
            outcomes: self.outcomes_in.clone(),
        };
        if let Some(handle) = self.handles.get_mut(&id) {
            handle.task = Some(tokio::spawn(listen(listening)).abort_handle());
        }
    }

    pub(super) fn on_bound(&mut self, id: HandleId, address: SocketAddr) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.tries = 0;
        handle.last_error = None;
        handle.enter(LinkState::Listening { address });
        self.tell_status();
    }

    pub(super) fn start_endpoint(&mut self, id: HandleId, config: IrohConfig) {
        let listening = iroh::Listening {
            handle: id,
            config,
            dialer: self.iroh.clone(),
            credentials: self.credentials.clone(),
            half_open: self.half_open.clone(),
            backoff: Backoff::new(self.config.retry_min, self.config.retry_max),
            outcomes: self.outcomes_in.clone(),
        };
        if let Some(handle) = self.handles.get_mut(&id) {
            handle.task = Some(tokio::spawn(iroh::listen(listening)).abort_handle());
        }
    }

    pub(super) fn on_iroh_bound(&mut self, id: HandleId, address: SocketAddr, info: IrohInfo) {
        self.on_iroh_moved(id, info);
        self.on_bound(id, address);
    }

    pub(super) fn on_iroh_moved(&mut self, id: HandleId, info: IrohInfo) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.target = Target::Iroh(Some(info.name()));
        self.iroh_info = Some(info);
        self.tell_status();
    }

    pub(super) fn on_bind_failed(&mut self, id: HandleId, kind: io::ErrorKind, retry_in: Duration) {
        let Some(handle) = self.handles.get_mut(&id) else {
            return;
        };
        handle.tries = handle.tries.saturating_add(1);
        handle.last_error = Some(format!("cannot listen on {}: {kind}", handle.uri()));
        handle.enter(LinkState::Backoff { next_try: Instant::now() + retry_in });
        self.tell_status();
    }

    pub(super) fn handle_status(&self, id: HandleId, handle: &Handle) -> LinkStatus {
        let entry = handle.link.and_then(|link| self.links.get(&link));
        LinkStatus {
            id: Some(id),
            uri: handle.uri(),
            link: handle.link,
            state: handle.state,
            peer: handle.peer,
            since: handle.since,
            tries: handle.tries,
            inbound: false,
            last_error: handle.last_error.clone(),
            traffic: entry.map_or_else(Traffic::default, |entry| entry.traffic),
            path: entry.map(|entry| entry.path),
        }
    }
}

/// One try to reach a static peer.
struct Attempt {
    id: HandleId,
    attempt: u32,
    target: PeerTarget,
    delay: Duration,
    iroh: Dialer,
}

impl Attempt {
    async fn run(self, credentials: Arc<Credentials>, outcomes: Sender<Outcome>) {
        let Self { id: handle, attempt, target, delay, iroh } = self;
        if !delay.is_zero() {
            sleep(delay).await;
        }
        // The manager is gone when a send fails; the task ends with it.
        let _ = outcomes.send(Outcome::Dialling { handle, attempt }).await;
        let local = credentials.current();
        let result = match &target {
            PeerTarget::Tcp(target) => dial(target, local.clone()).await,
            PeerTarget::Iroh(target) => iroh.dial(target, local.clone()).await,
        };
        let _ = outcomes.send(Outcome::Dialled { handle, attempt, local, result }).await;
    }
}
