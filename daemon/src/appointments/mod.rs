//! Appointments beside the node: the router of announces, a practice, a patient, and the pool that a
//! mailbox node keeps (`specs/33-fapp.md`, `specs/34-fapp-reservation.md`).
//!
//! Nothing here waits. The actor hands in what the node told, and calls [`Appointments::run`] in each drain:
//! rows go to the node's stream of records, frames to links, letters to mailbox nodes.

mod alerts;
mod carried;
mod letters;
mod offers;
mod requests;
mod schedule;
mod trust;
#[cfg(feature = "https")]
mod website;

use std::collections::BTreeMap;

use fapp::{
    UnixSeconds,
    reservation::{Patient, Pool, Practice, RequestId, Row, SubKeys},
    router::{FRAME_LEN_MAX, FappEvent, FappRouter, RouterConfig},
};
use mesh::{
    Address, Command, Event, Instant, LinkId, MeshIdentity, Node, Record, Table,
    crypto::rng::NodeRng,
};
use tokio::sync::oneshot;

use carried::Carried;
use letters::Letters;
pub use offers::{Offer, OfferError, Published};
pub use requests::{ReserveError, Wish};
pub use schedule::{FromFile, NotOffered, ScheduleError, TIMES_MAX, WEEKS, Weekly};
pub(crate) use trust::chamber;
pub use trust::{Known, TrustError, Trusted};
#[cfg(feature = "https")]
pub use website::{WebsiteError, fetch as fetch_practice_file};

/// Everything about appointments.
pub struct Appointments {
    identity: MeshIdentity,
    router: FappRouter,
    practice: Practice,
    sub_keys: SubKeys,
    patient: Patient,
    pool: Option<Pool>,
    letters: Letters,
    /// What goes over radio, where the configuration names it.
    radio_region: Option<u8>,
    carried: Carried,
    alerts: alerts::Alerts,
    trust: trust::Trust,
    schedule: schedule::Schedule,
    /// Contact data to be given once a reservation is confirmed.
    contacts: BTreeMap<RequestId, String>,
    /// Links to neighbours, and a frame that found no room.
    links: BTreeMap<LinkId, Neighbour>,
    rng: NodeRng,
    rows: Vec<BesideRow>,
    /// Rows are on their way to the disk.
    committing: Option<oneshot::Receiver<()>>,
    /// Nothing leaves before the disk has a new sub-key.
    hold: bool,
    next_look: u64,
}

#[derive(Default)]
struct Neighbour {
    radio: bool,
    stalled: Option<Vec<u8>>,
}

/// A row for the node's disk: whether it is secret, its key, and its value or `None` to delete it.
type BesideRow = (bool, Vec<u8>, Option<Vec<u8>>);

/// What rows are about: the first byte of their key.
mod kind {
    pub(super) const ROUTER: u8 = b'r';
    pub(super) const PRACTICE: u8 = b'p';
    pub(super) const SUB_KEY: u8 = b'k';
    pub(super) const PATIENT: u8 = b'q';
    pub(super) const CONTACT: u8 = b'c';
    pub(super) const ALERT: u8 = b'w';
    pub(super) const TRUST: u8 = b't';
    pub(super) const SCHEDULE: u8 = b's';
}

/// Longest frame for a radio: one that the port carries in a few pieces.
const RADIO_FRAME_LEN: usize = 640;
/// Seconds between two looks at what has no other trigger.
const LOOK_S: u64 = 5;
/// The same when nobody waits for a letter.
const IDLE_LOOK_S: u64 = 60;

impl Appointments {
    /// Without anything; follow with [`Self::restore`].
    pub fn new(identity: MeshIdentity, is_mailbox: bool, seed: [u8; 32]) -> Self {
        let mut rng = NodeRng::from_seed(seed);
        let router = FappRouter::new(RouterConfig::default(), rng.array());
        let pool = is_mailbox.then(|| Pool::new(identity.address(), rng.next_u64()));
        Self {
            identity,
            router,
            practice: Practice::default(),
            sub_keys: SubKeys::default(),
            patient: Patient::default(),
            pool,
            letters: Letters::default(),
            radio_region: None,
            carried: Carried::default(),
            alerts: alerts::Alerts::default(),
            trust: trust::Trust::default(),
            schedule: schedule::Schedule::default(),
            contacts: BTreeMap::new(),
            links: BTreeMap::new(),
            rng,
            rows: Vec::new(),
            committing: None,
            hold: false,
            next_look: 0,
        }
    }

