//! What clients may ask the actor to tell.

use std::{collections::BTreeMap, time::Duration};

use mesh::{
    Address, MessageId,
    event::{ChannelMessage, InboxMessage},
    view::{
        ChannelView, ContactView, InviteView, MessageView, PeerView, RequestView, RouteView,
        StatusView,
    },
};

use super::{Actor, DiscoveryNumbers, LinkRow, Origin, waiters::Final};
use crate::store::{Health, Progress};

/// Petnames of contacts.
pub type Names = BTreeMap<Address, String>;

/// The daemon in numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    /// The core's.
    pub status: StatusView,
    /// Time since the start.
    pub uptime: Duration,
    /// The disk.
    pub health: Health,
    /// What was written.
    pub disk: Progress,
    /// Configured links.
    pub links: Vec<LinkRow>,
    /// Where the QUIC endpoint can be reached, as a link's address.
    pub iroh: Option<String>,
    /// What the links counted.
    pub transports: transports::Counters,
    /// Who was found, and how.
    pub discovery: DiscoveryNumbers,
    /// What people should know.
    pub warnings: Vec<String>,
}

impl Actor {
    /// This node's address.
    pub fn address(&self) -> Address {
        self.node.address()
    }

    /// Tells the service manager that messages are taken.
    pub fn tell_ready(&self) {
        let status = self.node.status();
        self.notifier.ready(&format!("{} peers, {} routes", status.peers, status.routes));
    }

    /// The daemon in numbers.
    pub fn numbers(&self) -> Numbers {
        Numbers {
            status: self.node.status(),
            uptime: Duration::from_micros(self.clock.now().as_micros()),
            health: self.health,
            disk: self.writer.progress(),
            links: self.link_rows(),
            iroh: self.iroh_uri(),
            transports: self.transports.counters().clone(),
            discovery: self.discovery(),
            warnings: self.warnings(),
        }
    }

    /// Where the QUIC endpoint can be reached, as a link's address to hand out.
    pub fn iroh_uri(&self) -> Option<String> {
        self.transports.iroh().map(transports::iroh::IrohInfo::uri)
    }

    /// Where the QUIC endpoint can be reached.
    pub fn iroh(&self) -> Option<transports::iroh::IrohInfo> {
        self.transports.iroh().cloned()
    }

    /// Sentences that people should read: what was set aside, what does not work.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        warnings.extend(self.links.iroh_refused().map(str::to_owned));
        match self.health {
            Health::Ok => {}
            Health::Full => {
                warnings.push("The disk is full: no new messages are kept.".into());
            }
            Health::Failed => {
                warnings.push("The disk refuses writes: no new messages are kept.".into());
            }
        }
        if let Some(seconds) = self.node.status().clock_skew_s {
            let way = if seconds > 0 { "ahead" } else { "behind" };
            warnings.push(format!(
                "This machine's clock is {} s {way} of what most neighbours say.",
                seconds.unsigned_abs()
            ));
        }
        let rows = self.link_rows();
        // Of those that were found nobody expects anything.
        let asked_for = rows.iter().filter(|row| row.origin != Origin::Discovered);
        warnings.extend(asked_for.filter_map(|row| {
            let error = row.error.as_ref().filter(|_| row.state == "backoff")?;
            Some(format!("Link {} does not work: {error}.", row.uri))
        }));
        warnings
    }

    /// Petnames of contacts.
    pub fn names(&self) -> Names {
        self.node.contacts().into_iter().map(|contact| (contact.address, contact.name)).collect()
    }

    /// The node that an address or a petname means.
    pub fn resolve(&self, text: &str) -> Option<Address> {
        text.parse().ok().or_else(|| {
            let contacts = self.node.contacts();
            contacts.iter().find(|contact| contact.name == text).map(|contact| contact.address)
        })
    }

    /// Contacts.
    pub fn contacts(&self) -> Vec<ContactView> {
        self.node.contacts()
    }

    /// Invites this node gave.
    pub fn invites(&self) -> Vec<InviteView> {
        self.node.invites()
    }

    /// Strangers' messages that wait for a decision.
    pub fn requests(&self) -> Vec<RequestView> {
        self.node.requests()
    }

    /// Nodes whose messages are dropped.
    pub fn blocked(&self) -> Vec<Address> {
        self.node.blocked()
    }

    /// Neighbours.
    pub fn peers(&self) -> Vec<PeerView> {
        self.node.peers()
    }

    /// The best route to one node.
    pub fn route(&self, address: &Address) -> Option<RouteView> {
        self.node.route(address)
    }

    /// Routes to nodes that sort after `after`, at most `limit`.
    pub fn routes(&self, after: Option<Address>, limit: usize) -> Vec<RouteView> {
        let mut routes: Vec<RouteView> = self
            .node
            .routes()
            .filter(|route| after.is_none_or(|after| route.address > after))
            .collect();
        routes.sort_unstable_by_key(|route| route.address);
        routes.truncate(limit);
        routes
    }

    /// A message of ours that the core knows.
    pub fn message(&self, id: &MessageId) -> Option<MessageView> {
        self.node.message(id)
    }

    /// How a message ended that the core no longer knows.
    pub fn message_end(&self, id: &MessageId) -> Option<Final> {
        self.waiters.end_of(id)
    }

    /// The recipient's signed receipt for a message of ours, as bytes.
    pub fn proof(&self, id: &MessageId) -> Option<Vec<u8>> {
        self.node.proof(id).map(|receipt| receipt.to_bytes().to_vec())
    }

    /// Messages of ours without a receipt.
    pub fn queue(&self) -> Vec<MessageView> {
        self.node.queue()
    }

    /// Messages received after position `after`, or after the message `since`, at most `limit`
    /// and at most `bytes` of payloads (but always one).
    pub fn inbox(
        &self,
        since: Option<MessageId>,
        after: Option<u64>,
        limit: usize,
        bytes: usize,
    ) -> Vec<InboxMessage> {
        let since = since.and_then(|id| {
            self.node.inbox().find(|message| message.id == id).map(|message| message.seq)
        });
        let after = since.max(after);
        let mut left = bytes;
        self.node
            .inbox()
            .filter(|message| after.is_none_or(|after| message.seq > after))
            .take(limit)
            .enumerate()
            .take_while(|(position, message)| {
                let fits = *position == 0 || message.payload.len() <= left;
                left = left.saturating_sub(message.payload.len());
                fits
            })
            .map(|(_, message)| message.clone())
            .collect()
    }

    /// Joined channels.
    pub fn channels(&self) -> Vec<ChannelView> {
        self.node.channels()
    }

    /// The channel that an id or a name means.
    pub fn resolve_channel(&self, text: &str) -> Option<mesh::channel::ChannelId> {
        let channels = self.node.channels();
        let by_id = channels.iter().find(|channel| channel.id.to_string() == text);
        by_id.or_else(|| channels.iter().find(|channel| channel.name == text)).map(|c| c.id)
    }

    /// The newest `limit` messages of a channel, oldest first.
    pub fn history(&self, channel: mesh::channel::ChannelId, limit: usize) -> Vec<ChannelMessage> {
        let mut history = self.node.channel_history(channel);
        let skipped = history.len().saturating_sub(limit);
        history.drain(..skipped);
        history
    }

    /// The last things that happened.
    pub fn recent(&self, limit: usize) -> Vec<std::sync::Arc<super::Happening>> {
        self.log.recent(limit)
    }

    /// The effective configuration.
    pub fn config(&self) -> &crate::config::Config {
        &self.config
    }
}
