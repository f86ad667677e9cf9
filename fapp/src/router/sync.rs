//! Two neighbours compare what they have (`FAP-70` to `FAP-72`, `FAP-75`).
//!
//! ```text
//!  hello ─→ ←─ hello      a number each; equal digests: that was all
//!  buckets ─→             digests of region × day, from whoever drew the lower number
//!           ←─ lists      ids in buckets that differ
//!  needs ─→               ids that are not here
//!  objects ─→ ←─ objects
//! ```

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use mesh::{
    crypto::hash::{Domain, digest16},
    error::{Error, Malformed},
    wire::{Reader, Writer},
};

use super::{
    FappRouter, NeighbourId, Run,
    wire::{self, BUCKETS, Digest, EVERYWHERE, Hello, LISTS, NEEDS, Short},
};
use crate::{UnixSeconds, cache::Bucket};

type Ids = BTreeMap<[u8; 32], [u8; 32]>;

/// Between two comparisons, in seconds: an equal pair spends 60 bytes.
const AGAIN_S: u64 = 600;
/// The same on radio.
const AGAIN_RADIO_S: u64 = 4 * 3_600;
/// Buckets of one comparison: 101 regions times a fortnight, and room; 16 kB.
const LISTS_MAX: usize = 4_096;
/// Ids asked for in one comparison: 65,536 × 12 B = 786 kB.
const NEEDS_MAX: usize = 65_536;
/// Bytes of a bucket with its digest.
const BUCKET_LEN: usize = 3 + 8;
const FIRST: Bucket = Bucket { region: 0, day: 0 };
const LAST: Bucket = Bucket { region: Bucket::TOMBSTONES, day: u16::MAX };

