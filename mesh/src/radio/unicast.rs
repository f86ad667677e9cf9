//! Frames to one neighbour: pieces, acknowledgements and repetitions.

use alloc::{collections::VecDeque, vec::Vec};

use super::{
    AirClass, NeighbourId, RadioEvent, RadioPort, Signal,
    neighbour::{AckDue, Neighbour, Outstanding, Payload, Pieces},
    turn::{TRANSMISSIONS_MAX, WINDOW, slots},
    wire::{ACK_REF_LEN, ACK_REFS_MAX, Kind, PART_LEN, UNICAST_BODY_MAX, Unicast, split_unicast},
};
use crate::{
    crypto::hash::{Domain, digest16},
    envelope::Header,
    error::{Error, Malformed, PeerMisbehaved},
    time::Instant,
    wire::frame::{self, FrameKind},
};

/// Longest frame: 255 pieces.
pub(super) const FRAME_LEN_MAX: usize = 255 * PART_LEN;

/// Frames given up in a row, with nothing heard since, before a neighbour is taken for gone.
const FAILURES_MAX: u32 = 3;

impl RadioPort {
    /// Cuts a frame of the node into payloads for a neighbour.
    pub(super) fn prepare(&mut self, id: NeighbourId, frame: &[u8]) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let (class, reveals) = (class_of(frame), revealed(frame));
        let head = |kind: Kind| [kind.0, neighbour.incarnation.hint(), self.me.hint()];
        let mut bodies = VecDeque::new();
        if frame.len() <= UNICAST_BODY_MAX {
            bodies.push_back([&head(Kind::DATA)[..], frame].concat());
        } else {
            let count = frame.len().div_ceil(PART_LEN) as u8;
            for (index, part) in frame.chunks(PART_LEN).enumerate() {
                let header = [neighbour.next_frame, index as u8, count];
                bodies.push_back([&head(Kind::PART)[..], &header, part].concat());
            }
            neighbour.next_frame = neighbour.next_frame.wrapping_add(1);
        }
        for mut bytes in bodies {
            let tag = neighbour.keys.tag_out(0, &bytes);
            bytes.extend_from_slice(&tag);
            neighbour.waiting.push_back(Payload { bytes, class, reveals: reveals.clone() });
        }
    }

    /// Puts the next payload for a neighbour on the air.
    pub(super) fn begin(&mut self, id: NeighbourId, buf: &mut Vec<u8>) -> Option<AirClass> {
        let neighbour = self.neighbours.get_mut(&id)?;
        let payload = neighbour.waiting.pop_front()?;
        buf.extend_from_slice(&payload.bytes);
        let class = payload.class;
        let lock = split_unicast(&payload.bytes).ok().and_then(|u| lock_within(&u));
        if let Some(lock) = lock {
            // Whoever we had it from hears that it goes on.
            self.neighbours
                .values_mut()
                .for_each(|other| other.acks.retain(|ack| ack.lock != Some(lock)));
        }
        let neighbour = self.neighbours.get_mut(&id)?;
        if neighbour.answer_with(&payload) {
            self.spend(Some(id), buf.len());
            return Some(class);
        }
        let tag = payload.bytes.last_chunk().copied().unwrap_or_default();
        let transmissions = 1;
        neighbour.outstanding = Some(Outstanding { payload, tag, lock, transmissions, due: None });
        self.spend(Some(id), buf.len());
        Some(class)
    }

    /// Repeats what was not acknowledged, or gives it up.
    pub(super) fn repeat(
        &mut self,
        now: Instant,
        id: NeighbourId,
        buf: &mut Vec<u8>,
    ) -> Option<AirClass> {
        let neighbour = self.neighbours.get_mut(&id)?;
        let outstanding = neighbour.outstanding.as_mut()?;
        outstanding.due.take_if(|due| *due <= now)?;
        if outstanding.transmissions >= TRANSMISSIONS_MAX {
            self.give_up(id);
            return None;
        }
        outstanding.transmissions += 1;
        buf.extend_from_slice(&outstanding.payload.bytes);
        let class = outstanding.payload.class;
        self.counters.repeated += 1;
        self.spend(Some(id), buf.len());
        Some(class)
    }

    fn give_up(&mut self, id: NeighbourId) {
        self.counters.given_up += 1;
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        // What follows belongs to the same frame, or is as little wanted now.
        neighbour.waiting.clear();
        neighbour.failures += 1;
        self.settle(id, false);
        if self.neighbours.get(&id).is_some_and(|n| n.failures >= FAILURES_MAX) {
            self.bring_down(id);
        }
    }

    /// What is outstanding was acknowledged, or is given up.
    fn settle(&mut self, id: NeighbourId, delivered: bool) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(done) = neighbour.outstanding.take() else { return };
        neighbour.on_delivery(delivered);
        let transmissions = done.transmissions;
        self.events.push_back(RadioEvent::Delivery { neighbour: id, transmissions, delivered });
    }

    /// The frame just left the antenna: from now on an answer may come.
    pub(super) fn on_unicast_sent(&mut self, now: Instant, id: NeighbourId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(outstanding) = neighbour.outstanding.as_mut() else { return };
        let air = self.config.air(outstanding.payload.bytes.len());
        let window = WINDOW << (outstanding.transmissions - 1).min(4);
        let wait = self.timing.ack_timeout(air) + slots(&self.timing, &mut self.rng, window);
        outstanding.due.get_or_insert(now + wait);
    }

    /// A frame for one neighbour was heard: for us, or for somebody else.
    pub(super) fn on_unicast(
        &mut self,
        now: Instant,
        payload: &[u8],
        signal: Signal,
    ) -> Result<(), Error> {
        let unicast = split_unicast(payload)?;
        if unicast.to != self.me.hint() {
            self.overhear(&unicast);
            return self.note_stranger(now, unicast.from);
        }
        let sender = self.with_hint(unicast.from).find(|id| {
            self.neighbours
                .get(id)
                .is_some_and(|n| n.keys.tag_back(0, unicast.covered) == unicast.tag)
        });
        let Some(id) = sender else {
            self.overhear(&unicast);
            if self.with_hint(unicast.from).next().is_some() {
                return Err(PeerMisbehaved::BadTag.into());
            }
            return self.note_stranger(now, unicast.from);
        };
        self.on_genuine(now, id, signal);
        match Kind::of(payload)? {
            Kind::ACK => self.on_ack(id, unicast.body),
            _ => self.on_data(now, id, &unicast, payload),
        }
    }

    /// Somebody who is nobody's hint we know speaks: perhaps it does not know us either.
    pub(super) fn note_stranger(&mut self, now: Instant, from: u8) -> Result<(), Error> {
        if from != self.me.hint() && self.with_hint(from).next().is_none() {
            self.introduce(now, None);
        }
        Ok(())
    }

    fn on_ack(&mut self, id: NeighbourId, body: &[u8]) -> Result<(), Error> {
        if body.is_empty() || !body.len().is_multiple_of(ACK_REF_LEN) {
            return Err(Malformed::OutOfRange("acknowledgement").into());
        }
        let named = |o: &Outstanding| body.chunks_exact(ACK_REF_LEN).any(|r| o.tag.starts_with(r));
        let outstanding = self.neighbours.get(&id).and_then(|n| n.outstanding.as_ref());
        if outstanding.is_some_and(named) {
            self.settle(id, true);
        }
        Ok(())
    }

    fn on_data(
        &mut self,
        now: Instant,
        id: NeighbourId,
        unicast: &Unicast<'_>,
        payload: &[u8],
    ) -> Result<(), Error> {
        let life = self.timing.repeats_last();
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        if !neighbour.up {
            return Ok(());
        }
        let lock = lock_within(unicast);
        if neighbour.seen.contains(now, unicast.tag, life) {
            self.counters.duplicates += 1;
            if let Some(answer) = neighbour.seen.answer(unicast.tag) {
                neighbour.waiting.push_front(answer);
            }
            neighbour.owe(unicast.tag, None, now);
            return Ok(());
        }
        neighbour.seen.insert(now, unicast.tag);
        let answered_by_node = lock.is_some();
        let due = if answered_by_node { now + self.timing.answer_wait } else { now };
        if !neighbour.owe(unicast.tag, lock, due) {
            return Ok(());
        }
        let whole = match Kind::of(payload)? {
            Kind::PART => neighbour.assemble(unicast.body)?,
            _ => Some(unicast.body.to_vec()),
        };
        if let Some(frame) = whole {
            self.deliver(id, frame);
        }
        Ok(())
    }

    fn deliver(&mut self, id: NeighbourId, frame: Vec<u8>) {
        for preimage in preimages(&frame) {
            let lock = digest16(Domain::Lock, &[&preimage]);
            let outstanding = self.neighbours.get(&id).and_then(|n| n.outstanding.as_ref());
            if outstanding.is_some_and(|o| o.lock == Some(lock)) {
                // Its receipt is its acknowledgement, and needs none itself.
                self.settle(id, true);
                if let Some(neighbour) = self.neighbours.get_mut(&id) {
                    neighbour.acks.pop();
                }
            }
        }
        self.events.push_back(RadioEvent::Frame { neighbour: id, frame });
    }

    /// The neighbour passes on what we gave it: it has it.
    fn overhear(&mut self, unicast: &Unicast<'_>) {
        let Some(lock) = lock_within(unicast) else { return };
        let done = self.neighbours.iter().find(|(_, n)| {
            n.hint() == unicast.from && n.outstanding.as_ref().is_some_and(|o| o.lock == Some(lock))
        });
        if let Some(id) = done.map(|(id, _)| *id) {
            self.counters.overheard += 1;
            self.settle(id, true);
        }
    }

    /// Acknowledgements that cannot wait.
    pub(super) fn take_acks(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<NeighbourId> {
        let (id, neighbour) =
            self.neighbours.iter_mut().find(|(_, n)| n.acks.iter().any(|ack| ack.due <= now))?;
        let count = neighbour.acks.len().min(ACK_REFS_MAX);
        let start = buf.len();
        buf.extend_from_slice(&[Kind::ACK.0, neighbour.incarnation.hint(), self.me.hint()]);
        for ack in neighbour.acks.drain(..count) {
            buf.extend_from_slice(&ack.reference());
        }
        let tag = neighbour.keys.tag_out(0, &buf[start..]);
        buf.extend_from_slice(&tag);
        let id = *id;
        self.spend(Some(id), buf.len() - start);
        Some(id)
    }
}

