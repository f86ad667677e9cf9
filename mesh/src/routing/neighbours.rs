//! The neighbours, their links, and what a link costs.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::row::{NOBODY, Slot};
use crate::{
    address::Address,
    announce::{Bucket, PathRequest, is_fast},
    identity::PublicIdentity,
    link::{LinkCaps, LinkId},
    time::Instant,
};

/// One link to a neighbour.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) caps: LinkCaps,
    /// The cost routes are computed with (`RT-03`).
    pub(super) cost: u32,
    pub(super) share: Bucket,
    /// The share is used up until then (`ANN-16`).
    pub(super) blocked_until: Option<Instant>,
    rtt: Option<Duration>,
    /// Delivered frames per frame in 1/65,536, averaged.
    delivery: u32,
}

impl Link {
    fn new(now: Instant, id: LinkId, caps: LinkCaps) -> Self {
        let mut link = Self {
            id,
            caps,
            cost: 0,
            share: Bucket::share_of(now, &caps),
            blocked_until: None,
            rtt: None,
            delivery: DELIVERY_ALL,
        };
        link.cost = link.measured_cost();
        link
    }

    /// The cost by the newest measurements: microseconds for 1,000 bytes, at least 1 (`RT-03`).
    pub(super) fn measured_cost(&self) -> u32 {
        let air = 8_000_000_000_u64.div_ceil(self.caps.bitrate_bps.max(1));
        let rtt = self.rtt.map_or(0, |rtt| u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX));
        let once = air.saturating_add(rtt.div_ceil(2));
        let delivery = u64::from(self.delivery.max(DELIVERY_ALL / TRANSMISSIONS_MAX));
        let expected = once.saturating_mul(u64::from(DELIVERY_ALL)) / delivery;
        u32::try_from(expected.max(1)).unwrap_or(u32::MAX)
    }

    /// Whether measurements left the band around the cost in use (`RT-04`).
    fn is_off(&self) -> bool {
        let (used, measured) = (u64::from(self.cost), u64::from(self.measured_cost()));
        measured * 3 < used * 2 || measured * 2 > used * 3
    }
}

/// A node at the other end of at least one link.
#[derive(Debug)]
pub(super) struct Neighbour {
    pub(super) identity: PublicIdentity,
    /// Cheapest first, never empty.
    pub(super) links: Vec<Link>,
    /// Rows in this neighbour's share of the table (`RT-40`).
    pub(super) counted: u32,
    /// Everything published up to this version was sent, or need not be (`ANN-11`).
    pub(super) cursor: u64,
    /// The last version when the link came up: older retractions are none of its business.
    pub(super) since: u64,
    pub(super) own_due: bool,
    /// Rows it asked for, or has just lost.
    pub(super) answers: VecDeque<Address>,
    /// Rows that became unreachable, by version.
    pub(super) retracts: VecDeque<u64>,
    /// Retractions of rows that are gone.
    pub(super) owed: VecDeque<(Address, u32)>,
    pub(super) requests: VecDeque<PathRequest>,
    /// What waits for a slow link: (class, hops, version) (`ANN-17`).
    pub(super) waiting: BTreeSet<(u8, u8, u64)>,
    /// Path requests it may still make (`RT-52`).
    pub(super) budget: Bucket,
    /// Milliseconds of shared media that may be spent on its questions (`RT-54`).
    searches: Bucket,
    /// When the cost of a link may change next (`RT-04`).
    recost_after: Instant,
}

impl Neighbour {
    fn new(now: Instant, identity: PublicIdentity, link: Link) -> Self {
        let (rate, burst) = if is_fast(&link.caps) { REQUESTS_FAST } else { REQUESTS_SLOW };
        let own_due = !link.caps.shared;
        Self {
            identity,
            links: Vec::from([link]),
            counted: 0,
            cursor: 0,
            since: 0,
            own_due,
            answers: VecDeque::new(),
            retracts: VecDeque::new(),
            owed: VecDeque::new(),
            requests: VecDeque::new(),
            waiting: BTreeSet::new(),
            budget: Bucket::new(now, rate, burst),
            searches: Bucket::new(now, SEARCHES.0, SEARCHES.1),
            recost_after: now,
        }
    }

    /// Whether a question of this neighbour may go to a shared medium of this `hop` (`RT-54`).
    pub(super) fn may_search(&mut self, now: Instant, hop: Duration) -> bool {
        let cost = u64::try_from((hop * SEARCH_HOPS).as_millis()).unwrap_or(u64::MAX);
        let may = self.searches.available(now) >= cost.min(SEARCHES.1);
        if may {
            self.searches.take(now, cost);
        }
        may
    }

    /// The cheapest link's cost.
    pub(super) fn cost(&self) -> u32 {
        self.links.first().map_or(u32::MAX, |link| link.cost)
    }

    /// The cheapest link: control frames travel over it (`ANN-18`).
    pub(super) fn control(&self) -> Option<LinkId> {
        self.links.first().map(|link| link.id)
    }

