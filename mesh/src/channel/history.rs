//! Messages kept: those of our channels, and those of others that we carry (`CH-19`, `CH-20`).

use alloc::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{ChannelId, carried::Carried, message::Digest, shown::Sender};
use crate::{
    address::Address,
    envelope::MessageId,
    limits::{
        CHANNEL_COPIES_MAX, CHANNEL_FOREIGN_BYTES_MAX, CHANNEL_FOREIGN_TOTAL_BYTES_MAX,
        CHANNEL_GONE_MAX, CHANNEL_HISTORY_BYTES_MAX, CHANNEL_HISTORY_MESSAGES_MAX,
        CHANNEL_HISTORY_TOTAL_BYTES_MAX, CHANNEL_MESSAGE_OVERHEAD,
    },
    link::LinkId,
    time::{Instant, WallClock},
};

/// A message that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) message: Carried,
    pub(super) channel: ChannelId,
    /// Position in the order of arrival.
    pub(super) arrival: u64,
    /// The most hops any copy had left.
    pub(super) hops_left: u8,
    /// Age at its arrival, on disk too.
    pub(super) arrival_age_ms: u32,
    /// Age at `since`.
    pub(super) age_ms: u32,
    /// When it came, or was read back from disk.
    pub(super) since: Instant,
    /// The neighbour it came from; whoever fills our memory pays with its own share.
    pub(super) ingress: Address,
    /// Links whose neighbour has it.
    pub(super) copies: BTreeMap<LinkId, Copy>,
    /// What it says, for messages of joined channels.
    pub(super) shown: Option<ShownAs>,
    /// Whether any neighbour has it: what was published without one waits for the first.
    pub(super) handed: bool,
    /// Whether it has a row on disk.
    pub(super) durable: bool,
}

/// A neighbour's copy of a message.
#[derive(Clone, core::marker::Copy, Debug)]
pub(super) struct Copy {
    /// Hops it has left there.
    hops_left: u8,
    /// When we sent it; `None` when the neighbour sent it to us.
    sent_at: Option<Instant>,
}

/// What a message of a joined channel was shown as.
#[derive(Clone, Copy, Debug)]
pub(super) struct ShownAs {
    pub(super) id: MessageId,
    pub(super) sender: Sender,
    pub(super) sent_at: Option<WallClock>,
    pub(super) lineage: u64,
    pub(super) counter: u64,
    pub(super) standing: Standing,
}

/// What is known of the sender of something kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Standing {
    /// The sender signed it.
    Proven = 0,
    /// Some member wrote it. It was shown as such.
    Unproven = 1,
    /// Some member wrote it, and another one under the same name was shown.
    Rival = 2,
    /// It is no message: it proves others.
    Checkpoint = 3,
}

impl Standing {
    /// The standing of a code.
    pub(super) const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Proven,
            1 => Self::Unproven,
            2 => Self::Rival,
            3 => Self::Checkpoint,
            _ => return None,
        })
    }

    /// Whether the application has seen it.
    pub(super) const fn is_shown(self) -> bool {
        matches!(self, Self::Proven | Self::Unproven)
    }
}

impl Kept {
    /// Its age: what it had and the time it waited here.
    pub(super) fn age_ms_at(&self, now: Instant) -> u64 {
        let waited = now.saturating_since(self.since).as_millis();
        u64::from(self.age_ms).saturating_add(u64::try_from(waited).unwrap_or(u64::MAX))
    }

    /// When its lifetime is over.
    pub(super) fn expires_at(&self) -> Instant {
        let lifetime_ms = u64::from(self.message.lifetime_s()) * 1_000;
        self.since + Duration::from_millis(lifetime_ms.saturating_sub(u64::from(self.age_ms)))
    }

    /// Time since it arrived, as far as the clock ran.
    pub(super) fn kept_for(&self, now: Instant) -> Duration {
        Duration::from_millis(self.age_ms_at(now).saturating_sub(u64::from(self.arrival_age_ms)))
    }

    /// The neighbour on this link sent a copy.
    pub(super) fn note_received(&mut self, link: LinkId, hops_left: u8) {
        self.note(link, Copy { hops_left, sent_at: None });
    }

    /// A copy went to the neighbour on this link.
    pub(super) fn note_sent(&mut self, link: LinkId, hops_left: u8, now: Instant) {
        self.note(link, Copy { hops_left, sent_at: Some(now) });
    }

    /// Whether the neighbour on this link has a copy as good as one with so many hops left.
    pub(super) fn is_known_at(&self, link: LinkId, hops_left: u8) -> bool {
        self.copies.get(&link).is_some_and(|copy| copy.hops_left >= hops_left)
    }

