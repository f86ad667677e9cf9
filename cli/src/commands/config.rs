//! `config get` and `config check` (`CLI-37`).

use std::{
    path::Path,
    process::{Command, Stdio},
};

use api::DaemonProxy;

use super::as_document;
use crate::{
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{Console, json, text},
};

/// `qpc config get`
pub(super) async fn get(
    client: &Client,
    key: Option<&str>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let daemon = client.ask(async { Ok(DaemonProxy::new(client.connection()).await?) }).await?;
    let mut config = client.ask(daemon.config_get()).await?;
    if let Some(key) = key {
        config.retain(|name, _| name == key);
        if config.is_empty() {
            return Err(Failure::failed(format!("there is no setting {}", text::one_line(key)))
                .hint("qpc config get shows all of them")
                .into());
        }
    }
    if !console.json() {
        for (name, value) in &config {
            let value = text::one_line(value);
            match key {
                Some(_) => console.line(format_args!("{value}"))?,
                None => console.line(format_args!("{name} = {value}"))?,
            }
        }
    }
    as_document(console, || json::Config { config })?;
    Ok(Exit::Ok)
}

/// `qpc config check`: what the daemon itself says about a file. The file's language is known to
/// `qpcd` alone, so that there is one reader of it.
pub(super) fn check(file: Option<&Path>, console: &mut Console) -> Result<Exit, Stop> {
    let mut qpcd = Command::new(super::demo::qpcd_path()?);
    qpcd.arg("--check-config").stdin(Stdio::null());
    if let Some(file) = file {
        qpcd.arg("--config").arg(file);
    }
    let output = qpcd
        .output()
        .map_err(|error| Failure::failed(format!("qpcd cannot be started: {error}")))?;
    let mut report = String::from_utf8_lossy(&output.stdout).into_owned();
    report.push_str(&String::from_utf8_lossy(&output.stderr));
    let report = report.trim_end().to_owned();
    let ok = output.status.success();
    if !as_document(console, || json::Checked { ok, report: report.clone() })? {
        for line in report.lines() {
            console.line(format_args!("{}", text::one_line(line)))?;
        }
    }
    Ok(if ok { Exit::Ok } else { Exit::Failed })
}
