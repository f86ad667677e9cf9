//! Every command's exit code and JSON document, against scripted answers.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    qpc::{run, run_words},
    scripted::{EVE, FAR, HANGS, OWN, Scripted},
};

/// Runs a command with `--json` and returns its document.
#[track_caller]
pub(crate) fn document(server: &Scripted, line: &str, schema: &str) -> Value {
    run(&server.socket(), &format!("--json {line}")).exits(0).json(schema)
}

/// The names of an object's fields.
pub(crate) fn fields(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

// CLI-20, CLI-50
#[test]
fn status_is_a_sentence_and_a_document() {
    let server = Scripted::start();
    let ran = run(&server.socket(), "status").exits(0);
    assert_eq!(ran.out.lines().next(), Some("Online: 1 peer (1 direct), 3 messages queued"));
    assert!(ran.out.contains("90 s behind"), "{}", ran.out);
    assert!(ran.err.starts_with("warning: "));
    let status = document(&server, "status", "quicprochat.status/1");
    assert_eq!(
        fields(&status),
        [
            "address",
            "clock_skew_s",
            "custody",
            "custody_bytes",
            "discovered",
            "dropped",
            "inbox",
            "iroh",
            "listening",
            "multicast_sent",
            "name",
            "outbox",
            "outbox_in_custody",
            "peers",
            "routes",
            "schema",
            "state",
            "storage",
            "uptime_s",
            "version",
            "warnings",
        ]
    );
    assert_eq!(status["state"], "online");
    assert_eq!(status["name"], Value::Null);
    assert_eq!(status["dropped"], json!({"forged": 5}));
}

// CLI-21, CLI-51
#[test]
fn whoami_is_the_address() {
    let server = Scripted::start();
    assert_eq!(run(&server.socket(), "whoami").exits(0).out, format!("{OWN}\n"));
    let who = document(&server, "whoami", "quicprochat.whoami/1");
    assert_eq!(who["address"], OWN);
    assert_eq!(fields(&who), ["address", "iroh", "name", "root_key", "schema"]);
}

// CLI-22, CLI-52
#[test]
fn peers_are_listed() {
    let server = Scripted::start();
    let peers = document(&server, "peers", "quicprochat.peers/1");
    assert_eq!(
        fields(&peers["peers"][0]),
        [
            "address",
            "clock_offset_s",
            "link",
            "medium",
            "name",
            "path",
            "rtt_ms",
            "rx_bytes",
            "tx_bytes",
            "up_s",
        ]
    );
    assert_eq!(peers["peers"][0]["rtt_ms"], 1.25);
    let plain = run(&server.socket(), "peers").exits(0).out;
    assert!(plain.starts_with("ADDRESS") && plain.contains("1.25 ms"));
}

// CLI-22, CLI-03
#[test]
fn peers_are_shown_again_when_one_comes() {
    let server = Scripted::start();
    let mut child = crate::qpc::command(&server.socket())
        .args(["--json", "peers", "-w"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("qpc starts");
    let lines = BufReader::new(child.stdout.take().expect("it was asked for")).lines();
    for line in lines.take(3) {
        let document: Value = serde_json::from_str(&line.expect("it is text")).expect("it is JSON");
        assert_eq!(document["schema"], "quicprochat.peers/1");
        assert_eq!(document["peers"][0]["address"], EVE);
    }
    // The reader is gone; the next document ends it.
    assert!(child.wait().expect("it ends").success());
}

// CLI-23, CLI-53
#[test]
fn routes_come_in_pages_and_have_the_fields_scripts_rely_on() {
    let server = Scripted::start();
    let routes = document(&server, "routes", "quicprochat.routes/1");
    let found: Vec<_> = routes["routes"].as_array().expect("a list").iter().collect();
    assert_eq!(found.len(), 2);
    let far = json!({
        "address": FAR, "hops": 2, "cost": 200, "next_hop": EVE, "age_s": 7, "name": null,
        "proven": false, "alternatives": 0,
    });
    assert_eq!(*found[1], far);
    let one = document(&server, &format!("routes {FAR}"), "quicprochat.routes/1");
    assert_eq!(one["routes"], json!([far]));
    let none = run(&server.socket(), "routes nobody").exits(1);
    assert!(none.err.contains("no route to nobody"));
}

// CLI-24, CLI-54, CLI-66
#[test]
fn links_are_listed_added_and_removed() {
    let server = Scripted::start();
    let links = document(&server, "links list", "quicprochat.links/1");
    let link = &links["links"][0];
    assert_eq!(
        fields(link),
        ["direction", "error", "id", "origin", "path", "peer", "retry_in_s", "state", "uri"]
    );
    assert_eq!((&link["state"], &link["retry_in_s"]), (&json!("backoff"), &json!(2.5)));
    let socket = server.socket();
    let told = run(&socket, "links list").exits(0).out;
    assert!(told.contains("air time is used up, messages go out again in about 40 s"), "{told}");
    assert_eq!(run(&socket, "links add tcp://127.0.0.1:2").exits(0).out, "");
    let done = document(&server, "links add tcp://127.0.0.1:2", "quicprochat.done/1");
    assert_eq!(done["done"], "Added tcp://127.0.0.1:2");
    run(&socket, "links remove tcp://127.0.0.1:1").exits(0);
    run(&socket, "links remove 1").exits(0);
    let unknown = run(&socket, "--json links remove tcp://127.0.0.1:9").exits(1);
    assert!(unknown.error()["hint"].as_str().is_some_and(|hint| hint.contains("qpc links list")));
    let refused = run(&socket, "--json links add carrier-pigeon://loft").exits(1).error();
    assert_eq!(refused["name"], "org.quicprochat.Error.LinkInvalid");
}

// CLI-35
#[test]
fn an_identity_goes_out_and_comes_back() {
    let server = Scripted::start();
    let socket = server.socket();
    let at = |name: &str| server.dir().join(name).display().to_string();
    std::fs::write(at("pass"), "open sesame\nrest").expect("the directory is ours");
    std::fs::write(at("wrong"), "sesame").expect("the directory is ours");
    let (file, pass) = (at("backup"), at("pass"));
    let export = format!("identity export {file} --passphrase-file {pass}");
    run(&socket, &export).exits(0);
    assert_eq!(std::fs::read(&file).expect("it was written"), b"backup under open sesame");
    let mode = std::fs::metadata(&file).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(run(&socket, &export).exits(1).err.contains("exists already"));
    run(&socket, &format!("{export} --force")).exits(0);
    assert!(!Path::new(&at("backup.part")).exists());
    let stdout = run(&socket, &format!("identity export - --passphrase-file {pass}")).exits(0);
    assert_eq!(stdout.out, "backup under open sesame");
    let import = format!("identity import {file} --passphrase-file");
    let exists = run(&socket, &format!("{import} {pass}")).exits(1);
    assert!(exists.err.contains("--replace"));
    let done = run(&socket, &format!("--json {import} {pass} --replace")).exits(0);
    assert!(
        done.json("quicprochat.done/1")["done"].as_str().is_some_and(|text| text.contains(FAR))
    );
    let wrong = run(&socket, &format!("--json {import} {}", at("wrong"))).exits(1).error();
    assert_eq!(wrong["name"], "org.quicprochat.Error.WrongPassphrase");
}

// CLI-35: without a terminal there is nobody to ask
#[test]
fn a_passphrase_is_never_guessed() {
    let server = Scripted::start();
    let mut words = vec!["-w".to_owned(), env!("CARGO_BIN_EXE_qpc").to_owned()];
    words.extend(["identity", "export", "-"].map(str::to_owned));
    // A session of its own has no terminal.
    let output = Command::new("setsid")
        .args(words)
        .env("QPC_SOCKET", server.socket())
        .stdin(Stdio::null())
        .output()
        .expect("setsid is part of util-linux");
    let ran = crate::qpc::ended(output).exits(1);
    assert!(ran.err.contains("--passphrase-file"), "{}", ran.err);
}

// CLI-43
#[test]
fn a_mailbox_is_chosen_and_given_up() {
    let server = Scripted::start();
    let socket = server.socket();
    run(&socket, &format!("mailbox use {EVE}")).exits(0);
    run(&socket, "mailbox use none").exits(0);
    run(&socket, "mailbox use nobody").exits(1);
}

// CLI-37, CLI-68
#[test]
fn settings_are_shown_all_or_one() {
    let server = Scripted::start();
    let socket = server.socket();
    let config = document(&server, "config get", "quicprochat.config/1");
    assert_eq!(config["config"], json!({"log.level": "info", "tcp.listen": "[::]:7743"}));
    assert_eq!(run(&socket, "config get log.level").exits(0).out, "info\n");
    assert!(run(&socket, "config get log.leven").exits(1).err.contains("qpc config get"));
}

// CLI-38, CLI-69
#[test]
fn the_mesh_is_drawn() {
    let server = Scripted::start();
    let graph = document(&server, "mesh graph", "quicprochat.graph/1");
    assert_eq!(graph["nodes"].as_array().map(Vec::len), Some(3));
    assert_eq!(graph["edges"][1], json!({"from": EVE, "to": FAR, "kind": "route"}));
    let picture = run(&server.socket(), "mesh graph").exits(0).out;
    let file = server.dir().join("mesh.svg");
    run_words(&server.socket(), ["mesh", "graph", "-o", &file.display().to_string()]).exits(0);
    assert_eq!(std::fs::read_to_string(file).expect("it was written"), picture);
}

// CLI-41, CLI-70
#[test]
fn version_names_both_programs() {
    let server = Scripted::start();
    let version = document(&server, "version", "quicprochat.version/1");
    assert_eq!(version["qpc"], env!("CARGO_PKG_VERSION"));
    assert_eq!(version["daemon"], "0.0.1-scripted");
}

// CLI-09
#[test]
fn an_answer_that_does_not_come_ends_the_command() {
    let server = Scripted::start();
    let began = std::time::Instant::now();
    let late = run(&server.socket(), &format!("--json why {HANGS} --timeout 0.3")).exits(4);
    assert!(began.elapsed().as_secs() < 5);
    assert!(late.error()["hint"].as_str().is_some_and(|hint| hint.contains("--timeout")));
}

// CLI-01
#[test]
fn a_named_socket_wins_over_the_environment() {
    let server = Scripted::start();
    let nowhere = server.dir().join("nowhere");
    run(&nowhere, "whoami").exits(3);
    run(&nowhere, &format!("whoami --socket {}", server.socket().display())).exits(0);
    run(&server.socket(), &format!("whoami --socket {}", nowhere.display())).exits(3);
}
