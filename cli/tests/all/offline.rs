//! What needs no daemon, and what happens without one.

use std::{
    io::Read,
    os::unix::net::UnixListener,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    qpc::{command, ended, run, run_words, until},
    scripted::Scripted,
};

fn nowhere() -> &'static Path {
    Path::new("/nonexistent/qpcd.sock")
}

// CLI-05, CLI-06
#[test]
fn without_a_daemon_it_says_where_it_looked_and_what_to_do() {
    let ran = run(nowhere(), "status").exits(3);
    assert_eq!(ran.out, "");
    assert!(ran.err.contains("/nonexistent/qpcd.sock (does not exist)"), "{}", ran.err);
    assert!(ran.err.contains("Start it with qpcd"));
    let error = run(nowhere(), "--json status").exits(3).error();
    assert_eq!(error["name"], serde_json::Value::Null);
}

// CLI-01
#[test]
fn the_usual_places_are_tried_when_none_is_named() {
    let output = Command::new(env!("CARGO_BIN_EXE_qpc"))
        .arg("whoami")
        .env_clear()
        .env("XDG_RUNTIME_DIR", "/nonexistent/runtime")
        .output();
    let ran = ended(output.expect("qpc starts"));
    // A daemon of the machine itself may answer; the user's place comes first in any case.
    if ran.code != 0 {
        let ran = ran.exits(3);
        let own = ran.err.find("/nonexistent/runtime/quicprochat/qpcd.sock").expect("tried");
        let system = ran.err.find("/run/quicprochat/qpcd.sock").expect("tried");
        assert!(own < system);
    }
}

// CLI-05, CLI-09: a socket whose owner says nothing
#[test]
fn a_silent_socket_is_not_a_daemon() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let socket = dir.path().join("s");
    let listener = UnixListener::bind(&socket).expect("the path is free");
    let ran = run(&socket, "whoami --timeout 0.2").exits(3);
    assert!(ran.err.contains("no answer in time"), "{}", ran.err);
    drop(listener);
    // A test beside this one may be starting a process that holds the listener until it has begun.
    until("a closed socket", || run(&socket, "whoami").err.contains("nobody listens there"));
    run(&socket, "whoami").exits(3);
}

// CLI-05: file modes only keep out users who are not root
#[test]
fn a_refused_user_is_told_about_the_group() {
    let server = Scripted::start();
    if server_owner_is_root(&server) {
        return;
    }
    server.deny();
    let ran = run(&server.socket(), "whoami").exits(3);
    assert!(ran.err.contains("group quicprochat"), "{}", ran.err);
}

fn server_owner_is_root(server: &Scripted) -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(server.socket()).expect("it is there").uid() == 0
}

// CLI-05, CLI-06, CLI-11
#[test]
fn usage_errors_name_what_was_meant() {
    let ran = run(nowhere(), "stauts").exits(2);
    assert!(ran.err.contains("status"), "{}", ran.err);
    let error = run(nowhere(), "--json send alice").exits(2).error();
    assert!(error["error"].as_str().is_some_and(|text| text.contains("TEXT")), "{error}");
    for (line, words) in
        [("links --json", "[subcommands: list, add, remove]"), ("--json links", "missing")]
    {
        let error = run(nowhere(), line).exits(2).error();
        assert!(error["error"].as_str().is_some_and(|text| text.contains(words)), "{error}");
    }
    assert!(run(nowhere(), "--help").exits(0).out.contains("Exit codes: 0 ok"));
    assert!(run(nowhere(), "send --help").exits(0).out.contains("--lifetime"));
    assert!(run(nowhere(), "--version").exits(0).out.starts_with("qpc "));
}

// CLI-39, CLI-72
#[test]
fn completion_knows_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = run(nowhere(), &format!("completion {shell}")).exits(0).out;
        for word in ["contacts", "passphrase-file", "completion", "trust"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    let document = run(nowhere(), "--json completion bash").exits(0).json("quicprochat.text/1");
    assert!(document["text"].as_str().is_some_and(|text| text.contains("_qpc")));
    let checked =
        Command::new("bash").args(["-n", "-c", &run(nowhere(), "completion bash").out]).status();
    assert!(checked.expect("bash is there").success());
}

// CLI-40
#[test]
fn there_is_a_page_for_every_command() {
    let page = run(nowhere(), "man").exits(0).out;
    assert!(page.contains(".TH qpc 1"), "{page}");
    assert!(run(nowhere(), "man links add").exits(0).out.contains("qpc\\-links\\-add"));
    assert!(run(nowhere(), "man links subtract").exits(2).err.contains("links subtract"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().display().to_string();
    run_words(nowhere(), ["man", "--dir", &path]).exits(0);
    for name in ["qpc.1", "qpc-send.1", "qpc-channel-history.1", "qpc-demo.1"] {
        assert!(dir.path().join(name).is_file(), "{name}");
    }
    run_words(nowhere(), ["man", "--dir", "/nonexistent"]).exits(1);
}

// CLI-41
#[test]
fn version_does_not_need_a_daemon() {
    let version = run(nowhere(), "--json version").exits(0).json("quicprochat.version/1");
    assert_eq!(version["daemon"], serde_json::Value::Null);
}

// CLI-08
#[test]
fn a_reader_that_had_enough_is_no_error() {
    let mut child = command(nowhere())
        .arg("man")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("qpc starts");
    drop(child.stdout.take());
    let status = child.wait().expect("qpc ends");
    let mut err = String::new();
    child.stderr.take().expect("it was asked for").read_to_string(&mut err).expect("UTF-8");
    assert!(status.success(), "{err}");
    assert_eq!(err, "");
}

// CLI-02, CLI-08: a full disk is an error, unlike a closed pipe
#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = command(nowhere()).arg("man").stdout(full).output().expect("qpc starts");
    let ran = ended(output).exits(1);
    assert!(ran.err.contains("standard output cannot be written"), "{}", ran.err);
}

// CLI-37, CLI-42
#[test]
fn a_missing_qpcd_is_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let alone = dir.path().join("qpc");
    std::fs::copy(env!("CARGO_BIN_EXE_qpc"), &alone).expect("the program can be copied");
    for line in ["demo", "config check"] {
        let output = Command::new(&alone).args(line.split(' ')).env_clear().output();
        let ran = ended(output.expect("qpc starts")).exits(1);
        assert!(ran.err.contains("neither beside qpc nor in PATH"), "{}", ran.err);
    }
}