fn digest_of(ids: &Ids) -> [u8; 8] {
    let mut all = Vec::with_capacity(ids.len() * 32);
    ids.keys().for_each(|id| all.extend_from_slice(id));
    let digest = digest16(Domain::FappSync, &[b"bucket", &all]);
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

impl Run {
    const fn new(nonce: u64, region: u8) -> Self {
        Self {
            // 0 says that a number is not known.
            ours: if nonce == 0 { 1 } else { nonce },
            theirs: 0,
            region,
            begun: false,
            buckets_from: None,
            lists: VecDeque::new(),
            needs: VecDeque::new(),
        }
    }

    /// An id as it is called in this comparison: another one each time, so that nobody can prepare two
    /// of the same name.
    fn short(&self, id: &[u8; 32]) -> Short {
        let (low, high) = (self.ours.min(self.theirs), self.ours.max(self.theirs));
        let (low, high) = (low.to_le_bytes(), high.to_le_bytes());
        let [a, b, c, d, e, f, ..] = digest16(Domain::FappSync, &[b"id", &low, &high, id]);
        [a, b, c, d, e, f]
    }

    const fn covers(&self, bucket: Bucket) -> bool {
        self.region == EVERYWHERE
            || bucket.region == self.region
            || bucket.region == Bucket::TOMBSTONES
    }
}

fn next(bucket: Bucket) -> Option<Bucket> {
    match (bucket.region, bucket.day) {
        (Bucket::TOMBSTONES, u16::MAX) => None,
        (region, u16::MAX) => Some(Bucket { region: region + 1, day: 0 }),
        (region, day) => Some(Bucket { region, day: day + 1 }),
    }
}

impl FappRouter {
    /// What is compared with a neighbour: everything, over radio the own region, or nothing.
    fn scope(&self, radio: bool) -> Option<u8> {
        if radio { self.config.radio_region } else { Some(EVERYWHERE) }
    }

    /// Begins a comparison.
    pub(super) fn greet(&mut self, now: UnixSeconds, id: NeighbourId) {
        let Some(radio) = self.neighbours.get(&id).map(|neighbour| neighbour.radio) else { return };
        let scope = self.scope(radio);
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let pause = if radio { AGAIN_RADIO_S } else { AGAIN_S };
        neighbour.again_at = UnixSeconds(now.0 + pause + self.rng.below(pause / 4));
        if let Some(region) = scope {
            neighbour.run = Some(Run::new(self.rng.next_u64(), region));
            neighbour.hello = Some(false);
        }
    }

    pub(super) fn write_hello(&mut self, id: NeighbourId, buf: &mut Vec<u8>) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        let Some(is_answer) = neighbour.hello.take() else { return false };
        let Some(run) = &neighbour.run else { return false };
        let (nonce, region) = (run.ours, run.region);
        let digest = self.digest(region);
        let start = buf.len();
        Hello { nonce, region, digest, is_answer }.write(buf);
        debug_assert_eq!(buf.len() - start, Hello::LEN);
        true
    }

    fn digest(&self, region: u8) -> Digest {
        let mut all = Vec::new();
        for (bucket, ids) in self.cache.buckets() {
            if region == EVERYWHERE || bucket.region == region {
                all.extend_from_slice(&[bucket.region, bucket.day as u8, (bucket.day >> 8) as u8]);
                all.extend_from_slice(&digest_of(ids));
            }
        }
        digest16(Domain::FappSync, &[b"all", &all])
    }

    /// Hellos may cross, and be lost: each side keeps its number until it knows the other's.
    pub(super) fn on_hello(&mut self, id: NeighbourId, hello: Hello) {
        let Some(radio) = self.neighbours.get(&id).map(|neighbour| neighbour.radio) else { return };
        // Two regions that differ have nothing to compare.
        if self.scope(radio) != Some(hello.region) {
            return;
        }
        let is_equal = self.digest(hello.region) == hello.digest;
        let fresh = Run::new(self.rng.next_u64(), hello.region);
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let waits = |run: &&mut Run| run.theirs == 0 || run.theirs == hello.nonce;
        match neighbour.run.as_mut().filter(waits) {
            Some(run) => run.theirs = hello.nonce,
            None if hello.is_answer => return,
            None => neighbour.run = Some(Run { theirs: hello.nonce, ..fresh }),
        }
        if !hello.is_answer {
            neighbour.hello = Some(true);
        }
        if let Some(run) = neighbour.run.as_mut().filter(|run| !is_equal && !run.begun) {
            run.begun = true;
            // The lower number tells its buckets.
            run.buckets_from = (run.ours < run.theirs).then_some(FIRST);
        }
    }

    /// `from bucket | to bucket | (bucket | digest 8)*`: all of ours from one to the other.
    pub(super) fn write_buckets(
        &mut self,
        id: NeighbourId,
        buf: &mut Vec<u8>,
        max_len: usize,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        let Some(run) = &mut neighbour.run else { return false };
        let Some(from) = run.buckets_from else { return false };
        let room = max_len.saturating_sub(1 + 6) / BUCKET_LEN;
        let of_run = |(bucket, _): &(Bucket, &Ids)| *bucket >= from && run.covers(*bucket);
        let mut ours = self.cache.buckets().filter(of_run);
        let told: Vec<(Bucket, [u8; 8])> =
            ours.by_ref().take(room).map(|(bucket, ids)| (bucket, digest_of(ids))).collect();
        // With more to come the frame ends at the last that it tells.
        let to = match (ours.next(), told.last()) {
            (Some(_), Some((last, _))) => *last,
            _ => LAST,
        };
        drop(ours);
        run.buckets_from = next(to);
        buf.push(BUCKETS);
        let mut w = Writer::new(buf);
        wire::write_bucket(&mut w, from);
        wire::write_bucket(&mut w, to);
        for (bucket, digest) in told {
            wire::write_bucket(&mut w, bucket);
            w.array(&digest);
        }
        true
    }

    pub(super) fn on_buckets(&mut self, id: NeighbourId, r: &mut Reader<'_>) -> Result<(), Error> {
        let (from, to) = (wire::read_bucket(r)?, wire::read_bucket(r)?);
        let mut theirs: BTreeMap<Bucket, [u8; 8]> = BTreeMap::new();
        while r.remaining() > 0 {
            let bucket = wire::read_bucket(r)?;
            let after_last = theirs.last_key_value().is_none_or(|(last, _)| bucket > *last);
            if bucket < from || bucket > to || !after_last {
                return Err(Malformed::NonCanonical("buckets").into());
            }
            theirs.insert(bucket, r.array("bucket digest")?);
        }
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        // A comparison that is over here: the next one heals what this one would have.
        let Some(run) = &mut neighbour.run else { return Ok(()) };
        for (bucket, ids) in self.cache.buckets() {
            if bucket < from || bucket > to || !run.covers(bucket) {
                continue;
            }
            let is_equal = theirs.remove(&bucket) == Some(digest_of(ids));
            if !is_equal && run.lists.len() < LISTS_MAX {
                run.lists.push_back(bucket);
            }
        }
        // What is left of theirs is not here at all.
        for bucket in theirs.into_keys() {
            if run.covers(bucket) && run.lists.len() < LISTS_MAX {
                run.lists.push_back(bucket);
            }
        }
        Ok(())
    }

    /// `(bucket | count u16 | short id 6 × count)*`. A bucket that is longer than the frame goes in
    /// pieces; of each only what is in it is asked for, and the rest of it is sent in any case.
    pub(super) fn write_lists(
        &mut self,
        id: NeighbourId,
        buf: &mut Vec<u8>,
        max_len: usize,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        let Some(run) = &mut neighbour.run else { return false };
        if run.lists.is_empty() {
            return false;
        }
        let start = buf.len();
        buf.push(LISTS);
        while let Some(bucket) = run.lists.front().copied() {
            let room = max_len.saturating_sub(buf.len() - start + 5) / 6;
            let empty = Ids::new();
            let ids = self.cache.bucket(bucket).unwrap_or(&empty);
            if ids.len() > room && buf.len() - start > 1 {
                break;
            }
            run.lists.pop_front();
            let short: Vec<Short> = ids.keys().take(room).map(|id| run.short(id)).collect();
            let mut w = Writer::new(buf);
            wire::write_bucket(&mut w, bucket);
            w.u16(short.len() as u16);
            short.iter().for_each(|id| {
                w.array(id);
            });
        }
        true
    }

    pub(super) fn on_lists(&mut self, id: NeighbourId, r: &mut Reader<'_>) -> Result<(), Error> {
        while r.remaining() > 0 {
            let bucket = wire::read_bucket(r)?;
            let count = usize::from(r.u16("id count")?);
            let list = r.bytes(count * 6, "ids")?;
            self.on_list(id, bucket, list)?;
        }
        Ok(())
    }

    fn on_list(&mut self, id: NeighbourId, bucket: Bucket, list: &[u8]) -> Result<(), Error> {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return Ok(()) };
        let Some(run) = neighbour.run.as_mut().filter(|run| run.ours < run.theirs) else {
            return Ok(());
        };
        let empty = Ids::new();
        let ids = self.cache.bucket(bucket).unwrap_or(&empty);
        let mut ours: BTreeMap<Short, [u8; 32]> =
            ids.keys().map(|id| (run.short(id), *id)).collect();
        for theirs in list.chunks_exact(6) {
            let mut short = [0; 6];
            short.copy_from_slice(theirs);
            if ours.remove(&short).is_none() && run.needs.len() < NEEDS_MAX {
                run.needs.push_back((bucket, short));
            }
        }
        for object in ours.into_values() {
            self.owe(id, bucket, &object);
        }
        Ok(())
    }

    /// `(bucket | count u16 | short id 6 × count)*`, as lists.
    pub(super) fn write_needs(
        &mut self,
        id: NeighbourId,
        buf: &mut Vec<u8>,
        max_len: usize,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        let Some(run) = &mut neighbour.run else { return false };
        if run.needs.is_empty() {
            return false;
        }
        let start = buf.len();
        buf.push(NEEDS);
        while let Some((bucket, _)) = run.needs.front().copied() {
            let room = max_len.saturating_sub(buf.len() - start + 5) / 6;
            if room == 0 {
                break;
            }
            let same = run.needs.iter().take_while(|(other, _)| *other == bucket).count();
            let count = same.min(room);
            let mut w = Writer::new(buf);
            wire::write_bucket(&mut w, bucket);
            w.u16(count as u16);
            for (_, short) in run.needs.drain(..count) {
                w.array(&short);
            }
        }
        true
    }

    pub(super) fn on_needs(&mut self, id: NeighbourId, r: &mut Reader<'_>) -> Result<(), Error> {
        while r.remaining() > 0 {
            let bucket = wire::read_bucket(r)?;
            let count = usize::from(r.u16("id count")?);
            let wanted = r.bytes(count * 6, "ids")?;
            let Some(run) = self.neighbours.get(&id).and_then(|n| n.run.as_ref()) else {
                return Ok(());
            };
            let Some(ids) = self.cache.bucket(bucket) else { continue };
            let ours: BTreeMap<Short, [u8; 32]> =
                ids.keys().map(|id| (run.short(id), *id)).collect();
            let wanted: Vec<[u8; 32]> =
                wanted.chunks_exact(6).filter_map(|short| ours.get(short).copied()).collect();
            for object in wanted {
                self.owe(id, bucket, &object);
            }
        }
        Ok(())
    }
}
