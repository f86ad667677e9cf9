//! Why a command did not do what was asked, and the exit code that says so (`CLI-05`, `CLI-06`).

use std::{borrow::Cow, fmt};

/// What the program tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Ok = 0,
    /// It was tried and did not work.
    Failed = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// No daemon answers.
    Unreachable = 3,
    /// The answer did not come in time.
    TimedOut = 4,
    /// Some of it was done.
    Partly = 5,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that ended early: what happened, in one sentence, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// One sentence without a full stop.
    pub error: String,
    /// What to do.
    pub hint: Option<Cow<'static, str>>,
    /// The D-Bus name of the error, when the daemon refused.
    pub name: Option<String>,
}

impl Failure {
    /// A failure with exit code `exit`.
    pub fn new(exit: Exit, error: impl Into<String>) -> Self {
        Self { exit, error: error.into(), hint: None, name: None }
    }

    /// It was tried and did not work.
    pub fn failed(error: impl Into<String>) -> Self {
        Self::new(Exit::Failed, error)
    }

    /// The arguments make no sense.
    pub fn usage(error: impl Into<String>) -> Self {
        Self::new(Exit::Usage, error)
    }

    /// The answer did not come in time.
    pub fn timed_out(error: impl Into<String>) -> Self {
        Self::new(Exit::TimedOut, error)
    }

    /// The same with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.error)
    }
}

impl std::error::Error for Failure {}

/// Why a command stopped.
#[derive(Debug)]
pub enum Stop {
    /// It failed.
    Failure(Failure),
    /// Nobody reads standard output any more; there is nobody to tell (`CLI-08`).
    OutputClosed,
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<std::io::Error> for Stop {
    /// For errors of standard output only; other files are reported with their names.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        Failure::failed(format!("standard output cannot be written: {error}")).into()
    }
}
