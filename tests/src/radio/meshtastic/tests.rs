//! The baseline's rules, one node at a time.

use super::*;

fn node(index: usize) -> Meshtastic {
    let settings =
        Settings { hop_limit: 7, text_len: 50, phy: Phy::sf8(16), content_when_relayed: true };
    Meshtastic::new(index, settings, Rng::new(index as u64))
}

const CLEAR: Signal = Signal { rssi_dbm: -100, snr_quarter_db: 0 };

/// Lets a node speak, if it wants to within a time.
fn speak(node: &mut Meshtastic, now: &mut Micros, within: Micros) -> Option<Packet> {
    let until = *now + within;
    let mut frame = Vec::new();
    while let Some(at) = node.poll_timeout().filter(|&at| at <= until) {
        *now = (*now).max(at);
        node.handle_timeout(*now);
        if node.poll_air(*now, false, &mut frame) {
            node.handle_sent(*now);
            return Packet::read(&frame, 0);
        }
    }
    *now = until;
    None
}

fn hear(node: &mut Meshtastic, now: Micros, packet: &Packet) {
    let mut frame = Vec::new();
    packet.write(&mut frame);
    node.handle_heard(now, &frame, CLEAR);
}

const SECOND_US: Micros = 1_000_000;

/// `RSM-07`
#[test]
fn a_quiet_node_says_nothing() {
    assert_eq!(node(0).poll_timeout(), None);
}

/// `RSM-06`
#[test]
fn three_tries_and_no_more() {
    let (mut sender, mut now) = (node(0), 0);
    sender.submit(now, 1, 42);
    let tries: Vec<_> =
        std::iter::from_fn(|| speak(&mut sender, &mut now, 600 * SECOND_US)).collect();
    assert_eq!(tries.len(), 3);
    assert!(tries.iter().all(|packet| packet.next_hop == 0 && packet.id == tries[0].id));
}

/// `RSM-05`
#[test]
fn who_hears_another_relay_falls_silent() {
    let (mut sender, mut relay, mut now) = (node(0), node(1), 0);
    sender.submit(now, 9, 42);
    let packet = speak(&mut sender, &mut now, SECOND_US).expect("the message");
    hear(&mut relay, now, &packet);
    let copy = Packet { hop_limit: packet.hop_limit - 1, relay: 3, ..packet.clone() };
    let mut other = node(4);
    hear(&mut other, now, &packet);
    hear(&mut other, now, &copy);
    assert_eq!(speak(&mut other, &mut now.clone(), 60 * SECOND_US), None);
    let relayed = speak(&mut relay, &mut now, SECOND_US * 60).expect("relayed");
    assert_eq!((relayed.hop_limit, relayed.relay), (6, 2));
}

/// `RSM-05`
#[test]
fn the_first_message_floods_and_the_second_takes_the_next_hop() {
    let (mut a, mut b, mut c, mut now) = (node(0), node(1), node(2), 0);
    for message in [1, 2] {
        a.submit(now, 2, message);
        let sent = speak(&mut a, &mut now, 5 * SECOND_US).expect("the message");
        assert_eq!(sent.next_hop, if message == 1 { 0 } else { 2 });
        hear(&mut b, now, &sent);
        let relayed = speak(&mut b, &mut now, 5 * SECOND_US).expect("relayed");
        hear(&mut a, now, &relayed);
        hear(&mut c, now, &relayed);
        assert_eq!(c.poll_shown(), Some(message));
        let ack = speak(&mut c, &mut now, 5 * SECOND_US).expect("acknowledged");
        assert!(ack.want_ack && matches!(ack.body, Body::Ack { .. }));
        hear(&mut b, now, &ack);
        let ack = speak(&mut b, &mut now, 5 * SECOND_US).expect("passed back");
        hear(&mut a, now, &ack);
        hear(&mut c, now, &ack);
        assert_eq!(a.poll_confirmed(), Some(message));
        // Whatever answers the answer.
        for from in [0, 1, 2, 1] {
            loop {
                let nodes = [&mut a, &mut b, &mut c];
                let Some(packet) = speak(nodes[from], &mut now, 5 * SECOND_US) else { break };
                let others = nodes.into_iter().filter(|n| n.number != u32::from(packet.relay));
                others.for_each(|node| hear(node, now, &packet));
            }
        }
    }
}
