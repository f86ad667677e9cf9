use alloc::vec;

use super::*;
use crate::{
    command::CommandError,
    limits::{BESIDE_FRAME_LEN_MAX, EXCHANGE_REQUEST_LEN_MAX},
    wire::frame::{self, FrameKind},
};

fn link_of(net: &Net, host: usize, wire: usize) -> LinkId {
    net.wires[wire].ends.iter().find(|(h, _)| *h == host).expect("an end of the wire").1
}

fn asked(net: &Net, host: usize) -> Vec<(u64, Vec<u8>)> {
    let asked = net.hosts[host].events.iter().filter_map(|event| match event {
        Event::ExchangeAsked { token, body } => Some((*token, body.clone())),
        _ => None,
    });
    asked.collect()
}

fn answered(net: &Net, host: usize) -> Vec<(u64, Option<Vec<u8>>)> {
    let answers = net.hosts[host].events.iter().filter_map(|event| match event {
        Event::ExchangeAnswered { token, body } => Some((*token, body.clone())),
        _ => None,
    });
    answers.collect()
}

fn exchange(net: &mut Net, from: usize, to: usize, token: u64, body: &[u8]) {
    let to = net.address(to);
    net.command(from, Command::Exchange { to, token, body: body.to_vec() });
}

/// Frames of exchanges that left hosts, with the host.
fn carried(net: &Net, kind: FrameKind) -> Vec<(usize, Vec<u8>)> {
    let of_kind = |frame: &[u8]| frame::split(frame).is_ok_and(|(k, _)| k == kind);
    net.trace.iter().filter(|(_, frame)| of_kind(frame)).cloned().collect()
}

#[test]
fn bsd_01_a_neighbour_gets_what_was_given() {
    let mut net = Net::line(2);
    let link = link_of(&net, 0, 0);
    for len in [0, 1, 700, BESIDE_FRAME_LEN_MAX] {
        net.command(0, Command::Beside { link, body: vec![7; len] });
        net.run(Duration::from_secs(1));
        let there = link_of(&net, 1, 0);
        assert!(net.has_event(1, |event| matches!(event, Event::BesideFrame { link, body }
            if *link == there && *body == vec![7; len])));
    }
    let too_long = Command::Beside { link, body: vec![0; BESIDE_FRAME_LEN_MAX + 1] };
    let now = net.now;
    let refused = net.hosts[0].node.handle_command(now, too_long);
    assert_eq!(refused, Err(CommandError::PayloadTooLarge { limit_bytes: 16_384 }));
}

#[test]
fn bsd_02_a_lane_is_bounded_and_says_when_it_is_empty() {
    let mut net = Net::line(2);
    let link = link_of(&net, 0, 0);
    let give = |net: &mut Net| {
        let (now, body) = (net.now, vec![1; BESIDE_FRAME_LEN_MAX]);
        net.hosts[0].node.handle_command(now, Command::Beside { link, body })
    };
    let taken = (0..8).take_while(|_| give(&mut net).is_ok()).count();
    assert_eq!(taken, 3, "64 KiB with their headers");
    assert_eq!(give(&mut net), Err(CommandError::Busy));
    net.run(Duration::from_secs(1));
    assert!(net.has_event(0, |event| *event == Event::BesideRoom { link }));
    assert!(give(&mut net).is_ok());
}

#[test]
fn bsd_03_frames_of_programs_harm_nobody() {
    let mut net = Net::line(2);
    let (link, now) = (link_of(&net, 1, 0), net.now);
    for body_len in 0..60 {
        let mut frame = Vec::new();
        frame::begin(&mut frame, FrameKind::BESIDE);
        frame.resize(frame.len() + body_len, 0xff);
        net.hosts[1].node.handle_frame(now, link, &frame);
    }
    assert!(net.hosts[1].node.wants_frames(link));
}

