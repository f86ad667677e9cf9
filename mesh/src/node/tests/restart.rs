use super::*;
use crate::view::MessageState;

#[test]
fn sto_02_nothing_is_said_before_it_is_durable() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    // The sender's disk hangs: nothing is accepted, nothing leaves.
    net.hosts[0].hold_commits = true;
    let first = net.send(0, 2, "one");
    net.run(Duration::from_millis(500));
    assert!(!net.has_event(0, |e| *e == Event::Accepted { id: first }));
    net.hosts[0].hold_commits = false;
    // The relay's disk hangs: it forwards, but acknowledges no custody.
    net.hosts[1].hold_commits = true;
    // The recipient's disk hangs: nothing is shown.
    net.hosts[2].hold_commits = true;
    net.run(Duration::from_millis(500));
    assert!(net.has_event(0, |e| *e == Event::Accepted { id: first }));
    assert!(!net.has_event(0, |e| matches!(e, Event::InCustody { id, .. } if *id == first)));
    assert!(!net.received(0, first));
    assert_eq!(net.shown(2), ["hello"]);
    net.hosts[2].hold_commits = false;
    net.run(Duration::from_millis(500));
    assert_eq!(net.shown(2), ["hello", "one"]);
    assert!(net.received(0, first), "the receipt passes although the relay's disk hangs");
}

#[test]
fn node_05_recipient_killed_before_its_receipt_left() {
    let mut net = Net::line(2);
    net.send(0, 1, "hello");
    net.run(Duration::from_secs(2));
    for round in 0..20_u64 {
        let text = alloc::format!("round {round}");
        let id = net.send(0, 1, &text);
        net.run(Duration::from_micros(300 * round));
        net.crash(1);
        net.run(Duration::from_secs(20));
        assert!(net.received(0, id), "{text}");
        let listed = net.hosts[1].node.inbox().filter(|m| *m.payload == *text.as_bytes()).count();
        assert_eq!(listed, 1, "{text}");
    }
}

#[test]
fn node_07_sender_killed_with_a_full_outbox() {
    let mut net = Net::line(2);
    net.send(0, 1, "hello");
    net.run(Duration::from_secs(2));
    net.cut(0);
    for text in texts(200) {
        net.send(0, 1, &text);
    }
    net.crash(0);
    net.run(Duration::from_secs(20));
    assert_eq!(net.shown(1).len(), 201);
    assert_eq!(net.hosts[0].node.status().outbox, 0);
}

#[test]
fn sto_01_crash_at_every_commit() {
    // The relay dies again and again while traffic flows, each time losing what was not durable.
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    let mut accepted = Vec::new();
    for round in 0..30_u64 {
        for text in texts(5) {
            accepted.push(net.send(0, 2, &alloc::format!("{round} {text}")));
        }
        net.hosts[1].hold_commits = round % 2 == 0;
        net.run(Duration::from_micros(700 + 130 * round));
        net.crash(1);
        net.hosts[1].hold_commits = false;
        net.run(Duration::from_secs(3));
    }
    net.run(Duration::from_secs(600));
    assert_eq!(net.shown(2).len(), 1 + accepted.len());
    assert!(accepted.iter().all(|id| net.received(0, *id)));
}

#[test]
fn node_11_a_peer_that_lost_its_sessions_is_reached_again() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    net.stop(2);
    net.hosts[2].disk.retain(|(table, _), _| *table != Table::Sessions);
    net.start(2);
    net.run(Duration::from_secs(2));
    let id = net.send(0, 2, "again");
    net.run(Duration::from_secs(60));
    assert!(net.received(0, id));
    assert_eq!(net.shown(2).iter().filter(|text| **text == "again").count(), 1);
}

#[test]
fn ses_06_a_rolled_back_disk_still_reaches_everyone() {
    let mut net = Net::line(2);
    net.send(0, 1, "hello");
    net.run(Duration::from_secs(2));
    let snapshot = net.hosts[0].disk.clone();
    for text in texts(20) {
        net.send(0, 1, &text);
    }
    net.run(Duration::from_secs(2));
    net.stop(0);
    net.hosts[0].disk = snapshot;
    net.start(0);
    net.run(Duration::from_secs(2));
    let id = net.send(0, 1, "after the roll-back");
    net.run(Duration::from_secs(120));
    assert!(net.received(0, id));
    assert_eq!(net.shown(1).iter().filter(|t| **t == "after the roll-back").count(), 1);
}

/// Fifty messages of the first host, kept by the second for the third, which is cut off.
fn kept_for_the_third() -> (Net, Vec<MessageId>) {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    net.cut(1);
    let ids = texts(50).iter().map(|text| net.send(0, 2, text)).collect();
    net.run(Duration::from_secs(5));
    assert_eq!(net.hosts[1].node.status().custody, 50);
    (net, ids)
}

#[test]
fn node_13_a_restarted_sender_knows_what_a_relay_keeps() {
    let (mut net, ids) = kept_for_the_third();
    for _ in 0..3 {
        net.crash(0);
        net.run(Duration::from_secs(10));
    }
    assert_eq!(net.hosts[1].node.status().custody, 50, "no second copies");
    let sender = &net.hosts[0].node;
    assert_eq!(sender.status().outbox_in_custody, 50);
    assert!(ids.iter().all(|id| {
        sender.message(id).is_some_and(|message| message.state == MessageState::InCustody)
    }));
    // Should the relay have lost them, they are repeated when the pause is over.
    net.hosts[1].disk.retain(|(table, _), _| *table != Table::Custody);
    net.crash(1);
    net.run(Duration::from_secs(45));
    assert_eq!(net.shown(2).len(), 1);
    net.run(Duration::from_secs(45));
    assert_eq!(net.shown(2).len(), 51);
}

#[test]
fn node_13_the_receipt_of_an_earlier_run_counts() {
    let (mut net, ids) = kept_for_the_third();
    net.crash(0);
    net.run(Duration::from_secs(1));
    net.set_up(1);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(2).len(), 51);
    assert!(ids.iter().all(|id| net.received(0, *id)));
    let rows = net.hosts[0].disk.keys();
    let left = rows.filter(|(table, _)| [Table::Outbox, Table::Departed].contains(table));
    assert_eq!(left.count(), 0);
}

#[test]
fn hop_06_receipts_find_back_past_restarts() {
    let (mut net, ids) = kept_for_the_third();
    net.crash(1);
    net.cut(1);
    net.run(Duration::from_secs(1));
    net.crash(0);
    net.run(Duration::from_secs(1));
    net.set_up(1);
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(2).len(), 51);
    assert!(ids.iter().all(|id| net.received(0, *id)));
}
