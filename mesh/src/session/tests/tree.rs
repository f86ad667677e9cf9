use std::vec::Vec;

use crate::{
    crypto::rng::NodeRng, error::Malformed, limits::SESSION_MESSAGES_MAX, session::tree::KeyTree,
    wire::Reader,
};

const ROOT: [u8; 32] = [0x77; 32];

fn key(tree: &KeyTree, counter: u32) -> Option<[u8; 32]> {
    tree.derive(counter).map(|derived| *derived.key)
}

fn take(tree: &mut KeyTree, counter: u32) -> Option<[u8; 32]> {
    let derived = tree.derive(counter)?;
    let key = *derived.key;
    tree.remove(derived);
    Some(key)
}

fn rows(tree: &KeyTree) -> Vec<u8> {
    let mut out = Vec::new();
    tree.write(&mut out);
    out
}

fn read(row: &[u8]) -> Result<KeyTree, Malformed> {
    let mut reader = Reader::new(row);
    let tree = KeyTree::read(&mut reader, 64)?;
    reader.finish("tree")?;
    Ok(tree)
}

/// SES-05: a leaf by hand: twenty halvings, left for a 0 bit and right for a 1 bit.
#[test]
fn ses_05_leaves_by_hand() {
    let tree = KeyTree::new(&ROOT);
    for counter in [0, 1, 0x8_0001, SESSION_MESSAGES_MAX - 1] {
        let mut expected = ROOT;
        for bit in (0..20).rev() {
            let halves = crate::crypto::kdf::expand::<64>(&expected, b"qpc session tree");
            let at = if counter >> bit & 1 == 0 { 0 } else { 32 };
            expected.copy_from_slice(&halves[at..at + 32]);
        }
        assert_eq!(key(&tree, counter), Some(expected));
    }
    assert_eq!(key(&tree, SESSION_MESSAGES_MAX), None);
}

/// SES-05: each key once, whatever the order; what is kept cannot give a used key again.
#[test]
fn ses_05_used_keys_are_gone() {
    let fresh = KeyTree::new(&ROOT);
    let mut tree = KeyTree::new(&ROOT);
    let mut rng = NodeRng::from_seed([1; 32]);
    let mut counters: Vec<u32> = (0..200).map(|_| rng.below(1 << 20) as u32).collect();
    counters.extend(0..100);
    counters.sort_unstable();
    counters.dedup();
    for last in (1..counters.len()).rev() {
        counters.swap(last, rng.below(last as u64 + 1) as usize);
    }
    for (index, counter) in counters.iter().enumerate() {
        assert_eq!(take(&mut tree, *counter), key(&fresh, *counter));
        for used in &counters[..=index] {
            assert_eq!(key(&tree, *used), None);
        }
        if let Some(later) = counters.get(index + 1) {
            assert_eq!(key(&tree, *later), key(&fresh, *later));
        }
    }
}

/// SES-05: in order, a tree never has more than 20 nodes.
#[test]
fn ses_05_in_order_it_stays_small() {
    let mut tree = KeyTree::new(&ROOT);
    for counter in 0..5_000 {
        assert!(take(&mut tree, counter).is_some());
        assert!(tree.len() <= 20);
    }
}

/// SES-05: discarding is exact.
#[test]
fn ses_05_discarding() {
    let fresh = KeyTree::new(&ROOT);
    for bound in [1, 7, 1_024, 1_025, 0x8_0000, SESSION_MESSAGES_MAX - 1] {
        let mut tree = KeyTree::new(&ROOT);
        tree.discard_below(bound);
        assert_eq!(key(&tree, bound - 1), None);
        assert_eq!(key(&tree, bound), key(&fresh, bound));
        assert!(tree.len() <= 20);
        tree.discard_below(bound);
        assert_eq!(key(&tree, bound), key(&fresh, bound));
    }
    let mut tree = KeyTree::new(&ROOT);
    tree.discard_below(SESSION_MESSAGES_MAX);
    assert_eq!(tree.len(), 0);
}

/// SES-18: a tree comes back from its row; a damaged one is refused, before anything is allocated.
#[test]
fn ses_18_tree_rows() {
    let mut tree = KeyTree::new(&ROOT);
    for counter in [3, 4, 70_000] {
        assert!(take(&mut tree, counter).is_some());
    }
    let row = rows(&tree);
    let again = read(&row).unwrap();
    assert_eq!(rows(&again), row);
    for len in 0..row.len() {
        assert!(matches!(read(&row[..len]), Err(Malformed::MissingData(_))));
    }
    let mut reader = Reader::new(&row);
    assert!(matches!(KeyTree::read(&mut reader, 3), Err(Malformed::TooLong(_))));
    let crafted = |at: usize, value: u8| {
        let mut row = row.clone();
        row[at] = value;
        read(&row).is_err()
    };
    assert!(crafted(5, 21), "height beyond the root");
    assert!(crafted(1, 1), "overlapping or unaligned start");
    assert!(crafted(4, 0xff), "start beyond the last counter");
}
