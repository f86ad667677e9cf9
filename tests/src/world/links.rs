//! Links coming, going and carrying frames.

use mesh::{LinkCaps, LinkId, LinkUp, Medium as MediumName};

use super::{Due, World};
use crate::edge::BACKLOG_MAX;

impl World {
    /// Puts the next frame of the end `side` on the wire, if it has one and may.
    pub(super) fn pump(&mut self, edge: usize, side: usize) {
        let now = self.queue.now();
        let link = &mut self.edges[edge];
        if !link.may_send(side) {
            return;
        }
        let Some(name) = link.ends[side].link else {
            return;
        };
        let machine = &mut self.hosts[link.hosts[side]];
        let clock = machine.clock(now);
        let Some(node) = &mut machine.node else {
            return;
        };
        self.buffer.clear();
        if node.poll_transmit(clock, name, &mut self.buffer).is_none() {
            link.ends[side].ready = false;
            return;
        }
        self.send(edge, side);
    }

    /// Sends the frame in the buffer from the end `side`.
    fn send(&mut self, edge: usize, side: usize) {
        let now = self.queue.now();
        let link = &mut self.edges[edge];
        let (len, generation) = (self.buffer.len(), link.generation);
        self.tally.frames += 1;
        self.tally.frame_bytes += len as u64;
        if len > link.traits.mtu as usize {
            let mtu = link.traits.mtu;
            self.violations.push(
                now,
                "SIM-04",
                format_args!("a frame of {len} bytes on a link with an MTU of {mtu}"),
            );
        }
        let sent_at = now + link.traits.serialization_us(len);
        link.ends[side].busy = true;
        self.queue.push(sent_at, Due::Sent { edge, side, generation });
        if !link.connected {
            // The end has not noticed yet: what it sends goes nowhere.
            return;
        }
        let frame = self.buffer.clone();
        let arrivals = link.media[side].carry(
            sent_at,
            frame,
            &self.scenario.link,
            &mut self.rng,
            &mut self.tally.injected,
        );
        for arrival in arrivals {
            let due = Due::Arrive { edge, side: 1 - side, generation, frame: arrival.frame };
            self.queue.push(arrival.at, due);
        }
    }

    pub(super) fn sent(&mut self, edge: usize, side: usize, generation: u32) {
        let link = &mut self.edges[edge];
        // After a disconnection the end still believes for a while; it must not stay busy.
        let stale = link.generation != generation && link.connected;
        if stale || link.ends[side].link.is_none() {
            return;
        }
        link.ends[side].busy = false;
        self.resume(edge, side);
    }

    pub(super) fn arrive(&mut self, edge: usize, side: usize, generation: u32, frame: Vec<u8>) {
        let link = &mut self.edges[edge];
        if link.generation != generation || !link.connected {
            return;
        }
        if link.cuts[1 - side] > 0 {
            if link.traits.reliable {
                // Retransmitted below us until it gets through, or the link is given up.
                link.ends[side].held.push_back(frame);
            }
            return;
        }
        self.receive(edge, side, frame);
        let host = self.edges[edge].hosts[side];
        self.drain(host);
    }

    /// Gives a frame to the node, or keeps it until the node wants it.
    fn receive(&mut self, edge: usize, side: usize, frame: Vec<u8>) {
        let link = &mut self.edges[edge];
        let end = &mut link.ends[side];
        let Some(name) = end.link else { return };
        let machine = &mut self.hosts[link.hosts[side]];
        let Some(node) = &mut machine.node else {
            return;
        };
        if end.backlog.is_empty() && node.wants_frames(name) {
            self.hand_over(edge, side, &frame);
        } else if link.traits.reliable || end.backlog.len() < BACKLOG_MAX {
            end.backlog.push_back(frame);
            machine.backlogged += 1;
        }
    }

    fn hand_over(&mut self, edge: usize, side: usize, frame: &[u8]) {
        let now = self.queue.now();
        let link = &self.edges[edge];
        let (host, from) = (link.hosts[side], link.hosts[1 - side]);
        let machine = &mut self.hosts[host];
        let clock = machine.clock(now);
        let (Some(name), Some(node)) = (link.ends[side].link, &mut machine.node) else {
            return;
        };
        self.journal.note(now, Some(host), || {
            format!("frame {:02x?} of {} B from node {from}", frame.get(1), frame.len())
        });
        node.handle_frame(clock, name, frame);
    }

    /// Feeds frames that waited for the node to want them; whether there were any.
    pub(super) fn read_backlogs(&mut self, host: usize) -> bool {
        if self.hosts[host].backlogged == 0 {
            return false;
        }
        let mut any = false;
        for index in 0..self.hosts[host].edges.len() {
            let (edge, side) = self.hosts[host].edges[index];
            while let Some(frame) = self.wanted_from_backlog(edge, side) {
                self.hosts[host].backlogged -= 1;
                self.hand_over(edge, side, &frame);
                any = true;
                // The sender may have stalled on our full backlog.
                self.queue.push(self.queue.now(), Due::Resume { edge, side: 1 - side });
            }
        }
        any
    }

