//! One event: what of it is kept, and when it takes place (`CAL-22`, `CAL-23`, `CAL-25`).

use alloc::{collections::BTreeSet, vec::Vec};

use calcard::{
    common::PartialDateTime,
    icalendar::{
        ICalendarComponent, ICalendarEntry, ICalendarParameterName, ICalendarPeriod,
        ICalendarProperty, ICalendarStatus, ICalendarTransparency, ICalendarValue,
    },
};

use super::{
    Why,
    rule::rule,
    zone::{Zone, Zones},
};
use crate::{
    UnixSeconds,
    calendar::{
        Span,
        civil::{self, DAY_S},
        recur::{self, Rule, Steps},
    },
};

/// Rules of one event.
const RULES_MAX: usize = 8;
/// Longest event that is followed into the window: 400 days.
const LENGTH_MAX: i64 = 400 * DAY_S;

/// The first value of a property.
pub(super) fn property<'a>(
    component: &'a ICalendarComponent,
    name: &ICalendarProperty,
) -> Option<&'a ICalendarValue> {
    component.property(name).and_then(|entry| entry.values.first())
}

/// The moment of a property.
pub(super) fn moment(
    component: &ICalendarComponent,
    name: &ICalendarProperty,
    zones: &Zones,
) -> Result<UnixSeconds, Why> {
    let entry = component.property(name).ok_or(Why::Time)?;
    match entry.values.first() {
        Some(ICalendarValue::PartialDateTime(at)) => {
            When::read(at, entry, zones)?.moment().ok_or(Why::Time)
        }
        _ => Err(Why::Time),
    }
}

/// A reading of a wall clock somewhere, or a whole day there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct When {
    pub(super) local: i64,
    pub(super) zone: Zone,
    pub(super) all_day: bool,
}

impl When {
    fn read(at: &PartialDateTime, entry: &ICalendarEntry, zones: &Zones) -> Result<Self, Why> {
        let (Some(year), Some(month), Some(day)) = (at.year, at.month, at.day) else {
            return Err(Why::Time);
        };
        let exists = (1..=12).contains(&month)
            && (1..=civil::days_in(i32::from(year), month)).contains(&day)
            && at.hour.unwrap_or(0) < 24
            && at.minute.unwrap_or(0) < 60
            // A leap second is the one before it.
            && at.second.unwrap_or(0) <= 60;
        if !exists || (at.hour.is_some() && at.minute.is_none()) {
            return Err(Why::Time);
        }
        let second = i64::from(at.hour.unwrap_or(0)) * 3_600
            + i64::from(at.minute.unwrap_or(0)) * 60
            + i64::from(at.second.unwrap_or(0).min(59));
        let zone = match (at.tz_hour, entry.tz_id()) {
            (Some(hour), _) => {
                let ahead = i32::from(hour) * 3_600 + i32::from(at.tz_minute.unwrap_or(0)) * 60;
                Zone::Fixed(if at.tz_minus { -ahead } else { ahead })
            }
            (None, Some(name)) => zones.find(name).ok_or(Why::UnknownZone)?,
            (None, None) => Zone::German,
        };
        let local = civil::days_from_civil(i32::from(year), month, day) * DAY_S + second;
        Ok(Self { local, zone, all_day: at.hour.is_none() })
    }

    fn moment(self) -> Option<UnixSeconds> {
        self.zone.moment(self.local)
    }
}

/// How long an event lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    /// Days on the calendar.
    Days(i64),
    /// Seconds.
    Seconds(i64),
}

impl Length {
    /// The end of what begins at a time.
    fn after(self, start: When) -> Option<UnixSeconds> {
        match self {
            Self::Days(days) => start.zone.moment(start.local.saturating_add(days * DAY_S)),
            Self::Seconds(seconds) => {
                let seconds = u64::try_from(seconds).ok()?;
                start.moment().map(|at| UnixSeconds(at.0.saturating_add(seconds)))
            }
        }
    }
}

/// An event, as far as it is kept. It holds no text.
#[derive(Clone, Debug)]
pub(super) struct Event {
    pub(super) line: u32,
    pub(super) start: When,
    pub(super) length: Length,
    /// Takes place at all.
    pub(super) held: bool,
    /// Takes somebody's time.
    pub(super) busy: bool,
    /// Which time of another event this one stands for, and whether for those after it as well.
    pub(super) instead_of: Option<(UnixSeconds, bool)>,
    rules: Vec<Rule>,
    also: Vec<(When, Option<Length>)>,
    not: BTreeSet<UnixSeconds>,
    not_on: BTreeSet<i64>,
}

