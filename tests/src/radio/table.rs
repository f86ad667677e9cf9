//! Text tables for `tests/benches/RESULTS.md`: published figures of peers beside ours.

use std::fmt::Write as _;

use mesh::radio::Modulation;

use super::{meshtastic, outcome::Outcome, sizes};

/// Sizes of peers' frames, as published, and of ours, and what they cost at SF8 on 125 kHz (`RSM-03`,
/// `RSM-12`).
pub fn air() -> String {
    let mut text = String::from("frames at SF8 on 125 kHz, 4/5\n");
    let mut row = |what: &str, len: usize, preamble_symbols: u16| {
        let us = Modulation { preamble_symbols, ..rnode() }.time_on_air_us(len);
        let _ = writeln!(text, "  {what:<58}{len:>5} B {:>8.1} ms", us as f64 / 1e3);
    };
    for text_len in [10, 50] {
        let len = meshtastic::direct_len(text_len);
        row(&format!("Meshtastic, direct message of {text_len} B, no forward secrecy"), len, 16);
    }
    row("Meshtastic, acknowledgement", meshtastic::ACK_LEN, 16);
    row("Meshtastic, channel message of 50 B, unauthenticated", 72, 16);
    row("Reticulum, packet of 10 B", 115 + 1, 18);
    row("Reticulum, packet of 50 B", 163 + 1, 18);
    row("Reticulum, proof", 83 + 1, 18);
    row("Reticulum, announce", 167 + 1, 18);
    row("MeshCore, direct message of 50 B, MAC of 2 B", 72, 16);
    for (what, len) in sizes::rows() {
        row(&format!("ours, {what}"), len, 18);
    }
    let us = |len, preamble_symbols| Modulation { preamble_symbols, ..rnode() }.time_on_air_us(len);
    let _ = writeln!(text, "50 B and the answer that they arrived, over one hop");
    for (who, message, answer, preamble) in [
        ("Meshtastic", meshtastic::direct_len(50), meshtastic::ACK_LEN, 16),
        ("Reticulum", 164, 84, 18),
        ("ours", 74, 18, 18),
    ] {
        let both = us(message, preamble) + us(answer, preamble);
        let _ = writeln!(text, "  {who:<58}{:>16.1} ms", both as f64 / 1e3);
    }
    text
}

fn rnode() -> Modulation {
    Modulation::rnode(869_525_000, 125_000, 8, 5)
}

/// Above the rows of [`outcome`].
pub const OUTCOME_HEAD: &str = "  protocol               delivered   known   air/delivery      p50      p95   sends  busiest    before";

/// A row of a run.
pub fn outcome(name: &str, outcome: &Outcome) -> String {
    format!(
        "  {name:<22}{:>8.1} % {:>5.1} % {:>11.0} ms {:>6.1} s {:>6.1} s {:>5.2} % {:>6.2} % {:>7.0} s",
        outcome.delivered() * 100.0,
        outcome.confirmed as f64 * 100.0 / outcome.offered.max(1) as f64,
        outcome.air_per_delivery_us() / 1e3,
        outcome.latency_us(0.5) as f64 / 1e6,
        outcome.latency_us(0.95) as f64 / 1e6,
        outcome.sending_share() * 100.0,
        outcome.busiest_share() * 100.0,
        outcome.air_before_us as f64 / 1e6,
    )
}
