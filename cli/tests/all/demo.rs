//! The demonstration, with real daemons (`CLI-42`).

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    daemons::qpcd,
    qpc::{ended, until},
};

/// A `qpc demo` whose temporary files go into `dir`.
fn demo(dir: &Path, words: &[&str]) -> Child {
    qpcd();
    Command::new(env!("CARGO_BIN_EXE_qpc"))
        .args(words)
        .env_clear()
        .env("TMPDIR", dir)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("qpc starts")
}

/// Processes that mention this directory on their command lines.
fn processes_in(dir: &Path) -> usize {
    let dir = dir.as_os_str().as_encoded_bytes();
    let entries = fs::read_dir("/proc").expect("Linux has it").flatten();
    entries
        .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
        .filter(|line| line.windows(dir.len()).any(|window| window == dir))
        .count()
}

#[track_caller]
fn assert_nothing_is_left(dir: &Path) {
    let left: Vec<_> = fs::read_dir(dir).expect("it is there").flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    until("the end of every daemon", || processes_in(dir) == 0);
}

// CLI-42, CLI-71
#[test]
fn the_demonstration_works_within_a_minute_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let began = Instant::now();
    let child = demo(dir.path(), &["--json", "demo"]);
    let ran = ended(child.wait_with_output().expect("it ends")).exits(0);
    assert!(began.elapsed() < Duration::from_secs(60));
    let told = ran.json("quicprochat.demo/1");
    assert_eq!(told["ok"], true);
    assert_eq!(told["steps"].as_array().map(Vec::len), Some(6));
    assert_nothing_is_left(dir.path());
}

// CLI-42
#[test]
fn an_interrupted_demonstration_leaves_nothing_either() {
    for signal in [Signal::INT, Signal::TERM] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let child = demo(dir.path(), &["demo"]);
        // Itself does not mention the directory; the daemons do.
        until("a daemon of it", || processes_in(dir.path()) > 0);
        let pid = Pid::from_raw(child.id().cast_signed()).expect("a process has a number");
        kill_process(pid, signal).expect("it runs");
        let ran = ended(child.wait_with_output().expect("it ends")).exits(1);
        assert!(ran.err.contains("interrupted"), "{}", ran.err);
        assert_nothing_is_left(dir.path());
    }
}

// CLI-152
#[test]
fn cli_152_a_practice_and_a_patient() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let child = demo(dir.path(), &["--json", "demo", "fapp"]);
    let ran = ended(child.wait_with_output().expect("it ends")).exits(0);
    let told = ran.json("quicprochat.demo/1");
    assert_eq!(told["ok"], true, "{told}");
    assert_eq!(told["steps"].as_array().map(Vec::len), Some(7));
    assert_nothing_is_left(dir.path());
}
