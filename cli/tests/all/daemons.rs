//! Real daemons, spoken to through `qpc` alone.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::qpc::{Ran, ended, run, run_words, until};

/// The daemon's program beside `qpc`, built once: a test of `qpc` must not run an old one.
pub(crate) fn qpcd() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let qpc = Path::new(env!("CARGO_BIN_EXE_qpc"));
        let dir = qpc.parent().expect("it is in a directory");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--package", "quicprochat-daemon", "--bin", "qpcd"]);
        // Where this test was built, whatever chose the place.
        cargo.arg("--target-dir").arg(dir.parent().expect("profiles are in the target directory"));
        if dir.ends_with("release") {
            cargo.arg("--release");
        }
        assert!(cargo.status().expect("cargo starts").success(), "qpcd does not build");
        dir.join("qpcd")
    })
}

/// A daemon of a test, killed when dropped.
struct Daemon {
    child: Child,
    dir: TempDir,
    address: String,
}

impl Daemon {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// With settings in its environment, until it is restarted.
    fn start_with(environment: &[(&str, &str)]) -> Self {
        Self::start_on(&["--no-iroh"], environment)
    }

    /// With a QUIC endpoint on loopback.
    fn start_with_endpoint() -> Self {
        Self::start_on(&["--iroh-bind", "127.0.0.1:0"], &[])
    }

    fn start_on(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (child, address) = launch(dir.path(), flags, environment);
        Self { child, dir, address }
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }

    #[track_caller]
    fn qpc(&self, line: &str) -> Ran {
        run(&self.socket(), line)
    }

    /// The document of a command that has to succeed.
    #[track_caller]
    fn json(&self, line: &str) -> Value {
        let ran = self.qpc(&format!("--json {line}")).exits(0);
        serde_json::from_str(&ran.out).expect("it is JSON")
    }

    /// The address it listens on, as a link.
    fn listening(&self) -> String {
        self.json("status")["listening"][0].as_str().expect("it listens").to_owned()
    }

    fn stop(&mut self) {
        // A crash, on purpose: what was accepted must survive it.
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }

