use super::*;
use crate::view::MessageState;

#[test]
fn node_01_same_seed_same_bytes() {
    let run = || {
        let mut net = Net::line(3);
        net.send(0, 2, "same");
        net.run(Duration::from_secs(5));
        net.trace
    };
    // Each in a thread of its own: within one, sealing the same twice is taken for a broken rule.
    let [first, second] = [0, 1].map(|_| std::thread::spawn(run).join().expect("ran"));
    assert!(first == second);
}

#[test]
fn node_04_both_ends_agree_on_the_id() {
    let mut net = Net::line(2);
    let id = net.send(0, 1, "hello");
    net.run(Duration::from_secs(1));
    assert!(net.has_event(1, |e| matches!(e, Event::Message(m) if m.id == id)));
    assert!(net.received(0, id));
    let view = net.hosts[0].node.message(&id).expect("remembered");
    assert_eq!(view.state, MessageState::Received);
}

#[test]
fn node_07_volatile_messages_touch_no_outbox() {
    let mut net = Net::line(2);
    let options = SendOptions { durable: false, ..SendOptions::default() };
    let id = net.send_with(0, 1, "fleeting", options);
    net.run(Duration::from_secs(1));
    assert_eq!(net.shown(1), ["fleeting"]);
    assert!(net.received(0, id));
    assert!(net.hosts[0].disk.keys().all(|(table, _)| *table != Table::Outbox));
    assert!(net.hosts[1].disk.keys().all(|(table, _)| *table != Table::Inbox));
}

#[test]
fn node_07_a_megabyte_arrives_over_a_narrow_link() {
    let mut net = Net::new(2);
    let caps = LinkCaps {
        medium: Medium::Memory,
        mtu: 192,
        bitrate_bps: 10_000_000,
        reliable: true,
        shared: false,
    };
    net.connect_with(0, 1, caps);
    net.run(Duration::from_secs(1));
    let text = "x".repeat(crate::limits::PAYLOAD_LEN_MAX);
    net.send(0, 1, &text);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(1), [text.as_str()]);
}

#[test]
fn node_07_both_directions_at_once() {
    let mut net = Net::line(2);
    for text in texts(50) {
        net.send(0, 1, &text);
        net.send(1, 0, &text);
    }
    net.run(Duration::from_secs(3));
    assert_eq!(net.shown(0).len(), 50);
    assert_eq!(net.shown(1).len(), 50);
    assert_eq!(net.hosts[0].node.status().outbox, 0);
}

#[test]
fn node_07_limits_are_told_and_change_nothing() {
    use crate::command::CommandError;
    let mut net = Net::line(2);
    let own = net.address(0);
    let to = net.address(1);
    let mut send = |to, len, lifetime| {
        let options = SendOptions { lifetime, ..SendOptions::default() };
        let payload = alloc::vec![0; len];
        net.hosts[0].node.handle_command(net.now, Command::Send { to, payload, options })
    };
    let day = Duration::from_secs(86_400);
    assert_eq!(send(own, 1, day), Err(CommandError::AddressIsOwn));
    assert_eq!(send(to, 1, Duration::ZERO), Err(CommandError::LifetimeOutOfRange));
    assert_eq!(send(to, 1, 31 * day), Err(CommandError::LifetimeOutOfRange));
    let limit_bytes = crate::limits::PAYLOAD_LEN_MAX as u32;
    let too_large = Err(CommandError::PayloadTooLarge { limit_bytes });
    assert_eq!(send(to, crate::limits::PAYLOAD_LEN_MAX + 1, day), too_large);
    assert_eq!(net.hosts[0].node.status().outbox, 0);
}
