use super::*;
use crate::{
    error::DropReason,
    view::{TryResult, WaitingFor},
    wire::frame::{BundleRequest, FrameKind},
};

fn dropped(net: &Net, host: usize, reason: DropReason) -> u64 {
    let index = DropReason::ALL.iter().position(|r| *r == reason).expect("listed");
    net.hosts[host].node.status().counters.dropped[index]
}

fn link_of(net: &Net, host: usize, wire: usize) -> LinkId {
    let ends = net.wires[wire].ends;
    ends.into_iter().find(|(h, _)| *h == host).expect("an end").1
}

#[test]
fn hop_02_hello_measures_the_round_trip() {
    let net = Net::line(2);
    assert_eq!(net.hosts[0].node.peers()[0].rtt, Some(Duration::from_millis(2)));
    assert_eq!(net.hosts[0].node.peers()[0].clock_offset_s, Some(0));
}

#[test]
fn hop_03_a_silent_link_is_stalled() {
    let mut net = Net::line(2);
    net.wires[0].loss_percent = 100;
    net.run(Duration::from_secs(30));
    assert!(!net.has_event(0, |e| matches!(e, Event::LinkStalled { .. })));
    net.run(Duration::from_secs(30));
    assert!(net.has_event(0, |e| matches!(e, Event::LinkStalled { .. })));
}

#[test]
fn hop_04_a_wrong_clock_is_told() {
    let mut net = Net::new(3);
    net.hosts[0].node.handle_wall_clock(net.now, WallClock { unix_secs: WALL_START + 86_400 });
    net.connect(0, 1);
    net.connect(0, 2);
    net.run(Duration::from_secs(1));
    let skew = net.hosts[0].node.status().clock_skew_s.expect("a day ahead");
    assert!((86_390..=86_410).contains(&skew), "{skew}");
    assert!(net.has_event(0, |e| matches!(e, Event::ClockSkew { .. })));
    net.hosts[0].node.handle_wall_clock(net.now, WallClock { unix_secs: WALL_START });
    net.run(Duration::from_secs(60));
    assert_eq!(net.hosts[0].node.status().clock_skew_s, None);
}

#[test]
fn hop_07_a_full_store_refuses_and_the_origin_keeps() {
    let tiny = |host| Config {
        custody_quota_bytes: if host == 1 { 2_000 } else { 1 << 20 },
        ..Config::default()
    };
    let mut net = Net::with_config(3, tiny);
    net.connect(0, 1);
    net.connect(1, 2);
    net.run(Duration::from_secs(2));
    // First contacts are larger than the tiny store: agree on a session with volatile ones.
    let options = SendOptions { durable: false, ..SendOptions::default() };
    net.send_with(0, 2, "hello", options);
    net.run(Duration::from_secs(2));
    net.stop(2);
    let ids: Vec<_> = texts(10).iter().map(|text| net.send(0, 2, text)).collect();
    net.run(Duration::from_millis(500));
    let tries = |net: &Net, id| net.hosts[0].node.message(id).expect("ours").tried;
    let refused = ids
        .iter()
        .filter(|id| tries(&net, id).iter().any(|past| past.result == TryResult::Refused));
    assert!(refused.count() > 0);
    assert!(dropped(&net, 1, DropReason::Full) > 0);
    net.start(2);
    net.run(Duration::from_secs(700));
    assert_eq!(net.shown(2).len(), 11);
}

#[test]
fn hop_08_a_relay_serves_a_bundle_it_has() {
    let mut net = Net::line(3);
    net.send(0, 2, "fetches the bundle through 1");
    net.run(Duration::from_secs(2));
    net.send(1, 2, "so that 1 has it");
    net.run(Duration::from_secs(2));
    net.stop(2);
    net.run(Duration::from_secs(2));
    let mut question = Vec::new();
    let address = net.address(2);
    BundleRequest { address, min_version: 1, hops_left: 4 }.write(&mut question);
    let link = link_of(&net, 1, 0);
    let before = net.trace.len();
    net.hosts[1].node.handle_frame(net.now, link, &question);
    net.drain(1);
    let answered = |(from, frame): &(usize, Vec<u8>)| *from == 1 && frame[1] == FrameKind::BUNDLE.0;
    assert!(net.trace[before..].iter().any(answered));
}

