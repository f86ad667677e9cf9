//! `specs/08-reconcile.md`, rule by rule.

use alloc::{
    collections::{BTreeSet, VecDeque},
    vec,
    vec::Vec,
};
use core::time::Duration;

use super::{message::Message, *};
use crate::{
    crypto::rng::NodeRng,
    error::{Error, PeerMisbehaved},
    limits::{
        RECONCILE_HEARD_MAX, RECONCILE_MESSAGE_LEN_MAX, RECONCILE_OPENS_BURST,
        RECONCILE_REPEATS_MAX, RECONCILE_RUNS_MAX, RECONCILE_RUNS_PER_LINK_MAX, RECONCILE_SET_MAX,
    },
    link::LinkId,
    time::Instant,
};

const LINK: LinkId = LinkId(1);
const LABEL: Label = Label([7; 16]);

type Ids = BTreeSet<[u8; 32]>;

fn item(number: u64) -> Item {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_le_bytes());
    Item { bucket: number / 50, id }
}

fn items(numbers: impl IntoIterator<Item = u64>) -> Vec<Item> {
    numbers.into_iter().map(item).collect()
}

/// Two sides with a wire between them that may lose, repeat and reorder.
struct Pair {
    sides: [Reconciler; 2],
    sets: [Vec<Item>; 2],
    wire: [VecDeque<Vec<u8>>; 2],
    missing: [Ids; 2],
    ends: [Vec<End>; 2],
    now: Instant,
    rng: NodeRng,
    loss_percent: u64,
    frames: usize,
    bytes: usize,
    trace: Vec<Vec<u8>>,
}

impl Pair {
    fn new(left: Vec<Item>, right: Vec<Item>) -> Self {
        Self {
            sides: [Reconciler::new(Scope::Custody), Reconciler::new(Scope::Custody)],
            sets: [left, right],
            wire: Default::default(),
            missing: Default::default(),
            ends: Default::default(),
            now: Instant::ZERO,
            rng: NodeRng::from_seed([1; 32]),
            loss_percent: 0,
            frames: 0,
            bytes: 0,
            trace: Vec::new(),
        }
    }

    fn open(&mut self, side: usize) -> bool {
        let items = self.sets[side].clone();
        self.sides[side].open(self.now, LINK, LABEL, &items, &mut self.rng)
    }

    fn collect(&mut self, side: usize) {
        while let Some(event) = self.sides[side].poll_event() {
            match event {
                RunEvent::Missing { ids, .. } => self.missing[side].extend(ids),
                RunEvent::Ended { end, .. } => self.ends[side].push(end),
            }
        }
        let mut buf = Vec::new();
        while self.sides[side].poll_frame(LINK, &mut buf) {
            let frame = core::mem::take(&mut buf);
            self.frames += 1;
            self.bytes += frame.len();
            self.trace.push(frame.clone());
            if self.rng.below(100) >= self.loss_percent {
                if self.rng.below(100) < self.loss_percent {
                    self.wire[side].push_front(frame.clone());
                }
                self.wire[side].push_back(frame);
            }
        }
    }

    fn deliver(&mut self, from: usize) -> Result<(), Error> {
        let Some(frame) = self.wire[from].pop_front() else {
            return Ok(());
        };
        assert!(frame.len() <= RECONCILE_MESSAGE_LEN_MAX + 3);
        let set = self.sets[1 - from].clone();
        let shared = |label| (label == LABEL).then_some(set);
        self.sides[1 - from].on_frame(self.now, LINK, &frame[2..], shared)
    }

    /// Runs until nothing is left to do.
    fn drive(&mut self) {
        for _ in 0..100_000 {
            self.collect(0);
            self.collect(1);
            if self.wire.iter().all(VecDeque::is_empty) {
                let next = self.sides.iter().filter_map(Reconciler::poll_timeout).min();
                let Some(next) = next else { return };
                self.now = self.now.max(next);
                self.sides.iter_mut().for_each(|side| side.handle_timeout(self.now));
            }
            for from in [0, 1] {
                self.deliver(from).expect("honest sides");
            }
        }
        panic!("did not come to rest");
    }

