use std::{
    collections::{BTreeMap, VecDeque},
    vec,
    vec::Vec,
};

use mesh::{MeshIdentity, crypto::rng::NodeRng};

use super::*;
use crate::{
    announce::{Draft, Profile},
    plz::Plz,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet},
};

const NOW: u64 = 1_799_740_800;

fn identity(seed: u32) -> MeshIdentity {
    let mut root = [7; 32];
    root[..4].copy_from_slice(&seed.to_le_bytes());
    MeshIdentity::from_seeds([1; 32], Some(root))
}

fn announce_at(seed: u32, sequence: u32, plz: Plz, issued: u64) -> SlotAnnounce {
    let profile = Profile {
        fachrichtungen: Fachrichtung::Verhaltenstherapie.into(),
        modalitaeten: Modalitaet::Praxis.into(),
        kostentraeger: Kostentraeger::Gkv.into(),
        ..Profile::default()
    };
    let mut draft = Draft::new(plz, profile, UnixSeconds(issued), sequence);
    let first = issued / 60 * 60;
    draft.slots = (1..=5).map(|n| Slot::new(UnixSeconds(first + n * 86_400), 50)).collect();
    draft.sign(&identity(seed)).expect("well-formed")
}

fn plz(text: &str) -> Plz {
    Plz::parse(text).expect("a code")
}

fn announce(seed: u32, sequence: u32) -> SlotAnnounce {
    announce_at(seed, sequence, plz("80331"), NOW)
}

/// Routers on wires: frames are queued, and lost, repeated or late when a wire is bad.
struct Net {
    now: u64,
    routers: Vec<FappRouter>,
    disks: Vec<BTreeMap<Vec<u8>, Vec<u8>>>,
    skews: Vec<i64>,
    /// Two routers, whether by radio, frame length, and whether it is up.
    wires: Vec<(usize, usize, bool, usize, bool)>,
    queue: VecDeque<(usize, usize, Vec<u8>)>,
    bytes: u64,
    loss_percent: u64,
    rng: NodeRng,
}

impl Net {
    fn new(count: usize) -> Self {
        let config = RouterConfig { radio_region: Some(80), ..RouterConfig::default() };
        Self {
            now: NOW,
            routers: (0..count).map(|n| FappRouter::new(config, [n as u8; 32])).collect(),
            disks: vec![BTreeMap::new(); count],
            skews: vec![0; count],
            wires: Vec::new(),
            queue: VecDeque::new(),
            bytes: 0,
            loss_percent: 0,
            rng: NodeRng::from_seed([42; 32]),
        }
    }

    fn time(&self, router: usize) -> UnixSeconds {
        UnixSeconds(self.now.saturating_add_signed(self.skews[router]))
    }

    fn wire(&mut self, a: usize, b: usize, radio: bool) -> usize {
        let max_len = if radio { 220 } else { FRAME_LEN_MAX };
        self.wires.push((a, b, radio, max_len, false));
        self.set_up(self.wires.len() - 1, true);
        self.wires.len() - 1
    }

    fn set_up(&mut self, wire: usize, up: bool) {
        let (a, b, radio, _, _) = self.wires[wire];
        self.wires[wire].4 = up;
        for end in [a, b] {
            let now = self.time(end);
            if up {
                self.routers[end].handle_neighbour_up(now, wire as u32, radio);
            } else {
                self.routers[end].handle_neighbour_down(wire as u32);
            }
        }
        self.queue.retain(|(on, ..)| *on != wire);
    }

    /// A router is killed; what its disk has comes back.
    fn restart(&mut self, router: usize) {
        self.store(router);
        let config = RouterConfig { radio_region: Some(80), ..RouterConfig::default() };
        let now = self.time(router);
        let seed = self.rng.array();
        self.routers[router] = FappRouter::new(config, seed);
        for (key, value) in self.disks[router].iter().rev() {
            self.routers[router].restore(now, key, value).expect("own rows");
        }
        for wire in 0..self.wires.len() {
            let (a, b, .., up) = self.wires[wire];
            if up && (a == router || b == router) {
                self.set_up(wire, false);
                self.set_up(wire, true);
            }
        }
    }

