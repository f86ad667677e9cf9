//! Which days a rule of recurrence wants.

use super::{Every, Rule};
use crate::calendar::civil;

/// What days a rule wants.
pub(super) struct Filter<'a> {
    rule: &'a Rule,
    months: u16,
    /// Instead of an empty list, the day that the rule begins on.
    month_day: Option<u8>,
    weekday: Option<u8>,
}

impl<'a> Filter<'a> {
    /// For rules that go by hours or less: nothing is taken from the beginning.
    pub(super) const fn of_moment(rule: &'a Rule) -> Self {
        Self { rule, months: rule.months, month_day: None, weekday: None }
    }

    pub(super) fn of_period(rule: &'a Rule, start_day: i64) -> Self {
        let mut filter = Self { rule, months: rule.months, month_day: None, weekday: None };
        let says_a_day = !(rule.weeks.is_empty()
            && rule.year_days.is_empty()
            && rule.month_days.is_empty()
            && rule.weekdays.is_empty());
        let (_, month, day) = civil::civil_from_days(start_day);
        match rule.every {
            _ if says_a_day => {}
            Every::Year => {
                filter.month_day = Some(day);
                if rule.months == 0 {
                    filter.months = 1 << month;
                }
            }
            Every::Month => filter.month_day = Some(day),
            Every::Week => filter.weekday = Some(civil::weekday_of(start_day)),
            Every::Day | Every::Seconds(_) => {}
        }
        filter
    }

    pub(super) fn passes(&self, days: i64) -> bool {
        let (year, month, day) = civil::civil_from_days(days);
        let rule = self.rule;
        (self.months == 0 || self.months & (1 << month) != 0)
            && self.month_day.is_none_or(|wanted| wanted == day)
            && self.weekday.is_none_or(|wanted| wanted == civil::weekday_of(days))
            && (rule.month_days.is_empty() || {
                let back = i16::from(day) - i16::from(civil::days_in(year, month)) - 1;
                let is = |wanted: &i8| {
                    i16::from(*wanted) == i16::from(day) || i16::from(*wanted) == back
                };
                rule.month_days.iter().any(is)
            })
            && (rule.year_days.is_empty() || {
                let (place, length) = place_in_year(days, year);
                rule.year_days.iter().any(|wanted| {
                    let wanted = i64::from(*wanted);
                    wanted == place || wanted == place - length - 1
                })
            })
            && (rule.weeks.is_empty() || {
                let (week, weeks) = week_of(days, rule.week_start);
                rule.weeks.iter().any(|wanted| {
                    let wanted = i64::from(*wanted);
                    wanted == week || wanted == week - weeks - 1
                })
            })
            && (rule.weekdays.is_empty() || self.on_weekday(days, year, month, day))
    }

    fn on_weekday(&self, days: i64, year: i32, month: u8, day: u8) -> bool {
        let by_month = self.rule.every == Every::Month || self.rule.months != 0;
        let (place, length) = if by_month {
            (i64::from(day), i64::from(civil::days_in(year, month)))
        } else {
            place_in_year(days, year)
        };
        let (nth, nth_last) = ((place - 1) / 7 + 1, -((length - place) / 7 + 1));
        let counted = matches!(self.rule.every, Every::Year | Every::Month);
        self.rule.weekdays.iter().any(|(wanted, weekday)| {
            let wanted = if counted { i64::from(*wanted) } else { 0 };
            *weekday == civil::weekday_of(days)
                && (wanted == 0 || wanted == nth || wanted == nth_last)
        })
    }
}

/// Which day of the year it is, and how many the year has.
fn place_in_year(days: i64, year: i32) -> (i64, i64) {
    let length = if civil::is_leap(year) { 366 } else { 365 };
    (days - civil::days_from_civil(year, 1, 1) + 1, length)
}

/// Which week of its year a day is in, and how many that year has. The first week is that with four days.
fn week_of(days: i64, week_start: u8) -> (i64, i64) {
    // The fourth day of a week says what year the week belongs to.
    let into_week = (days + 3 - i64::from(week_start)).rem_euclid(7);
    let fourth = days - into_week + 3;
    let (year, _, _) = civil::civil_from_days(fourth);
    let (place, _) = place_in_year(fourth, year);
    let next_first = civil::days_from_civil(year + 1, 1, 4);
    let next_into = (next_first + 3 - i64::from(week_start)).rem_euclid(7);
    let week = (place - 1) / 7 + 1;
    let weeks = week + (next_first - next_into - (days - into_week)) / 7 - 1;
    (week, weeks)
}
