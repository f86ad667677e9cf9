//! `MLG-13` to `MLG-24`: messages for radio, proven later.

use alloc::{vec, vec::Vec};
use core::time::Duration;

use super::world::World;
use crate::{
    channel::{ChannelConfig, ChannelId, LitePolicy, LiteProof, invite::Invite, keys::ChannelKeys},
    crypto::{Mode, rng::NodeRng},
    error::DropReason,
    event::ChannelMessage,
    identity::MeshIdentity,
    limits::{
        GROUP_CHECKPOINT_MAX, GROUP_CLAIMS_MAX, GROUP_PAUSE, GROUP_PAYLOAD_LEN_MAX,
        GROUP_RIVALS_MAX, GROUP_VOICES_MAX,
    },
    link::{LinkCaps, LinkId, LinkUp, Medium},
    lite::group::{Form, LiteObject, Text},
    wire::frame::FrameKind,
};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn lite_config() -> ChannelConfig {
    let proof = LiteProof::Checkpoint;
    ChannelConfig { lite: LitePolicy::Always, proof, ..ChannelConfig::default() }
}

/// Nodes in a row that publish for radio; the first created the channel, the others joined it, those
/// in `strangers` did not.
pub(super) fn line(
    nodes: usize,
    strangers: &[usize],
    config: ChannelConfig,
) -> (World, ChannelId, ChannelKeys) {
    let mut world = World::with_config(nodes, |_| config);
    (1..nodes).for_each(|right| world.connect(right - 1, right));
    let (channel, invite) = world.create(0);
    for node in (1..nodes).filter(|node| !strangers.contains(node)) {
        world.join(node, &invite);
    }
    world.run(SECOND);
    let secret = Invite::decode(&invite).expect("good").secret;
    (world, channel, ChannelKeys::from_secret(secret))
}

/// Lite objects that went over a link to `receiver`, by form.
pub(super) fn objects(world: &World, receiver: usize) -> Vec<LiteObject> {
    let to = world
        .trace
        .iter()
        .filter(|(_, to, bytes)| *to == receiver && bytes[1] == FrameKind::CHANNEL_LITE.0);
    to.map(|(_, _, bytes)| LiteObject::parse(&bytes[2..]).expect("well-formed")).collect()
}

fn count(world: &World, receiver: usize, form: Form) -> usize {
    objects(world, receiver).iter().filter(|object| object.form() == form).count()
}

fn forged_drops(world: &World, node: usize) -> u64 {
    let at = DropReason::ALL.iter().position(|reason| *reason == DropReason::Forged);
    world.nodes[node].channels.dropped()[at.expect("listed")]
}

/// What a lying member makes of a message of the first node: the same name, another text.
pub(super) fn forgery(
    world: &World,
    keys: &ChannelKeys,
    said: &LiteObject,
    payload: &[u8],
) -> Vec<u8> {
    let victim = *world.nodes[0].identity.public().node_key();
    let lineage = world.nodes[0].channels.lineage.expect("it published");
    let (_, counter) = said.voice().expect("a message");
    let group = keys.group();
    let text = Text { counter, lifetime: 15, sent_at: None, payload: payload.into() };
    let object = group.seal(&group.voice(&victim, lineage), &text, 64);
    let mut frame = Vec::new();
    object.write_frame(60, 0, &mut frame);
    frame
}

pub(super) fn texts(messages: &[ChannelMessage]) -> Vec<(&str, bool)> {
    fn text(message: &ChannelMessage) -> (&str, bool) {
        (core::str::from_utf8(&message.payload).expect("text"), message.proven)
    }
    messages.iter().map(text).collect()
}

