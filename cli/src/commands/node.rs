//! `status`, `whoami`, `version` (`CLI-20`, `CLI-21`, `CLI-41`).

use std::{collections::BTreeMap, time::Duration};

use api::{DaemonProxy, PeersProxy};
use zbus::proxy::CacheProperties;

use super::{as_document, done};
use crate::{
    args::{ContactRef, Global},
    client::Client,
    failure::{Exit, Stop},
    show::{
        Console, Paint, json,
        text::{self, counted},
    },
};

/// `qpc status`
pub(super) async fn status(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let daemon = client.ask(proxy(client)).await?;
    let status = client.ask(daemon.status()).await?;
    let peers = client.ask(async { PeersProxy::new(client.connection()).await?.list().await });
    let peers = peers.await?;
    let media = by_way(&peers);
    if as_document(console, || document(&status))? {
        return Ok(Exit::Ok);
    }
    let paint = if status.peers > 0 { Paint::Good } else { Paint::Warn };
    let line = console.paint(paint, sentence(&status, &media)).to_string();
    console.line(format_args!("{line}"))?;
    for (label, value) in details(&status) {
        console.line(format_args!("  {label:<10}{value}"))?;
    }
    for warning in &status.warnings {
        let label = console.paint_err(Paint::Warn, "warning:");
        console.note(format_args!("{label} {}", text::one_line(warning)));
    }
    Ok(Exit::Ok)
}

/// How many neighbours there are on each medium, or behind relays of one.
fn by_way(peers: &[api::Peer]) -> BTreeMap<&str, u64> {
    let mut ways = BTreeMap::new();
    for peer in peers {
        let is_relayed = peer.path.as_deref() == Some("relayed");
        let way = match peer.medium.as_str() {
            _ if is_relayed => "relayed",
            "tcp" | "iroh" => "direct",
            medium => medium,
        };
        *ways.entry(way).or_default() += 1;
    }
    ways
}

/// The first line of `status`.
fn sentence(status: &api::Status, media: &BTreeMap<&str, u64>) -> String {
    let state = state(status);
    let peers = counted(status.peers.into(), "peer");
    let queued = format!("{} queued", counted(status.outbox.into(), "message"));
    if status.peers == 0 {
        return format!("{}: {peers}, {queued}", capitalised(state));
    }
    let media: Vec<String> =
        media.iter().map(|(medium, count)| format!("{count} {}", medium_word(medium))).collect();
    format!("{}: {peers} ({}), {queued}", capitalised(state), media.join(", "))
}

/// IP links are direct; other media are called by their names.
fn medium_word(medium: &str) -> String {
    match medium {
        "relayed" => "via relay".to_owned(),
        "lora" => "LoRa".to_owned(),
        other => text::one_line(other),
    }
}

fn state(status: &api::Status) -> &'static str {
    if status.peers > 0 { "online" } else { "offline" }
}

fn capitalised(state: &str) -> &str {
    match state {
        "online" => "Online",
        _ => "Offline",
    }
}

fn details(status: &api::Status) -> Vec<(&'static str, String)> {
    let mut details = vec![("address", status.address.clone())];
    if !status.name.is_empty() {
        details.push(("name", text::one_line(&status.name)));
    }
    details.push(("routes", counted(status.routes.into(), "destination")));
    if !status.listening.is_empty() {
        details.push(("listening", text::one_line(&status.listening.join(", "))));
    }
    if let Some(iroh) = &status.iroh {
        details.push(("reachable", text::one_line(iroh)));
    }
    details.push(("inbox", counted(status.inbox.into(), "message")));
    if status.outbox_in_custody > 0 {
        details.push(("in custody", counted(status.outbox_in_custody.into(), "own message")));
    }
    let custody = counted(status.custody.into(), "envelope");
    details
        .push(("storing", format!("{custody} of others, {}", text::bytes(status.custody_bytes))));
    if let Some(skew_s) = status.clock_skew_s {
        let direction = if skew_s > 0 { "ahead of" } else { "behind" };
        let span = text::span(skew_s.unsigned_abs() as f64);
        details.push(("clock", format!("{span} {direction} the neighbours'")));
    }
    if status.storage != "ok" {
        details.push(("storage", text::one_line(&status.storage)));
    }
    let up = text::span(status.uptime_s as f64);
    details.push(("daemon", format!("qpcd {}, up {up}", text::one_line(&status.version))));
    details
}

