//! The API as clients see it: signals, objects, properties, stock clients.

use std::{collections::HashMap, pin::Pin, process::Command};

use futures_core::Stream;
use zbus::fdo::ObjectManagerProxy;

use crate::rig::{Daemon, Home, PATIENCE, block_on, until};

async fn next<S: Stream + Unpin>(stream: &mut S) -> S::Item {
    let item = std::future::poll_fn(|task| Pin::new(&mut *stream).poll_next(task));
    tokio::time::timeout(PATIENCE, item).await.expect("in time").expect("the stream goes on")
}

/// `API-07`: states of messages and arrivals are signalled.
#[test]
fn signals_tell_what_happens() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let mut states = at_a.messages().await.receive_state_changed().await.expect("a stream");
        let mut arrivals =
            at_b.messages().await.receive_message_received().await.expect("a stream");
        // Signals start with the first call on a connection.
        at_b.status().await;
        let id = at_a.send(&b.address, "hello").await;
        let arrival = next(&mut arrivals).await;
        let arrival = arrival.args().expect("its signature");
        assert_eq!((arrival.id, arrival.from), (&*id, &*a.address));
        loop {
            let state = next(&mut states).await;
            let state = state.args().expect("its signature");
            assert_eq!(state.id, id);
            if state.state == "received" {
                break;
            }
        }
        let events = api::EventsProxy::new(&at_a.connection).await.expect("a proxy");
        let recent = events.recent(1_000).await.expect("answered");
        assert!(recent.iter().any(|entry| entry.kind == "peer-up"));
        assert!(recent.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    });
}

/// `API-07`: neighbours and links are objects with properties.
#[test]
fn neighbours_and_links_are_objects() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let manager = ObjectManagerProxy::builder(&at_a.connection)
            .destination(api::BUS_NAME)
            .path(api::PATH)
            .build()
            .await
            .expect("a proxy");
        let path = format!("{}/{}", api::PEERS_PATH, b.address);
        until(|| async {
            let objects: HashMap<_, _> = manager.get_managed_objects().await.expect("answered");
            objects.keys().any(|known| known.as_str() == path)
        })
        .await;
        let peer = api::PeerProxy::builder(&at_a.connection).path(path).build().await;
        let peer = peer.expect("a proxy");
        assert_eq!(peer.address().await.expect("answered"), b.address);
        assert_eq!(peer.medium().await.expect("answered"), "tcp");
        let link = peer.link().await.expect("answered");
        let link = format!("{}/{link}", api::LINKS_PATH);
        let link = api::LinkProxy::builder(&at_a.connection).path(link).build().await;
        let link = link.expect("a proxy");
        assert_eq!(link.state().await.expect("answered"), "up");
        assert_eq!(link.peer().await.expect("answered"), b.address);
        drop(b);
        until(|| async { link.state().await.expect("answered") != "up" }).await;
    });
}

/// `API-07`: properties can be read with and without a cache.
#[test]
fn properties_of_the_daemon() {
    block_on(async {
        let home = Home::new();
        let daemon = home.start_with(&["--name", "attic"]);
        let client = daemon.client().await;
        let proxy = api::DaemonProxy::new(&client.connection).await.expect("a proxy");
        let read = async {
            assert_eq!(proxy.address().await.expect("answered"), daemon.address);
            assert_eq!(proxy.name().await.expect("answered"), "attic");
            assert_eq!(proxy.root_key().await.expect("answered").len(), 64);
            assert!(proxy.ready().await.expect("answered"));
            assert_eq!(proxy.storage().await.expect("answered"), "ok");
        };
        tokio::time::timeout(PATIENCE, read).await.expect("in time");
    });
}

/// `API-09`: a client that does not read delays nobody.
#[test]
fn slow_client_delays_nobody() {
    block_on(async {
        let (home_a, home_b) = (Home::new(), Home::new());
        let (a, b) = (home_a.start(), home_b.start());
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.connect_to(&at_b).await;
        let lazy = std::os::unix::net::UnixStream::connect(home_b.socket()).expect("it listens");
        std::io::Write::write_all(&mut &lazy, b"\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n")
            .expect("it reads");
        for n in 0..300 {
            at_a.send(&b.address, &format!("{n}")).await;
        }
        until(|| async { at_b.status().await.inbox == 300 }).await;
        drop(lazy);
    });
}

/// `API-06`: a stock client that greets a bus gets along with the private socket.
#[test]
fn busctl_can_ask() {
    let home = Home::new();
    let daemon = home.start();
    let address = format!("--address=unix:path={}", home.socket().display());
    let call = |args: &[&str]| {
        let output = Command::new("busctl").arg(&address).args(args).output().ok()?;
        Some(format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    };
    let ask = ["get-property", api::BUS_NAME, api::PATH, "org.quicprochat.Daemon1", "Address"];
    // Not everywhere is there a busctl.
    let Some(said) = call(&ask) else { return };
    assert!(said.contains(&daemon.address), "{said}");
    let said = call(&["introspect", api::BUS_NAME, api::PATH]).expect("it ran before");
    assert!(said.contains("org.quicprochat.Messages1"), "{said}");
}

/// `API-17`: the same objects on a message bus.
#[test]
fn private_bus_carries_the_api() {
    let home = Home::new();
    let socket = home.path().join("bus");
    let bus = Command::new("dbus-daemon")
        .args(["--session", "--nofork", "--nopidfile"])
        .arg(format!("--address=unix:path={}", socket.display()))
        .spawn();
    // Not everywhere is there a message bus to start.
    let Ok(mut bus) = bus else { return };
    block_on(async {
        until(|| async { socket.exists() }).await;
        let address = format!("unix:path={}", socket.display());
        let mut command = home.command(&[]);
        command.env("DBUS_SESSION_BUS_ADDRESS", &address);
        let daemon = Daemon::spawn(&home, command);
        let builder = zbus::connection::Builder::address(address.as_str());
        let connection = builder.build().await.expect("the bus is there");
        until(|| async {
            let proxy = api::DaemonProxy::new(&connection).await.expect("a proxy");
            proxy.status().await.is_ok_and(|status| status.address == daemon.address)
        })
        .await;
    });
    bus.kill().expect("it runs");
    bus.wait().expect("it ends");
}

/// `API-17`
#[test]
fn missing_bus_is_not_fatal() {
    block_on(async {
        let home = Home::new();
        let mut command = home.command(&[]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/at/all");
        let daemon = Daemon::spawn(&home, command);
        until(|| async { daemon.log().contains("bus cannot be joined") }).await;
        daemon.client().await.status().await;
    });
}
