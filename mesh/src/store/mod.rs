//! Envelopes of others in our custody (`specs/15-store.md`).
//!
//! [`MeshStore`] keeps durable envelopes from the moment their record is handed to the driver
//! until the next custodian, the recipient or their expiry relieves us. It decides what may be
//! admitted; the node decides where things go.

mod quota;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

pub(crate) use quota::{Quota, QuotaConfig};

use crate::{
    address::Address,
    envelope::{Admitted, EnvelopeId},
    error::{Error, Malformed},
    link::LinkId,
    record::{Record, Table},
    time::Instant,
    wire::{Reader, Writer},
};

/// First pause after a try that brought nothing; doubles up to [`RETRY_MAX`].
pub(crate) const RETRY_MIN: Duration = Duration::from_secs(2);
/// Longest pause between two tries.
pub(crate) const RETRY_MAX: Duration = Duration::from_secs(300);

/// Envelopes kept at most, whatever their size: the map costs about 300 bytes an entry, 60 MB.
pub const STORED_MAX: usize = 200_000;

/// Less life than this is not worth a copy.
const LIFE_GAIN_MIN: Duration = Duration::from_secs(1);

/// Written in a row when it is not known where the envelope came from.
const NOBODY: Address = Address::from_bytes([0; 16]);

/// Where a stored envelope stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waits for a route, or for its retry time.
    Waiting,
    /// In the queue of this link.
    Queued(LinkId),
    /// Handed to this link; its custody acknowledgement or receipt is awaited.
    Sent(LinkId),
}

/// An envelope in custody.
#[derive(Debug)]
pub(crate) struct Stored {
    pub(crate) envelope: Admitted,
    /// The neighbour it came from, for quotas. `None` after a restart.
    pub(crate) ingress: Option<LinkId>,
    /// The neighbour it came from, for its receipt: survives restarts.
    pub(crate) from: Option<Address>,
    /// When it arrived; what it has aged since is added when it leaves (`ENV-08`).
    pub(crate) since: Instant,
    pub(crate) stage: Stage,
    /// Set while the record is not yet known to be durable.
    pub(crate) committed: bool,
    pub(crate) retry_at: Option<Instant>,
    pub(crate) tries: u32,
}

impl Stored {
    pub(crate) fn expires_at(&self) -> Instant {
        self.since + self.envelope.remaining_life()
    }

    /// The envelope with the better of hops and age of both, if a copy has more hops left or at least
    /// twice the life. Neither gets worse, so that each changes a bounded number of times: 64 hops, and
    /// 22 doublings from a second to 30 days.
    fn joined_with(&self, now: Instant, copy: &Admitted) -> Option<Admitted> {
        let left = self.expires_at().saturating_since(now);
        let (ours, theirs) = (self.envelope.header(), copy.header());
        let further = theirs.hops_left > ours.hops_left;
        let longer = copy.remaining_life() >= left.max(LIFE_GAIN_MIN) * 2;
        if !further && !longer {
            return None;
        }
        let held_ms = u32::try_from(now.saturating_since(self.since).as_millis()).ok();
        let our_age_ms = ours.age_ms.saturating_add(held_ms.unwrap_or(u32::MAX));
        let mut bytes = Vec::with_capacity(self.envelope.bytes().len());
        let (hops, age_ms) = (theirs.hops_left.max(ours.hops_left), theirs.age_ms.min(our_age_ms));
        self.envelope.write_forward(hops, age_ms, &mut bytes);
        Admitted::from_stored(&bytes).ok()
    }
}

/// The row of an envelope.
fn row(id: &EnvelopeId, arrival: u64, from: Option<Address>, bytes: &[u8]) -> Record {
    let mut value = Vec::with_capacity(24 + bytes.len());
    let mut w = Writer::new(&mut value);
    w.u64(arrival);
    w.array(from.unwrap_or(NOBODY).as_bytes());
    w.bytes(bytes);
    Record { table: Table::Custody, key: id.0.to_vec(), value: Some(value) }
}

/// Why an envelope was not taken into custody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// The quota of the node, the neighbour, the destination or the priority is used up.
    Full,
}

/// The store.
#[derive(Debug)]
pub struct MeshStore {
    envelopes: BTreeMap<EnvelopeId, Stored>,
    by_dest: BTreeMap<Address, BTreeSet<(u64, EnvelopeId)>>,
    by_lock: BTreeMap<[u8; 16], EnvelopeId>,
    by_link: BTreeMap<LinkId, BTreeSet<EnvelopeId>>,
    retries: BTreeSet<(Instant, EnvelopeId)>,
    expiries: BTreeSet<(Instant, EnvelopeId)>,
    arrivals: BTreeMap<EnvelopeId, u64>,
    next_arrival: u64,
    quota: Quota,
    records: Vec<Record>,
}

