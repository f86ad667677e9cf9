//! Two nodes, each with a modem that is played behind TCP or a pseudo-terminal; what one modem is
//! told to send the other one hears.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read, Write},
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant as Time},
};

use mesh::{
    Command, Event, Instant, MeshIdentity, Node, WallClock, command::SendOptions,
    node::Config as NodeConfig,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::broadcast,
    time::timeout,
};
use transports::{
    Flow, HandleId, LinkConfig, LinkEvent, LinkState, LinkStatus, TransportManager,
    lora::{
        Airtime, AirtimeDisk, Found, Stamp, command as c,
        kiss::{Decoder, encode_into},
    },
};

use crate::pair::config;

/// What is on the air: who sent it, and what.
type Air = broadcast::Sender<(u32, Vec<u8>)>;

/// Faster than anything lawful elsewhere: a test does not want to wait.
const FAST: &str = "region=US915&preset=short-turbo&txp=20";

/// A modem: answers, echoes, and passes packets to the air and back.
#[derive(Default)]
struct FakeModem {
    decoder: Decoder,
    out: Vec<u8>,
    /// What it has been told, by command.
    told: BTreeMap<u8, Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

impl FakeModem {
    fn hear(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            let Some(frame) = self.decoder.push(byte) else { continue };
            let out = &mut self.out;
            match (frame.command, frame.payload) {
                (c::DETECT, _) => encode_into(c::DETECT, &[c::DETECT_RESPONSE], out),
                (c::FIRMWARE_VERSION, _) => encode_into(c::FIRMWARE_VERSION, &[1, 86], out),
                (c::DATA, payload) => {
                    self.sent.push(payload.to_vec());
                    encode_into(c::READY, &[1], out);
                }
                (command, payload) => {
                    self.told.insert(command, payload.to_vec());
                    encode_into(command, payload, out);
                }
            }
        }
    }

    fn receive(&mut self, payload: &[u8]) {
        encode_into(c::STAT_RSSI, &[157 - 90], &mut self.out);
        encode_into(c::STAT_SNR, &[24], &mut self.out);
        encode_into(c::DATA, payload, &mut self.out);
    }
}

/// A modem behind TCP, until the listener goes.
async fn play_tcp(listener: TcpListener, me: u32, air: Air) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { return };
        let _ = play(stream, me, air.clone()).await;
    }
}

async fn play(mut stream: TcpStream, me: u32, air: Air) -> std::io::Result<()> {
    let mut modem = FakeModem::default();
    let mut heard = air.subscribe();
    let mut buf = [0; 1024];
    loop {
        tokio::select! {
            read = stream.read(&mut buf) => match read? {
                0 => return Ok(()),
                len => modem.hear(&buf[..len]),
            },
            packet = heard.recv() => match packet {
                Ok((by, payload)) if by != me => modem.receive(&payload),
                _ => {}
            },
        }
        for payload in modem.sent.drain(..) {
            // Nobody hears it: nobody is there.
            let _ = air.send((me, payload));
        }
        stream.write_all(&std::mem::take(&mut modem.out)).await?;
    }
}

async fn tcp_modem(me: u32, air: &Air) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(play_tcp(listener, me, air.clone()));
    format!("rnode://{address}?{FAST}")
}

/// A node as the daemon drives it: all records are durable at once.
struct Driven {
    node: Node,
    manager: TransportManager,
    epoch: Time,
    events: Vec<Event>,
    ups: u32,
    downs: u32,
    airs: u32,
}

impl Driven {
    fn new(seed: u8, config: LinkConfig) -> Self {
        let identity = MeshIdentity::from_seeds([seed; 32], Some([seed; 32]));
        let mut node =
            Node::new(Instant::ZERO, NodeConfig::default(), identity.clone(), [seed; 32]);
        node.start(Instant::ZERO, Some(WallClock { unix_secs: 1_767_225_600 }));
        let mut config = config;
        config.identity = identity;
        let manager = TransportManager::new(config);
        let epoch = Time::now();
        Self { node, manager, epoch, events: Vec::new(), ups: 0, downs: 0, airs: 0 }
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.epoch.elapsed()
    }

