//! Dictionaries of `org.quicprochat.Appointments1`.

use zbus::{DeserializeDict, SerializeDict, Type};

/// What is to be published. What is missing stays as it was; words are German, as in the list that an
/// unknown one is answered with.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct OfferOptions {
    /// The practice's postal code; needed the first time.
    pub plz: Option<String>,
    /// Training.
    pub beruf: Option<Vec<String>>,
    /// Verfahren; needed the first time.
    pub fachrichtung: Option<Vec<String>>,
    /// Where and how; needed the first time.
    pub modalitaet: Option<Vec<String>>,
    /// Who pays; needed the first time.
    pub kostentraeger: Option<Vec<String>>,
    /// Who is treated.
    pub gruppe: Option<Vec<String>>,
    /// In which company.
    pub setting: Option<Vec<String>>,
    /// How the practice is reached.
    pub zugang: Option<Vec<String>>,
    /// Languages, two letters each.
    pub sprachen: Option<Vec<String>>,
    /// What the new slots are for; default Sprechstunde.
    pub leistung: Option<String>,
    /// Mailbox nodes (address or contact), at most two.
    pub mailboxes: Option<Vec<String>>,
}

/// What is looked for. What is missing does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct SearchOptions {
    /// First digits of the postal code.
    pub plz_prefix: Option<String>,
    /// Around this postal code.
    pub plz: Option<String>,
    /// How far around it, in kilometres; default 25.
    pub radius_km: Option<u16>,
    /// Training.
    pub beruf: Option<String>,
    /// Verfahren.
    pub fachrichtung: Option<String>,
    /// Where and how.
    pub modalitaet: Option<String>,
    /// Who pays.
    pub kostentraeger: Option<String>,
    /// Who is treated.
    pub gruppe: Option<String>,
    /// In which company.
    pub setting: Option<String>,
    /// What for.
    pub leistung: Option<String>,
    /// How the practice is reached.
    pub zugang: Option<String>,
    /// A language, two letters.
    pub sprache: Option<String>,
    /// Slots that begin at or after this, in seconds since 1970.
    pub from: Option<u64>,
    /// Slots that begin before this, in seconds since 1970.
    pub to: Option<u64>,
    /// At least this tier, 0 to 3.
    pub trust: Option<u8>,
    /// At most this many; default 200.
    pub limit: Option<u16>,
}

/// How a slot is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}", deny_unknown_fields)]
pub struct ReserveOptions {
    /// How the practice may reach whoever asks; told once it has confirmed.
    pub contact: Option<String>,
    /// Whether the request holds for 15 minutes and not for a day; default false.
    pub online: Option<bool>,
}

/// A free appointment.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Slot {
    /// Its name.
    pub id: String,
    /// The practice's key, 64 hexadecimal digits.
    pub therapist: String,
    /// When it begins, in seconds since 1970.
    pub start: u64,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
    /// Where the practice is.
    pub plz: String,
    /// What it is for.
    pub leistung: Option<String>,
    /// Verfahren.
    pub fachrichtung: Vec<String>,
    /// Where and how.
    pub modalitaet: Vec<String>,
    /// Who pays.
    pub kostentraeger: Vec<String>,
    /// Who is treated.
    pub gruppe: Vec<String>,
    /// Languages.
    pub sprachen: Vec<String>,
    /// What is known about the practice: 0 nothing, 1 its domain, 2 colleagues, 3 an issuer.
    pub trust: u8,
    /// The same in a few German words.
    pub trust_label: String,
    /// Kilometres from the postal code of the search.
    pub distance_km: Option<f64>,
}

/// What this practice offers.
#[derive(Clone, Debug, Default, PartialEq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Offered {
    /// Counts the announces.
    pub sequence: u32,
    /// The practice's key.
    pub therapist: String,
    /// Names of all slots that are offered now, in order of time.
    pub slots: Vec<String>,
    /// Mailbox nodes.
    pub mailboxes: Vec<String>,
}

/// A request, as the practice sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct SlotRequest {
    /// Its name.
    pub id: String,
    /// The slot.
    pub slot: String,
    /// When the slot begins, in seconds since 1970.
    pub start: u64,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
    /// When it was asked for.
    pub made_at: u64,
    /// Until when it can be confirmed.
    pub until: u64,
    /// `requested`, `confirmed`, `declined`, `expired` or `cancelled`.
    pub state: String,
    /// How the patient is reached, once they said.
    pub contact: Option<String>,
}

/// A reservation, as the patient sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, SerializeDict, DeserializeDict, Type)]
#[zbus(signature = "a{sv}")]
pub struct Reservation {
    /// Its name.
    pub id: String,
    /// The slot.
    pub slot: String,
    /// The practice's key.
    pub therapist: String,
    /// When the slot begins, in seconds since 1970.
    pub start: u64,
    /// How long it lasts, in minutes.
    pub duration_min: u16,
    /// When it was asked for.
    pub made_at: u64,
    /// `requested`, `confirmed`, `declined`, `expired` or `cancelled`.
    pub state: String,
    /// Why, where there is a reason.
    pub reason: Option<String>,
    /// Whether contact data was given to the practice.
    pub contact_given: bool,
    /// Names of other slots that the practice has free.
    pub alternatives: Vec<String>,
}
