//! Admission, forwarding and sending (`CH-05` to `CH-12`).

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    ChannelId, Channels,
    carried::Carried,
    catchup::{RESYNC_AFTER, SharedSet, resync_at},
    history::{Gone, Standing},
    message::{Admitted, Digest, Incoming, Opened},
    neighbour::{Neighbour, Outgoing},
    shown::Verdict,
    shown_as,
};
use crate::{
    crypto::rng::NodeRng,
    error::{DropReason, Error, PeerMisbehaved},
    link::{LinkId, LinkUp},
    time::Instant,
    wire::frame::FRAME_HEADER_LEN,
};

impl Channels {
    /// A neighbour appeared: recent messages are offered, common channels looked for.
    pub fn on_link_up(&mut self, now: Instant, up: &LinkUp, rng: &mut NodeRng) {
        let address = up.peer.address();
        self.neighbours.insert(up.link, Neighbour::new(now, address, &up.caps));
        if up.caps.shared && self.joined.is_empty() {
            // Whoever is a member of something asks; where air time is scarce nobody else does.
            return;
        }
        self.start_handshake(now, up.link, rng);
        // One run serves both sides; a node that opens none hands over by itself.
        if self.own < address || !self.config.relay {
            self.reconcile(now, up.link, SharedSet::Carried, rng);
        }
    }

    /// A neighbour is gone.
    pub fn on_link_down(&mut self, now: Instant, link: LinkId) {
        self.neighbours.remove(&link);
        self.reconciler.on_link_down(link);
        self.history.forget_link(link);
        // Its runs ended without a word; others may have waited for room.
        for neighbour in self.neighbours.values_mut() {
            if !neighbour.pending.is_empty() {
                neighbour.resync_at = Some(now);
            }
        }
    }

    /// Charges a neighbour for what it brings in. Beyond its budget it is asked again later: what
    /// was refused is not known here.
    pub(super) fn take_ingress(
        &mut self,
        now: Instant,
        link: LinkId,
        len: usize,
        rng: &mut NodeRng,
    ) -> Result<(), PeerMisbehaved> {
        let neighbour = self.neighbours.get_mut(&link).ok_or(PeerMisbehaved::Unsolicited)?;
        if neighbour.ingress.take(now, len) {
            return Ok(());
        }
        neighbour.retry_by(resync_at(now, rng), SharedSet::Carried);
        Err(PeerMisbehaved::OverBudget)
    }

