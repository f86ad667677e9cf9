//! What routing shows to people, the rest of the node, and checkers.

use alloc::vec::Vec;

use super::{
    Routing,
    neighbours::Neighbour,
    row::{ANNOUNCED, NOBODY, Row, Tick},
};
use crate::{
    address::Address, identity::Capabilities, link::LinkId, time::Instant, view::RouteView,
};

impl Routing {
    /// Destinations in the table, reachable or not.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Announces whose signature was verified, and held, since the start.
    pub const fn verified(&self) -> u64 {
        self.verified
    }

    /// Whether no destination is known.
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// The best route to every destination that can be used now, in the order of addresses.
    pub fn routes(&self, now: Instant) -> impl Iterator<Item = RouteView> + '_ {
        self.table.iter().filter_map(move |row| self.view(now, row))
    }

    /// The best route to one destination.
    pub fn route(&self, now: Instant, destination: &Address) -> Option<RouteView> {
        self.view(now, self.table.lookup(destination)?)
    }

    fn view(&self, now: Instant, row: &Row) -> Option<RouteView> {
        let choice = self.pick(Tick::at(now), row).primary?;
        let neighbour = self.neighbours.get(choice.slot)?;
        let alternatives = row.known_hops().filter(|hop| row.is_feasible(hop)).count() - 1;
        Some(RouteView {
            address: row.address,
            hops: choice.hops,
            cost: choice.cost,
            next_hop: neighbour.identity.address(),
            link: neighbour.control()?,
            age: now.saturating_since(row.heard.instant()),
            alternatives: u8::try_from(alternatives).unwrap_or(u8::MAX),
            proven: choice.is_proven,
        })
    }

    /// The link packets to a destination take first. For checkers: it counts nothing.
    pub fn next_hop_of(&self, destination: &Address) -> Option<LinkId> {
        let row = self.table.lookup(destination).filter(|row| row.primary != NOBODY)?;
        self.neighbours.get(row.primary).and_then(Neighbour::control)
    }

    /// Every link a packet to a destination might take, at rest or not. For checkers: loops must
    /// not exist in the union of all of them (`RT-13`).
    pub fn feasible_links(&self, destination: &Address) -> Vec<LinkId> {
        let Some(row) = self.table.lookup(destination) else {
            return Vec::new();
        };
        let feasible = row.known_hops().filter(|hop| row.is_feasible(hop));
        feasible.filter_map(|hop| self.neighbours.get(hop.slot)?.control()).collect()
    }

    /// The version of a destination's bundle, as its newest announce says; 0 when it has none.
    pub fn bundle_version(&self, destination: &Address) -> Option<u32> {
        Some(self.table.lookup(destination)?.announce()?.bundle_version)
    }

    /// A destination's node key, from its announce or its link.
    pub fn node_key(&self, destination: &Address) -> Option<[u8; 32]> {
        self.table.lookup(destination).map(|row| *row.key())
    }

    /// What a destination says it can do.
    pub fn capabilities(&self, destination: &Address) -> Option<Capabilities> {
        Some(self.table.lookup(destination)?.announce()?.capabilities)
    }

    /// The newest sequence known of a destination.
    pub fn seq(&self, destination: &Address) -> Option<u32> {
        self.table.lookup(destination).filter(|row| row.is(ANNOUNCED)).map(|row| row.seq)
    }

    /// What a link costs now, in microseconds for a reference frame (`RT-03`).
    pub fn link_cost(&self, link: LinkId) -> Option<u32> {
        self.neighbours.link(link).map(|link| link.cost)
    }
}
