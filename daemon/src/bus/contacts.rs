//! `org.quicprochat.Contacts1`.

use api::Error;
use mesh::{Address, Command, lite::SharedSecret};
use zbus::interface;

use super::{Context, convert};

/// Pinned nodes.
#[derive(Debug)]
pub(super) struct Contacts(pub(super) Context);

#[interface(name = "org.quicprochat.Contacts1")]
impl Contacts {
    /// Pins a node under a petname.
    async fn add(
        &self,
        name: &str,
        address: &str,
        options: api::ContactOptions,
    ) -> Result<(), Error> {
        let address: Address = address.parse().map_err(|_| {
            Error::InvalidAddress(format!("{address:?} is no address; 32 hexadecimal digits are"))
        })?;
        let root_key = options.root_key.as_deref().map(convert::key_from_hex).transpose()?;
        self.command(Command::ContactAdd { name: name.to_owned(), address, root_key }).await
    }

    /// All contacts.
    async fn list(&self) -> Result<Vec<api::Contact>, Error> {
        let contacts = self.0.handle.ask(|actor| actor.contacts()).await?;
        Ok(contacts.into_iter().map(convert::contact).collect())
    }

    /// Forgets a contact (address or name).
    async fn remove(&self, contact: &str) -> Result<(), Error> {
        let address = self.0.resolve(contact).await?;
        self.command(Command::ContactRemove { address }).await
    }

    /// Gives a contact (address or name) another petname.
    async fn rename(&self, contact: &str, name: &str) -> Result<(), Error> {
        let address = self.0.resolve(contact).await?;
        self.command(Command::ContactRename { address, name: name.to_owned() }).await
    }

    /// Accepts the changed root key of a contact (address or name).
    async fn trust(&self, contact: &str) -> Result<(), Error> {
        let address = self.0.resolve(contact).await?;
        self.command(Command::ContactTrust { address }).await
    }

    /// Takes in a secret that its user and ours agreed on, 16 to 1,024 bytes: over slow ways
    /// messages need no first contact then.
    async fn set_secret(&self, contact: &str, secret: Vec<u8>) -> Result<(), Error> {
        let secret = SharedSecret::new(secret).ok_or_else(|| {
            Error::InvalidArgument("a shared secret has 16 to 1,024 bytes".into())
        })?;
        let address = self.0.resolve(contact).await?;
        self.command(Command::ContactSecret { address, secret }).await
    }
}

impl Contacts {
    async fn command(&self, command: Command) -> Result<(), Error> {
        self.0.command(command).await.map(|_| ())
    }
}
