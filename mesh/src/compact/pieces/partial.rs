//! A message of which some pieces are here.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};
use core::time::Duration;

use super::{MESSAGE_LEN_MAX, PARITY_MAX, PIECE_LEN_MAX, Piece, Shape, parity};
use crate::{error::Malformed, time::Instant};

/// What a parity piece says: the length of the last piece, and a sum.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sum {
    last_len: usize,
    bytes: Vec<u8>,
}

#[derive(Debug)]
pub(super) struct Partial {
    pub(super) shape: Shape,
    pieces: BTreeMap<u16, Vec<u8>>,
    sums: [Option<Sum>; PARITY_MAX as usize],
    /// Length of every piece but the last, once one of them was seen.
    piece_len: Option<usize>,
    bytes: usize,
    pub(super) pause: Duration,
    /// Once a piece with this index or a higher one is here, nothing more is expected.
    pub(super) expected: u16,
    pub(super) ask_at: Instant,
    pub(super) asked_at: Option<Instant>,
    /// Questions since the last progress, and in all.
    pub(super) asks: u32,
    pub(super) asks_total: u32,
    pub(super) last_progress: Instant,
}

impl Partial {
    pub(super) fn new(now: Instant, shape: Shape, pause: Duration) -> Self {
        Self {
            shape,
            pieces: BTreeMap::new(),
            sums: [None, None],
            piece_len: None,
            bytes: 0,
            pause,
            expected: shape.total() - 1,
            ask_at: now + pause,
            asked_at: None,
            asks: 0,
            asks_total: 0,
            last_progress: now,
        }
    }

    /// Adds a piece with bytes; `false` when it was here. An error leaves everything as it was.
    pub(super) fn add(&mut self, piece: &Piece<'_>) -> Result<bool, Malformed> {
        if piece.shape != self.shape {
            return Err(Malformed::OutOfRange("piece count"));
        }
        if piece.index >= self.shape.count {
            return self.add_sum(piece);
        }
        if let Some(known) = self.pieces.get(&piece.index) {
            let is_same = known == piece.bytes;
            return if is_same { Ok(false) } else { Err(Malformed::NonCanonical("piece")) };
        }
        self.check_len(piece)?;
        self.insert(piece.index, piece.bytes.to_vec());
        Ok(true)
    }

    fn insert(&mut self, index: u16, bytes: Vec<u8>) {
        if index + 1 < self.shape.count {
            self.piece_len = Some(bytes.len());
        }
        self.bytes += bytes.len();
        self.pieces.insert(index, bytes);
    }

    fn check_len(&self, piece: &Piece<'_>) -> Result<(), Malformed> {
        let len = piece.bytes.len();
        if len > PIECE_LEN_MAX {
            return Err(Malformed::TooLong("piece"));
        }
        let is_last = piece.index + 1 == self.shape.count;
        let fits = match self.piece_len {
            Some(known) if is_last => len <= known,
            Some(known) => len == known,
            None if is_last => true,
            None => self.pieces.get(&(self.shape.count - 1)).is_none_or(|last| last.len() <= len),
        };
        if !fits {
            return Err(Malformed::OutOfRange("piece length"));
        }
        if !is_last && len * usize::from(self.shape.count - 1) >= MESSAGE_LEN_MAX {
            return Err(Malformed::TooLong("message in pieces"));
        }
        Ok(())
    }

    fn add_sum(&mut self, piece: &Piece<'_>) -> Result<bool, Malformed> {
        let (last_len, bytes) = piece.bytes.split_first().ok_or(NO_PARITY)?;
        let (last_len, bytes) = (usize::from(*last_len), bytes.to_vec());
        let is_len = self.piece_len.is_none_or(|len| len == bytes.len());
        let too_long = bytes.len() * usize::from(self.shape.count - 1) >= MESSAGE_LEN_MAX;
        if bytes.is_empty() || last_len == 0 || last_len > bytes.len() || !is_len || too_long {
            return Err(Malformed::OutOfRange("parity length"));
        }
        let place =
            self.sums.get_mut(usize::from(piece.index - self.shape.count)).ok_or(NO_PARITY)?;
        let sum = Sum { last_len, bytes };
        match place {
            Some(known) if *known == sum => return Ok(false),
            Some(_) => return Err(Malformed::NonCanonical("parity")),
            None => {}
        }
        self.bytes += sum.bytes.len();
        *place = Some(sum);
        Ok(true)
    }

    /// Indexes of pieces that are not here.
    pub(super) fn missing(&self) -> BTreeSet<u16> {
        (0..self.shape.count).filter(|index| !self.pieces.contains_key(index)).collect()
    }

    /// Whether all pieces are here, after what parity can give was taken from it.
    ///
    /// # Errors
    /// [`Malformed`] when parity contradicts the pieces.
    pub(super) fn complete(&mut self) -> Result<bool, Malformed> {
        let lacking = usize::from(self.shape.count) - self.pieces.len();
        let sums = self.sums.iter().flatten().count();
        if lacking > 0 && lacking <= sums {
            self.recover()?;
        }
        Ok(self.pieces.len() == usize::from(self.shape.count))
    }

    fn recover(&mut self) -> Result<(), Malformed> {
        let missing: Vec<u16> = self.missing().into_iter().collect();
        let rest: Vec<Option<Vec<u8>>> = (0..PARITY_MAX).map(|which| self.rest(which)).collect();
        let found = match (&missing[..], &rest[..]) {
            ([index], [Some(sum), _]) => alloc::vec![(*index, sum.clone())],
            ([index], [None, Some(sum)]) => {
                alloc::vec![(*index, parity::solve_one(sum, 1, *index))]
            }
            ([a, b], [Some(sum), Some(weighted)]) => {
                let (first, second) = parity::solve_two(sum, weighted, *a, *b);
                alloc::vec![(*a, first), (*b, second)]
            }
            _ => return Ok(()),
        };
        let last_len = self.sums.iter().flatten().next().map_or(0, |sum| sum.last_len);
        for (index, mut bytes) in found {
            if index + 1 == self.shape.count {
                if bytes.iter().skip(last_len).any(|byte| *byte != 0) {
                    return Err(Malformed::NonCanonical("parity"));
                }
                bytes.truncate(last_len);
            }
            let piece = Piece { id: 0, index, shape: self.shape, bytes: &bytes };
            self.check_len(&piece)?;
            self.insert(index, bytes);
        }
        Ok(())
    }

    /// What a sum is beyond the pieces that are here.
    fn rest(&self, which: u8) -> Option<Vec<u8>> {
        let sum = self.sums.get(usize::from(which))?.as_ref()?;
        let none: &[u8] = &[];
        let piece = |index: u16| self.pieces.get(&index).map_or(none, |piece| piece);
        let pieces: Vec<&[u8]> = (0..self.shape.count).map(piece).collect();
        let mut rest = parity::of(pieces.into_iter(), which, sum.bytes.len());
        parity::add(&mut rest, &sum.bytes);
        Some(rest)
    }

    pub(super) fn into_message(self) -> Vec<u8> {
        let mut message = Vec::with_capacity(self.bytes);
        self.pieces.into_values().for_each(|piece| message.extend_from_slice(&piece));
        message
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.bytes + self.pieces.len() * PIECE_OVERHEAD + PARTIAL_OVERHEAD
    }
}

const NO_PARITY: Malformed = Malformed::MissingData("parity");

/// What a piece costs beside its bytes: allocation header and a share of a map node.
const PIECE_OVERHEAD: usize = 64;

/// What a message under way costs beside its pieces.
const PARTIAL_OVERHEAD: usize = 320;
