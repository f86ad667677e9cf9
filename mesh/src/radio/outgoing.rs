//! What goes out next: acknowledgements, keys, what has to be repeated, what the node has for each
//! neighbour, and what is for everybody.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    AirClass, AirFrame, NeighbourId, RadioPort,
    keys::tag,
    unicast::class_of,
    wire::{BROADCAST_BODY_MAX, Kind},
};
use crate::{
    announce::Advertisement,
    crypto::hash::{Domain, digest16},
    time::Instant,
    wire::{
        Reader, Writer,
        frame::{self, FrameKind},
    },
};

/// How long something broadcast is not broadcast again.
const ONCE_FOR: Duration = Duration::from_secs(60);

/// Broadcasts waiting: 128 × 300 B = 38 kB.
const WAITING_MAX: usize = 128;

/// Broadcasts remembered: 1,024 × 40 B = 40 kB.
const SENT_MAX: usize = 1_024;

/// Frames taken from the node for one neighbour before another one's turn.
const PULLS_MAX: usize = 16;

/// Neighbours heard saying the same that make our saying it needless.
const ENOUGH: u8 = 2;

/// What is for everybody.
#[derive(Debug, Default)]
pub(super) struct Broadcasts {
    waiting: VecDeque<Item>,
    /// What was sent, or heard from others: with how many said so.
    known: BTreeMap<[u8; 16], (Instant, u8)>,
    order: VecDeque<[u8; 16]>,
}

#[derive(Debug)]
struct Item {
    name: [u8; 16],
    frame: Vec<u8>,
    class: AirClass,
    due: Instant,
}

