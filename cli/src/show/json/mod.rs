//! The JSON documents, field by field as `specs/11-command-line.md` fixes them (`CLI-03`,
//! `CLI-50` and following).
//!
//! Numbers that people would have to convert are converted here: `_s` is seconds, `_ms`
//! milliseconds. Unknown values are `null`.

mod diagnosis;
mod fapp;
mod fapp_alert;
mod fapp_trust;
mod group;
#[cfg(feature = "lab")]
mod lab;
mod meeting;
mod message;
mod node;
mod radio;
mod report;
mod schedule;

use serde::Serialize;

use crate::failure::Failure;

pub use self::fapp::{
    FappOffer, FappRequest, FappRequests, FappReservation, FappReservations, FappReserved,
    FappSlot, FappSlots, WebPage, german,
};
pub use diagnosis::{Bundle, Found, Multicast, Netcheck, Probe, Stage};
pub use fapp_alert::{FappAlert, FappAlertEntry, FappAlerts, FappHit};
pub use fapp_trust::{FappDomain, FappStatement, FappTrust};
pub use group::{Channel, ChannelEntry, Channels, Contact, Contacts, History, Published};
#[cfg(feature = "lab")]
pub use lab::{AirEvent, Lab, LabAir, LabHearing, LabMessage, LabNode, Rnode};
pub use meeting::{Accepted, GivenInvite, Invite, Invites, Request, Requests};
pub use message::{
    Cancelled, Hop, Inbox, Message, OnAir, Payload, Ping, Proof, Queue, Queued, Sent, Trace, Try,
    Way, Why,
};
pub use node::{Config, Link, Links, Peer, Peers, Route, Routes, Status, Whoami};
pub use radio::{Radio, RadioNeighbour, RadioScan, RadioScanRow, RadioSettings, Radios};
pub use report::{Checked, Demo, Done, Event, Graph, GraphEdge, GraphNode, Step, Text, Version};
pub use schedule::{
    FappAdded, FappExport, FappImport, FappLeftOut, FappPattern, FappPatterns, FappPause,
    FappPauses,
};

/// `quicprochat.error/1`, on standard error (`CLI-06`).
#[derive(Debug, Serialize)]
pub struct Error<'a> {
    schema: &'static str,
    exit: u8,
    error: &'a str,
    hint: Option<&'a str>,
    name: Option<&'a str>,
}

impl<'a> From<&'a Failure> for Error<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self {
            schema: "quicprochat.error/1",
            exit: failure.exit as u8,
            error: &failure.error,
            hint: failure.hint.as_deref(),
            name: failure.name.as_deref(),
        }
    }
}

/// A document: its schema's name and its fields.
#[derive(Debug, Serialize)]
pub struct Document<T> {
    schema: &'static str,
    #[serde(flatten)]
    fields: T,
}

impl<T: Fields> From<T> for Document<T> {
    fn from(fields: T) -> Self {
        Self { schema: T::SCHEMA, fields }
    }
}

/// The fields of a document.
pub trait Fields: Serialize {
    /// Name and version of the document.
    const SCHEMA: &'static str;
}

macro_rules! documents {
    ($($(#[$when:meta])? $type:ident => $schema:literal),+ $(,)?) => {
        $($(#[$when])? impl Fields for $type { const SCHEMA: &'static str = concat!("quicprochat.", $schema); })+
        /// Every schema this program writes to standard output.
        pub const SCHEMAS: &[&str] = &[
            $($(#[$when])? concat!("quicprochat.", $schema)),+
        ];
    };
}

documents! {
    Accepted => "accept/1",
    #[cfg(feature = "lab")] AirEvent => "air/1",
    Bundle => "bundle/1",
    Cancelled => "cancelled/1",
    Channel => "channel/1",
    Channels => "channels/1",
    Checked => "check/1",
    Config => "config/1",
    Contacts => "contacts/1",
    Demo => "demo/1",
    Done => "done/1",
    Event => "event/1",
    FappAlert => "fapp-alert/1",
    FappAlerts => "fapp-alerts/1",
    FappDomain => "fapp-domain/1",
    FappHit => "fapp-hit/1",
    FappAdded => "fapp-added/1",
    FappExport => "fapp-export/1",
    FappImport => "fapp-import/1",
    FappOffer => "fapp-offer/1",
    FappPatterns => "fapp-patterns/1",
    FappPauses => "fapp-pauses/1",
    FappRequests => "fapp-requests/1",
    FappReservations => "fapp-reservations/1",
    FappReserved => "fapp-reserved/1",
    FappSlots => "fapp-slots/1",
    WebPage => "web-page/1",
    FappStatement => "fapp-statement/1",
    FappTrust => "fapp-trust/1",
    Graph => "graph/1",
    History => "history/1",
    Inbox => "inbox/1",
    Invite => "invite/1",
    Invites => "invites/1",
    #[cfg(feature = "lab")]
    Lab => "lab/1",
    Links => "links/1",
    Message => "message/1",
    Netcheck => "netcheck/1",
    Peers => "peers/1",
    Ping => "ping/1",
    Probe => "probe/1",
    Proof => "proof/1",
    Queue => "queue/1",
    RadioScan => "radio-scan/1",
    Radios => "radio/1",
    Requests => "requests/1",
    #[cfg(feature = "lab")] Rnode => "rnode/1",
    Routes => "routes/1",
    Sent => "send/1",
    Status => "status/1",
    Text => "text/1",
    Trace => "trace/1",
    Version => "version/1",
    Whoami => "whoami/1",
    Why => "why/1",
}

/// Milliseconds from microseconds.
pub fn from_us(us: u64) -> f64 {
    us as f64 / 1_000.0
}

/// Seconds from milliseconds.
pub fn from_ms(ms: u64) -> f64 {
    ms as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-03
    #[test]
    fn every_schema_is_specified_and_every_specified_one_exists() {
        let spec = include_str!("../../../../specs/11-command-line.md");
        let rows = spec.lines().filter(|line| line.starts_with("| **CLI-"));
        let mut specified: Vec<&str> = rows
            .filter_map(|row| row.split('`').nth(1))
            .filter(|name| name.starts_with("quicprochat."))
            .collect();
        specified.sort_unstable();
        let mut known = SCHEMAS.to_vec();
        known.sort_unstable();
        assert_eq!(specified, known);
    }
}
