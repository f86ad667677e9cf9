//! Lite sessions in nodes: what goes over slow ways (`specs/28-mls-lite.md`).

use super::*;
use alloc::vec;

use crate::{
    command::CommandError,
    envelope::{EnvelopeIn, MessageId},
    limits,
    node::outbox::Kind,
    receipt::TransferableReceipt,
    wire::frame::FrameKind,
};

fn caps(bitrate_bps: u64) -> LinkCaps {
    LinkCaps {
        medium: Medium::Memory,
        mtu: limits::LINK_MTU_MAX,
        bitrate_bps,
        reliable: true,
        shared: false,
    }
}

/// Hosts in a row over links of these bit rates.
fn row(rates: &[u64]) -> Net {
    let mut net = Net::new(rates.len() as u8 + 1);
    for (host, rate) in rates.iter().enumerate() {
        net.connect_with(host, host + 1, caps(*rate));
    }
    net.run(Duration::from_secs(600));
    net
}

/// The class and the length of every envelope that host sent since the trace was cleared.
fn envelopes(net: &Net, host: usize) -> Vec<(u8, usize)> {
    let frames = net.trace.iter().filter(|(from, _)| *from == host);
    let envelopes = frames.filter(|(_, frame)| frame.get(1) == Some(&FrameKind::ENVELOPE.0));
    let bodies = envelopes.map(|(_, frame)| &frame[2..]);
    bodies
        .filter_map(|body| EnvelopeIn::parse(body).ok())
        .map(|e| (e.header().class as u8, e.bytes().len()))
        .collect()
}

/// Writes, waits for the receipt, and tells what left the sender as an envelope meanwhile.
fn say(net: &mut Net, from: usize, to: usize, text: &str) -> Vec<(u8, usize)> {
    net.trace.clear();
    let id = net.send(from, to, text);
    net.run(Duration::from_secs(60));
    assert!(net.received(from, id), "{text}");
    envelopes(net, from)
}

const FIFTY: &str = "fifty bytes of text are what a person types mostly";

/// MLL-14, MLL-20: over a slow hop the first message agrees on keys and names, and the second is
/// 12 bytes longer than its text, with a receipt that every relay understands; of the other
/// direction the first tells its name.
#[test]
fn mll_14_three_nodes_and_a_slow_link() {
    assert_eq!(FIFTY.len(), 50);
    for rates in [[2_000, 2_000], [100_000_000, 2_000], [2_000, 100_000_000]] {
        let mut net = row(&rates);
        assert_eq!(say(&mut net, 0, 2, "hello")[0].0, 2, "a first contact");
        for n in 0..6 {
            assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)], "{n}");
        }
        let named = [(3, 45 + 3 + 6 + 11 + 50)];
        assert_eq!(say(&mut net, 2, 0, FIFTY), named, "it tells its name");
        assert_eq!(say(&mut net, 2, 0, FIFTY), [(3, 45 + 3 + 1 + 50)]);
        let shown = net.shown(2);
        assert_eq!((shown.len(), shown[6]), (7, FIFTY));
        // The relay kept nothing that was receipted.
        assert_eq!(net.hosts[1].node.counters.duplicates, 0);
    }
}

/// MLL-14: fast, slow, fast: what counts is the way, not the first hop.
#[test]
fn mll_14_a_slow_hop_in_the_middle() {
    let mut net = row(&[100_000_000, 2_000, 100_000_000]);
    say(&mut net, 0, 3, "hello");
    say(&mut net, 0, 3, "name");
    assert_eq!(say(&mut net, 0, 3, FIFTY), [(3, 45 + 3 + 1 + 50)]);
    assert_eq!(net.shown(3), ["hello", "name", FIFTY]);
}

/// MLL-14: a fast way is as it was.
#[test]
fn mll_14_fast_ways_seal_in_full() {
    let mut net = row(&[100_000_000, 100_000_000]);
    say(&mut net, 0, 2, "hello");
    for _ in 0..3 {
        assert_eq!(say(&mut net, 0, 2, "more")[0].0, 1);
    }
}

/// MLL-08: sent again and again over a link that loses half, every message is shown once.
#[test]
fn mll_08_losses_on_the_way() {
    let mut net = row(&[2_000, 2_000]);
    say(&mut net, 0, 2, "hello");
    net.wires[1].loss_percent = 40;
    let sent: Vec<_> = texts(30);
    for text in &sent {
        net.send(0, 2, text);
        net.run(Duration::from_secs(20));
    }
    net.wires[1].loss_percent = 0;
    net.run(Duration::from_secs(7_200));
    let mut shown = net.shown(2);
    shown.sort();
    let mut expected: Vec<_> = ["hello".into()].into_iter().chain(sent).collect();
    expected.sort();
    assert_eq!(shown, expected);
}

