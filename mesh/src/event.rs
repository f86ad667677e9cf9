//! What the node tells the application.

use alloc::{string::String, sync::Arc, vec::Vec};
use core::time::Duration;

use crate::{
    address::Address,
    channel::ChannelId,
    envelope::MessageId,
    invite::InviteId,
    link::{LinkId, Medium},
    node::InviteVerdict,
    time::WallClock,
};

/// Something the application may want to know. See [`crate::Node::poll_event`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// Our message is *accepted*: durable here (or, for a volatile one, on its way).
    Accepted {
        /// The message.
        id: MessageId,
    },
    /// Our message is *in custody*: durable at a relay.
    InCustody {
        /// The message.
        id: MessageId,
        /// The neighbour that keeps it.
        custodian: Address,
    },
    /// Our message is *received*: the recipient's receipt is here.
    Received {
        /// The message.
        id: MessageId,
        /// Time since it was accepted.
        after: Duration,
    },
    /// The recipient signed for our message; see [`crate::Node::proof`].
    Proven {
        /// The message.
        id: MessageId,
    },
    /// Our message will not be tried again.
    Failed {
        /// The message.
        id: MessageId,
        /// Why.
        reason: FailReason,
    },
    /// A message for us arrived, is durable (unless sent volatile) and was not shown before.
    Message(InboxMessage),
    /// The answer to [`crate::Command::Ping`].
    Pong {
        /// The node that answered.
        from: Address,
        /// The token of the command.
        token: u64,
        /// Round trip.
        rtt: Duration,
    },
    /// The answer to [`crate::Command::Trace`].
    Hop {
        /// The destination whose route was followed.
        to: Address,
        /// The token of the command.
        token: u64,
        /// Which hop answered, 1 is our neighbour.
        ttl: u8,
        /// Who it is.
        address: Address,
        /// Over which medium it is reached from the node before it: what we know of our own link,
        /// and what the node says of others.
        medium: Option<Medium>,
        /// Round trip.
        rtt: Duration,
        /// The way ends here: `Some(true)` at the destination, `Some(false)` where no route leads on.
        end: Option<bool>,
    },
    /// A neighbour's program sent this to ours ([`crate::Command::Beside`]).
    BesideFrame {
        /// The link it came over.
        link: LinkId,
        /// What it sent.
        body: Vec<u8>,
    },
    /// Everything that programs gave for this link has left: there is room for more.
    BesideRoom {
        /// The link.
        link: LinkId,
    },
    /// Somebody unnamed asks our program; to be answered with [`crate::Command::ExchangeAnswer`].
    ExchangeAsked {
        /// Returned with the answer.
        token: u64,
        /// The question.
        body: Vec<u8>,
    },
    /// The answer to [`crate::Command::Exchange`], or `None` when there was none in a minute.
    ExchangeAnswered {
        /// The token of the command.
        token: u64,
        /// The answer; whether it is genuine, the program has to tell.
        body: Option<Vec<u8>>,
    },
    /// A neighbour appeared.
    PeerUp {
        /// Its address.
        address: Address,
        /// The link it is on.
        link: LinkId,
    },
    /// A neighbour is gone.
    PeerDown {
        /// Its address.
        address: Address,
        /// The link it was on.
        link: LinkId,
    },
    /// A link answers nothing any more: the driver should close it and connect again (`HOP-03`).
    LinkStalled {
        /// The link.
        link: LinkId,
    },
    /// The best route to a destination appeared, changed its next hop, or is gone (`None`).
    RouteChanged {
        /// The destination.
        address: Address,
        /// The neighbour it leads through now.
        next_hop: Option<Address>,
    },
    /// A channel message arrived that was not shown before.
    ChannelMessage(ChannelMessage),
    /// A channel message that was shown as not yet proven is its sender's (`MLG-16`).
    ChannelProven {
        /// The channel.
        channel: ChannelId,
        /// The message.
        id: MessageId,
    },
    /// A channel message that was shown as not yet proven is not its sender's: another member forged
    /// it (`MLG-17`). The true one, if it is here, follows under the same id.
    ChannelWithdrawn {
        /// The channel.
        channel: ChannelId,
        /// The message.
        id: MessageId,
    },
    /// A contact's bundle is certified by another root key than the pinned one. Nothing is sent
    /// to it until [`crate::Command::ContactTrust`].
    ContactKeyChanged {
        /// The contact.
        address: Address,
    },
    /// Somebody accepted an invite of ours and is a contact now.
    InviteUsed {
        /// The invite.
        invite: InviteId,
        /// The guest.
        address: Address,
        /// The name it got, marked as suggested unless it was a contact before.
        name: String,
    },
    /// The node whose invite we accepted has answered.
    InviteAnswered {
        /// The invite.
        invite: InviteId,
        /// The inviter.
        address: Address,
        /// What it decided.
        verdict: InviteVerdict,
    },
    /// A stranger's message waits for a decision (`MEET-11`).
    Request {
        /// The stranger.
        from: Address,
        /// The message.
        id: MessageId,
    },
    /// Most neighbours agree that our wall clock is off by this many seconds (positive: we are ahead).
    ClockSkew {
        /// Our clock minus theirs.
        seconds: i64,
    },
}

/// Why a message of ours will not be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FailReason {
    /// Its lifetime is over.
    Expired,
    /// The user cancelled it.
    Cancelled,
    /// The contact's root key changed and the new one was not accepted.
    KeyChanged,
    /// A volatile message found no way, or was not confirmed in time.
    Unreachable,
}

impl FailReason {
    /// The name used in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::KeyChanged => "key-changed",
            Self::Unreachable => "unreachable",
        }
    }
}

/// A message that reached us.
#[derive(Clone, PartialEq, Eq)]
pub struct InboxMessage {
    /// Position in the inbox: grows by one with every message, never reused.
    pub seq: u64,
    /// The message's id, the same as at its sender.
    pub id: MessageId,
    /// Who sent it.
    pub from: Address,
    /// Our wall clock when it arrived, if we had one.
    pub received_at: Option<WallClock>,
    /// What was sent. Shared: the inbox and who is told of it hold the same bytes.
    pub payload: Arc<[u8]>,
    /// Whether the sender is a contact whose pinned key certified this session.
    pub verified: bool,
    /// Whether it came sealed, through our mailbox node.
    pub sealed: bool,
}

impl core::fmt::Debug for InboxMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "InboxMessage({} from {}, {} B)", self.id, self.from, self.payload.len())
    }
}

/// A message published on a channel.
#[derive(Clone, PartialEq, Eq)]
pub struct ChannelMessage {
    /// The channel.
    pub channel: ChannelId,
    /// The message's id.
    pub id: MessageId,
    /// The member that sent it.
    pub from: Address,
    /// The sender's wall clock, as the sender claims it.
    pub sent_at: Option<WallClock>,
    /// Whether its sender signed it. Until then any member may have written it: a later
    /// [`Event::ChannelProven`] or [`Event::ChannelWithdrawn`] says which.
    pub proven: bool,
    /// What was published.
    pub payload: Vec<u8>,
}

impl core::fmt::Debug for ChannelMessage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "ChannelMessage({} from {}, {} B)", self.id, self.from, self.payload.len())
    }
}
