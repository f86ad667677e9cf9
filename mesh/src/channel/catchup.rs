//! Reconciling with neighbours what one has and the other lacks (`CH-21`, `CH-23` to `CH-26`).

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    ChannelId, Channels,
    history::{History, Kept},
    message::Digest,
    neighbour::Outgoing,
};
use crate::{
    crypto::{
        hash::{Domain, digest16},
        rng::NodeRng,
    },
    error::Error,
    limits::CHANNEL_CARRY,
    link::LinkId,
    reconcile::{End, Item, Label, RunEvent},
    time::{Instant, WallClock},
};

/// What two neighbours can reconcile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum SharedSet {
    /// Messages on their way, whoever's they are (`CH-21`).
    Carried,
    /// The history of one channel (`CH-23`, `CH-24`).
    Channel(ChannelId),
}

impl Channels {
    pub(super) fn on_run_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        let (history, handshake) = (&self.history, &self.neighbours[&link].handshake);
        let joined = &self.joined;
        let relay = self.config.relay;
        let shared = |label| {
            if label == carry_label() {
                return relay.then(|| carried_items(now, history.iter()));
            }
            let (channel, dated) = handshake.channel_of(label)?;
            Some(channel_items(now, history, channel, dated, !joined.contains_key(&channel)))
        };
        let result = self.reconciler.on_frame(now, link, body, shared);
        self.collect_runs(now, rng);
        result
    }

    /// Reconciles a set with a neighbour: at once, or when a run may be opened.
    ///
    /// A node that is no relay does not want what others carry: it hands over its own and is done.
    pub(super) fn reconcile(
        &mut self,
        now: Instant,
        link: LinkId,
        set: SharedSet,
        rng: &mut NodeRng,
    ) {
        if set == SharedSet::Carried && !self.config.relay {
            return self.push_carried(link, now);
        }
        self.neighbour(link).pending.insert(set);
        self.open_pending(now, link, rng);
    }

    /// Opens as many of the runs that wait as there may be.
    fn open_pending(&mut self, now: Instant, link: LinkId, rng: &mut NodeRng) {
        while let Some(neighbour) = self.neighbours.get_mut(&link) {
            let Some(set) = neighbour.pending.pop_first() else { return };
            let (label, items) = match set {
                SharedSet::Carried => (carry_label(), carried_items(now, self.history.iter())),
                SharedSet::Channel(channel) => {
                    let Some((label, dated)) = neighbour.handshake.label_of(channel) else {
                        continue;
                    };
                    let is_strange = !self.joined.contains_key(&channel);
                    (label, channel_items(now, &self.history, channel, dated, is_strange))
                }
            };
            let is_done = self.reconciler.is_running(link, label)
                || self.reconciler.open(now, link, label, &items, rng);
            if !is_done {
                neighbour.pending.insert(set);
                return;
            }
        }
    }

    fn push_carried(&mut self, link: LinkId, now: Instant) {
        let links = self.neighbours.len();
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return };
        for kept in self.history.iter().filter(|kept| is_carried(now, kept)) {
            let digest = *kept.message.digest();
            neighbour.push(links, kept.channel, Outgoing { digest, requested: false });
        }
    }

    /// Something below a message that arrived is missing: ask those who may have it (`CH-25`).
    ///
    /// Not at once: in a flood the missing message is probably right behind.
    pub(super) fn seek_missing(&mut self, now: Instant, channel: ChannelId) {
        for neighbour in self.neighbours.values_mut() {
            if neighbour.handshake.is_matched(channel) || neighbour.handshake.is_asked(channel) {
                neighbour.resync_by(now + RESYNC_AFTER, SharedSet::Channel(channel));
            }
        }
    }

    /// Opens the runs that are due.
    pub(super) fn resync(&mut self, now: Instant, rng: &mut NodeRng) {
        let due: Vec<_> = self
            .neighbours
            .iter()
            .filter(|(_, neighbour)| neighbour.resync_at.is_some_and(|at| at <= now))
            .map(|(link, _)| *link)
            .collect();
        for link in due {
            for set in self.neighbour(link).take_stale() {
                if let SharedSet::Channel(channel) = set {
                    self.ask_again(now, link, channel, rng);
                }
                self.reconcile(now, link, set, rng);
            }
            self.open_pending(now, link, rng);
        }
    }

    /// Acts on what the runs found out.
    pub(super) fn collect_runs(&mut self, now: Instant, rng: &mut NodeRng) {
        let mut has_room = false;
        while let Some(event) = self.reconciler.poll_event() {
            match event {
                RunEvent::Missing { link, label, ids } => self.send_missing(now, link, label, &ids),
                RunEvent::Ended { link, label, end } => {
                    has_room = true;
                    self.on_run_ended(now, link, label, end, rng);
                }
            }
        }
        if has_room {
            let waiting = self.neighbours.iter().filter(|(_, other)| !other.pending.is_empty());
            let links: Vec<_> = waiting.map(|(link, _)| *link).collect();
            links.into_iter().for_each(|link| self.open_pending(now, link, rng));
        }
    }

    /// Queues what the neighbour lacks, oldest first.
    fn send_missing(&mut self, now: Instant, link: LinkId, label: Label, ids: &[Digest]) {
        let links = self.neighbours.len();
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return };
        // Whom we asked for what it keeps gets no history from us, only what is under way.
        let carried_only = label == carry_label() || neighbour.handshake.is_asked_under(label);
        let mut missing: Vec<_> = ids
            .iter()
            .filter_map(|id| self.history.get(id))
            .filter(|kept| !carried_only || is_carried(now, kept))
            .map(|kept| {
                // Checkpoints first: without them the neighbour may be unable to read the others.
                let rank = (!kept.message.is_checkpoint(), kept.arrival);
                (rank, kept.channel, *kept.message.digest())
            })
            .collect();
        missing.sort_unstable();
        for (_, channel, digest) in missing {
            if !neighbour.push(links, channel, Outgoing { digest, requested: true }) {
                neighbour.note_doubt(now + RESYNC_AFTER, channel);
                return;
            }
        }
    }

    /// A run that was refused for want of room there, or got lost, is repeated a few times.
    fn on_run_ended(
        &mut self,
        now: Instant,
        link: LinkId,
        label: Label,
        end: End,
        rng: &mut NodeRng,
    ) {
        let at = resync_at(now, rng);
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return };
        let set = if label == carry_label() {
            SharedSet::Carried
        } else if let Some((channel, _)) = neighbour.handshake.channel_of(label) {
            SharedSet::Channel(channel)
        } else {
            return;
        };
        match end {
            End::Equal => neighbour.note_progress(),
            End::Reconciled => {}
            End::Refused | End::Failed => neighbour.retry_by(at, set),
        }
    }
}

