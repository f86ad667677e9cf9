//! `ping` and `trace` (`CLI-28`, `CLI-29`).

use std::time::Duration;

use api::{MessagesProxy, PingOptions, RouteOptions, RoutesProxy};
use tokio::time::sleep;

use super::as_document;
use crate::{
    args::{self, ContactRef, Global},
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text::{self, milliseconds},
    },
};

/// `qpc ping`
pub(super) async fn ping(
    client: &Client,
    ping: &args::Ping,
    global: &Global,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let messages = client.ask(async { Ok(MessagesProxy::new(client.connection()).await?) }).await?;
    let to = ping.address.to_string();
    let each = global.timeout.unwrap_or(ANSWER_TIMEOUT);
    let mut round_trips_us = Vec::new();
    let mut address = to.clone();
    let mut last = None;
    for turn in 1..=ping.count {
        let options = PingOptions { timeout_ms: Some(as_ms(each)), payload_len: Some(ping.size) };
        match client.waiting(each).ask(messages.ping(&to, options)).await {
            Ok(reply) => {
                round_trips_us.push(reply.rtt_us);
                show_answer(&reply, turn, console)?;
                address.clone_from(&reply.address);
                last = Some(reply);
            }
            Err(failure) if failure.exit == Exit::TimedOut => show_silence(turn, console)?,
            Err(failure) => return Err(failure.into()),
        }
        if turn < ping.count {
            sleep(ping.interval).await;
        }
    }
    let path = match round_trips_us.is_empty() {
        true => Vec::new(),
        false => path(client, &messages, &to).await?,
    };
    round_trips_us.sort_unstable();
    let last = last.unwrap_or_default();
    let result = json::Ping {
        address,
        sent: ping.count,
        received: u32::try_from(round_trips_us.len()).unwrap_or(u32::MAX),
        p50_ms: percentile(&round_trips_us, 50).map(json::from_us),
        p95_ms: percentile(&round_trips_us, 95).map(json::from_us),
        path,
        link: last.link,
        medium: last.medium,
        uri: last.uri,
        link_path: last.path,
    };
    finish(result, console)
}

fn show_answer(reply: &api::PingReply, turn: u32, console: &mut Console) -> Result<(), Stop> {
    if console.json() {
        return Ok(());
    }
    let rtt = milliseconds(json::from_us(reply.rtt_us));
    let hops = reply
        .hops
        .map_or_else(String::new, |hops| format!(", {}", text::counted(hops.into(), "hop")));
    let over = over(reply);
    console.line(format_args!("{turn}: {} answered in {rtt}{hops}{over}", reply.address))?;
    Ok(console.flush()?)
}

/// The link that our route leads over, and how it gets to the neighbour.
fn over(reply: &api::PingReply) -> String {
    let (Some(link), Some(uri)) = (&reply.link, &reply.uri) else {
        return String::new();
    };
    let medium = reply.medium.as_deref().unwrap_or("unknown");
    let path = reply.path.as_deref().map_or_else(String::new, |path| format!("{path}, "));
    let [link, medium, path, uri] = [link, medium, &path, uri].map(text::one_line);
    format!(", over link {link} ({medium}, {path}{uri})")
}

fn show_silence(turn: u32, console: &mut Console) -> Result<(), Stop> {
    if console.json() {
        return Ok(());
    }
    let silence = console.paint(Paint::Warn, "no answer").to_string();
    console.line(format_args!("{turn}: {silence}"))?;
    Ok(console.flush()?)
}

/// The nodes that told who they are, destination last; empty when the destination did not.
async fn path(
    client: &Client,
    messages: &MessagesProxy<'_>,
    to: &str,
) -> Result<Vec<String>, Failure> {
    let trace = follow(&client.renewed(), messages, to).await?;
    if !trace.complete {
        return Ok(Vec::new());
    }
    Ok(trace.hops.into_iter().map(|hop| hop.address).collect())
}

fn finish(result: json::Ping, console: &mut Console) -> Result<Exit, Stop> {
    let (sent, received) = (result.sent, result.received);
    if !console.json() {
        let lost = sent - received;
        let mut line = format!("{sent} sent, {received} answered, {lost} lost");
        if let (Some(p50), Some(p95)) = (result.p50_ms, result.p95_ms) {
            line.push_str(&format!(
                "; half within {}, 95 % within {}",
                milliseconds(p50),
                milliseconds(p95)
            ));
        }
        console.line(format_args!("{line}"))?;
        if !result.path.is_empty() {
            console.line(format_args!("path: {}", result.path.join(" → ")))?;
        }
    }
    as_document(console, || result)?;
    match received {
        0 => Err(Failure::timed_out("nobody answered")
            .hint("qpc trace shows how far the way there leads")
            .into()),
        _ if received < sent => Ok(Exit::Partly),
        _ => Ok(Exit::Ok),
    }
}

