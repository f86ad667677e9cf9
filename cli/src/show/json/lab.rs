//! Documents of the laboratory.

use std::collections::BTreeMap;

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

/// `CLI-83`
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lab {
    /// Who is where.
    pub nodes: Vec<LabNode>,
    /// Who can read whom.
    pub hears: Vec<LabHearing>,
    /// What became of the messages.
    pub messages: Vec<LabMessage>,
    /// What happened on the air.
    pub air: LabAir,
}

/// A node on the map.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabNode {
    /// Its name on the map.
    pub name: String,
    /// Its address.
    pub address: String,
    /// Eastwards.
    pub x_m: f64,
    /// Northwards.
    pub y_m: f64,
    /// Frames it sent.
    pub frames: u64,
    /// How long they were on the air.
    pub air_ms: f64,
}

/// That one can read the other on a silent channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabHearing {
    /// Who is heard.
    pub from: String,
    /// Who hears.
    pub to: String,
    /// How strongly.
    pub rssi_dbm: i16,
    /// How far from noise.
    pub snr_db: f64,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabMessage {
    /// Its sender.
    pub from: String,
    /// Its recipient.
    pub to: String,
    /// Its id.
    pub id: String,
    /// What the sender knew of it in the end.
    pub state: String,
    /// When its receipt was back.
    pub after_s: Option<f64>,
}

/// Counts of the air.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LabAir {
    /// Frames that were sent.
    pub frames: u64,
    /// How long they were on the air.
    pub air_ms: f64,
    /// How often frames were received.
    pub heard: u64,
    /// How often they were not, by reason.
    pub lost: BTreeMap<&'static str, u64>,
}
