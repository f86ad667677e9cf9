//! Recurrence rules of calendar files, expanded within a window (`CAL-26`; RFC 5545, 3.3.10).
//!
//! Times are seconds since 1970 on the wall clock of the rule's zone. A rule goes by periods: those before the
//! window are not visited, unless it counts. Each step is paid for, so that no rule costs more than it may.

mod days;

use alloc::vec::Vec;

use days::Filter;

use super::civil::{self, DAY_S};

/// Steps that one rule may take: every five minutes for two years, or every day for 700.
pub(super) const STEPS_MAX: u32 = 250_000;

/// How long a period is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Every {
    Year,
    Month,
    Week,
    Day,
    /// A number of seconds: an hour, a minute, or one.
    Seconds(i64),
}

/// A rule. Empty lists and masks say nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) every: Every,
    pub(super) interval: u16,
    pub(super) count: Option<u32>,
    /// The last moment on the wall clock.
    pub(super) until: Option<i64>,
    /// Bits 1 to 12.
    pub(super) months: u16,
    pub(super) month_days: Vec<i8>,
    pub(super) year_days: Vec<i16>,
    pub(super) weeks: Vec<i8>,
    /// Days of the week, and which of the month or year; 0 for each.
    pub(super) weekdays: Vec<(i16, u8)>,
    pub(super) hours: u32,
    pub(super) minutes: u64,
    pub(super) seconds: u64,
    pub(super) positions: Vec<i32>,
    /// The day that weeks begin with, 0 for Monday.
    pub(super) week_start: u8,
}

impl Rule {
    pub(super) const fn new(every: Every) -> Self {
        Self {
            every,
            interval: 1,
            count: None,
            until: None,
            months: 0,
            month_days: Vec::new(),
            year_days: Vec::new(),
            weeks: Vec::new(),
            weekdays: Vec::new(),
            hours: 0,
            minutes: 0,
            seconds: 0,
            positions: Vec::new(),
            week_start: 0,
        }
    }
}

/// The rule would take more steps than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMany;

/// Steps that are left. Long lists in a rule make each dearer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    left: u32,
    price: u32,
}

impl Steps {
    pub(super) fn for_rule(rule: &Rule, left: u32) -> Self {
        let listed =
            rule.month_days.len() + rule.year_days.len() + rule.weeks.len() + rule.weekdays.len();
        Self { left, price: 1 + u32::try_from(listed / 8).unwrap_or(u32::MAX / 2) }
    }

    pub(super) const fn left(self) -> u32 {
        self.left
    }

    fn take(&mut self) -> Result<(), TooMany> {
        self.left = self.left.checked_sub(self.price).ok_or(TooMany)?;
        Ok(())
    }
}

/// The moments of a rule that begins at `start`, from `from` up to `to`, in order. That the rule's beginning is
/// one of them is for the caller.
pub(super) fn expand(
    rule: &Rule,
    start: i64,
    (from, to): (i64, i64),
    steps: &mut Steps,
) -> Result<Vec<i64>, TooMany> {
    let mut run = Run { rule, start, from, steps, left: rule.count, found: Vec::new() };
    let end = rule.until.map_or(to, |until| to.min(until.saturating_add(1)));
    match rule.every {
        Every::Seconds(unit) => run.by_seconds(unit, end)?,
        _ => run.by_days(end)?,
    }
    Ok(run.found)
}

struct Run<'a> {
    rule: &'a Rule,
    start: i64,
    from: i64,
    steps: &'a mut Steps,
    left: Option<u32>,
    found: Vec<i64>,
}

