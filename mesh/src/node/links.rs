//! Links: frames in, frames out, keep-alives, clocks, and the patience with bad neighbours
//! (`specs/14-hop.md`).

use alloc::vec::Vec;
use core::time::Duration;

use super::{
    Node,
    link_queue::{INGRESS_BYTES_MAX, Ingress, LinkQueue, Queued},
    receipts::Passed,
};
use crate::{
    address::Address,
    envelope::{Admitted, EnvelopeId},
    error::{DropReason, Error, PeerMisbehaved, Unsupported},
    event::Event,
    fragment::Fragmenter,
    limits,
    link::{LinkId, LinkUp},
    reconcile::Scope,
    routing::shared_hop,
    rules::Rule,
    store::Stage,
    time::Instant,
    wire::frame::{self, FrameKind, Keepalive},
};

/// A link that was silent this long is probed.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// A probe that is not answered in this time is repeated; it also bounds how long a stalled link
/// is believed in (`HOP-03`).
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(15);
/// Longest the driver is asked not to read a link, so that two full neighbours cannot wait for
/// each other for ever.
const PAUSE_MAX: Duration = Duration::from_millis(250);
/// Bad frames a neighbour may send at once; the account refills by one a second.
const PATIENCE: u32 = 32;
/// How long a neighbour is not listened to once the account is empty.
const THROTTLE: Duration = Duration::from_secs(10);
/// Clocks that differ by less are called equal.
const SKEW_MIN_S: i64 = 60;
/// Wait for a hop's acknowledgement, to which twice the round trip of the link is added.
const HOP_TIMEOUT: Duration = Duration::from_secs(5);

/// Times of a hop for which an acknowledgement of custody waits for the receipt (`HOP-13`).
pub(super) const CUSTODY_HOPS: u32 = 600;

/// Hops that a way nobody knows yet is taken to have (`NODE-15`).
const HOPS_UNKNOWN: u32 = 8;

/// One link and its neighbour.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) up: LinkUp,
    pub(super) since: Instant,
    pub(super) rtt: Option<Duration>,
    pub(super) clock_offset_s: Option<i64>,
    pub(super) received: (u64, u64),
    pub(super) sent: (u64, u64),
    queue: LinkQueue,
    fragmenter: Option<Fragmenter>,
    /// Whether the next frame that is not about the link itself is an envelope if there is one.
    envelope_first: bool,
    next_fragment_id: u32,
    /// Bytes of this neighbour's envelopes in the queues of other links.
    queued_bytes: usize,
    paused_since: Option<Instant>,
    last_heard: Instant,
    probe: Option<(u32, Instant)>,
    patience: u32,
    patience_at: Instant,
    throttled_until: Option<Instant>,
}

impl Link {
    fn new(now: Instant, up: LinkUp) -> Self {
        Self {
            up,
            since: now,
            rtt: None,
            clock_offset_s: None,
            received: (0, 0),
            sent: (0, 0),
            queue: LinkQueue::default(),
            fragmenter: None,
            envelope_first: true,
            next_fragment_id: 0,
            queued_bytes: 0,
            paused_since: None,
            last_heard: now,
            probe: None,
            patience: PATIENCE,
            patience_at: now,
            throttled_until: None,
        }
    }

    pub(super) fn count_sent(&mut self, size: usize) {
        self.sent.0 += 1;
        self.sent.1 += size as u64;
    }

    /// When to probe; never on a shared medium, which tells by itself who is there (`HOP-12`).
    fn probe_at(&self) -> Option<Instant> {
        let at = match self.probe {
            Some((_, at)) => at + KEEPALIVE_TIMEOUT,
            None => self.last_heard + KEEPALIVE_INTERVAL,
        };
        (!self.up.caps.shared).then_some(at)
    }

    pub(super) fn queue_mut(&mut self) -> &mut LinkQueue {
        &mut self.queue
    }

    /// What one hop over this link may take, the turns of others included; zero where the medium is
    /// not shared.
    pub(super) fn hop_time(&self) -> Duration {
        let caps = &self.up.caps;
        if caps.shared { shared_hop(caps.bitrate_bps) } else { Duration::ZERO }
    }

