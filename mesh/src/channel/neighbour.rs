//! What the channels know of one link: its budgets, and what waits for it.

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};

use super::{
    ChannelId,
    catchup::{RESYNC_AFTER, RETRIES_MAX, SharedSet},
    handshake::Handshake,
    message::Digest,
};
use crate::{
    address::Address,
    limits::{
        CHANNEL_CONTROL_MAX, CHANNEL_EGRESS_BURST, CHANNEL_EGRESS_BYTES_BURST,
        CHANNEL_EGRESS_BYTES_PER_S, CHANNEL_EGRESS_PER_S, CHANNEL_INGRESS_BURST,
        CHANNEL_INGRESS_BYTES_BURST, CHANNEL_INGRESS_BYTES_PER_S, CHANNEL_INGRESS_PER_S,
        CHANNEL_QUEUE_MAX, CHANNEL_QUEUES_MAX, GROUP_BITRATE_MAX, GROUP_RADIO_PATIENCE,
        GROUP_STRANGER_BYTES_BURST, GROUP_STRANGER_BYTES_PER_S,
    },
    link::LinkCaps,
    reconcile::budget::TokenBucket,
    time::Instant,
};

/// A neighbour on a link.
pub(super) struct Neighbour {
    pub(super) address: Address,
    /// Whether frames may get lost on the way.
    pub(super) lossy: bool,
    /// Whether the link is so slow that lite messages are worth it.
    pub(super) is_radio: bool,
    /// What it may bring in that nobody here can open (`MLG-21`).
    pub(super) strangers: TokenBucket,
    pub(super) ingress: Budget,
    egress: Budget,
    queues: BTreeMap<ChannelId, VecDeque<Outgoing>>,
    queued: usize,
    /// Messages waiting that the neighbour is known to lack: each waits once.
    requested: BTreeSet<Digest>,
    /// The channel that had its turn last (`CH-11`).
    last_turn: ChannelId,
    /// Nothing may be sent before.
    pub(super) paced_until: Option<Instant>,
    /// Frames of the handshake.
    control: VecDeque<Vec<u8>>,
    pub(super) handshake: Handshake,
    /// Sets to reconcile as soon as a run may be opened.
    pub(super) pending: BTreeSet<SharedSet>,
    /// Sets of which something may be missing on one side.
    stale: BTreeSet<SharedSet>,
    /// When those are reconciled.
    pub(super) resync_at: Option<Instant>,
    /// How often that was because of something that did not help the last time either.
    retries: u32,
}

/// A message that waits for a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) digest: Digest,
    /// The neighbour is known to lack it: hops do not matter.
    pub(super) requested: bool,
}

/// Messages and bytes over time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    messages: TokenBucket,
    bytes: TokenBucket,
}

impl Budget {
    /// Takes one message of this length, or nothing.
    pub(super) fn take(&mut self, now: Instant, len: usize) -> bool {
        self.bytes.has(now, len as u64)
            && self.messages.take(now, 1)
            && self.bytes.take(now, len as u64)
    }

    /// When the next message of this length can be taken.
    fn ready_at(&self, now: Instant, len: usize) -> Instant {
        self.messages.ready_at(now, 1).max(self.bytes.ready_at(now, len as u64))
    }
}

impl Neighbour {
    pub(super) fn new(now: Instant, address: Address, caps: &LinkCaps) -> Self {
        Self {
            address,
            lossy: !caps.reliable,
            is_radio: caps.bitrate_bps < GROUP_BITRATE_MAX,
            strangers: TokenBucket::new(
                now,
                GROUP_STRANGER_BYTES_PER_S,
                GROUP_STRANGER_BYTES_BURST,
            ),
            ingress: Budget {
                messages: TokenBucket::new(now, CHANNEL_INGRESS_PER_S, CHANNEL_INGRESS_BURST),
                bytes: TokenBucket::new(
                    now,
                    CHANNEL_INGRESS_BYTES_PER_S,
                    CHANNEL_INGRESS_BYTES_BURST,
                ),
            },
            egress: Budget {
                messages: TokenBucket::new(now, CHANNEL_EGRESS_PER_S, CHANNEL_EGRESS_BURST),
                bytes: TokenBucket::new(
                    now,
                    CHANNEL_EGRESS_BYTES_PER_S,
                    CHANNEL_EGRESS_BYTES_BURST,
                ),
            },
            queues: BTreeMap::new(),
            queued: 0,
            requested: BTreeSet::new(),
            last_turn: ChannelId::default(),
            paced_until: None,
            control: VecDeque::new(),
            handshake: Handshake::new(now),
            pending: BTreeSet::new(),
            stale: BTreeSet::new(),
            resync_at: None,
            retries: 0,
        }
    }

    /// Queues a frame of the handshake.
    pub(super) fn push_control(&mut self, frame: Vec<u8>) {
        if self.control.len() < CHANNEL_CONTROL_MAX {
            self.control.push_back(frame);
        }
    }

    /// The next frame of the handshake.
    pub(super) fn pop_control(&mut self) -> Option<Vec<u8>> {
        self.control.pop_front()
    }

