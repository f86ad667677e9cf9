use alloc::vec::Vec;

use super::FRAGMENT_HEADER_LEN_MAX;
use crate::{
    limits::LINK_MTU_MIN,
    wire::{
        Writer,
        frame::{self, FrameKind},
    },
};

/// One frame on its way out in pieces: an iterator that writes into the caller's buffer.
#[derive(Clone, Debug)]
pub struct Fragmenter {
    id: u32,
    frame: Vec<u8>,
    piece_len: usize,
    next: u16,
    count: u16,
}

impl Fragmenter {
    /// Cuts `frame` for a link with this MTU.
    ///
    /// `id` must differ from those of frames of which pieces may still be under way on the same
    /// link; a counter does. An `mtu` below [`LINK_MTU_MIN`] counts as that.
    pub fn new(id: u32, frame: Vec<u8>, mtu: u32) -> Self {
        let room = mtu.max(LINK_MTU_MIN) as usize - FRAGMENT_HEADER_LEN_MAX;
        let count = frame.len().div_ceil(room).max(1);
        // Equal pieces instead of full ones with a small rest: as many, but none wastefully short.
        let piece_len = frame.len().div_ceil(count).max(1);
        let count = frame.len().div_ceil(piece_len).max(1);
        let count = u16::try_from(count).expect("FRAGMENT_COUNT_MAX pieces hold FRAME_LEN_MAX");
        Self { id, frame, piece_len, next: 0, count }
    }

    /// Whether a frame of this length needs pieces on a link with this MTU (`FRAG-01`).
    pub fn is_needed(frame_len: usize, mtu: u32) -> bool {
        frame_len > mtu as usize
    }

    /// Appends the next complete fragment frame; `false` when there is none left.
    pub fn poll(&mut self, buf: &mut Vec<u8>) -> bool {
        if self.is_done() {
            return false;
        }
        let start = usize::from(self.next) * self.piece_len;
        let end = self.frame.len().min(start + self.piece_len);
        frame::begin(buf, FrameKind::FRAGMENT);
        let mut w = Writer::new(buf);
        w.varint(u64::from(self.id));
        w.varint(u64::from(self.next));
        w.varint(u64::from(self.count));
        w.bytes(&self.frame[start..end]);
        self.next += 1;
        true
    }

    /// Whether every piece was handed out.
    pub fn is_done(&self) -> bool {
        self.next >= self.count
    }

    /// Bytes of the frame that were not handed out yet.
    pub fn remaining_bytes(&self) -> usize {
        self.frame.len().saturating_sub(usize::from(self.next) * self.piece_len)
    }
}