#[test]
fn mlg_13_a_message_is_shown_at_once_and_proven_later() {
    let (mut world, channel, _) = line(3, &[1], lite_config());
    world.publish(0, channel, "one");
    world.run(SECOND);
    // The first of a run is signed for at once: that introduces the sender.
    assert_eq!(texts(&world.nodes[2].shown), [("one", true)]);
    let ids = ["two", "three"].map(|text| world.publish(0, channel, text));
    world.run(SECOND);
    let shown = texts(&world.nodes[2].shown);
    assert_eq!(shown[1..], [("two", false), ("three", false)]);
    assert_eq!(
        texts(&world.nodes[2].channels.history(channel)),
        [("one", true), ("two", false), ("three", false)]
    );
    assert!(texts(&world.nodes[0].channels.history(channel)).iter().all(|(_, proven)| *proven));
    world.run(GROUP_PAUSE);
    assert_eq!(world.nodes[2].proven, ids);
    let history = world.nodes[2].channels.history(channel);
    assert!(history.iter().all(|message| message.proven));
    assert_eq!(count(&world, 2, Form::Checkpoint), 2);
    assert!(world.frames_of_kind(FrameKind::CHANNEL).is_empty(), "nothing in full");
    assert_eq!(world.nodes[2].channels.views()[0].messages, 3, "checkpoints are no messages");
    // The same object has one id, whoever has it.
    let ids: Vec<_> = world.nodes[0].channels.history(channel).iter().map(|it| it.id).collect();
    assert_eq!(ids, history.iter().map(|message| message.id).collect::<Vec<_>>());
}

#[test]
fn mlg_14_a_checkpoint_comes_at_most_sixteen_messages_later() {
    let (mut world, channel, _) = line(2, &[], lite_config());
    world.publish(0, channel, "first");
    for _ in 0..GROUP_CHECKPOINT_MAX {
        world.publish(0, channel, "more");
    }
    world.run(SECOND);
    assert_eq!(count(&world, 1, Form::Checkpoint), 2);
    assert_eq!(world.nodes[1].proven.len(), GROUP_CHECKPOINT_MAX);
    world.publish(0, channel, "last");
    world.run(GROUP_PAUSE - SECOND);
    assert_eq!(count(&world, 1, Form::Checkpoint), 2);
    world.run(2 * SECOND);
    assert_eq!(count(&world, 1, Form::Checkpoint), 3, "after a pause");
    // Somebody who never pauses signs after ten minutes.
    for _ in 0..15 {
        world.publish(0, channel, "slow");
        world.run(45 * SECOND);
    }
    assert_eq!(count(&world, 1, Form::Checkpoint), 4);
    world.run(3_600 * SECOND);
    assert_eq!(count(&world, 1, Form::Checkpoint), 5, "and nothing more without news");
}

