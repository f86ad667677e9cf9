//! Tiers of what a router knows, kept as the book has them (`TRU-03`).

use alloc::{collections::BTreeSet, vec::Vec};

use super::{Credential, Tier, TrustBook};
use crate::{UnixSeconds, router::FappRouter};

/// Which practices of a router are known for more than their key, and until when that holds.
#[derive(Clone, Debug, Default)]
pub struct Tiers {
    raised: BTreeSet<[u8; 32]>,
    due: Option<UnixSeconds>,
}

impl Tiers {
    /// Makes the router agree with the book; the practices whose tier changed. To be called when the
    /// book changed, and when [`Self::due`] has come.
    pub fn follow(
        &mut self,
        now: UnixSeconds,
        book: &mut TrustBook,
        router: &mut FappRouter,
    ) -> Vec<[u8; 32]> {
        let subjects = book.subjects();
        let prospect = |subject: &[u8; 32]| {
            let reference = book.credential(subject).map(Credential::reference);
            let standing = book.standing(now, subject, &reference.unwrap_or_default());
            (*subject, standing.tier)
        };
        router.set_prospects(subjects.iter().map(prospect).collect());
        self.due = None;
        let all: Vec<[u8; 32]> = subjects.union(&self.raised).copied().collect();
        let mut changed = all;
        changed.retain(|practice| self.settle(now, book, router, practice));
        changed
    }

    /// A practice has another announce, or its first; whether its tier changed.
    pub fn settle(
        &mut self,
        now: UnixSeconds,
        book: &mut TrustBook,
        router: &mut FappRouter,
        practice: &[u8; 32],
    ) -> bool {
        let Some((announce, shown)) = router.cache().get(practice) else {
            self.raised.remove(practice);
            return false;
        };
        let standing = book.standing(now, practice, announce.credential_ref());
        if standing.tier == Tier::SelfSigned {
            self.raised.remove(practice);
        } else {
            self.raised.insert(*practice);
            self.due = self.due.into_iter().chain(standing.until).min();
        }
        if standing.tier != shown {
            router.set_tier(practice, standing.tier);
        }
        standing.tier != shown
    }

    /// When a tier ends.
    pub const fn due(&self) -> Option<UnixSeconds> {
        self.due
    }
}
