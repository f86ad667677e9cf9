//! Searches that stay: slots that fit are reported once, as they come (`FAP-90` to `FAP-94`).
//!
//! An [`AlertBook`] looks at what the node knows, and at what arrives. It sends nothing, and nobody learns
//! of it: a driver hands in announces and the cache, and takes hits and rows out.

mod row;
#[cfg(test)]
mod tests;

use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
    vec::Vec,
};
use core::fmt;

use mesh::error::{Error, Malformed};

use crate::{
    SlotId, UnixSeconds,
    announce::SlotAnnounce,
    cache::Cache,
    query::{Hit, QueryError, Search, SlotQuery},
    reservation::{Row, misleads},
    trust::Tier,
};

/// Names an alert of this book; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlertId(pub u32);

/// A slot that an alert has reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reported {
    /// The alert.
    pub alert: AlertId,
    /// The slot.
    pub slot: SlotId,
    /// Whose it is.
    pub therapist: [u8; 32],
    /// When it begins.
    pub start: UnixSeconds,
}

/// An alert, as its owner sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AlertView<'a> {
    /// Its name.
    pub id: AlertId,
    /// What its owner calls it; may be empty.
    pub label: &'a str,
    /// What it looks for.
    pub query: &'a SlotQuery,
    /// Whether it has reported as many slots as it remembers, and waits until some have begun.
    pub is_full: bool,
}

/// Why there is no new alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertError {
    /// Nobody can search like that.
    Query(QueryError),
    /// There are [`AlertBook::ALERTS_MAX`].
    Full,
    /// The label is longer than [`AlertBook::LABEL_LEN_MAX`], or has characters that change how others
    /// are shown.
    Label,
}

impl fmt::Display for AlertError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(error) => error.fmt(f),
            Self::Full => f.write_str("there are 32 alerts already; remove one first"),
            Self::Label => {
                f.write_str("a label is up to 64 bytes of text without control characters")
            }
        }
    }
}

impl core::error::Error for AlertError {}

struct Alert {
    label: String,
    query: SlotQuery,
    search: Search,
    memory: Memory,
}

#[derive(Default)]
struct Memory {
    /// Slots that were reported and have not begun: whose they are, and when they begin.
    reported: BTreeMap<SlotId, ([u8; 32], UnixSeconds)>,
    /// A slot fitted while there was no room to remember it.
    missed: bool,
}

/// Alerts of one person.
///
/// # Examples
///
/// ```
/// use fapp::{UnixSeconds, alert::AlertBook, cache::Cache, query::SlotQuery};
///
/// let (now, cache) = (UnixSeconds(1_799_740_800), Cache::new(100));
/// let mut book = AlertBook::default();
/// let near = SlotQuery { plz: Some("80331".into()), ..Default::default() };
/// let id = book.add(now, &near, "near work").expect("a sound query");
/// book.look(now, &cache);
/// assert_eq!(book.poll_hit(), None);
/// assert!(book.remove(id));
/// ```
#[derive(Default)]
pub struct AlertBook {
    alerts: BTreeMap<AlertId, Alert>,
    next_id: u32,
    /// What is to be told, at most what all alerts remember.
    hits: VecDeque<Reported>,
    rows: VecDeque<Row>,
}

impl AlertBook {
    /// Most alerts.
    pub const ALERTS_MAX: usize = 32;
    /// Slots that an alert remembers: 72 bytes each with the map's own, 1.2 MB for all alerts.
    pub const REPORTED_MAX: usize = 512;
    /// Longest label, in bytes.
    pub const LABEL_LEN_MAX: usize = 64;

    /// Adds an alert. What fits already is reported by the next [`Self::look`].
    ///
    /// # Errors
    /// [`AlertError`].
    pub fn add(
        &mut self,
        now: UnixSeconds,
        query: &SlotQuery,
        label: &str,
    ) -> Result<AlertId, AlertError> {
        if label.len() > Self::LABEL_LEN_MAX || label.chars().any(misleads) {
            return Err(AlertError::Label);
        }
        if self.alerts.len() >= Self::ALERTS_MAX {
            return Err(AlertError::Full);
        }
        let alert = Alert::new(now, query.clone(), label.into()).map_err(AlertError::Query)?;
        let id = AlertId(self.next_id);
        self.next_id += 1;
        self.rows.push_back(row::put_alert(id, &alert.label, &alert.query));
        self.rows.push_back(row::put_counter(self.next_id));
        self.alerts.insert(id, alert);
        Ok(id)
    }

    /// Forgets an alert and what it reported; whether there was one.
    pub fn remove(&mut self, id: AlertId) -> bool {
        let Some(alert) = self.alerts.remove(&id) else { return false };
        self.hits.retain(|hit| hit.alert != id);
        self.rows.push_back(row::delete_alert(id));
        self.rows.extend(alert.memory.reported.keys().map(|slot| row::delete_reported(id, slot)));
        true
    }

