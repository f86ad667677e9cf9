//! One routing table on a bench: the test plays the neighbours and reads what the table says.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::MODE;
use crate::{
    address::Address,
    announce::{
        Advertisement, KIND_ANNOUNCES, KIND_PATH_REQUEST, KIND_RETRACT, MeshAnnounce, PathRequest,
        Retraction, Validity, entries, write_count,
    },
    crypto::rng::NodeRng,
    error::Error,
    identity::{Capabilities, MeshIdentity},
    link::{LinkCaps, LinkId, Medium},
    record::Record,
    routing::{Routing, RoutingConfig, RoutingEvent},
    time::Instant,
};

/// What a frame of the table said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// (origin, seq, hops, cost) each.
    Announces(Vec<(Address, u32, u8, u32)>),
    Retract(Vec<(Address, u32)>),
    Request(PathRequest),
}

pub(super) struct Bench {
    pub(super) now: Instant,
    pub(super) routing: Routing,
    pub(super) rng: NodeRng,
}

/// Links cost exactly 1,000: 8·10⁹ ÷ 8·10⁶.
pub(super) const LINK_COST: u32 = 1_000;

pub(super) fn fast() -> LinkCaps {
    LinkCaps {
        medium: Medium::Memory,
        mtu: 16_384,
        bitrate_bps: 8_000_000,
        reliable: true,
        shared: false,
    }
}

pub(super) fn slow() -> LinkCaps {
    LinkCaps {
        medium: Medium::Memory,
        mtu: 255,
        bitrate_bps: 8_000,
        reliable: false,
        shared: false,
    }
}

/// The identity with this number.
pub(super) fn identity(n: u16) -> MeshIdentity {
    let mut seed = [7; 32];
    seed[..2].copy_from_slice(&n.to_le_bytes());
    MeshIdentity::from_seeds(seed, None)
}

pub(super) fn address(n: u16) -> Address {
    identity(n).address()
}

/// Announce of the identity with this number; it is valid for 1,024 s.
pub(super) fn announce(n: u16, seq: u32) -> MeshAnnounce {
    let validity = Validity::from_code(10).expect("10 is in range");
    MeshAnnounce::signed(MODE, &identity(n), seq, Capabilities::NONE, validity, 1)
}

/// The table is the identity 0; link `n` leads to the identity `n`.
pub(super) const fn link(n: u16) -> LinkId {
    LinkId(n as u32)
}

