//! The folder's bounds, who goes first, and its rows.

use super::*;

fn request(sender: u16, counter: u64, len: usize) -> Request {
    let mut key = [0; 32];
    key[..2].copy_from_slice(&sender.to_le_bytes());
    Request {
        sender: key,
        head: MessageHead { lineage: 7, counter, floor: 0 },
        preimage: [counter as u8; 16],
        receipt_to: PublicIdentity::new(key).address(),
        received_at: Some(WallClock { unix_secs: 1_700_000_000 }),
        sealed: false,
        payload: alloc::vec![0x61; len].into(),
    }
}

fn insert(requests: &mut Requests, request: &Request) -> Kept {
    let id = request.id(&Address::default());
    let kept = requests.insert(id, request.clone());
    requests.show(&id);
    kept
}

fn new(evicted: Option<Address>) -> Kept {
    Kept::New { evicted }
}

/// `MEET-12`
#[test]
fn meet_12_one_sender_has_its_share() {
    let mut requests = Requests::default();
    for counter in 0..REQUESTS_PER_SENDER_MAX as u64 {
        assert_eq!(insert(&mut requests, &request(1, counter, 10)), new(None));
    }
    assert_eq!(insert(&mut requests, &request(1, 99, 10)), Kept::NoRoom);
    let long = REQUEST_BYTES_PER_SENDER_MAX;
    assert_eq!(insert(&mut requests, &request(2, 0, long + 1)), Kept::NoRoom);
    assert_eq!(insert(&mut requests, &request(2, 0, long)), new(None));
    assert_eq!(insert(&mut requests, &request(2, 1, 1)), Kept::NoRoom);
    assert_eq!(requests.of(&request(1, 0, 0).from()), (8, 80));
}

/// `MEET-12`: senders of many messages make room for those who sent one; one message each stays.
#[test]
fn meet_12_a_flood_displaces_itself() {
    let mut requests = Requests::default();
    let senders = REQUESTS_MAX / REQUESTS_PER_SENDER_MAX;
    for sender in 0..senders as u16 {
        for counter in 0..REQUESTS_PER_SENDER_MAX as u64 {
            assert_eq!(insert(&mut requests, &request(sender, counter, 10)), new(None));
        }
    }
    let mut taken = 0;
    while let Kept::New { evicted } = insert(&mut requests, &request(1_000 + taken, 0, 10)) {
        assert!(evicted.is_some());
        taken += 1;
        assert_eq!(requests.views().len(), REQUESTS_MAX);
    }
    // All but one message of each flooder went; what is left came first or is a sender's only one.
    assert_eq!(usize::from(taken), REQUESTS_MAX - senders);
    for sender in 0..senders as u16 {
        let first = request(sender, 0, 10);
        assert_eq!(requests.of(&first.from()), (1, 10));
        assert!(requests.by_id.contains_key(&first.id(&Address::default())));
    }
    assert!(requests.bytes <= REQUEST_BYTES_MAX);
}

/// `MEET-12`
#[test]
fn meet_12_bytes_are_bounded_in_all() {
    let mut requests = Requests::default();
    let full = REQUEST_BYTES_MAX / REQUEST_BYTES_PER_SENDER_MAX;
    for sender in 0..full as u16 {
        let kept = insert(&mut requests, &request(sender, 0, REQUEST_BYTES_PER_SENDER_MAX));
        assert_eq!(kept, new(None));
    }
    assert_eq!(insert(&mut requests, &request(999, 0, 1)), Kept::NoRoom);
    assert_eq!(requests.bytes, REQUEST_BYTES_MAX);
}

/// `MEET-11`: a repeated message is there once, with the receipt of its newest copy.
#[test]
fn meet_11_a_repeated_request_is_there_once() {
    let mut requests = Requests::default();
    assert_eq!(insert(&mut requests, &request(1, 0, 10)), new(None));
    let again = Request { preimage: [9; 16], ..request(1, 0, 10) };
    assert_eq!(insert(&mut requests, &again), Kept::Again);
    assert_eq!(requests.take(&again.from()), [again]);
    assert!(requests.views().is_empty() && requests.by_id.is_empty());
}

/// `MEET-10`
#[test]
fn meet_10_rows_come_back_and_damaged_ones_are_refused() {
    let (mut requests, mut records) = (Requests::default(), Vec::new());
    for sender in 0..3 {
        insert(&mut requests, &request(sender, 0, 10));
    }
    requests.take(&request(1, 0, 10).from());
    requests.drain_records(&mut records);
    let mut rows = BTreeMap::new();
    for Record { key, value, .. } in records {
        match value {
            Some(value) => rows.insert(key, value),
            None => rows.remove(&key),
        };
    }
    let mut restored = Requests::default();
    for (key, value) in &rows {
        for len in 0..value.len() - 10 {
            assert!(Requests::default().restore(key, &value[..len]).is_err());
        }
        assert!(restored.restore(&key[1..], value).is_err());
        restored.restore(key, value).expect("own row");
        assert!(restored.restore(key, value).is_err(), "twice");
    }
    assert_eq!(restored.views(), requests.views());
    assert_eq!(restored.next_seq, requests.next_seq);
}
