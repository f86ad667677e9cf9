//! The outer layer and the pool.

use std::{collections::BTreeSet, vec::Vec};

use mesh::{
    crypto::{
        Mode,
        kem::{X25519Key, XWingKey},
    },
    envelope::Admission,
    error::{Error, Unsupported},
    identity::Suite,
};

use super::{
    super::{
        Ask, LETTER_LEN, LETTER_LEN_XWING, MailboxKey, Opened, Pool, PutRefused, Said,
        limits::{PAGE_MAX, POOL_LIFE_S, POOL_MAX, PUT_BITS_MIN},
        outer_len, put_work,
    },
    *,
};

struct Node {
    x25519: X25519Key,
    xwing: XWingKey,
}

impl Node {
    fn new() -> Self {
        Self {
            x25519: X25519Key::from_seed([1; 32]),
            xwing: XWingKey::from_seed(Mode::Real, [2; 32]),
        }
    }

    fn seal(&self, ask: &Ask, suite: Suite, rng: &mut NodeRng) -> (Vec<u8>, super::super::Pending) {
        let (x25519, xwing) = (self.x25519.public(), self.xwing.public());
        let key = MailboxKey { node: MAILBOX, id: 5, x25519: &x25519, xwing: &xwing };
        ask.seal(suite, &key, rng).expect("sound")
    }

    fn open(&self, bytes: &[u8]) -> Result<Opened, Error> {
        Opened::open(&MAILBOX, &self.x25519, &self.xwing, bytes)
    }
}

fn letter(number: u64, len: usize) -> Letter {
    let mut rng = NodeRng::from_seed(mesh::crypto::hash::sha256(&number.to_le_bytes()));
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    Letter::parse(&bytes).expect("the length is right")
}

fn asks(len: usize) -> [Ask; 3] {
    let put = Ask::Put { hour: 7, nonce: 8, letter: letter(1, len) };
    [put, Ask::Take([[3; 16], [4; 16]]), Ask::Page(9)]
}

const BOTH: [(Suite, usize); 2] = [(Suite::X25519, LETTER_LEN), (Suite::XWing, LETTER_LEN_XWING)];

#[test]
fn rsv_20_every_question_is_one_length_and_opens() {
    let node = Node::new();
    let mut rng = NodeRng::from_seed([1; 32]);
    for (suite, len) in BOTH {
        for ask in asks(len) {
            let (bytes, _) = node.seal(&ask, suite, &mut rng);
            assert_eq!(bytes.len(), outer_len(suite));
            assert_eq!(Opened::prekey_id(&bytes), Ok(5));
            assert_eq!(node.open(&bytes).expect("opens").ask, ask);
        }
    }
    assert_eq!((outer_len(Suite::X25519), outer_len(Suite::XWing)), (646, 2_822));
}

/// The header aside (version, suite, pre-key id), two puts of one letter have nothing in common.
#[test]
fn rsv_20_a_repeated_letter_is_not_recognised_on_the_way() {
    let node = Node::new();
    let mut rng = NodeRng::from_seed([1; 32]);
    for (suite, len) in BOTH {
        let [put, ..] = asks(len);
        let (one, two) = (node.seal(&put, suite, &mut rng).0, node.seal(&put, suite, &mut rng).0);
        assert_eq!(one[..6], two[..6]);
        let seen: BTreeSet<&[u8]> = one[6..].windows(6).collect();
        assert!(two[6..].windows(6).all(|window| !seen.contains(window)));
    }
}

#[test]
fn rsv_20_cut_altered_and_of_others() {
    let node = Node::new();
    let mut rng = NodeRng::from_seed([1; 32]);
    let [put, ..] = asks(LETTER_LEN);
    let (bytes, _) = node.seal(&put, Suite::X25519, &mut rng);
    for cut in 0..bytes.len() {
        assert!(node.open(&bytes[..cut]).is_err(), "at {cut}");
    }
    assert!(node.open(&[&bytes[..], &[0]].concat()).is_err());
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(node.open(&altered).is_err(), "bit {bit}");
    }
    let refused = Opened::open(&SECOND_MAILBOX, &node.x25519, &node.xwing, &bytes);
    assert!(refused.is_err(), "bound to the node");
    let mut version = bytes.clone();
    version[0] = 2;
    assert_eq!(Opened::prekey_id(&version), Err(Unsupported::Version(2).into()));
    version[..2].copy_from_slice(&[1, 9]);
    assert_eq!(Opened::prekey_id(&version), Err(Unsupported::Suite(9).into()));
}

