//! All announces that a node knows (`FAP-60` to `FAP-66`).

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use mesh::error::Error;

use crate::{
    SlotId, UnixSeconds,
    announce::{SlotAnnounce, Unwelcome},
    plz::Plz,
    query::{Hit, Search},
    slot::Slot,
    tombstone::Tombstone,
    trust::Tier,
};

/// Announces kept. Each is some 700 bytes with five slots: 35 MB.
pub const ANNOUNCES_MAX: usize = 50_000;
/// Tombstones kept: some 250 bytes each, 5 MB.
pub const TOMBSTONES_MAX: usize = 20_000;

/// Who brought an announce: a neighbour's number, or this node (or its disk).
pub type Source = Option<u32>;

/// What neighbours compare at once (`FAP-70`): announces of a region that were made on one day, or
/// tombstones of one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bucket {
    /// First two digits of the postal code, or [`Bucket::TOMBSTONES`].
    pub region: u8,
    /// Days since 1970.
    pub day: u16,
}

impl Bucket {
    /// The region of tombstones, which name no place.
    pub const TOMBSTONES: u8 = 100;

    /// Where an announce belongs.
    pub fn of_announce(announce: &SlotAnnounce) -> Self {
        Self { region: announce.plz().region(), day: day(announce.issued()) }
    }

    /// Where a tombstone belongs.
    pub fn of_tombstone(tombstone: &Tombstone) -> Self {
        Self { region: Self::TOMBSTONES, day: day(tombstone.until()) }
    }
}

/// Days since 1970; what is later than 2149 shares the last one.
fn day(at: UnixSeconds) -> u16 {
    u16::try_from(at.0 / 86_400).unwrap_or(u16::MAX)
}

/// An object of the cache.
#[derive(Clone, Copy, Debug)]
pub enum Object<'a> {
    /// An announce.
    Announce(&'a SlotAnnounce),
    /// A tombstone.
    Tombstone(&'a Tombstone),
}

impl Object<'_> {
    /// Its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Announce(announce) => announce.bytes(),
            Self::Tombstone(tombstone) => tombstone.bytes(),
        }
    }
}

/// A row to put or to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheRow {
    /// `a` or `t`, and the practice's key.
    pub key: Vec<u8>,
    /// The object's bytes.
    pub value: Option<Vec<u8>>,
}

#[derive(Debug)]
struct Entry {
    announce: SlotAnnounce,
    tier: Tier,
    source: Source,
}

/// Announces and tombstones, one of each a practice.
#[derive(Debug, Default)]
pub struct Cache {
    announces: BTreeMap<[u8; 32], Entry>,
    tombstones: BTreeMap<[u8; 32], Tombstone>,
    by_plz: BTreeSet<(Plz, [u8; 32])>,
    /// What goes first when there is no room: little known, then what expires first.
    by_worth: BTreeSet<(Tier, UnixSeconds, [u8; 32])>,
    shares: BTreeMap<Source, usize>,
    /// Objects by what neighbours compare: id, and the practice it is of.
    buckets: BTreeMap<Bucket, BTreeMap<[u8; 32], [u8; 32]>>,
    rows: Vec<CacheRow>,
    capacity: usize,
    /// What may become known of practices once their announce is here.
    prospects: BTreeMap<[u8; 32], Tier>,
}

impl Cache {
    /// An empty cache for that many announces, at most [`ANNOUNCES_MAX`].
    pub fn new(capacity: usize) -> Self {
        Self { capacity: capacity.clamp(1, ANNOUNCES_MAX), ..Self::default() }
    }

    /// Takes a verified announce.
    ///
    /// # Errors
    /// [`Unwelcome`]; nothing is changed.
    pub fn insert(
        &mut self,
        now: UnixSeconds,
        announce: SlotAnnounce,
        tier: Tier,
        source: Source,
    ) -> Result<(), Unwelcome> {
        self.welcomes(now, &announce)?;
        let therapist = *announce.therapist();
        let is_new = !self.announces.contains_key(&therapist);
        let worth = self.prospects.get(&therapist).map_or(tier, |prospect| tier.max(*prospect));
        if is_new && self.announces.len() >= self.capacity && !self.make_room(worth, source) {
            return Err(Unwelcome::Full);
        }
        self.remove(&therapist);
        self.rows.push(row(b'a', &therapist, Some(announce.bytes())));
        self.by_plz.insert((announce.plz(), therapist));
        self.by_worth.insert((tier, announce.expires(), therapist));
        *self.shares.entry(source).or_default() += 1;
        let bucket = self.buckets.entry(Bucket::of_announce(&announce)).or_default();
        bucket.insert(announce.id().0, therapist);
        self.announces.insert(therapist, Entry { announce, tier, source });
        Ok(())
    }

