//! `CH-03`, `CH-04`, `CH-12`, `CH-16`, `CH-17`: who reads, who writes, who learns what.

use alloc::{string::ToString, vec::Vec};
use core::time::Duration;

use super::world::World;
use crate::{
    channel::{
        ChannelId,
        keys::ChannelKeys,
        message::{Admitted, Draft, Opened},
    },
    command::CommandError,
    crypto::{Mode, rng::NodeRng},
    error::{DropReason, PeerMisbehaved},
    identity::MeshIdentity,
    limits::{CHANNEL_PAYLOAD_LEN_MAX, CHANNELS_MAX},
    record::Table,
    wire::frame::FrameKind,
};

const SECOND: Duration = Duration::from_secs(1);

/// What a hostile member can do: claim to be `victim`, sign with its own key.
pub(super) fn seal_in_the_name_of(
    keys: &ChannelKeys,
    victim: &[u8; 32],
    mallory: &MeshIdentity,
    rng: &mut NodeRng,
) -> (Admitted, Opened) {
    let draft = Draft {
        hops_max: 32,
        lifetime_s: 3_600,
        lineage: 1,
        counter: 1,
        sent_at: None,
        payload: b"I owe Mallory 100".to_vec(),
    };
    draft.seal_claiming(Mode::Real, keys, mallory, *victim, rng)
}

#[test]
fn ch_03_joining_twice_is_joining_once() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.join(1, &invite);
    let views = world.nodes[1].channels.views();
    assert_eq!(views.len(), 1);
    assert_eq!((views[0].id, views[0].name.as_str()), (channel, "bakery"));
    assert_eq!(views[0].invite, invite);
}

#[test]
fn ch_03_limits_are_told() {
    let mut world = World::line(2);
    let now = world.now;
    let node = &mut world.nodes[0];
    let name_error = Err(CommandError::NameOutOfRange);
    assert_eq!(node.channels.create(now, "", &mut node.rng), name_error);
    assert_eq!(node.channels.create(now, &"x".repeat(65), &mut node.rng), name_error);
    let mut last = None;
    for number in 0..CHANNELS_MAX {
        last = node.channels.create(now, &number.to_string(), &mut node.rng).ok();
    }
    let (channel, _) = last.expect("32 channels");
    let full = node.channels.create(now, "one more", &mut node.rng);
    assert_eq!(full, Err(CommandError::ChannelsFull));
    let invalid = node.channels.join(now, "qpc-channel:aaaa", &mut node.rng);
    assert_eq!(invalid, Err(CommandError::InviteInvalid));
    let payload = alloc::vec![0; CHANNEL_PAYLOAD_LEN_MAX + 1];
    let long = node.channels.publish(now, None, &node.identity, channel, payload, &mut node.rng);
    assert!(matches!(long, Err(CommandError::PayloadTooLarge { limit_bytes: 32_768 })));
    let unknown = ChannelId([9; 16]);
    let to = node.channels.publish(now, None, &node.identity, unknown, Vec::new(), &mut node.rng);
    assert_eq!(to, Err(CommandError::UnknownChannel));
    assert_eq!(node.channels.leave(unknown), Err(CommandError::UnknownChannel));
}

#[test]
fn ch_04_leaving_erases_everything() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    world.publish(0, channel, "one");
    world.run(SECOND);
    assert!(!world.nodes[1].disk.is_empty());
    world.nodes[1].channels.leave(channel).expect("a member");
    world.drain();
    let left: Vec<_> = world.nodes[1].disk.keys().filter(|(_, key)| key != b"t").collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(world.nodes[1].channels.history(channel).is_empty());
    // What comes later is carried like any stranger's, and not shown.
    world.publish(0, channel, "two");
    world.run(SECOND);
    assert_eq!(world.nodes[1].shown.len(), 1);
    let frames = world.frames_of_kind(FrameKind::CHANNEL).len();
    assert_eq!(frames, 2);
    assert!(world.nodes[1].channels.kept_bytes().1 > 0);
    world.restart(1);
    world.run(SECOND);
    assert!(world.nodes[1].channels.views().is_empty());
}

