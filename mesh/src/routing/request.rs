//! Path requests: asking for a destination, or for a newer sequence of one (`RT-50` to `RT-52`).

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{
    Routing, RoutingEvent,
    row::{ANNOUNCED, CURRENT, NOBODY, Slot},
};
use crate::{
    address::Address,
    announce::{Bucket, PathRequest, UNREACHABLE},
    crypto::rng::NodeRng,
    limits::HOPS_MAX,
    link::LinkId,
    time::Instant,
};

/// A destination somebody looks for: we, neighbours, or both.
#[derive(Debug)]
struct Open {
    min_seq: u32,
    /// Our own search: the next ring to ask.
    ring: Option<usize>,
    /// When the next ring is due, or the request is given up.
    due: Instant,
    /// Who gets the answer.
    waiting: [Slot; WAITING_MAX],
    /// When it was passed on, how far and with what minimum.
    passed: Option<(Instant, u8, u32)>,
}

impl Open {
    const fn new(min_seq: u32, due: Instant) -> Self {
        Self { min_seq, ring: None, due, waiting: [NOBODY; WAITING_MAX], passed: None }
    }

    /// Whether every ring was asked, and nobody knew the destination at all.
    fn is_pausing(&self) -> bool {
        self.ring == Some(RINGS.len()) && self.min_seq == 0
    }

    fn wait(&mut self, slot: Slot) {
        if self.waiting.contains(&slot) {
            return;
        }
        if let Some(place) = self.waiting.iter_mut().find(|place| **place == NOBODY) {
            *place = slot;
        }
    }

    /// Whether the same was asked as far a moment ago.
    fn is_repetition(&self, now: Instant, pause: Duration, ttl: u8, min_seq: u32) -> bool {
        self.passed.is_some_and(|(at, passed_ttl, passed_seq)| {
            now < at + pause && ttl <= passed_ttl && min_seq <= passed_seq
        })
    }
}

/// What is being looked for.
#[derive(Debug, Default)]
pub(super) struct Requests {
    open: BTreeMap<Address, Open>,
    timers: BTreeSet<(Instant, Address)>,
    /// Requests that were here before, oldest first.
    nonces: VecDeque<[u8; 8]>,
    known: BTreeSet<[u8; 8]>,
    /// Dropped for want of budget since the start.
    dropped: u64,
    /// Questions that shared media may still be asked, whoever asks (`RT-54`).
    shared: Option<Bucket>,
    /// When our own sequence was raised because somebody asked.
    raised: Option<Instant>,
    /// Where newer sequences are not asked for again yet, and how long the last pause was.
    pauses: BTreeMap<Address, (Instant, Duration)>,
}

impl Requests {
    pub(super) fn is_open(&self, address: &Address) -> bool {
        self.open.contains_key(address)
    }

