use alloc::{string::String, vec::Vec};

use super::*;
use crate::error::Error;

const FIELDS: [u8; 24] = [3; 24];

struct End {
    node_key: [u8; 32],
    id: u32,
    prekey: X25519Key,
    public: [u8; 32],
}

impl End {
    fn new(seed: u8, id: u32) -> Self {
        let prekey = X25519Key::from_seed([seed; 32]);
        let public = prekey.public();
        Self { node_key: [seed; 32], id, prekey, public }
    }

    const fn own(&self) -> OwnKeys<'_> {
        OwnKeys { node_key: &self.node_key, id: self.id, prekey: &self.prekey }
    }

    const fn peer(&self) -> PeerKeys<'_> {
        PeerKeys { node_key: &self.node_key, id: self.id, prekey: &self.public }
    }
}

fn ends() -> (End, End) {
    (End::new(1, 0x0105), End::new(2, 0x0207))
}

fn begin(text: &[u8]) -> (End, End, Frame, Waiting) {
    let (alice, bob) = ends();
    let mut rng = NodeRng::from_seed([9; 32]);
    let (frame, waiting) = first(alice.own(), bob.peer(), &FIELDS, &[text], &mut rng).unwrap();
    (alice, bob, frame, waiting)
}

fn open(alice: &End, bob: &End, tag: &ShortTag, body: &[u8]) -> Result<(Text, Answering), Error> {
    let claimed = claimed(bob.own(), body)?;
    assert!(claimed.sender != alice.node_key || claimed.prekey_low == 5);
    Ok(claimed.open(bob.own(), &alice.public, &FIELDS, tag)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

/// MLL-16: two frames, and both ends have the same keys.
#[test]
fn mll_16_two_frames() {
    let (alice, bob, frame, waiting) = begin(b"hello");
    assert_eq!(frame.body.len(), FIRST_OVERHEAD + 5);
    assert_eq!(wanted_prekey(&frame.body), Ok(7));
    let (text, answering) = open(&alice, &bob, &frame.tag, &frame.body).unwrap();
    assert_eq!((text.text, text.preimage), (b"hello".to_vec(), frame.preimage));
    assert_eq!(frame.preimage.tag(), frame.tag);
    let ephemeral = ephemeral_of(&frame.body).unwrap();
    let mut rng = NodeRng::from_seed([8; 32]);
    let (second, theirs) = answering.second(&ephemeral, &FIELDS, &[b"yes"], &mut rng).unwrap();
    assert_eq!(second.body.len(), SECOND_OVERHEAD + 3);
    let finished = waiting.finish(&alice.prekey, &FIELDS, &second.tag, &second.body);
    let (text, ours) = finished.unwrap();
    assert_eq!(text.text, b"yes");
    assert_eq!(ours.for_test(), (theirs.for_test().0, true));
    assert!(!theirs.for_test().1);
}

/// MLL-16: the bytes are pinned.
#[test]
fn mll_16_pinned() {
    let (.., frame, _) = begin(b"hi");
    assert_eq!((hex(&frame.tag), hex(&frame.body)), (TAG.into(), BODY.into()));
}

const TAG: &str = "bc28a07dfef71e79";
const BODY: &str = "079a901e98b74b375182a19f0c732aba9d2cff0fb949ca9ab04cfda8143228455c\
    0a399a2f4a1663d864d2d7dbd86dae7fefbda26ce723425c78aa06d62891aa724b974f45452e966ebb97ee";

/// MLL-17: a first message of 50 bytes takes at most 175 bytes on the air.
#[test]
fn mll_17_one_frame() {
    let head = 1 + 8 + 1 + 1; // NODE-03: kind, lineage, counter, floor
    let text = alloc::vec![0; head + 50];
    let (.., frame, _) = begin(&text);
    let rnode_type_hints = 1 + 1 + 2;
    let hops_and_life = 1 + 1;
    let address_and_label = 16 + 2;
    let (session_tag, lock_tag, hop_tag) = (3, 8, 4);
    let air = rnode_type_hints
        + hops_and_life
        + address_and_label
        + session_tag
        + frame.body.len()
        + lock_tag
        + hop_tag;
    assert_eq!(frame.body.len(), 1 + 32 + 33 + 61 + 8);
    assert_eq!(air, 174);
}

/// MLL-16: no flipped bit opens, in either frame.
#[test]
fn mll_16_bit_flips_and_truncations_do_not_open() {
    let (alice, bob, frame, waiting) = begin(b"hello");
    let flipped = |bytes: &[u8], bit: usize| {
        let mut bytes = bytes.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    };
    // The first byte says which pre-key to try and is bound by that key alone.
    for bit in 8..8 * frame.body.len() {
        let body = flipped(&frame.body, bit);
        let Ok(claimed) = claimed(bob.own(), &body) else { continue };
        let same = claimed.sender == alice.node_key && claimed.prekey_low == 5;
        let opened = claimed.open(bob.own(), &alice.public, &FIELDS, &frame.tag);
        // Who claims the name of another pre-key of the same node is looked up there.
        let low_byte_only = !same && bit / 8 == 65;
        assert!(opened.is_err() || low_byte_only, "bit {bit}");
    }
    for bit in 0..64 {
        let tag: Vec<u8> = flipped(&frame.tag, bit);
        assert!(open(&alice, &bob, &tag.try_into().unwrap(), &frame.body).is_err());
    }
    for len in 0..frame.body.len() {
        assert!(open(&alice, &bob, &frame.tag, &frame.body[..len]).is_err());
    }
    let (_, answering) = open(&alice, &bob, &frame.tag, &frame.body).unwrap();
    let ephemeral = ephemeral_of(&frame.body).unwrap();
    let mut rng = NodeRng::from_seed([8; 32]);
    let (second, _) = answering.second(&ephemeral, &FIELDS, &[b"yes"], &mut rng).unwrap();
    for bit in 0..8 * second.body.len() {
        // X25519 does not look at the highest bit of a key; the tag does.
        let body = flipped(&second.body, bit);
        assert!(waiting.finish(&alice.prekey, &FIELDS, &second.tag, &body).is_err(), "{bit}");
    }
    for len in 0..second.body.len() {
        let cut = &second.body[..len];
        assert!(waiting.finish(&alice.prekey, &FIELDS, &second.tag, cut).is_err());
    }
}

/// MLL-16: only who holds the pre-key that the claimed sender signed can have written it, and only
/// the recipient reads it.
#[test]
fn mll_16_who_writes_is_proven() {
    let (alice, bob) = ends();
    let mallory = End::new(66, 0x0105);
    let mut rng = NodeRng::from_seed([9; 32]);
    let claimed_keys = OwnKeys { node_key: &alice.node_key, id: alice.id, prekey: &mallory.prekey };
    let (frame, _) = first(claimed_keys, bob.peer(), &FIELDS, &[b"x"], &mut rng).unwrap();
    assert_eq!(claimed(bob.own(), &frame.body).unwrap().sender, alice.node_key);
    assert!(open(&alice, &bob, &frame.tag, &frame.body).is_err());
    let (.., frame, _) = begin(b"x");
    assert!(open(&alice, &mallory, &frame.tag, &frame.body).is_err());
    let other = [4; 24];
    let claim = claimed(bob.own(), &frame.body).unwrap();
    assert!(claim.open(bob.own(), &alice.public, &other, &frame.tag).is_err());
}

/// MLL-16: keys of small order are refused at both ends.
#[test]
fn mll_16_weak_keys_are_refused() {
    let (alice, bob, frame, waiting) = begin(b"x");
    let weak = PeerKeys { prekey: &[0; 32], ..bob.peer() };
    let mut rng = NodeRng::from_seed([9; 32]);
    assert!(first(alice.own(), weak, &FIELDS, &[b"x"], &mut rng).is_err());
    let mut body = frame.body;
    body[1..33].fill(0);
    assert!(claimed(bob.own(), &body).is_err());
    assert!(waiting.finish(&alice.prekey, &FIELDS, &[0; 8], &[0; 48]).is_err());
}
