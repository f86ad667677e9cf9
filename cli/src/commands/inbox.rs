//! `inbox` and `watch` (`CLI-26`, `CLI-27`).

use api::{InboxMessage, InboxOptions, MessagesProxy};

use crate::{
    args::HexId,
    client::{self, Client},
    failure::{Exit, Stop},
    show::{Console, Paint, json, text},
};

/// `qpc inbox`
pub(super) async fn list(
    client: &Client,
    since: Option<&HexId>,
    take: bool,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let inbox = Inbox::open(client).await?;
    let mut shown = json::Inbox { messages: Vec::new() };
    let mut options = InboxOptions { since: since.map(ToString::to_string), ..Default::default() };
    let mut last = None;
    loop {
        let page = inbox.page(client, options).await?;
        let Some(newest) = page.last() else { break };
        options = InboxOptions { after_seq: Some(newest.seq), ..Default::default() };
        last = Some(newest.id.clone());
        for message in &page {
            if console.json() {
                shown.messages.push(message.into());
            } else {
                show(message, console)?;
            }
        }
    }
    if console.json() {
        console.document(&json::Document::from(shown))?;
    } else if last.is_none() {
        console.note(format_args!("No messages."));
    }
    if let (Some(last), true) = (last, take) {
        inbox.take(client, &last, console).await?;
    }
    Ok(Exit::Ok)
}

/// `qpc watch`: messages as they arrive, until interrupted or `count` were shown.
pub(super) async fn watch(
    client: &Client,
    take: bool,
    count: Option<u32>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let inbox = Inbox::open(client).await?;
    let signals = client.signals().await?;
    let announced = client.ask(async { Ok(MessagesProxy::new(&signals).await?) }).await?;
    let mut arrivals =
        client.ask(async { Ok(announced.receive_message_received().await?) }).await?;
    console.note(format_args!("Waiting for messages; Ctrl-C ends."));
    let mut left = count;
    let mut shown_seq = None;
    while left != Some(0) {
        let arrival = client::next(&mut arrivals).await?;
        let Ok(arrival) = arrival.args() else {
            continue;
        };
        // Signals may be lost, the inbox is not: read on from what was shown last. Before the
        // very first message, position 0, there is nothing to read on from.
        let after_seq = shown_seq.or_else(|| arrival.seq.checked_sub(1));
        let options = InboxOptions { after_seq, limit: left, ..Default::default() };
        let client = client.renewed();
        let page = inbox.page(&client, options).await?;
        for message in &page {
            if console.json() {
                console.document(&json::Document::from(json::Message::from(message)))?;
            } else {
                show(message, console)?;
            }
        }
        let Some(newest) = page.last() else { continue };
        shown_seq = Some(newest.seq);
        left = left.map(|left| left.saturating_sub(u32::try_from(page.len()).unwrap_or(left)));
        console.flush()?;
        if take {
            inbox.take(&client, &newest.id, console).await?;
        }
    }
    Ok(Exit::Ok)
}

struct Inbox<'a> {
    messages: MessagesProxy<'a>,
}

impl Inbox<'_> {
    async fn open(client: &Client) -> Result<Inbox<'static>, Stop> {
        let connection = client.connection().clone();
        let messages = client.ask(async { Ok(MessagesProxy::new(&connection).await?) }).await?;
        Ok(Inbox { messages })
    }

    async fn page(
        &self,
        client: &Client,
        options: InboxOptions,
    ) -> Result<Vec<InboxMessage>, Stop> {
        Ok(client.ask(self.messages.inbox(options)).await?)
    }

    /// Removes messages from the daemon, once they are out of our hands.
    async fn take(&self, client: &Client, last: &str, console: &mut Console) -> Result<(), Stop> {
        console.flush()?;
        Ok(client.ask(self.messages.take(last)).await?)
    }
}

/// Shows a message: who, when and which on one line, the body indented below.
fn show(message: &InboxMessage, console: &mut Console) -> Result<(), Stop> {
    let from = match &message.from_name {
        Some(name) => format!("{} ({})", text::one_line(name), message.from),
        None => message.from.clone(),
    };
    let when = message
        .received_at
        .map_or_else(|| "at an unknown time".to_owned(), |at| text::Utc(at).to_string());
    let mut marks = String::new();
    for (set, mark) in [(message.verified, "  verified"), (message.sealed, "  sealed")] {
        if set {
            marks.push_str(mark);
        }
    }
    let from = console.paint(Paint::Strong, from).to_string();
    let id = console.paint(Paint::Faint, &message.id).to_string();
    console.line(format_args!("{when}  {from}{marks}  {id}"))?;
    console.line(format_args!("{INDENT}{}", body(&message.payload)))?;
    Ok(())
}

/// A payload for people: text as text, everything else by its length.
pub(super) fn body(payload: &[u8]) -> String {
    match std::str::from_utf8(payload) {
        Ok(text) => text::body(text, INDENT),
        Err(_) => {
            let len = text::bytes(payload.len() as u64);
            format!("({len} that are no text; --json shows them)")
        }
    }
}

/// Before every line of a message body.
pub(super) const INDENT: &str = "    ";
