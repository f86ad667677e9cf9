//! What the application asks of the node, and what it gets at once.

use alloc::{string::String, vec::Vec};
use core::{fmt, time::Duration};

use crate::{
    address::Address,
    channel::ChannelId,
    envelope::{MessageId, Priority},
    identity::Suite,
    invite::InviteId,
    link::LinkId,
    lite::SharedSecret,
};

/// A request of the application. See [`crate::Node::handle_command`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Send `payload` to the node `to`, end-to-end encrypted.
    Send {
        /// The recipient.
        to: Address,
        /// The message, at most [`crate::limits::PAYLOAD_LEN_MAX`] bytes.
        payload: Vec<u8>,
        /// How it is to be sent.
        options: SendOptions,
    },
    /// Stop trying to deliver a message of ours.
    Cancel {
        /// The message.
        id: MessageId,
    },
    /// Forget the received messages up to and including `id`: the application has them.
    Take {
        /// The newest message to forget.
        id: MessageId,
    },
    /// Measure the round trip to a node inside an end-to-end session; answered by
    /// [`crate::Event::Pong`]. Never stored anywhere.
    Ping {
        /// The node to reach.
        to: Address,
        /// Returned with the answer.
        token: u64,
        /// Bytes of padding in the request and in the answer.
        payload_len: u16,
    },
    /// Ask the node `ttl` hops along our route to `to` who it is; answered by
    /// [`crate::Event::Hop`].
    Trace {
        /// The destination whose route is followed.
        to: Address,
        /// Returned with the answer.
        token: u64,
        /// Hops to go; 1 asks the first neighbour.
        ttl: u8,
    },
    /// Look for a route to `to` now.
    FindRoute {
        /// The destination.
        to: Address,
    },
    /// Keep (or, with `None`, delete) a row of a program beside the node (`BSD-20`). It comes out of
    /// [`crate::Node::poll_record`] like the node's own, in the tables for programs.
    BesideRow {
        /// Whether the value holds secrets.
        secret: bool,
        /// The row's key, at most [`crate::limits::RECORD_KEY_LEN_MAX`] bytes.
        key: Vec<u8>,
        /// The row's value, at most [`crate::limits::BESIDE_ROW_LEN_MAX`] bytes.
        value: Option<Vec<u8>>,
    },
    /// Send `body` to the program of the same kind beside a neighbour; there it is
    /// [`crate::Event::BesideFrame`]. May be lost (`BSD-01`).
    Beside {
        /// The link to the neighbour.
        link: LinkId,
        /// At most [`crate::limits::BESIDE_FRAME_LEN_MAX`] bytes.
        body: Vec<u8>,
    },
    /// Ask the program beside `to` something, without telling who asks; answered by
    /// [`crate::Event::ExchangeAnswered`]. Sealing the body is the program's affair (`BSD-10`).
    Exchange {
        /// Who is asked.
        to: Address,
        /// Returned with the answer.
        token: u64,
        /// At most [`crate::limits::EXCHANGE_REQUEST_LEN_MAX`] bytes.
        body: Vec<u8>,
    },
    /// Answer a question of [`crate::Event::ExchangeAsked`].
    ExchangeAnswer {
        /// The event's.
        token: u64,
        /// At most [`crate::limits::EXCHANGE_RESPONSE_LEN_MAX`] bytes.
        body: Vec<u8>,
    },
    /// Pin a node under a petname.
    ContactAdd {
        /// What the user calls the node; unique, 1 to 64 bytes.
        name: String,
        /// The node.
        address: Address,
        /// The root key that must certify it, when known beforehand. Otherwise the first
        /// verified bundle is pinned.
        root_key: Option<[u8; 32]>,
    },
    /// Forget a contact.
    ContactRemove {
        /// The contact's address.
        address: Address,
    },
    /// Give a contact another petname.
    ContactRename {
        /// The contact's address.
        address: Address,
        /// The new petname.
        name: String,
    },
    /// Accept the changed root key of a contact after the user was warned.
    ContactTrust {
        /// The contact's address.
        address: Address,
    },
    /// Take in a secret that its user and ours agreed on: messages over slow ways need no first
    /// contact then (`MLL-21`).
    ContactSecret {
        /// The contact's address.
        address: Address,
        /// The secret, the same at both ends.
        secret: SharedSecret,
    },
    /// Make an invite: a text that lets whoever gets it become a contact (`MEET-04`).
    InviteCreate {
        /// What this node would like to be called; may be empty.
        name: String,
        /// How long it holds, at most [`crate::limits::INVITE_LIFETIME_MAX`].
        lifetime: Duration,
        /// How many may accept it, at most [`crate::limits::INVITE_USES_MAX`].
        uses: u16,
        /// Links on which this node may be reached, as URIs; at most
        /// [`crate::limits::INVITE_HINTS_MAX`].
        hints: Vec<String>,
    },
    /// Take an invite back: nobody can accept it any more.
    InviteRevoke {
        /// The invite.
        id: InviteId,
    },
    /// Accept another node's invite: it becomes a contact, and learns of us as soon as it is
    /// reached. Answered by [`crate::Event::InviteAnswered`].
    InviteAccept {
        /// The text.
        code: String,
        /// What to call the inviter; `None` for what it wished for.
        name: Option<String>,
        /// What we would like to be called there; may be empty.
        introduce_as: String,
    },
    /// Let in a stranger whose message waits for a decision, or who was blocked. With a name it
    /// becomes a contact.
    RequestAccept {
        /// The stranger.
        from: Address,
        /// What to call it.
        name: Option<String>,
    },
    /// Drop what this node sent as a stranger and whatever it sends from now on; it is not told.
    RequestBlock {
        /// The node; a contact may be blocked too.
        address: Address,
    },
    /// End a block.
    RequestUnblock {
        /// The node.
        address: Address,
    },
    /// Have sealed mail kept by this node, or (`None`) by none.
    MailboxUse {
        /// The mailbox node.
        node: Option<Address>,
    },
    /// Create a broadcast channel and join it.
    ChannelCreate {
        /// The channel's name, 1 to 64 bytes.
        name: String,
    },
    /// Join the channel of an invite string.
    ChannelJoin {
        /// The text that [`Outcome::Channel`] or another member gave.
        invite: String,
    },
    /// Leave a channel; its key and history are erased here.
    ChannelLeave {
        /// The channel.
        channel: ChannelId,
    },
    /// Publish to all members of a channel.
    ChannelPublish {
        /// The channel.
        channel: ChannelId,
        /// The message, at most [`crate::limits::CHANNEL_PAYLOAD_LEN_MAX`] bytes.
        payload: Vec<u8>,
    },
}

