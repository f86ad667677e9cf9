//! What happened, in a form that is cheap to keep and to hand around.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use mesh::{
    Address, Event, LinkId, MessageId, WallClock,
    channel::ChannelId,
    event::{ChannelMessage, FailReason},
    node::InviteVerdict,
};

use transports::LinkPath;

use crate::store::Health;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Happening {
    /// Position; grows by one.
    pub seq: u64,
    /// The machine's wall clock.
    pub at: Option<WallClock>,
    /// What it was.
    pub what: What,
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum What {
    /// A message of ours is durable here.
    Accepted(MessageId),
    /// A message of ours is durable at a relay.
    InCustody(MessageId, Address),
    /// The recipient's receipt is here.
    Received(MessageId, Duration),
    /// The recipient's signed receipt is here.
    Proven(MessageId),
    /// A message of ours is given up.
    Failed(MessageId, FailReason),
    /// A message arrived: id, sender, position in the inbox.
    Message(MessageId, Address, u64),
    /// A channel message arrived.
    Channel(Arc<ChannelMessage>),
    /// The sender of a channel message signed it.
    ChannelProven(ChannelId, MessageId),
    /// A channel message was forged by another member.
    ChannelWithdrawn(ChannelId, MessageId),
    /// A neighbour appeared.
    PeerUp(Address, LinkId),
    /// A neighbour is gone.
    PeerDown(Address, LinkId),
    /// A link (by its id) goes another way to its neighbour from now on.
    Path(String, Option<Address>, LinkPath),
    /// The best route to a node changed its next hop, or is gone.
    Route(Address, Option<Address>),
    /// A contact's root key is another one.
    KeyChanged(Address),
    /// Somebody accepted an invite of ours, and is called this now.
    InviteUsed(Address, String),
    /// The node whose invite we accepted has answered.
    InviteAnswered(Address, InviteVerdict),
    /// A stranger's message waits for a decision.
    Request(Address, MessageId),
    /// Our wall clock is off by so many seconds.
    ClockSkew(i64),
    /// The disk's health changed.
    Storage(Health),
    /// The state of links changed.
    Links,
    /// The configuration was read again.
    Config,
    /// An alert found a slot.
    #[cfg(feature = "appointments")]
    Alert(fapp::alert::Reported),
}

impl What {
    /// The core's event, without what is answered elsewhere.
    pub(super) fn of(event: Event) -> Option<Self> {
        Some(match event {
            Event::Accepted { id } => Self::Accepted(id),
            Event::InCustody { id, custodian } => Self::InCustody(id, custodian),
            Event::Received { id, after } => Self::Received(id, after),
            Event::Proven { id, .. } => Self::Proven(id),
            Event::Failed { id, reason } => Self::Failed(id, reason),
            Event::Message(message) => Self::Message(message.id, message.from, message.seq),
            Event::PeerUp { address, link } => Self::PeerUp(address, link),
            Event::PeerDown { address, link } => Self::PeerDown(address, link),
            Event::RouteChanged { address, next_hop } => Self::Route(address, next_hop),
            Event::ChannelMessage(message) => Self::Channel(Arc::new(message)),
            Event::ChannelProven { channel, id } => Self::ChannelProven(channel, id),
            Event::ChannelWithdrawn { channel, id } => Self::ChannelWithdrawn(channel, id),
            Event::ContactKeyChanged { address } => Self::KeyChanged(address),
            Event::InviteUsed { address, name, .. } => Self::InviteUsed(address, name),
            Event::InviteAnswered { address, verdict, .. } => {
                Self::InviteAnswered(address, verdict)
            }
            Event::Request { from, id } => Self::Request(from, id),
            Event::ClockSkew { seconds } => Self::ClockSkew(seconds),
            _ => return None,
        })
    }
}

/// The last things that happened.
#[derive(Debug, Default)]
pub struct EventLog {
    recent: VecDeque<Arc<Happening>>,
    next_seq: u64,
}

impl EventLog {
    pub(super) fn push(&mut self, at: Option<WallClock>, what: What) -> Arc<Happening> {
        let happening = Arc::new(Happening { seq: self.next_seq, at, what });
        self.next_seq += 1;
        if self.recent.len() == RECENT_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(Arc::clone(&happening));
        happening
    }

    /// The newest `limit` of them, oldest first.
    pub fn recent(&self, limit: usize) -> Vec<Arc<Happening>> {
        let skipped = self.recent.len().saturating_sub(limit);
        self.recent.iter().skip(skipped).cloned().collect()
    }
}

/// Events kept for `Events1.Recent`, some 100 bytes each.
const RECENT_MAX: usize = 1_024;
