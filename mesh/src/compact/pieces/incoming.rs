//! The messages that arrive in pieces, of all neighbours.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};
use core::time::Duration;

use super::{Piece, partial::Partial, repair::Repair};
use crate::{
    error::{Error, Malformed},
    limits::{
        COMPACT_ASKS_MAX, COMPACT_DONE_MAX, COMPACT_PARTIAL_BYTES_MAX,
        COMPACT_PARTIAL_TOTAL_BYTES_MAX, COMPACT_PARTIALS_MAX,
    },
    time::Instant,
};

/// What a piece led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Something is still missing.
    Kept,
    /// The whole message: its type byte and body.
    Whole(Vec<u8>),
    /// It was here before; nothing changed.
    Repeated,
}

/// Collects pieces, asks for what is missing, and says when nothing is.
#[derive(Debug, Default)]
pub struct Incoming {
    partial: BTreeMap<(u32, u8), Partial>,
    /// Messages that were complete, the last ones of every neighbour.
    done: VecDeque<(u32, u8)>,
    /// Those to whose sender it is yet to be said.
    confirm: VecDeque<(u32, u8)>,
    held_bytes: usize,
    discarded: u64,
}

impl Incoming {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the body of a frame of type [`crate::compact::CompactType::PIECE`] of which the hop tag
    /// held. `neighbour` is any number that names it, `pause` as in [`super`].
    ///
    /// # Errors
    /// [`Malformed`] for what the layout forbids, and for a piece that contradicts earlier ones. The
    /// newer message is then right: the older one with its id is discarded.
    pub fn on_piece(
        &mut self,
        now: Instant,
        neighbour: u32,
        body: &[u8],
        pause: Duration,
    ) -> Result<Progress, Error> {
        let piece = Piece::read(body)?;
        let key = (neighbour, piece.id);
        if !self.partial.contains_key(&key) && self.done.contains(&key) {
            self.confirm_soon(key);
            return Ok(Progress::Repeated);
        }
        match self.insert(now, key, &piece, pause) {
            Ok(true) => {}
            Ok(false) => return Ok(Progress::Repeated),
            Err(error) => {
                self.discard(key);
                self.discarded += 1;
                return Err(error.into());
            }
        }
        if self.is_complete(key)? {
            return Ok(Progress::Whole(self.complete(key)));
        }
        self.make_room(neighbour);
        Ok(Progress::Kept)
    }

