use super::*;
use crate::{crypto::Mode, envelope::EnvelopeIn, identity::MeshIdentity};

/// A frame of a random kind that is sometimes well-formed.
fn random_frame(rng: &mut NodeRng) -> Vec<u8> {
    let mut noise = vec![0; rng.below(400) as usize];
    rng.fill(&mut noise);
    match rng.below(9) {
        0 | 1 => {
            let lifetime_s = LITE_LIFETIMES_S[rng.below(16) as usize] + rng.below(2) as u32;
            let is_lite = rng.below(2) == 0;
            let mut head = if is_lite { Head::LITE } else { Head::SESSION };
            head.lock[..8].copy_from_slice(&rng.array::<8>());
            head.class = if is_lite { 3 } else { rng.below(5) as u8 };
            head.age_ms = rng.below(u64::from(lifetime_s) * 1_000) as u32 >> rng.below(32);
            (head.hops_left, head.flags) = (rng.below(70) as u8, rng.below(9) as u8);
            head.hops_max = if rng.below(2) == 0 { 64 } else { rng.below(256) as u8 };
            head.dest[0] = rng.below(4) as u8;
            Head { lifetime_s, ..head }.frame(&noise)
        }
        2 => {
            let entries: Vec<_> = (0..1 + rng.below(4))
                .map(|_| {
                    let announce = announce(rng.below(5) as u8, rng.below(3) as u32);
                    let hops = rng.below(64) as u8;
                    let cost = (rng.next_u32() >> rng.below(26)).max(u32::from(hops)) - 1;
                    let cost = if hops == 0 { 0 } else { cost.max(u32::from(hops)) };
                    Advertisement { hops, cost, announce }
                })
                .collect();
            announces(&entries)
        }
        3 => {
            let kind = if rng.below(2) == 0 { FrameKind::RECEIPTS } else { FrameKind::CUSTODY_ACK };
            let mut ids: Vec<[u8; 16]> = (0..1 + rng.below(20)).map(|_| rng.array()).collect();
            ids.iter_mut().filter(|_| rng.below(2) == 0).for_each(|id| id[10..].fill(0));
            let mut out = Vec::new();
            frame::write_ids(kind, &mut ids, u32::MAX, &mut out);
            out
        }
        4 => {
            noise.resize(noise.len().max(60), 9);
            let ttl = noise[28] % 64 + 1;
            noise.truncate(29);
            noise[28] = ttl;
            framed(FrameKind::PATH_REQUEST, &noise)
        }
        5 => {
            noise.truncate(20 * (1 + rng.below(4) as usize));
            noise.resize(20 * (noise.len() / 20).max(1), 3);
            framed(FrameKind::RETRACT, &[vec![(noise.len() / 20) as u8], noise].concat())
        }
        6 => framed(FrameKind::CHANNEL, &noise),
        7 => {
            noise.iter_mut().take(7).for_each(|byte| *byte &= 0x1f);
            framed(FrameKind(0x51), &noise)
        }
        _ => framed(FrameKind(rng.below(256) as u8), &noise),
    }
}

/// The frame with what may be rounded up taken from the other one, after checking how.
fn forgiving(sent: &[u8], back: &[u8]) -> Vec<u8> {
    let mut sent = sent.to_vec();
    let ages: &[usize] = match sent[1] {
        0x20 if sent.len() >= 47 => &[5],
        0x50 if sent.len() >= 254 => &[35],
        0x51 if sent.len() >= 10 => &[3],
        _ => &[],
    };
    let costs: Vec<usize> = match sent[1] {
        0x10 if sent.len() > 3 => (0..usize::from(sent[2])).map(|i| 4 + i * 112).collect(),
        _ => Vec::new(),
    };
    for at in ages.iter().copied().chain(costs) {
        if let (Some(old), Some(new)) = (sent.get(at..at + 4), back.get(at..at + 4)) {
            let value = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
            assert!(value(new) >= value(old), "never less");
            sent[at..at + 4].copy_from_slice(new);
        }
    }
    sent
}

#[test]
fn cmp_03_random_frames_come_back() {
    let mut rng = NodeRng::from_seed([3; 32]);
    let mut two = Two::default();
    for _ in 0..6_000 {
        let frame = random_frame(&mut rng);
        if rng.below(50) == 0 {
            two = Two::default();
        }
        let (kind, body, back) = two.send(&frame);
        assert_eq!(hex(&back), hex(&forgiving(&frame, &back)), "{kind:?} {}", hex(&body));
        assert!(body.len() < frame.len(), "never longer: the type stands for two bytes");
        let again = two.send(&back).2;
        // In full the first time, an update the second.
        assert_eq!(hex(&again), hex(&forgiving(&back, &again)));
    }
}

#[test]
fn cmp_03_noise_is_refused_or_comes_back() {
    let mut rng = NodeRng::from_seed([33; 32]);
    let mut two = Two::default();
    let mut read = 0;
    for _ in 0..20_000 {
        let longest = 1 << rng.below(9);
        let mut body = vec![0; rng.below(longest) as usize];
        rng.fill(&mut body);
        let mut out = Vec::new();
        if decode(T(rng.below(0x20) as u8), &body, &mut two.there, &mut out).is_ok() {
            read += 1;
            let back = two.send(&out).2;
            assert_eq!(hex(&back), hex(&forgiving(&out, &back)));
        }
    }
    assert!(read > 1_000, "{read}");
}

#[test]
fn cmp_03_signed_objects_stay_what_they_are() {
    let identity = MeshIdentity::generate(&mut NodeRng::from_seed([3; 32]), false);
    let (capabilities, validity) = (Capabilities::from_bits(3), announce(1, 1).validity);
    let own = MeshAnnounce::signed(Mode::Real, &identity, 9, capabilities, validity, 2);
    let mut two = Two::default();
    for cost in [5_000_001, 4_000_001] {
        let (_, _, back) = two.send(&announces(&[Advertisement { hops: 2, cost, announce: own }]));
        let entry = Advertisement::parse(&back[3..]).expect("one entry");
        assert_eq!((entry.announce, entry.announce.verify(Mode::Real)), (own, Ok(())));
    }
    // An envelope on its last hop but a few, aged on the way.
    let mut head = Head { class: 0, age_ms: 0x0403_0201, ..Head::SESSION };
    let mut body = [&identity.public().node_key()[..], &[7; 8], &[1], b"for everyone"].concat();
    let unsigned = [&body[..], &[0; 64]].concat();
    let digest = EnvelopeIn::parse(&head.frame(&unsigned)[2..]).expect("well-formed").digest();
    body.extend_from_slice(&identity.sign(Mode::Real, &digest));
    for hops_left in (3..60).rev() {
        head.hops_left = hops_left;
        let (_, _, back) = two.send(&head.frame(&body));
        let envelope = EnvelopeIn::parse(&back[2..]).expect("well-formed");
        assert_eq!(envelope.digest(), digest);
        assert_eq!(envelope.verify_signature(Mode::Real), Ok(()));
        // Ten seconds at every hop, and what rounding adds.
        head.age_ms = envelope.header().age_ms + 10_000;
    }
    assert!(head.age_ms < 0x0403_0201 + 58 * (604_800_000 / 256 + 1), "not a quarter of the life");
}
