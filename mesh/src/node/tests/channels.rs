//! Channels through whole nodes: commits, narrow links, crashes.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::Net;
use crate::{
    channel::ChannelId,
    command::{Command, Outcome},
    envelope::MessageId,
    event::Event,
    limits::LINK_MTU_MIN,
    link::{LinkCaps, Medium},
};

const SECOND: Duration = Duration::from_secs(1);

impl Net {
    fn create_channel(&mut self, host: usize) -> (ChannelId, String) {
        match self.command(host, Command::ChannelCreate { name: "bakery".into() }) {
            Outcome::Channel { id, invite } => (id, invite),
            other => panic!("not a channel: {other:?}"),
        }
    }

    fn join_channel(&mut self, host: usize, invite: &str) {
        self.command(host, Command::ChannelJoin { invite: invite.into() });
    }

    fn publish(&mut self, host: usize, channel: ChannelId, text: &str) -> MessageId {
        match self.command(host, Command::ChannelPublish { channel, payload: text.into() }) {
            Outcome::Message(id) => id,
            other => panic!("not a message: {other:?}"),
        }
    }

    fn shown_on_channels(&self, host: usize) -> Vec<MessageId> {
        let shown = self.hosts[host].events.iter().filter_map(|event| match event {
            Event::ChannelMessage(message) => Some(message.id),
            _ => None,
        });
        shown.collect()
    }
}

#[test]
fn ch_15_published_is_accepted_when_durable() {
    let mut net = Net::line(3);
    let (channel, invite) = net.create_channel(0);
    net.join_channel(2, &invite);
    net.run(SECOND);
    net.hosts[0].hold_commits = true;
    net.hosts[2].hold_commits = true;
    let id = net.publish(0, channel, "rolls at six");
    net.run(SECOND);
    assert!(!net.has_event(0, |event| matches!(event, Event::Accepted { .. })));
    assert!(net.shown_on_channels(2).is_empty(), "not durable there yet");
    for host in [0, 2] {
        net.hosts[host].hold_commits = false;
        net.drain(host);
    }
    assert!(net.has_event(0, |event| *event == Event::Accepted { id }));
    assert_eq!(net.shown_on_channels(2), [id]);
}

#[test]
fn frag_04_long_messages_pass_narrow_links() {
    let mut net = Net::new(3);
    let caps = LinkCaps {
        medium: Medium::Memory,
        mtu: LINK_MTU_MIN,
        bitrate_bps: 1_000_000,
        reliable: true,
        shared: false,
    };
    net.connect_with(0, 1, caps);
    net.connect_with(1, 2, caps);
    let (channel, invite) = net.create_channel(0);
    net.join_channel(2, &invite);
    net.run(5 * SECOND);
    let long = "x".repeat(30_000);
    let id = net.publish(0, channel, &long);
    net.run(5 * SECOND);
    assert_eq!(net.shown_on_channels(2), [id]);
    assert_eq!(net.hosts[2].node.channel_history(channel)[0].payload, long.as_bytes());
}

#[test]
fn ch_26_members_that_were_off_catch_up_through_a_relay_that_crashed() {
    let mut net = Net::new(3);
    let left = net.connect(0, 1);
    let (channel, invite) = net.create_channel(0);
    net.join_channel(2, &invite);
    net.run(SECOND);
    let ids: Vec<_> = (0..50).map(|n| net.publish(0, channel, &alloc::format!("{n}"))).collect();
    net.run(2 * 3_600 * SECOND);
    net.cut(left);
    net.crash(1);
    net.crash(2);
    net.cut(left);
    net.connect(1, 2);
    net.run(10 * SECOND);
    assert_eq!(net.shown_on_channels(2), ids);
    net.crash(2);
    net.run(10 * SECOND);
    assert_eq!(net.shown_on_channels(2), ids, "shown once, across crashes");
    assert_eq!(net.hosts[2].node.channel_history(channel).len(), ids.len());
}

#[test]
fn mlg_13_radio_neighbours_hear_lite_messages() {
    let mut net = Net::new(2);
    let caps = LinkCaps { medium: Medium::Memory, mtu: 1_024, bitrate_bps: 3_125, reliable: false, shared: false };
    net.connect_with(0, 1, caps);
    let (channel, invite) = net.create_channel(0);
    net.join_channel(1, &invite);
    net.run(30 * SECOND);
    let ids = ["one", "two"].map(|text| {
        let id = net.publish(0, channel, text);
        net.run(20 * SECOND);
        id
    });
    assert_eq!(net.shown_on_channels(1), ids);
    let proven = |event: &Event| *event == Event::ChannelProven { channel, id: ids[1] };
    assert!(!net.has_event(1, proven), "not yet");
    // The node signs by its own clock.
    net.run(90 * SECOND);
    assert!(net.has_event(1, proven));
    let history = net.hosts[1].node.channel_history(channel);
    assert!(history.iter().all(|message| message.proven), "{history:?}");
}
