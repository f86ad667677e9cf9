//! Snapshots for people: what `status`, `peers`, `routes`, `why` and the metrics show.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use crate::{
    address::Address,
    channel::ChannelId,
    envelope::{MessageId, Priority},
    identity::Suite,
    invite::InviteId,
    link::{LinkId, Medium},
    time::WallClock,
};

/// A neighbour on a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerView {
    /// Its address.
    pub address: Address,
    /// The link it is on.
    pub link: LinkId,
    /// The link's medium.
    pub medium: Medium,
    /// Smoothed round trip of the link, when measured.
    pub rtt: Option<Duration>,
    /// How long the link has been up.
    pub up_for: Duration,
    /// Frames received and sent.
    pub frames: (u64, u64),
    /// Bytes received and sent.
    pub bytes: (u64, u64),
    /// The neighbour's wall clock minus ours, when both told theirs.
    pub clock_offset_s: Option<i64>,
}

/// The best known route to a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteView {
    /// The destination.
    pub address: Address,
    /// Hops, 1 is a neighbour.
    pub hops: u8,
    /// Cost in microseconds of expected air or wire time for a reference frame.
    pub cost: u32,
    /// The neighbour to send to.
    pub next_hop: Address,
    /// The link to that neighbour.
    pub link: LinkId,
    /// Time since the announce behind the route arrived.
    pub age: Duration,
    /// Alternatives kept beside it.
    pub alternatives: u8,
    /// Whether receipts came back through it.
    pub proven: bool,
}

/// Where a message of ours stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum MessageState {
    /// Its record is being written.
    Accepting,
    /// Durable here.
    Accepted,
    /// Durable at a relay.
    InCustody,
    /// The recipient's receipt is here.
    Received,
    /// Given up.
    Failed,
}

impl MessageState {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepting => "accepting",
            Self::Accepted => "accepted",
            Self::InCustody => "in-custody",
            Self::Received => "received",
            Self::Failed => "failed",
        }
    }
}

/// One try to get a message on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Try {
    /// How long ago.
    pub ago: Duration,
    /// The neighbour it was handed to; `None` when there was no route.
    pub next_hop: Option<Address>,
    /// What came of it.
    pub result: TryResult,
}

/// What came of a [`Try`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum TryResult {
    /// Handed to the link, nothing heard yet.
    Sent,
    /// The neighbour keeps it durably.
    Custody,
    /// A relay said it has no route.
    NoRoute,
    /// The neighbour would not keep it: its store is full or it cannot open it.
    Refused,
    /// Nothing came back in time.
    TimedOut,
    /// The link went down.
    LinkDown,
}

impl TryResult {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Custody => "custody",
            Self::NoRoute => "no-route",
            Self::Refused => "refused",
            Self::TimedOut => "timed-out",
            Self::LinkDown => "link-down",
        }
    }
}

/// What a message of ours waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum WaitingFor {
    /// Nothing: it is done.
    Nothing,
    /// Our own disk.
    Disk,
    /// A route to the recipient.
    Route,
    /// The recipient's keys.
    Bundle,
    /// Its turn on the link, or room in the window to its recipient.
    Link,
    /// The recipient's receipt.
    Receipt,
    /// The user's decision about a changed key.
    Trust,
    /// The work that the recipient asks of strangers, which is being done.
    Work,
}

impl WaitingFor {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Disk => "disk",
            Self::Route => "route",
            Self::Bundle => "keys",
            Self::Link => "link",
            Self::Receipt => "receipt",
            Self::Trust => "trust",
            Self::Work => "work",
        }
    }
}

/// Everything known about the fate of one message of ours: the answer to `why`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageView {
    /// The message.
    pub id: MessageId,
    /// Its recipient.
    pub to: Address,
    /// Where it stands.
    pub state: MessageState,
    /// Payload length in bytes.
    pub payload_len: u32,
    /// Its priority.
    pub priority: Priority,
    /// Time since it was handed in.
    pub age: Duration,
    /// Time until it expires.
    pub expires_in: Duration,
    /// The last tries, oldest first, at most [`crate::limits::TRIES_KEPT`].
    pub tried: Vec<Try>,
    /// What it waits for.
    pub waiting_for: WaitingFor,
    /// When it is tried next, if that depends on time.
    pub next_try: Option<Duration>,
}

/// A pinned contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContactView {
    /// What the user calls it.
    pub name: String,
    /// Its address.
    pub address: Address,
    /// The pinned root key, once known.
    pub root_key: Option<[u8; 32]>,
    /// The weakest suite it may be reached with.
    pub floor: Option<Suite>,
    /// Its bundle was last seen under another root key.
    pub key_changed: bool,
    /// The name is what the node wished for or what was made up; the user chose none yet.
    pub suggested: bool,
}

/// An invite this node gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InviteView {
    /// The invite.
    pub id: InviteId,
    /// Until when it holds, in seconds since 1970.
    pub expires_at: u64,
    /// Whether somebody may still accept it.
    pub is_open: bool,
    /// How many may accept it.
    pub uses_max: u16,
    /// Who did.
    pub guests: Vec<Address>,
}

/// A stranger's message that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// The message.
    pub id: MessageId,
    /// Who sent it.
    pub from: Address,
    /// Our wall clock when it arrived, if we had one.
    pub received_at: Option<WallClock>,
    /// What was sent.
    pub payload: Arc<[u8]>,
    /// Whether it came through our mailbox node.
    pub sealed: bool,
}

/// A joined channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelView {
    /// The channel.
    pub id: ChannelId,
    /// Its name.
    pub name: String,
    /// The string with which others join.
    pub invite: String,
    /// Messages kept.
    pub messages: u32,
}

/// The node in numbers. Counters start at zero with the process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatusView {
    /// Neighbours on live links.
    pub peers: u32,
    /// Destinations with a usable route.
    pub routes: u32,
    /// Messages of ours without a receipt.
    pub outbox: u32,
    /// Messages of ours that a relay keeps.
    pub outbox_in_custody: u32,
    /// Envelopes of others kept here.
    pub custody: u32,
    /// Bytes of those.
    pub custody_bytes: u64,
    /// Messages received and not taken.
    pub inbox: u32,
    /// Our clock minus what most neighbours say, when it matters.
    pub clock_skew_s: Option<i64>,
    /// Counters.
    pub counters: Counters,
}

/// Event counters, for metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages of ours accepted.
    pub messages_accepted: u64,
    /// Messages of ours with a receipt.
    pub messages_received: u64,
    /// Messages of ours given up.
    pub messages_failed: u64,
    /// Messages delivered to this node.
    pub messages_delivered: u64,
    /// Envelopes forwarded for others.
    pub envelopes_forwarded: u64,
    /// Envelopes of others taken into custody.
    pub custody_taken: u64,
    /// Duplicates recognised.
    pub duplicates: u64,
    /// Announces verified.
    pub announces_verified: u64,
    /// Announces sent.
    pub announces_sent: u64,
    /// Frames dropped, by reason, in the order of [`crate::error::DropReason::ALL`].
    pub dropped: [u64; crate::error::DropReason::COUNT],
}
