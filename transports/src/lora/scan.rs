//! Listening around: which of the region's speeds are in use here (`RND-42`).

use std::time::Duration;

use mesh::{Instant, radio::Signal};

use super::{
    preset::{PRESETS, Preset},
    rnode_stats::Stats,
    settings::Settings,
    uri::Radio,
};

/// A scan that goes on.
#[derive(Clone, Debug)]
pub struct Scan {
    steps: Vec<Settings>,
    dwell: Duration,
    rows: Vec<ScanRow>,
    present: Option<(Instant, ScanRow)>,
    over: bool,
}

/// What was heard at one speed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScanRow {
    /// Where it was listened.
    pub settings: Settings,
    /// The preset's name, if it has one.
    pub preset: Option<&'static str>,
    /// Frames.
    pub heard: u32,
    /// The strongest of them.
    pub best: Option<Signal>,
    /// How busy the channel was, in hundredths of a per cent, if the modem says so.
    pub load_centi: Option<u16>,
    /// The noise, if the modem says so.
    pub noise_floor_dbm: Option<i16>,
}

impl Scan {
    /// Listens for `dwell` on each of `steps`, of which there has to be one.
    pub(super) fn new(steps: Vec<Settings>, dwell: Duration) -> Self {
        Self { steps, dwell, rows: Vec::new(), present: None, over: false }
    }

    /// What the radio has to be set to now.
    pub(super) fn settings(&self) -> Settings {
        self.steps[self.rows.len().min(self.steps.len() - 1)]
    }

    pub(super) fn on_online(&mut self, now: Instant) {
        if self.over {
            return;
        }
        let settings = self.settings();
        let row = ScanRow {
            settings,
            preset: Preset::of(&settings).map(|preset| preset.name),
            heard: 0,
            best: None,
            load_centi: None,
            noise_floor_dbm: None,
        };
        self.present = Some((now + self.dwell, row));
    }

    pub(super) fn on_heard(&mut self, signal: Signal) {
        if let Some((_, row)) = &mut self.present {
            row.heard += 1;
            if row.best.is_none_or(|best| best.rssi_dbm < signal.rssi_dbm) {
                row.best = Some(signal);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.present.as_ref().map(|(until, _)| *until)
    }

    /// Ends a step whose time is over: what to set next, or nothing more.
    pub(super) fn advance(&mut self, now: Instant, stats: &Stats) -> Option<Option<Settings>> {
        let (_, mut row) = self.present.take_if(|(until, _)| *until <= now)?;
        row.load_centi = stats.channel.map(|channel| channel.load_short_centi);
        row.noise_floor_dbm = stats.channel.and_then(|channel| channel.noise_floor_dbm);
        self.rows.push(row);
        self.over = self.rows.len() == self.steps.len();
        Some((!self.over).then(|| self.settings()))
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    pub(super) fn into_rows(self) -> Vec<ScanRow> {
        self.rows
    }
}

/// The speeds to listen at: all presets that are lawful where the radio stands, on its frequency
/// and on the region's usual one.
pub fn plan(radio: &Radio) -> Vec<Settings> {
    let usual = radio.region.defaults().frequency_hz;
    let mut frequencies = vec![radio.settings.frequency_hz, usual];
    frequencies.dedup();
    let mut steps = vec![radio.settings];
    for frequency_hz in frequencies {
        for preset in PRESETS {
            let settings = Settings { frequency_hz, ..preset.on(radio.settings) };
            let is_lawful = Radio { settings, ..*radio }.check().is_ok();
            if is_lawful && !steps.contains(&settings) {
                steps.push(settings);
            }
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::{super::Region, *};

    #[test]
    fn rnd_42_a_scan_stays_within_the_law() {
        for region in Region::ALL {
            let radio = Radio::new(region);
            let steps = plan(&radio);
            assert_eq!(steps[0], radio.settings);
            assert!(steps.len() >= 2, "{region}");
            assert!(
                steps.iter().all(|settings| Radio { settings: *settings, ..radio }.check().is_ok())
            );
        }
        let eu = plan(&Radio::new(Region::Eu868));
        assert!(eu.iter().all(|settings| settings.bandwidth_hz <= 250_000));
    }
}
