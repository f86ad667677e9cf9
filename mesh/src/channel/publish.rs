//! Publishing, in full and for radio, and signing for what was published (`MLG-13`, `MLG-14`, `MLG-22`).

use alloc::vec::Vec;

use super::{
    ChannelEvent, ChannelId, Channels,
    carried::Carried,
    history::{Kept, Standing},
    lite::checkpoint_as,
    message::{Digest, Draft, Opened},
    shown::Verdict,
    shown_as,
};
use crate::{
    command::CommandError,
    crypto::rng::NodeRng,
    envelope::MessageId,
    identity::MeshIdentity,
    limits::{
        CHANNEL_PAYLOAD_LEN_MAX, GROUP_CHECKPOINT_MAX, GROUP_COUNTER_MAX, GROUP_PAYLOAD_LEN_MAX,
    },
    lite::group::{Text, lifetime_code},
    time::{Instant, WallClock},
};

/// When channel messages take the form for radio (`MLG-22`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LitePolicy {
    /// With a radio among our links, or when the channel was lately heard in this form.
    #[default]
    Auto,
    /// Whenever they fit.
    Always,
    /// Never.
    Never,
}

/// How the sender of a lite message is proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LiteProof {
    /// By a signature in a message that comes after a pause, by checkpoints in what follows it: a
    /// message that stays alone needs no checkpoint, and a conversation few.
    #[default]
    Auto,
    /// By a checkpoint, at most sixteen messages or ten minutes later.
    Checkpoint,
    /// By a signature in every message: 56 bytes more.
    AtOnce,
}

impl Channels {
    /// Publishes to all members; [`ChannelEvent::Published`] follows.
    ///
    /// # Errors
    /// [`CommandError::UnknownChannel`], [`CommandError::PayloadTooLarge`], and
    /// [`CommandError::Busy`] when this node has no room to remember what it published.
    pub fn publish(
        &mut self,
        now: Instant,
        wall: Option<WallClock>,
        identity: &MeshIdentity,
        channel: ChannelId,
        payload: Vec<u8>,
        rng: &mut NodeRng,
    ) -> Result<MessageId, CommandError> {
        if payload.len() > CHANNEL_PAYLOAD_LEN_MAX {
            return Err(CommandError::PayloadTooLarge {
                limit_bytes: CHANNEL_PAYLOAD_LEN_MAX as u32,
            });
        }
        if !self.joined.contains_key(&channel) {
            return Err(CommandError::UnknownChannel);
        }
        let lineage = self.lineage(rng);
        let joined = self.joined.get_mut(&channel).expect("looked up above");
        let sender = *identity.public().node_key();
        if joined.shown.check(&sender, lineage, joined.next_counter) != Verdict::New {
            return Err(CommandError::Busy);
        }
        if self.goes_lite(now, channel, payload.len()) {
            return Ok(self.publish_lite(now, wall, identity, (channel, lineage), payload, rng));
        }
        let joined = self.joined.get_mut(&channel).expect("looked up above");
        let draft = Draft {
            hops_max: self.config.hops_max,
            lifetime_s: self.config.lifetime_s,
            lineage,
            counter: joined.next_counter,
            sent_at: wall,
            payload,
        };
        joined.next_counter += 1;
        let (message, opened) = draft.seal(self.mode, &joined.keys, identity, rng);
        let id = opened.message_id(channel);
        self.remember(channel, &opened);
        let digest = *message.digest();
        let mut kept = self.kept_from(now, Carried::Full(message), channel, self.own);
        kept.shown = Some(shown_as(channel, &opened, Standing::Proven));
        self.insert(kept);
        self.events.push_back(ChannelEvent::Published(id));
        self.spread(now, &digest);
        Ok(id)
    }

    /// Whether the next message takes the form for radio.
    pub(super) fn goes_lite(&self, now: Instant, channel: ChannelId, len: usize) -> bool {
        let Some(joined) = self.joined.get(&channel) else { return false };
        let fits =
            len <= GROUP_PAYLOAD_LEN_MAX && joined.next_counter <= u64::from(GROUP_COUNTER_MAX);
        let has_radio = || {
            self.neighbours.values().any(|neighbour| neighbour.is_radio)
                || joined.lite.radio_until.is_some_and(|until| now < until)
        };
        fits && match self.config.lite {
            LitePolicy::Auto => has_radio(),
            LitePolicy::Always => true,
            LitePolicy::Never => false,
        }
    }

