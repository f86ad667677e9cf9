//! Direct messages between random pairs, at a mean rate.

use super::scenario::RadioScenario;
use crate::{queue::Micros, rng::Rng};

/// A message of the load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// When the application asks for it.
    pub at: Micros,
    /// Who sends.
    pub from: usize,
    /// Who is to get it.
    pub to: usize,
}

/// All messages of a run, and who writes to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Load {
    /// In the order of their times.
    pub offers: Vec<Offer>,
    /// Whom each radio writes to.
    pub contacts: Vec<Vec<usize>>,
}

impl Load {
    /// Draws contacts, and messages until the last one that is counted has had its time.
    pub fn draw(scenario: &RadioScenario, radios: usize, seed: u64) -> Self {
        let root = Rng::new(seed).fork("radio load");
        let mut friends = root.fork("contacts");
        let wanted = match scenario.load.contacts {
            0 => radios - 1,
            some => some.min(radios - 1),
        };
        let contacts: Vec<Vec<usize>> = (0..radios)
            .map(|of| {
                let mut others: Vec<_> = (0..radios).filter(|&other| other != of).collect();
                friends.shuffle(&mut others);
                others.truncate(wanted);
                others
            })
            .collect();
        let mut draws = root.fork("messages");
        let (start, end) = scenario.load_span_us();
        let mean_us = 3_600e6 / scenario.load.messages_per_hour;
        let mut at = start as f64;
        let mut offers = Vec::new();
        loop {
            // An exponential gap: the time to the next of independent happenings.
            at -= mean_us * (1.0 - draws.unit()).ln();
            if at >= end as f64 {
                return Self { offers, contacts };
            }
            let from = draws.index(radios);
            let to = contacts[from][draws.index(wanted)];
            offers.push(Offer { at: at as Micros, from, to });
        }
    }
}

impl RadioScenario {
    /// How many of a city's radios are honest: all but the last, when there is a hostile one.
    pub fn honest(&self, radios: usize) -> usize {
        radios - usize::from(self.hostile.channel_share > 0.0)
    }

    /// From the first message to the last.
    pub fn load_span_us(&self) -> (Micros, Micros) {
        let (start, end) = self.measured_us();
        (start - self.settle_s * SECOND_US, end + self.deadline_s * SECOND_US)
    }

    /// The time that is counted.
    pub fn measured_us(&self) -> (Micros, Micros) {
        let start = (self.warmup_s + self.settle_s) * SECOND_US;
        (start, start + self.measure_s * SECOND_US)
    }
}

const SECOND_US: Micros = 1_000_000;
