//! The node: one state machine that joins routing, sessions, outbox, store and channels.
//!
//! This file holds the state and the order of things; each concern has a file of its own:
//! [`forward`](self) moves other people's envelopes, `deliver` opens ours, `send` seals and
//! retries what we send, `custody` hands on what has no route, `links` drives what waits for each neighbour, `bundles` fetches keys,
//! `diagnose` answers and asks pings and traces, `contacts` pins, `mailbox` keeps sealed mail,
//! `beside` carries for programs beside the node, `meeting` invites, and keeps what strangers send until somebody decides.

mod beside;
mod bundles;
mod contacts;
mod custody;
mod deliver;
mod diagnose;
mod first;
mod forward;
mod inbox;
mod inner;
mod link_queue;
mod links;
mod mailbox;
mod meeting;
mod outbox;
mod own;
mod proofs;
mod ranges;
mod receipts;
mod records;
mod send;
mod views;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

pub use self::meeting::{InviteVerdict, Strangers};
use self::{
    beside::Beside, bundles::Bundles, contacts::Contacts, diagnose::Diagnosis, inbox::Inbox,
    link_queue::Turns, links::Link, mailbox::Mailboxes, meeting::Meetings, outbox::Outbox,
    own::OwnAnnounce, proofs::Proofs, receipts::LockTable, records::Commit,
};
use crate::{
    address::Address,
    bundle::PreKeys,
    channel::{ChannelConfig, Channels},
    command::{Command, CommandError, Outcome},
    crypto::{Mode, rng::NodeRng},
    error::{DropReason, Error},
    event::Event,
    fragment::Reassembler,
    identity::{Capabilities, MeshIdentity, PublicIdentity},
    link::{LinkId, LinkUp, Transmit},
    reconcile::{Reconciler, Scope},
    record::{Record, RecordSeq, Table},
    routing::{Routing, RoutingConfig, RoutingEvent},
    rules::{Rule, Rules},
    session::Sessions,
    store::{MeshStore, QuotaConfig},
    time::{Instant, WallClock},
    view::Counters,
};

/// For whom this node does something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Anyone: right for routers, whose presence is no secret.
    Everyone,
    /// Pinned contacts only.
    Contacts,
}

/// What a node is and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// What this node offers; announced to everyone.
    pub capabilities: Capabilities,
    /// Bytes of other people's envelopes it keeps, when it has the `store` capability.
    pub custody_quota_bytes: u64,
    /// Destinations it remembers.
    pub routes_max: u32,
    /// Who gets answers to pings and traces.
    pub diagnostics: Audience,
    /// For whom it signs transferable receipts when asked. Such a receipt cannot be denied.
    pub proofs: Audience,
    /// What becomes of messages of nodes that are neither contacts nor let in.
    pub strangers: Strangers,
    /// Zero bits of the work that strangers show with their first message, when their messages are
    /// requests; at most [`crate::envelope::DIRECT_WORK_BITS_MAX`], 0 for none.
    pub work_bits: u8,
    /// Whether the node announces itself. A silent one relays, and is reached by its neighbours
    /// only.
    pub announce: bool,
    /// Real cryptography, or a transparent one in simulations.
    pub crypto: Mode,
    /// All rules, unless a test breaks one.
    pub rules: Rules,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            capabilities: Capabilities::RELAY.with(Capabilities::STORE).with(Capabilities::MAILBOX),
            custody_quota_bytes: 64 << 20,
            routes_max: 1 << 17,
            diagnostics: Audience::Everyone,
            proofs: Audience::Contacts,
            strangers: Strangers::Inbox,
            work_bits: 16,
            announce: true,
            crypto: Mode::Real,
            rules: Rules::default(),
        }
    }
}

