//! What a long run holds does not grow: the memory of the whole simulation, later against earlier.

/// Compares the peak of the last quarter of a run with that of its second quarter. The first one
/// fills what has bounds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Growth {
    early_peak: u64,
    late_peak: u64,
}

impl Growth {
    /// Notes what is resident when so much of the run is over, from 0 to 1.
    pub fn note(&mut self, progress: f64, resident_bytes: u64) {
        if (0.25..0.5).contains(&progress) {
            self.early_peak = self.early_peak.max(resident_bytes);
        } else if (0.75..=1.0).contains(&progress) {
            self.late_peak = self.late_peak.max(resident_bytes);
        }
    }

    /// Growth in percent; `None` when one of the quarters was not seen.
    pub fn percent(&self) -> Option<f64> {
        let seen = self.early_peak > 0 && self.late_peak > 0;
        seen.then(|| 100.0 * (self.late_peak as f64 / self.early_peak as f64 - 1.0))
    }
}

/// Bytes resident in this process; zero where the kernel does not tell.
pub fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) * 1_024
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `SIM-21`
    #[test]
    fn growth_is_what_the_last_quarter_has_more_than_the_second() {
        let mut growth = Growth::default();
        assert_eq!(growth.percent(), None);
        for (progress, bytes) in [(0.1, 900), (0.3, 100), (0.6, 900), (0.8, 120), (1.0, 110)] {
            growth.note(progress, bytes);
        }
        let percent = growth.percent().expect("both were seen");
        assert!((percent - 20.0).abs() < 1e-9, "{percent}");
        assert!(resident_bytes() > 1 << 20);
    }
}
