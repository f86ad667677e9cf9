//! QUIC links between managers: up, frames, relayed, direct, refused. Everything on loopback.

use std::{
    net::{SocketAddr, UdpSocket},
    task::Context,
    time::Duration,
};

use mesh::{
    PublicIdentity,
    limits::LINK_MTU_MAX,
    link::{LinkCaps, Medium},
};
use transports::{
    AddError, DownReason, Flow, Link, LinkEvent, LinkPath, LinkState, NetworkKey, Scratch,
    SendState, TransportManager,
    iroh::{ALPN, IrohConfig, IrohInfo, IrohTarget, Relay},
    limits::{HALF_OPEN_PER_SOURCE_MAX, HANDSHAKE_TIMEOUT, QUIC_WINDOW_LEN, SEND_BATCH_LEN},
    link::{Goodbye, Receiving, Sending},
};

use crate::pair::{Station, identity, until};

fn endpoint_config(seed: u8) -> IrohConfig {
    let bind = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
    IrohConfig { secret: [seed; 32].into(), bind, relays: Vec::new() }
}

/// Binds a station's endpoint and waits until it can be reached.
async fn bound(station: &mut Station, config: IrohConfig) -> IrohInfo {
    station.manager.listen_iroh(config).expect("the first endpoint");
    loop {
        if let Some(info) = station.manager.iroh()
            && !info.addresses.is_empty()
        {
            return info.clone();
        }
        station.step().await;
    }
}

/// Two stations with endpoints.
async fn pair() -> (Station, Station, IrohInfo) {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    bound(&mut a, endpoint_config(11)).await;
    let at = bound(&mut b, endpoint_config(12)).await;
    (a, b, at)
}

async fn connected() -> (Station, Station) {
    let (mut a, mut b, at) = pair().await;
    a.manager.add(&at.uri()).expect("a free handle");
    until(&mut a, &mut b, "both up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    (a, b)
}

#[tokio::test]
async fn iro_03_frames_cross_a_link_both_ways() {
    let (mut a, mut b) = connected().await;
    assert_eq!(a.ups[0].peer, identity(2).public());
    assert_eq!(b.ups[0].peer, identity(1).public());
    assert_eq!((a.ups[0].caps.mtu, a.ups[0].caps.reliable), (LINK_MTU_MAX, true));
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    let long = vec![7; LINK_MTU_MAX as usize];
    a.send(ab, b"ping");
    a.send(ab, &long);
    b.send(ba, b"pong");
    until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && b.frames.len() == 2).await;
    assert_eq!((&a.frames[0][..], &b.frames[0][..]), (&b"pong"[..], &b"ping"[..]));
    assert_eq!(b.frames[1], long);
    let row = a.manager.list().into_iter().find(|row| row.link == Some(ab)).expect("it is up");
    assert_eq!((row.state, row.inbound, row.path), (LinkState::Up, false, Some(LinkPath::Direct)));
    let row = b.manager.list().into_iter().find(|row| row.link == Some(ba)).expect("it is up");
    assert_eq!((row.inbound, row.uri.len()), (true, "iroh://".len() + 64));
}

