//! `CH-21` to `CH-27`: history, partitions, loss, late joiners.

use alloc::{string::ToString, vec::Vec};
use core::time::Duration;

use super::world::World;
use crate::{
    channel::ChannelConfig, crypto::rng::NodeRng, envelope::MessageId, link::LinkId,
    wire::frame::FrameKind,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

fn publish_some(
    world: &mut World,
    node: usize,
    channel: crate::channel::ChannelId,
    count: usize,
) -> Vec<MessageId> {
    (0..count).map(|number| world.publish(node, channel, &number.to_string())).collect()
}

#[test]
fn ch_26_a_late_joiner_catches_up_from_a_member() {
    let mut world = World::new(3);
    world.connect(0, 1);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    let ids = publish_some(&mut world, 0, channel, 700);
    world.run(3 * HOUR);
    world.connect(1, 2);
    world.run(10 * SECOND);
    assert!(world.nodes[2].shown.is_empty(), "a stranger gets nothing that is older");
    assert_eq!(world.nodes[2].channels.kept_bytes(), (0, 0));
    world.join(2, &invite);
    world.run(10 * SECOND);
    world.assert_shown(&[0, 1, 2], &ids);
    let shown: Vec<_> = world.nodes[2].shown.iter().map(|message| message.id).collect();
    assert_eq!(shown, ids, "oldest first");
}

#[test]
fn ch_26_a_late_joiner_catches_up_from_a_relay() {
    let mut world = World::new(3);
    world.connect(0, 1);
    let (channel, invite) = world.create(0);
    let ids = publish_some(&mut world, 0, channel, 100);
    world.run(3 * HOUR);
    world.disconnect(0, 1);
    world.restart(1);
    world.join(2, &invite);
    world.connect(1, 2);
    world.run(10 * SECOND);
    world.assert_shown(&[0, 2], &ids);
}

#[test]
fn ch_26_what_was_carried_is_read_when_joining() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    let ids = publish_some(&mut world, 0, channel, 20);
    world.run(SECOND);
    world.disconnect(0, 1);
    world.join(1, &invite);
    world.run(SECOND);
    world.assert_shown(&[0, 1], &ids);
    assert_eq!(world.nodes[1].channels.kept_bytes().1, 0, "it is ours now");
    world.restart(1);
    world.connect(0, 1);
    world.run(10 * SECOND);
    world.assert_shown(&[0, 1], &ids);
    assert_eq!(world.nodes[1].channels.history(channel).len(), 20);
}

#[test]
fn ch_24_relays_are_not_asked_when_told_so() {
    let shy = ChannelConfig { ask_relays: false, ..ChannelConfig::default() };
    let mut world = World::with_config(3, |_| shy);
    world.connect(0, 1);
    let (channel, invite) = world.create(0);
    publish_some(&mut world, 0, channel, 10);
    world.run(3 * HOUR);
    world.disconnect(0, 1);
    world.join(2, &invite);
    world.connect(1, 2);
    world.run(10 * SECOND);
    assert!(world.nodes[2].shown.is_empty());
    let is_proof = |frame: &&Vec<u8>| frame[2..4] == [0, 3];
    assert!(!world.frames_of_kind(FrameKind::RECONCILE).iter().any(is_proof));
}

#[test]
fn ch_21_partitions_of_relays_heal() {
    // Members at the ends, strangers between; the middle link is cut for half an hour.
    let mut world = World::line(6);
    let (channel, invite) = world.create(0);
    world.join(5, &invite);
    world.run(SECOND);
    world.disconnect(2, 3);
    let mut ids = publish_some(&mut world, 0, channel, 30);
    ids.extend(publish_some(&mut world, 5, channel, 30));
    world.run(HOUR / 2);
    world.connect(2, 3);
    world.run(10 * SECOND);
    world.assert_shown(&[0, 5], &ids);
}

#[test]
fn ch_21_strangers_get_nothing_old() {
    let mut world = World::new(3);
    let (channel, _) = world.create(0);
    publish_some(&mut world, 0, channel, 10);
    world.run(2 * HOUR);
    // What nobody has yet goes to whoever comes first; what was handed out stays.
    world.connect(0, 1);
    world.run(10 * SECOND);
    assert_eq!(world.frames_of_kind(FrameKind::CHANNEL).len(), 10);
    world.run(2 * HOUR);
    world.trace.clear();
    world.connect(0, 2);
    world.run(10 * SECOND);
    world.restart(0);
    world.run(10 * SECOND);
    assert!(world.frames_of_kind(FrameKind::CHANNEL).is_empty());
}

#[test]
fn ch_22_tags_differ_on_every_link_and_hide_their_number() {
    let mut world = World::new(3);
    let (_, invite) = world.create(0);
    world.create(0);
    world.create(0);
    world.join(1, &invite);
    world.connect(0, 1);
    world.connect(0, 2);
    world.disconnect(0, 1);
    world.connect(0, 1);
    world.run(SECOND);
    let tags: Vec<_> = world
        .trace
        .iter()
        .filter(|(_, receiver, frame)| *receiver != 0 && frame[2..4] == [0, 2])
        .map(|(_, _, frame)| frame[4..].to_vec())
        .collect();
    assert!(tags.len() >= 2);
    assert!(tags.iter().all(|tags| tags.len() == 4 * 16), "three channels look like four");
    let mut all: Vec<_> = tags.iter().flat_map(|tags| tags.chunks(16)).collect();
    let count = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), count, "no tag is seen twice");
}

