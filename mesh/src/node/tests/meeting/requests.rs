//! The folder of strangers, and blocks.

use super::*;

/// `MEET-10`, `MEET-11`
#[test]
fn meet_11_strangers_wait_without_a_receipt() {
    let mut net = line_with_requests(3);
    let id = net.send(0, 2, "do you know me?");
    net.run(Duration::from_secs(300));
    assert!(net.shown(2).is_empty());
    assert_eq!(waiting(&net, 2), ["do you know me?"]);
    assert!(!net.received(0, id));
    let from = net.address(0);
    assert!(net.has_event(2, |e| *e == Event::Request { from, id }));
    net.crash(2);
    assert_eq!(waiting(&net, 2), ["do you know me?"]);
    net.command(2, Command::RequestAccept { from, name: Some("Odo".into()) });
    net.run(Duration::from_secs(300));
    assert_eq!(net.shown(2), ["do you know me?"]);
    assert!(net.received(0, id), "now it is told");
    assert!(waiting(&net, 2).is_empty());
    let id = net.send(0, 2, "and now?");
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(2), ["do you know me?", "and now?"]);
    assert!(net.received(0, id));
    assert_eq!(net.hosts[2].node.contacts()[0].name, "Odo");
}

/// `MEET-14`
#[test]
fn meet_14_let_in_without_a_name() {
    let mut net = line_with_requests(2);
    net.send(0, 1, "one");
    net.run(Duration::from_secs(5));
    let from = net.address(0);
    net.command(1, Command::RequestAccept { from, name: None });
    net.crash(1);
    net.send(0, 1, "two");
    net.run(Duration::from_secs(60));
    let listed = net.hosts[1].node.inbox().map(|m| String::from_utf8_lossy(&m.payload).into());
    assert_eq!(listed.collect::<Vec<String>>(), ["one", "two"]);
    assert!(net.hosts[1].node.contacts().is_empty());
    let unknown = Command::RequestAccept { from: Address::default(), name: None };
    let now = net.now;
    let refused = net.hosts[1].node.handle_command(now, unknown);
    assert_eq!(refused, Err(CommandError::UnknownRequest));
}

/// `MEET-14`: whoever is written to may answer.
#[test]
fn meet_14_answers_are_no_requests() {
    let mut net = line_with_requests(2);
    net.send(1, 0, "who are you?");
    net.run(Duration::from_secs(5));
    net.send(0, 1, "it is me");
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(1), ["it is me"]);
}

/// `MEET-13`: what was dropped for want of room is never taken for received, and comes later.
#[test]
fn meet_13_what_had_no_room_comes_once_there_is_some() {
    let mut net = line_with_requests(2);
    let sent: Vec<_> = texts(12).iter().map(|text| net.send(0, 1, text)).collect();
    net.run(Duration::from_secs(600));
    assert_eq!(waiting(&net, 1).len(), crate::limits::REQUESTS_PER_SENDER_MAX);
    assert!(sent.iter().all(|id| !net.received(0, *id)));
    let from = net.address(0);
    net.command(1, Command::RequestAccept { from, name: Some("Odo".into()) });
    net.run(Duration::from_secs(2 * 86_400));
    let mut shown = net.shown(1);
    shown.sort_unstable();
    let mut all = texts(12);
    all.sort_unstable();
    assert_eq!(shown, all);
    assert!(sent.iter().all(|id| net.received(0, *id)));
}

/// `MEET-11`
#[test]
fn meet_11_volatile_messages_of_strangers_are_dropped() {
    let mut net = line_with_requests(2);
    let options = SendOptions { durable: false, ..SendOptions::default() };
    let id = net.send_with(0, 1, "fleeting", options);
    net.run(Duration::from_secs(60));
    assert!(waiting(&net, 1).is_empty() && net.shown(1).is_empty());
    assert!(!net.received(0, id));
    assert!(dropped(&net, 1, crate::error::DropReason::Unsolicited) > 0);
}

