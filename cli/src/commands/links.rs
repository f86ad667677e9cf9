//! `peers`, `routes`, `links` (`CLI-22` to `CLI-24`).

use api::{EventsProxy, LinksProxy, PeersProxy, RouteOptions, RoutesProxy};

use super::{airtime, as_document, done};
use crate::{
    args::{self, ContactRef},
    client::{self, Client},
    failure::{Exit, Failure, Stop},
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text,
    },
};

/// `qpc peers`
pub(super) async fn peers(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let peers = client.ask(async { PeersProxy::new(client.connection()).await?.list().await });
    let peers: Vec<json::Peer> = peers.await?.into_iter().map(Into::into).collect();
    if console.json() {
        console.document(&json::Document::from(json::Peers { peers }))?;
        return Ok(Exit::Ok);
    }
    if peers.is_empty() {
        console.note(format_args!("No peers. Connect to one with qpc links add tcp://HOST:PORT."));
    }
    peer_table(&peers).show(console)?;
    Ok(Exit::Ok)
}

fn peer_table(peers: &[json::Peer]) -> Table<6> {
    let mut table = Table::new(["ADDRESS", "NAME", "LINK", "ROUND TRIP", "UP", "IN / OUT"]);
    for peer in peers {
        table.row([
            peer.address.as_str().into(),
            name(peer.name.as_deref()),
            way(&peer.medium, peer.path.as_deref()).into(),
            Cell::number(peer.rtt_ms.map_or_else(String::new, text::milliseconds)),
            Cell::number(text::span(peer.up_s as f64)),
            Cell::number(format!(
                "{} / {}",
                text::bytes(peer.rx_bytes),
                text::bytes(peer.tx_bytes)
            )),
        ]);
    }
    table
}

/// `qpc peers -w`: the list, and again after every change, until interrupted.
pub(super) async fn watch_peers(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let signals = client.signals().await?;
    let events = client.ask(async { Ok(EventsProxy::new(&signals).await?) }).await?;
    let mut changes = client.ask(async { Ok(events.receive_event().await?) }).await?;
    loop {
        if console.is_terminal() && !console.json() {
            console.bytes(CLEAR)?;
        }
        // The deadline bounds one look, not the watching.
        peers(&client.renewed(), console).await?;
        console.flush()?;
        loop {
            let change = client::next(&mut changes).await?;
            let kind = change.args().map(|args| args.kind.to_owned()).unwrap_or_default();
            if matches!(kind.as_str(), "peer-up" | "peer-down" | "path") {
                break;
            }
        }
    }
}

/// `qpc routes`
pub(super) async fn routes(
    client: &Client,
    only: Option<&ContactRef>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let routes = all_routes(client, only).await?;
    if let (Some(address), true) = (only, routes.is_empty()) {
        return Err(Failure::failed(format!("no route to {address} is known"))
            .hint("A message sent there waits until one appears")
            .into());
    }
    let routes: Vec<json::Route> = routes.into_iter().map(Into::into).collect();
    if console.json() {
        console.document(&json::Document::from(json::Routes { routes }))?;
        return Ok(Exit::Ok);
    }
    if routes.is_empty() {
        console.note(format_args!("No routes."));
    }
    route_table(&routes).show(console)?;
    Ok(Exit::Ok)
}

/// All routes, page by page; or the one to a node, if there is one.
pub(super) async fn all_routes(
    client: &Client,
    only: Option<&ContactRef>,
) -> Result<Vec<api::Route>, Failure> {
    let proxy = client.ask(async { Ok(RoutesProxy::new(client.connection()).await?) }).await?;
    let mut routes: Vec<api::Route> = Vec::new();
    loop {
        let options = RouteOptions {
            address: only.map(ToString::to_string),
            after: routes.last().map(|route| route.address.clone()),
            limit: None,
        };
        let page = client.ask(proxy.list(options)).await?;
        let complete = only.is_some() || page.is_empty();
        routes.extend(page);
        if complete {
            return Ok(routes);
        }
    }
}

