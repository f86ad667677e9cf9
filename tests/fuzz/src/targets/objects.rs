//! Objects that people and contacts hand over, and everything a disk gives back.

use mesh::{
    Config, Instant, LinkId, LinkUp, MeshIdentity, Node, Record, SendOptions, Table,
    TransferableReceipt, WallClock,
    bundle::Bundle,
    crypto::rng::NodeRng,
    envelope::Priority,
    identity::Suite,
    invite::Invite,
    session::{SealParams, Sessions},
    wire::frame::{self, BundleRequest, FrameKind},
};

use super::{CAPS, Choices, MODE, START};

/// Codes by which strangers meet: what is accepted has one form.
pub fn meeting(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(invite) = Invite::decode(text) else { return };
    let code = invite.encode().expect("what was read can be written");
    let again = Invite::decode(&code).expect("what was written can be read");
    assert_eq!(again.id(), invite.id());
    assert_eq!(again.encode().ok(), Some(code));
}

/// Transferable receipts: what is accepted has one form.
pub fn proof(data: &[u8]) {
    let Ok(receipt) = TransferableReceipt::parse(data) else { return };
    assert_eq!(receipt.to_bytes(), data);
    let _ = receipt.verify(b"");
}

/// A node that stands alone.
fn node(seed: u8) -> Node {
    let mut config = Config::default();
    config.crypto = MODE;
    let identity = MeshIdentity::from_seeds([seed; 32], None);
    Node::new(START, config, identity, [seed; 32])
}

/// Takes everything the node has to give; the frames for its link.
fn drain(node: &mut Node, now: Instant) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    loop {
        let mut through = None;
        while let Some((seq, _)) = node.poll_record() {
            through = Some(seq);
        }
        while let Some(link) = node.poll_link() {
            loop {
                let mut frame = Vec::new();
                if node.poll_transmit(now, link, &mut frame).is_none() {
                    break;
                }
                frames.push(frame);
                assert!(frames.len() < 20_000, "the link never comes to rest");
            }
        }
        while node.poll_event().is_some() {}
        let Some(seq) = through else { return frames };
        node.handle_committed(now, seq);
    }
}

/// What is inside an envelope once it is opened: any bytes, from somebody with a session.
pub fn inner(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mut victim, link) = (node(1), LinkId(1));
    victim.start(START, None);
    let attacker = MeshIdentity::from_seeds([2; 32], None);
    victim.handle_link_up(START, LinkUp { link, caps: CAPS, peer: attacker.public() });
    let mut question = Vec::new();
    BundleRequest { address: victim.address(), min_version: 0, hops_left: 4 }.write(&mut question);
    victim.handle_frame(START, link, &question);
    let answer = drain(&mut victim, START)
        .into_iter()
        .find(|frame| frame[1] == FrameKind::BUNDLE.0)
        .expect("a node gives its own bundle");
    let bundle = Bundle::parse_verified(MODE, &answer[2..]).expect("it is whole");
    let mut rng = NodeRng::from_seed([3; 32]);
    let mut sessions = Sessions::new(MODE, [4; 8]);
    let mut now = START;
    let mut texts = 0;
    while !choices.is_empty() && texts < 200 {
        let durable = choices.byte() & 1 != 0;
        let params = SealParams {
            hops_max: 8,
            priority: Priority::Normal,
            durable,
            lifetime_s: 3_600,
            signed: None,
        };
        let text = choices.chunk();
        let sealed = sessions
            .initiate(now, &attacker, &bundle, Suite::X25519, &params, &[text], &mut rng)
            .expect("the first block of counters is free");
        let mut envelope = Vec::new();
        frame::begin(&mut envelope, FrameKind::ENVELOPE);
        envelope.extend_from_slice(sealed.bytes());
        victim.handle_frame(now, link, &envelope);
        now += core::time::Duration::from_millis(20);
        victim.handle_timeout(now);
        drain(&mut victim, now);
        texts += 1;
    }
    let inbox = victim.inbox().count();
    assert!(inbox <= texts, "{inbox} shown of {texts}");
}

/// Rows of every table from a disk that somebody wrote to: refused or harmless.
pub fn rows(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut restored = node(1);
    while !choices.is_empty() {
        let table = Table::ALL[usize::from(choices.byte()) % Table::ALL.len()];
        let (key, value) = (choices.chunk().to_vec(), Some(choices.chunk().to_vec()));
        let _ = restored.restore(START, Record { table, key, value });
    }
    restored.start(START, Some(WallClock { unix_secs: 1_767_225_600 }));
    let peer = MeshIdentity::from_seeds([2; 32], None).public();
    restored.handle_link_up(START, LinkUp { link: LinkId(1), caps: CAPS, peer });
    drain(&mut restored, START);
    let (to, payload) = (peer.address(), b"still working".to_vec());
    let send = mesh::Command::Send { to, payload, options: SendOptions::default() };
    let _ = restored.handle_command(START, send);
    let mut now = START;
    for _ in 0..20 {
        let Some(due) = restored.poll_timeout() else { break };
        now = now.max(due);
        restored.handle_timeout(now);
        drain(&mut restored, now);
    }
    let _ = (restored.contacts(), restored.peers(), restored.status());
    assert!(restored.inbox().count() <= mesh::limits::INBOX_MESSAGES_MAX);
}
