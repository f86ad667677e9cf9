//! One check per rule of the node that a mutant breaks (`ATK-20`): whether the rule is kept.

use super::{attacks::*, *};
use crate::{
    error::DropReason,
    identity::Capabilities,
    rules::Rules,
    view::WaitingFor,
    wire::frame::{self, FrameKind},
};

/// Hosts in a row that have exchanged announces, all under `rules`.
pub(super) fn line(count: u8, rules: Rules) -> Net {
    let mut net = Net::with_config(count, |_| Config { rules, ..Config::default() });
    for host in 1..usize::from(count) {
        net.connect(host - 1, host);
    }
    net.run(Duration::from_secs(5));
    net
}

/// As [`line`]; the two ends have a session.
fn acquainted(count: u8, rules: Rules) -> Net {
    let mut net = line(count, rules);
    net.send(0, usize::from(count) - 1, "hello");
    net.run(Duration::from_secs(3));
    net
}

/// `NODE-02`
pub(crate) fn accepted_waits_for_the_disk(rules: Rules) -> bool {
    let mut net = acquainted(2, rules);
    net.hosts[0].hold_commits = true;
    let id = net.send(0, 1, "not on disk");
    net.run(Duration::from_secs(1));
    !net.has_event(0, |event| *event == Event::Accepted { id })
}

/// `STO-02`
pub(crate) fn custody_waits_for_the_disk(rules: Rules) -> bool {
    let mut net = acquainted(3, rules);
    net.cut(1);
    net.run(Duration::from_secs(1));
    net.hosts[1].hold_commits = true;
    let id = net.send(0, 2, "not on the relay's disk");
    net.run(Duration::from_millis(500));
    !net.has_event(0, |event| matches!(event, Event::InCustody { id: kept, .. } if *kept == id))
}

/// `NODE-06`
pub(crate) fn showing_waits_for_the_disk(rules: Rules) -> bool {
    let mut net = acquainted(2, rules);
    net.hosts[1].hold_commits = true;
    let id = net.send(0, 1, "not on the recipient's disk");
    net.run(Duration::from_millis(500));
    net.shown(1) == ["hello"] && !net.received(0, id)
}

/// `NODE-05`: the receipt is lost, the message comes again in a new envelope.
pub(crate) fn a_repeated_message_is_shown_once(rules: Rules) -> bool {
    let mut net = acquainted(2, rules);
    net.send(0, 1, "again");
    net.run(Duration::from_micros(1_500));
    net.wires[0].loss_percent = 100;
    net.run(Duration::from_secs(3));
    net.wires[0].loss_percent = 0;
    net.run(Duration::from_secs(20));
    let resent = net.hosts[1].node.status().counters.duplicates > 0;
    net.shown(1).iter().filter(|text| **text == "again").count() == 1 && resent
}

/// `NODE-07`
pub(crate) fn a_custodian_that_discards_loses_nothing(rules: Rules) -> bool {
    let mut net = acquainted(3, rules);
    net.cut(1);
    net.run(Duration::from_secs(1));
    let id = net.send(0, 2, "acknowledged and thrown away");
    net.run(Duration::from_secs(2));
    net.hosts[1].disk.retain(|(table, _), _| *table != Table::Custody);
    net.crash(1);
    net.run(Duration::from_secs(100));
    net.received(0, id)
}

/// `STO-05`: a neighbour that was not sent an envelope acknowledges it.
pub(crate) fn a_bystander_acknowledges_nothing(rules: Rules) -> bool {
    let mut net = acquainted(3, rules);
    net.cut(1);
    net.run(Duration::from_secs(1));
    net.send(0, 2, "kept by 1");
    net.run(Duration::from_secs(1));
    let frame = last_envelope(&net, 0);
    let id = crate::envelope::EnvelopeIn::parse(&frame[2..]).expect("0 sent it").id();
    let mut ack = Vec::new();
    frame::write_ids(FrameKind::CUSTODY_ACK, &mut alloc::vec![id.0], u32::MAX, &mut ack);
    inject(&mut net, 0, 1, &ack);
    net.hosts[1].node.status().custody == 1
}

/// `ENV-10`: whoever forwards an envelope knows its lock and not what opens it.
pub(crate) fn a_forged_receipt_is_no_receipt(rules: Rules) -> bool {
    let mut net = acquainted(3, rules);
    net.cut(1);
    net.run(Duration::from_secs(1));
    let id = net.send(0, 2, "never delivered");
    net.run(Duration::from_secs(1));
    let frame = last_envelope(&net, 0);
    let lock = crate::envelope::EnvelopeIn::parse(&frame[2..]).expect("0 sent it").header().lock;
    let mut receipt = Vec::new();
    frame::write_ids(FrameKind::RECEIPTS, &mut alloc::vec![lock], u32::MAX, &mut receipt);
    inject(&mut net, 1, 0, &receipt);
    !net.received(0, id)
}

/// `RT-36`
pub(crate) fn a_keeping_sinkhole_is_passed_by(rules: Rules) -> bool {
    let (share, _) = past_a_sinkhole(rules, drop_all_onward, true);
    share >= 95
}

/// `RT-37`
pub(crate) fn a_swallowing_sinkhole_is_passed_by(rules: Rules) -> bool {
    let (share, _) = past_a_sinkhole(rules, drop_all_onward, false);
    share >= 95
}

/// `STO-11`
pub(crate) fn a_dying_copy_does_not_stop_a_good_one(rules: Rules) -> bool {
    ttl_one_copy_first(rules)
}

