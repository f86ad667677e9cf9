//! The fuzz targets outside the core, over seeded noise and mutated honest bytes, on the stable
//! compiler. `QPC_FUZZ_SEEDS` says how many inputs each gets (default 200).

#[allow(unreachable_pub, reason = "public in the crate that cargo-fuzz builds")]
#[path = "../../../tests/fuzz/src/outer.rs"]
mod outer;

/// Honest inputs, to be changed here and there.
fn samples(name: &str) -> Vec<Vec<u8>> {
    let texts: &[&str] = match name {
        "configuration" => &[include_str!("../../qpcd.example.toml")],
        "link_text" => &[
            "tcp://192.0.2.1:7743",
            "tcp://[2001:db8::1]:7743",
            "tcp://example.org:1",
            "rnode:///dev/serial/by-id/x?freq=869525000&bw=125000&sf=8&cr=5&txp=14&region=EU868",
            "rnode://[::1]:7633?region=US915&preset=wide&gain=-1.5",
        ],
        "discovery" => &["QPC\x01\0\0\x3f\x1e\x69\0\x01\x02\x03\x04\x05\x06\x07\x08"],
        "backup_file" => &["QPCBAK\x01\n\x40\0\0\0\x03\0\0\0saltsaltsaltsaltciphertextciphertext"],
        "api_framing" => &["\x05\0\0\0hello\x03\0\0\0you"],
        _ => &["QPCB\x01\0\0\0\0\0\0\0"],
    };
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What covered something once, kept beside the targets.
fn kept(name: &str) -> Vec<Vec<u8>> {
    let folder =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/seeds").join(name);
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("no seeds of {name}: {error}"));
    entries.flatten().map(|entry| std::fs::read(entry.path()).expect("readable")).collect()
}

/// Knuth's MMIX generator.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n.max(1)
    }
}

fn input(numbers: &mut Numbers, samples: &[Vec<u8>]) -> Vec<u8> {
    if numbers.below(3) == 0 {
        let longest = 1 << numbers.below(12);
        let len = numbers.below(longest);
        return (0..len).map(|_| numbers.below(256) as u8).collect();
    }
    let mut bytes = samples[numbers.below(samples.len())].clone();
    for _ in 0..numbers.below(5) {
        let at = numbers.below(bytes.len().max(1));
        match numbers.below(4) {
            _ if bytes.is_empty() => bytes.push(numbers.below(256) as u8),
            0 => bytes[at] ^= 1 << numbers.below(8),
            1 => bytes[at] = numbers.below(256) as u8,
            2 => bytes.truncate(at),
            _ => bytes.insert(at, numbers.below(256) as u8),
        }
    }
    bytes
}

/// `ATK-31`
#[test]
fn atk_31_decoders_outside_the_core_survive_any_bytes() {
    let seeds = std::env::var("QPC_FUZZ_SEEDS").ok().and_then(|text| text.parse().ok());
    for (name, target) in outer::ALL {
        let samples = samples(name);
        samples.iter().chain(&kept(name)).for_each(|sample| target(sample));
        for seed in 0..seeds.unwrap_or(200) {
            let bytes = input(&mut Numbers(seed), &samples);
            let result = std::panic::catch_unwind(|| target(&bytes));
            assert!(result.is_ok(), "target {name}, seed {seed}: {bytes:02x?}");
        }
    }
}
