//! Routing: which neighbour leads to a destination (`specs/04-routing.md`).
//!
//! [`Routing`] is a distance-vector machine with feasibility. For every destination it keeps the
//! newest announce and up to three neighbours that lead there; a neighbour is used only if that
//! cannot close a loop (`RT-13`), and ranked by what its path costs and by the receipts that came
//! back through it.
//!
//! ```text
//!  Announces, Retract ─ on_frame → intake ─ flush → verify → update ─→ rows ─ publish → poll_frame
//!  PathRequest ──────── on_frame → requests ──────────────────────────↗   ↘ poll_event
//!  choose, on_receipt, on_no_receipt, on_no_route ── rank ────────────↗     drain_records
//! ```
//!
//! | file | what |
//! |---|---|
//! | `row`, `table` | what is known, in 300 bytes a destination |
//! | `neighbours` | links, their cost and share |
//! | `update` | what an announce, a retraction, a departure changes |
//! | `publish` | when neighbours and the application are told |
//! | `timers` | the deadlines, expiry |
//! | `view` | what is shown |
//! | `rank` | which next hop, and what receipts teach |
//! | `admission` | whose destination gets a row, and who loses one |
//! | `held` | new sequences that wait for a proven neighbour |
//! | `advertise` | frames for a link |
//! | `request` | path requests |
//! | `persist` | rows on disk |

mod admission;
mod advertise;
mod held;
mod neighbours;
mod persist;
mod publish;
mod rank;
mod request;
mod row;
mod table;
mod timers;
mod update;
mod view;

#[cfg(test)]
pub(crate) mod tests;

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

pub(crate) use neighbours::shared_hop;

use self::{
    admission::{Admission, Share},
    held::Holds,
    neighbours::{Departure, Neighbours},
    persist::Unwritten,
    request::Requests,
    row::{DIRECT, Hop, PINNED, Row, Tick},
    table::{RowId, Table},
};
use crate::{
    address::Address,
    announce::{
        Advertisement, BATCH_MAX, INTAKE_MAX, Intake, KIND_ANNOUNCES, KIND_PATH_REQUEST,
        KIND_RETRACT, MeshAnnounce, PathRequest, Retraction, What, entries,
    },
    crypto::{Mode, rng::NodeRng},
    error::{Error, Malformed, Unsupported},
    identity::PublicIdentity,
    link::{LinkCaps, LinkId},
    rules::Rules,
    time::Instant,
};

/// Routing under the name the project is known by.
pub type MeshRouter = Routing;

/// What [`Routing`] is told once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoutingConfig {
    /// Most destinations in the table, neighbours not counted (`RT-40`).
    pub routes_max: u32,
    /// Whether signatures are real.
    pub mode: Mode,
    /// Whether others' destinations are passed on. A node that does not relay tells neighbours
    /// about itself alone, so nobody routes through it.
    pub relay: bool,
    /// All rules, unless a test breaks one.
    pub rules: Rules,
}

impl Default for RoutingConfig {
    fn default() -> Self {
        Self { routes_max: ROUTES_MAX, mode: Mode::Real, relay: true, rules: Rules::default() }
    }
}

/// What routing tells the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoutingEvent {
    /// A destination became usable, unusable (`None`), or its primary next hop is another
    /// (`RT-23`).
    RouteChanged {
        /// The destination.
        address: Address,
        /// The link packets to it take first.
        next_hop: Option<LinkId>,
    },
    /// Our own announce must get a sequence of at least this (`RT-02`).
    OwnSeqWanted {
        /// The lowest sequence that helps.
        min_seq: u32,
    },
    /// A neighbour broke a rule.
    Misbehaved {
        /// The link it is on.
        link: LinkId,
        /// What it did.
        error: Error,
    },
}

