//! Packets that wait for their turn. What does not fit is dropped without a word (`VIR-28`).

use std::collections::VecDeque;

/// The packets, and how many bytes they are.
#[derive(Debug, Default)]
pub(super) struct Queue {
    packets: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, packet: &[u8]) {
        if self.has_room(packet.len()) {
            self.bytes += packet.len();
            self.packets.push_back(packet.to_vec());
        }
    }

    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.len();
        Some(packet)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    pub(super) fn has_room(&self, len: usize) -> bool {
        self.packets.len() < PACKETS_MAX && self.bytes + len <= BYTES_MAX
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

const PACKETS_MAX: usize = 200;
const BYTES_MAX: usize = 6_144;
