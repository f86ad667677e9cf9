//! From the core's views to the API's dictionaries, and errors to named errors.

use api::Error;
use mesh::{
    Address, CommandError, MessageId, SendOptions,
    event::{ChannelMessage, InboxMessage},
    view::{ChannelView, ContactView, InviteView, MessageView, PeerView, RequestView, RouteView},
};

use crate::actor::{DiscoveryNumbers, Happening, LinkRow, Names, What};

/// Names of nodes and links, as they were when a view was taken.
pub(super) struct Labels {
    pub(super) names: Names,
    pub(super) links: Vec<LinkRow>,
}

impl Labels {
    pub(super) fn name(&self, address: &Address) -> Option<String> {
        self.names.get(address).cloned()
    }

    pub(super) fn link(&self, link: mesh::LinkId) -> String {
        let row = self.links.iter().find(|row| row.link == Some(link));
        row.map_or_else(|| format!("in{}", link.0), |row| row.id.clone())
    }

    fn path(&self, link: mesh::LinkId) -> Option<&'static str> {
        self.links.iter().find(|row| row.link == Some(link)).and_then(|row| row.path)
    }

    pub(super) fn peer(&self, view: &PeerView) -> api::Peer {
        api::Peer {
            address: view.address.to_string(),
            name: self.name(&view.address),
            link: self.link(view.link),
            medium: view.medium.as_str().into(),
            rtt_us: view.rtt.map(micros),
            up_s: view.up_for.as_secs(),
            frames_in: view.frames.0,
            frames_out: view.frames.1,
            bytes_in: view.bytes.0,
            bytes_out: view.bytes.1,
            clock_offset_s: view.clock_offset_s,
            path: self.path(view.link).map(str::to_owned),
        }
    }

    pub(super) fn route(&self, view: &RouteView) -> api::Route {
        api::Route {
            address: view.address.to_string(),
            name: self.name(&view.address),
            hops: view.hops,
            cost: view.cost,
            next_hop: view.next_hop.to_string(),
            link: self.link(view.link),
            age_s: view.age.as_secs(),
            alternatives: view.alternatives,
            proven: view.proven,
        }
    }

    pub(super) fn message(&self, view: &MessageView) -> api::Message {
        let tried = view.tried.iter().map(|try_| api::Try {
            ago_ms: millis(try_.ago),
            next_hop: try_.next_hop.map(|address| address.to_string()),
            result: try_.result.as_str().into(),
        });
        api::Message {
            id: view.id.to_string(),
            to: view.to.to_string(),
            to_name: self.name(&view.to),
            state: view.state.as_str().into(),
            payload_len: view.payload_len,
            priority: view.priority.as_str().into(),
            age_ms: millis(view.age),
            expires_in_ms: millis(view.expires_in),
            tried: tried.collect(),
            waiting_for: view.waiting_for.as_str().into(),
            next_try_ms: view.next_try.map(millis),
        }
    }

    pub(super) fn inbox(&self, message: InboxMessage) -> api::InboxMessage {
        api::InboxMessage {
            seq: message.seq,
            id: message.id.to_string(),
            from: message.from.to_string(),
            from_name: self.name(&message.from),
            received_at: message.received_at.map(|wall| wall.unix_secs),
            payload: message.payload.to_vec(),
            verified: message.verified,
            sealed: message.sealed,
        }
    }

    pub(super) fn channel_message(&self, message: &ChannelMessage) -> api::ChannelMessage {
        let name = self.name(&message.from);
        api::ChannelMessage { from_name: name, ..channel_message(message) }
    }
}

pub(super) fn channel_message(message: &ChannelMessage) -> api::ChannelMessage {
    api::ChannelMessage {
        channel: message.channel.to_string(),
        id: message.id.to_string(),
        from: message.from.to_string(),
        from_name: None,
        sent_at: message.sent_at.map(|wall| wall.unix_secs),
        proven: message.proven,
        payload: message.payload.clone(),
    }
}

pub(super) fn contact(view: ContactView) -> api::Contact {
    api::Contact {
        name: view.name,
        address: view.address.to_string(),
        root_key: view.root_key.map(|key| hex(&key)),
        floor: view.floor.map(|suite| suite.to_string()),
        key_changed: view.key_changed,
        suggested: view.suggested,
    }
}

pub(super) fn given_invite(view: InviteView) -> api::GivenInvite {
    api::GivenInvite {
        id: view.id.to_string(),
        expires_at: view.expires_at,
        open: view.is_open,
        uses: u32::from(view.uses_max),
        guests: view.guests.iter().map(ToString::to_string).collect(),
    }
}

