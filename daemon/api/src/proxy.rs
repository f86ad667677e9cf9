//! Client proxies of the interfaces at [`crate::PATH`]; method and property docs live in `xml/`.
#![allow(missing_docs, reason = "the derive puts its own, and the XML files carry the contract")]

use std::collections::BTreeMap;

use zbus::{OwnedFd, proxy};

use crate::{
    AcceptOptions, Channel, ChannelMessage, Contact, ContactOptions, Error, EventEntry,
    GivenInvite, HistoryOptions, ImportOptions, Imported, InboxMessage, InboxOptions,
    InviteOptions, Link, Message, Met, NewInvite, OfferOptions, Offered, OfferedFile, Pattern,
    PatternOptions, Pause, Peer, PingOptions, PingReply, Probe, Radio, RadioScan, Request,
    RequestOptions, Reservation, ReserveOptions, Route, RouteOptions, SearchOptions, SendOptions,
    Slot, SlotRequest, Status, TraceHop,
};

/// The way in for users who are not in the group, on the system bus alone.
#[proxy(
    interface = "org.quicprochat.Access1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Access {
    /// A socket on which the API is spoken, for `member` or `owner`; somebody may be asked for a
    /// password.
    #[zbus(allow_interactive_auth)]
    fn open(&self, role: &str) -> Result<OwnedFd, Error>;
}

/// The node itself.
#[proxy(
    interface = "org.quicprochat.Daemon1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Daemon {
    /// This node's address.
    #[zbus(property(emits_changed_signal = "const"))]
    fn address(&self) -> Result<String, Error>;
    /// The node's name as configured; empty when none is.
    #[zbus(property)]
    fn name(&self) -> Result<String, Error>;
    /// The daemon's version.
    #[zbus(property(emits_changed_signal = "const"))]
    fn version(&self) -> Result<String, Error>;
    /// The public root key that certifies this node; empty on a router without one.
    #[zbus(property(emits_changed_signal = "const"))]
    fn root_key(&self) -> Result<String, Error>;
    /// Where this node's QUIC endpoint can be reached, as a link's address to hand out; empty when
    /// there is none.
    #[zbus(property(emits_changed_signal = "false"))]
    fn iroh(&self) -> Result<String, Error>;
    /// Whether messages are taken.
    #[zbus(property)]
    fn ready(&self) -> Result<bool, Error>;
    /// `ok`, `full` or `failed`.
    #[zbus(property)]
    fn storage(&self) -> Result<String, Error>;
    /// The node in numbers.
    fn status(&self) -> Result<Status, Error>;
    /// The identity, encrypted under a passphrase. Session state is not in it.
    fn export_identity(&self, passphrase: &str) -> Result<Vec<u8>, Error>;
    /// Puts an exported identity in place for the next start; returns its address.
    fn import_identity(
        &self,
        backup: &[u8],
        passphrase: &str,
        options: ImportOptions,
    ) -> Result<String, Error>;
    /// The effective configuration, secrets replaced.
    fn config_get(&self) -> Result<BTreeMap<String, String>, Error>;
    /// Reads the configuration again: links, log level, network key.
    fn reload(&self) -> Result<(), Error>;
    /// Flushes the store, closes the links and ends the process.
    fn stop(&self) -> Result<(), Error>;
    /// Has sealed mail kept by the node `node` (address or contact), or by none (empty).
    fn mailbox_use(&self, node: &str) -> Result<(), Error>;
    /// The last lines of the log at level info and above, oldest first; at most 200.
    fn recent_log(&self) -> Result<Vec<String>, Error>;
    /// The metrics in the text exposition format.
    fn metrics(&self) -> Result<String, Error>;
}

/// Neighbours.
#[proxy(
    interface = "org.quicprochat.Peers1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Peers {
    /// All neighbours on live links.
    fn list(&self) -> Result<Vec<Peer>, Error>;
}

