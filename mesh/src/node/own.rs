//! What this node says of itself: boot number, announce sequence, bundle version.

use alloc::{collections::BTreeMap, vec::Vec};
use core::time::Duration;

use super::Node;
use crate::{
    address::Address,
    announce::{MeshAnnounce, Validity},
    error::{Error, Malformed},
    record::{Record, Table},
    time::Instant,
    wire::{Reader, Writer},
};

/// Announces are valid for 2^11 s, about 34 minutes, and repeated after half of it.
const VALIDITY: Validity = match Validity::from_code(11) {
    Some(validity) => validity,
    None => panic!("11 is a valid code"),
};
/// Where a link is shared: 2^13 s, about 136 minutes; a row lives eight hours.
const SHARED_VALIDITY: Validity = match Validity::from_code(13) {
    Some(validity) => validity,
    None => panic!("13 is a valid code"),
};
const ANNOUNCE_INTERVAL: Duration = Duration::from_secs(1_024);
/// Least time between two announces of ours (`ANN-19`).
const ANNOUNCE_PAUSE: Duration = Duration::from_millis(500);
/// Sequence numbers reserved by one record: at one announce in 17 minutes, three weeks of them.
const SEQ_BLOCK: u32 = 2_048;
/// A session is given up on a relay's word at most this often per peer.
const FORGET_PAUSE: Duration = Duration::from_secs(30);
const FORGOTTEN_MAX: usize = 1_024;

const META_KEY: &[u8] = b"own";

/// Counters of this node that must never run backwards.
#[derive(Debug, Default)]
pub(super) struct OwnAnnounce {
    seq: u32,
    /// Sequence numbers below this are durably reserved.
    seq_reserved: u32,
    envelope_seq: u64,
    pub(super) bundle_version: u32,
    last_at: Option<Instant>,
    next_at: Option<Instant>,
    wanted: Option<u32>,
    forgotten: BTreeMap<Address, Instant>,
    dirty: bool,
}

impl OwnAnnounce {
    pub(super) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        if key != META_KEY {
            return Err(Malformed::OutOfRange("meta row").into());
        }
        let mut r = Reader::new(value);
        let seq_reserved = r.u32("announce sequence")?;
        let envelope_seq = r.u64("envelope sequence")?;
        let bundle_version = r.u32("bundle version")?;
        r.finish("meta row")?;
        self.seq = seq_reserved;
        self.seq_reserved = seq_reserved;
        self.envelope_seq = envelope_seq;
        self.bundle_version = bundle_version;
        Ok(())
    }

    pub(super) fn drain_records(&mut self, out: &mut Vec<Record>) {
        if !core::mem::take(&mut self.dirty) {
            return;
        }
        let mut value = Vec::new();
        let mut w = Writer::new(&mut value);
        w.u32(self.seq_reserved);
        w.u64(self.envelope_seq.saturating_add(u64::from(SEQ_BLOCK)));
        w.u32(self.bundle_version);
        out.push(Record { table: Table::Meta, key: META_KEY.to_vec(), value: Some(value) });
    }

    /// Sequence number of a signed envelope: unique per node, ahead of which a block is reserved.
    pub(super) fn next_envelope_seq(&mut self) -> u64 {
        self.envelope_seq += 1;
        if self.envelope_seq.is_multiple_of(u64::from(SEQ_BLOCK / 2)) {
            self.dirty = true;
        }
        self.envelope_seq
    }

    pub(super) fn set_bundle_version(&mut self, version: u32) {
        self.bundle_version = version;
        self.dirty = true;
    }

    /// Whether a session with `peer` may be given up because a relay says it is dead.
    pub(super) fn may_forget_session(&mut self, now: Instant, peer: &Address) -> bool {
        if self.forgotten.get(peer).is_some_and(|at| now.saturating_since(*at) < FORGET_PAUSE) {
            return false;
        }
        if self.forgotten.len() >= FORGOTTEN_MAX {
            self.forgotten.clear();
        }
        self.forgotten.insert(*peer, now);
        true
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.next_at
    }
}

impl Node {
    /// Announces this node with a sequence number of at least `min_seq`.
    pub(super) fn announce_self(&mut self, now: Instant, min_seq: u32) {
        if !self.config.announce {
            return;
        }
        let wanted = self.own.wanted.unwrap_or(0).max(min_seq);
        if let Some(last) = self.own.last_at
            && now < last + ANNOUNCE_PAUSE
        {
            self.own.wanted = Some(wanted);
            let soon = last + ANNOUNCE_PAUSE;
            self.own.next_at = Some(self.own.next_at.map_or(soon, |at| at.min(soon)));
            return;
        }
        self.own.wanted = None;
        // A forged wish for a huge number must not use the counter up.
        let jump = wanted.saturating_sub(self.own.seq).min(SEQ_BLOCK * 64);
        self.own.seq = self.own.seq.saturating_add(jump.max(1));
        if self.own.seq >= self.own.seq_reserved {
            self.own.seq_reserved = self.own.seq.saturating_add(SEQ_BLOCK);
            self.own.dirty = true;
        }
        let announce = MeshAnnounce::signed(
            self.config.crypto,
            &self.identity,
            self.own.seq,
            self.config.capabilities,
            self.own_validity(),
            self.own.bundle_version,
        );
        self.routing.set_own(now, announce);
        self.own.last_at = Some(now);
        let jitter = Duration::from_secs(self.rng.below(128));
        self.own.next_at = Some(now + ANNOUNCE_INTERVAL - jitter);
    }

    /// On a shared medium announces are rare, and have to last.
    fn own_validity(&self) -> Validity {
        let is_shared = self.links.values().any(|state| state.up.caps.shared);
        if is_shared { SHARED_VALIDITY } else { VALIDITY }
    }

    pub(super) fn on_own_timers(&mut self, now: Instant) {
        self.refresh_prekeys(now);
        if self.own.next_at.is_some_and(|at| at <= now) {
            self.announce_self(now, 0);
        }
    }

    /// Rotates pre-keys when it is time; a new bundle is announced by its version.
    pub(super) fn refresh_prekeys(&mut self, now: Instant) {
        let mut records = Vec::new();
        if self.prekeys.handle_timeout(now, &mut self.rng, &mut records) {
            let version = self.own.bundle_version.saturating_add(1);
            self.own.set_bundle_version(version);
            self.announce_self(now, 0);
        }
        self.prekey_records.append(&mut records);
    }

    /// Our own bundle as it stands.
    pub(super) fn own_bundle(&self) -> Vec<u8> {
        let (version, work_bits) = (self.own.bundle_version, self.work_asked());
        self.prekeys.bundle_asking(&self.identity, version, self.mailboxes.hint(), work_bits)
    }
}
