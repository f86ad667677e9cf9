//! `radio` (`CLI-110`, `CLI-111`).

use api::RadiosProxy;

use super::{as_document, done};
use crate::{
    args,
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text,
    },
};

/// `qpc radio`
pub(super) async fn run(
    client: &Client,
    command: Option<&args::Radio>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let radios = client.ask(async { Ok(RadiosProxy::new(client.connection()).await?) }).await?;
    let known = client.ask(radios.list()).await?;
    match command {
        None => list(known, console),
        Some(args::Radio::Set { settings, modem }) => {
            let id = pick(&known, modem.as_deref())?;
            let uri = client.ask(radios.set(&id, &settings.join("&"))).await?;
            done(console, format!("Set to {uri}"))
        }
        Some(args::Radio::Scan { seconds, modem }) => {
            let id = pick(&known, modem.as_deref())?;
            console.note(format_args!("Listening; nothing is sent meanwhile."));
            // It takes a minute; the daemon's answer comes at the end of it.
            let rows = client.ask_patiently(radios.scan(&id, *seconds)).await?;
            scanned(rows, console)
        }
    }
}

/// The id of the modem that is meant.
fn pick(known: &[api::Radio], wanted: Option<&str>) -> Result<String, Failure> {
    let place = |uri: &str| uri.split('?').next().unwrap_or_default().to_owned();
    let fits = |radio: &&api::Radio| {
        wanted.is_none_or(|wanted| radio.id == wanted || place(&radio.uri) == place(wanted))
    };
    let mut fitting = known.iter().filter(fits);
    match (fitting.next(), fitting.next()) {
        (Some(radio), None) => Ok(radio.id.clone()),
        (Some(_), Some(_)) => Err(Failure::failed("there are several modems")
            .hint("Name one with --modem; qpc radio shows them")),
        (None, _) => Err(Failure::failed("there is no such modem").hint(ADD_HINT)),
    }
}

fn list(radios: Vec<api::Radio>, console: &mut Console) -> Result<Exit, Stop> {
    let radios: Vec<json::Radio> = radios.into_iter().map(Into::into).collect();
    if console.json() {
        console.document(&json::Document::from(json::Radios { radios }))?;
        return Ok(Exit::Ok);
    }
    if radios.is_empty() {
        console.note(format_args!("No modems. {ADD_HINT}."));
    }
    for radio in &radios {
        show(radio, console)?;
    }
    Ok(Exit::Ok)
}

fn show(radio: &json::Radio, console: &mut Console) -> Result<(), Stop> {
    let mut facts = Table::new(["MODEM", ""]);
    facts.row([radio.id.as_str().into(), text::one_line(&radio.uri).into()]);
    facts.row(["state".into(), state(radio)]);
    facts.row(["settings".into(), settings(&radio.settings).into()]);
    for account in &radio.airtime {
        let used = share(account.used_ms as f64, account.limit_ms as f64);
        let sentence = format!(
            "{} of {} in the last hour ({used})",
            text::span(account.used_ms as f64 / 1_000.0),
            text::span(account.limit_ms as f64 / 1_000.0)
        );
        facts.row([format!("air time {}", text::one_line(&account.band)).into(), sentence.into()]);
    }
    let load = radio
        .channel_load
        .map_or_else(|| "not reported".to_owned(), |load| format!("{:.1} %", load * 100.0));
    facts.row(["channel load".into(), load.into()]);
    let packets = format!(
        "{} sent, {} heard, {} sent again, {} given up",
        radio.sent, radio.heard, radio.repeated, radio.given_up
    );
    facts.row(["packets".into(), packets.into()]);
    facts.row(["carrier sensing".into(), SENSING.into()]);
    facts.show(console)?;
    neighbours(&radio.neighbours).show(console)?;
    Ok(())
}

fn neighbours(neighbours: &[json::RadioNeighbour]) -> Table<6> {
    let mut table = Table::new(["NEIGHBOUR", "NAME", "SIGNAL", "SNR", "ACKNOWLEDGED", "HEARD"]);
    for one in neighbours {
        table.row([
            text::one_line(&one.address).into(),
            one.name.as_deref().map(text::one_line).unwrap_or_default().into(),
            Cell::number(format!("{} dBm", one.rssi_dbm)),
            Cell::number(format!("{:.1} dB", one.snr_db)),
            Cell::number(format!("{:.0} %", one.success * 100.0)),
            Cell::number(format!("{} ago", text::span(one.heard_ago_s))),
        ]);
    }
    table
}

fn state(radio: &json::Radio) -> Cell {
    match (radio.state.as_str(), &radio.error) {
        ("up", None) => Cell::painted(Paint::Good, "up"),
        (state, Some(error)) => Cell::painted(
            Paint::Warn,
            format!("{}: {}", text::one_line(state), text::one_line(error)),
        ),
        (state, None) => Cell::painted(Paint::Warn, text::one_line(state)),
    }
}

fn settings(settings: &json::RadioSettings) -> String {
    let preset = settings.preset.as_deref().map(text::one_line);
    format!(
        "{}{:.6} MHz, {} kHz, SF{}, 4/{}, {} dBm at the connector, antenna {} dBi, sub-band {}",
        preset.map(|preset| format!("{preset}: ")).unwrap_or_default(),
        f64::from(settings.frequency_hz) / 1e6,
        f64::from(settings.bandwidth_hz) / 1e3,
        settings.spreading_factor,
        settings.coding_rate,
        settings.tx_power_dbm,
        settings.antenna_gain_dbi,
        text::one_line(&settings.band)
    )
}

fn scanned(rows: Vec<api::RadioScan>, console: &mut Console) -> Result<Exit, Stop> {
    if rows.is_empty() {
        return Err(Failure::failed("the modem went away while it listened").into());
    }
    let rows: Vec<json::RadioScanRow> = rows.into_iter().map(Into::into).collect();
    let mut table = Table::new(["SPEED", "MHZ", "KHZ", "SF", "HEARD", "BEST", "LOAD"]);
    for row in &rows {
        table.row([
            row.preset.as_deref().map(text::one_line).unwrap_or_default().into(),
            Cell::number(format!("{:.3}", f64::from(row.frequency_hz) / 1e6)),
            Cell::number((f64::from(row.bandwidth_hz) / 1e3).to_string()),
            Cell::number(row.spreading_factor.to_string()),
            Cell::number(row.heard.to_string()),
            Cell::number(row.rssi_dbm.map_or_else(String::new, |rssi| format!("{rssi} dBm"))),
            Cell::number(
                row.channel_load.map_or_else(String::new, |load| format!("{:.1} %", load * 100.0)),
            ),
        ]);
    }
    if !as_document(console, || json::RadioScan { rows })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

fn share(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1} %", part / whole * 100.0) } else { "-".to_owned() }
}

const ADD_HINT: &str = "Add one with qpc links add 'rnode:///dev/serial/by-id/NAME?region=EU868'";

/// What a stock modem does by itself, and what nobody can promise for it.
const SENSING: &str = "the modem's own; it is not reported, and no share of time is claimed for it";
