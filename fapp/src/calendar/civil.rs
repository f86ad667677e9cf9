//! Days of the Gregorian calendar, before 1970 as well: rules of calendar files begin where they like.

pub(super) const DAY_S: i64 = 86_400;

/// Days from 1970-01-01 to a day.
pub(super) const fn days_from_civil(year: i32, month: u8, day: u8) -> i64 {
    // Years begin in March, so that the leap day is the last of its year.
    let year = if month <= 2 { year as i64 - 1 } else { year as i64 };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let month = (month as i64 + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day as i64 - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a number of days since 1970-01-01.
pub(super) const fn civil_from_days(days: i64) -> (i32, u8, u8) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
    (year as i32, month as u8, day as u8)
}

pub(super) const fn days_in(year: i32, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

pub(super) const fn is_leap(year: i32) -> bool {
    year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0)
}

/// Day of the week, 0 for Monday. 1970-01-01 was a Thursday.
pub(super) const fn weekday_of(days: i64) -> u8 {
    (days + 3).rem_euclid(7) as u8
}