    /// Whether an announce would be taken, room aside: cheap, to be asked before its signature is
    /// verified.
    ///
    /// # Errors
    /// [`Unwelcome`].
    pub fn welcomes(&self, now: UnixSeconds, announce: &SlotAnnounce) -> Result<(), Unwelcome> {
        announce.is_timely(now)?;
        let therapist = announce.therapist();
        if self.tombstones.get(therapist).is_some_and(|t| t.sequence() >= announce.sequence()) {
            return Err(Unwelcome::Withdrawn);
        }
        let known = self.announces.get(therapist);
        if known.is_some_and(|known| known.announce.sequence() >= announce.sequence()) {
            return Err(Unwelcome::Known);
        }
        Ok(())
    }

    /// Takes a verified tombstone.
    ///
    /// # Errors
    /// [`Unwelcome`]; nothing is changed.
    pub fn bury(&mut self, now: UnixSeconds, tombstone: Tombstone) -> Result<(), Unwelcome> {
        self.welcomes_tombstone(now, &tombstone)?;
        let therapist = *tombstone.therapist();
        if !self.tombstones.contains_key(&therapist) && self.tombstones.len() >= TOMBSTONES_MAX {
            self.forget_tombstone();
        }
        let known = self.announces.get(&therapist);
        if known.is_some_and(|known| known.announce.sequence() <= tombstone.sequence()) {
            self.remove(&therapist);
            self.rows.push(row(b'a', &therapist, None));
        }
        self.rows.push(row(b't', &therapist, Some(tombstone.bytes())));
        self.remove_tombstone(&therapist);
        let bucket = self.buckets.entry(Bucket::of_tombstone(&tombstone)).or_default();
        bucket.insert(*tombstone.digest(), therapist);
        self.tombstones.insert(therapist, tombstone);
        Ok(())
    }

    /// Whether a tombstone would be taken, to be asked before its signature is verified.
    ///
    /// # Errors
    /// [`Unwelcome`].
    pub fn welcomes_tombstone(
        &self,
        now: UnixSeconds,
        tombstone: &Tombstone,
    ) -> Result<(), Unwelcome> {
        tombstone.is_timely(now)?;
        let therapist = tombstone.therapist();
        let known = self.tombstones.get(therapist).map(Tombstone::sequence);
        let newer = self.announces.get(therapist).map(|entry| entry.announce.sequence());
        if known.is_some_and(|sequence| sequence >= tombstone.sequence())
            || newer.is_some_and(|sequence| sequence > tombstone.sequence())
        {
            return Err(Unwelcome::Known);
        }
        Ok(())
    }

    /// The tombstone that ends first goes: what it withdrew expires soonest.
    fn forget_tombstone(&mut self) {
        let first = self.tombstones.iter().min_by_key(|(_, t)| t.until()).map(|(key, _)| *key);
        if let Some(key) = first {
            self.remove_tombstone(&key);
            self.rows.push(row(b't', &key, None));
        }
    }

    /// Frees a place for an announce of this tier from this source: a less known practice goes, or,
    /// of those that nobody has checked, one that came over the neighbour who brought most.
    fn make_room(&mut self, tier: Tier, source: Source) -> bool {
        let Some((least, _, worst)) = self.by_worth.first().copied() else { return false };
        if least > tier {
            return false;
        }
        let victim = if least < tier {
            worst
        } else {
            let greedy = self.shares.iter().max_by_key(|(_, share)| **share).map(|(s, _)| *s);
            if greedy == Some(source) {
                return false;
            }
            let of_greedy = |(_, _, key): &&(Tier, UnixSeconds, [u8; 32])| {
                self.announces.get(key).is_some_and(|entry| Some(entry.source) == greedy)
            };
            let least_known = self.by_worth.iter().take_while(|(tier, ..)| *tier == least);
            let Some((_, _, key)) = least_known.take(LOOKED_AT_MAX).find(of_greedy) else {
                return false;
            };
            *key
        };
        self.remove(&victim);
        self.rows.push(row(b'a', &victim, None));
        true
    }