    fn assert_complete(&self) {
        let [left, right] =
            [0, 1].map(|side| self.sets[side].iter().map(|item| item.id).collect::<Ids>());
        assert_eq!(self.missing[0], &left - &right);
        assert_eq!(self.missing[1], &right - &left);
        assert!(self.sides.iter().all(Reconciler::is_empty));
    }
}

#[test]
fn rec_01_each_side_learns_what_the_other_lacks() {
    for (left, right) in [
        (items(0..10), items(5..15)),
        (items(0..0), items(0..1)),
        (items(0..3_000), items(0..0)),
        (items(0..0), items(0..3_000)),
        (items(0..2_000), items(1..2_001)),
        (items((0..4_000).filter(|n| n % 7 != 0)), items((0..4_000).filter(|n| n % 11 != 0))),
        (items(0..1_000), items(1_000..2_000)),
    ] {
        for opener in [0, 1] {
            let mut pair = Pair::new(left.clone(), right.clone());
            assert!(pair.open(opener));
            pair.drive();
            pair.assert_complete();
            assert_eq!(pair.ends, [[End::Reconciled], [End::Reconciled]]);
        }
    }
}

#[test]
fn rec_01_small_differences_cost_little() {
    let mut pair = Pair::new(items(0..5_000), items((0..5_000).filter(|n| n % 1_000 != 0)));
    assert!(pair.open(0));
    pair.drive();
    pair.assert_complete();
    assert!(pair.bytes < 16_000, "{} bytes for 5 of 5,000", pair.bytes);
}

#[test]
fn rec_02_ids_are_blinded_per_run() {
    let set = items(0..20);
    let traces = [1, 2].map(|seed| {
        let mut pair = Pair::new(set.clone(), items(10..30));
        pair.rng = NodeRng::from_seed([seed; 32]);
        pair.open(0);
        pair.drive();
        pair.trace.concat()
    });
    for item in items(0..30) {
        assert!(traces.iter().all(|trace| trace.windows(8).all(|part| part != &item.id[..8])));
    }
    let windows = |trace: &[u8]| trace.windows(16).map(<[u8]>::to_vec).collect::<BTreeSet<_>>();
    let common = &windows(&traces[0]) & &windows(&traces[1]);
    // The label is the same in both by construction of the test.
    assert!(common.iter().all(|part| part.windows(2).any(|pair| pair == [7, 7])), "{common:?}");
}

#[test]
fn rec_03_equal_sets_cost_one_exchange() {
    for count in [0, 1, 8_192] {
        let mut pair = Pair::new(items(0..count), items(0..count));
        assert!(pair.open(0));
        pair.drive();
        pair.assert_complete();
        assert_eq!(pair.ends, [[End::Equal], [End::Equal]]);
        assert_eq!(pair.frames, 2);
        assert!(pair.trace.iter().all(|frame| frame.len() < 64));
    }
}

#[test]
fn rec_04_sets_are_cut_at_the_limit() {
    let most = RECONCILE_SET_MAX as u64;
    let mut pair = Pair::new(items(0..most + 500), items(0..0));
    pair.open(0);
    pair.drive();
    assert_eq!(pair.missing[0].len(), RECONCILE_SET_MAX);
    let open = Message::Open {
        run: 0,
        label: LABEL,
        nonce: [0; 16],
        items: most as u32 + 1,
        digest: [0; 16],
    };
    let result = offer(&mut Reconciler::new(Scope::Custody), Instant::ZERO, &open);
    assert!(matches!(result, Err(Error::Malformed(_))));
}

/// Feeds a message written by the test.
fn offer(side: &mut Reconciler, now: Instant, message: &Message<'_>) -> Result<(), Error> {
    let mut frame = Vec::new();
    message.write(Scope::Custody, &mut frame);
    side.on_frame(now, LINK, &frame[2..], |_| Some(items(0..100)))
}