/// A node of the mesh. See the [crate root](crate) for how to drive it.
///
/// Methods come in four families:
/// - A. Getters, taking `&self`.
/// - B. Handlers of what the network and the system did, named `handle_*`.
/// - C. [`handle_command`](Self::handle_command), for the application.
/// - D. Polling functions for what the driver has to do, named `poll_*`, to be drained in the
///   order records, transmits, events, timeout after every call of B and C.
///
/// `now` never runs backwards.
#[derive(Debug)]
pub struct Node {
    config: Config,
    identity: MeshIdentity,
    public: PublicIdentity,
    rng: NodeRng,
    now: Instant,
    wall: Option<(Instant, WallClock)>,
    links: BTreeMap<LinkId, Link>,
    dirty_links: BTreeSet<LinkId>,
    /// Whose turn it is on the shared medium, and that of the frame being written.
    turns: Turns,
    turn: u64,
    routing: Routing,
    sessions: Sessions,
    prekeys: PreKeys,
    prekey_records: Vec<Record>,
    own: OwnAnnounce,
    bundles: Bundles,
    channels: Channels,
    custody_sync: Reconciler,
    custody_sync_at: Option<Instant>,
    reassembler: Reassembler,
    outbox: Outbox,
    inbox: Inbox,
    store: MeshStore,
    locks: LockTable,
    diagnosis: Diagnosis,
    beside: Beside,
    contacts: Contacts,
    mailboxes: Mailboxes,
    meetings: Meetings,
    proofs: Proofs,
    commit: Commit,
    events: VecDeque<Event>,
    counters: Counters,
    clock_skew_s: Option<i64>,
    routed_receipts: BTreeMap<Address, Vec<[u8; 16]>>,
    routed_receipts_due: Option<Instant>,
    /// Recipients for whom something waits that could not be sent, with the time to look again.
    /// Bounded by the outbox.
    blocked: BTreeMap<Address, Instant>,
    settled: bool,
    storage_full: bool,
}

impl Node {
    /// A node with nothing in it. Follow with [`Self::restore`] for each stored row, then
    /// [`Self::start`].
    ///
    /// `rng_seed` must be fresh at every start: it separates the keys of this run from those of
    /// any earlier one, even when the disk was rolled back (`SES-06`).
    pub fn new(now: Instant, config: Config, identity: MeshIdentity, rng_seed: [u8; 32]) -> Self {
        let mut rng = NodeRng::from_seed(rng_seed);
        let mode = config.crypto;
        let public = identity.public();
        let mut boot_salt = [0; 8];
        rng.fill(&mut boot_salt);
        let routing_config = RoutingConfig {
            routes_max: config.routes_max,
            mode,
            relay: config.capabilities.contains(Capabilities::RELAY),
            rules: config.rules,
        };
        let quota = QuotaConfig { total_bytes: config.custody_quota_bytes, rules: config.rules };
        Self {
            routing: Routing::new(public.address(), routing_config),
            sessions: Sessions::new(mode, boot_salt).with_rules(config.rules),
            prekeys: PreKeys::new(mode),
            prekey_records: Vec::new(),
            own: OwnAnnounce::default(),
            bundles: Bundles::default(),
            channels: Channels::new(mode, public.address(), channel_config(&config)),
            custody_sync: Reconciler::new(Scope::Custody),
            custody_sync_at: None,
            reassembler: Reassembler::default(),
            outbox: Outbox::default(),
            inbox: Inbox::default(),
            store: MeshStore::new(quota),
            locks: LockTable::default(),
            diagnosis: Diagnosis::default(),
            beside: Beside::default(),
            contacts: Contacts::default(),
            mailboxes: Mailboxes::default(),
            meetings: Meetings::default(),
            proofs: Proofs::default(),
            commit: Commit::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            clock_skew_s: None,
            routed_receipts: BTreeMap::new(),
            routed_receipts_due: None,
            links: BTreeMap::new(),
            dirty_links: BTreeSet::new(),
            turns: Turns::default(),
            turn: 0,
            wall: None,
            blocked: BTreeMap::new(),
            settled: true,
            storage_full: false,
            config,
            identity,
            public,
            rng,
            now,
        }
    }

    /// Plays back one stored row. Rows come table by table in the order of [`Table::ALL`].
    ///
    /// # Errors
    /// [`Error`] when the row is damaged. The node goes on without it; the driver reports it and
    /// keeps a copy (`STO-08`).
    pub fn restore(&mut self, now: Instant, record: Record) -> Result<(), Error> {
        let Record { table, key, value } = record;
        let Some(value) = value else { return Ok(()) };
        match table {
            Table::Meta => self.own.restore(&key, &value),
            Table::Contacts => self.contacts.restore(&key, &value),
            Table::PreKeys => self.prekeys.restore(&key, &value),
            Table::Sessions | Table::Replay => self.sessions.restore(table, &key, &value),
            Table::Routes => self.routing.restore(now, &key, &value),
            Table::Outbox => {
                let sender = *self.public.node_key();
                self.outbox.restore(now, &sender, &key, &value, &mut self.rng)
            }
            Table::Departed => self.outbox.restore_departed(now, &key, &value),
            Table::Custody => self.store.restore(now, &key, &value),
            Table::Inbox | Table::Windows => self.inbox.restore(table, &key, &value),
            Table::Channels | Table::History => self.channels.restore(table, &key, &value),
            Table::Bundles => self.bundles.restore(self.config.crypto, &key, &value),
            Table::Proofs => self.proofs.restore(&key, &value),
            Table::Mailbox => self.mailboxes.restore(now, &key, &value),
            Table::Meeting | Table::Requests => self.meetings.restore(table, &key, &value),
            // The driver has given them to whom they belong.
            Table::Beside | Table::BesideSecrets => Ok(()),
        }
    }