    fn on_event(&mut self, event: LinkEvent) {
        let (now, node) = (self.now(), &mut self.node);
        match event {
            LinkEvent::Up { up, .. } => {
                self.ups += 1;
                node.handle_link_up(now, up);
            }
            LinkEvent::Down { link, .. } => {
                self.downs += 1;
                node.handle_link_down(now, link);
            }
            LinkEvent::Readable(link) => {
                self.manager.recv(link, |frame| {
                    node.handle_frame(now, link, frame);
                    Flow::Continue
                });
            }
            LinkEvent::Air(radio) => {
                self.airs += 1;
                self.manager.send_air(radio, |link, buf| node.poll_transmit(now, link, buf));
            }
            LinkEvent::Delivery { link, transmissions, delivered, lock } => {
                node.handle_link_delivery(now, link, transmissions, delivered, lock);
            }
            _ => {}
        }
    }

    fn settle(&mut self) {
        let now = self.now();
        if self.node.poll_timeout().is_some_and(|due| due <= now) {
            self.node.handle_timeout(now);
        }
        loop {
            let mut last = None;
            while let Some((seq, _)) = self.node.poll_record() {
                last = Some(seq);
            }
            while let Some(link) = self.node.poll_link() {
                let node = &mut self.node;
                self.manager.send(link, |buf| node.poll_transmit(now, link, buf).is_some());
            }
            while let Some(event) = self.node.poll_event() {
                self.events.push(event);
            }
            let Some(seq) = last else { return };
            self.node.handle_committed(now, seq);
        }
    }

    async fn step(&mut self) {
        if let Ok(event) = timeout(Duration::from_millis(5), self.manager.next()).await {
            self.on_event(event);
            while let Some(event) = self.manager.try_next() {
                self.on_event(event);
            }
        }
        self.settle();
    }

    fn status(&self, id: HandleId) -> LinkStatus {
        let rows = self.manager.list();
        rows.into_iter().find(|row| row.id == Some(id)).expect("the handle is there")
    }

    async fn until(&mut self, what: &str, mut is: impl FnMut(&Self) -> bool) {
        for _ in 0..6_000 {
            if is(self) {
                return;
            }
            self.step().await;
        }
        panic!("not {what}: {:?}", self.manager.radios());
    }
}

async fn both_until(
    a: &mut Driven,
    b: &mut Driven,
    what: &str,
    mut is: impl FnMut(&Driven, &Driven) -> bool,
) {
    for _ in 0..6_000 {
        if is(a, b) {
            return;
        }
        a.step().await;
        b.step().await;
    }
    panic!("not {what}: {:?} {:?}", a.manager.radios(), b.manager.radios());
}

#[tokio::test]
async fn rnd_40_neighbours_come_and_go_with_the_modem() {
    let air = broadcast::channel(64).0;
    let (mut a, mut b) = (Driven::new(1, config(1)), Driven::new(2, config(2)));
    let radio = a.manager.add(&tcp_modem(1, &air).await).expect("lawful");
    b.manager.add(&tcp_modem(2, &air).await).expect("lawful");
    both_until(&mut a, &mut b, "neighbours", |a, b| a.ups == 1 && b.ups == 1).await;
    assert_eq!(a.status(radio).state, LinkState::Up);
    let rows = a.manager.list();
    let neighbour = rows.iter().find(|row| row.id.is_none()).expect("the neighbour has a row");
    assert_eq!(neighbour.peer.map(|peer| peer.address()), Some(b.node.address()));

    let command = Command::Send {
        to: b.node.address(),
        payload: b"over the hills".to_vec(),
        options: SendOptions::default(),
    };
    let now = a.now();
    a.node.handle_command(now, command).expect("it is accepted");
    both_until(&mut a, &mut b, "received", |a, b| {
        let has =
            |event: &Event| matches!(event, Event::Message(m) if *m.payload == *b"over the hills");
        b.events.iter().any(has) && a.events.iter().any(|e| matches!(e, Event::Received { .. }))
    })
    .await;
    let status = &a.manager.radios()[0];
    assert_eq!(status.neighbours.len(), 1);
    assert_eq!(status.neighbours[0].signal.rssi_dbm, -90);
    assert_eq!(status.neighbours[0].signal.snr_quarter_db, 24);
    assert!(status.counters.sent > 0);
    assert!(a.manager.list().iter().any(|row| row.traffic.sent_frames > 0));

    assert!(a.manager.remove(radio));
    a.until("without the neighbour", |a| a.downs == 1).await;
    assert!(a.manager.radios().is_empty() && a.manager.list().is_empty());
}

