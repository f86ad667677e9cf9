//! Frames to one neighbour: compact bodies, acknowledgements and repetitions.

use alloc::vec::Vec;

use super::{
    AirClass, NeighbourId, RadioEvent, RadioPort, Signal,
    neighbour::{AckDue, Lock, Long, Neighbour, Outstanding, Payload},
    turn::{TRANSMISSIONS_MAX, WINDOW, backoff_slots, slots},
    wire::{ACK_REF_LEN, ACK_REFS_MAX, BODY_MAX, Unicast, kind, split_unicast},
};
use crate::{
    compact::{self, CompactType, DecodeError, Introduced, Unknown},
    crypto::hash::{Domain, digest16},
    envelope::{Header, Priority},
    error::{Error, Malformed, PeerMisbehaved},
    rules::Rule,
    time::Instant,
    wire::frame::{self, FrameKind},
};

/// Frames given up in a row, with nothing heard since, before a neighbour is taken for gone.
const FAILURES_MAX: u32 = 8;

/// Transmissions of a path request: who asks asks again.
const QUESTIONS_MAX: u8 = 2;

/// Units in which nothing at all was heard of it, to others neither.
const PATIENCE: u32 = 1_200;

impl RadioPort {
    /// Makes payloads of a frame of the node for a neighbour.
    pub(super) fn prepare(&mut self, now: Instant, id: NeighbourId, frame: &[u8], turn: u64) {
        let class = class_of(frame);
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let mut body = Vec::with_capacity(BODY_MAX);
        let Ok(encoded) = compact::encode(frame, &mut neighbour.labels, &mut body) else {
            // The node makes no such frames.
            self.counters.malformed += 1;
            return;
        };
        if body.len() > BODY_MAX {
            body.insert(0, encoded.kind.0);
            let (lock, introduces) = (lock_of_frame(frame), encoded.introduces);
            let long = Long { pieces: body, class, turn, lock, introduces };
            if neighbour.outgoing.is_some() {
                neighbour.long = Some(long);
            } else {
                self.start_pieces(now, id, long);
            }
            return;
        }
        let bytes = neighbour.payload(self.me.hint(), encoded.kind, &body);
        let introduces = encoded.introduces;
        let payload = Payload {
            mark: split_unicast(encoded.kind, &bytes).ok().and_then(|unicast| unicast.mark()),
            lock: lock_of_frame(frame),
            opens: opened_by(frame),
            frame: frame.to_vec(),
            bytes,
            class,
            turn,
            introduces,
        };
        neighbour.waiting.push_back(payload);
    }