#[test]
fn rsv_21_responses() {
    let node = Node::new();
    let mut rng = NodeRng::from_seed([1; 32]);
    for (suite, len) in BOTH {
        for ask in asks(len) {
            let (question, pending) = node.seal(&ask, suite, &mut rng);
            let room = if matches!(ask, Ask::Page(_)) { PAGE_MAX } else { 2 };
            let opened = node.open(&question).expect("opens");
            let mut lengths = BTreeSet::new();
            for count in [0, 1, room] {
                let letters = (0..count as u64).map(|n| letter(n, len)).collect();
                let said = Said { kept: count == 0, put_bits: 12, cursor: 7, letters };
                let response = opened.respond(&said, &mut rng);
                lengths.insert(response.len());
                assert_eq!(pending.open(&response), Ok(said));
            }
            assert_eq!(lengths.len(), 1, "as long whatever is found");
            let too_many = (0..20).map(|n| letter(n, len)).collect();
            let said = Said { kept: false, put_bits: 12, cursor: 7, letters: too_many };
            let response = opened.respond(&said, &mut rng);
            assert_eq!(pending.open(&response).expect("opens").letters.len(), room);
            // Asked again, the same is said under another key.
            assert_ne!(opened.respond(&said, &mut rng)[16..], response[16..]);
        }
    }
}

#[test]
fn rsv_21_responses_of_others_are_refused() {
    let node = Node::new();
    let mut rng = NodeRng::from_seed([1; 32]);
    let take = Ask::Take([[3; 16], [4; 16]]);
    let (question, pending) = node.seal(&take, Suite::X25519, &mut rng);
    let (_, other) = node.seal(&take, Suite::X25519, &mut rng);
    let said = Said { kept: true, put_bits: 1, cursor: 2, letters: vec![letter(1, LETTER_LEN)] };
    let response = node.open(&question).expect("opens").respond(&said, &mut rng);
    assert!(other.open(&response).is_err());
    for cut in 0..response.len() {
        assert!(pending.open(&response[..cut]).is_err());
    }
    for byte in 0..response.len() {
        let mut altered = response.clone();
        altered[byte] ^= 0x10;
        assert!(pending.open(&altered).is_err(), "byte {byte}");
    }
}

/// Puts with as much work as is asked.
fn put(pool: &mut Pool, now: UnixSeconds, letter: &Letter) -> Result<(), PutRefused> {
    put_with(pool, now, letter, pool.put_bits())
}

fn put_with(
    pool: &mut Pool,
    now: UnixSeconds,
    letter: &Letter,
    bits: u8,
) -> Result<(), PutRefused> {
    let (hour, mut search) = put_work(&MAILBOX, now, letter, bits);
    let Some(Admission::Work { nonce }) = search.step(u32::MAX) else { panic!("found") };
    pool.put(now, letter.clone(), hour, nonce)
}

#[test]
fn rsv_22_work_is_asked_of_this_letter_node_and_hour() {
    let mut pool = Pool::new(MAILBOX, 0);
    let one = letter(1, LETTER_LEN);
    assert_eq!(pool.put_bits(), PUT_BITS_MIN);
    let (hour, mut search) = put_work(&MAILBOX, NOW, &one, 16);
    let Some(Admission::Work { nonce }) = search.step(u32::MAX) else { panic!("found") };
    // Sixteen bits by chance, once in 2^12 tests of this kind at the twelve that are asked.
    assert_eq!(
        pool.put(NOW, letter(2, LETTER_LEN), hour, nonce),
        Err(PutRefused::Work(PUT_BITS_MIN))
    );
    let mut other = Pool::new(SECOND_MAILBOX, 0);
    assert_eq!(other.put(NOW, one.clone(), hour, nonce), Err(PutRefused::Work(PUT_BITS_MIN)));
    assert_eq!(pool.put(NOW, one.clone(), hour + 1, nonce), Err(PutRefused::Work(PUT_BITS_MIN)));
    assert_eq!(pool.put(hours(2), one.clone(), hour, nonce), Err(PutRefused::Hour));
    assert_eq!(pool.put(later(DAY), one.clone(), hour, nonce), Err(PutRefused::Hour));
    assert_eq!(pool.put(hours(1), one, hour, nonce), Ok(()));
}