fn route_table(routes: &[json::Route]) -> Table<7> {
    let mut table = Table::new(["ADDRESS", "NAME", "HOPS", "COST", "NEXT HOP", "AGE", "PROVEN"]);
    for route in routes {
        table.row([
            route.address.as_str().into(),
            name(route.name.as_deref()),
            Cell::number(route.hops.to_string()),
            Cell::number(route.cost.to_string()),
            route.next_hop.as_str().into(),
            Cell::number(text::span(route.age_s as f64)),
            if route.proven { Cell::painted(Paint::Good, "yes") } else { "no".into() },
        ]);
    }
    table
}

/// `qpc links`
pub(super) async fn run(
    client: &Client,
    command: &args::Links,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let links = client.ask(async { Ok(LinksProxy::new(client.connection()).await?) }).await?;
    match command {
        args::Links::List => {
            let links = client.ask(links.list()).await?;
            let has_radio = links.iter().any(|link| link.direction == "radio");
            let radios = if has_radio { airtime::radios(client).await } else { Vec::new() };
            list(links, &radios, console)
        }
        args::Links::Add { uri } => {
            client.ask(links.add(uri.as_str())).await?;
            done(console, format!("Added {}", uri.as_str()))
        }
        args::Links::Remove { link } => {
            let id = find(&client.ask(links.list()).await?, link)?;
            client.ask(links.remove(&id)).await?;
            done(console, format!("Removed {link}"))
        }
    }
}

/// The id of the link with this id or URI. A modem's URI has all its settings in it, whatever it was
/// added with: the place is enough.
fn find(links: &[api::Link], wanted: &str) -> Result<String, Failure> {
    let place = |uri: &str| uri.split('?').next().unwrap_or_default().to_owned();
    let is_modem = wanted.starts_with("rnode://");
    links
        .iter()
        .find(|link| {
            link.id == wanted
                || link.uri == wanted
                || (is_modem && place(&link.uri) == place(wanted))
        })
        .map(|link| link.id.clone())
        .ok_or_else(|| {
            Failure::failed(format!("there is no link {wanted}"))
                .hint("qpc links list shows the links")
        })
}

fn list(links: Vec<api::Link>, radios: &[api::Radio], console: &mut Console) -> Result<Exit, Stop> {
    let links: Vec<json::Link> = links.into_iter().map(Into::into).collect();
    let mut table = Table::new(["LINK", "STATE", "DIRECTION", "PATH", "PEER", "REMARK"]);
    for link in &links {
        table.row([
            text::one_line(&link.uri).into(),
            state(&link.state),
            link.direction.as_str().into(),
            link.path.as_deref().map(text::one_line).unwrap_or_default().into(),
            link.peer.as_deref().unwrap_or_default().into(),
            remark(link, radios).into(),
        ]);
    }
    if !as_document(console, || json::Links { links })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

fn state(state: &str) -> Cell {
    match state {
        "up" | "listening" => Cell::painted(Paint::Good, state),
        "standby" => state.into(),
        _ => Cell::painted(Paint::Warn, text::one_line(state)),
    }
}

/// The medium, and that it goes through a relay when it does.
fn way(medium: &str, path: Option<&str>) -> String {
    let medium = text::one_line(medium);
    if path == Some("relayed") { format!("{medium}, relayed") } else { medium }
}

fn remark(link: &json::Link, radios: &[api::Radio]) -> String {
    let silent = radios.iter().find(|radio| radio.id == link.id).and_then(airtime::silence);
    let error = link.error.as_deref().map(text::one_line);
    let again = link.retry_in_s.map(|wait_s| format!("next try in {}", text::span(wait_s)));
    [error, again, silent].into_iter().flatten().collect::<Vec<_>>().join("; ")
}

fn name(name: Option<&str>) -> Cell {
    name.map(text::one_line).unwrap_or_default().into()
}

/// Moves to the top left corner and erases what is below.
const CLEAR: &[u8] = b"\x1b[H\x1b[J";
