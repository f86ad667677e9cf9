//! What `qpcd` and its clients agree on: names, client proxies, the dictionaries they exchange and
//! the errors.
//!
//! The daemon serves the object [`PATH`] on a Unix socket, peer to peer, and under [`BUS_NAME`] on
//! the session or system bus where there is one. The introspection files in `xml/` are the schema
//! for every other language; a test of the daemon compares them with its code in both directions.
//!
//! | interface | about | proxy |
//! |---|---|---|
//! | `org.quicprochat.Daemon1` | the node itself: identity, status, configuration | [`DaemonProxy`] |
//! | `org.quicprochat.Peers1` | neighbours | [`PeersProxy`] |
//! | `org.quicprochat.Routes1` | known destinations | [`RoutesProxy`] |
//! | `org.quicprochat.Messages1` | send, inbox, fate of messages, ping, trace | [`MessagesProxy`] |
//! | `org.quicprochat.Channels1` | broadcast channels | [`ChannelsProxy`] |
//! | `org.quicprochat.Contacts1` | pinned nodes with petnames | [`ContactsProxy`] |
//! | `org.quicprochat.Invites1` | first meeting by a code | [`InvitesProxy`] |
//! | `org.quicprochat.Requests1` | strangers' first messages | [`RequestsProxy`] |
//! | `org.quicprochat.Links1` | configured links | [`LinksProxy`] |
//! | `org.quicprochat.Appointments1` | FAPP: offers, searches, reservations; where it is built in | [`AppointmentsProxy`] |
//! | `org.quicprochat.Alerts1` | FAPP: searches that stay | [`AlertsProxy`] |
//! | `org.quicprochat.Trust1` | FAPP: who a practice is | [`TrustProxy`] |
//! | `org.quicprochat.Radios1` | LoRa modems: settings, air time, who is heard | [`RadiosProxy`] |
//! | `org.quicprochat.Discovery1` | who was found on the local network | [`DiscoveryProxy`] |
//! | `org.quicprochat.Events1` | what happens | [`EventsProxy`] |
//! | `org.quicprochat.Access1` | the way in through polkit, on the system bus alone | [`AccessProxy`] |
//! | `org.quicprochat.Peer1` | one neighbour, at `/org/quicprochat/peers/<address>` | [`PeerProxy`] |
//! | `org.quicprochat.Link1` | one link, at `/org/quicprochat/links/<id>` | [`LinkProxy`] |
//!
//! Dictionaries (`a{sv}`) grow: a client ignores keys that it does not know, the daemon refuses
//! option keys that it does not know. What is missing is unknown, not zero.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example() -> Result<(), api::Error> {
//! let connection = api::connect("/run/quicprochat/qpcd.sock".as_ref()).await?;
//! let messages = api::MessagesProxy::new(&connection).await?;
//! let id = messages.send("00112233445566778899aabbccddeeff", b"hello", Default::default()).await?;
//! println!("accepted {id}");
//! # Ok(()) }
//! ```
#![forbid(unsafe_code)]

mod alerts;
mod appointments;
mod client;
mod dict;
mod error;
pub mod framing;
mod options;
mod proxy;
mod proxy_fapp;
mod proxy_objects;
mod schedule;
mod standing;
#[cfg(test)]
mod xml_tests;

pub use alerts::Alert;
pub use appointments::{
    OfferOptions, Offered, Reservation, ReserveOptions, SearchOptions, Slot, SlotRequest,
};
pub use client::{connect, connect_as_visitor, visit};
pub use dict::{
    Channel, ChannelMessage, Contact, Discovery, Dropped, EventEntry, Found, GivenInvite,
    InboxMessage, Link, Message, Met, NewInvite, Peer, PingReply, Probe, Radio, RadioAirtime,
    RadioNeighbour, RadioScan, RadioSettings, Request, Route, Status, TraceHop, Try,
};
pub use error::Error;
pub use options::{
    AcceptOptions, ContactOptions, HistoryOptions, ImportOptions, InboxOptions, InviteOptions,
    PingOptions, RequestOptions, RouteOptions, SendOptions,
};
pub use proxy::{
    AccessProxy, AppointmentsProxy, ChannelsProxy, ContactsProxy, DaemonProxy, DiscoveryProxy,
    EventStream, EventsProxy, InvitesProxy, LinksProxy, MessageReceivedStream, MessagesProxy,
    PeersProxy, PublishedStream, RadiosProxy, RequestsProxy, RoutesProxy, StateChangedStream,
};
pub use proxy_fapp::{AlertsProxy, HitStream, TrustProxy};
pub use proxy_objects::{LinkProxy, PeerProxy};
pub use schedule::{Imported, LeftOut, OfferedFile, Pattern, PatternOptions, Pause};
pub use standing::{EndorseOptions, Standing};

/// The object that carries every interface but `Peer1` and `Link1`.
pub const PATH: &str = "/org/quicprochat";

/// Parent of the neighbours' objects; the last element is the address.
pub const PEERS_PATH: &str = "/org/quicprochat/peers";

/// Parent of the links' objects; the last element is the link's id.
pub const LINKS_PATH: &str = "/org/quicprochat/links";

/// The well-known name on a message bus.
pub const BUS_NAME: &str = "org.quicprochat.Daemon1";

/// The introspection files: interface name and content, one interface a file.
pub const XML: &[(&str, &str)] = &[
    ("org.quicprochat.Access1", include_str!("../xml/org.quicprochat.Access1.xml")),
    ("org.quicprochat.Alerts1", include_str!("../xml/org.quicprochat.Alerts1.xml")),
    ("org.quicprochat.Appointments1", include_str!("../xml/org.quicprochat.Appointments1.xml")),
    ("org.quicprochat.Channels1", include_str!("../xml/org.quicprochat.Channels1.xml")),
    ("org.quicprochat.Contacts1", include_str!("../xml/org.quicprochat.Contacts1.xml")),
    ("org.quicprochat.Daemon1", include_str!("../xml/org.quicprochat.Daemon1.xml")),
    ("org.quicprochat.Discovery1", include_str!("../xml/org.quicprochat.Discovery1.xml")),
    ("org.quicprochat.Events1", include_str!("../xml/org.quicprochat.Events1.xml")),
    ("org.quicprochat.Invites1", include_str!("../xml/org.quicprochat.Invites1.xml")),
    ("org.quicprochat.Link1", include_str!("../xml/org.quicprochat.Link1.xml")),
    ("org.quicprochat.Links1", include_str!("../xml/org.quicprochat.Links1.xml")),
    ("org.quicprochat.Messages1", include_str!("../xml/org.quicprochat.Messages1.xml")),
    ("org.quicprochat.Peer1", include_str!("../xml/org.quicprochat.Peer1.xml")),
    ("org.quicprochat.Peers1", include_str!("../xml/org.quicprochat.Peers1.xml")),
    ("org.quicprochat.Radios1", include_str!("../xml/org.quicprochat.Radios1.xml")),
    ("org.quicprochat.Requests1", include_str!("../xml/org.quicprochat.Requests1.xml")),
    ("org.quicprochat.Routes1", include_str!("../xml/org.quicprochat.Routes1.xml")),
    ("org.quicprochat.Trust1", include_str!("../xml/org.quicprochat.Trust1.xml")),
];
