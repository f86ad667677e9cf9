//! Groups that no newcomer may read back: keys are gone once used (`MLG-30` to `MLG-33`).
//!
//! For groups whose members are known when it is keyed, from an MLS exporter or a secret shared
//! beforehand. A channel, which whoever has its invite may read back, cannot have this.

use alloc::{collections::BTreeMap, vec::Vec};

use super::{
    keys::{GroupKeys, Text, Voice},
    object::LiteObject,
};
use crate::{
    crypto::{Mode, kdf::Secret},
    error::{Error, Malformed, PeerMisbehaved},
    limits::{GROUP_COUNTER_MAX, GROUP_VOICES_MAX},
    session::tree::KeyTree,
    wire::{Reader, Writer},
};

/// A group of known members in one epoch. All keys are wiped when dropped.
#[derive(Debug)]
pub struct ForwardGroup {
    keys: GroupKeys,
    own: [u8; 32],
    members: BTreeMap<[u8; 32], Member>,
    /// Of our next message.
    next: u32,
    /// Counters below are ours to use: the row that says so is durable.
    reserved: u32,
}

struct Member {
    voice: Voice,
    tree: KeyTree,
    newest: u32,
}

impl core::fmt::Debug for Member {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Member({:?}, {} nodes)", self.voice, self.tree.len())
    }
}

impl ForwardGroup {
    /// The group of this epoch: its uniform secret, which the caller erases, its members' node keys,
    /// ours among them. `None` with more than [`GROUP_VOICES_MAX`] members, or without us.
    pub fn new(
        label: [u8; 2],
        secret: &Secret,
        epoch: u64,
        own: [u8; 32],
        members: &[[u8; 32]],
    ) -> Option<Self> {
        if members.len() > GROUP_VOICES_MAX || !members.contains(&own) {
            return None;
        }
        let mut keys = GroupKeys::new(label, secret);
        let member = |sender: &[u8; 32]| {
            let mut voice = keys.voice(sender, epoch);
            let mut tree = voice.take_tree();
            tree.discard_below(1);
            (*sender, Member { voice, tree, newest: 0 })
        };
        let members = members.iter().map(member).collect();
        keys.forget_voices();
        Some(Self { keys, own, members, next: 1, reserved: 1 })
    }

    /// Whether [`Self::seal`] needs [`Self::reserve`] first.
    pub const fn needs_reserve(&self) -> bool {
        self.next >= self.reserved
    }

    /// Takes the next counters for us. The row must be durable before anything sealed under them
    /// leaves.
    pub fn reserve(&mut self) -> Vec<u8> {
        self.reserved = (self.next + BLOCK).min(GROUP_COUNTER_MAX + 1);
        self.write()
    }

    /// Seals a message of ours; `None` when no counter is reserved or all are used up. Its key is gone
    /// afterwards.
    pub fn seal(&mut self, text: Text, hops_left: u8) -> Option<LiteObject> {
        if self.needs_reserve() {
            return None;
        }
        let counter = u16::try_from(self.next).ok()?;
        let member = self.members.get_mut(&self.own)?;
        let derived = member.tree.derive(self.next)?;
        let text = Text { counter, ..text };
        let object = self.keys.seal_under(&derived.key, &member.voice, &text, hops_left);
        member.tree.remove(derived);
        self.next += 1;
        Some(object)
    }

    /// Opens a message of another member, once.
    ///
    /// # Errors
    /// [`PeerMisbehaved::BadTag`] when it is of nobody here, or damaged; [`PeerMisbehaved::Replayed`]
    /// when its key is gone.
    pub fn open(&mut self, mode: Mode, object: &LiteObject) -> Result<([u8; 32], Text), Error> {
        let mut error = PeerMisbehaved::BadTag;
        let others = self.members.iter_mut().filter(|(sender, _)| **sender != self.own);
        for (sender, member) in others {
            let Ok(counter) = self.keys.counter_in(object, &member.voice) else { continue };
            let Some(derived) = member.tree.derive(counter.into()) else {
                error = PeerMisbehaved::Replayed;
                continue;
            };
            let opened = self.keys.open_under(&derived.key, mode, object, &member.voice);
            let Ok(text) = opened else { continue };
            member.tree.remove(derived);
            member.newest = member.newest.max(counter.into());
            member.tree.discard_below(member.newest.saturating_sub(WINDOW));
            return Ok((*sender, text));
        }
        Err(error.into())
    }

    /// Reads as another member, in tests.
    #[cfg(test)]
    pub(super) const fn own_is(&mut self, own: [u8; 32]) {
        self.own = own;
    }

    /// What a member signs for a message (`MLG-10`); the key of checkpoints is not forgotten.
    pub const fn keys(&self) -> &GroupKeys {
        &self.keys
    }

    /// The row of the group: what cannot be read any more is not in it.
    pub fn write(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        w.u8(ROW_VERSION).array(&self.keys.label());
        w.array(&self.keys.proof).array(&self.keys.checkpoint);
        w.array(&self.own).u32(self.reserved).varint(self.members.len() as u64);
        for (sender, member) in &self.members {
            let mut w = Writer::new(&mut out);
            w.array(sender).u64(member.voice.lineage).u8(member.voice.label).u32(member.newest);
            member.tree.write(&mut out);
        }
        out
    }

    /// Takes a row back. Counters that were reserved count as used.
    ///
    /// # Errors
    /// [`Malformed`] rows.
    pub fn read(row: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new(row);
        if r.u8("row version")? != ROW_VERSION {
            return Err(Malformed::OutOfRange("row version"));
        }
        let keys = GroupKeys::without_voices(
            r.array("label")?,
            r.array("proof key")?,
            r.array("checkpoint key")?,
        );
        let (own, reserved) = (r.array("own key")?, r.u32("reserved")?);
        let count = r.varint("members")?;
        if count > GROUP_VOICES_MAX as u64 || !(1..=GROUP_COUNTER_MAX + 1).contains(&reserved) {
            return Err(Malformed::OutOfRange("members"));
        }
        let mut members = BTreeMap::new();
        for _ in 0..count {
            let sender = r.array("sender key")?;
            let voice = Voice::bare(sender, r.u64("epoch")?, r.u8("voice label")?);
            let newest = r.u32("newest")?;
            let mut tree = KeyTree::read(&mut r, WINDOW as usize + TREE_HEIGHT_MAX)?;
            if sender == own {
                tree.discard_below(reserved);
            }
            if members.insert(sender, Member { voice, tree, newest }).is_some() {
                return Err(Malformed::NonCanonical("members"));
            }
        }
        r.finish("group row")?;
        if !members.contains_key(&own) {
            return Err(Malformed::OutOfRange("own key"));
        }
        Ok(Self { keys, own, members, next: reserved, reserved })
    }
}

const ROW_VERSION: u8 = 1;

/// Counters reserved durably at a time.
const BLOCK: u32 = 64;

/// How far behind a member's newest message another one may arrive. 128 missing keys of a member cost
/// 5 KiB; 512 members 2.6 MiB.
const WINDOW: u32 = 128;

/// Nodes of a tree beside those of missing messages.
const TREE_HEIGHT_MAX: usize = 40;
