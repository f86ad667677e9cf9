//! What somebody looks for, and how what fits is put in order (`FAP-50` to `FAP-53`).

use alloc::{string::String, vec::Vec};
use core::{cmp::Ordering, fmt};

use crate::{
    SlotId, UnixSeconds,
    announce::SlotAnnounce,
    plz::{Place, Plz, PlzError, PlzPrefix},
    slot::Slot,
    trust::Tier,
    vocabulary::{
        Beruf, Fachrichtung, Gruppe, Kostentraeger, Leistung, Modalitaet, Setting, Term, Terms,
        Zugang,
    },
};

/// A search. What is `None` does not matter.
///
/// # Examples
///
/// ```
/// use fapp::{query::SlotQuery, vocabulary::{Fachrichtung, Kostentraeger}};
///
/// let query = SlotQuery {
///     fachrichtung: Some(Fachrichtung::Verhaltenstherapie),
///     plz_prefix: Some("803".into()),
///     kostentraeger: Some(Kostentraeger::Gkv),
///     ..Default::default()
/// };
/// assert!(query.check().is_ok());
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SlotQuery {
    /// First digits of the postal code.
    pub plz_prefix: Option<String>,
    /// Around this postal code; with `radius_km`.
    pub plz: Option<String>,
    /// How far around `plz`.
    pub radius_km: Option<u16>,
    /// Training.
    pub beruf: Option<Beruf>,
    /// Verfahren.
    pub fachrichtung: Option<Fachrichtung>,
    /// Where and how.
    pub modalitaet: Option<Modalitaet>,
    /// Who pays.
    pub kostentraeger: Option<Kostentraeger>,
    /// Who is treated.
    pub gruppe: Option<Gruppe>,
    /// In which company.
    pub setting: Option<Setting>,
    /// What for.
    pub leistung: Option<Leistung>,
    /// A way to the practice.
    pub zugang: Option<Zugang>,
    /// A language, two letters.
    pub sprache: Option<String>,
    /// Slots that begin at or after this.
    pub from: Option<UnixSeconds>,
    /// Slots that begin before this.
    pub to: Option<UnixSeconds>,
    /// At least this much is known about the practice.
    pub trust: Option<Tier>,
    /// At most this many slots; 0 for 200.
    pub limit: u16,
}

/// Why nobody can search like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// A postal code that is none.
    Plz(PlzError),
    /// A radius without a postal code.
    RadiusWithoutPlz,
    /// No two letters.
    Sprache,
    /// `to` is not behind `from`.
    Window,
}

impl fmt::Display for QueryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plz(error) => error.fmt(f),
            Self::RadiusWithoutPlz => f.write_str("a radius needs a postal code to be around"),
            Self::Sprache => f.write_str("a language is two letters, such as de, en, tr or ar"),
            Self::Window => f.write_str("the end of the time window is not behind its start"),
        }
    }
}

impl core::error::Error for QueryError {}

/// Slots of a search that nobody limited.
pub const RESULTS_DEFAULT: usize = 200;
/// Radius around a postal code that nobody gave one for.
pub const RADIUS_DEFAULT_KM: u16 = 25;

/// A slot that fits, and how far it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit<'a> {
    /// Its name.
    pub id: SlotId,
    /// The slot.
    pub slot: &'a Slot,
    /// The announce it is in.
    pub announce: &'a SlotAnnounce,
    /// What is known about the practice.
    pub tier: Tier,
    /// Metres from the postal code of the search.
    pub distance_m: Option<u32>,
}

/// A search that was checked, with what it takes to look through many announces.
#[derive(Clone, Debug)]
pub struct Search {
    query: SlotQuery,
    prefix: Option<PlzPrefix>,
    /// Codes within the radius with their distance in metres, by code.
    around: Option<Vec<(Plz, u32)>>,
    from: UnixSeconds,
}

impl SlotQuery {
    /// Checks what was asked.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn check(&self) -> Result<(), QueryError> {
        self.at(UnixSeconds(0)).map(drop)
    }

    /// Makes a search of it; slots that have begun do not fit.
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn at(&self, now: UnixSeconds) -> Result<Search, QueryError> {
        let prefix = self.plz_prefix.as_deref().map(PlzPrefix::parse).transpose();
        let prefix = prefix.map_err(QueryError::Plz)?;
        let middle = self.plz.as_deref().map(Plz::parse).transpose().map_err(QueryError::Plz)?;
        if middle.is_none() && self.radius_km.is_some() {
            return Err(QueryError::RadiusWithoutPlz);
        }
        let letters =
            |text: &String| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
        if !self.sprache.as_ref().is_none_or(letters) {
            return Err(QueryError::Sprache);
        }
        if matches!((self.from, self.to), (Some(from), Some(to)) if to <= from) {
            return Err(QueryError::Window);
        }
        let radius_m = u32::from(self.radius_km.unwrap_or(RADIUS_DEFAULT_KM)) * 1_000;
        let around = middle.and_then(Plz::place).map(|middle| within(middle, radius_m));
        let from = self.from.unwrap_or(now).max(now);
        Ok(Search { query: self.clone(), prefix, around, from })
    }
}

