//! What a channel knows of the lite messages of its members: whose they are and which are proven
//! (`MLG-13` to `MLG-20`).

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use super::{message::Digest, shown::Sender};
use crate::{
    limits::{GROUP_CLAIMS_MAX, GROUP_PAUSE, GROUP_UNPROVEN_MAX, GROUP_VOICES_MAX},
    lite::group::{Claim, GroupKeys, Voice},
    time::Instant,
};

/// Sender, lineage and counter: what a message is called, whoever wrote it.
pub(super) type Name = (Sender, u64, u64);

/// State of the lite messages of one channel.
#[derive(Debug, Default)]
pub(super) struct Lite {
    pub(super) voices: Voices,
    pub(super) claims: Claims,
    /// Messages kept under a name that is not proven: the one that was shown, and its rivals.
    pub(super) unproven: BTreeMap<Name, Vec<Digest>>,
    pub(super) own: Own,
    /// Until then the channel counts as one that reaches radios.
    pub(super) radio_until: Option<Instant>,
}

/// Messages of ours that no checkpoint covers yet, by lineage.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub(super) pending: BTreeMap<u64, Vec<(u64, Digest)>>,
    /// The lineage that a checkpoint introduced.
    pub(super) introduced: Option<u64>,
    first_at: Option<Instant>,
    /// When we last published for radio.
    pub(super) last_at: Option<Instant>,
    /// When to sign.
    pub(super) due: Option<Instant>,
}

impl Own {
    /// Notes a message of ours to be signed for later.
    pub(super) fn note(&mut self, now: Instant, lineage: u64, counter: u64, digest: Digest) {
        let pending = self.pending.entry(lineage).or_default();
        pending.push((counter, digest));
        let first_at = *self.first_at.get_or_insert(now);
        let full = pending.len() >= crate::limits::GROUP_CHECKPOINT_MAX;
        let is_new = self.introduced != Some(lineage);
        self.due = Some(if full || is_new {
            now
        } else {
            (now + GROUP_PAUSE).min(first_at + GROUP_UNPROVEN_MAX)
        });
    }

    /// Whether a message now starts something new: we are introduced, and said nothing for a while.
    pub(super) fn is_after_pause(&self, now: Instant, lineage: u64) -> bool {
        self.introduced == Some(lineage)
            && self.pending.is_empty()
            && self.last_at.is_none_or(|at| now.saturating_since(at) >= GROUP_PAUSE)
    }

    /// What to sign now; nothing waits afterwards.
    pub(super) fn take(&mut self) -> BTreeMap<u64, Vec<(u64, Digest)>> {
        (self.due, self.first_at) = (None, None);
        core::mem::take(&mut self.pending)
    }
}

/// Runs of members whose lite messages can be read.
#[derive(Debug, Default)]
pub(super) struct Voices {
    known: BTreeMap<(Sender, u64), (Voice, u64)>,
    heard: u64,
}

impl Voices {
    /// Learns a voice, or notes that it was heard.
    pub(super) fn learn(&mut self, keys: &GroupKeys, sender: &Sender, lineage: u64) {
        self.heard += 1;
        let heard = self.heard;
        let entry = self.known.entry((*sender, lineage));
        entry.or_insert_with(|| (keys.voice(sender, lineage), heard)).1 = heard;
        if self.known.len() > GROUP_VOICES_MAX {
            let oldest = self.known.iter().min_by_key(|(_, (_, heard))| *heard);
            let oldest = oldest.map(|(name, _)| *name);
            oldest.and_then(|name| self.known.remove(&name));
        }
    }

    /// Those with this label.
    pub(super) fn with_label(&self, label: u8) -> impl Iterator<Item = &Voice> {
        self.known.values().map(|(voice, _)| voice).filter(move |voice| voice.label == label)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

/// What checkpoints say of messages that are not here.
#[derive(Debug, Default)]
pub(super) struct Claims {
    claims: BTreeMap<Name, Claim>,
    order: VecDeque<Name>,
}

impl Claims {
    /// Notes a claim; the first about a message stands.
    pub(super) fn insert(&mut self, name: Name, claim: Claim) {
        if self.claims.contains_key(&name) {
            return;
        }
        self.claims.insert(name, claim);
        self.order.push_back(name);
        while self.order.len() > GROUP_CLAIMS_MAX {
            let oldest = self.order.pop_front().expect("more than none");
            self.claims.remove(&oldest);
        }
    }

    pub(super) fn get(&self, name: &Name) -> Option<&Claim> {
        self.claims.get(name)
    }

    pub(super) fn remove(&mut self, name: &Name) {
        if self.claims.remove(name).is_some() {
            self.order.retain(|known| known != name);
        }
    }

    /// Keeps those about messages that are still missing.
    pub(super) fn retain(&mut self, is_missing: impl Fn(&Name) -> bool) {
        self.claims.retain(|name, _| is_missing(name));
        self.order.retain(|name| self.claims.contains_key(name));
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.claims.len()
    }
}
