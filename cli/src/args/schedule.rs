//! Arguments of a practice's schedule: patterns, pauses, calendar files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `qpc fapp pattern`
#[derive(Clone, Debug, Subcommand)]
pub enum Pattern {
    /// Offer slots each week, four weeks ahead: `Di 09:00-12:00/50m`
    Add(AddPattern),
    /// The patterns of this practice
    List,
    /// Remove a pattern, and its slots from the offer; what is confirmed stays
    Remove {
        /// Its number
        id: u32,
    },
}

/// `qpc fapp pattern add`
#[derive(Args, Clone, Debug)]
pub struct AddPattern {
    /// DAYS FROM-UNTIL/MINUTESm[+BUFFERm] [ab DAY] [bis DAY] [außer DAY,…], in German time
    #[arg(required = true, num_args = 1.., value_name = "Di 09:00-12:00/50m")]
    text: Vec<String>,
    /// What the slots are for [default: Sprechstunde]
    #[arg(long)]
    pub leistung: Option<String>,
}

impl AddPattern {
    /// The pattern in one text, whether the shell had it in one word or in several.
    pub fn text(&self) -> String {
        self.text.join(" ")
    }
}

/// `qpc fapp pause`
#[derive(Args, Clone, Debug)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Pause {
    /// The first and the last day, or one day
    #[arg(value_name = "FROM..TO", required = true)]
    pub days: Option<String>,
    /// Or what to do with pauses there are
    #[command(subcommand)]
    pub command: Option<PauseCommand>,
}

/// What to do with pauses.
#[derive(Clone, Debug, Subcommand)]
pub enum PauseCommand {
    /// The pauses of this practice
    List,
    /// End a pause: patterns offer their slots again, slots named one by one have to be named again
    Remove {
        /// Its number
        id: u32,
    },
}

/// `qpc fapp import`
#[derive(Args, Clone, Debug)]
pub struct Import {
    /// A calendar file (.ics), or `-`. From the web: curl -sSf URL | qpc fapp import -
    pub file: PathBuf,
    /// Which of your calendars it is: its times take the place of those it had; one without times is forgotten
    #[arg(long, default_value = "calendar")]
    pub name: String,
}

/// `qpc fapp export`
#[derive(Args, Clone, Debug)]
pub struct Export {
    /// Write confirmed appointments as a calendar file [default, to standard output]
    #[arg(long, value_name = "FILE", conflicts_with = "fhir")]
    pub ics: Option<PathBuf>,
    /// Write slots, requests and reservations as FHIR R4 records; `-` for standard output
    #[arg(long, value_name = "FILE")]
    pub fhir: Option<PathBuf>,
}
