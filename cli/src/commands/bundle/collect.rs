//! What goes into a bundle. Every text passes through the redactor, words that we chose ourselves
//! included: a contact may be called `up`.

use std::collections::BTreeMap;

use api::{
    ChannelsProxy, ContactsProxy, DaemonProxy, DiscoveryProxy, EventsProxy, LinksProxy,
    MessagesProxy, PeersProxy,
};
use serde_json::{Map, Value, json};

use super::redact::{Kind, Redactor};
use crate::{client::Client, failure::Failure};

/// Asks the daemon for everything, and takes out who and where.
pub(super) async fn collect(client: &Client, redactor: &mut Redactor) -> Result<Value, Failure> {
    let connection = client.connection();
    let daemon = client.ask(async { Ok(DaemonProxy::new(connection).await?) }).await?;
    let config = client.ask(daemon.config_get()).await?;
    learn_names(client, &config, redactor).await?;
    let status = client.ask(daemon.status()).await?;
    let links = client.ask(async { LinksProxy::new(connection).await?.list().await }).await?;
    let peers = client.ask(async { PeersProxy::new(connection).await?.list().await }).await?;
    let found = client.ask(async { DiscoveryProxy::new(connection).await?.state().await }).await?;
    let queue = client.ask(async { MessagesProxy::new(connection).await?.queue().await }).await?;
    let events = async { EventsProxy::new(connection).await?.recent(EVENTS).await };
    let events = client.ask(events).await?;
    let log = client.ask(daemon.recent_log()).await?;
    let metrics = client.ask(daemon.metrics()).await?;
    redactor.learn(Kind::Id, &status.address);
    let mut r = |text: &str| redactor.text(text);
    Ok(json!({
        "schema": "quicprochat.support/1",
        "versions": { "qpc": r(env!("CARGO_PKG_VERSION")), "qpcd": r(&status.version) },
        "config": config.iter().map(|(key, value)| (key.clone(), r(value).into())).collect::<Map<_, _>>(),
        "status": {
            "uptime_s": status.uptime_s, "peers": status.peers, "links": status.links,
            "routes": status.routes, "outbox": status.outbox, "in_custody": status.outbox_in_custody,
            "custody": status.custody, "custody_bytes": status.custody_bytes, "inbox": status.inbox,
            "clock_skew_s": status.clock_skew_s, "storage": r(&status.storage),
            "listening": status.listening.iter().map(|uri| r(uri)).collect::<Vec<_>>(),
            "warnings": status.warnings.iter().map(|text| r(text)).collect::<Vec<_>>(),
        },
        "links": links.iter().map(|link| json!({
            "id": r(&link.id), "uri": r(&link.uri), "direction": r(&link.direction),
            "origin": r(&link.origin), "state": r(&link.state),
            "peer": link.peer.as_deref().map(&mut r), "error": link.error.as_deref().map(&mut r),
            "next_try_ms": link.next_try_ms,
        })).collect::<Vec<_>>(),
        "peers": peers.iter().map(|peer| json!({
            "address": r(&peer.address), "link": r(&peer.link), "medium": r(&peer.medium),
            "rtt_us": peer.rtt_us, "up_s": peer.up_s, "bytes_in": peer.bytes_in,
            "bytes_out": peer.bytes_out, "clock_offset_s": peer.clock_offset_s,
        })).collect::<Vec<_>>(),
        "discovery": {
            "mdns": r(&found.mdns), "multicast": r(&found.multicast), "group": r(&found.group),
            "interfaces": found.interfaces.iter().map(|name| r(name)).collect::<Vec<_>>(),
            "ipv4": found.ipv4, "ipv6": found.ipv6, "sent": found.sent,
            "answered": found.answered, "received": found.received,
            "ignored": found.ignored.iter().map(|d| (d.reason.clone(), d.count.into())).collect::<Map<_, _>>(),
            "found": found.found.iter().map(|f| json!({
                "instance": r(&f.instance), "uri": r(&f.uri), "state": r(&f.state),
                "link": r(&f.link), "held_for_ms": f.held_for_ms,
            })).collect::<Vec<_>>(),
        },
        "queue": waiting(&queue),
        "events": events.iter().map(|event| json!({
            "seq": event.seq, "kind": r(&event.kind),
            "detail": event.detail.as_deref().map(&mut r), "after_ms": event.after_ms,
        })).collect::<Vec<_>>(),
        "log": log.iter().map(|line| r(line)).collect::<Vec<_>>(),
        "metrics": metrics.lines().filter_map(metric).collect::<Map<_, _>>(),
    }))
}

/// Names that may stand anywhere in a text: those of contacts, channels, the network, this node, this
/// machine and its user.
async fn learn_names(
    client: &Client,
    config: &BTreeMap<String, String>,
    redactor: &mut Redactor,
) -> Result<(), Failure> {
    let connection = client.connection();
    let contacts = client.ask(async { ContactsProxy::new(connection).await?.list().await }).await?;
    let channels = client.ask(async { ChannelsProxy::new(connection).await?.list().await }).await?;
    let configured =
        ["name", "network.name"].into_iter().filter_map(|key| config.get(key).cloned());
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let user = ["USER", "LOGNAME"].into_iter().filter_map(|name| std::env::var(name).ok());
    let names = configured
        .chain(contacts.into_iter().map(|contact| contact.name))
        .chain(channels.into_iter().map(|channel| channel.name))
        .chain([machine.trim().to_owned()])
        .chain(user);
    for name in names {
        redactor.learn(Kind::Name, &name);
    }
    Ok(())
}

/// How many messages wait for what.
fn waiting(queue: &[api::Message]) -> Map<String, Value> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for message in queue {
        *counts.entry(&message.waiting_for).or_default() += 1;
    }
    counts.into_iter().map(|(what, count)| (what.to_owned(), count.into())).collect()
}

/// A line of metrics as a name and a number; comments say nothing new.
fn metric(line: &str) -> Option<(String, Value)> {
    let (name, value) = line.rsplit_once(' ').filter(|_| !line.starts_with('#'))?;
    let whole = value.parse::<u64>().ok().map(Value::from);
    Some((name.to_owned(), whole.or_else(|| value.parse::<f64>().ok().map(Value::from))?))
}

/// Of the last events, so many.
const EVENTS: u32 = 50;