impl MeshStore {
    /// An empty store that takes at most `quota_bytes` of envelopes.
    pub(crate) fn new(config: QuotaConfig) -> Self {
        Self {
            envelopes: BTreeMap::new(),
            by_dest: BTreeMap::new(),
            by_lock: BTreeMap::new(),
            by_link: BTreeMap::new(),
            retries: BTreeSet::new(),
            expiries: BTreeSet::new(),
            arrivals: BTreeMap::new(),
            next_arrival: 0,
            quota: Quota::new(config),
            records: Vec::new(),
        }
    }

    /// Plays back one row of [`Table::Custody`].
    ///
    /// # Errors
    /// [`Error`] when the row does not parse or is not what its key says (`STO-08`).
    pub(crate) fn restore(&mut self, now: Instant, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let mut r = Reader::new(value);
        let arrival = r.u64("arrival")?;
        let from = Address::from_bytes(r.array("neighbour")?);
        let from = (from != NOBODY).then_some(from);
        let envelope = Admitted::from_stored(r.rest())?;
        if key != envelope.id().0 {
            return Err(Malformed::OutOfRange("custody row key").into());
        }
        self.next_arrival = self.next_arrival.max(arrival + 1);
        self.quota.add(None, &envelope.header().dest, envelope.bytes().len());
        self.index(envelope, (None, from), now, arrival, true);
        Ok(())
    }

    /// Takes an envelope into custody and emits its record; the caller acknowledges once the
    /// record is durable.
    pub(crate) fn insert(
        &mut self,
        now: Instant,
        envelope: Admitted,
        ingress: Option<LinkId>,
        from: Option<Address>,
    ) -> Result<(), StoreError> {
        let (dest, len) = (envelope.header().dest, envelope.bytes().len());
        if self.envelopes.len() >= STORED_MAX
            || !self.quota.admits(ingress, &dest, len, envelope.header().priority)
        {
            return Err(StoreError::Full);
        }
        self.quota.add(ingress, &dest, len);
        let arrival = self.next_arrival;
        self.next_arrival += 1;
        self.records.push(row(&envelope.id(), arrival, from, envelope.bytes()));
        self.index(envelope, (ingress, from), now, arrival, false);
        Ok(())
    }

    /// Takes over from a copy of a stored envelope what is better about it: hops left, or life
    /// (`STO-11`). Whether anything was.
    pub(crate) fn improve(&mut self, now: Instant, copy: &Admitted) -> bool {
        let id = copy.id();
        let Some(stored) = self.envelopes.get_mut(&id) else { return false };
        let Some(better) = stored.joined_with(now, copy) else { return false };
        self.expiries.remove(&(stored.expires_at(), id));
        (stored.envelope, stored.since, stored.tries) = (better, now, 0);
        self.expiries.insert((stored.expires_at(), id));
        let (from, bytes) = (stored.from, stored.envelope.bytes());
        let arrival = self.arrivals.get(&id).copied().unwrap_or_default();
        self.records.push(row(&id, arrival, from, bytes));
        true
    }

    fn index(
        &mut self,
        envelope: Admitted,
        (ingress, from): (Option<LinkId>, Option<Address>),
        now: Instant,
        arrival: u64,
        committed: bool,
    ) {
        let id = envelope.id();
        let header = envelope.header();
        self.by_dest.entry(header.dest).or_default().insert((arrival, id));
        self.by_lock.insert(header.lock, id);
        self.arrivals.insert(id, arrival);
        let stored = Stored {
            envelope,
            ingress,
            from,
            since: now,
            stage: Stage::Waiting,
            committed,
            retry_at: None,
            tries: 0,
        };
        self.expiries.insert((stored.expires_at(), id));
        self.envelopes.insert(id, stored);
    }

    /// Deletes an envelope and its record: it is somebody else's, received, or expired.
    pub(crate) fn remove(&mut self, id: &EnvelopeId) -> Option<Stored> {
        let stored = self.envelopes.remove(id)?;
        let header = stored.envelope.header();
        let arrival = self.arrivals.remove(id).expect("every stored envelope has an arrival");
        if let Some(ids) = self.by_dest.get_mut(&header.dest) {
            ids.remove(&(arrival, *id));
            if ids.is_empty() {
                self.by_dest.remove(&header.dest);
            }
        }
        if self.by_lock.get(&header.lock) == Some(id) {
            self.by_lock.remove(&header.lock);
        }
        self.unlink(stored.stage, id);
        if let Some(at) = stored.retry_at {
            self.retries.remove(&(at, *id));
        }
        self.expiries.remove(&(stored.expires_at(), *id));
        self.quota.remove(stored.ingress, &header.dest, stored.envelope.bytes().len());
        self.records.push(Record { table: Table::Custody, key: id.0.to_vec(), value: None });
        Some(stored)
    }

