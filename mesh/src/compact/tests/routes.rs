use super::*;

fn entry(of: u8, seq: u32, hops: u8, cost: u32) -> Advertisement {
    Advertisement { hops, cost, announce: announce(of, seq) }
}

#[test]
fn cmp_20_an_announce_takes_120_bytes() {
    let mut two = Two::default();
    let (kind, body) = two.exact(&announces(&[entry(1, 5, 3, 2_000_001)]));
    assert_eq!((kind, body.len() + AROUND), (T::ANNOUNCES, 120));
    let signature = hex(&[1 ^ 5; 64]);
    let key = "01".repeat(32);
    assert_eq!(hex(&body), format!("0381841e00{key}0500000003000c07000000{signature}"));
    batter(kind, &body, &Labels::new());
    // Our own has no cost.
    let (_, body) = Two::default().exact(&announces(&[entry(1, 5, 0, 0)]));
    assert_eq!(body.len() + AROUND, 116);
    // Two fit one transmission.
    let (_, body) = Two::default().exact(&announces(&[entry(1, 5, 1, 9), entry(2, 5, 0, 0)]));
    assert!(body.len() + AROUND <= 255, "{}", body.len());
    batter(kind, &body, &Labels::new());
}

#[test]
fn cmp_21_a_route_update_takes_eight_bytes() {
    let mut two = Two::default();
    let first: Vec<_> = (1..21).map(|of| entry(of, 0x1234, 2, 5_000)).collect();
    two.exact(&announces(&first));
    let better: Vec<_> = (1..21).map(|of| entry(of, 0x1234, 1, 4_000)).collect();
    let (kind, body) = two.exact(&announces(&better));
    assert_eq!((kind, body.len()), (T::ANNOUNCES, 160));
    let address = *announce(1, 0x1234).address().as_bytes();
    assert_eq!(hex(&body[..8]), format!("41{}34a00f", hex(&address[..4])));
    batter(kind, &body, &two.there);
    // A new sequence is a new signature.
    let (_, body) = two.exact(&announces(&[entry(1, 0x1235, 1, 4_000)]));
    assert_eq!(body.len(), 112);
    let (_, body) =
        two.exact(&announces(&[entry(1, 0x1235, 1, 3_000), entry(2, 0x1234, 1, 3_000)]));
    assert_eq!(body.len(), 16);
    // Another announce with the same sequence is another one (`ANN-09`).
    let mut other = entry(2, 0x1234, 1, 2_000);
    other.announce.signature[0] ^= 1;
    let (_, body) = two.exact(&announces(&[other]));
    assert_eq!(body.len(), 112);
}

#[test]
fn cmp_21_an_announce_the_neighbour_lacks_is_told_again() {
    let mut two = Two::default();
    two.exact(&announces(&[entry(1, 7, 2, 5_000)]));
    let update = announces(&[entry(1, 7, 1, 4_000)]);
    let mut body = Vec::new();
    let kind = encode(&update, &mut two.here, &mut body).expect("ours").kind;
    let prefix = announce(1, 7).address().as_bytes()[..4].try_into().expect("four");
    let result = decode(kind, &body, &mut Labels::new(), &mut Vec::new());
    assert_eq!(result, Err(DecodeError::Unknown(Unknown::Announce(prefix))));
    two.here.on_unknown(&Unknown::Announce(prefix));
    let (_, body) = two.exact(&update);
    assert_eq!(body.len(), 112);
    // Not acknowledged: not referred to.
    let mut here = Labels::for_broadcast();
    encode(&announces(&[entry(3, 7, 2, 5_000)]), &mut here, &mut Vec::new()).expect("ours");
    let mut body = Vec::new();
    encode(&announces(&[entry(3, 7, 2, 4_000)]), &mut here, &mut body).expect("ours");
    assert_eq!(body.len(), 112);
}

