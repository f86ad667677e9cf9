//! What strangers show, and what guests and contacts show instead.

use super::*;

/// `MEET-20`: strangers work; whoever is in the inbox of everybody need not.
#[test]
fn meet_20_strangers_work_for_their_first_message() {
    let mut net = line_with_requests(3);
    net.send(0, 2, "worked for");
    net.run(Duration::from_secs(5));
    assert_eq!(waiting(&net, 2), ["worked for"]);
    assert_eq!(shown_from(&net, 0, 0)[0], 2);
    assert!(shown_from(&net, 0, 0).iter().all(|kind| *kind == 2), "once for all that follow");
    let before = net.trace.len();
    net.send(2, 0, "nothing is asked here");
    net.run(Duration::from_secs(5));
    assert_eq!(net.shown(0), ["nothing is asked here"]);
    assert!(shown_from(&net, before, 2).iter().all(|kind| *kind == 0));
}

/// `MEET-20`: too little work is refused before anything is opened.
#[test]
fn meet_20_without_work_nothing_is_opened() {
    let mut net = line_with_requests(2);
    net.send(0, 1, "worked for");
    net.run(Duration::from_secs(5));
    let at = net.trace.iter().position(|(host, f)| *host == 0 && f[1] == FrameKind::ENVELOPE.0);
    let frame = net.trace[at.expect("one")].1.clone();
    let link = net.wires[0].ends[1].1;
    let sessions =
        |net: &Net| net.hosts[1].disk.keys().filter(|(table, _)| *table == Table::Sessions).count();
    let known = sessions(&net);
    // Another nonce; no admission at all; a made-up pass; work for another encapsulation.
    let mut forged = alloc::vec![frame.clone(), frame.clone(), frame.clone(), frame.clone()];
    forged[0][64] ^= 1;
    forged[1].splice(63..72, [0]);
    forged[2].splice(63..72, [&[1][..], &[7; 16]].concat());
    forged[3][80] ^= 1;
    for (count, frame) in forged.iter().enumerate() {
        net.hosts[1].node.handle_frame(net.now, link, frame);
        net.drain(1);
        let refused = dropped(&net, 1, crate::error::DropReason::OverBudget);
        assert_eq!(refused, 1 + count as u64);
    }
    assert_eq!(sessions(&net), known);
    assert_eq!(waiting(&net, 1).len(), 1);
}

/// `MEET-20`: a sender whose bundle says nothing of work is told to fetch another one.
#[test]
fn meet_20_work_that_is_asked_from_today_on() {
    let mut net = line_with(2, Strangers::Inbox);
    net.send(0, 1, "before");
    net.run(Duration::from_secs(5));
    net.stop(0);
    net.stop(1);
    for host in [0, 1] {
        net.hosts[host].disk.retain(|(table, _), _| *table != Table::Sessions);
    }
    net.hosts[1].config.strangers = Strangers::Request;
    net.start(1);
    net.start(0);
    let id = net.send(0, 1, "after");
    net.run(Duration::from_secs(120));
    assert_eq!(waiting(&net, 1), ["after"]);
    assert!(!net.received(0, id));
}

/// `MEET-20`: hard work is done in steps, and nothing else waits for it.
#[test]
fn meet_20_hard_work_is_done_in_steps() {
    let hard = |host| {
        let strangers = if host == 1 { Strangers::Request } else { Strangers::Inbox };
        Config { strangers, work_bits: 200, ..Config::default() }
    };
    let mut net = Net::with_config(3, hard);
    net.connect(0, 1);
    net.connect(0, 2);
    net.run(Duration::from_secs(5));
    assert_eq!(net.hosts[1].node.work_asked(), 24, "bounded");
    let slow = net.send(0, 1, "for the one who asks too much");
    net.run(Duration::from_millis(4));
    let quick = net.send(0, 2, "for another");
    net.run(Duration::from_millis(60));
    assert_eq!(net.shown(2), ["for another"]);
    assert!(net.received(0, quick));
    let view = net.hosts[0].node.message(&slow).expect("ours");
    assert_eq!(view.waiting_for, WaitingFor::Work);
}

