//! Logging. Never message ids, payloads or whole addresses of users at info level and above.

use std::{io, sync::OnceLock};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{Layer, Registry, layer::SubscriberExt, reload, util::SubscriberInitExt};

use crate::config::{Level, LogFormat};

type FilterHandle = reload::Handle<LevelFilter, Registry>;

static FILTER: OnceLock<FilterHandle> = OnceLock::new();

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
    if tracing_subscriber::registry().with(output.with_filter(filter)).try_init().is_ok() {
        let _ = FILTER.set(handle);
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
