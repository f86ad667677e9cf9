//! Announces through the mesh: flooded, compared between neighbours, asked for (`FAP-70` to `FAP-83`).
//!
//! [`FappRouter`] has no network and no clock. A driver tells it of neighbours, hands it their frames, and
//! pulls frames for a link when the link can take one. What has to survive is in [`FappRouter::drain_rows`].

mod ask;
mod flood;
mod sync;
#[cfg(test)]
mod tests;
mod wire;

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use mesh::{
    crypto::rng::NodeRng,
    error::{Error, Malformed, Unsupported},
    wire::Reader,
};

use crate::{
    SlotId, UnixSeconds,
    announce::{SlotAnnounce, Unwelcome},
    cache::{Bucket, Cache, CacheRow},
    query::{Hit, QueryError, Search, SlotQuery},
    slot::Slot,
    tombstone::Tombstone,
    trust::Tier,
};
use ask::Asking;
use wire::{Hello, Short};

/// A neighbour, by a number that the driver gives and never uses twice.
pub type NeighbourId = u32;

/// What a router is told at its start.
#[derive(Clone, Copy, Debug)]
pub struct RouterConfig {
    /// Announces kept, at most [`crate::cache::ANNOUNCES_MAX`].
    pub capacity: usize,
    /// Over radio only announces of this region (the first two digits of a postal code) go.
    pub radio_region: Option<u8>,
}

