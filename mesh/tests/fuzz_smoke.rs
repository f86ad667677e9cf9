//! The fuzz targets over seeded noise and mutated honest bytes: a glance at every one of them with
//! the stable compiler. `QPC_FUZZ_SEEDS` says how many inputs each gets (default 300).

#[allow(unreachable_pub, reason = "public in the crate that cargo-fuzz builds")]
#[path = "../../tests/fuzz/src/targets/mod.rs"]
mod targets;

use std::collections::BTreeSet;

use mesh::crypto::rng::NodeRng;
use targets::{ALL, Target};

fn seeds() -> u64 {
    std::env::var("QPC_FUZZ_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(300)
}

/// Bytes of one kind: noise, small numbers, or a sample with some of it changed.
fn input(rng: &mut NodeRng, samples: &[Vec<u8>]) -> Vec<u8> {
    let longest = 1 << rng.below(11);
    let len = rng.below(longest) as usize;
    let mut bytes = vec![0; len];
    rng.fill(&mut bytes);
    match rng.below(4) {
        0 => bytes.iter_mut().for_each(|byte| *byte &= 0x07),
        1 | 2 if !samples.is_empty() => {
            bytes = samples[rng.below(samples.len() as u64) as usize].clone();
            for _ in 0..rng.below(4) {
                mutate(rng, &mut bytes);
            }
        }
        _ => {}
    }
    bytes
}

fn mutate(rng: &mut NodeRng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let at = rng.below(bytes.len() as u64) as usize;
    match rng.below(4) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.next_u32() as u8,
        2 => bytes.truncate(at),
        _ => bytes.insert(at, rng.next_u32() as u8),
    }
}

/// Runs a target over many inputs. The seed in a panic's message reproduces it.
fn run((name, target): Target, samples: &[Vec<u8>]) {
    for seed in 0..seeds() {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let bytes = input(&mut NodeRng::from_seed(key), samples);
        let result = std::panic::catch_unwind(|| target(&bytes));
        assert!(result.is_ok(), "target {name}, seed {seed}: {} bytes {bytes:02x?}", bytes.len());
    }
}

fn target(name: &str) -> Target {
    *ALL.iter().find(|(known, _)| *known == name).expect("a target of that name")
}

/// Kinds of frames that an ordinary conversation needs.
const ORDINARY_KINDS: [u8; 11] = [0x01, 0x10, 0x20, 0x22, 0x23, 0x30, 0x31, 0x38, 0x39, 0x40, 0x50];

/// Honest frames of every kind that three nodes exchange.
fn honest_frames() -> Vec<Vec<u8>> {
    targets::honest_traffic()
}

/// `ATK-31`: a target that cargo-fuzz does not build, or that is not run here, would rot unseen.
#[test]
fn every_target_runs_and_is_built() {
    let fuzz = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).expect("readable");
    let kept = |name: &str| std::fs::read_dir(fuzz.join("seeds").join(name));
    for (name, target) in ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not built");
        let file = fuzz.join("fuzz_targets").join(format!("{name}.rs"));
        let program = std::fs::read_to_string(file).expect("each target has its program");
        assert!(program.contains(&format!("targets::{name}(")), "{name} runs something else");
        // What covered something once is run every time.
        let entries = kept(name).unwrap_or_else(|error| panic!("no seeds of {name}: {error}"));
        for entry in entries.flatten() {
            target(&std::fs::read(entry.path()).expect("readable"));
        }
    }
    let built = manifest.matches("[[bin]]").count();
    let here = ALL.len() + DAEMON_TARGETS + APPOINTMENT_TARGETS;
    assert_eq!(built, here, "a target that this test does not know");
}

/// Targets outside the core: `daemon/tests/all/decoders.rs` runs those.
const DAEMON_TARGETS: usize = 9;
/// And `fapp/tests/all/fuzz.rs` those of appointments.
const APPOINTMENT_TARGETS: usize = 7;

#[test]
fn frames() {
    run(target("frame"), &honest_frames());
}

#[test]
fn objects() {
    let frames = honest_frames();
    let bodies_of = |kinds: &[u8]| -> Vec<Vec<u8>> {
        let wanted = |frame: &&Vec<u8>| kinds.contains(&frame[1]);
        frames.iter().filter(wanted).map(|frame| frame[2..].to_vec()).collect()
    };
    let envelopes = bodies_of(&[0x20]);
    let kinds: BTreeSet<u8> = frames.iter().map(|frame| frame[1]).collect();
    assert!(kinds.is_superset(&ORDINARY_KINDS.into()), "{kinds:02x?}");
    for bytes in &envelopes {
        targets::envelope(bytes);
    }
    run(target("envelope"), &envelopes);
    run(target("bundle"), &bodies_of(&[0x31]));
    run(target("announce"), &bodies_of(&[0x10]));
    run(
        target("invite"),
        &[
            b"qpc-channel:aeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcytbnnsxe6kwhgeakjqq"
                .to_vec(),
            MEETING.as_bytes().to_vec(),
        ],
    );
}

/// An invite of a node.
const MEETING: &str = "QPC-INVITE:AGCQAAIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCERCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEIRCEAYAAAADGMZTGMZTGMZTGMZTGMZTGMZTHAHH7PFAMRCEIRCEIRCEIRCEIRCEIRCEIRAEIFXG4YIBCR2GG4B2F4XTCOJSFYYC4MROG45DONZUGPCVT7W7G35A";

/// What strangers and contacts hand over as text and as files.
#[test]
fn handed_over() {
    run(target("proof"), &[]);
    run(target("meeting"), &[MEETING.as_bytes().to_vec()]);
}

#[test]
fn machines() {
    for name in ["reassembler", "channel", "channel_rows", "reconcile", "inner", "lite", "rows"] {
        run(target(name), &[]);
    }
}

/// What radio neighbours say: noise as bodies from the air, honest frames for it, and pieces.
#[test]
fn compact_frames() {
    let frames = honest_frames().into_iter();
    let stories: Vec<Vec<u8>> = frames.map(|frame| [&[1, 255][..], &frame].concat()).collect();
    run(target("compact"), &stories);
    run(target("compact_pieces"), &[]);
}

/// Longer stories than the other targets need: hundreds of operations each.
#[test]
fn node_operations() {
    let mut rng = NodeRng::from_seed([3; 32]);
    let stories: Vec<Vec<u8>> = (0..20)
        .map(|_| {
            let mut story = vec![0; 4_096];
            rng.fill(&mut story);
            story
        })
        .collect();
    run(target("node"), &stories);
}
