//! Dates as people have them: German time, patterns of weeks, calendar files, health records
//! (`specs/37-fapp-calendar.md`).

mod berlin;
mod civil;
pub mod export;
pub mod fhir;
#[cfg(feature = "calendar-files")]
pub mod import;
pub mod pattern;
#[cfg(feature = "calendar-files")]
mod recur;
mod span;
mod wall;

pub use berlin::{BerlinTime, TimeError, offset_min, weekday};
pub use span::{Span, meets, merged, without};
