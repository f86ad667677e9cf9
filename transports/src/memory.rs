//! A link inside one process: two ends, bounded, nothing lost.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use mesh::{
    PublicIdentity,
    limits::LINK_MTU_MAX,
    link::{LinkCaps, Medium},
};

use crate::{
    limits::{MEMORY_LINK_LEN_MAX, RECEIVE_BUFFER_LEN},
    link::{DownReason, Flow, Goodbye, Link, Receiving, Scratch, Sending},
};

/// One end of a link in memory (`LNK-60`).
#[derive(Debug)]
pub struct MemoryLink {
    caps: LinkCaps,
    peer: PublicIdentity,
    incoming: Pipe,
    outgoing: Pipe,
}

impl MemoryLink {
    /// Both ends of a link between `a` and `b`: the first is `a`'s, who sees `b` there.
    pub fn pair(a: PublicIdentity, b: PublicIdentity) -> (Self, Self) {
        Self::pair_with(a, b, CAPS)
    }

    /// The same with other capabilities, a small MTU for example.
    pub fn pair_with(a: PublicIdentity, b: PublicIdentity, caps: LinkCaps) -> (Self, Self) {
        let (to_a, to_b) = (Pipe::default(), Pipe::default());
        let first = Self { caps, peer: b, incoming: to_a.clone(), outgoing: to_b.clone() };
        let second = Self { caps, peer: a, incoming: to_b, outgoing: to_a };
        (first, second)
    }
}

impl Link for MemoryLink {
    fn caps(&self) -> LinkCaps {
        self.caps
    }

    fn peer(&self) -> PublicIdentity {
        self.peer
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        _: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        let mut handed = 0;
        while handed < RECEIVE_BUFFER_LEN {
            let Some(frame) = self.incoming.pop(cx)? else { return Ok(Receiving::Waiting) };
            handed += frame.len();
            if each(&frame) == Flow::Pause {
                return Ok(Receiving::Paused);
            }
        }
        Ok(Receiving::More)
    }

    fn send(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        while self.outgoing.has_room(cx)? {
            scratch.send.clear();
            if !pull(&mut scratch.send) {
                return Ok(Sending::Idle);
            }
            if scratch.send.len() <= self.caps.mtu as usize {
                self.outgoing.push(&scratch.send);
            }
        }
        Ok(Sending::Waiting)
    }

    fn say_goodbye(&mut self, reason: Goodbye) {
        self.outgoing.close(DownReason::PeerLeft(reason));
    }
}

impl Drop for MemoryLink {
    fn drop(&mut self) {
        self.outgoing.close(DownReason::Closed);
        self.incoming.close(DownReason::Closed);
    }
}

/// One direction.
#[derive(Clone, Debug, Default)]
struct Pipe(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    end: Option<DownReason>,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Pipe {
    fn pop(&self, cx: &Context<'_>) -> Result<Option<Vec<u8>>, DownReason> {
        let mut inner = self.lock();
        let Some(frame) = inner.frames.pop_front() else {
            inner.reader = Some(cx.waker().clone());
            return inner.end.map_or(Ok(None), Err);
        };
        inner.bytes -= frame.len();
        if inner.bytes < MEMORY_LINK_LEN_MAX
            && let Some(writer) = inner.writer.take()
        {
            writer.wake();
        }
        Ok(Some(frame))
    }

    fn has_room(&self, cx: &Context<'_>) -> Result<bool, DownReason> {
        let mut inner = self.lock();
        if let Some(end) = inner.end {
            return Err(end);
        }
        let has_room = inner.bytes < MEMORY_LINK_LEN_MAX;
        if !has_room {
            inner.writer = Some(cx.waker().clone());
        }
        Ok(has_room)
    }

    fn push(&self, frame: &[u8]) {
        let mut inner = self.lock();
        inner.bytes += frame.len();
        inner.frames.push_back(frame.to_vec());
        if let Some(reader) = inner.reader.take() {
            reader.wake();
        }
    }

    /// The first reason stays; both sides look again.
    fn close(&self, reason: DownReason) {
        let mut inner = self.lock();
        inner.end.get_or_insert(reason);
        for waker in [inner.reader.take(), inner.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; the queue stays whole if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A fast, reliable link with the largest MTU.
const CAPS: LinkCaps = LinkCaps {
    medium: Medium::Memory,
    mtu: LINK_MTU_MAX,
    bitrate_bps: 1_000_000_000,
    reliable: true,
    shared: false,
};
