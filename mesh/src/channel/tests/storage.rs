//! `CH-13` to `CH-15`, `CH-19`, `CH-28`: what survives a restart.

use alloc::{string::ToString, vec, vec::Vec};
use core::time::Duration;

use super::world::World;
use crate::{
    channel::{ChannelConfig, Channels},
    crypto::{Mode, rng::NodeRng},
    limits::{CHANNEL_HISTORY_BYTES_MAX, CHANNEL_HISTORY_MESSAGES_MAX},
    record::Table,
    wire::frame::FrameKind,
};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3_600);

#[test]
fn ch_13_replays_after_eviction_and_restart_are_not_shown() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    let mut ids = vec![world.publish(0, channel, "the first")];
    world.run(SECOND);
    let first = world.frames_of_kind(FrameKind::CHANNEL)[0].clone();
    let long = "x".repeat(30_000);
    for _ in 0..300 {
        ids.push(world.publish(0, channel, &long));
        world.run(SECOND / 50);
    }
    world.run(60 * SECOND);
    let kept = world.nodes[1].channels.history(channel).len();
    assert!(kept < 300);
    assert_eq!(world.nodes[1].shown.len(), ids.len());
    // Evicted and known.
    assert_eq!(world.inject(1, 0, &first), Ok(()));
    // Evicted, and the process does not remember the bytes.
    world.disconnect(0, 1);
    world.restart(1);
    world.connect(0, 1);
    let link = world.links.len() as u32 - 1;
    assert_eq!(world.inject(1, link, &first), Ok(()));
    world.run(60 * SECOND);
    world.assert_shown(&[0, 1], &ids);
    assert_eq!(world.nodes[1].channels.history(channel).len(), kept);
}

#[test]
fn ch_19_history_is_bounded_in_messages() {
    let mut world = World::new(1);
    let (channel, _) = world.create(0);
    for _ in 0..CHANNEL_HISTORY_MESSAGES_MAX + 3 {
        world.publish(0, channel, "");
    }
    let history = world.nodes[0].channels.history(channel);
    assert_eq!(history.len(), CHANNEL_HISTORY_MESSAGES_MAX);
    assert_eq!(history[0].id, world.nodes[0].published[3], "the oldest went first");
    world.nodes[0].boot(world.now);
    assert_eq!(world.nodes[0].channels.history(channel), history);
}

#[test]
fn ch_13_expired_messages_do_not_come_back() {
    let config = ChannelConfig { lifetime_s: 100, ..ChannelConfig::default() };
    let mut world = World::with_config(2, |_| config);
    world.connect(0, 1);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    let id = world.publish(0, channel, "short-lived");
    world.run(SECOND);
    let frame = world.frames_of_kind(FrameKind::CHANNEL)[0].clone();
    world.run(200 * SECOND);
    assert!(world.nodes[1].channels.history(channel).is_empty());
    assert!(world.nodes[1].disk.keys().all(|(_, key)| key[0] != b'm'));
    // An attacker sets the age back.
    world.trace.clear();
    assert_eq!(world.inject(1, 0, &frame), Ok(()));
    world.restart(1);
    let link = world.links.len() as u32 - 1;
    assert_eq!(world.inject(1, link, &frame), Ok(()));
    world.run(SECOND);
    world.assert_shown(&[0, 1], &[id]);
    assert!(world.frames_of_kind(FrameKind::CHANNEL).is_empty(), "nor passed on");
}

#[test]
fn ch_15_a_lineage_is_never_reused() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    let mut ids = Vec::new();
    let before = world.nodes[0].disk.clone();
    for _ in 0..3 {
        ids.push(world.publish(0, channel, "same words"));
        world.run(SECOND);
        world.restart(0);
        world.run(SECOND);
    }
    // The disk is rolled back to before the first message.
    world.nodes[0].disk = before;
    world.restart(0);
    ids.push(world.publish(0, channel, "same words"));
    world.run(30 * SECOND);
    assert_eq!(world.nodes[1].shown.len(), 4);
    let shown: Vec<_> = world.nodes[1].shown.iter().map(|message| message.id).collect();
    assert_eq!(shown, ids);
}

