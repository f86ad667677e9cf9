use super::*;

/// Session tag and 51 encrypted bytes.
fn lite_body() -> Vec<u8> {
    (0..54).collect()
}

/// Decodes what an encoder without labels of its own makes of a frame, and gives the frame's age.
fn age_after(frame: &[u8]) -> u32 {
    let (_, _, back) = Two::default().send(frame);
    u32::from_le_bytes(back[5..9].try_into().expect("four bytes"))
}

#[test]
fn cmp_04_an_established_message_takes_74_bytes() {
    let mut two = Two::default();
    let frame = Head::LITE.frame(&lite_body());
    let (kind, body) = two.exact(&frame);
    assert_eq!((kind, body.len()), (T::LITE_NEW, 82), "the address once");
    assert_eq!(hex(&body[..20]), "7f1b0000d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0");
    let (kind, body) = two.exact(&frame);
    assert_eq!((kind, body.len() + AROUND), (T::LITE, 74));
    let text = hex(&lite_body());
    assert_eq!(hex(&body), format!("7f1b0000{text}e0e1e2e3e4e5e6e7"));
}

#[test]
fn cmp_04_every_field_of_a_lite_envelope_comes_back() {
    let mut two = Two::default();
    for hops_left in 1..=64 {
        for flags in 0..8 {
            for lifetime_s in LITE_LIFETIMES_S {
                let head = Head { hops_left, flags, lifetime_s, ..Head::LITE };
                let (kind, _) = two.exact(&head.frame(&lite_body()[..4]));
                assert!(matches!(kind, T::LITE | T::LITE_NEW));
            }
        }
    }
}

#[test]
fn cmp_05_what_no_lite_message_has_travels_in_another_form() {
    for head in [
        Head { hops_left: 0, ..Head::LITE },
        Head { hops_max: 63, hops_left: 63, ..Head::LITE },
        Head { lifetime_s: 61, ..Head::LITE },
        Head { lock: [0xee; 16], ..Head::LITE },
    ] {
        let (kind, _) = Two::default().exact(&head.frame(&lite_body()));
        assert_eq!(kind, T::ENVELOPE_NEW);
    }
    let (kind, _) = Two::default().exact(&Head::LITE.frame(&[1, 2, 3]));
    assert_eq!(kind, T::ENVELOPE_NEW);
    for head in [
        Head { flags: 8, ..Head::LITE },
        Head { class: 4, ..Head::LITE },
        Head { hops_left: 128, ..Head::LITE },
        Head { lifetime_s: 0, ..Head::LITE },
        Head { age_ms: 604_800_000, ..Head::LITE },
    ] {
        let (kind, _) = Two::default().exact(&head.frame(&lite_body()));
        assert_eq!(kind, T::GENERIC);
    }
}

#[test]
fn cmp_06_ages_grow_by_a_256th_at_most() {
    for lifetime_s in LITE_LIFETIMES_S.into_iter().chain([1, 59, 61, 2_591_999]) {
        let step = lifetime_s * 1_000 / 256 + 1;
        for part in 0..1_000_u64 {
            let age_ms = (part * u64::from(lifetime_s)) as u32;
            let head = Head { age_ms, lifetime_s, ..Head::SESSION };
            let after = age_after(&head.frame(&[1; 60]));
            assert!(
                (age_ms..=age_ms + step).contains(&after),
                "{age_ms} of {lifetime_s} s: {after}"
            );
            assert!(u64::from(after) < u64::from(lifetime_s) * 1_000, "not expired by rounding");
            let again = age_after(&Head { age_ms: after, ..head }.frame(&[1; 60]));
            assert_eq!(again, after, "rounded once");
        }
    }
    assert_eq!(age_after(&Head::LITE.frame(&lite_body())), 0);
}

#[test]
fn cmp_06_an_age_costs_a_byte_from_the_seventh_step() {
    for (steps, len) in [(0, 66), (1, 66), (6, 66), (7, 67), (255, 67)] {
        let mut two = Two::default();
        two.exact(&Head::LITE.frame(&lite_body()));
        let age_ms = (604_800_000_u64 * steps / 256) as u32;
        let (_, body) = two.exact(&Head { age_ms, ..Head::LITE }.frame(&lite_body()));
        assert_eq!(body.len(), len, "{steps}");
        batter(T::LITE, &body, &two.there);
    }
}

#[test]
fn cmp_07_envelopes_of_the_other_classes() {
    let mut two = Two::default();
    let session: Vec<u8> = (0..86).collect();
    let frame = Head::SESSION.frame(&session);
    let (kind, body) = two.exact(&frame);
    assert_eq!((kind, body.len()), (T::ENVELOPE_NEW, 3 + 2 + 16 + 16 + 86));
    batter(kind, &body, &two.there);
    let (kind, body) = two.exact(&frame);
    assert_eq!((kind, body.len()), (T::ENVELOPE, 3 + 2 + 16 + 86));
    let lock = "ee".repeat(16);
    assert_eq!(hex(&body), format!("40150d0000{lock}{}", hex(&session)));
    batter(kind, &body, &two.there);
    let head =
        Head { hops_max: 9, hops_left: 9, lifetime_s: 77, age_ms: 0, class: 0, ..Head::SESSION };
    let (_, body) = two.exact(&head.frame(&session));
    assert_eq!(hex(&body[..10]), "891410094d0000000000");
    batter(T::ENVELOPE, &body, &two.there);
}

