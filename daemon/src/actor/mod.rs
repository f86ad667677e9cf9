//! The one task that owns the core, the links and the way to the disk.
//!
//! It waits, feeds the core everything that is there, and drains it: records to the writer's
//! thread, frames to the links, events to whoever listens. Nothing on this path waits for the
//! disk or for a client, and a frame that is passed on never leaves this thread.

#[cfg(feature = "appointments")]
mod appointments;
mod clock;
mod commands;
mod discovered;
mod durable;
mod events;
mod handle;
mod hints;
mod links;
mod queries;
mod radio;
mod restore;
mod waiters;

use std::{collections::BTreeSet, io, sync::Arc, time::Duration};

use mesh::{Event, Instant, LinkId, Node, Record, RecordSeq};
use tokio::{
    sync::{broadcast, mpsc},
    time::sleep_until,
};
use transports::{DownReason, Flow, LinkEvent, LinkPath, TransportManager, discovery::Sighting};

pub use clock::Clock;
pub use discovered::{Discovered, DiscoveryNumbers, FoundNeighbour};
pub use events::{EventLog, Happening, What};
pub use handle::{Handle, Job, Stopped};
pub use links::{LinkError, LinkRow, Links, Origin, TCP_PORT};
pub use queries::{Names, Numbers};
pub use radio::RadioError;
pub use restore::{Started, start};

use crate::{
    config::Config,
    notify::Notifier,
    store::{Health, Progress, Writer},
};
pub use commands::Sent;
use durable::Durable;
use waiters::Waiters;
pub use waiters::{Final, Hop, Pong};

/// Owner of everything that runs. Lives on one thread; others reach it through [`Handle`].
pub struct Actor {
    #[cfg(feature = "appointments")]
    appointments: crate::appointments::Appointments,
    node: Node,
    transports: TransportManager,
    links: Links,
    discovered: Discovered,
    writer: Writer,
    clock: Clock,
    config: Config,
    waiters: Waiters,
    durable: Durable,
    log: EventLog,
    listeners: broadcast::Sender<Arc<Happening>>,
    jobs: mpsc::Receiver<Job>,
    /// Links that are not read until the core or the disk has caught up.
    paused: BTreeSet<LinkId>,
    committed: RecordSeq,
    health: Health,
    /// Records of the drain that is going on; kept for its memory.
    records: Vec<Record>,
    warnings: Vec<String>,
    links_changed: bool,
    stopping: bool,
    notifier: Notifier,
}

enum Wake {
    Link(LinkEvent),
    Job(Option<Job>),
    Found(Sighting),
    Disk,
    Time,
}

impl Actor {
    /// Runs until it is told to stop; then flushes the store and closes the links.
    ///
    /// `on_ready` is called once, when listeners are bound or known to fail.
    pub async fn run(mut self, on_ready: impl FnOnce(&Self)) {
        let mut on_ready = Some(on_ready);
        let mut turns: u32 = 0;
        let ready_by = self.clock.now() + READY_WAIT;
        self.drain();
        while !self.stopping {
            let is_ready = self.links.are_settled(&self.transports) || self.clock.now() >= ready_by;
            if let Some(on_ready) = on_ready.take_if(|_| is_ready) {
                self.settle_links();
                on_ready(&self);
            }
            let deadline = if on_ready.is_some() { Some(ready_by) } else { None };
            let wake = self.wait(deadline).await;
            self.feed(wake);
            self.drain();
            turns = turns.wrapping_add(1);
            if turns.is_multiple_of(TURNS_PER_YIELD) {
                // A neighbour that never stops sending must not keep the listener and the
                // handshakes, which live in the same thread, from their turn.
                tokio::task::yield_now().await;
            }
        }
        self.shut_down().await;
    }

