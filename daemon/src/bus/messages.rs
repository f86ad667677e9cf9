//! `org.quicprochat.Messages1`.

use std::time::Duration;

use api::Error;
use mesh::{Command, view::MessageState};
use tokio::time::timeout;
use zbus::{OwnedFd, interface, object_server::SignalEmitter};

use super::{
    Context,
    convert::{self, Labels, command_error, message_id},
    ping, transfer,
};
use crate::actor::Actor;

/// Messages.
#[derive(Debug)]
pub(super) struct Messages(pub(super) Context);

#[interface(name = "org.quicprochat.Messages1")]
impl Messages {
    /// Sends a payload; returns the message's id once the message is *accepted*. `to` is an
    /// address or the name of a contact.
    async fn send(
        &self,
        to: &str,
        payload: Vec<u8>,
        options: api::SendOptions,
    ) -> Result<String, Error> {
        transfer::send_one(&self.0, to, payload, &options).await
    }

    /// Like `Send` with default options, for tools that cannot write dictionaries.
    async fn send_text(&self, to: &str, text: &str) -> Result<String, Error> {
        let options = api::SendOptions::default();
        transfer::send_one(&self.0, to, text.as_bytes().to_vec(), &options).await
    }

    /// Like `Send` for large payloads: everything that can be read from `payload`.
    async fn send_fd(
        &self,
        to: &str,
        payload: OwnedFd,
        options: api::SendOptions,
    ) -> Result<String, Error> {
        let payload = transfer::read_all(payload).await?;
        transfer::send_one(&self.0, to, payload, &options).await
    }

    /// Sends every item that can be read from `payloads` (each a little-endian u32 length and
    /// that many bytes), in order; returns the ids once all are *accepted*.
    async fn send_many(
        &self,
        to: &str,
        payloads: OwnedFd,
        options: api::SendOptions,
    ) -> Result<Vec<String>, Error> {
        transfer::send_many(&self.0, to, payloads, &options).await
    }

    /// Waits until the message is `received` or `failed`, at most `timeout_ms`; returns its
    /// state.
    async fn wait(&self, id: &str, timeout_ms: u32) -> Result<String, Error> {
        use crate::actor::Final;
        let id = message_id(id)?;
        let waiting = self.0.handle.ask(move |actor| actor.await_end(id)).await?;
        let word = |end| match end {
            Final::Received => MessageState::Received.as_str().to_owned(),
            Final::Failed(_) => MessageState::Failed.as_str().to_owned(),
        };
        let end = match waiting.map_err(command_error)? {
            Ok(end) => return Ok(word(end)),
            Err(end) => end,
        };
        match timeout(Duration::from_millis(u64::from(timeout_ms)), end).await {
            Ok(Ok(end)) => Ok(word(end)),
            Ok(Err(_)) => Err(Error::ShuttingDown("the daemon is stopping".into())),
            Err(_) => {
                let view = self.0.handle.ask(move |actor| actor.message(&id)).await?;
                let state = view.map_or(MessageState::Accepted, |view| view.state);
                Ok(state.as_str().into())
            }
        }
    }

    /// Messages received and not taken, oldest first.
    async fn inbox(&self, options: api::InboxOptions) -> Result<Vec<api::InboxMessage>, Error> {
        let since = options.since.as_deref().map(message_id).transpose()?;
        let limit = options.limit.unwrap_or(INBOX_LIMIT) as usize;
        let take = options.take == Some(true);
        let read = move |actor: &mut Actor| {
            let messages = actor.inbox(since, options.after_seq, limit, INBOX_BYTES);
            if take && let Some(last) = messages.last() {
                actor.command(Command::Take { id: last.id }).map_err(command_error)?;
            }
            Ok::<_, Error>((messages, Labels { names: actor.names(), links: Vec::new() }))
        };
        let (messages, labels) = self.0.handle.ask(read).await??;
        Ok(messages.into_iter().map(|message| labels.inbox(message)).collect())
    }