    /// Whether control frames travel over a shared medium, where only what was asked for is said.
    pub(super) fn is_shared(&self) -> bool {
        self.links.first().is_some_and(|link| link.caps.shared)
    }

    /// The cheapest link that is not excluded.
    pub(super) fn link_beside(&self, exclude: &[LinkId]) -> Option<LinkId> {
        self.links.iter().map(|link| link.id).find(|id| !exclude.contains(id))
    }

    fn sort(&mut self) {
        self.links.sort_by_key(|link| (link.cost, link.id));
    }

    /// Starts telling the neighbour everything from the beginning (`ANN-12`).
    pub(super) fn tell_all(&mut self, last_version: u64) {
        (self.cursor, self.since, self.own_due) = (0, last_version, !self.is_shared());
        self.waiting.clear();
    }

    /// Queues a row, published as `version`, that the neighbour needs whatever it said before.
    /// When too many wait, the neighbour is told again everything since then.
    pub(super) fn answer(&mut self, address: Address, version: u64) {
        if self.answers.contains(&address) {
            return;
        }
        if self.answers.len() < ANSWERS_MAX {
            self.answers.push_back(address);
        } else {
            self.cursor = self.cursor.min(version.saturating_sub(1));
        }
    }

    /// Queues a path request; the oldest goes when there are too many.
    pub(super) fn request(&mut self, request: PathRequest) {
        if self.requests.len() >= REQUESTS_QUEUED_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back(request);
    }
}

/// What a link that went away leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Departure {
    /// The link was not known.
    Unknown,
    /// The neighbour has other links.
    StillThere(Slot),
    /// It was the last link.
    Gone(Slot),
}

/// All neighbours, by slot, link and address.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    slots: Vec<Option<Neighbour>>,
    by_link: BTreeMap<LinkId, Slot>,
    by_address: BTreeMap<Address, Slot>,
}

impl Neighbours {
    pub(super) fn get(&self, slot: Slot) -> Option<&Neighbour> {
        self.slots.get(usize::from(slot))?.as_ref()
    }

    pub(super) fn get_mut(&mut self, slot: Slot) -> Option<&mut Neighbour> {
        self.slots.get_mut(usize::from(slot))?.as_mut()
    }

    pub(super) fn slot_of(&self, link: LinkId) -> Option<Slot> {
        self.by_link.get(&link).copied()
    }