/// MLL-06, MLL-09: restarts of either end cost no message and no reuse.
#[test]
fn mll_09_restarts_of_both_ends() {
    let mut net = row(&[2_000, 2_000]);
    let mut expected = Vec::from(["hello".into()]);
    say(&mut net, 0, 2, "hello");
    for round in 0..6 {
        for text in texts(4) {
            let text = alloc::format!("{round} {text}");
            say(&mut net, 0, 2, &text);
            expected.push(text);
        }
        net.crash(if round % 2 == 0 { 0 } else { 2 });
        net.run(Duration::from_secs(120));
    }
    assert_eq!(say(&mut net, 0, 2, "last")[0].0, 3);
    expected.push("last".into());
    assert_eq!(net.shown(2), expected);
}

/// MLL-09: a recipient that has lost its sessions refuses what it has no tag for, and is reached
/// again.
#[test]
fn mll_09_an_unknown_tag_is_refused() {
    let mut net = row(&[2_000, 2_000]);
    say(&mut net, 0, 2, "hello");
    say(&mut net, 0, 2, "lite");
    net.hosts[2].disk.retain(|(table, key), _| *table != Table::Sessions || key[0] == b'f');
    net.crash(2);
    net.run(Duration::from_secs(60));
    net.send(0, 2, "after");
    net.run(Duration::from_secs(1_800));
    assert!(net.shown(2).contains(&"after"));
    say(&mut net, 0, 2, "named");
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)]);
}

fn befriend(net: &mut Net, host: usize, other: usize) {
    let (address, name) = (net.address(other), "friend".into());
    let root_key = None;
    net.command(host, Command::ContactAdd { name, address, root_key });
}

/// MLL-18: contacts that have each other's bundle need one frame for a first message and one for
/// keys; then all is as it is after a full first contact.
#[test]
fn mll_18_first_contact_in_one_frame() {
    let mut net = row(&[2_000, 2_000]);
    know(&mut net, 0, 2);
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 32 + 33 + 11 + 50 + 8)]);
    // RNode 1, type 1, hints 2, hops 1, life 1, address 16, label 2; tag 3 and body 135; tags 8 and 4.
    assert_eq!(1 + 1 + 2 + 1 + 1 + 16 + 2 + 3 + (1 + 32 + 33 + 61 + 8) + 8 + 4, 174);
    assert_eq!(envelopes(&net, 2), [(3, 45 + 3 + 32 + 1 + 8)]);
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)]);
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)]);
    assert_eq!(say(&mut net, 2, 0, "answer")[0].0, 3);
    assert_eq!(net.shown(2), [FIFTY; 3]);
    assert_eq!(net.shown(0), ["answer"]);
}

/// Makes two hosts contacts that have each other's bundle.
fn know(net: &mut Net, one: usize, other: usize) {
    for (one, other) in [(one, other), (other, one)] {
        befriend(net, one, other);
        let (address, now) = (net.address(other), net.now);
        net.hosts[one].node.want_bundle(now, address);
        net.drain(one);
    }
    net.run(Duration::from_secs(60));
}

/// MLL-20: what the first message told is as durable as the keys at its recipient; a sender that
/// restarts tells it again.
#[test]
fn mll_20_the_first_name_outlives_restarts() {
    let (short, named) = ([(3, 45 + 3 + 1 + 50)], [(3, 45 + 3 + 6 + 11 + 50)]);
    for in_one_frame in [false, true] {
        let mut net = row(&[2_000, 2_000]);
        if in_one_frame {
            know(&mut net, 0, 2);
        }
        let first = say(&mut net, 0, 2, "hello");
        assert_eq!(first[0].0 == 3, in_one_frame);
        net.crash(2);
        net.run(Duration::from_secs(120));
        assert_eq!(say(&mut net, 0, 2, FIFTY), short, "{in_one_frame}");
        net.crash(0);
        net.run(Duration::from_secs(120));
        assert_eq!(say(&mut net, 0, 2, FIFTY), named);
        assert_eq!(say(&mut net, 0, 2, FIFTY), short);
        assert_eq!(net.shown(2), ["hello", FIFTY, FIFTY, FIFTY]);
    }
}

/// MLL-20: first contacts that are lost, repeated and answered late: whatever both ends made of
/// them, each message is shown once and as it was written.
#[test]
fn mll_20_first_contacts_that_are_lost() {
    for loss_percent in [40, 50, 60] {
        let mut net = row(&[2_000, 2_000]);
        net.wires[1].loss_percent = loss_percent;
        let sent = texts(6);
        for text in &sent {
            net.send(0, 2, text);
            net.run(Duration::from_secs(5));
        }
        net.wires[1].loss_percent = 0;
        net.run(Duration::from_secs(7_200));
        let mut shown = net.shown(2);
        shown.sort();
        assert_eq!(shown, sent, "{loss_percent} %");
        assert_eq!(say(&mut net, 0, 2, FIFTY)[0].0, 3);
    }
}