/// Known destinations.
#[proxy(
    interface = "org.quicprochat.Routes1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Routes {
    /// Routes in the order of their addresses.
    fn list(&self, options: RouteOptions) -> Result<Vec<Route>, Error>;
    /// Asks the neighbours for a route to `to` (address or contact) now.
    fn find(&self, to: &str) -> Result<(), Error>;
}

/// Messages. `to` is an address or the name of a contact.
#[proxy(
    interface = "org.quicprochat.Messages1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Messages {
    /// Sends a payload; returns the message's id once the message is *accepted*.
    fn send(&self, to: &str, payload: &[u8], options: SendOptions) -> Result<String, Error>;
    /// Like `Send` with default options, for tools that cannot write dictionaries.
    fn send_text(&self, to: &str, text: &str) -> Result<String, Error>;
    /// Like `Send` for large payloads: everything that can be read from `payload`.
    fn send_fd(&self, to: &str, payload: OwnedFd, options: SendOptions) -> Result<String, Error>;
    /// Sends every item (see [`crate::framing`]) that can be read from `payloads`, in order;
    /// returns the ids once all are *accepted*.
    fn send_many(
        &self,
        to: &str,
        payloads: OwnedFd,
        options: SendOptions,
    ) -> Result<Vec<String>, Error>;
    /// Waits until the message is `received` or `failed`, at most `timeout_ms`; returns its state.
    fn wait(&self, id: &str, timeout_ms: u32) -> Result<String, Error>;
    /// Messages received and not taken, oldest first.
    fn inbox(&self, options: InboxOptions) -> Result<Vec<InboxMessage>, Error>;
    /// Like `Inbox` for many or large messages: a descriptor to read items from
    /// (see [`crate::framing::InboxHeader`]). `take` is not possible here.
    fn inbox_fd(&self, options: InboxOptions) -> Result<OwnedFd, Error>;
    /// Forgets the received messages up to and including this one.
    fn take(&self, id: &str) -> Result<(), Error>;
    /// Everything known about the fate of a message of ours.
    fn why(&self, id: &str) -> Result<Message, Error>;
    /// The recipient's signed receipt for a message that was sent with the option `proof`.
    fn proof(&self, id: &str) -> Result<Vec<u8>, Error>;
    /// Our messages without a receipt.
    fn queue(&self) -> Result<Vec<Message>, Error>;
    /// Stops trying to deliver a message.
    fn cancel(&self, id: &str) -> Result<(), Error>;
    /// Measures one round trip inside an end-to-end session.
    fn ping(&self, to: &str, options: PingOptions) -> Result<PingReply, Error>;
    /// Asks the node `ttl` hops along the route to `to` who it is.
    fn trace_hop(&self, to: &str, ttl: u8, timeout_ms: u32) -> Result<TraceHop, Error>;
    /// A message arrived; read it with `Inbox` and `after_seq`.
    #[zbus(signal)]
    fn message_received(&self, id: &str, from: &str, seq: u64);
    /// A message of ours changed its state.
    #[zbus(signal)]
    fn state_changed(&self, id: &str, state: &str);
}

/// Broadcast channels. `channel` is an id or the name of a joined channel.
#[proxy(
    interface = "org.quicprochat.Channels1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Channels {
    /// Creates a channel and joins it; returns its id and the invite.
    fn create(&self, name: &str) -> Result<(String, String), Error>;
    /// Joins the channel of an invite; returns its id.
    fn join(&self, invite: &str) -> Result<String, Error>;
    /// Leaves a channel; its key and history are erased here.
    fn leave(&self, channel: &str) -> Result<(), Error>;
    /// Joined channels.
    fn list(&self) -> Result<Vec<Channel>, Error>;
    /// Publishes to all members; returns the message's id.
    fn publish(&self, channel: &str, payload: &[u8]) -> Result<String, Error>;
    /// Kept messages, oldest first.
    fn history(&self, channel: &str, options: HistoryOptions)
    -> Result<Vec<ChannelMessage>, Error>;
    /// A message was published that was not shown before.
    #[zbus(signal)]
    fn published(&self, message: ChannelMessage);
}