/// The routing table and its conversation with the neighbours' tables.
///
/// A state machine: [`Routing::on_frame`] and the other `on_` methods take what happened,
/// [`Routing::flush`] makes up its mind, the `poll_` methods and [`Routing::drain_records`] give
/// what follows from it. Nothing is verified, answered or passed on before `flush`.
#[derive(Debug)]
pub struct Routing {
    own: Address,
    own_announce: Option<MeshAnnounce>,
    /// What shared media know of us, and since when: newcomers are told the same, which nobody passes
    /// on again (`ANN-20`).
    own_shared: Option<MeshAnnounce>,
    own_shared_at: Option<Instant>,
    /// When newcomers were told last, and are to be told.
    own_told_at: Option<Instant>,
    own_shared_due: Option<Instant>,
    /// A newer sequence was asked for and has to be told.
    own_wanted: bool,
    config: RoutingConfig,
    table: Table,
    neighbours: Neighbours,
    intake: Intake,
    admission: Admission,
    holds: Holds,
    requests: Requests,
    unwritten: Unwritten,
    /// Rows whose improvement or change of next hop waits until it has settled.
    settling: BTreeSet<(Instant, RowId)>,
    /// Rows all of whose next hops rest, until the first one wakes.
    resting: BTreeSet<(Instant, RowId)>,
    /// Rows whose primary next hop may differ from what was reported.
    changed: VecDeque<RowId>,
    /// Destinations to ask a newer sequence for.
    starved: Vec<Address>,
    events: VecDeque<RoutingEvent>,
    /// When rows are looked through for expired ones.
    expiry: Option<Instant>,
    /// When the cost of a link may change.
    recost: Option<Instant>,
    verified: u64,
}

impl Routing {
    /// An empty table of the node with this address.
    pub fn new(own: Address, config: RoutingConfig) -> Self {
        Self {
            own,
            own_announce: None,
            own_shared: None,
            own_shared_at: None,
            own_told_at: None,
            own_wanted: false,
            own_shared_due: None,
            config,
            table: Table::default(),
            neighbours: Neighbours::default(),
            intake: Intake::default(),
            admission: Admission::default(),
            holds: Holds::default(),
            requests: Requests::default(),
            unwritten: Unwritten::default(),
            settling: BTreeSet::new(),
            resting: BTreeSet::new(),
            changed: VecDeque::new(),
            starved: Vec::new(),
            events: VecDeque::new(),
            expiry: None,
            recost: None,
            verified: 0,
        }
    }

    /// Our newest announce: every neighbour is told at once, those on a shared medium when there is
    /// news in it, or nothing was said there for an hour (`ANN-20`).
    pub fn set_own(&mut self, now: Instant, announce: MeshAnnounce) {
        let is_same = self.own_announce.is_some_and(|before| {
            before.capabilities == announce.capabilities
                && before.bundle_version == announce.bundle_version
        });
        self.own_announce = Some(announce);
        let is_wanted = core::mem::take(&mut self.own_wanted);
        let is_recent = self.own_shared_at.is_some_and(|at| now < at + SHARED_REFRESH);
        let is_quiet = is_same && is_recent && !is_wanted;
        for neighbour in self.neighbours.iter_mut() {
            neighbour.own_due |= !(neighbour.is_shared() && is_quiet);
        }
        if !is_quiet && self.neighbours.iter_mut().any(|neighbour| neighbour.is_shared()) {
            self.own_shared = Some(announce);
            (self.own_shared_at, self.own_told_at) = (Some(now), Some(now));
            self.own_shared_due = None;
        }
    }

    /// New neighbours on a shared medium are told of us together, a while after they came.
    fn tell_shared(&mut self, now: Instant) {
        if self.own_shared_due.take_if(|due| *due <= now).is_none() {
            return;
        }
        self.own_told_at = Some(now);
        if self.own_shared.is_none() {
            (self.own_shared, self.own_shared_at) = (self.own_announce, Some(now));
        }
        for neighbour in self.neighbours.iter_mut().filter(|neighbour| neighbour.is_shared()) {
            neighbour.own_due = true;
        }
    }