/// The smallest round trip that `percent` of all do not exceed, of sorted ones.
fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

/// `qpc trace`
pub(super) async fn trace(
    client: &Client,
    to: &ContactRef,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let messages = client.ask(async { Ok(MessagesProxy::new(client.connection()).await?) }).await?;
    let trace = follow(client, &messages, &to.to_string()).await?;
    if !console.json() {
        hop_table(&trace.hops).show(console)?;
    }
    let (complete, reached) = (trace.complete, trace.hops.len());
    as_document(console, || trace)?;
    match (complete, reached) {
        (true, _) => Ok(Exit::Ok),
        (false, 0) => Err(Failure::timed_out(format!("nobody on the way to {to} answered"))
            .hint("qpc routes shows whether a way is known")
            .into()),
        (false, _) => Err(Failure::new(Exit::Partly, format!("{to} did not answer"))
            .hint("The last node shown is as far as the way is known to lead")
            .into()),
    }
}

/// Asks hop after hop until the way ends, the time is up, or too many keep silent.
pub(super) async fn follow(
    client: &Client,
    messages: &MessagesProxy<'_>,
    to: &str,
) -> Result<json::Trace, Failure> {
    let mut trace = json::Trace { address: to.to_owned(), complete: false, hops: Vec::new() };
    let mut silent = 0;
    let patience = patience(client, to).await;
    for ttl in 1..=u8::MAX {
        let timeout = client.time_left().min(patience);
        if timeout.is_zero() || silent == SILENT_HOPS_MAX {
            break;
        }
        match client.waiting(timeout).ask(messages.trace_hop(to, ttl, as_ms(timeout))).await {
            Ok(hop) => {
                silent = 0;
                let end = hop.end;
                trace.hops.push(hop.into());
                if end.is_some() {
                    trace.complete = end == Some(true);
                    break;
                }
            }
            Err(failure) if failure.exit == Exit::TimedOut => silent += 1,
            Err(failure) => return Err(failure),
        }
    }
    if let (true, Some(last)) = (trace.complete, trace.hops.last()) {
        trace.address.clone_from(&last.address);
    }
    Ok(trace)
}

/// How long a node on the way may take to answer: where the way is slow, some times what it costs.
async fn patience(client: &Client, to: &str) -> Duration {
    let routes = client.ask(async {
        let routes = RoutesProxy::new(client.connection()).await?;
        routes.list(RouteOptions { address: Some(to.to_owned()), ..RouteOptions::default() }).await
    });
    let cost_us = routes.await.ok().and_then(|routes| routes.first().map(|route| route.cost));
    let slow = Duration::from_micros(cost_us.unwrap_or_default().into()) * WAYS_WAITED;
    (HOP_TIMEOUT + slow).min(HOP_TIMEOUT_MAX)
}

fn hop_table(hops: &[json::Hop]) -> Table<6> {
    let mut table = Table::new(["HOP", "ADDRESS", "NAME", "LINK", "MEDIUM", "ROUND TRIP"]);
    for hop in hops {
        table.row([
            Cell::number(hop.hop.to_string()),
            hop.address.as_str().into(),
            hop.name.as_deref().map(text::one_line).unwrap_or_default().into(),
            hop.link.as_deref().map(text::one_line).unwrap_or_default().into(),
            hop.medium.as_deref().map(text::one_line).unwrap_or_default().into(),
            Cell::number(milliseconds(hop.rtt_ms)),
        ]);
    }
    table
}

fn as_ms(span: Duration) -> u32 {
    u32::try_from(span.as_millis()).unwrap_or(u32::MAX)
}

/// How long one ping may take, without `--timeout`: six radio hops need some seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one node on the way may take to say who it is.
const HOP_TIMEOUT: Duration = Duration::from_secs(2);
/// On a shared medium a question and its answer wait for their turns at each hop.
const WAYS_WAITED: u32 = 6;
/// However slow the way is.
const HOP_TIMEOUT_MAX: Duration = Duration::from_secs(30);
/// Nodes in a row that may keep silent before the rest of the way is given up.
const SILENT_HOPS_MAX: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-58
    #[test]
    fn percentiles_are_of_what_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!(percentile(&hundred, 50), Some(50));
        assert_eq!(percentile(&hundred, 95), Some(95));
        assert_eq!(percentile(&[7], 50), Some(7));
        assert_eq!(percentile(&[7], 95), Some(7));
        assert_eq!(percentile(&[1, 2, 3, 4], 95), Some(4));
        assert_eq!(percentile(&[], 50), None);
    }
}