#[test]
fn rsv_23_a_letter_lies_once_and_not_for_ever() {
    let mut pool = Pool::new(MAILBOX, 77);
    let one = letter(1, LETTER_LEN);
    put(&mut pool, NOW, &one).expect("room");
    put(&mut pool, hours(1), &one).expect("is there");
    assert_eq!(pool.len(), 1);
    pool.expire(later(POOL_LIFE_S - 1));
    assert_eq!(pool.len(), 1);
    pool.expire(later(POOL_LIFE_S));
    assert!(pool.is_empty() && pool.take(&[one.label(); 2]).is_empty());
    // Put under a clock that was years ahead.
    put(&mut pool, later(900 * DAY), &one).expect("room");
    pool.expire(NOW);
    assert!(pool.is_empty());
}

#[test]
fn rsv_23_a_full_pool_asks_for_more_than_its_least() {
    let mut pool = Pool::new(MAILBOX, 0);
    let mut asked = BTreeSet::new();
    for number in 0..POOL_MAX as u64 {
        // By chance some show more; that is no harm.
        asked.insert(pool.put_bits());
        pool.put_shown(NOW, letter(number, LETTER_LEN), 12);
    }
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), (12..20).collect::<Vec<u8>>());
    assert_eq!((pool.len(), pool.put_bits()), (POOL_MAX, 20));
    let eager = letter(u64::MAX, LETTER_LEN);
    put_with(&mut pool, NOW, &eager, 20).expect("more than the least");
    assert_eq!(pool.len(), POOL_MAX);
    let last = letter(POOL_MAX as u64 - 1, LETTER_LEN).label();
    let first = letter(0, LETTER_LEN).label();
    assert!(pool.take(&[last, last]).is_empty(), "the newest of the least went");
    assert_eq!(pool.take(&[first, eager.label()]).len(), 2);
}

#[test]
fn rsv_24_pages() {
    let mut pool = Pool::new(MAILBOX, u64::MAX);
    let all: Vec<Letter> = (0..40).map(|number| letter(number, LETTER_LEN)).collect();
    for one in &all {
        pool.put_shown(NOW, one.clone(), 12);
        pool.put_shown(NOW, letter(1_000 + u64::from(one.label()[0]), LETTER_LEN_XWING), 12);
    }
    let mut seen = Vec::new();
    let mut cursor = 0;
    loop {
        let (next, page) = pool.page(cursor, LETTER_LEN);
        assert!(page.len() <= PAGE_MAX);
        if page.is_empty() {
            break;
        }
        seen.extend(page);
        cursor = next;
    }
    assert_eq!(seen, all);
    // What came since; and a cursor of another run begins anew.
    let new = letter(99, LETTER_LEN);
    pool.put_shown(NOW, new.clone(), 12);
    assert_eq!(pool.page(cursor, LETTER_LEN).1, vec![new]);
    assert_eq!(pool.page(u64::MAX, LETTER_LEN).1.len(), PAGE_MAX);
    assert!(Pool::new(MAILBOX, 0).page(3, LETTER_LEN).1.is_empty());
}

#[test]
fn rsv_25_labels_are_taken_and_letters_stay() {
    let mut pool = Pool::new(MAILBOX, 5);
    let (one, two) = (letter(1, LETTER_LEN), letter(2, LETTER_LEN));
    pool.put_shown(NOW, one.clone(), 12);
    pool.put_shown(NOW, two.clone(), 12);
    for _ in 0..2 {
        assert_eq!(pool.take(&[one.label(), [9; 16]]), vec![one.clone()]);
        assert_eq!(pool.take(&[one.label(), two.label()]), vec![one.clone(), two.clone()]);
    }
}
