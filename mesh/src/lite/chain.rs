//! The two directions of a lite session: counters, reservations, windows (`MLL-06` to `MLL-09`).

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    short::{self, ShortKey, ShortPreimage},
    text::{References, Sent},
};
use crate::{
    crypto::kdf::{self, Secret},
    envelope::SessionTag,
    error::{Error, Malformed},
    limits::{LITE_AHEAD, LITE_BEHIND, LITE_BLOCK, SESSION_MESSAGES_MAX},
    rules::{Rule, Rules},
    session::tree::{Derived, KeyTree},
    wire::{Reader, Writer},
};

/// The secrets of one direction.
pub(super) struct Direction {
    root: Secret,
    tags: Secret,
}

impl Direction {
    /// The direction that `label` names of the sessions that follow from `secret`.
    pub(super) fn derive(secret: &Secret, label: &[u8]) -> Self {
        let okm = kdf::expand::<64>(secret, label);
        let mut direction = Self { root: Secret::new([0; 32]), tags: Secret::new([0; 32]) };
        direction.root.copy_from_slice(&okm[..32]);
        direction.tags.copy_from_slice(&okm[32..]);
        direction
    }
}

/// The session tag of a counter: one call of the PRF makes the tags of eight.
pub(super) fn tag(tags: &Secret, counter: u32) -> SessionTag {
    tag_in(&tag_block(tags, counter / 8), counter)
}

/// The session tags of counters in a row.
pub(super) fn tags_of(
    tags: &Secret,
    counters: core::ops::Range<u32>,
) -> impl Iterator<Item = (u32, SessionTag)> {
    let mut known = None;
    counters.map(move |counter| {
        let block = known.take().filter(|(number, _)| *number == counter / 8);
        let (number, block) = block.unwrap_or_else(|| (counter / 8, tag_block(tags, counter / 8)));
        let tag = tag_in(&block, counter);
        known = Some((number, block));
        (counter, tag)
    })
}

fn tag_block(tags: &Secret, number: u32) -> Secret {
    short::prf(tags, &[b"qpc lite tag", &number.to_le_bytes()])
}

fn tag_in(block: &Secret, counter: u32) -> SessionTag {
    let at = 3 * (counter as usize % 8);
    [block[at], block[at + 1], block[at + 2]]
}

/// The key of the message that a leaf is for.
pub(super) fn message_key(leaf: &Secret) -> ShortKey {
    ShortKey::derive(leaf, b"qpc lite message")
}

/// What we seal with.
pub(super) struct LiteSending {
    pub(super) tags: Secret,
    tree: KeyTree,
    /// The counter of the next envelope.
    next: u32,
    /// Counters below may be used: a durable row starts here.
    usable: u32,
    /// Where the newest row starts, durable or not.
    reserved: u32,
    /// The drain with which a row left that is not durable yet, and where that row starts.
    in_flight: Option<(u64, u32)>,
    /// One above the newest counter that is known to have arrived.
    settled: u32,
    /// What the newest row says of it.
    settled_in_row: u32,
    /// The peer did not know a tag of ours: nothing goes until it was told where we are.
    suspended: bool,
    /// How often in a row that was so.
    refusals: u8,
    /// What was agreed about naming messages.
    pub(super) sent: Sent,
    dirty: bool,
}

/// Why no counter can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The next block is not durable yet.
    Awaiting,
    /// The peer must be told first where we are, or all counters are used.
    OutOfReach,
}

impl LiteSending {
    /// The sending half of a new session. Its first block is usable at once: if the row that
    /// reserves it never becomes durable, there is no session on disk that could use it again.
    pub(super) fn new(direction: &Direction) -> Self {
        Self {
            tags: direction.tags.clone(),
            tree: KeyTree::new(&direction.root),
            next: 0,
            usable: LITE_BLOCK,
            reserved: LITE_BLOCK,
            in_flight: None,
            settled: 0,
            settled_in_row: 0,
            suspended: false,
            refusals: 0,
            sent: Sent::default(),
            dirty: true,
        }
    }

    /// The counter of the next envelope, if the peer listens to it.
    pub(super) fn peek(&self) -> Result<u32, Refusal> {
        if self.suspended || self.next >= (self.settled + LITE_AHEAD).min(SESSION_MESSAGES_MAX) {
            return Err(Refusal::OutOfReach);
        }
        if self.next >= self.usable { Err(Refusal::Awaiting) } else { Ok(self.next) }
    }