fn sample_messages() -> Vec<Message<'static>> {
    vec![
        Message::Open { run: 5, label: LABEL, nonce: [8; 16], items: 300, digest: [9; 16] },
        Message::Lead { run: 5, round: 0, bytes: &[0x61, 0, 0, 2, 0] },
        Message::Reply { run: 300, round: 128, bytes: &[0x61] },
        Message::Want { run: 1, round: 2, last: true, ids: &[3; 64] },
        Message::Taken { run: 1, round: 2 },
        Message::Answer { run: 1, refused: true },
        Message::Closed { run: u32::MAX },
    ]
}

#[test]
fn rec_05_messages_are_strict() {
    let snapshots = [
        "014002 01 05 07070707070707070707070707070707 08080808080808080808080808080808 ac02\
         09090909090909090909090909090909",
        "01400202050061000002 00",
        "01400203ac02800161",
        "01400204010201 03030303030303030303030303030303 03030303030303030303030303030303\
         03030303030303030303030303030303 03030303030303030303030303030303",
        "014002050102",
        "014002060101",
        "01400207ffffffff0f",
    ];
    for (message, snapshot) in sample_messages().iter().zip(snapshots) {
        let mut frame = Vec::new();
        message.write(Scope::Custody, &mut frame);
        let hex: alloc::string::String =
            frame.iter().map(|byte| alloc::format!("{byte:02x}")).collect();
        let snapshot: alloc::string::String =
            snapshot.chars().filter(|c| !c.is_whitespace()).collect();
        assert_eq!(hex, snapshot);
        assert_eq!(Message::read(&frame[3..]).as_ref(), Ok(message));
        for len in 0..frame.len() - 3 {
            // A shorter round or want list is another valid one; everything else is refused.
            match Message::read(&frame[3..3 + len]) {
                Ok(Message::Lead { .. } | Message::Reply { .. } | Message::Want { .. }) => {}
                other => assert!(other.is_err(), "{message:?} cut to {len}"),
            }
        }
    }
    let mut long = vec![2, 0, 0];
    long.resize(RECONCILE_MESSAGE_LEN_MAX + 1, 0);
    assert!(matches!(Message::read(&long), Err(Error::Malformed(_))));
    assert!(matches!(Message::read(&[7, 0x80, 0]), Err(Error::Malformed(_))), "long varint");
    assert!(matches!(Message::read(&[7, 0, 0]), Err(Error::Malformed(_))), "trailing");
    assert!(matches!(Message::read(&[6, 0, 2]), Err(Error::Malformed(_))), "flag");
    assert!(matches!(Message::read(&[99, 0]), Err(Error::Unsupported(_))));
    assert!(matches!(Scope::of(&[]), Err(Error::Malformed(_))));
    assert!(matches!(Scope::of(&[200]), Err(Error::Unsupported(_))));
    assert_eq!(Scope::of(&[1, 2]), Ok(Scope::Channels));
}

#[test]
fn rec_06_a_silent_peer_is_given_up() {
    let mut side = Reconciler::new(Scope::Custody);
    let mut rng = NodeRng::from_seed([2; 32]);
    assert!(side.open(Instant::ZERO, LINK, LABEL, &items(0..10), &mut rng));
    let mut repeats = 0;
    let mut now = Instant::ZERO;
    while let Some(deadline) = side.poll_timeout() {
        now = deadline;
        let mut buf = Vec::new();
        while side.poll_frame(LINK, &mut buf) {
            repeats += 1;
        }
        side.handle_timeout(now);
    }
    assert_eq!(repeats, RECONCILE_REPEATS_MAX + 1);
    assert_eq!(now, Instant::from_secs(254));
    let ended = RunEvent::Ended { link: LINK, label: LABEL, end: End::Failed };
    assert_eq!(side.poll_event(), Some(ended));
}