    /// Waits for the next thing to do.
    async fn wait(&mut self, deadline: Option<Instant>) -> Wake {
        let due =
            [self.node.poll_timeout(), Some(self.clock.next_tick()), deadline, self.look_at()]
                .into_iter()
                .flatten()
                .min();
        let due = self.clock.to_tokio(due.unwrap_or_else(|| self.clock.next_tick()));
        let due = self.discovered.poll_timeout().map_or(due, |found| found.min(due));
        tokio::select! {
            biased;
            event = self.transports.next() => Wake::Link(event),
            job = self.jobs.recv() => Wake::Job(job),
            () = self.writer.changed() => Wake::Disk,
            sighting = self.discovered.next() => Wake::Found(sighting),
            () = sleep_until(due) => Wake::Time,
        }
    }

    /// Hands the core what woke us and what else is there, up to a bound, so that the drain that
    /// follows serves all of it at once.
    fn feed(&mut self, wake: Wake) {
        match wake {
            Wake::Link(event) => self.on_link_event(event),
            Wake::Job(Some(job)) => job(self),
            Wake::Job(None) => self.stopping = true,
            Wake::Found(sighting) => self.discovered.on_sighting(sighting),
            Wake::Disk | Wake::Time => {}
        }
        for _ in 0..LINK_EVENTS_MAX {
            let Some(event) = self.transports.try_next() else { break };
            self.on_link_event(event);
        }
        for _ in 0..JOBS_MAX {
            let Ok(job) = self.jobs.try_recv() else { break };
            job(self);
        }
        let now = self.clock.now();
        self.follow_disk(now);
        if self.node.poll_timeout().is_some_and(|due| due <= now) {
            self.node.handle_timeout(now);
        }
        self.discovered.handle_timeout();
        if self.clock.tick(now) {
            self.tick(now);
        }
    }

    /// When appointments are to be looked at again.
    #[cfg(not(feature = "appointments"))]
    #[expect(clippy::unused_self, reason = "the same call whatever is built in")]
    const fn look_at(&self) -> Option<Instant> {
        None
    }

    fn on_link_event(&mut self, event: LinkEvent) {
        let now = self.clock.now();
        match event {
            LinkEvent::Up { up, .. } => {
                self.node.handle_link_up(now, up);
                self.links_changed = true;
            }
            LinkEvent::Readable(link) => self.read(now, link),
            LinkEvent::Writable(link) => self.send(now, link),
            LinkEvent::Down { link, reason } => {
                tracing::info!(link = link.0, reason = reason.as_str(), "link down");
                self.node.handle_link_down(now, link);
                self.paused.remove(&link);
                self.links_changed = true;
            }
            LinkEvent::PathChanged { link, path } => self.on_path(link, path),
            LinkEvent::Air(radio) => {
                let node = &mut self.node;
                self.transports.send_air(radio, |link, buf| node.poll_transmit(now, link, buf));
            }
            LinkEvent::Delivery { link, transmissions, delivered, lock } => {
                self.node.handle_link_delivery(now, link, transmissions, delivered, lock);
            }
            LinkEvent::StatusChanged => self.links_changed = true,
            _ => {}
        }
    }

    fn on_path(&mut self, link: LinkId, path: LinkPath) {
        self.links_changed = true;
        let rows = self.link_rows();
        let Some(row) = rows.iter().find(|row| row.link == Some(link)) else {
            return;
        };
        tracing::info!(link = row.id, "{} {} is {} now", row.direction, row.uri, path.as_str());
        self.say(What::Path(row.id.clone(), row.peer, path));
    }

    fn read(&mut self, now: Instant, link: LinkId) {
        let (node, paused) = (&mut self.node, &mut self.paused);
        let behind = self.writer.is_behind();
        self.transports.recv(link, |frame| {
            node.handle_frame(now, link, frame);
            if node.wants_frames(link) && !behind {
                Flow::Continue
            } else {
                paused.insert(link);
                Flow::Pause
            }
        });
    }

    fn send(&mut self, now: Instant, link: LinkId) {
        let node = &mut self.node;
        // Whether all was taken or the link is blocked: its Writable event brings us back.
        let _ = self.transports.send(link, |buf| node.poll_transmit(now, link, buf).is_some());
    }