    /// Whether a frame of the handshake waits.
    pub(super) fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    /// Whether a message waits that may be sent now.
    pub(super) fn can_send(&self) -> bool {
        self.queued > 0 && self.paced_until.is_none()
    }

    /// Puts a message into its channel's queue, which shares memory with those of so many other
    /// links; `false` when there is no room (`CH-11`).
    pub(super) fn push(&mut self, links: usize, channel: ChannelId, outgoing: Outgoing) -> bool {
        if outgoing.requested && self.requested.contains(&outgoing.digest) {
            return true;
        }
        if self.queued >= CHANNEL_QUEUE_MAX.min(CHANNEL_QUEUES_MAX / links.max(1)) {
            return false;
        }
        if outgoing.requested {
            self.requested.insert(outgoing.digest);
        }
        self.queues.entry(channel).or_default().push_back(outgoing);
        self.queued += 1;
        true
    }

    /// The next message, channels taking turns.
    pub(super) fn pop(&mut self) -> Option<Outgoing> {
        let after = self.queues.range(self.next_turn()..).next();
        let channel = *after.or_else(|| self.queues.iter().next())?.0;
        let queue = self.queues.get_mut(&channel)?;
        let outgoing = queue.pop_front();
        if queue.is_empty() {
            self.queues.remove(&channel);
        }
        self.last_turn = channel;
        let outgoing = outgoing?;
        self.queued -= 1;
        self.requested.remove(&outgoing.digest);
        Some(outgoing)
    }

    /// Puts a message back that was too early, and says when it may go.
    pub(super) fn put_back(
        &mut self,
        now: Instant,
        channel: ChannelId,
        back: Outgoing,
        len: usize,
    ) {
        self.queues.entry(channel).or_default().push_front(back);
        self.queued += 1;
        if back.requested {
            self.requested.insert(back.digest);
        }
        self.paced_until = Some(self.egress.ready_at(now, len));
    }

    /// Takes what a message costs to send.
    pub(super) fn take_egress(&mut self, now: Instant, len: usize) -> bool {
        self.egress.take(now, len)
    }

    /// Forgets what waits of a channel.
    pub(super) fn forget_channel(&mut self, channel: ChannelId) {
        let dropped = self.queues.remove(&channel).unwrap_or_default();
        self.queued -= dropped.len();
        for outgoing in dropped {
            self.requested.remove(&outgoing.digest);
        }
        self.pending.remove(&SharedSet::Channel(channel));
        self.stale.remove(&SharedSet::Channel(channel));
        self.handshake.forget(channel);
    }

    /// On a link that loses frames what was sent may not have arrived. What a run asked for is
    /// looked after a few times, or edges of what is carried would be sent for ever.
    pub(super) fn note_sent(&mut self, now: Instant, channel: ChannelId, sent: Outgoing) {
        if !sent.requested {
            self.retries = 0;
        }
        if self.lossy && self.resync_at.is_none() && self.retries < RETRIES_MAX {
            self.retries += u32::from(sent.requested);
            self.note_doubt(now + RESYNC_AFTER, channel);
        }
    }

    /// A run asked for what was sent a moment before, and may have crossed it. Whether it arrived is
    /// for another run to say: this one was what the sending had been waiting for.
    pub(super) fn note_asked_early(&mut self, now: Instant, channel: ChannelId) {
        if self.resync_at.is_none() && self.retries < RETRIES_MAX {
            self.retries += 1;
            self.note_doubt(now + RESYNC_AFTER, channel);
        }
    }

    /// Something new came: what comes next is worth new tries.
    pub(super) fn note_progress(&mut self) {
        self.retries = 0;
    }

    /// A message of this channel may be missing on one side.
    pub(super) fn note_doubt(&mut self, at: Instant, channel: ChannelId) {
        // Members find in one run what the other set would show again; by radio that counts.
        if !self.is_radio || !self.handshake.is_matched(channel) {
            self.resync_by(at, SharedSet::Carried);
        }
        self.resync_by(at, SharedSet::Channel(channel));
    }

    /// Reconciles a set at `at`, unless something is reconciled earlier anyway.
    pub(super) fn resync_by(&mut self, at: Instant, set: SharedSet) {
        let at = if self.is_radio { at + GROUP_RADIO_PATIENCE } else { at };
        self.stale.insert(set);
        self.resync_at = Some(self.resync_at.map_or(at, |sooner| sooner.min(at)));
    }

    /// The same for what was tried in vain: a few times only.
    pub(super) fn retry_by(&mut self, at: Instant, set: SharedSet) {
        if self.retries < RETRIES_MAX {
            self.retries += 1;
            self.resync_by(at, set);
        }
    }

    /// Takes the sets that are to be reconciled now.
    pub(super) fn take_stale(&mut self) -> BTreeSet<SharedSet> {
        self.resync_at = None;
        core::mem::take(&mut self.stale)
    }

    fn next_turn(&self) -> ChannelId {
        let number = u128::from_be_bytes(self.last_turn.0).wrapping_add(1);
        ChannelId(number.to_be_bytes())
    }
}