    /// Appends the next thing to say to a neighbour about its pieces: the body of a frame of type
    /// [`crate::compact::CompactType::REPAIR`]. Gives that neighbour.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<u8>) -> Option<u32> {
        if let Some((neighbour, id)) = self.confirm.pop_front() {
            Repair { id, missing: <_>::default() }.write(out);
            return Some(neighbour);
        }
        let due = self.partial.iter_mut().find(|(_, partial)| partial.ask_at <= now);
        let ((neighbour, id), partial) = due?;
        let missing = partial.missing();
        partial.expected = missing.last().copied().unwrap_or(partial.expected);
        partial.asked_at = Some(now);
        partial.asks += 1;
        partial.asks_total += 1;
        partial.ask_at = now + partial.pause * (2 << partial.asks.min(5));
        Repair { id: *id, missing }.write(out);
        Some(*neighbour)
    }

    /// Whether [`Self::poll`] has something to say.
    pub fn is_ready(&self, now: Instant) -> bool {
        !self.confirm.is_empty() || self.partial.values().any(|partial| partial.ask_at <= now)
    }

    /// Discards messages that came no further.
    pub fn handle_timeout(&mut self, now: Instant) {
        let stalled: Vec<_> = self
            .partial
            .iter()
            .filter(|(_, partial)| partial.ask_at <= now && partial.is_given_up())
            .map(|(key, _)| *key)
            .collect();
        for key in stalled {
            self.discard(key);
            self.discarded += 1;
        }
    }

    /// When [`Self::handle_timeout`], then [`Self::poll`], have something to do; `None` when nothing
    /// is held.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.confirm.is_empty() {
            self.partial.values().map(|partial| partial.ask_at).min()
        } else {
            Some(Instant::ZERO)
        }
    }

    /// Forgets a neighbour that is gone or has started anew.
    pub fn forget(&mut self, neighbour: u32) {
        for key in self.keys_of(neighbour) {
            self.discard(key);
        }
        self.done.retain(|(it, _)| *it != neighbour);
        self.confirm.retain(|(it, _)| *it != neighbour);
    }

    /// Memory in use, bookkeeping included.
    pub const fn held_bytes(&self) -> usize {
        self.held_bytes
    }

    /// Messages that were discarded since the start: contradicted, stalled, or beyond a bound.
    pub const fn discarded(&self) -> u64 {
        self.discarded
    }

    /// Adds the piece; `false` when it said nothing new.
    fn insert(
        &mut self,
        now: Instant,
        key: (u32, u8),
        piece: &Piece<'_>,
        pause: Duration,
    ) -> Result<bool, Malformed> {
        if !self.partial.contains_key(&key) {
            let partial = Partial::new(now, piece.shape, pause);
            self.held_bytes += partial.held_bytes();
            self.partial.insert(key, partial);
        }
        let Some(partial) = self.partial.get_mut(&key) else { return Ok(false) };
        let before = partial.held_bytes();
        let is_probe = piece.bytes.is_empty() && piece.shape == partial.shape;
        let is_new = !is_probe && partial.add(piece)?;
        self.held_bytes += partial.held_bytes() - before;
        partial.heard(now, piece.index, is_new, pause);
        // A first question, without a piece before it, is kept as well: all may have been lost.
        Ok(is_new || is_probe)
    }

    fn is_complete(&mut self, key: (u32, u8)) -> Result<bool, Error> {
        let Some(partial) = self.partial.get_mut(&key) else { return Ok(false) };
        let before = partial.held_bytes();
        let result = partial.complete();
        self.held_bytes += partial.held_bytes() - before;
        if result.is_err() {
            self.discard(key);
            self.discarded += 1;
        }
        Ok(result?)
    }

    fn complete(&mut self, key: (u32, u8)) -> Vec<u8> {
        self.confirm_soon(key);
        self.done.retain(|it| *it != key);
        if self.done.iter().filter(|(it, _)| *it == key.0).count() >= COMPACT_DONE_MAX
            && let Some(oldest) = self.done.iter().position(|(it, _)| *it == key.0)
        {
            self.done.remove(oldest);
        }
        self.done.push_back(key);
        self.discard(key).map(Partial::into_message).unwrap_or_default()
    }

    fn confirm_soon(&mut self, key: (u32, u8)) {
        if !self.confirm.contains(&key) {
            self.confirm.push_back(key);
        }
    }

    /// Discards stalled messages until neighbour and total are within their shares.
    fn make_room(&mut self, neighbour: u32) {
        while self.range_of(neighbour).count() > COMPACT_PARTIALS_MAX
            || self.bytes_of(neighbour) > COMPACT_PARTIAL_BYTES_MAX
        {
            self.discard_most_stalled(neighbour);
        }
        while self.held_bytes > COMPACT_PARTIAL_TOTAL_BYTES_MAX {
            let Some(greediest) = self.greediest() else { return };
            self.discard_most_stalled(greediest);
        }
    }

    fn discard_most_stalled(&mut self, neighbour: u32) {
        let stalled = self.range_of(neighbour).min_by_key(|(_, partial)| partial.last_progress);
        if let Some(key) = stalled.map(|(key, _)| *key) {
            self.discard(key);
            self.discarded += 1;
        }
    }

    fn greediest(&self) -> Option<u32> {
        let mut bytes: BTreeMap<u32, usize> = BTreeMap::new();
        for ((neighbour, _), partial) in &self.partial {
            *bytes.entry(*neighbour).or_default() += partial.held_bytes();
        }
        bytes.into_iter().max_by_key(|(_, bytes)| *bytes).map(|(neighbour, _)| neighbour)
    }

    fn discard(&mut self, key: (u32, u8)) -> Option<Partial> {
        let partial = self.partial.remove(&key)?;
        self.held_bytes -= partial.held_bytes();
        Some(partial)
    }

    fn range_of(&self, neighbour: u32) -> impl Iterator<Item = (&(u32, u8), &Partial)> {
        self.partial.range((neighbour, 0)..=(neighbour, u8::MAX))
    }

    fn keys_of(&self, neighbour: u32) -> Vec<(u32, u8)> {
        self.range_of(neighbour).map(|(key, _)| *key).collect()
    }

    fn bytes_of(&self, neighbour: u32) -> usize {
        self.range_of(neighbour).map(|(_, partial)| partial.held_bytes()).sum()
    }
}

impl Partial {
    /// A piece of it was heard: nothing more is expected at once, or the next one within a pause.
    fn heard(&mut self, now: Instant, index: u16, is_new: bool, pause: Duration) {
        self.pause = pause;
        if is_new {
            self.last_progress = now;
            self.asks = 0;
        }
        let is_last = index >= self.expected;
        // A question for each repeated piece would let the neighbour make us talk without end.
        let may_ask = is_new || self.asked_at.is_none_or(|at| at + pause <= now);
        if is_last && may_ask {
            self.ask_at = now;
        } else if is_new {
            self.ask_at = now + pause;
        }
    }

    const fn is_given_up(&self) -> bool {
        self.asks >= COMPACT_ASKS_MAX
            || self.asks_total >= COMPACT_ASKS_MAX + self.shape.count as u32
    }
}