#[test]
fn bsd_10_no_frame_names_who_asks() {
    let mut net = Net::line(5);
    exchange(&mut net, 0, 4, 9, b"a sealed question");
    net.run(Duration::from_secs(1));
    let [(token, body)] = &asked(&net, 4)[..] else { panic!("asked once") };
    assert_eq!(body, b"a sealed question");
    net.command(4, Command::ExchangeAnswer { token: *token, body: vec![3; 30_000] });
    net.run(Duration::from_secs(2));
    assert_eq!(answered(&net, 0), [(9, Some(vec![3; 30_000]))]);
    let public = Host::identity(1).public();
    let own = [public.address().as_bytes().to_vec(), public.node_key().to_vec()];
    for kind in [FrameKind::EXCHANGE_REQUEST, FrameKind::EXCHANGE_RESPONSE] {
        let frames = carried(&net, kind);
        assert_eq!(frames.len(), 4, "one a hop");
        for (_, frame) in frames {
            for name in &own {
                assert!(!frame.windows(8).any(|part| name.windows(8).any(|n| n == part)));
            }
        }
    }
}

#[test]
fn bsd_10_layouts_and_damage() {
    let mut net = Net::line(3);
    exchange(&mut net, 0, 2, 1, b"question");
    net.run(Duration::from_secs(1));
    let (_, whole) = carried(&net, FrameKind::EXCHANGE_REQUEST).remove(0);
    assert_eq!(whole.len(), 2 + 8 + 16 + 1 + 8);
    assert_eq!(whole[10..26], *net.address(2).as_bytes());
    let (now, link) = (net.now, link_of(&net, 1, 0));
    for len in 0..whole.len() {
        net.hosts[1].node.handle_frame(now, link, &whole[..len]);
    }
    for bit in 16..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        net.hosts[1].node.handle_frame(now, link, &flipped);
    }
    let to = net.address(2);
    let body = vec![0; EXCHANGE_REQUEST_LEN_MAX + 1];
    let refused = net.hosts[0].node.handle_command(now, Command::Exchange { to, token: 0, body });
    assert_eq!(refused, Err(CommandError::PayloadTooLarge { limit_bytes: 4_096 }));
}

#[test]
fn bsd_11_a_request_ends_with_its_hops_and_is_carried_once() {
    let mut net = Net::line(3);
    exchange(&mut net, 0, 2, 1, b"question");
    net.run(Duration::from_secs(1));
    let (_, mut request) = carried(&net, FrameKind::EXCHANGE_REQUEST).remove(0);
    let onward = |net: &Net| {
        carried(net, FrameKind::EXCHANGE_REQUEST).iter().filter(|(host, _)| *host == 1).count()
    };
    assert_eq!(onward(&net), 1);
    let (now, link) = (net.now, link_of(&net, 1, 0));
    net.hosts[1].node.handle_frame(now, link, &request);
    net.run(Duration::from_secs(1));
    assert_eq!(onward(&net), 1, "its id is known");
    (request[2], request[26]) = (request[2] ^ 1, 1);
    net.hosts[1].node.handle_frame(now, link, &request);
    net.run(Duration::from_secs(1));
    assert_eq!(onward(&net), 1, "no hops are left");
    request[26] = 2;
    net.hosts[1].node.handle_frame(now, link, &request);
    net.run(Duration::from_secs(1));
    assert_eq!(onward(&net), 2);
}

#[test]
fn bsd_12_a_response_counts_from_where_the_request_went() {
    let mut net = Net::line(3);
    net.connect(0, 2);
    net.run(Duration::from_secs(5));
    exchange(&mut net, 0, 2, 1, b"question");
    net.run(Duration::from_secs(1));
    let (_, request) = carried(&net, FrameKind::EXCHANGE_REQUEST).remove(0);
    let mut forged = Vec::new();
    frame::begin(&mut forged, FrameKind::EXCHANGE_RESPONSE);
    forged.extend_from_slice(&request[2..10]);
    forged.extend_from_slice(b"forged");
    let (now, other) = (net.now, link_of(&net, 0, 0));
    net.hosts[0].node.handle_frame(now, other, &forged);
    net.run(Duration::from_millis(10));
    assert_eq!(answered(&net, 0), []);
    let token = asked(&net, 2)[0].0;
    net.command(2, Command::ExchangeAnswer { token, body: b"true".to_vec() });
    net.run(Duration::from_secs(1));
    assert_eq!(answered(&net, 0), [(1, Some(b"true".to_vec()))]);
}