    fn restart(&mut self) {
        (self.child, _) = launch(self.dir.path(), &["--no-iroh"], &[]);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(dir: &Path, flags: &[&str], environment: &[(&str, &str)]) -> (Child, String) {
    let mut child = Command::new(qpcd())
        .arg("--data-dir")
        .arg(dir.join("data"))
        .arg("--socket")
        .arg(dir.join("s"))
        .args(["--tcp-listen", "127.0.0.1:0", "--no-mdns", "--no-multicast"])
        .args(flags)
        .env_clear()
        .env("HOME", dir)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("qpcd starts");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it was asked for");
    BufReader::new(stdout).read_line(&mut line).expect("it says something");
    let address = line
        .strip_prefix("ready address=")
        .and_then(|rest| rest.split(' ').next())
        .expect("it says its address")
        .to_owned();
    (child, address)
}

/// Anna, Ben and Carla in a line; Anna and Carla know the way to each other.
fn line_of_three() -> [Daemon; 3] {
    let nodes = [Daemon::start(), Daemon::start(), Daemon::start()];
    let [anna, ben, carla] = &nodes;
    let middle = ben.listening();
    anna.qpc(&format!("links add {middle}")).exits(0);
    carla.qpc(&format!("links add {middle}")).exits(0);
    until("a route over two hops", || {
        anna.qpc(&format!("routes {}", carla.address)).code == 0
            && carla.qpc(&format!("routes {}", anna.address)).code == 0
    });
    nodes
}

// CLI-20 to CLI-26, CLI-28, CLI-29, CLI-38, CLI-41
#[test]
fn a_line_of_three_talks_and_shows_itself() {
    let [anna, ben, carla] = &line_of_three();
    assert_eq!(anna.json("whoami")["address"], anna.address);
    assert!(anna.qpc("status").exits(0).out.starts_with("Online: 1 peer (1 direct), no messages"));
    assert_eq!(anna.json("peers")["peers"][0]["address"], ben.address);
    assert_eq!(ben.json("peers")["peers"].as_array().map(Vec::len), Some(2));
    let route = &anna.json(&format!("routes {}", carla.address))["routes"][0];
    assert_eq!((&route["hops"], &route["next_hop"]), (&json!(2), &json!(ben.address)));
    let link = &anna.json("links list")["links"];
    assert!(link.as_array().expect("a list").iter().any(|link| link["peer"] == ben.address));

    let words = ["--json", "send", &carla.address, "two\nlines", "--wait", "20"];
    let sent = run_words(&anna.socket(), words).exits(0).json("quicprochat.send/1");
    assert_eq!(sent["state"], "received");
    let inbox = carla.json("inbox --take");
    assert_eq!(inbox["messages"].as_array().map(Vec::len), Some(1));
    let message = &inbox["messages"][0];
    assert_eq!((&message["id"], &message["from"]), (&sent["id"], &json!(anna.address)));
    assert_eq!(message["text"], "two\nlines");
    assert_eq!(carla.json("inbox")["messages"], json!([]));
    let why = anna.qpc(&format!("--json why {}", sent["id"].as_str().expect("an id")));
    if why.code == 0 {
        assert_eq!(why.json("quicprochat.why/1")["state"], "received");
    }

    let ping = anna.json(&format!("ping {} -c 3 -i 0", carla.address));
    assert_eq!((&ping["sent"], &ping["received"]), (&json!(3), &json!(3)));
    assert_eq!(ping["path"], json!([ben.address, carla.address]));
    let trace = anna.json(&format!("trace {}", carla.address));
    assert_eq!(trace["complete"], true);
    assert_eq!(trace["hops"].as_array().map(Vec::len), Some(2));
    let graph = anna.json("mesh graph");
    assert_eq!(graph["nodes"].as_array().map(Vec::len), Some(3));
    assert_eq!(anna.json("version")["daemon"], env!("CARGO_PKG_VERSION"));
}

// CLI-25, CLI-30, CLI-31, CLI-32
#[test]
fn what_cannot_be_delivered_waits_can_be_asked_about_and_cancelled() {
    let mut nodes = line_of_three();
    nodes[1].stop();
    let [anna, _, carla] = &nodes;
    let sent = anna.json(&format!("send {} later", carla.address));
    let id = sent["id"].as_str().expect("an id").to_owned();
    assert_eq!(sent["state"], "accepted");
    let late = anna.qpc(&format!("send {} never --wait 0.3", carla.address)).exits(4);
    let never = late.out.trim().to_owned();
    let why = anna.json(&format!("why {id}"));
    assert_eq!((&why["id"], &why["to"]), (&json!(id), &json!(carla.address)));
    assert_ne!(why["waiting_for"], "nothing");
    assert_eq!(anna.json("queue")["messages"].as_array().map(Vec::len), Some(2));
    anna.qpc(&format!("cancel {never}")).exits(0);
    assert_eq!(anna.json("queue")["messages"].as_array().map(Vec::len), Some(1));

    nodes[0].stop();
    nodes[0].restart();
    nodes[1].restart();
    let middle = nodes[1].listening();
    let [anna, _, carla] = &nodes;
    anna.qpc(&format!("links add {middle}")).exits(0);
    carla.qpc(&format!("links add {middle}")).exits(0);
    until("the waiting message", || carla.json("inbox")["messages"] != json!([]));
    let messages = &carla.json("inbox")["messages"];
    assert_eq!(messages.as_array().map(Vec::len), Some(1));
    assert_eq!((&messages[0]["id"], &messages[0]["text"]), (&json!(id), &json!("later")));
    until("its receipt", || anna.json("queue")["messages"] == json!([]));
}

// CLI-10, CLI-34
#[test]
fn contacts_have_names_that_work_everywhere() {
    let [anna, ben, carla] = &line_of_three();
    anna.qpc(&format!("contacts add carla {}", carla.address)).exits(0);
    anna.qpc(&format!("contacts add carla {}", ben.address)).exits(1);
    anna.qpc("send carla hello --wait 20").exits(0);
    anna.qpc("ping carla -c 1").exits(0);
    anna.qpc("trace carla").exits(0);
    anna.qpc("routes carla").exits(0);
    anna.qpc("contacts rename carla cleo").exits(0);
    let contacts = anna.json("contacts list");
    assert_eq!(contacts["contacts"][0]["name"], "cleo");
    assert_eq!(contacts["contacts"][0]["address"], carla.address);
    anna.qpc("send carla hello").exits(1);
    anna.qpc("contacts remove cleo").exits(0);
    assert_eq!(anna.json("contacts list")["contacts"], json!([]));
    anna.qpc(&format!("contacts trust {}", carla.address)).exits(1);
}

// CLI-86, CLI-87
#[test]
fn strangers_meet_by_a_code_alone() {
    let (anna, ben) = (Daemon::start(), Daemon::start());
    let invite = anna.json("invite --name Anna");
    let code = invite["code"].as_str().expect("a code");
    assert_eq!(invite["hints"], json!([anna.listening()]));
    let met = ben.json(&format!("accept {code} --as Ben"));
    assert_eq!((&met["address"], &met["name"]), (&json!(anna.address), &json!("Anna")));
    assert_eq!(met["links"], json!([anna.listening()]));
    until("Ben at Anna's", || anna.json("contacts list")["contacts"] != json!([]));
    let contact = &anna.json("contacts list")["contacts"][0];
    assert_eq!((&contact["name"], &contact["suggested"]), (&json!("Ben"), &json!(true)));
    ben.qpc("send Anna hello --wait 20").exits(0);
    assert_eq!(anna.json("inbox")["messages"][0]["name"], "Ben");
    anna.qpc("contacts rename Ben Benno").exits(0);
    assert_eq!(anna.json("contacts list")["contacts"][0]["suggested"], false);
    assert_eq!(anna.json("invite --list")["invites"][0]["guests"], json!([ben.address]));

    let refused = |node: &Daemon, code: &str, words: &str| {
        let ran = node.qpc(&format!("--json accept {code}")).exits(1);
        let error = ran.error();
        assert!(error["error"].as_str().is_some_and(|text| text.contains(words)), "{error}");
    };
    let carla = Daemon::start();
    refused(&carla, &code[..code.len() - 3], "cut");
    let other = if &code[60..61] == "A" { "B" } else { "A" };
    let altered = format!("{}{other}{}", &code[..60], &code[61..]);
    refused(&carla, &altered, "altered");
    refused(&carla, "hello", "no invite");
    refused(&anna, code, "own");
    refused(&ben, code, "accepted here before");
    let short = anna.json("invite --expires 1s");
    std::thread::sleep(std::time::Duration::from_millis(2_100));
    refused(&carla, short["code"].as_str().expect("a code"), "expired");
    // Used up: only Anna knows, and lets nobody else in.
    carla.qpc(&format!("accept {code}")).exits(0);
    carla.qpc("send Anna hello --wait 20").exits(0);
    assert_eq!(anna.json("contacts list")["contacts"].as_array().map(Vec::len), Some(1));
}

// CLI-88
#[test]
fn strangers_wait_for_a_decision() {
    let (anna, ben) =
        (Daemon::start_with(&[("QPC_MESSAGES_STRANGERS", "request")]), Daemon::start());
    ben.qpc(&format!("links add {}", anna.listening())).exits(0);
    ben.qpc(&format!("send {} knock", anna.address)).exits(0);
    until("a request", || anna.json("requests")["requests"] != json!([]));
    assert_eq!(anna.json("inbox")["messages"], json!([]));
    let request = &anna.json("requests")["requests"][0];
    assert_eq!((&request["from"], &request["text"]), (&json!(ben.address), &json!("knock")));
    let id = request["id"].as_str().expect("an id").to_owned();
    anna.qpc(&format!("requests accept {id} --name Ben")).exits(0);
    until("the message", || anna.json("inbox")["messages"] != json!([]));
    anna.qpc("requests block Ben").exits(0);
    assert_eq!(anna.json("requests")["blocked"], json!([ben.address]));
    anna.qpc("requests unblock Ben").exits(0);
    assert_eq!(anna.json("requests")["blocked"], json!([]));
}

// CLI-33
#[test]
fn a_channel_reaches_members_across_the_mesh() {
    let [anna, _, carla] = &line_of_three();
    let made = anna.json("channel create news");
    let invite = made["invite"].as_str().expect("an invite");
    let joined = carla.json(&format!("channel join {invite}"));
    assert_eq!(joined["id"], made["id"]);
    anna.qpc("channel send news hello").exits(0);
    until("the message", || carla.json("channel history news")["messages"] != json!([]));
    let history = carla.json("channel history news");
    assert_eq!(history["messages"][0]["text"], "hello");
    assert_eq!(history["messages"][0]["from"], anna.address);
    carla.qpc("channel leave news").exits(0);
    assert_eq!(carla.json("channel list")["channels"], json!([]));
    carla.qpc("channel history news").exits(1);
}

// CLI-27, CLI-36
#[test]
fn what_arrives_is_seen_by_who_watches() {
    let anna = Daemon::start();
    let ben = Daemon::start();
    let follow = |node: &Daemon, line: &str| {
        // Nothing that is followed here takes long; a test must not wait for ever.
        let mut child = Command::new("timeout")
            .arg("60")
            .arg(env!("CARGO_BIN_EXE_qpc"))
            .env("QPC_SOCKET", node.socket())
            .args(line.split(' '))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("qpc starts");
        // It says so on standard error once nothing can be missed any more.
        let mut err = BufReader::new(child.stderr.take().expect("it was asked for"));
        err.read_line(&mut String::new()).expect("it says that it waits");
        child
    };
    let events = follow(&ben, "--json events -n 1");
    anna.qpc(&format!("links add {}", ben.listening())).exits(0);
    let seen = ended(events.wait_with_output().expect("it ends")).exits(0);
    assert_eq!(seen.json("quicprochat.event/1")["schema"], "quicprochat.event/1");
    until("a peer", || anna.json("peers")["peers"] != json!([]));
    let watch = follow(&ben, "--json watch -n 1 --take");
    anna.qpc(&format!("send {} ping --wait 20", ben.address)).exits(0);
    let seen = ended(watch.wait_with_output().expect("it ends")).exits(0);
    assert_eq!(seen.json("quicprochat.message/1")["text"], "ping");
    until("an empty inbox", || ben.json("inbox")["messages"] == json!([]));
}

// CLI-35
#[test]
fn an_identity_moves_to_another_daemon() {
    let anna = Daemon::start();
    let mut ben = Daemon::start();
    let at = |name: &str| anna.dir.path().join(name).display().to_string();
    std::fs::write(at("pass"), "correct horse").expect("the directory is ours");
    std::fs::write(at("wrong"), "battery staple").expect("the directory is ours");
    let with = |pass: &str| format!("{} --passphrase-file {}", at("backup"), at(pass));
    anna.qpc(&format!("identity export {}", with("pass"))).exits(0);
    ben.qpc(&format!("identity import {} --replace", with("wrong"))).exits(1);
    let refused = ben.qpc(&format!("identity import {}", with("pass"))).exits(1);
    assert!(refused.err.contains("--replace"), "{}", refused.err);
    ben.qpc(&format!("identity import {} --replace", with("pass"))).exits(0);
    ben.stop();
    ben.restart();
    assert_eq!(ben.json("whoami")["address"], anna.address);
}

// CLI-37
#[test]
fn settings_are_shown_and_files_checked() {
    let anna = Daemon::start();
    let config = anna.json("config get");
    assert!(config["config"].as_object().is_some_and(|settings| !settings.is_empty()));
    let file = anna.dir.path().join("bad.toml");
    std::fs::write(&file, "no_such_key = 1\n").expect("the directory is ours");
    let check = anna.qpc(&format!("--json config check {}", file.display())).exits(1);
    let check = check.json("quicprochat.check/1");
    assert_eq!(check["ok"], false);
    assert!(check["report"].as_str().is_some_and(|text| text.contains("no_such_key")), "{check}");
    std::fs::write(&file, "").expect("the directory is ours");
    anna.qpc(&format!("config check {}", file.display())).exits(0);
}

// CLI-44
#[test]
fn a_signed_receipt_convinces_a_third_party() {
    let [anna, _, carla] = &line_of_three();
    carla.qpc(&format!("contacts add anna {}", anna.address)).exits(0);
    let sent = anna.json(&format!("send {} paid --proof --wait 20", carla.address));
    let id = sent["id"].as_str().expect("an id");
    let at = |name: &str| anna.dir.path().join(name).display().to_string();
    let (receipt, paid, other) = (at("receipt"), at("paid"), at("other"));
    until("a signed receipt", || anna.qpc(&format!("proof show {id} -o {receipt}")).code == 0);
    std::fs::write(&paid, "paid").expect("the directory is ours");
    std::fs::write(&other, "paid twice").expect("the directory is ours");
    let verify = |payload| {
        run(
            Path::new("/nonexistent"),
            &format!("--json proof verify {receipt} --payload {payload}"),
        )
    };
    let proof = verify(&paid).exits(0).json("quicprochat.proof/1");
    assert_eq!((&proof["from"], &proof["to"]), (&json!(anna.address), &json!(carla.address)));
    assert_eq!(proof["valid"], true);
    verify(&other).exits(1);
}

/// The stages of a probe with whether they hold.
fn stages(probe: &Value) -> Vec<(&str, Option<bool>)> {
    let stages = probe["stages"].as_array().expect("a list");
    stages.iter().map(|s| (s["stage"].as_str().expect("text"), s["ok"].as_bool())).collect()
}

// CLI-45, CLI-76
#[test]
fn a_probe_says_which_stage_fails() {
    let [anna, ben, carla] = &line_of_three();
    let probe = anna.json(&format!("probe {}", carla.address));
    assert_eq!(probe["ok"], true, "{probe}");
    let all = ["identity", "discovery", "path", "link", "round-trip"];
    assert_eq!(stages(&probe), all.map(|stage| (stage, Some(true))));
    let place = anna.json(&format!("probe {}", carla.listening()));
    assert_eq!(place["ok"], true, "{place}");
    assert!(place["stages"][3]["detail"].as_str().expect("text").contains(&carla.address));
    assert_eq!(anna.json("links list")["links"].as_array().map(Vec::len), Some(2), "no new link");

    let failing = |line: &str| {
        let ran = anna.qpc(&format!("--json {line}")).exits(1);
        let probe = ran.json("quicprochat.probe/1");
        assert_eq!(probe["ok"], false);
        assert!(ran.error()["hint"].is_string(), "what to do is said");
        let failed = stages(&probe).into_iter().find(|(_, ok)| *ok == Some(false));
        failed.map(|(stage, _)| stage.to_owned())
    };
    assert_eq!(failing("probe nobody").as_deref(), Some("identity"));
    assert_eq!(failing(&format!("probe {}", anna.address)).as_deref(), Some("identity"));
    assert_eq!(failing(&format!("probe {}", "0".repeat(32))).as_deref(), Some("path"));
    assert_eq!(failing("probe tcp://127.0.0.1:1").as_deref(), Some("path"));
    assert_eq!(failing(&format!("probe {}", anna.listening())).as_deref(), Some("link"));
    let alone = Daemon::start();
    let probe = alone.qpc(&format!("probe {}", ben.address)).exits(1);
    assert!(probe.out.contains("discovery  failed"), "{}", probe.out);
    assert!(probe.out.contains("round-trip not tried"), "{}", probe.out);
    assert!(probe.err.contains("qpc netcheck"), "{}", probe.err);
}

// CLI-28, CLI-58
#[test]
fn a_ping_says_over_which_link_it_went() {
    let [anna, ben, carla] = &line_of_three();
    let ping = anna.json(&format!("ping {} -c 1", carla.address));
    assert_eq!((&ping["medium"], &ping["uri"]), (&json!("tcp"), &json!(ben.listening())));
    let text = anna.qpc(&format!("ping {} -c 1", carla.address)).exits(0).out;
    assert!(text.contains(&format!("(tcp, direct, {})", ben.listening())), "{text}");
}

// CLI-28, CLI-45, CLI-58, CLI-76
#[test]
fn endpoints_are_probed_and_pinged() {
    let [anna, ben] = [Daemon::start_with_endpoint(), Daemon::start_with_endpoint()];
    until("the endpoints are bound", || {
        [&anna, &ben].iter().all(|daemon| endpoint(daemon).contains("addr="))
    });
    let way = endpoint(&ben);
    let probe = anna.json(&format!("probe {way}"));
    assert_eq!(probe["ok"], true, "{probe}");
    assert!(probe["stages"][3]["detail"].as_str().expect("text").contains(&ben.address));
    assert_eq!(anna.json("peers")["peers"], json!([]), "no link was made");

    // Another endpoint at the right place; nobody at all.
    let (_, place) = way.split_once('?').expect("it has an address");
    let other = endpoint(&anna);
    let (name, _) = other.split_once('?').expect("it has an address");
    for wrong in [format!("iroh://{}?{place}", "17".repeat(32)), format!("{name}?{place}")] {
        let failed = anna.qpc(&format!("--json probe {wrong}")).exits(1);
        let stages = failed.json("quicprochat.probe/1")["stages"].clone();
        assert!(stages.as_array().expect("a list").iter().any(|stage| stage["ok"] == false));
    }

    anna.qpc(&format!("links add {way}")).exits(0);
    until("the link is up", || anna.json("peers")["peers"] != json!([]));
    let ping = anna.json(&format!("ping {} -c 1", ben.address));
    assert_eq!((&ping["medium"], &ping["link_path"]), (&json!("iroh"), &json!("direct")));
    let text = anna.qpc(&format!("ping {} -c 1", ben.address)).exits(0).out;
    assert!(text.contains("(iroh, direct, iroh://"), "{text}");
}

fn endpoint(daemon: &Daemon) -> String {
    daemon.json("whoami")["iroh"].as_str().unwrap_or_default().to_owned()
}

// CLI-46, CLI-77
#[test]
fn netcheck_says_how_a_node_is_connected() {
    let [anna, ben, _] = &line_of_three();
    let check = anna.json("netcheck");
    assert_eq!(check["listening"], json!([anna.listening()]));
    assert_eq!((&check["mdns"], &check["multicast"]["state"]), (&json!("off"), &json!("off")));
    assert_eq!(check["links_up"], json!({"api": 1}));
    assert_eq!((&check["multicast"]["sent"], &check["found"]), (&json!(0), &json!([])));
    let findings = check["findings"].to_string();
    assert!(findings.contains("loopback") && findings.contains("switched off"), "{findings}");
    anna.qpc("links add tcp://127.0.0.1:1").exits(0);
    until("a broken link is told", || {
        anna.json("netcheck")["findings"].to_string().contains("tcp://127.0.0.1:1 does not work")
    });
    assert!(ben.qpc("netcheck").exits(0).out.contains("look at this:"));
}

// CLI-47, CLI-78
#[test]
fn a_bundle_tells_neither_who_nor_where() {
    let [anna, ben, carla] = &line_of_three();
    anna.qpc(&format!("contacts add Grete {}", carla.address)).exits(0);
    anna.qpc("channel create Hausgemeinschaft").exits(0);
    anna.qpc("send Grete secret-of-ours --wait 20").exits(0);
    anna.qpc("links add tcp://node.example.org:7743").exits(0);
    let file = anna.dir.path().join("bundle.json");
    let line = format!("debug bundle --out {}", file.display());
    let ran = anna.qpc(&line).exits(2);
    assert!(ran.err.contains("--yes") && !file.exists(), "nobody said yes: {}", ran.err);
    let written = anna.json(&format!("{line} --yes"));
    assert_eq!(written["file"], json!(file.display().to_string()));
    let text = std::fs::read_to_string(&file).expect("it was written");
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&file.metadata().expect("there").permissions());
    assert_eq!(mode & 0o777, 0o600);
    let dir = anna.dir.path().display().to_string();
    let secrets = [&*anna.address, &ben.address, &carla.address, &dir];
    for secret in
        secrets.into_iter().chain(["Grete", "Hausgemeinschaft", "secret-of-ours", "example"])
    {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
    let bundle: Value = serde_json::from_str(&text).expect("it is JSON");
    assert_eq!(bundle["schema"], "quicprochat.support/1");
    assert_eq!(bundle["status"]["peers"], 1);
    assert!(bundle["log"].as_array().is_some_and(|log| !log.is_empty()), "{text}");
    assert!(bundle["metrics"]["quicprochat_peers"].is_number());
    anna.qpc(&format!("{line} --yes")).exits(1);
    let shown = anna.qpc("debug bundle --out -").exits(0).out;
    let shown: Value = serde_json::from_str(&shown).expect("it is JSON");
    assert_eq!(shown["schema"], "quicprochat.support/1");
}
