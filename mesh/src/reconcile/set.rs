//! One side's items of a run, blinded and sealed.

use alloc::vec::Vec;

use negentropy::{Id, Negentropy, NegentropyStorageVector};

use super::Item;
use crate::{
    crypto::hash::{Domain, digest16, digest32},
    error::{Error, Malformed},
    limits::{RECONCILE_ROUND_LEN_MAX, RECONCILE_SET_MAX},
};

/// The items a side had when the run began. Later changes do not matter to the run.
pub(super) struct Set {
    /// Blinded id and id, sorted by the former. 64 B an item.
    by_blinded: Vec<([u8; 32], [u8; 32])>,
    digest: [u8; 16],
    /// 40 B an item.
    protocol: Negentropy<'static, NegentropyStorageVector>,
}

impl Set {
    /// Blinds `items` with the run's nonce; what is beyond [`RECONCILE_SET_MAX`] is left out
    /// (`REC-04`).
    pub(super) fn new(nonce: &[u8; 16], items: &[Item]) -> Self {
        let items = &items[..items.len().min(RECONCILE_SET_MAX)];
        let mut blinded: Vec<_> = items
            .iter()
            .map(|item| (item.bucket, digest32(Domain::Reconcile, &[nonce, &item.id]), item.id))
            .collect();
        blinded.sort_unstable();
        blinded.dedup();
        let mut storage = NegentropyStorageVector::with_capacity(blinded.len());
        let mut all = Vec::with_capacity(blinded.len() * 40);
        for (bucket, id, _) in &blinded {
            storage.insert(*bucket, Id::from_byte_array(*id)).expect("not sealed yet");
            all.extend_from_slice(&bucket.to_le_bytes());
            all.extend_from_slice(id);
        }
        storage.seal().expect("sealed once");
        let mut by_blinded: Vec<_> = blinded.into_iter().map(|(_, id, item)| (id, item)).collect();
        by_blinded.sort_unstable();
        Self {
            by_blinded,
            digest: digest16(Domain::Set, &[nonce, &all]),
            protocol: Negentropy::owned(storage, RECONCILE_ROUND_LEN_MAX as u64)
                .expect("the limit is the protocol's smallest"),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_blinded.len()
    }

    pub(super) const fn digest(&self) -> [u8; 16] {
        self.digest
    }

    /// The id behind a blinded one, if the item is ours.
    pub(super) fn unblind(&self, blinded: &[u8; 32]) -> Option<[u8; 32]> {
        let index = self.by_blinded.binary_search_by(|(id, _)| id.cmp(blinded)).ok()?;
        Some(self.by_blinded[index].1)
    }

    /// The leader's first round.
    pub(super) fn lead(&mut self) -> Vec<u8> {
        self.protocol.initiate().expect("a run leads once, over a sealed set")
    }

    /// The leader's next round, `None` when both differences are known.
    ///
    /// `have` gets blinded ids of ours, `need` blinded ids of theirs.
    pub(super) fn lead_on(
        &mut self,
        reply: &[u8],
        have: &mut Vec<Id>,
        need: &mut Vec<Id>,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.protocol
            .reconcile_with_ids(reply, have, need)
            .map_err(|_| Malformed::OutOfRange("reconciliation round").into())
    }

    /// The follower's answer: depends on nothing but the set and `round`.
    pub(super) fn reply(&mut self, round: &[u8]) -> Result<Vec<u8>, Error> {
        self.protocol
            .reconcile(round)
            .map_err(|_| Malformed::OutOfRange("reconciliation round").into())
    }
}