/// A peer that answers every round with "all of it differs" and made-up ids.
#[test]
fn rec_06_an_endless_peer_is_cut_off() {
    let mut side = Reconciler::new(Scope::Custody);
    let open = Message::Open { run: 1, label: LABEL, nonce: [0; 16], items: 200, digest: [1; 16] };
    offer(&mut side, Instant::ZERO, &open).expect("a run begins");
    let mut number = 0u64;
    let mut error = None;
    for round in 0..10_000 {
        // One range up to infinity, a list of 100 fresh ids, so that the leader asks on.
        let mut bytes = vec![0x61, 0, 0, 2, 100];
        for _ in 0..100 {
            number += 1;
            bytes.extend_from_slice(&item(number).id);
        }
        let reply = Message::Reply { run: 1, round, bytes: &bytes };
        if let Err(refused) = offer(&mut side, Instant::ZERO, &reply) {
            error = Some((round, refused));
            break;
        }
        if side.is_empty() {
            break;
        }
        let mut buf = Vec::new();
        while side.poll_frame(LINK, &mut buf) {
            buf.clear();
        }
    }
    // Either the protocol ended by itself, or the run was cut off; in no case went it on.
    assert!(error.is_some_and(|(round, _)| round < 600) || side.len() <= 1);
    while let Some(event) = side.poll_event() {
        if let RunEvent::Missing { ids, .. } = event {
            assert!(ids.len() <= 100);
        }
    }
}

/// An answerer that leads for ever, and one that wants for ever.
#[test]
fn rec_06_an_endless_answerer_is_cut_off() {
    for wants in [false, true] {
        let mut side = Reconciler::new(Scope::Custody);
        let mut rng = NodeRng::from_seed([3; 32]);
        side.open(Instant::ZERO, LINK, LABEL, &items(0..100), &mut rng);
        let mut answered = 0;
        while !side.is_empty() {
            let bytes = [0x61, 0, 0, 2, 0];
            let lead = Message::Lead { run: 0, round: answered, bytes: &bytes };
            let want = Message::Want { run: 0, round: answered, last: false, ids: &[] };
            let result = offer(&mut side, Instant::ZERO, if wants { &want } else { &lead });
            assert_eq!(result.is_err(), side.is_empty());
            answered += 1;
            let mut buf = Vec::new();
            while side.poll_frame(LINK, &mut buf) {}
        }
        assert_eq!(answered, RECONCILE_HEARD_MAX + 1);
    }
}

#[test]
fn rec_06_more_needs_than_the_peer_has_are_refused() {
    let mut side = Reconciler::new(Scope::Custody);
    let open = Message::Open { run: 1, label: LABEL, nonce: [0; 16], items: 5, digest: [1; 16] };
    offer(&mut side, Instant::ZERO, &open).expect("a run begins");
    let mut bytes = vec![0x61, 0, 0, 2, 6];
    (0..6).for_each(|number| bytes.extend_from_slice(&item(number).id));
    let reply = Message::Reply { run: 1, round: 0, bytes: &bytes };
    let result = offer(&mut side, Instant::ZERO, &reply);
    assert_eq!(result, Err(PeerMisbehaved::OverBudget.into()));
    assert!(side.is_empty());
}

#[test]
fn rec_07_runs_are_limited() {
    let mut side = Reconciler::new(Scope::Custody);
    let mut rng = NodeRng::from_seed([3; 32]);
    let now = Instant::ZERO;
    for number in 0..10u8 {
        let opened = side.open(now, LINK, Label([number; 16]), &[], &mut rng);
        assert_eq!(opened, usize::from(number) < RECONCILE_RUNS_PER_LINK_MAX);
    }
    assert!(!side.open(now, LINK, Label([0; 16]), &[], &mut rng), "already running");
    for link in 2..20 {
        for number in 0..2 {
            side.open(now, LinkId(link), Label([number; 16]), &[], &mut rng);
        }
    }
    assert_eq!(side.len(), RECONCILE_RUNS_MAX);
    // A peer's opens: refused without a run, and over budget after a burst.
    let mut side = Reconciler::new(Scope::Custody);
    for run in 0..2 * RECONCILE_OPENS_BURST as u32 {
        let open = Message::Open { run, label: LABEL, nonce: [0; 16], items: 1, digest: [1; 16] };
        offer(&mut side, now, &open).expect("refused at most");
    }
    assert_eq!(side.len(), RECONCILE_RUNS_PER_LINK_MAX);
    let equal = set::Set::new(&[0; 16], &items(0..100)).digest();
    let open = Message::Open { run: 999, label: LABEL, nonce: [0; 16], items: 100, digest: equal };
    let answer = |side: &mut Reconciler, now| {
        let mut buf = Vec::new();
        while side.poll_frame(LINK, &mut buf) {}
        offer(side, now, &open).expect("well-formed");
        buf.clear();
        assert!(side.poll_frame(LINK, &mut buf));
        buf.pop()
    };
    assert_eq!(answer(&mut side, now), Some(1), "the burst is used up");
    assert_eq!(answer(&mut side, now + Duration::from_secs(1)), Some(0), "equal");
}