    /// Over radio announces of this region go; `None` for that of the own practice.
    pub const fn set_radio_region(&mut self, region: Option<u8>) {
        self.radio_region = region;
        self.router.set_radio_region(region);
    }

    fn follow_region(&mut self) {
        let own = self.last_said().map(|said| said.plz().region());
        self.router.set_radio_region(self.radio_region.or(own));
    }

    /// Whether a record is a row of appointments.
    pub fn owns(record: &Record) -> bool {
        matches!(record.table, Table::Beside | Table::BesideSecrets)
    }

    /// Plays rows back, tombstones before announces. Those that do not hold are left out and deleted.
    pub fn restore(&mut self, now: UnixSeconds, mut records: Vec<Record>) {
        records.sort_unstable_by(|a, b| b.key.cmp(&a.key));
        for Record { table, key, value } in records {
            let (Some((kind, rest)), Some(value)) = (key.split_first(), value) else { continue };
            let holds = match *kind {
                kind::ROUTER => self.router.restore(now, rest, &value).is_ok(),
                kind::PRACTICE => self.practice.restore(rest, &value).is_ok(),
                kind::SUB_KEY => self.sub_keys.restore(rest, &value).is_ok(),
                kind::PATIENT => self.patient.restore(rest, &value).is_ok(),
                kind::CONTACT => self.restore_contact(rest, value),
                kind::ALERT => self.restore_alert(now, rest, &value),
                kind::TRUST => self.restore_trust(now, rest, &value),
                kind::SCHEDULE => self.schedule.restore(rest, &value),
                _ => false,
            };
            if !holds {
                tracing::warn!("a row of appointments does not hold");
                self.rows.push((table == Table::BesideSecrets, key, None));
            }
        }
        self.practice.resume(now);
        self.follow_trust(now);
    }

    /// What the node told.
    pub fn on_event(
        &mut self,
        node: &mut Node,
        now: Instant,
        wall: Option<UnixSeconds>,
        event: &Event,
    ) {
        let Some(at) = wall else { return };
        match event {
            Event::PeerUp { link, .. } => {
                let radio = node
                    .peers()
                    .iter()
                    .any(|peer| peer.link == *link && peer.medium == mesh::Medium::Lora);
                self.links.insert(*link, Neighbour { radio, stalled: None });
                self.router.handle_neighbour_up(at, link.0, radio);
            }
            Event::PeerDown { link, .. } => {
                self.links.remove(link);
                self.router.handle_neighbour_down(link.0);
            }
            Event::BesideFrame { link, body } => {
                if let Err(error) = self.router.handle_frame(at, link.0, body) {
                    tracing::debug!(link = link.0, "a frame about appointments: {error}");
                }
            }
            Event::ExchangeAsked { token, body } => self.on_question(node, now, at, *token, body),
            Event::ExchangeAnswered { token, body } => {
                let body = body.as_deref();
                let is_visitors = self.on_carried(*token, body);
                if !is_visitors {
                    self.on_response(at, *token, body);
                }
            }
            _ => {}
        }
    }

    /// Does what there is to do; whether rows were handed to the node, for which `durable` then waits.
    pub fn run(
        &mut self,
        node: &mut Node,
        now: Instant,
        wall: Option<UnixSeconds>,
        durable: impl FnOnce() -> oneshot::Receiver<()>,
    ) {
        let Some(at) = wall else { return };
        if at.0 >= self.next_look {
            self.look(node, now, at);
            self.next_look = self.look_again(at);
        }
        self.follow_router(at);
        self.follow_disk();
        if self.committing.is_none() && self.hand_rows(node, now) {
            self.committing = Some(durable());
        }
        self.collect_letters();
        self.send_letters(node, now, at);
        if !self.hold {
            self.send_frames(node, now);
        }
    }

    fn follow_router(&mut self, at: UnixSeconds) {
        while let Some(event) = self.router.poll_event() {
            match event {
                FappEvent::Announced(therapist) => {
                    self.settle_tier(at, &therapist);
                    self.alert_to(at, &therapist);
                }
                FappEvent::Withdrawn(_) | FappEvent::Answered { .. } => {}
            }
        }
    }

    /// When [`Self::run`] has something to do without any event, in Unix seconds.
    pub fn next_look(&self) -> u64 {
        self.next_look
    }

    /// Soon when letters may come; else when a timer is due, or in a minute: an idle node stays asleep.
    fn look_again(&self, at: UnixSeconds) -> u64 {
        if self.awaits_letters() || self.patient.wanted().next().is_some() {
            return at.0 + LOOK_S;
        }
        let due = self.router.poll_timeout().map_or(u64::MAX, |due| due.0);
        due.clamp(at.0 + 1, at.0 + IDLE_LOOK_S)
    }

