//! `web` (`CLI-150`).

use super::as_document;
use crate::{
    client::Client,
    failure::{Exit, Stop},
    show::{Console, json},
};
use api::AppointmentsProxy;

/// `qpc web`
pub(super) async fn web(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let fapp = client.ask(async { Ok(AppointmentsProxy::new(client.connection()).await?) }).await?;
    let url = client.ask(fapp.page()).await?;
    if as_document(console, || json::WebPage { url: url.clone() })? {
        return Ok(Exit::Ok);
    }
    console.line(format_args!("{url}"))?;
    console.note(format_args!(
        "Open it in a browser on this machine. Whoever has this address acts as you: do not pass it on."
    ));
    Ok(Exit::Ok)
}
