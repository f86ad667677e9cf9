//! `invite` and `accept` (`CLI-86`, `CLI-87`).

use api::{AcceptOptions, InviteOptions, InvitesProxy};

use super::{as_document, done};
use crate::{
    args,
    client::Client,
    failure::{Exit, Failure, Stop},
    input, qr,
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text,
    },
};

async fn invites(client: &Client) -> Result<InvitesProxy<'static>, Stop> {
    let connection = client.connection().clone();
    Ok(client.ask(async { Ok(InvitesProxy::new(&connection).await?) }).await?)
}

/// `qpc invite`
pub(super) async fn run(
    client: &Client,
    command: &args::Invite,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let invites = invites(client).await?;
    if command.list {
        return list(client.ask(invites.list()).await?, console);
    }
    if let Some(id) = &command.revoke {
        client.ask(invites.revoke(id.as_str())).await?;
        return done(console, format!("Nobody can accept {id} any more"));
    }
    let hints: Vec<String> = command.hints.iter().map(|uri| uri.as_str().to_owned()).collect();
    let lifetime_s = u32::try_from(command.expires.as_secs())
        .map_err(|_| Failure::usage("a code holds for at most 90 days"))?;
    let options = InviteOptions {
        name: command.name.clone(),
        lifetime_s: Some(lifetime_s),
        uses: Some(command.uses),
        hints: (!hints.is_empty()).then_some(hints),
    };
    let invite = client.ask(invites.create(options)).await?;
    if invite.hints.is_empty() {
        console.note(format_args!(
            "This node found no link on which it can be reached; whoever accepts must have a way \
             here already. qpc invite --hint tcp://HOST:PORT names one."
        ));
    }
    if console.json() {
        console.document(&json::Document::from(json::Invite::from(invite)))?;
        return Ok(Exit::Ok);
    }
    if command.qr || (console.is_terminal() && !command.no_qr) {
        draw(&invite.code, console)?;
    }
    console.line(format_args!("{}", invite.code))?;
    console.note(format_args!(
        "Whoever has this code until {} can become a contact. qpc accept takes it.",
        text::Utc(invite.expires_at)
    ));
    Ok(Exit::Ok)
}

fn draw(code: &str, console: &mut Console) -> Result<(), Stop> {
    match qr::lines(code) {
        Some(lines) => {
            for line in lines {
                let line = console.paint(Paint::Paper, line).to_string();
                console.line(format_args!("{line}"))?;
            }
        }
        None => console.note(format_args!("The code is too long for a QR code.")),
    }
    Ok(())
}

fn list(invites: Vec<api::GivenInvite>, console: &mut Console) -> Result<Exit, Stop> {
    let invites: Vec<json::GivenInvite> = invites.into_iter().map(Into::into).collect();
    let mut table = Table::new(["ID", "UNTIL", "STATE", "USED", "BY"]);
    for invite in &invites {
        let state = match invite.open {
            true => Cell::painted(Paint::Good, "open"),
            false => Cell::painted(Paint::Faint, "closed"),
        };
        table.row([
            invite.id.as_str().into(),
            text::Utc(invite.expires_at).to_string().into(),
            state,
            Cell::number(format!("{}/{}", invite.guests.len(), invite.uses)),
            invite.guests.join(" ").into(),
        ]);
    }
    if !as_document(console, || json::Invites { invites })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

/// `qpc accept`
pub(super) async fn accept(
    client: &Client,
    command: &args::Accept,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let code = code(&command.code)?;
    let invites = invites(client).await?;
    let options =
        AcceptOptions { name: command.name.clone(), introduce_as: command.introduce_as.clone() };
    let met = client.ask(invites.accept(&code, options)).await?;
    if console.json() {
        console.document(&json::Document::from(json::Accepted::from(met)))?;
        return Ok(Exit::Ok);
    }
    let name = text::one_line(&met.name);
    console.line(format_args!("{}", met.address))?;
    console.note(format_args!(
        "{name} is a contact now and learns of you as soon as it is reached; qpc events shows it."
    ));
    if command.name.is_none() {
        console.note(format_args!(
            "The name is only suggested. qpc contacts rename {} NAME gives another.",
            met.address
        ));
    }
    for hint in &met.unused {
        console.note(format_args!("{} is of no use here.", text::one_line(hint)));
    }
    Ok(Exit::Ok)
}

/// The code in one piece, however it was pasted.
fn code(words: &[String]) -> Result<String, Stop> {
    if words.len() != 1 || words[0] != "-" {
        return Ok(words.concat());
    }
    let bytes = input::file("-".as_ref())?;
    String::from_utf8(bytes).map_err(|_| Failure::failed("standard input is no text").into())
}
