//! Documents of a practice's schedule.

use serde::Serialize;

use super::german;

/// `CLI-126`
#[derive(Debug, Serialize)]
pub struct FappPatterns {
    /// By number.
    pub patterns: Vec<FappPattern>,
}

/// A pattern.
#[derive(Debug, Serialize)]
pub struct FappPattern {
    /// Its number.
    pub id: u32,
    /// When.
    pub text: String,
    /// What its slots are for.
    pub leistung: String,
}

impl From<api::Pattern> for FappPattern {
    fn from(one: api::Pattern) -> Self {
        Self { id: one.id, text: one.text, leistung: one.leistung }
    }
}

/// `CLI-127`
#[derive(Debug, Serialize)]
pub struct FappPauses {
    /// By number.
    pub pauses: Vec<FappPause>,
}

/// A pause.
#[derive(Debug, Serialize)]
pub struct FappPause {
    /// Its number.
    pub id: u32,
    /// The days.
    pub text: String,
}

impl From<api::Pause> for FappPause {
    fn from(one: api::Pause) -> Self {
        Self { id: one.id, text: one.text }
    }
}

/// `CLI-128`
#[derive(Debug, Serialize)]
pub struct FappAdded {
    /// The number of what was added.
    pub id: u32,
    /// Slots that are offered now.
    pub offered: u32,
}

/// `CLI-129`
#[derive(Debug, Serialize)]
pub struct FappImport {
    /// Times that are busy.
    pub busy: u32,
    /// Slots that are offered now.
    pub offered: u32,
    /// Events that were not understood.
    pub left_out_count: u32,
    /// The first of them.
    pub left_out: Vec<FappLeftOut>,
}

/// What of a file is left out.
#[derive(Debug, Serialize)]
pub struct FappLeftOut {
    /// The line of the event, where it is known.
    pub line: Option<u32>,
    /// When it is, in German time, where it is known.
    pub start: Option<String>,
    /// Why.
    pub why: String,
}

impl From<api::LeftOut> for FappLeftOut {
    fn from(one: api::LeftOut) -> Self {
        Self { line: one.line, start: one.start.map(german), why: one.why }
    }
}

impl From<api::Imported> for FappImport {
    fn from(imported: api::Imported) -> Self {
        Self {
            busy: imported.busy,
            offered: imported.offered,
            left_out_count: imported.left_out_count,
            left_out: imported.left_out.into_iter().map(Into::into).collect(),
        }
    }
}

/// `CLI-132`
#[derive(Debug, Serialize)]
pub struct FappExport {
    /// `ics` or `fhir`.
    pub format: &'static str,
    /// Where it was written, unless it is here.
    pub file: Option<String>,
    /// The text, unless it was written to a file.
    pub text: Option<String>,
}
