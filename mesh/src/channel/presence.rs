//! The handshake that finds common channels, from our side (`CH-22`, `CH-24`).

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::{
    ChannelId, Channels,
    catchup::SharedSet,
    handshake::{self, Challenge, Message, Tag},
};
use crate::{
    crypto::{rng::NodeRng, sign},
    error::{Error, PeerMisbehaved},
    link::LinkId,
    reconcile::Scope,
    time::Instant,
};

impl Channels {
    /// Takes the body of a reconciliation frame whose scope is [`Scope::Handshake`] or
    /// [`Scope::Channels`].
    ///
    /// # Errors
    /// What was wrong with it.
    pub fn on_reconcile(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        if !self.neighbours.contains_key(&link) {
            return Err(PeerMisbehaved::Unsolicited.into());
        }
        if Scope::of(body)? == Scope::Channels {
            return self.on_run_frame(now, link, body, rng);
        }
        match Message::read(&body[1..])? {
            Message::Challenge(challenge) => self.on_challenge(now, link, challenge, rng),
            Message::Tags(tags) => self.on_tags(now, link, tags, rng),
            Message::Prove { access_key, signature } => {
                self.on_prove(now, link, &access_key, &signature)
            }
        }
    }

    /// Says hello to a new neighbour if there is anything to find out.
    pub(super) fn start_handshake(&mut self, now: Instant, link: LinkId, rng: &mut NodeRng) {
        if !self.joined.is_empty() || self.config.store {
            self.send_challenge(now, link, rng);
        }
    }

    /// A channel was joined: neighbours learn of it, those that showed tags may match already.
    pub(super) fn announce_joined(&mut self, now: Instant, channel: ChannelId, rng: &mut NodeRng) {
        let links: Vec<_> = self.neighbours.keys().copied().collect();
        for link in links {
            // A neighbour whose flags said "no tags" has to hear that there are some now.
            self.send_challenge(now, link, rng);
            self.send_tags(link, rng);
            self.match_tags(now, link, rng);
            self.ask(now, link, channel, rng);
        }
    }

