//! Published signatures on which implementations disagree (`ID-04`, `ATK-08`).

use std::{string::String, vec::Vec};

use super::super::{
    Mode,
    rng::NodeRng,
    sign::{Batch, SigningKey, verify},
};

const CASES: &str = include_str!("../../../../specs/vectors/ed25519-edge-cases.txt");

struct Case {
    holds: bool,
    key: [u8; 32],
    message: [u8; 32],
    signature: [u8; 64],
    name: String,
}

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let bytes: Vec<u8> = (0..text.len() / 2)
        .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).expect("hex"))
        .collect();
    bytes.try_into().expect("its length")
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let [verdict, key, message, signature, name] =
                line.split('\t').collect::<Vec<_>>().try_into().expect("five columns");
            let holds = verdict == "holds";
            assert!(holds || verdict == "fails");
            let (key, message, signature) = (hex(key), hex(message), hex(signature));
            Case { holds, key, message, signature, name: name.into() }
        })
        .collect()
}

/// ATK-08, met by ID-04: alone, in a batch of its own kind, and among honest ones, the verdict is
/// the published one.
#[test]
fn atk_08_edge_case_signatures_are_judged_alike() {
    let cases = cases();
    assert!(cases.len() >= 20);
    for case in &cases {
        let alone = verify(Mode::Real, &case.key, &case.message, &case.signature).is_ok();
        assert_eq!(alone, case.holds, "{} alone", case.name);
    }
    for honest in [0, 1, 7, 40] {
        let mut batch = Batch::new(Mode::Real);
        for case in &cases {
            batch.push(&case.key, &case.message, &case.signature);
        }
        for seed in 0..honest {
            let key = SigningKey::from_seed(&[seed; 32]);
            batch.push(&key.public(), &[9; 32], &key.sign(Mode::Real, &[9; 32]));
        }
        let verdicts = batch.verify(&mut NodeRng::from_seed([honest; 32]));
        for (case, verdict) in cases.iter().zip(&verdicts) {
            assert_eq!(*verdict, case.holds, "{} in a batch", case.name);
        }
        assert!(verdicts[cases.len()..].iter().all(|holds| *holds), "honest ones suffer");
    }
    // Each as the only odd one in a batch of honest ones.
    for case in &cases {
        let mut batch = Batch::new(Mode::Real);
        batch.push(&case.key, &case.message, &case.signature);
        for seed in 0..8 {
            let key = SigningKey::from_seed(&[seed; 32]);
            batch.push(&key.public(), &case.message, &key.sign(Mode::Real, &case.message));
        }
        let verdicts = batch.verify(&mut NodeRng::from_seed([3; 32]));
        assert_eq!(verdicts[0], case.holds, "{} among honest ones", case.name);
        assert!(verdicts[1..].iter().all(|holds| *holds), "{}", case.name);
    }
}
