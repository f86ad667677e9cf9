//! Broadcast channels (`specs/07-channel.md`).
//!
//! A channel is a name and a secret; whoever has them reads and publishes. What a member publishes
//! is flooded, also by nodes that are no members, and kept for members that were away.
//! [`Channels`] is the machine behind it:
//!
//! | file | what |
//! |---|---|
//! | `keys`, `invite` | everything that follows from the secret, and the text that carries it |
//! | `message` | the wire form: well-formed → written by a member → by whom |
//! | `flood` | admission, forwarding, fair sending |
//! | `history`, `shown` | what is kept, and what was shown once and never again |
//! | `handshake`, `presence` | which channels a neighbour shares with us |
//! | `carried`, `lite`, `proof`, `voices`, `publish` | messages for radio and what proves them (`specs/29-lite-group.md`) |
//! | `catchup` | reconciling histories with neighbours |
//! | `rows` | what survives a restart |
//!
//! Drain it like the node: [`Channels::drain_records`], then [`Channels::poll_frame`] per link,
//! [`Channels::poll_event`], [`Channels::poll_timeout`]. An event may leave the node once the
//! records drained before it are durable (`CH-15`).

mod carried;
mod catchup;
mod flood;
mod handshake;
mod history;
mod id;
mod invite;
mod keys;
mod lite;
mod membership;
mod message;
mod neighbour;
mod presence;
mod proof;
mod publish;
mod rows;
mod shown;
#[cfg(test)]
pub(crate) mod tests;
mod voices;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    string::String,
    vec::Vec,
};

pub use id::{ChannelId, ParseChannelIdError};
pub(crate) use message::MUTABLE;
pub use publish::{LitePolicy, LiteProof};

use self::{
    carried::Carried,
    history::{History, Kept, ShownAs, Standing},
    invite::Invite,
    keys::ChannelKeys,
    message::Opened,
    neighbour::Neighbour,
    shown::{Sender, Shown, Verdict},
    voices::Lite,
};
use crate::{
    address::Address,
    crypto::{Mode, uptime::Uptime},
    envelope::MessageId,
    error::DropReason,
    event::ChannelMessage,
    limits::{CHANNEL_ADMIT_BURST, CHANNEL_ADMIT_PER_S, HOPS_DEFAULT, LIFETIME_MAX},
    link::LinkId,
    reconcile::{Reconciler, Scope, budget::TokenBucket},
    record::{Record, Table},
    rules::Rules,
    time::Instant,
    view::ChannelView,
};

/// The name the project knows the channels by.
pub type BroadcastManager = Channels;

/// What a node does for channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelConfig {
    /// Forward messages of channels, joined or not (`CH-09`).
    pub relay: bool,
    /// Keep messages of channels that are not joined on disk, and hand them to members (`CH-20`).
    pub store: bool,
    /// Ask neighbours that are no members for history, which tells them what we are members of
    /// (`CH-24`).
    pub ask_relays: bool,
    /// Hops of what we publish, at most [`crate::limits::HOPS_MAX`].
    pub hops_max: u8,
    /// Life of what we publish in seconds, at most [`LIFETIME_MAX`].
    pub lifetime_s: u32,
    /// When what we publish takes the form for radio.
    pub lite: LitePolicy,
    /// How we prove that we sent it.
    pub proof: LiteProof,
    /// Which rules hold.
    pub rules: Rules,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            relay: true,
            store: true,
            ask_relays: true,
            hops_max: HOPS_DEFAULT,
            lifetime_s: LIFETIME_MAX.as_secs() as u32,
            lite: LitePolicy::default(),
            proof: LiteProof::default(),
            rules: Rules::ALL,
        }
    }
}

/// Something the application may want to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelEvent {
    /// A message arrived that was not shown before.
    Message(ChannelMessage),
    /// A message of ours is kept.
    Published(MessageId),
    /// A message that was shown as not yet proven is its sender's.
    Proven {
        /// The channel.
        channel: ChannelId,
        /// The message.
        id: MessageId,
    },
    /// A message that was shown as not yet proven is not its sender's: another member forged it.
    Withdrawn {
        /// The channel.
        channel: ChannelId,
        /// The message. The true one, if it is here, follows under the same id.
        id: MessageId,
    },
}