    /// Records first, then frames, then events; again, until the core is at rest.
    fn drain(&mut self) {
        let now = self.clock.now();
        loop {
            #[cfg(feature = "appointments")]
            self.run_appointments(now);
            let wrote = self.drain_records();
            while let Some(link) = self.node.poll_link() {
                self.send(now, link);
            }
            let mut said = false;
            while let Some(event) = self.node.poll_event() {
                self.on_event(event);
                said = true;
            }
            if !wrote && !said {
                break;
            }
        }
        self.resume_links();
        if self.links_changed {
            self.links_changed = false;
            self.discovered.links_changed();
            self.settle_links();
        }
        self.settle_discovered();
    }

    fn drain_records(&mut self) -> bool {
        let mut through = None;
        while let Some((seq, record)) = self.node.poll_record() {
            self.records.push(record);
            through = Some(seq);
        }
        if let Some(through) = through {
            self.writer.push(through, &mut self.records);
        }
        self.durable.on_pushed(through);
        self.durable.on_committed(self.committed);
        through.is_some()
    }

    fn resume_links(&mut self) {
        if self.paused.is_empty() || self.writer.is_behind() {
            return;
        }
        let (node, transports) = (&self.node, &mut self.transports);
        self.paused.retain(|link| {
            let ready = node.wants_frames(*link);
            if ready {
                transports.resume(*link);
            }
            !ready
        });
    }

    /// Tells the core what became durable, and how the disk is.
    fn follow_disk(&mut self, now: Instant) {
        let Progress { committed, health, .. } = self.writer.progress();
        if committed > self.committed {
            self.committed = committed;
            self.node.handle_committed(now, committed);
            self.durable.on_committed(committed);
        }
        if health != self.health {
            self.health = health;
            self.node.handle_storage_full(now, health != Health::Ok);
            self.say(What::Storage(health));
        }
    }

    fn on_event(&mut self, event: Event) {
        if let Event::LinkStalled { link } = event {
            self.transports.close(link, DownReason::Silent);
            return;
        }
        #[cfg(feature = "appointments")]
        self.tell_appointments(&event);
        self.waiters.on_event(&event);
        if let Some(what) = What::of(event) {
            self.say(what);
        }
    }

    /// Keeps an event and tells everybody who listens.
    fn say(&mut self, what: What) {
        let happening = self.log.push(self.clock.wall(), what);
        // Nobody listens: nothing to do.
        let _ = self.listeners.send(happening);
    }

    /// Once a minute, and when a watchdog wants it: what has no other trigger.
    fn tick(&mut self, now: Instant) {
        if let Some(wall) = self.clock.wall() {
            self.node.handle_wall_clock(now, wall);
        }
        self.waiters.forget_gone();
        self.notifier.watchdog();
    }

    async fn shut_down(mut self) {
        self.notifier.stopping();
        tracing::info!("stopping");
        self.stop_discovery(GOODBYE_WAIT).await;
        self.transports.shutdown(CLOSE_WAIT).await;
        self.drain_records();
        self.writer.stop();
    }
}

/// Link events handled before the core is drained: a full round of a thousand busy links would
/// delay what the first of them brought.
const LINK_EVENTS_MAX: usize = 256;

/// Turns of the loop between two looks at the other tasks of the thread.
const TURNS_PER_YIELD: u32 = 16;

/// Requests handled before the core is drained.
const JOBS_MAX: usize = 64;

/// How long readiness waits for listeners.
const READY_WAIT: Duration = Duration::from_secs(1);

/// How long discovery may take to say goodbye.
const GOODBYE_WAIT: Duration = Duration::from_millis(250);

/// How long links may take to say goodbye.
const CLOSE_WAIT: Duration = Duration::from_millis(500);

/// Why there is no actor to run.
#[derive(Debug)]
pub struct StartError(pub String);

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self(error.to_string())
    }
}