#[test]
fn rec_15_silent_and_greedy_links_make_room() {
    let mut side = Reconciler::new(Scope::Custody);
    let mut rng = NodeRng::from_seed([3; 32]);
    let now = Instant::ZERO;
    // Four links take four runs each: a fifth gets one of theirs, and no more than its share.
    for run in 0..16 {
        assert!(side.open(now, LinkId(run / 4), Label([run as u8; 16]), &[], &mut rng));
    }
    for run in 0..4 {
        let label = Label([100 + run; 16]);
        assert_eq!(side.open(now, LinkId(9), label, &items(0..1), &mut rng), run < 3);
    }
    assert_eq!(side.len(), RECONCILE_RUNS_MAX);
    // Those who stay silent go first, whoever they are.
    let later = now + Duration::from_secs(2);
    for link in 20..36 {
        assert!(side.open(later, LinkId(link), LABEL, &[], &mut rng));
    }
    assert!(!side.open(later, LinkId(40), LABEL, &[], &mut rng), "all new, one each");
    let failed = core::iter::from_fn(|| side.poll_event());
    assert_eq!(failed.filter(is_failed).count(), 3 + 16);
    // An equal set needs no room.
    let digest = set::Set::new(&[0; 16], &items(0..100)).digest();
    let open = Message::Open { run: 1, label: LABEL, nonce: [0; 16], items: 100, digest };
    offer(&mut side, later, &open).expect("answered at once");
    let mut buf = Vec::new();
    while side.poll_frame(LINK, &mut buf) {}
    assert!(buf.ends_with(&[6, 1, 0]), "equal");
}

fn is_failed(event: &RunEvent) -> bool {
    matches!(event, RunEvent::Ended { end: End::Failed, .. })
}

#[test]
fn rec_08_unknown_sets_are_refused() {
    let mut pair = Pair::new(items(0..10), items(0..5));
    pair.sides[0].open(Instant::ZERO, LINK, Label([8; 16]), &items(0..10), &mut pair.rng);
    pair.drive();
    assert_eq!(pair.ends[0], [End::Refused]);
    assert!(pair.missing.iter().all(BTreeSet::is_empty));
    assert_eq!(pair.frames, 2);
}

#[test]
fn rec_09_strays_change_nothing() {
    let mut side = Reconciler::new(Scope::Custody);
    for message in sample_messages().iter().skip(1) {
        assert_eq!(offer(&mut side, Instant::ZERO, message), Ok(()), "{message:?}");
    }
    assert!(side.is_empty());
    assert_eq!(side.poll_event(), None);
    // And in the middle of a run: every honest frame twice, late copies included.
    let mut pair = Pair::new(items(0..300), items(100..400));
    pair.loss_percent = 0;
    pair.open(0);
    for _ in 0..10_000 {
        for from in [0, 1] {
            pair.collect(from);
            if let Some(frame) = pair.wire[from].front().cloned() {
                pair.wire[from].insert(1, frame);
            }
            pair.deliver(from).expect("honest");
            pair.deliver(from).expect("honest, again");
        }
    }
    pair.drive();
    pair.assert_complete();
}