fn within(middle: Place, radius_m: u32) -> Vec<(Plz, u32)> {
    let distance = |(plz, place): (Plz, Place)| (plz, place.distance_m(middle));
    Plz::places().map(distance).filter(|(_, metres)| *metres <= radius_m).collect()
}

fn fits<T: Term>(wanted: Option<T>, offered: Terms<T>) -> bool {
    wanted.is_none_or(|wanted| offered.contains(wanted))
}

impl Search {
    /// Postal codes that can fit, for whoever keeps announces by postal code; `None` for all.
    pub fn codes(&self) -> Option<&[(Plz, u32)]> {
        self.around.as_deref()
    }

    /// The same search later: slots that have begun meanwhile do not fit.
    pub(crate) fn advance(&mut self, now: UnixSeconds) {
        self.from = self.query.from.unwrap_or(now).max(now);
    }

    /// Slots of one announce that fit, the best first.
    pub(crate) fn hits_of<'a>(&'a self, announce: &'a SlotAnnounce, tier: Tier) -> Vec<Hit<'a>> {
        self.rank(self.candidates(announce, tier))
    }

    /// How far a practice is, when it is near enough.
    fn distance(&self, plz: Plz) -> Option<Option<u32>> {
        if self.prefix.is_some_and(|prefix| !prefix.covers(plz)) {
            return None;
        }
        let Some(around) = &self.around else { return Some(None) };
        let place = around.binary_search_by_key(&plz, |(code, _)| *code).ok()?;
        Some(Some(around[place].1))
    }

    /// Whether a practice fits, apart from its slots.
    fn suits(&self, announce: &SlotAnnounce, tier: Tier) -> bool {
        let (query, profile) = (&self.query, announce.profile());
        query.trust.is_none_or(|least| tier >= least)
            && fits(query.beruf, profile.beruf)
            && fits(query.fachrichtung, profile.fachrichtungen)
            && fits(query.kostentraeger, profile.kostentraeger)
            && fits(query.gruppe, profile.gruppen)
            && fits(query.setting, profile.settings)
            && fits(query.zugang, profile.zugang)
            && query.sprache.as_deref().is_none_or(|language| profile.sprachen.speaks(language))
    }

    /// Slots of an announce that fit.
    pub(crate) fn candidates<'a>(
        &'a self,
        announce: &'a SlotAnnounce,
        tier: Tier,
    ) -> impl Iterator<Item = Candidate<'a>> + 'a {
        let distance = self.distance(announce.plz()).filter(|_| self.suits(announce, tier));
        let slots = distance.map_or(&[][..], |_| announce.slots());
        let distance_m = distance.flatten();
        slots.iter().filter(|slot| self.takes(announce, slot)).map(move |slot| Candidate {
            slot,
            announce,
            tier,
            distance_m,
        })
    }

    fn takes(&self, announce: &SlotAnnounce, slot: &Slot) -> bool {
        slot.start >= self.from
            && self.query.to.is_none_or(|to| slot.start < to)
            && self.query.leistung.is_none_or(|wanted| slot.leistung() == Some(wanted))
            && fits(self.query.modalitaet, announce.modalitaeten_of(slot))
    }

    /// The best hits, the nearest and soonest first: a kilometre counts as much as three hours.
    pub(crate) fn rank<'a>(&self, candidates: impl Iterator<Item = Candidate<'a>>) -> Vec<Hit<'a>> {
        let limit = match self.query.limit {
            0 => RESULTS_DEFAULT,
            limit => usize::from(limit),
        };
        let ranked = |candidate: Candidate<'a>| (self.rank_of(&candidate), candidate);
        let mut best: Vec<(u64, Candidate<'a>)> = candidates.map(ranked).collect();
        let order = |(a, x): &(u64, Candidate<'_>), (b, y): &(u64, Candidate<'_>)| -> Ordering {
            let rest = |c: &Candidate<'_>| (c.slot.start, *c.announce.therapist());
            a.cmp(b).then_with(|| rest(x).cmp(&rest(y)))
        };
        if best.len() > limit {
            best.select_nth_unstable_by(limit, order);
            best.truncate(limit);
        }
        best.sort_unstable_by(order);
        best.into_iter().map(|(_, candidate)| candidate.named()).collect()
    }

    fn rank_of(&self, candidate: &Candidate<'_>) -> u64 {
        let wait_s = candidate.slot.start.0 - self.from.0;
        wait_s + u64::from(candidate.distance_m.unwrap_or(0)) * SECONDS_PER_KM / 1_000
    }
}

/// A hit without its name, which is a hash and made for those alone that are shown.
#[derive(Clone, Copy)]
pub(crate) struct Candidate<'a> {
    slot: &'a Slot,
    announce: &'a SlotAnnounce,
    tier: Tier,
    distance_m: Option<u32>,
}

impl<'a> Candidate<'a> {
    fn named(self) -> Hit<'a> {
        let Self { slot, announce, tier, distance_m } = self;
        Hit { id: slot.id(announce.therapist()), slot, announce, tier, distance_m }
    }
}

/// What a kilometre is worth in waiting.
const SECONDS_PER_KM: u64 = 3 * 3_600;
