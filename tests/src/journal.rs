//! The event log of a run: one line per happening.
//!
//! Columns: virtual time in seconds, node (`-` for the mesh), what, details. Two runs of the same
//! seed write the same bytes (`SIM-01`).

use std::{fmt, io::Write};

use crate::queue::Micros;

/// Writes the log, or nothing.
pub struct Journal {
    out: Option<Box<dyn Write + Send>>,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Journal({})", if self.out.is_some() { "on" } else { "off" })
    }
}

impl Journal {
    /// A log that writes nothing and costs nothing.
    pub fn off() -> Self {
        Self { out: None }
    }

    /// A log into `out`.
    pub fn to(out: Box<dyn Write + Send>) -> Self {
        Self { out: Some(out) }
    }

    /// Writes a line about `node`; `line` is evaluated only when the log is on.
    pub fn note<D: fmt::Display>(
        &mut self,
        at: Micros,
        node: Option<usize>,
        line: impl FnOnce() -> D,
    ) {
        let Some(out) = &mut self.out else { return };
        let (secs, micros, line) = (at / 1_000_000, at % 1_000_000, line());
        let written = match node {
            Some(node) => writeln!(out, "{secs:>6}.{micros:06} {node:>5} {line}"),
            None => writeln!(out, "{secs:>6}.{micros:06}     - {line}"),
        };
        if written.is_err() {
            // The reader is gone (a closed pipe): the run goes on for its verdict.
            self.out = None;
        }
    }
}
