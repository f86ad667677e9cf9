//! The configuration of a running daemon.

use std::{fs, process::Command};

use crate::rig::{Home, block_on, until};

fn check(config: &str) -> (bool, String) {
    let home = Home::new();
    let file = home.path().join("qpcd.toml");
    fs::write(&file, config).expect("room");
    let output = Command::new(env!("CARGO_BIN_EXE_qpcd"))
        .env_clear()
        .args(["--check-config", "--config"])
        .arg(&file)
        .output()
        .expect("qpcd starts");
    let error = String::from_utf8_lossy(&output.stderr);
    (output.status.success(), error.replace(&home.path().display().to_string(), "DIR"))
}

/// `CFG-03`
#[test]
fn check_config_names_file_line_and_key() {
    assert_eq!(check("name = \"x\"\n"), (true, String::new()));
    let (holds, error) = check("[log]\nlevel = \"loud\"\n");
    assert!(!holds);
    assert!(error.contains("DIR/qpcd.toml:2: log.level: \"loud\" is not allowed"), "{error}");
    assert!(error.contains("\"debug\""), "{error}");
}

/// `CFG-03`: a daemon does not start on a guess.
#[test]
fn wrong_configuration_is_fatal() {
    let home = Home::new();
    let file = home.path().join("qpcd.toml");
    fs::write(&file, "[tcp]\npeers = [\"carrier pigeon\"]\n").expect("room");
    let (status, error) = home.run_to_end(&["--config", &file.display().to_string()]);
    assert!(!status.success());
    assert!(error.contains("qpcd.toml:2: tcp.peers"), "{error}");
}

/// `CFG-05`, `API-04`
#[test]
fn effective_configuration_is_shown_without_secrets() {
    block_on(async {
        let home = Home::new();
        let mut command = home.command(&["--name", "kitchen"]);
        let key = "5".repeat(64);
        command.env("QPC_NETWORK_KEY", &key).env("QPC_RELAY_QUOTA_MIB", "9");
        let daemon = crate::rig::Daemon::spawn(&home, command);
        let config = daemon.client().await.daemon().await.config_get().await.expect("answered");
        assert_eq!(config["name"], "kitchen");
        assert_eq!(config["relay.quota_mib"], "9");
        assert_eq!(config["network.key"], "(set)");
        assert!(!format!("{config:?}{}", daemon.log()).contains(&key));
    });
}

/// `CFG-08`: SIGHUP adds and removes links without a restart; nonsense changes nothing.
#[test]
fn sighup_applies_links() {
    block_on(async {
        let (home, other) = (Home::new(), Home::new());
        let neighbour = other.start();
        let uri = neighbour.client().await.uri().await;
        let file = home.path().join("qpcd.toml");
        fs::write(&file, "").expect("room");
        let daemon = home.start_with(&["--config", &file.display().to_string()]);
        let client = daemon.client().await;
        fs::write(&file, format!("[tcp]\npeers = [\"{uri}\"]\n")).expect("room");
        daemon.signal("HUP");
        until(|| async { client.status().await.peers == 1 }).await;
        fs::write(&file, "[tcp]\npeers = 7\n").expect("room");
        daemon.signal("HUP");
        until(|| async { daemon.log().contains("kept as it was") }).await;
        assert_eq!(client.status().await.peers, 1);
        fs::write(&file, "").expect("room");
        daemon.signal("HUP");
        until(|| async { client.status().await.peers == 0 }).await;
    });
}

/// `CFG-10`: nodes with different network keys do not become neighbours.
#[test]
fn network_key_keeps_strangers_out() {
    block_on(async {
        let (home, other) = (Home::new(), Home::new());
        let mut command = home.command(&[]);
        command.env("QPC_NETWORK_KEY", "5".repeat(64));
        let daemon = crate::rig::Daemon::spawn(&home, command);
        let stranger = other.start();
        let client = stranger.client().await;
        let uri = daemon.client().await.uri().await;
        client.links().await.add(&uri).await.expect("taken");
        until(|| async {
            let links = client.links().await.list().await.expect("answered");
            links.iter().any(|link| link.uri == uri && link.error.is_some())
        })
        .await;
        assert_eq!(client.status().await.peers, 0);
    });
}
