use super::*;
use crate::node::Audience;

#[test]
fn node_08_ping_and_pong() {
    let mut net = Net::line(4);
    let to = net.address(3);
    net.command(0, Command::Ping { to, token: 7, payload_len: 100 });
    net.run(Duration::from_secs(2));
    net.hosts[3].disk.clear();
    net.command(0, Command::Ping { to, token: 8, payload_len: 100 });
    net.run(Duration::from_secs(2));
    let rtt = net.hosts[0].events.iter().find_map(|e| match e {
        Event::Pong { token: 8, rtt, from } if *from == to => Some(*rtt),
        _ => None,
    });
    assert_eq!(rtt, Some(Duration::from_millis(6)), "three wires of one millisecond, twice");
    assert!(net.hosts[3].disk.is_empty(), "a ping in a session writes nothing");
}

#[test]
fn node_08_contacts_only() {
    let contacts_only = |_| Config { diagnostics: Audience::Contacts, ..Config::default() };
    let mut net = Net::with_config(2, contacts_only);
    net.connect(0, 1);
    net.run(Duration::from_secs(2));
    let (asker, to) = (net.address(0), net.address(1));
    net.command(0, Command::Ping { to, token: 1, payload_len: 0 });
    net.run(Duration::from_secs(2));
    assert!(!net.has_event(0, |e| matches!(e, Event::Pong { .. })));
    net.command(1, Command::ContactAdd { name: "friend".into(), address: asker, root_key: None });
    net.command(0, Command::Ping { to, token: 2, payload_len: 0 });
    net.run(Duration::from_secs(2));
    assert!(net.has_event(0, |e| matches!(e, Event::Pong { token: 2, .. })));
}

#[test]
fn hop_09_trace_names_every_hop() {
    let mut net = Net::line(5);
    let to = net.address(4);
    for ttl in 1..=4 {
        net.command(0, Command::Trace { to, token: u64::from(ttl), ttl });
    }
    net.run(Duration::from_secs(1));
    for ttl in 1..=4_u8 {
        let expected = net.address(usize::from(ttl));
        let end = (ttl == 4).then_some(true);
        assert!(
            net.has_event(0, |e| matches!(e, Event::Hop { ttl: t, address, end: n, .. }
                if *t == ttl && *address == expected && *n == end)),
            "hop {ttl}"
        );
    }
    net.cut(2);
    net.run(Duration::from_secs(1));
    net.command(0, Command::Trace { to, token: 9, ttl: 9 });
    net.run(Duration::from_secs(1));
    assert!(net.has_event(0, |e| matches!(e, Event::Hop { token: 9, end: Some(false), .. })));
}
