use std::{collections::BTreeSet, vec::Vec};

use crate::crypto::hash::{Domain, digest16, digest32, framed, sha256};

/// WIRE-12: what is hashed is the label and each part behind its length.
#[test]
fn wire_12_framing_is_label_length_part() {
    let framed = framed(Domain::Lock, &[b"ab", b"", b"c"]);
    assert_eq!(framed, b"qpc lock       1\x02\0\0\0ab\0\0\0\0\x01\0\0\0c");
    assert_eq!(digest32(Domain::Lock, &[b"ab", b"", b"c"]), sha256(&framed));
    assert_eq!(digest16(Domain::Lock, &[b"ab", b"", b"c"]), sha256(&framed)[..16]);
}

/// WIRE-12: moving a byte from one part to the next changes the digest.
#[test]
fn wire_12_framing_is_injective() {
    let lists: [&[&[u8]]; 6] = [&[], &[b""], &[b"", b""], &[b"ab"], &[b"a", b"b"], &[b"", b"ab"]];
    let digests: BTreeSet<_> = lists.iter().map(|parts| digest32(Domain::Message, parts)).collect();
    assert_eq!(digests.len(), lists.len());
}

/// WIRE-12: every purpose has its own label.
#[test]
fn wire_12_labels_differ() {
    let labels: BTreeSet<_> = Domain::ALL.iter().map(|domain| domain.label()).collect();
    assert_eq!(labels.len(), Domain::ALL.len());
    let printable: Vec<_> = labels
        .iter()
        .filter(|label| label.iter().all(|byte| (b' '..=b'~').contains(byte)))
        .collect();
    assert_eq!(printable.len(), labels.len());
}
