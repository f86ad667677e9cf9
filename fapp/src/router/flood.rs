//! New announces and tombstones, to every neighbour that has not brought them (`FAP-73`, `FAP-74`).

use alloc::vec::Vec;

use mesh::{
    crypto::{Mode, sign::Batch},
    error::{Error, PeerMisbehaved},
    wire::Reader,
};

use super::{FappEvent, FappRouter, NeighbourId, wire};
use crate::{
    UnixSeconds,
    announce::SlotAnnounce,
    cache::{Bucket, Object},
    tombstone::Tombstone,
    trust::Tier,
};

/// Signatures verified at once. More are hardly faster, and what a batch takes while it runs (4 kB a
/// signature) is a hole in the heap afterwards.
const BATCH: usize = 16;

/// An object of a neighbour, not verified yet.
enum Brought {
    Announce(SlotAnnounce),
    Tombstone(Tombstone),
}

impl Brought {
    fn parse(bytes: &[u8]) -> Result<Self, Error> {
        // The second byte is the type: 1 or 2.
        match bytes.get(1) {
            Some(2) => Tombstone::parse(bytes).map(Self::Tombstone),
            _ => SlotAnnounce::parse(bytes).map(Self::Announce),
        }
    }

    fn verify_in(&self, batch: &mut Batch) {
        match self {
            Self::Announce(announce) => announce.verify_in(batch),
            Self::Tombstone(tombstone) => tombstone.verify_in(batch),
        }
    }
}

impl FappRouter {
    /// Marks a practice's objects as to be sent to everybody but who brought them.
    pub(super) fn spread(&mut self, therapist: &[u8; 32], from: Option<NeighbourId>) {
        let region = self.cache.get(therapist).map(|(announce, _)| announce.plz().region());
        for (id, neighbour) in &mut self.neighbours {
            let region_of_radio = self.config.radio_region;
            // Over radio a tombstone goes everywhere it may be needed; an announce only at home.
            let goes = !neighbour.radio || region.is_none_or(|r| Some(r) == region_of_radio);
            if Some(*id) != from && goes {
                neighbour.fresh.insert(*therapist);
            }
        }
    }

    /// Packs objects for a neighbour until the frame is full.
    pub(super) fn write_objects(
        &mut self,
        id: NeighbourId,
        buf: &mut Vec<u8>,
        max_len: usize,
    ) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return false };
        let start = buf.len();
        buf.push(wire::OBJECTS);
        while let Some(therapist) = neighbour.fresh.first().copied() {
            let objects: Vec<Vec<u8>> =
                self.cache.objects(&therapist).map(|object| Object::bytes(&object)).collect();
            let len: usize = objects.iter().map(|object| object.len() + 2).sum();
            let fits = buf.len() - start + len <= max_len;
            // What is longer than any frame of this link stays for other links.
            if !fits && buf.len() - start > 1 {
                break;
            }
            neighbour.fresh.remove(&therapist);
            if fits {
                objects.iter().for_each(|object| wire::write_object(buf, object));
            }
        }
        let wrote = buf.len() - start > 1;
        if !wrote {
            buf.truncate(start);
        }
        wrote
    }

    /// Objects of a neighbour; how many of them were new.
    pub(super) fn on_objects(
        &mut self,
        now: UnixSeconds,
        id: NeighbourId,
        r: &mut Reader<'_>,
    ) -> Result<usize, Error> {
        let (brought, broken) = self.read_objects(now, r);
        let mut verdicts = Vec::with_capacity(brought.len());
        for part in brought.chunks(BATCH) {
            let mut batch = Batch::new(Mode::Real);
            part.iter().for_each(|object| object.verify_in(&mut batch));
            verdicts.append(&mut batch.verify(&mut self.rng));
        }
        let forged = verdicts.iter().any(|holds| !holds);
        let mut new = 0;
        for (object, holds) in brought.into_iter().zip(verdicts) {
            if holds && self.take(now, id, object) {
                new += 1;
            }
        }
        match broken {
            Some(error) => Err(error),
            None if forged => Err(PeerMisbehaved::BadSignature.into()),
            None => Ok(new),
        }
    }

    /// What is worth verifying, and what broke the reading. What came before that counts.
    fn read_objects(
        &mut self,
        now: UnixSeconds,
        r: &mut Reader<'_>,
    ) -> (Vec<Brought>, Option<Error>) {
        let mut brought = Vec::new();
        while r.remaining() > 0 {
            let object = r.u16("object length").and_then(|len| r.bytes(len.into(), "object"));
            let parsed = object.map_err(Error::from).and_then(Brought::parse);
            match parsed {
                Ok(object) if self.is_welcome(now, &object) => brought.push(object),
                Ok(_) => self.counters.unwelcome += 1,
                // One of a newer version does not spoil the others.
                Err(Error::Unsupported(_)) => self.counters.unwelcome += 1,
                Err(error) => return (brought, Some(error)),
            }
        }
        (brought, None)
    }

    fn is_welcome(&self, now: UnixSeconds, object: &Brought) -> bool {
        match object {
            Brought::Announce(announce) => self.cache.welcomes(now, announce).is_ok(),
            Brought::Tombstone(tombstone) => self.cache.welcomes_tombstone(now, tombstone).is_ok(),
        }
    }

    fn take(&mut self, now: UnixSeconds, from: NeighbourId, object: Brought) -> bool {
        let (taken, event) = match object {
            Brought::Announce(announce) => {
                let therapist = *announce.therapist();
                let tier = self.cache.get(&therapist).map_or(Tier::SelfSigned, |(_, tier)| tier);
                let taken = self.cache.insert(now, announce, tier, Some(from));
                (taken, FappEvent::Announced(therapist))
            }
            Brought::Tombstone(tombstone) => {
                let therapist = *tombstone.therapist();
                (self.cache.bury(now, tombstone), FappEvent::Withdrawn(therapist))
            }
        };
        let (FappEvent::Announced(therapist) | FappEvent::Withdrawn(therapist)) = event else {
            return false;
        };
        if taken.is_err() {
            self.counters.unwelcome += 1;
            return false;
        }
        self.counters.taken += 1;
        self.say(event);
        self.spread(&therapist, Some(from));
        if let Some(neighbour) = self.neighbours.get_mut(&from) {
            // It has at least this one.
            neighbour.fresh.remove(&therapist);
        }
        true
    }

    /// Objects of a bucket that a neighbour lacks are on their way to it.
    pub(super) fn owe(&mut self, id: NeighbourId, bucket: Bucket, object: &[u8; 32]) {
        let therapist = self.cache.bucket(bucket).and_then(|ids| ids.get(object)).copied();
        if let (Some(neighbour), Some(therapist)) = (self.neighbours.get_mut(&id), therapist) {
            neighbour.fresh.insert(therapist);
        }
    }
}
