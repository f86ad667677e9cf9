//! `CH-05` to `CH-11`: admission and forwarding.

use alloc::{collections::BTreeSet, string::ToString, vec, vec::Vec};
use core::time::Duration;

use super::world::World;
use crate::{
    channel::{ChannelConfig, message::BODY_LEN_MIN},
    crypto::rng::NodeRng,
    error::{DropReason, Error, PeerMisbehaved},
    identity::MeshIdentity,
    limits::{
        CHANNEL_EGRESS_BURST, CHANNEL_FOREIGN_BYTES_MAX, CHANNEL_FOREIGN_TOTAL_BYTES_MAX,
        CHANNEL_INGRESS_BURST, CHANNEL_QUEUES_MAX,
    },
    link::{LinkCaps, LinkId, LinkUp, Medium},
    wire::frame::FrameKind,
};

const SECOND: Duration = Duration::from_secs(1);

const HOPS_LEFT_AT: usize = 2 + 32;
const AGE_AT: usize = HOPS_LEFT_AT + 1;

/// A frame of a channel nobody else has, as its author sends it first.
fn foreign_frames(count: usize) -> Vec<Vec<u8>> {
    let mut elsewhere = World::line(2);
    elsewhere.nodes[0].rng = NodeRng::from_seed([200; 32]);
    let (channel, _) = elsewhere.create(0);
    (0..count).for_each(|number| {
        elsewhere.publish(0, channel, &number.to_string());
    });
    elsewhere.run(100 * SECOND);
    elsewhere.frames_of_kind(FrameKind::CHANNEL).into_iter().cloned().collect()
}

#[test]
fn ch_06_forged_membership_goes_nowhere() {
    let [frame] = foreign_frames(1).try_into().expect("one frame");
    let mut world = World::line(3);
    for at in [0, 40, 50, 70, frame.len() - 70, frame.len() - 1] {
        let mut forged = frame.clone();
        forged[2 + at - 2 * usize::from(at > 2)] ^= 1;
        let result = world.inject(1, 0, &forged);
        let reason = result.map_err(DropReason::from);
        assert!(
            matches!(reason, Err(DropReason::Forged | DropReason::Malformed)),
            "{at}: {reason:?}"
        );
    }
    world.run(SECOND);
    assert!(world.frames_of_kind(FrameKind::CHANNEL).is_empty());
    assert_eq!(world.nodes[1].channels.kept_bytes(), (0, 0));
    assert_eq!(world.inject(1, 0, &frame), Ok(()));
    world.run(SECOND);
    assert_eq!(world.frames_of_kind(FrameKind::CHANNEL).len(), 1, "on to the third node");
}

/// A wormholed copy with few hops must not kill the good one.
#[test]
fn ch_07_a_copy_with_more_hops_travels_on() {
    let mut world = World::new(4);
    let (channel, invite) = world.create(0);
    world.join(3, &invite);
    world.connect(0, 1);
    let id = world.publish(0, channel, "fresh rolls");
    let frame = world.frames_of_kind(FrameKind::CHANNEL)[0].clone();
    world.disconnect(0, 1);
    world.run(SECOND);
    // The attacker's copy, on a link of its own, comes first.
    world.connect(1, 2);
    world.connect(2, 3);
    world.run(SECOND);
    let mut last_hop = frame.clone();
    last_hop[HOPS_LEFT_AT] = 0;
    assert_eq!(world.inject(1, 1, &last_hop), Ok(()));
    world.run(SECOND);
    assert!(world.nodes[3].shown.is_empty());
    assert_eq!(world.inject(1, 1, &frame), Ok(()), "link 1 leads to node 2, who gets it back");
    world.run(SECOND);
    let mut better = frame.clone();
    better[HOPS_LEFT_AT] -= 1;
    assert_eq!(world.inject(2, 1, &better), Ok(()));
    world.run(SECOND);
    world.assert_shown(&[0, 3], &[id]);
    // The same and worse copies are suppressed.
    let sent = world.trace.len();
    for hops_left in [0, 1, better[HOPS_LEFT_AT]] {
        better[HOPS_LEFT_AT] = hops_left;
        assert_eq!(world.inject(2, 1, &better), Ok(()));
    }
    assert_eq!(world.trace.len(), sent);
    world.assert_shown(&[0, 3], &[id]);
}

#[test]
fn ch_08_hops_are_used_up() {
    let config = ChannelConfig { hops_max: 3, ..ChannelConfig::default() };
    let mut world = World::with_config(6, |_| config);
    (1..6).for_each(|right| world.connect(right - 1, right));
    let (channel, invite) = world.create(0);
    world.join(3, &invite);
    world.join(5, &invite);
    let id = world.publish(0, channel, "three hops");
    world.run(2 * SECOND);
    let hops: Vec<_> =
        world.frames_of_kind(FrameKind::CHANNEL).iter().map(|frame| frame[HOPS_LEFT_AT]).collect();
    assert_eq!(hops, [2, 1, 0]);
    assert_eq!(world.nodes[3].shown[0].id, id);
    assert!(world.nodes[5].shown.is_empty(), "beyond three hops");
    assert_eq!(world.nodes[4].channels.kept_bytes(), (0, 0));
}

