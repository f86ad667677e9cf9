//! The two output streams, and what may be written to which (`CLI-02`, `CLI-04`, `CLI-08`).

use std::{
    ffi::OsStr,
    fmt::{self, Arguments, Display},
    io::{self, IsTerminal, Write},
};

use serde::Serialize;

use crate::{args::Global, failure::Failure, show::json};

/// Standard output and standard error of one command.
pub struct Console {
    out: Box<dyn Write>,
    err: Box<dyn Write>,
    out_is_terminal: bool,
    err_is_terminal: bool,
    json: bool,
    quiet: bool,
    colour: bool,
}

impl Console {
    /// The process's own streams.
    pub fn standard(global: &Global) -> Self {
        Self {
            out: Box::new(io::BufWriter::new(io::stdout())),
            err: Box::new(io::stderr()),
            out_is_terminal: io::stdout().is_terminal(),
            err_is_terminal: io::stderr().is_terminal(),
            json: global.json,
            quiet: global.quiet,
            colour: colour_wanted(
                global.no_color,
                std::env::var_os("NO_COLOR").as_deref(),
                std::env::var_os("TERM").as_deref(),
            ),
        }
    }

    /// Streams of one's own, as if they were terminals.
    #[cfg(test)]
    pub(crate) fn captured(out: Box<dyn Write>, err: Box<dyn Write>, global: &Global) -> Self {
        Self {
            out,
            err,
            out_is_terminal: true,
            err_is_terminal: true,
            json: global.json,
            quiet: global.quiet,
            colour: !global.no_color,
        }
    }

    /// Whether JSON was asked for.
    pub const fn json(&self) -> bool {
        self.json
    }

    /// Whether a person looks at standard output.
    pub const fn is_terminal(&self) -> bool {
        self.out_is_terminal
    }

    /// Writes one line of data.
    pub fn line(&mut self, line: Arguments<'_>) -> io::Result<()> {
        self.out.write_fmt(line)?;
        self.out.write_all(b"\n")
    }

    /// Writes data as it is.
    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)
    }

    /// Writes one JSON document and a line feed.
    pub fn document<T: Serialize>(&mut self, document: &T) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, document)?;
        self.out.write_all(b"\n")
    }

    /// Makes what was written visible now: before waiting, and before the daemon is told that
    /// something was shown.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes progress or a warning to standard error. That nobody sees it is no error.
    pub fn note(&mut self, line: Arguments<'_>) {
        if !self.quiet {
            let _ = writeln!(self.err, "{line}");
        }
    }

    /// Writes a failure to standard error.
    pub fn failure(&mut self, failure: &Failure) {
        if self.json {
            if serde_json::to_writer(&mut self.err, &json::Error::from(failure)).is_ok() {
                let _ = self.err.write_all(b"\n");
            }
            return;
        }
        let label = self.paint_err(Paint::Bad, "error:");
        let _ = writeln!(self.err, "{label} {}.", failure.error);
        if let Some(hint) = &failure.hint {
            let _ = writeln!(self.err, "{hint}.");
        }
    }

    /// `text` in a colour, when standard output shows colours.
    pub fn paint<T: Display>(&self, paint: Paint, text: T) -> Painted<T> {
        let on = self.colour && self.out_is_terminal && !self.json;
        Painted { paint: on.then_some(paint), text }
    }

    /// `text` in a colour, when standard error shows colours.
    pub fn paint_err<T: Display>(&self, paint: Paint, text: T) -> Painted<T> {
        let on = self.colour && self.err_is_terminal;
        Painted { paint: on.then_some(paint), text }
    }
}

/// Meaning, not colour; always beside a word that says the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// Works, arrived.
    Good,
    /// Waits, or deserves a look.
    Warn,
    /// Does not work.
    Bad,
    /// Headings.
    Strong,
    /// Beside the point.
    Faint,
    /// White ink on black, whatever the terminal's colours: half blocks of a QR code.
    Paper,
}

impl Paint {
    const fn sgr(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Strong => "1",
            Self::Faint => "2",
            Self::Paper => "97;40",
        }
    }
}

/// A value that shows itself in a colour, or plain.
pub struct Painted<T> {
    paint: Option<Paint>,
    text: T,
}

impl<T: Display> Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.paint {
            Some(paint) => write!(f, "\x1b[{}m{}\x1b[0m", paint.sgr(), self.text),
            None => self.text.fmt(f),
        }
    }
}

/// `CLI-04`, but for the terminal.
fn colour_wanted(no_color_flag: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    let forbidden = no_color.is_some_and(|value| !value.is_empty());
    !no_color_flag && !forbidden && term != Some(OsStr::new("dumb"))
}

#[cfg(test)]
mod tests {
    use super::*;

    // CLI-04
    #[test]
    fn colours_are_forbidden_by_flag_environment_and_dumb_terminals() {
        let os = |text: &'static str| Some(OsStr::new(text));
        assert!(colour_wanted(false, None, os("xterm")));
        assert!(colour_wanted(false, os(""), None));
        assert!(!colour_wanted(true, None, None));
        assert!(!colour_wanted(false, os("1"), None));
        assert!(!colour_wanted(false, None, os("dumb")));
    }

    // CLI-04
    #[test]
    fn json_is_never_coloured() {
        let global = Global { json: true, ..Global::default() };
        let console = Console::captured(Box::new(io::sink()), Box::new(io::sink()), &global);
        assert_eq!(console.paint(Paint::Bad, "x").to_string(), "x");
        let console =
            Console::captured(Box::new(io::sink()), Box::new(io::sink()), &Global::default());
        assert_eq!(console.paint(Paint::Bad, "x").to_string(), "\x1b[31mx\x1b[0m");
    }
}
