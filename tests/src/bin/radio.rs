//! `radio [SCENARIO.toml]`: radios on one channel.

use std::time::Instant;

use simulation::radio::{city::City, experiment::{self}, load::Load, outcome::Outcome, scenario::RadioScenario};

fn show(name: &str, rate: f64, outcome: &Outcome, started: Instant) {
    println!(
        "{name} {rate:>7.0}/h: {}/{} = {:.3} delivered, {:.3} confirmed, {:.0} ms a delivery, p50 {:.1} s p95 {:.1} s, sends {:.2} % (busiest {:.1} %), {} frames, {:?}; {:.1} s",
        outcome.shown, outcome.offered, outcome.delivered(),
        outcome.confirmed as f64 / outcome.offered.max(1) as f64,
        outcome.air_per_delivery_us() / 1e3,
        outcome.latency_us(0.5) as f64 / 1e6, outcome.latency_us(0.95) as f64 / 1e6,
        outcome.sending_share() * 100.0, outcome.busiest_share() * 100.0, outcome.frames,
        outcome.lost,
        started.elapsed().as_secs_f64()
    );
}

fn main() {
    let mut scenario = RadioScenario::default();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let seed = args.first().and_then(|a| a.parse().ok()).unwrap_or(1);
    if let Some(side) = args.get(1).and_then(|a| a.parse().ok()) { scenario.city.side_m = side; }
    if let Some(v) = args.get(4).and_then(|a| a.parse().ok()) { scenario.measure_s = v; scenario.settle_s = v / 2; scenario.deadline_s = 300; }
    if let Some(v) = args.get(5).and_then(|a| a.parse().ok()) { scenario.city.radios = v; }
    if let Some(v) = args.get(6).and_then(|a| a.parse().ok()) { scenario.load.contacts = v; }
    let city = City::strew(&scenario.city, seed).expect("a city");
    println!("{:?}", city.shape());
    scenario.warmup_s = args.get(3).and_then(|a| a.parse().ok()).unwrap_or(3_600);
    let rates: Vec<f64> = args.get(2).map_or(vec![2_200.0], |a| a.split(',').map(|r| r.parse().unwrap()).collect());
    for rate in rates {
        scenario.load.messages_per_hour = rate;
        let load = Load::draw(&scenario, city.len(), seed);
        let started = Instant::now();
        if std::env::var("OURS").is_err() { let outcome = experiment::meshtastic(&scenario, &city, &load, seed, experiment::baseline(&scenario));
        show("meshtastic", rate, &outcome, started); }
        let started = Instant::now();
        let outcome = experiment::ours(&scenario, &city, &load, seed);
        show("ours", rate, &outcome, started);
        println!("before: {:.0} s of air", outcome.air_before_us as f64 / 1e6);
    }
}