fn document(status: &api::Status) -> json::Status {
    json::Status {
        state: state(status),
        address: status.address.clone(),
        name: given(&status.name),
        version: status.version.clone(),
        uptime_s: status.uptime_s,
        peers: status.peers,
        routes: status.routes,
        outbox: status.outbox,
        outbox_in_custody: status.outbox_in_custody,
        custody: status.custody,
        custody_bytes: status.custody_bytes,
        inbox: status.inbox,
        clock_skew_s: status.clock_skew_s,
        storage: status.storage.clone(),
        listening: status.listening.clone(),
        iroh: status.iroh.clone(),
        warnings: status.warnings.clone(),
        dropped: status.dropped.iter().map(|drop| (drop.reason.clone(), drop.count)).collect(),
        discovered: status.discovered,
        multicast_sent: status.multicast_sent,
    }
}

/// `qpc whoami`
pub(super) async fn whoami(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let daemon = client.ask(proxy(client)).await?;
    let address = client.ask(daemon.address()).await?;
    let name = given(&client.ask(daemon.name()).await?);
    let root_key = given(&client.ask(daemon.root_key()).await?);
    let iroh = given(&client.ask(daemon.iroh()).await?);
    if console.json() {
        let who = json::Whoami { address, name, root_key, iroh };
        console.document(&json::Document::from(who))?;
        return Ok(Exit::Ok);
    }
    console.line(format_args!("{address}"))?;
    if let Some(name) = name {
        console.line(format_args!("name      {}", text::one_line(&name)))?;
    }
    if let Some(root_key) = root_key {
        console.line(format_args!("root key  {root_key}"))?;
    }
    if let Some(iroh) = iroh {
        console.line(format_args!("link      {}", text::one_line(&iroh)))?;
    }
    Ok(Exit::Ok)
}

/// `qpc mailbox use`
pub(super) async fn use_mailbox(
    client: &Client,
    node: &ContactRef,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let daemon = client.ask(proxy(client)).await?;
    let node = node.to_string();
    if node == "none" {
        client.ask(daemon.mailbox_use("")).await?;
        return done(console, "Nobody keeps sealed mail for this node".to_owned());
    }
    client.ask(daemon.mailbox_use(&node)).await?;
    done(console, format!("{} keeps sealed mail for this node", text::one_line(&node)))
}

/// `qpc version`
pub(super) async fn version(global: &Global, console: &mut Console) -> Result<Exit, Stop> {
    let timeout = global.timeout.unwrap_or(VERSION_TIMEOUT);
    let global = Global { timeout: Some(timeout), ..global.clone() };
    let daemon = daemon_version(&global).await;
    let qpc = env!("CARGO_PKG_VERSION");
    if console.json() {
        console.document(&json::Document::from(json::Version { qpc, daemon }))?;
        return Ok(Exit::Ok);
    }
    console.line(format_args!("qpc {qpc}"))?;
    match daemon {
        Some(daemon) => console.line(format_args!("qpcd {}", text::one_line(&daemon)))?,
        None => console.note(format_args!("No daemon is reachable.")),
    }
    Ok(Exit::Ok)
}

async fn daemon_version(global: &Global) -> Option<String> {
    let client = Client::connect(global).await.ok()?;
    let daemon = client.ask(proxy(&client)).await.ok()?;
    client.ask(daemon.version()).await.ok()
}

async fn proxy(client: &Client) -> Result<DaemonProxy<'_>, api::Error> {
    // A copy of the properties pays off from the second look on; there is none.
    let builder = DaemonProxy::builder(client.connection());
    Ok(builder.cache_properties(CacheProperties::No).build().await?)
}

/// D-Bus properties cannot be missing; there, empty is unknown.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

/// The version is wanted even when the daemon hangs; nobody waits long for it.
const VERSION_TIMEOUT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    fn peers(media: &[&str]) -> Vec<api::Peer> {
        let peer = |medium: &&str| match *medium {
            "relayed" => api::Peer {
                medium: "iroh".to_owned(),
                path: Some("relayed".to_owned()),
                ..Default::default()
            },
            medium => api::Peer { medium: medium.to_owned(), ..Default::default() },
        };
        media.iter().map(peer).collect()
    }

    // CLI-20
    #[test]
    fn the_first_line_of_status_is_a_sentence() {
        let say = |outbox, media: &[&str]| {
            let count = u32::try_from(media.len()).expect("a handful");
            let status = api::Status { peers: count, outbox, ..Default::default() };
            sentence(&status, &by_way(&peers(media)))
        };
        assert_eq!(say(3, &["tcp"; 7]), "Online: 7 peers (7 direct), 3 messages queued");
        assert_eq!(say(1, &["tcp"]), "Online: 1 peer (1 direct), 1 message queued");
        assert_eq!(
            say(0, &["lora", "tcp", "tcp"]),
            "Online: 3 peers (2 direct, 1 LoRa), no messages queued"
        );
        assert_eq!(
            say(0, &["relayed", "iroh", "tcp"]),
            "Online: 3 peers (2 direct, 1 via relay), no messages queued"
        );
        assert_eq!(say(2, &[]), "Offline: no peers, 2 messages queued");
    }
}
