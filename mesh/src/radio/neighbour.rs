//! What a port remembers of one neighbour.

use alloc::{collections::VecDeque, vec::Vec};
use core::time::Duration;

use super::{
    AirClass, NeighbourId, NeighbourView, Signal,
    keys::{BroadcastKey, HopKeys, Incarnation, Tag},
    wire::{ACK_REF_LEN, Mark},
};
use crate::{
    compact::{Introduced, Labels, pieces::Outgoing},
    identity::PublicIdentity,
    time::Instant,
};

/// A port we share keys with.
#[derive(Debug)]
pub(super) struct Neighbour {
    pub(super) peer: PublicIdentity,
    pub(super) incarnation: Incarnation,
    pub(super) keys: HopKeys,
    /// What its broadcasts are checked with, once it told us.
    pub(super) broadcast_key: Option<BroadcastKey>,
    pub(super) broadcast_seen: CounterWindow,
    /// Whether the node knows of it.
    pub(super) up: bool,
    /// Whether it has our broadcast key.
    pub(super) knows_us: bool,
    pub(super) keys_due: Option<Instant>,
    pub(super) keys_tries: u32,
    pub(super) signal: Signal,
    pub(super) last_heard: Instant,
    /// When something under its hint was heard, genuine or not.
    pub(super) last_trace: Instant,
    /// Frames given up in a row while nothing was heard.
    pub(super) failures: u32,
    /// In 1/255, averaged over eight frames.
    pub(super) success: u8,
    /// Air time spent on it.
    pub(super) air: Duration,
    /// Air time as counted for its turn: never far behind the others'.
    pub(super) turn: Duration,
    /// Whether the node may have something for it.
    pub(super) ready: bool,
    /// What the codec remembers of it.
    pub(super) labels: Labels,
    pub(super) counter: u32,
    pub(super) counter_seen: CounterWindow,
    pub(super) waiting: VecDeque<Payload>,
    /// A frame under way in pieces.
    pub(super) outgoing: Option<Long<Outgoing>>,
    /// A frame that waits until the one in pieces is through.
    pub(super) long: Option<Long<Vec<u8>>>,
    pub(super) outstanding: Option<Outstanding>,
    pub(super) acks: Vec<AckDue>,
    pub(super) seen: Seen,
    pub(super) next_message: u8,
}

/// A frame too long for one payload: whole, or in pieces.
#[derive(Debug)]
pub(super) struct Long<T> {
    pub(super) pieces: T,
    pub(super) class: AirClass,
    pub(super) turn: u64,
    /// The lock of the envelope inside.
    pub(super) lock: Option<Lock>,
    /// What the neighbour knows once it has all of it.
    pub(super) introduces: Introduced,
}

/// A payload that is ready for the air.
#[derive(Clone, Debug)]
pub(super) struct Payload {
    pub(super) bytes: Vec<u8>,
    pub(super) class: AirClass,
    /// Its place among those of its class, as the node says.
    pub(super) turn: u64,
    /// The frame inside, to be said in other words if the neighbour does not understand these. Empty
    /// for what the port says itself, which is not acknowledged.
    pub(super) frame: Vec<u8>,
    pub(super) introduces: Introduced,
    pub(super) mark: Option<Mark>,
    /// The lock of the envelope inside: its receipt is an acknowledgement.
    pub(super) lock: Option<Lock>,
    /// The locks that the receipts inside open, in either form.
    pub(super) opens: Vec<[Lock; 2]>,
}

impl Payload {
    pub(super) fn tag(&self) -> Tag {
        self.bytes.last_chunk().copied().unwrap_or_default()
    }
}

/// What names an envelope until its receipt.
pub(super) type Lock = [u8; 16];

/// A payload that waits for its acknowledgement.
#[derive(Debug)]
pub(super) struct Outstanding {
    pub(super) payload: Payload,
    pub(super) transmissions: u8,
    /// When to repeat; `None` while it is on the air.
    pub(super) due: Option<Instant>,
}

/// A payload we have to acknowledge.
#[derive(Clone, Copy, Debug)]
pub(super) struct AckDue {
    pub(super) tag: Tag,
    pub(super) lock: Option<Lock>,
    pub(super) due: Instant,
    /// Whether it may wait once more for what stands for it.
    pub(super) may_wait: bool,
}

impl AckDue {
    pub(super) const fn reference(&self) -> [u8; ACK_REF_LEN] {
        let [a, b, c, _] = self.tag;
        [a, b, c]
    }
}

impl Neighbour {
    pub(super) fn new(
        now: Instant,
        peer: PublicIdentity,
        incarnation: Incarnation,
        keys: HopKeys,
        signal: Signal,
    ) -> Self {
        Self {
            peer,
            incarnation,
            keys,
            broadcast_key: None,
            broadcast_seen: CounterWindow::default(),
            up: false,
            knows_us: false,
            keys_due: None,
            keys_tries: 0,
            signal,
            last_heard: now,
            last_trace: now,
            failures: 0,
            success: u8::MAX,
            air: Duration::ZERO,
            turn: Duration::ZERO,
            ready: false,
            labels: Labels::new(),
            counter: 0,
            counter_seen: CounterWindow::default(),
            waiting: VecDeque::new(),
            outgoing: None,
            long: None,
            outstanding: None,
            acks: Vec::new(),
            seen: Seen::default(),
            next_message: 0,
        }
    }

    pub(super) const fn hint(&self) -> u8 {
        self.incarnation.hint()
    }