impl Event {
    pub(super) fn read(
        component: &ICalendarComponent,
        line: u32,
        zones: &Zones,
    ) -> Result<Self, Why> {
        let when = |name: &ICalendarProperty| match component.property(name) {
            None => Ok(None),
            Some(entry) => match entry.values.first() {
                Some(ICalendarValue::PartialDateTime(at)) => {
                    When::read(at, entry, zones).map(|at| Some((at, entry)))
                }
                _ => Err(Why::Time),
            },
        };
        let (start, _) = when(&ICalendarProperty::Dtstart)?.ok_or(Why::NoStart)?;
        let end = when(&ICalendarProperty::Dtend)?.map(|(end, _)| end);
        let instead_of = match when(&ICalendarProperty::RecurrenceId)? {
            None => None,
            Some((at, entry)) => {
                let on = entry.parameters(&ICalendarParameterName::Range).next().is_some();
                Some((at.moment().ok_or(Why::Time)?, on))
            }
        };
        let mut event = Self {
            line,
            start,
            length: length(component, start, end)?,
            held: !is_cancelled(component),
            busy: !is_free(component),
            instead_of,
            rules: Vec::new(),
            also: Vec::new(),
            not: BTreeSet::new(),
            not_on: BTreeSet::new(),
        };
        for entry in &component.entries {
            event.recurrence(entry, zones)?;
        }
        Ok(event)
    }

