//! Tries and acknowledgements (`RSM-06`).

use super::{Body, Key, Meshtastic, Packet, timing::retry_us};
use crate::queue::Micros;

/// A packet that is sent again unless somebody is heard to have it.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    packet: Packet,
    tries_left: u8,
    pub(super) at: Micros,
}

impl Meshtastic {
    /// Sends a packet of ours that wants an acknowledgement: three tries.
    pub(super) fn send_reliably(&mut self, now: Micros, packet: Packet) {
        self.start_trying(now, packet.clone(), ORIGIN_TRIES);
        self.send_own(now, packet);
    }

    fn send_own(&mut self, now: Micros, packet: Packet) {
        // While this is sent, no acknowledgement of another can be heard.
        let (air_us, id) = (self.air_us(&packet), packet.id);
        let others = self.pending.values_mut().filter(|pending| pending.packet.id != id);
        others.for_each(|pending| pending.at += air_us);
        self.send_towards(now, packet);
    }

    /// Sends a packet to the next hop we know, or floods it. A relay that sends to a next hop
    /// tries twice.
    pub(super) fn send_towards(&mut self, now: Micros, mut packet: Packet) {
        let came_by = packet.relay;
        packet.relay = self.byte();
        self.history.note(self.byte(), &packet);
        // Never back to where it came from: the firmware compares with its own byte only.
        let known = self.next_hops.get(now, packet.to);
        packet.next_hop = known.filter(|&hop| hop != came_by).unwrap_or(0);
        let own_reliable = packet.from == self.number && packet.want_ack;
        if !own_reliable && packet.next_hop != 0 && (packet.hop_limit > 0 || packet.want_ack) {
            self.start_trying(now, packet.clone(), RELAY_TRIES);
        }
        self.enqueue(now, packet);
    }

    fn start_trying(&mut self, now: Micros, packet: Packet, tries: u8) {
        self.stop_trying(packet.key());
        let at = now + self.retry_after(now, &packet);
        self.pending.insert(packet.key(), Pending { packet, tries_left: tries - 1, at });
    }

    fn retry_after(&mut self, now: Micros, packet: &Packet) -> Micros {
        retry_us(&self.settings.phy, packet.len(), self.channel_use.percent(now))
    }

    /// Somebody has it: no more tries, and none that waits in the queue, unless it is the first of
    /// three.
    pub(super) fn stop_trying(&mut self, key: Key) {
        let Some(pending) = self.pending.remove(&key) else { return };
        if pending.tries_left < ORIGIN_TRIES - 1 {
            self.queue.cancel(key, u8::MAX);
        }
    }

    /// Whatever was not acknowledged in time goes again; the last time to everyone.
    pub(super) fn retry(&mut self, now: Micros) {
        let due: Vec<Key> =
            self.pending.iter().filter(|(_, p)| p.at <= now).map(|(&key, _)| key).collect();
        for key in due {
            let Some(mut pending) = self.pending.remove(&key) else { continue };
            if pending.tries_left == 0 {
                continue;
            }
            let mut copy = pending.packet.clone();
            if pending.tries_left == 1 {
                self.next_hops.failed(copy.to);
                copy.next_hop = 0;
                self.flood(now, copy);
            } else {
                self.send_towards(now, copy);
            }
            pending.tries_left -= 1;
            pending.at = now + self.retry_after(now, &pending.packet);
            self.pending.insert(key, pending);
        }
    }

    /// Answers a packet for us.
    pub(super) fn answer(&mut self, now: Micros, packet: &Packet) {
        match packet.body {
            Body::Direct { .. } if packet.want_ack => {
                let hops = self.hops_for_answer(packet);
                self.send_ack(now, packet, hops, true);
            }
            Body::Ack { request } => {
                let asked = packet.want_ack && (packet.hops_away() == 0 || packet.next_hop != 0);
                let relayed = packet.next_hop == self.byte() && packet.hop_limit > 0;
                if asked || (!packet.want_ack && relayed) {
                    self.send_ack(now, packet, 0, false);
                }
                self.stop_trying((self.number, request));
                self.next_hops.succeeded(now, packet.from);
                self.confirmed.extend(self.messages.remove(&request));
            }
            Body::Direct { .. } => {}
        }
    }

    /// As many hops as it came by and two more, within the limit.
    fn hops_for_answer(&self, packet: &Packet) -> u8 {
        let (used, limit) = (packet.hops_away(), self.settings.hop_limit);
        if used > limit {
            used
        } else if used + 2 < limit {
            used + 2
        } else {
            limit
        }
    }

    pub(super) fn send_ack(&mut self, now: Micros, of: &Packet, hop_limit: u8, want_ack: bool) {
        let ack = Packet {
            to: of.from,
            from: self.number,
            id: self.fresh_id(),
            hop_limit,
            hop_start: hop_limit,
            want_ack,
            next_hop: 0,
            relay: self.byte(),
            body: Body::Ack { request: of.id },
            heard_snr: None,
        };
        if want_ack { self.send_reliably(now, ack) } else { self.send_own(now, ack) }
    }
}

/// Tries of a packet's first sender.
const ORIGIN_TRIES: u8 = 3;
/// Tries of a relay that sends to a next hop.
const RELAY_TRIES: u8 = 2;
