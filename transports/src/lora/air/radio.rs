//! What the air knows of a radio.

use mesh::radio::Modulation;

use super::{RadioSite, flight::is_one_channel};

/// A radio, as it is at this moment.
#[derive(Debug)]
pub(super) struct Radio {
    pub(super) site: RadioSite,
    pub(super) present: bool,
    pub(super) tuning: Option<Modulation>,
    pub(super) tuned_at: u64,
    pub(super) sending: Option<u64>,
    pub(super) sent_until: u64,
    /// The frame it is receiving.
    pub(super) locked: Option<u64>,
    pub(super) watched: bool,
    pub(super) busy: bool,
}

impl Radio {
    pub(super) const fn new(site: RadioSite) -> Self {
        Self {
            site,
            present: true,
            tuning: None,
            tuned_at: 0,
            sending: None,
            sent_until: 0,
            locked: None,
            watched: false,
            busy: true,
        }
    }

    pub(super) fn is_tuned_to(&self, modulation: &Modulation) -> bool {
        self.present && self.tuning.is_some_and(|tuning| is_one_channel(&tuning, modulation))
    }
}
