//! `org.quicprochat.Routes1`.

use api::Error;
use mesh::{Address, Command};
use zbus::interface;

use super::{
    Context,
    convert::{self, Labels},
};

/// Known destinations.
#[derive(Debug)]
pub(super) struct Routes(pub(super) Context);

#[interface(name = "org.quicprochat.Routes1")]
impl Routes {
    /// Routes in the order of their addresses.
    async fn list(&self, options: api::RouteOptions) -> Result<Vec<api::Route>, Error> {
        let only = match &options.address {
            Some(text) => Some(self.0.resolve(text).await?),
            None => None,
        };
        let after = options.after.as_deref().map(address).transpose()?;
        let limit = options.limit.unwrap_or(LIMIT) as usize;
        let (routes, labels) = self
            .0
            .handle
            .ask(move |actor| {
                let routes = match only {
                    Some(address) => actor.route(&address).into_iter().collect(),
                    None => actor.routes(after, limit),
                };
                (routes, Labels { names: actor.names(), links: actor.link_rows() })
            })
            .await?;
        Ok(routes.iter().map(|view| labels.route(view)).collect())
    }

    /// Asks the neighbours for a route to `to` (address or contact) now.
    async fn find(&self, to: &str) -> Result<(), Error> {
        let to = self.0.resolve(to).await?;
        let found =
            self.0.handle.ask(move |actor| actor.command(Command::FindRoute { to })).await?;
        found.map(|_| ()).map_err(convert::command_error)
    }
}

fn address(text: &str) -> Result<Address, Error> {
    text.parse().map_err(|_| Error::InvalidAddress(format!("{text:?} is no address")))
}

/// Routes in one answer unless said otherwise: some 2 MB.
const LIMIT: u32 = 10_000;
