//! What a whole country costs: `cargo run --release -p quicprochat-fapp --example measure`.
//!
//! 50,000 announces of five slots: verification beside what their signatures cost, memory, search, and two
//! routers that compare. Prints a table; exits with 1 when a limit is missed.

use std::{hint::black_box, time::Instant};

use fapp::{
    UnixSeconds,
    announce::{Draft, Profile, SlotAnnounce},
    plz::Plz,
    query::SlotQuery,
    router::{FRAME_LEN_MAX, FappRouter, RouterConfig},
    slot::Slot,
    vocabulary::{Fachrichtung, Kostentraeger, Modalitaet, Term},
};
use mesh::{
    MeshIdentity,
    crypto::{Mode, rng::NodeRng, sign::Batch},
};

const COUNTRY: u32 = 50_000;
const NOW: UnixSeconds = UnixSeconds(1_799_740_800);

/// Resident memory of this process.
fn resident_kb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0)
}

fn practice(number: u32, codes: &[Plz], rng: &mut NodeRng) -> SlotAnnounce {
    let mut root = [7; 32];
    root[..4].copy_from_slice(&number.to_le_bytes());
    let identity = MeshIdentity::from_seeds([1; 32], Some(root));
    let pick = |all: u64, rng: &mut NodeRng| rng.below(all) as usize;
    let profile = Profile {
        fachrichtungen: Fachrichtung::ALL[pick(4, rng)].into(),
        modalitaeten: [Modalitaet::Praxis, Modalitaet::ALL[pick(3, rng)]].into_iter().collect(),
        kostentraeger: [Kostentraeger::Gkv, Kostentraeger::ALL[pick(11, rng)]]
            .into_iter()
            .collect(),
        ..Profile::default()
    };
    let plz = codes[pick(codes.len() as u64, rng)];
    let made = UnixSeconds(NOW.0 - rng.below(13 * 86_400));
    let mut draft = Draft::new(plz, profile, made, 1);
    draft.mailboxes = vec![mesh::Address::from_bytes(rng.array())];
    draft.sub_key = rng.array();
    let day = NOW.0 - NOW.0 % 86_400;
    draft.slots = (1..=5)
        .map(|n| {
            Slot::new(
                UnixSeconds(day + (n * 2 + rng.below(2)) * 86_400 + 3_600 * (7 + rng.below(9))),
                50,
            )
        })
        .collect();
    draft.sign(&identity).expect("well-formed")
}