#[test]
fn hop_08_an_unasked_bundle_is_refused() {
    let mut net = Net::line(2);
    let bundle = net.hosts[1].node.own_bundle();
    let mut frame = alloc::vec![1, FrameKind::BUNDLE.0];
    frame.extend_from_slice(&bundle);
    let link = link_of(&net, 0, 0);
    net.hosts[0].node.handle_frame(net.now, link, &frame);
    assert_eq!(dropped(&net, 0, DropReason::Unsolicited), 1);
}

#[test]
fn hop_10_bad_frames_are_counted_and_throttled() {
    let mut net = Net::line(2);
    let link = link_of(&net, 0, 0);
    net.hosts[0].node.handle_frame(net.now, link, &[1, 0xee, 1, 2, 3]);
    net.hosts[0].node.handle_frame(net.now, link, &[2, 0x20]);
    assert_eq!(dropped(&net, 0, DropReason::Unsupported), 2, "a newer neighbour costs nothing");
    assert!(net.hosts[0].node.wants_frames(link));
    for _ in 0..40 {
        net.hosts[0].node.handle_frame(net.now, link, &[1, 0x20, 1]);
    }
    assert!(dropped(&net, 0, DropReason::Malformed) >= 30);
    assert!(!net.hosts[0].node.wants_frames(link));
    net.run(Duration::from_secs(11));
    assert!(net.hosts[0].node.wants_frames(link));
    let id = net.send(0, 1, "still friends");
    net.run(Duration::from_secs(2));
    assert!(net.received(0, id));
}

#[test]
fn hop_10_back_pressure() {
    let mut net = Net::line(3);
    let options = SendOptions { durable: false, ..SendOptions::default() };
    net.send_with(0, 2, "hello", options);
    net.run(Duration::from_secs(2));
    // Host 1 never gets to transmit: its queue towards 2 fills from 0.
    let big = "x".repeat(60_000);
    for _ in 0..100 {
        net.send_with(0, 2, &big, options);
    }
    let link = link_of(&net, 1, 0);
    let at = net.now + Duration::from_millis(1);
    let frames: Vec<_> = net.queue.values().filter(|(to, ..)| *to == 1).cloned().collect();
    assert!(frames.len() > 90);
    for (_, link, frame) in &frames {
        net.hosts[1].node.handle_frame(at, *link, frame);
    }
    assert!(!net.hosts[1].node.wants_frames(link));
    net.hosts[1].node.handle_timeout(at + Duration::from_secs(1));
    assert!(net.hosts[1].node.wants_frames(link), "never for long");
}

#[test]
fn sto_04_a_full_disk_refuses_clearly() {
    let mut net = Net::line(3);
    net.send(0, 2, "hello");
    net.run(Duration::from_secs(2));
    net.hosts[1].node.handle_storage_full(net.now, true);
    let id = net.send(0, 2, "nobody keeps this");
    net.run(Duration::from_secs(1));
    let view = net.hosts[0].node.message(&id).expect("ours");
    assert_ne!(view.waiting_for, WaitingFor::Nothing);
    net.hosts[0].node.handle_storage_full(net.now, true);
    let (to, payload) = (net.address(2), Vec::new());
    let send = Command::Send { to, payload, options: SendOptions::default() };
    let refused = net.hosts[0].node.handle_command(net.now, send);
    assert_eq!(refused, Err(crate::command::CommandError::OutboxFull));
    net.hosts[1].node.handle_storage_full(net.now, false);
    net.hosts[0].node.handle_storage_full(net.now, false);
    net.run(Duration::from_secs(30));
    assert!(net.received(0, id));
}

#[test]
fn node_07_a_full_neighbour_is_not_asked_again_and_again() {
    let tiny = |host| Config {
        custody_quota_bytes: if host == 1 { 4_000 } else { 1 << 20 },
        ..Config::default()
    };
    let mut net = Net::with_config(3, tiny);
    net.connect(0, 1);
    net.connect(1, 2);
    net.run(Duration::from_secs(2));
    let options = SendOptions { durable: false, ..SendOptions::default() };
    net.send_with(0, 2, "hello", options);
    net.run(Duration::from_secs(2));
    net.stop(2);
    for text in texts(400) {
        net.send(0, 2, &text);
    }
    let before = net.trace.len();
    net.run(Duration::from_secs(60));
    let tried = |(from, frame): &&(usize, Vec<u8>)| *from == 0 && frame[1] == FrameKind::ENVELOPE.0;
    let tried = net.trace[before..].iter().filter(tried).count();
    assert!(tried < 4_000, "{tried} envelopes in a minute for a store that is full");
    net.start(2);
    net.run(Duration::from_secs(900));
    assert_eq!(net.shown(2).len(), 401);
}