/// How a message is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SendOptions {
    /// Which of several waiting messages goes first.
    pub priority: Priority,
    /// How long it may be under way, at most [`crate::limits::LIFETIME_MAX`].
    pub lifetime: Duration,
    /// Whether it must survive crashes: stored here before it is accepted, and offered to relays
    /// for custody. A message without durability is lost with the process that carries it.
    pub durable: bool,
    /// Whether the envelope carries our signature, so that relays and third parties can verify
    /// who sent it. Without, the message is deniable.
    pub signed: bool,
    /// Whether the recipient is asked to sign that it received the message, for third parties.
    pub proof: bool,
    /// Whether our address is hidden from relays by going through the recipient's mailbox node.
    pub sealed: bool,
}

impl Default for SendOptions {
    fn default() -> Self {
        Self {
            priority: Priority::Normal,
            lifetime: crate::limits::LIFETIME_DEFAULT,
            durable: true,
            signed: false,
            proof: false,
            sealed: false,
        }
    }
}

/// The immediate answer to a [`Command`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done; nothing to add.
    Done,
    /// The message has this id. It is *accepted* once [`crate::Event::Accepted`] says so.
    Message(MessageId),
    /// The invite was made.
    Invite {
        /// Its name here.
        id: InviteId,
        /// The text; whoever has it can become a contact.
        code: String,
        /// Until when it holds, in seconds since 1970.
        expires_at: u64,
    },
    /// The invite was accepted here; the inviter has yet to answer.
    Met {
        /// The invite.
        invite: InviteId,
        /// The inviter.
        address: Address,
        /// What it is called now.
        name: String,
        /// Links on which it may be reached, for the driver to try.
        hints: Vec<String>,
    },
    /// The channel and the string with which others join it.
    Channel {
        /// The channel.
        id: ChannelId,
        /// The invite; whoever has it can read and publish.
        invite: String,
    },
}

