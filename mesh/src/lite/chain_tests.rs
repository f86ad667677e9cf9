use super::*;

fn hex(bytes: &[u8]) -> alloc::string::String {
    bytes.iter().map(|byte| alloc::format!("{byte:02x}")).collect()
}

/// MLL-05, MLL-06: the key schedule by hand.
#[test]
fn mll_06_schedule_by_hand() {
    let secret = Secret::new([5; 32]);
    let there = Direction::derive(&secret, b"qpc lite there");
    let okm = kdf::expand::<64>(&secret, b"qpc lite there");
    assert_eq!(there.root[..], okm[..32]);
    assert_eq!(there.tags[..], okm[32..]);
    let block = kdf::extract(&*there.tags, b"qpc lite tag\x02\0\0\0");
    assert_eq!(tag(&there.tags, 16), block[..3]);
    assert_eq!(tag(&there.tags, 23), block[21..24]);
    for (counter, found) in tags_of(&there.tags, 5..300) {
        assert_eq!(found, tag(&there.tags, counter));
    }
    let derived = KeyTree::new(&there.root).derive(3).expect("a whole tree");
    let mut text = *b"text";
    let (sealed, _) = message_key(&derived.key).seal(b"a", &mut text);
    let pinned = (hex(&tag(&there.tags, 3)), hex(&sealed), hex(&text));
    assert_eq!(pinned, (PINNED[0].into(), PINNED[1].into(), PINNED[2].into()));
}

const PINNED: [&str; 3] = ["a678f8", "eee07e21fde18ba3", "430b9a58"];

/// MLL-09: the sender stays where the recipient listens, whatever arrives of what it sends.
#[test]
fn mll_09_a_sender_stays_within_reach() {
    let secret = Secret::new([5; 32]);
    let direction = Direction::derive(&secret, b"qpc lite there");
    let mut sending = LiteSending::new(&direction);
    let mut receiving = LiteReceiving::new(&direction);
    for round in 0..50_u32 {
        let mut last = 0;
        while let Ok((counter, _)) = sending.take(Rules::ALL) {
            assert!(receiving.window().contains(&counter));
            last = counter;
            if sending.take_dirty(u64::from(round) + 1) {
                sending.on_committed(u64::from(round) + 1);
            }
        }
        // One of many arrives.
        let arrived = last - round % LITE_AHEAD;
        receiving.raise(arrived + 1);
        sending.on_arrived(arrived + 1);
    }
}
