//! One function per target: it takes any bytes, and panics when a promise of the core is broken.
//!
//! No target asserts that input is refused; they assert what holds for all input: no panic, what is
//! read is written back as the same bytes, memory stays within its limits, a machine that was
//! drained has nothing more to say.

mod node;
mod objects;

use mesh::{
    Address, Instant, LinkCaps, LinkId, LinkUp, Medium, Record, Table,
    address::ADDRESS_LEN,
    announce::MeshAnnounce,
    bundle::Bundle,
    channel::{ChannelConfig, Channels},
    crypto::{Mode, rng::NodeRng},
    envelope::{Admitted, EnvelopeIn},
    fragment::{Fragmenter, Reassembler},
    identity::MeshIdentity,
    invite::Invite,
    limits,
    reconcile::{Item, Label, Reconciler, Scope},
    wire::frame::{self, FrameKind},
};

pub use node::{honest_traffic, node};
pub use objects::{inner, meeting, proof, rows};

#[cfg(feature = "simulation")]
pub(crate) const MODE: Mode = Mode::Transparent;
#[cfg(not(feature = "simulation"))]
pub(crate) const MODE: Mode = Mode::Real;

pub(crate) const START: Instant = Instant::from_secs(10);

/// A target: its name and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const ALL: &[Target] = &[
    ("frame", frame),
    ("envelope", envelope),
    ("bundle", bundle),
    ("announce", announce),
    ("reassembler", reassembler),
    ("channel", channel),
    ("channel_rows", channel_rows),
    ("reconcile", reconcile),
    ("invite", invite),
    ("node", node),
    ("inner", inner),
    ("meeting", meeting),
    ("proof", proof),
    ("rows", rows),
];

/// Bytes as a source of small decisions.
pub(crate) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % limit.max(1)
    }

    /// Some of the bytes: a byte of length, 255 meaning all that is left.
    pub(crate) fn chunk(&mut self) -> &'a [u8] {
        let len = match self.byte() {
            255 => self.0.len(),
            len => self.0.len().min(usize::from(len)),
        };
        let (chunk, rest) = self.0.split_at(len);
        self.0 = rest;
        chunk
    }
}

/// Splitting a frame, and the frames that the node reads itself: read means written back alike.
pub fn frame(data: &[u8]) {
    let Ok((kind, body)) = frame::split(data) else { return };
    let mut out = Vec::new();
    match kind {
        FrameKind::HELLO | FrameKind::KEEPALIVE | FrameKind::KEEPALIVE_ACK => {
            let Ok(read) = frame::Keepalive::read(body) else { return };
            read.write(kind, &mut out);
        }
        FrameKind::REFUSED => {
            let Ok(read) = frame::Refused::read(body) else { return };
            read.write(&mut out);
        }
        FrameKind::NO_ROUTE => {
            let Ok(read) = frame::NoRoute::read(body) else { return };
            read.write(&mut out);
        }
        FrameKind::BUNDLE_REQUEST => {
            let Ok(read) = frame::BundleRequest::read(body) else { return };
            read.write(&mut out);
        }
        FrameKind::TRACE_REQUEST => {
            let Ok(read) = frame::TraceRequest::read(body) else { return };
            read.write(&mut out);
        }
        FrameKind::TRACE_REPLY => {
            let Ok(read) = frame::TraceReply::read(body) else { return };
            read.write(&mut out);
        }
        FrameKind::CUSTODY_ACK | FrameKind::RECEIPTS => {
            let Ok(read) = frame::read_ids(body) else { return };
            let mut ids: Vec<_> = read.collect();
            frame::write_ids(kind, &mut ids, u32::MAX, &mut out);
        }
        _ => return,
    }
    assert_eq!(out, data, "a frame has one form");
}

/// Envelopes: what is admitted stays the same envelope when it is forwarded or stored.
pub fn envelope(data: &[u8]) {
    let Ok(envelope) = EnvelopeIn::parse(data) else { return };
    let (id, header) = (envelope.id(), *envelope.header());
    let _ = envelope.verify_signature(MODE);
    let admitted = envelope.admit();
    assert_eq!(admitted.bytes(), data);
    if let Some(hops_left) = header.hops_left.checked_sub(1) {
        let mut forwarded = Vec::new();
        admitted.write_forward(hops_left, header.age_ms, &mut forwarded);
        let again = EnvelopeIn::parse(&forwarded).expect("a forwarded envelope is one");
        assert_eq!(again.id(), id);
    }
    let stored = Admitted::from_stored(data).expect("an admitted envelope can be stored");
    assert_eq!(stored.id(), id);
}

