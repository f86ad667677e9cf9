//! `probe`: identity → discovery → path → link → round trip, each with its reason (`CLI-45`).

use api::{
    ContactsProxy, DaemonProxy, DiscoveryProxy, LinksProxy, MessagesProxy, PeersProxy, PingOptions,
};
use zbus::proxy::CacheProperties;

use super::{as_document, links::all_routes};
use crate::{
    args::ContactRef,
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{
        Console, Paint,
        json::{self, Stage},
        text::{counted, milliseconds, one_line, span},
    },
};

/// The stages in their order.
const STAGES: [&str; 5] = ["identity", "discovery", "path", "link", "round-trip"];

/// `qpc probe`
pub(super) async fn probe(
    client: &Client,
    target: &str,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let mut probe = Stages { console, done: Vec::new() };
    match target.contains("://") {
        true => address(client, target, &mut probe).await?,
        false => node(client, target, &mut probe).await?,
    }
    let stages = probe.finish()?;
    let ok = stages.iter().all(|stage| stage.ok == Some(true));
    let failed = stages.iter().find(|stage| stage.ok == Some(false)).cloned();
    as_document(console, || json::Probe { target: target.to_owned(), ok, stages })?;
    match failed {
        None => Ok(Exit::Ok),
        Some(stage) => {
            let error = format!("{}: {}", stage.stage, stage.detail);
            let failure = Failure::failed(error);
            Err(match stage.hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
            .into())
        }
    }
}

/// What was found so far; shown as it comes.
struct Stages<'a> {
    console: &'a mut Console,
    done: Vec<Stage>,
}

impl Stages<'_> {
    fn ok(&mut self, detail: String) -> Result<(), Stop> {
        self.add(Some(true), detail, None)
    }

    fn failed(&mut self, detail: impl Into<String>, hint: impl Into<String>) -> Result<(), Stop> {
        self.add(Some(false), detail.into(), Some(hint.into()))
    }

    fn add(&mut self, ok: Option<bool>, detail: String, hint: Option<String>) -> Result<(), Stop> {
        let stage = Stage { stage: STAGES[self.done.len()], ok, detail, hint };
        if !self.console.json() {
            let (paint, word) = match ok {
                Some(true) => (Paint::Good, "ok"),
                Some(false) => (Paint::Bad, "failed"),
                None => (Paint::Faint, "not tried"),
            };
            let word = self.console.paint(paint, format_args!("{word:<9}")).to_string();
            self.console.line(format_args!("{:<11}{word}  {}", stage.stage, stage.detail))?;
            self.console.flush()?;
        }
        self.done.push(stage);
        Ok(())
    }

    /// The stages that were not reached are unknown.
    fn finish(mut self) -> Result<Vec<Stage>, Stop> {
        while self.done.len() < STAGES.len() {
            self.add(None, "an earlier stage failed".into(), None)?;
        }
        Ok(self.done)
    }
}

/// Probes a node of the mesh.
async fn node(client: &Client, target: &str, stages: &mut Stages<'_>) -> Result<(), Stop> {
    let Some(address) = identity(client, target, stages).await? else { return Ok(()) };
    if !discovery(client, stages).await? {
        return Ok(());
    }
    let only: ContactRef = address.parse().map_err(Failure::usage)?;
    let routes = all_routes(client, Some(&only)).await?;
    let Some(route) = routes.into_iter().next() else {
        let hint = "It may be off, or behind nodes that this one has no link to; a message sent \
                    there waits until a way appears";
        return stages.failed("no neighbour knows a way there", hint);
    };
    let proven =
        if route.proven { "receipts came back on it" } else { "not proven by a receipt yet" };
    let hops = counted(route.hops.into(), "hop");
    let via =
        if route.next_hop == address { "direct".into() } else { format!("via {}", route.next_hop) };
    stages.ok(format!("{hops}, {via}, announced {} ago, {proven}", span(route.age_s as f64)))?;
    if link(client, &route, stages).await? {
        round_trip(client, &address, stages).await?;
    }
    Ok(())
}