/// Why a [`Command`] was refused. The caller is at fault, or a limit is reached; nothing changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandError {
    /// The payload is longer than `limit_bytes`.
    PayloadTooLarge {
        /// The limit.
        limit_bytes: u32,
    },
    /// The lifetime is zero or longer than [`crate::limits::LIFETIME_MAX`].
    LifetimeOutOfRange,
    /// A message, ping or trace cannot go to this node itself.
    AddressIsOwn,
    /// Too many of our own messages wait for receipts; try again when some arrived.
    OutboxFull,
    /// Memory for volatile messages in flight to this destination is used up; try again shortly.
    Busy,
    /// No such message.
    UnknownMessage,
    /// No such contact.
    UnknownContact,
    /// Another contact has this name.
    NameTaken,
    /// The name is empty or longer than 64 bytes.
    NameOutOfRange,
    /// The contact list is full.
    ContactsFull,
    /// The node was not heard yet, and its key is not known.
    ContactUnheard,
    /// The invite string is damaged or of another version.
    InviteInvalid,
    /// No such channel.
    UnknownChannel,
    /// The list of joined channels is full.
    ChannelsFull,
    /// Reaching this contact would fall below the cryptographic suite it was reached with before.
    SuiteFloor {
        /// The weakest suite the contact accepts from us.
        floor: Suite,
    },
    /// The recipient has no mailbox node, or its bundle is not known yet.
    NoMailbox,
    /// The text does not begin like an invite.
    NotAnInvite,
    /// The end of the invite is missing.
    InviteCut,
    /// The invite's characters are not those it was made of.
    InviteAltered,
    /// The invite is of a version that this node does not know.
    InviteVersion {
        /// Its version.
        version: u8,
    },
    /// The invite's time is over, by our clock.
    InviteExpired {
        /// Until when it held, in seconds since 1970.
        expires_at: u64,
        /// Our clock.
        now: u64,
    },
    /// The invite is this node's own.
    InviteOwn,
    /// This invite was accepted here before.
    InviteAcceptedBefore,
    /// The inviter is a contact already, pinned under another key than the invite names.
    InviteKeyDiffers,
    /// An invite's life is zero or longer than [`crate::limits::INVITE_LIFETIME_MAX`].
    InviteLifetime,
    /// Nobody, or more than [`crate::limits::INVITE_USES_MAX`], shall accept one invite.
    InviteUses,
    /// The hints are too many, too long, or no links.
    InviteHints,
    /// Too many invites are open.
    InvitesFull,
    /// No such invite.
    UnknownInvite,
    /// Without a clock nobody could say when an invite expires.
    NoClock,
    /// Nothing of this node waits for a decision.
    UnknownRequest,
    /// The node is not blocked.
    NotBlocked,
    /// Too many nodes are blocked.
    BlockedFull,
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PayloadTooLarge { limit_bytes } => {
                write!(f, "the payload is longer than {limit_bytes} bytes")
            }
            Self::LifetimeOutOfRange => f.write_str("the lifetime must be between 1 s and 30 days"),
            Self::AddressIsOwn => f.write_str("the address is this node's own"),
            Self::OutboxFull => f.write_str("too many messages wait for receipts"),
            Self::Busy => f.write_str("too much is in flight to this destination"),
            Self::UnknownMessage => f.write_str("no such message"),
            Self::UnknownContact => f.write_str("no such contact"),
            Self::NameTaken => f.write_str("another contact has this name"),
            Self::NameOutOfRange => f.write_str("a name has 1 to 64 bytes"),
            Self::ContactsFull => f.write_str("the contact list is full"),
            Self::ContactUnheard => {
                f.write_str("this node was not heard since the start, and its key is not known")
            }
            Self::InviteInvalid => f.write_str("the invite is damaged or of another version"),
            Self::UnknownChannel => f.write_str("no such channel"),
            Self::ChannelsFull => f.write_str("too many channels are joined"),
            Self::SuiteFloor { floor } => {
                write!(f, "this contact was reached with {floor} before and must not get less")
            }
            Self::NoMailbox => f.write_str("the recipient has no mailbox node that we know"),
            Self::NotAnInvite => f.write_str("this is no invite; one begins with QPC-INVITE:"),
            Self::InviteCut => f.write_str("the invite is cut: its end is missing"),
            Self::InviteAltered => f.write_str("the invite is altered: a character is wrong"),
            Self::InviteVersion { version } => {
                write!(f, "the invite is of version {version}, which this node does not know")
            }
            Self::InviteExpired { expires_at, now } => write!(
                f,
                "the invite expired {} s ago by this node's clock",
                now.saturating_sub(*expires_at)
            ),
            Self::InviteOwn => f.write_str("the invite is this node's own"),
            Self::InviteAcceptedBefore => f.write_str("this invite was accepted here before"),
            Self::InviteKeyDiffers => {
                f.write_str("the inviter is a contact already, under another key")
            }
            Self::InviteLifetime => f.write_str("an invite holds for 1 s to 90 days"),
            Self::InviteUses => f.write_str("an invite may be accepted 1 to 100 times"),
            Self::InviteHints => f.write_str("the hints are too many, too long, or no links"),
            Self::InvitesFull => f.write_str("too many invites are open"),
            Self::UnknownInvite => f.write_str("no such invite"),
            Self::NoClock => f.write_str("this node has no clock that an invite could expire by"),
            Self::UnknownRequest => f.write_str("nothing of this node waits for a decision"),
            Self::NotBlocked => f.write_str("the node is not blocked"),
            Self::BlockedFull => f.write_str("too many nodes are blocked"),
        }
    }
}

impl core::error::Error for CommandError {}