/// Bundles of other nodes.
pub fn bundle(data: &[u8]) {
    if let Ok(bundle) = Bundle::parse_verified(MODE, data) {
        assert_eq!(bundle.bytes(), data);
    }
}

/// Announces.
pub fn announce(data: &[u8]) {
    let Ok(announce) = MeshAnnounce::parse(data) else { return };
    let mut out = Vec::new();
    announce.write(&mut out);
    assert_eq!(out, data);
    let _ = announce.verify(MODE);
}

/// Pieces from a few links: memory stays bounded, and an honest frame still gets through.
pub fn reassembler(data: &[u8]) {
    const HONEST: LinkId = LinkId(1_000);
    let mut choices = Choices::new(data);
    let mut reassembler = Reassembler::new();
    let mut now = START;
    while !choices.is_empty() {
        match choices.byte() {
            0 => now += core::time::Duration::from_secs(u64::from(choices.byte())),
            1 => reassembler.handle_timeout(now),
            2 => reassembler.on_link_down(LinkId(u32::from(choices.byte() & 3))),
            link => {
                let link = LinkId(u32::from(link & 3));
                if let Ok(Some(whole)) = reassembler.on_fragment(now, link, choices.chunk()) {
                    assert!(whole.len() <= limits::FRAME_LEN_MAX);
                }
            }
        }
        assert!(reassembler.held_bytes() <= limits::FRAGMENT_TOTAL_BYTES_MAX);
    }
    let frame = vec![0x20; 1_000];
    let mut fragmenter = Fragmenter::new(7, frame.clone(), limits::LINK_MTU_MIN);
    let mut whole = None;
    loop {
        let mut buf = Vec::new();
        if !fragmenter.poll(&mut buf) {
            break;
        }
        whole = reassembler.on_fragment(now, HONEST, &buf[2..]).expect("honest");
    }
    assert_eq!(whole, Some(frame));
    reassembler.handle_timeout(now + 2 * limits::FRAGMENT_TIMEOUT);
    assert_eq!(reassembler.held_bytes(), 0);
    assert_eq!(reassembler.poll_timeout(), None);
}

pub(crate) const CAPS: LinkCaps = LinkCaps {
    medium: Medium::Memory,
    mtu: limits::LINK_MTU_MAX,
    bitrate_bps: 1_000_000,
    reliable: false,
    shared: false,
};

fn some_channels() -> (Channels, NodeRng) {
    let mut rng = NodeRng::from_seed([1; 32]);
    let own = Address::from_bytes([1; ADDRESS_LEN]);
    let mut channels = Channels::new(MODE, own, ChannelConfig::default());
    channels.start(START);
    let (id, _) = channels.create(START, "fuzz", &mut rng).expect("there is room");
    let identity = MeshIdentity::from_seeds([2; 32], None);
    let payload = b"hello".to_vec();
    channels.publish(START, None, &identity, id, payload, &mut rng).expect("a member");
    for link in 0..3 {
        let peer = MeshIdentity::from_seeds([10 + link; 32], None).public();
        let up = LinkUp { link: LinkId(u32::from(link)), caps: CAPS, peer };
        channels.on_link_up(START, &up, &mut rng);
    }
    (channels, rng)
}

fn drain_channels(now: Instant, channels: &mut Channels) -> Vec<Record> {
    let mut records = Vec::new();
    channels.drain_records(&mut records);
    for link in 0..3 {
        let mut frames = 0;
        let mut buf = Vec::new();
        while channels.poll_frame(now, LinkId(link), CAPS.mtu, &mut buf) {
            frames += 1;
            assert!(frames < 10_000, "a link never comes to rest");
        }
        assert!(!channels.has_output(LinkId(link)));
    }
    while channels.poll_event().is_some() {}
    records
}