/// Pinned nodes. `contact` is an address or a name.
#[proxy(
    interface = "org.quicprochat.Contacts1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Contacts {
    /// Pins a node under a petname.
    fn add(&self, name: &str, address: &str, options: ContactOptions) -> Result<(), Error>;
    /// All contacts.
    fn list(&self) -> Result<Vec<Contact>, Error>;
    /// Forgets a contact.
    fn remove(&self, contact: &str) -> Result<(), Error>;
    /// Gives a contact another petname.
    fn rename(&self, contact: &str, name: &str) -> Result<(), Error>;
    /// Accepts the changed root key of a contact.
    fn trust(&self, contact: &str) -> Result<(), Error>;
    /// Takes in a secret that its user and ours agreed on, 16 to 1,024 bytes.
    fn set_secret(&self, contact: &str, secret: &[u8]) -> Result<(), Error>;
}

/// First meeting by a code.
#[proxy(
    interface = "org.quicprochat.Invites1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Invites {
    /// Makes an invite.
    fn create(&self, options: InviteOptions) -> Result<NewInvite, Error>;
    /// Accepts another node's invite: it becomes a contact, the links in the invite are added, and
    /// it learns of us as soon as it is reached.
    fn accept(&self, code: &str, options: AcceptOptions) -> Result<Met, Error>;
    /// Invites this node gave, oldest first.
    fn list(&self) -> Result<Vec<GivenInvite>, Error>;
    /// Takes an invite back: nobody can accept it any more.
    fn revoke(&self, id: &str) -> Result<(), Error>;
}

/// Strangers' first messages. `node` is an address, the name of a contact, or the id of a message
/// that waits.
#[proxy(
    interface = "org.quicprochat.Requests1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Requests {
    /// Messages that wait for a decision, oldest first.
    fn list(&self) -> Result<Vec<Request>, Error>;
    /// Lets a stranger in; what it sent moves to the inbox.
    fn accept(&self, node: &str, options: RequestOptions) -> Result<(), Error>;
    /// Drops what a node sent as a stranger and whatever it sends from now on; it is not told.
    fn block(&self, node: &str) -> Result<(), Error>;
    /// Ends a block.
    fn unblock(&self, node: &str) -> Result<(), Error>;
    /// Addresses of blocked nodes.
    fn blocked(&self) -> Result<Vec<String>, Error>;
}

