//! Seven daemons in a line on loopback: round trips over six hops, and how fast a newcomer is
//! reachable from the far end.

use std::time::{Duration, Instant};

use api::{LinksProxy, MessagesProxy, PingOptions, RouteOptions, RoutesProxy};
use simulation::daemons::{Daemon, Place, Programs, Scratch, free_loopback_address};

use crate::{
    Failure,
    peers::{Peers, figure},
    primitives::median,
    table::{Row, Section},
};

const HOPS: usize = 6;

pub(crate) async fn measure(peers: &Peers) -> Result<Section, Failure> {
    let scratch = Scratch::new()?;
    let daemons = start(&scratch, HOPS + 1)?;
    for pair in daemons[..HOPS].windows(2) {
        join(&pair[1], &pair[0]).await?;
    }
    let (first, last) = (&daemons[0], &daemons[HOPS]);
    await_route(first, daemons[HOPS - 1].address()).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;

    let started = Instant::now();
    join(last, &daemons[HOPS - 1]).await?;
    await_route(first, last.address()).await?;
    let reach = started.elapsed().as_secs_f64();

    let rtt_ms = median(ping(first, last.address(), 1_000).await?) / 1e3;
    let peer = peers.reticulum(&["line", "6", "500"]);
    Ok(Section::new(
        "A line of seven daemons, six hops of TCP",
        vec![
            Row::limited(
                "proven round trip, 100 B in a session, p50",
                format!("{rtt_ms:.3} ms"),
                "≤ 0.6 ms",
                rtt_ms <= 0.6,
            )
            .beside(format!("Reticulum {}", figure(&peer, "rtt_ms", 2, " ms"))),
            Row::limited(
                "from a new link (connect and handshake included) to reachable over 5 relays",
                format!("{:.0} ms", reach * 1e3),
                "≤ 100 ms",
                reach <= 0.1,
            )
            .beside(format!("Reticulum {}", figure(&peer, "reach_s", 2, " s (announce alone)"))),
        ],
    ))
}

/// Starts daemons without links.
pub(crate) fn start(scratch: &Scratch, count: usize) -> Result<Vec<Daemon>, Failure> {
    let programs = Programs::find();
    (0..count)
        .map(|index| {
            let folder = scratch.path().join(index.to_string());
            let listen = free_loopback_address()?;
            Ok(Daemon::start(&programs, Place { folder, listen, namespace: None })?)
        })
        .collect()
}

/// Links `from` to `to`.
pub(crate) async fn join(from: &Daemon, to: &Daemon) -> Result<(), Failure> {
    let connection = api::connect(&from.socket()).await?;
    let uri = format!("tcp://{}", to.place().listen);
    LinksProxy::new(&connection).await?.add(&uri).await?;
    Ok(())
}

/// Waits until `from` has a route to the address.
pub(crate) async fn await_route(from: &Daemon, address: &str) -> Result<(), Failure> {
    let connection = api::connect(&from.socket()).await?;
    let routes = RoutesProxy::new(&connection).await?;
    let deadline = Instant::now() + Duration::from_secs(60);
    while Instant::now() < deadline {
        let options = RouteOptions { address: Some(address.into()), ..RouteOptions::default() };
        if routes.list(options).await.is_ok_and(|routes| !routes.is_empty()) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err("no route within a minute".into())
}

/// Round trips in microseconds.
async fn ping(from: &Daemon, address: &str, count: usize) -> Result<Vec<f64>, Failure> {
    let connection = api::connect(&from.socket()).await?;
    let messages = MessagesProxy::new(&connection).await?;
    let mut samples = Vec::with_capacity(count);
    for index in 0..count + WARM_UP {
        let options = PingOptions { payload_len: Some(100), ..PingOptions::default() };
        let reply = messages.ping(address, options).await?;
        if index >= WARM_UP {
            samples.push(reply.rtt_us as f64);
        }
    }
    Ok(samples)
}

/// The first ping sets the session up.
const WARM_UP: usize = 20;