#[tokio::test]
async fn rnd_33_what_is_against_the_law_is_not_added() {
    let mut manager = TransportManager::new(config(1));
    let error = manager.add("rnode://127.0.0.1:1?region=EU868&txp=30").expect_err("too strong");
    assert!(error.to_string().contains("EU868/P allows 27 dBm ERP"), "{error}");
    let id = manager.add("rnode://127.0.0.1:1?region=EU868").expect("lawful");
    let again = manager.add("rnode://127.0.0.1:1?region=EU868&sf=9");
    assert_eq!(again, Err(transports::AddError::Exists(id)), "one place is one modem");
}

/// A pseudo-terminal: our end, and the path of the other one.
fn pty() -> (File, PathBuf) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a pseudo-terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let name = ptsname(&ours, Vec::new()).expect("it has a name");
    (File::from(ours), name.to_str().expect("it is plain").into())
}

/// Plays a modem on a pseudo-terminal in a thread until `unplug` is set.
fn play_pty(
    mut ours: File,
    unplug: Arc<Mutex<bool>>,
) -> std::thread::JoinHandle<BTreeMap<u8, Vec<u8>>> {
    std::thread::spawn(move || {
        rustix::io::ioctl_fionbio(&ours, true).expect("it can be asked");
        let mut modem = FakeModem::default();
        let mut buf = [0; 1024];
        while !*unplug.lock().expect("no panic") {
            match ours.read(&mut buf) {
                Ok(len) => modem.hear(&buf[..len]),
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
            ours.write_all(&std::mem::take(&mut modem.out)).expect("the host reads");
        }
        modem.told
    })
}

#[tokio::test]
async fn rnd_41_unplugged_and_plugged_in_again() {
    let dir = std::env::temp_dir().join(format!("qpc-rnd-41-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("a directory");
    let plug = dir.join("modem");
    let mut a = Driven::new(1, config(1));
    let uri = format!("rnode://{}?region=EU868", plug.display());
    let radio = a.manager.add(&uri).expect("lawful");
    a.until("told", |a| a.status(radio).last_error.is_some()).await;
    assert_eq!(a.status(radio).last_error.as_deref(), Some("no modem is plugged in there"));
    for round in 0..2 {
        let (ours, theirs) = pty();
        let _ = std::fs::remove_file(&plug);
        std::os::unix::fs::symlink(theirs, &plug).expect("plugged in");
        let unplug = Arc::new(Mutex::new(false));
        let modem = play_pty(ours, unplug.clone());
        a.until("online", |a| a.status(radio).state == LinkState::Up).await;
        *unplug.lock().expect("no panic") = true;
        let told = modem.join().expect("the modem ran");
        assert_eq!(told[&c::FREQUENCY], 869_525_000_u32.to_be_bytes(), "round {round}");
        assert_eq!(told[&c::LONG_AIRTIME_LOCK], [0x03, 0xe8]);
        a.until("unplugged", |a| a.status(radio).state != LinkState::Up).await;
        let error = a.status(radio).last_error.expect("why");
        assert!(error.contains("unplugged"), "{error}");
    }
    // What is no terminal is no modem.
    let _ = std::fs::remove_file(&plug);
    std::fs::write(&plug, "text").expect("a file");
    a.until("refused", |a| {
        a.status(radio).last_error.is_some_and(|error| error.contains("cannot be opened"))
    })
    .await;
    let _ = std::fs::remove_dir_all(&dir);
}

#[tokio::test]
async fn rnd_42_settings_change_while_it_runs() {
    let air = broadcast::channel(64).0;
    let mut a = Driven::new(1, config(1));
    let radio = a.manager.add(&tcp_modem(1, &air).await).expect("lawful");
    a.until("online", |a| a.status(radio).state == LinkState::Up).await;
    let refused = a.manager.set_radio(radio, "txp=31").expect_err("too strong");
    assert!(refused.to_string().contains("15.247"), "{refused}");
    let uri = a.manager.set_radio(radio, "sf=9&txp=10").expect("lawful");
    assert!(uri.contains("&sf=9&") && uri.contains("&txp=10&"), "{uri}");
    a.until("online again", |a| a.manager.radios()[0].radio.settings.spreading_factor == 9).await;
    assert_eq!(a.status(radio).uri, uri);
    a.until("online again", |a| a.status(radio).state == LinkState::Up).await;

    let scan = a.manager.scan_radio(radio, Duration::from_millis(200)).expect("it is online");
    let scan = tokio::spawn(scan);
    let mut last = 0;
    while !scan.is_finished() && last < 4_000 {
        let _ = air.send((7, vec![1, 2, 3]));
        a.step().await;
        last += 1;
    }
    let rows = scan.await.expect("it ended");
    assert!(rows.len() >= 3, "{rows:?}");
    assert!(rows.iter().all(|row| row.heard > 0), "{rows:?}");
    a.until("online again", |a| a.status(radio).state == LinkState::Up).await;
}

/// A disk in memory that can be slow to start with.
#[derive(Debug, Default)]
struct Disk(Mutex<Vec<u8>>);

impl AirtimeDisk for Disk {
    fn write(&self, bytes: &[u8]) -> std::io::Result<()> {
        *self.0.lock().expect("no panic") = bytes.to_vec();
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        Stamp { machine_start: [1; 16], since_start: Duration::from_secs(1_000), unix_secs: None }
    }
}

#[tokio::test]
async fn air_24_and_26_in_a_node() {
    let air = broadcast::channel(64).0;
    let disk = Arc::new(Disk::default());
    let with = |found| {
        let mut config = config(1);
        config.airtime = Airtime::Kept { disk: disk.clone(), found };
        Driven::new(1, config)
    };
    let uri = tcp_modem(1, &air).await.replace(FAST, "region=EU868");
    let mut a = with(Found::New);
    a.manager.add(&uri).expect("lawful");
    // The first hello of the radio port.
    a.until("heard", |a| a.manager.radios()[0].counters.sent > 0).await;
    let (name, balance) = a.manager.radios()[0].airtime[0];
    assert_eq!((name, balance.share_us), ("EU868/P", 360_000_000));
    assert!(balance.used_us > 0);
    assert!(!disk.0.lock().expect("no panic").is_empty(), "it was written before");
    a.manager.shutdown(Duration::from_millis(100)).await;
    drop(a);
    let kept = disk.0.lock().expect("no panic").clone();

    let mut b = with(Found::Bytes(kept));
    assert_eq!(b.manager.airtime_lost(), None);
    b.manager.add(&uri).expect("lawful");
    b.until("online", |b| b.manager.radios()[0].state == LinkState::Up).await;
    assert_eq!(b.manager.radios()[0].airtime[0].1.used_us, balance.used_us, "as it was left");

    let mut lost = with(Found::Nothing);
    assert!(lost.manager.airtime_lost().is_some());
    lost.manager.add(&uri).expect("lawful");
    let begin = Time::now();
    while begin.elapsed() < Duration::from_secs(3) {
        lost.step().await;
    }
    let status = &lost.manager.radios()[0];
    assert_eq!((status.counters.sent, lost.airs), (0, 0), "the hour is used up");
    let of_p = status.airtime.iter().find(|(name, _)| *name == "EU868/P").expect("its sub-band");
    assert_eq!(of_p.1.used_us, 360_000_000);
}
