//! `qpc`, the command line of a quicprochat node.
//!
//! Every command is a question to a running `qpcd` through its D-Bus API, and nothing else; what
//! needs no daemon (`completion`, `man`, `proof verify`, `demo`) says so.
//! `specs/11-command-line.md` has the rules (`CLI-nn`): flags, exit codes and JSON documents that
//! scripts may rely on.
//!
//! ```text
//!  words ──args──→ Command ──commands──→ api proxies ──→ qpcd
//!                                │
//!                                └─ show: tables, colours, JSON ──→ standard output
//!                                   failure: sentence, advice  ──→ standard error, exit code
//! ```
//!
//! * [`args`] is the command tree; parsing touches neither files nor sockets.
//! * [`client`] finds the daemon, bounds every question in time, and turns its errors into
//!   [`failure::Failure`]s.
//! * [`commands`] has one file per command.
//! * [`show`] is the only way to the terminal. Text from other people passes through
//!   [`show::text`] first, always.
//! * [`qr`] draws invites.
//! * [`graph`] lays out and draws the topology.
#![forbid(unsafe_code)]

pub mod args;
pub mod client;
pub mod commands;
pub mod failure;
pub mod graph;
pub mod input;
pub mod qr;
pub mod show;

#[cfg(test)]
mod tests;

use std::{
    ffi::OsString,
    io::{self, Write},
};

use clap::{Parser, error::ErrorKind};

use args::Cli;
use failure::{Exit, Failure, Stop};
use show::Console;

/// Runs the program with these arguments, the first of which is its name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> Exit {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let cli = match Cli::try_parse_from(&arguments) {
        Ok(cli) => cli,
        Err(error) => return refuse(&arguments, &error),
    };
    let mut console = Console::standard(&cli.global);
    let done = commands::run(&cli, &mut console)
        .and_then(|exit| console.flush().map(|()| exit).map_err(Stop::from));
    match done {
        Ok(exit) => exit,
        // CLI-08: the reader had enough.
        Err(Stop::OutputClosed) => Exit::Ok,
        Err(Stop::Failure(failure)) => {
            // What was shown before the failure belongs before it.
            let _ = console.flush();
            console.failure(&failure);
            failure.exit
        }
    }
}

/// Shows help or the version when that was asked for, else what is wrong with the arguments.
fn refuse(arguments: &[OsString], error: &clap::Error) -> Exit {
    let json = arguments.iter().any(|argument| argument == "--json");
    if !error.use_stderr() {
        // A closed standard output is fine, and there is nothing else to do about it.
        let _ = error.print();
        return Exit::Ok;
    }
    if json {
        let failure = Failure::usage(sentence(error)).hint("See qpc --help for what can be typed");
        let document = show::json::Error::from(&failure);
        if serde_json::to_writer(io::stderr(), &document).is_ok() {
            let _ = io::stderr().write_all(b"\n");
        }
    } else {
        let _ = error.print();
    }
    Exit::Usage
}

/// What the parser has to say, without the usage below it, on one line.
fn sentence(error: &clap::Error) -> String {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return "a subcommand is missing".to_owned();
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("Usage:"));
    let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
    words.join(" ").trim_start_matches("error: ").to_owned()
}