/// `MEET-20`: work that was done is not done again after a restart.
#[test]
fn meet_20_work_survives_a_restart() {
    let mut net = line_with_requests(2);
    net.send(0, 1, "one");
    net.run(Duration::from_secs(5));
    net.crash(0);
    let before = net.trace.len();
    net.send(0, 1, "two");
    net.run(Duration::from_millis(5));
    assert!(shown_from(&net, before, 0).contains(&2), "at once");
    net.run(Duration::from_secs(5));
    assert_eq!(waiting(&net, 1).len(), 2);
}

/// `MEET-21`: whoever holds a code need not work; nor need contacts, once they were told.
#[test]
fn meet_21_guests_and_contacts_show_a_pass() {
    let mut net = line_with_requests(3);
    let (_, code) = invite(&mut net, 2);
    let before = net.trace.len();
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    assert!(answered(&net, 0, InviteVerdict::Accepted));
    let shown = shown_from(&net, before, 0);
    assert!(!shown.is_empty() && shown.iter().all(|kind| *kind == 1), "{shown:?}");
    // Two days later a new session begins with the pass that came with the first; then with the next one.
    for day in 0..2 {
        net.run(2 * DAY);
        let before = net.trace.len();
        // The first one asks for the bundle of the day and goes in the old session meanwhile.
        for text in ["again", "and again"] {
            let id = net.send(0, 2, text);
            net.run(Duration::from_secs(5));
            assert!(net.received(0, id));
        }
        let shown = shown_from(&net, before, 0);
        assert!(!shown.is_empty() && shown.iter().all(|kind| *kind == 1), "day {day}: {shown:?}");
        net.crash(2 * day);
    }
}

/// `MEET-22`: a pass that somebody saw is of no use for anything else; a pass that was given away
/// is nobody's.
#[test]
fn meet_22_a_pass_is_bound_to_its_owner() {
    let mut net = line_with_requests(3);
    net.connect(0, 2);
    let (_, code) = invite(&mut net, 2);
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    let held = |net: &Net, host: usize| {
        let mut rows = net.hosts[host].disk.iter();
        rows.find(|((table, key), _)| *table == Table::Meeting && key[0] == b'h')
            .map(|((_, key), value)| (key.clone(), value.clone()))
    };
    let (key, value) = held(&net, 0).expect("a pass");
    // Host 1, a stranger, gets the very key: it is let as far as to be recognised.
    let now = net.now;
    let row = Record { table: Table::Meeting, key, value: Some(value) };
    net.hosts[1].node.restore(now, row).expect("a row");
    let before = dropped(&net, 2, crate::error::DropReason::OverBudget);
    let id = net.send(1, 2, "with a stolen pass");
    net.run(Duration::from_millis(50));
    assert!(dropped(&net, 2, crate::error::DropReason::OverBudget) > before);
    assert!(waiting(&net, 2).is_empty());
    // It works, in the end, like other strangers.
    net.run(Duration::from_secs(300));
    assert_eq!(waiting(&net, 2), ["with a stolen pass"]);
    assert!(!net.received(1, id));
}

/// `MEET-23`: who was removed or blocked has no pass any more.
#[test]
fn meet_23_passes_are_taken_back() {
    let mut net = line_with_requests(2);
    let (_, code) = invite(&mut net, 1);
    net.command(0, accepting(&code));
    net.run(Duration::from_secs(5));
    let given = |net: &Net| {
        let mut rows = net.hosts[1].disk.keys();
        rows.any(|(table, key)| *table == Table::Meeting && key[0] == b'g')
    };
    assert!(given(&net));
    let address = net.address(0);
    net.command(1, Command::ContactRemove { address });
    assert!(!given(&net));
}
