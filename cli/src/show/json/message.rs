//! Messages, their fate, and the way they take.

use serde::Serialize;

use super::{from_ms, from_us};
use crate::show::text;

/// `CLI-55`
#[derive(Debug, Serialize)]
pub struct Sent {
    /// The message's id.
    pub id: String,
    /// How far it is known to have come.
    pub state: String,
    /// What it means for the radio that it goes by first, if it does.
    pub radio: Option<OnAir>,
}

/// A message and the radio that it leaves by (`CLI-55`, `CLI-60`).
#[derive(Debug, Serialize)]
pub struct OnAir {
    /// The id of the modem's link.
    pub modem: String,
    /// Air time to the first relay or recipient, once keys are agreed.
    pub air_ms: f64,
    /// `modem`, `air-time` or `channel`.
    pub waits_for: &'static str,
    /// In what time the law lets it begin, if that is what it waits for.
    pub wait_s: Option<f64>,
}

/// A payload as text where it is text, else as Base64 (`CLI-56`).
#[derive(Debug, Serialize)]
pub enum Payload {
    /// Plain text.
    #[serde(rename = "text")]
    Text(String),
    /// Everything else.
    #[serde(rename = "payload_base64")]
    Base64(String),
}

impl From<&[u8]> for Payload {
    fn from(payload: &[u8]) -> Self {
        match text::as_text(payload) {
            Some(text) => Self::Text(text.to_owned()),
            None => Self::Base64(text::base64(payload)),
        }
    }
}

/// `CLI-56`
#[derive(Debug, Serialize)]
pub struct Inbox {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
}

/// A received message; a document of its own for `watch` (`CLI-57`).
#[derive(Debug, Serialize)]
pub struct Message {
    /// The message's id.
    pub id: String,
    /// The sender's address.
    pub from: String,
    /// The sender's petname.
    pub name: Option<String>,
    /// Unix seconds of this node's clock.
    pub received_at: Option<u64>,
    /// What was sent.
    #[serde(flatten)]
    pub payload: Payload,
    /// Whether the sender's pinned key certified the session.
    pub verified: bool,
    /// Whether it came through our mailbox node.
    pub sealed: bool,
}

impl From<&api::InboxMessage> for Message {
    fn from(message: &api::InboxMessage) -> Self {
        Self {
            id: message.id.clone(),
            from: message.from.clone(),
            name: message.from_name.clone(),
            received_at: message.received_at,
            payload: Payload::from(&message.payload[..]),
            verified: message.verified,
            sealed: message.sealed,
        }
    }
}

/// `CLI-58`
#[derive(Debug, Serialize)]
pub struct Ping {
    /// The node, as it was asked for or as it answered.
    pub address: String,
    /// Questions.
    pub sent: u32,
    /// Answers.
    pub received: u32,
    /// Median round trip.
    pub p50_ms: Option<f64>,
    /// Round trip that 95 % of the answers did not exceed.
    pub p95_ms: Option<f64>,
    /// The nodes on the way, destination last.
    pub path: Vec<String>,
    /// The id of our link that the last answer came over.
    pub link: Option<String>,
    /// That link's medium.
    pub medium: Option<String>,
    /// Where that link leads.
    pub uri: Option<String>,
    /// How that link gets to the neighbour: directly or through a relay of its medium.
    pub link_path: Option<String>,
}

/// `CLI-59`
#[derive(Debug, Serialize)]
pub struct Trace {
    /// The destination.
    pub address: String,
    /// Whether it answered.
    pub complete: bool,
    /// Who answered.
    pub hops: Vec<Hop>,
}

/// A node on the way.
#[derive(Clone, Debug, Serialize)]
pub struct Hop {
    /// 1 is our neighbour.
    pub hop: u8,
    /// Its address.
    pub address: String,
    /// Its petname.
    pub name: Option<String>,
    /// The link that leads to it, when it is ours.
    pub link: Option<String>,
    /// Over what it is reached from the node before it, as that one says.
    pub medium: Option<String>,
    /// Round trip to it.
    pub rtt_ms: f64,
}

impl From<api::TraceHop> for Hop {
    fn from(hop: api::TraceHop) -> Self {
        Self {
            hop: hop.ttl,
            address: hop.address,
            name: hop.name,
            link: hop.link,
            medium: hop.medium,
            rtt_ms: from_us(hop.rtt_us),
        }
    }
}