    /// A link came up. Its neighbour is routable from now on (`RT-35`) and is told the table.
    ///
    /// Links beyond 1,024 neighbours or 8 to one neighbour carry no routes.
    pub fn on_link_up(
        &mut self,
        now: Instant,
        link: LinkId,
        caps: &LinkCaps,
        peer: PublicIdentity,
    ) {
        let last = self.table.last_version();
        let Some((slot, is_new)) = self.neighbours.link_up(now, link, *caps, peer, last) else {
            return;
        };
        if caps.shared {
            // Where there are many, newcomers are many, too.
            let heard =
                self.neighbours.iter_mut().filter(|neighbour| neighbour.is_shared()).count();
            let pause = (NEWCOMER * u32::try_from(heard).unwrap_or(u32::MAX)).min(NEWCOMERS);
            let soon = now + shared_hop(caps.bitrate_bps) * 32;
            let due = self.own_told_at.map_or(soon, |at| soon.max(at + pause));
            self.own_shared_due.get_or_insert(due);
        }
        if !is_new {
            return self.reconsider_all_through(now, slot);
        }
        let address = peer.address();
        let id = match self.table.find(&address) {
            Some(id) => id,
            None => self.create_direct(now, address, peer),
        };
        let mut hop = Hop::new(slot);
        (hop.cost, hop.success) = (0, u8::MAX);
        hop.flags.set(DIRECT, true);
        self.place_hop(id, hop, Tick::at(now));
        self.evaluate(now, id, false);
    }

    fn create_direct(&mut self, now: Instant, address: Address, peer: PublicIdentity) -> RowId {
        let mut row = Row::new(address, *peer.node_key(), Tick::at(now));
        row.flags.set(PINNED, self.admission.is_pinned(&address));
        self.insert(row)
    }

    /// A link went down. What its neighbour advertised is gone with its last link.
    pub fn on_link_down(&mut self, now: Instant, link: LinkId) {
        self.intake.forget(link);
        match self.neighbours.link_down(link, self.table.last_version()) {
            Departure::Unknown => {}
            Departure::StillThere(slot) => self.reconsider_all_through(now, slot),
            Departure::Gone(slot) => self.depart(now, slot),
        }
    }

    /// A round trip to the neighbour was measured, with a small frame.
    pub fn on_link_rtt(&mut self, link: LinkId, rtt: Duration) {
        if self.neighbours.on_rtt(link, rtt) {
            self.recost.get_or_insert(Instant::ZERO);
        }
    }

    /// A frame on an unreliable link was acknowledged by the neighbour, or given up on. Reliable
    /// links ignore this.
    pub fn on_link_delivery(&mut self, link: LinkId, delivered: bool) {
        if self.neighbours.on_delivery(link, delivered) {
            self.recost.get_or_insert(Instant::ZERO);
        }
    }

