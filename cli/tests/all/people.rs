//! Contacts, secrets, codes and strangers.

use serde_json::json;

use crate::{
    commands::{document, fields},
    qpc::{run, run_with_input},
    scripted::{CODE, EVE, FAR, HOSTILE, SENT, Scripted},
};

// CLI-34, CLI-65
#[test]
fn contacts_are_kept_and_changed_keys_are_warned_about() {
    let server = Scripted::start();
    let socket = server.socket();
    let contacts = document(&server, "contacts list", "quicprochat.contacts/1");
    assert_eq!(
        fields(&contacts["contacts"][0]),
        ["address", "floor", "key_changed", "name", "root_key", "suggested"]
    );
    let ran = run(&socket, "contacts list").exits(0);
    assert!(ran.err.contains("warning: the key of Eve"), "{}", ran.err);
    assert!(run(&socket, "-q contacts list").exits(0).err.is_empty());
    run(&socket, &format!("contacts add eve {EVE}")).exits(0);
    run(&socket, &format!("contacts add taken {EVE}")).exits(1);
    run(&socket, "contacts rename eve mallory").exits(0);
    run(&socket, "contacts trust mallory").exits(0);
    run(&socket, "contacts remove mallory").exits(0);
}

// CLI-34
#[test]
fn a_secret_of_two_people_is_given_by_file() {
    let server = Scripted::start();
    let socket = server.socket();
    let file = server.dir().join("secret");
    std::fs::write(&file, [7; 32]).expect("the directory is ours");
    let line = format!("contacts psk eve --file {}", file.display());
    let done = document(&server, &line, "quicprochat.done/1");
    assert_eq!(done["done"], "The secret of eve and you is in use");
    run_with_input(&socket, "contacts psk eve --file -", &[7; 16]).exits(0);
    let short = run_with_input(&socket, "contacts psk eve --file -", b"short").exits(1);
    assert!(short.err.contains("16 to 1,024 bytes") && !short.err.contains("short"));
    run(&socket, "contacts psk eve").exits(2);
    run(&socket, "contacts psk eve sixteen-secrets!").exits(2);
}

// CLI-86, CLI-90, CLI-91
#[test]
fn an_invite_is_a_line_to_copy_and_a_picture_to_scan() {
    let server = Scripted::start();
    let socket = server.socket();
    let plain = run(&socket, "invite --hint tcp://192.0.2.7:7743").exits(0);
    assert_eq!(plain.out, format!("{CODE}\n"), "no picture where no terminal is");
    let drawn = run(&socket, "invite --qr").exits(0).out;
    let lines: Vec<&str> = drawn.lines().collect();
    assert_eq!(lines.last(), Some(&CODE));
    assert!(lines.len() > 12 && lines[0].chars().all(|half| half == '█'), "{drawn}");
    assert_eq!(run(&socket, "invite --qr --no-qr").exits(0).out, format!("{CODE}\n"));
    let invite = document(&server, "invite --qr --expires 10s --uses 3", "quicprochat.invite/1");
    assert_eq!(
        invite,
        json!({
            "schema": "quicprochat.invite/1", "id": SENT, "code": CODE,
            "expires_at": 1_795_181_410, "uses": 3, "hints": [],
        })
    );
    let unreachable = run(&socket, "invite").exits(0);
    assert!(unreachable.err.contains("--hint"), "{}", unreachable.err);
    run(&socket, "invite --uses 101").exits(1);
    run(&socket, "invite --uses 0").exits(2);
    run(&socket, "invite --expires soon").exits(2);
    let list = document(&server, "invite --list", "quicprochat.invites/1");
    assert_eq!(
        list["invites"],
        json!([{
            "id": SENT, "expires_at": 1_795_181_400, "open": false, "uses": 1, "guests": [EVE],
        }])
    );
    assert!(run(&socket, "invite --list").exits(0).out.contains("closed"));
    run(&socket, &format!("invite --revoke {SENT}")).exits(0);
    run(&socket, &format!("invite --revoke {EVE}")).exits(1);
}

// CLI-87, CLI-92
#[test]
fn a_code_is_accepted_however_it_was_pasted() {
    let server = Scripted::start();
    let socket = server.socket();
    assert_eq!(run(&socket, &format!("accept {CODE}")).exits(0).out, format!("{EVE}\n"));
    let (head, tail) = CODE.split_at(16);
    run(&socket, &format!("accept {head} {tail} --name eve")).exits(0);
    run_with_input(&socket, "accept -", CODE.as_bytes()).exits(0);
    let met =
        document(&server, &format!("accept {CODE} --name eve --as me"), "quicprochat.accept/1");
    assert_eq!(
        met,
        json!({
            "schema": "quicprochat.accept/1", "invite": SENT, "address": EVE, "name": "eve",
            "links": ["tcp://192.0.2.7:7743"], "unused": [HOSTILE],
        })
    );
    for (code, name, words) in
        [("QPC-INVITE:CUT", "InviteInvalid", "cut"), ("QPC-INVITE:OLD", "InviteExpired", "expired")]
    {
        let error = run(&socket, &format!("--json accept {code}")).exits(1).error();
        assert_eq!(error["name"], format!("org.quicprochat.Error.{name}"));
        assert!(error["error"].as_str().is_some_and(|text| text.contains(words)), "{error}");
        assert!(error["hint"].is_string());
    }
    run(&socket, "accept").exits(2);
}

// CLI-88, CLI-93
#[test]
fn requests_are_listed_let_in_and_blocked() {
    let server = Scripted::start();
    let socket = server.socket();
    for line in ["requests", "requests list"] {
        let list = document(&server, line, "quicprochat.requests/1");
        assert_eq!(
            fields(&list["requests"][0]),
            ["from", "id", "payload_base64", "received_at", "sealed"]
        );
        assert_eq!(list["blocked"], json!([FAR]));
    }
    run(&socket, &format!("requests accept {EVE} --name eve")).exits(0);
    run(&socket, &format!("requests accept {SENT}")).exits(0);
    let unknown = run(&socket, &format!("requests accept {FAR}")).exits(1);
    assert!(unknown.err.contains("qpc requests"), "{}", unknown.err);
    run(&socket, &format!("requests block {EVE}")).exits(0);
    run(&socket, &format!("requests unblock {FAR}")).exits(0);
    run(&socket, &format!("requests unblock {EVE}")).exits(1);
}