    fn store(&mut self, router: usize) {
        for CacheRow { key, value } in self.routers[router].drain_rows() {
            match value {
                Some(value) => self.disks[router].insert(key, value),
                None => self.disks[router].remove(&key),
            };
        }
    }

    /// Carries frames until there are no more.
    fn settle(&mut self) {
        for _ in 0..2_000_000 {
            self.pull();
            let Some((wire, to, frame)) = self.queue.pop_front() else { return };
            if self.rng.below(100) < self.loss_percent {
                continue;
            }
            self.bytes += frame.len() as u64;
            let now = self.time(to);
            self.routers[to].handle_frame(now, wire as u32, &frame).expect("honest frames");
            self.store(to);
        }
        panic!("routers do not come to rest");
    }

    fn pull(&mut self) {
        for (wire, (a, b, _, max_len, up)) in self.wires.clone().into_iter().enumerate() {
            for (from, to) in [(a, b), (b, a)] {
                let mut frame = Vec::new();
                if up && self.routers[from].poll_transmit(wire as u32, &mut frame, max_len) {
                    assert!(frame.len() <= max_len);
                    self.queue.push_back((wire, to, frame));
                }
            }
        }
    }

    fn run(&mut self, seconds: u64) {
        let end = self.now + seconds;
        while self.now < end {
            self.settle();
            self.now += 30;
            for router in 0..self.routers.len() {
                let now = self.time(router);
                self.routers[router].handle_timeout(now);
                self.store(router);
            }
        }
        self.settle();
    }

    fn publish(&mut self, router: usize, announce: SlotAnnounce) {
        let now = self.time(router);
        let taken = self.routers[router].broadcast_announce(now, announce, Tier::SelfSigned);
        assert_eq!(taken, Ok(()));
    }

    fn withdraw(&mut self, router: usize, seed: u32, sequence: u32) {
        let (now, until) =
            (self.time(router), announce_at(seed, 1, plz("80331"), self.now).expires());
        let tombstone = Tombstone::sign(&identity(seed), sequence, now, until);
        assert_eq!(self.routers[router].withdraw(now, tombstone.expect("a root key")), Ok(()));
    }

    fn knows(&self, router: usize, seed: u32) -> Option<u32> {
        let key = *announce(seed, 1).therapist();
        self.routers[router].cache().get(&key).map(|(announce, _)| announce.sequence())
    }
}

#[test]
fn fap_73_an_announce_reaches_everybody_once() {
    let mut net = Net::new(5);
    for n in 0..4 {
        net.wire(n, n + 1, false);
    }
    net.wire(0, 4, false);
    net.settle();
    net.bytes = 0;
    net.publish(2, announce(1, 1));
    net.settle();
    assert!((0..5).all(|router| net.knows(router, 1) == Some(1)));
    let len = announce(1, 1).bytes().len() as u64 + 3;
    assert!(net.bytes <= 6 * len, "once over each wire, twice where two meet: {}", net.bytes);
}

#[test]
fn fap_70_who_was_away_catches_up_both_ways() {
    let mut net = Net::new(2);
    for seed in 0..40 {
        net.publish(
            (seed % 2) as usize,
            announce_at(seed, 1, plz("80331"), NOW - u64::from(seed) * 8_000),
        );
    }
    for seed in 40..50 {
        net.publish(0, announce(seed, 1));
        net.publish(1, announce(seed, 1));
    }
    net.withdraw(0, 49, 1);
    net.wire(0, 1, false);
    net.settle();
    assert!((0..49).all(|seed| net.knows(0, seed) == Some(1) && net.knows(1, seed) == Some(1)));
    assert_eq!((net.knows(0, 49), net.knows(1, 49)), (None, None));
}

#[test]
fn fap_71_equal_neighbours_spend_a_digest() {
    let mut net = Net::new(2);
    for seed in 0..300 {
        net.publish(0, announce(seed, 1));
        net.publish(1, announce(seed, 1));
    }
    let wire = net.wire(0, 1, false);
    net.settle();
    // Both said hello at once, and both answered.
    assert!(net.bytes <= 200, "{}", net.bytes);
    net.set_up(wire, false);
}

