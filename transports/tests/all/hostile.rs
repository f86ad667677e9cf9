//! Peers that do not play by the rules, on raw sockets.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use transports::{NetworkKey, limits::HALF_OPEN_PER_SOURCE_MAX};

use crate::pair::{Station, identity};

/// Runs `guest` while the station goes on.
async fn while_serving<T>(station: &mut Station, guest: impl Future<Output = T>) -> T {
    tokio::pin!(guest);
    loop {
        tokio::select! {
            done = &mut guest => return done,
            () = station.step() => {}
        }
    }
}

async fn connect(at: SocketAddr) -> TcpStream {
    TcpStream::connect(at).await.expect("it listens")
}

/// Reads until the other side closes; how many bytes came.
async fn read_to_end(stream: &mut TcpStream) -> usize {
    let mut bytes = Vec::new();
    // A reset is a way of closing, too.
    let _ = stream.read_to_end(&mut bytes).await;
    bytes.len()
}

fn failed(station: &Station, reason: &str) -> u64 {
    station.manager.counters().handshakes_failed.get(reason).copied().unwrap_or(0)
}

async fn until_failed(station: &mut Station, reason: &str) {
    let waits = async {
        while failed(station, reason) == 0 {
            station.step_or_outcome().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waits).await.expect("it is counted");
}

#[tokio::test]
async fn lnk_23_another_protocol_is_closed_at_its_first_byte() {
    let mut station = Station::new(1);
    let at = station.listen_on("127.0.0.1").await;
    let answered = while_serving(&mut station, async {
        let mut guest = connect(at).await;
        guest.write_all(b"G").await.expect("one byte");
        read_to_end(&mut guest).await
    })
    .await;
    assert_eq!(answered, 0);
    until_failed(&mut station, "version").await;
}

#[tokio::test]
async fn lnk_21_a_stranger_gets_no_byte_from_a_closed_network() {
    let mut station = Station::closed(1, NetworkKey::from_bytes([7; 32]));
    let at = station.listen_on("127.0.0.1").await;
    let answered = while_serving(&mut station, async {
        let mut guest = connect(at).await;
        let mut knock = vec![0x5a; 1 + 32 + 1_184 + 16];
        knock[0] = 1;
        guest.write_all(&knock).await.expect("a first message");
        read_to_end(&mut guest).await
    })
    .await;
    assert_eq!(answered, 0);
    until_failed(&mut station, "refused").await;
    assert!(station.ups.is_empty());
}

#[tokio::test]
async fn lnk_26_a_connection_may_end_anywhere_in_a_handshake() {
    let mut station = Station::new(1);
    let at = station.listen_on("127.0.0.1").await;
    for len in [0, 1, 2, 33, 1_232] {
        while_serving(&mut station, async {
            let mut guest = connect(at).await;
            guest.write_all(&vec![1; len]).await.expect("some bytes");
        })
        .await;
    }
    while failed(&station, "closed") < 5 {
        station.step_or_outcome().await;
    }
    assert!(station.ups.is_empty());
}

#[tokio::test(start_paused = true)]
async fn lnk_53_who_says_nothing_is_closed_after_ten_seconds() {
    let mut station = Station::new(1);
    let at = station.listen_on("127.0.0.1").await;
    let began = tokio::time::Instant::now();
    while_serving(&mut station, async {
        let mut guest = connect(at).await;
        guest.write_all(&[1]).await.expect("a version byte");
        read_to_end(&mut guest).await
    })
    .await;
    let took = began.elapsed();
    assert!(took >= Duration::from_secs(10) && took < Duration::from_secs(12), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn lnk_53_slow_bytes_do_not_win_time() {
    let mut station = Station::new(1);
    let at = station.listen_on("127.0.0.1").await;
    let began = tokio::time::Instant::now();
    let sent = while_serving(&mut station, async {
        let mut guest = connect(at).await;
        let mut sent = 0;
        // One byte a second would take twenty minutes.
        while guest.write_all(&[1]).await.is_ok() && sent < 1_232 {
            sent += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        sent
    })
    .await;
    assert!(sent < 20 && began.elapsed() < Duration::from_secs(20), "{sent} bytes");
    until_failed(&mut station, "timeout").await;
}

#[tokio::test]
async fn lnk_54_one_source_gets_its_share_of_half_open_connections() {
    let mut station = Station::new(1);
    let at = station.listen_on("127.0.0.1").await;
    let mut guests = Vec::new();
    for _ in 0..HALF_OPEN_PER_SOURCE_MAX {
        guests.push(connect(at).await);
    }
    while station.manager.half_open() < HALF_OPEN_PER_SOURCE_MAX {
        while_serving(&mut station, tokio::task::yield_now()).await;
    }
    let answered = while_serving(&mut station, async {
        let mut late = connect(at).await;
        read_to_end(&mut late).await
    })
    .await;
    assert_eq!((answered, station.manager.half_open()), (0, HALF_OPEN_PER_SOURCE_MAX));
    drop(guests);
    while station.manager.half_open() > 0 {
        while_serving(&mut station, tokio::task::yield_now()).await;
    }
}

/// A peer that authenticates and then sends rubbish loses its link, and only that.
#[tokio::test]
async fn lnk_42_rubbish_after_the_handshake_ends_the_link() {
    for (rubbish, reason) in [
        (vec![0xff; 64], "bad-length"),
        ([&20_u32.to_le_bytes()[..], &[0; 20]].concat(), "bad-tag"),
        ((200_u32).to_le_bytes().to_vec(), "truncated"),
        (Vec::new(), "closed"),
    ] {
        let mut station = Station::new(1);
        let at = station.listen_on("127.0.0.1").await;
        while_serving(&mut station, async {
            let (mut stream, _) = crate::pair::shake_by_hand(at, identity(9)).await;
            stream.write_all(&rubbish).await.expect("the link is up");
            stream.shutdown().await.expect("a socket");
            read_to_end(&mut stream).await
        })
        .await;
        while station.downs.is_empty() {
            station.step().await;
        }
        assert_eq!(station.downs[0].1.as_str(), reason);
        assert_eq!(station.ups.len(), 1);
    }
}

/// The first record has to confirm the link; a frame in its place does not bring it up.
#[tokio::test]
async fn lnk_27_an_unconfirmed_link_does_not_come_up() {
    let mut station = Station::new(1);
    let at = station.listen_on("127.0.0.1").await;
    while_serving(&mut station, async {
        let (mut stream, mut established) =
            crate::pair::shake_without_confirm(at, identity(9)).await;
        let mut wire = Vec::new();
        let start = transports::secure::Sealer::begin(&mut wire);
        wire.extend_from_slice(&[0; 2]);
        established.sealer.finish(&mut wire, start);
        stream.write_all(&wire).await.expect("a socket");
        read_to_end(&mut stream).await
    })
    .await;
    until_failed(&mut station, "refused").await;
    assert!(station.ups.is_empty());
}
