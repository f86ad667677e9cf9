//! Documents of alerts.

use serde::Serialize;

use super::{FappSlot, german};

/// `CLI-136`
#[derive(Debug, Serialize)]
pub struct FappAlert {
    /// The new alert's number.
    pub id: u32,
}

/// `CLI-137`
#[derive(Debug, Serialize)]
pub struct FappAlerts {
    /// The oldest first.
    pub alerts: Vec<FappAlertEntry>,
}

/// An alert.
#[derive(Debug, Serialize)]
pub struct FappAlertEntry {
    /// Its number.
    pub id: u32,
    /// What its owner calls it.
    pub label: String,
    /// What it looks for.
    pub search: FappSearch,
    /// What it found that is still free, the soonest first.
    pub slots: Vec<FappSlot>,
    /// Whether it waits until some of these have begun.
    pub full: bool,
}

/// What is looked for; what does not matter is null.
#[derive(Debug, Serialize)]
pub struct FappSearch {
    plz_prefix: Option<String>,
    plz: Option<String>,
    radius_km: Option<u16>,
    beruf: Option<String>,
    fachrichtung: Option<String>,
    modalitaet: Option<String>,
    kostentraeger: Option<String>,
    gruppe: Option<String>,
    setting: Option<String>,
    leistung: Option<String>,
    zugang: Option<String>,
    sprache: Option<String>,
    from: Option<String>,
    to: Option<String>,
    trust: Option<u8>,
}

impl From<api::SearchOptions> for FappSearch {
    fn from(search: api::SearchOptions) -> Self {
        Self {
            plz_prefix: search.plz_prefix,
            plz: search.plz,
            radius_km: search.radius_km,
            beruf: search.beruf,
            fachrichtung: search.fachrichtung,
            modalitaet: search.modalitaet,
            kostentraeger: search.kostentraeger,
            gruppe: search.gruppe,
            setting: search.setting,
            leistung: search.leistung,
            zugang: search.zugang,
            sprache: search.sprache,
            from: search.from.map(german),
            to: search.to.map(german),
            trust: search.trust,
        }
    }
}

impl From<api::Alert> for FappAlertEntry {
    fn from(alert: api::Alert) -> Self {
        Self {
            id: alert.id,
            label: alert.label,
            search: alert.search.into(),
            slots: alert.slots.into_iter().map(Into::into).collect(),
            full: alert.full,
        }
    }
}

/// `CLI-138`
#[derive(Debug, Serialize)]
pub struct FappHit {
    /// The alert.
    pub alert: u32,
    /// The slot.
    pub slot: String,
    /// The practice's key.
    pub therapist: String,
    /// When it begins, in German time.
    pub start: String,
    /// The same in seconds since 1970.
    pub start_unix_s: u64,
}
