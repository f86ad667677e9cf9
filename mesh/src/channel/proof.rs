//! Which lite message under a name is its sender's (`MLG-16` to `MLG-19`).

use alloc::vec::Vec;

use super::{
    ChannelEvent, ChannelId, Channels,
    history::{Kept, Standing},
    message::{Digest, Opened},
    shown_as,
    voices::Name,
};
use crate::{envelope::MessageId, error::DropReason, limits::GROUP_RIVALS_MAX, lite::group::Claim};

/// What decides which message under a name is the sender's.
pub(super) enum Judge<'a> {
    /// A checkpoint.
    Claim(&'a Claim),
    /// Another message under it that the sender signed.
    Signed(&'a Digest, Option<&'a [u8; 32]>),
}

impl Channels {
    /// Whether another message under this name was shown and is not proven.
    pub(super) fn is_contested(&self, channel: ChannelId, opened: &Opened) -> bool {
        let name = (opened.sender, opened.lineage, opened.counter);
        self.joined.get(&channel).is_some_and(|joined| joined.lite.unproven.contains_key(&name))
    }

    /// Keeps another message under a name, if there are not too many.
    pub(super) fn keep_rival(&mut self, mut kept: Kept, opened: &Opened, is_proven: bool) -> bool {
        let (channel, digest) = (kept.channel, *kept.message.digest());
        let name = (opened.sender, opened.lineage, opened.counter);
        let Some(joined) = self.joined.get_mut(&channel) else { return false };
        let rivals = joined.lite.unproven.entry(name).or_default();
        if rivals.len() >= GROUP_RIVALS_MAX && !is_proven {
            self.drop_blameless(DropReason::Full);
            return false;
        }
        rivals.push(digest);
        kept.shown = Some(shown_as(channel, opened, Standing::Rival));
        self.insert(kept);
        true
    }

    /// Decides which of the messages under a name is the sender's: it becomes proven, the others go. If
    /// another one was shown, the application is told (`MLG-16`, `MLG-17`).
    pub(super) fn decide(&mut self, channel: ChannelId, name: Name, judge: &Judge<'_>) {
        let Some(joined) = self.joined.get_mut(&channel) else { return };
        let Some(digests) = joined.lite.unproven.remove(&name) else { return };
        joined.lite.claims.remove(&name);
        let fits = |digest: &&Digest| self.fits(channel, digest, judge);
        let fitting: Vec<_> = digests.iter().filter(fits).copied().collect();
        let shown = digests.iter().find_map(|digest| {
            let shown = self.history.get(digest)?.shown?;
            (shown.standing == Standing::Unproven).then_some((*digest, shown.id))
        });
        let winner = self.worthiest(&fitting);
        for digest in digests.iter().filter(|digest| winner != Some(**digest)) {
            if let Some(kept) = self.history.drop_to_gone(digest) {
                self.erase_dropped(&kept);
            }
        }
        let was_right = shown.is_none_or(|(digest, _)| fitting.contains(&digest));
        if let Some((_, id)) = shown {
            self.tell_verdict(channel, id, was_right);
        }
        if let Some(digest) = winner {
            return self.prove(channel, &digest, !was_right);
        }
        if let Some(joined) = self.joined.get_mut(&channel) {
            joined.shown.remove(&name.0, name.1, name.2);
            self.dirty.insert((channel, name.0));
        }
    }

    /// Of messages that say the same, the one that proves itself is worth more to whoever catches up
    /// here.
    fn worthiest(&self, fitting: &[Digest]) -> Option<Digest> {
        let is_signed = |digest: &&Digest| {
            self.history.get(digest).is_some_and(|kept| kept.message.is_signed())
        };
        fitting.iter().find(is_signed).or_else(|| fitting.first()).copied()
    }

    /// Tells the application what became of a message that was shown as not yet proven.
    fn tell_verdict(&mut self, channel: ChannelId, id: MessageId, was_right: bool) {
        if was_right {
            self.events.push_back(ChannelEvent::Proven { channel, id });
        } else {
            self.drop_blameless(DropReason::Forged);
            self.events.push_back(ChannelEvent::Withdrawn { channel, id });
        }
    }

    fn fits(&self, channel: ChannelId, digest: &Digest, judge: &Judge<'_>) -> bool {
        let transcript = || self.transcript(channel, digest);
        match judge {
            Judge::Claim(claim) => transcript().is_some_and(|transcript| claim.fits(&transcript)),
            Judge::Signed(own, signed) => {
                digest == *own || signed.is_some() && transcript().as_ref() == *signed
            }
        }
    }

    /// What the sender of a lite message that is kept signs for it.
    pub(super) fn transcript(&self, channel: ChannelId, digest: &Digest) -> Option<[u8; 32]> {
        let (kept, joined) = (self.history.get(digest)?, self.joined.get(&channel)?);
        let (object, shown, keys) = (kept.message.lite()?, kept.shown?, joined.keys.group());
        let voice = keys.voice(&shown.sender, shown.lineage);
        let text = keys.open(self.mode, object, &voice).ok()?;
        Some(keys.transcript(&voice, &text))
    }

    /// A message is proven; `is_news` when another one was shown in its place.
    fn prove(&mut self, channel: ChannelId, digest: &Digest, is_news: bool) {
        self.set_standing(digest, Standing::Proven);
        if !is_news {
            return;
        }
        let message = self.history.get(digest).and_then(|kept| self.message_of(channel, kept));
        if let Some(message) = message {
            self.events.push_back(ChannelEvent::Message(message));
        }
    }

    /// Notes what is known of a sender now, on disk too.
    pub(super) fn set_standing(&mut self, digest: &Digest, standing: Standing) {
        let Some(kept) = self.history.get_mut(digest) else { return };
        if let Some(shown) = &mut kept.shown {
            shown.standing = standing;
        }
        self.rewrite_message_row(digest);
    }

    /// A message is not kept any more: nothing can prove or withdraw it.
    pub(super) fn forget_unproven(&mut self, dropped: &Kept) {
        let Some(shown) = dropped.shown else { return };
        let name = (shown.sender, shown.lineage, shown.counter);
        let Some(joined) = self.joined.get_mut(&dropped.channel) else { return };
        let Some(digests) = joined.lite.unproven.get_mut(&name) else { return };
        let digest = dropped.message.digest();
        digests.retain(|known| known != digest);
        if shown.standing == Standing::Rival && !digests.is_empty() {
            return;
        }
        let rivals = joined.lite.unproven.remove(&name).unwrap_or_default();
        for rival in rivals {
            if let Some(kept) = self.history.drop_to_gone(&rival) {
                self.erase_message_row(&kept);
            }
        }
    }
}
