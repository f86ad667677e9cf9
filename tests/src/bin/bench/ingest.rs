//! Announces of distinct keys into one daemon: how many a second of its CPU takes, what a burst
//! loses, and what a known destination costs.

use std::{
    fs,
    time::{Duration, Instant},
};

use api::DaemonProxy;
use mesh::{
    LinkId, MeshIdentity,
    announce::{Advertisement, KIND_ANNOUNCES, MeshAnnounce, Validity, write_count},
    crypto::Mode,
    identity::Capabilities,
    wire::VERSION,
};
use simulation::daemons::{Daemon, Place, Programs, Scratch, free_loopback_address};
use transports::{Flow, LinkConfig, LinkEvent, SendState, TransportManager};

use crate::{
    Failure,
    idle::{cpu_seconds, resident_bytes},
    peers::{Peers, figure},
    primitives::batch_verify_s,
    table::{Row, Section},
};

/// Known destinations of the memory row.
const DESTINATIONS: usize = 100_000;
/// Neighbours they come through: each may fill a quarter of the table.
const FEEDERS: usize = 5;
const BURST: usize = 5_000;
const BURST_PER_S: usize = 4_000;
/// Announces in a frame of full length.
const PER_FRAME: usize = 512;

pub(crate) async fn measure(peers: &Peers) -> Result<Section, Failure> {
    let bare_per_s = 1.0 / batch_verify_s();
    let lost = burst().await?;
    let (per_cpu_s, bytes_each) = fill().await?;
    let (slow, fast) =
        (peers.reticulum(&["ingest", "2000", "500"]), peers.reticulum(&["ingest", "5000", "4000"]));
    Ok(Section::new(
        "Announces into one daemon",
        vec![
            Row::plain("batch verification alone", format!("{bare_per_s:.0}/s")),
            Row::limited(
                "announces of distinct keys, per CPU-second of the daemon",
                format!("{per_cpu_s:.0} ({:.2} of verification alone)", per_cpu_s / bare_per_s),
                "≥ 0.7 of verification alone",
                per_cpu_s >= 0.7 * bare_per_s,
            )
            .beside(format!("Reticulum {}", figure(&slow, "per_cpu_s", 0, ""))),
            Row::limited(
                format!("lost of a burst of {BURST} at {BURST_PER_S}/s"),
                format!("{lost}"),
                "0",
                lost == 0,
            )
            .beside(format!("Reticulum {}", figure(&fast, "lost_percent", 0, " %"))),
            Row::limited(
                format!("memory per destination, {DESTINATIONS} of them"),
                format!("{bytes_each:.0} B"),
                "≤ 400 B",
                bytes_each <= 400.0,
            )
            .beside(format!("Reticulum {}", figure(&slow, "bytes_each", 0, " B (2,000 of them)"))),
        ],
    ))
}

fn start(scratch: &Scratch) -> Result<Daemon, Failure> {
    let folder = scratch.path().join("d");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("qpcd.toml"), "[mesh]\nroutes_max = 120000\n")?;
    let listen = free_loopback_address()?;
    Ok(Daemon::start(&Programs::find(), Place { folder, listen, namespace: None })?)
}

/// Announces of a burst that the daemon does not know afterwards.
async fn burst() -> Result<usize, Failure> {
    let scratch = Scratch::new()?;
    let daemon = start(&scratch)?;
    let mut feeder = Feeder::connect(&daemon, 0).await?;
    let per_tick = BURST_PER_S / 100;
    let frames: Vec<Vec<u8>> = announces(0..BURST).chunks(per_tick).map(frame).collect();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    for frame in &frames {
        tick.tick().await;
        feeder.send(frame).await;
    }
    let known = settled_routes(&daemon, &mut [feeder], BURST).await?;
    Ok(BURST.saturating_sub(known))
}