#[test]
fn rec_10_malformed_rounds_end_the_run() {
    for bytes in [&[][..], &[0x55], &[0x61, 0, 0, 9], &[0x61, 0, 0, 2, 200, 1]] {
        let mut side = Reconciler::new(Scope::Custody);
        let mut rng = NodeRng::from_seed([3; 32]);
        side.open(Instant::ZERO, LINK, LABEL, &items(0..100), &mut rng);
        let result = offer(&mut side, Instant::ZERO, &Message::Lead { run: 0, round: 0, bytes });
        assert!(matches!(result, Err(Error::Malformed(_))), "{bytes:?}");
        assert!(side.is_empty());
        let open =
            Message::Open { run: 1, label: LABEL, nonce: [0; 16], items: 5, digest: [1; 16] };
        offer(&mut side, Instant::ZERO, &open).expect("a run begins");
        let result = offer(&mut side, Instant::ZERO, &Message::Reply { run: 1, round: 0, bytes });
        assert!(matches!(result, Err(Error::Malformed(_))), "{bytes:?}");
        assert!(side.is_empty());
    }
}

#[test]
fn rec_10_random_rounds_never_panic() {
    let mut rng = NodeRng::from_seed([9; 32]);
    let mut side = Reconciler::new(Scope::Custody);
    let mut now = Instant::ZERO;
    for run in 0..3_000 {
        now += Duration::from_secs(2);
        let open = Message::Open { run, label: LABEL, nonce: [0; 16], items: 50, digest: [1; 16] };
        offer(&mut side, now, &open).expect("within budget");
        side.open(now, LINK, LABEL, &items(0..100), &mut rng);
        let mut bytes = vec![0; rng.below(200) as usize];
        rng.fill(&mut bytes);
        // Small numbers reach deeper into the decoder than noise does.
        bytes.iter_mut().for_each(|byte| *byte &= if run % 2 == 0 { 0x03 } else { 0xff });
        bytes.insert(0, 0x61);
        let _ = offer(&mut side, now, &Message::Reply { run, round: 0, bytes: &bytes });
        let _ = offer(&mut side, now, &Message::Lead { run: run / 2, round: 0, bytes: &bytes });
        let mut buf = Vec::new();
        while side.poll_frame(LINK, &mut buf) {
            assert!(buf.len() <= RECONCILE_MESSAGE_LEN_MAX + 3);
            buf.clear();
        }
        side.handle_timeout(now);
    }
}

#[test]
fn rec_11_a_lost_link_ends_its_runs() {
    let mut pair = Pair::new(items(0..100), items(50..150));
    pair.open(0);
    pair.collect(0);
    pair.deliver(0).expect("honest");
    for side in &mut pair.sides {
        assert_eq!(side.len(), 1);
        side.on_link_down(LINK);
        assert!(side.is_empty() && !side.has_output(LINK));
        assert_eq!(side.poll_event(), None);
    }
}

#[test]
fn rec_12_both_sides_may_open_at_once() {
    let mut pair = Pair::new(items(0..500), items(100..600));
    assert!(pair.open(0) && pair.open(1));
    pair.drive();
    pair.assert_complete();
    assert_eq!(pair.ends.each_ref().map(Vec::len), [2, 2]);
}

#[test]
fn rec_12_survives_loss_duplication_and_reordering() {
    for seed in 0..20 {
        let mut pair = Pair::new(items(0..600), items(200..900));
        pair.rng = NodeRng::from_seed([seed; 32]);
        pair.loss_percent = 20;
        for _ in 0..5 {
            pair.open(0);
            pair.drive();
        }
        pair.assert_complete();
    }
}

#[test]
fn rec_13_same_seed_same_bytes() {
    let traces = [(); 2].map(|()| {
        let mut pair = Pair::new(items(0..600), items(200..900));
        pair.loss_percent = 10;
        pair.open(0);
        pair.drive();
        pair.trace
    });
    assert_eq!(traces[0], traces[1]);
}

#[test]
fn rec_14_without_runs_no_deadline() {
    let mut pair = Pair::new(items(0..10), items(0..20));
    assert!(pair.sides.iter().all(|side| side.poll_timeout().is_none()));
    pair.open(0);
    assert!(pair.sides[0].poll_timeout().is_some());
    pair.drive();
    assert!(pair.sides.iter().all(|side| side.poll_timeout().is_none()));
}
