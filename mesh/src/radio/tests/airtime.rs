//! Time on air against the published formula and the published table.

use crate::radio::Modulation;

const fn lora(sf: u8, khz: u32, preamble: u16) -> Modulation {
    Modulation {
        frequency_hz: 869_525_000,
        bandwidth_hz: khz * 1_000,
        spreading_factor: sf,
        coding_rate: 5,
        preamble_symbols: preamble,
    }
}

/// Computed with the data sheets' formula, explicit header, CRC, 4/5, preamble 8: tenths of ms.
const PUBLISHED: [(u8, u32, [u64; 5], u64); 8] = [
    (7, 125, [412, 975, 1_743, 3_177, 3_996], 5_469),
    (8, 125, [824, 1_746, 3_077, 5_637, 7_071], 3_125),
    (9, 125, [1_444, 3_287, 5_540, 10_045, 12_503], 1_758),
    (10, 125, [2_888, 6_164, 10_260, 18_452, 22_958], 977),
    (11, 125, [5_775, 13_148, 22_159, 40_182, 50_012], 537),
    (12, 125, [11_551, 23_020, 39_404, 72_172, 90_194], 293),
    (7, 250, [206, 488, 872, 1_588, 1_998], 10_938),
    (11, 250, [2_888, 5_755, 9_441, 16_814, 20_910], 1_074),
];

#[test]
fn rad_01_the_published_table() {
    for (sf, khz, times, bps) in PUBLISHED {
        let modulation = lora(sf, khz, 8);
        for (len, tenths) in [12, 50, 100, 200, 255].into_iter().zip(times) {
            let us = modulation.time_on_air_us(len);
            assert!(us.abs_diff(tenths * 100) <= 50, "SF{sf}/{khz} {len} B: {us}");
        }
        assert!(modulation.bitrate_bps().abs_diff(bps) <= 1, "SF{sf}/{khz}");
    }
}

/// The formula of the data sheets in floating point, term by term.
fn formula_us(m: &Modulation, len: usize) -> f64 {
    let sf = f64::from(m.spreading_factor);
    let symbol = 2_f64.powf(sf) / f64::from(m.bandwidth_hz) * 1e6;
    let old = m.spreading_factor >= 7;
    let de = if symbol > 16_000.0 { 2.0 } else { 0.0 };
    let sync = if old { 4.25 } else { 6.25 };
    let header = if old { 8.0 + 20.0 } else { 20.0 };
    let bits = (8.0 * len as f64 + 16.0 - 4.0 * sf + header).max(0.0);
    let payload = 8.0 + (bits / (4.0 * (sf - de))).ceil() * f64::from(m.coding_rate);
    (f64::from(m.preamble_symbols) + sync + payload) * symbol
}

#[test]
fn rad_01_the_formula_for_all_settings() {
    let bandwidths =
        [7_800, 10_400, 15_600, 20_800, 31_250, 41_700, 62_500, 125_000, 250_000, 500_000];
    for bandwidth_hz in bandwidths {
        for spreading_factor in 5..=12 {
            for coding_rate in 5..=8 {
                let m =
                    Modulation { bandwidth_hz, spreading_factor, coding_rate, ..lora(8, 125, 18) };
                for len in [0, 1, 18, 74, 254, 255] {
                    let (ours, theirs) = (m.time_on_air_us(len) as f64, formula_us(&m, len));
                    assert!((ours - theirs).abs() <= 1.5, "{m:?} {len}: {ours} {theirs}");
                }
            }
        }
    }
}

#[test]
fn rad_01_the_preamble_of_a_modem_and_the_price_of_a_message() {
    assert_eq!(lora(8, 125, 0).rnode_preamble(), 18);
    assert_eq!(lora(7, 500, 0).rnode_preamble(), 94);
    let modulation = Modulation::rnode(869_525_000, 125_000, 8, 5);
    let (message, receipt) = (modulation.time_on_air_us(74), modulation.time_on_air_us(18));
    assert!(message + receipt <= 375_000, "{message} + {receipt}");
}

#[test]
fn rad_01_nonsense_settings_do_not_divide_by_zero() {
    let nothing = Modulation {
        frequency_hz: 0,
        bandwidth_hz: 0,
        spreading_factor: 0,
        coding_rate: 0,
        preamble_symbols: 0,
    };
    let all = Modulation {
        bandwidth_hz: u32::MAX,
        spreading_factor: u8::MAX,
        coding_rate: u8::MAX,
        ..nothing
    };
    for m in [nothing, all] {
        assert!(m.time_on_air_us(255) > 0 && m.symbol_us() > 0);
        let _ = (m.bitrate_bps(), m.rnode_preamble());
    }
}
