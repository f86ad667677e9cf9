//! Lite messages: admission, proof, contradiction (`MLG-13` to `MLG-23`).

use alloc::vec::Vec;

use super::{
    ChannelId, Channels,
    carried::Carried,
    catchup::{SharedSet, resync_at},
    history::{Kept, ShownAs, Standing},
    message::Opened,
    proof::Judge,
    shown::Verdict,
    shown_as,
    voices::Claims,
};
use crate::{
    address::Address,
    crypto::rng::NodeRng,
    envelope::MessageId,
    error::{DropReason, Error},
    limits::GROUP_RADIO_AFTER,
    link::LinkId,
    lite::group::{Checkpoint, LiteObject},
    time::Instant,
};

/// What a lite object of a joined channel says.
enum Read {
    Message(Opened, [u8; 32]),
    Checkpoint(Checkpoint),
}

impl Channels {
    /// Takes the body of a frame of lite channel messages.
    ///
    /// # Errors
    /// What the neighbour did wrong: no lite object, or over its budget. That somebody else than a
    /// member wrote it is not its fault: no relay can see it.
    pub fn on_lite_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        self.take_ingress(now, link, body.len(), rng)?;
        let object = LiteObject::parse(body)?;
        if self.note_copy(now, link, object.digest(), object.hops_left()) {
            return Ok(());
        }
        let Some((channel, read)) = self.read_lite(&object) else {
            self.carry_stranger(now, link, object, rng);
            return Ok(());
        };
        if !self.admit_budget(now, channel) {
            self.drop_blameless(DropReason::OverBudget);
            self.retry_later(now, link, channel, rng);
            return Ok(());
        }
        let kept = self.new_kept(now, Carried::Lite(object), channel, link);
        let is_here = match read {
            Read::Message(opened, transcript) => self.on_lite(now, kept, &opened, &transcript),
            Read::Checkpoint(checkpoint) => {
                self.on_checkpoint(now, kept, &checkpoint);
                true
            }
        };
        if is_here {
            self.note_traffic(now, link, channel, rng);
        } else {
            self.retry_later(now, link, channel, rng);
        }
        Ok(())
    }

    /// Reads an object, if it is of a joined channel and a voice known there.
    fn read_lite(&self, object: &LiteObject) -> Option<(ChannelId, Read)> {
        let label = object.channel_label();
        let joined = self.joined.iter().filter(|(channel, _)| channel.label() == label);
        for (channel, joined) in joined {
            let keys = joined.keys.group();
            let Some((voice_label, _)) = object.voice() else {
                let checkpoint = keys.read_checkpoint(self.config.rules, self.mode, object);
                let Ok(checkpoint) = checkpoint else { continue };
                return Some((*channel, Read::Checkpoint(checkpoint)));
            };
            for voice in joined.lite.voices.with_label(voice_label) {
                let Ok(text) = keys.open(self.mode, object, voice) else { continue };
                let transcript = keys.transcript(voice, &text);
                return Some((*channel, Read::Message(Opened::of_lite(voice, text), transcript)));
            }
        }
        None
    }

    /// Passes on what nobody here can open, within what a neighbour may bring in of that (`MLG-21`). If
    /// it is of a channel of ours, its sender may yet be introduced.
    fn carry_stranger(
        &mut self,
        now: Instant,
        link: LinkId,
        object: LiteObject,
        rng: &mut NodeRng,
    ) {
        let label = object.channel_label();
        let ours = self.joined.keys().copied().find(|channel| channel.label() == label);
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return };
        if !self.config.relay && ours.is_none() {
            return;
        }
        if !neighbour.strangers.take(now, object.len() as u64) {
            self.drop_blameless(DropReason::OverBudget);
            let set = ours.map_or(SharedSet::Carried, SharedSet::Channel);
            let at = resync_at(now, rng);
            self.neighbour(link).retry_by(at, set);
            return;
        }
        let digest = *object.digest();
        let shelf = ChannelId::of_strangers(label);
        let kept = self.new_kept(now, Carried::Lite(object), shelf, link);
        self.insert(kept);
        self.forward(now, &digest);
        // Whoever sent it may have what introduces its sender; but noise must not make us ask for ever.
        if let Some(channel) = ours {
            self.retry_later(now, link, channel, rng);
        }
    }

    /// A member wrote it. `false` when there is no room for it now.
    fn on_lite(
        &mut self,
        now: Instant,
        kept: Kept,
        opened: &Opened,
        transcript: &[u8; 32],
    ) -> bool {
        let channel = kept.channel;
        let name = (opened.sender, opened.lineage, opened.counter);
        let Some(joined) = self.joined.get_mut(&channel) else { return false };
        joined.lite.radio_until = Some(now + GROUP_RADIO_AFTER);
        let claim = joined.lite.claims.get(&name).copied();
        let is_signed = kept.message.is_signed();
        let is_claimed = claim.is_some_and(|claim| claim.fits(transcript));
        let is_false = claim.is_some() && !is_claimed && !is_signed;
        if is_false || self.is_false_own(channel, opened) {
            self.drop_blameless(DropReason::Forged);
            self.remember_gone(now, channel, &kept.message, Some(opened));
            return true;
        }
        let is_proven = is_signed || is_claimed;
        let digest = *kept.message.digest();
        match self.show(now, channel, opened, is_proven) {
            Verdict::NoRoom => {
                self.drop_blameless(DropReason::Full);
                return false;
            }
            Verdict::New => self.keep_lite(kept, opened, is_proven),
            Verdict::Known if !self.is_contested(channel, opened) => {
                self.remember_gone(now, channel, &kept.message, Some(opened));
                return true;
            }
            Verdict::Known => {
                if !self.keep_rival(kept, opened, is_proven) {
                    return false;
                }
                if is_proven {
                    self.decide(channel, name, &Judge::Signed(&digest, Some(transcript)));
                }
            }
        }
        self.forward(now, &digest);
        true
    }

    /// Keeps a message that was just shown.
    fn keep_lite(&mut self, mut kept: Kept, opened: &Opened, is_proven: bool) {
        let (channel, digest) = (kept.channel, *kept.message.digest());
        let name = (opened.sender, opened.lineage, opened.counter);
        let standing = if is_proven { Standing::Proven } else { Standing::Unproven };
        kept.shown = Some(shown_as(channel, opened, standing));
        self.insert(kept);
        let Some(joined) = self.joined.get_mut(&channel) else { return };
        if is_proven {
            joined.lite.claims.remove(&name);
        } else {
            joined.lite.unproven.insert(name, alloc::vec![digest]);
        }
    }

    /// A message in full under a name that is not proven yet.
    pub(super) fn on_full_rival(
        &mut self,
        now: Instant,
        link: LinkId,
        kept: Kept,
        opened: &Opened,
        rng: &mut NodeRng,
    ) {
        let (channel, digest) = (kept.channel, *kept.message.digest());
        let name = (opened.sender, opened.lineage, opened.counter);
        self.keep_rival(kept, opened, true);
        self.decide(channel, name, &Judge::Signed(&digest, None));
        self.forward(now, &digest);
        self.note_traffic(now, link, channel, rng);
    }

    /// Somebody speaks in our name: whatever we said in this run is remembered.
    fn is_false_own(&self, channel: ChannelId, opened: &Opened) -> bool {
        Address::derive(&opened.sender) == self.own
            && self.lineage == Some(opened.lineage)
            && self.joined[&channel].next_counter <= opened.counter
    }

    /// A sender proved what it sent (`MLG-15`).
    fn on_checkpoint(&mut self, now: Instant, mut kept: Kept, checkpoint: &Checkpoint) {
        let (channel, digest) = (kept.channel, *kept.message.digest());
        kept.shown = Some(checkpoint_as(checkpoint));
        self.insert(kept);
        let Some(joined) = self.joined.get_mut(&channel) else { return };
        let (sender, lineage) = (checkpoint.sender, checkpoint.lineage);
        joined.lite.radio_until = Some(now + GROUP_RADIO_AFTER);
        joined.lite.voices.learn(joined.keys.group(), &sender, lineage);
        for (claim, counter) in checkpoint.claims.iter().zip(u64::from(checkpoint.first)..) {
            let name = (sender, lineage, counter);
            self.decide(channel, name, &Judge::Claim(claim));
            let Some(joined) = self.joined.get_mut(&channel) else { return };
            if joined.shown.check(&sender, lineage, counter) != Verdict::Known {
                joined.lite.claims.insert(name, *claim);
            }
        }
        self.read_strangers(now, channel, false);
        let is_missing = |claims: &Claims| {
            let mut counters = (u64::from(checkpoint.first)..).take(checkpoint.claims.len());
            counters.any(|counter| claims.get(&(sender, lineage, counter)).is_some())
        };
        if self.joined.get(&channel).is_some_and(|joined| is_missing(&joined.lite.claims)) {
            self.seek_missing(now, channel);
        }
        self.forward(now, &digest);
    }

    /// Reads what was carried of a channel when it is joined: checkpoints first, they introduce those
    /// that wrote the rest.
    pub(super) fn read_carried_lite(&mut self, now: Instant, channel: ChannelId) {
        self.history.forget_gone(ChannelId::of_strangers(channel.label()));
        self.read_strangers(now, channel, true);
    }

    /// Reads checkpoints, or messages, that were carried unopened.
    fn read_strangers(&mut self, now: Instant, channel: ChannelId, checkpoints: bool) {
        let shelf = ChannelId::of_strangers(channel.label());
        let wanted = |kept: &&Kept| kept.message.is_checkpoint() == checkpoints;
        let strangers = self.history.of_channel(shelf).filter(wanted);
        let strangers: Vec<_> = strangers.map(|kept| *kept.message.digest()).collect();
        for digest in strangers {
            let read = self.history.get(&digest).and_then(|kept| kept.message.lite());
            let Some((channel, read)) = read.and_then(|object| self.read_lite(object)) else {
                continue;
            };
            let Some(mut kept) = self.history.remove(&digest) else { continue };
            kept.channel = channel;
            match read {
                Read::Message(opened, transcript) => {
                    self.on_lite(now, kept, &opened, &transcript);
                }
                Read::Checkpoint(checkpoint) => self.on_checkpoint(now, kept, &checkpoint),
            }
        }
    }
}

/// How a checkpoint is kept.
pub(super) fn checkpoint_as(checkpoint: &Checkpoint) -> ShownAs {
    ShownAs {
        id: MessageId([0; 16]),
        sender: checkpoint.sender,
        sent_at: None,
        lineage: checkpoint.lineage,
        counter: checkpoint.first.into(),
        standing: Standing::Checkpoint,
    }
}
