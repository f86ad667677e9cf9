//! The links that are up: moving frames, pausing, going down.

use std::{
    future::poll_fn,
    task::{Context, Poll, Waker},
    time::Duration,
};

use mesh::LinkId;
use tokio::time::{Instant, timeout};

use super::{
    HandleId, LinkEvent, LinkState, LinkStatus, Traffic, TransportManager, admission::Claim,
};
use crate::link::{DownReason, Flow, Goodbye, Link, LinkPath, Receiving, Scratch, Sending};

/// A link that is up.
pub(super) struct Entry {
    uri: String,
    pub(super) link: Box<dyn Link>,
    pub(super) handle: Option<HandleId>,
    /// `None` for links that were attached: they are not compared with others.
    pub(super) claim: Option<Claim>,
    waker: Waker,
    since: Instant,
    is_paused: bool,
    is_blocked: bool,
    pub(super) traffic: Traffic,
    /// How the link gets to its peer, as last told.
    pub(super) path: LinkPath,
}

impl Entry {
    pub(super) fn new(
        uri: String,
        link: Box<dyn Link>,
        handle: Option<HandleId>,
        claim: Option<Claim>,
    ) -> Self {
        Self {
            path: link.path(),
            uri,
            link,
            handle,
            claim,
            waker: Waker::noop().clone(),
            since: Instant::now(),
            is_paused: false,
            is_blocked: false,
            traffic: Traffic::default(),
        }
    }

    pub(super) fn with_waker(self, waker: Waker) -> Self {
        Self { waker, ..self }
    }

    /// Whether the link was made here, by a handshake, and not attached.
    pub(super) const fn is_own(&self) -> bool {
        self.claim.is_some()
    }

    pub(super) fn status(&self, link: LinkId) -> LinkStatus {
        LinkStatus {
            id: self.handle,
            uri: self.uri.clone(),
            link: Some(link),
            state: LinkState::Up,
            peer: Some(self.link.peer()),
            since: self.since,
            tries: 0,
            inbound: true,
            last_error: None,
            traffic: self.traffic,
            path: Some(self.path),
        }
    }

    fn receive(
        &mut self,
        scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        let mut cx = Context::from_waker(&self.waker);
        let traffic = &mut self.traffic;
        self.link.receive(&mut cx, scratch, &mut |frame| {
            traffic.received_frames += 1;
            traffic.received_bytes += frame.len() as u64;
            each(frame)
        })
    }

    fn send(
        &mut self,
        scratch: &mut Scratch,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        let mut cx = Context::from_waker(&self.waker);
        let traffic = &mut self.traffic;
        self.link.send(&mut cx, scratch, &mut |buf| {
            let before = buf.len();
            let is_frame = pull(buf);
            if is_frame {
                traffic.sent_frames += 1;
                traffic.sent_bytes += (buf.len() - before) as u64;
            }
            is_frame
        })
    }
}

/// How a [`TransportManager::send`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendState {
    /// Everything pulled is with the medium.
    Idle,
    /// The link takes no more now; a [`LinkEvent::Writable`] follows when it does.
    Blocked,
    /// There is no such link (any more).
    Gone,
}

impl TransportManager {
    /// Hands received frames to `each`: those of one `read()` at most, so that a busy link does
    /// not starve the others. Returns how many. When there may be more, another
    /// [`LinkEvent::Readable`] follows.
    ///
    /// [`Flow::Pause`] stops after the present frame; the rest waits, first here and then with
    /// the sender, until [`TransportManager::resume`].
    pub fn recv(&mut self, link: LinkId, mut each: impl FnMut(&[u8]) -> Flow) -> usize {
        let Some(entry) = self.links.get_mut(&link) else {
            return 0;
        };
        let mut frames = 0;
        let result = entry.receive(&mut self.scratch, &mut |frame| {
            frames += 1;
            each(frame)
        });
        let path = entry.link.path();
        if path != entry.path {
            entry.path = path;
            self.events.push_back(LinkEvent::PathChanged { link, path });
        }
        match result {
            Ok(Receiving::Waiting) => {}
            Ok(Receiving::More) => entry.waker.wake_by_ref(),
            Ok(Receiving::Paused) => entry.is_paused = true,
            Err(reason) => self.take_down(link, reason),
        }
        frames
    }

