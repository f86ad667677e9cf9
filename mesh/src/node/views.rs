//! Getters: what people and metrics see.

use alloc::vec::Vec;

use super::Node;
use crate::{
    address::Address,
    channel::ChannelId,
    envelope::MessageId,
    event::{ChannelMessage, InboxMessage},
    link::LinkId,
    receipt::TransferableReceipt,
    view::{ChannelView, ContactView, MessageView, PeerView, RouteView, StatusView},
};

impl Node {
    /// The node in numbers.
    pub fn status(&self) -> StatusView {
        let mut counters = self.counters.clone();
        counters.announces_verified = self.routing.verified();
        for (count, of_channels) in counters.dropped.iter_mut().zip(self.channels.dropped()) {
            *count += of_channels;
        }
        StatusView {
            peers: self.links.len() as u32,
            routes: self.routing.len() as u32,
            outbox: self.outbox.len() as u32,
            outbox_in_custody: self.outbox.in_custody() as u32,
            custody: self.store.len() as u32,
            custody_bytes: self.store.bytes(),
            inbox: self.inbox.len() as u32,
            clock_skew_s: self.clock_skew_s,
            counters,
        }
    }

    /// The node that keeps sealed mail for this one (`MBX-02`), if one was chosen.
    pub fn mailbox(&self) -> Option<Address> {
        self.mailboxes.hint().map(|hint| hint.node)
    }

    /// The neighbours, one entry a link.
    pub fn peers(&self) -> Vec<PeerView> {
        let view = |(id, link): (&LinkId, &super::Link)| PeerView {
            address: link.up.peer.address(),
            link: *id,
            medium: link.up.caps.medium,
            rtt: link.rtt,
            up_for: self.now.saturating_since(link.since),
            frames: (link.received.0, link.sent.0),
            bytes: (link.received.1, link.sent.1),
            clock_offset_s: link.clock_offset_s,
        };
        self.links.iter().map(view).collect()
    }

    /// The best route to each known destination.
    pub fn routes(&self) -> impl Iterator<Item = RouteView> + '_ {
        self.routing.routes(self.now)
    }

    /// The best route to one destination.
    pub fn route(&self, to: &Address) -> Option<RouteView> {
        self.routing.route(self.now, to)
    }

    /// The link the best route to a destination leads over.
    pub fn next_hop_of(&self, to: &Address) -> Option<LinkId> {
        self.routing.next_hop_of(to)
    }

    /// Where a message of ours stands, also for a while after it is done.
    pub fn message(&self, id: &MessageId) -> Option<MessageView> {
        self.outbox.view(self.now, id)
    }

    /// The transferable receipt for a message of ours, if its recipient signed one.
    pub fn proof(&self, id: &MessageId) -> Option<&TransferableReceipt> {
        self.proofs.get(id)
    }

    /// Our messages without a receipt.
    pub fn queue(&self) -> Vec<MessageView> {
        self.outbox.views(self.now).collect()
    }

    /// Messages received and not taken, oldest first.
    pub fn inbox(&self) -> impl Iterator<Item = &InboxMessage> {
        self.inbox.iter()
    }

    /// The pinned contacts.
    pub fn contacts(&self) -> Vec<ContactView> {
        let view = |(address, contact): (&Address, &super::contacts::Contact)| ContactView {
            name: contact.name.clone(),
            address: *address,
            root_key: contact.root_key,
            floor: self.sessions.floor(address),
            key_changed: contact.offered.is_some(),
            suggested: contact.suggested,
        };
        self.contacts.iter().map(view).collect()
    }

    /// The joined channels.
    pub fn channels(&self) -> Vec<ChannelView> {
        self.channels.views()
    }

    /// The kept messages of a joined channel, oldest first.
    pub fn channel_history(&self, channel: ChannelId) -> Vec<ChannelMessage> {
        self.channels.history(channel)
    }
}
