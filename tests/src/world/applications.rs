//! The applications on top of the nodes: they send, show, take and publish.

use std::time::Duration;

use mesh::{
    Address, Command, CommandError, Event, MessageId, Outcome, SendOptions, event::InboxMessage,
};

use super::World;
use crate::{
    checkers::ledger::Sent,
    load::{self, Action},
};

impl World {
    pub(super) fn act(&mut self, index: usize) {
        let action = self.load[index].1.clone();
        match action {
            Action::Send(send) => self.send_message(&send),
            Action::Publish { node, payload_len } => self.publish(node, payload_len),
        }
    }

    fn send_message(&mut self, send: &load::Send) {
        let (from, to) = (self.destinations[send.from], self.destinations[send.to]);
        let payload = load::payload(send.payload_len, &mut self.rng);
        let options = SendOptions {
            durable: send.durable,
            signed: send.signed,
            lifetime: Duration::from_secs(send.lifetime_s),
            ..SendOptions::default()
        };
        let command = Command::Send { to: self.addresses[to], payload: payload.clone(), options };
        let Some(Outcome::Message(id)) = self.command(from, command) else {
            return;
        };
        let now = self.queue.now();
        let sent = Sent {
            from,
            to,
            payload,
            durable: send.durable,
            offered_at: now,
            accepted_at: None,
            in_custody_at: None,
            received_at: None,
            shown_at: None,
            failed: None,
        };
        self.journal.note(now, Some(from), || format!("send {id} to node {to}"));
        self.ledger.offered(now, id, sent, &mut self.violations);
        self.drain(from);
    }

    /// Creates the channel on first use; every member joins with the invite as soon as it runs.
    fn publish(&mut self, member: usize, payload_len: usize) {
        let members = self.scenario.load.channel_members.min(self.scenario.participants());
        let hosts: Vec<usize> = self.destinations[..members].to_vec();
        for host in &hosts {
            self.join(*host);
        }
        let host = hosts[member];
        let Some(&channel) = self.channel.members.get(&host) else {
            return;
        };
        let payload = load::payload(payload_len, &mut self.rng);
        let command = Command::ChannelPublish { channel, payload: payload.clone() };
        if let Some(Outcome::Message(id)) = self.command(host, command) {
            self.channel.ledger.published(host, id, payload);
        }
        self.drain(host);
    }

    fn join(&mut self, host: usize) {
        if self.channel.members.contains_key(&host) {
            return;
        }
        let command = match &self.channel.invite {
            Some(invite) => Command::ChannelJoin { invite: invite.clone() },
            None => Command::ChannelCreate { name: "simulation".into() },
        };
        if let Some(Outcome::Channel { id, invite }) = self.command(host, command) {
            self.channel.invite.get_or_insert(invite);
            self.channel.members.insert(host, id);
        }
        self.drain(host);
        if let Some(owed) = self.hosts[host].disk.awaited() {
            self.channel.untold.insert(host, owed);
        }
    }

    /// The host is back. An application that was never told that it joined asks again; one that was
    /// told relies on it.
    pub(super) fn join_again(&mut self, host: usize) {
        if self.channel.untold.remove(&host).is_some() {
            self.channel.members.remove(&host);
            self.join(host);
        }
    }

    /// Gives a running node a command; counts refusals.
    fn command(&mut self, host: usize, command: Command) -> Option<Outcome> {
        let now = self.queue.now();
        let machine = &mut self.hosts[host];
        let clock = machine.clock(now);
        match machine.node.as_mut()?.handle_command(clock, command) {
            Ok(outcome) => Some(outcome),
            Err(error) => {
                self.refused(host, &error);
                None
            }
        }
    }

    fn refused(&mut self, host: usize, error: &CommandError) {
        let now = self.queue.now();
        self.journal.note(now, Some(host), || format!("refused: {error}"));
        *self.tally.refused.entry(error.to_string()).or_default() += 1;
    }

    pub(super) fn note_event(&mut self, host: usize, event: Event) {
        let now = self.queue.now();
        let bad = &mut self.violations;
        match event {
            Event::Accepted { id } => self.ledger.accepted(now, host, id, bad),
            Event::InCustody { id, .. } => self.ledger.in_custody(now, host, id, bad),
            Event::Received { id, .. } => {
                let hosts = &self.hosts;
                let durable = |to: usize| hosts[to].disk.inbox_rows_written();
                self.ledger.received(now, host, id, durable, bad);
            }
            Event::Failed { id, reason } => self.ledger.failed(now, host, id, reason, bad),
            Event::Message(message) => self.show(host, &message),
            Event::ChannelMessage(message) => {
                let from = self.by_address.get(&message.from).copied();
                // What a crash made the node show again, the application recognises.
                if !self.channel.ledger.has_shown(host, &message.id) || self.hosts[host].boots == 1
                {
                    self.channel.ledger.shown(now, host, from, &message, bad);
                }
            }
            Event::LinkStalled { link } => self.stalled(host, link),
            _ => {}
        }
    }

    /// The application shows a message, unless it remembers having shown that position.
    fn show(&mut self, host: usize, message: &InboxMessage) {
        let machine = &mut self.hosts[host];
        if machine.shown_through.is_some_and(|shown| message.seq <= shown) {
            return;
        }
        machine.shown_through = Some(message.seq);
        let from = self.node_at(&message.from);
        self.ledger.shown(self.queue.now(), host, from, message, &mut self.violations);
        if message.seq.is_multiple_of(TAKE_EVERY) {
            self.take(host, message.id);
        }
    }

    /// After a boot: shows what arrived and was not shown before the crash.
    pub(super) fn show_inbox(&mut self, host: usize) {
        let Some(node) = &self.hosts[host].node else {
            return;
        };
        let messages: Vec<InboxMessage> = node.inbox().cloned().collect();
        for message in &messages {
            self.show(host, message);
        }
    }

    fn take(&mut self, host: usize, id: MessageId) {
        // A message that a crash brought back may be gone again from the inbox: not an error.
        let _ = self.command(host, Command::Take { id });
    }

    pub(super) fn node_at(&self, address: &Address) -> Option<usize> {
        self.by_address.get(address).copied()
    }
}

/// The application takes its messages out of the inbox in batches of about this many.
const TAKE_EVERY: u64 = 8;