    /// Repeats what may have been lost.
    pub(super) fn retry_handshakes(&mut self, now: Instant, rng: &mut NodeRng) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        let links: Vec<_> = self
            .neighbours
            .iter()
            .filter(|(_, neighbour)| due(neighbour.handshake.retry_at))
            .map(|(link, _)| *link)
            .collect();
        for link in links {
            let handshake = &mut self.neighbour(link).handshake;
            handshake.retry_at = None;
            if handshake.is_complete() || handshake.retries >= RETRIES_MAX {
                continue;
            }
            handshake.retries += 1;
            self.send_challenge(now, link, rng);
            self.send_tags(link, rng);
        }
    }

    fn on_challenge(
        &mut self,
        now: Instant,
        link: LinkId,
        theirs: Challenge,
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        let handshake = &mut self.neighbour(link).handshake;
        if !handshake.budget.take(now, 1) {
            return Err(PeerMisbehaved::OverBudget.into());
        }
        let known = handshake.theirs.filter(|known| known.nonce == theirs.nonce);
        // The first "I have yours" is no repeat; the tags are under way already.
        let is_confirmation = known.is_some_and(|known| !known.has_yours) && theirs.has_yours;
        if known.is_some() {
            handshake.theirs = Some(theirs);
        } else {
            handshake.restart_with(theirs);
        }
        if self.joined.is_empty() && !self.config.store {
            return Ok(());
        }
        if !theirs.has_yours {
            self.send_challenge(now, link, rng);
        }
        if !is_confirmation {
            self.send_tags(link, rng);
        }
        self.ask_unmatched(now, link, rng);
        Ok(())
    }

    fn on_tags(
        &mut self,
        now: Instant,
        link: LinkId,
        tags: &[Tag],
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        let neighbour = self.neighbour(link);
        let lossy = neighbour.lossy;
        let handshake = &mut neighbour.handshake;
        if !handshake.budget.take(now, 1) {
            return Err(PeerMisbehaved::OverBudget.into());
        }
        if handshake.theirs.is_none() || handshake.ours.is_none() {
            return unbound(lossy);
        }
        handshake.their_tags = tags.to_vec();
        handshake.has_their_tags = true;
        self.match_tags(now, link, rng);
        self.ask_unmatched(now, link, rng);
        Ok(())
    }

    fn on_prove(
        &mut self,
        now: Instant,
        link: LinkId,
        access_key: &[u8; 32],
        signature: &[u8; 64],
    ) -> Result<(), Error> {
        let (own, mode) = (self.own, self.mode);
        let neighbour = self.neighbour(link);
        if !neighbour.handshake.budget.take(now, 1) {
            return Err(PeerMisbehaved::OverBudget.into());
        }
        let peer = neighbour.address;
        let Some(binding) = neighbour.handshake.binding(own, peer) else {
            return unbound(neighbour.lossy);
        };
        let digest = handshake::proof_digest(access_key, &binding, peer);
        sign::verify(mode, access_key, &digest, signature)?;
        let label = handshake::relay_label(access_key, &binding);
        if !neighbour.handshake.add_proven(ChannelId::derive(access_key), label) {
            return Err(PeerMisbehaved::OverBudget.into());
        }
        Ok(())
    }

    fn send_challenge(&mut self, now: Instant, link: LinkId, rng: &mut NodeRng) {
        let (keeps_for_others, has_tags) = (self.config.store, !self.joined.is_empty());
        let neighbour = self.neighbour(link);
        let nonce = *neighbour.handshake.ours.get_or_insert_with(|| rng.array());
        let has_yours = neighbour.handshake.theirs.is_some();
        let challenge = Challenge { nonce, keeps_for_others, has_tags, has_yours };
        neighbour.push_control(Message::Challenge(challenge).frame());
        if neighbour.lossy {
            let pause = RETRY_AFTER * (1 << neighbour.handshake.retries.min(RETRIES_MAX));
            neighbour.handshake.retry_at = Some(now + pause);
        }
    }

    /// Shows which channels are ours to whoever is a member of them.
    fn send_tags(&mut self, link: LinkId, rng: &mut NodeRng) {
        if self.joined.is_empty() {
            return;
        }
        let neighbour = &self.neighbours[&link];
        let Some(binding) = neighbour.handshake.binding(self.own, neighbour.address) else {
            return;
        };
        let mut tags: Vec<Tag> = vec![];
        for joined in self.joined.values() {
            tags.push(handshake::tag(&joined.keys, &binding, self.own));
        }
        // Random ones hide how many are real; sorting hides which.
        while !tags.len().is_power_of_two() {
            tags.push(rng.array());
        }
        tags.sort_unstable();
        self.neighbour(link).push_control(Message::Tags(&tags).frame());
    }

    /// Looks for common channels among the neighbour's tags.
    fn match_tags(&mut self, now: Instant, link: LinkId, rng: &mut NodeRng) {
        let neighbour = &self.neighbours[&link];
        let peer = neighbour.address;
        let Some(binding) = neighbour.handshake.binding(self.own, peer) else { return };
        let mut found = Vec::new();
        for (channel, joined) in &self.joined {
            let tag = handshake::tag(&joined.keys, &binding, peer);
            if !neighbour.handshake.is_matched(*channel)
                && neighbour.handshake.their_tags.contains(&tag)
            {
                found.push((*channel, handshake::member_label(&joined.keys, &binding)));
            }
        }
        for (channel, label) in found {
            self.neighbour(link).handshake.add_matched(channel, label);
            // One run serves both sides: the lower address opens it.
            if self.own < peer {
                self.reconcile(now, link, SharedSet::Channel(channel), rng);
            }
        }
    }

    /// Asks a neighbour that keeps history for the channels it did not show tags of.
    fn ask_unmatched(&mut self, now: Instant, link: LinkId, rng: &mut NodeRng) {
        let handshake = &self.neighbours[&link].handshake;
        let Some(theirs) = handshake.theirs else { return };
        if theirs.has_tags && !handshake.has_their_tags {
            return;
        }
        let channels: Vec<_> = self.joined.keys().copied().collect();
        for channel in channels {
            self.ask(now, link, channel, rng);
        }
    }

    /// Proves to a neighbour that we are a member, and reconciles with it.
    fn ask(&mut self, now: Instant, link: LinkId, channel: ChannelId, rng: &mut NodeRng) {
        let (own, mode, ask_relays) = (self.own, self.mode, self.config.ask_relays);
        let (Some(neighbour), Some(joined)) =
            (self.neighbours.get_mut(&link), self.joined.get(&channel))
        else {
            return;
        };
        let handshake = &mut neighbour.handshake;
        let keeps = handshake.theirs.is_some_and(|theirs| theirs.keeps_for_others);
        if !ask_relays || !keeps || handshake.is_matched(channel) || handshake.is_asked(channel) {
            return;
        }
        let Some(binding) = handshake.binding(own, neighbour.address) else { return };
        let access_key = *joined.keys.access_key();
        let digest = handshake::proof_digest(&access_key, &binding, own);
        let signature = joined.keys.access().sign(mode, &digest);
        let label = handshake::relay_label(&access_key, &binding);
        handshake.add_asked(channel, label);
        neighbour.push_control(Message::Prove { access_key, signature }.frame());
        self.reconcile(now, link, SharedSet::Channel(channel), rng);
    }

    /// Asks again on a link where the proof may have been lost.
    pub(super) fn ask_again(
        &mut self,
        now: Instant,
        link: LinkId,
        channel: ChannelId,
        rng: &mut NodeRng,
    ) {
        let neighbour = self.neighbour(link);
        if neighbour.lossy && neighbour.handshake.forget_asked(channel) {
            self.ask(now, link, channel, rng);
        }
    }

    pub(super) fn neighbour(&mut self, link: LinkId) -> &mut super::Neighbour {
        self.neighbours.get_mut(&link).expect("callers were called for a neighbour that is there")
    }
}

/// Something came before the challenges it is bound to: where frames get lost and overtake each
/// other that is nobody's fault, and it comes again.
fn unbound(lossy: bool) -> Result<(), Error> {
    if lossy { Ok(()) } else { Err(PeerMisbehaved::Unsolicited.into()) }
}

/// First repeat of a handshake on a link that loses frames; doubles each time.
const RETRY_AFTER: Duration = Duration::from_secs(3);

/// Repeats before a handshake is left alone: 3 + 6 + … + 96 s.
const RETRIES_MAX: u32 = 5;
