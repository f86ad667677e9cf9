//! A hash ratchet with random access: a binary tree of keys with the counters as leaves.
//!
//! Every node's two children follow from its key by HKDF; the root covers all 2^20 counters. What
//! is kept is the smallest set of nodes under which every unused counter lies: used keys cannot be
//! computed from it any more (forward secrecy), and any counter is at most 20 steps away however
//! many messages were lost. In order, a message costs one step on average.

use alloc::vec::Vec;

use zeroize::Zeroize;

use crate::{
    crypto::kdf::{self, Secret},
    error::Malformed,
    limits::SESSION_MESSAGES_MAX,
    wire::{Reader, Writer},
};

/// Height of the root: 2^20 counters.
const HEIGHT: u8 = SESSION_MESSAGES_MAX.ilog2() as u8;

const _: () = assert!(SESSION_MESSAGES_MAX == 1 << HEIGHT);

/// The keys of one direction of a session that were not used yet. Wiped when dropped.
#[derive(Clone)]
pub(crate) struct KeyTree {
    /// Sorted by `start`, disjoint.
    nodes: Vec<Node>,
}

#[derive(Clone)]
struct Node {
    start: u32,
    height: u8,
    key: [u8; 32],
}

/// A message key, not yet removed from its tree.
pub(crate) struct Derived {
    index: usize,
    siblings: Vec<Node>,
    /// The key of the counter asked for.
    pub(crate) key: Secret,
}

impl KeyTree {
    /// The whole tree of a root key.
    pub(crate) fn new(root: &[u8; 32]) -> Self {
        let mut tree = Self { nodes: Vec::with_capacity(usize::from(HEIGHT) + 4) };
        tree.insert(0, Node { start: 0, height: HEIGHT, key: *root });
        tree
    }

    /// How many nodes are kept: at most one for each missing message and 20 more.
    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The key of `counter`, if it was not used. The tree stays as it is until
    /// [`KeyTree::remove`], so that a forgery costs nothing but time.
    pub(crate) fn derive(&self, counter: u32) -> Option<Derived> {
        let index = self.nodes.partition_point(|node| node.start <= counter).checked_sub(1)?;
        let top = &self.nodes[index];
        if !top.covers(counter) {
            return None;
        }
        let mut siblings = Vec::with_capacity(usize::from(top.height));
        let mut node = top.clone();
        while node.height > 0 {
            let (left, right) = node.children();
            let (next, sibling) = if counter < right.start { (left, right) } else { (right, left) };
            siblings.push(sibling);
            node = next;
        }
        let key = Secret::new(node.key);
        Some(Derived { index, siblings, key })
    }

    /// Forgets a derived key and everything it follows from.
    pub(crate) fn remove(&mut self, derived: Derived) {
        let Derived { index, siblings, .. } = derived;
        self.take_out(index);
        for sibling in siblings {
            let at = self.nodes.partition_point(|node| node.start < sibling.start);
            self.insert(at, sibling);
        }
    }

    /// Forgets the keys of all counters below `bound`.
    pub(crate) fn discard_below(&mut self, bound: u32) {
        while let Some(first) = self.nodes.first().filter(|first| first.start < bound) {
            let split = (first.end() > bound).then(|| first.children());
            self.take_out(0);
            if let Some((left, right)) = split {
                self.insert(0, right);
                self.insert(0, left);
            }
        }
    }

    /// Appends the tree: a count, then start, height and key of each node.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::new(out);
        writer.varint(self.nodes.len() as u64);
        for node in &self.nodes {
            writer.u32(node.start).u8(node.height).array(&node.key);
        }
    }

    /// Reads what [`KeyTree::write`] wrote, at most `max` nodes.
    pub(crate) fn read(reader: &mut Reader<'_>, max: usize) -> Result<Self, Malformed> {
        let count = reader.varint("key tree count")?;
        let count = usize::try_from(count).ok().filter(|count| *count <= max);
        let count = count.ok_or(Malformed::TooLong("key tree"))?;
        if reader.remaining() < count * Node::LEN {
            return Err(Malformed::MissingData("key tree"));
        }
        let mut tree = Self { nodes: Vec::with_capacity(count + usize::from(HEIGHT)) };
        let mut end = 0;
        for index in 0..count {
            let node = Node {
                start: reader.u32("key tree start")?,
                height: reader.u8("key tree height")?,
                key: reader.array("key tree key")?,
            };
            if node.height > HEIGHT
                || node.start < end
                || node.start >= SESSION_MESSAGES_MAX
                || !node.start.is_multiple_of(1 << node.height)
            {
                return Err(Malformed::OutOfRange("key tree node"));
            }
            end = node.end();
            tree.insert(index, node);
        }
        Ok(tree)
    }

    /// Inserts without leaving a copy of the keys in memory given back to the allocator.
    fn insert(&mut self, at: usize, node: Node) {
        if self.nodes.len() == self.nodes.capacity() {
            let mut larger = Vec::with_capacity(2 * self.nodes.len() + 8);
            larger.extend_from_slice(&self.nodes);
            core::mem::swap(&mut self.nodes, &mut larger);
        }
        self.nodes.insert(at, node);
    }

    fn take_out(&mut self, index: usize) {
        // Rotated to the end first, so that no stale copy stays behind the last element.
        self.nodes[index..].rotate_left(1);
        self.nodes.pop();
    }
}

impl Node {
    /// Bytes of a node in a row: start 4, height 1, key 32.
    const LEN: usize = 37;

    const fn end(&self) -> u32 {
        self.start + (1 << self.height)
    }

    const fn covers(&self, counter: u32) -> bool {
        self.start <= counter && counter < self.end()
    }

    fn children(&self) -> (Self, Self) {
        let keys = kdf::expand::<64>(&self.key, b"qpc session tree");
        let (left, right) = keys.split_at(32);
        let child = |start, half: &[u8]| {
            let mut key = [0; 32];
            key.copy_from_slice(half);
            Self { start, height: self.height - 1, key }
        };
        let middle = self.start + (1 << (self.height - 1));
        (child(self.start, left), child(middle, right))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}
