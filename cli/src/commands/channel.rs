//! `channel` (`CLI-33`).

use api::{ChannelsProxy, HistoryOptions};

use super::{as_document, done, inbox};
use crate::{
    args::{self, Global},
    client::Client,
    failure::{Exit, Stop},
    input,
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text,
    },
};

/// `qpc channel`
pub(super) async fn run(
    command: &args::Channel,
    global: &Global,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let body = match command {
        args::Channel::Send { body, .. } => Some(input::body(body)?),
        _ => None,
    };
    let client = Client::connect(global).await?;
    let channels = client.ask(async { Ok(ChannelsProxy::new(client.connection()).await?) }).await?;
    match command {
        args::Channel::Create { name } => {
            let (id, invite) = client.ask(channels.create(name)).await?;
            created(id, name, invite, console)
        }
        args::Channel::Join { invite } => {
            let id = client.ask(channels.join(invite)).await?;
            let channel = json::Channel { id: id.clone(), name: None, invite: None };
            if !as_document(console, || channel)? {
                console.line(format_args!("{id}"))?;
            }
            Ok(Exit::Ok)
        }
        args::Channel::Leave { channel } => {
            client.ask(channels.leave(channel)).await?;
            done(console, format!("Left {}", text::one_line(channel)))
        }
        args::Channel::List => list(client.ask(channels.list()).await?, console),
        args::Channel::Send { channel, .. } => {
            let id = client.ask(channels.publish(channel, &body.unwrap_or_default())).await?;
            let state = "accepted".to_owned();
            let sent = json::Sent { id: id.clone(), state, radio: None };
            if !as_document(console, || sent)? {
                console.line(format_args!("{id}"))?;
            }
            Ok(Exit::Ok)
        }
        args::Channel::History { channel } => {
            let messages = client.ask(channels.history(channel, HistoryOptions::default())).await?;
            history(channel, &messages, console)
        }
    }
}

fn created(id: String, name: &str, invite: String, console: &mut Console) -> Result<Exit, Stop> {
    if !console.json() {
        console.line(format_args!("{}", text::one_line(&invite)))?;
        console.note(format_args!(
            "Created {}. Whoever has the invite can read and publish.",
            text::one_line(name)
        ));
    }
    let channel = json::Channel { id, name: Some(name.to_owned()), invite: Some(invite) };
    as_document(console, || channel)?;
    Ok(Exit::Ok)
}

fn list(channels: Vec<api::Channel>, console: &mut Console) -> Result<Exit, Stop> {
    let channels: Vec<json::ChannelEntry> = channels.into_iter().map(Into::into).collect();
    let mut table = Table::new(["CHANNEL", "NAME", "MESSAGES", "INVITE"]);
    for channel in &channels {
        table.row([
            channel.id.as_str().into(),
            text::one_line(&channel.name).into(),
            Cell::number(channel.messages.to_string()),
            text::one_line(&channel.invite).into(),
        ]);
    }
    if !as_document(console, || json::Channels { channels })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

fn history(
    channel: &str,
    messages: &[api::ChannelMessage],
    console: &mut Console,
) -> Result<Exit, Stop> {
    if console.json() {
        let messages = messages.iter().map(Into::into).collect();
        let history = json::History { channel: channel.to_owned(), messages };
        console.document(&json::Document::from(history))?;
        return Ok(Exit::Ok);
    }
    for message in messages {
        let from =
            message.from_name.as_deref().map_or_else(|| message.from.clone(), text::one_line);
        let from = console.paint(Paint::Strong, from).to_string();
        let when = message
            .sent_at
            .map_or_else(|| "at an unknown time".to_owned(), |at| text::Utc(at).to_string());
        let proof = if message.proven { "" } else { "  (not yet proven)" };
        console.line(format_args!("{when}  {from}{proof}"))?;
        console.line(format_args!("{}{}", inbox::INDENT, inbox::body(&message.payload)))?;
    }
    Ok(Exit::Ok)
}