    fn recurrence(&mut self, entry: &ICalendarEntry, zones: &Zones) -> Result<(), Why> {
        match entry.name {
            ICalendarProperty::Rrule => {
                for value in &entry.values {
                    let ICalendarValue::RecurrenceRule(read) = value else {
                        return Err(Why::Rule);
                    };
                    if self.rules.len() == RULES_MAX {
                        return Err(Why::Rule);
                    }
                    self.rules.push(rule(read, self.start)?);
                }
            }
            ICalendarProperty::Rdate => {
                for value in &entry.values {
                    let also = self.addition(value, entry, zones)?;
                    self.also.push(also);
                }
            }
            ICalendarProperty::Exdate => {
                for value in &entry.values {
                    let ICalendarValue::PartialDateTime(at) = value else { return Err(Why::Time) };
                    let at = When::read(at, entry, zones)?;
                    if at.all_day {
                        self.not_on.insert(at.local.div_euclid(DAY_S));
                    } else {
                        self.not.insert(at.moment().ok_or(Why::Time)?);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn addition(
        &self,
        value: &ICalendarValue,
        entry: &ICalendarEntry,
        zones: &Zones,
    ) -> Result<(When, Option<Length>), Why> {
        match value {
            ICalendarValue::PartialDateTime(at) => Ok((When::read(at, entry, zones)?, None)),
            ICalendarValue::Period(period) => {
                let (start, span) = read_period(period, entry, zones)?;
                let seconds = span.map_or(0, |span| (span.end.0 - span.start.0) as i64);
                Ok((start, Some(Length::Seconds(seconds))))
            }
            _ => Err(Why::Time),
        }
    }

    /// When it is over, the first time.
    pub(super) fn end(&self) -> Option<UnixSeconds> {
        self.length.after(self.start)
    }

    /// How much later than a time it begins, and how many seconds it lasts; none if it does not take place.
    pub(super) fn change_from(&self, at: UnixSeconds) -> Option<(i64, u64)> {
        let (start, end) = self.start.moment().zip(self.end()).filter(|_| self.held)?;
        Some((start.0 as i64 - at.0 as i64, end.0.saturating_sub(start.0)))
    }

    /// Whether it comes back.
    pub(super) const fn recurs(&self) -> bool {
        !self.rules.is_empty() || !self.also.is_empty()
    }

    /// When it takes place within a window.
    pub(super) fn times(&self, window: Span, budget: &mut u32) -> Result<Vec<Span>, Why> {
        let mut times = Vec::new();
        // In a rule with a count its beginning is one of the moments; in others it does no harm.
        self.add(self.start, self.length, window, &mut times);
        for rule in &self.rules {
            for local in self.expand(rule, window, budget)? {
                self.add(When { local, ..self.start }, self.length, window, &mut times);
            }
        }
        for (at, length) in &self.also {
            self.add(*at, length.unwrap_or(self.length), window, &mut times);
        }
        times.sort_unstable();
        times.dedup();
        Ok(times)
    }

    fn expand(&self, rule: &Rule, window: Span, budget: &mut u32) -> Result<Vec<i64>, Why> {
        let seconds = match self.length {
            Length::Days(days) => days.saturating_mul(DAY_S),
            Length::Seconds(seconds) => seconds,
        };
        let local = |at| self.start.zone.local(at).ok_or(Why::Time);
        // Two days more on either side than any zone is apart.
        let from = local(window.start)? - seconds.min(LENGTH_MAX) - 2 * DAY_S;
        let to = local(window.end)? + 2 * DAY_S;
        let allowed = recur::STEPS_MAX.min(*budget);
        let mut steps = Steps::for_rule(rule, allowed);
        let found = recur::expand(rule, self.start.local, (from, to), &mut steps);
        *budget -= allowed - steps.left();
        found.map_err(|_| Why::TooMany)
    }

    /// Adds a time if it is in the window and nothing takes it out.
    fn add(&self, at: When, length: Length, window: Span, times: &mut Vec<Span>) {
        let Some(start) = at.moment() else { return };
        let end = length.after(at);
        let left_out =
            self.not.contains(&start) || self.not_on.contains(&at.local.div_euclid(DAY_S));
        let whole = end.and_then(|end| Span::new(start, end));
        times.extend(whole.filter(|span| !left_out && span.within(window).is_some()));
    }
}

/// A period, from its beginning; none if it has no length.
pub(super) fn read_period(
    period: &ICalendarPeriod,
    entry: &ICalendarEntry,
    zones: &Zones,
) -> Result<(When, Option<Span>), Why> {
    let (ICalendarPeriod::Range { start, .. } | ICalendarPeriod::Duration { start, .. }) = period;
    let start = When::read(start, entry, zones)?;
    let from = start.moment().ok_or(Why::Time)?;
    let until = match period {
        ICalendarPeriod::Range { end, .. } => {
            When::read(end, entry, zones)?.moment().ok_or(Why::Time)?
        }
        ICalendarPeriod::Duration { duration, .. } => {
            let seconds = u64::try_from(duration.as_seconds()).map_err(|_| Why::EndBeforeStart)?;
            UnixSeconds(from.0.saturating_add(seconds))
        }
    };
    if until < from {
        return Err(Why::EndBeforeStart);
    }
    Ok((start, Span::new(from, until)))
}

fn length(component: &ICalendarComponent, start: When, end: Option<When>) -> Result<Length, Why> {
    let length = match (end, property(component, &ICalendarProperty::Duration)) {
        (Some(end), _) if start.all_day && end.all_day => {
            Length::Days((end.local - start.local).div_euclid(DAY_S))
        }
        (Some(end), _) => {
            let (from, until) = (start.moment().zip(end.moment())).ok_or(Why::Time)?;
            Length::Seconds(until.0 as i64 - from.0 as i64)
        }
        (None, Some(ICalendarValue::Duration(duration))) => {
            let seconds = duration.as_seconds();
            if start.all_day && seconds % DAY_S == 0 {
                Length::Days(seconds / DAY_S)
            } else {
                Length::Seconds(seconds)
            }
        }
        (None, Some(_)) => return Err(Why::Time),
        (None, None) if start.all_day => Length::Days(1),
        (None, None) => Length::Seconds(0),
    };
    match length {
        Length::Days(0) => Ok(Length::Days(1)),
        Length::Days(long) if long > 0 => Ok(Length::Days(long.min(LENGTH_MAX / DAY_S))),
        Length::Seconds(long) if long >= 0 => Ok(Length::Seconds(long.min(LENGTH_MAX))),
        _ => Err(Why::EndBeforeStart),
    }
}

fn is_cancelled(component: &ICalendarComponent) -> bool {
    matches!(
        property(component, &ICalendarProperty::Status),
        Some(ICalendarValue::Status(ICalendarStatus::Cancelled))
    )
}

fn is_free(component: &ICalendarComponent) -> bool {
    let outlook = ICalendarProperty::Other("X-MICROSOFT-CDO-BUSYSTATUS".into());
    let says_free = property(component, &outlook)
        .and_then(ICalendarValue::as_text)
        .is_some_and(|text| text.eq_ignore_ascii_case("FREE"));
    says_free
        || matches!(
            property(component, &ICalendarProperty::Transp),
            Some(ICalendarValue::Transparency(ICalendarTransparency::Transparent))
        )
}