#[test]
fn fap_72_five_of_a_region_cost_two_kilobytes() {
    let mut net = Net::new(2);
    for seed in 0..530 {
        let announce = announce_at(seed, 1, plz("80331"), NOW - u64::from(seed) * 2_000);
        if seed % 106 != 0 {
            net.publish(1, announce.clone());
        }
        net.publish(0, announce);
    }
    net.wire(0, 1, false);
    net.settle();
    assert!((0..530).all(|seed| net.knows(1, seed).is_some()));
    let objects = 5 * (announce(0, 1).bytes().len() as u64 + 2);
    let spent = net.bytes - objects;
    assert!(spent <= 2_000, "{spent} B beside the announces");
}

#[test]
fn fap_75_over_radio_the_own_region_goes() {
    let mut net = Net::new(3);
    net.publish(0, announce(1, 1));
    net.publish(0, announce_at(2, 1, plz("10115"), NOW));
    net.wire(0, 1, true);
    net.wire(1, 2, true);
    net.settle();
    net.publish(0, announce(3, 1));
    net.publish(0, announce_at(4, 1, plz("10115"), NOW));
    net.settle();
    for router in [1, 2] {
        assert_eq!([1, 3].map(|seed| net.knows(router, seed)), [Some(1); 2]);
        assert_eq!([2, 4].map(|seed| net.knows(router, seed)), [None; 2]);
    }
}

/// Six routers that lose frames, are cut apart, restarted, and whose clocks differ.
#[test]
fn fap_74_caches_converge_and_nothing_withdrawn_comes_back() {
    for seed in 0..6 {
        let mut net = Net::new(6);
        net.rng = NodeRng::from_seed([seed; 32]);
        net.skews = vec![0, 300, -300, 600, -240, 0];
        for n in 0..6 {
            net.wire(n, (n + 1) % 6, false);
        }
        net.wire(0, 3, false);
        net.loss_percent = 20;
        let mut latest: BTreeMap<u32, (u32, bool)> = BTreeMap::new();
        for step in 0..60 {
            let practice = net.rng.below(8) as u32;
            let home = practice as usize % 6;
            let (sequence, _) = latest.get(&practice).copied().unwrap_or((0, false));
            match net.rng.below(10) {
                0..5 => {
                    let issued = net.time(home).0;
                    net.publish(home, announce_at(practice, sequence + 1, plz("80331"), issued));
                    latest.insert(practice, (sequence + 1, true));
                }
                5 | 6 if latest.get(&practice).is_some_and(|(_, offered)| *offered) => {
                    net.withdraw(home, practice, sequence);
                    latest.insert(practice, (sequence, false));
                }
                7 => net.restart((step % 6) as usize),
                _ => {
                    let wire = net.rng.below(7) as usize;
                    let up = net.wires[wire].4;
                    net.set_up(wire, !up);
                }
            }
            if step % 4 == 0 {
                net.run(60);
            }
        }
        for wire in 0..7 {
            if !net.wires[wire].4 {
                net.set_up(wire, true);
            }
        }
        net.loss_percent = 0;
        net.run(3_000);
        for router in 0..6 {
            for (practice, (sequence, offered)) in &latest {
                let expected = offered.then_some(*sequence);
                assert_eq!(
                    net.knows(router, *practice),
                    expected,
                    "seed {seed}, {router}, {practice}"
                );
            }
        }
    }
}

