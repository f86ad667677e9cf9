use super::*;
use crate::view::{MessageState, WaitingFor};

#[test]
fn node_02_accepted_in_custody_received() {
    let mut net = Net::line(3);
    net.send(0, 2, "first contact");
    net.run(Duration::from_secs(2));
    net.cut(1);
    net.run(Duration::from_secs(1));
    let id = net.send(0, 2, "later");
    net.run(Duration::from_millis(100));
    assert!(net.has_event(0, |e| *e == Event::Accepted { id }));
    let custodian = net.address(1);
    assert!(net.has_event(0, |e| *e == Event::InCustody { id, custodian }));
    assert!(!net.received(0, id));
    assert_eq!(net.hosts[1].node.status().custody, 1);
    net.set_up(1);
    net.run(Duration::from_secs(2));
    assert!(net.received(0, id));
    assert_eq!(net.shown(2), ["first contact", "later"]);
    assert_eq!(net.hosts[1].node.status().custody, 0);
}

#[test]
fn node_02_seven_in_a_line_reach_each_other() {
    let mut net = Net::line(7);
    for from in 0..7 {
        for to in (0..7).filter(|to| *to != from) {
            net.send(from, to, &alloc::format!("{from} to {to}"));
        }
    }
    net.run(Duration::from_secs(10));
    for host in 0..7 {
        assert_eq!(net.shown(host).len(), 6, "host {host}");
        assert_eq!(net.hosts[host].node.status().outbox, 0, "host {host}");
    }
}

#[test]
fn node_07_lost_frames_are_repeated() {
    let mut net = Net::line(4);
    for wire in &mut net.wires {
        wire.loss_percent = 20;
    }
    let texts = texts(100);
    for text in &texts {
        net.send(0, 3, text);
    }
    net.run(Duration::from_secs(900));
    let mut shown = net.shown(3);
    shown.sort_unstable();
    let mut sent: Vec<_> = texts.iter().map(alloc::string::String::as_str).collect();
    sent.sort_unstable();
    assert_eq!(shown, sent);
}

#[test]
fn hop_06_a_receipt_clears_the_way() {
    let mut net = Net::line(4);
    for text in texts(300) {
        net.send(0, 3, &text);
    }
    net.run(Duration::from_secs(3));
    assert_eq!(net.shown(3).len(), 300);
    for host in 0..4 {
        let status = net.hosts[host].node.status();
        assert_eq!((status.outbox, status.custody), (0, 0), "host {host}");
        assert!(net.hosts[host].disk.keys().all(|(t, _)| *t != Table::Custody), "host {host}");
    }
}

#[test]
fn sto_06_delivered_when_the_recipient_appears() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    net.stop(2);
    net.run(Duration::from_secs(2));
    let texts = texts(500);
    for text in &texts {
        net.send(0, 2, text);
    }
    net.run(Duration::from_secs(60));
    assert_eq!(net.hosts[1].node.status().custody, 500);
    net.start(2);
    net.run(Duration::from_secs(2));
    assert_eq!(net.shown(2).len(), 501);
    assert_eq!(net.hosts[0].node.status().outbox, 0);
}

#[test]
fn node_07_without_a_route_the_reason_is_told() {
    let mut net = Net::new(2);
    let id = net.send(0, 1, "into the void");
    net.run(Duration::from_secs(1));
    let view = net.hosts[0].node.message(&id).expect("ours");
    assert_eq!((view.state, view.waiting_for), (MessageState::Accepted, WaitingFor::Route));
    net.connect(0, 1);
    net.run(Duration::from_secs(2));
    assert!(net.received(0, id));
}

#[test]
fn node_07_expired_messages_fail_and_leave_nothing() {
    let mut net = Net::new(2);
    let lifetime = Duration::from_secs(30);
    let options = SendOptions { lifetime, ..SendOptions::default() };
    let id = net.send_with(0, 1, "too late", options);
    net.run(Duration::from_secs(31));
    let reason = crate::event::FailReason::Expired;
    assert!(net.has_event(0, |e| *e == Event::Failed { id, reason }));
    assert!(net.hosts[0].disk.keys().all(|(table, _)| *table != Table::Outbox));
    net.connect(0, 1);
    net.run(Duration::from_secs(5));
    assert!(net.shown(1).is_empty());
}

#[test]
fn env_08_custody_ages_and_expires() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    net.stop(2);
    let lifetime = Duration::from_secs(60);
    let options = SendOptions { lifetime, ..SendOptions::default() };
    net.send_with(0, 2, "short-lived", options);
    net.run(Duration::from_secs(30));
    assert_eq!(net.hosts[1].node.status().custody, 1);
    net.run(Duration::from_secs(31));
    assert_eq!(net.hosts[1].node.status().custody, 0);
    net.start(2);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(2), ["hello"]);
}

#[test]
fn node_02_signed_messages_pass_relays_that_verify() {
    let mut net = Net::line(3);
    let options = SendOptions { signed: true, ..SendOptions::default() };
    let id = net.send_with(0, 2, "signed", options);
    net.run(Duration::from_secs(2));
    let id2 = net.send_with(0, 2, "signed too", options);
    net.run(Duration::from_secs(2));
    assert!(net.received(0, id) && net.received(0, id2));
    let signed = |(_, frame): &&(usize, Vec<u8>)| frame[1] == 0x20 && frame[3] == 0;
    assert!(net.trace.iter().filter(signed).count() >= 2);
}

/// As far as routes lead, and nobody on the way is blamed.
#[test]
fn env_07_whoever_has_a_route_is_reached() {
    let mut net = Net::line(41);
    net.run(Duration::from_secs(30));
    let id = net.send(0, 40, "forty hops");
    net.run(Duration::from_secs(30));
    assert!(net.received(0, id));
    assert_eq!(net.shown(40), ["forty hops"]);
    for host in &net.hosts {
        let dropped = &host.node.status().counters.dropped;
        assert!(dropped.iter().all(|count| *count == 0), "{dropped:?}");
    }
}
