//! Who may fill how much of the store (`STO-03`).

use alloc::collections::BTreeMap;

use crate::{
    address::Address,
    envelope::Priority,
    link::LinkId,
    rules::{Rule, Rules},
};

/// How much the store takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuotaConfig {
    /// Bytes of envelopes in total.
    pub(crate) total_bytes: u64,
    /// All rules, unless a test breaks one.
    pub(crate) rules: Rules,
}

/// Fraction of the whole that envelopes from one neighbour may fill: Sybils behind it share it.
const NEIGHBOUR_DIVISOR: u64 = 2;
/// Fraction of the whole that envelopes for one destination may fill.
const DEST_DIVISOR: u64 = 2;

/// Bookkeeping of used bytes.
#[derive(Debug)]
pub(crate) struct Quota {
    config: QuotaConfig,
    total: u64,
    by_link: BTreeMap<LinkId, u64>,
    by_dest: BTreeMap<Address, u64>,
    closed: bool,
}

impl Quota {
    pub(crate) fn new(config: QuotaConfig) -> Self {
        let (by_link, by_dest) = (BTreeMap::new(), BTreeMap::new());
        Self { config, total: 0, by_link, by_dest, closed: false }
    }

    /// Whether an envelope fits. Lower priorities leave room for higher ones; nothing that was
    /// acknowledged is ever thrown out to make room.
    pub(crate) fn admits(
        &self,
        link: Option<LinkId>,
        dest: &Address,
        len: usize,
        priority: Priority,
    ) -> bool {
        let len = len as u64;
        let whole = self.config.total_bytes;
        let share = match priority {
            Priority::Low => whole / 2,
            Priority::Normal => whole / 4 * 3,
            Priority::High => whole / 8 * 7,
            Priority::Urgent => whole,
        };
        let of_link = link.and_then(|link| self.by_link.get(&link)).copied().unwrap_or(0);
        if !self.config.rules.holds(Rule::Quota) {
            return !self.closed;
        }
        let of_dest = self.by_dest.get(dest).copied().unwrap_or(0);
        !self.closed
            && self.total + len <= share
            && of_link + len <= whole / NEIGHBOUR_DIVISOR
            && of_dest + len <= whole / DEST_DIVISOR
    }

    pub(crate) fn add(&mut self, link: Option<LinkId>, dest: &Address, len: usize) {
        self.total += len as u64;
        if let Some(link) = link {
            *self.by_link.entry(link).or_default() += len as u64;
        }
        *self.by_dest.entry(*dest).or_default() += len as u64;
    }

    pub(crate) fn remove(&mut self, link: Option<LinkId>, dest: &Address, len: usize) {
        self.total = self.total.saturating_sub(len as u64);
        if let Some(link) = link {
            take(&mut self.by_link, &link, len as u64);
        }
        take(&mut self.by_dest, dest, len as u64);
    }

    pub(crate) fn forget_link(&mut self, link: LinkId) {
        self.by_link.remove(&link);
    }

    pub(crate) fn set_closed(&mut self, closed: bool) {
        self.closed = closed;
    }

    pub(crate) fn total_bytes(&self) -> u64 {
        self.total
    }
}

fn take<K: Ord>(map: &mut BTreeMap<K, u64>, key: &K, len: u64) {
    if let Some(used) = map.get_mut(key) {
        *used = used.saturating_sub(len);
        if *used == 0 {
            map.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dest(n: u8) -> Address {
        Address::from_bytes([n; 16])
    }

    fn quota() -> Quota {
        Quota::new(QuotaConfig { total_bytes: 1_000, rules: Rules::ALL })
    }

    #[test]
    fn sto_03_one_neighbour_and_one_destination_fill_half() {
        let mut quota = quota();
        quota.add(Some(LinkId(1)), &dest(1), 500);
        assert!(!quota.admits(Some(LinkId(1)), &dest(2), 1, Priority::Urgent));
        assert!(!quota.admits(Some(LinkId(2)), &dest(1), 1, Priority::Urgent));
        assert!(quota.admits(Some(LinkId(2)), &dest(2), 250, Priority::Normal));
        quota.remove(Some(LinkId(1)), &dest(1), 500);
        assert!(quota.admits(Some(LinkId(1)), &dest(1), 500, Priority::Normal));
        assert_eq!(quota.total_bytes(), 0);
    }

    #[test]
    fn sto_03_priorities_leave_room() {
        let mut quota = quota();
        quota.add(Some(LinkId(1)), &dest(1), 400);
        quota.add(Some(LinkId(2)), &dest(2), 400);
        let fits = |priority| quota.admits(Some(LinkId(3)), &dest(3), 70, priority);
        let all = [Priority::Low, Priority::Normal, Priority::High, Priority::Urgent];
        assert_eq!(all.map(fits), [false, false, true, true]);
    }

    #[test]
    fn sto_04_a_full_disk_admits_nothing() {
        let mut quota = quota();
        quota.set_closed(true);
        assert!(!quota.admits(None, &dest(1), 1, Priority::Urgent));
    }
}