    /// Whether we ask for at least this sequence ourselves, or did in vain a moment ago.
    pub(super) fn is_searching(&self, address: &Address, min_seq: u32) -> bool {
        self.open.get(address).is_some_and(|open| {
            let is_on = open.ring.is_some_and(|ring| ring < RINGS.len());
            open.min_seq >= min_seq && (is_on || open.is_pausing())
        })
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// A neighbour is gone; it waits no more.
    pub(super) fn withdraw(&mut self, slot: Slot) {
        for open in self.open.values_mut() {
            open.waiting.iter_mut().filter(|it| **it == slot).for_each(|it| *it = NOBODY);
        }
    }

    /// Remembers a nonce. Whether it is new.
    fn remember(&mut self, nonce: [u8; 8]) -> bool {
        if !self.known.insert(nonce) {
            return false;
        }
        self.nonces.push_back(nonce);
        if self.nonces.len() > NONCES_MAX
            && let Some(oldest) = self.nonces.pop_front()
        {
            self.known.remove(&oldest);
        }
        true
    }

    /// The open request for a destination, opened if there is room for one.
    fn open(&mut self, address: Address, min_seq: u32, due: Instant) -> Option<&mut Open> {
        if !self.open.contains_key(&address) {
            if self.open.len() >= OPEN_MAX {
                return None;
            }
            self.open.insert(address, Open::new(min_seq, due));
            self.timers.insert((due, address));
        }
        let open = self.open.get_mut(&address)?;
        open.min_seq = open.min_seq.max(min_seq);
        Some(open)
    }

    /// Whether shared media of this `hop` may be asked once more.
    fn may_ask_shared(&mut self, now: Instant, hop: Duration) -> bool {
        let cost = u64::try_from((hop * SHARED_ASK_HOPS).as_millis()).unwrap_or(u64::MAX).max(1);
        let most = cost.saturating_mul(SHARED_ASKS);
        self.shared.get_or_insert_with(|| Bucket::new(now, 1_000, most)).try_take(now, cost)
    }

    /// Whether a newer sequence of this destination may be asked for: each time later (`RT-54`).
    fn may_ask_newer(&mut self, now: Instant, address: Address) -> bool {
        let last = self.pauses.get(&address).copied();
        if last.is_some_and(|(until, _)| now < until) {
            return false;
        }
        // Who was quiet for twice its pause starts over.
        let pause = match last {
            Some((until, pause)) if now < until + pause * 2 => (pause * 2).min(NEWER_PAUSE_MAX),
            _ => NEWER_PAUSE,
        };
        if self.pauses.len() >= OPEN_MAX {
            self.pauses.retain(|_, (until, _)| now < *until);
        }
        if self.pauses.len() < OPEN_MAX {
            self.pauses.insert(address, (now + pause, pause));
        }
        true
    }

    fn reschedule(&mut self, address: Address, due: Instant) {
        if let Some(open) = self.open.get_mut(&address) {
            self.timers.remove(&(open.due, address));
            open.due = due;
            self.timers.insert((due, address));
        }
    }

    fn close(&mut self, address: &Address) -> Option<Open> {
        let open = self.open.remove(address)?;
        self.timers.remove(&(open.due, *address));
        Some(open)
    }

    fn pop_due(&mut self, now: Instant) -> Option<Address> {
        let (due, address) = self.timers.first().copied()?;
        (due <= now).then_some(address)
    }
}

impl Routing {
    /// Path requests that were dropped because a neighbour made too many (`RT-52`).
    pub const fn requests_dropped(&self) -> u64 {
        self.requests.dropped
    }

    /// Looks for a destination, in rings of 2, 4 and 16 hops, unless a route with at least
    /// `min_seq` is known. Calling it again while the search is on changes nothing.
    pub fn find(
        &mut self,
        now: Instant,
        destination: &Address,
        min_seq: Option<u32>,
        rng: &mut NodeRng,
    ) {
        let min_seq = min_seq.unwrap_or(0);
        let is_needless = *destination == self.own
            || self.satisfies(destination, min_seq)
            || self.requests.is_searching(destination, min_seq);
        if is_needless {
            return;
        }
        let ring = self.first_ring(destination);
        let Some(open) = self.requests.open(*destination, min_seq, now) else { return };
        open.ring = Some(ring);
        self.advance_search(now, *destination, rng);
    }

    /// [`Self::find`] for what a neighbour sent: where the question goes over a shared medium, only as
    /// often as the neighbour may ask there (`RT-54`).
    pub fn find_for(
        &mut self,
        now: Instant,
        destination: &Address,
        asker: LinkId,
        rng: &mut NodeRng,
    ) {
        if self.satisfies(destination, 0) || self.requests.is_searching(destination, 0) {
            return;
        }
        if self.may_search(now, self.neighbours.slot_of(asker)) {
            self.find(now, destination, None, rng);
        }
    }

    fn may_search(&mut self, now: Instant, asker: Option<Slot>) -> bool {
        let hop = self.neighbours.shared_hop();
        let asker = asker.and_then(|slot| self.neighbours.get_mut(slot));
        let may = hop.is_zero()
            || (asker.is_none_or(|asker| asker.may_search(now, hop))
                && self.requests.may_ask_shared(now, hop));
        self.requests.dropped += u64::from(!may);
        may
    }

    /// Searches for the newer sequences that rows turned out to need (`RT-51`).
    pub(super) fn ask_for_starved(&mut self, now: Instant, rng: &mut NodeRng) {
        for address in core::mem::take(&mut self.starved) {
            let seq = self.table.lookup(&address).map(|row| row.seq);
            let is_shared = !self.neighbours.shared_hop().is_zero();
            if is_shared && !self.requests.may_ask_newer(now, address) {
                continue;
            }
            if let Some(min_seq) = seq.and_then(|seq| seq.checked_add(1)) {
                self.find(now, &address, Some(min_seq), rng);
            }
        }
    }

