//! Clocks that drift (`VIR-09`).

/// A radio's or node's clock: where it stands, and how many millionths it is too fast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// What it showed when the air's time was zero.
    pub offset_us: u64,
    /// Millionths by which it is too fast; too slow when negative.
    pub drift_ppm: i32,
}

impl Clock {
    /// What the clock shows at an instant of the air's time.
    pub fn local(&self, air_us: u64) -> u64 {
        self.offset_us.saturating_add(scaled(air_us, i64::from(self.drift_ppm)))
    }

    /// The first instant of the air's time at which the clock shows `local_us` or more.
    pub fn air(&self, local_us: u64) -> u64 {
        let elapsed = u128::from(local_us.saturating_sub(self.offset_us));
        let rate = u128::from((1_000_000 + i64::from(self.drift_ppm)).max(1).unsigned_abs());
        u64::try_from((elapsed * 1_000_000).div_ceil(rate)).unwrap_or(u64::MAX)
    }
}

fn scaled(us: u64, ppm: i64) -> u64 {
    let rate = (1_000_000 + ppm).max(1).unsigned_abs();
    u64::try_from(u128::from(us) * u128::from(rate) / 1_000_000).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `VIR-09`
    #[test]
    fn vir_09_clocks_drift_apart_and_convert_back() {
        let fast = Clock { offset_us: 500, drift_ppm: 20 };
        let slow = Clock { offset_us: 0, drift_ppm: -20 };
        const HOUR: u64 = 3_600_000_000;
        assert_eq!(fast.local(HOUR) - 500 - slow.local(HOUR), 144_000);
        for clock in [fast, slow] {
            for local in [500, 501, 77_777, HOUR, 24 * HOUR + 1] {
                let air = clock.air(local);
                assert!(clock.local(air) >= local, "{clock:?} {local}");
                assert!(air == 0 || clock.local(air - 1) < local, "{clock:?} {local}");
            }
        }
    }
}