    /// The body of an Announces, Retract or PathRequest frame arrived.
    ///
    /// # Errors
    /// [`Malformed`] bytes: nothing of the frame was applied. [`Unsupported::Kind`] for any other
    /// kind.
    pub fn on_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        kind: u8,
        body: &[u8],
    ) -> Result<(), Error> {
        let Some(slot) = self.neighbours.slot_of(link) else {
            return Ok(());
        };
        match kind {
            KIND_ANNOUNCES => {
                let key = self.neighbours.get(slot).map(|it| *it.identity.node_key());
                self.queue(now, link, body, Advertisement::LEN, "announces", |entry| {
                    let advertisement = Advertisement::parse(entry)?;
                    if (advertisement.hops == 0) != (Some(advertisement.announce.key) == key) {
                        return Err(Malformed::OutOfRange("advertised hops"));
                    }
                    Ok(What::Advertised(advertisement))
                })
            }
            KIND_RETRACT => self.queue(now, link, body, Retraction::LEN, "retractions", |entry| {
                Retraction::parse(entry).map(What::Retracted)
            }),
            KIND_PATH_REQUEST => {
                self.on_path_request(now, slot, PathRequest::parse(body)?);
                Ok(())
            }
            kind => Err(Unsupported::Kind(kind).into()),
        }
    }

    /// Queues the entries of a counted body, all or none (`ANN-01`, `ANN-02`).
    fn queue(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
        entry_len: usize,
        what: &'static str,
        parse: impl Fn(&[u8]) -> Result<What, Malformed>,
    ) -> Result<(), Error> {
        let entries = entries(body, entry_len, what)?;
        // A frame is a small part of the intake, so room for it is made before, not amid it.
        if self.intake.len() + entries.len() > INTAKE_MAX {
            self.ingest(now, None);
        }
        let before = self.intake.len();
        for entry in entries {
            match parse(entry) {
                Ok(heard) => self.intake.push(link, heard),
                Err(error) => {
                    self.intake.truncate(before);
                    return Err(error.into());
                }
            }
        }
        Ok(())
    }

    /// Verifies what arrived, updates the table, and decides what the neighbours are told.
    ///
    /// To be called after a round of input and before anything is polled. Cheap when there is
    /// nothing to do. While announces stream in, they are left waiting for up to 2 ms so that they
    /// can be verified together (`ANN-06`); [`Routing::poll_timeout`] says so.
    pub fn flush(&mut self, now: Instant, rng: &mut NodeRng) {
        if self.intake.due().is_some_and(|due| due <= now) {
            self.ingest(now, Some(rng));
        }
        if self.recost.is_some_and(|due| due <= now) {
            self.recost_links(now);
        }
        if !self.starved.is_empty() {
            self.ask_for_starved(now, rng);
        }
    }

    /// Whether as many announces wait as one batch takes: no reason to collect more.
    pub fn has_full_batch(&self) -> bool {
        self.intake.len() >= BATCH_MAX
    }

    fn recost_links(&mut self, now: Instant) {
        let (changed, next) = self.neighbours.recost(now, self.table.last_version());
        self.recost = next;
        for slot in changed {
            self.reconsider_all_through(now, slot);
        }
    }

    /// Keeps a destination in the table whatever happens (contacts), or no longer.
    pub fn pin(&mut self, address: Address, on: bool) {
        if self.admission.pin(address, on)
            && let Some(id) = self.table.find(&address)
        {
            self.with_row(id, |row| row.flags.set(PINNED, on));
        }
    }

    /// What happened, oldest first.
    pub fn poll_event(&mut self) -> Option<RoutingEvent> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        while let Some(id) = self.changed.pop_front() {
            let Some(row) = self.table.get_mut(id) else {
                continue;
            };
            row.flags.set(row::CHANGED, false);
            if row.primary == row.reported {
                continue;
            }
            row.reported = row.primary;
            let (address, primary) = (row.address, row.primary);
            let next_hop = self.neighbours.get(primary).and_then(neighbours::Neighbour::control);
            return Some(RoutingEvent::RouteChanged { address, next_hop });
        }
        None
    }

    /// Adds an event unless the node leaves them lying about.
    fn emit(&mut self, event: RoutingEvent) {
        if self.events.len() < EVENTS_MAX || matches!(event, RoutingEvent::RouteChanged { .. }) {
            self.events.push_back(event);
        }
    }

    /// Changes a row and keeps the counts of rows per neighbour right.
    fn with_row<R>(&mut self, id: RowId, change: impl FnOnce(&mut Row) -> R) -> Option<R> {
        let row = self.table.get_mut(id)?;
        let before = Share::of(row);
        let result = change(row);
        let after = Share::of(row);
        self.admission.recount(&mut self.neighbours, before, after);
        Some(result)
    }

    /// Adds a row for an address that has none.
    fn insert(&mut self, row: Row) -> RowId {
        self.admission.recount(&mut self.neighbours, Share::NONE, Share::of(&row));
        self.table.insert(row)
    }
}

/// Destinations in the table unless configured otherwise: 131,072 × 300 bytes are 39 MB when full.
pub const ROUTES_MAX: u32 = 1 << 17;

/// Our announce is repeated no sooner on a shared medium when nothing in it changed: a row lives
/// eight hours there.
const SHARED_REFRESH: Duration = Duration::from_secs(3 * 3_600);

/// Newcomers on a shared medium are told of us no more often than once in so much for each neighbour.
const NEWCOMER: Duration = Duration::from_secs(60);

/// But this often at any rate.
const NEWCOMERS: Duration = Duration::from_secs(1_200);

/// Misbehaviour is reported up to this many times between two polls.
const EVENTS_MAX: usize = 1_024;