#[test]
fn ch_08_age_grows_and_expired_messages_stop() {
    let config = ChannelConfig { lifetime_s: 10, ..ChannelConfig::default() };
    let mut world = World::with_config(3, |_| config);
    world.connect(0, 1);
    let (channel, _) = world.create(0);
    world.publish(0, channel, "short-lived");
    world.run(4 * SECOND);
    world.connect(1, 2);
    world.run(SECOND);
    let last = world.frames_of_kind(FrameKind::CHANNEL).last().map(|frame| (*frame).clone());
    let last = last.expect("handed to the new neighbour");
    let age_ms = u32::from_le_bytes(last[AGE_AT..AGE_AT + 4].try_into().expect("four bytes"));
    assert!((4_000..4_200).contains(&age_ms), "{age_ms}");
    world.run(10 * SECOND);
    assert_eq!(world.nodes[1].channels.kept_bytes(), (0, 0));
    let mut expired = last.clone();
    expired[AGE_AT..AGE_AT + 4].copy_from_slice(&10_000u32.to_le_bytes());
    assert_eq!(world.inject(1, 0, &expired), Err(PeerMisbehaved::Expired.into()));
}

#[test]
fn ch_08_nothing_goes_back_or_twice() {
    // A ring with a chord: every link carries a message at most once in each direction.
    let mut world = World::new(5);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (1, 3)] {
        world.connect(a, b);
    }
    let (channel, invite) = world.create(0);
    (1..5).for_each(|node| world.join(node, &invite));
    world.run(SECOND);
    world.trace.clear();
    let id = world.publish(2, channel, "round");
    world.run(SECOND);
    world.assert_shown(&[0, 1, 2, 3, 4], &[id]);
    let mut seen = BTreeSet::new();
    for (link, receiver, frame) in &world.trace {
        assert!(seen.insert((*link, *receiver, frame[HOPS_LEFT_AT])), "{link} {receiver}");
    }
    assert!(world.trace.len() <= 8, "{} frames on 6 links", world.trace.len());
}

