//! `qpc`; everything it does is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    quicprochat_cli::run(std::env::args_os()).into()
}
