use super::*;
use crate::{node::Audience, wire::frame::FrameKind};

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
    let media = |e: &Event| matches!(e, Event::Hop { medium: Some(Medium::Memory), .. });
    assert_eq!(net.hosts[0].events.iter().filter(|e| media(e)).count(), 4);
    net.cut(2);
    net.run(Duration::from_secs(1));
    net.command(0, Command::Trace { to, token: 9, ttl: 9 });
    net.run(Duration::from_secs(1));
    assert!(net.has_event(0, |e| matches!(e, Event::Hop { token: 9, end: Some(false), .. })));
}

/// HOP-09: of its own link a node believes itself, of the others those who answer; what it does not
/// know is unknown, and nothing is lost.
#[test]
fn hop_09_media_are_told_and_may_be_unknown() {
    for (code, told) in [(0, None), (2, Some(Medium::Tcp)), (4, Some(Medium::Lora)), (63, None)] {
        let mut net = Net::line(4);
        net.meddle = Some(match code {
            0 => |_, _, frame| claim::<0>(frame),
            2 => |_, _, frame| claim::<2>(frame),
            4 => |_, _, frame| claim::<4>(frame),
            _ => |_, _, frame| claim::<63>(frame),
        });
        let to = net.address(3);
        for ttl in 1..=3 {
            net.command(0, Command::Trace { to, token: u64::from(ttl), ttl });
        }
        net.run(Duration::from_secs(1));
        for (hop, expected) in [(1, Some(Medium::Memory)), (2, told), (3, told)] {
            let is = |e: &Event| matches!(e, Event::Hop { ttl, medium, .. } if *ttl == hop && *medium == expected);
            assert!(net.has_event(0, is), "hop {hop}, code {code}");
        }
    }
}

/// Writes a medium into every answer to a trace.
fn claim<const CODE: u8>(frame: &mut [u8]) -> bool {
    if frame.get(1) == Some(&FrameKind::TRACE_REPLY.0)
        && let Some(last) = frame.last_mut()
    {
        *last = *last & 3 | CODE << 2;
    }
    true
}
