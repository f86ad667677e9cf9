//! What waits for one link: small control frames first, envelopes by priority and then fairly
//! by the neighbour they came from and their destination (`HOP-05`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::receipts::{RECEIPT_BATCH, RECEIPT_BATCH_BYTES};
use crate::{
    address::Address,
    envelope::{Admitted, EnvelopeId, Priority},
    link::LinkId,
    time::Instant,
};

/// Bytes of forwarded envelopes from one neighbour that may wait in all queues together before
/// the driver is asked to stop reading from it. Sixty-four full TCP frames.
pub(super) const INGRESS_BYTES_MAX: usize = 4 << 20;

/// Control frames waiting for one link. Each is at most a few dozen bytes; an answer that does
/// not fit is dropped and asked for again.
pub(super) const CONTROL_FRAMES_MAX: usize = 4_096;

/// Acknowledgements of custody that may wait for one link: 256 × 24 B = 6 kB.
const CUSTODY_LATER_MAX: usize = 256;

/// Who an envelope came from, for fairness: a link, or this node itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ingress {
    Own,
    Link(LinkId),
}

/// An envelope waiting for a link.
#[derive(Debug)]
pub(super) enum Queued {
    /// Bytes that live here.
    Owned { envelope: Admitted, since: Instant },
    /// Bytes that live in the store.
    Stored(EnvelopeId),
}

#[derive(Debug)]
struct Entry {
    item: Queued,
    len: usize,
}

/// Whose turn it is on a medium that all its links share: start-time fair queueing by bytes. Each
/// neighbour's next envelope starts where its last one ended, and not before those that are on the
/// air now, so that nobody saves turns up.
#[derive(Debug, Default)]
pub(super) struct Turns {
    ends: BTreeMap<Ingress, u64>,
    now: u64,
}

impl Turns {
    fn of(&self, ingress: Ingress) -> u64 {
        self.ends.get(&ingress).map_or(self.now, |end| self.now.max(*end))
    }

    /// Where things stand.
    pub(super) const fn now(&self) -> u64 {
        self.now
    }

    fn take(&mut self, ingress: Ingress, len: usize) -> u64 {
        let start = self.of(ingress);
        self.now = start;
        self.ends.retain(|_, end| *end > start);
        self.ends.insert(ingress, start + (len + TURN_OVERHEAD) as u64);
        start
    }
}

/// What a frame costs beside its bytes: preamble, turn and acknowledgement.
const TURN_OVERHEAD: usize = 40;

/// One priority's envelopes: a round over ingress neighbours, within each a round over
/// destinations, within each first in first out.
#[derive(Debug, Default)]
struct FairQueue {
    flows: BTreeMap<Ingress, Flow>,
    round: VecDeque<Ingress>,
}

#[derive(Debug, Default)]
struct Flow {
    dests: BTreeMap<Address, VecDeque<Entry>>,
    round: VecDeque<Address>,
}

impl FairQueue {
    fn push(&mut self, ingress: Ingress, dest: Address, entry: Entry) {
        let flow = self.flows.entry(ingress).or_insert_with(|| {
            self.round.push_back(ingress);
            Flow::default()
        });
        flow.dests
            .entry(dest)
            .or_insert_with(|| {
                flow.round.push_back(dest);
                VecDeque::new()
            })
            .push_back(entry);
    }

    fn pop(&mut self) -> Option<(Ingress, Entry)> {
        let ingress = self.round.pop_front()?;
        self.pop_of(ingress)
    }

    /// The next of one neighbour's, out of its turn.
    fn pop_from(&mut self, ingress: Ingress) -> Option<(Ingress, Entry)> {
        let at = self.round.iter().position(|other| *other == ingress)?;
        self.round.remove(at);
        self.pop_of(ingress)
    }

    fn pop_of(&mut self, ingress: Ingress) -> Option<(Ingress, Entry)> {
        let flow = self.flows.get_mut(&ingress)?;
        let dest = flow.round.pop_front()?;
        let queue = flow.dests.get_mut(&dest)?;
        let entry = queue.pop_front()?;
        if queue.is_empty() {
            flow.dests.remove(&dest);
        } else {
            flow.round.push_back(dest);
        }
        if flow.dests.is_empty() {
            self.flows.remove(&ingress);
        } else {
            self.round.push_back(ingress);
        }
        Some((ingress, entry))
    }
}

/// Everything that waits for one link, apart from what the inner machines generate on demand.
#[derive(Debug, Default)]
pub(super) struct LinkQueue {
    control: VecDeque<Vec<u8>>,
    custody_acks: Vec<[u8; 16]>,
    /// Acknowledgements of custody that wait whether the receipt makes them needless (`HOP-13`).
    custody_later: Vec<([u8; 16], Instant)>,
    receipts: Vec<[u8; 16]>,
    /// Bytes of the envelopes that the waiting receipts are about.
    receipts_bytes: usize,
    receipts_due: Option<Instant>,
    /// The batch was due: it leaves as soon as the link can take it, and no timer waits for that.
    receipts_ripe: bool,
    envelopes: [FairQueue; Priority::ALL.len()],
    envelope_count: usize,
}

