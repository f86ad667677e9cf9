//! What happened on the air, counted.

use std::collections::BTreeMap;

use transports::lora::air::server::{Happening, Report};

use crate::{commands::lab::air::reason, show::json};

/// Counts of everything, and of each radio.
#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    heard: u64,
    lost: BTreeMap<&'static str, u64>,
    radios: BTreeMap<String, Sent>,
}

/// What a radio sent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    pub(super) frames: u64,
    pub(super) air_us: u64,
}

impl Tally {
    pub(super) fn count(&mut self, report: &Report<'_>) {
        match report.what {
            Happening::Transmits { air_us, .. } => {
                let sent = self.radios.entry(report.radio.to_owned()).or_default();
                sent.frames += 1;
                sent.air_us += air_us;
            }
            Happening::Heard { .. } => self.heard += 1,
            Happening::Lost { why, .. } => *self.lost.entry(reason(why)).or_default() += 1,
            Happening::Attached(_) | Happening::Detached | Happening::Tuned(_) => {}
        }
    }

    pub(super) fn of(&self, radio: &str) -> Sent {
        self.radios.get(radio).copied().unwrap_or_default()
    }

    pub(super) fn air(&self) -> json::LabAir {
        json::LabAir {
            frames: self.radios.values().map(|sent| sent.frames).sum(),
            air_ms: self.radios.values().map(|sent| sent.air_us).sum::<u64>() as f64 / 1e3,
            heard: self.heard,
            lost: self.lost.clone(),
        }
    }
}
