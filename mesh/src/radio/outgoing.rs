//! What goes out next: acknowledgements, keys, what has to be repeated, what the node has for each
//! neighbour, and what is for everybody.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    AirClass, AirFrame, NeighbourId, PAYLOAD_LEN_MAX, Pulled, RadioPort, Signal,
    neighbour::Neighbour,
    turn::repeat_wait,
    unicast::class_of,
    wire::{BODY_MAX, kind},
};
use crate::{
    announce::Advertisement,
    channel::MUTABLE as CHANNEL_MUTABLE,
    compact,
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

/// Version, kind and count before the one announce of a frame.
const ONE_ANNOUNCE: usize = 3;

/// What somebody missed is not said more often.
const AGAIN: Duration = Duration::from_secs(8);

/// Neighbours heard saying the same that make our saying it needless.
const ENOUGH: u8 = 2;

/// What is for everybody.
#[derive(Debug, Default)]
pub(super) struct Broadcasts {
    waiting: VecDeque<Item>,
    /// What was sent, or heard from others.
    known: BTreeMap<Name, Known>,
    order: VecDeque<Name>,
}

/// The same whoever says it.
type Name = [u8; 16];

#[derive(Clone, Copy, Debug)]
struct Known {
    /// When it was said last.
    at: Instant,
    /// How many said so; `u8::MAX` when we did.
    by: u8,
    /// How well the first was heard.
    signal: Signal,
}

#[derive(Debug)]
struct Item {
    name: Name,
    frame: Vec<u8>,
    class: AirClass,
    due: Instant,
    /// For whom the node made it.
    wanted: Vec<NeighbourId>,
}

impl Broadcasts {
    /// Somebody said it: us (`u8::MAX`) or a neighbour (1).
    fn note(&mut self, now: Instant, name: Name, by: u8, signal: Signal) {
        let mut known = Known { at: now, by: 0, signal };
        match self.known.get(&name) {
            Some(before) if before.at + ONCE_FOR > now => known = *before,
            Some(_) => {}
            None => self.order.push_back(name),
        }
        known.by = known.by.saturating_add(by);
        known.at = now;
        self.known.insert(name, known);
        if known.by >= ENOUGH {
            self.waiting.retain(|item| item.name != name);
        }
        if self.order.len() > SENT_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    fn known(&self, now: Instant, name: &Name) -> Option<&Known> {
        self.known.get(name).filter(|known| known.at + ONCE_FOR > now)
    }

    fn push(&mut self, now: Instant, item: Item) {
        let said = self.known(now, &item.name).is_some_and(|known| known.by >= ENOUGH);
        let same = self.waiting.iter_mut().find(|other| other.name == item.name);
        if let Some(same) = same {
            same.frame = item.frame;
            same.wanted.extend(item.wanted);
        } else if !said && self.waiting.len() < WAITING_MAX {
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
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> Pulled,
        buf: &mut Vec<u8>,
    ) -> Option<AirFrame> {
        let start = buf.len();
        let class = self.next_class(now, pull, buf)?;
        Some(AirFrame { len: buf.len() - start, class })
    }

    fn next_class(
        &mut self,
        now: Instant,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> Pulled,
        buf: &mut Vec<u8>,
    ) -> Option<AirClass> {
        // Pulled first: the node's answer may make an acknowledgement of ours needless.
        self.pull_all(now, pull);
        self.postpone_acks(now);
        if now >= self.turn.ack_at() {
            if let Some(class) = self.begin_answer(buf) {
                return Some(class);
            }
            if self.take_acks(now, buf).is_some() {
                return Some(AirClass::Control);
            }
        }
        if now < self.turn.at() {
            return None;
        }
        if self.take_repair(now, buf) {
            return Some(AirClass::Control);
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
        self.address_broadcasts(now);
        let unicast = self.best_neighbour();
        let broadcast = self.best_broadcast(now);
        match (unicast, broadcast) {
            (Some((class, id)), other) if other.is_none_or(|(other, _)| class <= other) => {
                self.in_air = Some(Some(id));
                self.begin(id, buf).or_else(|| self.begin_piece(now, id, buf))
            }
            (_, Some((_, at))) => self.begin_broadcast(now, at, buf),
            _ => self.take_vectors(now, buf),
        }
    }

    /// What only one of several neighbours wants is told to it alone.
    fn address_broadcasts(&mut self, now: Instant) {
        if self.neighbours.values().filter(|n| n.up).count() < 2 {
            return;
        }
        let is_one = |item: &Item| {
            let is_way = item.class == AirClass::Broadcast;
            item.due <= now && item.wanted.len() == 1 && !is_way
        };
        while let Some(at) = self.broadcasts.waiting.iter().position(is_one) {
            let Some(item) = self.broadcasts.waiting.remove(at) else { return };
            if let Some(id) = item.wanted.first() {
                self.prepare(now, *id, &item.frame, 0);
            }
        }
    }

    /// A receipt that answers what was just heard takes the place of an acknowledgement.
    fn begin_answer(&mut self, buf: &mut Vec<u8>) -> Option<AirClass> {
        let at_once =
            |n: &Neighbour| n.waiting.front().is_some_and(|p| p.frame.is_empty() || n.is_answer(p));
        let (id, _) = self.neighbours.iter().find(|(_, n)| at_once(n))?;
        let id = *id;
        self.in_air = Some(Some(id));
        self.begin(id, buf)
    }

    /// Asks the node for what it has, until each neighbour has a frame or nothing more.
    fn pull_all(
        &mut self,
        now: Instant,
        pull: &mut dyn FnMut(NeighbourId, &mut Vec<u8>) -> Pulled,
    ) {
        let mut ready: Vec<_> = self
            .neighbours
            .iter()
            .filter(|(_, n)| n.up && n.ready && n.is_idle())
            .map(|(id, n)| (n.turn, *id))
            .collect();
        ready.sort_unstable();
        let mut frame = Vec::new();
        for (_, id) in ready {
            for _ in 0..PULLS_MAX {
                frame.clear();
                let Pulled(Some(turn)) = pull(id, &mut frame) else {
                    self.set_ready(id, false);
                    break;
                };
                if !self.take_broadcast(now, id, &frame) {
                    self.prepare(now, id, &frame, turn);
                    break;
                }
            }
        }
    }

    /// The neighbour whose payload is next: by class, then as the node says, then by who had the least
    /// air time.
    fn best_neighbour(&self) -> Option<(AirClass, NeighbourId)> {
        self.neighbours
            .iter()
            .filter(|(_, n)| n.up && n.outstanding.is_none())
            .filter_map(|(id, n)| n.next_turn().map(|(class, turn)| (class, turn, n.turn, *id)))
            .filter(|(class, ..)| *class <= self.ceiling)
            .min()
            .map(|(class, .., id)| (class, id))
    }

    fn best_broadcast(&self, now: Instant) -> Option<(AirClass, usize)> {
        let due = self.broadcasts.waiting.iter().enumerate().filter(|(_, item)| item.due <= now);
        due.map(|(at, item)| (item.class, at)).filter(|(class, _)| *class <= self.ceiling).min()
    }

    fn begin_broadcast(&mut self, now: Instant, at: usize, buf: &mut Vec<u8>) -> Option<AirClass> {
        let item = self.broadcasts.waiting.remove(at)?;
        let mut body = Vec::with_capacity(BODY_MAX);
        let encoded = compact::encode(&item.frame, &mut self.broadcast_labels, &mut body).ok()?;
        let of = kind::to_all(encoded.kind).filter(|_| body.len() <= BODY_MAX)?;
        self.broadcast_body(of, &body, buf);
        self.on_announce_said(now, &item.frame);
        // Who missed it says so when it is referred to.
        self.broadcast_labels.acknowledged(&encoded.introduces);
        self.broadcasts.note(now, item.name, u8::MAX, Signal::default());
        Some(item.class)
    }

    /// Whether the frame may be for everybody: it is queued once for all neighbours (`RAD-14`).
    fn take_broadcast(&mut self, now: Instant, id: NeighbourId, frame: &[u8]) -> bool {
        if let Ok((FrameKind::RETRACT, body)) = frame::split(frame) {
            self.withdraw_ways(now, body);
            return true;
        }
        let Some(items) = broadcast_items(frame) else { return false };
        self.remember(frame);
        for (name, frame) in items {
            let entry = frame.get(ONE_ANNOUNCE..).unwrap_or_default();
            if frame.get(1) == Some(&FrameKind::ANNOUNCES.0) && !self.offer_way(now, entry) {
                continue;
            }
            let class = class_of(&frame);
            let due = match self.broadcasts.known(now, &name) {
                Some(known) => {
                    let air = self.config.air(frame.len());
                    known.at + repeat_wait(&self.timing, &mut self.rng, known.signal, air)
                }
                None => now,
            };
            let wanted = Vec::from([id]);
            self.broadcasts.push(now, Item { name, frame, class, due, wanted });
        }
        true
    }

    /// Something for everybody, said now unless it was a moment ago.
    pub(super) fn say_to_all(&mut self, now: Instant, frame: Vec<u8>) {
        for (name, frame) in broadcast_items(&frame).into_iter().flatten() {
            self.broadcasts.known.get_mut(&name).into_iter().for_each(|known| {
                known.by = if known.at + AGAIN > now { known.by } else { 0 };
            });
            let class = class_of(&frame);
            let item = Item { name, frame, class, due: now, wanted: Vec::new() };
            self.broadcasts.push(now, item);
        }
    }

    /// A neighbour said this to all.
    pub(super) fn note_broadcast(&mut self, now: Instant, frame: &[u8], signal: Signal) {
        for (name, _) in broadcast_items(frame).into_iter().flatten() {
            self.broadcasts.note(now, name, 1, signal);
        }
    }
}

impl Neighbour {
    /// Whether the node may be asked for its next frame.
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.outstanding.is_none() && self.long.is_none()
    }

    /// Whether a turn would be used, as far as can be known without asking the node.
    pub(super) fn has_something(&self) -> bool {
        let asks = self.ready && self.is_idle();
        self.up && (asks || (self.outstanding.is_none() && self.next_turn().is_some()))
    }

    fn next_turn(&self) -> Option<(AirClass, u64)> {
        let piece = self.outgoing.as_ref().filter(|long| long.pieces.is_ready());
        // Every piece takes a turn of its own.
        let piece = piece.map(|long| {
            (long.class, long.turn + u64::from(long.pieces.counts().0) * PAYLOAD_LEN_MAX as u64)
        });
        self.waiting.front().map(|payload| (payload.class, payload.turn)).or(piece)
    }
}

/// The parts of a frame that is for everybody, each under a name that is the same whoever says it.
fn broadcast_items(bytes: &[u8]) -> Option<Vec<(Name, Vec<u8>)>> {
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
        FrameKind::PATH_REQUEST => {
            // All but the hops that are left.
            let name = digest16(Domain::RadioHello, &[bytes.split_last()?.1]);
            Some(Vec::from([(name, bytes.to_vec())]))
        }
        FrameKind::CHANNEL_LITE if bytes.len() <= BODY_MAX => {
            // Hops and age come first and differ.
            let name = digest16(Domain::RadioHello, &[&[kind.0], body.get(5..)?]);
            Some(Vec::from([(name, bytes.to_vec())]))
        }
        FrameKind::CHANNEL if bytes.len() <= BODY_MAX => {
            let (head, tail) =
                (body.get(..CHANNEL_MUTABLE.start)?, body.get(CHANNEL_MUTABLE.end..)?);
            let name = digest16(Domain::RadioHello, &[&[kind.0], head, tail]);
            Some(Vec::from([(name, bytes.to_vec())]))
        }
        _ => None,
    }
}