    /// Asks the next ring of every search whose turn it is, and closes what nobody answered.
    pub(super) fn advance_searches(&mut self, now: Instant, rng: &mut NodeRng) {
        while let Some(address) = self.requests.pop_due(now) {
            self.advance_search(now, address, rng);
        }
    }

    fn advance_search(&mut self, now: Instant, address: Address, rng: &mut NodeRng) {
        let Some(open) = self.requests.open.get(&address) else {
            return;
        };
        let (min_seq, ring) = (open.min_seq, open.ring);
        let next = ring.and_then(|ring| RINGS.get(ring).copied());
        let Some((ttl, pause)) = next.filter(|_| !self.satisfies(&address, min_seq)) else {
            self.requests.close(&address);
            return;
        };
        let hop = self.neighbours.shared_hop();
        // What the medium has no room for now counts as asked.
        let may_ask = hop.is_zero() || self.requests.may_ask_shared(now, hop);
        let Some(open) = self.requests.open.get_mut(&address) else {
            return;
        };
        open.ring = ring.map(|ring| ring + 1);
        open.passed = Some((now, ttl, min_seq));
        let pause = pause.max(hop * (u32::from(ttl.min(HOPS_WAITED)) + 1));
        let pause = if open.is_pausing() { pause + VAIN_PAUSE.max(hop * 60) } else { pause };
        self.requests.reschedule(address, now + pause);
        if !may_ask {
            self.requests.dropped += 1;
            return;
        }
        // Four random bytes are enough, and on radio the zeros cost nothing (`CMP-24`).
        let mut nonce = rng.array();
        nonce[4..].fill(0);
        self.requests.remember(nonce);
        self.pass_on(PathRequest { destination: address, min_seq, nonce, ttl }, NOBODY);
    }

    /// The first ring that is not smaller than the hops known.
    fn first_ring(&self, destination: &Address) -> usize {
        let known = self.table.lookup(destination).map_or(0, |row| {
            let offers = row.known_hops().filter(|hop| hop.flags.has(CURRENT));
            offers.map(|hop| hop.hops + 1).max().unwrap_or(0)
        });
        RINGS.iter().position(|(ttl, _)| *ttl >= known).unwrap_or(RINGS.len() - 1)
    }

    /// Whether a row has what a request asks for.
    fn satisfies(&self, destination: &Address, min_seq: u32) -> bool {
        self.table.lookup(destination).is_some_and(|row| {
            row.is(ANNOUNCED) && row.published_cost != UNREACHABLE && row.seq >= min_seq
        })
    }

    pub(super) fn on_path_request(&mut self, now: Instant, slot: Slot, request: PathRequest) {
        let Some(neighbour) = self.neighbours.get_mut(slot) else {
            return;
        };
        if !neighbour.budget.try_take_one(now) {
            // Somebody behind the neighbour asks too much, not necessarily the neighbour itself.
            self.requests.dropped += 1;
            return;
        }
        if !self.requests.remember(request.nonce) {
            return;
        }
        if request.destination == self.own {
            neighbour.own_due = true;
            self.on_request_for_us(now, request.min_seq);
        } else if self.config.relay {
            self.answer_or_pass_on(now, slot, request);
        }
    }

    /// A request makes our sequence grow by one at most (`RT-02`).
    fn on_request_for_us(&mut self, now: Instant, min_seq: u32) {
        let is_shared = !self.neighbours.shared_hop().is_zero();
        let Some(own) = self.own_shared.as_ref().or(self.own_announce.as_ref()) else {
            return;
        };
        if min_seq <= own.seq {
            return;
        }
        // A new sequence floods the medium.
        if is_shared && self.requests.raised.is_some_and(|at| now < at + RAISE_PAUSE) {
            self.requests.dropped += 1;
            return;
        }
        if is_shared {
            (self.requests.raised, self.own_wanted) = (Some(now), true);
        }
        let Some(own) = &self.own_announce else { return };
        if let Some(min_seq) = own.seq.checked_add(1) {
            self.emit(RoutingEvent::OwnSeqWanted { min_seq });
        }
    }

