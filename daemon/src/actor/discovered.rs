//! Neighbours that were found, and the links to them (`DSC-20` to `DSC-26`): what discovery sees goes
//! into a table, and what the table wants becomes links.

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
    time::{Duration, Instant},
};

use transports::{
    HandleId, LinkState, LinkStatus,
    discovery::{
        self, Discovery, FoundRow, Neighbour, Refused, Sighting, Table, Wanted,
        limits::{LINKS_MAX, TRIES_MAX},
    },
};

use super::Actor;
use crate::config;

/// Discovery and what came of it.
#[derive(Debug)]
pub struct Discovered {
    running: Option<Discovery>,
    config: config::Discovery,
    table: Table,
    /// The links that are there because somebody was found.
    handles: BTreeMap<HandleId, Neighbour>,
    /// Sightings that were not remembered, by reason; a fixed set of names.
    refused: BTreeMap<&'static str, u64>,
    /// The links have to be compared with the table.
    is_stale: bool,
    /// When the table wants something else, if nothing else happens.
    due: Option<Instant>,
}

/// Discovery in numbers.
#[derive(Clone, Debug, Default)]
pub struct DiscoveryNumbers {
    /// mDNS, the own group, and what it counted.
    pub status: discovery::Status,
    /// The own group and its port.
    pub group: String,
    /// Sightings that were not remembered, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Neighbours that were found.
    pub found: Vec<FoundNeighbour>,
}

/// A neighbour that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundNeighbour {
    /// What it is known by: its instance, or `next-node`.
    pub name: String,
    /// Where it was found, the place in use first.
    pub uris: Vec<String>,
    /// The link to it that is up or tried.
    pub link: Option<HandleId>,
    /// The state of that link; `held` while it is left alone, `seen` when it is not dialled.
    pub state: &'static str,
    /// Time until it is tried again.
    pub held_for: Option<Duration>,
}

impl Discovered {
    /// Starts discovery as configured. Call it inside a tokio runtime.
    pub(super) fn start(config: &config::Discovery) -> Self {
        let now = Instant::now();
        let running = start(config);
        let own = running.as_ref().map_or(discovery::Instance([0; 8]), Discovery::instance);
        let mut table = Table::new(own);
        table.set_next_node(now, Some(&*config.next_node).filter(|uri| !uri.is_empty()));
        Self {
            running,
            config: config.clone(),
            table,
            handles: BTreeMap::new(),
            refused: BTreeMap::new(),
            is_stale: true,
            due: None,
        }
    }

    /// The next sighting; never when discovery is off. Cancel-safe.
    pub(super) async fn next(&mut self) -> Sighting {
        match &mut self.running {
            Some(running) => running.next().await,
            None => std::future::pending().await,
        }
    }

    /// When the table wants something else, if nothing else happens.
    pub(super) fn poll_timeout(&self) -> Option<tokio::time::Instant> {
        self.due.map(Into::into)
    }

    pub(super) fn handle_timeout(&mut self) {
        self.is_stale |= self.due.is_some_and(|due| due <= Instant::now());
    }

    /// The links have changed: they are compared with the table in this round.
    pub(super) fn links_changed(&mut self) {
        self.is_stale = true;
    }

    pub(super) fn on_sighting(&mut self, sighting: Sighting) {
        let now = Instant::now();
        self.is_stale = true;
        match sighting {
            Sighting::Here { places, .. } if places.is_empty() => self.refuse(Refused::NoPlace),
            Sighting::Here { instance, places, valid_for } => {
                if let Err(refused) = self.table.see(now, instance, places, valid_for) {
                    self.refuse(refused);
                }
            }
            Sighting::Gone { instance } => self.table.forget(instance),
            Sighting::NetworkChanged { own } => self.table.network_changed(now, own),
            _ => {}
        }
    }

    fn refuse(&mut self, refused: Refused) {
        *self.refused.entry(refused.as_str()).or_default() += 1;
    }

    fn numbers(&self, statuses: &[LinkStatus]) -> DiscoveryNumbers {
        let off = discovery::Status::default();
        let found = self.table.rows(Instant::now()).into_iter();
        DiscoveryNumbers {
            status: self.running.as_ref().map_or(off, Discovery::status),
            group: self.config.group.to_string(),
            refused: self.refused.clone(),
            found: found.map(|row| self.found(row, statuses)).collect(),
        }
    }

    fn found(&self, row: FoundRow, statuses: &[LinkStatus]) -> FoundNeighbour {
        let handle = self.handles.iter().find(|(_, n)| **n == row.neighbour).map(|(id, _)| *id);
        let status = statuses.iter().find(|status| status.id.is_some() && status.id == handle);
        FoundNeighbour {
            name: match row.neighbour {
                Neighbour::NextNode => "next-node".into(),
                Neighbour::Announced(instance) => instance.to_string(),
            },
            link: status.and_then(|status| status.id),
            state: match (status, row.held_for) {
                (Some(status), _) => status.state.as_str(),
                (None, Some(_)) => "held",
                (None, None) => "seen",
            },
            uris: row.uris,
            held_for: row.held_for,
        }
    }
}

