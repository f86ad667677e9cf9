//! Every command's exit code and JSON document, against scripted answers.

use std::{
    io::{BufRead, BufReader},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::{
    qpc::{run, run_with_input, run_words},
    scripted::{CODE, EVE, FAR, FLAKY, HANGS, HELD, HILL, HOSTILE, OWN, SENT, SILENT, Scripted},
};

/// Runs a command with `--json` and returns its document.
#[track_caller]
fn document(server: &Scripted, line: &str, schema: &str) -> Value {
    run(&server.socket(), &format!("--json {line}")).exits(0).json(schema)
}

/// The names of an object's fields.
fn fields(value: &Value) -> Vec<&str> {
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

// CLI-110, CLI-112
#[test]
fn modems_are_shown_with_air_time_and_neighbours() {
    let server = Scripted::start();
    let radios = document(&server, "radio", "quicprochat.radio/1");
    let radio = &radios["radios"][0];
    assert_eq!(
        fields(radio),
        [
            "airtime",
            "channel_load",
            "channel_load_hour",
            "complaints",
            "error",
            "firmware",
            "given_up",
            "heard",
            "id",
            "message_wait_s",
            "neighbours",
            "noise_floor_dbm",
            "repeated",
            "sent",
            "settings",
            "state",
            "uri"
        ]
    );
    assert_eq!(fields(&radio["airtime"][0]), ["band", "limit_ms", "used_ms", "window_s"]);
    let neighbour = &radio["neighbours"][0];
    assert_eq!((&neighbour["rssi_dbm"], &neighbour["snr_db"]), (&json!(-97), &json!(6.25)));
    assert_eq!(radio["settings"]["frequency_hz"], 869_525_000);
    let told = run(&server.socket(), "radio").exits(0).out;
    assert!(told.contains("(10.0 %)") && told.contains("-97 dBm"), "{told}");
    assert!(told.contains("no share of time is claimed"), "{told}");
    assert!(!told.contains('\x1b'), "{told}");
}

// CLI-111, CLI-113
#[test]
fn modems_are_set_and_listened_with() {
    let server = Scripted::start();
    let socket = server.socket();
    let done = document(&server, "radio set sf=9 txp=10", "quicprochat.done/1");
    assert_eq!(done["done"], "Set to rnode:///dev/modem?sf=9");
    run(&socket, "radio set sf=9 txp=10 --modem 3").exits(0);
    run(&socket, "radio set sf=9 txp=10 --modem rnode:///dev/modem").exits(0);
    let refused = run(&socket, "--json radio set txp=30").exits(1).error();
    assert!(refused["error"].as_str().is_some_and(|text| text.contains("27 dBm ERP")));
    run(&socket, "radio set sf=9 --modem 4").exits(1);
    run(&socket, "radio set").exits(2);
    let rows = document(&server, "radio scan -s 2", "quicprochat.radio-scan/1");
    assert_eq!(
        (&rows["rows"][0]["heard"], &rows["rows"][0]["rssi_dbm"]),
        (&json!(2), &json!(-101))
    );
    run(&socket, "radio scan -s 61").exits(2);
}

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
