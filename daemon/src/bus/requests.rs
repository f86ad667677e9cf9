//! `org.quicprochat.Requests1`.

use api::Error;
use mesh::{Address, Command};
use zbus::interface;

use super::{Context, convert};

/// Strangers' first messages.
#[derive(Debug)]
pub(super) struct Requests(pub(super) Context);

#[interface(name = "org.quicprochat.Requests1")]
impl Requests {
    /// Messages that wait for a decision, oldest first.
    async fn list(&self) -> Result<Vec<api::Request>, Error> {
        let requests = self.0.handle.ask(|actor| actor.requests()).await?;
        Ok(requests.into_iter().map(convert::request).collect())
    }

    /// Lets a stranger in (address, contact, or the id of a message that waits); what it sent
    /// moves to the inbox.
    async fn accept(&self, node: &str, options: api::RequestOptions) -> Result<(), Error> {
        let from = self.stranger(node).await?;
        self.command(Command::RequestAccept { from, name: options.name }).await
    }

    /// Drops what a node (address, contact, or the id of a message that waits) sent as a stranger
    /// and whatever it sends from now on; it is not told.
    async fn block(&self, node: &str) -> Result<(), Error> {
        let address = self.stranger(node).await?;
        self.command(Command::RequestBlock { address }).await
    }

    /// Ends a block (address or contact).
    async fn unblock(&self, node: &str) -> Result<(), Error> {
        let address = self.0.resolve(node).await?;
        self.command(Command::RequestUnblock { address }).await
    }

    /// Addresses of blocked nodes.
    async fn blocked(&self) -> Result<Vec<String>, Error> {
        let blocked = self.0.handle.ask(|actor| actor.blocked()).await?;
        Ok(blocked.iter().map(ToString::to_string).collect())
    }
}

impl Requests {
    /// The node that is meant: ids of messages and addresses look alike, so what waits is looked
    /// through first.
    async fn stranger(&self, node: &str) -> Result<Address, Error> {
        let asked = node.to_owned();
        let of_message = move |actor: &mut crate::actor::Actor| {
            let id: mesh::MessageId = asked.parse().ok()?;
            actor.requests().into_iter().find(|request| request.id == id).map(|r| r.from)
        };
        match self.0.handle.ask(of_message).await? {
            Some(from) => Ok(from),
            None => self.0.resolve(node).await,
        }
    }

    async fn command(&self, command: Command) -> Result<(), Error> {
        self.0.command(command).await.map(|_| ())
    }
}