    /// Takes the next counter and the leaf of its key; asks for the next block when half of the
    /// last one is used.
    pub(super) fn take(&mut self, rules: Rules) -> Result<(u32, Secret), Refusal> {
        if self.next + LITE_BLOCK / 2 >= self.reserved && self.in_flight.is_none() {
            self.reserve(self.reserved + LITE_BLOCK);
        }
        let counter = match self.peek() {
            Err(Refusal::Awaiting) if !rules.holds(Rule::LiteReservationDurable) => self.next,
            peeked => peeked?,
        };
        let Some(derived) = self.tree.derive(counter) else {
            // Only a damaged row can lack a key that was not used.
            self.next = SESSION_MESSAGES_MAX;
            return Err(Refusal::OutOfReach);
        };
        let key = derived.key.clone();
        self.tree.remove(derived);
        self.next += 1;
        Ok((counter, key))
    }

    fn reserve(&mut self, end: u32) {
        self.reserved = end.min(SESSION_MESSAGES_MAX);
        self.dirty = true;
    }

    /// Where the peer is to listen from, told in a full session.
    pub(super) const fn anchor(&self) -> u32 {
        self.next
    }

    /// Whether the peer must be told before anything can be sealed.
    pub(super) fn needs_note(&self) -> bool {
        self.next < SESSION_MESSAGES_MAX && self.peek() == Err(Refusal::OutOfReach)
    }

    pub(super) const fn is_exhausted(&self) -> bool {
        self.next >= SESSION_MESSAGES_MAX
    }

    /// An envelope has arrived whose counter is one below `arrived`.
    pub(super) fn on_arrived(&mut self, arrived: u32) {
        self.settled = self.settled.max(arrived.min(self.next));
        self.refusals = 0;
    }

    /// Whether anything is known to have arrived.
    pub(super) const fn has_arrived(&self) -> bool {
        self.settled > 0
    }

    /// Whether the row says too little of what has arrived: every restart would bring us closer to
    /// where the peer does not listen.
    pub(super) const fn is_row_old(&self) -> bool {
        self.settled >= self.settled_in_row + LITE_BLOCK / 2
    }

    /// The row is being written.
    pub(super) const fn on_row(&mut self) {
        self.settled_in_row = self.settled;
    }

    /// The peer knows where we are.
    pub(super) fn on_noted(&mut self, anchor: u32) {
        if anchor == self.next {
            self.suspended = false;
        }
        self.settled = self.settled.max(anchor.min(self.next));
    }

    /// The peer did not know the tag of the counter below `arrived`. Whatever it heard of another life of ours is left behind.
    /// `false` when this happened too often.
    pub(super) fn on_refused(&mut self, arrived: u32) -> bool {
        // Older ones say nothing new: since then the peer was told.
        if !self.suspended && arrived > self.settled {
            self.sent.forget();
            self.suspended = true;
            self.refusals += 1;
            self.next = (self.reserved + LEAP).min(SESSION_MESSAGES_MAX);
            self.tree.discard_below(self.next);
            self.reserve(self.next + LITE_BLOCK);
        }
        self.refusals < REFUSALS_MAX
    }

    /// Whether a row waits to be taken.
    pub(super) const fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Marks the row as taken with a drain.
    pub(super) fn take_dirty(&mut self, generation: u64) -> bool {
        let dirty = core::mem::take(&mut self.dirty);
        if dirty {
            self.in_flight = Some((generation, self.reserved));
        }
        dirty
    }

    /// The rows of all drains up to `generation` are durable.
    pub(super) fn on_committed(&mut self, generation: u64) {
        if let Some((_, start)) = self.in_flight.filter(|(drained, _)| *drained <= generation) {
            self.in_flight = None;
            self.usable = start;
        }
    }

    /// What a restart begins with: the keys from the reserved counter on.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut tree = self.tree.clone();
        tree.discard_below(self.reserved);
        let suspended = u8::from(self.suspended);
        Writer::new(out)
            .array(&self.tags)
            .u32(self.reserved)
            .u32(self.settled)
            .u8(suspended)
            .u8(self.refusals);
        tree.write(out);
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        let tags = Secret::new(reader.array("lite sending tags")?);
        let reserved = reader.u32("lite sending counter")?;
        let settled = reader.u32("lite settled counter")?;
        let suspended = reader.u8("lite suspended")?;
        let refusals = reader.u8("lite refusals")?;
        if reserved > SESSION_MESSAGES_MAX || settled > reserved || suspended > 1 {
            return Err(Malformed::OutOfRange("lite sending counters").into());
        }
        let mut tree = KeyTree::read(reader, SENDING_NODES_MAX)?;
        tree.discard_below(reserved);
        Ok(Self {
            tags,
            tree,
            next: reserved,
            usable: reserved,
            reserved,
            in_flight: None,
            settled,
            settled_in_row: settled,
            suspended: suspended == 1,
            refusals,
            sent: Sent::default(),
            dirty: false,
        })
    }
}

