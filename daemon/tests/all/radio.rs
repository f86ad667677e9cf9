//! Daemons whose modems are played behind TCP: what one is told to send the others hear.

use std::{
    collections::BTreeMap,
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use api::RadiosProxy;
use transports::lora::{
    command as c,
    kiss::{Decoder, encode_into},
};

use crate::rig::{Client, Daemon, Home, block_on, until};

/// Faster than anything lawful elsewhere: a test does not want to wait.
const FAST: &str = "region=US915&preset=short-turbo";

/// Everything that hears.
#[derive(Clone, Default)]
struct Air(Arc<Mutex<Vec<TcpStream>>>);

impl Air {
    /// A modem on a port of its own; its address.
    fn modem(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let air = self.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                air.0.lock().expect("no panic").push(stream.try_clone().expect("a descriptor"));
                air.play(stream);
            }
        });
        format!("rnode://{address}")
    }

    /// Answers and echoes until the host hangs up.
    fn play(&self, mut stream: TcpStream) {
        let mut decoder = Decoder::new();
        let mut buf = [0; 1024];
        while let Ok(len @ 1..) = stream.read(&mut buf) {
            let mut out = Vec::new();
            for &byte in &buf[..len] {
                let Some(frame) = decoder.push(byte) else { continue };
                match (frame.command, frame.payload) {
                    (c::DETECT, _) => encode_into(c::DETECT, &[c::DETECT_RESPONSE], &mut out),
                    (c::FIRMWARE_VERSION, _) => {
                        encode_into(c::FIRMWARE_VERSION, &[1, 86], &mut out);
                    }
                    (c::DATA, payload) => {
                        self.spread(&stream, payload);
                        encode_into(c::READY, &[1], &mut out);
                    }
                    (command, payload) => encode_into(command, payload, &mut out),
                }
            }
            if stream.write_all(&out).is_err() {
                return;
            }
        }
    }

    fn spread(&self, from: &TcpStream, payload: &[u8]) {
        let mut out = Vec::new();
        encode_into(c::STAT_RSSI, &[157 - 80], &mut out);
        encode_into(c::STAT_SNR, &[30], &mut out);
        encode_into(c::DATA, payload, &mut out);
        let me = from.local_addr().ok();
        self.0
            .lock()
            .expect("no panic")
            .retain_mut(|other| other.local_addr().ok() == me || other.write_all(&out).is_ok());
    }
}

async fn radios(client: &Client) -> Vec<api::Radio> {
    let radios = RadiosProxy::new(&client.connection).await.expect("a proxy");
    radios.list().await.expect("answered")
}

/// `RND-40`, `CFG-11`: one has its modem from a client, one from three lines of configuration.
#[test]
fn two_daemons_talk_over_the_air_alone() {
    block_on(async {
        let air = Air::default();
        let (home_a, home_b) = (Home::new(), Home::new());
        let a = home_a.start();
        let file = home_b.path().join("qpcd.toml");
        let modem = format!("{}?preset=short-turbo", air.modem());
        let text = format!("[radio]\nmodems = [\"{modem}\"]\nregion = \"US915\"\n");
        fs::write(&file, text).expect("room");
        let b = home_b.start_with(&["--config", &file.display().to_string()]);
        let (at_a, at_b) = (a.client().await, b.client().await);
        at_a.links().await.add(&format!("{}?{FAST}", air.modem())).await.expect("lawful");
        until(|| async { at_a.status().await.peers == 1 && at_b.status().await.peers == 1 }).await;
        at_a.send(&b.address, "over the hills").await;
        until(|| async { at_b.inbox().await == ["over the hills"] }).await;

        let radio = radios(&at_a).await.remove(0);
        assert_eq!((radio.state.as_str(), radio.settings.region.as_str()), ("up", "US915"));
        assert_eq!(radio.settings.preset.as_deref(), Some("short-turbo"));
        let neighbour = &radio.neighbours[0];
        assert_eq!((&neighbour.address, neighbour.rssi_dbm), (&b.address, -80));
        assert!(radio.sent > 0 && radio.heard > 0);
        let rows = at_a.links().await.list().await.expect("answered");
        assert!(rows.iter().any(|row| row.direction == "radio" && row.peer.is_some()));

        // The other one comes back with other keys, and what was added is there again.
        a.kill();
        let a = home_a.start();
        let at_a = a.client().await;
        until(|| async { at_a.status().await.peers == 1 }).await;
        at_b.send(&a.address, "and back").await;
        until(|| async { at_a.inbox().await == ["and back"] }).await;

        let id = radios(&at_a).await.remove(0).id;
        let proxy = RadiosProxy::new(&at_a.connection).await.expect("a proxy");
        let refused = proxy.set(&id, "txp=33").await.expect_err("too strong").to_string();
        assert!(refused.contains("15.247"), "{refused}");
        let uri = proxy.set(&id, "txp=11").await.expect("lawful");
        assert!(uri.contains("&txp=11&"), "{uri}");
        let kept = fs::read_to_string(home_a.data().join("links")).expect("kept");
        assert_eq!(kept.trim(), uri);
    });
}

/// `AIR-26`, `RND-33`
#[test]
fn air_time_is_not_forgotten() {
    block_on(async {
        let air = Air::default();
        let home = Home::new();
        let daemon = home.start();
        let client = daemon.client().await;
        let links = client.links().await;
        let refused = links.add("rnode://127.0.0.1:1?region=EU868&txp=30").await;
        let refused = refused.expect_err("too strong").to_string();
        assert!(refused.contains("EU868/P allows 27 dBm ERP"), "{refused}");
        links.add(&format!("{}?region=EU868", air.modem())).await.expect("lawful");
        until(|| async { radios(&client).await[0].sent > 0 }).await;
        let before = radios(&client).await[0].airtime[0].clone();
        assert_eq!((before.limit_ms, before.window_s), (360_000, 3_600));
        assert!(before.used_ms > 0 && before.used_ms < 60_000);
        daemon.kill();

        let daemon = home.start();
        let client = daemon.client().await;
        until(|| async { !radios(&client).await[0].airtime.is_empty() }).await;
        let after = radios(&client).await[0].airtime[0].clone();
        assert!(after.used_ms >= before.used_ms, "{after:?}");
        assert!(!warned(&client).await);
        daemon.kill();

        fs::remove_file(home.data().join("airtime")).expect("it is there");
        let daemon: Daemon = home.start();
        let client = daemon.client().await;
        assert!(warned(&client).await);
        until(|| async { radios(&client).await[0].state == "up" }).await;
        let radio = radios(&client).await.remove(0);
        let used: BTreeMap<_, _> =
            radio.airtime.iter().map(|a| (a.band.as_str(), a.used_ms)).collect();
        assert_eq!((used["EU868/P"], radio.sent), (360_000, 0));
    });
}

async fn warned(client: &Client) -> bool {
    let warnings = client.status().await.warnings;
    warnings.iter().any(|warning| warning.contains("air time is missing"))
}