pub(super) fn request(view: RequestView) -> api::Request {
    api::Request {
        id: view.id.to_string(),
        from: view.from.to_string(),
        received_at: view.received_at.map(|wall| wall.unix_secs),
        payload: view.payload.to_vec(),
        sealed: view.sealed,
    }
}

pub(super) fn channel(view: ChannelView) -> api::Channel {
    api::Channel {
        id: view.id.to_string(),
        name: view.name,
        invite: view.invite,
        messages: view.messages,
    }
}

pub(super) fn link(row: &LinkRow) -> api::Link {
    api::Link {
        id: row.id.clone(),
        uri: row.uri.clone(),
        direction: row.direction.into(),
        origin: row.origin.as_str().into(),
        state: row.state.into(),
        peer: row.peer.map(|address| address.to_string()),
        error: row.error.clone(),
        next_try_ms: row.next_try.map(millis),
        path: row.path.map(str::to_owned),
    }
}

pub(super) fn probe(probe: transports::Probe) -> api::Probe {
    let address = probe.result.as_ref().ok().map(|peer| peer.address().to_string());
    let error = probe.result.err();
    api::Probe {
        stage: error.map_or("done", transports::ProbeError::stage).into(),
        error: error.map(|error| error.to_string()),
        address,
        took_us: micros(probe.took),
    }
}

pub(super) fn discovery(numbers: DiscoveryNumbers) -> api::Discovery {
    let counters = numbers.status.counters;
    let ignored = counters.ignored.into_iter().chain(numbers.refused);
    let found = numbers.found.into_iter().map(|found| api::Found {
        instance: found.name,
        uri: found.uris.into_iter().next().unwrap_or_default(),
        state: found.state.into(),
        link: found.link.map_or_else(String::new, |link| link.to_string()),
        held_for_ms: found.held_for.map_or(0, millis),
    });
    api::Discovery {
        mdns: numbers.status.mdns.to_string(),
        multicast: numbers.status.multicast.to_string(),
        group: numbers.group,
        interfaces: numbers.status.interfaces,
        sent: counters.sent,
        answered: counters.answered,
        failed: counters.failed,
        received: counters.received,
        ignored: ignored
            .map(|(reason, count)| api::Dropped { reason: reason.into(), count })
            .collect(),
        found: found.collect(),
        ..api::Discovery::default()
    }
}

/// The event's word, and the event.
pub(super) fn event(happening: &Happening) -> api::EventEntry {
    let mut entry = api::EventEntry {
        seq: happening.seq,
        at: happening.at.map_or(0, |wall| wall.unix_secs),
        ..api::EventEntry::default()
    };
    entry.kind = fill(&mut entry, &happening.what).into();
    entry
}

fn fill(entry: &mut api::EventEntry, what: &What) -> &'static str {
    match what {
        What::Accepted(id) => {
            entry.message = Some(id.to_string());
            "accepted"
        }
        What::InCustody(id, custodian) => {
            entry.message = Some(id.to_string());
            entry.address = Some(custodian.to_string());
            "in-custody"
        }
        What::Received(id, after) => {
            entry.message = Some(id.to_string());
            entry.after_ms = Some(millis(*after));
            "received"
        }
        What::Proven(id) => {
            entry.message = Some(id.to_string());
            "proven"
        }
        What::Failed(id, reason) => {
            entry.message = Some(id.to_string());
            entry.detail = Some(reason.as_str().into());
            "failed"
        }
        What::Message(id, from, _) => {
            entry.message = Some(id.to_string());
            entry.address = Some(from.to_string());
            "message"
        }
        What::Channel(message) => {
            entry.message = Some(message.id.to_string());
            entry.address = Some(message.from.to_string());
            entry.channel = Some(message.channel.to_string());
            "channel-message"
        }
        What::ChannelProven(channel, id) => {
            entry.message = Some(id.to_string());
            entry.channel = Some(channel.to_string());
            "channel-proven"
        }
        What::ChannelWithdrawn(channel, id) => {
            entry.message = Some(id.to_string());
            entry.channel = Some(channel.to_string());
            "channel-withdrawn"
        }
        What::PeerUp(address, _) => {
            entry.address = Some(address.to_string());
            "peer-up"
        }
        What::PeerDown(address, _) => {
            entry.address = Some(address.to_string());
            "peer-down"
        }
        What::Path(link, peer, path) => {
            entry.link = Some(link.clone());
            entry.address = peer.map(|address| address.to_string());
            entry.detail = Some(path.as_str().into());
            "path"
        }
        What::Route(address, next_hop) => {
            entry.address = Some(address.to_string());
            entry.detail = next_hop.map(|next| next.to_string());
            "route"
        }
        What::KeyChanged(address) => {
            entry.address = Some(address.to_string());
            "contact-key-changed"
        }
        What::InviteUsed(address, name) => {
            entry.address = Some(address.to_string());
            entry.detail = Some(name.clone());
            "invite-used"
        }
        What::InviteAnswered(address, verdict) => {
            entry.address = Some(address.to_string());
            entry.detail = Some(verdict.as_str().into());
            "invite-answered"
        }
        What::Request(address, id) => {
            entry.address = Some(address.to_string());
            entry.message = Some(id.to_string());
            "request"
        }
        What::ClockSkew(seconds) => {
            entry.detail = Some(seconds.to_string());
            "clock-skew"
        }
        What::Storage(health) => {
            entry.detail = Some(health.as_str().into());
            "storage"
        }
        What::Links => "links",
        What::Config => "config",
        #[cfg(feature = "appointments")]
        What::Alert(hit) => {
            entry.detail = Some(format!("{} {}", hit.alert, hit.slot));
            "alert"
        }
    }
}