impl Neighbour {
    /// Notes an acknowledgement that is due; `false` when too many are.
    fn owe(&mut self, tag: [u8; 4], lock: Option<[u8; 16]>, due: Instant) -> bool {
        let room = self.acks.len() < ACK_REFS_MAX;
        if room && !self.acks.iter().any(|ack| ack.tag == tag) {
            self.acks.push(AckDue { tag, lock, due });
        }
        room
    }

    /// Whether the payload answers what the neighbour said last: then it is the acknowledgement,
    /// and is repeated when the neighbour repeats.
    fn answer_with(&mut self, payload: &Payload) -> bool {
        let mut answers = !payload.reveals.is_empty();
        for lock in &payload.reveals {
            let at = self.acks.iter().position(|ack| ack.lock == Some(*lock));
            match at {
                Some(at) => {
                    let ack = self.acks.remove(at);
                    self.seen.set_answer(ack.tag, payload);
                }
                None => answers = false,
            }
        }
        answers
    }

    /// The next piece of a frame; the frame when it was the last.
    fn assemble(&mut self, body: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let [frame, index, count, part @ ..] = body else {
            return Err(Malformed::MissingData("piece").into());
        };
        if index >= count {
            return Err(Malformed::OutOfRange("piece").into());
        }
        if *index == 0 {
            self.pieces = Some(Pieces { frame: *frame, next: 0, bytes: Vec::new() });
        }
        let Some(pieces) = &mut self.pieces else { return Ok(None) };
        if pieces.frame != *frame || pieces.next != *index {
            self.pieces = None;
            return Ok(None);
        }
        pieces.next += 1;
        pieces.bytes.extend_from_slice(part);
        if pieces.next < *count {
            return Ok(None);
        }
        Ok(self.pieces.take().map(|pieces| pieces.bytes))
    }
}