#[test]
fn cmp_07_the_label_zero_of_a_sealed_one_is_left_out() {
    let mut two = Two::default();
    let head = Head { class: 2, ..Head::SESSION };
    let body: Vec<u8> = [[0; 16].to_vec(), (0..70).collect()].concat();
    let (_, short) = two.exact(&head.frame(&body));
    assert_eq!(short.len(), 3 + 2 + 16 + 16 + 70);
    let (_, long) = two.exact(&head.frame(&[9; 86]));
    assert_eq!(long.len(), 3 + 2 + 16 + 86);
    // Only a sealed one has it.
    let (_, other) = two.exact(&Head { class: 1, ..head }.frame(&body));
    assert_eq!(other.len(), 3 + 2 + 16 + 86);
    let mut claimed = other;
    claimed[2] |= 0x20;
    let result = decode(T::ENVELOPE, &claimed, &mut two.there, &mut Vec::new());
    assert_eq!(result, Err(DecodeError::Error(Error::from(Malformed::OutOfRange("life")))));
}

#[test]
fn cmp_08_longer_forms_than_needed_are_refused() {
    let mut labels = Labels::new();
    let head = |bytes: &[u8]| [bytes, &[0; 2 + 16 + 16 + 90]].concat();
    let mut refused = |kind, bytes: &[u8], what| {
        let result = decode(kind, &head(bytes), &mut labels, &mut Vec::new());
        assert_eq!(result, Err(DecodeError::Error(Error::from(Malformed::NonCanonical(what)))));
    };
    refused(T::ENVELOPE_NEW, &[0xc0, 0x01, 0, 64], "hops max");
    refused(T::ENVELOPE_NEW, &[0x40, 0x01, 16, 60, 0, 0, 0], "lifetime");
    refused(T::ENVELOPE_NEW, &[0x40, 0xe1, 0, 6], "age");
    refused(T::LITE_NEW, &[0x40, 0xe1, 6], "age");
}

#[test]
fn cmp_25_channel_messages_lose_nothing_but_six_bytes() {
    let mut body = [3; 300];
    body[32] = 5;
    body[33..37].copy_from_slice(&0_u32.to_le_bytes());
    body[37] = 64;
    body[38..42].copy_from_slice(&86_400_u32.to_le_bytes());
    let frame = framed(FrameKind::CHANNEL, &body);
    let mut two = Two::default();
    let (kind, short) = two.exact(&frame);
    assert_eq!((kind, short.len()), (T::CHANNEL, 292));
    assert_eq!(hex(&short[..4]), "050a0303");
    batter(kind, &short, &two.there);
    body[37] = 7;
    body[38] = 1;
    let (kind, longer) = two.exact(&framed(FrameKind::CHANNEL, &body));
    assert_eq!((kind, longer.len()), (T::CHANNEL, 297));
    batter(kind, &longer, &two.there);
    let (kind, _) = two.exact(&framed(FrameKind::CHANNEL, &body[..251]));
    assert_eq!(kind, T::CHANNEL_PLAIN, "too short to be one");
}

#[test]
fn cmp_26_lite_channel_objects_lose_five_bytes() {
    let object = |hops_left, age_ms: u32, form, code, len| {
        let rest: Vec<u8> = (0..len).collect();
        let body = [&[hops_left][..], &age_ms.to_le_bytes(), &[form, code], &rest].concat();
        framed(FrameKind(0x51), &body)
    };
    let mut two = Two::default();
    // Labels and counter 5, text 50 and what says who, tag 8.
    let frame = object(63, 0, 2, 10, 66);
    let (kind, body) = two.exact(&frame);
    assert_eq!((kind, body.len(), frame.len()), (T::CHANNEL_LITE, 68, 75));
    assert_eq!(hex(&body[..4]), "bfa00001");
    batter(kind, &body, &two.there);
    let (_, body) = two.exact(&object(0, 86_400_000 / 256 * 15, 3, 10, 9));
    assert_eq!(hex(&body[..4]), "c0af0f00");
    batter(kind, &body, &two.there);
    for other in [object(64, 0, 0, 0, 9), object(1, 0, 4, 0, 9), object(1, 0, 0, 16, 9)] {
        assert_eq!(two.exact(&other).0, T::GENERIC);
    }
    assert_eq!(two.exact(&object(1, 0, 0, 0, 0)).0, T::GENERIC);
    assert_eq!(two.exact(&object(1, 60_000, 0, 0, 9)).0, T::GENERIC, "its life is over");
}