    /// Like `Inbox` for many or large messages: a descriptor to read items from, each a
    /// little-endian u32 length, a header of 49 bytes and the payload. `take` is not possible
    /// here.
    async fn inbox_fd(&self, options: api::InboxOptions) -> Result<OwnedFd, Error> {
        transfer::inbox_fd(&self.0, &options).await
    }

    /// Forgets the received messages up to and including this one.
    async fn take(&self, id: &str) -> Result<(), Error> {
        let id = message_id(id)?;
        self.command(Command::Take { id }).await
    }

    /// Everything known about the fate of a message of ours.
    async fn why(&self, id: &str) -> Result<api::Message, Error> {
        let id = message_id(id)?;
        let look = move |actor: &mut Actor| {
            (
                actor.message(&id),
                actor.message_end(&id),
                Labels { names: actor.names(), links: Vec::new() },
            )
        };
        let (view, end, labels) = self.0.handle.ask(look).await?;
        match (view, end) {
            (Some(view), _) => Ok(labels.message(&view)),
            (None, Some(end)) => Ok(ended(id, end)),
            (None, None) => Err(command_error(mesh::CommandError::UnknownMessage)),
        }
    }

    /// The recipient's signed receipt for a message that was sent with the option `proof`.
    async fn proof(&self, id: &str) -> Result<Vec<u8>, Error> {
        let asked = message_id(id)?;
        let proof = self.0.handle.ask(move |actor| actor.proof(&asked)).await?;
        proof.ok_or_else(|| Error::UnknownMessage(format!("there is no proof for {id}")))
    }

    /// Our messages without a receipt.
    async fn queue(&self) -> Result<Vec<api::Message>, Error> {
        let look =
            |actor: &mut Actor| (actor.queue(), Labels { names: actor.names(), links: Vec::new() });
        let (queue, labels) = self.0.handle.ask(look).await?;
        Ok(queue.iter().map(|view| labels.message(view)).collect())
    }

    /// Stops trying to deliver a message.
    async fn cancel(&self, id: &str) -> Result<(), Error> {
        let id = message_id(id)?;
        self.command(Command::Cancel { id }).await
    }

    /// Measures one round trip inside an end-to-end session.
    async fn ping(&self, to: &str, options: api::PingOptions) -> Result<api::PingReply, Error> {
        ping::ping(&self.0, to, &options).await
    }

    /// Asks the node `ttl` hops along the route to `to` who it is.
    async fn trace_hop(&self, to: &str, ttl: u8, timeout_ms: u32) -> Result<api::TraceHop, Error> {
        ping::trace_hop(&self.0, to, ttl, timeout_ms).await
    }

    /// A message arrived; read it with `Inbox` and `after_seq`.
    #[zbus(signal)]
    pub(super) async fn message_received(
        emitter: &SignalEmitter<'_>,
        id: &str,
        from: &str,
        seq: u64,
    ) -> zbus::Result<()>;

    /// A message of ours changed its state.
    #[zbus(signal)]
    pub(super) async fn state_changed(
        emitter: &SignalEmitter<'_>,
        id: &str,
        state: &str,
    ) -> zbus::Result<()>;
}

impl Messages {
    async fn command(&self, command: Command) -> Result<(), Error> {
        self.0.command(command).await.map(|_| ())
    }
}

/// What is left to say about a message that the core has forgotten.
fn ended(id: mesh::MessageId, end: crate::actor::Final) -> api::Message {
    use crate::actor::Final;
    let state = match end {
        Final::Received => MessageState::Received,
        Final::Failed(_) => MessageState::Failed,
    };
    api::Message {
        id: id.to_string(),
        state: state.as_str().into(),
        waiting_for: mesh::view::WaitingFor::Nothing.as_str().into(),
        priority: convert::default_priority(),
        ..api::Message::default()
    }
}

/// Messages in one answer unless said otherwise.
const INBOX_LIMIT: u32 = 1_000;

/// Payload bytes in one answer: clients' buffers are theirs, the bus's limit is 128 MiB.
const INBOX_BYTES: usize = 4 << 20;
