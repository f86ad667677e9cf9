//! Metrics, where they are asked for.

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
};

use crate::rig::{Daemon, Home, block_on, until};

/// `API-16`: on a Unix socket, without anybody's identity.
#[test]
fn metrics_on_a_unix_socket() {
    let home = Home::new();
    let socket = home.path().join("metrics.sock");
    let mut command = home.command(&[]);
    command.env("QPC_METRICS_LISTEN", format!("unix:{}", socket.display()));
    let daemon = Daemon::spawn(&home, command);
    block_on(until(|| async { socket.exists() }));
    let mut stream = UnixStream::connect(&socket).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it answers");
    assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
    assert!(page.contains("\nquicprochat_peers 0\n"), "{page}");
    assert!(page.contains("quicprochat_frames_dropped_total{reason=\"malformed\"} 0"));
    assert!(!page.contains(&daemon.address));
}

/// `API-16`: off by default; as a text file when asked for.
#[test]
fn metrics_as_a_text_file() {
    let home = Home::new();
    let file = home.path().join("qpcd.prom");
    let mut command = home.command(&[]);
    command.env("QPC_METRICS_TEXTFILE", &file);
    let _daemon = Daemon::spawn(&home, command);
    block_on(until(|| async { file.exists() }));
    let page = std::fs::read_to_string(&file).expect("readable");
    assert!(page.contains("# TYPE quicprochat_store_bytes gauge"), "{page}");
}
