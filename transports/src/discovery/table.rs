//! Who was found, where to dial them, and whom to leave alone (`DSC-18`, `DSC-20` to `DSC-24`). Sightings
//! and results of dials go in; the neighbours to be linked come out.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

use super::{
    datagram::Instance,
    limits::{
        DIAL_GRACE, FOUND_MAX, FOUND_PER_SOURCE_MAX, HOLD_KNOWN, HOLD_MAX, HOLD_MIN,
        NEXT_NODE_HOLD_MAX, NEXT_NODE_HOLD_MIN, PLACES_MAX,
    },
    place::Place,
};

/// A neighbour that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Neighbour {
    /// Whoever answers at the configured anycast address.
    NextNode,
    /// A node that announced itself.
    Announced(Instance),
}

/// Why a sighting is not remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It is this node.
    Own,
    /// None of its places is of the own network.
    NoPlace,
    /// Its address has announced too many nodes.
    Source,
    /// There is no room.
    Full,
}

impl Refused {
    /// The name used in counters.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::NoPlace => "no-place",
            Self::Source => "crowded-source",
            Self::Full => "full",
        }
    }
}

/// A neighbour that should be linked, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Who.
    pub neighbour: Neighbour,
    /// The place to dial.
    pub place: Place,
}

/// What a neighbour is doing, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRow {
    /// Who.
    pub neighbour: Neighbour,
    /// Where it was found, the place in use first.
    pub uris: Vec<String>,
    /// Time until it is tried again, when it is left alone.
    pub held_for: Option<Duration>,
    /// Time until it is forgotten unless it is heard again.
    pub forgotten_in: Option<Duration>,
}

/// Everybody who was found.
#[derive(Debug)]
pub struct Table {
    own: Instance,
    entries: BTreeMap<Neighbour, Entry>,
    /// The order in which they were heard.
    next_order: u64,
}

#[derive(Debug)]
struct Entry {
    order: u64,
    places: Vec<Heard>,
    /// The place that is dialled.
    current: usize,
    /// Not dialled before.
    dial_at: Instant,
    /// Left alone so many times without having been reached in between.
    holds: u32,
    is_held: bool,
    was_reached: bool,
}

#[derive(Debug)]
struct Heard {
    place: Place,
    /// `None`: for ever.
    until: Option<Instant>,
}

impl Table {
    /// Nobody yet. `own` is this node.
    pub const fn new(own: Instance) -> Self {
        Self { own, entries: BTreeMap::new(), next_order: 0 }
    }

    /// How many neighbours are remembered.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nobody is remembered.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Sets the anycast address to dial, or none.
    pub fn set_next_node(&mut self, now: Instant, uri: Option<&str>) {
        let is_same = |entry: &Entry| entry.places.iter().any(|h| Some(&*h.place.uri) == uri);
        if self.entries.get(&Neighbour::NextNode).is_some_and(is_same) {
            return;
        }
        self.entries.remove(&Neighbour::NextNode);
        if let Some(uri) = uri {
            let heard = Heard { place: Place::configured(uri), until: None };
            let entry = self.new_entry(vec![heard], now);
            self.entries.insert(Neighbour::NextNode, entry);
        }
    }

    /// A node announced itself, for `valid_for`.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing changes.
    pub fn see(
        &mut self,
        now: Instant,
        instance: Instance,
        places: Vec<Place>,
        valid_for: Duration,
    ) -> Result<(), Refused> {
        if instance == self.own {
            return Err(Refused::Own);
        }
        self.expire(now);
        let until = Some(now + valid_for);
        let neighbour = Neighbour::Announced(instance);
        if let Some(entry) = self.entries.get_mut(&neighbour) {
            for place in places {
                entry.see(place, until);
            }
            return Ok(());
        }
        let first = places.first().ok_or(Refused::NoPlace)?;
        if self.count_at(first.ip) >= FOUND_PER_SOURCE_MAX {
            return Err(Refused::Source);
        }
        self.make_room()?;
        // Of two nodes that hear each other one begins; the other one need not.
        let dial_at = if self.own < instance { now } else { now + DIAL_GRACE };
        let heard = places.into_iter().take(PLACES_MAX).map(|place| Heard { place, until });
        let entry = self.new_entry(heard.collect(), dial_at);
        self.entries.insert(neighbour, entry);
        Ok(())
    }

    fn new_entry(&mut self, places: Vec<Heard>, dial_at: Instant) -> Entry {
        let order = self.next_order;
        self.next_order += 1;
        Entry { order, places, current: 0, dial_at, holds: 0, is_held: false, was_reached: false }
    }

    fn count_at(&self, ip: Option<IpAddr>) -> usize {
        let is_there = |entry: &&Entry| entry.places.iter().any(|heard| heard.place.ip == ip);
        if ip.is_none() { 0 } else { self.entries.values().filter(is_there).count() }
    }

    /// The one that was left alone most often gives way, if there is one.
    fn make_room(&mut self) -> Result<(), Refused> {
        if self.entries.len() < FOUND_MAX {
            return Ok(());
        }
        let useless = |(_, entry): &(&Neighbour, &Entry)| entry.is_held && !entry.was_reached;
        let announced = self.entries.iter().filter(|(n, _)| **n != Neighbour::NextNode);
        let worst = announced.filter(useless).max_by_key(|(_, entry)| entry.holds).map(|(n, _)| *n);
        self.entries.remove(&worst.ok_or(Refused::Full)?);
        Ok(())
    }

