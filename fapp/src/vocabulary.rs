//! The words of the domain: what a practice is and offers (`FAP-01` to `FAP-03`).
//!
//! Each word has a number that is its place on the wire, a German name, and other spellings that are
//! understood. Case, spaces, hyphens and the spelling of umlauts do not matter when a word is read.

use alloc::{string::String, vec::Vec};
use core::{fmt, marker::PhantomData};

use crate::reservation::misleads;

/// One word of a list.
pub trait Term: Copy + Eq + 'static {
    /// What the list is about, as people say it.
    const KIND: &'static str;
    /// Every word, by number.
    const ALL: &'static [Self];
    /// Its number, which is its bit in a set.
    fn number(self) -> u8;
    /// The German name.
    fn name(self) -> &'static str;
    /// Other spellings that are understood.
    fn aliases(self) -> &'static [&'static str];

    /// The word that a text means.
    ///
    /// # Errors
    /// [`UnknownTerm`], which lists what there is.
    fn parse(text: &str) -> Result<Self, UnknownTerm> {
        let wanted = plain(text);
        let fits = |term: &Self| {
            plain(term.name()) == wanted
                || term.aliases().iter().any(|alias| plain(alias) == wanted)
        };
        let found = Self::ALL.iter().copied().find(fits).filter(|_| !wanted.is_empty());
        found.ok_or_else(|| UnknownTerm {
            kind: Self::KIND,
            known: Self::ALL.iter().map(|term| term.name()).collect(),
        })
    }
}

/// A text that is none of the words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTerm {
    /// What list was looked through.
    pub kind: &'static str,
    /// The words in it.
    pub known: Vec<&'static str>,
}

impl fmt::Display for UnknownTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no such {}; there are: {}", self.kind, self.known.join(", "))
    }
}

impl core::error::Error for UnknownTerm {}

/// Letters and digits alone, small, umlauts as two letters; nothing for what cannot be a word: other
/// alphabets' letters, and characters that change how others are shown.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // Longer than any word there is.
    for letter in text.chars().take(64).flat_map(char::to_lowercase) {
        match letter {
            'ä' => out.push_str("ae"),
            'ö' => out.push_str("oe"),
            'ü' => out.push_str("ue"),
            'ß' => out.push_str("ss"),
            // A combining diaeresis follows its letter: the decomposed form of an umlaut.
            '\u{308}' => out.push('e'),
            letter if letter.is_ascii_alphanumeric() => out.push(letter),
            letter if letter.is_alphanumeric() || misleads(letter) => return String::new(),
            _ => {}
        }
    }
    out
}

/// A set of words, as bits. Bits without a word are kept: a newer version knows them.
pub struct Terms<T>(u16, PhantomData<T>);

impl<T> Terms<T> {
    /// None.
    pub const NONE: Self = Self(0, PhantomData);

    /// The set with these bits.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits, PhantomData)
    }

    /// Its bits.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Whether it has no word.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the two have a word in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether it has all words of the other.
    pub const fn covers(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl<T: Term> Terms<T> {
    /// Whether a word is in it.
    pub fn contains(self, term: T) -> bool {
        self.0 & (1 << term.number()) != 0
    }

    /// The words in it, by number.
    pub fn iter(self) -> impl Iterator<Item = T> {
        T::ALL.iter().copied().filter(move |term| self.contains(*term))
    }

    /// Their names.
    pub fn names(self) -> Vec<&'static str> {
        self.iter().map(Term::name).collect()
    }
}

impl<T: Term> FromIterator<T> for Terms<T> {
    fn from_iter<I: IntoIterator<Item = T>>(terms: I) -> Self {
        Self::from_bits(terms.into_iter().fold(0, |bits, term| bits | 1 << term.number()))
    }
}

impl<T: Term> From<T> for Terms<T> {
    fn from(term: T) -> Self {
        Self::from_iter([term])
    }
}

impl<T> Clone for Terms<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Terms<T> {}

impl<T> Default for Terms<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> PartialEq for Terms<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T> Eq for Terms<T> {}

impl<T: Term> fmt::Debug for Terms<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

