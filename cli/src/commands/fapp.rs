//! `fapp` (`CLI-120`).

use std::time::{Duration, Instant};

use api::{AppointmentsProxy, OfferOptions, ReserveOptions, SearchOptions};

use super::{as_document, done, schedule};
use crate::{
    args,
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{
        Console, json,
        table::{Cell, Table},
        text,
    },
};

/// `qpc fapp`
pub(super) async fn run(
    client: &Client,
    command: &args::Fapp,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let fapp = client.ask(async { Ok(AppointmentsProxy::new(client.connection()).await?) }).await?;
    match command {
        args::Fapp::Publish(publish) if publish.ics.is_some() => {
            schedule::publish(client, &fapp, publish, console).await
        }
        args::Fapp::Pattern(command) => schedule::pattern(client, &fapp, command, console).await,
        args::Fapp::Pause(pause) => schedule::pause(client, &fapp, pause, console).await,
        args::Fapp::Import(import) => schedule::import(client, &fapp, import, console).await,
        args::Fapp::Export(export) => schedule::export(client, &fapp, export, console).await,
        args::Fapp::Publish(publish) => {
            let slots = publish.slot.iter().map(|slot| (slot.start, slot.duration_min)).collect();
            let offered = client.ask(fapp.publish(slots, offer(publish))).await?;
            show_offer(offered, console)
        }
        args::Fapp::Status => show_offer(client.ask(fapp.offered()).await?, console),
        args::Fapp::Withdraw { slot } => {
            let count = client.ask(fapp.withdraw(slot)).await?;
            done(console, format!("{count} slots withdrawn"))
        }
        args::Fapp::Search(search) => {
            if search.ask_neighbours {
                client.ask(fapp.ask(wanted(search))).await?;
                console.note(format_args!("Asked; what comes in the next minute is found then."));
            }
            slots(client.ask(fapp.search(wanted(search))).await?, console)
        }
        args::Fapp::Reserve(reserve) => {
            let options = ReserveOptions { contact: reserve.contact.clone(), online: None };
            let id = client.ask(fapp.reserve(reserve.slot.as_str(), options)).await?;
            reserved(client, &fapp, id, reserve.wait, console).await
        }
        args::Fapp::Reservations => reservations(client.ask(fapp.reservations()).await?, console),
        args::Fapp::Requests => requests(client.ask(fapp.requests()).await?, console),
        args::Fapp::Confirm { id } => {
            client.ask(fapp.confirm(id.as_str())).await?;
            done(console, "Confirmed; the answer is on its way".to_owned())
        }
        args::Fapp::Decline { id } => {
            client.ask(fapp.decline(id.as_str())).await?;
            done(console, "Declined; the answer is on its way".to_owned())
        }
        args::Fapp::Cancel { id } => {
            client.ask(fapp.cancel(id.as_str())).await?;
            done(console, "Cancelled; the other side is told".to_owned())
        }
        args::Fapp::Alert(alert) => super::fapp_alert::run(client, alert, console).await,
        args::Fapp::Trust(trust) => super::fapp_trust::run(client, trust, console).await,
    }
}

pub(super) fn offer(publish: &args::Publish) -> OfferOptions {
    OfferOptions {
        plz: publish.plz.clone(),
        beruf: publish.beruf.clone(),
        fachrichtung: publish.fachrichtung.clone(),
        modalitaet: publish.modalitaet.clone(),
        kostentraeger: publish.kostentraeger.clone(),
        gruppe: publish.gruppe.clone(),
        setting: publish.setting.clone(),
        zugang: publish.zugang.clone(),
        sprachen: publish.sprachen.clone(),
        leistung: publish.leistung.clone(),
        mailboxes: publish.mailbox.clone(),
    }
}

pub(super) fn wanted(search: &args::Search) -> SearchOptions {
    SearchOptions {
        plz_prefix: search.plz_prefix.clone(),
        plz: search.plz.clone(),
        radius_km: search.radius_km,
        beruf: search.beruf.clone(),
        fachrichtung: search.fachrichtung.clone(),
        modalitaet: search.modalitaet.clone(),
        kostentraeger: search.kostentraeger.clone(),
        gruppe: search.gruppe.clone(),
        setting: search.setting.clone(),
        leistung: search.leistung.clone(),
        zugang: search.zugang.clone(),
        sprache: search.sprache.clone(),
        from: search.from,
        to: search.to,
        trust: search.trust,
        limit: search.limit,
    }
}