/// What one station sends in order, and of all sizes, the other gets in order, also when it pauses.
#[tokio::test]
async fn iro_10_many_frames_of_all_sizes_arrive_in_order() {
    let (mut a, mut b) = connected().await;
    b.pause_after_each = true;
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    let frame = |n: u32| vec![n as u8; 1 + (n * 7_919 % LINK_MTU_MAX) as usize];
    let mut next = 0;
    let all = 400;
    let drive = async {
        while b.frames.len() < all as usize {
            a.manager.send(ab, |buf| {
                (next < all)
                    .then(|| buf.extend_from_slice(&frame(next)))
                    .map(|()| next += 1)
                    .is_some()
            });
            b.manager.resume(ba);
            tokio::select! {
                () = a.step() => {}
                () = b.step() => {}
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), drive).await.expect("they all arrive");
    for (n, got) in (0..all).zip(&b.frames) {
        assert!(*got == frame(n), "frame {n}");
    }
}

/// Somebody with an endpoint of his own carries the handshake's bytes from one connection to
/// another: both node keys are honest, and neither link comes up.
#[tokio::test]
async fn iro_04_a_handshake_carried_over_from_another_connection_is_refused() {
    use ::iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, TransportAddr, endpoint::presets};

    let (mut a, mut b, at_b) = pair().await;
    let middle = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("an address")
        .alpns(vec![ALPN.to_vec()])
        .bind()
        .await
        .expect("a free port");
    let mut target = IrohTarget::new(*middle.id().as_bytes());
    target.addresses = middle.bound_sockets();
    a.manager.add(&target.to_string()).expect("a free handle");
    let carry = async move {
        let from_a = middle.accept().await.expect("a calls").await.expect("and is let in");
        let id = EndpointId::from_bytes(&at_b.endpoint_id).expect("a key");
        let ways = at_b.addresses.iter().map(|address| TransportAddr::Ip(*address));
        let to_b = middle.connect(EndpointAddr::from_parts(id, ways), ALPN).await.expect("b is up");
        let (mut send_b, mut recv_b) = to_b.open_bi().await.expect("a stream");
        let (mut send_a, mut recv_a) = from_a.accept_bi().await.expect("a stream");
        let there = tokio::io::copy(&mut recv_a, &mut send_b);
        let back = tokio::io::copy(&mut recv_b, &mut send_a);
        // Whichever ends first: both connections go.
        tokio::select! {
            _ = there => {}
            _ = back => {}
        }
        from_a.close(0_u8.into(), b"");
        to_b.close(0_u8.into(), b"");
        // Dropped at once, an endpoint would not get to tell.
        middle.close().await;
    };
    let task = tokio::spawn(carry);
    until(&mut a, &mut b, "both refuse", |a, b| {
        let refused = |s: &Station| {
            let failed = &s.manager.counters().handshakes_failed;
            failed.get("refused").is_some() || failed.get("closed").is_some()
        };
        refused(a) && refused(b)
    })
    .await;
    assert!(a.manager.counters().handshakes_failed.contains_key("refused"), "the dialler sees it");
    assert!(a.ups.is_empty() && b.ups.is_empty());
    task.abort();
}

#[tokio::test]
async fn iro_05_another_endpoint_at_the_address_is_noticed() {
    let (mut a, mut b, at) = pair().await;
    let nobody = *::iroh::SecretKey::from_bytes(&[99; 32]).public().as_bytes();
    let mut target = IrohTarget::new(nobody);
    target.addresses = at.addresses;
    let id = a.manager.add(&target.to_string()).expect("a free handle");
    until(&mut a, &mut b, "an error", |a, _| a.status(id).last_error.is_some()).await;
    let why = a.status(id).last_error.expect("there is one");
    assert!(why.contains("not the endpoint"), "{why}");
}

#[tokio::test]
async fn iro_05_dialling_oneself_is_a_status() {
    let (mut a, mut b, at) = pair().await;
    let id = b.manager.add(&at.uri()).expect("a free handle");
    until(&mut a, &mut b, "an error", |_, b| b.status(id).last_error.is_some()).await;
    let why = b.status(id).last_error.expect("there is one");
    assert!(why.contains("this node itself"), "{why}");
}