    /// All alerts, the oldest first.
    pub fn alerts(&self) -> impl Iterator<Item = AlertView<'_>> {
        self.alerts.iter().map(|(id, alert)| AlertView {
            id: *id,
            label: &alert.label,
            query: &alert.query,
            is_full: alert.memory.is_full(),
        })
    }

    /// What an alert has reported and has not begun, the soonest first.
    pub fn reported(&self, id: AlertId) -> Vec<Reported> {
        let alert = self.alerts.get(&id);
        let of = |(slot, (therapist, start)): (&SlotId, &([u8; 32], UnixSeconds))| Reported {
            alert: id,
            slot: *slot,
            therapist: *therapist,
            start: *start,
        };
        let mut reported: Vec<Reported> =
            alert.into_iter().flat_map(|alert| &alert.memory.reported).map(of).collect();
        reported.sort_unstable_by_key(|hit| (hit.start, hit.slot));
        reported
    }

    /// An announce arrived, or more is known about its practice.
    pub fn on_announce(&mut self, now: UnixSeconds, announce: &SlotAnnounce, tier: Tier) {
        let Self { alerts, hits, rows, .. } = self;
        for (id, Alert { search, memory, .. }) in alerts {
            search.advance(now);
            memory.report(*id, &search.hits_of(announce, tier), hits, rows);
        }
    }

    /// Looks through all that is known, and forgets slots that have begun. To be called after
    /// [`Self::add`], at a start, and every few minutes.
    pub fn look(&mut self, now: UnixSeconds, cache: &Cache) {
        self.expire(now);
        let Self { alerts, hits, rows, .. } = self;
        for (id, Alert { search, memory, .. }) in alerts {
            memory.missed = false;
            search.advance(now);
            memory.report(*id, &cache.search(search), hits, rows);
        }
    }

    /// Whether a [`Self::look`] may find something that no announce will bring: a slot fitted while an
    /// alert could remember no more.
    pub fn has_missed(&self) -> bool {
        self.alerts.values().any(|alert| alert.memory.missed)
    }

    fn expire(&mut self, now: UnixSeconds) {
        for (id, alert) in &mut self.alerts {
            let rows = &mut self.rows;
            alert.memory.reported.retain(|slot, (_, start)| {
                let stays = *start >= now;
                if !stays {
                    rows.push_back(row::delete_reported(*id, slot));
                }
                stays
            });
        }
        self.hits.retain(|hit| hit.start >= now);
    }

    /// The next slot to tell of.
    pub fn poll_hit(&mut self) -> Option<Reported> {
        self.hits.pop_front()
    }

    /// The next row for the disk. They tell what somebody looks for: keep them where deleted rows
    /// become unreadable.
    pub fn poll_row(&mut self) -> Option<Row> {
        self.rows.pop_front()
    }

    /// Plays back one row; rows of alerts (`s…`) come before those of what they reported (`r…`).
    ///
    /// # Errors
    /// Bytes that are no row, or more of them than are ever written.
    pub fn restore(&mut self, now: UnixSeconds, key: &[u8], value: &[u8]) -> Result<(), Error> {
        match row::Stored::parse(key, value)? {
            row::Stored::Counter(next) => self.next_id = self.next_id.max(next),
            row::Stored::Alert(id, label, query) => {
                let sound = label.len() <= Self::LABEL_LEN_MAX && !label.chars().any(misleads);
                let room = self.alerts.len() < Self::ALERTS_MAX;
                if !sound || !room || self.alerts.contains_key(&id) {
                    return Err(Malformed::OutOfRange("alert row").into());
                }
                let alert = Alert::new(now, query, label);
                let alert = alert.map_err(|_| Malformed::OutOfRange("alert query"))?;
                self.next_id = self.next_id.max(id.0.saturating_add(1));
                self.alerts.insert(id, alert);
            }
            row::Stored::Reported(hit) => {
                let alert = self.alerts.get_mut(&hit.alert).filter(|alert| !alert.memory.is_full());
                let alert = alert.ok_or(Malformed::OutOfRange("reported row"))?;
                alert.memory.reported.insert(hit.slot, (hit.therapist, hit.start));
            }
        }
        Ok(())
    }
}

impl Alert {
    fn new(now: UnixSeconds, mut query: SlotQuery, label: String) -> Result<Self, QueryError> {
        // As many as it can remember: what is reported already is among the best, too.
        query.limit = AlertBook::REPORTED_MAX as u16;
        let search = query.at(now)?;
        Ok(Self { label, query, search, memory: Memory::default() })
    }
}

impl Memory {
    fn is_full(&self) -> bool {
        self.reported.len() >= AlertBook::REPORTED_MAX
    }

    fn report(
        &mut self,
        id: AlertId,
        found: &[Hit<'_>],
        hits: &mut VecDeque<Reported>,
        rows: &mut VecDeque<Row>,
    ) {
        for hit in found {
            if self.reported.contains_key(&hit.id) {
                continue;
            }
            if self.is_full() {
                self.missed = true;
                return;
            }
            let (therapist, start) = (*hit.announce.therapist(), hit.slot.start);
            let new = Reported { alert: id, slot: hit.id, therapist, start };
            self.reported.insert(hit.id, (therapist, start));
            rows.push_back(row::put_reported(&new));
            hits.push_back(new);
        }
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for AlertBook {
    /// What somebody looks for stays out of logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AlertBook({} alerts)", self.alerts.len())
    }
}