/// What we open with.
pub(super) struct LiteReceiving {
    pub(super) tags: Secret,
    tree: KeyTree,
    /// One above the highest counter opened or told.
    next: u32,
    /// What opened the tags of the counters in the window that were opened.
    opened: BTreeMap<u32, ShortPreimage>,
    pub(super) references: References,
    /// Changed since the row was last taken.
    changed: bool,
    /// The change is wanted on disk.
    dirty: bool,
}

/// What a counter says about an envelope.
pub(super) enum Judged {
    /// Not opened before; open it with this key.
    Fresh(Derived),
    /// A tag was opened before at this counter, by this.
    Opened(ShortPreimage),
    /// Its key is gone.
    Gone,
}

impl LiteReceiving {
    pub(super) fn new(direction: &Direction) -> Self {
        Self {
            tags: direction.tags.clone(),
            tree: KeyTree::new(&direction.root),
            next: 0,
            opened: BTreeMap::new(),
            references: References::default(),
            changed: true,
            dirty: true,
        }
    }

    /// The counters whose tags are listened to.
    pub(super) fn window(&self) -> core::ops::Range<u32> {
        let end = (self.next + LITE_AHEAD).min(SESSION_MESSAGES_MAX);
        self.next.saturating_sub(LITE_BEHIND)..end
    }

    pub(super) fn judge(&self, counter: u32) -> Judged {
        match self.opened.get(&counter) {
            Some(preimage) => Judged::Opened(*preimage),
            None => self.tree.derive(counter).map_or(Judged::Gone, Judged::Fresh),
        }
    }

    /// Takes note that `counter` was opened, and forgets its key.
    pub(super) fn opened(&mut self, counter: u32, preimage: ShortPreimage, derived: Derived) {
        self.tree.remove(derived);
        self.opened.insert(counter, preimage);
        self.raise(counter + 1);
    }

    /// The peer said that it goes on at `anchor`.
    pub(super) fn raise(&mut self, anchor: u32) {
        self.next = self.next.max(anchor.min(SESSION_MESSAGES_MAX));
        let floor = self.window().start;
        self.tree.discard_below(floor);
        self.opened = self.opened.split_off(&floor);
        self.changed = true;
    }

    /// Wants the latest change on disk. Returns whether there is one.
    pub(super) fn keep(&mut self) -> bool {
        self.dirty |= self.changed;
        self.changed
    }

    /// The row, if it is wanted since it was last taken: tags 32, next u32, count varint of opened
    /// counters, each u32 and what opened it, references, tree.
    pub(super) fn take_row(&mut self) -> Option<Vec<u8>> {
        if !core::mem::take(&mut self.dirty) {
            return None;
        }
        self.changed = false;
        let mut out = Vec::with_capacity(64 + 14 * self.opened.len() + 37 * self.tree.len());
        let mut writer = Writer::new(&mut out);
        writer.array(&self.tags).u32(self.next).varint(self.opened.len() as u64);
        for (counter, preimage) in &self.opened {
            writer.u32(*counter).array(&preimage.0);
        }
        self.references.write(&mut out);
        self.tree.write(&mut out);
        Some(out)
    }

    pub(super) fn read(row: &[u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(row);
        let tags = Secret::new(reader.array("lite receiving tags")?);
        let next = reader.u32("lite receiving next")?;
        if next > SESSION_MESSAGES_MAX {
            return Err(Malformed::OutOfRange("lite receiving next").into());
        }
        let count = reader.varint("lite opened count")?;
        if count > u64::from(LITE_BEHIND) {
            return Err(Malformed::TooLong("lite opened counters").into());
        }
        let mut opened = BTreeMap::new();
        for _ in 0..count {
            let counter = reader.u32("lite opened counter")?;
            opened.insert(counter, ShortPreimage(reader.array("lite opened preimage")?));
        }
        let references = References::read(&mut reader)?;
        let tree = KeyTree::read(&mut reader, RECEIVING_NODES_MAX)?;
        reader.finish("lite receiving row")?;
        let mut half = Self { tags, tree, next, opened, references, changed: false, dirty: false };
        half.raise(next);
        half.changed = false;
        Ok(half)
    }
}

/// Counters that are left out after a refusal: more than another life can have used since the peer
/// last told us of one, unless it lasted long; then the next refusal leaves out more.
const LEAP: u32 = 1_024;

/// Refusals in a row after which the session is given up.
const REFUSALS_MAX: u8 = 4;

/// Nodes of a sending tree: every counter from one on lies under at most 20.
const SENDING_NODES_MAX: usize = 20;

/// Nodes of a receiving tree: one for each counter in the window and 20 for those above.
const RECEIVING_NODES_MAX: usize = LITE_BEHIND as usize + 20;

#[cfg(test)]
#[path = "chain_tests.rs"]
mod tests;