    /// A node said that it leaves.
    pub fn forget(&mut self, instance: Instance) {
        self.entries.remove(&Neighbour::Announced(instance));
    }

    fn expire(&mut self, now: Instant) {
        self.entries.retain(|_, entry| {
            entry.expire(now);
            !entry.places.is_empty()
        });
    }

    /// The neighbours that should be linked now, at most `limit`, in the order they were heard.
    pub fn wanted(&mut self, now: Instant, limit: usize) -> Vec<Wanted> {
        self.expire(now);
        let due = self.entries.iter().filter(|(_, entry)| entry.dial_at <= now);
        let mut due: Vec<_> = due.collect();
        due.sort_unstable_by_key(|(_, entry)| entry.order);
        let wanted = due.into_iter().filter_map(|(neighbour, entry)| {
            let place = entry.places.get(entry.current)?.place.clone();
            Some(Wanted { neighbour: *neighbour, place })
        });
        wanted.take(limit).collect()
    }

    /// A link to a neighbour is up.
    pub fn reached(&mut self, neighbour: Neighbour) {
        if let Some(entry) = self.entries.get_mut(&neighbour) {
            entry.was_reached = true;
            entry.is_held = false;
            entry.holds = 0;
        }
    }

    /// Too many tries at a neighbour's place failed: the next place, or none for a while.
    pub fn failed(&mut self, now: Instant, neighbour: Neighbour) {
        let Some(entry) = self.entries.get_mut(&neighbour) else {
            return;
        };
        entry.current += 1;
        if entry.current < entry.places.len() {
            return;
        }
        entry.current = 0;
        let (min, max) = match neighbour {
            Neighbour::NextNode => (NEXT_NODE_HOLD_MIN, NEXT_NODE_HOLD_MAX),
            Neighbour::Announced(_) if entry.was_reached => (HOLD_KNOWN, HOLD_KNOWN),
            Neighbour::Announced(_) => (HOLD_MIN, HOLD_MAX),
        };
        let hold = min.saturating_mul(1 << entry.holds.min(16)).min(max);
        entry.holds = entry.holds.saturating_add(1);
        entry.is_held = true;
        entry.dial_at = now + hold;
    }

    /// A person does not want a neighbour: nothing is dialled there for the longest time.
    pub fn leave_alone(&mut self, now: Instant, neighbour: Neighbour) {
        if let Some(entry) = self.entries.get_mut(&neighbour) {
            entry.is_held = true;
            entry.dial_at = now + HOLD_MAX;
        }
    }

    /// The machine's network changed: nobody is left alone any more. `own` is this node from now
    /// on.
    pub fn network_changed(&mut self, now: Instant, own: Instance) {
        self.own = own;
        self.entries.remove(&Neighbour::Announced(own));
        for entry in self.entries.values_mut() {
            entry.is_held = false;
            entry.dial_at = entry.dial_at.min(now + DIAL_GRACE);
        }
    }

    /// When [`Table::wanted`] will have another answer, if nothing else happens.
    pub fn poll_timeout(&self, now: Instant) -> Option<Instant> {
        let dials = self.entries.values().map(|entry| entry.dial_at).filter(|at| *at > now);
        let ends = self.entries.values().flat_map(|entry| &entry.places).filter_map(|h| h.until);
        dials.chain(ends).min()
    }

    /// Everybody, for people, in the order they were heard.
    pub fn rows(&self, now: Instant) -> Vec<FoundRow> {
        let mut all: Vec<_> = self.entries.iter().collect();
        all.sort_unstable_by_key(|(_, entry)| entry.order);
        all.into_iter().map(|(neighbour, entry)| entry.row(*neighbour, now)).collect()
    }
}

impl Entry {
    fn see(&mut self, place: Place, until: Option<Instant>) {
        if let Some(heard) = self.places.iter_mut().find(|heard| heard.place.uri == place.uri) {
            heard.until = heard.until.max(until);
        } else if self.places.len() < PLACES_MAX {
            self.places.push(Heard { place, until });
        }
    }

    fn expire(&mut self, now: Instant) {
        let current = self.places.get(self.current).map(|heard| heard.place.uri.clone());
        self.places.retain(|heard| heard.until.is_none_or(|until| until > now));
        let same = |heard: &Heard| Some(&heard.place.uri) == current.as_ref();
        self.current = self.places.iter().position(same).unwrap_or_default();
    }

    fn row(&self, neighbour: Neighbour, now: Instant) -> FoundRow {
        let (before, from) = self.places.split_at(self.current.min(self.places.len()));
        let last = self.places.iter().filter_map(|heard| heard.until).max();
        FoundRow {
            neighbour,
            uris: from.iter().chain(before).map(|heard| heard.place.uri.clone()).collect(),
            held_for: self.dial_at.checked_duration_since(now).filter(|_| self.is_held),
            forgotten_in: last.map(|last| last.saturating_duration_since(now)),
        }
    }
}