/// Fills the table as fast as the daemon reads: announces per CPU-second, bytes for each.
async fn fill() -> Result<(f64, f64), Failure> {
    let scratch = Scratch::new()?;
    let daemon = start(&scratch)?;
    let mut feeders = Vec::new();
    for number in 0..FEEDERS {
        feeders.push(Feeder::connect(&daemon, number).await?);
    }
    let all = announces(0..DESTINATIONS);
    let frames: Vec<Vec<u8>> = all.chunks(PER_FRAME).map(frame).collect();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = (cpu_seconds(&daemon)?, resident_bytes(&daemon)?);
    for (number, frame) in frames.iter().enumerate() {
        feeders[number % FEEDERS].send(frame).await;
    }
    let known = settled_routes(&daemon, &mut feeders, DESTINATIONS).await?;
    let cpu = cpu_seconds(&daemon)? - before.0;
    let grown = resident_bytes(&daemon)?.saturating_sub(before.1);
    eprintln!("{known} destinations known, {cpu:.2} CPU-seconds");
    Ok((known as f64 / cpu, grown as f64 / known.max(1) as f64))
}

/// How many of `wanted` destinations the daemon knows once the number no longer grows. Links are
/// read meanwhile, or the daemon would wait for us.
async fn settled_routes(
    daemon: &Daemon,
    feeders: &mut [Feeder],
    wanted: usize,
) -> Result<usize, Failure> {
    let connection = api::connect(&daemon.socket()).await?;
    let proxy = DaemonProxy::new(&connection).await?;
    let (mut known, mut grew) = (0, Instant::now());
    while known < wanted && grew.elapsed() < Duration::from_secs(5) {
        for feeder in &mut *feeders {
            feeder.read(Duration::from_millis(20)).await;
        }
        // The feeders are neighbours, and so destinations themselves.
        let routes = (proxy.status().await?.routes as usize).saturating_sub(feeders.len());
        if routes > known {
            (known, grew) = (routes, Instant::now());
        }
    }
    Ok(known)
}

/// A neighbour that sends announces and reads whatever comes.
pub(crate) struct Feeder {
    manager: TransportManager,
    link: LinkId,
}

impl Feeder {
    pub(crate) async fn connect(daemon: &Daemon, number: usize) -> Result<Self, Failure> {
        let mut manager = TransportManager::new(LinkConfig::new(identity(usize::MAX - number)));
        manager.add(&format!("tcp://{}", daemon.place().listen))?;
        loop {
            let event = tokio::time::timeout(Duration::from_secs(10), manager.next()).await?;
            if let LinkEvent::Up { up, .. } = event {
                return Ok(Self { manager, link: up.link });
            }
        }
    }

    /// Sends a frame, waiting for room in the socket.
    pub(crate) async fn send(&mut self, frame: &[u8]) {
        let mut left = Some(frame);
        loop {
            let state = self.manager.send(self.link, |buffer| {
                left.take().is_some_and(|frame| {
                    buffer.extend_from_slice(frame);
                    true
                })
            });
            if left.is_none() || state == SendState::Gone {
                return;
            }
            self.read(Duration::from_millis(5)).await;
        }
    }

    /// Handles what happens on the link for a while.
    pub(crate) async fn read(&mut self, pause: Duration) {
        let until = tokio::time::Instant::now() + pause;
        while let Ok(event) = tokio::time::timeout_at(until, self.manager.next()).await {
            match event {
                LinkEvent::Readable(link) => {
                    self.manager.recv(link, |_| Flow::Continue);
                }
                LinkEvent::Writable(link) => {
                    let _ = self.manager.send(link, |_| false);
                    return;
                }
                _ => {}
            }
        }
    }
}

fn identity(number: usize) -> MeshIdentity {
    let mut seed = [0x5a; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    MeshIdentity::from_seeds(seed, None)
}

fn announces(numbers: std::ops::Range<usize>) -> Vec<MeshAnnounce> {
    let validity = Validity::at_least(Duration::from_secs(3_600));
    numbers
        .map(|number| {
            let identity = identity(number);
            MeshAnnounce::signed(Mode::Real, &identity, 1, Capabilities::NONE, validity, 1)
        })
        .collect()
}

fn frame(announces: &[MeshAnnounce]) -> Vec<u8> {
    let mut frame = vec![VERSION, KIND_ANNOUNCES];
    write_count(announces.len(), &mut frame);
    for announce in announces {
        Advertisement { hops: 1, cost: 100, announce: *announce }.write(&mut frame);
    }
    frame
}
