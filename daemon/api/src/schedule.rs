//! Dictionaries of `org.quicprochat.Appointments1` about a practice's schedule.

use zbus::{DeserializeDict, SerializeDict, Type};

/// How a pattern is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct PatternOptions {
    /// What its slots are for; default Sprechstunde.
    pub leistung: Option<String>,
}

/// Slots that come back each week.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Pattern {
    /// Its number.
    pub id: u32,
    /// When, such as `Di 09:00-12:00/50m`.
    pub text: String,
    /// What its slots are for.
    pub leistung: String,
}

/// Days on which nothing is offered.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Pause {
    /// Its number.
    pub id: u32,
    /// The days, such as `2027-08-02..2027-08-20`.
    pub text: String,
}

/// What of a calendar file is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct LeftOut {
    /// The line on which the event begins, where that is known.
    pub line: Option<u32>,
    /// When it is, in seconds since 1970, where that is known.
    pub start: Option<u64>,
    /// Why, in a few words.
    pub why: String,
}

/// What became of a calendar's times.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Imported {
    /// Times that are busy, with what adjoins made one.
    pub busy: u32,
    /// Slots that are offered now.
    pub offered: u32,
    /// Events that were not understood: their time may be taken.
    pub left_out_count: u32,
    /// The first hundred of them.
    pub left_out: Vec<LeftOut>,
}

/// What became of the slots of a calendar file.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct OfferedFile {
    /// Counts the announces.
    pub sequence: u32,
    /// The practice's key.
    pub therapist: String,
    /// Names of all slots that are offered now, in order of time.
    pub slots: Vec<String>,
    /// Mailbox nodes.
    pub mailboxes: Vec<String>,
    /// Slots that were not offered before.
    pub added: u32,
    /// Events that are no slots.
    pub left_out_count: u32,
    /// The first hundred and some of them.
    pub left_out: Vec<LeftOut>,
}
