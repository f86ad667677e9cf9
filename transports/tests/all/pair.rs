//! Two or more managers on loopback, driven until something is the case.

use std::{net::SocketAddr, time::Duration};

use mesh::{LinkId, LinkUp, identity::MeshIdentity};
use transports::{
    Flow, HandleId, LinkConfig, LinkEvent, LinkState, LinkStatus, NetworkKey, SendState,
    TransportManager,
};

/// A manager and what it reported.
pub(crate) struct Station {
    pub(crate) manager: TransportManager,
    pub(crate) ups: Vec<LinkUp>,
    pub(crate) downs: Vec<(LinkId, transports::DownReason)>,
    pub(crate) frames: Vec<Vec<u8>>,
    pub(crate) status_changes: usize,
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
            status_changes: 0,
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

    fn handle(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Up { up, .. } => self.ups.push(up),
            LinkEvent::Down { link, reason } => self.downs.push((link, reason)),
            LinkEvent::Readable(link) => {
                let frames = &mut self.frames;
                self.manager.recv(link, |frame| {
                    frames.push(frame.to_vec());
                    Flow::Continue
                });
            }
            LinkEvent::StatusChanged => self.status_changes += 1,
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
