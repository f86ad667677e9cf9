//! `queue`, `why`, `cancel` (`CLI-30` to `CLI-32`).

use api::{MessagesProxy, Radio};

use super::{airtime, as_document};
use crate::{
    args::HexId,
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text::{self, span},
    },
};

/// `qpc queue`
pub(super) async fn list(client: &Client, console: &mut Console) -> Result<Exit, Stop> {
    let messages = proxy(client).await?;
    let queue: Vec<json::Queued> =
        client.ask(messages.queue()).await?.into_iter().map(Into::into).collect();
    if console.json() {
        console.document(&json::Document::from(json::Queue { messages: queue }))?;
        return Ok(Exit::Ok);
    }
    if queue.is_empty() {
        console.note(format_args!("Nothing waits."));
    }
    let mut table = Table::new(["MESSAGE", "TO", "STATE", "SIZE", "AGE", "WAITS FOR", "NEXT TRY"]);
    for message in &queue {
        table.row([
            message.id.as_str().into(),
            message.name.as_deref().map_or_else(|| message.to.clone(), text::one_line).into(),
            state(&message.state),
            Cell::number(text::bytes(message.bytes.into())),
            Cell::number(span(message.age_s)),
            waiting_for(&message.waiting_for).into(),
            Cell::number(
                message.next_try_s.map_or_else(String::new, |s| format!("in {}", span(s))),
            ),
        ]);
    }
    table.show(console)?;
    Ok(Exit::Ok)
}

/// `qpc why`
pub(super) async fn why(client: &Client, id: &HexId, console: &mut Console) -> Result<Exit, Stop> {
    let messages = proxy(client).await?;
    let message = client.ask(messages.why(id.as_str())).await?;
    let (name, len) = (message.to_name.clone(), message.payload_len as usize);
    let mut why = json::Why::from(message);
    let radio = if matches!(why.state.as_str(), "accepted" | "in-custody") {
        on_the_way(client, &mut why, len).await
    } else {
        None
    };
    if console.json() {
        console.document(&json::Document::from(why))?;
        return Ok(Exit::Ok);
    }
    let to = name.map_or_else(|| why.to.clone(), |name| text::one_line(&name));
    console.line(format_args!("{}", sentence(&why, &to)))?;
    for tried in &why.tried {
        let ago = span(tried.ago_s);
        let via = tried.next_hop.as_deref().unwrap_or("nobody");
        console.line(format_args!("  {ago} ago  {}  via {via}", outcome(&tried.result)))?;
    }
    if let Some(next_try_s) = why.next_try_s {
        console.line(format_args!("  next try in {}", span(next_try_s)))?;
    }
    if let Some(way) = &why.way {
        console.line(format_args!("  {}", way_there(way)))?;
    }
    if let Some(radio) = radio {
        console.line(format_args!("  by radio: it {}", airtime::wait(&radio, len)))?;
    }
    Ok(Exit::Ok)
}

/// Adds where a message goes from here and what it waits for there; the radio, if that is one.
async fn on_the_way(client: &Client, why: &mut json::Why, len: usize) -> Option<Radio> {
    let way = airtime::way_to(client, &why.to).await;
    let is_known = way.is_some();
    let mut radio = None;
    if let Some(airtime::Way { route, medium, radio: first }) = way {
        let kilobyte_ms = f64::from(route.cost) / 1e3;
        let (hops, next_hop) = (route.hops, route.next_hop);
        why.way = Some(json::Way { hops, next_hop, medium, kilobyte_ms });
        radio = first;
    }
    // What a relay keeps goes no more by our own radio.
    if why.state != "accepted" {
        return None;
    }
    if radio.is_none() && !is_known {
        radio = airtime::silent_radio(client).await;
    }
    why.radio = radio.as_ref().map(|radio| airtime::document(radio, len));
    radio
}

fn way_there(way: &json::Way) -> String {
    let hops = text::counted(way.hops.into(), "hop");
    let first =
        way.medium.as_deref().map(|medium| format!(", the first over {}", text::one_line(medium)));
    format!(
        "the way there: {hops}{}, {} of air and wire time for a kilobyte",
        first.unwrap_or_default(),
        span(way.kilobyte_ms / 1e3)
    )
}

/// The first line of `why`.
fn sentence(why: &json::Why, to: &str) -> String {
    let age = span(why.age_s);
    match why.state.as_str() {
        "received" => format!("Received by {to}"),
        "failed" => format!("Given up after {age}; {to} did not get it"),
        state => {
            let state = match state {
                "in-custody" => "In custody of a relay",
                "accepted" => "Accepted here",
                _ => "Being accepted",
            };
            let left = span(why.expires_in_s);
            format!(
                "{state} {age} ago for {to}; waits for {}; expires in {left}",
                waiting_for(&why.waiting_for)
            )
        }
    }
}

fn waiting_for(what: &str) -> String {
    match what {
        "nothing" => "nothing".to_owned(),
        "disk" => "the disk".to_owned(),
        "route" => "a route".to_owned(),
        "keys" => "the recipient's keys".to_owned(),
        "link" => "its turn on the link".to_owned(),
        "receipt" => "the receipt".to_owned(),
        "trust" => "qpc contacts trust".to_owned(),
        "work" => "the work that the recipient asks of strangers".to_owned(),
        other => text::one_line(other),
    }
}

fn outcome(result: &str) -> String {
    match result {
        "sent" => "handed over, nothing heard yet".to_owned(),
        "custody" => "taken into custody".to_owned(),
        "no-route" => "no route".to_owned(),
        "refused" => "refused".to_owned(),
        "timed-out" => "no receipt in time".to_owned(),
        "link-down" => "the link went down".to_owned(),
        other => text::one_line(other),
    }
}

fn state(state: &str) -> Cell {
    match state {
        "received" => Cell::painted(Paint::Good, state),
        "failed" => Cell::painted(Paint::Bad, state),
        "in-custody" => "in custody".into(),
        other => text::one_line(other).into(),
    }
}

/// `qpc cancel`: every message is tried, whatever became of the others.
pub(super) async fn cancel(
    client: &Client,
    ids: &[HexId],
    console: &mut Console,
) -> Result<Exit, Stop> {
    let messages = proxy(client).await?;
    let mut result = json::Cancelled { cancelled: Vec::new(), failed: Vec::new() };
    let mut first_failure = None;
    for id in ids {
        match client.ask(messages.cancel(id.as_str())).await {
            Ok(()) => result.cancelled.push(id.to_string()),
            Err(failure) if failure.exit != Exit::Failed => return Err(failure.into()),
            Err(failure) => {
                console.note(format_args!("{id}: {}.", failure.error));
                result.failed.push(id.to_string());
                first_failure.get_or_insert(failure);
            }
        }
    }
    let (cancelled, failed) = (result.cancelled.len(), result.failed.len());
    if cancelled > 0 && !as_document(console, || result)? {
        console.note(format_args!("Cancelled {}.", text::counted(cancelled as u64, "message")));
    }
    match (first_failure, cancelled) {
        (None, _) => Ok(Exit::Ok),
        (Some(failure), 0) => Err(failure.into()),
        (Some(_), _) => Err(Failure::new(
            Exit::Partly,
            format!("{failed} of {} could not be cancelled", ids.len()),
        )
        .hint("qpc queue shows what still waits")
        .into()),
    }
}

async fn proxy(client: &Client) -> Result<MessagesProxy<'_>, Failure> {
    client.ask(async { Ok(MessagesProxy::new(client.connection()).await?) }).await
}