#[test]
fn bsd_13_lost_requests_are_repeated() {
    let mut net = Net::line(2);
    net.wires[0].loss_percent = 100;
    exchange(&mut net, 0, 1, 5, b"question");
    net.run(Duration::from_secs(5));
    net.wires[0].loss_percent = 0;
    net.run(Duration::from_secs(6));
    let [(token, _)] = asked(&net, 1)[..] else { panic!("the second try") };
    net.command(1, Command::ExchangeAnswer { token, body: Vec::new() });
    net.run(Duration::from_secs(1));
    assert_eq!(answered(&net, 0), [(5, Some(Vec::new()))]);
    let ids: Vec<_> = carried(&net, FrameKind::EXCHANGE_REQUEST)
        .into_iter()
        .map(|(_, frame)| frame[2..10].to_vec())
        .collect();
    assert_ne!(ids[0], ids[1], "each under an id of its own");
}

#[test]
fn bsd_13_nobody_answers() {
    let mut net = Net::line(2);
    exchange(&mut net, 0, 1, 5, b"question");
    net.run(Duration::from_secs(59));
    assert_eq!(asked(&net, 1).len(), 3);
    assert_eq!(answered(&net, 0), []);
    net.run(Duration::from_secs(2));
    assert_eq!(answered(&net, 0), [(5, None)]);
    let unknown = Address::from_bytes([9; 16]);
    net.command(0, Command::Exchange { to: unknown, token: 6, body: Vec::new() });
    net.run(Duration::from_secs(61));
    assert_eq!(answered(&net, 0)[1], (6, None));
}

#[test]
fn bsd_14_a_flood_of_requests_is_dropped() {
    let mut net = Net::line(2);
    let (now, link) = (net.now, link_of(&net, 1, 0));
    let to = net.address(1);
    for n in 0..200_u64 {
        let mut request = Vec::new();
        frame::begin(&mut request, FrameKind::EXCHANGE_REQUEST);
        request.extend_from_slice(&n.to_le_bytes());
        request.extend_from_slice(to.as_bytes());
        request.push(3);
        net.hosts[1].node.handle_frame(now, link, &request);
    }
    net.run(Duration::from_millis(10));
    assert_eq!(asked(&net, 1).len(), 32);
}

#[test]
fn bsd_20_rows_of_programs_are_kept() {
    let mut net = Net::line(1);
    let row = |secret, value: Option<&[u8]>| {
        let value = value.map(<[u8]>::to_vec);
        Command::BesideRow { secret, key: b"key".to_vec(), value }
    };
    net.command(0, row(false, Some(b"open")));
    net.command(0, row(true, Some(b"secret")));
    let kept = |net: &Net, table| net.hosts[0].disk.get(&(table, b"key".to_vec())).cloned();
    assert_eq!(kept(&net, Table::Beside), Some(b"open".to_vec()));
    assert_eq!(kept(&net, Table::BesideSecrets), Some(b"secret".to_vec()));
    net.command(0, row(true, None));
    assert_eq!(kept(&net, Table::BesideSecrets), None);
    let now = net.now;
    let long = vec![0; crate::limits::BESIDE_ROW_LEN_MAX + 1];
    assert!(net.hosts[0].node.handle_command(now, row(false, Some(&long))).is_err());
}

#[test]
fn bsd_21_keys_to_seal_and_to_open() {
    let mut net = Net::line(3);
    let (to, now) = (net.address(2), net.now);
    assert!(net.hosts[0].node.sealing_key(now, to).is_none(), "not known yet");
    net.drain(0);
    net.run(Duration::from_secs(3));
    let now = net.now;
    let key = net.hosts[0].node.sealing_key(now, to).expect("fetched");
    let (x25519, xwing) = net.hosts[2].node.opening_key(key.id).expect("its own");
    assert_eq!((x25519.public(), xwing.public()), (key.x25519, key.xwing.clone()));
    for (host, asked) in [(0, to), (2, to)] {
        let bytes = net.hosts[host].node.bundle_bytes(now, asked).expect("known, or its own");
        let bundle = crate::bundle::Bundle::parse_verified(crate::crypto::Mode::Real, &bytes)
            .expect("whole");
        assert_eq!(bundle.identity.address(), to);
    }
    assert_eq!(net.hosts[2].node.own_sealing_key().map(|own| own.id), Some(key.id));
}