    /// Moves an envelope to another stage, with the time of its next retry.
    pub(crate) fn set_stage(&mut self, id: &EnvelopeId, stage: Stage, retry_at: Option<Instant>) {
        let Some(stored) = self.envelopes.get_mut(id) else { return };
        let before = core::mem::replace(&mut stored.stage, stage);
        let retry_before = core::mem::replace(&mut stored.retry_at, retry_at);
        if let Some(at) = retry_before {
            self.retries.remove(&(at, *id));
        }
        if let Some(at) = retry_at {
            self.retries.insert((at, *id));
        }
        self.unlink(before, id);
        if let Stage::Queued(link) | Stage::Sent(link) = stage {
            self.by_link.entry(link).or_default().insert(*id);
        }
    }

    fn unlink(&mut self, stage: Stage, id: &EnvelopeId) {
        if let Stage::Queued(link) | Stage::Sent(link) = stage
            && let Some(ids) = self.by_link.get_mut(&link)
        {
            ids.remove(id);
            if ids.is_empty() {
                self.by_link.remove(&link);
            }
        }
    }

    /// Notes a try and returns the pause before the next one.
    pub(crate) fn back_off(&mut self, id: &EnvelopeId) -> Duration {
        let Some(stored) = self.envelopes.get_mut(id) else { return RETRY_MIN };
        let pause = RETRY_MIN * (1 << stored.tries.min(8));
        stored.tries += 1;
        pause.min(RETRY_MAX)
    }

    /// A neighbour's link is gone: what it had not acknowledged waits again; what came from it
    /// counts for nobody's share any more.
    pub(crate) fn on_link_down(&mut self, link: LinkId) -> Vec<EnvelopeId> {
        let ids: Vec<_> = self.by_link.remove(&link).into_iter().flatten().collect();
        for id in &ids {
            self.set_stage(id, Stage::Waiting, None);
        }
        self.quota.forget_link(link);
        ids
    }

    pub(crate) fn get(&self, id: &EnvelopeId) -> Option<&Stored> {
        self.envelopes.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &EnvelopeId) -> Option<&mut Stored> {
        self.envelopes.get_mut(id)
    }

    pub(crate) fn by_lock(&self, lock: &[u8; 16]) -> Option<EnvelopeId> {
        self.by_lock.get(lock).copied()
    }

    /// What waits for `dest`, oldest first.
    pub(crate) fn waiting_for(&self, dest: &Address) -> Vec<EnvelopeId> {
        let ids = self.by_dest.get(dest).into_iter().flatten().map(|&(_, id)| id);
        ids.filter(|id| self.envelopes.get(id).is_some_and(|s| s.stage == Stage::Waiting)).collect()
    }

    /// Everything stored, by id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&EnvelopeId, &Stored)> {
        self.envelopes.iter()
    }

    /// Takes the next envelope whose retry time has come.
    pub(crate) fn pop_retry(&mut self, now: Instant) -> Option<EnvelopeId> {
        let &(at, id) = self.retries.first()?;
        if at > now {
            return None;
        }
        self.retries.pop_first();
        if let Some(stored) = self.envelopes.get_mut(&id) {
            stored.retry_at = None;
        }
        Some(id)
    }

    /// Takes out the next envelope whose life is over.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<Stored> {
        let &(at, id) = self.expiries.first()?;
        if at > now {
            return None;
        }
        self.remove(&id)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let retry = self.retries.first().map(|&(at, _)| at);
        let expiry = self.expiries.first().map(|&(at, _)| at);
        retry.into_iter().chain(expiry).min()
    }

    pub(crate) fn drain_records(&mut self, out: &mut Vec<Record>) {
        out.append(&mut self.records);
    }

    pub(crate) fn set_read_only(&mut self, read_only: bool) {
        self.quota.set_closed(read_only);
    }

    /// Envelopes in custody.
    pub fn len(&self) -> usize {
        self.envelopes.len()
    }

    /// Whether nothing is in custody.
    pub fn is_empty(&self) -> bool {
        self.envelopes.is_empty()
    }

    /// Bytes of envelopes in custody.
    pub fn bytes(&self) -> u64 {
        self.quota.total_bytes()
    }
}

#[cfg(test)]
mod tests;
