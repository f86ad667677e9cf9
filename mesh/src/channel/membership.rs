//! Creating, joining and leaving channels (`CH-03`, `CH-04`, `CH-26`).

use alloc::{string::String, vec::Vec};

use super::{
    Channels, Joined,
    carried::Carried,
    history::Standing,
    id::ChannelId,
    invite::{self, Invite},
    keys::ChannelKeys,
    shown::Verdict,
    shown_as,
};
use crate::{command::CommandError, crypto::rng::NodeRng, limits::CHANNELS_MAX, time::Instant};

impl Channels {
    /// Creates a channel and joins it; returns its id and the invite for others.
    ///
    /// # Errors
    /// [`CommandError::NameOutOfRange`], [`CommandError::ChannelsFull`].
    pub fn create(
        &mut self,
        now: Instant,
        name: &str,
        rng: &mut NodeRng,
    ) -> Result<(ChannelId, String), CommandError> {
        if !invite::is_name(name) {
            return Err(CommandError::NameOutOfRange);
        }
        let keys = ChannelKeys::generate(rng);
        let invite = Invite::encode(keys.secret(), name);
        let id = self.add(now, keys, name.into(), rng)?;
        Ok((id, invite))
    }

    /// Joins the channel of an invite; joining twice is joining once (`CH-03`).
    ///
    /// # Errors
    /// [`CommandError::InviteInvalid`], [`CommandError::ChannelsFull`].
    pub fn join(
        &mut self,
        now: Instant,
        invite: &str,
        rng: &mut NodeRng,
    ) -> Result<ChannelId, CommandError> {
        let Invite { secret, name } = Invite::decode(invite)?;
        let keys = ChannelKeys::from_secret(secret);
        if self.joined.contains_key(&keys.id()) {
            return Ok(keys.id());
        }
        self.add(now, keys, name, rng)
    }

    /// Leaves a channel; its key and everything read with it are erased here (`CH-04`).
    ///
    /// # Errors
    /// [`CommandError::UnknownChannel`].
    pub fn leave(&mut self, channel: ChannelId) -> Result<(), CommandError> {
        let joined = self.joined.remove(&channel).ok_or(CommandError::UnknownChannel)?;
        self.erase_rows(channel, &joined);
        let digests: Vec<_> =
            self.history.of_channel(channel).map(|kept| *kept.message.digest()).collect();
        for digest in digests {
            if let Some(kept) = self.history.remove(&digest) {
                self.erase_message_row(&kept);
            }
        }
        self.history.forget_gone(channel);
        self.dirty.retain(|(of, _)| *of != channel);
        for neighbour in self.neighbours.values_mut() {
            neighbour.forget_channel(channel);
        }
        Ok(())
    }

    /// Joins the channel of these keys.
    fn add(
        &mut self,
        now: Instant,
        keys: ChannelKeys,
        name: String,
        rng: &mut NodeRng,
    ) -> Result<ChannelId, CommandError> {
        if self.joined.len() >= CHANNELS_MAX {
            return Err(CommandError::ChannelsFull);
        }
        let id = keys.id();
        self.write_channel_row(&keys, &name);
        self.joined.insert(id, Joined::new(keys, name));
        self.read_carried(now, id);
        self.announce_joined(now, id, rng);
        Ok(id)
    }

    /// Shows what was carried of a channel before it was joined (`CH-26`).
    fn read_carried(&mut self, now: Instant, channel: ChannelId) {
        self.history.forget_gone(channel);
        let digests: Vec<_> =
            self.history.of_channel(channel).map(|kept| *kept.message.digest()).collect();
        for digest in digests {
            let Some(mut kept) = self.history.remove(&digest) else { continue };
            self.erase_message_row(&kept);
            kept.age_ms = u32::try_from(kept.age_ms_at(now)).unwrap_or(u32::MAX);
            let joined = &self.joined[&channel];
            let Carried::Full(message) = &kept.message else { continue };
            let Ok(opened) = message.open(self.mode, &joined.keys) else { continue };
            if self.show(now, channel, &opened, true) == Verdict::New {
                kept.shown = Some(shown_as(channel, &opened, Standing::Proven));
                kept.since = now;
                self.insert(kept);
            }
        }
        self.read_carried_lite(now, channel);
    }
}
