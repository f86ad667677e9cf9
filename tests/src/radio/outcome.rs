//! What a run showed.

use std::collections::BTreeMap;

use transports::lora::air::Loss;

use super::load::Offer;
use crate::queue::Micros;

/// What became of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fate {
    /// Its recipient's application has it.
    pub shown_at: Option<Micros>,
    /// Its sender knows.
    pub confirmed_at: Option<Micros>,
}

/// Figures of one run (`RSM-02`).
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Messages offered while it was counted.
    pub offered: usize,
    /// Of those, shown to their recipient.
    pub shown: usize,
    /// Of those, confirmed to their sender.
    pub confirmed: usize,
    /// From the offer to being shown, sorted.
    pub latencies: Vec<Micros>,
    /// Frames sent while it was counted.
    pub frames: u64,
    /// Their time on air.
    pub air_us: Micros,
    /// Time on air before it was counted.
    pub air_before_us: Micros,
    /// Time on air of each radio while it was counted.
    pub air_of: Vec<Micros>,
    /// Receptions of whole frames, in all.
    pub received: u64,
    /// Receptions that were lost, in all, by why.
    pub lost: BTreeMap<Loss, u64>,
    /// How long was counted.
    pub measured_us: Micros,
}

impl Outcome {
    pub(super) fn new(radios: usize) -> Self {
        Self {
            offered: 0,
            shown: 0,
            confirmed: 0,
            latencies: Vec::new(),
            frames: 0,
            air_us: 0,
            air_before_us: 0,
            air_of: vec![0; radios],
            received: 0,
            lost: BTreeMap::new(),
            measured_us: 0,
        }
    }

    pub(super) fn on_air(
        &mut self,
        radio: usize,
        now: Micros,
        air_us: Micros,
        measured: (Micros, Micros),
    ) {
        if now < measured.0 {
            self.air_before_us += air_us;
        } else if now < measured.1 {
            self.frames += 1;
            self.air_us += air_us;
            self.air_of[radio] += air_us;
        }
    }

    pub(super) fn count(
        &mut self,
        offers: &[Offer],
        fates: &[Fate],
        measured: (Micros, Micros),
        deadline_us: Micros,
    ) {
        self.measured_us = measured.1 - measured.0;
        for (offer, fate) in offers.iter().zip(fates) {
            if offer.at < measured.0 || offer.at >= measured.1 {
                continue;
            }
            self.offered += 1;
            let in_time = |at: &Micros| *at <= offer.at + deadline_us;
            self.confirmed += usize::from(fate.confirmed_at.is_some_and(|at| in_time(&at)));
            if let Some(at) = fate.shown_at.filter(in_time) {
                self.shown += 1;
                self.latencies.push(at - offer.at);
            }
        }
        self.latencies.sort_unstable();
    }

    /// Share of the messages that were delivered.
    pub fn delivered(&self) -> f64 {
        self.shown as f64 / self.offered.max(1) as f64
    }

    /// Time on air of the whole mesh for each message delivered.
    pub fn air_per_delivery_us(&self) -> f64 {
        self.air_us as f64 / self.shown.max(1) as f64
    }

    /// Latency below which this share of the delivered messages stays.
    pub fn latency_us(&self, share: f64) -> Micros {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share) as usize).copied().unwrap_or(0)
    }

    /// Mean share of the time that a radio sends.
    pub fn sending_share(&self) -> f64 {
        self.air_us as f64 / (self.measured_us.max(1) as f64 * self.air_of.len().max(1) as f64)
    }

    /// Share of the time that the busiest radio sends.
    pub fn busiest_share(&self) -> f64 {
        let most = self.air_of.iter().max().copied().unwrap_or(0);
        most as f64 / self.measured_us.max(1) as f64
    }
}
