//! `mesh graph` (`CLI-38`).

use std::path::Path;

use api::{DaemonProxy, PeersProxy};

use super::{as_document, links};
use crate::{
    client::Client,
    failure::{Exit, Failure, Stop},
    graph,
    show::Console,
};

/// `qpc mesh graph`
pub(super) async fn graph(
    client: &Client,
    output: Option<&Path>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let own = client.ask(async { DaemonProxy::new(client.connection()).await?.status().await });
    let own = own.await?;
    let peers = client.ask(async { PeersProxy::new(client.connection()).await?.list().await });
    let peers = peers.await?;
    let routes = links::all_routes(client, None).await?;
    let graph = graph::topology(&own, &peers, &routes);
    let picture = graph::draw(&graph);
    if let Some(file) = output {
        std::fs::write(file, &picture).map_err(|error| {
            Failure::failed(format!("{} cannot be written: {error}", file.display()))
                .hint("Choose another place")
        })?;
        console.note(format_args!("Wrote {}.", file.display()));
    }
    if !as_document(console, || graph)? && output.is_none() {
        console.bytes(picture.as_bytes())?;
    }
    Ok(Exit::Ok)
}
