//! `org.quicprochat.Channels1`.

use api::Error;
use mesh::{Command, Outcome, channel::ChannelId};
use zbus::{interface, object_server::SignalEmitter};

use super::{
    Context,
    convert::{self, Labels},
};

/// Broadcast channels.
#[derive(Debug)]
pub(super) struct Channels(pub(super) Context);

#[interface(name = "org.quicprochat.Channels1")]
impl Channels {
    /// Creates a channel and joins it; returns its id and the invite.
    #[zbus(out_args("channel", "invite"))]
    async fn create(&self, name: &str) -> Result<(String, String), Error> {
        let name = name.to_owned();
        match self.0.command(Command::ChannelCreate { name }).await? {
            Outcome::Channel { id, invite } => Ok((id.to_string(), invite)),
            _ => Ok(Default::default()),
        }
    }

    /// Joins the channel of an invite; returns its id.
    async fn join(&self, invite: &str) -> Result<String, Error> {
        let invite = invite.to_owned();
        match self.0.command(Command::ChannelJoin { invite }).await? {
            Outcome::Channel { id, .. } => Ok(id.to_string()),
            _ => Ok(String::new()),
        }
    }

    /// Leaves a channel (id or name); its key and history are erased here.
    async fn leave(&self, channel: &str) -> Result<(), Error> {
        let channel = self.resolve(channel).await?;
        self.0.command(Command::ChannelLeave { channel }).await.map(|_| ())
    }

    /// Joined channels.
    async fn list(&self) -> Result<Vec<api::Channel>, Error> {
        let channels = self.0.handle.ask(|actor| actor.channels()).await?;
        Ok(channels.into_iter().map(convert::channel).collect())
    }

    /// Publishes to all members of a channel (id or name); returns the message's id.
    async fn publish(&self, channel: &str, payload: Vec<u8>) -> Result<String, Error> {
        let channel = self.resolve(channel).await?;
        match self.0.command(Command::ChannelPublish { channel, payload }).await? {
            Outcome::Message(id) => Ok(id.to_string()),
            _ => Ok(String::new()),
        }
    }

    /// Kept messages of a channel (id or name), oldest first.
    async fn history(
        &self,
        channel: &str,
        options: api::HistoryOptions,
    ) -> Result<Vec<api::ChannelMessage>, Error> {
        let channel = self.resolve(channel).await?;
        let limit = options.limit.unwrap_or(HISTORY_LIMIT) as usize;
        let (history, labels) = self
            .0
            .handle
            .ask(move |actor| {
                let labels = Labels { names: actor.names(), links: Vec::new() };
                (actor.history(channel, limit), labels)
            })
            .await?;
        Ok(history.iter().map(|message| labels.channel_message(message)).collect())
    }

    /// A message was published that was not shown before.
    #[zbus(signal)]
    pub(super) async fn published(
        emitter: &SignalEmitter<'_>,
        message: api::ChannelMessage,
    ) -> zbus::Result<()>;
}

impl Channels {
    async fn resolve(&self, text: &str) -> Result<ChannelId, Error> {
        let asked = text.to_owned();
        let found = self.0.handle.ask(move |actor| actor.resolve_channel(&asked)).await?;
        found.ok_or_else(|| {
            Error::UnknownChannel(format!("{text:?} is no channel that this node has joined"))
        })
    }
}

/// Messages in one answer unless said otherwise.
const HISTORY_LIMIT: u32 = 1_000;