impl LinkQueue {
    /// Whether the frame was taken; `false` when the queue is full.
    pub(super) fn push_control(&mut self, frame: Vec<u8>) -> bool {
        let room = self.control.len() < CONTROL_FRAMES_MAX;
        if room {
            self.control.push_back(frame);
        }
        room
    }

    /// The next control frame, unless it is longer than `len_max`.
    pub(super) fn pop_control_within(&mut self, len_max: usize) -> Option<Vec<u8>> {
        self.control.pop_front_if(|frame| frame.len() <= len_max)
    }

    pub(super) fn push_envelope(
        &mut self,
        ingress: Ingress,
        dest: Address,
        priority: Priority,
        item: Queued,
        len: usize,
    ) {
        self.envelopes[priority as usize].push(ingress, dest, Entry { item, len });
        self.envelope_count += 1;
    }

    /// The next envelope, with where it came from and its length when it was queued.
    pub(super) fn pop_envelope(&mut self) -> Option<(Ingress, Queued, usize)> {
        if self.envelope_count == 0 {
            return None;
        }
        let (ingress, entry) = self.envelopes.iter_mut().rev().find_map(FairQueue::pop)?;
        self.envelope_count -= 1;
        Some((ingress, entry.item, entry.len))
    }

    /// The next envelope for a shared medium: of the neighbour whose turn is first, whatever priority
    /// others claim, and with its place among all links (`HOP-14`).
    pub(super) fn pop_envelope_shared(
        &mut self,
        turns: &mut Turns,
    ) -> Option<(Ingress, Queued, usize, u64)> {
        let waiting = self.envelopes.iter().flat_map(|queue| queue.flows.keys().copied());
        let first = waiting.min_by_key(|ingress| (turns.of(*ingress), *ingress))?;
        let mut queues = self.envelopes.iter_mut().rev();
        let (ingress, entry) = queues.find_map(|queue| queue.pop_from(first))?;
        self.envelope_count -= 1;
        let turn = turns.take(ingress, entry.len);
        Some((ingress, entry.item, entry.len, turn))
    }

    pub(super) fn push_custody_ack(&mut self, id: EnvelopeId) {
        self.custody_acks.push(id.0);
    }

    /// The same, unless the receipt of the envelope passes here before `due`. Beyond
    /// [`CUSTODY_LATER_MAX`] nothing waits.
    pub(super) fn push_custody_ack_later(&mut self, id: EnvelopeId, due: Instant) {
        if self.custody_later.len() >= CUSTODY_LATER_MAX {
            return self.push_custody_ack(id);
        }
        self.custody_later.retain(|(other, _)| *other != id.0);
        self.custody_later.push((id.0, due));
    }

    /// The receipt of an envelope goes to the neighbour, and says more.
    pub(super) fn cancel_custody_ack(&mut self, id: &EnvelopeId) {
        self.custody_later.retain(|(other, _)| *other != id.0);
    }

    pub(super) fn custody_acks(&mut self) -> &mut Vec<[u8; 16]> {
        &mut self.custody_acks
    }

    /// Adds a preimage; a batch leaves when it is due, or when it or what it is about is large
    /// (`HOP-06`). `len` is the envelope's, or 0 where it is not known any more.
    pub(super) fn push_receipt(&mut self, preimage: [u8; 16], due: Instant, len: usize) {
        self.receipts.push(preimage);
        self.receipts_bytes += len;
        if self.receipts_bytes >= RECEIPT_BATCH_BYTES {
            (self.receipts_ripe, self.receipts_due) = (true, None);
        }
        if !self.receipts_ripe {
            self.receipts_due.get_or_insert(due);
        }
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        if self.receipts_due.is_some_and(|due| due <= now) {
            self.receipts_due = None;
            self.receipts_ripe = true;
        }
        let ripe = self.custody_later.iter().filter(|(_, due)| *due <= now).map(|(id, _)| *id);
        self.custody_acks.extend(ripe);
        self.custody_later.retain(|(_, due)| *due > now);
    }

    pub(super) fn receipts_due(&self) -> Option<Instant> {
        self.receipts_due
    }

    pub(super) fn custody_due(&self) -> Option<Instant> {
        self.custody_later.iter().map(|(_, due)| *due).min()
    }

    pub(super) fn receipts_ready(&self, now: Instant) -> bool {
        self.receipts_ripe
            || self.receipts.len() >= RECEIPT_BATCH
            || self.receipts_due.is_some_and(|due| due <= now)
    }

    pub(super) fn receipts(&mut self) -> &mut Vec<[u8; 16]> {
        &mut self.receipts
    }