impl Run<'_> {
    /// Takes a moment; false when the rule is at its end.
    fn take(&mut self, at: i64, end: i64) -> Result<bool, TooMany> {
        self.steps.take()?;
        if at < self.start {
            return Ok(true);
        }
        if at >= end || self.left == Some(0) {
            return Ok(false);
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        if at >= self.from {
            self.found.push(at);
        }
        Ok(true)
    }

    fn by_seconds(&mut self, unit: i64, end: i64) -> Result<(), TooMany> {
        let step = unit * i64::from(self.rule.interval.max(1));
        let mut at = self.start;
        if self.left.is_none() && self.from > at {
            at += (self.from - at).div_euclid(step) * step;
        }
        let filter = Filter::of_moment(self.rule);
        let inner = self.within_unit(unit);
        loop {
            let begin = at - at.rem_euclid(unit);
            if begin >= end {
                return Ok(());
            }
            self.steps.take()?;
            let day = at.div_euclid(DAY_S);
            if !filter.passes(day) {
                // The first moment of the rule on another day.
                at += ((day + 1) * DAY_S - at + step - 1).div_euclid(step) * step;
                continue;
            }
            if Time::of(at.rem_euclid(DAY_S)).fits(self.rule, unit) {
                for offset in &inner {
                    if !self.take(begin + offset, end)? {
                        return Ok(());
                    }
                }
            }
            at += step;
        }
    }

    /// Where in an hour, minute or second a moment is.
    fn within_unit(&self, unit: i64) -> Vec<i64> {
        let own = Time::of(self.start.rem_euclid(DAY_S));
        let minutes = match (unit, self.rule.minutes) {
            (3_600, 0) => 1 << own.minute,
            (3_600, minutes) => minutes,
            _ => 1,
        };
        let seconds = match (unit, self.rule.seconds) {
            (1, _) => 1,
            (_, 0) => 1 << own.second,
            (_, seconds) => seconds,
        };
        let bits = |mask: u64| (0..60_i64).filter(move |bit| mask & (1 << bit) != 0);
        bits(minutes).flat_map(|minute| bits(seconds).map(move |s| minute * 60 + s)).collect()
    }

    fn by_days(&mut self, end: i64) -> Result<(), TooMany> {
        let times = self.times()?;
        let mut period = Period::first(self.rule, self.start);
        if self.left.is_none() {
            period.skip_to(self.from);
        }
        while let Some((first, last)) = period.days() {
            if first.saturating_mul(DAY_S) >= end {
                break;
            }
            if !self.by_period(first, last, &times, end)? {
                break;
            }
            period.advance();
        }
        Ok(())
    }

    fn by_period(
        &mut self,
        first: i64,
        last: i64,
        times: &[i64],
        end: i64,
    ) -> Result<bool, TooMany> {
        let filter = Filter::of_period(self.rule, self.start.div_euclid(DAY_S));
        let mut days = Vec::new();
        for day in first..=last {
            self.steps.take()?;
            if filter.passes(day) {
                days.push(day);
            }
        }
        let moments = days.iter().flat_map(|day| times.iter().map(move |time| day * DAY_S + time));
        if self.rule.positions.is_empty() {
            for at in moments {
                if !self.take(at, end)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        let total = days.len() * times.len();
        let nth = |place: usize| days[place / times.len()] * DAY_S + times[place % times.len()];
        let mut chosen: Vec<_> =
            self.rule.positions.iter().filter_map(|position| placed(*position, total)).collect();
        chosen.sort_unstable();
        chosen.dedup();
        for place in chosen {
            if !self.take(nth(place), end)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Times of the day at which the rule has a moment.
    fn times(&mut self) -> Result<Vec<i64>, TooMany> {
        let own = Time::of(self.start.rem_euclid(DAY_S));
        let hours = if self.rule.hours == 0 { 1 << own.hour } else { self.rule.hours };
        let minutes = if self.rule.minutes == 0 { 1 << own.minute } else { self.rule.minutes };
        let seconds = if self.rule.seconds == 0 { 1 << own.second } else { self.rule.seconds };
        let mut times = Vec::new();
        for hour in (0..24).filter(|hour| hours & (1 << hour) != 0) {
            for minute in (0..60).filter(|minute| minutes & (1_u64 << minute) != 0) {
                for second in (0..60).filter(|second| seconds & (1_u64 << second) != 0) {
                    self.steps.take()?;
                    times.push(hour * 3_600 + minute * 60 + second);
                }
            }
        }
        Ok(times)
    }
}

/// Which place of `total` a position means: 1 is the first, -1 the last.
fn placed(position: i32, total: usize) -> Option<usize> {
    let back = usize::try_from(position.unsigned_abs()).ok()?;
    let place = if position > 0 { back - 1 } else { total.checked_sub(back)? };
    (position != 0 && place < total).then_some(place)
}

struct Time {
    hour: u32,
    minute: u32,
    second: u32,
}

impl Time {
    const fn of(second: i64) -> Self {
        Self {
            hour: (second / 3_600) as u32,
            minute: (second / 60 % 60) as u32,
            second: (second % 60) as u32,
        }
    }

    /// Whether a rule that goes by a unit has its moments here. Parts smaller than the unit add moments
    /// within it; the others take away.
    const fn fits(&self, rule: &Rule, unit: i64) -> bool {
        (rule.hours == 0 || rule.hours & (1 << self.hour) != 0)
            && (unit == 3_600 || rule.minutes == 0 || rule.minutes & (1 << self.minute) != 0)
            && (unit > 1 || rule.seconds == 0 || rule.seconds & (1 << self.second) != 0)
    }
}

/// A period of a rule that goes by days.
struct Period {
    every: Every,
    interval: i64,
    /// Years, months since year 0, or days.
    at: i64,
}

/// No calendar goes further.
const YEAR_MAX: i64 = 9_999;

impl Period {
    fn first(rule: &Rule, start: i64) -> Self {
        let day = start.div_euclid(DAY_S);
        let interval = i64::from(rule.interval.max(1));
        let (year, month, _) = civil::civil_from_days(day);
        let (at, interval) = match rule.every {
            Every::Year => (i64::from(year), interval),
            Every::Month => (i64::from(year) * 12 + i64::from(month) - 1, interval),
            Every::Week => {
                (day - (day + 3 - i64::from(rule.week_start)).rem_euclid(7), interval * 7)
            }
            Every::Day | Every::Seconds(_) => (day, interval),
        };
        Self { every: rule.every, interval, at }
    }

    /// Leaves out periods that are over before a moment.
    fn skip_to(&mut self, moment: i64) {
        let day = moment.div_euclid(DAY_S);
        let (year, month, _) = civil::civil_from_days(day);
        let there = match self.every {
            Every::Year => i64::from(year),
            Every::Month => i64::from(year) * 12 + i64::from(month) - 1,
            Every::Week | Every::Day | Every::Seconds(_) => day,
        };
        self.at += ((there - self.at).div_euclid(self.interval).max(0)) * self.interval;
    }

    /// First and last day, if there is a calendar for it.
    fn days(&self) -> Option<(i64, i64)> {
        let month_end =
            |year: i32, month| civil::days_from_civil(year, month, civil::days_in(year, month));
        let year_of =
            |year: i64| i32::try_from(year).ok().filter(|year| i64::from(*year) <= YEAR_MAX);
        match self.every {
            Every::Year => {
                let year = year_of(self.at)?;
                Some((civil::days_from_civil(year, 1, 1), month_end(year, 12)))
            }
            Every::Month => {
                let year = year_of(self.at.div_euclid(12))?;
                let month = self.at.rem_euclid(12) as u8 + 1;
                Some((civil::days_from_civil(year, month, 1), month_end(year, month)))
            }
            Every::Week => Some((self.at, self.at + 6)),
            Every::Day | Every::Seconds(_) => Some((self.at, self.at)),
        }
    }

    const fn advance(&mut self) {
        self.at += self.interval;
    }
}