    /// Something it said was genuine.
    pub(super) fn on_heard(&mut self, now: Instant, signal: Signal) {
        self.last_heard = now;
        self.last_trace = now;
        self.failures = 0;
        let smooth = |old: i16, new: i16| {
            let sum = i32::from(old) * 7 + i32::from(new);
            i16::try_from(sum / 8).unwrap_or(new)
        };
        self.signal = Signal {
            rssi_dbm: smooth(self.signal.rssi_dbm, signal.rssi_dbm),
            snr_quarter_db: smooth(self.signal.snr_quarter_db, signal.snr_quarter_db),
        };
    }

    /// A frame to it was acknowledged, or given up.
    pub(super) fn on_delivery(&mut self, delivered: bool) {
        let target = if delivered { u8::MAX } else { 0 };
        self.success = self.success - self.success / 8 + target / 8;
    }

    /// Whether the payload answers all of something it waits to hear of.
    pub(super) fn is_answer(&self, payload: &Payload) -> bool {
        let pending = |locks: &[Lock; 2]| {
            self.acks.iter().any(|ack| ack.lock.is_some_and(|lock| locks.contains(&lock)))
        };
        !payload.opens.is_empty() && payload.opens.iter().all(pending)
    }

    /// What it would lose with us: nothing is kept for a neighbour that is gone.
    pub(super) fn forget_traffic(&mut self) {
        self.ready = false;
        self.waiting.clear();
        self.outstanding = None;
        self.acks.clear();
        self.outgoing = None;
        self.long = None;
    }

    pub(super) const fn view(&self, neighbour: NeighbourId) -> NeighbourView {
        NeighbourView {
            neighbour,
            peer: self.peer,
            signal: self.signal,
            success: self.success,
            last_heard: self.last_heard,
            air: self.air,
        }
    }
}

/// The tags a neighbour used lately, with what was answered. A payload that comes again is
/// acknowledged again, and not delivered again (`RAD-11`).
#[derive(Debug, Default)]
pub(super) struct Seen {
    tags: VecDeque<(Tag, Instant, Option<Payload>)>,
}

impl Seen {
    pub(super) fn insert(&mut self, now: Instant, tag: Tag) {
        if self.tags.len() >= SEEN_MAX {
            self.tags.pop_front();
        }
        self.tags.push_back((tag, now, None));
    }

    /// Forgets what is older than `life`, and looks.
    pub(super) fn contains(&mut self, now: Instant, tag: Tag, life: Duration) -> bool {
        while self.tags.pop_front_if(|(_, at, _)| *at + life <= now).is_some() {}
        self.tags.iter().any(|(seen, ..)| *seen == tag)
    }

    pub(super) fn set_answer(&mut self, tag: Tag, answer: &Payload) {
        if let Some(entry) = self.tags.iter_mut().find(|(seen, ..)| *seen == tag) {
            entry.2 = Some(answer.clone());
        }
    }

    pub(super) fn answer(&self, tag: Tag) -> Option<Payload> {
        self.tags.iter().find(|(seen, ..)| *seen == tag).and_then(|(.., answer)| answer.clone())
    }
}

/// Tags remembered of one neighbour: 64 × (48 B + an answer of at most 300 B) = 22 kB.
pub(super) const SEEN_MAX: usize = 64;

/// Which counters of a sender were seen: none at or below the newest but 64, none twice.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CounterWindow {
    /// One beyond the newest.
    next: u32,
    /// Bit n is the newest but n.
    seen: u64,
}

impl CounterWindow {
    /// The counters that end in `low`, nearest first, and were not seen.
    pub(super) fn candidates(&self, low: u8) -> impl Iterator<Item = u32> + use<> {
        let this = *self;
        let base = this.next & !0xff;
        let wraps = [base, base.wrapping_add(256), base.wrapping_add(512), base.wrapping_sub(256)];
        wraps.into_iter().map(move |high| high | u32::from(low)).filter(move |n| this.is_new(*n))
    }

    fn is_new(&self, counter: u32) -> bool {
        match self.next.checked_sub(counter.saturating_add(1)) {
            None => true,
            Some(behind @ 0..64) => self.seen >> behind & 1 == 0,
            Some(_) => false,
        }
    }

    pub(super) fn accept(&mut self, counter: u32) {
        let Some(behind) = self.next.checked_sub(counter.saturating_add(1)) else {
            let ahead = counter.saturating_add(1) - self.next;
            self.seen = if ahead >= 64 { 0 } else { self.seen << ahead } | 1;
            self.next = counter.saturating_add(1);
            return;
        };
        if behind < 64 {
            self.seen |= 1 << behind;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::CounterWindow;
    use crate::crypto::rng::NodeRng;

    #[test]
    fn rad_08_a_counter_is_accepted_once() {
        let mut window = CounterWindow::default();
        let find = |window: &CounterWindow, n: u32| {
            let low = n.to_le_bytes()[0];
            window.candidates(low).any(|candidate| candidate == n)
        };
        let mut rng = NodeRng::from_seed([1; 32]);
        let mut seen = alloc::collections::BTreeSet::new();
        let mut newest = 0_u32;
        for _ in 0..5_000 {
            let n = (newest + rng.below(150) as u32).saturating_sub(60);
            let is_new = !seen.contains(&n) && (n > newest || newest - n < 64 || seen.is_empty());
            assert_eq!(find(&window, n), is_new, "{n} after {newest}");
            if is_new {
                window.accept(n);
                seen.insert(n);
                newest = newest.max(n);
            }
        }
    }
}
