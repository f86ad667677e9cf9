//! `sim SCENARIO.toml`: runs a scenario, prints a table, and for a failing seed the command that
//! reproduces it. Exit codes: 0 all rules held, 1 some did not, 2 usage.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
    process::ExitCode,
    thread,
    time::Instant,
};

use mesh::crypto::Mode;
use simulation::{
    checkers::growth::resident_bytes,
    journal::Journal,
    report::{Report, Summary},
    runner,
    scenario::Scenario,
};

const USAGE: &str = "\
usage: sim SCENARIO.toml [--seed N] [--seeds COUNT] [--threads N] [--nodes N]
                         [--real-crypto] [--log [FILE]] [--quiet]
  --seed N        the first (or only) seed, default 1
  --seeds COUNT   how many seeds, counting up from the first, default 1
  --threads N     default: as many as there are cores
  --nodes N       replaces the scenario's number of nodes
  --real-crypto   real cryptography instead of the transparent stand-in of the same sizes
  --log [FILE]    the event log of the (single) run, to FILE or standard error
  --quiet         no progress";

#[derive(Debug)]
struct Options {
    file: PathBuf,
    seed: u64,
    seeds: usize,
    threads: usize,
    nodes: Option<usize>,
    real_crypto: bool,
    log: Option<Option<PathBuf>>,
    quiet: bool,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut arguments = arguments.peekable();
    let mut options = Options {
        file: PathBuf::new(),
        seed: 1,
        seeds: 1,
        threads: thread::available_parallelism().map_or(1, usize::from),
        nodes: None,
        real_crypto: false,
        log: None,
        quiet: false,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seed" => options.seed = number(&argument, arguments.next())?,
            "--seeds" => options.seeds = number(&argument, arguments.next())?,
            "--threads" => options.threads = number(&argument, arguments.next())?,
            "--nodes" => options.nodes = Some(number(&argument, arguments.next())?),
            "--real-crypto" => options.real_crypto = true,
            "--quiet" => options.quiet = true,
            "--log" => options.log = Some(log_file(&mut arguments)),
            "-h" | "--help" => return Err(USAGE.into()),
            file if !file.starts_with('-') && options.file.as_os_str().is_empty() => {
                options.file = file.into();
            }
            unknown => return Err(format!("{unknown}: not understood\n{USAGE}")),
        }
    }
    if options.file.as_os_str().is_empty() {
        return Err(USAGE.into());
    }
    if options.log.is_some() && options.seeds != 1 {
        return Err("--log: for a single seed".into());
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    let value = value.unwrap_or_default();
    value.parse().map_err(|_| format!("{option}: a number is expected, not {value:?}"))
}

fn log_file(arguments: &mut std::iter::Peekable<impl Iterator<Item = String>>) -> Option<PathBuf> {
    arguments.next_if(|next| !next.starts_with('-') && !next.ends_with(".toml")).map(PathBuf::from)
}

fn run(options: &Options) -> Result<bool, String> {
    let mut scenario = Scenario::read(&options.file).map_err(|error| error.to_string())?;
    scenario.nodes = options.nodes.unwrap_or(scenario.nodes);
    let crypto = if options.real_crypto { Mode::Real } else { Mode::Transparent };
    let (started, memory) = (Instant::now(), resident_bytes());
    let summary = match &options.log {
        Some(log) => {
            let journal = Journal::to(open_log(log.as_ref())?);
            let mut summary = Summary::new(scenario.clone());
            summary.add(runner::run(&scenario, options.seed, crypto, journal));
            summary
        }
        None => {
            let quiet = options.quiet || options.seeds == 1;
            runner::run_many(
                &scenario,
                options.seed,
                options.seeds,
                options.threads,
                crypto,
                |report| progress(quiet, report),
            )
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    print(options, &scenario, &summary, seconds, memory);
    Ok(summary.failing().is_empty())
}

fn open_log(file: Option<&PathBuf>) -> Result<Box<dyn Write + Send>, String> {
    let Some(file) = file else {
        return Ok(Box::new(io::stderr()));
    };
    let opened = File::create(file).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(Box::new(BufWriter::new(opened)))
}

fn progress(quiet: bool, report: &Report) {
    if !quiet && report.violation_count > 0 {
        eprintln!("seed {}: {} violations", report.seed, report.violation_count);
    } else if !quiet && report.seed.is_multiple_of(50) {
        eprintln!("seed {}: fine", report.seed);
    }
}

fn print(options: &Options, scenario: &Scenario, summary: &Summary, seconds: f64, memory: u64) {
    let (name, nodes) = (&scenario.name, scenario.nodes);
    let last = options.seed + options.seeds.saturating_sub(1) as u64;
    println!("scenario {name}: {nodes} nodes, seeds {} to {last}", options.seed);
    print!("{summary}");
    println!("  {:<12}{seconds:.1} s, {:.3} s a seed", "time", seconds / summary.runs() as f64);
    if options.seeds == 1 {
        let per_node = peak_bytes().saturating_sub(memory) as f64 / nodes as f64;
        println!(
            "  {:<12}{:.1} kB and {:.2} ms of CPU a node (at most, disks included)",
            "cost",
            per_node / 1e3,
            cpu_seconds() * 1e3 / nodes as f64
        );
    }
    for (seed, violations, count) in summary.failing() {
        println!("seed {seed}: {count} violations");
        violations.iter().for_each(|violation| println!("  {violation}"));
        println!("  reproduce: {}", reproduction(options, *seed));
    }
    let failing = summary.failing().len();
    println!("{} of {} seeds hold every rule", summary.runs() as usize - failing, summary.runs());
}

fn reproduction(options: &Options, seed: u64) -> String {
    let nodes = options.nodes.map_or_else(String::new, |nodes| format!(" --nodes {nodes}"));
    let crypto = if options.real_crypto { " --real-crypto" } else { "" };
    let file = options.file.display();
    format!(
        "cargo run --release -p quicprochat-tests --bin sim -- {file} --seed {seed}{nodes}{crypto} --log"
    )
}

fn peak_bytes() -> u64 {
    status_kib("VmHWM:") * 1_024
}

/// A line of the kernel's account of this process; zero where there is none.
fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// CPU time of the whole process; zero where the kernel does not tell.
fn cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let schedstat = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedstat.split_whitespace().next()?.parse::<u64>().ok()
    });
    nanos.sum::<u64>() as f64 / 1e9
}