    fn answer_or_pass_on(&mut self, now: Instant, slot: Slot, mut request: PathRequest) {
        let destination = request.destination;
        let leads_back = self.table.lookup(&destination).is_some_and(|row| row.primary == slot);
        if !leads_back && self.satisfies(&destination, request.min_seq) {
            self.answer(slot, &destination);
            return;
        }
        request.ttl -= 1;
        if request.ttl == 0 {
            return;
        }
        let hop = self.neighbours.shared_hop();
        let life = PASSED_LIFE.max(hop * 2 * u32::from(HOPS_WAITED));
        let Some(open) = self.requests.open(destination, request.min_seq, now + life) else {
            return;
        };
        open.wait(slot);
        if open.is_repetition(now, PASS_INTERVAL.max(hop * 2), request.ttl, request.min_seq) {
            return;
        }
        open.passed = Some((now, request.ttl, request.min_seq));
        if self.may_search(now, Some(slot)) {
            self.pass_on(request, slot);
        }
    }

    /// Queues a request for the neighbours that may know more: the next hop if there is one, else
    /// those that say they lead there, else everybody.
    fn pass_on(&mut self, request: PathRequest, from: Slot) {
        let mut targets: Vec<Slot> = Vec::new();
        if let Some(row) = self.table.lookup(&request.destination) {
            if row.primary != NOBODY {
                targets.push(row.primary);
            } else {
                let offers = row.known_hops().filter(|hop| hop.flags.has(CURRENT));
                targets.extend(offers.map(|hop| hop.slot));
            }
        }
        targets.retain(|slot| *slot != from);
        if targets.is_empty() {
            targets = self.neighbours.slots();
            targets.retain(|slot| *slot != from);
        }
        for slot in targets {
            if let Some(neighbour) = self.neighbours.get_mut(slot) {
                neighbour.request(request);
            }
        }
    }

    /// A row was published: whoever waits for it is told first.
    pub(super) fn answer_open_request(&mut self, address: &Address, seq: u32) {
        let is_answered = |open: &Open| seq >= open.min_seq;
        if !self.requests.open.get(address).is_some_and(is_answered) {
            return;
        }
        let Some(open) = self.requests.close(address) else {
            return;
        };
        open.waiting.into_iter().for_each(|slot| self.answer(slot, address));
    }

    /// Queues what is published about a destination for a neighbour.
    pub(super) fn answer(&mut self, slot: Slot, address: &Address) {
        let Some(version) = self.table.lookup(address).map(|row| row.version) else { return };
        if let Some(neighbour) = self.neighbours.get_mut(slot).filter(|_| self.config.relay) {
            neighbour.answer(*address, version);
        }
    }
}

/// How far each ring reaches, and how long its answer may take. The last one is for rows that are
/// known to lead further than 16 hops.
const RINGS: [(u8, Duration); 4] = [
    (2, Duration::from_millis(400)),
    (4, Duration::from_millis(800)),
    (16, Duration::from_millis(3_200)),
    (HOPS_MAX, Duration::from_millis(3_200)),
];

/// Hops of a shared medium whose time an answer is given at most (`RT-53`).
const HOPS_WAITED: u8 = 12;

/// A search for an unknown destination that nobody answered is not repeated sooner: whoever sends
/// to invented addresses must not make us flood the mesh.
const VAIN_PAUSE: Duration = Duration::from_secs(20);

/// How long somebody else's request stays open: as long as their search.
const PASSED_LIFE: Duration = Duration::from_secs(8);

/// The same request is not passed on more often.
const PASS_INTERVAL: Duration = Duration::from_secs(1);

/// Hop times that one question to shared media costs, and questions at once.
const SHARED_ASK_HOPS: u32 = 32;
const SHARED_ASKS: u64 = 4;

/// With shared media, our sequence is raised for others no more often.
const RAISE_PAUSE: Duration = Duration::from_secs(7_200);

/// Over shared media a newer sequence is asked for again after this, doubling.
const NEWER_PAUSE: Duration = Duration::from_secs(240);
const NEWER_PAUSE_MAX: Duration = Duration::from_secs(1_920);

/// Neighbours that wait for one destination; others learn it in the ordinary way.
const WAITING_MAX: usize = 4;

/// Open requests: 4,096 × 130 bytes in both trees are 530 kB.
const OPEN_MAX: usize = 4_096;

/// Nonces remembered: 4,096 × 24 bytes in both collections are 98 kB.
const NONCES_MAX: usize = 4_096;
