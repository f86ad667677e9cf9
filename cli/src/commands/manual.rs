//! `completion` and `man`: from the command tree, without a daemon (`CLI-39`, `CLI-40`).

use std::{io, path::Path};

use clap::CommandFactory;
use clap_complete::shells;
use clap_mangen::Man;

use super::{as_document, done};
use crate::{
    args::{Cli, Shell},
    failure::{Exit, Failure, Stop},
    show::{Console, json, text},
};

/// `qpc completion`
pub(super) fn completion(shell: Shell, console: &mut Console) -> Result<Exit, Stop> {
    let mut script = Vec::new();
    let mut command = Cli::command();
    match shell {
        Shell::Bash => clap_complete::generate(shells::Bash, &mut command, NAME, &mut script),
        Shell::Fish => clap_complete::generate(shells::Fish, &mut command, NAME, &mut script),
        Shell::Zsh => clap_complete::generate(shells::Zsh, &mut command, NAME, &mut script),
    }
    print(&script, console)
}

/// `qpc man`
pub(super) fn pages(
    wanted: &[String],
    dir: Option<&Path>,
    console: &mut Console,
) -> Result<Exit, Stop> {
    let mut command = Cli::command();
    // Gives every subcommand its full name and the global options.
    command.build();
    if let Some(dir) = dir {
        let count = write_all(&command, dir)
            .map_err(|error| Failure::failed(format!("{}: {error}", dir.display())))?;
        return done(console, format!("Wrote {count} pages to {}", dir.display()));
    }
    let mut found = &command;
    for word in wanted {
        found = found.find_subcommand(word).ok_or_else(|| {
            Failure::usage(format!("there is no command {}", text::one_line(&wanted.join(" "))))
                .hint("qpc --help shows the commands")
        })?;
    }
    let mut page = Vec::new();
    Man::new(found.clone()).render(&mut page)?;
    print(&page, console)
}

/// Writes the pages of a command and of all below it.
fn write_all(command: &clap::Command, dir: &Path) -> io::Result<u32> {
    let page = Man::new(command.clone());
    let mut bytes = Vec::new();
    page.render(&mut bytes)?;
    std::fs::write(dir.join(page.get_filename()), bytes)?;
    command.get_subcommands().try_fold(1, |count, below| Ok(count + write_all(below, dir)?))
}

fn print(bytes: &[u8], console: &mut Console) -> Result<Exit, Stop> {
    let text = || json::Text { text: String::from_utf8_lossy(bytes).into_owned() };
    if !as_document(console, text)? {
        console.bytes(bytes)?;
    }
    Ok(Exit::Ok)
}

const NAME: &str = "qpc";
