//! Who a therapist is, shown for what it is (`specs/35-fapp-trust.md`).
//!
//! [`TrustBook`] holds what others signed about a practice's key, and says its [`Tier`]. Nothing here
//! speaks to anybody: files are fetched, and objects passed on, by the driver.

mod book;
mod colleague;
mod credential;
mod domain;
mod file;
mod follow;
#[cfg(test)]
mod follow_tests;
mod rows;
mod text;

#[cfg(test)]
mod tests;

pub use book::{Held, Refused, Root, Standing, TrustBook};
pub use colleague::Endorsement;
pub use credential::{Credential, IssuerLink};
pub use domain::{Domain, Observation};
pub use file::PracticeFile;
pub use follow::Tiers;
pub use text::{Statement, TextError};

/// How much is known about who holds a key (`TRU-01`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// Nothing but the key.
    #[default]
    SelfSigned,
    /// The holder of a domain named it.
    Domain,
    /// Two colleagues vouch for it.
    Colleagues,
    /// An issuer in the configuration certified it.
    Issuer,
}

/// A language of texts for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// German, which is first.
    German,
    /// English.
    English,
}

impl Tier {
    /// All tiers, the lowest first.
    pub const ALL: [Self; 4] = [Self::SelfSigned, Self::Domain, Self::Colleagues, Self::Issuer];

    /// Its number, as JSON has it.
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// A few words, for a badge.
    pub const fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::SelfSigned, Language::German) => "nicht geprüft",
            (Self::SelfSigned, Language::English) => "not verified",
            (Self::Domain, Language::German) => "Website bestätigt",
            (Self::Domain, Language::English) => "website confirmed",
            (Self::Colleagues, Language::German) => "von Kolleg:innen bestätigt",
            (Self::Colleagues, Language::English) => "confirmed by colleagues",
            (Self::Issuer, Language::German) => "Approbation bestätigt",
            (Self::Issuer, Language::English) => "licence confirmed",
        }
    }

    /// What that means, and what it does not.
    pub const fn explanation(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::SelfSigned, Language::German) => {
                "Niemand hat geprüft, wer hinter diesem Angebot steht. Geben Sie erst Kontaktdaten an, \
                 wenn Sie die Praxis auf anderem Weg kennen."
            }
            (Self::SelfSigned, Language::English) => {
                "Nobody has checked who is behind this offer. Give contact details only if you know \
                 the practice in another way."
            }
            (Self::Domain, Language::German) => {
                "Das Angebot gehört zu dieser Website. Ob dort jemand mit Approbation arbeitet, ist \
                 damit nicht geprüft."
            }
            (Self::Domain, Language::English) => {
                "The offer belongs to this website. Whether somebody with a licence works there is \
                 not checked by that."
            }
            (Self::Colleagues, Language::German) => {
                "Zwei Therapeut:innen, denen Ihr Knoten vertraut, stehen für Beruf und Kammer dieser \
                 Person ein."
            }
            (Self::Colleagues, Language::English) => {
                "Two therapists whom your node trusts vouch for this person's profession and chamber."
            }
            (Self::Issuer, Language::German) => {
                "Eine Stelle, der Ihr Knoten vertraut, hat Beruf und Kammer für genau diesen Schlüssel \
                 bescheinigt."
            }
            (Self::Issuer, Language::English) => {
                "An issuer that your node trusts certified profession and chamber for exactly this key."
            }
        }
    }
}

/// The chambers of psychotherapists, by their number less one.
pub const CHAMBERS: [&str; 12] = [
    "ptksh", "ptkhh", "ptkn", "lptkbr", "ptknrw", "ptkh", "lpkrlp", "lpkbw", "ptkba", "ptks",
    "ptkb", "optk",
];

/// By how much clocks may differ, in seconds (`TRU-02`).
const SKEW_S: u64 = 15 * 60;
/// A day in seconds.
const DAY_S: u64 = 86_400;