#[test]
fn mlg_16_a_forged_message_beside_the_true_one_is_told_apart() {
    for forged_first in [false, true] {
        let (mut world, channel, keys) = line(2, &[], lite_config());
        world.publish(0, channel, "hello");
        world.run(SECOND);
        world.disconnect(0, 1);
        let id = world.publish(0, channel, "I owe Bert 10");
        let said = {
            let node = &world.nodes[0];
            let kept = node
                .channels
                .history
                .iter()
                .find(|kept| kept.shown.is_some_and(|shown| shown.id == id));
            kept.and_then(|kept| kept.message.lite()).expect("kept").clone()
        };
        let lie = forgery(&world, &keys, &said, b"I owe Mallory 100");
        let mut truth = Vec::new();
        said.write_frame(60, 0, &mut truth);
        // A link that the world does not carry: only the frames given below arrive.
        let peer = world.nodes[0].identity.public();
        let caps = LinkCaps {
            medium: Medium::Memory,
            mtu: 1_500,
            bitrate_bps: 1_000_000,
            reliable: true,
            shared: false,
        };
        let link = LinkId(9);
        let now = world.now;
        let node = &mut world.nodes[1];
        node.channels.on_link_up(now, &LinkUp { link, caps, peer }, &mut node.rng);
        let frames = if forged_first { [&lie, &truth] } else { [&truth, &lie] };
        for frame in frames {
            world.inject(1, 9, frame).expect("a relay cannot be blamed");
        }
        let shown = texts(&world.nodes[1].shown);
        let first = if forged_first { "I owe Mallory 100" } else { "I owe Bert 10" };
        assert_eq!(shown[1..], [(first, false)], "one of both, not proven");
        let checkpoint = {
            let node = &mut world.nodes[0];
            node.channels.sign_due(now + GROUP_PAUSE + SECOND, &node.identity, &mut node.rng);
            let checkpoint =
                node.channels.history.iter().filter(|kept| kept.message.is_checkpoint());
            let newest = checkpoint.max_by_key(|kept| kept.arrival).expect("signed");
            let mut frame = Vec::new();
            newest.message.write_frame(60, 0, &mut frame);
            frame
        };
        world.inject(1, 9, &checkpoint).expect("fine");
        let node = &world.nodes[1];
        if forged_first {
            assert_eq!(node.withdrawn, [id]);
            assert_eq!(texts(&node.shown)[2..], [("I owe Bert 10", true)]);
            assert_eq!(forged_drops(&world, 1), 1);
        } else {
            assert_eq!(node.proven.last(), Some(&id));
            assert!(node.withdrawn.is_empty());
            assert_eq!(node.shown.len(), 2);
        }
        let history = node.channels.history(channel);
        assert_eq!(texts(&history), [("hello", true), ("I owe Bert 10", true)]);
        // The lie does not come back.
        world.inject(1, 9, &lie).expect("known");
        assert_eq!(world.nodes[1].channels.history(channel), history);
        world.nodes[1].boot(now);
        assert_eq!(world.nodes[1].channels.history(channel), history);
    }
}

#[test]
fn mlg_17_a_forged_message_alone_is_withdrawn() {
    let (mut world, channel, keys) = line(2, &[], lite_config());
    world.publish(0, channel, "hello");
    world.run(SECOND);
    world.trace.clear();
    let id = world.publish(0, channel, "true");
    let said = objects(&world, 1).pop().expect("sent");
    // The lie overtakes the truth.
    let lie = forgery(&world, &keys, &said, b"lie");
    world.inject(1, 0, &lie).expect("no relay can see it");
    assert_eq!(texts(&world.nodes[1].shown)[1..], [("lie", false)]);
    world.run(GROUP_PAUSE + SECOND);
    assert_eq!(world.nodes[1].withdrawn, [id]);
    assert_eq!(texts(&world.nodes[1].shown)[1..], [("lie", false), ("true", true)]);
    assert_eq!(texts(&world.nodes[1].channels.history(channel))[1..], [("true", true)]);
    // In the sender's own name nothing is believed at all.
    assert_eq!(texts(&world.nodes[0].channels.history(channel)).len(), 2);
}

#[test]
fn mlg_18_a_claim_waits_for_its_message() {
    let (mut world, channel, keys) = line(2, &[], lite_config());
    world.publish(0, channel, "hello");
    world.run(SECOND);
    world.disconnect(0, 1);
    world.trace.clear();
    world.publish(0, channel, "missed");
    let now = world.now;
    let (said, checkpoint) = {
        let node = &mut world.nodes[0];
        node.channels.sign_due(now + GROUP_PAUSE + SECOND, &node.identity, &mut node.rng);
        let newest = |is: &dyn Fn(&LiteObject) -> bool| {
            let of_form =
                node.channels.history.iter().filter(|kept| kept.message.lite().is_some_and(is));
            let newest = of_form.max_by_key(|kept| kept.arrival).expect("kept");
            newest.message.lite().expect("lite").clone()
        };
        (newest(&|it| it.form() != Form::Checkpoint), newest(&|it| it.form() == Form::Checkpoint))
    };
    world.connect(0, 1);
    let link = world.links.len() as u32 - 1;
    let mut frame = Vec::new();
    checkpoint.write_frame(60, 0, &mut frame);
    world.inject(1, link, &frame).expect("fine");
    let lie = forgery(&world, &keys, &said, b"lie");
    world.inject(1, link, &lie).expect("no relay can see it");
    assert_eq!(world.nodes[1].shown.len(), 1, "the claim says that it is none");
    assert_eq!(forged_drops(&world, 1), 1);
    world.run(60 * SECOND);
    assert_eq!(texts(&world.nodes[1].shown)[1..], [("missed", true)], "proven when it came");
    assert_eq!(world.nodes[1].channels.joined[&channel].lite.claims.len(), 0);
}

