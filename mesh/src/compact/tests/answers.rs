use super::*;

fn ids(kind: FrameKind, ids: &[[u8; 16]]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::write_ids(kind, &mut ids.to_vec(), u32::MAX, &mut out);
    out
}

/// A preimage of a lite message.
fn short(byte: u8) -> [u8; 16] {
    let mut preimage = [byte; 16];
    preimage[10..].fill(0);
    preimage
}

/// The id and lock of an envelope by the bytes of its frame.
fn names(frame: &[u8]) -> ([u8; 16], [u8; 16]) {
    let known = labels::Known::of(&frame[2..]).expect("an envelope");
    (known.id, known.lock)
}

use crate::compact::labels;

#[test]
fn cmp_15_a_receipt_takes_18_bytes() {
    let mut two = Two::default();
    let (kind, body) = two.exact(&ids(FrameKind::RECEIPTS, &[short(0xab)]));
    assert_eq!((kind, body.len() + AROUND), (T::RECEIPTS_SHORT, 18));
    assert_eq!(hex(&body), "ab".repeat(10));
    let (kind, body) = two.exact(&ids(FrameKind::RECEIPTS, &[short(1), short(2), short(3)]));
    assert_eq!((kind, body.len()), (T::RECEIPTS_SHORT, 30));
    batter(kind, &body, &two.there);
    let (kind, body) = two.exact(&ids(FrameKind::RECEIPTS, &[[4; 16], [5; 16]]));
    assert_eq!((kind, body.len()), (T::RECEIPTS, 32));
    batter(kind, &body, &two.there);
}

#[test]
fn cmp_15_receipts_of_both_lengths_keep_their_order() {
    let mut two = Two::default();
    let mixed: Vec<[u8; 16]> =
        (1..20).map(|i| if i % 3 == 0 { [i; 16] } else { short(i) }).collect();
    let (kind, body) = two.exact(&ids(FrameKind::RECEIPTS, &mixed));
    assert_eq!((kind, body.len()), (T::RECEIPTS_MIXED, 1 + 3 + 13 * 10 + 6 * 16));
    assert_eq!(hex(&body[..4]), "13dbb605");
    batter(kind, &body, &two.there);
}

#[test]
fn cmp_16_custody_is_acknowledged_by_four_bytes() {
    let mut two = Two::default();
    let frames: Vec<Vec<u8>> = (0..9).map(|i| Head::SESSION.frame(&[i; 60])).collect();
    frames.iter().for_each(|frame| drop(two.exact(frame)));
    let all: Vec<[u8; 16]> = frames.iter().map(|frame| names(frame).0).collect();
    let ack = ids(FrameKind::CUSTODY_ACK, &all);
    let (kind, body, back) = two.answer(&ack);
    assert_eq!((kind, body.len(), &back), (T::CUSTODY_SHORT, 36, &ack));
    batter(kind, &body, &two.here);
    // An id that did not come from this neighbour.
    let foreign = ids(FrameKind::CUSTODY_ACK, &[all[0], [9; 16]]);
    let (kind, body, back) = two.answer(&foreign);
    assert_eq!((kind, body.len(), &back), (T::CUSTODY, 32, &foreign));
    batter(kind, &body, &two.here);
}

#[test]
fn cmp_16_an_answer_that_names_nothing_is_asked_for_in_full() {
    let mut two = Two::default();
    let frame = Head::LITE.frame(&[7; 30]);
    two.exact(&frame);
    let (id, lock) = names(&frame);
    let ack = ids(FrameKind::CUSTODY_ACK, &[id]);
    let mut body = Vec::new();
    let kind = encode(&ack, &mut two.there, &mut body).expect("ours").kind;
    let unknown = Unknown::Id(id[..4].try_into().expect("four"));
    let result = decode(kind, &body, &mut Labels::new(), &mut Vec::new());
    assert_eq!(result, Err(DecodeError::Unknown(unknown)));
    two.there.on_unknown(&unknown);
    let (kind, _, back) = two.answer(&ack);
    assert_eq!((kind, back), (T::CUSTODY, ack));
    let no_route = framed(FrameKind::NO_ROUTE, &[lock, DEST].concat());
    assert_eq!(two.answer(&no_route).0, T::NO_ROUTE, "it was forgotten as a whole");
}

