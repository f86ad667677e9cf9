//! One message on its way out in pieces.

use alloc::{collections::BTreeSet, vec::Vec};
use core::time::Duration;

use super::{
    MESSAGE_LEN_MAX, PARITY_MAX, PIECE_HEADER_LEN_MAX, PIECE_LEN_MAX, Piece, Shape, parity,
    repair::Repair,
};
use crate::{
    error::Malformed,
    limits::{COMPACT_PIECES_MAX, COMPACT_PROBES_MAX},
    time::Instant,
    wire::Writer,
};

/// How far a message in pieces has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Pieces are to be sent or an answer is waited for.
    UnderWay,
    /// The receiver has it.
    Delivered,
    /// No answer to [`COMPACT_PROBES_MAX`] questions, or more was asked for than a lossy link
    /// explains.
    GivenUp,
}

/// One message on its way to one neighbour.
#[derive(Clone, Debug)]
pub struct Outgoing {
    id: u8,
    message: Vec<u8>,
    piece_len: usize,
    shape: Shape,
    /// Indexes that are to be sent.
    due: BTreeSet<u16>,
    pause: Duration,
    /// Since when nothing is due and nothing was heard.
    silent_since: Instant,
    probes: u32,
    probe_due: bool,
    sent: u32,
    repeated: u32,
    verdict: Verdict,
}

impl Outgoing {
    /// Cuts a message for frames whose bodies have `room` bytes, in as few pieces as will do.
    ///
    /// `id` must differ from those of messages under way to the same neighbour and of the last
    /// dozen before; a counter does. `parity` of [`super::parity_pays`]; more than is possible
    /// counts as what is. `None` when the message fits one frame, is too long, or `room` too small.
    pub fn new(
        now: Instant,
        id: u8,
        message: Vec<u8>,
        room: usize,
        parity: u8,
        pause: Duration,
    ) -> Option<Self> {
        if message.len() > MESSAGE_LEN_MAX || message.len() <= room + 1 {
            return None;
        }
        let (piece_len, shape) = Self::cut(message.len(), room, parity.min(PARITY_MAX))?;
        let due = (0..shape.total()).collect();
        Some(Self {
            id,
            message,
            piece_len,
            shape,
            due,
            pause,
            silent_since: now,
            probes: 0,
            probe_due: false,
            sent: 0,
            repeated: 0,
            verdict: Verdict::UnderWay,
        })
    }

    /// Length and number of pieces: equal ones, so that none is wastefully short.
    fn cut(len: usize, room: usize, parity: u8) -> Option<(usize, Shape)> {
        // A parity piece begins with a byte more. Without parity the shape is a byte up to 31.
        let (extra, room) = (usize::from(parity > 0), room.min(PIECE_LEN_MAX));
        let cut = |header: usize| {
            let room = room.checked_sub(header + extra).filter(|room| *room > 0)?;
            let count = u16::try_from(len.div_ceil(room)).ok()?.max(2);
            let piece_len = len.div_ceil(usize::from(count));
            // Rounding up may leave the last one empty.
            let count = u16::try_from(len.div_ceil(piece_len)).ok()?;
            Some((piece_len, Shape { count, parity }))
        };
        let fits = |(_, shape): &(usize, Shape), header: usize| match header {
            3 => shape.code() < 0x80,
            4 => shape.total() <= 0x80,
            _ => shape.count <= COMPACT_PIECES_MAX,
        };
        let mut headers = 3..=PIECE_HEADER_LEN_MAX;
        let (piece_len, mut shape) =
            headers.find_map(|header| cut(header).filter(|cut| fits(cut, header)))?;
        if shape.count > parity::COUNT_MAX {
            shape.parity = 0;
        }
        (shape.count >= 2).then_some((piece_len, shape))
    }

    /// The id that pieces and answers carry.
    pub const fn id(&self) -> u8 {
        self.id
    }

    /// Whether it is over, and how.
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Pieces sent, and how many of them again: what the loss is measured by.
    pub const fn counts(&self) -> (u32, u32) {
        (self.sent, self.repeated)
    }

    /// Whether [`Self::poll`] has something to send.
    pub fn is_ready(&self) -> bool {
        self.verdict == Verdict::UnderWay && (self.probe_due || !self.due.is_empty())
    }

    /// Bytes that were not sent yet.
    pub fn remaining_bytes(&self) -> usize {
        self.due.len() * self.piece_len
    }

    /// Appends the next piece: the body of a frame of type
    /// [`crate::compact::CompactType::PIECE`]. `false` when none is due.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.verdict != Verdict::UnderWay {
            return false;
        }
        let (id, shape) = (self.id, self.shape);
        let mut w = Writer::new(out);
        if let Some(index) = self.due.pop_first() {
            if index < shape.count {
                Piece { id, index, shape, bytes: self.piece(index) }.write(&mut w);
            } else {
                Piece { id, index, shape, bytes: &self.parity(index) }.write(&mut w);
            }
            self.sent += 1;
        } else if self.probe_due {
            Piece { id, index: shape.count - 1, shape, bytes: &[] }.write(&mut w);
        } else {
            return false;
        }
        self.probe_due = false;
        self.silent_since = now;
        true
    }

    /// The receiver said what it lacks, or nothing.
    ///
    /// # Errors
    /// [`Malformed`], also for indexes the message does not have; nothing changes then.
    pub fn on_repair(&mut self, now: Instant, body: &[u8]) -> Result<(), Malformed> {
        let repair = Repair::read(body)?;
        if repair.id != self.id || self.verdict != Verdict::UnderWay {
            return Ok(());
        }
        let Some(last) = repair.missing.last() else {
            self.verdict = Verdict::Delivered;
            return Ok(());
        };
        if *last >= self.shape.count {
            return Err(Malformed::OutOfRange("missing index"));
        }
        let before = self.due.len();
        self.due.extend(repair.missing);
        self.repeated += (self.due.len() - before) as u32;
        if self.repeated > REPEATS_PER_PIECE_MAX * u32::from(self.shape.count) {
            self.verdict = Verdict::GivenUp;
        }
        self.probes = 0;
        self.probe_due = false;
        self.silent_since = now;
        Ok(())
    }

    /// Asks for an answer when none came.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_none_or(|due| now < due) {
            return;
        }
        if self.probes >= COMPACT_PROBES_MAX {
            self.verdict = Verdict::GivenUp;
            return;
        }
        self.probes += 1;
        self.probe_due = true;
    }

    /// When [`Self::handle_timeout`] has something to do: not while something is to be sent.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let waits = self.verdict == Verdict::UnderWay && !self.is_ready();
        // The receiver asks after a pause of its own, so that it is given longer.
        waits.then(|| self.silent_since + self.pause * (2 << self.probes.min(5)))
    }

    fn piece(&self, index: u16) -> &[u8] {
        let start = usize::from(index) * self.piece_len;
        let end = self.message.len().min(start + self.piece_len);
        self.message.get(start..end).unwrap_or_default()
    }

    /// The length of the last piece, and the parity bytes.
    fn parity(&self, index: u16) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1 + self.piece_len);
        bytes.push(self.piece(self.shape.count - 1).len() as u8);
        let which = (index - self.shape.count) as u8;
        let pieces = self.message.chunks(self.piece_len);
        bytes.extend(parity::of(pieces, which, self.piece_len));
        bytes
    }
}

/// So often may every piece be asked for on the average: at half of all frames lost it is once.
const REPEATS_PER_PIECE_MAX: u32 = 4;
