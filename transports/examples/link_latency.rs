//! Round trips of a 100 byte frame over a line of seven managers, each on a thread of its own,
//! beside the same line of plain TCP sockets. Prints microseconds.
//!
//! ```sh
//! cargo run --release -p quicprochat-transports --example link_latency -- [round trips] [hops]
//! ```

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use mesh::{LinkId, identity::MeshIdentity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use transports::{Flow, LinkConfig, LinkEvent, LinkState, TransportManager};

const FRAME_LEN: usize = 100;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (trips, hops) = (number(20_000), number(6));
    print("plain TCP", hops, on_runtime(plain_line(trips, hops)));
    print("links", hops, link_line(trips, hops));
}

fn print(what: &str, hops: usize, mut trips: Vec<Duration>) {
    trips.sort_unstable();
    let at = |share: f64| trips[((trips.len() - 1) as f64 * share) as usize];
    println!(
        "{what}, {hops} hops: p50 {:.1?}, p95 {:.1?}, p99 {:.1?}",
        at(0.5),
        at(0.95),
        at(0.99)
    );
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

/// A node in the line: accepts one link, has dialled the next, and passes frames on. The last
/// one sends them back.
fn link_line(trips: usize, hops: usize) -> Vec<Duration> {
    let mut next = None;
    for seed in 0..hops {
        let (address_in, address) = mpsc::sync_channel(1);
        thread::spawn(move || on_runtime(relay(seed as u8, next, address_in)));
        next = Some(address.recv().expect("the relay listens"));
    }
    on_runtime(ask(next.expect("at least one hop"), trips))
}

fn manager(seed: u8) -> TransportManager {
    TransportManager::new(LinkConfig::new(MeshIdentity::from_seeds([seed; 32], None)))
}

fn send(manager: &mut TransportManager, link: LinkId, frames: &mut Vec<Vec<u8>>) {
    manager.send(link, |buf| match frames.pop() {
        Some(frame) => {
            buf.extend_from_slice(&frame);
            true
        }
        None => false,
    });
}

async fn relay(seed: u8, next: Option<SocketAddr>, address: mpsc::SyncSender<SocketAddr>) {
    let mut manager = manager(seed);
    manager.listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free handle");
    if let Some(next) = next {
        manager.add(&format!("tcp://{next}")).expect("a free handle");
    }
    let (mut before, mut after) = (None, None);
    let mut frames = Vec::new();
    loop {
        match manager.next().await {
            LinkEvent::StatusChanged => {
                let is_ready = next.is_none() || after.is_some();
                if let LinkState::Listening { address: bound } = manager.list()[0].state
                    && is_ready
                {
                    let _ = address.try_send(bound);
                }
            }
            LinkEvent::Up { up, handle: None } => before = Some(up.link),
            LinkEvent::Up { up, .. } => after = Some(up.link),
            LinkEvent::Readable(link) => {
                manager.recv(link, |frame| {
                    frames.push(frame.to_vec());
                    Flow::Continue
                });
                let onward = if Some(link) == before { after.or(before) } else { before };
                if let (Some(onward), false) = (onward, frames.is_empty()) {
                    send(&mut manager, onward, &mut frames);
                }
            }
            LinkEvent::Down { .. } => return,
            _ => {}
        }
    }
}

async fn ask(address: SocketAddr, trips: usize) -> Vec<Duration> {
    let mut manager = manager(200);
    manager.add(&format!("tcp://{address}")).expect("a free handle");
    let mut times = Vec::with_capacity(trips);
    let mut asked_at = Instant::now();
    while times.len() < trips {
        let mut got = false;
        let link = match manager.next().await {
            LinkEvent::Up { up, .. } => {
                got = true;
                up.link
            }
            LinkEvent::Readable(link) => {
                manager.recv(link, |_| {
                    got = true;
                    times.push(asked_at.elapsed());
                    Flow::Continue
                });
                link
            }
            _ => continue,
        };
        if got {
            asked_at = Instant::now();
            send(&mut manager, link, &mut vec![vec![0x5a; FRAME_LEN]]);
        }
    }
    times
}

/// The same with sockets alone.
async fn plain_line(trips: usize, hops: usize) -> Vec<Duration> {
    let mut next: Option<SocketAddr> = None;
    for _ in 0..hops {
        let (address_in, address) = mpsc::sync_channel(1);
        thread::spawn(move || on_runtime(plain_relay(next, address_in)));
        next = Some(address.recv().expect("the relay listens"));
    }
    let mut stream = plain_connect(next.expect("at least one hop")).await;
    let (mut frame, mut times) = ([0x5a; FRAME_LEN], Vec::with_capacity(trips));
    for _ in 0..trips {
        let asked_at = Instant::now();
        stream.write_all(&frame).await.expect("the line is up");
        stream.read_exact(&mut frame).await.expect("the line is up");
        times.push(asked_at.elapsed());
    }
    times
}

async fn plain_connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.expect("the next hop listens");
    stream.set_nodelay(true).expect("a socket option");
    stream
}

async fn plain_relay(next: Option<SocketAddr>, address: mpsc::SyncSender<SocketAddr>) {
    let mut after = match next {
        Some(next) => Some(plain_connect(next).await),
        None => None,
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    address.send(listener.local_addr().expect("bound")).expect("somebody waits for it");
    let (mut before, _) = listener.accept().await.expect("the previous hop connects");
    before.set_nodelay(true).expect("a socket option");
    let mut frame = [0; FRAME_LEN];
    while before.read_exact(&mut frame).await.is_ok() {
        if let Some(after) = &mut after {
            after.write_all(&frame).await.expect("the line is up");
            after.read_exact(&mut frame).await.expect("the line is up");
        }
        before.write_all(&frame).await.expect("the line is up");
    }
}