#[test]
fn ch_09_leaves_do_not_forward() {
    let leaf = ChannelConfig { relay: false, store: false, ..ChannelConfig::default() };
    let config = |node| if node == 1 { leaf } else { ChannelConfig::default() };
    let mut world = World::with_config(3, config);
    world.connect(0, 1);
    world.connect(1, 2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.join(2, &invite);
    world.run(SECOND);
    let from_far = world.publish(0, channel, "not passed on");
    world.run(SECOND);
    assert_eq!(world.nodes[1].shown[0].id, from_far);
    assert!(world.nodes[2].shown.is_empty());
    let own = world.publish(1, channel, "own words");
    world.run(SECOND);
    assert!(world.nodes[2].shown.iter().any(|message| message.id == own));
    // A leaf keeps nothing of channels that are not its own.
    for frame in foreign_frames(3) {
        assert_eq!(world.inject(1, 0, &frame), Ok(()));
    }
    assert_eq!(world.nodes[1].channels.kept_bytes().1, 0);
}

#[test]
fn ch_10_a_neighbours_flood_is_cut_and_others_are_not_hurt() {
    let frames = foreign_frames(1_300);
    let mut world = World::new(4);
    for (a, b) in [(0, 1), (1, 2), (3, 1)] {
        world.connect(a, b);
    }
    let (channel, invite) = world.create(0);
    world.join(2, &invite);
    world.run(SECOND);
    let mut over_budget = 0;
    for frame in &frames {
        let result = world.inject(1, 2, frame);
        over_budget += usize::from(result == Err(PeerMisbehaved::OverBudget.into()));
    }
    assert_eq!(over_budget, frames.len() - CHANNEL_INGRESS_BURST as usize);
    let id = world.publish(0, channel, "still there");
    world.run(20 * SECOND);
    world.assert_shown(&[0, 2], &[id]);
}

/// A sender paces itself, so that an honest burst arrives whole.
#[test]
fn ch_10_honest_bursts_arrive_whole() {
    let mut world = World::line(3);
    let (channel, invite) = world.create(0);
    world.join(2, &invite);
    world.run(SECOND);
    let ids: Vec<_> =
        (0..1_300).map(|number| world.publish(0, channel, &number.to_string())).collect();
    world.run(10 * SECOND);
    world.assert_shown(&[0, 2], &ids);
    assert!(world.nodes.iter().all(|node| node.errors.is_empty()));
    let shown: Vec<_> = world.nodes[2].shown.iter().map(|message| message.id).collect();
    assert_eq!(shown, ids, "in order");
}

#[test]
fn ch_11_channels_take_turns() {
    let mut world = World::line(2);
    let (busy, _) = world.create(0);
    let (quiet, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    // The burst is used up, so that messages queue.
    (0..1_000).for_each(|number| {
        world.publish(0, busy, &number.to_string());
    });
    let id = world.publish(0, quiet, "one line");
    world.run(Duration::from_millis(50));
    assert_eq!(world.nodes[1].shown.iter().map(|message| message.id).collect::<Vec<_>>(), [id]);
}

#[test]
fn ch_11_a_full_queue_is_left_to_reconciliation() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    // Many links that never take anything leave a small queue to each.
    let silent = MeshIdentity::from_seeds([200; 32], None).public();
    let caps = LinkCaps {
        medium: Medium::Memory,
        mtu: 1_500,
        bitrate_bps: 1,
        reliable: true,
        shared: false,
    };
    let links = 500;
    for link in 1_000..1_000 + links {
        let up = LinkUp { link: LinkId(link), caps, peer: silent };
        let node = &mut world.nodes[0];
        node.channels.on_link_up(world.now, &up, &mut node.rng);
    }
    let room = CHANNEL_QUEUES_MAX / links as usize;
    let count = CHANNEL_EGRESS_BURST as usize + room + 200;
    let ids: Vec<_> =
        (0..count).map(|number| world.publish(0, channel, &number.to_string())).collect();
    world.run(SECOND);
    assert!(world.nodes[1].shown.len() < count, "the queue overflowed");
    world.run(20 * SECOND);
    world.assert_shown(&[0, 1], &ids);
}

#[test]
fn ch_20_memory_for_others_is_bounded() {
    let mut world = World::line(2);
    let big = vec![7u8; 30_000];
    let text = core::str::from_utf8(&big).expect("ascii");
    for _ in 0..10 {
        let (channel, _) = world.create(0);
        (0..40).for_each(|_| {
            world.publish(0, channel, text);
        });
        world.run(10 * SECOND);
        let (_, foreign) = world.nodes[1].channels.kept_bytes();
        assert!(foreign <= CHANNEL_FOREIGN_TOTAL_BYTES_MAX);
    }
    let (_, foreign) = world.nodes[1].channels.kept_bytes();
    assert!(foreign > CHANNEL_FOREIGN_TOTAL_BYTES_MAX / 2);
    let stored: usize = world.nodes[1].disk.values().map(Vec::len).sum();
    assert!(stored <= CHANNEL_FOREIGN_TOTAL_BYTES_MAX, "{stored} bytes on disk");
    let (busy, _) = world.create(0);
    (0..60).for_each(|_| {
        world.publish(0, busy, text);
    });
    world.run(10 * SECOND);
    let of_busy = world.nodes[1].channels.history.of_channel(busy).count();
    assert!(of_busy * 30_000 <= CHANNEL_FOREIGN_BYTES_MAX, "{of_busy} of one channel");
}

#[test]
fn ch_05_ranges_are_checked_before_anything_else() {
    let [frame] = foreign_frames(1).try_into().expect("one frame");
    let mut world = World::line(2);
    let check = |world: &mut World, edit: &dyn Fn(&mut Vec<u8>), expected: DropReason| {
        let mut edited = frame.clone();
        edit(&mut edited);
        let result = world.inject(1, 0, &edited);
        assert_eq!(result.map_err(DropReason::from), Err(expected));
    };
    check(&mut world, &|frame| frame.truncate(2 + BODY_LEN_MIN - 1), DropReason::Malformed);
    check(&mut world, &|frame| frame.resize(40_000, 0), DropReason::Malformed);
    check(&mut world, &|frame| frame[HOPS_LEFT_AT] = frame[AGE_AT + 4] + 1, DropReason::Expired);
    check(&mut world, &|frame| frame[AGE_AT + 4] = 0, DropReason::Malformed);
    check(&mut world, &|frame| frame[AGE_AT + 4] = 65, DropReason::Malformed);
    check(&mut world, &|frame| frame[AGE_AT + 5..AGE_AT + 9].fill(0), DropReason::Malformed);
    check(&mut world, &|frame| frame[AGE_AT + 5..AGE_AT + 9].fill(255), DropReason::Malformed);
    check(&mut world, &|frame| frame[AGE_AT..AGE_AT + 4].fill(255), DropReason::Expired);
    let unknown_link = world.inject(1, 9, &frame);
    assert_eq!(unknown_link, Err(Error::PeerMisbehaved(PeerMisbehaved::Unsolicited)));
}