#[test]
fn ch_12_forged_senders_are_dropped() {
    let mut world = World::line(3);
    let (channel, invite) = world.create(0);
    (1..3).for_each(|node| world.join(node, &invite));
    world.run(SECOND);
    let secret = super::super::invite::Invite::decode(&invite).expect("good").secret;
    let keys = ChannelKeys::from_secret(secret);
    let mallory = MeshIdentity::from_seeds([66; 32], None);
    let mut rng = NodeRng::from_seed([1; 32]);
    let victim = *world.nodes[0].identity.public().node_key();
    let (forged, _) = seal_in_the_name_of(&keys, &victim, &mallory, &mut rng);
    let mut frame = Vec::new();
    forged.write_frame(31, 0, &mut frame);
    world.trace.clear();
    // The relay that passed it on could not see it: nobody is blamed, but it is counted.
    assert_eq!(world.inject(1, 0, &frame), Ok(()));
    let dropped = *world.nodes[1].channels.dropped();
    let forged_at = DropReason::ALL.iter().position(|reason| *reason == DropReason::Forged);
    assert_eq!((dropped[forged_at.expect("listed")], dropped.iter().sum::<u64>()), (1, 1));
    world.run(SECOND);
    assert!(world.trace.is_empty(), "not passed on");
    assert!(world.nodes.iter().all(|node| node.shown.is_empty()));
    assert!(world.nodes[1].channels.history(channel).is_empty());
    // The same bytes again are not even looked at.
    assert_eq!(world.inject(1, 0, &frame), Ok(()));
    // As itself a member may speak, node or not.
    let (honest, _) = seal_in_the_name_of(&keys, mallory.public().node_key(), &mallory, &mut rng);
    frame.clear();
    honest.write_frame(31, 0, &mut frame);
    assert_eq!(world.inject(1, 0, &frame), Ok(()));
    world.run(SECOND);
    assert_eq!(world.nodes[2].shown[0].from, mallory.address());
}

#[test]
fn ch_12_senders_are_named() {
    let mut world = World::line(3);
    let (channel, invite) = world.create(0);
    world.join(2, &invite);
    world.run(SECOND);
    world.publish(0, channel, "from zero");
    world.publish(2, channel, "from two");
    world.run(SECOND);
    let shown = &world.nodes[2].shown[0];
    assert_eq!(shown.from, world.nodes[0].address());
    assert_eq!(shown.payload, b"from zero");
    assert_eq!(shown.sent_at.map(|wall| wall.unix_secs), Some(1_700_001_001));
    let history = world.nodes[0].channels.history(channel);
    let texts: Vec<_> = history.iter().map(|message| message.payload.as_slice()).collect();
    assert_eq!(texts, [&b"from zero"[..], b"from two"]);
}

#[test]
fn ch_16_own_messages_do_not_come_back() {
    let mut world = World::new(3);
    for (a, b) in [(0, 1), (1, 2), (2, 0)] {
        world.connect(a, b);
    }
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    let id = world.publish(0, channel, "round trip");
    world.run(SECOND);
    world.restart(0);
    world.run(10 * SECOND);
    world.assert_shown(&[0, 1], &[id]);
    assert_eq!(world.nodes[0].published, [id]);
}

#[test]
fn ch_17_strangers_see_no_plaintext() {
    let mut world = World::line(3);
    let (channel, invite) = world.create(0);
    world.join(2, &invite);
    world.run(SECOND);
    let secret = "the cake is at the third bench";
    world.publish(0, channel, secret);
    world.run(SECOND);
    assert_eq!(world.nodes[2].shown[0].payload, secret.as_bytes());
    let sender = *world.nodes[0].identity.public().node_key();
    let contains = |bytes: &[u8], part: &[u8]| bytes.windows(part.len()).any(|w| w == part);
    for (_, _, frame) in &world.trace {
        assert!(!contains(frame, secret.as_bytes()));
        assert!(!contains(frame, &sender));
    }
    let relay = &world.nodes[1];
    assert!(relay.shown.is_empty() && relay.channels.history(channel).is_empty());
    for ((table, _), value) in &relay.disk {
        assert_ne!(*table, Table::Channels);
        assert!(!contains(value, secret.as_bytes()));
    }
    // On the members' disks, history is unreadable without the channel's row.
    for ((table, _), value) in &world.nodes[2].disk {
        assert!(*table != Table::History || !contains(value, secret.as_bytes()));
    }
}

#[test]
fn ch_24_false_proofs_are_refused() {
    let mut world = World::line(2);
    let (_, _) = world.create(0);
    world.run(SECOND);
    let is_proof = |frame: &&Vec<u8>| frame[2..4] == [0, 3];
    let frames = world.frames_of_kind(FrameKind::RECONCILE);
    let proof = frames.into_iter().find(is_proof).expect("node 1 keeps for others").clone();
    // The same bytes are good on this link ...
    assert_eq!(world.inject(1, 0, &proof), Ok(()));
    // ... and on no other, nor when changed, nor before a challenge.
    let mut forged = proof.clone();
    forged[50] ^= 1;
    let result = world.inject(1, 0, &forged).map_err(DropReason::from);
    assert_eq!(result, Err(DropReason::Forged));
    let mut other = World::new(2);
    other.nodes[1].rng = NodeRng::from_seed([99; 32]);
    other.connect(0, 1);
    other.run(SECOND);
    let result = other.inject(1, 0, &proof);
    assert_eq!(result, Err(PeerMisbehaved::BadSignature.into()));
}
