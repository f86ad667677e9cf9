//! Peers in the field, asked the same questions by the scripts in `tests/benches/peers`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// Where the peers are, if they are there.
#[derive(Debug, Default)]
pub(crate) struct Peers {
    /// A Python with `rns`.
    pub(crate) python: Option<PathBuf>,
    /// dtn7's daemon.
    pub(crate) dtnd: Option<PathBuf>,
}

impl Peers {
    /// What `reticulum.py` answers; null when rns is not there or fails.
    pub(crate) fn reticulum(&self, arguments: &[&str]) -> Value {
        let Some(python) = &self.python else { return Value::Null };
        let mut command = Command::new(python);
        command.arg(script("reticulum.py"));
        ask(command.args(arguments))
    }

    /// What `dtn7.py` answers; null when dtn7 is not there or fails.
    pub(crate) fn dtn7(&self, arguments: &[&str]) -> Value {
        let Some(dtnd) = &self.dtnd else { return Value::Null };
        let mut command = Command::new("python3");
        command.arg(script("dtn7.py")).arg(dtnd);
        ask(command.args(arguments))
    }
}

/// A figure of an answer with its unit; a dash when there is none.
pub(crate) fn figure(answer: &Value, key: &str, digits: usize, unit: &str) -> String {
    match answer[key].as_f64() {
        Some(value) => format!("{value:.digits$}{unit}"),
        None => "–".into(),
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(name)
}

fn ask(command: &mut Command) -> Value {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let Ok(output) = output else { return Value::Null };
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().rev().find_map(|line| serde_json::from_str(line).ok()).unwrap_or(Value::Null)
}