    /// Something the port says itself, and does not repeat.
    pub(super) fn say(&mut self, id: NeighbourId, of: CompactType, body: &[u8]) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        if neighbour.waiting.len() >= SAID_MAX {
            return;
        }
        let bytes = neighbour.payload(self.me.hint(), of, body);
        neighbour.waiting.push_front(Payload {
            bytes,
            class: AirClass::Control,
            turn: 0,
            frame: Vec::new(),
            introduces: Introduced::NONE,
            mark: None,
            lock: None,
            opens: Vec::new(),
        });
    }

    /// Puts the next payload for a neighbour on the air.
    pub(super) fn begin(&mut self, id: NeighbourId, buf: &mut Vec<u8>) -> Option<AirClass> {
        let payload = self.neighbours.get_mut(&id)?.waiting.pop_front()?;
        buf.extend_from_slice(&payload.bytes);
        let class = payload.class;
        self.spend(Some(id), payload.bytes.len());
        // Whoever we had an envelope or a receipt from hears that it goes on.
        let opens = |lock: Lock| payload.opens.iter().any(|locks| locks.contains(&lock));
        let goes_on = |lock: Lock| payload.lock == Some(lock) || opens(lock);
        for (_, other) in self.neighbours.iter_mut().filter(|(other, _)| **other != id) {
            other.acks.retain(|ack| !ack.lock.is_some_and(goes_on));
        }
        let neighbour = self.neighbours.get_mut(&id)?;
        if !neighbour.answer_with(&payload) && !payload.frame.is_empty() {
            neighbour.outstanding = Some(Outstanding { payload, transmissions: 1, due: None });
        }
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
        let ceiling = self.ceiling;
        let outstanding =
            neighbour.outstanding.as_mut().filter(|other| other.payload.class <= ceiling)?;
        outstanding.due.take_if(|due| *due <= now)?;
        let most = match outstanding.payload.bytes.first() {
            Some(first) if *first == CompactType::PATH_REQUEST.0 => QUESTIONS_MAX,
            _ => TRANSMISSIONS_MAX,
        };
        if outstanding.transmissions >= most {
            self.give_up(now, id);
            return None;
        }
        outstanding.transmissions += 1;
        let len = outstanding.payload.bytes.len();
        buf.extend_from_slice(&outstanding.payload.bytes);
        let class = outstanding.payload.class;
        self.counters.repeated += 1;
        self.spend(Some(id), len);
        Some(class)
    }

    fn give_up(&mut self, now: Instant, id: NeighbourId) {
        self.settle(id, false);
        self.on_failure(now, id);
    }

    /// A frame was given up. After a few a neighbour that says nothing is taken for gone.
    pub(super) fn on_failure(&mut self, now: Instant, id: NeighbourId) {
        let patience = self.timing.unit * PATIENCE;
        self.counters.given_up += 1;
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        neighbour.failures += 1;
        // A crowded channel swallows a few in a row; who is there is heard with something, some time.
        if neighbour.failures >= FAILURES_MAX && neighbour.last_trace + patience <= now {
            self.bring_down(id);
        }
    }

    /// What is outstanding was acknowledged, or is given up.
    fn settle(&mut self, id: NeighbourId, delivered: bool) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(done) = neighbour.outstanding.take() else { return };
        neighbour.on_delivery(delivered);
        if delivered {
            neighbour.labels.acknowledged(&done.payload.introduces);
        }
        let lock = done.payload.lock;
        let transmissions = done.transmissions.max(self.transmissions_expected(id));
        let neighbour = id;
        self.events.push_back(RadioEvent::Delivery { neighbour, transmissions, delivered, lock });
    }

    /// The frame just left the antenna: from now on an answer may come.
    pub(super) fn on_unicast_sent(&mut self, now: Instant, id: NeighbourId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(outstanding) = neighbour.outstanding.as_mut() else { return };
        let air = self.config.air(outstanding.payload.bytes.len());
        // Whoever was not heard sending will repeat as well: not at the same time, if the waits differ
        // by more than what is repeated takes.
        let window = backoff_slots(&self.timing, air, outstanding.transmissions);
        let wait = self.timing.ack_timeout(air) + slots(&self.timing, &mut self.rng, window);
        outstanding.due.get_or_insert(now + wait);
    }

    /// A frame for one neighbour was heard: for us, or for somebody else.
    pub(super) fn on_unicast(
        &mut self,
        now: Instant,
        of: CompactType,
        payload: &[u8],
        signal: Signal,
    ) -> Result<(), Error> {
        let unicast = split_unicast(of, payload)?;
        self.overhear(&unicast);
        // Nobody proves who it is, but it does no harm to believe it.
        for (_, neighbour) in self.neighbours.iter_mut().filter(|(_, n)| n.hint() == unicast.from) {
            neighbour.last_trace = now;
        }
        if unicast.to == self.me.hint() {
            if let Some(id) = self.repeated_by(now, &unicast) {
                self.on_repeated(now, id, &unicast);
                return Ok(());
            }
            if let Some(id) = self.genuine_from(&unicast) {
                self.on_genuine(now, id, signal);
                return self.on_body(now, id, &unicast);
            }
            if self.with_hint(unicast.from).next().is_some() {
                return Err(PeerMisbehaved::BadTag.into());
            }
        }
        self.note_stranger(now, unicast.from);
        Ok(())
    }

    /// Whose key the tag is under; its counter is used up.
    fn genuine_from(&mut self, unicast: &Unicast<'_>) -> Option<NeighbourId> {
        let is_bare = !self.config.rules.holds(Rule::HopTagged);
        let candidates = self.neighbours.iter_mut().filter(|(_, n)| n.hint() == unicast.from);
        for (id, neighbour) in candidates {
            let tag = |n: u32| neighbour.keys.tag_back(n, unicast.covered);
            let holds = |n: u32| is_bare || tag(n) == unicast.tag;
            let Some(low) = unicast.counter else {
                if holds(0) {
                    return Some(*id);
                }
                continue;
            };
            if let Some(counter) = neighbour.counter_seen.candidates(low).find(|n| holds(*n)) {
                neighbour.counter_seen.accept(counter);
                return Some(*id);
            }
        }
        None
    }

    /// Who sent the same before.
    fn repeated_by(&mut self, now: Instant, unicast: &Unicast<'_>) -> Option<NeighbourId> {
        let life = self.timing.repeats_last();
        let mut candidates = self.neighbours.iter_mut().filter(|(_, n)| n.hint() == unicast.from);
        candidates.find_map(|(id, n)| n.seen.contains(now, unicast.tag, life).then_some(*id))
    }

    /// Our acknowledgement was not heard: it is said again.
    fn on_repeated(&mut self, now: Instant, id: NeighbourId, unicast: &Unicast<'_>) {
        self.counters.duplicates += 1;
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        if let Some(answer) = neighbour.seen.answer(unicast.tag)
            && !neighbour.waiting.iter().any(|other| other.bytes == answer.bytes)
        {
            neighbour.owe(unicast.tag, answer.opens.first().map(|[lock, _]| *lock), now);
            neighbour.waiting.push_front(answer);
        } else {
            neighbour.owe(unicast.tag, None, now);
        }
    }

    /// Somebody unknown speaks: perhaps it does not know us either.
    pub(super) fn note_stranger(&mut self, now: Instant, from: u8) {
        if from != self.me.hint() && self.with_hint(from).next().is_none() {
            self.introduce(now, None);
        }
    }

    fn on_body(
        &mut self,
        now: Instant,
        id: NeighbourId,
        unicast: &Unicast<'_>,
    ) -> Result<(), Error> {
        match unicast.kind {
            kind::ACK => self.on_ack(id, unicast.body),
            CompactType::UNKNOWN => self.on_unknown(now, id, unicast.body),
            CompactType::PIECE => self.on_piece(now, id, unicast.body),
            CompactType::REPAIR => self.on_repair(now, id, unicast.body),
            _ => self.on_data(now, id, unicast),
        }
    }

    fn on_ack(&mut self, id: NeighbourId, body: &[u8]) -> Result<(), Error> {
        if body.is_empty() || !body.len().is_multiple_of(ACK_REF_LEN) {
            return Err(Malformed::OutOfRange("acknowledgement").into());
        }
        let named = |o: &Outstanding| {
            body.chunks_exact(ACK_REF_LEN).any(|r| o.payload.tag().starts_with(r))
        };
        let outstanding = self.neighbours.get(&id).and_then(|n| n.outstanding.as_ref());
        if outstanding.is_some_and(named) {
            self.settle(id, true);
        }
        Ok(())
    }

    /// The neighbour has forgotten what we refer to: we say it in full.
    fn on_unknown(&mut self, now: Instant, id: NeighbourId, body: &[u8]) -> Result<(), Error> {
        let unknown = Unknown::read(body)?;
        self.counters.unknown += 1;
        self.broadcast_labels.on_unknown(&unknown);
        self.on_missed(now, &unknown);
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        neighbour.labels.on_unknown(&unknown);
        if matches!(unknown, Unknown::Announce(_)) {
            return Ok(());
        }
        if let Some(outstanding) = neighbour.outstanding.take() {
            self.prepare(now, id, &outstanding.payload.frame, outstanding.payload.turn);
        }
        Ok(())
    }

    fn on_data(
        &mut self,
        now: Instant,
        id: NeighbourId,
        unicast: &Unicast<'_>,
    ) -> Result<(), Error> {
        let Some(neighbour) = self.neighbours.get_mut(&id).filter(|n| n.up) else { return Ok(()) };
        let mut frame = Vec::new();
        match compact::decode(unicast.kind, unicast.body, &mut neighbour.labels, &mut frame) {
            Ok(()) => {}
            Err(DecodeError::Unknown(unknown)) => {
                self.say_unknown(id, &unknown);
                return Ok(());
            }
            Err(DecodeError::Error(error)) => return Err(error),
        }
        neighbour.seen.insert(now, unicast.tag);
        if unicast.kind == CompactType::ANNOUNCES {
            self.remember(&frame);
        }
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        let receipt = opened_by(&frame).last().map(|[lock, _]| *lock);
        let lock = lock_of_frame(&frame).or(receipt);
        // An envelope or a receipt the node answers or passes on, and that says enough.
        let due = if lock.is_some() { now + self.timing.answer_wait } else { now };
        if neighbour.owe(unicast.tag, lock, due) {
            self.deliver(id, frame);
        }
        Ok(())
    }

    pub(super) fn say_unknown(&mut self, id: NeighbourId, unknown: &Unknown) {
        let mut body = Vec::new();
        unknown.write(&mut body);
        self.say(id, CompactType::UNKNOWN, &body);
    }

    pub(super) fn deliver(&mut self, id: NeighbourId, frame: Vec<u8>) {
        let opens = opened_by(&frame);
        let outstanding = self.neighbours.get(&id).and_then(|n| n.outstanding.as_ref());
        let lock = outstanding.and_then(|o| o.payload.lock);
        if lock.is_some_and(|lock| opens.iter().any(|locks| locks.contains(&lock))) {
            // Its receipt is its acknowledgement, and if it is nothing else, needs none itself.
            self.settle(id, true);
            if let Some(neighbour) = self.neighbours.get_mut(&id).filter(|_| opens.len() == 1) {
                neighbour.acks.pop();
            }
        }
        self.events.push_back(RadioEvent::Frame { neighbour: id, frame });
    }

    /// A neighbour passes on what we gave it: it has it. Nobody proves that it is the neighbour; who
    /// lies here could as well have jammed what we said.
    fn overhear(&mut self, unicast: &Unicast<'_>) {
        let Some(mark) = unicast.mark() else { return };
        let done = self.neighbours.iter().find(|(_, n)| {
            n.hint() == unicast.from
                && n.outstanding
                    .as_ref()
                    .is_some_and(|o| o.payload.mark == Some(mark) && o.payload.tag() != unicast.tag)
        });
        if let Some(id) = done.map(|(id, _)| *id) {
            self.counters.overheard += 1;
            self.settle(id, true);
        }
    }

    /// What waits for its turn to be passed on, and will say more than an acknowledgement, is waited
    /// for once.
    pub(super) fn postpone_acks(&mut self, now: Instant) {
        let waiting = self.neighbours.values().flat_map(|n| &n.waiting);
        let going: Vec<Lock> = waiting
            .flat_map(|payload| payload.lock.into_iter().chain(payload.opens.iter().map(|o| o[0])))
            .collect();
        let longer = self.timing.gap + self.timing.slot * WINDOW;
        let acks = self.neighbours.values_mut().flat_map(|n| &mut n.acks);
        for ack in acks.filter(|ack| ack.due <= now && ack.may_wait) {
            ack.may_wait = false;
            if ack.lock.is_some_and(|lock| going.contains(&lock)) {
                ack.due = now + longer;
            }
        }
    }

    /// Acknowledgements that cannot wait.
    pub(super) fn take_acks(&mut self, now: Instant, buf: &mut Vec<u8>) -> Option<NeighbourId> {
        let mut due =
            self.neighbours.iter_mut().filter(|(_, n)| n.acks.iter().any(|ack| ack.due <= now));
        let (id, neighbour) = due.next()?;
        let mut body = Vec::with_capacity(ACK_REFS_MAX * ACK_REF_LEN);
        for ack in neighbour.acks.drain(..) {
            body.extend_from_slice(&ack.reference());
        }
        let bytes = neighbour.payload(self.me.hint(), kind::ACK, &body);
        buf.extend_from_slice(&bytes);
        let id = *id;
        self.spend(Some(id), bytes.len());
        Some(id)
    }
}

