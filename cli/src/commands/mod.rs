//! One file per command, or per handful of small ones.

mod airtime;
mod bundle;
mod channel;
mod config;
mod contacts;
mod demo;
mod events;
mod fapp;
mod fapp_alert;
mod fapp_trust;
mod identity;
mod inbox;
mod invite;
#[cfg(feature = "lab")]
mod lab;
mod links;
mod manual;
mod mesh;
mod netcheck;
mod node;
mod ping;
mod probe;
mod proof;
mod queue;
mod radio;
mod requests;
mod schedule;
mod send;
mod web;

use std::future::Future;

use crate::{
    args::{self, Cli, Command},
    client::Client,
    failure::{Exit, Failure, Stop},
    show::{Console, json},
};

/// Runs a command.
///
/// # Errors
///
/// Why it stopped before it was done.
pub fn run(cli: &Cli, console: &mut Console) -> Result<Exit, Stop> {
    match &cli.command {
        Command::Completion { shell } => manual::completion(*shell, console),
        Command::Man { command, dir } => manual::pages(command, dir.as_deref(), console),
        Command::Config(args::Config::Check { file }) => config::check(file.as_deref(), console),
        Command::Identity(identity) => in_runtime(identity::run(identity, &cli.global, console)),
        Command::Send(send) => in_runtime(send::run(send, &cli.global, console)),
        Command::Channel(channel) => in_runtime(channel::run(channel, &cli.global, console)),
        Command::Proof(args::Proof::Verify { file, payload }) => {
            proof::verify(file, payload, console)
        }
        Command::Version => in_runtime(node::version(&cli.global, console)),
        Command::Demo { what } => in_runtime(demo::run(what.as_ref(), console)),
        #[cfg(feature = "lab")]
        Command::Lab(lab) => in_runtime(lab::run(lab, console)),
        _ => in_runtime(ask_daemon(cli, console)),
    }
}

/// The commands that start by asking the daemon.
async fn ask_daemon(cli: &Cli, console: &mut Console) -> Result<Exit, Stop> {
    let client = Client::connect(&cli.global).await?;
    match &cli.command {
        Command::Status => node::status(&client, console).await,
        Command::Whoami => node::whoami(&client, console).await,
        Command::Peers { watch: false } => links::peers(&client, console).await,
        Command::Peers { watch: true } => links::watch_peers(&client, console).await,
        Command::Routes { address } => links::routes(&client, address.as_ref(), console).await,
        Command::Links(links) => links::run(&client, links, console).await,
        Command::Radio { command } => radio::run(&client, command.as_ref(), console).await,
        Command::Inbox { since, take } => {
            inbox::list(&client, since.as_ref(), *take, console).await
        }
        Command::Watch { take, count } => inbox::watch(&client, *take, *count, console).await,
        Command::Ping(ping) => ping::ping(&client, ping, &cli.global, console).await,
        Command::Probe { target } => probe::probe(&client, target, console).await,
        Command::Netcheck => netcheck::netcheck(&client, console).await,
        Command::Debug(args::Debug::Bundle { out, yes }) => {
            bundle::bundle(&client, out.as_deref(), *yes, console).await
        }
        Command::Trace { address } => ping::trace(&client, address, console).await,
        Command::Why { id } => queue::why(&client, id, console).await,
        Command::Queue => queue::list(&client, console).await,
        Command::Cancel { ids } => queue::cancel(&client, ids, console).await,
        Command::Invite(invite) => invite::run(&client, invite, console).await,
        Command::Accept(accept) => invite::accept(&client, accept, console).await,
        Command::Requests { command } => requests::run(&client, command.as_ref(), console).await,
        Command::Web => web::web(&client, console).await,
        Command::Fapp(command) => fapp::run(&client, command, console).await,
        Command::Contacts(contacts) => contacts::run(&client, contacts, console).await,
        Command::Mailbox(args::Mailbox::Use { node }) => {
            node::use_mailbox(&client, node, console).await
        }
        Command::Proof(args::Proof::Show { id, out }) => {
            proof::show(&client, id, out.as_deref(), console).await
        }
        Command::Events { count } => events::run(&client, *count, console).await,
        Command::Config(args::Config::Get { key }) => {
            config::get(&client, key.as_deref(), console).await
        }
        Command::Mesh(args::Mesh::Graph { output }) => {
            mesh::graph(&client, output.as_deref(), console).await
        }
        #[cfg(feature = "lab")]
        Command::Lab(_) => unreachable!("run() has taken it"),
        Command::Channel(_)
        | Command::Completion { .. }
        | Command::Config(args::Config::Check { .. })
        | Command::Demo { .. }
        | Command::Identity(_)
        | Command::Man { .. }
        | Command::Proof(args::Proof::Verify { .. })
        | Command::Send(_)
        | Command::Version => unreachable!("run() has taken it"),
    }
}

/// Runs a future on this thread: one question and its answer need no more.
fn in_runtime<T>(work: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("this system gives no event queue: {error}")))?
        .block_on(work)
}

/// Says that something was done: a note for people, a document for programs.
fn done(console: &mut Console, sentence: String) -> Result<Exit, Stop> {
    if console.json() {
        console.document(&json::Document::from(json::Done { done: sentence }))?;
    } else {
        console.note(format_args!("{sentence}."));
    }
    Ok(Exit::Ok)
}

/// Writes a document when JSON was asked for; `false` when people are to be told instead.
fn as_document<T: json::Fields>(
    console: &mut Console,
    fields: impl FnOnce() -> T,
) -> Result<bool, Stop> {
    if console.json() {
        console.document(&json::Document::from(fields()))?;
    }
    Ok(console.json())
}