fn start(config: &config::Discovery) -> Option<Discovery> {
    let filter =
        discovery::Filter { only_on: config.only_on.clone(), never_on: config.never_on.clone() };
    let group = config.multicast.then_some(config.group);
    let is_wanted = config.mdns || group.is_some() || !config.next_node.is_empty();
    is_wanted.then(|| Discovery::start(discovery::Config { mdns: config.mdns, group, filter }))
}

impl Actor {
    /// Discovery in numbers.
    pub fn discovery(&self) -> DiscoveryNumbers {
        self.discovered.numbers(&self.transports.list())
    }

    /// Applies another configuration. Links to neighbours that were found end when it is one;
    /// whoever is found again comes back.
    pub(super) fn apply_discovery(&mut self, config: &config::Discovery) {
        if self.discovered.config == *config {
            return;
        }
        for id in self.discovered.handles.keys().copied().collect::<Vec<_>>() {
            self.give_up(id);
        }
        self.discovered = Discovered::start(config);
    }

    /// A person removed a link: if it was to a neighbour that was found, that one is left alone.
    pub(super) fn leave_alone(&mut self, id: HandleId) {
        if let Some(neighbour) = self.discovered.handles.remove(&id) {
            self.discovered.table.leave_alone(Instant::now(), neighbour);
        }
    }

    /// Says goodbye to those who listen.
    pub(super) async fn stop_discovery(&mut self, deadline: Duration) {
        if let Some(running) = self.discovered.running.take() {
            running.stop(deadline).await;
        }
    }

    /// Tells discovery where this node listens, and makes the links what the table wants.
    pub(super) fn settle_discovered(&mut self) {
        if !std::mem::take(&mut self.discovered.is_stale) {
            return;
        }
        let statuses = self.transports.list();
        if let Some(running) = &self.discovered.running {
            running.set_listeners(&listeners(&statuses));
        }
        let now = Instant::now();
        self.judge_links(now, &statuses);
        let wanted = self.discovered.table.wanted(now, LINKS_MAX);
        self.drop_unwanted(&wanted, &statuses);
        self.discovered.due = self.discovered.table.poll_timeout(now);
        for Wanted { neighbour, place } in wanted {
            let is_linked = self.discovered.handles.values().any(|known| *known == neighbour);
            if !is_linked && !has_link_from(&statuses, place.ip) {
                self.dial(neighbour, &place.uri);
            }
        }
    }

    /// Learns from the links to neighbours that were found: reached, or tried in vain.
    fn judge_links(&mut self, now: Instant, statuses: &[LinkStatus]) {
        for status in statuses {
            let Some(id) = status.id else { continue };
            let Some(neighbour) = self.discovered.handles.get(&id).copied() else { continue };
            match status.state {
                LinkState::Up | LinkState::Standby => self.discovered.table.reached(neighbour),
                LinkState::Backoff { .. } if status.tries >= TRIES_MAX => {
                    self.discovered.table.failed(now, neighbour);
                    self.give_up(id);
                }
                _ => {}
            }
        }
    }

    /// Ends tries at places that are no longer wanted. A link that is up stays (`DSC-23`).
    fn drop_unwanted(&mut self, wanted: &[Wanted], statuses: &[LinkStatus]) {
        let is_wanted = |status: &LinkStatus, neighbour| {
            wanted.iter().any(|w| w.neighbour == neighbour && w.place.uri == status.uri)
        };
        let unwanted = statuses.iter().filter(|status| status.link.is_none());
        let unwanted: Vec<HandleId> = unwanted
            .filter_map(|status| {
                let neighbour = *self.discovered.handles.get(&status.id?)?;
                (!is_wanted(status, neighbour)).then_some(status.id?)
            })
            .collect();
        for id in unwanted {
            self.give_up(id);
        }
    }

    fn give_up(&mut self, id: HandleId) {
        self.discovered.handles.remove(&id);
        if self.links.forget_discovered(id) {
            self.transports.remove(id);
        }
    }

    fn dial(&mut self, neighbour: Neighbour, uri: &str) {
        // What is configured already needs no second link (`DSC-24`).
        if let Some(id) = self.links.add_discovered(&mut self.transports, uri) {
            self.discovered.handles.insert(id, neighbour);
        }
    }
}

/// Where this node listens for TCP.
fn listeners(statuses: &[LinkStatus]) -> Vec<SocketAddr> {
    let tcp = statuses.iter().filter(|status| status.uri.starts_with("tcp://"));
    let bound = tcp.filter_map(|status| match status.state {
        LinkState::Listening { address } => Some(address),
        _ => None,
    });
    bound.collect()
}

/// Whether the neighbour at this address has dialled us.
fn has_link_from(statuses: &[LinkStatus], ip: Option<IpAddr>) -> bool {
    let from = |status: &LinkStatus| {
        let address: Option<SocketAddr> = status.uri.strip_prefix("tcp://")?.parse().ok();
        address.map(|address| address.ip())
    };
    let mut inbound = statuses.iter().filter(|status| status.inbound && status.link.is_some());
    ip.is_some() && inbound.any(|status| from(status) == ip)
}
