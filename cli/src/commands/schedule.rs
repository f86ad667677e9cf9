//! `fapp pattern`, `pause`, `import`, `export`, and `publish --ics` (`CLI-120`).

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use api::{AppointmentsProxy, PatternOptions};

use super::{as_document, done, fapp};
use crate::{
    args,
    client::Client,
    failure::{Exit, Failure, Stop},
    input,
    show::{
        Console, json,
        table::{Cell, Table},
        text,
    },
};

/// Events that people are told of; documents have them all.
const TOLD_MAX: usize = 10;

pub(super) async fn publish(
    client: &Client,
    proxy: &AppointmentsProxy<'_>,
    publish: &args::Publish,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let Some(path) = &publish.ics else { return Err(Failure::usage("no file is named").into()) };
    let file = input::calendar(path)?;
    let offered = client.ask(proxy.publish_file(&file, fapp::offer(publish))).await?;
    fapp::show_offer(offered, console)
}

pub(super) async fn pattern(
    client: &Client,
    proxy: &AppointmentsProxy<'_>,
    command: &args::Pattern,
    console: &mut Console,
) -> Result<Exit, Stop> {
    match command {
        args::Pattern::Add(add) => {
            let options = PatternOptions { leistung: add.leistung.clone() };
            let id = client.ask(proxy.add_pattern(&add.text(), options)).await?;
            added(client, proxy, id, "Pattern", console).await
        }
        args::Pattern::List => {
            let all = client.ask(proxy.patterns()).await?;
            let patterns: Vec<json::FappPattern> = all.into_iter().map(Into::into).collect();
            let mut table = Table::new(["PATTERN", "WHEN", "LEISTUNG"]);
            for one in &patterns {
                table.row([
                    Cell::number(one.id.to_string()),
                    text::one_line(&one.text).into(),
                    text::one_line(&one.leistung).into(),
                ]);
            }
            if !as_document(console, || json::FappPatterns { patterns })? {
                table.show(console)?;
            }
            Ok(Exit::Ok)
        }
        args::Pattern::Remove { id } => {
            client.ask(proxy.remove_pattern(*id)).await?;
            done(console, format!("Pattern {id} is removed"))
        }
    }
}

pub(super) async fn pause(
    client: &Client,
    proxy: &AppointmentsProxy<'_>,
    pause: &args::Pause,
    console: &mut Console,
) -> Result<Exit, Stop> {
    match (&pause.command, &pause.days) {
        (Some(args::PauseCommand::Remove { id }), _) => {
            client.ask(proxy.remove_pause(*id)).await?;
            done(console, format!("Pause {id} is over"))
        }
        (None, Some(days)) => {
            let id = client.ask(proxy.pause(days)).await?;
            added(client, proxy, id, "Pause", console).await
        }
        (Some(args::PauseCommand::List) | None, _) => {
            let all = client.ask(proxy.pauses()).await?;
            let pauses: Vec<json::FappPause> = all.into_iter().map(Into::into).collect();
            let mut table = Table::new(["PAUSE", "DAYS"]);
            for one in &pauses {
                table.row([Cell::number(one.id.to_string()), text::one_line(&one.text).into()]);
            }
            if !as_document(console, || json::FappPauses { pauses })? {
                table.show(console)?;
            }
            Ok(Exit::Ok)
        }
    }
}

/// Tells the number of what was added, and how many slots are offered with it.
async fn added(
    client: &Client,
    proxy: &AppointmentsProxy<'_>,
    id: u32,
    what: &str,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let now = client.ask(proxy.offered()).await?;
    // At most 64.
    let offered = now.slots.len() as u32;
    if !as_document(console, || json::FappAdded { id, offered })? {
        console.line(format_args!("{id}"))?;
        console.note(format_args!("{what} {id} is kept; {offered} slots are offered now."));
        if now.sequence == 0 && what == "Pattern" {
            console.note(format_args!(
                "Say once what the practice is: qpc fapp publish --plz 80331 --fachrichtung VT …"
            ));
        }
    }
    Ok(Exit::Ok)
}

pub(super) async fn import(
    client: &Client,
    proxy: &AppointmentsProxy<'_>,
    import: &args::Import,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let file = input::calendar(&import.file)?;
    let imported = client.ask(proxy.import_busy(&import.name, &file)).await?;
    let imported: json::FappImport = imported.into();
    if console.json() {
        console.document(&json::Document::from(imported))?;
        return Ok(Exit::Ok);
    }
    let json::FappImport { busy, offered, left_out_count, left_out } = imported;
    console.line(format_args!("{busy} busy times; {offered} slots are offered now"))?;
    tell(&left_out, left_out_count, console);
    Ok(Exit::Ok)
}

/// Tells people what of a file is left out.
pub(super) fn tell(left_out: &[json::FappLeftOut], count: u32, console: &mut Console) {
    if count > 0 {
        console.note(format_args!("{count} events of the file are left out:"));
    }
    for one in left_out.iter().take(TOLD_MAX) {
        let place = match (&one.start, one.line) {
            (Some(start), _) => format!("at {start}"),
            (None, Some(line)) => format!("line {line}"),
            (None, None) => "somewhere".to_owned(),
        };
        console.note(format_args!("  {place}: {}.", text::one_line(&one.why)));
    }
    if left_out.len() > TOLD_MAX {
        console.note(format_args!("  and others; --json has more."));
    }
}

pub(super) async fn export(
    client: &Client,
    proxy: &AppointmentsProxy<'_>,
    export: &args::Export,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let (format, path, content) = match &export.fhir {
        Some(path) => ("fhir", Some(path), client.ask(proxy.fhir()).await?),
        None => ("ics", export.ics.as_ref(), client.ask(proxy.calendar()).await?),
    };
    let path = path.filter(|path| *path != Path::new("-"));
    if let Some(path) = path {
        write(path, &content).map_err(|error| {
            Failure::failed(format!("{} cannot be written: {error}", path.display()))
        })?;
    }
    let file = path.map(|path| path.display().to_string());
    if console.json() {
        let text = file.is_none().then_some(content);
        console.document(&json::Document::from(json::FappExport { format, file, text }))?;
    } else if let Some(file) = file {
        console.note(format_args!("Written to {file}."));
    } else {
        console.bytes(content.as_bytes())?;
    }
    Ok(Exit::Ok)
}

/// Who goes where is nobody else's business on this machine.
fn write(path: &Path, content: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(content.as_bytes())
}