    /// Somebody did something: what follows from it is not put off.
    pub const fn wake(&mut self) {
        self.next_look = 0;
    }

    /// Timers, and what a practice and a patient fetch from time to time.
    fn look(&mut self, node: &mut Node, now: Instant, at: UnixSeconds) {
        self.follow_region();
        if self.router.poll_timeout().is_some_and(|due| due <= at) {
            self.router.handle_timeout(at);
        }
        self.practice.handle_timeout(at);
        self.patient.handle_timeout(at);
        if let Some(pool) = &mut self.pool {
            pool.expire(at);
        }
        self.follow_schedule(at);
        self.renew_offer(at);
        self.look_at_trust(at);
        self.look_at_alerts(at);
        self.give_contacts(at);
        self.fetch(node, now, at);
    }

    fn follow_disk(&mut self) {
        let is_done = self.committing.as_mut().is_some_and(|wait| wait.try_recv().is_ok());
        if is_done {
            self.committing = None;
            self.hold = false;
            self.practice.handle_committed();
            self.patient.handle_committed();
        }
    }

    /// Gives the node every row that waits, as one change.
    fn hand_rows(&mut self, node: &mut Node, now: Instant) -> bool {
        let mut rows = std::mem::take(&mut self.rows);
        for row in self.router.drain_rows() {
            rows.push((false, prefixed(kind::ROUTER, &row.key), row.value));
        }
        let mut secret = |kind: u8, row: Row| {
            let value = row.value.map(|value| value.to_vec());
            rows.push((true, prefixed(kind, &row.key), value));
        };
        while let Some(row) = self.sub_keys.poll_row() {
            secret(kind::SUB_KEY, row);
        }
        while let Some(row) = self.practice.poll_row() {
            secret(kind::PRACTICE, row);
        }
        while let Some(row) = self.patient.poll_row() {
            secret(kind::PATIENT, row);
        }
        self.alerts.hand_rows(&mut rows);
        self.trust.hand_rows(&mut rows);
        rows.extend(self.schedule.drain_rows().into_iter().map(|(key, value)| (true, key, value)));
        let any = !rows.is_empty();
        for (secret, key, value) in rows {
            // Its lengths are far below the limits: an announce, an entry of a practice.
            if let Err(error) = node.handle_command(now, Command::BesideRow { secret, key, value })
            {
                tracing::error!("a row of appointments is not kept: {error}");
            }
        }
        any
    }

    /// Pulls frames for every link that has room.
    fn send_frames(&mut self, node: &mut Node, now: Instant) {
        for (link, neighbour) in &mut self.links {
            let max_len = if neighbour.radio { RADIO_FRAME_LEN } else { FRAME_LEN_MAX };
            loop {
                let body = match neighbour.stalled.take() {
                    Some(body) => body,
                    None => {
                        let mut body = Vec::new();
                        if !self.router.poll_transmit(link.0, &mut body, max_len) {
                            break;
                        }
                        body
                    }
                };
                let command = Command::Beside { link: *link, body: body.clone() };
                if node.handle_command(now, command).is_err() {
                    // It goes when the link says that there is room.
                    neighbour.stalled = Some(body);
                    break;
                }
            }
        }
    }

    /// The key of this node's practice.
    pub fn therapist(&self) -> [u8; 32] {
        self.identity.root_key().unwrap_or_default()
    }

    /// Asks neighbours for announces of a region.
    ///
    /// # Errors
    /// [`fapp::query::QueryError`].
    pub fn ask_mesh(
        &mut self,
        now: UnixSeconds,
        query: &fapp::query::SlotQuery,
    ) -> Result<u64, fapp::query::QueryError> {
        self.router.send_query(now, query)
    }

    /// The router, for searches.
    pub const fn router(&self) -> &FappRouter {
        &self.router
    }

    /// The practice, for its requests.
    pub const fn practice(&self) -> &Practice {
        &self.practice
    }

    /// The patient, for their reservations.
    pub const fn patient(&self) -> &Patient {
        &self.patient
    }

    /// A node that keeps letters for this one: the one in the configuration, else a neighbour that
    /// offers it, else itself.
    fn mailbox_near(&self, node: &Node) -> Address {
        node.mailbox()
            .or_else(|| node.mailbox_neighbours().next())
            .unwrap_or_else(|| node.address())
    }
}

fn prefixed(kind: u8, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1 + key.len());
    out.push(kind);
    out.extend_from_slice(key);
    out
}
