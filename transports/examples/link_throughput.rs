//! Frames of 64 KiB through one link between two managers, each on a thread of its own, as two
//! daemons would be. Prints Gbit/s of payload.
//!
//! ```sh
//! cargo run --release -p quicprochat-transports --example link_throughput -- [seconds] [frame bytes]
//! ```

use std::{
    net::SocketAddr,
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use mesh::identity::MeshIdentity;
use transports::{Flow, LinkConfig, LinkEvent, LinkState, SendState, TransportManager};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default| arguments.next().and_then(|n| n.parse().ok()).unwrap_or(default);
    let (seconds, frame_len) = (number(5), number(64 << 10) as usize);
    let (address_in, address) = mpsc::sync_channel(1);
    let receiver = thread::spawn(move || on_runtime(receive(address_in)));
    let address = address.recv().expect("the receiver listens");
    let sent = on_runtime(send(address, Duration::from_secs(seconds), frame_len));
    let (bytes, took) = receiver.join().expect("the receiver does not panic");
    let gbit_s = bytes as f64 * 8e-9 / took.as_secs_f64();
    println!("{frame_len} byte frames: {gbit_s:.2} Gbit/s ({bytes} of {sent} bytes in {took:.2?})");
}

fn on_runtime<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(work)
}

fn manager(seed: u8) -> TransportManager {
    TransportManager::new(LinkConfig::new(MeshIdentity::from_seeds([seed; 32], None)))
}

async fn receive(address: mpsc::SyncSender<SocketAddr>) -> (u64, Duration) {
    let mut manager = manager(1);
    manager.listen(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free handle");
    let (mut bytes, mut first) = (0, None);
    loop {
        match manager.next().await {
            LinkEvent::StatusChanged => {
                if let LinkState::Listening { address: bound } = manager.list()[0].state {
                    let _ = address.try_send(bound);
                }
            }
            LinkEvent::Readable(link) => {
                manager.recv(link, |frame| {
                    first.get_or_insert_with(Instant::now);
                    bytes += frame.len() as u64;
                    Flow::Continue
                });
            }
            LinkEvent::Down { .. } => {
                return (bytes, first.map_or(Duration::ZERO, |first| first.elapsed()));
            }
            _ => {}
        }
    }
}

async fn send(address: SocketAddr, time: Duration, frame_len: usize) -> u64 {
    let mut manager = manager(2);
    manager.add(&format!("tcp://{address}")).expect("a free handle");
    let frame = vec![0x5a; frame_len];
    let (mut sent, mut end) = (0, None);
    loop {
        let link = match manager.next().await {
            LinkEvent::Up { up, .. } => up.link,
            LinkEvent::Writable(link) => link,
            LinkEvent::Readable(link) => {
                manager.recv(link, |_| Flow::Continue);
                continue;
            }
            _ => continue,
        };
        let end = *end.get_or_insert_with(|| Instant::now() + time);
        let state = manager.send(link, |buf| {
            if Instant::now() >= end {
                return false;
            }
            buf.extend_from_slice(&frame);
            sent += frame.len() as u64;
            true
        });
        if state == SendState::Idle {
            manager.shutdown(Duration::from_secs(1)).await;
            return sent;
        }
    }
}