impl Broadcasts {
    /// Somebody said it: us (`u8::MAX`) or a neighbour (1).
    fn note(&mut self, now: Instant, name: [u8; 16], by: u8) {
        let fresh = |at: Instant| at + ONCE_FOR > now;
        let entry = self.known.entry(name).or_insert_with(|| {
            self.order.push_back(name);
            (now, 0)
        });
        if !fresh(entry.0) {
            entry.1 = 0;
        }
        *entry = (now, entry.1.saturating_add(by));
        let enough = entry.1 >= ENOUGH;
        if enough {
            self.waiting.retain(|item| item.name != name);
        }
        if self.order.len() > SENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn push(&mut self, now: Instant, item: Item) {
        let said = self
            .known
            .get(&item.name)
            .is_some_and(|(at, by)| *by >= ENOUGH && *at + ONCE_FOR > now);
        let queued = self.waiting.iter().any(|other| other.name == item.name);
        if !said && !queued && self.waiting.len() < WAITING_MAX {
            self.waiting.push_back(item);
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.iter().map(|item| item.due).min()
    }
}

impl RadioPort {
    pub(super) fn next_payload(
        &mut self,
        now: Instant,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> bool,
        buf: &mut Vec<u8>,
    ) -> Option<AirFrame> {
        let start = buf.len();
        let class = self.next_class(now, pull, buf)?;
        Some(AirFrame { len: buf.len() - start, class })
    }

    fn next_class(
        &mut self,
        now: Instant,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> bool,
        buf: &mut Vec<u8>,
    ) -> Option<AirClass> {
        // Pulled first: the node's answer may make an acknowledgement of ours needless.
        self.pull_all(now, pull);
        if let Some(class) = self.begin_answer(buf) {
            return Some(class);
        }
        if now >= self.turn.ack_at() && self.take_acks(now, buf).is_some() {
            return Some(AirClass::Control);
        }
        if now < self.turn.at() {
            return None;
        }
        if let Some(payload) = self.take_hello(now).or_else(|| self.take_keys(now)) {
            buf.extend_from_slice(&payload);
            self.spend(None, payload.len());
            return Some(AirClass::Control);
        }
        let ids: Vec<NeighbourId> = self.neighbours.keys().copied().collect();
        for id in ids {
            if let Some(class) = self.repeat(now, id, buf) {
                self.in_air = Some(Some(id));
                return Some(class);
            }
        }
        let unicast = self.best_neighbour();
        let broadcast = self.best_broadcast(now);
        match (unicast, broadcast) {
            (Some((class, id)), other) if other.is_none_or(|(other, _)| class <= other) => {
                self.in_air = Some(Some(id));
                self.begin(id, buf)
            }
            (_, Some((_, at))) => self.begin_broadcast(now, at, buf),
            _ => None,
        }
    }

    /// A receipt that answers what was just heard takes the place of an acknowledgement.
    fn begin_answer(&mut self, buf: &mut Vec<u8>) -> Option<AirClass> {
        let (id, _) = self.neighbours.iter().find(|(_, n)| {
            n.outstanding.is_none() && n.waiting.front().is_some_and(|p| n.is_answer(p))
        })?;
        let id = *id;
        self.in_air = Some(Some(id));
        self.begin(id, buf)
    }

    /// Asks the node for what it has, until each neighbour has a frame or nothing more.
    fn pull_all(&mut self, now: Instant, pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> bool) {
        let mut ready: Vec<_> = self
            .neighbours
            .iter()
            .filter(|(_, n)| n.up && n.ready && n.waiting.is_empty() && n.outstanding.is_none())
            .map(|(id, n)| (n.turn, *id))
            .collect();
        ready.sort_unstable();
        let mut frame = Vec::new();
        for (_, id) in ready {
            for _ in 0..PULLS_MAX {
                frame.clear();
                if !pull(id, &mut frame) {
                    self.set_ready(id, false);
                    break;
                }
                if !self.take_broadcast(now, &frame) {
                    self.prepare(id, &frame);
                    break;
                }
            }
        }
    }

    /// The neighbour whose payload is next: by class, then by who had the least air time.
    fn best_neighbour(&self) -> Option<(AirClass, NeighbourId)> {
        self.neighbours
            .iter()
            .filter(|(_, n)| n.up && n.outstanding.is_none())
            .filter_map(|(id, n)| n.waiting.front().map(|p| (p.class, n.turn, *id)))
            .min()
            .map(|(class, _, id)| (class, id))
    }

    fn best_broadcast(&self, now: Instant) -> Option<(AirClass, usize)> {
        let due = self.broadcasts.waiting.iter().enumerate().filter(|(_, item)| item.due <= now);
        due.map(|(at, item)| (item.class, at)).min()
    }

    fn begin_broadcast(&mut self, now: Instant, at: usize, buf: &mut Vec<u8>) -> Option<AirClass> {
        let item = self.broadcasts.waiting.remove(at)?;
        let counter = self.broadcast_counter;
        self.broadcast_counter = counter.wrapping_add(1);
        let start = buf.len();
        let [low, ..] = counter.to_le_bytes();
        buf.extend_from_slice(&[Kind::BROADCAST.0, self.me.hint(), low]);
        buf.extend_from_slice(&item.frame);
        let tag = tag(self.broadcast_key.as_slice(), counter, &buf[start..]);
        buf.extend_from_slice(&tag);
        self.spend(None, buf.len() - start);
        self.broadcasts.note(now, item.name, u8::MAX);
        Some(item.class)
    }

    /// Whether the frame is for everybody: it is queued once for all neighbours (`RAD-14`).
    fn take_broadcast(&mut self, now: Instant, frame: &[u8]) -> bool {
        let Some(items) = broadcast_items(frame) else { return false };
        for (name, frame) in items {
            let class = class_of(&frame);
            self.broadcasts.push(now, Item { name, frame, class, due: now });
        }
        true
    }

    /// A neighbour said this to all.
    pub(super) fn note_broadcast(&mut self, now: Instant, frame: &[u8]) {
        for (name, _) in broadcast_items(frame).into_iter().flatten() {
            self.broadcasts.note(now, name, 1);
        }
    }
}

/// The parts of a frame that is for everybody, each under a name that is the same whoever says it.
fn broadcast_items(bytes: &[u8]) -> Option<Vec<([u8; 16], Vec<u8>)>> {
    let (kind, body) = frame::split(bytes).ok()?;
    match kind {
        FrameKind::ANNOUNCES => {
            let mut reader = Reader::new(body);
            let count = reader.varint_u32("announce count").ok()?;
            let mut items = Vec::new();
            for _ in 0..count {
                let entry = reader.bytes(Advertisement::LEN, "announce entry").ok()?;
                // Hops and cost differ from node to node, the announce does not.
                let name = digest16(Domain::RadioHello, &[&[kind.0], entry.get(5..)?]);
                let mut one = Vec::with_capacity(3 + Advertisement::LEN);
                frame::begin(&mut one, kind);
                Writer::new(&mut one).varint(1).bytes(entry);
                items.push((name, one));
            }
            Some(items)
        }
        FrameKind::RETRACT | FrameKind::PATH_REQUEST if bytes.len() <= BROADCAST_BODY_MAX => {
            let name = digest16(Domain::RadioHello, &[bytes]);
            Some(Vec::from([(name, bytes.to_vec())]))
        }
        _ => None,
    }
}