/// All channels of a node: those it is a member of and those it carries for others.
pub struct Channels {
    mode: Mode,
    own: Address,
    config: ChannelConfig,
    joined: BTreeMap<ChannelId, Joined>,
    history: History,
    neighbours: BTreeMap<LinkId, Neighbour>,
    reconciler: Reconciler,
    /// Budgets of channels with recent traffic.
    admission: BTreeMap<ChannelId, TokenBucket>,
    next_arrival: u64,
    /// Number of this run of the node, once it published.
    run: u32,
    lineage: Option<u64>,
    uptime: Uptime,
    /// Restored rows whose age is not known before the start, with the uptime of their writing.
    restored: BTreeMap<message::Digest, u64>,
    dirty: BTreeSet<(ChannelId, Sender)>,
    /// Messages dropped through no fault of the neighbour that passed them on.
    dropped: [u64; DropReason::COUNT],
    records: Vec<Record>,
    events: VecDeque<ChannelEvent>,
}

/// A channel of which this node is a member.
struct Joined {
    keys: ChannelKeys,
    name: String,
    shown: Shown,
    /// Of our next message, in this run.
    next_counter: u64,
    lite: Lite,
}

impl Joined {
    fn new(keys: ChannelKeys, name: String) -> Self {
        Self { keys, name, shown: Shown::default(), next_counter: 1, lite: Lite::default() }
    }
}

impl Channels {
    /// Without channels. `own` is this node's address.
    pub fn new(mode: Mode, own: Address, config: ChannelConfig) -> Self {
        Self {
            mode,
            own,
            config,
            joined: BTreeMap::new(),
            history: History::default(),
            neighbours: BTreeMap::new(),
            reconciler: Reconciler::new(Scope::Channels),
            admission: BTreeMap::new(),
            next_arrival: 0,
            run: 0,
            lineage: None,
            uptime: Uptime::new(Table::History),
            restored: BTreeMap::new(),
            dirty: BTreeSet::new(),
            dropped: [0; DropReason::COUNT],
            records: Vec::new(),
            events: VecDeque::new(),
        }
    }

    /// What happened.
    pub fn poll_event(&mut self) -> Option<ChannelEvent> {
        self.events.pop_front()
    }

    /// The channels joined, by id.
    pub fn views(&self) -> Vec<ChannelView> {
        self.joined
            .iter()
            .map(|(id, joined)| ChannelView {
                id: *id,
                name: joined.name.clone(),
                invite: Invite::encode(joined.keys.secret(), &joined.name),
                messages: u32::try_from(self.history.count(*id))
                    .expect("CHANNEL_HISTORY_MESSAGES_MAX fits 32 bits"),
            })
            .collect()
    }

    /// The messages of a channel that are kept, in the order in which they arrived; empty for a
    /// channel that is not joined.
    pub fn history(&self, channel: ChannelId) -> Vec<ChannelMessage> {
        let shown = |kept: &&Kept| kept.shown.is_some_and(|shown| shown.standing.is_shown());
        let messages = self.history.of_channel(channel).filter(shown);
        messages.filter_map(|kept| self.message_of(channel, kept)).collect()
    }

    /// What a message that is kept says.
    fn message_of(&self, channel: ChannelId, kept: &Kept) -> Option<ChannelMessage> {
        let (shown, joined) = (kept.shown?, self.joined.get(&channel)?);
        // It was decrypted before it was kept, with the same key.
        let payload = match &kept.message {
            Carried::Full(message) => message.decrypt(self.mode, &joined.keys).ok()?.payload,
            Carried::Lite(object) => {
                let keys = joined.keys.group();
                let voice = keys.voice(&shown.sender, shown.lineage);
                keys.open(self.mode, object, &voice).ok()?.payload
            }
        };
        let from = Address::derive(&shown.sender);
        Some(ChannelMessage {
            channel,
            id: shown.id,
            from,
            sent_at: shown.sent_at,
            proven: shown.standing == Standing::Proven || from == self.own,
            payload,
        })
    }

    /// Messages dropped through no fault of the neighbour that passed them on, in the order of
    /// [`DropReason::ALL`].
    pub const fn dropped(&self) -> &[u64; DropReason::COUNT] {
        &self.dropped
    }

    /// Bytes kept of joined channels and of others', bookkeeping included.
    pub fn kept_bytes(&self) -> (usize, usize) {
        self.history.bytes()
    }

