use super::*;
use crate::limits::{
    COMPACT_ANNOUNCES_MAX, COMPACT_HEARD_MAX, COMPACT_LABELS_MAX, COMPACT_SENT_MAX,
};

fn to(dest: u16) -> Vec<u8> {
    let mut address = [0; 16];
    address[..2].copy_from_slice(&dest.to_le_bytes());
    Head { dest: address, ..Head::LITE }.frame(&[5; 20])
}

fn encoded(frame: &[u8], labels: &mut Labels) -> (T, Vec<u8>, Introduced) {
    let mut body = Vec::new();
    let Encoded { kind, introduces } = encode(frame, labels, &mut body).expect("ours");
    (kind, body, introduces)
}

#[test]
fn cmp_10_a_label_stands_alone_once_it_was_acknowledged() {
    let (mut here, mut there) = (Labels::new(), Labels::new());
    let (kind, first, introduces) = encoded(&to(1), &mut here);
    assert_eq!(kind, T::LITE_NEW);
    let (kind, again, _) = encoded(&to(1), &mut here);
    assert_eq!((kind, &again), (T::LITE_NEW, &first), "not acknowledged: the same once more");
    assert!(!introduces.is_empty());
    here.acknowledged(&introduces);
    let (kind, short, introduces) = encoded(&to(1), &mut here);
    assert_eq!((kind, short.len(), introduces.is_empty()), (T::LITE, first.len() - 16, true));
    decode(T::LITE_NEW, &first, &mut there, &mut Vec::new()).expect("well-formed");
    let mut back = Vec::new();
    decode(kind, &short, &mut there, &mut back).expect("known");
    assert_eq!(back, to(1));
}

#[test]
fn cmp_11_each_side_numbers_for_itself() {
    let mut two = Two::default();
    two.exact(&to(1));
    two.exact(&to(2));
    let (_, _, back) = two.answer(&to(3));
    assert_eq!(back, to(3));
    let (kind, body, back) = two.answer(&to(3));
    assert_eq!((kind, &body[2..4], back), (T::LITE, &[0, 0][..], to(3)));
    let (kind, body) = two.exact(&to(2));
    assert_eq!((kind, &body[2..4]), (T::LITE, &[1, 0][..]));
}

#[test]
fn cmp_12_an_unknown_label_is_nobodys_fault() {
    let mut two = Two::default();
    two.exact(&to(1));
    let (kind, body) = two.exact(&to(1));
    let unknown = Unknown::Label(0);
    let result = decode(kind, &body, &mut Labels::new(), &mut Vec::new());
    assert_eq!(result, Err(DecodeError::Unknown(unknown)));
    two.here.on_unknown(&unknown);
    two.there = Labels::new();
    let (kind, _) = two.exact(&to(1));
    assert_eq!(kind, T::LITE_NEW);
    let (kind, _) = two.exact(&to(1));
    assert_eq!(kind, T::LITE);
}

#[test]
fn cmp_12_the_answer_on_the_air() {
    let all = [
        (Unknown::Label(0x1234), "003412"),
        (Unknown::Announce([1, 2, 3, 4]), "0101020304"),
        (Unknown::Id([5, 6, 7, 8]), "0205060708"),
        (Unknown::Lock([9, 9, 9, 9]), "0309090909"),
    ];
    for (unknown, text) in all {
        let mut out = Vec::new();
        unknown.write(&mut out);
        assert_eq!(hex(&out), text);
        assert_eq!(Unknown::read(&out), Ok(unknown));
        (0..out.len()).for_each(|len| assert!(Unknown::read(&out[..len]).is_err()));
        out.push(0);
        assert!(Unknown::read(&out).is_err());
        // Whatever a neighbour claims not to know, sending goes on.
        let mut two = Two::default();
        two.exact(&to(1));
        two.here.on_unknown(&unknown);
        two.exact(&to(1));
    }
    assert_eq!(Unknown::read(&[4, 0, 0]), Err(Unsupported::Kind(4).into()));
}

#[test]
fn cmp_13_memory_is_bounded_and_the_oldest_goes() {
    let mut two = Two::default();
    for round in 0..3_u16 {
        for dest in 0..1_500 {
            two.exact(&to(round * 1_500 + dest));
            two.exact(&to(7));
        }
    }
    let bounds = [COMPACT_LABELS_MAX, 0, COMPACT_SENT_MAX, 0, 0, 0];
    assert_eq!(two.here.entries(), bounds);
    let bounds = [0, COMPACT_LABELS_MAX, 0, COMPACT_HEARD_MAX, 0, 0];
    assert_eq!(two.there.entries(), bounds);
    let (kind, _) = two.exact(&to(7));
    assert_eq!(kind, T::LITE, "what is used stays");
    let (kind, _) = two.exact(&to(0));
    assert_eq!(kind, T::LITE_NEW, "what was used longest ago went");
    for seq in 0..3 {
        for of in 0..=255 {
            let entry = Advertisement { hops: 1, cost: 9, announce: announce(of, seq) };
            two.exact(&announces(&[entry]));
        }
    }
    assert_eq!(two.here.entries()[4], COMPACT_ANNOUNCES_MAX);
    assert_eq!(two.there.entries()[5], COMPACT_ANNOUNCES_MAX);
}

#[test]
fn cmp_13_numbers_go_round_without_meaning_two_things() {
    let mut two = Two::default();
    // The first one stays in use while the numbers go round.
    for dest in 0..3_000_u32 {
        if dest == 1_500 {
            two.here.go_on_at(u16::MAX - 700);
        }
        let mut address = [1; 16];
        address[..4].copy_from_slice(&dest.to_le_bytes());
        let name = two.here.name(&Address::from_bytes(address)).expect("pairwise");
        two.there.learn(name.label, Address::from_bytes(address));
        let kept = two.here.name(&Address::from_bytes([9; 16])).expect("pairwise");
        two.there.learn(kept.label, Address::from_bytes([9; 16]));
        assert_ne!(name.label, kept.label);
        assert_eq!(two.there.resolve(name.label), Some(Address::from_bytes(address)));
    }
}

#[test]
fn cmp_14_what_goes_to_everybody_has_no_labels() {
    let mut here = Labels::for_broadcast();
    let (kind, _, introduces) = encoded(&to(1), &mut here);
    assert_eq!((kind, introduces.is_empty()), (T::GENERIC, true));
    let entry = Advertisement { hops: 1, cost: 9, announce: announce(1, 1) };
    let (_, first, introduces) = encoded(&announces(&[entry]), &mut here);
    let mut there = [Labels::new(), Labels::new()];
    decode(T::ANNOUNCES, &first, &mut there[0], &mut Vec::new()).expect("well-formed");
    here.acknowledged(&introduces);
    let (_, update, _) = encoded(&announces(&[entry]), &mut here);
    assert_eq!(update.len(), 8);
    let mut back = Vec::new();
    decode(T::ANNOUNCES, &update, &mut there[0], &mut back).expect("known");
    assert_eq!(back, announces(&[entry]));
    let missed = decode(T::ANNOUNCES, &update, &mut there[1], &mut Vec::new());
    assert!(matches!(missed, Err(DecodeError::Unknown(Unknown::Announce(_)))));
}