/// MLL-18: who has no bundle of the sender refuses, and is written to in full.
#[test]
fn mll_18_without_the_bundle_a_full_one_follows() {
    let mut net = row(&[2_000, 2_000]);
    befriend(&mut net, 0, 2);
    let sent = say(&mut net, 0, 2, "hello");
    assert_eq!(sent.iter().map(|(class, _)| *class).collect::<Vec<_>>(), [3, 2]);
    assert_eq!(net.shown(2), ["hello"]);
}

/// MLL-18: never below a suite floor.
#[test]
fn mll_18_not_below_the_floor() {
    let mut net = row(&[2_000, 2_000]);
    befriend(&mut net, 0, 2);
    let peer = net.address(2);
    net.hosts[0].node.sessions.raise_floor(&peer, crate::identity::Suite::XWing);
    let sent = say(&mut net, 0, 2, "hello");
    assert!(sent.iter().all(|(class, _)| *class == 2));
}

/// MLL-19: an age that slow links rounded up does not call for a second receipt inside a session.
#[test]
fn mll_19_ages_call_for_no_second_receipt() {
    let mut net = row(&[2_000, 2_000]);
    say(&mut net, 0, 2, "hello");
    say(&mut net, 0, 2, "name");
    net.meddle = Some(|_, host, frame| {
        // The relay adds a day to what it forwards.
        if host == 1 && frame.get(1) == Some(&FrameKind::ENVELOPE.0) {
            frame[2 + 3..2 + 7].copy_from_slice(&86_400_000_u32.to_le_bytes());
        }
        true
    });
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)]);
    assert_eq!(envelopes(&net, 2), []);
}

/// Writes and asks for a receipt that can be shown to others.
fn ask(net: &mut Net, from: usize, to: usize, text: &str) -> MessageId {
    let options = SendOptions { proof: true, ..SendOptions::default() };
    let id = net.send_with(from, to, text, options);
    net.run(Duration::from_secs(60));
    assert!(net.received(from, id), "{text}");
    id
}

/// NODE-16: over a slow way the recipient says its signature alone, 88 bytes on the air; what the
/// sender makes of it is the whole receipt, and outlives both ends' restarts.
#[test]
fn node_16_the_signature_alone_over_a_slow_way() {
    let mut net = row(&[2_000, 2_000]);
    befriend(&mut net, 2, 0);
    say(&mut net, 0, 2, "hello");
    say(&mut net, 2, 0, "and back");
    net.trace.clear();
    let paid = ask(&mut net, 0, 2, "I have paid");
    assert_eq!(envelopes(&net, 2), [(3, 45 + 3 + 1 + 64)]);
    // RNode 1, type 1, hints 2, hops 1, life 1, label 2; tag 3, kind 1, signature 64; tags 8 and 4.
    assert_eq!(1 + 1 + 2 + 1 + 1 + 2 + 3 + 1 + 64 + 8 + 4, 88);
    let also = ask(&mut net, 0, 2, "I have paid more");
    net.crash(0);
    for (id, text) in [(paid, &b"I have paid"[..]), (also, b"I have paid more")] {
        let proof = *net.hosts[0].node.proof(&id).expect("kept");
        assert_eq!((proof.message, proof.unix_secs), (id, 0));
        assert_eq!(proof.verify(text), Ok(()));
        let shown = TransferableReceipt::parse(&proof.to_bytes()).expect("the full form");
        assert_eq!(shown.verify(text), Ok(()), "whoever is shown it needs nothing else");
    }
}

/// NODE-16: what was asked is known after a restart between the question and the signature.
#[test]
fn node_16_a_restart_between_question_and_signature() {
    let mut net = row(&[2_000, 2_000]);
    befriend(&mut net, 2, 0);
    say(&mut net, 0, 2, "hello");
    say(&mut net, 2, 0, "and back");
    net.meddle = Some(|_, host, frame| {
        // What the recipient says is lost but for receipts.
        host != 2 || frame.get(1) != Some(&FrameKind::ENVELOPE.0)
    });
    let id = ask(&mut net, 0, 2, "I have paid");
    assert!(net.hosts[0].node.proof(&id).is_none());
    net.crash(0);
    net.meddle = None;
    net.run(Duration::from_secs(1_800));
    let proof = *net.hosts[0].node.proof(&id).expect("kept");
    assert_eq!(proof.verify(b"I have paid"), Ok(()));
}