#[tokio::test]
async fn iro_06_another_network_key_is_refused() {
    let key = |byte| NetworkKey::from_bytes([byte; 32]);
    let open = || None;
    for (ours, theirs) in [(Some(1), Some(2)), (open(), Some(2)), (Some(1), open())] {
        let station = |seed, network: Option<u8>| match network {
            Some(byte) => Station::closed(seed, key(byte)),
            None => Station::new(seed),
        };
        let (mut a, mut b) = (station(1, ours), station(2, theirs));
        bound(&mut a, endpoint_config(11)).await;
        let at = bound(&mut b, endpoint_config(12)).await;
        let id = a.manager.add(&at.uri()).expect("a free handle");
        let refused = |b: &Station| b.manager.counters().handshakes_failed.contains_key("refused");
        until(&mut a, &mut b, "refused", |a, b| refused(b) && a.status(id).last_error.is_some())
            .await;
        let why = a.status(id).last_error.expect("there is one");
        assert!(why.contains("network key"), "{why}");
        assert!(a.ups.is_empty() && b.ups.is_empty());
    }
    let (mut a, mut b) = (Station::closed(1, key(3)), Station::closed(2, key(3)));
    bound(&mut a, endpoint_config(11)).await;
    let at = bound(&mut b, endpoint_config(12)).await;
    a.manager.add(&at.uri()).expect("a free handle");
    until(&mut a, &mut b, "members", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    a.manager.set_network_key(Some(key(4)));
    until(&mut a, &mut b, "both down", |a, b| a.downs.len() == 1 && b.downs.len() == 1).await;
    assert_eq!(a.downs[0].1, DownReason::NetworkKeyChanged);
}

#[tokio::test]
async fn iro_07_another_node_key_than_asked_for_is_refused() {
    let (mut a, mut b, at) = pair().await;
    let mut target = IrohTarget::parse(&at.uri()).expect("an address");
    target.node = Some(*identity(3).public().node_key());
    let id = a.manager.add(&target.to_string()).expect("a free handle");
    until(&mut a, &mut b, "refused", |a, _| a.status(id).last_error.is_some()).await;
    let why = a.status(id).last_error.expect("there is one");
    assert!(why.contains("another node"), "{why}");
    assert!(a.ups.is_empty() && b.ups.is_empty());
    a.manager.remove(id);
    target.node = Some(*identity(2).public().node_key());
    a.manager.add(&target.to_string()).expect("a free handle");
    until(&mut a, &mut b, "up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
}

/// The only way named is a relay; the path becomes direct, the relay goes, frames go on.
#[tokio::test]
async fn iro_12_a_relayed_link_becomes_direct_and_says_so() {
    let relay = Relay::serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let url = format!("http://{}", relay.address().expect("bound"));
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let with_relay = |seed| IrohConfig { relays: vec![url.clone()], ..endpoint_config(seed) };
    bound(&mut a, with_relay(11)).await;
    let at = bound(&mut b, with_relay(12)).await;
    until(&mut a, &mut b, "b is at the relay", |_, b| {
        b.manager.iroh().is_some_and(|info| !info.relays.is_empty())
    })
    .await;
    let mut target = IrohTarget::new(at.endpoint_id);
    target.relays.push(url);
    a.manager.add(&target.to_string()).expect("a free handle");
    until(&mut a, &mut b, "both up", |a, b| a.ups.len() == 1 && b.ups.len() == 1).await;
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    let path = |s: &Station| s.manager.list().iter().find(|row| row.link.is_some())?.path;
    until(&mut a, &mut b, "direct", |a, b| {
        [a, b].into_iter().all(|station| path(station) == Some(LinkPath::Direct))
    })
    .await;
    for station in [&a, &b] {
        // On one machine the direct path may be there before the handshake is done.
        let told = station.first_paths.iter().chain(&station.paths).last();
        assert_eq!(told, Some(&LinkPath::Direct), "whatever changed was told");
    }
    drop(relay);
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..20_u8 {
        a.send(ab, &[n]);
        b.send(ba, &[n]);
    }
    until(&mut a, &mut b, "frames", |a, b| a.frames.len() == 20 && b.frames.len() == 20).await;
    assert!(a.downs.is_empty() && b.downs.is_empty(), "the link has not gone down");
}

/// A link whose path changes with each look at it.
struct Fickle {
    path: LinkPath,
}

impl Link for Fickle {
    fn caps(&self) -> LinkCaps {
        let bitrate_bps = 1_000_000;
        LinkCaps {
            medium: Medium::Iroh,
            mtu: LINK_MTU_MAX,
            bitrate_bps,
            reliable: true,
            shared: false,
        }
    }

    fn peer(&self) -> PublicIdentity {
        identity(9).public()
    }

    fn path(&self) -> LinkPath {
        self.path
    }

    fn receive(
        &mut self,
        _cx: &mut Context<'_>,
        _scratch: &mut Scratch,
        _each: &mut dyn FnMut(&[u8]) -> Flow,
    ) -> Result<Receiving, DownReason> {
        self.path = LinkPath::Direct;
        Ok(Receiving::Waiting)
    }

    fn send(
        &mut self,
        _cx: &mut Context<'_>,
        _scratch: &mut Scratch,
        _pull: &mut dyn FnMut(&mut Vec<u8>) -> bool,
    ) -> Result<Sending, DownReason> {
        Ok(Sending::Idle)
    }
}

#[tokio::test]
async fn iro_12_a_change_of_path_is_an_event_and_a_status() {
    let mut a = Station::new(1);
    let link = a.manager.attach("fickle://", Box::new(Fickle { path: LinkPath::Relayed }));
    assert_eq!(a.manager.list()[0].path, Some(LinkPath::Relayed));
    while a.paths.is_empty() {
        a.step().await;
    }
    assert_eq!(
        (&a.first_paths[..], &a.paths[..]),
        (&[LinkPath::Relayed][..], &[LinkPath::Direct][..])
    );
    let row = &a.manager.list()[0];
    assert_eq!((row.link, row.path), (Some(link), Some(LinkPath::Direct)));
    a.manager.recv(link, |_| Flow::Continue);
    assert_eq!(a.manager.try_next(), None, "it is told once");
}

#[tokio::test]
async fn iro_13_a_goodbye_comes_after_the_last_frame() {
    let (mut a, mut b) = connected().await;
    let ab = a.ups[0].link;
    for n in 0..100_u8 {
        a.send(ab, &vec![n; 5_000]);
    }
    let a_says_goodbye = a.manager.shutdown(Duration::from_secs(5));
    let b_listens = async {
        while b.downs.is_empty() {
            b.step().await;
        }
    };
    let both = async { tokio::join!(a_says_goodbye, b_listens) };
    tokio::time::timeout(Duration::from_secs(10), both).await.expect("in time");
    assert_eq!(b.frames.len(), 100);
    assert_eq!(b.downs[0].1, DownReason::PeerLeft(Goodbye::LEAVING));
}

#[tokio::test]
async fn iro_13_a_removed_link_ends_at_both_ends() {
    let (mut a, mut b) = connected().await;
    let id = a.manager.list().iter().find(|row| row.link.is_some()).and_then(|row| row.id);
    a.manager.remove(id.expect("a handle"));
    until(&mut a, &mut b, "both down", |a, b| !a.downs.is_empty() && !b.downs.is_empty()).await;
    assert_eq!(a.downs[0].1, DownReason::Removed);
    assert_eq!(b.downs[0].1, DownReason::PeerLeft(Goodbye::LEAVING));
}

#[tokio::test]
async fn iro_13_two_that_dial_each_other_keep_one_link() {
    let (mut a, mut b) = (Station::new(1), Station::new(2));
    let at_a = bound(&mut a, endpoint_config(11)).await;
    let at_b = bound(&mut b, endpoint_config(12)).await;
    a.manager.add(&at_b.uri()).expect("a free handle");
    b.manager.add(&at_a.uri()).expect("a free handle");
    let settled = |s: &Station| {
        let rows = s.manager.list();
        let busy = rows.iter().any(|row| row.state == LinkState::Connecting);
        s.ups.len() == s.downs.len() + 1 && !busy
    };
    until(&mut a, &mut b, "settled", |a, b| settled(a) && settled(b)).await;
    for station in [&mut a, &mut b] {
        while tokio::time::timeout(Duration::from_millis(200), station.step()).await.is_ok() {}
    }
    let (ab, ba) = (a.ups.last().expect("up").link, b.ups.last().expect("up").link);
    a.send(ab, b"over the one");
    b.send(ba, b"and only link");
    until(&mut a, &mut b, "frames", |a, b| !a.frames.is_empty() && !b.frames.is_empty()).await;
}

#[tokio::test]
async fn iro_14_a_peer_that_does_not_read_stops_the_pull() {
    let (mut a, mut b) = connected().await;
    let (ab, ba) = (a.ups[0].link, b.ups[0].link);
    b.manager.pause(ba);
    let frame = vec![1; 60_000];
    let mut pulled = 0;
    let flood = |manager: &mut TransportManager, pulled: &mut usize| {
        manager.send(ab, |buf| {
            buf.extend_from_slice(&frame);
            *pulled += frame.len();
            true
        })
    };
    assert_eq!(flood(&mut a.manager, &mut pulled), SendState::Blocked);
    let drive = async {
        loop {
            tokio::select! {
                event = a.manager.next() => {
                    if event == LinkEvent::Writable(ab) {
                        flood(&mut a.manager, &mut pulled);
                    }
                }
                event = b.manager.next() => assert_ne!(event, LinkEvent::Readable(ba)),
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(2), drive).await.is_err());
    let bound = 2 * QUIC_WINDOW_LEN as usize + 2 * SEND_BATCH_LEN + frame.len();
    assert!(pulled > SEND_BATCH_LEN && pulled <= bound, "{pulled} bytes pulled");
    b.manager.resume(ba);
    let mut frames = 0;
    let read = async {
        while frames < 10 {
            if b.manager.next().await == LinkEvent::Readable(ba) {
                frames += b.manager.recv(ba, |_| Flow::Continue);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(5), read).await.expect("it flows again");
}

/// Longer than a path may be silent.
#[tokio::test]
async fn iro_15_an_idle_link_stays_up() {
    let (mut a, mut b) = connected().await;
    let idle = async {
        loop {
            tokio::select! {
                () = a.step() => {}
                () = b.step() => {}
            }
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(17), idle).await.is_err());
    assert!(a.downs.is_empty() && b.downs.is_empty());
    let link = a.ups[0].link;
    a.send(link, b"still there");
    until(&mut a, &mut b, "a frame", |_, b| b.frames.len() == 1).await;
}

#[tokio::test]
async fn iro_20_a_taken_port_is_a_status() {
    let taken = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("bound");
    let mut a = Station::new(1);
    let config = IrohConfig { bind: Some(address), ..endpoint_config(11) };
    let id = a.manager.listen_iroh(config.clone()).expect("the first endpoint");
    assert_eq!(a.manager.listen_iroh(config), Err(AddError::Exists(id)));
    let settle = async {
        while a.status(id).last_error.is_none() {
            a.step().await;
        }
        let why = a.status(id).last_error.expect("there is one");
        assert!(why.contains("address in use"), "{why}");
        drop(taken);
        while (a.status(id).state != LinkState::Listening { address }) {
            a.step().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), settle).await.expect("in time");
    assert_eq!(a.manager.iroh().map(|info| info.addresses.clone()), Some(vec![address]));
}

#[tokio::test]
async fn iro_21_an_endpoint_has_no_relay_that_nobody_named() {
    let mut a = Station::new(1);
    let info = bound(&mut a, endpoint_config(11)).await;
    let _ = tokio::time::timeout(Duration::from_secs(2), async {
        loop {
            a.step().await;
        }
    })
    .await;
    let later = a.manager.iroh().expect("bound").clone();
    assert_eq!((later.relays.len(), &later.addresses), (0, &info.addresses));
    assert!(later.addresses.iter().all(|address| address.ip().is_loopback()));
}

#[tokio::test]
async fn iro_22_who_says_nothing_gets_no_place_for_long() {
    use ::iroh::{Endpoint, EndpointAddr, EndpointId, RelayMode, TransportAddr, endpoint::presets};

    let mut station = Station::new(1);
    let at = bound(&mut station, endpoint_config(11)).await;
    let stranger = Endpoint::builder(presets::Minimal)
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("an address")
        .bind()
        .await
        .expect("a free port");
    let id = EndpointId::from_bytes(&at.endpoint_id).expect("a key");
    let ways = at.addresses.iter().map(|address| TransportAddr::Ip(*address));
    let address = EndpointAddr::from_parts(id, ways);
    let begin = tokio::time::Instant::now();
    let knock = tokio::spawn(async move {
        let mut held = Vec::new();
        for _ in 0..2 * HALF_OPEN_PER_SOURCE_MAX {
            held.push(stranger.connect(address.clone(), ALPN).await.ok());
        }
        let (let_in, _) = held.iter().partition::<Vec<_>, _>(|connection| connection.is_some());
        let let_in = let_in.len();
        // The connections live on.
        tokio::time::sleep(HANDSHAKE_TIMEOUT * 2).await;
        drop(held);
        let_in
    });
    let drive = async {
        while station.manager.counters().turned_away == 0 {
            station.step_or_outcome().await;
            assert!(station.manager.half_open() <= HALF_OPEN_PER_SOURCE_MAX);
        }
        while station.manager.half_open() > 0 {
            station.step_or_outcome().await;
        }
    };
    tokio::time::timeout(3 * HANDSHAKE_TIMEOUT, drive).await.expect("all places are free again");
    assert!(begin.elapsed() >= HANDSHAKE_TIMEOUT);
    assert!(station.manager.counters().handshakes_failed.contains_key("timeout"));
    assert!(station.ups.is_empty());
    knock.abort();
}

#[tokio::test]
async fn iro_31_a_relay_named_by_a_link_becomes_ours() {
    let relay = Relay::serve(([127, 0, 0, 1], 0).into()).await.expect("a free port");
    let url = format!("http://{}", relay.address().expect("bound"));
    let (mut a, mut b, at) = pair().await;
    let mut target = IrohTarget::new(at.endpoint_id);
    target.relays.push(url.clone());
    a.manager.add(&target.to_string()).expect("a free handle");
    until(&mut a, &mut b, "a is at the relay", |a, _| {
        let relays = a.manager.iroh().map(|info| info.relays.clone()).unwrap_or_default();
        relays.iter().any(|relay| relay.trim_end_matches('/') == url)
    })
    .await;
}
