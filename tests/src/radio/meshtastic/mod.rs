//! The baseline: a mesh that keeps Meshtastic's published rules (`RSM-04` to `RSM-06`).
//!
//! Written from descriptions of what the firmware does: managed flooding, where the relay that
//! heard a frame worst speaks first and others fall silent when they hear it; next hops for direct
//! messages, learned from the way an acknowledgement took; three tries of the sender, two of a
//! relay, the last one flooding; queues of sixteen. Where a rule leaves room, the choice that
//! favours the baseline was made; `specs/31-radio-simulation.md` lists them.

mod history;
mod packet;
mod queue;
mod reliability;
mod routing;
mod timing;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};

use mesh::radio::Signal;

use self::{
    history::History,
    packet::{Body, Key, Packet},
    queue::TxQueue,
    reliability::Pending,
    routing::NextHops,
    timing::ChannelUse,
};
pub use self::{
    packet::{ACK_LEN, direct_len},
    timing::slot_us,
};
use super::{
    phy::Phy,
    station::{MessageNo, Station},
};
use crate::{queue::Micros, rng::Rng};

/// What a node is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Hop limit of what this node sends; the firmware's largest is 7, its default 3.
    pub hop_limit: u8,
    /// Text of a message.
    pub text_len: usize,
    /// Modulation, preamble included.
    pub phy: Phy,
    /// Whether the sender of a direct message is content when it hears anyone relay it, as the
    /// firmware is; otherwise it tries until the acknowledgement comes.
    pub content_when_relayed: bool,
}

/// One node.
#[derive(Debug)]
pub struct Meshtastic {
    number: u32,
    settings: Settings,
    rng: Rng,
    history: History,
    queue: TxQueue,
    next_hops: NextHops,
    pending: BTreeMap<Key, Pending>,
    channel_use: ChannelUse,
    /// When the front of the queue is tried. Armed once; hearing more does not postpone it.
    try_at: Option<Micros>,
    due: bool,
    next_id: u32,
    /// Own packets → the load's numbers.
    messages: BTreeMap<u32, MessageNo>,
    shown: VecDeque<MessageNo>,
    confirmed: VecDeque<MessageNo>,
}

impl Meshtastic {
    /// Node number `index` + 1, whose last byte is unique among up to 255 nodes.
    pub fn new(index: usize, settings: Settings, mut rng: Rng) -> Self {
        Self {
            number: index as u32 + 1,
            next_id: (rng.next_u64() >> 40) as u32,
            settings,
            rng,
            history: History::default(),
            queue: TxQueue::default(),
            next_hops: NextHops::default(),
            pending: BTreeMap::new(),
            channel_use: ChannelUse::default(),
            try_at: None,
            due: false,
            messages: BTreeMap::new(),
            shown: VecDeque::new(),
            confirmed: VecDeque::new(),
        }
    }

    fn byte(&self) -> u8 {
        self.number as u8
    }

    fn air_us(&self, packet: &Packet) -> Micros {
        self.settings.phy.time_on_air_us(packet.len())
    }

