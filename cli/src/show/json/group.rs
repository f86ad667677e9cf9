//! Channels and contacts.

use serde::Serialize;

use super::Payload;

/// `CLI-62`
#[derive(Debug, Serialize)]
pub struct Channel {
    /// The channel's id.
    pub id: String,
    /// Its name, when known.
    pub name: Option<String>,
    /// The text with which others join.
    pub invite: Option<String>,
}

/// `CLI-63`
#[derive(Debug, Serialize)]
pub struct Channels {
    /// The joined channels.
    pub channels: Vec<ChannelEntry>,
}

/// A joined channel.
#[derive(Debug, Serialize)]
pub struct ChannelEntry {
    /// The channel's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The text with which others join.
    pub invite: String,
    /// Messages kept here.
    pub messages: u32,
}

impl From<api::Channel> for ChannelEntry {
    fn from(channel: api::Channel) -> Self {
        Self {
            id: channel.id,
            name: channel.name,
            invite: channel.invite,
            messages: channel.messages,
        }
    }
}

/// `CLI-64`
#[derive(Debug, Serialize)]
pub struct History {
    /// The channel, as it was asked for.
    pub channel: String,
    /// The kept messages, oldest first.
    pub messages: Vec<Published>,
}

/// A message of a channel.
#[derive(Debug, Serialize)]
pub struct Published {
    /// The message's id.
    pub id: String,
    /// The member that sent it.
    pub from: String,
    /// The member's petname.
    pub name: Option<String>,
    /// Unix seconds, as the sender claims.
    pub sent_at: Option<u64>,
    /// Whether the sender signed it; until then any member may have written it.
    pub proven: bool,
    /// What was published.
    #[serde(flatten)]
    pub payload: Payload,
}

impl From<&api::ChannelMessage> for Published {
    fn from(message: &api::ChannelMessage) -> Self {
        Self {
            id: message.id.clone(),
            from: message.from.clone(),
            name: message.from_name.clone(),
            sent_at: message.sent_at,
            proven: message.proven,
            payload: Payload::from(&message.payload[..]),
        }
    }
}

/// `CLI-65`
#[derive(Debug, Serialize)]
pub struct Contacts {
    /// The contacts.
    pub contacts: Vec<Contact>,
}

/// A contact.
#[derive(Debug, Serialize)]
pub struct Contact {
    /// What the user calls it.
    pub name: String,
    /// Its address.
    pub address: String,
    /// The pinned root key.
    pub root_key: Option<String>,
    /// The weakest suite it may be reached with.
    pub floor: Option<String>,
    /// Whether it showed another key since.
    pub key_changed: bool,
    /// Whether the name is only what the contact wished for.
    pub suggested: bool,
}

impl From<api::Contact> for Contact {
    fn from(contact: api::Contact) -> Self {
        Self {
            name: contact.name,
            address: contact.address,
            root_key: contact.root_key,
            floor: contact.floor,
            key_changed: contact.key_changed,
            suggested: contact.suggested,
        }
    }
}