/// What the port has to say to one neighbour beside the node's frames.
const SAID_MAX: usize = 8;

impl Neighbour {
    /// A body with hints, counter and tag.
    pub(super) fn payload(&mut self, from: u8, of: CompactType, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(body.len() + 8);
        bytes.extend_from_slice(&[of.0, self.hint(), from]);
        let mut counter = 0;
        if kind::is_counted(of) {
            counter = self.counter;
            self.counter = counter.wrapping_add(1);
            let [low, ..] = counter.to_le_bytes();
            bytes.push(low);
        }
        bytes.extend_from_slice(body);
        let tag = self.keys.tag_out(counter, &bytes);
        bytes.extend_from_slice(&tag);
        bytes
    }

    /// Notes an acknowledgement that is due; `false` when too many are.
    fn owe(&mut self, tag: [u8; 4], lock: Option<Lock>, due: Instant) -> bool {
        let room = self.acks.len() < ACK_REFS_MAX;
        if room && !self.acks.iter().any(|ack| ack.tag == tag) {
            self.acks.push(AckDue { tag, lock, due, may_wait: lock.is_some() });
        }
        room
    }

    /// Whether the payload answers what the neighbour said last: then it is the acknowledgement,
    /// and is repeated when the neighbour repeats.
    fn answer_with(&mut self, payload: &Payload) -> bool {
        let mut answers = !payload.opens.is_empty();
        for locks in &payload.opens {
            let at = self.acks.iter().position(|a| a.lock.is_some_and(|l| locks.contains(&l)));
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
}

/// The lock of the envelope that a frame is.
pub(super) fn lock_of_frame(bytes: &[u8]) -> Option<Lock> {
    let (kind, body) = frame::split(bytes).ok()?;
    (kind == FrameKind::ENVELOPE).then(|| Header::peek(body).ok().map(|header| header.lock))?
}

/// The locks that a frame's receipts open: of an envelope with a whole lock, and of one whose lock
/// is short.
fn opened_by(bytes: &[u8]) -> Vec<[Lock; 2]> {
    let Ok((FrameKind::RECEIPTS, body)) = frame::split(bytes) else { return Vec::new() };
    let locks = |preimage: [u8; 16]| {
        let whole = digest16(Domain::Lock, &[&preimage]);
        let mut short = whole;
        short[8..].fill(0);
        [whole, short]
    };
    frame::read_ids(body).map(|ids| ids.map(locks).collect()).unwrap_or_default()
}

/// Whose turn a frame takes (`RAD-13`).
pub(super) fn class_of(bytes: &[u8]) -> AirClass {
    let Ok((kind, body)) = frame::split(bytes) else { return AirClass::Bulk };
    match kind {
        FrameKind::ENVELOPE if is_patient(body) => AirClass::Bulk,
        FrameKind::ENVELOPE | FrameKind::BUNDLE => AirClass::Conversation,
        FrameKind::ANNOUNCES
        | FrameKind::RETRACT
        | FrameKind::CHANNEL
        | FrameKind::CHANNEL_LITE => AirClass::Broadcast,
        FrameKind::FRAGMENT | FrameKind::RECONCILE => AirClass::Bulk,
        _ => AirClass::Control,
    }
}

/// Whether the sender of an envelope says that it can wait.
fn is_patient(body: &[u8]) -> bool {
    Header::peek(body).is_ok_and(|header| header.priority == Priority::Low)
}