    fn fresh_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id
    }

    /// Puts a packet into the queue, and arms the wait if none is running.
    fn enqueue(&mut self, now: Micros, packet: Packet) {
        self.queue.push(packet);
        self.arm(now);
    }

    fn arm(&mut self, now: Micros) {
        let Some(front) = self.queue.front().filter(|_| self.try_at.is_none()) else { return };
        let (snr, percent) = (front.heard_snr, self.channel_use.percent(now));
        let wait = timing::delay_us(&self.settings.phy, snr, percent, &mut self.rng);
        self.try_at = Some(now + wait);
    }

    /// What becomes of a packet that was not heard before.
    fn on_new(&mut self, now: Micros, packet: &Packet) {
        if packet.to == self.number {
            if let Body::Direct { message, .. } = packet.body {
                self.shown.push_back(message);
            }
            self.answer(now, packet);
        }
        if let Body::Ack { request } = packet.body {
            self.learn(now, packet, request);
        }
        self.relay(now, packet);
    }

    /// What becomes of a copy of a packet that was heard before.
    fn on_copy(&mut self, now: Micros, packet: &Packet, fallback: bool, we_were_next: bool) {
        let own = packet.from == self.number;
        if !own || self.settings.content_when_relayed {
            self.stop_trying(packet.key());
        }
        let again = fallback || packet.hops_away() == 0;
        if !again {
            if !we_were_next {
                self.queue.cancel(packet.key(), u8::MAX);
            }
        } else if !self.queue.holds(packet.key())
            && !self.relay(now, packet)
            && !fallback
            && packet.to == self.number
            && packet.want_ack
        {
            self.send_ack(now, packet, 0, false);
        }
    }

    /// Passes a packet on, when it is for us to pass on. Whether it was.
    fn relay(&mut self, now: Micros, packet: &Packet) -> bool {
        let ours = packet.to == self.number || packet.from == self.number;
        let asked = packet.next_hop == 0 || packet.next_hop == self.byte();
        if ours || packet.hop_limit == 0 || !asked {
            return false;
        }
        let mut copy = packet.clone();
        copy.hop_limit -= 1;
        if packet.next_hop == 0 {
            self.flood(now, copy);
        } else {
            self.send_towards(now, copy);
        }
        true
    }

    fn flood(&mut self, now: Micros, mut packet: Packet) {
        packet.relay = self.byte();
        self.history.note(self.byte(), &packet);
        self.enqueue(now, packet);
    }
}

impl Station for Meshtastic {
    fn submit(&mut self, now: Micros, to: usize, message: MessageNo) {
        let id = self.fresh_id();
        self.messages.insert(id, message);
        let frame_len = u8::try_from(direct_len(self.settings.text_len)).unwrap_or(u8::MAX);
        let packet = Packet {
            to: to as u32 + 1,
            from: self.number,
            id,
            hop_limit: self.settings.hop_limit,
            hop_start: self.settings.hop_limit,
            want_ack: true,
            next_hop: 0,
            relay: self.byte(),
            body: Body::Direct { message, frame_len },
            heard_snr: None,
        };
        self.send_reliably(now, packet);
    }

    fn handle_heard(&mut self, now: Micros, frame: &[u8], signal: Signal) {
        let Some(packet) = Packet::read(frame, signal.snr_quarter_db) else { return };
        let air_us = self.air_us(&packet);
        self.channel_use.add(now, air_us);
        let verdict = self.history.note(self.byte(), &packet);
        // While this was received, no acknowledgement could have been.
        self.pending.values_mut().for_each(|pending| pending.at += air_us);
        let better = verdict.upgraded && packet.hop_limit > 0;
        if better && self.queue.cancel(packet.key(), packet.hop_limit) {
            self.relay(now, &packet);
        } else if verdict.seen {
            self.on_copy(now, &packet, verdict.fallback, verdict.we_were_next);
        } else {
            self.on_new(now, &packet);
        }
        self.arm(now);
    }

    fn handle_sent(&mut self, now: Micros) {
        self.arm(now);
    }

    fn handle_timeout(&mut self, now: Micros) {
        self.retry(now);
        if self.try_at.is_some_and(|at| at <= now) {
            self.try_at = None;
            self.due = true;
        }
    }

    fn poll_air(&mut self, now: Micros, busy: bool, frame: &mut Vec<u8>) -> bool {
        if !std::mem::take(&mut self.due) {
            return false;
        }
        if busy {
            self.arm(now);
            return false;
        }
        let Some(packet) = self.queue.pop() else { return false };
        packet.write(frame);
        let air_us = self.air_us(&packet);
        self.channel_use.add(now, air_us);
        true
    }

    fn poll_timeout(&self) -> Option<Micros> {
        let retry = self.pending.values().map(|pending| pending.at).min();
        [self.try_at, retry].into_iter().flatten().min()
    }

    fn poll_shown(&mut self) -> Option<MessageNo> {
        self.shown.pop_front()
    }

    fn poll_confirmed(&mut self) -> Option<MessageNo> {
        self.confirmed.pop_front()
    }
}
