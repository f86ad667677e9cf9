//! `qpcd install` and `qpcd uninstall` on the command line.

use std::path::PathBuf;

use lexopt::{Arg, Parser, ValueExt};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Put everything in place.
    Install,
    /// Take it away.
    Uninstall,
}

/// For whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// A service of the machine with an account of its own.
    System,
    /// A service of one person's session.
    User,
}

/// How.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// For whom; `None` is the system for root and the user for everybody else (`INS-01`).
    pub scope: Option<Scope>,
    /// Where programs, pages and completions go below; `None` is the usual place (`INS-02`).
    pub prefix: Option<PathBuf>,
    /// A directory to treat as the root of the file system, without running anything (`INS-07`).
    pub root: Option<PathBuf>,
    /// Whether the service is enabled and started (`INS-08`).
    pub start: bool,
    /// Whether identity, messages and account are removed as well (`INS-06`).
    pub purge: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { scope: None, prefix: None, root: None, start: true, purge: false }
    }
}

/// Reads what follows `install` or `uninstall`; `None` when help is wanted.
///
/// # Errors
///
/// A sentence.
pub(crate) fn parse(action: Action, parser: &mut Parser) -> Result<Option<Options>, String> {
    let mut options = Options::default();
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        let path = |parser: &mut Parser| {
            parser.value().map(PathBuf::from).map_err(|error| error.to_string())
        };
        match (arg, action) {
            (Arg::Long("user"), _) => options.scope = Some(Scope::User),
            (Arg::Long("system"), _) => options.scope = Some(Scope::System),
            (Arg::Long("prefix"), _) => options.prefix = Some(path(parser)?),
            (Arg::Long("root"), _) => options.root = Some(path(parser)?),
            (Arg::Long("no-start"), Action::Install) => options.start = false,
            (Arg::Long("purge"), Action::Uninstall) => options.purge = true,
            (Arg::Long("help") | Arg::Short('h'), _) => return Ok(None),
            (Arg::Value(word), _) => {
                let word = word.string().map_err(|error| error.to_string())?;
                return Err(format!("{word:?} is not expected here; see qpcd install --help"));
            }
            (arg, _) => return Err(format!("{}; see qpcd install --help", arg.unexpected())),
        }
    }
    for path in [&options.prefix, &options.root].into_iter().flatten() {
        if !path.is_absolute() {
            return Err(format!("{} is no absolute path", path.display()));
        }
    }
    Ok(Some(options))
}

/// What `--help` says.
pub(crate) const USAGE: &str = "\
qpcd install: make a service of qpcd and qpc        qpcd uninstall: take it away again

Usage: qpcd install   [--user | --system] [--prefix DIR] [--root DIR] [--no-start]
       qpcd uninstall [--user | --system] [--prefix DIR] [--root DIR] [--purge]

      --user        for you alone, in ~/.local (what happens unless root asks)
      --system      for the machine, in /usr/local, with an account of its own (what root gets)
      --prefix DIR  programs, manual pages and completions go below DIR instead
      --root DIR    treat DIR as the root of the file system and run nothing: for packagers
      --no-start    leave the service switched off
      --purge       remove identity, messages and the account as well: there is no way back
";
