//! The two directions of a session: counters, reservations, windows.

use alloc::vec::Vec;

use super::{
    schedule::{self, Direction},
    tree::{Derived, KeyTree},
};
use crate::{
    crypto::kdf::Secret,
    error::{Error, Malformed, PeerMisbehaved, Unsupported},
    limits::{SESSION_BLOCK, SESSION_MESSAGES_MAX, SESSION_WINDOW},
    wire::{Reader, Writer},
};

/// What we seal with.
pub(super) struct Sending {
    /// The peer's name for the session.
    pub(super) id: [u8; 8],
    pub(super) receipts: Secret,
    /// Mixed into every message key of this life of the node.
    pub(super) salt: [u8; 8],
    tree: KeyTree,
    /// The counter of the next envelope.
    next: u32,
    /// Counters below may be used: a durable row starts here.
    usable: u32,
    /// Where the newest row starts, durable or not.
    reserved: u32,
    /// The drain with which a row left that is not durable yet, and where that row starts.
    in_flight: Option<(u64, u32)>,
    dirty: bool,
}

/// Why no counter can be had.
pub(super) enum Refusal {
    /// The next block is not durable yet.
    Awaiting,
    /// All counters are used.
    Exhausted,
}

impl Sending {
    /// The sending half of a new session. Its first block is usable at once: if the row that
    /// reserves it never becomes durable, there is no session on disk that could use it again.
    pub(super) fn new(direction: &Direction, salt: [u8; 8]) -> Self {
        Self {
            id: direction.id,
            receipts: direction.receipts.clone(),
            salt,
            tree: KeyTree::new(&direction.root),
            next: 0,
            usable: SESSION_BLOCK,
            reserved: SESSION_BLOCK,
            in_flight: None,
            dirty: true,
        }
    }

    /// Takes the next counter and its key. Requests the next block when half of the last one is
    /// used (`SES-09`).
    pub(super) fn take(&mut self) -> Result<(u32, Secret), Refusal> {
        let counter = self.next;
        if counter >= SESSION_MESSAGES_MAX {
            return Err(Refusal::Exhausted);
        }
        let half_used = counter + SESSION_BLOCK / 2 >= self.reserved;
        if half_used && self.in_flight.is_none() {
            self.reserved = (self.reserved + SESSION_BLOCK).min(SESSION_MESSAGES_MAX);
            self.dirty = true;
        }
        if counter >= self.usable {
            return Err(Refusal::Awaiting);
        }
        let Some(derived) = self.tree.derive(counter) else {
            // Only a damaged row can lack a key that was not used.
            self.next = SESSION_MESSAGES_MAX;
            return Err(Refusal::Exhausted);
        };
        let key = derived.key.clone();
        self.tree.remove(derived);
        self.next += 1;
        Ok((counter, key))
    }

    /// Messages sealed so far, or skipped by a restart.
    pub(super) const fn used(&self) -> u32 {
        self.next
    }

    pub(super) const fn is_exhausted(&self) -> bool {
        self.next >= SESSION_MESSAGES_MAX
    }

    /// Whether a row waits to be taken.
    pub(super) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// The row, if it changed since it was last taken.
    pub(super) fn take_row(&mut self, generation: u64) -> Option<Vec<u8>> {
        if !core::mem::take(&mut self.dirty) {
            return None;
        }
        self.in_flight = Some((generation, self.reserved));
        Some(self.row())
    }

    /// The rows of all drains up to `generation` are durable.
    pub(super) fn on_committed(&mut self, generation: u64) {
        if let Some((_, start)) = self.in_flight.filter(|(drained, _)| *drained <= generation) {
            self.in_flight = None;
            self.usable = start;
        }
    }

    /// Takes what is only reserved for durable: the mutant of [`crate::Rule::ReservationDurable`].
    pub(super) const fn assume_durable(&mut self) {
        self.usable = self.reserved;
    }

    /// What a restart begins with: the keys from the reserved counter on.
    fn row(&self) -> Vec<u8> {
        let mut tree = self.tree.clone();
        tree.discard_below(self.reserved);
        let mut out = Vec::with_capacity(48 + 37 * tree.len());
        Writer::new(&mut out).array(&self.id).array(&self.receipts).u32(self.reserved);
        tree.write(&mut out);
        out
    }

    pub(super) fn read(row: &[u8], salt: [u8; 8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let id = reader.array("sending id")?;
        let receipts = Secret::new(reader.array("sending receipts")?);
        let reserved = reader.u32("sending counter")?;
        if reserved > SESSION_MESSAGES_MAX {
            return Err(Malformed::OutOfRange("sending counter").into());
        }
        let mut tree = KeyTree::read(&mut reader, SENDING_NODES_MAX)?;
        reader.finish("sending row")?;
        tree.discard_below(reserved);
        let (next, usable) = (reserved, reserved);
        Ok(Self { id, receipts, salt, tree, next, usable, reserved, in_flight: None, dirty: false })
    }
}

/// What we open with.
pub(super) struct Receiving {
    pub(super) receipts: Secret,
    tree: KeyTree,
    /// One above the highest counter opened.
    next: u32,
    /// Counters below are refused: their keys are gone.
    floor: u32,
    /// The boot salt of each block of counters that reaches into the window, oldest first.
    salts: Vec<(u32, [u8; 8])>,
    /// Changed since the row was last taken.
    changed: bool,
    /// The change is wanted on disk.
    dirty: bool,
}

/// What the counters say about an envelope, before anything is decrypted.
pub(super) enum Judged {
    /// Not opened before; open it with this key.
    Fresh(Derived),
    /// Opened before.
    Duplicate,
}

impl Receiving {
    pub(super) fn new(direction: &Direction) -> Self {
        Self {
            receipts: direction.receipts.clone(),
            tree: KeyTree::new(&direction.root),
            next: 0,
            floor: 0,
            salts: Vec::new(),
            changed: true,
            dirty: true,
        }
    }

