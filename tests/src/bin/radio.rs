//! `radio`: what a mesh of radios does, ours beside Meshtastic's rules; one text table.
//! Exit codes: 0 done, 2 usage. Rules: `specs/31-radio-simulation.md`.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use simulation::radio::{
    city::City,
    experiment::{self, Protocol},
    outcome::Outcome,
    scenario::RadioScenario,
    table,
};

const USAGE: &str = "\
usage: radio [air] [city FILE] [hostile FILE] [long] [--seed N] [--rate N] [--seeds N]
  air           sizes of frames and what they cost on the air, peers' beside ours
  city FILE     the load at which the baseline delivers half, and ours at that load
  hostile FILE  ours with a radio that wants the channel for itself
  long          4 kB over three hops, 10 % of the frames lost
  --seed N      which city, which load; default 1
  --seeds N     long: how many runs; default 10
  --rate N      city: at this many messages an hour instead, without looking for the half
  --only NAME   city: this protocol only, meshtastic or ours";

#[derive(Debug, Default)]
struct Options {
    air: bool,
    city: Option<PathBuf>,
    hostile: Option<PathBuf>,
    long: bool,
    seed: Option<u64>,
    seeds: Option<u64>,
    rate: Option<f64>,
    only: Option<String>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::from(2)
        }
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options::default();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(USAGE);
        match argument.as_str() {
            "air" => options.air = true,
            "long" => options.long = true,
            "city" => options.city = Some(value()?.into()),
            "hostile" => options.hostile = Some(value()?.into()),
            "--seed" => options.seed = value()?.parse().ok(),
            "--seeds" => options.seeds = value()?.parse().ok(),
            "--only" => options.only = Some(value()?),
            "--rate" => options.rate = value()?.parse().ok(),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> Result<(), String> {
    let seed = options.seed.unwrap_or(1);
    if options.air {
        print!("{}", table::air());
    }
    if let Some(file) = &options.city {
        city(&read(file)?, seed, options)?;
    }
    if let Some(file) = &options.hostile {
        hostile(&read(file)?, seed)?;
    }
    if options.long {
        long(options.seeds.unwrap_or(10));
    }
    Ok(())
}

fn read(file: &PathBuf) -> Result<RadioScenario, String> {
    let named = |error: String| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(error.to_string()))?;
    RadioScenario::parse(&text).map_err(named)
}

fn strew(scenario: &RadioScenario, seed: u64) -> Result<City, String> {
    let city = City::strew(&scenario.city, seed).ok_or("no such city is to be had")?;
    if let Some(shape) = city.shape() {
        println!(
            "{}: seed {seed}, {} radios, {:.1} neighbours each, {} hops across, {:.2} on average",
            scenario.name,
            city.len(),
            shape.mean_degree,
            shape.diameter_hops,
            shape.mean_hops
        );
    }
    Ok(city)
}

fn city(scenario: &RadioScenario, seed: u64, options: &Options) -> Result<(), String> {
    let city = strew(scenario, seed)?;
    let half = options.rate.unwrap_or_else(|| {
        experiment::load_at(scenario, 0.5, |loaded| {
            experiment::run(loaded, &city, Protocol::Meshtastic, seed)
        })
    });
    let mut loaded = scenario.clone();
    loaded.load.messages_per_hour = half;
    println!("{half:.0} messages of {} B an hour", loaded.load.payload_len);
    println!("{}", table::OUTCOME_HEAD);
    let protocols = [
        ("meshtastic", "Meshtastic's rules", Protocol::Meshtastic),
        ("ours", "ours", Protocol::Ours),
    ];
    let wanted = |key: &str| options.only.as_deref().is_none_or(|only| only == key);
    for (_, name, protocol) in protocols.into_iter().filter(|(key, ..)| wanted(key)) {
        show(name, || experiment::run(&loaded, &city, protocol, seed));
    }
    Ok(())
}

fn hostile(scenario: &RadioScenario, seed: u64) -> Result<(), String> {
    let city = strew(scenario, seed)?;
    let mut calm = scenario.clone();
    // A radio that hardly ever speaks stands where the hostile one does.
    calm.hostile.channel_share = 1e-9;
    println!("{}", table::OUTCOME_HEAD);
    show("ours, calm", || experiment::run(&calm, &city, Protocol::Ours, seed));
    show("ours, hostile radio", || experiment::run(scenario, &city, Protocol::Ours, seed));
    show("Meshtastic's, hostile", || experiment::run(scenario, &city, Protocol::Meshtastic, seed));
    Ok(())
}

fn long(seeds: u64) {
    let minimum = experiment::long_message_minimum_us(LONG_LEN, LONG_HOPS);
    println!(
        "{LONG_LEN} B over {LONG_HOPS} hops at SF7; at least {:.1} s in pieces and receipts",
        minimum as f64 / 1e6
    );
    for loss in [0.0, 0.1] {
        let runs: Vec<Outcome> = (1..=if loss == 0.0 { 1 } else { seeds })
            .map(|seed| experiment::long_message(LONG_LEN, LONG_HOPS, loss, seed))
            .collect();
        let delivered = runs.iter().filter(|run| run.shown == 1).count();
        let mut shares: Vec<f64> =
            runs.iter().map(|run| run.air_us as f64 / minimum as f64).collect();
        shares.sort_by(f64::total_cmp);
        println!(
            "  {:.0} % lost: {delivered} of {} delivered, air time × minimum: median {:.2}, most {:.2}",
            loss * 100.0,
            runs.len(),
            shares[shares.len() / 2],
            shares[shares.len() - 1]
        );
    }
}

fn show(name: &str, run: impl FnOnce() -> Outcome) {
    let started = Instant::now();
    let outcome = run();
    println!("{}  {:.1} s", table::outcome(name, &outcome), started.elapsed().as_secs_f64());
}

const LONG_LEN: usize = 4_096;
const LONG_HOPS: usize = 3;
