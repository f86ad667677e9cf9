//! `netcheck`: how this node is connected, and what is in the way (`CLI-46`).

use std::{
    collections::BTreeMap,
    net::{IpAddr, SocketAddr},
};

use api::{DaemonProxy, DiscoveryProxy, LinksProxy};

use super::as_document;
use crate::{
    client::Client,
    failure::{Exit, Stop},
    show::{
        Console, Paint, json,
        text::{counted, one_line, span},
    },
};

/// `qpc netcheck`
pub(super) async fn netcheck(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let status = client.ask(async { DaemonProxy::new(client.connection()).await?.status().await });
    let status = status.await?;
    let links = client.ask(async { LinksProxy::new(client.connection()).await?.list().await });
    let links = links.await?;
    let found = client.ask(async { DiscoveryProxy::new(client.connection()).await?.state().await });
    let report = report(&status, &links, found.await?);
    if !console.json() {
        show(&report, console)?;
    }
    as_document(console, || report)?;
    Ok(Exit::Ok)
}

fn report(status: &api::Status, links: &[api::Link], found: api::Discovery) -> json::Netcheck {
    let mut links_up = BTreeMap::new();
    for link in links.iter().filter(|link| link.state == "up") {
        *links_up.entry(link.origin.clone()).or_default() += 1;
    }
    let broken = links.iter().filter(|link| link.state == "backoff" && link.origin != "discovered");
    let relayed = links.iter().filter(|link| link.path.as_deref() == Some("relayed"));
    let findings = findings(status, links, &found);
    json::Netcheck {
        ipv4: found.ipv4,
        ipv6: found.ipv6,
        listening: status.listening.clone(),
        iroh: status.iroh.clone(),
        relayed: u32::try_from(relayed.count()).unwrap_or(u32::MAX),
        multicast: json::Multicast {
            state: found.multicast,
            group: found.group,
            interfaces: found.interfaces,
            sent: found.sent,
            answered: found.answered,
            received: found.received,
            ignored: found.ignored.into_iter().map(|drop| (drop.reason, drop.count)).collect(),
        },
        mdns: found.mdns,
        found: found.found.into_iter().map(row).collect(),
        links_up,
        links_broken: u32::try_from(broken.count()).unwrap_or(u32::MAX),
        clock_skew_s: status.clock_skew_s,
        findings,
    }
}

fn row(found: api::Found) -> json::Found {
    json::Found {
        instance: found.instance,
        uri: found.uri,
        state: found.state,
        link: Some(found.link).filter(|link| !link.is_empty()),
    }
}

/// What a person should look at, each as a sentence that says what to do.
fn findings(status: &api::Status, links: &[api::Link], found: &api::Discovery) -> Vec<String> {
    let mut findings = Vec::new();
    let mut say = |text: String| findings.push(text);
    if status.listening.is_empty() {
        say("Nobody can connect to this node: tcp.listen is empty or its port is taken.".into());
    } else if status.listening.iter().all(|uri| is_loopback(uri)) {
        say("Only this machine can connect to this node: tcp.listen is a loopback address.".into());
    }
    for (what, state) in [("mDNS", &found.mdns), ("The own multicast group", &found.multicast)] {
        if let Some(why) = state.strip_prefix("failed: ") {
            say(format!("{what} does not work: {}.", one_line(why)));
        }
    }
    if found.mdns == "off" && found.multicast == "off" {
        say("Neighbours on the local network are not looked for: discovery is switched off.".into());
    }
    if found.multicast == "works" && found.sent > 0 && found.received == 0 {
        say(format!(
            "Nobody was heard in the own multicast group: nobody is there, or UDP to {} is filtered.",
            one_line(&found.group)
        ));
    }
    let held = found.found.iter().filter(|found| found.state == "held").count() as u64;
    if held > 0 {
        say(format!(
            "{} could not be linked: another network.key, or TCP is filtered; qpc probe URI says which.",
            counted(held, "neighbour")
        ));
    }
    for link in links.iter().filter(|link| link.state == "backoff" && link.origin != "discovered") {
        let error = link.error.as_deref().unwrap_or("it is down");
        say(format!("Link {} does not work: {}.", one_line(&link.uri), one_line(error)));
    }
    if let Some(skew_s) = status.clock_skew_s {
        let by = span(skew_s.unsigned_abs() as f64);
        say(format!("This machine's clock is wrong by {by}, as its neighbours see it."));
    }
    findings
}

fn is_loopback(uri: &str) -> bool {
    let address = uri.split_once("://").and_then(|(_, rest)| rest.parse::<SocketAddr>().ok());
    address.map(|address| address.ip()).is_some_and(|ip: IpAddr| ip.is_loopback())
}

fn show(report: &json::Netcheck, console: &mut Console) -> Result<(), Stop> {
    let reach = |has: bool| if has { "a way to the Internet" } else { "no way to the Internet" };
    let multicast = &report.multicast;
    let joined = match multicast.interfaces.is_empty() {
        true => String::new(),
        false => format!(" on {}", one_line(&multicast.interfaces.join(", "))),
    };
    let links: Vec<String> =
        report.links_up.iter().map(|(origin, count)| format!("{count} {origin}")).collect();
    let links = if links.is_empty() { "none".to_owned() } else { links.join(", ") };
    let links = match report.relayed {
        0 => links,
        relayed => format!("{links}; {relayed} through a relay"),
    };
    for (label, value) in [
        ("IPv4", reach(report.ipv4).to_owned()),
        ("IPv6", reach(report.ipv6).to_owned()),
        ("listening", one_line(&report.listening.join(", "))),
        ("QUIC", report.iroh.as_deref().map_or_else(|| "no endpoint".to_owned(), one_line)),
        ("multicast", format!("{}{joined}", one_line(&multicast.state))),
        (
            "",
            format!(
                "{} sent, {} answered, {} heard, {} ignored",
                multicast.sent,
                multicast.answered,
                multicast.received,
                multicast.ignored.values().sum::<u64>()
            ),
        ),
        ("mDNS", one_line(&report.mdns)),
        ("links up", links),
        ("found", counted(report.found.len() as u64, "neighbour")),
    ] {
        console.line(format_args!("{label:<11}{value}"))?;
    }
    for found in &report.found {
        console.line(format_args!("  {} {}", one_line(&found.uri), one_line(&found.state)))?;
    }
    for finding in &report.findings {
        let mark = console.paint(Paint::Warn, "look at this:").to_string();
        console.line(format_args!("{mark} {finding}"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-46
    #[test]
    fn what_is_wrong_is_said_with_what_to_do() {
        let status =
            api::Status { listening: vec!["tcp://127.0.0.1:1".into()], ..Default::default() };
        let held = api::Found { state: "held".into(), ..Default::default() };
        let found = api::Discovery {
            mdns: "failed: no loopback".into(),
            multicast: "works".into(),
            group: "[ff12::eae2:f4a]:7744".into(),
            sent: 3,
            found: vec![held],
            ..Default::default()
        };
        let all = findings(&status, &[], &found).join("\n");
        for part in
            ["loopback address", "mDNS does not work", "7744 is filtered", "1 neighbour could"]
        {
            assert!(all.contains(part), "{part}: {all}");
        }
        let well = api::Status { listening: vec!["tcp://[::]:7743".into()], ..Default::default() };
        let found = api::Discovery {
            mdns: "works".into(),
            multicast: "works".into(),
            ..Default::default()
        };
        assert_eq!(findings(&well, &[], &found), Vec::<String>::new());
    }
}
