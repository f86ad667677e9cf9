//! Asking a daemon through `qpc`.

use std::{
    io::{self, Read},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

use super::{Daemon, eventually};

/// `qpc` did not succeed.
#[derive(Debug)]
pub struct Failure {
    /// Its exit code; `None` when it was killed because it took too long.
    pub code: Option<i32>,
    /// What it said.
    pub text: String,
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self { code: None, text: error.to_string() }
    }
}

impl Daemon {
    /// Runs `qpc` against this daemon and returns its standard output.
    ///
    /// # Errors
    ///
    /// `qpc` fails, or takes longer than two minutes.
    pub fn qpc_text(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut child = Command::new(self.qpc_program())
            .arg("--socket")
            .arg(self.socket())
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::of(&error))?;
        let out = read_all(child.stdout.take().expect("standard output is a pipe"));
        let err = read_all(child.stderr.take().expect("standard error is a pipe"));
        let ended = eventually_soon(|| child.try_wait().ok().flatten());
        if ended.is_none() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
        match ended {
            Some(status) if status.success() => Ok(out),
            _ => Err(Failure { code: ended.and_then(|status| status.code()), text: err + &out }),
        }
    }

    /// Runs `qpc --json` against this daemon.
    ///
    /// # Errors
    ///
    /// As [`Daemon::qpc_text`], or the output is not JSON.
    pub fn qpc(&self, arguments: &[&str]) -> Result<Value, Failure> {
        let mut all = vec!["--json"];
        all.extend(arguments);
        let text = self.qpc_text(&all)?;
        serde_json::from_str(&text)
            .map_err(|error| Failure { code: Some(0), text: format!("{error} in {text:?}") })
    }

    /// Sends a text; the id of the *accepted* message.
    ///
    /// # Errors
    ///
    /// As [`Daemon::qpc_text`].
    pub fn send(&self, to: &str, text: &str) -> Result<String, Failure> {
        Ok(self.qpc_text(&["send", to, text])?.trim().to_owned())
    }

    /// Sends a text and waits for the receipt.
    ///
    /// # Errors
    ///
    /// As [`Daemon::qpc_text`]; code 4 when no receipt came within the time.
    pub fn send_and_wait(&self, to: &str, text: &str, seconds: u32) -> Result<(), Failure> {
        self.qpc_text(&["send", to, text, "--wait", &seconds.to_string()]).map(drop)
    }

    /// What is in the inbox after the message `since`: ids and texts, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Daemon::qpc`].
    pub fn inbox(&self, since: Option<&str>) -> Result<Vec<(String, String)>, Failure> {
        let mut arguments = vec!["inbox"];
        arguments.extend(since.iter().flat_map(|since| ["--since", *since]));
        let answer = self.qpc(&arguments)?;
        let messages = answer["messages"].as_array().cloned().unwrap_or_default();
        Ok(messages
            .iter()
            .map(|message| (text_of(&message["id"]), text_of(&message["text"])))
            .collect())
    }
}

/// A JSON string's text; empty for anything else.
pub fn text_of(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn read_all(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // A pipe that breaks has given what there was.
        let _ = from.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

fn eventually_soon<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    // Most calls take milliseconds: look often at first.
    for _ in 0..100 {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        thread::sleep(Duration::from_millis(2));
    }
    eventually(CALL_WITHIN, ask)
}

const CALL_WITHIN: Duration = Duration::from_secs(120);
