//! From what happens to signals: one task a connection. A client that does not read holds up its
//! own task only; when it falls too far behind it loses signals, and that is counted (`API-09`).

use std::collections::BTreeMap;

use tokio::sync::broadcast::error::RecvError;
use zbus::{Connection, object_server::SignalEmitter};

use super::{
    Context,
    channels::Channels,
    convert::{self, Labels},
    events::Events,
    messages::Messages,
    objects::{Link, Peer},
};
use crate::actor::{Happening, LinkRow, What};

/// Objects that a connection serves now.
#[derive(Default)]
struct Objects {
    peers: BTreeMap<String, api::Peer>,
    links: BTreeMap<String, LinkRow>,
}

/// Puts neighbours and links into a connection's object tree and tells the client what happens,
/// until it leaves or the daemon ends.
pub(super) async fn forward(connection: &Connection, context: &Context) -> zbus::Result<()> {
    let mut happenings = context.handle.listen();
    let mut objects = Objects::default();
    objects.follow(connection, context).await?;
    loop {
        let happening = tokio::select! {
            () = connection.closed() => return Ok(()),
            happening = happenings.recv() => happening,
        };
        match happening {
            Ok(happening) => tell(connection, context, &mut objects, &happening).await?,
            Err(RecvError::Lagged(count)) => {
                context.shared.count_dropped_signals(count);
                objects.follow(connection, context).await?;
            }
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

async fn tell(
    connection: &Connection,
    context: &Context,
    objects: &mut Objects,
    happening: &Happening,
) -> zbus::Result<()> {
    let emitter = SignalEmitter::new(connection, api::PATH)?;
    match &happening.what {
        What::Accepted(id) => Messages::state_changed(&emitter, &id.to_string(), "accepted").await,
        What::InCustody(id, _) => {
            Messages::state_changed(&emitter, &id.to_string(), "in-custody").await
        }
        What::Received(id, _) => {
            Messages::state_changed(&emitter, &id.to_string(), "received").await
        }
        What::Failed(id, _) => Messages::state_changed(&emitter, &id.to_string(), "failed").await,
        What::Message(id, from, seq) => {
            Messages::message_received(&emitter, &id.to_string(), &from.to_string(), *seq).await
        }
        What::Channel(message) => {
            Channels::published(&emitter, convert::channel_message(message)).await
        }
        What::PeerUp(..) | What::PeerDown(..) | What::Path(..) | What::Links => {
            objects.follow(connection, context).await
        }
        What::Storage(_) => {
            let daemon =
                connection.object_server().interface::<_, super::daemon::Daemon>(api::PATH);
            daemon.await?.get().await.storage_changed(&emitter).await
        }
        #[cfg(feature = "appointments")]
        What::Alert(hit) => super::alerts::tell(&emitter, hit).await,
        What::Proven(_)
        | What::ChannelProven(..)
        | What::ChannelWithdrawn(..)
        | What::Route(..)
        | What::KeyChanged(_)
        | What::InviteUsed(..)
        | What::InviteAnswered(..)
        | What::Request(..)
        | What::ClockSkew(_)
        | What::Config => Ok(()),
    }?;
    let entry = convert::event(happening);
    Events::event(&emitter, &entry.kind.clone(), entry).await
}

impl Objects {
    /// Makes the object tree agree with the actor.
    async fn follow(&mut self, connection: &Connection, context: &Context) -> zbus::Result<()> {
        let Some((peers, links)) = look(context).await else { return Ok(()) };
        let server = connection.object_server();
        for id in self.peers.keys().filter(|id| !peers.contains_key(*id)) {
            server.remove::<Peer, _>(format!("{}/{id}", api::PEERS_PATH)).await?;
        }
        for id in self.links.keys().filter(|id| !links.contains_key(*id)) {
            server.remove::<Link, _>(format!("{}/{id}", api::LINKS_PATH)).await?;
        }
        for (id, peer) in &peers {
            let path = format!("{}/{id}", api::PEERS_PATH);
            match self.peers.get(id) {
                None => {
                    server.at(path, Peer(peer.clone())).await?;
                }
                Some(before) => update_peer(connection, path, before, peer).await?,
            }
        }
        for (id, row) in &links {
            let path = format!("{}/{id}", api::LINKS_PATH);
            match self.links.get(id) {
                None => {
                    server.at(path, Link(row.clone())).await?;
                }
                Some(before) => update_link(connection, path, before, row).await?,
            }
        }
        self.peers = peers;
        self.links = links;
        Ok(())
    }
}

async fn update_peer(
    connection: &Connection,
    path: String,
    before: &api::Peer,
    peer: &api::Peer,
) -> zbus::Result<()> {
    let interface = connection.object_server().interface::<_, Peer>(path).await?;
    interface.get_mut().await.0 = peer.clone();
    let emitter = interface.signal_emitter();
    if before.link != peer.link {
        interface.get().await.link_changed(emitter).await?;
    }
    if before.name != peer.name {
        interface.get().await.name_changed(emitter).await?;
    }
    Ok(())
}

async fn update_link(
    connection: &Connection,
    path: String,
    before: &LinkRow,
    row: &LinkRow,
) -> zbus::Result<()> {
    let interface = connection.object_server().interface::<_, Link>(path).await?;
    interface.get_mut().await.0 = row.clone();
    let emitter = interface.signal_emitter();
    if before.state != row.state {
        interface.get().await.state_changed(emitter).await?;
    }
    if before.peer != row.peer {
        interface.get().await.peer_changed(emitter).await?;
    }
    if before.path != row.path {
        interface.get().await.path_changed(emitter).await?;
    }
    if before.error != row.error {
        interface.get().await.error_changed(emitter).await?;
    }
    Ok(())
}

type Seen = (BTreeMap<String, api::Peer>, BTreeMap<String, LinkRow>);

async fn look(context: &Context) -> Option<Seen> {
    let (peers, names, links) =
        context.handle.ask(|actor| (actor.peers(), actor.names(), actor.link_rows())).await.ok()?;
    let labels = Labels { names, links };
    let peers = peers.iter().map(|view| (view.address.to_string(), labels.peer(view))).collect();
    let links = labels.links.into_iter().map(|row| (row.id.clone(), row)).collect();
    Some((peers, links))
}
