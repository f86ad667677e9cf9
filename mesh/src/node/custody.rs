//! What has no route still travels: our own messages are left with a neighbour that stores, and
//! contacts carry copies for each other (`STO-09`, `STO-10`).

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Node,
    link_queue::{Ingress, Queued},
};
use crate::{
    envelope::EnvelopeId,
    error::Error,
    identity::Capabilities,
    link::LinkId,
    reconcile::{Item, Label, RunEvent},
    rules::Rule,
    store::Stage,
    time::Instant,
};

/// The one set of this scope: which neighbour may see it is decided by [`Node::carries_for`].
const CUSTODY: Label = Label(*b"custody of nodes");

/// How often pairs that stay connected compare what they keep.
const SYNC_INTERVAL: Duration = Duration::from_secs(600);

impl Node {
    /// Whether this neighbour may learn what we keep: both store, and it is a contact.
    fn carries_for(&self, link: LinkId) -> bool {
        let Some(peer) = self.neighbour(link) else {
            return false;
        };
        self.has(Capabilities::STORE)
            && (self.contacts.contains(&peer) || !self.holds(Rule::CarriersOnly))
    }

    /// Ids of what waits here without a route, for comparison with a carrier.
    fn carried_items(&self) -> Vec<Item> {
        let waiting = self.store.iter().filter(|(_, stored)| {
            stored.stage == Stage::Waiting
                && stored.committed
                && stored.envelope.header().hops_left > 1
        });
        waiting.take(crate::limits::RECONCILE_SET_MAX).map(|(id, _)| item(id)).collect()
    }

    pub(super) fn start_custody_sync(&mut self, now: Instant, link: LinkId) {
        if !self.carries_for(link) {
            return;
        }
        let items = self.carried_items();
        if items.is_empty() {
            return;
        }
        self.custody_sync.open(now, link, CUSTODY, &items, &mut self.rng);
        self.custody_sync_at.get_or_insert(now + SYNC_INTERVAL);
    }

    pub(super) fn on_custody_sync(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
    ) -> Result<(), Error> {
        let items = self.carries_for(link).then(|| self.carried_items());
        self.custody_sync.on_frame(now, link, body, |label| items.filter(|_| label == CUSTODY))
    }

    /// Sends carriers copies of what they lack; our own copy stays.
    pub(super) fn follow_custody_sync(&mut self, now: Instant) {
        while let Some(event) = self.custody_sync.poll_event() {
            let RunEvent::Missing { link, ids, .. } = event else { continue };
            for id in ids {
                self.send_copy(now, link, envelope_id(&id));
            }
        }
    }

    fn send_copy(&mut self, now: Instant, link: LinkId, id: EnvelopeId) {
        let Some(stored) = self.store.get(&id).filter(|stored| stored.stage == Stage::Waiting)
        else {
            return;
        };
        let (envelope, since) = (stored.envelope.clone(), stored.since);
        let (header, len) = (*envelope.header(), envelope.bytes().len());
        let from = stored.ingress.unwrap_or(link);
        self.enqueue(
            now,
            link,
            Ingress::Link(from),
            Queued::Owned { envelope, since },
            (&header, len),
        );
    }

    pub(super) fn on_custody_timers(&mut self, now: Instant) {
        self.custody_sync.handle_timeout(now);
        if self.custody_sync_at.is_none_or(|at| now < at) {
            return;
        }
        self.custody_sync_at = None;
        let links: Vec<_> = self.links.keys().copied().collect();
        for link in links {
            self.start_custody_sync(now, link);
        }
    }

    /// A neighbour with which a message may be left that has no route: a contact if there is one,
    /// else any that stores; one that does not say it keeps the message already (`keepers`), if there
    /// is one.
    pub(super) fn custodian(&self, keepers: &[LinkId]) -> Option<LinkId> {
        let stores = |link: &LinkId| {
            let peer = self.links.get(link).map(|state| state.up.peer.address());
            let capabilities = peer.and_then(|peer| self.routing.capabilities(&peer));
            capabilities.is_some_and(|known| known.contains(Capabilities::STORE))
        };
        let candidates = self.links.keys().filter(|link| stores(link)).copied();
        candidates.min_by_key(|link| (keepers.contains(link), !self.carries_for(*link), *link))
    }
}

fn item(id: &EnvelopeId) -> Item {
    let mut long = [0; 32];
    long[..16].copy_from_slice(&id.0);
    Item { bucket: 0, id: long }
}

fn envelope_id(long: &[u8; 32]) -> EnvelopeId {
    let mut id = [0; 16];
    id.copy_from_slice(&long[..16]);
    EnvelopeId(id)
}