pub(super) fn announces(list: &[Advertisement]) -> Vec<u8> {
    let mut body = Vec::new();
    write_count(list.len(), &mut body);
    list.iter().for_each(|entry| entry.write(&mut body));
    body
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(RoutingConfig { mode: MODE, ..RoutingConfig::default() })
    }

    pub(super) fn with(config: RoutingConfig) -> Self {
        Self {
            now: Instant::from_secs(100),
            routing: Routing::new(address(0), config),
            rng: NodeRng::from_seed([1; 32]),
        }
    }

    /// A bench with neighbours 1 to `n` on fast links, whose greetings are over.
    pub(super) fn with_neighbours(n: u16) -> Self {
        let mut bench = Self::new();
        (1..=n).for_each(|n| bench.up(n, fast()));
        bench.events();
        bench
    }

    pub(super) fn up(&mut self, n: u16, caps: LinkCaps) {
        self.routing.on_link_up(self.now, link(n), &caps, identity(n).public());
    }

    pub(super) fn down(&mut self, n: u16) {
        self.routing.on_link_down(self.now, link(n));
        self.flush();
    }

    /// Lets time pass, as a driver would.
    pub(super) fn pass(&mut self, duration: Duration) {
        let end = self.now + duration;
        while let Some(due) = self.routing.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.routing.handle_timeout(self.now, &mut self.rng);
        }
        self.now = end;
        self.routing.handle_timeout(self.now, &mut self.rng);
    }

    /// Verifies what waits, whatever the collecting pause says.
    pub(super) fn flush(&mut self) {
        self.now += Duration::from_millis(3);
        self.routing.flush(self.now, &mut self.rng);
    }

    pub(super) fn frame(&mut self, from: u16, kind: u8, body: &[u8]) -> Result<(), Error> {
        self.routing.on_frame(self.now, link(from), kind, body)
    }

    /// Neighbour `from` advertises identity `origin`.
    pub(super) fn hear(&mut self, from: u16, origin: u16, seq: u32, hops: u8, cost: u32) {
        let entry = Advertisement { hops, cost, announce: announce(origin, seq) };
        self.frame(from, KIND_ANNOUNCES, &announces(&[entry])).expect("well-formed");
        self.flush();
    }

    pub(super) fn hear_retract(&mut self, from: u16, origin: u16, seq: u32) {
        let mut body = vec![1];
        Retraction { address: address(origin), seq }.write(&mut body);
        self.frame(from, KIND_RETRACT, &body).expect("well-formed");
        self.flush();
    }

    pub(super) fn hear_request(&mut self, from: u16, request: PathRequest) -> Result<(), Error> {
        let mut body = Vec::new();
        request.write(&mut body);
        let result = self.frame(from, KIND_PATH_REQUEST, &body);
        self.flush();
        result
    }

    /// Everything the table has to say to neighbour `to` now.
    pub(super) fn said(&mut self, to: u16) -> Vec<Said> {
        let mut said = Vec::new();
        let mut buf = vec![0xa5; 3];
        while self.routing.poll_frame(self.now, link(to), 16_384, &mut buf) {
            said.push(understand(&buf[3..]));
            buf.truncate(3);
        }
        said
    }

    /// What the table advertises to neighbour `to` now: (origin, seq, hops, cost).
    pub(super) fn advertised(&mut self, to: u16) -> Vec<(Address, u32, u8, u32)> {
        let said = self.said(to).into_iter();
        said.filter_map(|said| match said {
            Said::Announces(list) => Some(list),
            _ => None,
        })
        .flatten()
        .collect()
    }

    pub(super) fn events(&mut self) -> Vec<RoutingEvent> {
        core::iter::from_fn(|| self.routing.poll_event()).collect()
    }

    /// Where `n` packets to `destination` go: how many per neighbour 1 to 4.
    pub(super) fn spread(&mut self, destination: u16, n: u32) -> [u32; 4] {
        let mut spread = [0; 4];
        for _ in 0..n {
            if let Some(link) = self.routing.choose(self.now, &address(destination), &[]) {
                spread[link.0 as usize - 1] += 1;
            }
        }
        spread
    }

    pub(super) fn next_hop(&self, destination: u16) -> Option<LinkId> {
        self.routing.next_hop_of(&address(destination))
    }

    pub(super) fn feasible(&self, destination: u16) -> Vec<LinkId> {
        let mut links = self.routing.feasible_links(&address(destination));
        links.sort();
        links
    }

    pub(super) fn receipt(&mut self, destination: u16, through: u16) {
        self.routing.on_receipt(self.now, &address(destination), link(through));
    }

    pub(super) fn no_receipt(&mut self, destination: u16, through: u16) {
        self.routing.on_no_receipt(self.now, &address(destination), link(through));
    }

    /// What the table wants written now.
    pub(super) fn records(&mut self) -> Vec<Record> {
        let mut out = Vec::new();
        self.routing.drain_records(&mut out);
        out
    }
}

/// Reads a frame the table wrote.
pub(super) fn understand(frame: &[u8]) -> Said {
    assert_eq!(frame[0], crate::wire::VERSION);
    let body = &frame[2..];
    match frame[1] {
        KIND_ANNOUNCES => Said::Announces(
            entries(body, Advertisement::LEN, "announces")
                .expect("counted")
                .map(|entry| Advertisement::parse(entry).expect("well-formed"))
                .map(|it| (it.announce.address(), it.announce.seq, it.hops, it.cost))
                .collect(),
        ),
        KIND_RETRACT => Said::Retract(
            entries(body, Retraction::LEN, "retractions")
                .expect("counted")
                .map(|entry| Retraction::parse(entry).expect("well-formed"))
                .map(|it| (it.address, it.seq))
                .collect(),
        ),
        KIND_PATH_REQUEST => Said::Request(PathRequest::parse(body).expect("well-formed")),
        kind => panic!("kind {kind:#x}"),
    }
}