/// Tags relayed to another link do not open a channel to a stranger in the middle.
#[test]
fn ch_22_relayed_tags_do_not_match() {
    let mut world = World::new(3);
    let (channel, invite) = world.create(0);
    world.join(2, &invite);
    publish_some(&mut world, 0, channel, 5);
    world.run(2 * HOUR);
    // Node 1 is the stranger: it passes everything on between the other two.
    world.connect(0, 1);
    world.connect(1, 2);
    for _ in 0..20 {
        world.run(SECOND / 10);
        let frames = core::mem::take(&mut world.trace);
        for (link, receiver, frame) in frames {
            if receiver == 1 && frame[1] == FrameKind::RECONCILE.0 {
                let (to, over) = if link == 0 { (2, 1) } else { (0, 0) };
                let _ = world.inject(to, over, &frame);
            }
        }
    }
    for node in [0, 2] {
        let neighbour = &world.nodes[node].channels.neighbours[&LinkId(node as u32 / 2)];
        assert!(!neighbour.handshake.is_matched(channel));
    }
}

#[test]
fn ch_23_members_reconcile_both_ways() {
    let mut world = World::new(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    let mut ids = publish_some(&mut world, 0, channel, 300);
    ids.extend(publish_some(&mut world, 1, channel, 200));
    world.run(2 * HOUR);
    world.connect(0, 1);
    world.run(10 * SECOND);
    world.assert_shown(&[0, 1], &ids);
    let frames = world.frames_of_kind(FrameKind::CHANNEL).len();
    assert_eq!(frames, 500, "each message once");
}

/// More channels than runs may go on at once, and several neighbours that want them.
#[test]
fn ch_23_many_channels_take_turns() {
    let mut world = World::new(6);
    let mut ids = Vec::new();
    for number in 0..20 {
        let (channel, invite) = world.create(0);
        (1..6).for_each(|node| world.join(node, &invite));
        ids.extend(publish_some(&mut world, 0, channel, 1 + number % 3));
    }
    world.connect(0, 1);
    world.run(SECOND);
    world.run(2 * HOUR);
    (2..6).for_each(|node| world.connect(0, node));
    world.run(60 * SECOND);
    world.assert_shown(&[0, 1, 2, 3, 4, 5], &ids);
    let sent = world.trace.len();
    world.run(10 * HOUR);
    assert_eq!(world.trace.len(), sent);
}

#[test]
fn ch_25_nothing_changed_means_nothing_sent() {
    let mut world = World::line(4);
    let (channel, invite) = world.create(0);
    world.join(2, &invite);
    publish_some(&mut world, 0, channel, 10);
    world.run(60 * SECOND);
    let sent = world.trace.len();
    let writes: usize = world.nodes.iter().map(|node| node.writes).sum();
    world.run(20 * HOUR);
    assert_eq!(world.trace.len(), sent);
    let writes_later: usize = world.nodes.iter().map(|node| node.writes).sum();
    assert!(writes_later - writes <= 4 * 20, "the clock once an hour, nothing else");
}

#[test]
fn ch_25_without_channels_nothing_is_due() {
    let mut world = World::line(2);
    world.run(10 * SECOND);
    assert!(world.nodes.iter().all(|node| node.channels.poll_timeout().is_none()));
    assert!(world.trace.len() <= 6, "{} frames to find that out", world.trace.len());
}

#[test]
fn ch_25_gaps_are_filled() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    // A reliable link that loses frames all the same: nothing but the gap shows it.
    world.loss_percent = 100;
    let mut ids = publish_some(&mut world, 0, channel, 3);
    world.loss_percent = 0;
    ids.push(world.publish(0, channel, "the last one arrives"));
    world.run(SECOND);
    assert_eq!(world.nodes[1].shown.len(), 1);
    world.run(20 * SECOND);
    world.assert_shown(&[0, 1], &ids);
}

#[test]
fn ch_25_loss_is_repaired() {
    for seed in 0..5 {
        let mut world = World::new(8);
        world.lossy = true;
        world.loss_percent = 20;
        let mut rng = NodeRng::from_seed([seed; 32]);
        for node in 1..8 {
            world.connect(node, rng.below(node as u64) as usize);
        }
        let (channel, invite) = world.create(0);
        for member in [2, 5, 7] {
            world.join(member, &invite);
        }
        world.run(60 * SECOND);
        let mut ids = Vec::new();
        for round in 0..20 {
            let from = [0, 2, 5, 7][round % 4];
            ids.push(world.publish(from, channel, &round.to_string()));
            world.run(SECOND);
        }
        world.run(600 * SECOND);
        world.assert_shown(&[0, 2, 5, 7], &ids);
        world.run(HOUR);
        let sent = world.trace.len();
        world.run(10 * HOUR);
        assert_eq!(world.trace.len(), sent, "and then it is quiet");
    }
}

