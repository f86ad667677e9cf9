//! The pool of a mailbox node: letters for whoever recognises them (`RSV-22` to `RSV-25`).
//!
//! The node learns of a letter its label and its length. It cannot tell what it is, nor for whom.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use mesh::{
    Address,
    crypto::hash::{Domain, digest32, sha256},
    envelope::{Admission, Search},
    error::PeerMisbehaved,
};

use super::{
    letter::{Letter, hour},
    limits::{PAGE_MAX, POOL_LIFE_S, POOL_MAX, PUT_BITS_MIN, TAKE_LABELS},
};
use crate::UnixSeconds;

/// Letters that lie at a mailbox node.
///
/// It is not stored: who put a letter repeats it until it is answered.
#[derive(Debug)]
pub struct Pool {
    node: Address,
    by_label: BTreeMap<[u8; 16], u64>,
    letters: BTreeMap<u64, Lying>,
    /// Work shown and place, least work first; the newest of equals first to go.
    by_work: BTreeSet<(u8, core::cmp::Reverse<u64>)>,
    next: u64,
}

#[derive(Debug)]
struct Lying {
    letter: Letter,
    bits: u8,
    until: u64,
}

/// Why a letter was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutRefused {
    /// The work is for another hour.
    Hour,
    /// Work with so many zero bits is needed.
    Work(u8),
}

impl Pool {
    /// The empty pool of a node. Places are counted from `first`: a random number, so that cursors of
    /// an earlier run point nowhere.
    pub const fn new(node: Address, first: u64) -> Self {
        Self {
            node,
            by_label: BTreeMap::new(),
            letters: BTreeMap::new(),
            by_work: BTreeSet::new(),
            // Half of the numbers are left for letters; no cursor is before the first.
            next: (first >> 1) | 1,
        }
    }

    /// How many letters lie here.
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Zero bits that a put needs at present.
    pub fn put_bits(&self) -> u8 {
        // At most 8 beyond the least.
        let base = PUT_BITS_MIN + (self.letters.len() * 8 / POOL_MAX) as u8;
        match self.by_work.first() {
            Some((least, _)) if self.letters.len() >= POOL_MAX => base.max(least + 1),
            _ => base,
        }
    }

    /// Takes a letter in. One that is there already is there once.
    ///
    /// # Errors
    /// [`PutRefused`].
    pub fn put(
        &mut self,
        now: UnixSeconds,
        letter: Letter,
        work_hour: u32,
        nonce: u64,
    ) -> Result<(), PutRefused> {
        self.expire(now);
        if work_hour.abs_diff(hour(now.0)) > 1 {
            return Err(PutRefused::Hour);
        }
        let asked = self.put_bits();
        let bits = shown_bits(&put_puzzle(&self.node, work_hour, &letter), nonce, asked);
        let Some(bits) = bits else { return Err(PutRefused::Work(asked)) };
        if !self.by_label.contains_key(&letter.label()) {
            self.lay(now, letter, bits);
        }
        Ok(())
    }

    fn lay(&mut self, now: UnixSeconds, letter: Letter, bits: u8) {
        if self.letters.len() >= POOL_MAX
            && let Some((_, place)) = self.by_work.first().copied()
        {
            self.remove(place.0);
        }
        let place = self.next;
        self.next += 1;
        self.by_label.insert(letter.label(), place);
        self.by_work.insert((bits, core::cmp::Reverse(place)));
        let until = now.0.saturating_add(POOL_LIFE_S);
        self.letters.insert(place, Lying { letter, bits, until });
    }

    /// Lays a letter in as if it had shown so much work, which takes a test too long.
    #[cfg(test)]
    pub(super) fn put_shown(&mut self, now: UnixSeconds, letter: Letter, bits: u8) {
        self.lay(now, letter, bits);
    }

    /// The letters of two labels; they stay.
    pub fn take(&self, labels: &[[u8; 16]; TAKE_LABELS]) -> Vec<Letter> {
        let places = labels.iter().filter_map(|label| self.by_label.get(label));
        places.filter_map(|place| self.letters.get(place)).map(|l| l.letter.clone()).collect()
    }

    /// Letters of one length that came after a place, and the place of the last.
    pub fn page(&self, cursor: u64, len: usize) -> (u64, Vec<Letter>) {
        // A cursor of an earlier run may be beyond all there is.
        let cursor = if cursor >= self.next { 0 } else { cursor };
        let mut last = cursor;
        let mut letters = Vec::new();
        for (place, lying) in self.letters.range(cursor.saturating_add(1)..) {
            last = *place;
            if lying.letter.bytes().len() == len {
                letters.push(lying.letter.clone());
            }
            if letters.len() == PAGE_MAX {
                break;
            }
        }
        (last, letters)
    }

    /// Throws away what has lain long enough.
    pub fn expire(&mut self, now: UnixSeconds) {
        // A clock that was set back must not let letters lie for longer than one set forward.
        let over: Vec<u64> = self
            .letters
            .iter()
            .filter(|(_, l)| l.until <= now.0 || l.until > now.0.saturating_add(2 * POOL_LIFE_S))
            .map(|(place, _)| *place)
            .collect();
        over.into_iter().for_each(|place| self.remove(place));
    }

    fn remove(&mut self, place: u64) {
        if let Some(lying) = self.letters.remove(&place) {
            self.by_label.remove(&lying.letter.label());
            self.by_work.remove(&(lying.bits, core::cmp::Reverse(place)));
        }
    }
}

/// A search for the work of a put, in steps.
pub fn put_work(node: &Address, now: UnixSeconds, letter: &Letter, bits: u8) -> (u32, Search) {
    let hour = hour(now.0);
    (hour, Search::for_puzzle(put_puzzle(node, hour, letter), bits))
}

fn put_puzzle(node: &Address, hour: u32, letter: &Letter) -> [u8; 32] {
    let parts: &[&[u8]] = &[b"put", node.as_bytes(), &hour.to_le_bytes(), &sha256(letter.bytes())];
    digest32(Domain::FappReservation, parts)
}

/// How many zero bits a nonce shows, if they are at least so many. It looks no further than
/// [`mesh::envelope::DIRECT_WORK_BITS_MAX`].
pub(crate) fn shown_bits(puzzle: &[u8; 32], nonce: u64, least: u8) -> Option<u8> {
    let shows = |bits: u8| -> Result<(), PeerMisbehaved> {
        Admission::Work { nonce }.check_puzzle(puzzle, bits)
    };
    shows(least).ok()?;
    let more = (least + 1..=mesh::envelope::DIRECT_WORK_BITS_MAX).take_while(|b| shows(*b).is_ok());
    Some(least + more.count() as u8)
}