/// `CLI-60`
#[derive(Debug, Serialize)]
pub struct Why {
    /// The message's id.
    pub id: String,
    /// Its recipient.
    pub to: String,
    /// `accepting`, `accepted`, `in-custody`, `received` or `failed`.
    pub state: String,
    /// The last tries, oldest first.
    pub tried: Vec<Try>,
    /// `nothing`, `disk`, `route`, `keys`, `link`, `receipt` or `trust`.
    pub waiting_for: String,
    /// When it is tried next.
    pub next_try_s: Option<f64>,
    /// Time since it was handed in.
    pub age_s: f64,
    /// Time until it is given up.
    pub expires_in_s: f64,
    /// The way to its recipient as it is known now, while it is under way.
    pub way: Option<Way>,
    /// What it waits for on the radio that it is to leave by, if it is still here and that is one.
    pub radio: Option<OnAir>,
}

/// A way to somebody (`CLI-60`).
#[derive(Debug, Serialize)]
pub struct Way {
    /// 1 is a neighbour.
    pub hops: u8,
    /// The neighbour that it begins at.
    pub next_hop: String,
    /// The medium to that neighbour.
    pub medium: Option<String>,
    /// What 1,000 bytes take of air and wire time, all hops together.
    pub kilobyte_ms: f64,
}

/// One try.
#[derive(Debug, Serialize)]
pub struct Try {
    /// How long ago.
    pub ago_s: f64,
    /// The neighbour it was handed to.
    pub next_hop: Option<String>,
    /// What came of it.
    pub result: String,
}

impl From<api::Message> for Why {
    fn from(message: api::Message) -> Self {
        let tried = message.tried.into_iter().map(|tried| Try {
            ago_s: from_ms(tried.ago_ms),
            next_hop: tried.next_hop,
            result: tried.result,
        });
        Self {
            id: message.id,
            to: message.to,
            state: message.state,
            tried: tried.collect(),
            waiting_for: message.waiting_for,
            next_try_s: message.next_try_ms.map(from_ms),
            age_s: from_ms(message.age_ms),
            expires_in_s: from_ms(message.expires_in_ms),
            way: None,
            radio: None,
        }
    }
}

/// `CLI-61`
#[derive(Debug, Serialize)]
pub struct Queue {
    /// Messages of ours without a receipt, oldest first.
    pub messages: Vec<Queued>,
}

/// A message of ours.
#[derive(Debug, Serialize)]
pub struct Queued {
    /// The message's id.
    pub id: String,
    /// Its recipient.
    pub to: String,
    /// The recipient's petname.
    pub name: Option<String>,
    /// Where it stands.
    pub state: String,
    /// Payload length.
    pub bytes: u32,
    /// Its priority.
    pub priority: String,
    /// Time since it was handed in.
    pub age_s: f64,
    /// Time until it is given up.
    pub expires_in_s: f64,
    /// What it waits for.
    pub waiting_for: String,
    /// How many of the last tries are remembered.
    pub tries: usize,
    /// When it is tried next.
    pub next_try_s: Option<f64>,
}

impl From<api::Message> for Queued {
    fn from(message: api::Message) -> Self {
        Self {
            id: message.id,
            to: message.to,
            name: message.to_name,
            state: message.state,
            bytes: message.payload_len,
            priority: message.priority,
            age_s: from_ms(message.age_ms),
            expires_in_s: from_ms(message.expires_in_ms),
            waiting_for: message.waiting_for,
            tries: message.tried.len(),
            next_try_s: message.next_try_ms.map(from_ms),
        }
    }
}

/// `CLI-73`
#[derive(Debug, Serialize)]
pub struct Cancelled {
    /// Messages that are not tried any more.
    pub cancelled: Vec<String>,
    /// Messages that could not be cancelled.
    pub failed: Vec<String>,
}

/// `CLI-75`
#[derive(Debug, Serialize)]
pub struct Proof {
    /// The message's id.
    pub id: String,
    /// The sender's address.
    pub from: String,
    /// The recipient's address, whose key signed.
    pub to: String,
    /// Digest of what was received, in hexadecimal.
    pub payload_sha256: String,
    /// Unix seconds, as the recipient claims.
    pub received_at: Option<u64>,
    /// The receipt itself.
    pub receipt_base64: String,
    /// Whether the signature holds for the payload given; `null` when none was.
    pub valid: Option<bool>,
}
