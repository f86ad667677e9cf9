//! The fuzz targets of appointments over their seeds, seeded noise and mutated seeds, on the stable
//! compiler. `QPC_FUZZ_SEEDS` says how many inputs each gets (default 200).

#[allow(unreachable_pub, reason = "public in the crate that cargo-fuzz builds")]
#[path = "../../../tests/fuzz/src/appointments.rs"]
mod appointments;

use std::{fs, path::PathBuf};

use appointments::ALL;
use mesh::crypto::rng::NodeRng;

fn fuzz() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz")
}

/// What covered something once, kept beside the targets.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder = fuzz().join("seeds").join(name);
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("no seeds of {name}: {error}"));
    entries.flatten().map(|entry| fs::read(entry.path()).expect("readable")).collect()
}

fn input(rng: &mut NodeRng, samples: &[Vec<u8>]) -> Vec<u8> {
    if rng.below(4) == 0 {
        let mut noise = vec![0; rng.below(700) as usize];
        rng.fill(&mut noise);
        return noise;
    }
    let mut bytes = samples[rng.below(samples.len() as u64) as usize].clone();
    for _ in 0..rng.below(5) {
        let at = rng.below(bytes.len().max(1) as u64) as usize;
        match rng.below(4) {
            _ if bytes.is_empty() => bytes.push(0),
            0 => bytes[at] ^= 1 << rng.below(8),
            1 => bytes[at] = rng.next_u32() as u8,
            2 => bytes.truncate(at),
            _ => bytes.insert(at, rng.next_u32() as u8),
        }
    }
    bytes
}

/// `ATK-31`: targets run here, and cargo-fuzz builds them.
#[test]
fn fuzz_targets_of_appointments() {
    let inputs = std::env::var("QPC_FUZZ_SEEDS").ok().and_then(|text| text.parse().ok());
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("readable");
    for (name, target) in ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
        let program = fuzz().join("fuzz_targets").join(format!("{name}.rs"));
        let program = fs::read_to_string(program).expect("each target has its program");
        assert!(program.contains(&format!("appointments::{name}(")), "{name} runs another");
        let samples = kept(name);
        assert!(!samples.is_empty(), "no seeds of {name}");
        samples.iter().for_each(|sample| target(sample));
        for seed in 0..inputs.unwrap_or(200_u64) {
            let mut key = [0; 32];
            key[..8].copy_from_slice(&seed.to_le_bytes());
            let bytes = input(&mut NodeRng::from_seed(key), &samples);
            let result = std::panic::catch_unwind(|| target(&bytes));
            assert!(result.is_ok(), "target {name}, seed {seed}: {bytes:02x?}");
        }
    }
}
