use super::*;
use crate::{command::CommandError, view::WaitingFor, wire::frame::FrameKind};

const SEALED: SendOptions = SendOptions {
    priority: crate::envelope::Priority::Normal,
    lifetime: crate::limits::LIFETIME_DEFAULT,
    durable: true,
    signed: false,
    proof: false,
    sealed: true,
};

/// 0 – 1 – 2 – 3: 0 sends, 2 is the mailbox node of 3.
fn with_mailbox() -> Net {
    let mut net = Net::line(4);
    let node = Some(net.address(2));
    net.command(3, Command::MailboxUse { node });
    net.run(Duration::from_secs(5));
    net
}

#[test]
fn mbx_05_sealed_and_received() {
    let mut net = with_mailbox();
    let before = net.trace.len();
    let id = net.send_with(0, 3, "who am I?", SEALED);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(3), ["who am I?"]);
    assert!(net.received(0, id));
    let message = net.hosts[3].node.inbox().next().expect("shown");
    assert!(message.sealed);
    assert_eq!(message.from, net.address(0));
    // What left the sender names the mailbox node, and neither the recipient nor the sender.
    let (from, to) = (net.address(0), net.address(3));
    let envelopes = net.trace[before..]
        .iter()
        .filter(|(host, frame)| *host == 0 && frame[1] == FrameKind::ENVELOPE.0);
    for (_, frame) in envelopes {
        let names = |address: &Address| frame.windows(16).any(|w| w == address.as_bytes());
        assert!(!names(&from) && !names(&to));
    }
}

#[test]
fn mbx_04_kept_while_the_owner_is_away() {
    let mut net = with_mailbox();
    net.send_with(0, 3, "first", SEALED);
    net.run(Duration::from_secs(5));
    net.stop(3);
    net.run(Duration::from_secs(5));
    net.send_with(0, 3, "second", SEALED);
    net.run(Duration::from_secs(5));
    net.crash(2);
    net.run(Duration::from_secs(5));
    net.start(3);
    net.run(Duration::from_secs(30));
    assert_eq!(net.shown(3), ["first", "second"]);
}

#[test]
fn mbx_02_contacts_get_labels_of_their_own() {
    let mut net = Net::line(4);
    for (host, other) in [(0, 3), (3, 0)] {
        let address = net.address(other);
        let name = "friend".into();
        net.command(host, Command::ContactAdd { name, address, root_key: None });
    }
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(3));
    let node = Some(net.address(2));
    net.command(3, Command::MailboxUse { node });
    net.run(Duration::from_secs(120));
    let stored = |(table, key): &&(Table, Vec<u8>)| *table == Table::Mailbox && key[0] == b'o';
    assert_eq!(net.hosts[0].disk.keys().filter(stored).count(), 1, "an offer");
    net.send_with(0, 3, "with a token", SEALED);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(3), ["hello", "with a token"]);
    assert!(net.hosts[3].node.inbox().last().expect("shown").verified);
}

#[test]
fn mbx_06_never_openly() {
    let mut net = Net::line(3);
    let id = net.send_with(0, 2, "secret", SEALED);
    net.run(Duration::from_secs(5));
    assert!(net.shown(2).is_empty());
    assert_eq!(net.hosts[0].node.message(&id).expect("ours").waiting_for, WaitingFor::Bundle);
    let (to, payload) = (net.address(2), b"secret".to_vec());
    let again = Command::Send { to, payload, options: SEALED };
    let refused = net.hosts[0].node.handle_command(net.now, again);
    assert_eq!(refused, Err(CommandError::NoMailbox));
    let node = Some(net.address(1));
    net.command(2, Command::MailboxUse { node });
    net.run(Duration::from_secs(60));
    assert_eq!(net.shown(2), ["secret"], "once there is a mailbox, what waited goes");
}

#[test]
fn mbx_01_a_label_belongs_to_who_registered_it() {
    let mut net = with_mailbox();
    let label = net.hosts[3].node.own_mailbox_label().expect("chosen");
    let thief = net.address(0);
    let mut body = alloc::vec![1];
    body.extend_from_slice(&label);
    body.extend_from_slice(&[0, 0]);
    let now = net.now;
    assert!(net.hosts[2].node.on_mailbox_op(now, thief, &body).is_err());
    net.send_with(0, 3, "still mine", SEALED);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(3), ["still mine"]);
}

#[test]
fn mbx_03_without_work_nothing_is_kept() {
    let mut net = with_mailbox();
    net.send_with(0, 3, "worked for", SEALED);
    net.run(Duration::from_secs(5));
    let sealed = net.trace.iter().find(|(host, frame)| {
        *host == 1 && frame[1] == FrameKind::ENVELOPE.0 && frame[3] == 2 && frame[47] != 0
    });
    let mut frame = sealed.expect("a sealed envelope passed").1.clone();
    // version, kind, header 45, label 16, admission kind 1: then the nonce.
    frame[2 + 45 + 16 + 1] ^= 1;
    let before = net.hosts[2].node.status().counters.custody_taken;
    let link = net.wires[1].ends[1].1;
    net.hosts[2].node.handle_frame(net.now, link, &frame);
    net.drain(2);
    assert_eq!(net.hosts[2].node.status().counters.custody_taken, before);
}
