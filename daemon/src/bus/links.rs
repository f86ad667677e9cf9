//! `org.quicprochat.Links1`.

use api::Error;
use zbus::interface;

use super::{Context, convert};
use crate::actor::LinkError;

/// Links.
#[derive(Debug)]
pub(super) struct Links(pub(super) Context);

#[interface(name = "org.quicprochat.Links1")]
impl Links {
    /// All links: listeners, dialled and accepted ones.
    async fn list(&self) -> Result<Vec<api::Link>, Error> {
        let rows = self.0.handle.ask(|actor| actor.link_rows()).await?;
        Ok(rows.iter().map(convert::link).collect())
    }

    /// Adds a link, `tcp://HOST:PORT` or `iroh://ENDPOINT?addr=IP:PORT&relay=URL`, or a modem,
    /// `rnode:///dev/serial/by-id/NAME?region=EU868`, and keeps it over restarts; returns its id.
    /// A link that cannot be opened now is tried again.
    async fn add(&self, uri: &str) -> Result<String, Error> {
        let asked = uri.to_owned();
        let added = self.0.handle.ask(move |actor| actor.add_link(&asked)).await?;
        added.map_err(|error| link_error(error, uri))
    }

    /// Closes a link and forgets it.
    async fn remove(&self, id: &str) -> Result<(), Error> {
        let asked = id.to_owned();
        let removed = self.0.handle.ask(move |actor| actor.remove_link(&asked)).await?;
        removed.map_err(|error| link_error(error, id))
    }

    /// Dials `tcp://HOST:PORT` or `iroh://ENDPOINT?addr=IP:PORT&relay=URL` once and shakes hands,
    /// without making a link. Takes 25 seconds at most.
    async fn probe(&self, uri: &str) -> Result<api::Probe, Error> {
        let asked = uri.to_owned();
        let probe = self.0.handle.ask(move |actor| actor.probe(&asked)).await?;
        let probe = probe.map_err(|error| Error::LinkInvalid(format!("{uri}: {error}")))?;
        Ok(convert::probe(probe.await))
    }
}

fn link_error(error: LinkError, text: &str) -> Error {
    match error {
        LinkError::Add(error) => Error::LinkInvalid(format!("{text}: {error}")),
        LinkError::Unknown => Error::UnknownLink(format!("there is no link {text:?}")),
        LinkError::Keep(error) => {
            Error::StorageFailed(format!("the link is there, but cannot be kept: {error}"))
        }
    }
}