/// `MEET-10`
#[test]
fn meet_10_refused_strangers_leave_nothing_and_invites_still_work() {
    let mut net = line_with(2, Strangers::Refuse);
    net.send(0, 1, "hello?");
    net.run(Duration::from_secs(60));
    assert!(waiting(&net, 1).is_empty() && net.shown(1).is_empty());
    let (_, code) = invite(&mut net, 1);
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(120));
    assert!(answered(&net, 0, InviteVerdict::Accepted));
    net.send(0, 1, "hello!");
    net.run(Duration::from_secs(300));
    let mut shown = net.shown(1);
    shown.sort_unstable();
    assert_eq!(shown, ["hello!", "hello?"]);
}

/// `MEET-15`: in every mode; contacts too; the sender learns nothing, and nothing is shown later.
#[test]
fn meet_15_blocked_senders_are_dropped_counted_and_not_told() {
    for strangers in [Strangers::Inbox, Strangers::Request] {
        let mut net = line_with(3, strangers);
        net.send(0, 2, "before");
        net.run(Duration::from_secs(5));
        let address = net.address(0);
        net.command(2, Command::RequestBlock { address });
        assert!(waiting(&net, 2).is_empty());
        net.crash(2);
        let id = net.send(0, 2, "after");
        net.command(0, Command::Ping { to: net.address(2), token: 1, payload_len: 0 });
        net.run(Duration::from_secs(300));
        assert!(!net.hosts[2].node.inbox().any(|m| *m.payload == *b"after"));
        assert!(waiting(&net, 2).is_empty());
        assert!(!net.received(0, id));
        assert!(!net.has_event(0, |e| matches!(e, Event::Pong { .. })));
        let state = net.hosts[0].node.message(&id).expect("ours").state;
        assert!(matches!(state, MessageState::Accepted | MessageState::InCustody));
        assert!(dropped(&net, 2, crate::error::DropReason::Blocked) > 0);
        assert_eq!(net.hosts[2].node.blocked(), [address]);
        net.command(2, Command::RequestUnblock { address });
        net.run(Duration::from_secs(86_400));
        let shown = net.shown(2).iter().filter(|text| **text == "after").count();
        let waits = waiting(&net, 2).iter().filter(|text| *text == "after").count();
        assert_eq!(shown + waits, 1, "{strangers:?}");
    }
}

/// `MEET-15`: an invite does not end a block.
#[test]
fn meet_15_a_block_holds_against_an_invite() {
    let mut net = line_with_requests(2);
    let address = net.address(0);
    net.command(1, Command::RequestBlock { address });
    let (_, code) = invite(&mut net, 1);
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(60));
    assert!(net.hosts[1].node.contacts().is_empty());
    assert!(net.hosts[1].node.invites()[0].is_open);
    let now = net.now;
    let own = Command::RequestBlock { address: net.address(1) };
    assert_eq!(net.hosts[1].node.handle_command(now, own), Err(CommandError::AddressIsOwn));
}

/// `MEET-16`: mail that a mailbox node kept is a request too.
#[test]
fn meet_16_sealed_strangers_wait_as_well() {
    let mut net = line_with_requests(4);
    let node = Some(net.address(2));
    net.command(3, Command::MailboxUse { node });
    net.run(Duration::from_secs(5));
    let options = SendOptions { sealed: true, ..SendOptions::default() };
    let id = net.send_with(0, 3, "who am I?", options);
    net.run(Duration::from_secs(60));
    assert!(net.shown(3).is_empty());
    assert!(requests(&net, 3)[0].sealed);
    assert!(!net.received(0, id));
    let from = net.address(0);
    net.command(3, Command::RequestAccept { from, name: None });
    net.run(Duration::from_secs(600));
    assert_eq!(net.shown(3), ["who am I?"]);
    assert!(net.received(0, id));
}

/// Without a word in the configuration nothing of this happens.
#[test]
fn meet_10_by_default_strangers_are_in_the_inbox() {
    let mut net = Net::line(2);
    let id = net.send(0, 1, "hello");
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(1), ["hello"]);
    assert!(net.received(0, id));
    let meeting =
        |(table, _): &&(Table, Vec<u8>)| matches!(table, Table::Meeting | Table::Requests);
    assert_eq!(net.hosts.iter().flat_map(|host| host.disk.keys().filter(meeting)).count(), 0);
}
