//! Two or more managers on loopback, driven until something is the case.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use mesh::{LinkId, LinkUp, identity::MeshIdentity};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use transports::{
    Flow, HandleId, LinkConfig, LinkEvent, LinkPath, LinkState, LinkStatus, NetworkKey, SendState,
    TransportManager,
    noise::SystemRandom,
    secure::{Established, Handshake, LinkKeys, Local, Role},
};

/// A manager and what it reported.
pub(crate) struct Station {
    pub(crate) manager: TransportManager,
    pub(crate) ups: Vec<LinkUp>,
    pub(crate) downs: Vec<(LinkId, transports::DownReason)>,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) pause_after_each: bool,
    /// How each link went when it came up.
    pub(crate) first_paths: Vec<LinkPath>,
    /// Changes of paths.
    pub(crate) paths: Vec<LinkPath>,
}

/// The identity of station `seed`.
pub(crate) fn identity(seed: u8) -> MeshIdentity {
    MeshIdentity::from_seeds([seed; 32], None)
}

pub(crate) fn config(seed: u8) -> LinkConfig {
    let mut config = LinkConfig::new(identity(seed));
    config.retry_min = Duration::from_millis(10);
    config.retry_max = Duration::from_millis(200);
    config
}

impl Station {
    pub(crate) fn new(seed: u8) -> Self {
        Self::with_config(config(seed))
    }

    pub(crate) fn closed(seed: u8, key: NetworkKey) -> Self {
        let mut config = config(seed);
        config.network_key = Some(key);
        Self::with_config(config)
    }

    pub(crate) fn with_config(config: LinkConfig) -> Self {
        Self {
            manager: TransportManager::new(config),
            ups: Vec::new(),
            downs: Vec::new(),
            frames: Vec::new(),
            pause_after_each: false,
            first_paths: Vec::new(),
            paths: Vec::new(),
        }
    }

    /// Listens on a free port of `ip` and waits until it is bound.
    pub(crate) async fn listen_on(&mut self, ip: &str) -> SocketAddr {
        let address = SocketAddr::new(ip.parse().expect("an IP address"), 0);
        let id = self.manager.listen(address).expect("a free handle");
        loop {
            if let LinkState::Listening { address } = self.status(id).state {
                return address;
            }
            self.step().await;
        }
    }

    pub(crate) fn status(&self, id: HandleId) -> LinkStatus {
        let rows = self.manager.list();
        rows.into_iter().find(|row| row.id == Some(id)).expect("the handle exists")
    }

    /// Waits for one event and handles it.
    pub(crate) async fn step(&mut self) {
        let event = self.manager.next().await;
        self.handle(event);
        while let Some(event) = self.manager.try_next() {
            self.handle(event);
        }
    }

    /// As [`Station::step`], but also returns when something happened that is no event.
    pub(crate) async fn step_or_outcome(&mut self) {
        let _ = tokio::time::timeout(Duration::from_millis(10), self.step()).await;
    }

    fn handle(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { up, .. } => {
                let rows = self.manager.list();
                let row = rows.iter().find(|row| row.link == Some(up.link));
                self.first_paths.extend(row.and_then(|row| row.path));
                self.ups.push(up);
            }
            LinkEvent::PathChanged { path, .. } => self.paths.push(path),
            LinkEvent::Down { link, reason } => self.downs.push((link, reason)),
            LinkEvent::Readable(link) => {
                let (frames, pause) = (&mut self.frames, self.pause_after_each);
                self.manager.recv(link, |frame| {
                    frames.push(frame.to_vec());
                    if pause { Flow::Pause } else { Flow::Continue }
                });
            }
            LinkEvent::Writable(link) => {
                // What a link did not take it still has; nothing new is pulled.
                self.manager.send(link, |_| false);
            }
            _ => {}
        }
    }

    /// Sends one frame.
    pub(crate) fn send(&mut self, link: LinkId, frame: &[u8]) -> SendState {
        let mut frame = Some(frame);
        self.manager.send(link, |buf| match frame.take() {
            Some(frame) => {
                buf.extend_from_slice(frame);
                true
            }
            None => false,
        })
    }
}

/// Drives both stations until `done`, for ten seconds at most.
pub(crate) async fn until(
    a: &mut Station,
    b: &mut Station,
    what: &str,
    mut done: impl FnMut(&mut Station, &mut Station) -> bool,
) {
    let drive = async {
        while !done(a, b) {
            tokio::select! {
                () = a.step() => {}
                () = b.step() => {}
            }
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(10), drive).await.is_ok();
    assert!(in_time, "not within ten seconds: {what}");
}

/// A handshake on a bare socket, up to and without the confirmation.
pub(crate) async fn shake_without_confirm(
    at: SocketAddr,
    identity: MeshIdentity,
) -> (TcpStream, Established) {
    let now = std::time::Instant::now();
    let keys = LinkKeys::generate(&mut SystemRandom, now).expect("randomness");
    let local = Local { identity, keys, epoch: 1, network_key: None, mtu: 69_632 };
    let mut handshake: Handshake =
        Handshake::new(Arc::new(local), Role::Initiator, now).expect("fresh keys");
    let mut stream = TcpStream::connect(at).await.expect("it listens");
    while !handshake.is_done() {
        let mut message = Vec::new();
        if handshake.is_write_turn() {
            handshake.write(&mut message).expect("our turn");
            stream.write_all(&message).await.expect("a socket");
        } else {
            message.resize(handshake.next_len(), 0);
            stream.read_exact(&mut message).await.expect("an answer");
            handshake.read(&message).expect("an honest station");
        }
    }
    (stream, handshake.finish().expect("done"))
}

/// The same with the confirmation: the link is up.
pub(crate) async fn shake_by_hand(
    at: SocketAddr,
    identity: MeshIdentity,
) -> (TcpStream, Established) {
    let (mut stream, mut established) = shake_without_confirm(at, identity).await;
    let mut record = Vec::new();
    established.sealer.control(&mut record, 0, 0);
    stream.write_all(&record).await.expect("a socket");
    (stream, established)
}