    /// Stops [`LinkEvent::Readable`] for a link.
    pub fn pause(&mut self, link: LinkId) {
        if let Some(entry) = self.links.get_mut(&link) {
            entry.is_paused = true;
        }
    }

    /// Takes frames of a link again: a [`LinkEvent::Readable`] follows if it was paused.
    pub fn resume(&mut self, link: LinkId) {
        if let Some(entry) = self.links.get_mut(&link)
            && entry.is_paused
        {
            entry.is_paused = false;
            entry.waker.wake_by_ref();
        }
    }

    /// Pulls frames and sends them: `pull` appends exactly one frame and returns true, or appends
    /// nothing and returns false. Frames of one batch leave in one `write()`.
    pub fn send(&mut self, link: LinkId, mut pull: impl FnMut(&mut Vec<u8>) -> bool) -> SendState {
        let Some(entry) = self.links.get_mut(&link) else {
            return SendState::Gone;
        };
        let result = entry.send(&mut self.scratch, &mut pull);
        entry.is_blocked = result != Ok(Sending::Idle);
        match result {
            Ok(Sending::Idle) => SendState::Idle,
            Ok(Sending::Waiting) => SendState::Blocked,
            Ok(Sending::More) => {
                entry.waker.wake_by_ref();
                SendState::Blocked
            }
            Err(reason) => {
                self.take_down(link, reason);
                SendState::Gone
            }
        }
    }

    /// Ends a link: the core has no use for it any more. Its static peer is dialled again.
    pub fn close(&mut self, link: LinkId, reason: DownReason) {
        self.take_down(link, reason);
    }

    /// Says goodbye on every link and waits, for `deadline` at most, until it is written.
    pub async fn shutdown(&mut self, deadline: Duration) {
        self.leave_radios(deadline).await;
        for handle in std::mem::take(&mut self.handles).into_values() {
            handle.stop();
        }
        for entry in self.links.values_mut() {
            entry.link.say_goodbye(Goodbye::LEAVING);
        }
        // What is not written by the deadline the peers learn from the closed connection.
        let _ = timeout(deadline, poll_fn(|cx| self.poll_flush(cx))).await;
        let links: Vec<_> = self.links.keys().copied().collect();
        for link in links {
            self.drop_link(link, DownReason::Shutdown);
        }
        self.close_radios();
        // What the endpoint still has to say is that its connections are closed.
        let _ = timeout(deadline, self.iroh.close()).await;
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut is_done = true;
        for entry in self.links.values_mut() {
            let sending = entry.link.send(cx, &mut self.scratch, &mut |_| false);
            is_done &= !matches!(sending, Ok(Sending::Waiting | Sending::More));
        }
        if is_done { Poll::Ready(()) } else { Poll::Pending }
    }

    /// A link woke up: tells the driver what it can do with it.
    pub(super) fn on_ready(&mut self, link: LinkId) {
        let Some(entry) = self.links.get(&link) else {
            return;
        };
        if entry.is_blocked {
            self.events.push_back(LinkEvent::Writable(link));
        }
        if !entry.is_paused {
            self.events.push_back(LinkEvent::Readable(link));
        }
    }

    /// Ends a link and sees to what depended on it.
    pub(super) fn take_down(&mut self, link: LinkId, reason: DownReason) {
        let Some(entry) = self.drop_link(link, reason) else {
            return;
        };
        let peer = entry.link.peer();
        let other = self.by_peer.get(peer.node_key()).copied();
        if other == Some(link) {
            self.by_peer.remove(peer.node_key());
        }
        let has_other = other.is_some_and(|other| other != link);
        if let Some(id) = entry.handle {
            self.handle_lost_link(id, entry.since.elapsed());
            if has_other {
                self.stand_by(id, peer);
            } else {
                self.retry(id, reason.to_string());
            }
        }
        if !has_other {
            self.wake_standby(peer);
        }
        self.tell_status();
    }

    fn drop_link(&mut self, link: LinkId, reason: DownReason) -> Option<Entry> {
        let mut entry = self.links.remove(&link)?;
        if let Some(goodbye) = reason.goodbye() {
            entry.link.say_goodbye(goodbye);
        }
        self.counters.past_traffic.add(&entry.traffic);
        *self.counters.links_down.entry(reason.as_str()).or_default() += 1;
        self.events.push_back(LinkEvent::Down { link, reason });
        Some(entry)
    }
}
