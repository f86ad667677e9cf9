//! A recurrence rule as calcard reads it, made one that can be expanded (`CAL-26`).

use alloc::vec::Vec;

use calcard::icalendar::{
    ICalendarFrequency, ICalendarRecurrenceRule, ICalendarSkip, ICalendarWeekday,
};

use super::{Why, event::When};
use crate::calendar::{
    civil::{self, DAY_S},
    recur::{Every, Rule},
};

/// Whether the parser has the numbers of all rules of a component as they are written: of one that does not fit
/// its types, and of a step of zero, it makes another without a word.
pub(super) fn numbers_fit(component: &str) -> bool {
    let rules = component.lines().filter_map(|line| {
        let name = line.split([':', ';']).next().unwrap_or_default();
        name.eq_ignore_ascii_case("RRULE")
            .then(|| line.split_once(':').map_or("", |(_, rule)| rule))
    });
    rules.flat_map(|rule| rule.split(';')).filter(|part| !part.trim().is_empty()).all(part_fits)
}

/// RFC 5545, 3.3.10.
fn part_fits(part: &str) -> bool {
    let Some((name, values)) = part.split_once('=') else { return false };
    let name = name.trim().to_ascii_uppercase();
    let within = match name.as_str() {
        "FREQ" | "UNTIL" | "WKST" | "RSCALE" | "SKIP" => return true,
        "INTERVAL" => 1..=i64::from(u16::MAX),
        "COUNT" => 1..=i64::from(u32::MAX),
        "BYSECOND" => 0..=60,
        "BYMINUTE" => 0..=59,
        "BYHOUR" => 0..=23,
        "BYDAY" | "BYWEEKNO" => -53..=53,
        "BYMONTHDAY" => -31..=31,
        "BYYEARDAY" | "BYSETPOS" => -366..=366,
        "BYMONTH" => 1..=12,
        _ => return false,
    };
    values.split(',').all(|value| {
        let value = value.trim();
        let letters = if name == "BYDAY" { 2 } else { 0 };
        let number = value.len().checked_sub(letters).and_then(|length| value.get(..length));
        match number {
            Some("") => letters > 0,
            Some(number) => number.parse().is_ok_and(|number: i64| within.contains(&number)),
            None => false,
        }
    })
}

/// Places within a period that one rule names.
const POSITIONS_MAX: usize = 1_000;

pub(super) fn rule(read: &ICalendarRecurrenceRule, start: When) -> Result<Rule, Why> {
    let gregorian = read.rscale.as_ref().is_none_or(|scale| *scale == Default::default());
    if !gregorian || read.skip.is_some_and(|skip| skip != ICalendarSkip::Omit) {
        return Err(Why::Rule);
    }
    let mut rule = Rule::new(match read.freq {
        ICalendarFrequency::Yearly => Every::Year,
        ICalendarFrequency::Monthly => Every::Month,
        ICalendarFrequency::Weekly => Every::Week,
        ICalendarFrequency::Daily => Every::Day,
        ICalendarFrequency::Hourly => Every::Seconds(3_600),
        ICalendarFrequency::Minutely => Every::Seconds(60),
        ICalendarFrequency::Secondly => Every::Seconds(1),
    });
    rule.interval = read.interval.unwrap_or(1);
    if rule.interval == 0 {
        return Err(Why::Rule);
    }
    rule.count = read.count;
    rule.until = read.until.as_ref().map(|until| last(until, start)).transpose()?;
    for month in &read.bymonth {
        let fits = (1..=12).contains(&month.month()) && !month.is_leap();
        rule.months |= fits.then_some(1 << month.month()).ok_or(Why::Rule)?;
    }
    rule.hours = bits(&read.byhour, 24)? as u32;
    rule.minutes = bits(&read.byminute, 60)?;
    rule.seconds = bits(&read.bysecond, 61)? & ((1 << 60) - 1);
    rule.month_days = list(&read.bymonthday, |day| (1..=31).contains(&day.unsigned_abs()))?;
    rule.year_days = list(&read.byyearday, |day| (1..=366).contains(&day.unsigned_abs()))?;
    rule.weeks = list(&read.byweekno, |week| (1..=53).contains(&week.unsigned_abs()))?;
    rule.positions = list(&read.bysetpos, |position| *position != 0)?;
    let days: Vec<_> =
        read.byday.iter().map(|day| (day.ordwk.unwrap_or(0), number(day.weekday))).collect();
    rule.weekdays = list(&days, |(nth, _)| (-53..=53).contains(nth))?;
    rule.week_start = read.wkst.map_or(0, number);
    // Which of an hour's minutes is the first is a question that no calendar program asks.
    let by_clock = matches!(rule.every, Every::Seconds(_));
    if (by_clock && !rule.positions.is_empty()) || rule.positions.len() > POSITIONS_MAX {
        return Err(Why::Rule);
    }
    Ok(rule)
}

/// The last moment on the wall clock of the rule. A day means all of it.
fn last(until: &calcard::common::PartialDateTime, start: When) -> Result<i64, Why> {
    let (Some(year), Some(month), Some(day)) = (until.year, until.month, until.day) else {
        return Err(Why::Rule);
    };
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(Why::Rule);
    }
    // Some programs end a rule on the 31st of a month that has none.
    let day = day.min(civil::days_in(i32::from(year), month));
    let midnight = civil::days_from_civil(i32::from(year), month, day) * DAY_S;
    let Some(hour) = until.hour else { return Ok(midnight + DAY_S - 1) };
    let second = i64::from(hour) * 3_600
        + i64::from(until.minute.unwrap_or(0)) * 60
        + i64::from(until.second.unwrap_or(0));
    if second >= DAY_S {
        return Err(Why::Rule);
    }
    let at = midnight + second;
    match until.tz_hour {
        None => Ok(at),
        Some(_) if start.all_day => Ok(midnight + DAY_S - 1),
        // With an offset it can only be UTC.
        Some(_) => {
            let at = u64::try_from(at).unwrap_or(0);
            start.zone.local(crate::UnixSeconds(at)).ok_or(Why::Rule)
        }
    }
}

fn bits(numbers: &[u8], below: u8) -> Result<u64, Why> {
    numbers.iter().try_fold(0, |bits, number| {
        if *number < below { Ok(bits | 1_u64 << number) } else { Err(Why::Rule) }
    })
}

/// The same numbers, each once, if all are what there can be.
fn list<T: Copy + Ord>(numbers: &[T], fits: impl Fn(&T) -> bool) -> Result<Vec<T>, Why> {
    if !numbers.iter().all(fits) {
        return Err(Why::Rule);
    }
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

const fn number(day: ICalendarWeekday) -> u8 {
    match day {
        ICalendarWeekday::Monday => 0,
        ICalendarWeekday::Tuesday => 1,
        ICalendarWeekday::Wednesday => 2,
        ICalendarWeekday::Thursday => 3,
        ICalendarWeekday::Friday => 4,
        ICalendarWeekday::Saturday => 5,
        ICalendarWeekday::Sunday => 6,
    }
}
