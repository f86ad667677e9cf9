//! Sending, reading, following, and what became of messages.

use std::path::Path;

use serde_json::{Value, json};

use crate::{
    commands::{document, fields},
    qpc::{run, run_with_input},
    scripted::{EVE, FAR, FLAKY, HELD, HILL, HOSTILE, OWN, SENT, SILENT, Scripted},
};

// CLI-25, CLI-55
#[test]
fn send_prints_the_id_and_says_how_far_it_came() {
    let server = Scripted::start();
    let socket = server.socket();
    assert_eq!(run(&socket, &format!("send {FAR} hello")).exits(0).out, format!("{SENT}\n"));
    let sent = document(&server, &format!("send {FAR} hello"), "quicprochat.send/1");
    assert_eq!(
        sent,
        json!({"schema": "quicprochat.send/1", "id": SENT, "state": "accepted", "radio": null})
    );
    let sent = document(&server, &format!("send {FAR} hello --wait 3"), "quicprochat.send/1");
    assert_eq!(sent["state"], "received");
    let late = run(&socket, &format!("--json send {FAR} hello --wait 1")).exits(4);
    assert_eq!(late.json("quicprochat.send/1")["state"], "in-custody");
    assert!(late.error()["error"].as_str().is_some_and(|text| text.contains("in-custody")));
    let late = run(&socket, &format!("send {FAR} hello --wait 1")).exits(4);
    assert_eq!(late.out, format!("{SENT}\n"));
    let radio = &document(&server, &format!("send {HILL} hello"), "quicprochat.send/1")["radio"];
    assert_eq!(fields(radio), ["air_ms", "modem", "wait_s", "waits_for"]);
    assert_eq!((&radio["waits_for"], &radio["wait_s"]), (&json!("air-time"), &json!(40.0)));
    assert!(radio["air_ms"].as_f64().is_some_and(|air| (100.0..200.0).contains(&air)), "{radio}");
    let told = run(&socket, &format!("send {HILL} hello")).exits(0).err;
    assert!(told.contains("s of air time") && told.contains("goes out in about 40 s"), "{told}");
    let lost = run(&socket, &format!("send {FAR} hello --wait 2")).exits(1);
    assert_eq!(lost.out, format!("{SENT}\n"));
    assert!(lost.err.contains("qpc why"));
}

// CLI-12, CLI-25
#[test]
fn send_takes_text_files_and_standard_input() {
    let server = Scripted::start();
    let socket = server.socket();
    run_with_input(&socket, &format!("send {FAR} -"), b"from a pipe").exits(0);
    let file = server.dir().join("body");
    std::fs::write(&file, b"\x00\xff").expect("the directory is ours");
    run(&socket, &format!("send {FAR} --file {}", file.display())).exits(0);
    let absent = run(&socket, &format!("send {FAR} --file {}/absent", server.dir().display()));
    assert!(absent.exits(1).err.contains("absent cannot be read"));
    let endless = run(&socket, &format!("send {FAR} --file /dev/zero")).exits(1);
    assert!(endless.err.contains("longer than a message"));
    let own = run(&socket, &format!("--json send {OWN} hello")).exits(1).error();
    assert_eq!(own["name"], "org.quicprochat.Error.AddressIsOwn");
    let nobody = run(&socket, "send nobody hello").exits(1);
    assert!(nobody.err.contains("qpc contacts list"));
}

