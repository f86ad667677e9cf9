//! How long a node has been running, added up over restarts (`ID-12`).
//!
//! Keys age by this clock: it needs no wall clock and cannot be set back. While a node is off it
//! stands still, and a crash loses up to [`SAVE_INTERVAL`]: keys then live longer, never shorter.

use alloc::vec::Vec;
use core::time::Duration;

use crate::{
    error::{Error, Malformed},
    record::{Record, Table},
    time::Instant,
    wire::Reader,
};

/// How often the clock is saved: 24 small records a day.
pub const SAVE_INTERVAL: Duration = Duration::from_secs(3_600);

/// No node runs for 34,000 years; sums with this never overflow.
const UPTIME_MAX_S: u64 = 1 << 40;

/// Seconds of running time since the first start of this node.
#[derive(Clone, Debug)]
pub(crate) struct Uptime {
    table: Table,
    /// Seconds at the anchor.
    base_s: u64,
    /// When the process first told us the time.
    anchor: Option<Instant>,
    saved_s: u64,
}

impl Uptime {
    /// The key of the clock's row; no other row of the tables that have one is so short.
    pub(crate) const ROW_KEY: &'static [u8] = b"t";

    pub(crate) const fn new(table: Table) -> Self {
        Self { table, base_s: 0, anchor: None, saved_s: 0 }
    }

    pub(crate) fn restore(&mut self, value: &[u8]) -> Result<(), Error> {
        let mut reader = Reader::new(value);
        let seconds = Self::read(&mut reader)?;
        reader.finish("uptime row")?;
        self.base_s = seconds;
        self.saved_s = seconds;
        Ok(())
    }

    /// A reading of this clock from a row.
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<u64, Malformed> {
        let seconds = reader.u64("uptime")?;
        if seconds > UPTIME_MAX_S { Err(Malformed::OutOfRange("uptime")) } else { Ok(seconds) }
    }

    /// Lets the clock run from `now` on, if it does not run yet.
    pub(crate) fn start(&mut self, now: Instant) {
        self.anchor.get_or_insert(now);
    }

    /// The clock's reading; it stands until [`Uptime::start`].
    pub(crate) fn seconds(&self, now: Instant) -> u64 {
        let running = self.anchor.map_or(Duration::ZERO, |anchor| now.saturating_since(anchor));
        self.base_s + running.as_secs()
    }

    /// Writes the clock's row when it is due.
    pub(crate) fn save(&mut self, now: Instant, records: &mut Vec<Record>) {
        let seconds = self.seconds(now);
        if seconds >= self.saved_s + SAVE_INTERVAL.as_secs() {
            self.saved_s = seconds;
            records.push(Record {
                table: self.table,
                key: Self::ROW_KEY.to_vec(),
                value: Some(seconds.to_le_bytes().to_vec()),
            });
        }
    }

    /// When [`Uptime::seconds`] will have reached `seconds`; at once when the clock has not
    /// started.
    pub(crate) fn when(&self, seconds: u64) -> Instant {
        match self.anchor {
            Some(anchor) => anchor + Duration::from_secs(seconds.saturating_sub(self.base_s)),
            None => Instant::ZERO,
        }
    }

    /// When the clock's row is due.
    pub(crate) fn save_at(&self) -> Instant {
        self.when(self.saved_s + SAVE_INTERVAL.as_secs())
    }
}