    fn wanted_from_backlog(&mut self, edge: usize, side: usize) -> Option<Vec<u8>> {
        let link = &mut self.edges[edge];
        let end = &mut link.ends[side];
        let node = self.hosts[link.hosts[side]].node.as_ref()?;
        if !node.wants_frames(end.link?) {
            return None;
        }
        end.backlog.pop_front()
    }

    /// The end `side` may be able to send again.
    pub(super) fn resume(&mut self, edge: usize, side: usize) {
        self.pump(edge, side);
        let host = self.edges[edge].hosts[side];
        self.drain(host);
    }

    /// Both ends come up, if nothing keeps them apart.
    pub(super) fn connect(&mut self, edge: usize) {
        let now = self.queue.now();
        let link = &self.edges[edge];
        let hosts = link.hosts;
        let powered = hosts.iter().all(|&host| self.hosts[host].node.is_some());
        if link.connected || !link.is_passable() || !powered {
            return;
        }
        for side in 0..2 {
            self.close(edge, side);
        }
        let names = [0, 1].map(|side| self.hosts[hosts[side]].name_link(edge, side));
        self.edges[edge].connect(names, now);
        self.journal.note(now, None, || format!("link {}-{} up", hosts[0], hosts[1]));
        for (side, name) in names.into_iter().enumerate() {
            self.bring_up(edge, side, name);
        }
    }

    fn bring_up(&mut self, edge: usize, side: usize, name: LinkId) {
        let now = self.queue.now();
        let link = &self.edges[edge];
        let (host, peer) = (link.hosts[side], link.hosts[1 - side]);
        let caps = LinkCaps {
            medium: MediumName::Memory,
            mtu: link.traits.mtu,
            bitrate_bps: link.traits.bitrate_bps,
            reliable: link.traits.reliable,
            shared: false,
        };
        let up = LinkUp { link: name, caps, peer: self.hosts[peer].identity() };
        let machine = &mut self.hosts[host];
        let clock = machine.clock(now);
        if let Some(node) = &mut machine.node {
            node.handle_link_up(clock, up);
        }
        self.drain(host);
    }

    /// The connection breaks; each end notices in its own time.
    pub(super) fn disconnect(&mut self, edge: usize) {
        let now = self.queue.now();
        let link = &mut self.edges[edge];
        if !link.connected {
            return;
        }
        link.disconnect();
        let (hosts, generation) = (link.hosts, link.generation);
        self.journal.note(now, None, || format!("link {}-{} broken", hosts[0], hosts[1]));
        for side in 0..2 {
            let after = 1_000 * self.rng.within(&(0..=self.scenario.link.detect_ms.1));
            self.queue.push(now + after, Due::Notice { edge, side, generation });
        }
    }

    pub(super) fn notice(&mut self, edge: usize, side: usize, generation: u32) {
        let link = &self.edges[edge];
        if link.connected || link.generation != generation {
            return;
        }
        self.close(edge, side);
    }

    /// Takes the link away from the node at the end `side`, if it still has it.
    fn close(&mut self, edge: usize, side: usize) {
        let now = self.queue.now();
        let link = &mut self.edges[edge];
        let host = link.hosts[side];
        let machine = &mut self.hosts[host];
        machine.backlogged -= link.ends[side].backlog.len();
        let Some(name) = link.close_end(side) else {
            return;
        };
        machine.links.remove(&name);
        let clock = machine.clock(now);
        if let Some(node) = &mut machine.node {
            node.handle_link_down(clock, name);
        }
        self.drain(host);
    }

    /// A link that passes nothing for too long is given up by both ends.
    pub(super) fn give_up(&mut self, edge: usize, generation: u32) {
        let link = &self.edges[edge];
        if link.generation == generation && link.connected && link.cuts != [0, 0] {
            self.disconnect(edge);
        }
    }

    /// A node says that a link answers nothing any more: its driver closes it and connects anew.
    pub(super) fn stalled(&mut self, host: usize, link: LinkId) {
        let Some(&(edge, side)) = self.hosts[host].links.get(&link) else { return };
        self.close(edge, side);
        self.disconnect(edge);
        self.reconnect_soon(edge);
    }

    /// Tries to connect soon, as a driver with a short back-off does.
    pub(super) fn reconnect_soon(&mut self, edge: usize) {
        let after = 1_000 * self.rng.within(&RECONNECT_MS);
        self.queue.push(self.queue.now() + after, Due::Connect { edge });
    }

    /// A reliable link hands over what a partition held back.
    pub(super) fn release_held(&mut self, edge: usize) {
        for side in 0..2 {
            if self.edges[edge].cuts[1 - side] > 0 {
                continue;
            }
            while let Some(frame) = self.edges[edge].ends[side].held.pop_front() {
                self.receive(edge, side, frame);
            }
            let host = self.edges[edge].hosts[side];
            self.drain(host);
            self.queue.push(self.queue.now(), Due::Resume { edge, side: 1 - side });
        }
    }
}

/// Time until a driver has a link again that can be had.
const RECONNECT_MS: std::ops::RangeInclusive<u64> = 5..=500;
