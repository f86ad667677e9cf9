//! Documents of the laboratory.

use serde::Serialize;
use transports::lora::air::{
    Loss,
    server::{Happening, Report},
};

/// `CLI-84`
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AirEvent {
    /// Since the air began.
    pub at_s: f64,
    /// The radio's name.
    pub radio: String,
    /// `attached`, `detached`, `tuned`, `transmits`, `heard` or `lost`.
    pub event: &'static str,
    /// Whose frame it is.
    pub from: Option<String>,
    /// Its length.
    pub bytes: Option<usize>,
    /// How long it is on the air.
    pub air_ms: Option<f64>,
    /// How strongly it was received.
    pub rssi_dbm: Option<i16>,
    /// Its distance from noise.
    pub snr_db: Option<f64>,
    /// Why it was not received.
    pub why: Option<&'static str>,
}

impl From<&Report<'_>> for AirEvent {
    fn from(report: &Report<'_>) -> Self {
        let mut told = Self {
            at_s: report.at_us as f64 / 1e6,
            radio: report.radio.to_owned(),
            ..Self::default()
        };
        match report.what {
            Happening::Attached(_) => told.event = "attached",
            Happening::Detached => told.event = "detached",
            Happening::Tuned(_) => told.event = "tuned",
            Happening::Transmits { frame, air_us } => {
                told.event = "transmits";
                told.bytes = Some(frame.len());
                told.air_ms = Some(air_us as f64 / 1e3);
            }
            Happening::Heard { from, signal, frame } => {
                told.event = "heard";
                told.from = Some(from.to_owned());
                told.bytes = Some(frame.len());
                told.rssi_dbm = Some(signal.rssi_dbm);
                told.snr_db = Some(f64::from(signal.snr_quarter_db) / 4.0);
            }
            Happening::Lost { from, why } => {
                told.event = "lost";
                told.from = Some(from.to_owned());
                told.why = Some(reason(why));
            }
        }
        told
    }
}

const fn reason(why: Loss) -> &'static str {
    match why {
        Loss::Collision => "collision",
        Loss::Detuned => "detuned",
        Loss::Faded => "faded",
        Loss::HalfDuplex => "half-duplex",
        Loss::Occupied => "occupied",
        Loss::Retuned => "retuned",
    }
}

/// `CLI-85`
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rnode {
    /// Its number on the air.
    pub radio: u32,
    /// Where its host finds it.
    pub uri: String,
}
