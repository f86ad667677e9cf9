//! The monotonic clock the core sees, the wall clock of the machine, and a slow tick.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mesh::{Instant, WallClock};

/// Time since the daemon started.
#[derive(Debug)]
pub struct Clock {
    epoch: tokio::time::Instant,
    tick_every: Duration,
    next_tick: Instant,
}

impl Clock {
    /// Starts at zero; ticks at least once a minute.
    pub fn start(tick_every: Option<Duration>) -> Self {
        let tick_every = tick_every.unwrap_or(TICK_MAX).min(TICK_MAX);
        Self {
            epoch: tokio::time::Instant::now(),
            tick_every,
            next_tick: Instant::ZERO + tick_every,
        }
    }

    /// Now, on the core's clock.
    pub fn now(&self) -> Instant {
        Instant::ZERO + self.epoch.elapsed()
    }

    /// The same moment on the runtime's clock.
    pub fn to_tokio(&self, at: Instant) -> tokio::time::Instant {
        self.epoch + Duration::from_micros(at.as_micros())
    }

    /// What the machine believes the date is; nothing before 1970.
    pub fn wall(&self) -> Option<WallClock> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        Some(WallClock { unix_secs: since.as_secs() })
    }

    pub(super) fn next_tick(&self) -> Instant {
        self.next_tick
    }

    /// Whether a tick is due; then the next one is planned.
    pub(super) fn tick(&mut self, now: Instant) -> bool {
        let due = now >= self.next_tick;
        if due {
            self.next_tick = now + self.tick_every;
        }
        due
    }
}

const TICK_MAX: Duration = Duration::from_secs(60);
