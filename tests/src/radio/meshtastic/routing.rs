//! Next hops of direct messages (`RSM-05`).

use std::collections::BTreeMap;

use super::{Meshtastic, Packet};
use crate::queue::Micros;

#[derive(Clone, Copy, Debug)]
struct NextHop {
    byte: u8,
    learned_at: Micros,
    failures: u8,
}

/// Destination → last byte of the neighbour that leads there.
#[derive(Debug, Default)]
pub(super) struct NextHops {
    known: BTreeMap<u32, NextHop>,
}

impl NextHops {
    pub(super) fn get(&mut self, now: Micros, to: u32) -> Option<u8> {
        let hop = self.known.get(&to)?;
        if hop.failures >= FAILURES_MAX || now >= hop.learned_at + ROUTE_LIFE_US {
            self.known.remove(&to);
            return None;
        }
        Some(hop.byte)
    }

    fn learn(&mut self, now: Micros, to: u32, byte: u8) {
        let hop = self.known.entry(to).or_insert(NextHop { byte, learned_at: now, failures: 0 });
        if hop.byte != byte {
            (hop.byte, hop.failures) = (byte, 0);
        }
        hop.learned_at = now;
    }

    /// An acknowledgement came from there.
    pub(super) fn succeeded(&mut self, now: Micros, to: u32) {
        if let Some(hop) = self.known.get_mut(&to) {
            (hop.learned_at, hop.failures) = (now, 0);
        }
    }

    /// The last try is over: forgotten.
    pub(super) fn failed(&mut self, to: u32) {
        self.known.remove(&to);
    }
}

impl Meshtastic {
    /// Follows an acknowledgement: whoever relayed it back leads to its sender, and nobody needs
    /// to relay what it acknowledges.
    pub(super) fn learn(&mut self, now: Micros, ack: &Packet, request: u32) {
        let acknowledged = (ack.to, request);
        if self.history.shows_the_way(self.byte(), acknowledged, ack) {
            self.next_hops.learn(now, ack.from, ack.relay);
        }
        if ack.to != self.number {
            self.queue.cancel(acknowledged, u8::MAX);
            self.stop_trying(acknowledged);
        }
    }
}

/// An unconfirmed route is looked for anew after half an hour.
const ROUTE_LIFE_US: Micros = 30 * 60 * 1_000_000;
const FAILURES_MAX: u8 = 3;
