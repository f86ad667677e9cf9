//! Lite channel messages over radios: each payload once for all, proven by checkpoints.

use alloc::{string::String, vec::Vec};
use core::time::Duration;

use super::Air;
use crate::{
    channel::ChannelId,
    command::{Command, Outcome},
    event::Event,
};

/// The type of a lite channel object for everybody.
const LITE_TO_ALL: u8 = 0x3c;

impl Air {
    fn order(&mut self, at: usize, command: Command) -> Outcome {
        let now = self.now;
        self.stations[at].node.handle_command(now, command).expect("an order that can be kept")
    }

    fn channel(&mut self) -> (ChannelId, String) {
        match self.order(0, Command::ChannelCreate { name: "bakery".into() }) {
            Outcome::Channel { id, invite } => (id, invite),
            other => panic!("{other:?}"),
        }
    }

    fn publish(&mut self, at: usize, channel: ChannelId, payload: &[u8]) {
        self.order(at, Command::ChannelPublish { channel, payload: payload.to_vec() });
    }

    /// Messages on channels shown at a station, and how many of them are proven by now.
    fn on_channels(&self, at: usize) -> (usize, usize) {
        let (mut shown, mut proven) = (0, 0);
        for event in &self.stations[at].events {
            match event {
                Event::ChannelMessage(message) => {
                    shown += 1;
                    proven += usize::from(message.proven);
                }
                Event::ChannelProven { .. } => proven += 1,
                _ => {}
            }
        }
        (shown, proven)
    }

    /// Lengths on the air, the modem's byte included, of lite channel objects since `from`.
    fn lite_lengths(&self, from: usize) -> Vec<usize> {
        let sent = self.trace[from..].iter().filter(|(_, _, bytes)| bytes[0] == LITE_TO_ALL);
        sent.map(|(_, _, bytes)| bytes.len() + 1).collect()
    }
}

#[test]
fn mlg_04_radios_exchange_messages_and_checkpoints() {
    for mut air in [Air::crowd(3), Air::line(3)] {
        air.run(Duration::from_secs(300));
        let (channel, invite) = air.channel();
        for at in [1, 2] {
            air.order(at, Command::ChannelJoin { invite: invite.clone() });
            air.run(Duration::from_secs(120));
        }
        air.publish(0, channel, &[1; 50]);
        air.run(Duration::from_secs(30));
        let start = air.trace.len();
        for n in 2..5 {
            air.publish(0, channel, &[n; 50]);
            air.run(Duration::from_secs(10));
        }
        assert_eq!([air.on_channels(1).0, air.on_channels(2).0], [4, 4]);
        let messages = air.lite_lengths(start);
        assert!(!messages.is_empty() && messages.iter().all(|len| *len <= 82), "{messages:?}");
        air.run(Duration::from_secs(300));
        assert_eq!([air.on_channels(1), air.on_channels(2)], [(4, 4), (4, 4)]);
        // After a pause a message signs for itself.
        let start = air.trace.len();
        air.publish(0, channel, &[5; 50]);
        air.run(Duration::from_secs(50));
        assert_eq!([air.on_channels(1), air.on_channels(2)], [(5, 5), (5, 5)]);
        let signed = air.lite_lengths(start);
        assert!(!signed.is_empty() && signed.iter().all(|len| *len == 128), "{signed:?}");
    }
}
