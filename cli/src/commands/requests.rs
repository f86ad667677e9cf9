//! `requests` (`CLI-88`).

use api::{RequestOptions, RequestsProxy};

use super::{
    done,
    inbox::{INDENT, body},
};
use crate::{
    args,
    client::Client,
    failure::{Exit, Stop},
    show::{Console, Paint, json, text},
};

/// `qpc requests`
pub(super) async fn run(
    client: &Client,
    command: Option<&args::Requests>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let connection = client.connection().clone();
    let requests = client.ask(async { Ok(RequestsProxy::new(&connection).await?) }).await?;
    match command {
        None | Some(args::Requests::List) => {
            let waiting = client.ask(requests.list()).await?;
            let blocked = client.ask(requests.blocked()).await?;
            list(&waiting, blocked, console)
        }
        Some(args::Requests::Accept { node, name }) => {
            let node = node.to_string();
            let options = RequestOptions { name: name.clone() };
            client.ask(requests.accept(&node, options)).await?;
            done(console, format!("{} is let in", text::one_line(&node)))
        }
        Some(args::Requests::Block { node }) => {
            let node = node.to_string();
            client.ask(requests.block(&node)).await?;
            done(console, format!("{} is blocked", text::one_line(&node)))
        }
        Some(args::Requests::Unblock { node }) => {
            let node = node.to_string();
            client.ask(requests.unblock(&node)).await?;
            done(console, format!("{} is blocked no longer", text::one_line(&node)))
        }
    }
}

fn list(
    requests: &[api::Request],
    blocked: Vec<String>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    if console.json() {
        let requests = requests.iter().map(Into::into).collect();
        console.document(&json::Document::from(json::Requests { requests, blocked }))?;
        return Ok(Exit::Ok);
    }
    for request in requests {
        let when = request
            .received_at
            .map_or_else(|| "at an unknown time".to_owned(), |at| text::Utc(at).to_string());
        let from = console.paint(Paint::Strong, &request.from).to_string();
        let id = console.paint(Paint::Faint, &request.id).to_string();
        console.line(format_args!("{when}  {from}  {id}"))?;
        console.line(format_args!("{INDENT}{}", body(&request.payload)))?;
    }
    for address in blocked {
        console.line(format_args!("{} {address}", console.paint(Paint::Bad, "blocked")))?;
    }
    if requests.is_empty() {
        console.note(format_args!("Nothing waits for a decision."));
    }
    Ok(Exit::Ok)
}
