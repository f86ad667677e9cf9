//! Logging. Never message ids, payloads or whole addresses of users at info level and above.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::{Level, LogFormat};

type FilterHandle = reload::Handle<LevelFilter, Registry>;

static FILTER: OnceLock<FilterHandle> = OnceLock::new();

/// The last lines, for whoever reports a problem and runs without a journal.
static RECENT: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

/// Lines that are kept, and bytes of each: 200 × 300 B = 60 kB.
const RECENT_MAX: usize = 200;
const RECENT_LINE_MAX: usize = 300;

/// Starts logging. A journal that cannot be reached is replaced by standard error.
pub fn start(level: Level, format: LogFormat) {
    let (filter, handle) = reload::Layer::new(filter_of(level));
    let plain = || {
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false)
            .with_target(false)
            .without_time()
    };
    let output: Box<dyn Layer<Registry> + Send + Sync> = match format {
        LogFormat::Plain => plain().boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer().json().with_writer(io::stderr).boxed(),
        LogFormat::Journald => match tracing_journald::layer() {
            Ok(layer) => layer.with_field_prefix(Some("QPC".into())).boxed(),
            Err(error) => {
                eprintln!("qpcd: the journal cannot be reached ({error}); logging here");
                plain().boxed()
            }
        },
    };
    // A second start in one process (tests) keeps the first.
    let recent = tracing_subscriber::fmt::layer()
        .with_writer(|| Recent)
        .with_ansi(false)
        .with_target(false)
        .with_filter(LevelFilter::INFO);
    let all = tracing_subscriber::registry().with(output.with_filter(filter)).with(recent);
    if all.try_init().is_ok() {
        let _ = FILTER.set(handle);
    }
}

/// The last lines at info level and above, oldest first.
pub fn recent() -> Vec<String> {
    lock_recent().iter().cloned().collect()
}

fn lock_recent() -> MutexGuard<'static, VecDeque<String>> {
    // Nothing panics while it holds the lock; the lines stay whole if it did.
    RECENT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what is written, one line a call.
struct Recent;

impl io::Write for Recent {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(&line[..line.len().min(RECENT_LINE_MAX)]);
        let mut lines = lock_recent();
        if lines.len() == RECENT_MAX {
            lines.pop_front();
        }
        lines.push_back(text.trim_end().to_owned());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Changes what is logged.
pub fn set_level(level: Level) {
    if let Some(filter) = FILTER.get() {
        // Fails only when the subscriber is gone, at the end of the process.
        let _ = filter.reload(filter_of(level));
    }
}

fn filter_of(level: Level) -> LevelFilter {
    match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_are_kept_and_bounded() {
        for n in 0..RECENT_MAX + 5 {
            let line = format!("line {n} {}\n", "x".repeat(n % 2 * RECENT_LINE_MAX));
            Recent.write_all(line.as_bytes()).expect("no limit");
        }
        let lines = recent();
        assert_eq!(lines.len(), RECENT_MAX);
        assert!(lines.iter().all(|line| line.len() <= RECENT_LINE_MAX));
        assert!(lines.last().is_some_and(|line| line.starts_with("line ")));
    }
}
