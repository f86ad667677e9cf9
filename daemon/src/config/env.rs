//! Keys from the environment: `QPC_` and the key in capitals, dots as underscores (`CFG-02`).

use super::{Config, KEYS, Problem, Value};

/// The variable that sets `key`.
pub(super) fn variable(key: &str) -> String {
    format!("QPC_{}", key.replace('.', "_").to_uppercase())
}

pub(super) fn apply(
    config: &mut Config,
    env: &dyn Fn(&str) -> Option<String>,
    problems: &mut Vec<Problem>,
) {
    for row in KEYS {
        let variable = variable(row.name);
        // An empty variable counts as unset: units and shells set them so.
        if let Some(text) = env(&variable).filter(|text| !text.is_empty()) {
            config.set_from(&variable, row.name, &Value::Text(text), problems);
        }
    }
}
