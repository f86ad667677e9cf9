//! A link between two hosts: its state at both ends, and the frames under way.

use std::collections::VecDeque;

use mesh::LinkId;

use crate::{
    faults::Cut,
    medium::{Medium, Traits},
    queue::Micros,
};

/// One end of a link.
#[derive(Debug, Default)]
pub struct End {
    /// The name the host's node knows the link by while it believes it is up.
    pub link: Option<LinkId>,
    /// The node said it has something to send, and has not run dry since.
    pub ready: bool,
    /// A frame is being put on the wire.
    pub busy: bool,
    /// Frames that arrived and that the node does not want yet.
    pub backlog: VecDeque<Vec<u8>>,
    /// Frames of a reliable link that wait for the end of a partition.
    pub held: VecDeque<Vec<u8>>,
}

/// A link between two hosts.
#[derive(Debug)]
pub struct Edge {
    /// The hosts.
    pub hosts: [usize; 2],
    /// What it can carry.
    pub traits: Traits,
    /// Whether the two ends are connected; each may believe so for a while after it is over.
    pub connected: bool,
    /// Grows with every connection: frames of an older one arrive nowhere.
    pub generation: u32,
    /// The two ends.
    pub ends: [End; 2],
    /// The way from each end.
    pub media: [Medium; 2],
    /// Faults that keep it down.
    pub flaps: u32,
    /// Faults that cut the way from each end.
    pub cuts: [u32; 2],
}

impl Edge {
    /// A link between two hosts that is not connected yet.
    pub fn new(hosts: [usize; 2], traits: Traits) -> Self {
        Self {
            hosts,
            traits,
            connected: false,
            generation: 0,
            ends: [End::default(), End::default()],
            media: [Medium::new(traits), Medium::new(traits)],
            flaps: 0,
            cuts: [0; 2],
        }
    }

    /// Whether no fault of the link itself keeps the ends from connecting.
    pub fn is_passable(&self) -> bool {
        self.flaps == 0 && self.cuts == [0, 0]
    }

    /// Whether the end `side` may put another frame on the wire.
    pub fn may_send(&self, side: usize) -> bool {
        let stalled = self.traits.reliable
            && (self.cuts[side] > 0 || self.ends[1 - side].backlog.len() >= BACKLOG_MAX);
        self.ends[side].ready && !self.ends[side].busy && !stalled
    }

    /// Begins (`true`) or ends a cut.
    pub fn cut(&mut self, cut: Cut, begins: bool) {
        for side in 0..2 {
            if cut == Cut::Both || cut == Cut::From(side) {
                let count = &mut self.cuts[side];
                *count = if begins { *count + 1 } else { *count - 1 };
            }
        }
    }

    /// The connection is over; what was under way is lost.
    pub fn disconnect(&mut self) {
        self.connected = false;
        self.generation += 1;
        for end in &mut self.ends {
            end.held.clear();
        }
    }

    /// The end `side` no longer has a link.
    pub fn close_end(&mut self, side: usize) -> Option<LinkId> {
        let link = self.ends[side].link.take();
        self.ends[side] = End::default();
        link
    }

    /// The ends are connected anew, under these names.
    pub fn connect(&mut self, links: [LinkId; 2], now: Micros) {
        self.connected = true;
        self.generation += 1;
        self.media = [Medium::new(self.traits), Medium::new(self.traits)];
        for (end, link) in self.ends.iter_mut().zip(links) {
            *end = End { link: Some(link), ..End::default() };
        }
        debug_assert!(self.is_passable(), "connected at {now} in spite of a fault");
    }
}

/// Frames a driver reads ahead of its node before it stops reading: what fits a socket's buffer.
/// A reliable link then stops sending; an unreliable one drops what comes on top.
pub const BACKLOG_MAX: usize = 64;
