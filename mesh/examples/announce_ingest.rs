//! How fast a node takes in announces of distinct keys, beside the speed of bare batch
//! verification, and what a destination costs in memory.
//!
//! `cargo run --release --example announce_ingest -p quicprochat-mesh [-- DESTINATIONS]`
#![expect(clippy::disallowed_types, reason = "a benchmark reads the clock that the core must not")]

use std::{
    env, fs,
    time::{Duration, Instant as Clock},
};

use mesh::{
    LinkCaps, LinkId, Medium, MeshIdentity,
    announce::{Advertisement, KIND_ANNOUNCES, MeshAnnounce, Validity, write_count},
    crypto::{Mode, rng::NodeRng, sign},
    identity::Capabilities,
    routing::{Routing, RoutingConfig},
    time::Instant,
};

/// Announces per frame: a frame of 64 kB holds 585.
const PER_FRAME: usize = 512;

fn main() {
    let count = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let announces = announces(count);
    let bare = bare_batches(&announces);
    report("batch verification alone", count, bare);
    let (ingest, bytes) = ingest(&announces);
    report("on_frame and flush", count, ingest);
    println!("ratio {:.2}", bare.as_secs_f64() / ingest.as_secs_f64());
    println!("{bytes} bytes per destination");
}

fn report(what: &str, count: usize, took: Duration) {
    let each = took.as_secs_f64() / count as f64;
    println!("{what}: {:.2} us each, {:.0} per second", each * 1e6, 1.0 / each);
}

fn identity(n: usize) -> MeshIdentity {
    let mut seed = [1; 32];
    seed[..8].copy_from_slice(&(n as u64).to_le_bytes());
    MeshIdentity::from_seeds(seed, None)
}

fn announces(count: usize) -> Vec<MeshAnnounce> {
    let validity = Validity::at_least(Duration::from_secs(3_600));
    (0..count)
        .map(|n| MeshAnnounce::signed(Mode::Real, &identity(n), 1, Capabilities::NONE, validity, 1))
        .collect()
}

fn bare_batches(announces: &[MeshAnnounce]) -> Duration {
    let mut rng = NodeRng::from_seed([2; 32]);
    let start = Clock::now();
    for part in announces.chunks(PER_FRAME) {
        let mut batch = sign::Batch::new(Mode::Real);
        for announce in part {
            batch.push(&announce.key, &announce.digest(), &announce.signature);
        }
        assert!(batch.verify(&mut rng).into_iter().all(|holds| holds));
    }
    start.elapsed()
}

/// Feeds everything through four neighbours, so that no quota is met.
fn ingest(announces: &[MeshAnnounce]) -> (Duration, usize) {
    let own = identity(usize::MAX);
    let frames: Vec<Vec<u8>> = announces.chunks(PER_FRAME).map(frame).collect();
    let mut rng = NodeRng::from_seed([3; 32]);
    let before = resident_bytes();
    let mut routing = Routing::new(own.address(), RoutingConfig::default());
    let caps = LinkCaps {
        medium: Medium::Memory,
        mtu: 64 << 10,
        bitrate_bps: 1_000_000_000,
        reliable: true,
        shared: false,
    };
    for n in 0..4 {
        let peer = identity(usize::MAX - 1 - n).public();
        routing.on_link_up(Instant::ZERO, LinkId(n as u32), &caps, peer);
    }
    let start = Clock::now();
    for (n, body) in frames.iter().enumerate() {
        let now = Instant::from_millis(3 * n as u64);
        let link = LinkId((n % 4) as u32);
        routing.on_frame(now, link, KIND_ANNOUNCES, body).expect("our own frame");
        routing.flush(now, &mut rng);
        while routing.poll_event().is_some() {}
    }
    let took = start.elapsed();
    assert_eq!(routing.len(), announces.len() + 4, "nothing is lost");
    (took, resident_bytes().saturating_sub(before) / announces.len())
}

/// Memory of this process as the kernel counts it (Linux): the allocator's overhead included.
fn resident_bytes() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0) * PAGE_LEN
}

const PAGE_LEN: usize = 4_096;

fn frame(announces: &[MeshAnnounce]) -> Vec<u8> {
    let mut body = Vec::new();
    write_count(announces.len(), &mut body);
    for announce in announces {
        Advertisement { hops: 1, cost: 100, announce: *announce }.write(&mut body);
    }
    body
}
