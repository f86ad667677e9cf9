//! What the checkers look at while the mesh runs, and at its end.

use std::collections::{BTreeMap, BTreeSet};

use mesh::{Config, LinkId, MessageId};

use super::{Due, World, tally::add_counters};
use crate::{
    checkers::{
        convergence::{Reach, shortest_hops},
        growth, loops,
        memory::{Bounds, exceeded},
    },
    queue::Micros,
    report::Report,
};

impl World {
    pub(super) fn sample(&mut self) {
        self.check_loops();
        self.check_memory();
        self.check_growth();
        let next = self.queue.now() + self.scenario.checks.sample_ms * 1_000;
        self.queue.push(next, Due::Sample);
    }

    fn check_growth(&mut self) {
        if self.scenario.checks.growth_percent > 0.0 {
            let end = self.scenario.duration_s * 1_000_000;
            let progress = self.queue.now() as f64 / end as f64;
            self.growth.note(progress, growth::resident_bytes());
        }
    }

    /// Walks the next-hop graphs of the destinations whose turn it is.
    fn check_loops(&mut self) {
        if !self.scenario.checks.routing {
            return;
        }
        let all = self.destinations.len();
        let wanted = match self.scenario.checks.loop_destinations {
            0 => all,
            some => some.min(all),
        };
        for _ in 0..wanted {
            let destination = self.destinations[self.next_loop_check % all];
            self.next_loop_check += 1;
            self.check_loop(destination);
        }
    }

    fn check_loop(&mut self, destination: usize) {
        let next_hops: Vec<Option<usize>> =
            (0..self.hosts.len()).map(|host| self.next_hop(host, destination)).collect();
        self.tally.loop_checks += 1;
        if let Some(circle) = loops::find(&next_hops) {
            let now = self.queue.now();
            let what = format!("the route to node {destination} goes round {circle:?}");
            self.journal.note(now, None, || what.clone());
            self.violations.push(now, "SIM-15", what);
        }
    }

    /// The neighbour to which `host` would send a frame for `destination` now.
    fn next_hop(&self, host: usize, destination: usize) -> Option<usize> {
        if host == destination {
            return None;
        }
        let machine = &self.hosts[host];
        let route = machine.node.as_ref()?.route(&self.addresses[destination])?;
        self.neighbour(host, route.link)
    }

    /// Who gets what `host` sends on a link. Nobody does while the connection is over and `host`
    /// has not noticed: what it sends there goes nowhere, not in circles.
    fn neighbour(&self, host: usize, link: LinkId) -> Option<usize> {
        let &(edge, side) = self.hosts[host].links.get(&link)?;
        let edge = &self.edges[edge];
        edge.connected.then_some(edge.hosts[1 - side])
    }

    fn check_memory(&mut self) {
        let now = self.queue.now();
        let config = Config::default();
        let bounds =
            Bounds { routes: config.routes_max, custody_bytes: config.custody_quota_bytes };
        for (host, machine) in self.hosts.iter().enumerate() {
            let Some(node) = &machine.node else { continue };
            if let Some((what, held, bound)) = exceeded(&bounds, &node.status()) {
                self.violations.push(
                    now,
                    "SIM-17",
                    format_args!("node {host} holds {held} {what}, more than {bound}"),
                );
            }
        }
    }

    /// Whether the run may end: nothing more will happen, everything owed was delivered, and
    /// everyone reaches everyone.
    pub(super) fn is_settled(&mut self, load_ends: Micros) -> bool {
        let early = self.scenario.checks.stop_when_reachable;
        if !early && self.queue.now() <= load_ends {
            return false;
        }
        if self.ledger.open() > 0 {
            return false;
        }
        self.reach = self.measure_reach();
        let reached = self.reach.is_complete() || !self.scenario.checks.routing;
        reached && self.missing_on_channel().is_empty()
    }

    /// Compares routes with ways over the links as they are now.
    fn measure_reach(&self) -> Reach {
        let mut neighbours = vec![Vec::new(); self.hosts.len()];
        for edge in self.edges.iter().filter(|edge| edge.is_passable()) {
            let [a, b] = edge.hosts;
            neighbours[a].push(b);
            neighbours[b].push(a);
        }
        let mut reach = Reach::default();
        for &destination in &self.destinations {
            let address = self.addresses[destination];
            for (host, hops) in shortest_hops(&neighbours, destination).into_iter().enumerate() {
                let Some(shortest) = hops.filter(|&hops| hops > 0) else {
                    continue;
                };
                let route = self.hosts[host].node.as_ref().and_then(|node| node.route(&address));
                reach.add(shortest, route.map(|route| route.hops));
            }
        }
        reach
    }

    fn missing_on_channel(&self) -> Vec<(usize, MessageId)> {
        let members = self.channel.members.iter();
        let histories: BTreeMap<usize, BTreeSet<MessageId>> = members
            .filter_map(|(&host, &channel)| {
                let node = self.hosts[host].node.as_ref()?;
                let ids = node.channel_history(channel).into_iter().map(|message| message.id);
                Some((host, ids.collect()))
            })
            .collect();
        self.channel.ledger.missing(&histories)
    }

    /// Keeps the counters of a node that is about to vanish.
    pub(super) fn retire_counters(&mut self, host: usize) {
        let Some(node) = &self.hosts[host].node else {
            return;
        };
        add_counters(&mut self.tally.counters, &node.status().counters);
    }

    /// The last checks, and the report.
    pub(super) fn finish(mut self, settled_at: Option<Micros>) -> Report {
        let now = self.queue.now();
        if settled_at.is_none() {
            self.ledger.check_delivered(now, &mut self.violations);
            self.reach = self.measure_reach();
            let Reach { routed, reachable, .. } = self.reach;
            if routed < reachable && self.scenario.checks.routing {
                let what = format_args!("{routed} of {reachable} pairs have a route");
                self.violations.push(now, "SIM-16", what);
            }
            for (host, id) in self.missing_on_channel() {
                self.violations.push(now, "SIM-18", format_args!("node {host} never got {id}"));
            }
        }
        if let Some(percent) = self.growth.percent() {
            self.journal.note(now, None, || format!("memory grew by {percent:.1} %"));
            self.tally.growth_percent = Some(percent);
            let allowed = self.scenario.checks.growth_percent;
            if percent > allowed {
                let what = format_args!("memory grew by {percent:.1} %, allowed are {allowed} %");
                self.violations.push(now, "SIM-21", what);
            }
        }
        for host in 0..self.hosts.len() {
            self.retire_counters(host);
            self.tally.commits += self.hosts[host].disk.commits();
            self.tally.commits_failed += self.hosts[host].disk.failures();
        }
        Report::new(
            self.seed,
            settled_at,
            now,
            self.tally,
            self.reach,
            &self.ledger,
            self.channel.ledger.totals(),
            self.violations,
        )
    }
}