/// Whom the target means; `None` when that is not clear.
async fn identity(
    client: &Client,
    target: &str,
    stages: &mut Stages<'_>,
) -> Result<Option<String>, Stop> {
    let builder = DaemonProxy::builder(client.connection()).cache_properties(CacheProperties::No);
    let daemon = client.ask(async { Ok(builder.build().await?) }).await?;
    let own = client.ask(daemon.address()).await?;
    let contacts = client.ask(async { Ok(ContactsProxy::new(client.connection()).await?) }).await?;
    let contacts = client.ask(contacts.list()).await?;
    let contact = contacts.iter().find(|c| c.address == target || c.name == target);
    let address = match (contact, target.parse()) {
        (Some(contact), _) => contact.address.clone(),
        (None, Ok(ContactRef::Address(address))) => address.to_string(),
        _ => {
            let hint = "qpc contacts list shows the names; an address has 32 hexadecimal digits";
            stages.failed(format!("no contact is called {}", one_line(target)), hint)?;
            return Ok(None);
        }
    };
    if address == own {
        stages.failed("that is this node itself", "Probe another node")?;
        return Ok(None);
    }
    match contact {
        Some(contact) if contact.key_changed => {
            let hint = format!("Ask them why; then qpc contacts trust {}", one_line(&contact.name));
            stages.failed("the contact shows another root key than the one pinned", hint)?;
            return Ok(None);
        }
        Some(contact) => {
            let pinned = if contact.root_key.is_some() { "key pinned" } else { "key not seen yet" };
            stages.ok(format!("contact {}, {pinned}", one_line(&contact.name)))?;
        }
        None => stages.ok("no contact: the first key seen is taken".into())?,
    }
    Ok(Some(address))
}

/// Whether this node has found anybody at all.
async fn discovery(client: &Client, stages: &mut Stages<'_>) -> Result<bool, Stop> {
    let peers = client.ask(async { PeersProxy::new(client.connection()).await?.list().await });
    let peers = peers.await?;
    let state = client.ask(async { DiscoveryProxy::new(client.connection()).await?.state().await });
    let state = state.await?;
    let found = state.found.len() as u64;
    if !peers.is_empty() {
        let neighbours = counted(peers.len() as u64, "neighbour");
        stages.ok(format!("{neighbours}, {found} found on the local network"))?;
        return Ok(true);
    }
    let (why, hint) = match found {
        0 => (
            "this node has no neighbours, and found nobody".to_owned(),
            "qpc netcheck shows how it looks; qpc links add tcp://HOST:PORT connects to somebody",
        ),
        _ => (
            format!("this node found {found} on the local network, but no link came up"),
            "qpc netcheck shows why; with another network key nobody becomes a neighbour",
        ),
    };
    stages.failed(why, hint)?;
    Ok(false)
}

/// Whether the link that the route leads over works.
async fn link(client: &Client, route: &api::Route, stages: &mut Stages<'_>) -> Result<bool, Stop> {
    let links = client.ask(async { LinksProxy::new(client.connection()).await?.list().await });
    let links = links.await?;
    let peers = client.ask(async { PeersProxy::new(client.connection()).await?.list().await });
    let peers = peers.await?;
    let Some(row) = links.iter().find(|row| row.id == route.link) else {
        let why = format!("link {} has gone in the meantime", one_line(&route.link));
        stages.failed(why, "Probe again; the route will follow")?;
        return Ok(false);
    };
    let uri = one_line(&row.uri);
    if row.state != "up" {
        let error = row.error.as_deref().map_or_else(|| row.state.clone(), one_line);
        stages.failed(
            format!("link {} to {uri}: {error}", row.id),
            "qpc links list shows when it is tried again",
        )?;
        return Ok(false);
    }
    let peer = peers.iter().find(|peer| peer.link == row.id);
    let medium = peer.map_or_else(String::new, |peer| format!("{}, ", one_line(&peer.medium)));
    let rtt = peer.and_then(|peer| peer.rtt_us).map(json::from_us);
    let rtt = rtt.map_or_else(String::new, |rtt| format!(", {}", milliseconds(rtt)));
    let up = peer.map_or_else(String::new, |peer| format!(", up {}", span(peer.up_s as f64)));
    stages.ok(format!("link {} to {uri}, {medium}{}{up}{rtt}", row.id, row.origin))?;
    Ok(true)
}