macro_rules! vocabulary {
    ($(#[$doc:meta])* $name:ident, $kind:literal;
     $($(#[$item:meta])* $variant:ident = $number:literal, $text:literal, [$($alias:literal),*];)*) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum $name { $($(#[$item])* $variant = $number,)* }

        impl Term for $name {
            const KIND: &'static str = $kind;
            const ALL: &'static [Self] = &[$(Self::$variant,)*];

            fn number(self) -> u8 {
                self as u8
            }

            fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            fn aliases(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &[$($alias),*],)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl core::str::FromStr for $name {
            type Err = UnknownTerm;

            fn from_str(text: &str) -> Result<Self, UnknownTerm> {
                <Self as Term>::parse(text)
            }
        }
    };
}

vocabulary! {
    /// What somebody is by training. Heilpraktiker are none of these: they have no Approbation.
    Beruf, "Beruf";
    /// Psychologische Psychotherapeutin, Psychologischer Psychotherapeut.
    PsychologischePsychotherapie = 0, "Psychologische/r Psychotherapeut/in", ["PP", "Psychologischer Psychotherapeut", "Psychologische Psychotherapeutin"];
    /// Kinder- und Jugendlichenpsychotherapeut/in.
    KinderJugendlichenpsychotherapie = 1, "Kinder- und Jugendlichenpsychotherapeut/in", ["KJP"];
    /// Fachpsychotherapeut/in, by the law of 2020.
    Fachpsychotherapie = 2, "Fachpsychotherapeut/in", ["FPT"];
    /// Fachärztin, Facharzt für Psychiatrie und Psychotherapie.
    Psychiatrie = 3, "Fachärztin/Facharzt für Psychiatrie und Psychotherapie", ["Psychiatrie"];
    /// Fachärztin, Facharzt für Psychosomatische Medizin und Psychotherapie.
    Psychosomatik = 4, "Fachärztin/Facharzt für Psychosomatische Medizin und Psychotherapie", ["Psychosomatik"];
    /// Fachärztin, Facharzt für Kinder- und Jugendpsychiatrie und -psychotherapie.
    KinderJugendpsychiatrie = 5, "Fachärztin/Facharzt für Kinder- und Jugendpsychiatrie und -psychotherapie", ["Kinder- und Jugendpsychiatrie"];
}

vocabulary! {
    /// The Verfahren that is practised.
    Fachrichtung, "Fachrichtung";
    /// Cognitive behavioural therapy.
    Verhaltenstherapie = 0, "Verhaltenstherapie", ["VT"];
    /// Tiefenpsychologisch fundierte Psychotherapie.
    Tiefenpsychologie = 1, "Tiefenpsychologisch fundierte Psychotherapie", ["TP", "Tiefenpsychologie", "Tiefenpsychologisch"];
    /// Analytische Psychotherapie.
    Analytisch = 2, "Analytische Psychotherapie", ["AP", "Analytisch", "Psychoanalyse"];
    /// Systemische Therapie.
    Systemisch = 3, "Systemische Therapie", ["ST", "Systemisch"];
    /// Neuropsychologische Therapie.
    Neuropsychologisch = 4, "Neuropsychologische Therapie", ["Neuropsychologie", "Neuropsychologisch"];
    /// EMDR, a method within a Verfahren.
    Emdr = 5, "EMDR", [];
    /// Gesprächspsychotherapie, not paid by the GKV.
    Gespraechspsychotherapie = 6, "Gesprächspsychotherapie", [];
}

vocabulary! {
    /// Where and how people meet.
    Modalitaet, "Modalität";
    /// In the practice.
    Praxis = 0, "Praxis", ["Präsenz", "vor Ort"];
    /// By video.
    Video = 1, "Video", ["Videosprechstunde"];
    /// By telephone.
    Telefon = 2, "Telefon", [];
    /// At the patient's home.
    Hausbesuch = 3, "Hausbesuch", [];
}

vocabulary! {
    /// Who pays.
    Kostentraeger, "Kostenträger";
    /// Gesetzliche Krankenversicherung.
    Gkv = 0, "GKV", ["gesetzlich"];
    /// Private Krankenversicherung.
    Pkv = 1, "PKV", ["privat"];
    /// Beihilfe.
    Beihilfe = 2, "Beihilfe", [];
    /// The patient.
    Selbstzahler = 3, "Selbstzahler", ["Selbstzahlerin"];
    /// Kostenerstattung, § 13 (3) SGB V.
    Kostenerstattung = 4, "Kostenerstattung", [];
    /// Berufsgenossenschaft, Unfallversicherung.
    Unfallversicherung = 5, "BG", ["Unfallversicherung", "BG/UV", "UV"];
    /// Bundeswehr.
    Bundeswehr = 6, "Bundeswehr", [];
    /// Bundespolizei.
    Bundespolizei = 7, "Bundespolizei", [];
    /// Freie Heilfürsorge.
    Heilfuersorge = 8, "Heilfürsorge", [];
    /// Soziale Entschädigung, formerly OEG.
    SozialeEntschaedigung = 9, "SER", ["OEG", "Soziale Entschädigung"];
    /// Jugendamt.
    Jugendamt = 10, "Jugendamt", [];
}

vocabulary! {
    /// Who is treated.
    Gruppe, "Gruppe";
    /// Adults.
    Erwachsene = 0, "Erwachsene", [];
    /// Children and young people.
    KinderJugendliche = 1, "Kinder und Jugendliche", ["KiJu", "Kinder", "Jugendliche"];
}

vocabulary! {
    /// In which company.
    Setting, "Setting";
    /// One to one.
    Einzel = 0, "Einzel", ["Einzeltherapie"];
    /// In a group.
    Gruppentherapie = 1, "Gruppe", ["Gruppentherapie"];
    /// Both.
    Kombination = 2, "Kombination", [];
}

vocabulary! {
    /// What a slot is for.
    Leistung, "Leistung";
    /// Psychotherapeutische Sprechstunde, the first talk.
    Sprechstunde = 0, "Sprechstunde", ["Erstgespräch"];
    /// Probatorische Sitzung.
    Probatorik = 1, "Probatorik", ["Probatorische Sitzung"];
    /// Akutbehandlung.
    Akutbehandlung = 2, "Akutbehandlung", ["Akut"];
    /// Kurzzeittherapie.
    Kurzzeittherapie = 3, "KZT", ["Kurzzeittherapie"];
    /// Langzeittherapie.
    Langzeittherapie = 4, "LZT", ["Langzeittherapie"];
}

vocabulary! {
    /// How the practice is reached.
    Zugang, "Zugang";
    /// Without steps.
    Barrierefrei = 0, "barrierefrei", ["rollstuhlgerecht"];
    /// Near public transport.
    Oepnv = 1, "ÖPNV", [];
    /// With places to park.
    Parkplatz = 2, "Parkplatz", ["Parkmöglichkeit"];
}

/// Languages that are spoken, up to three, as the two letters of BCP 47's primary subtag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sprachen(u32);

/// Most languages of an announce.
pub const SPRACHEN_MAX: usize = 3;
const LETTERS: u32 = 10;

impl Sprachen {
    /// Adds a language.
    ///
    /// # Errors
    /// [`SpracheError`].
    pub fn with(self, subtag: &str) -> Result<Self, SpracheError> {
        let code = code(subtag).ok_or(SpracheError::NoSubtag)?;
        if self.codes().any(|known| known == code) {
            return Ok(self);
        }
        let count = self.codes().count();
        if count == SPRACHEN_MAX {
            return Err(SpracheError::TooMany);
        }
        Ok(Self(self.0 | code << (LETTERS * count as u32)))
    }

    /// The languages of 30 bits; `None` when these are none, or with gaps.
    pub fn from_bits(bits: u32) -> Option<Self> {
        let this = Self(bits);
        let letters = |code: u32| (code & 31, code >> 5);
        let whole = this.codes().all(|code| {
            let (first, second) = letters(code);
            (1..=26).contains(&first) && (1..=26).contains(&second)
        });
        // A language after a gap, one twice, or bits beyond the third.
        let packed = (0..SPRACHEN_MAX as u32)
            .map(|place| bits >> (LETTERS * place) & 0x3ff)
            .skip_while(|code| *code != 0)
            .all(|code| code == 0);
        let codes: Vec<u32> = this.codes().collect();
        let once = (1..codes.len()).all(|place| !codes[..place].contains(&codes[place]));
        (whole && packed && once && bits >> 30 == 0).then_some(this)
    }

    /// The 30 bits.
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Whether none is named; then German is meant.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a language is named; German is when none is.
    pub fn speaks(self, subtag: &str) -> bool {
        let wanted = code(subtag);
        if self.is_empty() { wanted == code("de") } else { self.codes().any(|c| Some(c) == wanted) }
    }

    /// The subtags.
    pub fn subtags(self) -> Vec<String> {
        let letter = |number: u32| char::from(b'a' + (number & 31).saturating_sub(1) as u8);
        self.codes().map(|code| [letter(code), letter(code >> 5)].iter().collect()).collect()
    }

    fn codes(self) -> impl Iterator<Item = u32> {
        (0..SPRACHEN_MAX as u32).map(move |n| self.0 >> (LETTERS * n) & 0x3ff).filter(|c| *c != 0)
    }
}

/// Two letters as ten bits, each from 1. What follows a hyphen (a script, a region) is left out.
fn code(subtag: &str) -> Option<u32> {
    let primary = subtag.split('-').next()?;
    let [first, second] = primary.as_bytes() else { return None };
    let number = |letter: &u8| {
        letter.is_ascii_alphabetic().then(|| u32::from(letter.to_ascii_lowercase() - b'a') + 1)
    };
    Some(number(first)? | number(second)? << 5)
}

/// Why a language was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpracheError {
    /// Not two letters.
    NoSubtag,
    /// There are three already.
    TooMany,
}

impl fmt::Display for SpracheError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSubtag => "a language is two letters, such as de, en, tr or ar",
            Self::TooMany => "an announce names three languages at most",
        })
    }
}