    /// Takes the body of a channel frame.
    ///
    /// # Errors
    /// What the neighbour did wrong: no channel message, not by a member, over its budget. What only
    /// members can see, or a channel as a whole brought about, is not its fault; that is counted
    /// ([`Self::dropped`]).
    pub fn on_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        body: &[u8],
        rng: &mut NodeRng,
    ) -> Result<(), Error> {
        self.take_ingress(now, link, body.len(), rng)?;
        let incoming = Incoming::parse(body)?;
        if self.note_copy(now, link, incoming.digest(), incoming.header().hops_left) {
            return Ok(());
        }
        let channel = incoming.header().channel();
        if !self.config.relay && !self.joined.contains_key(&channel) {
            return Ok(());
        }
        let message = incoming.admit(self.mode)?;
        if !self.admit_budget(now, channel) {
            self.drop_blameless(DropReason::OverBudget);
            self.retry_later(now, link, channel, rng);
            return Ok(());
        }
        let opened = match self.joined.get(&channel) {
            Some(joined) => message.open(self.mode, &joined.keys).map(Some),
            None => Ok(None),
        };
        match opened {
            Ok(opened) => self.on_admitted(now, link, message, opened, rng),
            Err(error) => {
                // A member wrote nonsense. It is neither looked at nor asked for again.
                self.remember_gone(now, channel, &Carried::Full(message), None);
                self.drop_blameless(error.into());
            }
        }
        Ok(())
    }

    /// Whether [`Self::poll_frame`] has something for this link now.
    pub fn has_output(&self, link: LinkId) -> bool {
        self.reconciler.has_output(link)
            || self
                .neighbours
                .get(&link)
                .is_some_and(|neighbour| neighbour.has_control() || neighbour.can_send())
    }

    /// Appends one complete frame for this link; `false` when there is none now. The frame may be
    /// longer than `mtu`: the caller cuts it.
    pub fn poll_frame(&mut self, now: Instant, link: LinkId, _mtu: u32, buf: &mut Vec<u8>) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return false };
        if let Some(frame) = neighbour.pop_control() {
            buf.extend_from_slice(&frame);
            return true;
        }
        self.reconciler.poll_frame(link, buf) || self.poll_message(now, link, buf)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, rng: &mut NodeRng) {
        for neighbour in self.neighbours.values_mut() {
            if neighbour.paced_until.is_some_and(|until| until <= now) {
                neighbour.paced_until = None;
            }
        }
        self.expire(now);
        self.save_uptime(now);
        self.retry_handshakes(now, rng);
        self.reconciler.handle_timeout(now);
        self.collect_runs(now, rng);
        self.resync(now, rng);
    }

    /// When [`Self::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let links = self.neighbours.values().flat_map(|neighbour| {
            [neighbour.paced_until, neighbour.resync_at, neighbour.handshake.retry_at]
        });
        let signing = self.joined.values().map(|joined| joined.lite.own.due);
        let saving = (!self.history.is_empty()).then(|| self.uptime.save_at());
        links
            .chain(signing)
            .chain([self.history.next_expiry(), self.reconciler.poll_timeout(), saving])
            .flatten()
            .min()
    }

    /// Handles a copy of a message that was seen; `false` when it is new.
    pub(super) fn note_copy(
        &mut self,
        now: Instant,
        link: LinkId,
        digest: &Digest,
        hops_left: u8,
    ) -> bool {
        let Some(kept) = self.history.get_mut(digest) else {
            return self.history.is_gone(digest);
        };
        kept.note_received(link, hops_left.saturating_add(1));
        if hops_left > kept.hops_left {
            // The id is the same, so the bytes are; only the way it came is better (`CH-07`).
            kept.hops_left = hops_left;
            self.forward(now, digest);
        }
        true
    }

    /// A member wrote it; `opened` when it is a channel of ours.
    fn on_admitted(
        &mut self,
        now: Instant,
        link: LinkId,
        message: Admitted,
        opened: Option<Opened>,
        rng: &mut NodeRng,
    ) {
        let channel = message.header().channel();
        let digest = *message.digest();
        if let Some(opened) = opened.as_ref().filter(|opened| self.is_contested(channel, opened)) {
            let kept = self.new_kept(now, Carried::Full(message), channel, link);
            return self.on_full_rival(now, link, kept, opened, rng);
        }
        let verdict = match &opened {
            Some(opened) => self.show(now, channel, opened, true),
            None => Verdict::New,
        };
        match verdict {
            Verdict::Known => {
                self.remember_gone(now, channel, &Carried::Full(message), opened.as_ref());
                return;
            }
            Verdict::NoRoom => {
                self.drop_blameless(DropReason::Full);
                self.retry_later(now, link, channel, rng);
                return;
            }
            Verdict::New => {}
        }
        let mut kept = self.new_kept(now, Carried::Full(message), channel, link);
        kept.shown = opened.as_ref().map(|opened| shown_as(channel, opened, Standing::Proven));
        self.insert(kept);
        self.forward(now, &digest);
        self.note_traffic(now, link, channel, rng);
    }

    /// Something new came: on a link that loses frames, other things may have been lost.
    pub(super) fn note_traffic(
        &mut self,
        now: Instant,
        link: LinkId,
        channel: ChannelId,
        rng: &mut NodeRng,
    ) {
        let at = resync_at(now, rng);
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return };
        neighbour.note_progress();
        if neighbour.lossy {
            neighbour.note_doubt(at, channel);
        }
    }

    /// A message of this channel was dropped here: it may come again.
    pub(super) fn retry_later(
        &mut self,
        now: Instant,
        link: LinkId,
        channel: ChannelId,
        rng: &mut NodeRng,
    ) {
        let at = resync_at(now, rng);
        if let Some(neighbour) = self.neighbours.get_mut(&link) {
            neighbour.retry_by(at, SharedSet::Channel(channel));
        }
    }

    pub(super) fn drop_blameless(&mut self, reason: DropReason) {
        let index = DropReason::ALL.iter().position(|known| *known == reason);
        if let Some(count) = index.and_then(|index| self.dropped.get_mut(index)) {
            *count += 1;
        }
    }

    /// Remembers what is not to be kept, so that it does not come again.
    pub(super) fn remember_gone(
        &mut self,
        now: Instant,
        channel: ChannelId,
        message: &Carried,
        opened: Option<&Opened>,
    ) {
        let life_ms = u64::from(message.lifetime_s()) * 1_000 - u64::from(message.age_ms());
        let gone = Gone {
            channel,
            sent_at: opened.and_then(|opened| opened.sent_at),
            expires_at: now + Duration::from_millis(life_ms),
        };
        self.history.remember_gone(*message.digest(), gone);
    }

    /// Passes on what others wrote, if that is our role (`CH-09`).
    pub(super) fn forward(&mut self, now: Instant, digest: &Digest) {
        if self.config.relay {
            self.spread(now, digest);
        }
    }

    /// Queues a message on every link whose neighbour has no copy as good as ours would be
    /// (`CH-08`).
    pub(super) fn spread(&mut self, now: Instant, digest: &Digest) {
        let Some(kept) = self.history.get(digest) else { return };
        let Some(hops_left) = kept.hops_left.checked_sub(1) else { return };
        let links = self.neighbours.len();
        for (link, neighbour) in &mut self.neighbours {
            if kept.is_known_at(*link, hops_left) {
                continue;
            }
            let outgoing = Outgoing { digest: *digest, requested: false };
            if !neighbour.push(links, kept.channel, outgoing) {
                neighbour.note_doubt(now + RESYNC_AFTER, kept.channel);
            }
        }
    }

    /// Appends the next message for a link.
    fn poll_message(&mut self, now: Instant, link: LinkId, buf: &mut Vec<u8>) -> bool {
        let Some(neighbour) = self.neighbours.get_mut(&link) else { return false };
        if neighbour.paced_until.is_some() {
            return false;
        }
        while let Some(outgoing) = neighbour.pop() {
            let Some(kept) = self.history.get_mut(&outgoing.digest) else { continue };
            let hops_left = match (kept.hops_left.checked_sub(1), outgoing.requested) {
                (Some(hops_left), _) => hops_left,
                (None, true) => 0,
                (None, false) => continue,
            };
            let is_there = if outgoing.requested {
                kept.is_surely_at(link, now)
            } else {
                kept.is_known_at(link, hops_left)
            };
            let lifetime_ms = u64::from(kept.message.lifetime_s()) * 1_000;
            let age_ms = kept.age_ms_at(now);
            if is_there && outgoing.requested && !kept.has_come_from(link) {
                neighbour.note_asked_early(now, kept.channel);
            }
            if age_ms >= lifetime_ms || is_there {
                continue;
            }
            let len = kept.message.len() + FRAME_HEADER_LEN;
            if !neighbour.take_egress(now, len) {
                neighbour.put_back(now, kept.channel, outgoing, len);
                return false;
            }
            kept.note_sent(link, hops_left, now);
            let age_ms = u32::try_from(age_ms).expect("LIFETIME_MAX in ms fits 32 bits");
            kept.message.write_frame(hops_left, age_ms, buf);
            neighbour.note_sent(now, kept.channel, outgoing);
            if !core::mem::replace(&mut kept.handed, true) {
                self.rewrite_message_row(&outgoing.digest);
            }
            return true;
        }
        false
    }

    /// Drops what is too old.
    pub(super) fn expire(&mut self, now: Instant) {
        for digest in self.history.expired(now) {
            if let Some(kept) = self.history.drop_to_gone(&digest) {
                self.erase_dropped(&kept);
            }
        }
    }
}
