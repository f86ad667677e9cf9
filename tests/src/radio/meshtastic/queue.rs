//! What waits to be sent: sixteen packets, by priority.

use super::packet::{Key, Packet};

#[derive(Debug, Default)]
pub(super) struct TxQueue {
    waiting: Vec<Packet>,
}

impl TxQueue {
    pub(super) fn front(&self) -> Option<&Packet> {
        self.waiting.first()
    }

    pub(super) fn pop(&mut self) -> Option<Packet> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }

    /// Whether it was taken. A full queue gives up its last packet for one of higher priority.
    pub(super) fn push(&mut self, packet: Packet) -> bool {
        if self.waiting.len() >= QUEUE_MAX {
            let lower = self.waiting.last().is_some_and(|last| last.priority() < packet.priority());
            if !lower {
                return false;
            }
            self.waiting.pop();
        }
        let rank = |packet: &Packet| (packet.priority(), packet.heard_snr.is_some());
        let at = self.waiting.partition_point(|before| rank(before) >= rank(&packet));
        self.waiting.insert(at, packet);
        true
    }

    pub(super) fn holds(&self, key: Key) -> bool {
        self.waiting.iter().any(|packet| packet.key() == key)
    }

    /// Takes a packet back, when it is here and has fewer hops left than `hops_below`.
    pub(super) fn cancel(&mut self, key: Key, hops_below: u8) -> bool {
        let at = self.waiting.iter().position(|p| p.key() == key && p.hop_limit < hops_below);
        at.map(|at| self.waiting.remove(at)).is_some()
    }
}

const QUEUE_MAX: usize = 16;