/// Whether the node itself answers.
async fn round_trip(client: &Client, address: &str, stages: &mut Stages<'_>) -> Result<(), Stop> {
    let messages = client.ask(async { Ok(MessagesProxy::new(client.connection()).await?) }).await?;
    let options = PingOptions { timeout_ms: Some(ANSWER_MS), payload_len: Some(0) };
    let patient = client.waiting(std::time::Duration::from_millis(ANSWER_MS.into()));
    match patient.ask(messages.ping(address, options)).await {
        Ok(reply) => {
            let rtt = milliseconds(json::from_us(reply.rtt_us));
            stages.ok(format!("answered in {rtt} through an end-to-end session"))
        }
        Err(failure) if failure.exit == Exit::TimedOut => {
            let hint = "qpc trace shows how far the way leads; it may answer contacts only \
                        (mesh.diagnostics)";
            stages.failed(format!("no answer within {} s", ANSWER_MS / 1_000), hint)
        }
        Err(failure) => Err(failure.into()),
    }
}

/// Probes a place: whoever listens there need not be known.
async fn address(client: &Client, uri: &str, stages: &mut Stages<'_>) -> Result<(), Stop> {
    let links = client.ask(async { Ok(LinksProxy::new(client.connection()).await?) }).await?;
    let patient = client.waiting(DIAL_TIMEOUT);
    let probe = patient.ask(links.probe(uri)).await?;
    stages.ok("this node has keys to show".into())?;
    let words = if uri.starts_with("iroh://") { &ENDPOINT } else { &HOST };
    let error = probe.error.as_deref().map(one_line).unwrap_or_default();
    if probe.stage == "resolve" {
        return stages.failed(error, words.unknown_hint);
    }
    stages.ok(words.known.into())?;
    if probe.stage == "connect" {
        return stages.failed(format!("no connection: {error}"), words.silent_hint);
    }
    stages.ok("somebody accepts connections".into())?;
    let Some(peer) = probe.address.filter(|_| probe.stage == "done") else {
        let hint = "It may be another program, another network (network.key), or this node itself";
        return stages.failed(format!("no handshake: {error}"), hint);
    };
    stages.ok(format!("the node {} proved itself; no link was made", one_line(&peer)))?;
    let took = milliseconds(json::from_us(probe.took_us));
    stages.ok(format!("connection and handshake took {took}"))
}

/// What is said of a place, by its kind.
struct Words {
    known: &'static str,
    unknown_hint: &'static str,
    silent_hint: &'static str,
}

const HOST: Words = Words {
    known: "the host has an address",
    unknown_hint: "Check the name, or use a number; without a name server only numbers work",
    silent_hint: "Nobody listens there, or a firewall is in the way: TCP and that port must be open",
};

const ENDPOINT: Words = Words {
    known: "this node has a QUIC endpoint to ask from",
    unknown_hint: "qpc netcheck shows why there is none; iroh.enabled switches it on",
    silent_hint: "It may be off, or somewhere else by now (its qpc whoami shows where), or a \
                  firewall stops UDP and no relay is named that both get to",
};

/// How long the node may take to answer: six radio hops need some seconds.
const ANSWER_MS: u32 = 5_000;
/// The longest that a dial takes: a name, ten seconds for a connection, ten for the handshake.
const DIAL_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(30);
