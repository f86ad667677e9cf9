//! `org.quicprochat.Discovery1`.

use api::Error;
use zbus::interface;

use super::{Context, convert};

/// Neighbours on the local network.
#[derive(Debug)]
pub(super) struct Discovery(pub(super) Context);

#[interface(name = "org.quicprochat.Discovery1")]
impl Discovery {
    /// How neighbours are looked for, and who was found.
    async fn state(&self) -> Result<api::Discovery, Error> {
        let numbers = self.0.handle.ask(|actor| actor.discovery()).await?;
        Ok(convert::discovery(numbers))
    }
}
