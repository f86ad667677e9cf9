//! Bounds inbound handshakes, so that connections that say nothing cost no one a link (`LNK-54`).

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{task::AbortHandle, time::Instant};

use super::source::{Rates, Source};
use crate::limits::{HALF_OPEN_MAX, HALF_OPEN_PER_SOURCE_MAX};

/// The inbound handshakes in progress, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct HalfOpen(Arc<Mutex<Slots>>);

#[derive(Debug, Default)]
struct Slots {
    next: u64,
    by_age: BTreeMap<u64, Slot>,
    rates: Rates,
}

#[derive(Debug)]
struct Slot {
    source: Source,
    task: Option<AbortHandle>,
}

impl HalfOpen {
    /// Takes a place for a connection from `address`; `None` when its source has all it may have.
    /// When the house is full the oldest handshake is ended: honest ones last milliseconds.
    pub(crate) fn enter(&self, address: IpAddr, now: Instant) -> Option<Place> {
        let source = Source::from(address);
        let mut slots = self.lock();
        let same = slots.by_age.values().filter(|slot| slot.source == source).count();
        if same >= HALF_OPEN_PER_SOURCE_MAX || !slots.rates.take(source, now) {
            return None;
        }
        let is_full = slots.by_age.len() >= HALF_OPEN_MAX;
        let oldest = if is_full { slots.by_age.pop_first() } else { None };
        let number = slots.next;
        slots.next += 1;
        slots.by_age.insert(number, Slot { source, task: None });
        drop(slots);
        if let Some((_, Slot { task: Some(task), .. })) = oldest {
            task.abort();
        }
        Some(Place { number, house: self.clone() })
    }

    /// Names the task that holds a place, so that it can be ended.
    pub(crate) fn set_task(&self, place: u64, task: AbortHandle) {
        if let Some(slot) = self.lock().by_age.get_mut(&place) {
            slot.task = Some(task);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().by_age.len()
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        // Nothing panics while it holds the lock; the data stays whole if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place among the half-open connections, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    number: u64,
    house: HalfOpen,
}

impl Place {
    /// The number under which [`HalfOpen::set_task`] finds the place.
    pub(crate) const fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.lock().by_age.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lnk_54_one_source_has_a_share() {
        let (house, now) = (HalfOpen::default(), Instant::now());
        let at = |text: &str| text.parse::<IpAddr>().expect("an address");
        let places: Vec<_> = (0..HALF_OPEN_PER_SOURCE_MAX)
            .filter_map(|_| house.enter(at("192.0.2.1"), now))
            .collect();
        assert_eq!(places.len(), HALF_OPEN_PER_SOURCE_MAX);
        assert!(house.enter(at("192.0.2.1"), now).is_none());
        assert!(house.enter(at("::ffff:192.0.2.1"), now).is_none(), "the same source, mapped");
        assert!(house.enter(at("192.0.2.2"), now).is_some());
        drop(places);
        assert!(house.enter(at("192.0.2.1"), now).is_some());
    }

    #[test]
    fn lnk_54_the_oldest_gives_way() {
        let (house, now) = (HalfOpen::default(), Instant::now());
        let at = |n: u32| IpAddr::from(std::net::Ipv4Addr::from(0xc000_0200 + n));
        let places: Vec<_> =
            (0..HALF_OPEN_MAX as u32).filter_map(|n| house.enter(at(n), now)).collect();
        assert_eq!(places.len(), HALF_OPEN_MAX);
        let newcomer = house.enter(at(1_000), now);
        assert!(newcomer.is_some());
        assert_eq!(house.len(), HALF_OPEN_MAX);
        drop(places);
        assert_eq!(house.len(), 1);
    }
}