#[test]
fn cmp_17_no_route_and_refusals_name_the_envelope() {
    let mut two = Two::default();
    let frame = Head::SESSION.frame(&[7; 60]);
    two.exact(&frame);
    let (id, lock) = names(&frame);
    let no_route = framed(FrameKind::NO_ROUTE, &[lock, DEST].concat());
    let (kind, body, back) = two.answer(&no_route);
    assert_eq!((kind, hex(&body), &back), (T::NO_ROUTE_SHORT, hex(&lock[..4]), &no_route));
    batter(kind, &body, &two.here);
    for reason in [0, 1] {
        let refused = framed(FrameKind::REFUSED, &[&id[..], &lock, &[reason]].concat());
        let (kind, body, back) = two.answer(&refused);
        assert_eq!((kind, body.len(), &back), (T::REFUSED_SHORT, 5, &refused));
        batter(kind, &body, &two.here);
    }
    for (kind, full) in [(T::NO_ROUTE, vec![1; 32]), (T::REFUSED, [vec![1; 32], vec![0]].concat())]
    {
        let frame_kind = if kind == T::REFUSED { FrameKind::REFUSED } else { FrameKind::NO_ROUTE };
        let (found, body) = two.exact(&framed(frame_kind, &full));
        assert_eq!((found, &body), (kind, &full));
        batter(kind, &body, &two.there);
    }
}

#[test]
fn cmp_18_two_that_begin_alike_are_named_in_full() {
    let mut two = Two::default();
    let heads = [1, 2].map(|end| {
        let mut lock = [5; 16];
        lock[15] = end;
        Head { lock, ..Head::SESSION }
    });
    heads.iter().for_each(|head| drop(two.exact(&head.frame(&[7; 60]))));
    let no_route = framed(FrameKind::NO_ROUTE, &[heads[0].lock, DEST].concat());
    let (kind, _, back) = two.answer(&no_route);
    assert_eq!((kind, back), (T::NO_ROUTE, no_route));
    // Only the sender of the envelopes knows both.
    let result = decode(T::NO_ROUTE_SHORT, &[5; 4], &mut two.here, &mut Vec::new());
    assert_eq!(result, Err(DecodeError::Unknown(Unknown::Lock([5; 4]))));
}

#[test]
fn cmp_18_ids_are_those_of_the_envelope() {
    let body = [3; 90];
    for class in 0..3 {
        let frame = Head { class, ..Head::SESSION }.frame(&body);
        let Ok(envelope) = crate::envelope::EnvelopeIn::parse(&frame[2..]) else { continue };
        assert_eq!(names(&frame).0, envelope.id().0, "class {class}");
    }
    let signed = [&[7; 40][..], &[1], &[5; 20], &[9; 64]].concat();
    let frame = Head { class: 0, ..Head::SESSION }.frame(&signed);
    let envelope = crate::envelope::EnvelopeIn::parse(&frame[2..]).expect("well-formed");
    assert_eq!(names(&frame).0, envelope.id().0);
}

#[test]
fn hostile_counts_allocate_nothing() {
    let mut labels = Labels::new();
    for body in [&[0xff, 0xff, 0xff, 0xff, 0x0f][..], &[0x80, 0x18], &[0xff, 0x17, 0xff], &[0]] {
        let mut out = Vec::new();
        assert!(decode(T::RECEIPTS_MIXED, body, &mut labels, &mut out).is_err());
        assert_eq!(out.capacity(), 0, "{body:?}");
    }
    for (kind, len) in [(T::RECEIPTS_SHORT, 10), (T::RECEIPTS, 16), (T::CUSTODY, 16)] {
        let many = vec![1; len * 3_073];
        let mut out = Vec::new();
        assert!(decode(kind, &many, &mut labels, &mut out).is_err());
        assert_eq!(out.capacity(), 0);
    }
    let mut out = Vec::new();
    assert!(decode(T::RETRACT, &[1; 20 * 513], &mut labels, &mut out).is_err());
    assert!(decode(T::RETRACT_SHORT, &[1; 5 * 513], &mut labels, &mut out).is_err());
    assert_eq!(out.capacity(), 0);
}
