//! The sending half of a link over a byte stream: frames become records, records batches, and what
//! the stream does not take waits here.

use std::task::Context;

use crate::{
    limits::{SEND_BATCH_LEN, SEND_ROUNDS_MAX},
    link::{DownReason, Sending},
};

/// A byte stream and how frames become records on it.
pub(crate) trait Outlet {
    /// Begins a record; returns where, for [`Outlet::finish`].
    fn begin(&self, batch: &mut Vec<u8>) -> usize;

    /// Completes the record that began at `start`: the frame is behind its header.
    fn finish(&mut self, batch: &mut Vec<u8>, start: usize);

    /// How many bytes the stream took; `None` when it takes none now.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Result<Option<usize>, DownReason>;
}

/// Records that the stream did not take yet: less than two batches.
#[derive(Default)]
pub(crate) struct Unsent {
    bytes: Vec<u8>,
    /// From here on not written.
    written: usize,
}

impl Unsent {
    /// Pulls frames, writes them as records in batches, and ends when there are no more, when the
    /// stream is full, or after [`SEND_ROUNDS_MAX`] batches so that others get their turn.
    pub(crate) fn send(
        &mut self,
        cx: &mut Context<'_>,
        outlet: &mut impl Outlet,
        mtu: u32,
        batch: &mut Vec<u8>,
        pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        for _ in 0..SEND_ROUNDS_MAX {
            if !self.flush(cx, outlet)? {
                return Ok(Sending::Waiting);
            }
            batch.clear();
            let is_all = fill(outlet, mtu, batch, pull);
            if batch.is_empty() {
                return Ok(Sending::Idle);
            }
            if !self.write(cx, outlet, batch)? {
                return Ok(Sending::Waiting);
            }
            if is_all {
                return Ok(Sending::Idle);
            }
        }
        Ok(Sending::More)
    }

    /// Writes what the stream did not take before. True when nothing is left.
    pub(crate) fn flush(
        &mut self,
        cx: &mut Context<'_>,
        outlet: &mut impl Outlet,
    ) -> Result<bool, DownReason> {
        while self.written < self.bytes.len() {
            match outlet.poll_write(cx, &self.bytes[self.written..])? {
                Some(written) => self.written += written,
                None => return Ok(false),
            }
        }
        self.bytes.clear();
        self.written = 0;
        if self.bytes.capacity() > IDLE_CAPACITY {
            self.bytes = Vec::new();
        }
        Ok(true)
    }

    /// Puts a complete record behind everything else.
    pub(crate) fn append(&mut self, record: &[u8]) {
        self.bytes.extend_from_slice(record);
    }

    /// Offers the stream what waits, once; what it does not take goes with the next frames.
    pub(crate) fn offer(&mut self, write: impl FnOnce(&[u8]) -> Option<usize>) {
        self.written += write(&self.bytes[self.written..]).unwrap_or(0);
    }

    /// Writes a batch; keeps what the stream does not take. True when it took everything.
    fn write(
        &mut self,
        cx: &mut Context<'_>,
        outlet: &mut impl Outlet,
        batch: &[u8],
    ) -> Result<bool, DownReason> {
        let taken = outlet.poll_write(cx, batch)?.unwrap_or(0);
        if taken == batch.len() {
            return Ok(true);
        }
        self.append(&batch[taken..]);
        self.flush(cx, outlet)
    }
}

/// Pulls frames until the batch is full. True when there are no more.
fn fill(
    outlet: &mut impl Outlet,
    mtu: u32,
    batch: &mut Vec<u8>,
    pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
) -> bool {
    while batch.len() < SEND_BATCH_LEN {
        let start = outlet.begin(batch);
        let frame_at = batch.len();
        if !pull(batch) || batch.len() <= frame_at {
            batch.truncate(start);
            return true;
        }
        if batch.len() - frame_at > mtu as usize {
            // The core knows the MTU; a frame above it is a mistake, and one frame less is better
            // than one link less (LNK-06).
            batch.truncate(start);
            continue;
        }
        outlet.finish(batch, start);
    }
    false
}

/// Buffers of an idle link above this are given back.
pub(crate) const IDLE_CAPACITY: usize = 4 << 10;