/// NODE-16: a signature that nobody asked for, or for another message, is no receipt.
#[test]
fn node_16_signatures_that_fit_nothing() {
    let mut net = row(&[2_000, 2_000]);
    befriend(&mut net, 2, 0);
    say(&mut net, 0, 2, "hello");
    say(&mut net, 2, 0, "and back");
    let asked = MessageId([0x15; 16]);
    let (sender, digest) = (*net.hosts[0].node.identity().node_key(), [9; 32]);
    let recipient = net.address(2);
    net.hosts[0].node.proofs.ask(asked, recipient, digest, true);
    for message in [asked, MessageId([0x25; 16]), MessageId([0x16; 16])] {
        let host = &mut net.hosts[2].node;
        let (mode, identity) = (host.config.crypto, &host.identity);
        // About another payload than the one that was sent.
        let proof = TransferableReceipt::sign(mode, identity, message, sender, b"else", 0);
        let (now, to, content) = (net.now, net.address(0), proof.to_bytes());
        net.hosts[2].node.send_system(now, to, Kind::Proof, content, SendOptions::default());
        net.drain(2);
        net.run(Duration::from_secs(60));
        assert!(net.hosts[0].node.proof(&message).is_none());
        assert!(!net.has_event(0, |event| matches!(event, Event::Proven { .. })));
    }
}

fn agree(net: &mut Net, host: usize, other: usize, secret: &[u8]) {
    let secret = crate::lite::SharedSecret::new(secret.to_vec()).expect("long enough");
    let address = net.address(other);
    net.command(host, Command::ContactSecret { address, secret });
}

/// MLL-21: with a secret of both users the first message over a slow way is a lite one already; it
/// outlives restarts, and once given again changes nothing.
#[test]
fn mll_21_a_secret_of_two_users() {
    let mut net = row(&[2_000, 2_000]);
    for (one, other) in [(0, 2), (2, 0)] {
        befriend(&mut net, one, other);
        agree(&mut net, one, other, b"sixteen secrets!");
    }
    let named = [(3, 45 + 3 + 6 + 11 + 50)];
    assert_eq!(say(&mut net, 0, 2, FIFTY), named, "no first contact");
    assert_eq!(say(&mut net, 2, 0, FIFTY), named);
    for host in [0, 2] {
        net.crash(host);
        net.run(Duration::from_secs(120));
    }
    agree(&mut net, 0, 2, b"sixteen secrets!");
    assert_eq!(say(&mut net, 0, 2, FIFTY), named);
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)]);
    assert_eq!(net.hosts[0].node.sessions.lite_len(), 1);
    assert_eq!((net.shown(0).len(), net.shown(2).len()), (1, 3));
}

/// MLL-21: whoever gives the secret first writes as without it until the other one has given it
/// too and has written; another secret is none.
#[test]
fn mll_21_one_gives_it_later() {
    let mut net = row(&[2_000, 2_000]);
    befriend(&mut net, 0, 2);
    befriend(&mut net, 2, 0);
    agree(&mut net, 0, 2, b"sixteen secrets!");
    let sent = say(&mut net, 0, 2, "are you there");
    assert_eq!(sent[0].0, 3, "it might have been");
    assert!(sent.len() > 1, "then another way: {sent:?}");
    let before = net.hosts[0].node.sessions.lite_len();
    agree(&mut net, 2, 0, b"sixteen secrets!");
    say(&mut net, 2, 0, "now I am");
    say(&mut net, 0, 2, FIFTY);
    assert_eq!(say(&mut net, 0, 2, FIFTY), [(3, 45 + 3 + 1 + 50)]);
    agree(&mut net, 0, 2, b"another secret!!");
    say(&mut net, 0, 2, "still here");
    assert_eq!(net.hosts[0].node.sessions.lite_len(), before + 1);
    assert_eq!(net.shown(2), ["are you there", FIFTY, FIFTY, "still here"]);
    assert_eq!(net.shown(0), ["now I am"]);
}

/// MLL-21: for contacts that were heard, and secrets of 16 bytes at least.
#[test]
fn mll_21_for_contacts_that_were_heard() {
    let secret = crate::lite::SharedSecret::new(vec![7; 16]).expect("long enough");
    assert_eq!(alloc::format!("{secret:?}"), "SharedSecret");
    for len in [0, 15, 1_025] {
        assert_eq!(crate::lite::SharedSecret::new(vec![7; len]), None);
    }
    let mut net = row(&[2_000]);
    let (now, address) = (net.now, net.address(1));
    let give = |net: &mut Net, address| {
        let secret = secret.clone();
        net.hosts[0].node.handle_command(now, Command::ContactSecret { address, secret })
    };
    assert_eq!(give(&mut net, address), Err(CommandError::UnknownContact));
    befriend(&mut net, 0, 1);
    assert_eq!(give(&mut net, address), Ok(Outcome::Done));
    let (stranger, name) = (Address::from_bytes([9; 16]), "far".into());
    net.command(0, Command::ContactAdd { name, address: stranger, root_key: None });
    assert_eq!(give(&mut net, stranger), Err(CommandError::ContactUnheard));
}
