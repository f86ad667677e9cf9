//! What a receiver makes of a signal: noise, sensitivity, and the interference it survives.

use mesh::radio::Modulation;

use super::Decibel;

/// Thermal noise at 290 K in `bandwidth_hz`, and a receiver's own 6 dB.
pub fn noise_floor(bandwidth_hz: u32) -> Decibel {
    bandwidth_db(bandwidth_hz) - Decibel::whole(174 - 6)
}

/// The weakest frame a receiver can read at all, on a silent channel (`VIR-03`): of SX1272's data
/// sheet for the three bandwidths everybody uses, in proportion to the bandwidth for others.
pub fn sensitivity(modulation: &Modulation) -> Decibel {
    let at_125 = match modulation.spreading_factor {
        ..=5 => -118,
        6 => -121,
        7 => -124,
        8 => -127,
        9 => -130,
        10 => -133,
        11 => -135,
        12.. => -137,
    };
    Decibel::whole(at_125)
        + match modulation.bandwidth_hz {
            125_000 => Decibel::whole(0),
            250_000 => Decibel::whole(2),
            500_000 => Decibel::whole(8),
            other => bandwidth_db(other) - bandwidth_db(125_000),
        }
}

/// The distance from noise at which a frame is just demodulated (`VIR-03`).
pub const fn snr_floor(spreading_factor: u8) -> Decibel {
    // 2.5 dB a step: -2.5 at SF5, -7.5 at SF7, -20 at SF12.
    let steps = if spreading_factor < 5 { 0 } else { spreading_factor as i32 - 5 };
    Decibel::hundredths(-250 - 250 * steps)
}

/// How much stronger than interference a frame must be (`VIR-05`): 6 dB for its own spreading
/// factor; of others it survives stronger ones, as measured by Croce, Gucciardo, Mangione,
/// Santaromita and Tinnirello ("Impact of LoRa Imperfect Orthogonality", 2018).
pub const fn rejection(spreading_factor: u8, interference: u8) -> Decibel {
    if spreading_factor == interference {
        return CAPTURE;
    }
    let (row, column) = (index(spreading_factor), index(interference));
    Decibel::whole(REJECTION[row][column])
}

/// Between frames of one spreading factor.
pub const CAPTURE: Decibel = Decibel::whole(6);

/// Symbols at the end of the preamble that a receiver needs undisturbed to synchronise.
pub const SYNC_SYMBOLS: u64 = 5;

/// Symbols after which carrier sense sees a frame.
pub const CAD_SYMBOLS: u64 = 2;

/// Energy this far above the noise is a busy channel, whatever it is.
pub const BUSY_ABOVE_NOISE: Decibel = Decibel::whole(11);

/// SF5 and SF6 are taken for SF7, with which they then share the 1 dB of the diagonal: nobody has
/// measured them.
const fn index(spreading_factor: u8) -> usize {
    match spreading_factor {
        ..=7 => 0,
        8 => 1,
        9 => 2,
        10 => 3,
        11 => 4,
        12.. => 5,
    }
}

/// Rows: the frame, SF7 to SF12. Columns: the interference.
const REJECTION: [[i32; 6]; 6] = [
    [1, -8, -9, -9, -9, -9],
    [-11, 1, -11, -12, -13, -13],
    [-15, -13, 1, -13, -14, -15],
    [-19, -18, -17, 1, -17, -18],
    [-22, -22, -21, -20, 1, -20],
    [-25, -25, -25, -24, -23, 1],
];

/// Duration of the preamble with the symbols that always follow it.
pub const fn preamble_us(modulation: &Modulation) -> u64 {
    let sync = if modulation.spreading_factor < 7 { 25 } else { 17 };
    (4 * modulation.preamble_symbols as u64 + sync) * modulation.symbol_us() / 4
}

fn bandwidth_db(bandwidth_hz: u32) -> Decibel {
    Decibel::from_f64(10.0 * f64::from(bandwidth_hz.max(1)).log10())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn modulation(bandwidth_hz: u32, spreading_factor: u8) -> Modulation {
        Modulation {
            frequency_hz: 869_525_000,
            bandwidth_hz,
            spreading_factor,
            coding_rate: 5,
            preamble_symbols: 18,
        }
    }

    /// `VIR-03`
    #[test]
    fn vir_03_noise_and_sensitivity_are_those_of_the_data_sheet() {
        assert_eq!(noise_floor(125_000), Decibel::hundredths(-11_703));
        let published = [-124, -127, -130, -133, -135, -137];
        for (sf, level) in (7..).zip(published) {
            assert_eq!(sensitivity(&modulation(125_000, sf)), Decibel::whole(level));
        }
        assert_eq!(sensitivity(&modulation(250_000, 7)), Decibel::whole(-122));
        assert_eq!(sensitivity(&modulation(250_000, 12)), Decibel::whole(-135));
        assert_eq!(sensitivity(&modulation(500_000, 7)), Decibel::whole(-116));
        assert_eq!(sensitivity(&modulation(500_000, 12)), Decibel::whole(-129));
        assert_eq!(sensitivity(&modulation(62_500, 8)), Decibel::hundredths(-13_001));
        assert_eq!(snr_floor(7), Decibel::hundredths(-750));
        assert_eq!(snr_floor(12), Decibel::whole(-20));
    }

    /// `VIR-05`
    #[test]
    fn vir_05_spreading_factors_are_nearly_orthogonal() {
        for own in 5..=12 {
            assert_eq!(rejection(own, own), Decibel::whole(6));
            for other in (7..=12).filter(|other| index(*other) != index(own)) {
                assert!(rejection(own, other) <= Decibel::whole(-8), "{own} {other}");
            }
        }
        assert_eq!(rejection(12, 7), Decibel::whole(-25));
        assert_eq!(rejection(7, 12), Decibel::whole(-9));
    }
}
