//! Arguments of appointments. The words are German, as the domain's are.

use std::{path::PathBuf, time::Duration};

use ::fapp::calendar::BerlinTime;
use clap::{Args, Subcommand};

use super::{
    Export, Import, Pattern, Pause,
    value::{self, HexId},
};

/// `qpc fapp`
#[derive(Clone, Debug, Subcommand)]
pub enum Fapp {
    /// Publish free slots of this node's practice, beside those that are offered already
    Publish(Publish),
    /// Slots that come back each week
    #[command(subcommand)]
    Pattern(Pattern),
    /// Days on which nothing is offered
    Pause(Pause),
    /// Take busy times from a calendar file, and nothing else of it: no slot is offered then
    Import(Import),
    /// Confirmed appointments as a calendar file, or everything as FHIR records
    Export(Export),
    /// What this practice offers now
    Status,
    /// Take a slot back, or all
    Withdraw {
        /// The slot, or `all`
        #[arg(value_name = "SLOT_ID|all", value_parser = slot_or_all)]
        slot: String,
    },
    /// Free slots that this node knows; nothing is sent for it
    Search(Search),
    /// Ask for a slot; asked for is not booked
    Reserve(Reserve),
    /// What you asked for, and what became of it
    Reservations,
    /// Who asks for slots of this practice
    Requests,
    /// Give the slot to a request; others that wait for it are declined
    Confirm {
        /// The request
        id: HexId,
    },
    /// Decline a request
    Decline {
        /// The request
        id: HexId,
    },
    /// Take a reservation back; or, as the practice, a slot that was confirmed
    Cancel {
        /// The reservation
        id: HexId,
    },
    /// Searches that stay: add, list, remove, watch
    #[command(subcommand)]
    Alert(super::Alert),
    /// Who a practice is, and how yours is known for more
    Trust(super::Trust),
}

/// `qpc fapp publish`
#[derive(Args, Clone, Debug)]
pub struct Publish {
    /// Where the practice is; needed the first time
    #[arg(long)]
    pub plz: Option<String>,
    /// Verfahren, such as Verhaltenstherapie; needed the first time
    #[arg(long, value_delimiter = ',')]
    pub fachrichtung: Option<Vec<String>>,
    /// Praxis, Video, Telefon, Hausbesuch; needed the first time
    #[arg(long, value_delimiter = ',')]
    pub modalitaet: Option<Vec<String>>,
    /// GKV, PKV, Selbstzahler …; needed the first time
    #[arg(long, value_delimiter = ',')]
    pub kostentraeger: Option<Vec<String>>,
    /// Training
    #[arg(long, value_delimiter = ',')]
    pub beruf: Option<Vec<String>>,
    /// Erwachsene, Kinder und Jugendliche
    #[arg(long, value_delimiter = ',')]
    pub gruppe: Option<Vec<String>>,
    /// Einzel, Gruppe, Kombination
    #[arg(long, value_delimiter = ',')]
    pub setting: Option<Vec<String>>,
    /// barrierefrei, ÖPNV, Parkplatz
    #[arg(long, value_delimiter = ',')]
    pub zugang: Option<Vec<String>>,
    /// Languages, two letters each
    #[arg(long, value_delimiter = ',')]
    pub sprachen: Option<Vec<String>>,
    /// What the slots are for [default: Sprechstunde]
    #[arg(long)]
    pub leistung: Option<String>,
    /// Mailbox nodes for requests [default: a neighbour that is one]
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    pub mailbox: Option<Vec<String>>,
    /// A free slot: German time, or with an offset; and its minutes
    #[arg(long, value_name = "2027-01-12T09:00/50m", value_parser = slot)]
    pub slot: Vec<SlotTime>,
    /// A calendar file (or `-`) of which each event is a free slot, busy or free, also those that come
    /// back: 10 to 255 minutes long, in the year ahead. The same file may be published again
    #[arg(long, value_name = "FILE", conflicts_with = "slot")]
    pub ics: Option<PathBuf>,
}

/// `qpc fapp search`
#[derive(Args, Clone, Debug)]
pub struct Search {
    /// First digits of the postal code
    #[arg(long, value_name = "DIGITS", conflicts_with = "plz")]
    pub plz_prefix: Option<String>,
    /// Around this postal code
    #[arg(long)]
    pub plz: Option<String>,
    /// How far around it [default: 25]
    #[arg(long, value_name = "KM", requires = "plz")]
    pub radius_km: Option<u16>,
    /// Verfahren
    #[arg(long)]
    pub fachrichtung: Option<String>,
    /// Where and how
    #[arg(long)]
    pub modalitaet: Option<String>,
    /// Who pays
    #[arg(long)]
    pub kostentraeger: Option<String>,
    /// Training
    #[arg(long)]
    pub beruf: Option<String>,
    /// Who is treated
    #[arg(long)]
    pub gruppe: Option<String>,
    /// In which company
    #[arg(long)]
    pub setting: Option<String>,
    /// What for
    #[arg(long)]
    pub leistung: Option<String>,
    /// How the practice is reached
    #[arg(long)]
    pub zugang: Option<String>,
    /// A language, two letters
    #[arg(long)]
    pub sprache: Option<String>,
    /// Slots that begin at or after this
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub from: Option<u64>,
    /// Slots that begin before this
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub to: Option<u64>,
    /// At least so much is known about the practice, 0 to 3
    #[arg(long, value_name = "TIER")]
    pub trust: Option<u8>,
    /// At most this many [default: 200]
    #[arg(long, value_name = "COUNT")]
    pub limit: Option<u16>,
    /// Ask neighbours first: they learn two digits of the postal code, Fachrichtung and Kostentraeger
    #[arg(long)]
    pub ask_neighbours: bool,
}

/// `qpc fapp reserve`
#[derive(Args, Clone, Debug)]
pub struct Reserve {
    /// The slot, as search shows it
    #[arg(value_name = "SLOT_ID")]
    pub slot: HexId,
    /// How the practice may reach you; told once it has confirmed, not before
    #[arg(long, value_name = "TEXT")]
    pub contact: Option<String>,
    /// Wait so long for the practice's answer
    #[arg(long, value_name = "SECONDS", value_parser = value::seconds)]
    pub wait: Option<Duration>,
}

/// A slot as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotTime {
    /// When it begins, in seconds since 1970.
    pub start: u64,
    /// Its minutes.
    pub duration_min: u16,
}

fn time(text: &str) -> Result<u64, String> {
    BerlinTime::parse(text).map(|at| at.0).map_err(|error| error.to_string())
}

fn slot(text: &str) -> Result<SlotTime, String> {
    let form = || "a slot looks like 2027-01-12T09:00+01:00/50m".to_owned();
    let (start, minutes) = text.rsplit_once('/').ok_or_else(form)?;
    let minutes = minutes.strip_suffix('m').unwrap_or(minutes);
    let duration_min = minutes.parse().map_err(|_| form())?;
    Ok(SlotTime { start: time(start)?, duration_min })
}

fn slot_or_all(text: &str) -> Result<String, String> {
    if text == "all" { Ok(text.to_owned()) } else { text.parse().map(|id: HexId| id.to_string()) }
}
