//! Links for tests: memory, impaired, traced, attached to a manager like any other.

use std::{
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

use mesh::{LinkCaps, Medium};
use transports::{
    DownReason, SendState,
    impaired::{ImpairedLink, Profile},
    memory::MemoryLink,
    trace::TracedLink,
};

use crate::pair::{Station, identity, until};

fn pair() -> (MemoryLink, MemoryLink) {
    MemoryLink::pair(identity(1).public(), identity(2).public())
}

async fn attached(
    a: &mut Station,
    b: &mut Station,
    links: (Box<dyn transports::Link>, Box<dyn transports::Link>),
) {
    a.manager.attach("memory:a", links.0);
    b.manager.attach("memory:b", links.1);
    until(a, b, "both up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
}

#[tokio::test]
async fn lnk_60_memory_links_carry_frames_and_end() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let (one, two) = pair();
    attached(&mut a, &mut b, (Box::new(one), Box::new(two))).await;
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    assert_eq!(a.ups[0].peer, identity(2).public());
    a.send(ab, b"ping");
    b.send(ba, b"pong");
    until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && !b.frames.is_empty()).await;
    a.manager.close(ab, DownReason::Removed);
    until(&mut a, &mut b, "down", |a, b| a.downs.len() == 1 && b.downs.len() == 1).await;
    assert_eq!(b.downs[0].1.as_str(), "peer-left");
}

#[tokio::test]
async fn lnk_60_a_full_memory_link_stops_the_pull() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let (one, two) = pair();
    attached(&mut a, &mut b, (Box::new(one), Box::new(two))).await;
    let ab = a.ups[0].link;
    let (mut pulled, mut state) = (0, SendState::Idle);
    while pulled < 10_000 && state == SendState::Idle {
        state = a.manager.send(ab, |buf| {
            buf.extend_from_slice(&[0; 1_000]);
            pulled += 1;
            true
        });
    }
    assert_eq!((state, pulled), (SendState::Blocked, (1 << 20) / 1_000 + 1));
    until(&mut a, &mut b, "read", |_, b| b.frames.len() == pulled).await;
    assert_eq!(a.send(ab, b"more"), SendState::Idle);
}

#[tokio::test(start_paused = true)]
async fn lnk_61_an_impaired_link_is_late_and_says_what_it_is() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let (one, two) = pair();
    let profile = Profile {
        delay: Duration::from_millis(200),
        loss_ppm: 500_000,
        rate_bps: Some(1_000_000),
        ..Profile::default()
    };
    let two = ImpairedLink::new(two, profile, 4);
    attached(&mut a, &mut b, (Box::new(one), Box::new(two))).await;
    let caps = LinkCaps { reliable: false, bitrate_bps: 1_000_000, ..a.ups[0].caps };
    assert_eq!(b.ups[0].caps, caps);
    let began = tokio::time::Instant::now();
    let ab = a.ups[0].link;
    let mut left = 100;
    a.manager.send(ab, |buf| {
        buf.extend_from_slice(&[7; 100]);
        left -= 1;
        left >= 0
    });
    until(&mut a, &mut b, "a frame", |_, b| !b.frames.is_empty()).await;
    assert!(began.elapsed() >= Duration::from_millis(200));
    while tokio::time::timeout(Duration::from_secs(1), b.step()).await.is_ok() {}
    assert!((30..70).contains(&b.frames.len()), "{} of 100 arrived", b.frames.len());
}

/// A writer that can still be read while something writes.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no panic under the lock").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn lnk_62_a_trace_has_the_frames_of_both_ways() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let (one, two) = pair();
    let file = Shared::default();
    let one = TracedLink::new(one, file.clone());
    attached(&mut a, &mut b, (Box::new(one), Box::new(two))).await;
    assert_eq!(a.ups[0].caps.medium, Medium::Memory);
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    a.send(ab, b"out of a");
    b.send(ba, b"into a");
    until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && !b.frames.is_empty()).await;
    let file = file.0.lock().expect("no panic under the lock");
    let has = |text: &[u8]| file.windows(text.len()).any(|window| window == text);
    assert!(has(b"out of a") && has(b"into a"));
    assert_eq!(file.len() % 4, 0);
}
