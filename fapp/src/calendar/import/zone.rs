//! Which zone a name in a calendar file means (`CAL-24`).

use alloc::{collections::BTreeMap, string::String};

use calcard::{
    common::{PartialDateTime, timezone::Tz},
    icalendar::{
        ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarValue,
        ICalendarWeekday,
    },
};
use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeZone};

use super::{ZONES_MAX, event::property};
use crate::{UnixSeconds, calendar::wall};

/// A zone, for as long as a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone {
    /// Where the practice is. Times without a zone mean it.
    German,
    /// Seconds ahead of UTC.
    Fixed(i32),
    /// One of the world's.
    Named(Tz),
}

/// The latest a wall clock may read: the end of the year 9999.
const LOCAL_MAX: i64 = 253_402_300_800;

impl Zone {
    /// When a wall clock reads something: the first time of two; and if never, as if it had not been changed.
    pub(super) fn moment(self, local: i64) -> Option<UnixSeconds> {
        if local > LOCAL_MAX {
            return None;
        }
        let offset = match self {
            Self::German => return wall::moment(local),
            Self::Fixed(offset) => offset,
            Self::Named(zone) => {
                let offset = |local| match zone.offset_from_local_datetime(&naive(local)?) {
                    MappedLocalTime::Single(at) | MappedLocalTime::Ambiguous(at, _) => {
                        Some(at.fix().local_minus_utc())
                    }
                    MappedLocalTime::None => None,
                };
                // No clock is put forward by more than a day.
                offset(local).or_else(|| offset(local - 86_400))?
            }
        };
        u64::try_from(local - i64::from(offset)).ok().map(UnixSeconds)
    }

    /// What a wall clock reads.
    pub(super) fn local(self, at: UnixSeconds) -> Option<i64> {
        let seconds = i64::try_from(at.0).ok().filter(|seconds| *seconds <= LOCAL_MAX)?;
        let offset = match self {
            Self::German => i64::from(crate::calendar::offset_min(at)) * 60,
            Self::Fixed(offset) => i64::from(offset),
            Self::Named(zone) => {
                i64::from(zone.offset_from_utc_datetime(&naive(seconds)?).fix().local_minus_utc())
            }
        };
        Some(seconds + offset)
    }
}

fn naive(seconds: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp(seconds, 0).map(|at| at.naive_utc())
}

/// Zones that a file describes.
#[derive(Default)]
pub(super) struct Zones(BTreeMap<String, Zone>);

impl Zones {
    /// Takes a description. One that means no zone that is known is as good as none.
    pub(super) fn learn(&mut self, file: &ICalendar) {
        let Some(described) = file.components.first() else { return };
        let text = |name: &str| {
            let name = ICalendarProperty::Other(name.into());
            property(described, &name).and_then(ICalendarValue::as_text)
        };
        let Some(ICalendarValue::Text(name)) = property(described, &ICalendarProperty::Tzid) else {
            return;
        };
        let zone = known(name)
            .or_else(|| text("X-LIC-LOCATION").and_then(known))
            .or_else(|| by_rules(file))
            .or_else(|| Tz::from_ms_cdo_zone_id(text("X-MICROSOFT-CDO-TZID")?).map(Zone::Named));
        if let Some(zone) = zone.filter(|_| self.0.len() < ZONES_MAX) {
            self.0.insert(name.clone(), zone);
        }
    }

    /// The zone of a name: the file's own, or one that is known everywhere.
    pub(super) fn find(&self, name: &str) -> Option<Zone> {
        self.0.get(name).copied().or_else(|| known(name))
    }
}

/// A zone of the world by its name, or by the one that Windows has for it.
fn known(name: &str) -> Option<Zone> {
    let zone: Tz = name.parse().ok()?;
    // A name such as "(UTC+01:00) somewhere" tells the offset in winter, and not what happens in summer.
    let guessed = name.trim_start().starts_with('(')
        && zone.name().is_none_or(|name| name.starts_with("Etc/GMT"));
    (!guessed && zone != Tz::Floating).then_some(Zone::Named(zone))
}

/// The zone that changes its clocks as described: Germany's, or one that never does.
fn by_rules(file: &ICalendar) -> Option<Zone> {
    let of = |kind| file.components.iter().filter(move |part| part.component_type == kind);
    let summer: alloc::vec::Vec<_> = of(ICalendarComponentType::Daylight).collect();
    let winter: alloc::vec::Vec<_> = of(ICalendarComponentType::Standard).collect();
    if summer.is_empty() {
        let mut offsets = winter.iter().map(|part| offset(part));
        let first = offsets.next()??;
        return offsets.all(|other| other == Some(first)).then_some(Zone::Fixed(first));
    }
    let german = summer.iter().any(|part| changes(part, 3, 2, 7_200))
        && winter.iter().any(|part| changes(part, 10, 3, 3_600));
    // Other rules that still hold would be another zone's.
    let lasting =
        |part: &&ICalendarComponent| part.has_property(&ICalendarProperty::Rrule) && !ends(part);
    let alone = summer.iter().filter(|part| lasting(part)).count() == 1
        && winter.iter().filter(|part| lasting(part)).count() == 1;
    (german && alone).then_some(Zone::German)
}

fn offset(part: &ICalendarComponent) -> Option<i32> {
    let Some(ICalendarValue::PartialDateTime(at)) = property(part, &ICalendarProperty::Tzoffsetto)
    else {
        return None;
    };
    let PartialDateTime { tz_hour, tz_minute, tz_minus, .. } = **at;
    let seconds = i32::from(tz_hour?) * 3_600 + i32::from(tz_minute.unwrap_or(0)) * 60;
    (seconds < 86_400).then_some(if tz_minus { -seconds } else { seconds })
}

fn ends(part: &ICalendarComponent) -> bool {
    match property(part, &ICalendarProperty::Rrule) {
        Some(ICalendarValue::RecurrenceRule(rule)) => rule.until.is_some() || rule.count.is_some(),
        _ => true,
    }
}

/// Whether it is the last Sunday of a month, at an hour, to an offset.
fn changes(part: &ICalendarComponent, month: u8, hour: u8, to: i32) -> bool {
    let at = matches!(
        property(part, &ICalendarProperty::Dtstart),
        Some(ICalendarValue::PartialDateTime(at)) if at.hour == Some(hour) && at.minute == Some(0)
    );
    let Some(ICalendarValue::RecurrenceRule(rule)) = property(part, &ICalendarProperty::Rrule)
    else {
        return false;
    };
    let [day] = rule.byday.as_slice() else { return false };
    let [in_month] = rule.bymonth.as_slice() else { return false };
    at && offset(part) == Some(to)
        && !ends(part)
        && in_month.month() == month
        && day.ordwk == Some(-1)
        && day.weekday == ICalendarWeekday::Sunday
}