/// FAPP: free appointments of psychotherapists.
#[proxy(
    interface = "org.quicprochat.Appointments1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Appointments {
    /// Publishes free slots of this node's practice, beside those that are offered already: when
    /// each begins, in seconds since 1970, and how many minutes it lasts.
    fn publish(&self, slots: Vec<(u64, u16)>, options: OfferOptions) -> Result<Offered, Error>;
    /// Takes one slot back, or `all`; how many.
    fn withdraw(&self, slot: &str) -> Result<u32, Error>;
    /// What this practice offers now.
    fn offered(&self) -> Result<Offered, Error>;
    /// Free slots that this node knows, the nearest and soonest first. Nothing is sent for it.
    fn search(&self, options: SearchOptions) -> Result<Vec<Slot>, Error>;
    /// Asks neighbours for announces of a region. They learn two digits of a postal code,
    /// Fachrichtung and Kostentraeger; what comes is found by a later search.
    fn ask(&self, options: SearchOptions) -> Result<(), Error>;
    /// Asks the practice for a slot; the reservation's name. Asked for is not booked.
    fn reserve(&self, slot: &str, options: ReserveOptions) -> Result<String, Error>;
    /// Reservations of this node's user.
    fn reservations(&self) -> Result<Vec<Reservation>, Error>;
    /// Requests for this practice's slots.
    fn requests(&self) -> Result<Vec<SlotRequest>, Error>;
    /// Gives a slot to a request; others that wait for it are declined.
    fn confirm(&self, request: &str) -> Result<(), Error>;
    /// Declines a request.
    fn decline(&self, request: &str) -> Result<(), Error>;
    /// Takes a reservation back, or a confirmed request of this practice.
    fn cancel(&self, id: &str) -> Result<(), Error>;
    /// The address of the page on this machine, with the token that makes it the owner's.
    fn page(&self) -> Result<String, Error>;
    /// Publishes the slots of a calendar file (iCalendar), beside those that are offered already.
    fn publish_file(&self, ics: &str, options: OfferOptions) -> Result<OfferedFile, Error>;
    /// Offers slots each week, `Di 09:00-12:00/50m`; the pattern's number.
    fn add_pattern(&self, text: &str, options: PatternOptions) -> Result<u32, Error>;
    /// Removes a pattern, and its slots from the offer.
    fn remove_pattern(&self, id: u32) -> Result<(), Error>;
    /// Patterns by number.
    fn patterns(&self) -> Result<Vec<Pattern>, Error>;
    /// Offers nothing from a day to another, `2027-08-02..2027-08-20`; the pause's number.
    fn pause(&self, days: &str) -> Result<u32, Error>;
    /// Ends a pause.
    fn remove_pause(&self, id: u32) -> Result<(), Error>;
    /// Pauses by number.
    fn pauses(&self) -> Result<Vec<Pause>, Error>;
    /// Takes the busy times of a calendar file, and nothing else of it, in place of those that the
    /// calendar of this name had. Slots that stand against them are offered no longer.
    fn import_busy(&self, name: &str, ics: &str) -> Result<Imported, Error>;
    /// Confirmed appointments as a calendar file, those of the practice and those of the patient.
    fn calendar(&self) -> Result<String, Error>;
    /// Slots, requests and reservations as FHIR R4 records in JSON.
    fn fhir(&self) -> Result<String, Error>;
}

/// Configured links.
#[proxy(
    interface = "org.quicprochat.Links1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Links {
    /// All links: listeners, dialled and accepted ones.
    fn list(&self) -> Result<Vec<Link>, Error>;
    /// Adds a link, `tcp://HOST:PORT` or `iroh://ENDPOINT?addr=IP:PORT&relay=URL`, or a modem,
    /// `rnode:///dev/serial/by-id/NAME?region=EU868`, and keeps it over restarts; returns its id.
    /// A link that cannot be opened now is tried again.
    fn add(&self, uri: &str) -> Result<String, Error>;
    /// Closes a link and forgets it.
    fn remove(&self, id: &str) -> Result<(), Error>;
    /// Dials an address of a link once and shakes hands, without making a link.
    fn probe(&self, uri: &str) -> Result<Probe, Error>;
}

/// LoRa modems.
#[proxy(
    interface = "org.quicprochat.Radios1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Radios {
    /// All modems: settings, air time, channel load, neighbours.
    fn list(&self) -> Result<Vec<Radio>, Error>;
    /// Changes settings of a modem while it runs, `sf=9&txp=10` as in its address; returns the
    /// address with them.
    fn set(&self, id: &str, parameters: &str) -> Result<String, Error>;
    /// Listens for `seconds` (1 to 60) at each lawful speed in turn, and sends nothing meanwhile.
    fn scan(&self, id: &str, seconds: u32) -> Result<Vec<RadioScan>, Error>;
}

/// Neighbours on the local network: how they are looked for, and who was found.
#[proxy(
    interface = "org.quicprochat.Discovery1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Discovery {
    /// How neighbours are looked for, and who was found.
    fn state(&self) -> Result<crate::Discovery, Error>;
}

/// What happens.
#[proxy(
    interface = "org.quicprochat.Events1",
    default_service = "org.quicprochat.Daemon1",
    default_path = "/org/quicprochat"
)]
pub trait Events {
    /// The last events, oldest first, at most `limit` (of 1,024 kept).
    fn recent(&self, limit: u32) -> Result<Vec<EventEntry>, Error>;
    /// Something happened; `kind` is also in the entry.
    #[zbus(signal)]
    fn event(&self, kind: &str, entry: EventEntry);
}