    pub(super) fn at(&self, address: &Address) -> Option<Slot> {
        self.by_address.get(address).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Slot, &Neighbour)> {
        self.by_address.values().filter_map(|slot| Some((*slot, self.get(*slot)?)))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Neighbour> {
        self.slots.iter_mut().flatten()
    }

    pub(super) fn slots(&self) -> Vec<Slot> {
        self.by_address.values().copied().collect()
    }

    /// What one hop of the slowest shared medium may take, the turns of others included: the time of
    /// 400 bytes. Zero when there is none.
    pub(super) fn shared_hop(&self) -> Duration {
        let links = self.iter().flat_map(|(_, neighbour)| &neighbour.links);
        let slowest = links.filter(|link| link.caps.shared).map(|link| link.caps.bitrate_bps).min();
        slowest.map_or(Duration::ZERO, shared_hop)
    }

    /// The cost of the link in use to a neighbour; unreachable when there is none.
    pub(super) fn cost(&self, slot: Slot) -> u32 {
        self.get(slot).map_or(u32::MAX, Neighbour::cost)
    }

    /// Whether the way to a neighbour is a shared medium that loses two frames of three.
    pub(super) fn is_poor(&self, slot: Slot) -> bool {
        let link = self.get(slot).and_then(|neighbour| neighbour.links.first());
        link.is_some_and(|link| link.caps.shared && link.delivery < DELIVERY_ALL / 3)
    }

    pub(super) fn link(&self, id: LinkId) -> Option<&Link> {
        self.get(self.slot_of(id)?)?.links.iter().find(|link| link.id == id)
    }

    pub(super) fn link_mut(&mut self, id: LinkId) -> Option<&mut Link> {
        let slot = self.slot_of(id)?;
        self.get_mut(slot)?.links.iter_mut().find(|link| link.id == id)
    }

    /// Adds a link. Returns the neighbour's slot and whether the neighbour is new; `None` when
    /// there are too many.
    pub(super) fn link_up(
        &mut self,
        now: Instant,
        id: LinkId,
        caps: LinkCaps,
        identity: PublicIdentity,
        last_version: u64,
    ) -> Option<(Slot, bool)> {
        let link = Link::new(now, id, caps);
        if let Some(slot) = self.at(&identity.address()) {
            let neighbour = self.get_mut(slot)?;
            if neighbour.links.len() >= LINKS_PER_NEIGHBOUR_MAX {
                return None;
            }
            let former = neighbour.control();
            neighbour.links.push(link);
            neighbour.sort();
            if neighbour.control() != former {
                neighbour.tell_all(last_version);
            }
            self.by_link.insert(id, slot);
            return Some((slot, false));
        }
        let slot = self.vacant()?;
        let mut neighbour = Neighbour::new(now, identity, link);
        neighbour.since = last_version;
        self.slots[usize::from(slot)] = Some(neighbour);
        self.by_link.insert(id, slot);
        self.by_address.insert(identity.address(), slot);
        Some((slot, true))
    }

    fn vacant(&mut self) -> Option<Slot> {
        let place = match self.slots.iter().position(Option::is_none) {
            Some(place) => place,
            None if self.slots.len() < NEIGHBOURS_MAX => {
                self.slots.push(None);
                self.slots.len() - 1
            }
            None => return None,
        };
        Slot::try_from(place).ok().filter(|slot| *slot != NOBODY)
    }

    /// Removes a link. The slot of a neighbour that is gone stays readable until
    /// [`Neighbours::vacate`].
    pub(super) fn link_down(&mut self, id: LinkId, last_version: u64) -> Departure {
        let Some(slot) = self.by_link.remove(&id) else {
            return Departure::Unknown;
        };
        let Some(neighbour) = self.get_mut(slot) else {
            return Departure::Unknown;
        };
        let former = neighbour.control();
        neighbour.links.retain(|link| link.id != id);
        if neighbour.links.is_empty() {
            let address = neighbour.identity.address();
            self.by_address.remove(&address);
            return Departure::Gone(slot);
        }
        if neighbour.control() != former {
            neighbour.tell_all(last_version);
        }
        Departure::StillThere(slot)
    }

    pub(super) fn vacate(&mut self, slot: Slot) {
        if let Some(place) = self.slots.get_mut(usize::from(slot)) {
            *place = None;
        }
    }

    /// A round trip was measured. Whether the link's cost should change.
    pub(super) fn on_rtt(&mut self, id: LinkId, rtt: Duration) -> bool {
        let Some(link) = self.link_mut(id) else {
            return false;
        };
        // Queues make round trips longer, nothing makes them shorter: down at once, up slowly.
        link.rtt = Some(
            link.rtt.map_or(rtt, |known| if rtt < known { rtt } else { known + (rtt - known) / 8 }),
        );
        link.is_off()
    }

    /// A frame arrived, or did not. Whether the link's cost should change.
    pub(super) fn on_delivery(&mut self, id: LinkId, delivered: bool) -> bool {
        let Some(link) = self.link_mut(id).filter(|link| !link.caps.reliable) else {
            return false;
        };
        let target = if delivered { DELIVERY_ALL } else { 0 };
        link.delivery = link.delivery - link.delivery / 8 + target / 8;
        link.is_off()
    }

    /// Brings the costs in use up to date, at most once in ten seconds a neighbour. Returns the
    /// neighbours whose cost changed, and when the next one may.
    pub(super) fn recost(
        &mut self,
        now: Instant,
        last_version: u64,
    ) -> (Vec<Slot>, Option<Instant>) {
        let (mut changed, mut next) = (Vec::new(), None::<Instant>);
        for slot in self.slots() {
            let Some(neighbour) = self.get_mut(slot) else {
                continue;
            };
            if !neighbour.links.iter().any(Link::is_off) {
                continue;
            }
            if now < neighbour.recost_after {
                next =
                    Some(next.map_or(neighbour.recost_after, |at| at.min(neighbour.recost_after)));
                continue;
            }
            let (former_cost, former_control) = (neighbour.cost(), neighbour.control());
            for link in &mut neighbour.links {
                link.cost = link.measured_cost();
            }
            neighbour.sort();
            neighbour.recost_after = now + RECOST_INTERVAL;
            if neighbour.control() != former_control {
                neighbour.tell_all(last_version);
            }
            if neighbour.cost() != former_cost {
                changed.push(slot);
            }
        }
        (changed, next)
    }
}

/// The time of 400 bytes at a bit rate (`RT-53`).
pub(crate) fn shared_hop(bitrate_bps: u64) -> Duration {
    Duration::from_micros(3_200_000_000 / bitrate_bps.max(1))
}

/// Most neighbours: 1,024 × 20 kB of queues are 20 MB, if every one of them fills them all.
pub(super) const NEIGHBOURS_MAX: usize = 1_024;

/// Most links to one neighbour.
const LINKS_PER_NEIGHBOUR_MAX: usize = 8;

/// Answers queued for one neighbour.
const ANSWERS_MAX: usize = 128;

/// Path requests queued for one neighbour.
const REQUESTS_QUEUED_MAX: usize = 256;

/// Path requests a second and at once from one neighbour (`RT-52`).
const REQUESTS_FAST: (u64, u64) = (64, 256);
const REQUESTS_SLOW: (u64, u64) = (1, 8);

/// Milliseconds saved in a second for questions of one neighbour to shared media, and at once.
const SEARCHES: (u64, u64) = (1_000, 32_768);

/// Times of a hop that one question costs.
const SEARCH_HOPS: u32 = 4;

/// At most one change of cost in this time.
const RECOST_INTERVAL: Duration = Duration::from_secs(10);

const DELIVERY_ALL: u32 = 1 << 16;

/// Expected transmissions are believed up to here; a worse link is as good as dead.
const TRANSMISSIONS_MAX: u32 = 16;
