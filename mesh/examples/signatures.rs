//! Judges the published edge cases of Ed25519, one by one and in a batch, and fails at the first that
//! is judged otherwise (`ATK-08`). It needs nothing of the system it runs on, so that the same program
//! gives the same verdict everywhere:
//!
//! ```sh
//! cargo run -p quicprochat-mesh --example signatures
//! tests/verdicts          # the same on wasm32; compile check for thumbv7em
//! ```

use mesh::crypto::{
    Mode,
    rng::NodeRng,
    sign::{Batch, verify},
};

const CASES: &str = include_str!("../../specs/vectors/ed25519-edge-cases.txt");

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        let digits = text.get(2 * at..2 * at + 2).expect("long enough");
        *byte = u8::from_str_radix(digits, 16).expect("hexadecimal");
    }
    bytes
}

fn main() {
    let mut batch = Batch::new(Mode::Real);
    let mut expected = Vec::new();
    for line in CASES.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut next = || columns.next().expect("five columns");
        let holds = next() == "holds";
        let (key, message, signature) = (hex(next()), hex(next()), hex(next()));
        let alone = verify(Mode::Real, &key, &message, &signature).is_ok();
        assert_eq!(alone, holds, "alone: {}", next());
        batch.push(&key, &message, &signature);
        expected.push(holds);
    }
    assert_eq!(batch.verify(&mut NodeRng::from_seed([1; 32])), expected, "in a batch");
    println!("{} signatures judged as published", expected.len());
}
