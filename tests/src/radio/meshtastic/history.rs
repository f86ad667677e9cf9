//! What a node remembers of the packets it heard, and who it knows to have relayed them.

use std::collections::BTreeMap;

use super::packet::{Key, Packet};

#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    next_hop: u8,
    /// Newest first; at most six, zero for none.
    relayed_by: [u8; 6],
    highest_hop_limit: u8,
    our_hop_limit: u8,
}

impl Seen {
    fn has(&self, relay: u8) -> bool {
        relay != 0 && self.relayed_by.contains(&relay)
    }

    fn add_relay(&mut self, relay: u8) {
        let mut kept = self.relayed_by.into_iter().filter(|&known| known != 0 && known != relay);
        let mut next = [0; 6];
        next[0] = relay;
        for slot in &mut next[1..] {
            *slot = kept.next().unwrap_or(0);
        }
        self.relayed_by = next;
    }
}

/// How a packet relates to what was heard before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    /// It was heard before.
    pub(super) seen: bool,
    /// It was for one next hop, which has not relayed it, and now floods.
    pub(super) fallback: bool,
    /// We were asked to relay it.
    pub(super) we_were_next: bool,
    /// It has more hops left than any copy before.
    pub(super) upgraded: bool,
}

/// The packets a node heard or sent. The firmware keeps some hundred and forgets the oldest; this
/// one forgets none, which favours it.
#[derive(Debug, Default)]
pub(super) struct History {
    seen: BTreeMap<Key, Seen>,
}

impl History {
    /// Notes a packet heard, or (its relay is us) about to be sent.
    pub(super) fn note(&mut self, us: u8, packet: &Packet) -> Verdict {
        let sending = packet.relay == us;
        let Some(found) = self.seen.get_mut(&packet.key()) else {
            let mut fresh = Seen {
                next_hop: packet.next_hop,
                highest_hop_limit: packet.hop_limit,
                ..Seen::default()
            };
            if sending {
                fresh.our_hop_limit = packet.hop_limit;
                fresh.add_relay(us);
            }
            self.seen.insert(packet.key(), fresh);
            return Verdict::default();
        };
        let verdict = Verdict {
            seen: true,
            fallback: packet.from as u8 != us
                && found.next_hop != 0
                && found.next_hop != us
                && packet.next_hop == 0
                && found.has(packet.relay)
                && !found.has(us)
                && !found.has(found.next_hop),
            we_were_next: found.next_hop == us,
            upgraded: found.highest_hop_limit < packet.hop_limit,
        };
        found.highest_hop_limit = found.highest_hop_limit.max(packet.hop_limit);
        if sending {
            found.our_hop_limit = packet.hop_limit;
            found.add_relay(us);
        } else if found.has(us)
            && (packet.hop_limit == found.our_hop_limit
                || packet.hop_limit + 1 == found.our_hop_limit)
        {
            // Who passes on what we sent heard us directly.
            found.add_relay(packet.relay);
        }
        verdict
    }

    /// Whether what an acknowledgement came by shows the way to its sender: its relay also relayed
    /// the packet, or we were the only relay and it comes straight from its sender.
    pub(super) fn shows_the_way(&self, us: u8, packet: Key, ack: &Packet) -> bool {
        let Some(found) = self.seen.get(&packet) else { return false };
        let alone = found.relayed_by[0] == us && found.relayed_by[1..].iter().all(|&r| r == 0);
        (found.has(us) && found.has(ack.relay)) || (ack.hops_away() == 0 && alone)
    }
}
