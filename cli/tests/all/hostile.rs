//! Text from other people, on its way to a terminal (`CLI-07`).

use crate::{
    qpc::run,
    scripted::{SENT, Scripted},
};

// CLI-07
#[test]
fn no_command_lets_control_characters_of_others_through() {
    let server = Scripted::start();
    for line in [
        "status",
        "peers",
        "routes",
        "links list",
        "inbox",
        "watch -n 1",
        "trace ffffffffffffffffffffffffffffffff",
        "ping ffffffffffffffffffffffffffffffff -c 1",
        "probe tcp://192.0.2.1:7743",
        "netcheck",
        "channel list",
        "channel history news",
        "contacts list",
        "invite --list",
        "accept QPC-INVITE:ABCDEFGHIJKLMNOP",
        "requests",
        "events -n 1",
        "mesh graph",
        &format!("why {SENT}"),
    ] {
        let ran = run(&server.socket(), line).exits(0);
        for text in [&ran.out, &ran.err] {
            let bad = text.chars().find(|&character| {
                character.is_control() && !matches!(character, '\n' | '\t')
                    || matches!(character, '\u{202a}'..='\u{202e}')
            });
            assert_eq!(bad, None, "qpc {line}: {text:?}");
        }
        // A name with a line feed in it must not begin a line of its own.
        assert!(!ran.out.lines().any(|shown| shown.starts_with("root")), "qpc {line}: {}", ran.out);
    }
}

// CLI-07
#[test]
fn a_message_cannot_imitate_another_one() {
    let server = Scripted::start();
    let shown = run(&server.socket(), "inbox").exits(0).out;
    assert!(shown.contains("\n    \\x1b[31mred\n    forged line\n"), "{shown}");
    assert!(shown.contains("(2 B that are no text; --json shows them)"));
}