impl Default for RouterConfig {
    fn default() -> Self {
        Self { capacity: crate::cache::ANNOUNCES_MAX, radio_region: None }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FappEvent {
    /// A practice has another announce, or its first.
    Announced([u8; 32]),
    /// A practice withdrew what it offered.
    Withdrawn([u8; 32]),
    /// An answer to a query of this node brought so many new announces.
    Answered {
        /// The query.
        query: u64,
        /// New ones among them.
        new: usize,
    },
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouterCounters {
    /// Announces and tombstones taken from neighbours.
    pub taken: u64,
    /// Those that were known, over, withdrawn, or for which there was no room.
    pub unwelcome: u64,
    /// Frames and objects that broke a rule.
    pub broken: u64,
    /// Frames of neighbours that were not listened to.
    pub muted: u64,
}

#[derive(Debug)]
struct Neighbour {
    radio: bool,
    /// A hello is to be sent, and whether it answers one.
    hello: Option<bool>,
    /// The comparison under way.
    run: Option<Run>,
    /// When to compare again.
    again_at: UnixSeconds,
    /// Practices whose objects it does not have yet.
    fresh: BTreeSet<[u8; 32]>,
    /// Small frames.
    out: VecDeque<Vec<u8>>,
    strikes: u8,
    muted_until: UnixSeconds,
    queries: u8,
    queries_at: UnixSeconds,
}

/// A comparison of what two neighbours have.
#[derive(Debug)]
struct Run {
    ours: u64,
    /// 0 until it is known.
    theirs: u64,
    region: u8,
    begun: bool,
    /// Where the next frame of bucket digests begins; `None` when all are sent, or the other sends them.
    buckets_from: Option<Bucket>,
    /// Buckets whose ids are to be told.
    lists: VecDeque<Bucket>,
    /// Ids to be asked for.
    needs: VecDeque<(Bucket, Short)>,
}

/// The router.
#[derive(Debug)]
pub struct FappRouter {
    config: RouterConfig,
    cache: Cache,
    neighbours: BTreeMap<NeighbourId, Neighbour>,
    asking: Asking,
    events: VecDeque<FappEvent>,
    counters: RouterCounters,
    rng: NodeRng,
}

impl FappRouter {
    /// A router that knows nothing yet; follow with [`Self::restore`] for each stored row.
    pub fn new(config: RouterConfig, rng_seed: [u8; 32]) -> Self {
        Self {
            cache: Cache::new(config.capacity),
            neighbours: BTreeMap::new(),
            asking: Asking::default(),
            events: VecDeque::new(),
            counters: RouterCounters::default(),
            rng: NodeRng::from_seed(rng_seed),
            config,
        }
    }

    /// Plays back one row. Tombstones (`t…`) come before announces (`a…`).
    ///
    /// # Errors
    /// Bytes that are no object, or not of this row.
    pub fn restore(&mut self, now: UnixSeconds, key: &[u8], value: &[u8]) -> Result<(), Error> {
        self.cache.restore(now, key, value)
    }

    /// Over radio announces of another region go from now on (`FAP-75`).
    pub const fn set_radio_region(&mut self, region: Option<u8>) {
        self.config.radio_region = region;
    }

    /// Everything that is known.
    pub const fn cache(&self) -> &Cache {
        &self.cache
    }

    /// What is known about a practice changed.
    pub fn set_tier(&mut self, therapist: &[u8; 32], tier: Tier) {
        self.cache.set_tier(therapist, tier);
    }

    /// Practices for which a full cache makes room, see [`Cache::set_prospects`].
    pub fn set_prospects(&mut self, prospects: BTreeMap<[u8; 32], Tier>) {
        self.cache.set_prospects(prospects);
    }

    /// Searches what is here; nothing is sent.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn search(&self, now: UnixSeconds, query: &SlotQuery) -> Result<Search, QueryError> {
        query.at(now)
    }

    /// What fits a search, the best first.
    pub fn hits<'a>(&'a self, search: &'a Search) -> Vec<Hit<'a>> {
        self.cache.search(search)
    }

    /// The slot of this name, with its announce.
    pub fn slot(&self, id: &SlotId) -> Option<(&SlotAnnounce, &Slot)> {
        self.cache.slot(id)
    }

    /// Spreads an announce of this node's practice.
    ///
    /// # Errors
    /// [`Unwelcome`], of which a practice sees [`Unwelcome::Known`] for a sequence that is not new.
    pub fn broadcast_announce(
        &mut self,
        now: UnixSeconds,
        announce: SlotAnnounce,
        tier: Tier,
    ) -> Result<(), Unwelcome> {
        let therapist = *announce.therapist();
        self.cache.insert(now, announce, tier, None)?;
        self.spread(&therapist, None);
        Ok(())
    }

    /// Spreads a tombstone of this node's practice.
    ///
    /// # Errors
    /// [`Unwelcome`].
    pub fn withdraw(&mut self, now: UnixSeconds, tombstone: Tombstone) -> Result<(), Unwelcome> {
        let therapist = *tombstone.therapist();
        self.cache.bury(now, tombstone)?;
        self.spread(&therapist, None);
        Ok(())
    }

    /// A neighbour is there. Whether it speaks this protocol shows when it answers.
    pub fn handle_neighbour_up(&mut self, now: UnixSeconds, id: NeighbourId, radio: bool) {
        let neighbour = Neighbour {
            radio,
            hello: None,
            run: None,
            again_at: now,
            fresh: BTreeSet::new(),
            out: VecDeque::new(),
            strikes: 0,
            muted_until: UnixSeconds(0),
            queries: QUERIES_MAX,
            queries_at: now,
        };
        self.neighbours.insert(id, neighbour);
        self.greet(now, id);
    }

    /// A neighbour is gone.
    pub fn handle_neighbour_down(&mut self, id: NeighbourId) {
        self.neighbours.remove(&id);
        self.asking.forget(id);
    }

    /// A neighbour sent a frame.
    ///
    /// # Errors
    /// What is wrong with it; it is counted, and eight of them mute the neighbour for ten minutes.
    pub fn handle_frame(
        &mut self,
        now: UnixSeconds,
        id: NeighbourId,
        frame: &[u8],
    ) -> Result<(), Error> {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        if neighbour.muted_until > now {
            self.counters.muted += 1;
            return Ok(());
        }
        let result = self.dispatch(now, id, frame);
        if let (Err(error), Some(neighbour)) = (&result, self.neighbours.get_mut(&id)) {
            self.counters.broken += 1;
            // A newer version is nobody's fault.
            if !matches!(error, Error::Unsupported(_)) {
                neighbour.strikes += 1;
            }
            if neighbour.strikes >= STRIKES_MAX {
                neighbour.strikes = 0;
                neighbour.muted_until = UnixSeconds(now.0 + MUTED_S);
            }
        }
        result
    }

    fn dispatch(&mut self, now: UnixSeconds, id: NeighbourId, frame: &[u8]) -> Result<(), Error> {
        if frame.len() > FRAME_LEN_MAX {
            return Err(Malformed::TooLong("router frame").into());
        }
        let mut r = Reader::new(frame);
        match r.u8("router frame")? {
            wire::HELLO => {
                let hello = Hello::read(&mut r)?;
                r.finish("hello")?;
                self.on_hello(id, hello);
                Ok(())
            }
            wire::BUCKETS => self.on_buckets(id, &mut r),
            wire::LISTS => self.on_lists(id, &mut r),
            wire::NEEDS => self.on_needs(id, &mut r),
            wire::OBJECTS => self.on_objects(now, id, &mut r).map(drop),
            wire::QUERY => self.on_query(now, id, &mut r),
            wire::ANSWER => self.on_answer(now, id, &mut r),
            kind => Err(Unsupported::Kind(kind).into()),
        }
    }

    /// Appends a frame of at most `max_len` bytes for a neighbour; `false` when there is none.
    pub fn poll_transmit(&mut self, id: NeighbourId, buf: &mut Vec<u8>, max_len: usize) -> bool {
        let max_len = max_len.min(FRAME_LEN_MAX);
        self.write_hello(id, buf)
            || self.write_small(id, buf, max_len)
            || self.write_needs(id, buf, max_len)
            || self.write_lists(id, buf, max_len)
            || self.write_buckets(id, buf, max_len)
            || self.write_objects(id, buf, max_len)
    }

    /// Whether there may be a frame for a neighbour.
    pub fn has_output(&self, id: NeighbourId) -> bool {
        self.neighbours.get(&id).is_some_and(|neighbour| {
            let compares = |run: &Run| {
                run.buckets_from.is_some() || !run.lists.is_empty() || !run.needs.is_empty()
            };
            neighbour.hello.is_some()
                || !neighbour.out.is_empty()
                || !neighbour.fresh.is_empty()
                || neighbour.run.as_ref().is_some_and(compares)
        })
    }

    fn write_small(&mut self, id: NeighbourId, buf: &mut Vec<u8>, max_len: usize) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        while let Some(frame) = neighbour.out.pop_front() {
            // What a slow link cannot carry in one piece is not asked over it.
            if frame.len() <= max_len {
                buf.extend_from_slice(&frame);
                return true;
            }
        }
        false
    }

    /// Time has passed: call it when [`Self::poll_timeout`] says so, or now and then.
    pub fn handle_timeout(&mut self, now: UnixSeconds) {
        self.cache.expire(now);
        let due: Vec<NeighbourId> = self
            .neighbours
            .iter()
            .filter(|(_, neighbour)| neighbour.again_at <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.greet(now, id);
        }
        self.send_due_queries(now);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<UnixSeconds> {
        let compare = self.neighbours.values().map(|neighbour| neighbour.again_at).min();
        [self.cache.next_expiry(), compare, self.asking.due()].into_iter().flatten().min()
    }

    /// Next thing that happened.
    pub fn poll_event(&mut self) -> Option<FappEvent> {
        self.events.pop_front()
    }

    /// Rows that changed since the last call.
    pub fn drain_rows(&mut self) -> Vec<CacheRow> {
        self.cache.drain_rows()
    }

    /// What was counted.
    pub const fn counters(&self) -> &RouterCounters {
        &self.counters
    }

    fn say(&mut self, event: FappEvent) {
        // Nobody listens: the oldest is of no use any more.
        if self.events.len() >= EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

/// Longest frame, that of the mesh's Beside.
pub const FRAME_LEN_MAX: usize = mesh::limits::BESIDE_FRAME_LEN_MAX;
/// Bad frames after which a neighbour is not listened to.
const STRIKES_MAX: u8 = 8;
/// For how long, in seconds.
const MUTED_S: u64 = 600;
/// Queries of a neighbour at once; one more each ten seconds.
const QUERIES_MAX: u8 = 8;
/// Events that wait for the driver: 40 kB.
const EVENTS_MAX: usize = 1_024;