    fn remove(&mut self, therapist: &[u8; 32]) {
        let Some(Entry { announce, tier, source }) = self.announces.remove(therapist) else {
            return;
        };
        self.empty_of(Bucket::of_announce(&announce), &announce.id().0);
        self.by_plz.remove(&(announce.plz(), *therapist));
        self.by_worth.remove(&(tier, announce.expires(), *therapist));
        if let Some(share) = self.shares.get_mut(&source) {
            *share -= 1;
            if *share == 0 {
                self.shares.remove(&source);
            }
        }
    }

    fn remove_tombstone(&mut self, therapist: &[u8; 32]) {
        if let Some(gone) = self.tombstones.remove(therapist) {
            self.empty_of(Bucket::of_tombstone(&gone), gone.digest());
        }
    }

    fn empty_of(&mut self, bucket: Bucket, id: &[u8; 32]) {
        if let Some(ids) = self.buckets.get_mut(&bucket) {
            ids.remove(id);
            if ids.is_empty() {
                self.buckets.remove(&bucket);
            }
        }
    }

    /// Buckets that have something in them.
    pub fn buckets(&self) -> impl Iterator<Item = (Bucket, &BTreeMap<[u8; 32], [u8; 32]>)> {
        self.buckets.iter().map(|(bucket, ids)| (*bucket, ids))
    }

    /// What is in a bucket: ids, and whose they are.
    pub fn bucket(&self, bucket: Bucket) -> Option<&BTreeMap<[u8; 32], [u8; 32]>> {
        self.buckets.get(&bucket)
    }