    /// Whether the neighbour on this link has it for certain, or may have it any moment.
    pub(super) fn is_surely_at(&self, link: LinkId, now: Instant) -> bool {
        self.copies.get(&link).is_some_and(|copy| {
            copy.sent_at.is_none_or(|sent_at| now.saturating_since(sent_at) < IN_FLIGHT)
        })
    }

    /// Whether the neighbour on this link has shown that it has it.
    pub(super) fn has_come_from(&self, link: LinkId) -> bool {
        self.copies.get(&link).is_some_and(|copy| copy.sent_at.is_none())
    }

    fn note(&mut self, link: LinkId, new: Copy) {
        if self.copies.len() >= CHANNEL_COPIES_MAX && !self.copies.contains_key(&link) {
            self.copies.pop_first();
        }
        let copy = self.copies.entry(link).or_insert(new);
        copy.hops_left = copy.hops_left.max(new.hops_left);
        copy.sent_at = copy.sent_at.and(new.sent_at);
    }

    fn cost(&self) -> usize {
        self.message.len() + CHANNEL_MESSAGE_OVERHEAD
    }
}

/// A message that is not kept (any more) but was seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone {
    pub(super) channel: ChannelId,
    pub(super) sent_at: Option<WallClock>,
    /// After that nobody sends it any more.
    pub(super) expires_at: Instant,
}

/// All messages kept, with what is needed to find the next one to drop.
#[derive(Debug, Default)]
pub(super) struct History {
    kept: BTreeMap<Digest, Kept>,
    by_channel: BTreeMap<ChannelId, Shelf>,
    by_ingress: BTreeMap<Address, Shelf>,
    by_expiry: BTreeSet<(Instant, Digest)>,
    joined_bytes: usize,
    foreign_bytes: usize,
    gone: BTreeMap<Digest, Gone>,
    gone_order: VecDeque<Digest>,
}

/// Messages in order of arrival.
#[derive(Debug, Default)]
struct Shelf {
    order: BTreeMap<u64, Digest>,
    bytes: usize,
}

impl Shelf {
    fn oldest(&self) -> Option<Digest> {
        self.order.first_key_value().map(|(_, digest)| *digest)
    }
}

impl History {
    pub(super) fn get(&self, digest: &Digest) -> Option<&Kept> {
        self.kept.get(digest)
    }

    pub(super) fn get_mut(&mut self, digest: &Digest) -> Option<&mut Kept> {
        self.kept.get_mut(digest)
    }

    /// Whether it was seen and is not kept.
    pub(super) fn is_gone(&self, digest: &Digest) -> bool {
        self.gone.contains_key(digest)
    }

    /// Keeps a message and returns those that had to go for it.
    pub(super) fn insert(&mut self, kept: Kept) -> Vec<Kept> {
        let (digest, channel) = (*kept.message.digest(), kept.channel);
        let (cost, joined) = (kept.cost(), kept.shown.is_some());
        let shelf = self.by_channel.entry(channel).or_default();
        shelf.order.insert(kept.arrival, digest);
        shelf.bytes += cost;
        if joined {
            self.joined_bytes += cost;
        } else {
            self.foreign_bytes += cost;
            let shelf = self.by_ingress.entry(kept.ingress).or_default();
            shelf.order.insert(kept.arrival, digest);
            shelf.bytes += cost;
        }
        self.by_expiry.insert((kept.expires_at(), digest));
        self.kept.insert(digest, kept);
        let mut dropped = Vec::new();
        while let Some(victim) = self.next_victim(channel, joined) {
            dropped.extend(self.drop_to_gone(&victim));
        }
        dropped
    }

    /// Takes a message out and forgets that it was there.
    pub(super) fn remove(&mut self, digest: &Digest) -> Option<Kept> {
        let kept = self.kept.remove(digest)?;
        self.by_expiry.remove(&(kept.expires_at(), *digest));
        take_from_shelf(&mut self.by_channel, &kept.channel, &kept);
        if kept.shown.is_some() {
            self.joined_bytes -= kept.cost();
        } else {
            self.foreign_bytes -= kept.cost();
            take_from_shelf(&mut self.by_ingress, &kept.ingress, &kept);
        }
        Some(kept)
    }

    /// Takes a message out and remembers that it was there.
    pub(super) fn drop_to_gone(&mut self, digest: &Digest) -> Option<Kept> {
        let kept = self.remove(digest)?;
        let sent_at = kept.shown.and_then(|shown| shown.sent_at);
        let gone = Gone { channel: kept.channel, sent_at, expires_at: kept.expires_at() };
        self.remember_gone(*digest, gone);
        Some(kept)
    }