/// The lock of the envelope that a payload carries whole.
fn lock_within(unicast: &Unicast<'_>) -> Option<[u8; 16]> {
    let [kind, ..] = unicast.covered else { return None };
    (*kind == Kind::DATA.0).then(|| lock_of_frame(unicast.body)).flatten()
}

fn lock_of_frame(bytes: &[u8]) -> Option<[u8; 16]> {
    let (kind, body) = frame::split(bytes).ok()?;
    (kind == FrameKind::ENVELOPE).then(|| Header::peek(body).ok().map(|header| header.lock))?
}

fn preimages(bytes: &[u8]) -> Vec<[u8; 16]> {
    match frame::split(bytes) {
        Ok((FrameKind::RECEIPTS, body)) => {
            frame::read_ids(body).map(Iterator::collect).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

fn revealed(bytes: &[u8]) -> Vec<[u8; 16]> {
    preimages(bytes).iter().map(|preimage| digest16(Domain::Lock, &[preimage])).collect()
}

/// Whose turn a frame takes (`RAD-13`).
pub(super) fn class_of(bytes: &[u8]) -> AirClass {
    match frame::split(bytes).map_or(FrameKind(0), |(kind, _)| kind) {
        FrameKind::ENVELOPE | FrameKind::BUNDLE => AirClass::Conversation,
        FrameKind::ANNOUNCES | FrameKind::RETRACT | FrameKind::CHANNEL => AirClass::Broadcast,
        FrameKind::FRAGMENT | FrameKind::RECONCILE => AirClass::Bulk,
        _ => AirClass::Control,
    }
}