#[test]
fn cmp_22_costs_are_rounded_up_by_a_2048th() {
    let steps = (0..32).flat_map(|bit| [1_u32 << bit, (1 << bit) - 1, (1 << bit) + 1]);
    let mut rng = NodeRng::from_seed([22; 32]);
    for cost in steps.chain((0..20_000).map(|_| rng.next_u32() >> rng.below(32))) {
        let Some(code) = life::cost_code(cost) else {
            assert!(cost > 0xfff0_0000, "{cost}");
            continue;
        };
        let back = life::cost_of(code).expect("a code that was given");
        assert!(back >= cost && back - cost <= cost / 2_048, "{cost} {back}");
        assert!(cost >= 4_096 || back == cost);
        assert_eq!(life::cost_code(back), Some(code), "rounded once");
    }
    let mut before = None;
    for code in 0..=u16::MAX {
        let cost = life::cost_of(code);
        assert_eq!(cost.is_some(), code < 22 << 11);
        assert!(cost.is_none() || before < cost, "in order");
        before = cost.or(before);
    }
    // A cost that has no code is told in full.
    let mut two = Two::default();
    two.exact(&announces(&[entry(1, 5, 2, 1)]));
    let (_, body) = two.exact(&announces(&[entry(1, 5, 2, u32::MAX - 1)]));
    assert_eq!(body.len(), 112);
}

#[test]
fn cmp_23_retractions() {
    let mut two = Two::default();
    let retract = |entries: &[Retraction]| {
        let mut out = Vec::new();
        frame::begin(&mut out, FrameKind::RETRACT);
        write_count(entries.len(), &mut out);
        entries.iter().for_each(|entry| entry.write(&mut out));
        out
    };
    let of = |of: u8, seq| Retraction { address: announce(of, seq).address(), seq };
    let (kind, body) = two.exact(&retract(&[of(1, 9), of(2, 9)]));
    assert_eq!((kind, body.len()), (T::RETRACT, 40));
    batter(kind, &body, &two.there);
    two.exact(&announces(&[entry(1, 9, 2, 5_000), entry(2, 9, 2, 5_000)]));
    let (kind, body) = two.exact(&retract(&[of(1, 9), of(2, 9)]));
    assert_eq!((kind, body.len()), (T::RETRACT_SHORT, 10));
    batter(kind, &body, &two.there);
    let (kind, _) = two.exact(&retract(&[of(1, 9), of(2, 10)]));
    assert_eq!(kind, T::RETRACT, "a sequence that was not told");
}

#[test]
fn cmp_24_a_path_request_takes_21_bytes() {
    let request = |min_seq, nonce, ttl| {
        let mut out = Vec::new();
        frame::begin(&mut out, FrameKind::PATH_REQUEST);
        PathRequest { destination: Address::from_bytes(DEST), min_seq, nonce, ttl }.write(&mut out);
        out
    };
    let mut two = Two::default();
    let (kind, body) = two.exact(&request(0, [1, 2, 3, 4, 0, 0, 0, 0], 16));
    assert_eq!((kind, body.len()), (T::PATH_REQUEST, 21));
    assert_eq!(hex(&body), format!("0f{}01020304", hex(&DEST)));
    batter(kind, &body, &two.there);
    for (min_seq, nonce, ttl, len) in [
        (1, [1, 2, 3, 4, 0, 0, 0, 0], 64, 22),
        ((1 << 21) - 1, [0; 8], 1, 24),
        (u32::MAX, [9; 8], 64, 30),
    ] {
        let (kind, body) = two.exact(&request(min_seq, nonce, ttl));
        assert_eq!((kind, body.len()), (T::PATH_REQUEST, len));
        batter(kind, &body, &two.there);
    }
    for (first, rest) in [(0x40, vec![0; 21]), (0x80, vec![0; 24])] {
        let body = [vec![first], rest].concat();
        let result = decode(kind, &body, &mut two.there, &mut Vec::new());
        let refused =
            matches!(result, Err(DecodeError::Error(Error::Malformed(Malformed::NonCanonical(_)))));
        assert!(refused, "{result:?}");
    }
}
