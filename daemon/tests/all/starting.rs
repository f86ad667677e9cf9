//! Start, ready line, stop, and what is said when a start is impossible.

use std::{
    fs,
    os::unix::fs::{FileTypeExt, PermissionsExt},
};

use crate::rig::{Daemon, Home, block_on, until};

/// `CFG-07`: exactly one line on standard output, once the node can be used.
#[test]
fn ready_line_says_address_and_socket() {
    let home = Home::new();
    let daemon = home.start();
    assert_eq!(daemon.address.len(), 32);
    let socket = home.socket().display().to_string();
    let line = format!("ready address={} socket={socket}\n", daemon.address);
    assert_eq!(daemon.ready, line);
    // What to do next is said as well.
    block_on(until(|| async { daemon.log().contains("qpc links add") }));
}

/// `CFG-04`: without any flag it is a node ready for use, below the user's own directories.
#[test]
fn starts_without_flags() {
    let home = Home::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_qpcd"));
    command
        .env_clear()
        .env("HOME", home.path())
        .env("STATE_DIRECTORY", home.path().join("state"))
        .env("RUNTIME_DIRECTORY", home.path().join("run"))
        .env("CONFIGURATION_DIRECTORY", home.path().join("etc"))
        .env("QPC_DISCOVERY_MDNS", "false")
        .env("QPC_DISCOVERY_MULTICAST", "false");
    let daemon = Daemon::spawn(&home, command);
    assert!(daemon.ready.contains("run/qpcd.sock"), "{}", daemon.ready);
    assert!(home.path().join("state/identity").exists());
}

/// `DSK-21`: the address stays over restarts.
#[test]
fn address_survives_restarts() {
    let home = Home::new();
    let first = home.start();
    let address = first.address.clone();
    first.kill();
    assert_eq!(home.start().address, address);
}

/// `API-01`: nobody else can open the socket.
#[test]
fn socket_is_private() {
    let home = Home::new();
    let _daemon = home.start();
    let meta = fs::metadata(home.socket()).expect("it is there");
    assert!(meta.file_type().is_socket());
    let mode = meta.permissions().mode() & 0o777;
    assert!(mode == 0o600 || mode == 0o660, "{mode:o}");
    let dir = fs::metadata(home.socket().parent().expect("a directory")).expect("it is there");
    assert_eq!(dir.permissions().mode() & 0o007, 0);
    for file in ["identity", "lock", "store/keys"] {
        let meta = fs::metadata(home.data().join(file)).expect("it is there");
        assert_eq!(meta.permissions().mode() & 0o077, 0, "{file}");
    }
}

/// `DSK-20`, `API-05`: a second daemon says who is there already.
#[test]
fn second_daemon_says_who_is_first() {
    let home = Home::new();
    let first = home.start();
    let (status, error) = home.run_to_end(&[]);
    assert!(!status.success());
    assert!(error.contains(&first.pid().to_string()), "{error}");
    let other = Home::new();
    let socket = home.socket().display().to_string();
    let (status, error) = other.run_to_end(&["--socket", &socket]);
    assert!(!status.success());
    assert!(error.contains("in use") && error.contains(&first.pid().to_string()), "{error}");
}

/// `API-05`: a socket that a killed daemon left behind is in nobody's way.
#[test]
fn stale_sockets_are_replaced() {
    let home = Home::new();
    home.start().kill();
    assert!(home.socket().exists());
    home.start();
}

/// `CFG-08`: SIGTERM ends it in order and takes the socket along.
#[test]
fn sigterm_ends_in_order() {
    let home = Home::new();
    let daemon = home.start();
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    assert!(!home.socket().exists());
}

/// `API-04`: through the API as well.
#[test]
fn stop_ends_in_order() {
    block_on(async {
        let home = Home::new();
        let daemon = home.start();
        daemon.client().await.daemon().await.stop().await.expect("we are its owner");
        assert!(daemon.wait().success());
    });
}

/// `DSK-22`: a lost identity is never silent.
#[test]
fn lost_identity_is_an_error() {
    let home = Home::new();
    let first = home.start();
    let address = first.address.clone();
    first.kill();
    fs::remove_file(home.data().join("identity")).expect("it is there");
    let (status, error) = home.run_to_end(&[]);
    assert!(!status.success());
    assert!(error.contains("missing") && error.contains("--new-identity"), "{error}");
    let daemon = home.start_with(&["--new-identity"]);
    assert_ne!(daemon.address, address);
    assert!(home.data().join("former-1/store").exists());
}

/// `CFG-09`: a taken port is reported, not fatal.
#[test]
fn taken_port_is_reported() {
    block_on(async {
        let home = Home::new();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let taken = listener.local_addr().expect("bound").to_string();
        let daemon = home.start_with(&["--tcp-listen", &taken]);
        let client = daemon.client().await;
        let warnings = client.status().await.warnings;
        assert!(warnings.iter().any(|warning| warning.contains(&taken)), "{warnings:?}");
        drop(listener);
        until(|| async { client.status().await.listening.iter().any(|uri| uri.ends_with(&taken)) })
            .await;
    });
}