    /// How long a neighbour may take to say that it keeps, or passed on, an envelope of `len` bytes.
    fn patience_for(&self, len: usize) -> Duration {
        let round = self.rtt.unwrap_or_default() * 2;
        // On a shared medium its word waits for the receipt, and both for many turns (`HOP-13`).
        let pieces = u32::try_from(len / 200 + 1).unwrap_or(u32::MAX);
        HOP_TIMEOUT + round + self.hop_time().saturating_mul(2 * CUSTODY_HOPS + 4 * pieces)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let queue = [self.queue.receipts_due(), self.queue.custody_due()];
        let fixed = [self.probe_at(), self.throttled_until];
        let pause = self.paused_since.map(|at| at + PAUSE_MAX);
        fixed.into_iter().chain(queue).flatten().chain(pause).min()
    }
}

impl Node {
    /// Whether the driver should read this link now. While `false`, what the neighbour sends
    /// stays in the transport, which slows the neighbour down instead of losing frames.
    pub fn wants_frames(&self, link: LinkId) -> bool {
        let Some(link) = self.links.get(&link) else { return true };
        let throttled = link.throttled_until.is_some_and(|until| self.now < until);
        let paused = link.paused_since.is_some_and(|since| self.now < since + PAUSE_MAX);
        !throttled && !paused
    }

    pub(super) fn on_link_up(&mut self, now: Instant, up: LinkUp) {
        if self.links.len() >= limits::LINKS_MAX || up.peer == self.public {
            self.drop_frame(DropReason::Full);
            return;
        }
        self.links.insert(up.link, Link::new(now, up));
        self.routing.on_link_up(now, up.link, &up.caps, up.peer);
        self.channels.on_link_up(now, &up, &mut self.rng);
        let address = up.peer.address();
        self.events.push_back(Event::PeerUp { address, link: up.link });
        self.greet(now, up.link);
        self.on_reachable(now, address);
        self.start_custody_sync(now, up.link);
    }

    fn greet(&mut self, now: Instant, link: LinkId) {
        let token = self.rng.next_u32();
        let unix_secs = self.wall_now().map_or(0, |wall| wall.unix_secs);
        if let Some(state) = self.links.get_mut(&link).filter(|state| !state.up.caps.shared) {
            state.probe = Some((token, now));
            let mut hello = Vec::new();
            Keepalive { token, unix_secs }.write(FrameKind::HELLO, &mut hello);
            state.queue.push_control(hello);
        }
    }

    pub(super) fn on_link_down(&mut self, now: Instant, link: LinkId) {
        let Some(mut gone) = self.links.remove(&link) else { return };
        self.dirty_links.remove(&link);
        while let Some((ingress, _, len)) = gone.queue.pop_envelope() {
            self.release_ingress(ingress, len);
        }
        self.routing.on_link_down(now, link);
        self.channels.on_link_down(now, link);
        self.custody_sync.on_link_down(link);
        self.reassembler.on_link_down(link);
        self.bundles.on_link_down(link);
        self.beside.on_link_down(link);
        let address = gone.up.peer.address();
        self.events.push_back(Event::PeerDown { address, link });
        for id in self.store.on_link_down(link) {
            self.forward_stored(now, id);
        }
        for to in self.outbox.on_link_down(now, link) {
            self.pump(now, to);
        }
        self.judge_clock();
    }