#[test]
fn mlg_19_memory_for_lies_is_bounded() {
    let (mut world, channel, keys) = line(2, &[], lite_config());
    world.publish(0, channel, "hello");
    world.run(SECOND);
    world.trace.clear();
    world.publish(0, channel, "true");
    let said = objects(&world, 1).pop().expect("sent");
    for number in 0..3 * GROUP_RIVALS_MAX as u8 {
        let lie = forgery(&world, &keys, &said, &[b'a' + number]);
        world.inject(1, 0, &lie).expect("no relay can see it");
    }
    let kept = |world: &World| world.nodes[1].channels.history.of_channel(channel).count();
    assert_eq!(kept(&world), 2 + GROUP_RIVALS_MAX);
    // The true one found no room; the checkpoint makes it, and repair brings it.
    world.run(GROUP_PAUSE + 60 * SECOND);
    assert_eq!(texts(&world.nodes[1].channels.history(channel))[1..], [("true", true)]);
    assert_eq!(kept(&world), 4, "two messages, two checkpoints");
    // Voices and claims: a member with many made-up runs.
    let mallory = MeshIdentity::from_seeds([66; 32], None);
    let group = keys.group();
    for lineage in 0..GROUP_VOICES_MAX as u64 + 40 {
        let voice = group.voice(mallory.public().node_key(), lineage);
        let claims = (1, &[[0; 32]; 16][..]);
        let object = group.seal_checkpoint(Mode::Real, &mallory, &voice, claims, (15, 64), [0; 8]);
        let mut frame = Vec::new();
        object.write_frame(60, 0, &mut frame);
        world.inject(1, 0, &frame).expect("a member");
    }
    let lite = &world.nodes[1].channels.joined[&channel].lite;
    assert!(lite.voices.len() <= GROUP_VOICES_MAX && lite.claims.len() <= GROUP_CLAIMS_MAX);
}

#[test]
fn mlg_20_restarts_forget_nothing() {
    let (mut world, channel, _) = line(2, &[], lite_config());
    world.publish(0, channel, "one");
    world.publish(0, channel, "two");
    world.run(SECOND);
    world.nodes[1].boot(world.now);
    assert_eq!(texts(&world.nodes[1].channels.history(channel)), [("one", true), ("two", false)]);
    // The sender was stopped before it signed: its next run signs for the last one.
    world.restart(1);
    world.restart(0);
    world.run(60 * SECOND);
    assert_eq!(texts(&world.nodes[1].channels.history(channel)), [("one", true), ("two", true)]);
    // A new run is a new voice, and starts at 1 without having reserved anything.
    world.publish(0, channel, "three");
    world.run(SECOND);
    let shown = texts(&world.nodes[1].shown);
    assert_eq!(shown, [("one", true), ("two", false), ("three", true)], "each was shown once");
}