/// `STO-03`
pub(crate) fn one_destination_fills_half(rules: Rules) -> bool {
    let quota = 200_000;
    let mut net =
        Net::with_config(3, |_| Config { custody_quota_bytes: quota, rules, ..Config::default() });
    net.connect(0, 1);
    net.connect(1, 2);
    net.run(Duration::from_secs(5));
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(3));
    net.stop(2);
    let big = "x".repeat(10_000);
    for _ in 0..30 {
        net.send(0, 2, &big);
    }
    net.run(Duration::from_secs(5));
    let kept = net.hosts[1].node.status().custody_bytes;
    (quota / 4..=quota / 2).contains(&kept)
}

/// `ENV-08`
pub(crate) fn expired_envelopes_are_refused(rules: Rules) -> bool {
    let mut net = acquainted(2, rules);
    net.wires[0].loss_percent = 100;
    net.send(0, 1, "late");
    net.run(Duration::from_millis(100));
    let mut frame = last_envelope(&net, 0);
    // version, kind, then the envelope: its age is bytes 3 to 7.
    frame[2 + 3..2 + 7].copy_from_slice(&u32::MAX.to_le_bytes());
    inject(&mut net, 0, 1, &frame);
    net.shown(1) == ["hello"]
}

/// `ENV-07`
pub(crate) fn every_hop_takes_one(rules: Rules) -> bool {
    let mut net = acquainted(4, rules);
    let before = net.trace.len();
    net.send(0, 3, "counted");
    net.run(Duration::from_secs(1));
    let hops = |host: usize| {
        let sent =
            net.trace[before..].iter().find(|(from, frame)| *from == host && is_envelope(frame));
        sent.map(|(_, frame)| frame[2 + 2])
    };
    let (first, second) = (hops(0), hops(1));
    first.is_some() && second == first.map(|hops| hops - 1)
}

/// `ENV-06`
pub(crate) fn forged_envelopes_are_not_passed_on(rules: Rules) -> bool {
    let mut net = acquainted(3, rules);
    let options = SendOptions { signed: true, ..SendOptions::default() };
    net.wires[0].loss_percent = 100;
    net.send_with(0, 2, "signed", options);
    net.run(Duration::from_millis(100));
    let mut frame = last_envelope(&net, 0);
    *frame.last_mut().expect("a signature") ^= 1;
    let before = net.trace.len();
    inject(&mut net, 0, 1, &frame);
    !net.trace[before..].iter().any(|(from, frame)| *from == 1 && is_envelope(frame))
}

/// `STO-10`
pub(crate) fn strangers_learn_nothing_of_what_is_kept(rules: Rules) -> bool {
    let mut net = line(4, rules);
    net.send(0, 3, "hello");
    net.run(Duration::from_secs(3));
    net.cut(2);
    net.run(Duration::from_secs(5));
    net.send(0, 3, "kept by 2");
    net.run(Duration::from_secs(5));
    let before = net.trace.len();
    net.cut(1);
    net.set_up(1);
    net.run(Duration::from_secs(5));
    let told = |(from, frame): &(usize, Vec<u8>)| {
        *from == 2
            && frame[1] == FrameKind::RECONCILE.0
            && frame[2] == crate::reconcile::Scope::Custody as u8
    };
    !net.trace[before..].iter().any(told)
}

/// `NODE-09`
pub(crate) fn a_changed_key_blocks(rules: Rules) -> bool {
    let mut net = line(2, rules);
    let address = net.address(1);
    let (name, root_key) = ("B".into(), Some([9; 32]));
    net.command(0, Command::ContactAdd { name, address, root_key });
    let id = net.send(0, 1, "for whom?");
    net.run(Duration::from_secs(5));
    let waits = net.hosts[0].node.message(&id).map(|message| message.waiting_for);
    waits == Some(WaitingFor::Trust) && net.shown(1).is_empty()
}

/// `MEET-15`
pub(crate) fn a_blocked_sender_is_not_shown(rules: Rules) -> bool {
    let mut net = acquainted(2, rules);
    let address = net.address(0);
    net.command(1, Command::RequestBlock { address });
    net.send(0, 1, "after the block");
    net.run(Duration::from_secs(10));
    net.shown(1) == ["hello"]
}

/// `HOP-10`
pub(crate) fn rubbish_is_not_listened_to(rules: Rules) -> bool {
    let mut net = line(2, rules);
    for _ in 0..40 {
        inject(&mut net, 0, 1, &[1, FrameKind::ENVELOPE.0, 1]);
    }
    let (_, link) = net.wires[0].ends[1];
    dropped(&net, 1, DropReason::Malformed) > 0 && !net.hosts[1].node.wants_frames(link)
}

/// `ENV-12`
pub(crate) fn strangers_mail_needs_work(rules: Rules) -> bool {
    let mut net = line(4, rules);
    assert!(Config::default().capabilities.contains(Capabilities::MAILBOX));
    let node = Some(net.address(2));
    net.command(3, Command::MailboxUse { node });
    net.run(Duration::from_secs(5));
    let options = SendOptions { sealed: true, ..SendOptions::default() };
    net.send_with(0, 3, "worked for", options);
    net.run(Duration::from_secs(5));
    let sealed = net.trace.iter().find(|(host, frame)| {
        // Class 2 is sealed; a direct first contact has the label 0.
        *host == 1 && is_envelope(frame) && frame[3] == 2 && frame[47] != 0
    });
    let mut frame = sealed.expect("a sealed envelope passed").1.clone();
    // version, kind, header 45, label 16, admission kind 1: then the nonce.
    frame[2 + 45 + 16 + 1] ^= 1;
    let before = net.hosts[2].node.status().counters.custody_taken;
    let (_, link) = net.wires[1].ends[1];
    net.hosts[2].node.handle_frame(net.now, link, &frame);
    net.drain(2);
    net.hosts[2].node.status().counters.custody_taken == before
}
