//! What a daemon says about people to those who read its logs and metrics: nothing (`ATK-10`).

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

use crate::rig::{Client, Daemon, Home, block_on, until};

/// Words that name a person or what they said, in every form in which they could be written.
struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// `what` names the secret in a finding; it is looked for as it is, in lower case, and without
    /// the groups in which addresses are printed.
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 8, "{what} is too short to be looked for");
        let plain: String = secret.chars().filter(char::is_ascii_alphanumeric).collect();
        for form in [secret.to_owned(), secret.to_lowercase(), secret.to_uppercase(), plain] {
            self.0.push((what.to_owned(), form));
        }
    }

    /// Bytes in the forms in which bytes are printed.
    fn add_bytes(&mut self, what: &str, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.add(what, &hex);
        self.0.push((what.to_owned(), format!("{bytes:?}")));
    }

    /// What of it stands in a text.
    fn found_in(&self, text: &str) -> Vec<String> {
        let lower = text.to_lowercase();
        let stands = |form: &str| text.contains(form) || lower.contains(&form.to_lowercase());
        let found = self.0.iter().filter(|(_, form)| stands(form));
        found.map(|(what, form)| format!("{what} as {form:?}")).collect()
    }
}

fn talkative(home: &Home) -> Daemon {
    let mut command = home.command(&["--log-level", "trace"]);
    command.env("QPC_METRICS_LISTEN", format!("unix:{}", home.path().join("metrics").display()));
    Daemon::spawn(home, command)
}

fn metrics(home: &Path) -> String {
    let mut stream = UnixStream::connect(home.join("metrics")).expect("it listens");
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
    let mut page = String::new();
    stream.read_to_string(&mut page).expect("it answers");
    page
}

/// A conversation with everything that could be logged: messages, a ping, a contact, a lookup, a
/// message to nobody, and a neighbour that goes.
async fn converse(a: &Client, b: &Client, to: &str, nobody: &str) {
    a.connect_to(b).await;
    for text in ["sehr geheime Nachricht", "noch eine geheime Nachricht"] {
        a.send(to, text).await;
    }
    until(|| async { b.inbox().await.len() == 2 }).await;
    a.send(nobody, "geheimnis fuer niemanden").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// ATK-10: at their most talkative, through a conversation, a kill and a new start.
#[test]
fn atk_10_logs_and_metrics_name_nobody() {
    let homes = [Home::new(), Home::new()];
    let nobody = mesh::Address::from_bytes([0x5a; 16]);
    let mut secrets = Secrets(Vec::new());
    let texts = ["sehr geheime Nachricht", "noch eine geheime", "geheimnis fuer niemanden"];
    let (logs, pages) = block_on(async {
        let daemons = [talkative(&homes[0]), talkative(&homes[1])];
        let clients = [daemons[0].client().await, daemons[1].client().await];
        for (name, daemon) in ["the first daemon", "the second"].into_iter().zip(&daemons) {
            secrets.add(name, &daemon.address);
            let address: mesh::Address = daemon.address.parse().expect("an address");
            secrets.add_bytes(name, address.as_bytes());
        }
        secrets.add("nobody", &nobody.to_string());
        secrets.add_bytes("nobody", nobody.as_bytes());
        texts.iter().for_each(|text| secrets.add("a message", text));
        converse(&clients[0], &clients[1], &daemons[1].address, &nobody.to_string()).await;
        let pages = homes.each_ref().map(|home| metrics(home.path()));
        let [first, second] = daemons;
        first.kill();
        tokio::time::sleep(Duration::from_millis(300)).await;
        let again = talkative(&homes[0]);
        assert!(again.ready.starts_with("ready address="));
        until(|| async { !again.log().is_empty() }).await;
        ([again.log(), second.log()], pages)
    });
    for (what, text) in [("log", &logs), ("metrics", &pages)] {
        for text in text {
            assert!(!text.is_empty(), "there is no {what}");
            let found = secrets.found_in(text);
            assert!(found.is_empty(), "the {what} names {found:?}:\n{text}");
        }
    }
    assert!(logs[0].contains("link"), "it does say something:\n{}", logs[0]);
}

/// The scan finds what is planted, in whatever form.
#[test]
fn atk_10_a_planted_leak_is_found() {
    let address = mesh::Address::from_bytes([0xc4; 16]);
    let mut secrets = Secrets(Vec::new());
    secrets.add("a friend", &address.to_string());
    secrets.add_bytes("a friend", address.as_bytes());
    secrets.add("a message", "geheime Nachricht");
    let clean = "INFO link 1 up\nquicprochat_peers 1\n";
    assert_eq!(secrets.found_in(clean), [] as [&str; 0]);
    let plain: String = address.to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let planted = [
        address.to_string(),
        address.to_string().to_uppercase(),
        plain,
        "c4".repeat(16),
        "C4".repeat(16),
        format!("{:?}", address.as_bytes()),
        "GEHEIME NACHRICHT".into(),
    ];
    for leak in planted {
        let text = format!("{clean}DEBUG sent to {leak}\n");
        assert!(!secrets.found_in(&text).is_empty(), "{leak} is not found");
    }
}
