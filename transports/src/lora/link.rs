//! A neighbour on the radio as a link: its frames wait here, and what goes to it waits in the core.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Waker},
};

use mesh::{LinkCaps, PublicIdentity, radio::NeighbourId};

use super::modem::Modem;
use crate::link::{DownReason, Flow, Link, Receiving, Scratch, Sending};

/// Frames of one neighbour that the driver has not taken.
#[derive(Debug, Default)]
pub(crate) struct Inbox(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Vec<u8>>,
    waker: Option<Waker>,
}

impl Inbox {
    /// A frame arrived. The oldest is lost when nobody takes them: a radio loses frames anyway.
    pub(crate) fn push(&self, frame: Vec<u8>) {
        let mut inner = self.lock();
        if inner.frames.len() == FRAMES_MAX {
            inner.frames.pop_front();
        }
        inner.frames.push_back(frame);
        if let Some(waker) = inner.waker.take() {
            waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing panics while it holds the lock; the queue stays whole if it did.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A neighbour.
pub(crate) struct RadioLink {
    pub(crate) modem: Arc<Modem>,
    pub(crate) neighbour: NeighbourId,
    pub(crate) peer: PublicIdentity,
    pub(crate) caps: LinkCaps,
    pub(crate) inbox: Arc<Inbox>,
}

impl Link for RadioLink {
    fn caps(&self) -> LinkCaps {
        self.caps
    }

    fn peer(&self) -> PublicIdentity {
        self.peer
    }

    fn receive(
        &mut self,
        cx: &mut Context<'_>,
        _scratch: &mut Scratch,
        each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        loop {
            let frame = {
                let mut inner = self.inbox.lock();
                let Some(frame) = inner.frames.pop_front() else {
                    inner.waker = Some(cx.waker().clone());
                    return Ok(Receiving::Waiting);
                };
                frame
            };
            if each(&frame) == Flow::Pause {
                return Ok(Receiving::Paused);
            }
        }
    }

    /// Only says that there is something: frames are pulled when the radio may send, which is
    /// [`crate::LinkEvent::Air`].
    fn send(
        &mut self,
        _cx: &mut Context<'_>,
        _scratch: &mut Scratch,
        _pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        self.modem.ready(self.neighbour);
        Ok(Sending::Idle)
    }
}

/// Frames of one neighbour that wait: 64 KiB of single LoRa frames, or a few long ones.
const FRAMES_MAX: usize = 256;
