//! `fapp alert` (`CLI-136` to `CLI-138`).

use api::AlertsProxy;

use super::{as_document, done, fapp};
use crate::{
    args,
    client::{self, Client},
    failure::{Exit, Failure, Stop},
    show::{
        Console, json,
        table::{Cell, Table},
        text,
    },
};

/// `qpc fapp alert`
pub(super) async fn run(
    client: &Client,
    command: &args::Alert,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let alerts = client.ask(async { Ok(AlertsProxy::new(client.connection()).await?) }).await?;
    match command {
        args::Alert::Add(add) => {
            if add.search.ask_neighbours {
                let failure =
                    Failure::usage("an alert asks nobody, and so takes no --ask-neighbours");
                return Err(failure.into());
            }
            let id = client.ask(alerts.add(fapp::wanted(&add.search), &add.label)).await?;
            if !as_document(console, || json::FappAlert { id })? {
                console.line(format_args!("{id}"))?;
            }
            Ok(Exit::Ok)
        }
        args::Alert::List => list(client.ask(alerts.list()).await?, console),
        args::Alert::Remove { id } => {
            client.ask(alerts.remove(*id)).await?;
            done(console, format!("Alert {id} is forgotten"))
        }
        args::Alert::Watch { count } => watch(client, *count, console).await,
    }
}

fn list(found: Vec<api::Alert>, console: &mut Console) -> Result<Exit, Stop> {
    let alerts: Vec<json::FappAlertEntry> = found.into_iter().map(Into::into).collect();
    let mut table = Table::new(["ALERT", "LABEL", "BEGINN", "MIN", "PLZ", "PRAXIS", "SLOT"]);
    for alert in &alerts {
        let nothing = || std::array::from_fn(|_| String::new());
        let found = alert.slots.iter().map(|slot| {
            [
                text::one_line(&slot.start),
                slot.duration_min.to_string(),
                text::one_line(&slot.plz),
                text::one_line(&slot.trust_label),
                text::one_line(&slot.id),
            ]
        });
        let found: Vec<[String; 5]> = found.collect();
        for row in if found.is_empty() { vec![nothing()] } else { found } {
            let [start, minutes, plz, trust, id] = row;
            table.row([
                Cell::number(alert.id.to_string()),
                text::one_line(&alert.label).into(),
                start.into(),
                Cell::number(minutes),
                plz.into(),
                trust.into(),
                id.into(),
            ]);
        }
    }
    if !as_document(console, || json::FappAlerts { alerts })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

async fn watch(client: &Client, count: Option<u32>, console: &mut Console) -> Result<Exit, Stop> {
    let signals = client.signals().await?;
    let alerts = client.ask(async { Ok(AlertsProxy::new(&signals).await?) }).await?;
    let mut hits = client.ask(async { Ok(alerts.receive_hit().await?) }).await?;
    console.note(format_args!("Waiting for slots; Ctrl-C ends."));
    let mut left = count;
    while left != Some(0) {
        let hit = client::next(&mut hits).await?;
        let Ok(hit) = hit.args() else { continue };
        let shown = json::FappHit {
            alert: hit.alert,
            slot: hit.slot.to_owned(),
            therapist: hit.therapist.to_owned(),
            start: json::german(hit.start),
            start_unix_s: hit.start,
        };
        if console.json() {
            console.document(&json::Document::from(shown))?;
        } else {
            let (start, slot) = (text::one_line(&shown.start), text::one_line(&shown.slot));
            console.line(format_args!("{} {start} {slot}", shown.alert))?;
        }
        console.flush()?;
        left = left.map(|left| left.saturating_sub(1));
    }
    Ok(Exit::Ok)
}
