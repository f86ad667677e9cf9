//! `debug bundle`: what a person sends to whoever helps, without who and where (`CLI-47`).
//!
//! Collected, redacted, scanned, shown, and only then written. A value that the scan finds is a mistake
//! of ours: then nothing is written.

mod collect;
mod redact;
mod scan;

use std::{
    collections::BTreeMap,
    fs::OpenOptions,
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde_json::Value;

use super::as_document;
use crate::{
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{
        Console, json,
        text::{self, counted, one_line},
    },
};
use redact::Redactor;

/// `qpc debug bundle`
pub(super) async fn bundle(
    client: &Client,
    out: Option<&Path>,
    yes: bool,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let mut redactor = Redactor::default();
    let bundle = collect::collect(client, &mut redactor).await?;
    let secrets: Vec<&str> = redactor.secrets().collect();
    refuse_leaks(&scan::scan(&bundle, &secrets))?;
    let text = serde_json::to_string_pretty(&bundle).unwrap_or_default() + "\n";
    let sections = sections(&bundle);
    let file = out.unwrap_or_else(|| Path::new(DEFAULT_FILE));
    if file == Path::new("-") {
        console.bytes(text.as_bytes())?;
        return Ok(Exit::Ok);
    }
    preview(&sections, &redactor, file, console);
    let wanted = yes || confirm(console)?;
    if wanted {
        write(file, text.as_bytes())?;
    }
    let written = wanted.then(|| file.display().to_string());
    let said = written.clone();
    if !as_document(console, || json::Bundle {
        file: written,
        sections,
        replaced: redactor.counts().clone(),
    })? {
        match said {
            Some(file) => console.line(format_args!("{}", one_line(&file)))?,
            None => console.note(format_args!("Nothing was written.")),
        }
    }
    Ok(Exit::Ok)
}

fn refuse_leaks(leaks: &[scan::Leak]) -> Result<(), Failure> {
    let Some(first) = leaks.first() else { return Ok(()) };
    let places: Vec<String> =
        leaks.iter().take(5).map(|leak| format!("{} at {}", leak.what, leak.place)).collect();
    let count = counted(leaks.len() as u64, "place");
    let error =
        format!("the bundle would tell more than it should, in {count}: {}", places.join(", "));
    Err(Failure::failed(one_line(&error)).hint(format!(
        "Nothing was written. This is a mistake in qpc: please report it ({})",
        first.what
    )))
}

/// Bytes of each section.
fn sections(bundle: &Value) -> BTreeMap<String, usize> {
    let fields = bundle.as_object().into_iter().flatten();
    fields.map(|(name, section)| (name.clone(), section.to_string().len())).collect()
}

/// Says what will be in the file, and what will not.
fn preview(
    sections: &BTreeMap<String, usize>,
    redactor: &Redactor,
    file: &Path,
    console: &mut Console,
) {
    console.note(format_args!("The bundle contains:"));
    for (name, bytes) in sections.iter().filter(|(name, _)| *name != "schema") {
        console.note(format_args!("  {name:<12}{}", text::bytes(*bytes as u64)));
    }
    let replaced: Vec<String> =
        redactor.counts().iter().map(|(kind, count)| format!("{count} × <{kind}-…>")).collect();
    console.note(format_args!("Replaced by placeholders: {}.", replaced.join(", ")));
    console
        .note(format_args!("Not in it: messages, keys, passphrases, contacts, channels, routes."));
    console.note(format_args!("To read all of it first: qpc debug bundle --out -"));
    console.note(format_args!("It goes to {}.", one_line(&file.display().to_string())));
}

/// Asks a person; without one, `--yes` is needed.
fn confirm(console: &mut Console) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage("nobody is there to say yes").hint("Give --yes, or --out -"));
    }
    console.note(format_args!("Write it? [y/N]"));
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|error| Failure::failed(format!("no answer: {error}")))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Writes a new file that only its owner reads.
fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::failed(format!("{}: {error}", file.display())).hint("Name another file with --out")
    };
    let mut options = OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(file).map_err(failed)?;
    opened.write_all(bytes).and_then(|()| opened.sync_all()).map_err(failed)
}

const DEFAULT_FILE: &str = "quicprochat-bundle.json";