#[test]
fn ch_25_what_is_lost_right_before_a_run_is_repaired() {
    for seed in 0..8 {
        let mut world = World::new(2);
        world.lossy = true;
        world.nodes[0].rng = NodeRng::from_seed([seed; 32]);
        world.nodes[1].rng = NodeRng::from_seed([seed + 60; 32]);
        world.connect(0, 1);
        let (channel, invite) = world.create(0);
        world.join(1, &invite);
        world.run(60 * SECOND);
        let first = world.publish(0, channel, "what makes both compare, five seconds later");
        world.run(9 * SECOND / 2);
        world.loss_percent = 100;
        let second = world.publish(0, channel, "lost half a second before they do");
        world.run(SECOND / 10);
        world.loss_percent = 0;
        world.run(60 * SECOND);
        world.assert_shown(&[0, 1], &[first, second]);
    }
}

#[test]
fn ch_25_loss_is_repaired_for_leaves() {
    let leaf = ChannelConfig { relay: false, store: false, ..ChannelConfig::default() };
    let config = |node| if node == 1 { ChannelConfig::default() } else { leaf };
    for seed in 0..5 {
        // Two leaves with a stranger between them.
        let mut world = World::with_config(3, config);
        world.lossy = true;
        world.nodes[1].rng = NodeRng::from_seed([seed + 30; 32]);
        world.connect(0, 1);
        world.connect(1, 2);
        let (channel, invite) = world.create(0);
        world.join(2, &invite);
        world.run(30 * SECOND);
        world.loss_percent = 30;
        let mut ids = publish_some(&mut world, 0, channel, 20);
        ids.extend(publish_some(&mut world, 2, channel, 20));
        world.run(600 * SECOND);
        world.assert_shown(&[0, 2], &ids);
    }
}

#[test]
fn ch_24_asking_survives_loss() {
    for seed in 0..10 {
        let mut world = World::new(3);
        world.lossy = true;
        world.connect(0, 1);
        let (channel, invite) = world.create(0);
        let ids = publish_some(&mut world, 0, channel, 20);
        world.run(3 * HOUR);
        world.disconnect(0, 1);
        world.loss_percent = 30;
        world.nodes[2].rng = NodeRng::from_seed([seed + 20; 32]);
        world.join(2, &invite);
        world.connect(1, 2);
        world.run(600 * SECOND);
        world.assert_shown(&[0, 2], &ids);
    }
}

/// Everything together: a random mesh, members and strangers, loss, cuts, restarts.
#[test]
fn ch_13_exactly_once_in_a_rough_world() {
    for seed in 0..3 {
        let mut rng = NodeRng::from_seed([seed + 50; 32]);
        let mut world = World::new(16);
        world.lossy = true;
        world.loss_percent = 10;
        let mut edges = Vec::new();
        for node in 1..16 {
            edges.push((node, rng.below(node as u64) as usize));
        }
        for _ in 0..8 {
            let (a, b) = (rng.below(16) as usize, rng.below(16) as usize);
            if a != b && !edges.contains(&(a, b)) && !edges.contains(&(b, a)) {
                edges.push((a, b));
            }
        }
        for (a, b) in &edges {
            world.connect(*a, *b);
        }
        let (channel, invite) = world.create(0);
        let members = [0, 3, 4, 7, 9, 12, 15];
        members[1..6].iter().for_each(|node| world.join(*node, &invite));
        let mut ids = Vec::new();
        let mut down: Vec<(usize, usize)> = Vec::new();
        for round in 0..60 {
            let from = members[rng.below(6) as usize];
            ids.push(world.publish(from, channel, &round.to_string()));
            match rng.below(4) {
                0 => world.restart(rng.below(16) as usize),
                1 => {
                    let edge = edges[rng.below(edges.len() as u64) as usize];
                    if !down.contains(&edge) {
                        world.disconnect(edge.0, edge.1);
                        down.push(edge);
                    }
                }
                2 => {
                    if let Some((a, b)) = down.pop() {
                        world.connect(a, b);
                    }
                }
                _ => {}
            }
            world.run(Duration::from_secs(rng.below(20)));
        }
        down.into_iter().for_each(|(a, b)| world.connect(a, b));
        world.join(15, &invite);
        world.run(900 * SECOND);
        world.assert_shown(&members, &ids);
    }
}

#[test]
fn ch_27_same_seed_same_bytes() {
    let run = || {
        let mut world = World::new(5);
        world.lossy = true;
        world.loss_percent = 15;
        (1..5).for_each(|right| world.connect(right - 1, right));
        let (channel, invite) = world.create(0);
        world.join(4, &invite);
        publish_some(&mut world, 0, channel, 30);
        world.run(60 * SECOND);
        world.restart(2);
        world.run(60 * SECOND);
        world.trace
    };
    assert_eq!(run(), run());
}