/// Frames of channels and of their handshakes and runs.
pub fn channel(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mut channels, mut rng) = some_channels();
    let mut now = START;
    while !choices.is_empty() {
        let (operation, link) = (choices.byte(), LinkId(u32::from(choices.byte() % 4)));
        match operation % 8 {
            0 => now += core::time::Duration::from_millis(50 * u64::from(choices.byte())),
            1 => channels.handle_timeout(now, &mut rng),
            2 => channels.on_link_down(now, link),
            3 | 4 => drop(channels.on_frame(now, link, choices.chunk(), &mut rng)),
            _ => {
                let mut body = vec![operation & 1];
                body.extend_from_slice(choices.chunk());
                let _ = channels.on_reconcile(now, link, &body, &mut rng);
            }
        }
        drain_channels(now, &mut channels);
        let (joined, foreign) = channels.kept_bytes();
        assert!(joined <= limits::CHANNEL_HISTORY_TOTAL_BYTES_MAX);
        assert!(foreign <= limits::CHANNEL_FOREIGN_TOTAL_BYTES_MAX);
    }
}

/// Rows of channels from a damaged disk.
pub fn channel_rows(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mut honest, _) = some_channels();
    let rows = drain_channels(START, &mut honest);
    let own = Address::from_bytes([1; ADDRESS_LEN]);
    let mut channels = Channels::new(MODE, own, ChannelConfig::default());
    while !choices.is_empty() {
        let operation = choices.byte();
        let row = &rows[choices.below(rows.len())];
        let (mut key, mut value) = (row.key.clone(), row.value.clone().unwrap_or_default());
        if operation & 1 != 0 && !value.is_empty() {
            let at = choices.below(value.len());
            value[at] ^= choices.byte();
        }
        if operation & 2 != 0 {
            value.truncate(choices.below(value.len() + 1));
        }
        if operation & 4 != 0 {
            let at = choices.below(key.len());
            key[at] ^= choices.byte();
        }
        if operation & 8 != 0 {
            value = choices.chunk().to_vec();
        }
        let table = if operation & 16 != 0 { Table::History } else { row.table };
        let _ = channels.restore(table, &key, &value);
    }
    channels.start(START);
    for view in channels.views() {
        let _ = channels.history(view.id);
        channels.leave(view.id).expect("it is joined");
    }
    drain_channels(START, &mut channels);
}

/// Messages of runs, for a side that opened some and answers others.
pub fn reconcile(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut rng = NodeRng::from_seed([1; 32]);
    let items = |count: u8| -> Vec<Item> {
        (0..count).map(|n| Item { bucket: u64::from(n / 16), id: [n; 32] }).collect()
    };
    let mut side = Reconciler::new(Scope::Custody);
    let mut now = START;
    while !choices.is_empty() {
        let (operation, link) = (choices.byte(), LinkId(u32::from(choices.byte() & 1)));
        match operation % 8 {
            0 => now += core::time::Duration::from_secs(u64::from(choices.byte())),
            1 => side.handle_timeout(now),
            2 => side.on_link_down(link),
            3 => {
                let label = Label([choices.byte() & 7; 16]);
                side.open(now, link, label, &items(choices.byte()), &mut rng);
            }
            _ => {
                let mut body = vec![Scope::Custody as u8];
                body.extend_from_slice(choices.chunk());
                let ours = items(choices.byte());
                let shared = |label: Label| (label.0[0] < 8).then_some(ours);
                let _ = side.on_frame(now, link, &body, shared);
            }
        }
        assert!(side.len() <= limits::RECONCILE_RUNS_MAX);
        while side.poll_event().is_some() {}
        for link in [LinkId(0), LinkId(1)] {
            let mut buf = Vec::new();
            while side.poll_frame(link, &mut buf) {
                assert!(buf.len() <= limits::RECONCILE_MESSAGE_LEN_MAX + 3);
                buf.clear();
            }
        }
    }
    // Nobody answers any more: everything ends.
    for _ in 0..100 {
        let Some(deadline) = side.poll_timeout() else { break };
        side.handle_timeout(deadline);
    }
    assert!(side.is_empty());
}

/// Invites that people type.
pub fn invite(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else { return };
    let own = Address::from_bytes([1; ADDRESS_LEN]);
    let mut rng = NodeRng::from_seed([1; 32]);
    let mut channels = Channels::new(MODE, own, ChannelConfig::default());
    if channels.join(START, text, &mut rng).is_ok() {
        let invite = &channels.views()[0].invite;
        assert!(invite.eq_ignore_ascii_case(text.trim()), "an invite has one form");
    }
    if let Ok(invite) = Invite::decode(text) {
        let again = invite.encode().expect("what is read can be written");
        let read: String = text.split_whitespace().collect();
        assert!(again.eq_ignore_ascii_case(&read), "an invite has one form");
    }
}