    /// Starts the node after the last [`Self::restore`].
    pub fn start(&mut self, now: Instant, wall: Option<WallClock>) {
        self.begin(now);
        self.wall = wall.map(|wall| (now, wall));
        for (address, _) in self.contacts.iter() {
            self.routing.pin(*address, true);
            self.sessions.protect(address, true);
        }
        self.channels.start(now);
        self.refresh_prekeys(now);
        self.refresh_work_asked();
        self.announce_self(now, 0);
    }

    /// Tells the wall clock: at start, whenever it changed, and now and then. It may jump.
    pub fn handle_wall_clock(&mut self, now: Instant, wall: WallClock) {
        self.begin(now);
        self.wall = Some((now, wall));
        self.judge_clock();
    }

    /// A link is up; the transport has authenticated the neighbour.
    pub fn handle_link_up(&mut self, now: Instant, up: LinkUp) {
        self.begin(now);
        self.on_link_up(now, up);
    }

    /// A link is gone.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkId) {
        self.begin(now);
        self.on_link_down(now, link);
    }

    /// A medium that repeats frames by itself tells how the last one fared: `transmissions` it took,
    /// or was given up after. `lock` is that of the envelope that the frame was.
    pub fn handle_link_delivery(
        &mut self,
        now: Instant,
        link: LinkId,
        transmissions: u8,
        delivered: bool,
        lock: Option<[u8; 16]>,
    ) {
        self.begin(now);
        for _ in usize::from(delivered)..usize::from(transmissions) {
            self.routing.on_link_delivery(link, false);
        }
        if delivered {
            self.routing.on_link_delivery(link, true);
        }
        match lock {
            Some(lock) if delivered => self.on_hop_passed(now, link, &lock),
            Some(lock) => self.on_hop_failed(now, link, &lock),
            None => {}
        }
    }

    /// A frame arrived. Whatever is wrong with it is counted, never returned.
    pub fn handle_frame(&mut self, now: Instant, link: LinkId, frame: &[u8]) {
        self.begin(now);
        self.on_frame(now, link, frame);
    }

    /// Does what the application asks.
    ///
    /// # Errors
    /// [`CommandError`] says why not; nothing changed then.
    pub fn handle_command(
        &mut self,
        now: Instant,
        command: Command,
    ) -> Result<Outcome, CommandError> {
        self.begin(now);
        self.on_command(now, command)
    }

    /// The time of [`Self::poll_timeout`] has come. Calling early or late does no harm.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.begin(now);
        self.on_link_timers(now);
        self.on_send_timers(now);
        self.on_store_timers(now);
        self.routing.handle_timeout(now, &mut self.rng);
        self.channels.sign_due(now, &self.identity, &mut self.rng);
        self.channels.handle_timeout(now, &mut self.rng);
        self.reassembler.handle_timeout(now);
        self.sessions.handle_timeout(now);
        self.on_bundle_timers(now);
        self.on_diagnosis_timers(now);
        self.on_beside_timers(now);
        self.on_own_timers(now);
        self.send_routed_receipts(now);
        self.on_custody_timers(now);
        self.on_mailbox_timers(now);
        self.on_work_timers(now);
    }

    /// All records up to and including `through` are durable.
    pub fn handle_committed(&mut self, now: Instant, through: RecordSeq) {
        self.begin(now);
        self.on_committed(now, through);
    }

    /// The driver cannot write (`true`), or can again (`false`). While it cannot, nothing new is
    /// taken into custody and nothing durable is accepted; what is kept is kept (`STO-04`).
    pub fn handle_storage_full(&mut self, now: Instant, full: bool) {
        self.begin(now);
        self.storage_full = full;
        self.store.set_read_only(full);
    }

    /// Next change to be stored. Everything until `None` is one atomic change (`STO-01`).
    pub fn poll_record(&mut self) -> Option<(RecordSeq, Record)> {
        self.settle();
        self.commit.poll()
    }

    /// A link that has something to send since it was last emptied.
    pub fn poll_link(&mut self) -> Option<LinkId> {
        self.settle();
        self.dirty_links.pop_first()
    }

    /// Appends the next frame for `link` to `buf`; `None` when nothing is to be sent now. The
    /// frame is chosen here and not earlier, so that a slow link sends the freshest and most
    /// urgent.
    pub fn poll_transmit(
        &mut self,
        now: Instant,
        link: LinkId,
        buf: &mut Vec<u8>,
    ) -> Option<Transmit> {
        self.settle();
        let start = buf.len();
        self.turn = self.turns.now();
        if !self.write_frame(now, link, buf) {
            return None;
        }
        let size = buf.len() - start;
        if let Some(state) = self.links.get_mut(&link) {
            state.count_sent(size);
        }
        Some(Transmit { size, turn: self.turn })
    }

    /// Next event for the application.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.settle();
        self.events.pop_front()
    }

    /// When [`Self::handle_timeout`] wants to be called; `None` while nothing is pending.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let links = self.links.values().filter_map(Link::poll_timeout).min();
        [
            links,
            self.routing.poll_timeout(),
            self.channels.poll_timeout(),
            self.reassembler.poll_timeout(),
            self.sessions.poll_timeout(),
            self.prekeys.poll_timeout(),
            self.outbox.poll_timeout(),
            self.store.poll_timeout(),
            self.bundles.poll_timeout(),
            self.diagnosis.poll_timeout(),
            self.beside.poll_timeout(),
            self.own.poll_timeout(),
            self.routed_receipts_due,
            self.blocked.values().min().copied(),
            self.mailboxes.poll_timeout(),
            self.meetings.poll_timeout(),
            self.custody_sync.poll_timeout(),
            self.custody_sync_at,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// This node's address.
    pub fn address(&self) -> Address {
        self.public.address()
    }

    /// This node's public identity.
    pub fn identity(&self) -> PublicIdentity {
        self.public
    }

    /// The root key that certifies this node, if it has one.
    pub fn root_key(&self) -> Option<[u8; 32]> {
        self.identity.root_key()
    }

    fn begin(&mut self, now: Instant) {
        debug_assert!(now >= self.now, "the driver's clock is monotonic");
        self.now = self.now.max(now);
        self.settled = false;
    }

    /// Brings the inner machines to rest: verify what came, follow route changes, collect records.
    fn settle(&mut self) {
        if self.settled {
            return;
        }
        let now = self.now;
        self.routing.flush(now, &mut self.rng);
        while let Some(event) = self.routing.poll_event() {
            self.on_routing_event(now, event);
        }
        self.follow_custody_sync(now);
        self.collect_records();
        self.mark_links(now);
        self.settled = true;
    }

    fn on_routing_event(&mut self, now: Instant, event: RoutingEvent) {
        match event {
            RoutingEvent::RouteChanged { address, next_hop } => {
                let hop = next_hop.and_then(|link| self.links.get(&link));
                let next_hop = hop.map(|link| link.up.peer.address());
                self.events.push_back(Event::RouteChanged { address, next_hop });
                if next_hop.is_some() {
                    self.on_reachable(now, address);
                }
            }
            RoutingEvent::OwnSeqWanted { min_seq } => self.announce_self(now, min_seq),
            RoutingEvent::Misbehaved { link, error } => self.on_misbehaviour(now, link, error),
        }
    }

    /// A way to `address` opened or changed: everything that waited for it goes.
    fn on_reachable(&mut self, now: Instant, address: Address) {
        self.bundles.on_reachable(&address);
        self.ask_for_bundles(now);
        self.release_stored(now, &address);
        self.pump(now, address);
        self.on_mailbox_reachable(now, &address);
        if self.links.values().any(|link| link.up.peer.address() == address) {
            // A neighbour may take what has no route.
            for to in self.outbox.ready_dests() {
                self.pump(now, to);
            }
        }
    }

    fn drop_frame(&mut self, reason: DropReason) {
        let index = DropReason::ALL.iter().position(|known| *known == reason);
        if let Some(count) = index.and_then(|index| self.counters.dropped.get_mut(index)) {
            *count += 1;
        }
    }

    fn holds(&self, rule: Rule) -> bool {
        self.config.rules.holds(rule)
    }

    fn has(&self, capability: Capabilities) -> bool {
        self.config.capabilities.contains(capability)
    }

    fn wall_now(&self) -> Option<WallClock> {
        let (at, wall) = self.wall?;
        let passed = self.now.saturating_since(at).as_secs();
        Some(WallClock { unix_secs: wall.unix_secs.saturating_add(passed) })
    }

    fn on_command(&mut self, now: Instant, command: Command) -> Result<Outcome, CommandError> {
        match command {
            Command::Send { to, payload, options } => self.send(now, to, payload, options),
            Command::Cancel { id } => self.cancel(now, id),
            Command::Take { id } => self.inbox.take(&id).map(|()| Outcome::Done),
            Command::Ping { to, token, payload_len } => self.ping(now, to, token, payload_len),
            Command::Trace { to, token, ttl } => self.trace(now, to, token, ttl),
            Command::BesideRow { secret, key, value } => self.beside_row(secret, key, value),
            Command::Beside { link, body } => self.beside_frame(now, link, &body),
            Command::Exchange { to, token, body } => self.exchange(now, to, token, body),
            Command::ExchangeAnswer { token, body } => self.exchange_answer(now, token, &body),
            Command::FindRoute { to } => {
                self.routing.find(now, &to, None, &mut self.rng);
                Ok(Outcome::Done)
            }
            Command::ContactAdd { name, address, root_key } => {
                self.contact_add(now, name, address, root_key)
            }
            Command::ContactRemove { address } => self.contact_remove(address),
            Command::ContactRename { address, name } => self.contact_rename(address, name),
            Command::ContactTrust { address } => self.contact_trust(now, address),
            Command::ContactSecret { address, secret } => {
                self.contact_secret(now, address, &secret)
            }
            Command::InviteCreate { name, lifetime, uses, hints } => {
                self.invite_create(now, name, lifetime, uses, hints)
            }
            Command::InviteRevoke { id } => self.invite_revoke(id),
            Command::InviteAccept { code, name, introduce_as } => {
                self.invite_accept(now, &code, name, &introduce_as)
            }
            Command::RequestAccept { from, name } => self.request_accept(now, from, name),
            Command::RequestBlock { address } => self.request_block(address),
            Command::RequestUnblock { address } => self.request_unblock(address),
            Command::MailboxUse { node } => self.mailbox_use(now, node),
            Command::ChannelCreate { name } => {
                let (id, invite) = self.channels.create(now, &name, &mut self.rng)?;
                Ok(Outcome::Channel { id, invite })
            }
            Command::ChannelJoin { invite } => {
                let id = self.channels.join(now, &invite, &mut self.rng)?;
                Ok(Outcome::Channel { id, invite })
            }
            Command::ChannelLeave { channel } => {
                self.channels.leave(channel)?;
                Ok(Outcome::Done)
            }
            Command::ChannelPublish { channel, payload } => {
                let wall = self.wall_now();
                let (identity, rng) = (&self.identity, &mut self.rng);
                let id = self.channels.publish(now, wall, identity, channel, payload, rng)?;
                Ok(Outcome::Message(id))
            }
        }
    }
}

fn channel_config(config: &Config) -> ChannelConfig {
    ChannelConfig {
        relay: config.capabilities.contains(Capabilities::RELAY),
        store: config.capabilities.contains(Capabilities::STORE),
        rules: config.rules,
        ..ChannelConfig::default()
    }
}

/// Appends the records of the inner machines to one list, in an order in which a later one never
/// depends on an earlier one that was lost: they are committed together.
/// Returns the generation of session reservations among them.
fn drain_all(node: &mut Node, out: &mut Vec<Record>) -> u64 {
    node.own.drain_records(out);
    out.append(&mut node.prekey_records);
    let generation = node.sessions.drain_records(out);
    node.inbox.drain_records(out);
    node.outbox.drain_records(out);
    node.store.drain_records(out);
    node.contacts.drain_records(out);
    node.mailboxes.drain_records(out);
    node.meetings.drain_records(out);
    node.proofs.drain_records(out);
    node.bundles.drain_records(out);
    node.channels.drain_records(out);
    node.routing.drain_records(out);
    node.beside.drain_records(out);
    generation
}

#[cfg(test)]
pub(crate) mod tests;