/// When to reconcile what something just made doubtful. Neighbours spread over time.
pub(super) fn resync_at(now: Instant, rng: &mut NodeRng) -> Instant {
    now + RESYNC_AFTER + Duration::from_millis(rng.below(RESYNC_JITTER_MS))
}

/// Messages that may still be handed to a neighbour that just appeared.
fn is_carried(now: Instant, kept: &Kept) -> bool {
    kept.hops_left > 0
        && (!kept.handed || kept.kept_for(now) <= CHANNEL_CARRY)
        && now < kept.expires_at()
}

fn carried_items<'a>(now: Instant, kept: impl Iterator<Item = &'a Kept>) -> Vec<Item> {
    let mut carried: Vec<_> = kept.filter(|kept| is_carried(now, kept)).collect();
    // Newest first: what is beyond a run's limit is the oldest.
    carried.sort_unstable_by_key(|kept| core::cmp::Reverse(kept.arrival));
    carried.into_iter().map(|kept| Item { bucket: 0, id: *kept.message.digest() }).collect()
}

/// The messages of a channel, and those that are not kept any more so that they do not come again.
///
/// Between members they are grouped by the day their senders claim: what differs is mostly new.
/// A relay cannot read that.
///
/// Who is no member finds lite messages by their label alone.
fn channel_items(
    now: Instant,
    history: &History,
    channel: ChannelId,
    dated: bool,
    is_strange: bool,
) -> Vec<Item> {
    let item = |id: &Digest, sent_at: Option<WallClock>| {
        let bucket = sent_at.map_or(0, |wall| wall.unix_secs / BUCKET_S);
        Item { bucket: if dated { bucket } else { 0 }, id: *id }
    };
    let kept = history
        .of_channel(channel)
        .rev()
        .map(|kept| item(kept.message.digest(), kept.shown.and_then(|shown| shown.sent_at)));
    let strange = is_strange.then(|| history.of_channel(ChannelId::of_strangers(channel.label())));
    let strange = strange.into_iter().flatten().map(|kept| item(kept.message.digest(), None));
    let gone = history.gone_of_channel(now, channel).map(|(id, gone)| item(id, gone.sent_at));
    kept.chain(strange).chain(gone).collect()
}

/// The set of messages under way, the same on every link: it hides nothing that the flood does not
/// show.
fn carry_label() -> Label {
    Label(digest16(Domain::ChannelAccess, &[b"carry"]))
}

/// Time between a sign that something is missing and asking for it.
pub(super) const RESYNC_AFTER: Duration = Duration::from_secs(5);

/// Spread of those times.
const RESYNC_JITTER_MS: u64 = 3_000;

/// Runs repeated with a neighbour with which they did not help.
pub(super) const RETRIES_MAX: u32 = 5;

/// Width of a time bucket: a day.
const BUCKET_S: u64 = 86_400;
