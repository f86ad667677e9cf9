//! `org.quicprochat.Peers1`.

use api::Error;
use zbus::interface;

use super::{Context, convert::Labels};

/// Neighbours.
#[derive(Debug)]
pub(super) struct Peers(pub(super) Context);

#[interface(name = "org.quicprochat.Peers1")]
impl Peers {
    /// All neighbours on live links.
    async fn list(&self) -> Result<Vec<api::Peer>, Error> {
        let look = |actor: &mut crate::actor::Actor| {
            (actor.peers(), Labels { names: actor.names(), links: actor.link_rows() })
        };
        let (peers, labels) = self.0.handle.ask(look).await?;
        Ok(peers.iter().map(|view| labels.peer(view)).collect())
    }
}