// CLI-26, CLI-56
#[test]
fn inbox_shows_text_as_text_and_the_rest_as_base64() {
    let server = Scripted::start();
    let inbox = document(&server, "inbox", "quicprochat.inbox/1");
    let messages = inbox["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), 3);
    assert_eq!(
        messages[0],
        json!({
            "id": format!("{:032x}", 1), "from": EVE, "name": HOSTILE, "received_at": 1_795_181_400,
            "text": "plain", "verified": true, "sealed": false,
        })
    );
    assert_eq!(messages[1]["payload_base64"], "G1szMW1yZWQKZm9yZ2VkIGxpbmU=");
    assert_eq!(messages[1]["received_at"], Value::Null);
    assert_eq!(messages[2]["payload_base64"], "/wA=");
    assert_eq!(messages[2].get("text"), None);
    let since = format!("inbox --since {:032x} --take", 1);
    let later = document(&server, &since, "quicprochat.inbox/1");
    assert_eq!(later["messages"].as_array().map(Vec::len), Some(2));
    let none =
        document(&server, &format!("inbox --since {:032x} --take", 3), "quicprochat.inbox/1");
    assert_eq!(none["messages"], json!([]));
}

// CLI-27, CLI-36, CLI-57, CLI-67, CLI-22
#[test]
fn what_is_followed_comes_line_by_line_until_the_count() {
    let server = Scripted::start();
    let message = document(&server, "watch -n 1", "quicprochat.message/1");
    assert_eq!(message["id"], format!("{:032x}", 1));
    run(&server.socket(), "watch -n 2 --take").exits(0);
    let events = run(&server.socket(), "--json events -n 2").exits(0);
    assert_eq!(events.out.lines().count(), 2);
    for line in events.out.lines() {
        let event: Value = serde_json::from_str(line).expect("it is JSON");
        assert_eq!(
            fields(&event),
            [
                "address", "after_ms", "at", "channel", "detail", "event", "link", "message",
                "schema", "seq",
            ]
        );
        assert_eq!((&event["event"], &event["address"]), (&json!("failed"), &json!(EVE)));
    }
}

// CLI-28, CLI-58
#[test]
fn ping_counts_and_says_the_path() {
    let server = Scripted::start();
    let socket = server.socket();
    let ping = document(&server, &format!("ping {FAR} -c 3 -i 0"), "quicprochat.ping/1");
    assert_eq!(
        ping,
        json!({
            "schema": "quicprochat.ping/1", "address": FAR, "sent": 3, "received": 3,
            "p50_ms": 2.0, "p95_ms": 3.0, "path": [EVE, FAR],
            "link": "1", "medium": "tcp", "uri": HOSTILE, "link_path": HOSTILE,
        })
    );
    let flaky = run(&socket, &format!("--json ping {FLAKY} -c 3 -i 0")).exits(5);
    let flaky = flaky.json("quicprochat.ping/1");
    assert_eq!((&flaky["received"], &flaky["path"]), (&json!(2), &json!([])));
    let silent = run(&socket, &format!("--json ping {SILENT} -c 2 -i 0")).exits(4);
    let counts = silent.json("quicprochat.ping/1");
    assert_eq!((&counts["received"], &counts["p50_ms"]), (&json!(0), &Value::Null));
    let plain = run(&socket, &format!("ping {FAR} -c 2 -i 0")).exits(0).out;
    assert!(plain.ends_with(&format!("path: {EVE} → {FAR}\n")), "{plain}");
}

// CLI-29, CLI-59
#[test]
fn trace_names_the_hops() {
    let server = Scripted::start();
    let socket = server.socket();
    let trace = document(&server, &format!("trace {FAR}"), "quicprochat.trace/1");
    assert_eq!(trace["complete"], true);
    assert_eq!(
        trace["hops"],
        json!([
            {"hop": 1, "address": EVE, "name": HOSTILE, "link": "1", "medium": "tcp", "rtt_ms": 0.5},
            {"hop": 2, "address": FAR, "name": HOSTILE, "link": null, "medium": HOSTILE, "rtt_ms": 1.0},
        ])
    );
    let part = run(&socket, &format!("--json trace {FLAKY}")).exits(5);
    assert_eq!(part.json("quicprochat.trace/1")["complete"], false);
    run(&socket, &format!("trace {SILENT}")).exits(4);
}

// CLI-30, CLI-31, CLI-60, CLI-61
#[test]
fn why_and_queue_say_what_a_message_waits_for() {
    let server = Scripted::start();
    let why = document(&server, &format!("why {SENT}"), "quicprochat.why/1");
    assert_eq!(
        why,
        json!({
            "schema": "quicprochat.why/1", "id": SENT, "to": FAR, "state": "accepted",
            "tried": [{"ago_s": 1.5, "next_hop": null, "result": "no-route"}],
            "waiting_for": "route", "next_try_s": 3.0, "age_s": 2.0, "expires_in_s": 60.0,
            "way": {"hops": 2, "next_hop": EVE, "medium": null, "kilobyte_ms": 0.2},
            "radio": null,
        })
    );
    let held = document(&server, &format!("why {HELD}"), "quicprochat.why/1");
    assert_eq!(held["radio"]["waits_for"], "air-time");
    assert_eq!((&held["radio"]["modem"], &held["radio"]["wait_s"]), (&json!("3"), &json!(40.0)));
    let told = run(&server.socket(), &format!("why {HELD}")).exits(0).out;
    assert!(told.contains("the way there: 3 hops, 1.9 s of air and wire time"), "{told}");
    assert!(told.contains("by radio: it goes out in about 40 s"), "{told}");
    let plain = run(&server.socket(), &format!("why {SENT}")).exits(0).out;
    assert!(plain.starts_with(&format!("Accepted here 2 s ago for {FAR}; waits for a route;")));
    let queue = document(&server, "queue", "quicprochat.queue/1");
    assert_eq!(
        queue["messages"],
        json!([{
            "id": SENT, "to": FAR, "name": null, "state": "accepted", "bytes": 5,
            "priority": "normal", "age_s": 2.0, "expires_in_s": 60.0, "waiting_for": "route",
            "tries": 1, "next_try_s": 3.0,
        }])
    );
}

// CLI-32, CLI-73
#[test]
fn cancel_says_which_could_not_be_cancelled() {
    let server = Scripted::start();
    let socket = server.socket();
    let all = document(&server, &format!("cancel {SENT}"), "quicprochat.cancelled/1");
    assert_eq!((&all["cancelled"], &all["failed"]), (&json!([SENT]), &json!([])));
    let some = run(&socket, &format!("--json cancel {SENT} {EVE}")).exits(5);
    assert_eq!(some.json("quicprochat.cancelled/1")["failed"], json!([EVE]));
    run(&socket, &format!("cancel {EVE} {FAR}")).exits(1);
}

// CLI-33, CLI-62, CLI-63, CLI-64
#[test]
fn channels_are_created_joined_listed_and_used() {
    let server = Scripted::start();
    let socket = server.socket();
    assert_eq!(run(&socket, "channel create news").exits(0).out, "invite-text\n");
    let made = document(&server, "channel create news", "quicprochat.channel/1");
    assert_eq!((&made["id"], &made["invite"]), (&json!(SENT), &json!("invite-text")));
    assert_eq!(run(&socket, "channel join invite-text").exits(0).out, format!("{SENT}\n"));
    assert!(run(&socket, "channel join x").exits(1).err.contains("Ask for the invite again"));
    let list = document(&server, "channel list", "quicprochat.channels/1");
    assert_eq!(fields(&list["channels"][0]), ["id", "invite", "messages", "name"]);
    let sent = document(&server, "channel send news hello", "quicprochat.send/1");
    assert_eq!(sent["id"], SENT);
    let history = document(&server, "channel history news", "quicprochat.history/1");
    assert_eq!(
        fields(&history["messages"][0]),
        ["from", "id", "name", "payload_base64", "proven", "sent_at"]
    );
    run(&socket, "channel leave news").exits(0);
    run(&socket, "channel leave olds").exits(1);
}

// CLI-44, CLI-75
#[test]
fn a_receipt_is_shown_and_a_forged_one_is_refused() {
    let server = Scripted::start();
    let socket = server.socket();
    let proof = document(&server, &format!("proof show {SENT}"), "quicprochat.proof/1");
    assert_eq!((&proof["id"], &proof["valid"]), (&json!(SENT), &Value::Null));
    assert_eq!(proof["payload_sha256"], "03".repeat(32));
    run(&socket, &format!("proof show {EVE}")).exits(1);
    let file = server.dir().join("receipt").display().to_string();
    run(&socket, &format!("proof show {SENT} --out {file}")).exits(0);
    // The made-up signature is no signature, whatever the payload.
    let verify = format!("--json proof verify {file} --payload /etc/hostname");
    let forged = run(Path::new("/nonexistent"), &verify).exits(1);
    assert_eq!(forged.json("quicprochat.proof/1")["valid"], false);
    assert!(forged.error()["error"].as_str().is_some_and(|text| text.contains("signature")));
    let other = run(&socket, "proof verify /etc/hostname --payload /etc/hostname").exits(1);
    assert!(other.err.contains("no signed receipt"));
}
