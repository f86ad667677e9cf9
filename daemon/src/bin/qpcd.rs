//! The quicprochat mesh daemon.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use daemon::{
    args::{self, Request},
    config::{self, Config},
    install,
    paths::Paths,
    run,
};

fn main() -> ExitCode {
    footprint::fix_large_buffers();
    let done = match args::parse(std::env::args_os()) {
        Err(error) => {
            eprintln!("qpcd: {error}");
            return ExitCode::from(2);
        }
        Ok(Request::Print(text)) => {
            print!("{text}");
            Ok(())
        }
        Ok(Request::CheckConfig(sources)) => Config::load(&Paths::of_process(), &sources)
            .map(|_| println!("the configuration holds"))
            .map_err(|problems| config::lines(&problems)),
        Ok(Request::Install(action, options)) => install::run(action, &options)
            .map(|told| print!("{told}"))
            .map_err(|error| error.to_string()),
        Ok(Request::Run(flags)) => run::run(flags),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("qpcd: {error}");
            ExitCode::FAILURE
        }
    }
}