/// Options of a send.
pub(super) fn send_options(options: &api::SendOptions) -> Result<SendOptions, Error> {
    let mut send = SendOptions::default();
    if let Some(word) = &options.priority {
        send.priority = priority(word)?;
    }
    if let Some(seconds) = options.lifetime_s {
        send.lifetime = std::time::Duration::from_secs(u64::from(seconds));
    }
    send.durable = options.durable.unwrap_or(send.durable);
    send.signed = options.signed.unwrap_or(send.signed);
    send.sealed = options.sealed.unwrap_or(send.sealed);
    send.proof = options.proof.unwrap_or(send.proof);
    Ok(send)
}

fn priority(word: &str) -> Result<mesh::Priority, Error> {
    use mesh::Priority::{High, Low, Normal, Urgent};
    [Low, Normal, High, Urgent].into_iter().find(|priority| priority.as_str() == word).ok_or_else(
        || {
            let text = "priority is one of low, normal, high, urgent";
            Error::InvalidArgument(text.into())
        },
    )
}

pub(super) fn message_id(text: &str) -> Result<MessageId, Error> {
    text.parse().map_err(|_| {
        Error::InvalidArgument(format!("{text:?} is no message id; 32 hexadecimal digits are"))
    })
}

pub(super) fn command_error(error: CommandError) -> Error {
    let text = error.to_string();
    match error {
        CommandError::PayloadTooLarge { .. } => Error::PayloadTooLarge(text),
        CommandError::LifetimeOutOfRange => Error::LifetimeOutOfRange(text),
        CommandError::AddressIsOwn => Error::AddressIsOwn(text),
        CommandError::OutboxFull => Error::OutboxFull(text),
        CommandError::Busy => Error::Busy(text),
        CommandError::UnknownMessage => Error::UnknownMessage(text),
        CommandError::UnknownContact => Error::UnknownContact(text),
        CommandError::NameTaken => Error::NameTaken(text),
        CommandError::NameOutOfRange => Error::NameOutOfRange(text),
        CommandError::ContactsFull => Error::ContactsFull(text),
        CommandError::InviteInvalid
        | CommandError::NotAnInvite
        | CommandError::InviteCut
        | CommandError::InviteAltered
        | CommandError::InviteVersion { .. } => Error::InviteInvalid(text),
        CommandError::InviteOwn => Error::AddressIsOwn(text),
        CommandError::InviteExpired { .. } => Error::InviteExpired(text),
        CommandError::InviteAcceptedBefore => Error::InviteAccepted(text),
        CommandError::InviteKeyDiffers => Error::InviteKeyDiffers(text),
        CommandError::InvitesFull => Error::InvitesFull(text),
        CommandError::UnknownInvite => Error::UnknownInvite(text),
        CommandError::UnknownRequest => Error::UnknownRequest(text),
        CommandError::NoClock => Error::NoClock(text),
        CommandError::UnknownChannel => Error::UnknownChannel(text),
        CommandError::ChannelsFull => Error::ChannelsFull(text),
        CommandError::SuiteFloor { .. } => Error::SuiteFloor(text),
        CommandError::NoMailbox => Error::NoMailbox(text),
        _ => Error::InvalidArgument(text),
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 32 bytes from 64 hexadecimal digits.
pub(super) fn key_from_hex(text: &str) -> Result<[u8; 32], Error> {
    let wrong = || Error::InvalidArgument("a root key is 64 hexadecimal digits".into());
    if text.len() != 64 || !text.is_ascii() {
        return Err(wrong());
    }
    let mut key = [0; 32];
    for (byte, pair) in key.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
        *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
    }
    Ok(key)
}

pub(super) fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn default_priority() -> String {
    mesh::Priority::default().as_str().into()
}