#[test]
fn mlg_21_strangers_pass_on_within_a_budget() {
    let (mut world, channel, _) = line(3, &[1], lite_config());
    for number in 0..8 {
        world.publish(0, channel, "through a relay that is no member");
        world.run(SECOND);
        assert_eq!(world.nodes[2].shown.len(), number + 1);
    }
    assert!(world.nodes[1].disk.keys().all(|(_, key)| key[0] != b'm'), "unproven: not on disk");
    // A flood of noise under the same label is cut, and disconnects nobody.
    let mut rng = NodeRng::from_seed([3; 32]);
    world.trace.clear();
    for _ in 0..1_000 {
        let mut noise = vec![1, 0x51, 60, 0, 0, 0, 0, 0, 15, channel.0[0], channel.0[1]];
        noise.extend_from_slice(&rng.array::<64>());
        // The link's own budget may refuse some; nothing here is a fault of the relay.
        let _ = world.inject(1, 0, &noise);
    }
    world.run(SECOND);
    let passed = objects(&world, 2).len();
    assert!((50..150).contains(&passed), "{passed}");
    let bytes = world.nodes[1].channels.kept_bytes();
    assert!(bytes.1 < 200_000, "{bytes:?}");
    world.run(120 * SECOND);
    world.publish(0, channel, "and life goes on");
    world.run(SECOND);
    assert_eq!(world.nodes[2].shown.len(), 9);
}

#[test]
fn mlg_22_the_form_follows_the_links() {
    let (mut world, channel, _) = line(3, &[], ChannelConfig::default());
    world.publish(0, channel, "in full");
    world.run(SECOND);
    assert_eq!(world.frames_of_kind(FrameKind::CHANNEL_LITE).len(), 0);
    // A radio comes up at one node; the others follow when they hear it.
    let now = world.now;
    world.nodes[2].channels.neighbours.values_mut().for_each(|it| it.is_radio = true);
    world.trace.clear();
    world.publish(2, channel, "for radio");
    world.run(SECOND);
    world.publish(0, channel, "answer");
    world.run(SECOND);
    assert_eq!(world.frames_of_kind(FrameKind::CHANNEL).len(), 0);
    assert_eq!(count(&world, 2, Form::Dated), 1);
    let long = "x".repeat(GROUP_PAYLOAD_LEN_MAX + 1);
    world.publish(0, channel, &long);
    world.run(25 * 3_600 * SECOND);
    world.publish(0, channel, "in full again");
    world.run(SECOND);
    assert!(now < world.now);
    assert_eq!(world.frames_of_kind(FrameKind::CHANNEL).len(), 4, "two hops each");
    let history = world.nodes[1].channels.history(channel);
    assert_eq!(history.len(), 5);
    assert!(history.iter().all(|message| message.proven));
}

#[test]
fn mlg_23_late_joiners_catch_up() {
    // The first is a member, the second a relay that reads nothing, the third joins late.
    let (mut world, channel, _) = line(3, &[1, 2], lite_config());
    let invite = world.nodes[0].channels.views()[0].invite.clone();
    world.disconnect(1, 2);
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(world.publish(0, channel, text));
        world.run(SECOND);
    }
    world.run(2 * 3_600 * SECOND);
    world.disconnect(0, 1);
    world.connect(1, 2);
    world.run(60 * SECOND);
    assert_eq!(world.nodes[2].channels.kept_bytes(), (0, 0), "strangers get nothing old");
    world.join(2, &invite);
    world.run(60 * SECOND);
    let seen = world.nodes[2].channels.history(channel);
    assert_eq!(texts(&seen), [("one", true), ("two", true), ("three", true)]);
    assert_eq!(seen.iter().map(|message| message.id).collect::<Vec<_>>(), ids);
    // From a member; and whoever carried it unread finds it when it joins.
    world.join(1, &invite);
    let seen = world.nodes[1].channels.history(channel);
    assert_eq!(seen.iter().map(|message| message.id).collect::<Vec<_>>(), ids);
    assert!(seen.iter().all(|message| message.proven));
    assert_eq!(world.nodes[1].channels.kept_bytes().1, 0, "it is ours now");
    let mut late = World::with_config(2, |_| lite_config());
    core::mem::swap(&mut late.nodes[0], &mut world.nodes[1]);
    late.now = world.now;
    late.nodes[0].boot(late.now);
    late.connect(0, 1);
    late.join(1, &invite);
    late.run(60 * SECOND);
    let seen = late.nodes[1].channels.history(channel);
    assert_eq!(seen.iter().map(|message| message.id).collect::<Vec<_>>(), ids);
    assert!(seen.iter().all(|message| message.proven));
}

