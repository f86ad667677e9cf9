//! What clients may ask the actor to do.

use mesh::{Address, Command, CommandError, MessageId, Outcome, SendOptions, event::FailReason};
use tokio::sync::oneshot;

use crate::store::Health;

use super::{
    Actor,
    waiters::{Final, Hop, Pong},
};

/// How far a batch of messages got at once.
#[derive(Debug)]
pub struct Sent {
    /// Ids of those that were taken, in order.
    pub ids: Vec<MessageId>,
    /// Resolves when all of them are accepted.
    pub accepted: oneshot::Receiver<Result<(), FailReason>>,
    /// Why the next one was not taken, and those that were not taken.
    pub refused: Option<(CommandError, Vec<Vec<u8>>)>,
}

impl Actor {
    /// Hands messages to the core, in order, until one is refused. With `keep_refused` those that
    /// were not taken are returned, at the price of a copy each.
    pub fn send_messages(
        &mut self,
        to: Address,
        payloads: Vec<Vec<u8>>,
        options: SendOptions,
        keep_refused: bool,
    ) -> Sent {
        let now = self.clock.now();
        let mut ids = Vec::with_capacity(payloads.len());
        let mut refused = None;
        let mut left = payloads.into_iter();
        while let Some(payload) = left.next() {
            // A refused command gives its payload up.
            let kept = keep_refused.then(|| payload.clone());
            match self.node.handle_command(now, Command::Send { to, payload, options }) {
                Ok(Outcome::Message(id)) => ids.push(id),
                Ok(_) => {}
                Err(error) => {
                    refused = Some((error, kept.into_iter().chain(left).collect()));
                    break;
                }
            }
        }
        let accepted = self.waiters.accepted(&ids);
        Sent { ids, accepted, refused }
    }

    /// Cancels messages that a disk in trouble does not take; its health, when it is in trouble.
    pub fn withdraw_unwritten(&mut self, ids: &[MessageId]) -> Option<Health> {
        if self.health == Health::Ok {
            return None;
        }
        for id in ids {
            let accepting = self
                .node
                .message(id)
                .is_some_and(|m| m.state == mesh::view::MessageState::Accepting);
            if accepting {
                // It is known: it was asked for a moment ago.
                let _ = self.command(Command::Cancel { id: *id });
            }
        }
        Some(self.health)
    }

    /// Runs a command that is answered at once. What it changes is not durable yet.
    ///
    /// # Errors
    ///
    /// Why the core refused it.
    pub fn command(&mut self, command: Command) -> Result<Outcome, CommandError> {
        self.node.handle_command(self.clock.now(), command)
    }

    /// Runs a command; the receiver resolves when what it changed is durable.
    ///
    /// # Errors
    ///
    /// Why the core refused it.
    pub fn command_durably(
        &mut self,
        command: Command,
    ) -> Result<(Outcome, oneshot::Receiver<()>), CommandError> {
        let outcome = self.command(command)?;
        Ok((outcome, self.durable.ask()))
    }

    /// How the disk is.
    pub fn health(&self) -> Health {
        self.health
    }

    /// Starts a ping; the receiver gets the answer.
    ///
    /// # Errors
    ///
    /// Why the core refused it.
    pub fn ping(
        &mut self,
        to: Address,
        payload_len: u16,
    ) -> Result<oneshot::Receiver<Pong>, CommandError> {
        if !self.waiters.has_room() {
            return Err(CommandError::Busy);
        }
        let (token, answer) = self.waiters.pong();
        self.command(Command::Ping { to, token, payload_len })?;
        Ok(answer)
    }

    /// Asks a hop of a route who it is; the receiver gets the answer.
    ///
    /// # Errors
    ///
    /// Why the core refused it.
    pub fn trace(&mut self, to: Address, ttl: u8) -> Result<oneshot::Receiver<Hop>, CommandError> {
        if !self.waiters.has_room() {
            return Err(CommandError::Busy);
        }
        let (token, answer) = self.waiters.hop();
        self.command(Command::Trace { to, token, ttl })?;
        Ok(answer)
    }

    /// Waits for the end of a message's way: `Ok(Ok)` when it is known already.
    ///
    /// # Errors
    ///
    /// When nobody knows the message, or too many wait.
    pub fn await_end(
        &mut self,
        id: MessageId,
    ) -> Result<Result<Final, oneshot::Receiver<Final>>, CommandError> {
        if let Some(end) = self.waiters.end_of(&id) {
            return Ok(Ok(end));
        }
        match self.node.message(&id) {
            None => Err(CommandError::UnknownMessage),
            Some(_) if !self.waiters.has_room() => Err(CommandError::Busy),
            Some(_) => Ok(Err(self.waiters.ended(id))),
        }
    }

    /// Ends the daemon after this round.
    pub fn stop(&mut self) {
        self.stopping = true;
    }
}
