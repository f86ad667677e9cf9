//! More than anybody wants, through one neighbour.

use super::*;

/// Bytes a sealed envelope has before what is encrypted: header, label, admission, suite, pre-key.
const SEALED_PREFIX: usize = 45 + 16 + 1 + 1 + 4;
/// An X-Wing ciphertext.
const KEM_LEN: usize = 1_120;

/// A frame with a sealed envelope to `dest` that looks right and opens for nobody.
fn sealed_rubbish(rng: &mut NodeRng, dest: Address) -> Vec<u8> {
    let mut frame = alloc::vec![1, FrameKind::ENVELOPE.0];
    // version, class sealed, hops left, age 0, hops, flags: normal and durable.
    frame.extend_from_slice(&[1, 2, 32, 0, 0, 0, 0, 32, 0b101]);
    frame.extend_from_slice(&86_400_u32.to_le_bytes());
    frame.extend_from_slice(dest.as_bytes());
    frame.extend_from_slice(&rng.array::<16>());
    frame.extend_from_slice(&[0; 16]);
    // No admission, suite X-Wing, the recipient's first pre-key.
    frame.push(0);
    frame.push(crate::identity::Suite::XWing.code());
    frame.extend_from_slice(&1_u32.to_le_bytes());
    assert_eq!(frame.len(), 2 + SEALED_PREFIX);
    let mut rest = alloc::vec![0; KEM_LEN + 200 + 16];
    rng.fill(&mut rest);
    frame.extend_from_slice(&rest);
    frame
}

/// 0 – 2 – 3 with an attacker 1 beside 0 at the relay 2. Host 0 sends to 3 while the attacker
/// floods the relay with sealed envelopes for `dest`; the percentage received.
fn honest_share(quota_bytes: u64, flood_to_recipient: bool) -> usize {
    const MESSAGES: usize = 40;
    let config = |host| Config {
        custody_quota_bytes: if host == 2 { quota_bytes } else { 64 << 20 },
        ..Config::default()
    };
    let mut net = Net::with_config(4, config);
    for (a, b) in [(0, 2), (1, 2), (2, 3)] {
        net.connect(a, b);
    }
    net.run(Duration::from_secs(10));
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(3));
    let mut rng = NodeRng::from_seed([0xf1; 32]);
    let mut ids = Vec::new();
    for text in texts(MESSAGES) {
        for _ in 0..25 {
            let dest = match flood_to_recipient {
                true => net.address(3),
                false => Address::from_bytes(rng.array()),
            };
            let rubbish = sealed_rubbish(&mut rng, dest);
            inject(&mut net, 1, 2, &rubbish);
        }
        ids.push(net.send(0, 3, &text));
        net.run(Duration::from_millis(500));
    }
    net.run(Duration::from_secs(30));
    100 * ids.iter().filter(|id| net.received(0, **id)).count() / MESSAGES
}

/// ATK-06, met by STO-03 and HOP-05: a flood for nobody in particular fills its own share.
#[test]
fn atk_06_a_sealed_flood_through_a_relay_leaves_room() {
    let percent = honest_share(1 << 20, false);
    assert!(percent >= 95, "{percent} %");
}

/// ATK-06, met by HOP-11: a flood for the recipient itself. The relay that passes it on cannot know,
/// and is not blamed.
#[test]
fn atk_06_a_sealed_flood_at_the_recipient_leaves_it_reachable() {
    let percent = honest_share(64 << 20, true);
    assert!(percent >= 95, "{percent} %");
}