fn main() {
    let codes: Vec<Plz> = Plz::all().collect();
    let mut rng = NodeRng::from_seed([1; 32]);
    let wire: Vec<Vec<u8>> =
        (0..COUNTRY).map(|number| practice(number, &codes, &mut rng).bytes()).collect();
    let data: usize = wire.iter().map(|bytes| bytes.len() + 2).sum();
    let mut missed = false;
    let mut row = |what: &str, value: f64, unit: &str, limit: Option<f64>| {
        let verdict = match limit {
            Some(limit) if value <= limit => format!("≤ {limit} {unit}, met"),
            Some(limit) => {
                missed = true;
                format!("≤ {limit} {unit}, MISSED")
            }
            None => String::new(),
        };
        println!("| {what} | {value:.2} {unit} | {verdict} |");
    };
    println!("| what | ours | limit |\n|---|---|---|");
    row("an announce with five slots", wire[0].len() as f64, "B", Some(230.0));

    let parsed: Vec<SlotAnnounce> =
        wire.iter().map(|bytes| SlotAnnounce::parse(bytes).expect("own bytes")).collect();
    let started = Instant::now();
    for part in parsed.chunks(64) {
        let mut batch = Batch::new(Mode::Real);
        part.iter().for_each(|announce| announce.verify_in(&mut batch));
        assert!(batch.verify(&mut rng).into_iter().all(|holds| holds));
    }
    let signatures = started.elapsed().as_secs_f64();
    drop(parsed);
    let started = Instant::now();
    for part in wire.chunks(64) {
        let part: Vec<SlotAnnounce> =
            part.iter().map(|bytes| SlotAnnounce::parse(bytes).expect("own bytes")).collect();
        let mut batch = Batch::new(Mode::Real);
        part.iter().for_each(|announce| announce.verify_in(&mut batch));
        assert!(batch.verify(&mut rng).into_iter().all(|holds| holds));
    }
    let verified = started.elapsed().as_secs_f64();

    let mut full = FappRouter::new(RouterConfig::default(), [2; 32]);
    full.handle_neighbour_up(NOW, 9, false);
    let frames: Vec<Vec<u8>> = wire
        .chunks(64)
        .map(|part| {
            let mut frame = vec![5];
            for object in part {
                frame.extend_from_slice(&(object.len() as u16).to_le_bytes());
                frame.extend_from_slice(object);
            }
            frame
        })
        .collect();
    let before = resident_kb();
    let started = Instant::now();
    let mut rows = 0;
    for frame in &frames {
        full.handle_frame(NOW, 9, frame).expect("honest");
        rows += full.drain_rows().len();
        while full.poll_event().is_some() {}
    }
    let taken = started.elapsed().as_secs_f64();
    assert_eq!((full.cache().len(), rows), (COUNTRY as usize, COUNTRY as usize));
    let memory = (resident_kb() - before) as f64 / 1_024.0;
    row("signatures of the country in batches of 64", signatures, "s", None);
    row("the country read and verified, beside that", verified / signatures, "×", Some(1.25));
    row("the country read, verified and kept, beside that", taken / signatures, "×", None);
    row("memory of the country", memory, "MiB", Some(64.0));

    let mut times: Vec<f64> = (0..2_000)
        .map(|n| {
            let plz = codes[n * 37 % codes.len()].to_string();
            let query = match n % 4 {
                0 => SlotQuery { plz: Some(plz), radius_km: Some(25), ..SlotQuery::default() },
                1 => SlotQuery { plz: Some(plz), radius_km: Some(100), ..SlotQuery::default() },
                2 => SlotQuery { plz_prefix: Some(plz[..3].into()), ..SlotQuery::default() },
                _ => SlotQuery {
                    fachrichtung: Some(Fachrichtung::Systemisch),
                    kostentraeger: Some(Kostentraeger::Pkv),
                    plz_prefix: Some(plz[..1].into()),
                    ..SlotQuery::default()
                },
            };
            let started = Instant::now();
            let search = full.search(NOW, &query).expect("sound");
            black_box(full.hits(&search).len());
            started.elapsed().as_secs_f64() * 1_000.0
        })
        .collect();
    times.sort_unstable_by(f64::total_cmp);
    row("search, p50 of 2,000", times[times.len() / 2], "ms", None);
    row("search, p99 of 2,000", times[times.len() * 99 / 100], "ms", Some(5.0));

    full.handle_neighbour_down(9);
    let mut fresh = FappRouter::new(RouterConfig::default(), [3; 32]);
    let started = Instant::now();
    let bytes = compare(&mut full, &mut fresh, 1);
    assert_eq!(fresh.cache().len(), COUNTRY as usize);
    row("a fresh node's country, beside the data", bytes as f64 / data as f64, "×", Some(1.3));
    row("the same, time of both routers", started.elapsed().as_secs_f64(), "s", Some(20.0));
    full.handle_neighbour_down(1);
    fresh.handle_neighbour_down(1);
    row("two that have the same", compare(&mut full, &mut fresh, 2) as f64, "B", Some(1_000.0));
    std::process::exit(missed.into());
}

/// Lets two routers talk until both are silent; bytes of all frames.
fn compare(a: &mut FappRouter, b: &mut FappRouter, link: u32) -> usize {
    a.handle_neighbour_up(NOW, link, false);
    b.handle_neighbour_up(NOW, link, false);
    let mut bytes = 0;
    let mut frame = Vec::new();
    loop {
        let mut silent = true;
        for turn in 0..2 {
            let (from, to): (&mut FappRouter, &mut FappRouter) =
                if turn == 0 { (&mut *a, &mut *b) } else { (&mut *b, &mut *a) };
            frame.clear();
            if from.poll_transmit(link, &mut frame, FRAME_LEN_MAX) {
                silent = false;
                bytes += frame.len();
                to.handle_frame(NOW, link, &frame).expect("honest");
                to.drain_rows();
                while to.poll_event().is_some() {}
            }
        }
        if silent {
            return bytes;
        }
    }
}