    pub(super) fn on_frame(&mut self, now: Instant, link: LinkId, bytes: &[u8]) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.received.0 += 1;
        state.received.1 += bytes.len() as u64;
        state.last_heard = now;
        if state.throttled_until.is_some_and(|until| now < until) {
            self.drop_frame(DropReason::OverBudget);
            return;
        }
        if let Err(error) = self.dispatch(now, link, bytes, 0) {
            self.on_misbehaviour(now, link, error);
        }
    }

    fn dispatch(
        &mut self,
        now: Instant,
        link: LinkId,
        bytes: &[u8],
        depth: u8,
    ) -> Result<(), Error> {
        let (kind, body) = frame::split(bytes)?;
        match kind {
            FrameKind::ENVELOPE => self.on_envelope(now, link, body),
            FrameKind::CUSTODY_ACK => self.on_custody_ack(now, link, body),
            FrameKind::RECEIPTS => self.on_receipts(now, link, body),
            FrameKind::REFUSED => self.on_refused(now, link, body),
            FrameKind::NO_ROUTE => self.on_no_route(now, link, body),
            FrameKind::ANNOUNCES | FrameKind::RETRACT | FrameKind::PATH_REQUEST => {
                self.routing.on_frame(now, link, kind.0, body)?;
                if self.routing.has_full_batch() {
                    self.routing.flush(now, &mut self.rng);
                }
                Ok(())
            }
            FrameKind::HELLO | FrameKind::KEEPALIVE => self.on_keepalive(link, body),
            FrameKind::KEEPALIVE_ACK => self.on_keepalive_ack(now, link, body),
            FrameKind::BUNDLE_REQUEST => self.on_bundle_request(now, link, body),
            FrameKind::BUNDLE => self.on_bundle(now, link, body),
            FrameKind::TRACE_REQUEST => self.on_trace_request(now, link, body),
            FrameKind::TRACE_REPLY => self.on_trace_reply(now, link, body),
            FrameKind::CHANNEL => self.channels.on_frame(now, link, body, &mut self.rng),
            FrameKind::CHANNEL_LITE => self.channels.on_lite_frame(now, link, body, &mut self.rng),
            FrameKind::BESIDE => self.on_beside(link, body),
            FrameKind::EXCHANGE_REQUEST => self.on_exchange_request(now, link, body),
            FrameKind::EXCHANGE_RESPONSE => self.on_exchange_response(now, link, body),
            FrameKind::RECONCILE => match Scope::of(body)? {
                Scope::Handshake | Scope::Channels => {
                    self.channels.on_reconcile(now, link, body, &mut self.rng)
                }
                Scope::Custody => self.on_custody_sync(now, link, body),
                Scope::Bundles => Err(Unsupported::Kind(FrameKind::RECONCILE.0).into()),
            },
            FrameKind::FRAGMENT if depth == 0 => {
                match self.reassembler.on_fragment(now, link, body)? {
                    Some(whole) => self.dispatch(now, link, &whole, 1),
                    None => Ok(()),
                }
            }
            FrameKind(kind) => Err(Unsupported::Kind(kind).into()),
        }
    }

    /// Counts a refused frame and, when a neighbour sends too many, stops listening to it for a
    /// while. What is merely unsupported costs no patience: the neighbour may be newer than we. Nor
    /// does an answer that came twice over a link that may repeat frames.
    pub(super) fn on_misbehaviour(&mut self, now: Instant, link: LinkId, error: Error) {
        self.drop_frame(error.into());
        let Some(state) = self.links.get_mut(&link) else { return };
        let repeated = matches!(
            error,
            Error::PeerMisbehaved(PeerMisbehaved::Unsolicited | PeerMisbehaved::Replayed)
        );
        if matches!(error, Error::Unsupported(_)) || (repeated && !state.up.caps.reliable) {
            return;
        }
        let refilled = now.saturating_since(state.patience_at).as_secs().min(u64::from(PATIENCE));
        if refilled > 0 {
            state.patience = (state.patience + refilled as u32).min(PATIENCE);
            state.patience_at = now;
        }
        state.patience = state.patience.saturating_sub(1);
        if state.patience == 0 && self.config.rules.holds(Rule::Patience) {
            state.throttled_until = Some(now + THROTTLE);
        }
    }

    fn on_keepalive(&mut self, link: LinkId, body: &[u8]) -> Result<(), Error> {
        let theirs = Keepalive::read(body)?;
        self.note_clock(link, theirs.unix_secs);
        let unix_secs = self.wall_now().map_or(0, |wall| wall.unix_secs);
        let mut answer = Vec::new();
        Keepalive { token: theirs.token, unix_secs }.write(FrameKind::KEEPALIVE_ACK, &mut answer);
        self.push_control(link, answer);
        Ok(())
    }

    fn on_keepalive_ack(&mut self, now: Instant, link: LinkId, body: &[u8]) -> Result<(), Error> {
        let theirs = Keepalive::read(body)?;
        self.note_clock(link, theirs.unix_secs);
        let Some(state) = self.links.get_mut(&link) else { return Ok(()) };
        let Some((_, sent_at)) = state.probe.take_if(|(token, _)| *token == theirs.token) else {
            return Err(PeerMisbehaved::Unsolicited.into());
        };
        let rtt = now.saturating_since(sent_at);
        let smooth = state.rtt.map_or(rtt, |before| (before * 7 + rtt) / 8);
        state.rtt = Some(smooth);
        self.routing.on_link_rtt(link, smooth);
        Ok(())
    }

    fn note_clock(&mut self, link: LinkId, unix_secs: u64) {
        let (Some(ours), Some(state)) = (self.wall_now(), self.links.get_mut(&link)) else {
            return;
        };
        if unix_secs == 0 {
            return;
        }
        let theirs = i64::try_from(unix_secs).unwrap_or(i64::MAX);
        let ours = i64::try_from(ours.unix_secs).unwrap_or(i64::MAX);
        state.clock_offset_s = Some(theirs.saturating_sub(ours));
        self.judge_clock();
    }

    /// Our clock is called wrong when the median neighbour differs (`HOP-04`): one liar among
    /// three does not change it.
    pub(super) fn judge_clock(&mut self) {
        let mut offsets: Vec<i64> =
            self.links.values().filter_map(|link| link.clock_offset_s).collect();
        offsets.sort_unstable();
        let median = offsets.get(offsets.len() / 2).copied();
        let skew = median.map(i64::saturating_neg).filter(|s| s.saturating_abs() >= SKEW_MIN_S);
        if skew.is_some() && skew != self.clock_skew_s {
            self.events.push_back(Event::ClockSkew { seconds: skew.unwrap_or_default() });
        }
        self.clock_skew_s = skew;
    }

    pub(super) fn on_link_timers(&mut self, now: Instant) {
        let wall = self.wall_now().map_or(0, |wall| wall.unix_secs);
        for (id, link) in &mut self.links {
            link.queue.handle_timeout(now);
            if link.throttled_until.is_some_and(|until| until <= now) {
                link.throttled_until = None;
                link.patience = PATIENCE / 2;
            }
            if link.paused_since.is_some_and(|since| since + PAUSE_MAX <= now) {
                link.paused_since = None;
            }
            if link.probe_at().is_some_and(|at| at <= now) {
                if link.probe.is_some()
                    && link.last_heard + KEEPALIVE_INTERVAL + KEEPALIVE_TIMEOUT <= now
                {
                    self.events.push_back(Event::LinkStalled { link: *id });
                }
                let token = self.rng.next_u32();
                link.probe = Some((token, now));
                let mut probe = Vec::new();
                Keepalive { token, unix_secs: wall }.write(FrameKind::KEEPALIVE, &mut probe);
                link.queue.push_control(probe);
            }
        }
    }

    pub(super) fn push_control(&mut self, link: LinkId, frame: Vec<u8>) {
        let taken = self.links.get_mut(&link).map(|state| state.queue.push_control(frame));
        if taken == Some(false) {
            self.drop_frame(DropReason::Full);
        }
    }

    pub(super) fn link_queue(&mut self, link: LinkId) -> Option<&mut LinkQueue> {
        self.links.get_mut(&link).map(|state| &mut state.queue)
    }

    /// Puts an envelope into a link's queue and counts it for the neighbour it came from.
    pub(super) fn enqueue(
        &mut self,
        now: Instant,
        link: LinkId,
        ingress: Ingress,
        item: Queued,
        envelope: (&crate::envelope::Header, usize),
    ) {
        let (header, len) = envelope;
        if let Some(queue) = self.link_queue(link) {
            queue.push_envelope(ingress, header.dest, header.priority, item, len);
        }
        if let Ingress::Link(from) = ingress
            && let Some(state) = self.links.get_mut(&from)
        {
            state.queued_bytes += len;
            if state.queued_bytes >= INGRESS_BYTES_MAX && state.paused_since.is_none() {
                state.paused_since = Some(now);
            }
        }
    }

    fn release_ingress(&mut self, ingress: Ingress, len: usize) {
        if let Ingress::Link(from) = ingress
            && let Some(state) = self.links.get_mut(&from)
        {
            state.queued_bytes = state.queued_bytes.saturating_sub(len);
            if state.queued_bytes <= INGRESS_BYTES_MAX / 2 {
                state.paused_since = None;
            }
        }
    }

    /// Whether the queues still take volatile envelopes of this neighbour.
    pub(super) fn has_ingress_room(&self, link: LinkId) -> bool {
        self.links.get(&link).is_none_or(|state| state.queued_bytes < 2 * INGRESS_BYTES_MAX)
    }

    pub(super) fn mark_links(&mut self, now: Instant) {
        for (id, link) in &self.links {
            if link.fragmenter.is_some()
                || link.queue.has_output(now)
                || self.routing.has_output(*id)
                || self.channels.has_output(*id)
                || self.custody_sync.has_output(*id)
                || self.beside.has_output(*id)
            {
                self.dirty_links.insert(*id);
            }
        }
    }

    /// Appends one frame for `link`, or a piece of one that is longer than the link's mtu.
    pub(super) fn write_frame(&mut self, now: Instant, link: LinkId, buf: &mut Vec<u8>) -> bool {
        let Some(state) = self.links.get_mut(&link) else { return false };
        let mtu = state.up.caps.mtu;
        if let Some(fragmenter) = &mut state.fragmenter {
            // Short acknowledgements pass between the pieces; nothing else does.
            if let Some(frame) = state.queue.pop_control_within(mtu as usize) {
                buf.extend_from_slice(&frame);
                return true;
            }
            let wrote = fragmenter.poll(buf);
            if fragmenter.is_done() {
                state.fragmenter = None;
            }
            if wrote {
                return true;
            }
        }
        let start = buf.len();
        if !self.write_whole_frame(now, link, mtu, buf) {
            return false;
        }
        if buf.len() - start > mtu as usize {
            self.start_fragments(link, mtu, buf, start);
        }
        true
    }

    /// Acknowledgements first, then what keeps the mesh together, then envelopes (`HOP-05`).
    fn write_whole_frame(
        &mut self,
        now: Instant,
        link: LinkId,
        mtu: u32,
        buf: &mut Vec<u8>,
    ) -> bool {
        let Some(state) = self.links.get_mut(&link) else { return false };
        if let Some(frame) = state.queue.pop_control_within(usize::MAX) {
            buf.extend_from_slice(&frame);
            return true;
        }
        if !state.queue.custody_acks().is_empty() {
            frame::write_ids(FrameKind::CUSTODY_ACK, state.queue.custody_acks(), mtu, buf);
            return true;
        }
        if state.queue.receipts_ready(now) {
            frame::write_ids(FrameKind::RECEIPTS, state.queue.receipts(), mtu, buf);
            state.queue.receipts_sent();
            return true;
        }
        if self.routing.poll_frame(now, link, mtu, buf) {
            self.counters.announces_sent += 1;
            return true;
        }
        // In turn, so that a busy channel on a slow link leaves every second frame to messages.
        let envelope_first = state.envelope_first;
        state.envelope_first = !envelope_first;
        (envelope_first && self.write_envelope(now, link, buf))
            || self.custody_sync.poll_frame(link, buf)
            || self.channels.poll_frame(now, link, mtu, buf)
            || (!envelope_first && self.write_envelope(now, link, buf))
            || self.write_beside(link, buf)
    }

    fn start_fragments(&mut self, link: LinkId, mtu: u32, buf: &mut Vec<u8>, start: usize) {
        let whole = buf.split_off(start);
        let Some(state) = self.links.get_mut(&link) else { return };
        let id = state.next_fragment_id;
        state.next_fragment_id = id.wrapping_add(1);
        let mut fragmenter = Fragmenter::new(id, whole, mtu);
        fragmenter.poll(buf);
        state.fragmenter = (!fragmenter.is_done()).then_some(fragmenter);
    }

    fn write_envelope(&mut self, now: Instant, link: LinkId, buf: &mut Vec<u8>) -> bool {
        loop {
            let Some((ingress, item, len)) = self.pop_envelope(link) else { return false };
            self.release_ingress(ingress, len);
            let wrote = match item {
                Queued::Owned { envelope, since } => {
                    self.write_owned(now, link, ingress, &envelope, since, buf)
                }
                Queued::Stored(id) => self.write_stored(now, link, ingress, id, buf),
            };
            if wrote {
                return true;
            }
        }
    }

    fn pop_envelope(&mut self, link: LinkId) -> Option<(Ingress, Queued, usize)> {
        let state = self.links.get_mut(&link)?;
        if !state.up.caps.shared {
            return state.queue.pop_envelope();
        }
        let (ingress, item, len, turn) = state.queue.pop_envelope_shared(&mut self.turns)?;
        self.turn = turn;
        Some((ingress, item, len))
    }

    fn write_owned(
        &mut self,
        now: Instant,
        link: LinkId,
        ingress: Ingress,
        envelope: &Admitted,
        since: Instant,
        buf: &mut Vec<u8>,
    ) -> bool {
        let keeps_hops = ingress == Ingress::Own || !self.holds(Rule::HopLimit);
        let Some((hops_left, age_ms)) = on_leaving(now, keeps_hops, envelope, since) else {
            self.drop_frame(DropReason::Expired);
            return false;
        };
        frame::begin(buf, FrameKind::ENVELOPE);
        envelope.write_forward(hops_left, age_ms, buf);
        let header = envelope.header();
        self.routing.on_sent(now, &header.dest, link);
        if ingress == Ingress::Own {
            let least = self.receipt_wait(now, &header.dest, link, buf.len());
            self.outbox.on_transmitted(now, &header.lock, least);
        } else {
            self.counters.envelopes_forwarded += 1;
            let from = match ingress {
                Ingress::Link(from) => self.neighbour(from),
                Ingress::Own => None,
            };
            let dest = header.dest;
            let passed = Passed { ingress, from, egress: link, dest, id: None, at: now };
            self.locks.insert(header.lock, passed);
        }
        true
    }

    /// How long a receipt may take that comes over slow media: by the route's cost, which is the
    /// time of 1,000 bytes all the way, there and back with the turns of others (`NODE-15`). What is
    /// left with a neighbour without a route may have [`HOPS_UNKNOWN`] such links before it.
    fn receipt_wait(&self, now: Instant, dest: &Address, link: LinkId, len: usize) -> Duration {
        if !self.links.values().any(|link| link.up.caps.shared) {
            return Duration::ZERO;
        }
        let hop = self.routing.link_cost(link).unwrap_or(0);
        let cost = match self.routing.route(now, dest) {
            Some(route) => route.cost.max(hop),
            None => hop.saturating_mul(HOPS_UNKNOWN),
        };
        let thousands = u32::try_from(len / 1_000).unwrap_or(u32::MAX).saturating_add(4);
        Duration::from_micros(u64::from(cost)).saturating_mul(thousands)
    }

    fn write_stored(
        &mut self,
        now: Instant,
        link: LinkId,
        ingress: Ingress,
        id: EnvelopeId,
        buf: &mut Vec<u8>,
    ) -> bool {
        let Some(stored) = self.store.get(&id).filter(|s| s.stage == Stage::Queued(link)) else {
            return false;
        };
        let keeps_hops = !self.holds(Rule::HopLimit);
        let Some((hops_left, age_ms)) = on_leaving(now, keeps_hops, &stored.envelope, stored.since)
        else {
            return false;
        };
        frame::begin(buf, FrameKind::ENVELOPE);
        stored.envelope.write_forward(hops_left, age_ms, buf);
        let (dest, lock) = (stored.envelope.header().dest, stored.envelope.header().lock);
        self.routing.on_sent(now, &dest, link);
        self.counters.envelopes_forwarded += 1;
        let from = stored.from;
        let passed = Passed { ingress, from, egress: link, dest, id: Some(id), at: now };
        self.locks.insert(lock, passed);
        let len = stored.envelope.bytes().len();
        let pause = self.links.get(&link).map_or(HOP_TIMEOUT, |state| state.patience_for(len));
        let back_off = self.store.back_off(&id);
        self.store.set_stage(&id, Stage::Sent(link), Some(now + pause.max(back_off)));
        true
    }
}

/// Hops and age an envelope leaves with; `None` when its life or its hops are over (`ENV-07`,
/// `ENV-08`).
fn on_leaving(
    now: Instant,
    keeps_hops: bool,
    envelope: &Admitted,
    since: Instant,
) -> Option<(u8, u32)> {
    let header = envelope.header();
    let held_ms = u32::try_from(now.saturating_since(since).as_millis()).unwrap_or(u32::MAX);
    let age_ms = header.age_ms.saturating_add(held_ms);
    if u64::from(age_ms) >= u64::from(header.lifetime_s) * 1_000 {
        return None;
    }
    let hops_left = if keeps_hops { header.hops_left } else { header.hops_left.checked_sub(1)? };
    Some((hops_left, age_ms))
}
