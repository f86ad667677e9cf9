//! `contacts` (`CLI-34`).

use api::{ContactOptions, ContactsProxy};
use zeroize::Zeroizing;

use super::{as_document, done};
use crate::{
    args,
    client::Client,
    failure::{Exit, Stop},
    input,
    show::{
        Console, Paint, json,
        table::{Cell, Table},
        text,
    },
};

/// `qpc contacts`
pub(super) async fn run(
    client: &Client,
    command: &args::Contacts,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let contacts = client.ask(async { Ok(ContactsProxy::new(client.connection()).await?) }).await?;
    match command {
        args::Contacts::List => list(client.ask(contacts.list()).await?, console),
        args::Contacts::Add { name, address, root_key } => {
            let options = ContactOptions { root_key: root_key.clone() };
            client.ask(contacts.add(name, address.as_str(), options)).await?;
            done(console, format!("Added {} as {}", address, text::one_line(name)))
        }
        args::Contacts::Remove { contact } => {
            let contact = contact.to_string();
            client.ask(contacts.remove(&contact)).await?;
            done(console, format!("Removed {}", text::one_line(&contact)))
        }
        args::Contacts::Rename { contact, name } => {
            let contact = contact.to_string();
            client.ask(contacts.rename(&contact, name)).await?;
            let (old, new) = (text::one_line(&contact), text::one_line(name));
            done(console, format!("{old} is now called {new}"))
        }
        args::Contacts::Trust { contact } => {
            let contact = contact.to_string();
            client.ask(contacts.trust(&contact)).await?;
            done(console, format!("The new key of {} is accepted", text::one_line(&contact)))
        }
        args::Contacts::Psk { contact, file } => {
            let (contact, secret) = (contact.to_string(), Zeroizing::new(input::file(file)?));
            client.ask(contacts.set_secret(&contact, &secret)).await?;
            done(console, format!("The secret of {} and you is in use", text::one_line(&contact)))
        }
    }
}

fn list(contacts: Vec<api::Contact>, console: &mut Console) -> Result<Exit, Stop> {
    for contact in contacts.iter().filter(|contact| contact.key_changed) {
        warn(contact, console);
    }
    let contacts: Vec<json::Contact> = contacts.into_iter().map(Into::into).collect();
    let mut table = Table::new(["NAME", "ADDRESS", "KEY", "REACHED WITH"]);
    for contact in &contacts {
        table.row([
            text::one_line(&contact.name).into(),
            contact.address.as_str().into(),
            key(contact),
            contact.floor.as_deref().map(text::one_line).unwrap_or_default().into(),
        ]);
    }
    if !as_document(console, || json::Contacts { contacts })? {
        table.show(console)?;
    }
    Ok(Exit::Ok)
}

fn warn(contact: &api::Contact, console: &mut Console) {
    let label = console.paint_err(Paint::Bad, "warning:").to_string();
    let name = text::one_line(&contact.name);
    console.note(format_args!(
        "{label} the key of {name} changed. Either {name} set the device up anew, or someone \
         else answers. Ask {name}, then accept the new key with qpc contacts trust."
    ));
}

fn key(contact: &json::Contact) -> Cell {
    match (contact.key_changed, &contact.root_key) {
        (true, _) => Cell::painted(Paint::Bad, "changed"),
        (false, Some(_)) => Cell::painted(Paint::Good, "pinned"),
        (false, None) => "not seen yet".into(),
    }
}
