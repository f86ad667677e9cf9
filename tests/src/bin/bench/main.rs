//! Fills `tests/benches/RESULTS.md`: what this machine's primitives cost, what the daemons reach
//! beside it, and what peers reach in the same run. `tests/benches/run` prepares and starts it.
//!
//! `bench [--rns PYTHON] [--dtn7 DTND] [--out FILE] [SECTION…]`, sections as in [`SECTIONS`].

mod fapp;
mod flow;
mod idle;
mod ingest;
mod line;
mod peers;
mod primitives;
mod quic;
mod reach;
mod table;

use std::{fs, path::PathBuf, process::ExitCode};

use peers::Peers;
use table::{Section, Table};

/// What can be measured, in the order of the page.
const SECTIONS: [&str; 9] =
    ["primitives", "line", "ingest", "flow", "absent", "iroh", "reach", "idle", "fapp"];

/// Whatever went wrong: a benchmark has nothing to recover.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let (mut peers, mut out, mut wanted) = (Peers::default(), None, Vec::new());
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--rns" => peers.python = arguments.next().map(PathBuf::from),
            "--dtn7" => peers.dtnd = arguments.next().map(PathBuf::from),
            "--out" => out = arguments.next().map(PathBuf::from),
            name if SECTIONS.contains(&name) => wanted.push(name.to_owned()),
            other => return Err(format!("{other}: one of {SECTIONS:?} is expected").into()),
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut table = Table::of_this_machine();
    for name in SECTIONS {
        if !wanted.is_empty() && !wanted.iter().any(|wanted| wanted == name) {
            continue;
        }
        eprintln!("measuring: {name}");
        // One section that fails leaves the others their rows.
        // QUIC is measured with runtimes of its own, one for each end.
        let measured =
            if name == "iroh" { quic::measure() } else { runtime.block_on(measure(name, &peers)) };
        match measured {
            Ok(section) => table.add(section),
            Err(error) => table.add(Section::failed(name, &error.to_string())),
        }
        print!("{}", table.last());
    }
    if let Some(out) = out {
        fs::write(out, table.to_string())?;
    }
    Ok(())
}

async fn measure(name: &str, peers: &Peers) -> Result<Section, Failure> {
    match name {
        "primitives" => primitives::measure(),
        "line" => line::measure(peers).await,
        "ingest" => ingest::measure(peers).await,
        "flow" => flow::measure(peers).await,
        "absent" => flow::measure_absent(peers).await,
        "reach" => reach::measure().await,
        "fapp" => fapp::measure().await,
        _ => idle::measure(peers).await,
    }
}