    /// Publishes in the form for radio under the next counter.
    pub(super) fn publish_lite(
        &mut self,
        now: Instant,
        wall: Option<WallClock>,
        identity: &MeshIdentity,
        (channel, lineage): (ChannelId, u64),
        payload: Vec<u8>,
        rng: &mut NodeRng,
    ) -> MessageId {
        let hops = self.config.hops_max;
        let (mode, lifetime) = (self.mode, lifetime_code(self.config.lifetime_s));
        let joined = self.joined.get_mut(&channel).expect("publish() looked it up");
        let counter = joined.next_counter;
        joined.next_counter += 1;
        let keys = joined.keys.group();
        let voice = keys.voice(identity.public().node_key(), lineage);
        let counter16 = u16::try_from(counter).expect("goes_lite() keeps to GROUP_COUNTER_MAX");
        let mut text = Text { counter: counter16, lifetime, sent_at: wall, payload };
        let at_once = match self.config.proof {
            LiteProof::Auto => joined.lite.own.is_after_pause(now, lineage),
            LiteProof::Checkpoint => false,
            LiteProof::AtOnce => true,
        };
        joined.lite.own.last_at = Some(now);
        let object = if at_once {
            text.sent_at = None;
            keys.seal_signed(mode, identity, &voice, &text, hops)
        } else {
            keys.seal(&voice, &text, hops)
        };
        let digest = *object.digest();
        joined.lite.voices.learn(keys, &voice.sender, lineage);
        if !at_once {
            joined.lite.own.note(now, lineage, counter, digest);
        } else if joined.lite.own.introduced != Some(lineage) {
            joined.lite.own.due = Some(now);
        }
        let opened = Opened::of_lite(&voice, text);
        let id = opened.message_id(channel);
        self.remember(channel, &opened);
        let standing = if at_once { Standing::Proven } else { Standing::Unproven };
        let mut kept = self.own_kept(now, Carried::Lite(object), channel);
        kept.shown = Some(shown_as(channel, &opened, standing));
        self.insert(kept);
        self.events.push_back(ChannelEvent::Published(id));
        self.spread(now, &digest);
        self.sign_due(now, identity, rng);
        id
    }

    /// Signs for what was published and is due. To be called with [`Self::handle_timeout`], before it.
    pub fn sign_due(&mut self, now: Instant, identity: &MeshIdentity, rng: &mut NodeRng) {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let due: Vec<_> = self
            .joined
            .iter()
            .filter(|(_, joined)| is_due(joined.lite.own.due))
            .map(|(channel, _)| *channel)
            .collect();
        for channel in due {
            let Some(joined) = self.joined.get_mut(&channel) else { continue };
            let mut pending = joined.lite.own.take();
            if let Some(lineage) = self.lineage
                && joined.lite.own.introduced != Some(lineage)
            {
                pending.entry(lineage).or_default();
            }
            for (lineage, mut messages) in pending {
                messages.sort_unstable();
                for covered in consecutive(&messages) {
                    self.sign(now, identity, (channel, lineage), covered, rng);
                }
            }
        }
    }

    /// Signs for messages with consecutive counters, or only introduces us.
    fn sign(
        &mut self,
        now: Instant,
        identity: &MeshIdentity,
        (channel, lineage): (ChannelId, u64),
        covered: &[(u64, Digest)],
        rng: &mut NodeRng,
    ) {
        let transcripts: Vec<_> =
            covered.iter().map_while(|(_, digest)| self.transcript(channel, digest)).collect();
        let first = covered.first().map_or(1, |(counter, _)| *counter);
        let Ok(first) = u16::try_from(first) else { return };
        let (mode, hops) = (self.mode, self.config.hops_max);
        let lifetime = lifetime_code(self.config.lifetime_s);
        let Some(joined) = self.joined.get_mut(&channel) else { return };
        let keys = joined.keys.group();
        let voice = keys.voice(identity.public().node_key(), lineage);
        let claims = (first, &transcripts[..]);
        let object =
            keys.seal_checkpoint(mode, identity, &voice, claims, (lifetime, hops), rng.array());
        let Ok(checkpoint) = keys.open_checkpoint(mode, &object) else { return };
        joined.lite.own.introduced = Some(lineage);
        let digest = *object.digest();
        let mut kept = self.own_kept(now, Carried::Lite(object), channel);
        kept.shown = Some(checkpoint_as(&checkpoint));
        self.insert(kept);
        for (_, digest) in covered.iter().take(transcripts.len()) {
            self.set_standing(digest, Standing::Proven);
        }
        self.spread(now, &digest);
    }

    /// The lineage of what this run publishes: its number is durable, its other half makes sure
    /// that a node whose disk was rolled back starts another one.
    fn lineage(&mut self, rng: &mut NodeRng) -> u64 {
        if let Some(lineage) = self.lineage {
            return lineage;
        }
        self.run = self.run.saturating_add(1);
        self.write_run_row();
        let lineage = u64::from(self.run) << 32 | u64::from(rng.next_u32());
        self.lineage = Some(lineage);
        lineage
    }

    fn own_kept(&mut self, now: Instant, message: Carried, channel: ChannelId) -> Kept {
        self.kept_from(now, message, channel, self.own)
    }
}

/// Runs of consecutive counters, none longer than a checkpoint covers; one empty run if there are none.
fn consecutive(messages: &[(u64, Digest)]) -> Vec<&[(u64, Digest)]> {
    if messages.is_empty() {
        return alloc::vec![messages];
    }
    messages
        .chunk_by(|(one, _), (next, _)| one + 1 == *next)
        .flat_map(|run| run.chunks(GROUP_CHECKPOINT_MAX))
        .collect()
}