    /// Shows a message if it was not shown before.
    fn show(&mut self, now: Instant, channel: ChannelId, opened: &Opened, proven: bool) -> Verdict {
        let Some(joined) = self.joined.get(&channel) else { return Verdict::NoRoom };
        let verdict = joined.shown.check(&opened.sender, opened.lineage, opened.counter);
        if verdict == Verdict::New {
            if self.remember(channel, opened) {
                self.seek_missing(now, channel);
            }
            self.events.push_back(ChannelEvent::Message(ChannelMessage {
                channel,
                id: opened.message_id(channel),
                from: Address::derive(&opened.sender),
                sent_at: opened.sent_at,
                proven,
                payload: opened.payload.clone(),
            }));
        }
        verdict
    }

    /// Notes a message as shown; `true` when something before it is missing.
    fn remember(&mut self, channel: ChannelId, opened: &Opened) -> bool {
        let Some(joined) = self.joined.get_mut(&channel) else { return false };
        joined.shown.insert(&opened.sender, opened.lineage, opened.counter)
    }

    /// A message that came over a link, to be kept.
    fn new_kept(
        &mut self,
        now: Instant,
        message: Carried,
        channel: ChannelId,
        link: LinkId,
    ) -> Kept {
        let ingress = self.neighbours.get(&link).map_or(self.own, |neighbour| neighbour.address);
        let mut kept = self.kept_from(now, message, channel, ingress);
        kept.note_received(link, kept.hops_left.saturating_add(1));
        kept
    }

    /// A message to be kept, not opened yet.
    fn kept_from(
        &mut self,
        now: Instant,
        message: Carried,
        channel: ChannelId,
        ingress: Address,
    ) -> Kept {
        self.next_arrival += 1;
        Kept {
            channel,
            arrival: self.next_arrival - 1,
            hops_left: message.hops_left(),
            arrival_age_ms: message.age_ms(),
            age_ms: message.age_ms(),
            since: now,
            ingress,
            copies: BTreeMap::new(),
            shown: None,
            handed: ingress != self.own,
            durable: false,
            message,
        }
    }

    /// Keeps a message that was admitted, and writes its row.
    fn insert(&mut self, mut kept: Kept) {
        // What nobody here can open proves nothing: it may not fill our disk.
        kept.durable = kept.shown.is_some() || self.config.store && kept.message.lite().is_none();
        self.write_message_row(&kept);
        for dropped in self.history.insert(kept) {
            self.erase_dropped(&dropped);
        }
    }

    /// Erases the row of a message that is not kept any more. What was shown must be known
    /// without it.
    fn erase_dropped(&mut self, dropped: &Kept) {
        if let Some(shown) = &dropped.shown {
            self.dirty.insert((dropped.channel, shown.sender));
        }
        self.forget_unproven(dropped);
        self.erase_message_row(dropped);
    }

    /// Whether a channel has used up what it may bring in (`CH-10`).
    fn admit_budget(&mut self, now: Instant, channel: ChannelId) -> bool {
        if self.admission.len() >= ADMISSION_BUCKETS_MAX && !self.admission.contains_key(&channel) {
            // Full buckets say nothing: they can be made anew.
            self.admission.retain(|_, bucket| !bucket.has(now, CHANNEL_ADMIT_BURST));
        }
        if self.admission.len() >= ADMISSION_BUCKETS_MAX && !self.admission.contains_key(&channel) {
            return false;
        }
        self.admission
            .entry(channel)
            .or_insert_with(|| TokenBucket::new(now, CHANNEL_ADMIT_PER_S, CHANNEL_ADMIT_BURST))
            .take(now, 1)
    }
}

impl core::fmt::Debug for Channels {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Channels({} joined)", self.joined.len())
    }
}

fn shown_as(channel: ChannelId, opened: &Opened, standing: Standing) -> ShownAs {
    ShownAs {
        id: opened.message_id(channel),
        sender: opened.sender,
        sent_at: opened.sent_at,
        lineage: opened.lineage,
        counter: opened.counter,
        standing,
    }
}

/// Channels with recent traffic whose rate is known: a bucket that was not used for 17 s is full
/// again and forgotten. 4,096 × 100 B = 400 KiB.
const ADMISSION_BUCKETS_MAX: usize = 4_096;