    /// Remembers a message that is not to be kept.
    pub(super) fn remember_gone(&mut self, digest: Digest, gone: Gone) {
        if self.gone.insert(digest, gone).is_none() {
            self.gone_order.push_back(digest);
        }
        while self.gone_order.len() > CHANNEL_GONE_MAX {
            let oldest = self.gone_order.pop_front().expect("more than none");
            self.gone.remove(&oldest);
        }
    }

    /// Forgets what was remembered of a channel's messages that are not kept.
    pub(super) fn forget_gone(&mut self, channel: ChannelId) {
        self.gone.retain(|_, gone| gone.channel != channel);
        self.gone_order.retain(|digest| self.gone.contains_key(digest));
    }

    /// Messages whose lifetime is over.
    pub(super) fn expired(&self, now: Instant) -> Vec<Digest> {
        self.by_expiry
            .iter()
            .take_while(|(expires_at, _)| *expires_at <= now)
            .map(|(_, digest)| *digest)
            .collect()
    }

    /// When the next lifetime is over.
    pub(super) fn next_expiry(&self) -> Option<Instant> {
        self.by_expiry.first().map(|(expires_at, _)| *expires_at)
    }

    /// Moves all messages to a new start of their time here: they were read back from disk.
    pub(super) fn restart(&mut self, now: Instant, mut age_ms: impl FnMut(&Kept) -> u32) {
        self.by_expiry.clear();
        for (digest, kept) in &mut self.kept {
            kept.age_ms = age_ms(kept);
            kept.since = now;
            self.by_expiry.insert((kept.expires_at(), *digest));
        }
    }

    /// Messages of a channel in order of arrival, oldest first.
    pub(super) fn of_channel(&self, channel: ChannelId) -> impl DoubleEndedIterator<Item = &Kept> {
        let order =
            self.by_channel.get(&channel).into_iter().flat_map(|shelf| shelf.order.values());
        order.map(|digest| &self.kept[digest])
    }

    /// Ids of a channel's messages that are not kept but must not come again.
    pub(super) fn gone_of_channel(
        &self,
        now: Instant,
        channel: ChannelId,
    ) -> impl Iterator<Item = (&Digest, &Gone)> {
        let wanted = move |gone: &Gone| gone.channel == channel && now < gone.expires_at;
        self.gone.iter().filter(move |(_, gone)| wanted(gone))
    }

    /// All messages.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Kept> {
        self.kept.values()
    }

    /// How many messages of a channel are kept that the application has seen.
    pub(super) fn count(&self, channel: ChannelId) -> usize {
        let shown = |kept: &&Kept| kept.shown.is_some_and(|shown| shown.standing.is_shown());
        self.of_channel(channel).filter(shown).count()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Bytes kept of joined channels and of others', bookkeeping included.
    pub(super) const fn bytes(&self) -> (usize, usize) {
        (self.joined_bytes, self.foreign_bytes)
    }

    /// A link is gone; its number is never used again.
    pub(super) fn forget_link(&mut self, link: LinkId) {
        for kept in self.kept.values_mut() {
            kept.copies.remove(&link);
        }
    }

    fn next_victim(&self, channel: ChannelId, joined: bool) -> Option<Digest> {
        let shelf = self.by_channel.get(&channel)?;
        if joined {
            if shelf.order.len() > CHANNEL_HISTORY_MESSAGES_MAX
                || shelf.bytes > CHANNEL_HISTORY_BYTES_MAX
            {
                return shelf.oldest();
            }
            return (self.joined_bytes > CHANNEL_HISTORY_TOTAL_BYTES_MAX)
                .then(|| self.oldest_of_largest_joined())
                .flatten();
        }
        if shelf.bytes > CHANNEL_FOREIGN_BYTES_MAX {
            return shelf.oldest();
        }
        if self.foreign_bytes > CHANNEL_FOREIGN_TOTAL_BYTES_MAX {
            let greediest = self.by_ingress.values().max_by_key(|shelf| shelf.bytes)?;
            return greediest.oldest();
        }
        None
    }

    fn oldest_of_largest_joined(&self) -> Option<Digest> {
        let is_joined =
            |shelf: &Shelf| shelf.oldest().is_some_and(|digest| self.kept[&digest].shown.is_some());
        let joined = self.by_channel.values().filter(|shelf| is_joined(shelf));
        joined.max_by_key(|shelf| shelf.bytes)?.oldest()
    }
}

/// A copy sent so recently may still be under way: asking for it crossed it.
const IN_FLIGHT: Duration = Duration::from_secs(2);

fn take_from_shelf<K: Ord>(shelves: &mut BTreeMap<K, Shelf>, key: &K, kept: &Kept) {
    let Some(shelf) = shelves.get_mut(key) else { return };
    shelf.order.remove(&kept.arrival);
    shelf.bytes -= kept.cost();
    if shelf.order.is_empty() {
        shelves.remove(key);
    }
}