#[test]
fn mlg_24_signed_at_once() {
    let config = ChannelConfig { proof: LiteProof::AtOnce, ..lite_config() };
    let (mut world, channel, keys) = line(2, &[], config);
    world.publish(0, channel, "one");
    world.run(SECOND);
    world.publish(0, channel, "two");
    world.run(SECOND);
    assert_eq!(texts(&world.nodes[1].shown), [("one", true), ("two", true)]);
    assert_eq!(count(&world, 1, Form::Checkpoint), 1, "it introduces the sender");
    assert_eq!(count(&world, 1, Form::Signed), 2);
    // A lying member cannot sign; without a signature it is unproven, and the truth displaces it.
    let mut next = Vec::new();
    world.disconnect(0, 1);
    let three = world.publish(0, channel, "three");
    world.connect(0, 1);
    let link = world.links.len() as u32 - 1;
    let victim = *world.nodes[0].identity.public().node_key();
    let lineage = world.nodes[0].channels.lineage.expect("it published");
    let group = keys.group();
    let text = Text { counter: 3, lifetime: 15, sent_at: None, payload: b"lie".to_vec() };
    group.seal(&group.voice(&victim, lineage), &text, 64).write_frame(60, 0, &mut next);
    world.inject(1, link, &next).expect("no relay can see it");
    let mallory = MeshIdentity::from_seeds([66; 32], None);
    let voice = group.voice(&victim, lineage);
    let false_sign = group.seal_signed(Mode::Real, &mallory, &voice, &text, 64);
    next.clear();
    false_sign.write_frame(60, 0, &mut next);
    world.inject(1, link, &next).expect("no relay can see it");
    world.run(60 * SECOND);
    assert_eq!(world.nodes[1].withdrawn, [three]);
    assert_eq!(texts(&world.nodes[1].shown)[2..], [("lie", false), ("three", true)]);
}

#[test]
fn mlg_25_after_a_pause_the_message_signs_for_itself() {
    let config = ChannelConfig { proof: LiteProof::Auto, ..lite_config() };
    let (mut world, channel, _) = line(2, &[], config);
    world.publish(0, channel, "the first of a run needs an introduction");
    world.run(3_600 * SECOND);
    let forms = |world: &World| {
        [Form::Dated, Form::Signed, Form::Checkpoint].map(|form| count(world, 1, form))
    };
    assert_eq!(forms(&world), [1, 0, 1]);
    for number in 1..4 {
        world.publish(0, channel, "alone");
        world.run(3_600 * SECOND);
        assert_eq!(forms(&world), [1, number, 1], "no checkpoint for what stays alone");
    }
    for _ in 0..5 {
        world.publish(0, channel, "a conversation");
        world.run(10 * SECOND);
    }
    world.run(3_600 * SECOND);
    assert_eq!(forms(&world), [5, 4, 2]);
    assert!(world.nodes[1].channels.history(channel).iter().all(|message| message.proven));
}

#[test]
fn mlg_26_by_radio_doubts_wait() {
    for is_radio in [false, true] {
        let (mut world, channel, _) = line(2, &[], lite_config());
        world.run(60 * SECOND);
        for node in &mut world.nodes {
            node.channels.neighbours.values_mut().for_each(|it| {
                (it.is_radio, it.lossy) = (is_radio, true);
            });
        }
        world.trace.clear();
        for _ in 0..4 {
            world.publish(0, channel, "every one may have been lost");
            world.run(30 * SECOND);
        }
        let runs = world.frames_of_kind(FrameKind::RECONCILE).len();
        assert_eq!(runs == 0, is_radio, "{runs} frames");
        world.run(1_300 * SECOND);
        let runs = world.frames_of_kind(FrameKind::RECONCILE).len();
        assert!(!is_radio || (1..=8).contains(&runs), "{runs} frames");
    }
}
