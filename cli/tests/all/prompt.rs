//! Asking for a passphrase on a terminal (`CLI-35`).

use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Command, Stdio},
};

use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, tcgetattr},
};

use crate::scripted::Scripted;

/// A person in front of `qpc`.
struct Person {
    terminal: File,
    seen: String,
    child: Child,
}

impl Person {
    /// Starts `qpc` in a session of its own, on a terminal of its own.
    fn types(server: &Scripted, words: &[&str]) -> Self {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY;
        let terminal = openpt(flags).expect("there are terminals");
        grantpt(&terminal).and_then(|()| unlockpt(&terminal)).expect("it is ours");
        let name = ptsname(&terminal, Vec::new()).expect("it has a name");
        let screen = File::from(
            open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).expect("it can be opened"),
        );
        let child = Command::new("setsid")
            .args(["--wait", "--ctty", env!("CARGO_BIN_EXE_qpc")])
            .args(words)
            .env("QPC_SOCKET", server.socket())
            .stdin(Stdio::from(screen))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("setsid is part of util-linux");
        Self { terminal: File::from(terminal), seen: String::new(), child }
    }

    /// Waits for a prompt, then types.
    fn answers(&mut self, prompt: &str, keys: &str) {
        while !self.seen.ends_with(prompt) {
            let mut bytes = [0; 64];
            let count = self.terminal.read(&mut bytes).expect("qpc asks before it ends");
            self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
        }
        self.terminal.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Waits until `qpc` ended and returns its exit code.
    fn leaves(&mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

// CLI-35
#[test]
fn a_passphrase_is_asked_twice_and_never_shown() {
    let server = Scripted::start();
    let file = server.dir().join("backup");
    let mut person = Person::types(&server, &["identity", "export", &file.display().to_string()]);
    person.answers("Passphrase: ", "correct horsy\x7fe\n");
    person.answers("The same again: ", "correct horse\n");
    assert_eq!(person.leaves(), Some(0));
    assert_eq!(std::fs::read(file).expect("it was written"), b"backup under correct horse");
    assert!(!person.seen.contains("horse"), "{}", person.seen);

    let file = server.dir().join("never");
    let mut person = Person::types(&server, &["identity", "export", &file.display().to_string()]);
    person.answers("Passphrase: ", "one\n");
    person.answers("The same again: ", "another\n");
    assert_eq!(person.leaves(), Some(1));
    assert!(!file.exists());
}

// CLI-35
#[test]
fn an_interrupted_prompt_gives_the_terminal_back() {
    let server = Scripted::start();
    let mut person = Person::types(&server, &["identity", "export", "-"]);
    let echoes = |person: &Person| {
        let modes = tcgetattr(&person.terminal).expect("it is a terminal").local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    };
    assert!(echoes(&person));
    person.answers("Passphrase: ", "half a passph");
    assert!(!echoes(&person));
    person.answers("", "\x03");
    assert_eq!(person.leaves(), Some(1));
    assert!(echoes(&person));
}