    /// A practice's objects: the announce, the tombstone, or both.
    pub fn objects(&self, therapist: &[u8; 32]) -> impl Iterator<Item = Object<'_>> {
        let tombstone = self.tombstones.get(therapist).map(Object::Tombstone);
        let announce = self.announces.get(therapist).map(|e| Object::Announce(&e.announce));
        tombstone.into_iter().chain(announce)
    }

    /// What is known about a practice changed.
    pub fn set_tier(&mut self, therapist: &[u8; 32], tier: Tier) {
        if let Some(entry) = self.announces.get_mut(therapist) {
            let expires = entry.announce.expires();
            self.by_worth.remove(&(entry.tier, expires, *therapist));
            entry.tier = tier;
            self.by_worth.insert((tier, expires, *therapist));
        }
    }

    /// Practices for which a full cache makes room as for this tier when their first announce comes,
    /// at most as many as a book of trust has. What is shown is what [`Self::set_tier`] says.
    pub fn set_prospects(&mut self, prospects: BTreeMap<[u8; 32], Tier>) {
        self.prospects = prospects;
    }

    /// Drops what is over; the practices whose announces went.
    pub fn expire(&mut self, now: UnixSeconds) -> Vec<[u8; 32]> {
        let mut gone = Vec::new();
        while let Some((expires, therapist)) = self.first_expiry() {
            if expires > now {
                break;
            }
            self.remove(&therapist);
            self.rows.push(row(b'a', &therapist, None));
            gone.push(therapist);
        }
        let over: Vec<[u8; 32]> =
            self.tombstones.iter().filter(|(_, t)| t.until() <= now).map(|(key, _)| *key).collect();
        for key in over {
            self.remove_tombstone(&key);
            self.rows.push(row(b't', &key, None));
        }
        gone
    }

    /// When something expires next.
    pub fn next_expiry(&self) -> Option<UnixSeconds> {
        let tombstone = self.tombstones.values().map(Tombstone::until).min();
        self.first_expiry().map(|(at, _)| at).into_iter().chain(tombstone).min()
    }

    fn first_expiry(&self) -> Option<(UnixSeconds, [u8; 32])> {
        let first = |tier: &Tier| {
            let of_tier =
                (*tier, UnixSeconds(0), [0; 32])..=(*tier, UnixSeconds(u64::MAX), [0xff; 32]);
            self.by_worth
                .range(of_tier)
                .next()
                .map(|(_, expires, therapist)| (*expires, *therapist))
        };
        Tier::ALL.iter().filter_map(first).min()
    }

    /// Rows since the last call.
    pub fn drain_rows(&mut self) -> Vec<CacheRow> {
        core::mem::take(&mut self.rows)
    }

    /// Plays back one row. Signatures are verified again: a disk is not believed.
    ///
    /// # Errors
    /// Bytes that are no object, or not of this row.
    pub fn restore(&mut self, now: UnixSeconds, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let wrong = mesh::error::Malformed::OutOfRange("cache row");
        let (kind, therapist) = key.split_first().ok_or(wrong)?;
        match kind {
            b'a' => {
                let announce = SlotAnnounce::parse_verified(value)?;
                if announce.therapist() != therapist {
                    return Err(wrong.into());
                }
                // What is over, or withdrawn by a tombstone that was restored before it, goes.
                if self.insert(now, announce, Tier::SelfSigned, None).is_err() {
                    self.rows.push(CacheRow { key: key.to_vec(), value: None });
                }
            }
            b't' => {
                let tombstone = Tombstone::parse(value)?;
                tombstone.verify()?;
                if tombstone.therapist() != therapist {
                    return Err(wrong.into());
                }
                if self.bury(now, tombstone).is_err() {
                    self.rows.push(CacheRow { key: key.to_vec(), value: None });
                }
            }
            _ => return Err(wrong.into()),
        }
        Ok(())
    }

    /// How many announces there are.
    pub fn len(&self) -> usize {
        self.announces.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.announces.is_empty()
    }

    /// A practice's announce, and what is known about it.
    pub fn get(&self, therapist: &[u8; 32]) -> Option<(&SlotAnnounce, Tier)> {
        self.announces.get(therapist).map(|entry| (&entry.announce, entry.tier))
    }

    /// A practice's tombstone.
    pub fn tombstone(&self, therapist: &[u8; 32]) -> Option<&Tombstone> {
        self.tombstones.get(therapist)
    }

    /// All announces.
    pub fn announces(&self) -> impl Iterator<Item = &SlotAnnounce> {
        self.announces.values().map(|entry| &entry.announce)
    }

    /// All tombstones.
    pub fn tombstones(&self) -> impl Iterator<Item = &Tombstone> {
        self.tombstones.values()
    }

    /// Announces of a region: those whose postal code begins with these two digits.
    pub fn of_region(&self, region: u8) -> impl Iterator<Item = &SlotAnnounce> {
        let first = u32::from(region) * 1_000;
        self.by_plz
            .iter()
            .skip_while(move |(plz, _)| plz.number() < first)
            .take_while(move |(plz, _)| plz.number() < first + 1_000)
            .filter_map(|(_, therapist)| self.announces.get(therapist))
            .map(|entry| &entry.announce)
    }

    /// The slot of this name, with its announce. All announces are looked through.
    pub fn slot(&self, id: &SlotId) -> Option<(&SlotAnnounce, &Slot)> {
        self.announces.values().find_map(|Entry { announce, .. }| {
            let of = |slot: &&Slot| slot.id(announce.therapist()) == *id;
            announce.slots().iter().find(of).map(|slot| (announce, slot))
        })
    }

    /// What fits a search, the best first. No packet is sent for it.
    pub fn search<'a>(&'a self, search: &'a Search) -> Vec<Hit<'a>> {
        let hits = |entry: &'a Entry| search.candidates(&entry.announce, entry.tier);
        match search.codes() {
            Some(codes) => search.rank(
                codes
                    .iter()
                    .flat_map(|(plz, _)| self.by_plz.range((*plz, [0; 32])..=(*plz, [0xff; 32])))
                    .filter_map(|(_, therapist)| self.announces.get(therapist))
                    .flat_map(hits),
            ),
            None => search.rank(self.announces.values().flat_map(hits)),
        }
    }
}

fn row(kind: u8, therapist: &[u8; 32], value: Option<Vec<u8>>) -> CacheRow {
    let mut key = Vec::with_capacity(33);
    key.push(kind);
    key.extend_from_slice(therapist);
    CacheRow { key, value }
}

/// Announces looked through for one of the neighbour who brought most.
const LOOKED_AT_MAX: usize = 1_024;

#[cfg(test)]
#[path = "cache_tests.rs"]
mod tests;