impl core::error::Error for SpracheError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fap_01_words_are_read_as_people_write_them() {
        for text in ["Verhaltenstherapie", "VERHALTENSTHERAPIE", " vt ", "v-t"] {
            assert_eq!(text.parse(), Ok(Fachrichtung::Verhaltenstherapie), "{text}");
        }
        for text in ["Heilfürsorge", "heilfuersorge", "HEILFÜRSORGE", "Heilfu\u{308}rsorge"] {
            assert_eq!(text.parse(), Ok(Kostentraeger::Heilfuersorge), "{text}");
        }
        assert_eq!("gkv".parse(), Ok(Kostentraeger::Gkv));
        assert_eq!("Kinder-und-Jugendliche".parse(), Ok(Gruppe::KinderJugendliche));
        for text in ["", " ", "-", "Heilpraktiker", "\u{202e}VT\u{202e}x"] {
            assert!(text.parse::<Beruf>().is_err(), "{text:?}");
        }
        let error = "Reiki".parse::<Fachrichtung>().expect_err("no Verfahren");
        assert!(
            alloc::format!("{error}").starts_with("no such Fachrichtung; there are: Verhaltens")
        );
    }

    fn are_distinct<T: Term + fmt::Debug>() {
        for (place, term) in T::ALL.iter().enumerate() {
            assert_eq!(usize::from(term.number()), place);
            assert_eq!(T::parse(term.name()), Ok(*term));
            for alias in term.aliases() {
                assert_eq!(T::parse(alias), Ok(*term), "{alias}");
            }
        }
    }

    #[test]
    fn fap_01_no_two_words_are_spelled_alike() {
        are_distinct::<Beruf>();
        are_distinct::<Fachrichtung>();
        are_distinct::<Modalitaet>();
        are_distinct::<Kostentraeger>();
        are_distinct::<Gruppe>();
        are_distinct::<Setting>();
        are_distinct::<Leistung>();
        are_distinct::<Zugang>();
    }

    #[test]
    fn fap_02_sets_keep_what_they_do_not_know() {
        let set: Terms<Modalitaet> = [Modalitaet::Video, Modalitaet::Praxis].into_iter().collect();
        assert_eq!((set.bits(), set.names()), (3, alloc::vec!["Praxis", "Video"]));
        let newer = Terms::<Modalitaet>::from_bits(0x8003);
        assert!(newer.covers(set) && newer.meets(set) && newer.bits() == 0x8003);
        assert_eq!(newer.names(), set.names());
    }

    #[test]
    fn fap_03_languages() {
        let spoken = Sprachen::default().with("de").and_then(|s| s.with("EN-gb"));
        let spoken = spoken.and_then(|s| s.with("tr")).expect("three");
        assert_eq!(spoken.subtags(), ["de", "en", "tr"]);
        assert_eq!(spoken.with("de"), Ok(spoken));
        assert_eq!(spoken.with("ar"), Err(SpracheError::TooMany));
        for bad in ["", "d", "deu", "d1", "ä"] {
            assert_eq!(Sprachen::default().with(bad), Err(SpracheError::NoSubtag), "{bad}");
        }
        assert_eq!(Sprachen::from_bits(spoken.bits()), Some(spoken));
        let german = Sprachen::default().with("de").expect("two letters").bits();
        for bits in [german << 10, german | german << 10, german | 1 << 30, 1, 31 | 31 << 5] {
            assert_eq!(Sprachen::from_bits(bits), None, "{bits:x}");
        }
        assert!(Sprachen::default().speaks("de") && !Sprachen::default().speaks("en"));
        assert!(spoken.speaks("en") && !spoken.speaks("fr"));
    }
}
