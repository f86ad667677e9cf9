//! Sizes of our frames on the air, from the codecs that the port uses (`RSM-12`).

use mesh::{
    announce::{Advertisement, MeshAnnounce, Validity, write_count},
    compact::{self, Labels},
    identity::Capabilities,
    lite::{group, handshake},
    wire::{
        VERSION,
        frame::{self, FrameKind},
    },
};

/// The modem's byte, type and hop tag.
const AROUND: usize = 1 + 1 + 4;
/// Hints of the next hop and of this one.
const TO_ONE: usize = 2;
/// The hint of this one, and of announces and updates the counter.
const TO_ALL: usize = 1;
const COUNTED: usize = 1;

/// Of an envelope's session.
const SESSION_TAG_LEN: usize = 3;
/// A message's name until one was agreed on: kind, lineage, counter, floor.
const NAME_LEN: usize = 11;
/// What agrees on a shorter name.
const NOTE_LEN: usize = 6;
/// Of a receipt that can be shown to others, what its asker does not know (`NODE-16`).
const SIGNATURE_LEN: usize = 64;

fn compact_len(frame: &[u8], labels: &mut Labels) -> usize {
    let mut body = Vec::new();
    let encoded = compact::encode(frame, labels, &mut body).expect("a frame of ours");
    labels.acknowledged(&encoded.introduces);
    body.len()
}

/// A lite envelope whose text has `text_len` bytes: the first one to its destination, and those
/// that follow.
fn lite(text_len: usize) -> (usize, usize) {
    let mut bytes = Vec::new();
    frame::begin(&mut bytes, FrameKind::ENVELOPE);
    // Class 3, hops and age, hops at most, durable, lifetime; destination; a short lock.
    bytes.extend_from_slice(&[VERSION, 3, 64, 0, 0, 0, 0, 64, 1 << 2]);
    bytes.extend_from_slice(&86_400_u32.to_le_bytes());
    bytes.extend_from_slice(&[7; 16]);
    bytes.extend_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.resize(bytes.len() + SESSION_TAG_LEN + text_len, 0xaa);
    let mut labels = Labels::new();
    let mut len = || AROUND + TO_ONE + compact_len(&bytes, &mut labels);
    (len(), len())
}

/// An announce, and an update of the way to the same node.
fn announce() -> (usize, usize) {
    let announce = MeshAnnounce {
        key: [7; 32],
        seq: 9,
        capabilities: Capabilities::from_bits(3),
        validity: Validity::from_code(12).expect("a code"),
        bundle_version: 1,
        signature: [9; 64],
    };
    let mut bytes = Vec::new();
    frame::begin(&mut bytes, FrameKind::ANNOUNCES);
    write_count(1, &mut bytes);
    Advertisement { hops: 3, cost: 900_000, announce }.write(&mut bytes);
    let mut labels = Labels::for_broadcast();
    let whole = AROUND + TO_ALL + COUNTED + compact_len(&bytes, &mut labels);
    (whole, compact_len(&bytes, &mut labels))
}

fn receipt() -> usize {
    let mut ids = vec![[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0, 0, 0, 0, 0, 0]];
    let mut bytes = Vec::new();
    frame::write_ids(FrameKind::RECEIPTS, &mut ids, 1_000, &mut bytes);
    AROUND + TO_ONE + compact_len(&bytes, &mut Labels::new())
}

/// A lite channel object of a form, with `rest_len` bytes behind its labels and counter.
fn channel(form: u8, rest_len: usize) -> usize {
    let mut body = vec![63, 0, 0, 0, 0, form, 10];
    body.resize(7 + 5 + rest_len, 0xaa);
    let mut radio = Vec::new();
    group::air::encode(&body, &mut radio).expect("an object of ours");
    AROUND + TO_ALL + radio.len()
}

/// What each frame is, and its bytes on the air, the modem's one included.
pub fn rows() -> Vec<(&'static str, usize)> {
    let first = |text_len: usize| lite(handshake::FIRST_OVERHEAD + NAME_LEN + text_len).0;
    vec![
        ("direct message of 10 B", lite(1 + 10).1),
        ("direct message of 50 B", lite(1 + 50).1),
        ("direct message of 50 B, the first to a node", lite(NOTE_LEN + NAME_LEN + 50).0),
        ("first contact and 50 B in one frame", first(50)),
        ("channel message of 50 B, proven by a checkpoint", channel(0, 50 + 8)),
        ("channel message of 50 B, signed at once", channel(2, 50 + 64)),
        ("checkpoint of 16 messages", channel(3, 50 - 3 + 8 * 16 + 64)),
        ("announce", announce().0),
        ("route update of one destination (time of it alone)", announce().1),
        ("receipt for the session", receipt()),
        ("receipt that can be shown to others", lite(1 + SIGNATURE_LEN).1),
    ]
}

#[cfg(test)]
mod tests {
    use super::rows;

    /// `RSM-12`
    #[test]
    fn frames_have_the_sizes_that_were_promised() {
        let rows = rows();
        let len = |what: &str| rows.iter().find(|(row, _)| *row == what).map(|(_, len)| *len);
        assert_eq!(len("direct message of 50 B"), Some(74));
        assert_eq!(len("receipt for the session"), Some(18));
        assert_eq!(len("receipt that can be shown to others"), Some(88));
        assert!(len("first contact and 50 B in one frame").is_some_and(|len| len <= 175));
        assert_eq!(len("channel message of 50 B, proven by a checkpoint"), Some(72));
        assert_eq!(len("channel message of 50 B, signed at once"), Some(128));
        assert_eq!(len("checkpoint of 16 messages"), Some(253));
        assert!(len("announce").is_some_and(|len| len <= 120));
        assert_eq!(len("route update of one destination (time of it alone)"), Some(8));
    }
}
