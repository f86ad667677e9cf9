//! Starting `qpc` and reading what it says.

use std::{
    ffi::OsStr,
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

/// What a run of `qpc` left.
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Ran {
    /// Standard output as one JSON document, which must end in a line feed and carry `schema`.
    #[track_caller]
    pub(crate) fn json(&self, schema: &str) -> Value {
        assert!(self.out.ends_with('\n'), "no line feed: {:?} {:?}", self.out, self.err);
        assert_eq!(self.out.lines().count(), 1, "{}", self.out);
        let document: Value = serde_json::from_str(&self.out).expect("it is JSON");
        assert_eq!(document["schema"], schema);
        document
    }

    /// The error document on standard error.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let line = self.err.lines().last().expect("there is an error");
        let document: Value = serde_json::from_str(line).expect("it is JSON");
        assert_eq!(document["schema"], "quicprochat.error/1");
        assert_eq!(document["exit"], self.code);
        document
    }

    /// Itself, after the exit code was compared.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out: {} err: {}", self.out, self.err);
        self
    }
}

/// A `qpc` that looks at `socket` and at nothing of this process's surroundings.
pub(crate) fn command(socket: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_qpc"));
    command.env_clear().env("QPC_SOCKET", socket).stdin(Stdio::null());
    command
}

/// Runs `qpc` with words separated by spaces.
pub(crate) fn run(socket: &Path, line: &str) -> Ran {
    run_words(socket, line.split_whitespace())
}

/// Runs `qpc` with these words.
pub(crate) fn run_words<W: AsRef<OsStr>>(socket: &Path, words: impl IntoIterator<Item = W>) -> Ran {
    ended(command(socket).args(words).output().expect("qpc starts"))
}

/// Runs `qpc` with these bytes on its standard input.
pub(crate) fn run_with_input(socket: &Path, line: &str, input: &[u8]) -> Ran {
    let mut child = command(socket)
        .args(line.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("qpc starts");
    let mut stdin = child.stdin.take().expect("it was asked for");
    // A command that refuses early reads nothing.
    let _ = stdin.write_all(input);
    drop(stdin);
    ended(child.wait_with_output().expect("qpc ends"))
}

/// What a finished process left.
pub(crate) fn ended(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8(output.stdout).expect("qpc writes UTF-8"),
        err: String::from_utf8(output.stderr).expect("qpc writes UTF-8"),
    }
}

/// Waits for something that takes a moment.
#[track_caller]
pub(crate) fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_secs(30), "not within 30 s: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