#[test]
fn ch_15_records_come_before_events() {
    let mut world = World::line(2);
    let (channel, _) = world.create(0);
    let now = world.now;
    let node = &mut world.nodes[0];
    node.channels
        .publish(now, None, &node.identity, channel, b"x".to_vec(), &mut node.rng)
        .expect("a member");
    let mut records = Vec::new();
    node.channels.drain_records(&mut records);
    let tables: Vec<_> = records.iter().map(|record| (record.table, record.key[0])).collect();
    assert_eq!(tables, [(Table::Channels, b'r'), (Table::History, b'm')]);
    assert!(node.channels.poll_event().is_some());
}

#[test]
fn ch_19_history_is_bounded_in_bytes() {
    let mut world = World::line(2);
    let (channel, _) = world.create(0);
    let text = "x".repeat(30_000);
    for _ in 0..200 {
        world.publish(0, channel, &text);
        world.run(SECOND / 10);
    }
    let (joined, _) = world.nodes[0].channels.kept_bytes();
    assert!(joined <= CHANNEL_HISTORY_BYTES_MAX && joined > CHANNEL_HISTORY_BYTES_MAX / 2);
    let on_disk: usize = world.nodes[0].disk.values().map(Vec::len).sum();
    assert!(on_disk <= CHANNEL_HISTORY_BYTES_MAX);
}

#[test]
fn ch_19_age_goes_on_after_a_restart() {
    let config = ChannelConfig { lifetime_s: 20 * 3_600, ..ChannelConfig::default() };
    let mut world = World::with_config(2, |_| config);
    world.connect(0, 1);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.publish(0, channel, "a day");
    for _ in 0..6 {
        world.run(4 * HOUR);
        world.restart(1);
    }
    // Each restart loses an hour at most.
    assert!(
        world.nodes[1].channels.history(channel).is_empty() || {
            world.run(3 * HOUR);
            world.nodes[1].channels.history(channel).is_empty()
        }
    );
}

#[test]
fn ch_28_damaged_rows_are_refused() {
    let mut world = World::line(2);
    let (channel, invite) = world.create(0);
    world.join(1, &invite);
    world.run(SECOND);
    let long = "x".repeat(30_000);
    for number in 0..300 {
        world.publish(0, channel, &long);
        if number >= 295 {
            world.publish(0, channel, &number.to_string());
        }
    }
    let disk = world.nodes[0].disk.clone();
    assert!(disk.keys().any(|(_, key)| key[0] == b's'), "an evicted message left its counter");
    let mut rng = NodeRng::from_seed([1; 32]);
    let mut channels =
        Channels::new(Mode::Real, world.nodes[0].address(), ChannelConfig::default());
    // Rows of a channel that is not there yet.
    let sender = disk.iter().find(|((_, key), _)| key[0] == b's').expect("there is one");
    assert!(channels.restore(sender.0.0, &sender.0.1, sender.1).is_err());
    for ((table, key), value) in disk.iter().filter(|((table, _), _)| *table == Table::Channels) {
        for len in 0..value.len() {
            let cut = channels.restore(*table, key, &value[..len]);
            // A shorter name is a name; everything else is refused.
            assert!(cut.is_err() || key[0] == b'c' && len > 33, "{key:?} cut to {len}");
        }
        channels.restore(*table, key, value).expect("whole");
    }
    let is_short = |key: &[u8], value: &[u8]| key[0] == b'm' && value.len() < 1_000;
    let messages = disk.iter().filter(|((_, key), value)| is_short(key, value));
    for ((table, key), value) in messages {
        for _ in 0..50 {
            let mut flipped = value.clone();
            // Arrival, uptime and the mutable fields are not covered by anything.
            let at = 18 + 37 + rng.below(value.len() as u64 - 18 - 37 - 64) as usize;
            flipped[at] ^= 1;
            assert!(channels.restore(*table, key, &flipped).is_err(), "{at}");
        }
        for len in 0..value.len() - 64 {
            assert!(channels.restore(*table, key, &value[..len]).is_err(), "{len}");
        }
        channels.restore(*table, key, value).expect("whole");
        assert!(channels.restore(*table, key, value).is_err(), "twice");
    }
    for key in [&b""[..], b"x", b"c", b"s", b"m", b"r2"] {
        assert!(channels.restore(Table::Channels, key, &[1]).is_err());
        assert!(channels.restore(Table::History, key, &[1]).is_err());
    }
    assert!(channels.restore(Table::Inbox, b"r", &[0; 4]).is_err());
    channels.start(world.now);
    assert_eq!(channels.history(channel).len(), 5);
}