pub(super) fn show_offer(
    offered: impl Into<json::FappOffer>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let offer: json::FappOffer = offered.into();
    if console.json() {
        console.document(&json::Document::from(offer))?;
        return Ok(Exit::Ok);
    }
    if offer.slots.is_empty() {
        console.note(format_args!("Nothing is offered."));
    }
    for slot in &offer.slots {
        console.line(format_args!("{}", text::one_line(slot)))?;
    }
    if let Some(added) = offer.added {
        console.note(format_args!("{added} slots of the file are new."));
    }
    schedule::tell(&offer.left_out, offer.left_out_count, console);
    for mailbox in &offer.mailboxes {
        console.note(format_args!("Requests go to the mailbox node {}.", text::one_line(mailbox)));
    }
    Ok(Exit::Ok)
}

fn slots(found: Vec<api::Slot>, console: &mut Console) -> Result<Exit, Stop> {
    let slots: Vec<json::FappSlot> = found.into_iter().map(Into::into).collect();
    let mut table =
        Table::new(["BEGINN", "MIN", "PLZ", "KM", "MODALITÄT", "KOSTENTRÄGER", "PRAXIS", "SLOT"]);
    for slot in &slots {
        let distance = slot.distance_km.map_or_else(String::new, |km| format!("{km:.0}"));
        table.row([
            text::one_line(&slot.start).into(),
            Cell::number(slot.duration_min.to_string()),
            text::one_line(&slot.plz).into(),
            Cell::number(distance),
            text::one_line(&slot.modalitaet.join(", ")).into(),
            text::one_line(&slot.kostentraeger.join(", ")).into(),
            text::one_line(&slot.trust_label).into(),
            text::one_line(&slot.id).into(),
        ]);
    }
    let is_empty = slots.is_empty();
    let attribution = ::fapp::plz::ATTRIBUTION;
    if !as_document(console, || json::FappSlots { slots, attribution })? {
        table.show(console)?;
        if is_empty {
            console.note(format_args!("This node knows no free slot that fits."));
        }
        console.note(format_args!("Terminservice der Kassenärztlichen Vereinigungen: 116117"));
    }
    Ok(Exit::Ok)
}

/// Waits for the practice's answer when that is wanted.
async fn reserved(
    client: &Client,
    fapp: &AppointmentsProxy<'_>,
    id: String,
    wait: Option<Duration>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let mut state = "requested".to_owned();
    let end = wait.map(|wait| Instant::now() + wait);
    while state == "requested" && end.is_some_and(|end| Instant::now() < end) {
        tokio::time::sleep(POLL).await;
        let all = client.ask_patiently(fapp.reservations()).await?;
        let found = all.into_iter().find(|reservation| reservation.id == id);
        state = found.map_or(state, |reservation| reservation.state);
    }
    let undecided = state == "requested";
    let reserved = json::FappReserved { id: id.clone(), state: state.clone() };
    if !as_document(console, || reserved)? {
        console.line(format_args!("{}", text::one_line(&id)))?;
        let sentence = match state.as_str() {
            "requested" => "Asked for; that is not booked. qpc fapp reservations shows the answer",
            "confirmed" => "Confirmed by the practice",
            _ => "The practice did not confirm",
        };
        console.note(format_args!("{sentence}."));
    }
    match (state.as_str(), wait) {
        ("confirmed", _) | (_, None) => Ok(Exit::Ok),
        _ if undecided => Err(Failure::timed_out("the practice did not answer in time").into()),
        _ => Err(Failure::failed("the slot is not yours").into()),
    }
}

/// Between two looks at a reservation.
const POLL: Duration = Duration::from_millis(500);

fn reservations(all: Vec<api::Reservation>, console: &mut Console) -> Result<Exit, Stop> {
    let reservations: Vec<json::FappReservation> = all.into_iter().map(Into::into).collect();
    let mut table = Table::new(["RESERVATION", "BEGINN", "MIN", "STATE", "WHY"]);
    for one in &reservations {
        table.row([
            text::one_line(&one.id).into(),
            text::one_line(&one.start).into(),
            Cell::number(one.duration_min.to_string()),
            text::one_line(&one.state).into(),
            one.reason.as_deref().map(text::one_line).unwrap_or_default().into(),
        ]);
    }
    if !as_document(console, || json::FappReservations { reservations })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

fn requests(all: Vec<api::SlotRequest>, console: &mut Console) -> Result<Exit, Stop> {
    let requests: Vec<json::FappRequest> = all.into_iter().map(Into::into).collect();
    let mut table = Table::new(["REQUEST", "BEGINN", "MIN", "STATE", "CONTACT"]);
    for one in &requests {
        table.row([
            text::one_line(&one.id).into(),
            text::one_line(&one.start).into(),
            Cell::number(one.duration_min.to_string()),
            text::one_line(&one.state).into(),
            one.contact.as_deref().map(text::one_line).unwrap_or_default().into(),
        ]);
    }
    if !as_document(console, || json::FappRequests { requests })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}
