//! The three sources, their problems, and the documents that describe the keys.

use super::*;

const EXAMPLE: &str = include_str!("../../qpcd.example.toml");
const ENV_EXAMPLE: &str = include_str!("../../.env.example");

fn paths() -> Paths {
    Paths {
        config: "/nowhere/qpcd.toml".into(),
        data_dir: "/data".into(),
        socket: "/run/qpcd.sock".into(),
    }
}

fn load(text: &str, env: &'static [(&'static str, &'static str)]) -> Result<Config, Vec<String>> {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("qpcd.toml");
    fs::write(&file, text).expect("writable");
    let sources = Sources { file: Some(file.clone()), flags: Vec::new() };
    let env =
        |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::load_with(&paths(), &sources, &env).map_err(|problems| {
        let dir = format!("{}/", dir.path().display());
        problems.iter().map(|problem| problem.to_string().replace(&dir, "")).collect()
    })
}

/// `CFG-01`
#[test]
fn later_sources_win() {
    let config = load("name = \"file\"\n[log]\nlevel = \"warn\"\n", &[("QPC_NAME", "environment")])
        .expect("both hold");
    assert_eq!(config.name, "environment");
    assert_eq!(config.log_level, Level::Warn);
    let flags = vec![("--name".into(), "name", Value::Text("flag".into()))];
    let sources = Sources { file: None, flags };
    let config = Config::load_with(&paths(), &sources, &|_| None).expect("holds");
    assert_eq!(config.name, "flag");
}

/// `CFG-03`
#[test]
fn problems_name_file_line_key_and_what_is_allowed() {
    let problems = load(
        "name = 7\n\n[tcp]\nlisten = [\"nonsense\"]\nlisen = []\n\n[relay]\nquota_mib = 0\n",
        &[],
    )
    .expect_err("four problems");
    let names: Vec<&str> = KEYS.iter().map(|row| row.name).collect();
    assert_eq!(
        problems,
        [
            "qpcd.toml:1: name: 7 is not allowed here; allowed: up to 64 bytes of text".into(),
            "qpcd.toml:4: tcp.listen: [\"nonsense\"] is not allowed here; allowed: a list of at \
             most 64 \"ADDRESS:PORT\""
                .into(),
            format!("qpcd.toml:5: tcp.lisen: there is no such key; allowed: {}", names.join(", ")),
            "qpcd.toml:8: relay.quota_mib: 0 is not allowed here; allowed: 1 to 65536".into(),
        ]
    );
}

/// `CFG-03`
#[test]
fn broken_toml_names_the_line() {
    let problems = load("name = \"a\"\nsocket = \n", &[]).expect_err("no value");
    assert!(problems[0].starts_with("qpcd.toml:2: "), "{problems:?}");
}

/// `CFG-02`
#[test]
fn problems_in_the_environment_name_the_variable() {
    let problems = load("", &[("QPC_LOG_LEVEL", "loud")]).expect_err("no such level");
    assert!(problems[0].starts_with("QPC_LOG_LEVEL: log.level: \"loud\""), "{problems:?}");
}

/// `CFG-05`
#[test]
fn secrets_are_never_shown() {
    let problems = load("[network]\nkey = \"topsecret\"\n", &[]).expect_err("no key");
    assert!(!problems[0].contains("topsecret"), "{problems:?}");
    let config =
        load("[network]\nname = \"n\"\npassphrase = \"topsecret phrase\"\n", &[]).expect("holds");
    assert!(config.show().all(|(_, value)| !value.contains("topsecret")));
    assert!(!format!("{config:?}").contains("topsecret"));
}

/// `CFG-03`
#[test]
fn a_named_file_must_exist() {
    let sources = Sources { file: Some("/nowhere/at/all.toml".into()), flags: Vec::new() };
    let problems = Config::load_with(&paths(), &sources, &|_| None).expect_err("not there");
    assert!(problems[0].to_string().starts_with("/nowhere/at/all.toml: "));
    Config::load_with(&paths(), &Sources::default(), &|_| None)
        .expect("the default may be missing");
}

#[test]
fn relative_paths_are_beside_the_file() {
    let config = load("data_dir = \"state\"\n", &[]).expect("holds");
    assert!(config.data_dir.is_absolute() && config.data_dir.ends_with("state"));
}

/// `CFG-06`: the example shows every key with its default, and holds when they are uncommented.
#[test]
fn example_file_is_complete_and_holds() {
    let mut section = String::new();
    let mut shown = Vec::new();
    let mut uncommented = String::new();
    for line in EXAMPLE.lines() {
        let line = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        }
        if !line.starts_with('#')
            && let Some((name, value)) = line.split_once(" = ")
        {
            shown.push((format!("{section}{name}"), value.to_owned()));
        }
        uncommented.push_str(line);
        uncommented.push('\n');
    }
    let expected: Vec<(String, String)> =
        KEYS.iter().map(|row| (row.name.to_owned(), row.default.to_owned())).collect();
    assert_eq!(shown, expected);
    for row in KEYS {
        assert!(EXAMPLE.contains(row.help), "{}: {}", row.name, row.help);
    }
    load(&uncommented, &[]).expect("the example holds");
    load(EXAMPLE, &[]).expect("the commented example holds");
}

/// `CFG-06`
#[test]
fn example_environment_is_complete() {
    for row in KEYS {
        let variable = env::variable(row.name);
        let line = format!("#{variable}=");
        assert!(ENV_EXAMPLE.lines().any(|l| l.starts_with(&line)), "{variable} is missing");
    }
    let lines = ENV_EXAMPLE.lines().filter(|line| line.starts_with("#QPC_"));
    assert_eq!(lines.count(), KEYS.len() + 1, "QPC_CONFIG and one variable a key");
}

/// `DSC-26`
#[test]
fn discovery_is_configured() {
    let text = "[discovery]\nmdns = false\ngroup = \"[ff02::1234]:1\"\nonly_on = [\"br-*\"]\n\
                next_node = \"tcp://[fd00::1]:7743\"\n";
    let config = load(text, &[("QPC_DISCOVERY_NEVER_ON", "wg0,tun*")]).expect("holds");
    assert!(!config.discovery.mdns && config.discovery.multicast);
    assert_eq!(config.discovery.group.to_string(), "[ff02::1234]:1");
    assert_eq!(config.discovery.only_on, ["br-*"]);
    assert_eq!(config.discovery.never_on, ["wg0", "tun*"]);
    for bad in [
        "group = \"[ff05::1]:7744\"",
        "group = \"[fe80::1]:7744\"",
        "group = \"[ff02::1]:0\"",
        "group = \"224.0.0.251:5353\"",
        "next_node = \"example.org\"",
        "only_on = [\"\"]",
        "never_on = [\"an interface with a long name\"]",
    ] {
        load(&format!("[discovery]\n{bad}\n"), &[]).expect_err(bad);
    }
}

/// `MBX-07`
#[test]
fn mailboxes_are_configured() {
    let address = "00112233445566778899aabbccddeeff";
    let text = format!("[messages]\nmailbox = \"{address}\"\n[relay]\nmailbox = false\n");
    let config = load(&text, &[]).expect("holds");
    assert_eq!(config.mailbox.map(|node| node.to_string()).as_deref(), Some(address));
    assert!(!config.relay_mailbox && config.relay_store);
    assert_eq!(load("[messages]\nmailbox = \"\"\n", &[]).expect("holds").mailbox, None);
    load("[messages]\nmailbox = \"the attic\"\n", &[]).expect_err("no address");
}
