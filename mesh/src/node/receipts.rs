//! Hash-locked receipts: how a relay knows that what it forwarded arrived (`HOP-06`).
//!
//! The header of an envelope carries a lock; its recipient reveals the preimage to the neighbour
//! the envelope came from. Every relay on the way recognises the preimage, because only its hash
//! is the lock, notes a success for the next hop it chose, drops its copy, and passes the preimage
//! on to the neighbour it had the envelope from.

use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

use super::{Node, link_queue::Ingress};
use crate::{
    address::Address,
    crypto::hash::{self, Domain},
    envelope::EnvelopeId,
    link::LinkId,
    lite::lite_lock_of,
    time::Instant,
};

/// Locks remembered: 65,536 × about 120 bytes are 8 MB at the very most. At 15,000 messages a
/// second that is four seconds of traffic; what comes later returns inside a session.
const LOCKS_MAX: usize = 1 << 16;

/// How long a lock is remembered.
const LOCK_LIFE: Duration = Duration::from_secs(600);

/// Receipts leave at once when this many wait.
pub(super) const RECEIPT_BATCH: usize = 256;

/// Receipts leave at once when they are about this many bytes: a thirty-second part of the largest
/// window, so that a stream of large messages never waits for them.
pub(super) const RECEIPT_BATCH_BYTES: usize = 256 << 10;

/// Longest a receipt waits for company. A person does not notice; a batch of them costs one frame.
pub(super) const RECEIPT_DELAY: Duration = Duration::from_millis(5);

/// The lock of a preimage.
pub(super) fn lock_of(preimage: &[u8; 16]) -> [u8; 16] {
    hash::digest16(Domain::Lock, &[preimage])
}

/// The locks that a receipt may open: of a lite envelope first, if it can be one's (`MLL-03`).
pub(super) fn locks_of(preimage: &[u8; 16]) -> impl Iterator<Item = [u8; 16]> {
    lite_lock_of(preimage).into_iter().chain([lock_of(preimage)])
}

/// An envelope that passed through, or left from, here.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    pub(super) ingress: Ingress,
    /// The neighbour at the other end of the ingress, should that link be another one by the time
    /// the receipt comes.
    pub(super) from: Option<Address>,
    pub(super) egress: LinkId,
    pub(super) dest: Address,
    pub(super) id: Option<EnvelopeId>,
    pub(super) at: Instant,
}

impl Node {
    /// Who is at the other end of a link.
    pub(super) fn neighbour(&self, link: LinkId) -> Option<Address> {
        self.links.get(&link).map(|state| state.up.peer.address())
    }

    /// The link by which the neighbour can be told that an envelope came from: the same one, or
    /// what it has by now, should that link or this node have been down.
    pub(super) fn way_back(&self, passed: &Passed) -> Option<LinkId> {
        match passed.ingress {
            Ingress::Link(link) if self.links.contains_key(&link) => Some(link),
            _ => passed.from.and_then(|from| {
                self.links.keys().copied().find(|link| self.neighbour(*link) == Some(from))
            }),
        }
    }
}

/// Bounded memory of envelopes under way, by lock.
#[derive(Debug, Default)]
pub(super) struct LockTable {
    locks: BTreeMap<[u8; 16], Passed>,
    order: VecDeque<[u8; 16]>,
}

impl LockTable {
    /// Notes that an envelope left. A later copy of the same lock changes the egress but not the
    /// ingress: whoever saw the lock downstream cannot draw the receipt to itself.
    pub(super) fn insert(&mut self, lock: [u8; 16], passed: Passed) {
        match self.locks.get_mut(&lock) {
            Some(known) => {
                known.egress = passed.egress;
                known.at = passed.at;
            }
            None => {
                self.expire(passed.at);
                self.locks.insert(lock, passed);
                self.order.push_back(lock);
            }
        }
    }

    pub(super) fn get(&self, lock: &[u8; 16]) -> Option<&Passed> {
        self.locks.get(lock)
    }

    /// Takes the entry a preimage opens.
    pub(super) fn take(&mut self, lock: &[u8; 16]) -> Option<Passed> {
        self.locks.remove(lock)
    }

    fn expire(&mut self, now: Instant) {
        while let Some(oldest) = self.order.front() {
            let stale = match self.locks.get(oldest) {
                None => true,
                Some(passed) => self.order.len() >= LOCKS_MAX || passed.at + LOCK_LIFE <= now,
            };
            if !stale {
                break;
            }
            self.locks.remove(oldest);
            self.order.pop_front();
        }
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.order.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(from: u32, to: u32, at: Instant) -> Passed {
        let ingress = Ingress::Link(LinkId(from));
        let (egress, dest) = (LinkId(to), Address::default());
        Passed { ingress, from: None, egress, dest, id: None, at }
    }

    #[test]
    fn hop_06_first_ingress_keeps_the_receipt() {
        let mut table = LockTable::default();
        table.insert([1; 16], passed(1, 2, Instant::ZERO));
        table.insert([1; 16], passed(9, 3, Instant::ZERO));
        let entry = table.take(&[1; 16]).expect("inserted");
        assert_eq!(entry.ingress, Ingress::Link(LinkId(1)));
        assert_eq!(entry.egress, LinkId(3));
        assert!(table.take(&[1; 16]).is_none(), "a preimage counts once");
    }

    #[test]
    fn hop_06_bounded_and_expiring() {
        let mut table = LockTable::default();
        for n in 0..LOCKS_MAX as u64 + 100 {
            let mut lock = [0; 16];
            lock[..8].copy_from_slice(&n.to_le_bytes());
            table.insert(lock, passed(1, 2, Instant::ZERO));
        }
        assert!(table.len() <= LOCKS_MAX);
        table.insert([9; 16], passed(1, 2, Instant::ZERO + LOCK_LIFE));
        assert_eq!(table.len(), 1);
    }
}
