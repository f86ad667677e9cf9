//! What a node does with what it does not know, and with clocks that lie.

use super::*;
use crate::{error::DropReason, wire::VERSION};

fn dropped(net: &Net, host: usize, reason: DropReason) -> u64 {
    let index = DropReason::ALL.iter().position(|r| *r == reason).expect("listed");
    net.hosts[host].node.status().counters.dropped[index]
}

/// Hands a frame to host 1 as if host 0 had sent it, and shows that both still talk.
fn survives(frame: &[u8], reason: DropReason) {
    let mut net = Net::line(2);
    let before = dropped(&net, 1, reason);
    let (_, link) = net.wires[0].ends[1];
    let now = net.now;
    net.hosts[1].node.handle_frame(now, link, frame);
    assert_eq!(dropped(&net, 1, reason), before + 1);
    let id = net.send(0, 1, "still here");
    net.run(Duration::from_secs(1));
    assert!(net.received(0, id));
}

#[test]
fn wire_03_unknown_versions_are_counted_and_ignored() {
    for version in [0, VERSION + 1, 0xff] {
        survives(&[version, 0x20, 1, 2, 3], DropReason::Unsupported);
    }
}

#[test]
fn wire_04_unknown_kinds_are_counted_and_ignored() {
    for kind in [0x00, 0x7e, 0xff] {
        survives(&[VERSION, kind, 1, 2, 3], DropReason::Unsupported);
    }
}

#[test]
fn wire_10_empty_and_cut_frames_are_malformed() {
    survives(&[], DropReason::Malformed);
    survives(&[VERSION], DropReason::Malformed);
    survives(&[VERSION, 0x20], DropReason::Malformed);
}

/// Clocks a century apart and jumping: nothing expires, nothing is taken for a copy.
#[test]
fn env_09_wall_clocks_decide_nothing() {
    let mut net = Net::line(3);
    let mut ids = Vec::new();
    for step in 0..12_u64 {
        for host in 0..3 {
            let unix_secs = [0, 4_000_000_000, 1_000 * (step % 5)][(host + step as usize) % 3];
            net.hosts[host].node.handle_wall_clock(net.now, WallClock { unix_secs });
        }
        ids.push(net.send(0, 2, &std::format!("message {step}")));
        net.run(Duration::from_secs(2));
    }
    net.run(Duration::from_secs(10));
    assert_eq!(net.shown(2).len(), 12);
    assert!(ids.into_iter().all(|id| net.received(0, id)));
}