    /// Judges counter and boot salt (`SES-10`, `SES-11`). The envelope's lock was checked: whoever
    /// made it holds the session.
    pub(super) fn judge(&self, counter: u32, boot_salt: &[u8; 8]) -> Result<Judged, Error> {
        if counter >= SESSION_MESSAGES_MAX {
            return Err(Malformed::OutOfRange("session counter").into());
        }
        if counter < self.floor {
            return Err(PeerMisbehaved::Replayed.into());
        }
        let known = self.salts.iter().find(|(block, _)| *block == counter / SESSION_BLOCK);
        if known.is_some_and(|(_, salt)| salt != boot_salt) {
            // A sender never uses a block in two lives, unless its disk was rolled back. Its old
            // counters cannot be told from its new ones: only a new session helps.
            return Err(Unsupported::UnknownSession.into());
        }
        Ok(self.tree.derive(counter).map_or(Judged::Duplicate, Judged::Fresh))
    }

    /// Takes note that `counter` was opened, and forgets its key.
    pub(super) fn opened(&mut self, counter: u32, boot_salt: [u8; 8], derived: Derived) {
        self.tree.remove(derived);
        self.next = self.next.max(counter + 1);
        let block = counter / SESSION_BLOCK;
        if !self.salts.iter().any(|(known, _)| *known == block) {
            self.salts.push((block, boot_salt));
        }
        self.raise_floor(self.next.saturating_sub(SESSION_WINDOW));
        self.changed = true;
    }

    /// Gives up all but the last few missing messages.
    pub(super) fn narrow(&mut self) {
        self.raise_floor(self.next.saturating_sub(NARROW_WINDOW));
        self.changed = true;
    }

    /// Keys kept for messages that may still come.
    pub(super) fn kept(&self) -> usize {
        self.tree.len()
    }

    /// Wants the latest change on disk. Returns whether there is one.
    pub(super) fn keep(&mut self) -> bool {
        self.dirty |= self.changed;
        self.changed
    }

    fn raise_floor(&mut self, floor: u32) {
        if floor > self.floor {
            self.floor = floor;
            self.tree.discard_below(floor);
            self.salts.retain(|(block, _)| *block >= floor / SESSION_BLOCK);
        }
    }

    /// The row, if it is wanted since it was last taken.
    pub(super) fn take_row(&mut self) -> Option<Vec<u8>> {
        if !core::mem::take(&mut self.dirty) {
            return None;
        }
        self.changed = false;
        let mut out = Vec::with_capacity(96 + 37 * self.tree.len());
        let mut writer = Writer::new(&mut out);
        writer.array(&self.receipts).u32(self.next).u32(self.floor).u8(self.salts.len() as u8);
        for (block, salt) in &self.salts {
            writer.u32(*block).array(salt);
        }
        self.tree.write(&mut out);
        Some(out)
    }

    pub(super) fn read(row: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let receipts = Secret::new(reader.array("receiving receipts")?);
        let next = reader.u32("receiving next")?;
        let floor = reader.u32("receiving floor")?;
        if next > SESSION_MESSAGES_MAX || floor > next {
            return Err(Malformed::OutOfRange("receiving counters").into());
        }
        let count = reader.u8("receiving salts")?;
        if count > SALTS_MAX {
            return Err(Malformed::TooLong("receiving salts").into());
        }
        let mut salts = Vec::with_capacity(usize::from(SALTS_MAX));
        for _ in 0..count {
            salts.push((reader.u32("receiving block")?, reader.array("receiving salt")?));
        }
        let tree = KeyTree::read(&mut reader, RECEIVING_NODES_MAX)?;
        reader.finish("receiving row")?;
        Ok(Self { receipts, tree, next, floor, salts, changed: false, dirty: false })
    }
}

/// Which lock an envelope of this counter carries, and what opens it.
pub(super) fn receipt(receipts: &Secret, counter: u32, salt: &[u8; 8]) -> ([u8; 16], [u8; 16]) {
    let preimage = schedule::preimage(receipts, counter, salt);
    (schedule::lock(&preimage), preimage)
}

/// Nodes of a sending tree: every counter from one on lies under at most 20.
const SENDING_NODES_MAX: usize = 20;

/// Nodes of a receiving tree: one for each counter in the window and 20 for those above.
const RECEIVING_NODES_MAX: usize = SESSION_WINDOW as usize + 20;

/// Blocks that reach into the window: it touches one more than it spans.
const SALTS_MAX: u8 = (SESSION_WINDOW / SESSION_BLOCK) as u8 + 1;

/// Counters a session may still miss when all sessions together miss too many.
const NARROW_WINDOW: u32 = 64;