    pub(super) fn receipts_sent(&mut self) {
        if self.receipts.is_empty() {
            self.receipts_due = None;
            self.receipts_ripe = false;
            self.receipts_bytes = 0;
        }
    }

    /// Whether anything could be sent right now.
    pub(super) fn has_output(&self, now: Instant) -> bool {
        !self.control.is_empty()
            || !self.custody_acks.is_empty()
            || self.envelope_count > 0
            || self.receipts_ready(now)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::receipts::RECEIPT_DELAY, *};

    #[test]
    fn hop_06_a_batch_is_ripe_by_time_by_count_and_by_bytes() {
        let (now, later) = (Instant::ZERO, Instant::ZERO + RECEIPT_DELAY);
        let fill = |count: usize, len: usize| {
            let mut queue = LinkQueue::default();
            for _ in 0..count {
                queue.push_receipt([7; 16], later, len);
            }
            queue
        };
        assert!(!fill(RECEIPT_BATCH - 1, 100).receipts_ready(now));
        assert!(fill(1, 100).receipts_ready(later));
        assert!(fill(RECEIPT_BATCH, 0).receipts_ready(now));
        assert!(!fill(1, RECEIPT_BATCH_BYTES - 1).receipts_ready(now));
        let mut large = fill(1, RECEIPT_BATCH_BYTES);
        assert!(large.receipts_ready(now));
        large.receipts().clear();
        large.receipts_sent();
        large.push_receipt([7; 16], later, 100);
        assert!(!large.receipts_ready(now), "the bytes are counted anew");
    }

    fn dest(n: u8) -> Address {
        Address::from_bytes([n; 16])
    }

    fn order(queue: &mut LinkQueue) -> Vec<u8> {
        let mut seen = Vec::new();
        while let Some((_, item, _)) = queue.pop_envelope() {
            let Queued::Stored(id) = item else { unreachable!("only stored ones are queued here") };
            seen.push(id.0[0]);
        }
        seen
    }

    #[test]
    fn hop_05_a_flood_from_one_neighbour_does_not_starve_another() {
        let mut queue = LinkQueue::default();
        let push = |queue: &mut LinkQueue, link: u32, to: u8, n: u8| {
            let item = Queued::Stored(EnvelopeId([n; 16]));
            queue.push_envelope(Ingress::Link(LinkId(link)), dest(to), Priority::Normal, item, 1);
        };
        for n in 0..6 {
            push(&mut queue, 1, n % 3, n);
        }
        push(&mut queue, 2, 9, 100);
        push(&mut queue, 2, 9, 101);
        assert_eq!(order(&mut queue), [0, 100, 1, 101, 2, 3, 4, 5]);
    }

    #[test]
    fn hop_14_on_a_shared_medium_bytes_count_and_priority_does_not() {
        let (mut turns, mut near, mut far) =
            (Turns::default(), LinkQueue::default(), LinkQueue::default());
        let push = |queue: &mut LinkQueue, from: u32, priority, len: usize, n: u8| {
            let item = Queued::Stored(EnvelopeId([n; 16]));
            queue.push_envelope(Ingress::Link(LinkId(from)), dest(n), priority, item, len);
        };
        // A flood of large urgent envelopes on both links; one neighbour with small ones on one.
        for n in 0..20 {
            push(&mut near, 1, Priority::Urgent, 400, n);
            push(&mut far, 1, Priority::Urgent, 400, n);
            push(&mut near, 2, Priority::Low, 60, 100 + n);
        }
        let (mut flood, mut honest) = (0, 0);
        for _ in 0..16 {
            // The medium takes what has the lower turn of the two links' next.
            let mut heads = Vec::new();
            heads.extend(near.pop_envelope_shared(&mut turns));
            heads.extend(far.pop_envelope_shared(&mut turns));
            for (ingress, _, len, _) in heads {
                if ingress == Ingress::Link(LinkId(1)) { flood += len } else { honest += len }
            }
        }
        assert!(honest >= 60 * 14, "{honest} bytes against {flood}");
        let mut turn = turns.now();
        while let Some((.., next)) = near.pop_envelope_shared(&mut turns) {
            assert!(next >= turn, "turns never run backwards");
            turn = next;
        }
    }

    #[test]
    fn hop_05_priority_goes_first() {
        let mut queue = LinkQueue::default();
        for (n, priority) in
            [Priority::Low, Priority::Urgent, Priority::Normal].into_iter().enumerate()
        {
            let item = Queued::Stored(EnvelopeId([n as u8; 16]));
            queue.push_envelope(Ingress::Own, dest(1), priority, item, 1);
        }
        assert_eq!(order(&mut queue), [1, 2, 0]);
    }

    #[test]
    fn hop_05_control_is_bounded() {
        let mut queue = LinkQueue::default();
        for _ in 0..CONTROL_FRAMES_MAX {
            assert!(queue.push_control(Vec::new()));
        }
        assert!(!queue.push_control(Vec::new()));
    }
}
