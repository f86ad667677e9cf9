//! Keys from a TOML file, with the line of every problem (`CFG-03`).

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::{Config, KEYS, Problem, Value, beside};

pub(super) fn apply(config: &mut Config, path: &Path, text: &str, problems: &mut Vec<Problem>) {
    match DeTable::parse(text) {
        Err(error) => {
            let line = error.span().map_or(1, |span| line_of(text, span.start));
            problems.push(Problem {
                place: format!("{}:{line}", path.display()),
                key: String::new(),
                text: error.message().replace('\n', "; "),
            });
        }
        Ok(table) => {
            File { config, path, text, problems }.table("", table.get_ref());
        }
    }
}

struct File<'a> {
    config: &'a mut Config,
    path: &'a Path,
    text: &'a str,
    problems: &'a mut Vec<Problem>,
}

impl File<'_> {
    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        // Problems in the order of the file.
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_unstable_by_key(|(name, _)| name.span().start);
        for (name, value) in entries {
            let key = format!("{prefix}{}", name.get_ref());
            let place =
                format!("{}:{}", self.path.display(), line_of(self.text, name.span().start));
            match value.get_ref() {
                DeValue::Table(inner) if is_section(&key) => {
                    self.table(&format!("{key}."), inner);
                }
                value => self.key(&place, &key, value),
            }
        }
    }

    fn key(&mut self, place: &str, key: &str, value: &DeValue<'_>) {
        let Some(mut value) = plain(value) else {
            self.problems.push(Problem {
                place: place.into(),
                key: key.into(),
                text: "this kind of value is used nowhere; allowed: text, whole numbers, \
                       true, false, lists of text"
                    .into(),
            });
            return;
        };
        if let Value::Text(text) = &value
            && KEYS.iter().any(|row| row.name == key && row.is_path)
        {
            value = Value::Text(beside(self.path, text));
        }
        self.config.set_from(place, key, &value, self.problems);
    }
}

fn is_section(key: &str) -> bool {
    KEYS.iter().any(|row| row.name.split_once('.').is_some_and(|(section, _)| section == key))
}

fn plain(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Boolean(value) => Some(Value::Bool(*value)),
        DeValue::Integer(number) => {
            i64::from_str_radix(number.as_str(), number.radix()).ok().map(Value::Integer)
        }
        DeValue::Array(items) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Some(text.to_string()),
                _ => None,
            })
            .collect::<Option<_>>()
            .map(Value::List),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}
