//! Dates as people have them: German time, patterns of weeks, calendar files (`specs/37-fapp-calendar.md`).

mod berlin;

pub use berlin::{BerlinTime, TimeError, offset_min, weekday};
