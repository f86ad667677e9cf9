//! `events` (`CLI-36`).

use api::EventsProxy;

use crate::{
    client::{self, Client},
    failure::{Exit, Stop},
    show::{Console, Paint, json, text},
};

/// `qpc events`: everything as it happens, until interrupted or `count` were shown.
pub(super) async fn run(
    client: &Client,
    count: Option<u32>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let proxy = client.ask(async { Ok(EventsProxy::new(client.connection()).await?) }).await?;
    let mut events = client.ask(async { Ok(proxy.receive_event().await?) }).await?;
    console.note(format_args!("Waiting for events; Ctrl-C ends."));
    let mut left = count;
    while left != Some(0) {
        let event = client::next(&mut events).await?;
        let Ok(args) = event.args() else { continue };
        let entry = args.entry.clone();
        if console.json() {
            console.document(&json::Document::from(json::Event::from(entry)))?;
        } else {
            show(&entry, console)?;
        }
        console.flush()?;
        left = left.map(|left| left - 1);
    }
    Ok(Exit::Ok)
}

fn show(entry: &api::EventEntry, console: &mut Console) -> Result<(), Stop> {
    let kind = console.paint(Paint::Strong, text::one_line(&entry.kind)).to_string();
    let mut line = format!("{}  {kind}", text::Utc(entry.at));
    let after = entry.after_ms.map(|ms| text::span(json::from_ms(ms)));
    for (label, value) in [
        ("", entry.address.as_deref()),
        ("message ", entry.message.as_deref()),
        ("channel ", entry.channel.as_deref()),
        ("link ", entry.link.as_deref()),
        ("", entry.detail.as_deref()),
        ("after ", after.as_deref()),
    ] {
        if let Some(value) = value {
            line.push_str("  ");
            line.push_str(label);
            line.push_str(&text::one_line(value));
        }
    }
    Ok(console.line(format_args!("{line}"))?)
}