#[test]
fn fap_76_a_neighbour_that_sends_rubbish_is_muted_and_harms_nobody() {
    let mut router = FappRouter::new(RouterConfig::default(), [1; 32]);
    let now = UnixSeconds(NOW);
    router.handle_neighbour_up(now, 1, false);
    let mut good = vec![wire::OBJECTS];
    wire::write_object(&mut good, &announce(1, 1).bytes());
    for len in 0..good.len() {
        let mut fresh = FappRouter::new(RouterConfig::default(), [1; 32]);
        fresh.handle_neighbour_up(now, 1, false);
        let _ = fresh.handle_frame(now, 1, &good[..len]);
        assert!(fresh.cache().is_empty(), "{len}");
    }
    for bit in 0..good.len() * 8 {
        let mut flipped = good.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let mut fresh = FappRouter::new(RouterConfig::default(), [1; 32]);
        fresh.handle_neighbour_up(now, 1, false);
        let _ = fresh.handle_frame(now, 1, &flipped);
        assert!(fresh.cache().is_empty(), "bit {bit}");
    }
    let mut forged = good.clone();
    *forged.last_mut().expect("a signature") ^= 1;
    for _ in 0..8 {
        assert!(router.handle_frame(now, 1, &forged).is_err());
    }
    assert_eq!(router.handle_frame(now, 1, &good), Ok(()));
    assert!(router.cache().is_empty(), "it is not listened to");
    assert_eq!(router.counters().muted, 1);
    let later = UnixSeconds(NOW + 601);
    assert_eq!(router.handle_frame(later, 1, &good), Ok(()));
    assert_eq!(router.cache().len(), 1);
    // What nobody asked for, and random bytes of every kind.
    let mut rng = NodeRng::from_seed([3; 32]);
    for round in 0..20_000_u32 {
        let mut frame = vec![0; rng.below(200) as usize];
        rng.fill(&mut frame);
        if let Some(kind) = frame.first_mut() {
            *kind = (round % 9) as u8;
        }
        let now = UnixSeconds(NOW + u64::from(round) * 700);
        let _ = router.handle_frame(now, 1, &frame);
    }
}

#[test]
fn fap_80_a_query_finds_what_is_not_here_and_names_nobody() {
    let mut net = Net::new(4);
    // The asker's own cache and its neighbour's are empty; two hops on somebody has the region.
    net.publish(3, announce(1, 1));
    net.publish(3, announce_at(2, 1, plz("10115"), NOW));
    for n in 0..3 {
        net.wire(n, n + 1, false);
    }
    // Nothing is compared: only the query shall bring it.
    for router in &mut net.routers {
        for neighbour in router.neighbours.values_mut() {
            neighbour.hello = None;
            neighbour.again_at = UnixSeconds(u64::MAX);
            neighbour.fresh.clear();
        }
    }
    let query = SlotQuery { plz_prefix: Some("80331".into()), ..SlotQuery::default() };
    let mut sent = Vec::new();
    for _ in 0..2 {
        let now = net.time(0);
        let number = net.routers[0].send_query(now, &query).expect("two digits");
        net.now += 21;
        let now = net.time(0);
        net.routers[0].handle_timeout(now);
        let mut frame = Vec::new();
        assert!(net.routers[0].poll_transmit(0, &mut frame, FRAME_LEN_MAX));
        assert_eq!(frame.len(), wire::QUERY_LEN);
        sent.push(frame.clone());
        net.queue.push_back((0, 1, frame));
        net.settle();
        let found =
            |e: &FappEvent| matches!(e, FappEvent::Answered { query, .. } if *query == number);
        assert!(net.routers[0].events.iter().any(found));
    }
    assert_eq!((net.knows(0, 1), net.knows(0, 2)), (Some(1), None));
    // Type, hops, region, two attributes: the rest is random each time.
    let same = sent[0].iter().zip(&sent[1]).filter(|(a, b)| a == b).count();
    assert!(same <= 7 + 3, "{same} bytes in common");
    let vague = SlotQuery { plz_prefix: Some("8".into()), ..SlotQuery::default() };
    let now = net.time(0);
    assert!(net.routers[0].send_query(now, &vague).is_err());
}

#[test]
fn fap_82_queries_are_budgeted() {
    let mut router = FappRouter::new(RouterConfig::default(), [1; 32]);
    let now = UnixSeconds(NOW);
    router.handle_neighbour_up(now, 1, false);
    router.handle_neighbour_up(now, 2, false);
    for n in 0..100_u8 {
        let query =
            wire::Query { id: [n; 16], hops: 4, region: 80, fachrichtungen: 0, kostentraeger: 0 };
        let mut frame = Vec::new();
        query.write(&mut frame, &[0; wire::PADDING]);
        assert_eq!(router.handle_frame(now, 1, &frame), Ok(()));
    }
    assert_eq!(router.neighbours[&2].out.len(), 8);
}
